"""What log and witness say to each other: one spelling, and cosignatures of those who are known."""

from __future__ import annotations

import pytest

from gateway.audit.checkpoint import COSIGNATURE, Signer, cosignatures
from gateway.audit.fault import AuditError
from gateway.audit.witness import (
    MAX_HASHES,
    MAX_LINES,
    Submission,
    cosigned,
    parse_size,
    parse_submission,
    write_submission,
)
from tests.audit.build import WITNESS, Log

NOTE = Log.begun().checkpoint()
TEXT = NOTE[: NOTE.rindex("\n\n") + 1]
LINE = WITNESS.cosign(TEXT, 1_795_211_528)
OTHER = Signer.from_seed("witness.example/w2", b"\x07" * 32, COSIGNATURE)


@pytest.mark.parametrize("count", [0, 1, MAX_HASHES])
def test_a_submission_is_read_back(count: int) -> None:
    """As many hashes as a witness takes, and no more."""
    submission = Submission(7, tuple(bytes([one]) * 32 for one in range(count)), NOTE)

    assert submission == parse_submission(write_submission(submission))


def test_a_proof_that_is_too_long_is_neither_written_nor_read() -> None:
    """63 hashes at most."""
    long = Submission(7, (bytes(32),) * (MAX_HASHES + 1), NOTE)

    with pytest.raises(AuditError, match="63"):
        write_submission(long)
    line = write_submission(Submission(7, (bytes(32),), NOTE)).split("\n")[1]
    with pytest.raises(AuditError):
        parse_submission(f"old 7\n{(line + chr(10)) * (MAX_HASHES + 1)}\n{NOTE}")


def test_the_published_form() -> None:
    """Old size, hashes, a blank line, the note as it is."""
    body = write_submission(Submission(20852014, (bytes(32),), NOTE))

    assert body == f"old 20852014\n{'A' * 43}=\n\n{NOTE}"


@pytest.mark.parametrize(
    "body",
    ["", "old 1", f"old 01\n\n{NOTE}", f"old -1\n\n{NOTE}", f"new 1\n\n{NOTE}", f"old 1\n{NOTE}",
     f"old 1\nAAAA\n\n{NOTE}", f"old 1 \n\n{NOTE}", f"old 1\n{'A' * 42}B=\n\n{NOTE}"],
)  # fmt: skip
def test_another_spelling_is_refused(body: str) -> None:
    """What a lenient reader might take two ways."""
    with pytest.raises(AuditError):
        parse_submission(body)


@pytest.mark.parametrize(
    ("body", "size"),
    [("0\n", 0), ("70000\n", 70_000), ("070\n", None), ("7", None), ("7\n\n", None), ("", None)],
)
def test_the_size_in_a_conflict(body: str, size: int | None) -> None:
    """A decimal and a newline; anything else says nothing."""
    assert size == parse_size(body)


def test_a_cosignature_is_added_once() -> None:
    """It stands behind the log's own signature, and verifies there."""
    note = cosigned(NOTE, LINE, [WITNESS.verifier])

    assert NOTE + LINE == note == cosigned(note, LINE, [WITNESS.verifier])
    assert {WITNESS.name: 1_795_211_528} == cosignatures(note, [WITNESS.verifier])


def test_what_is_not_a_known_witness_s_is_left_out() -> None:
    """Others' lines, lines that fail, lines that are none, and more lines than anybody needs."""
    keys = [WITNESS.verifier]
    other = OTHER.cosign(TEXT, 1)
    wrong = WITNESS.cosign(Log.begun().fill(9).checkpoint().rsplit("\n\n")[0] + "\n", 1)

    assert NOTE == cosigned(NOTE, other + wrong + "not a line\n", keys)
    assert NOTE + LINE == cosigned(NOTE, other + LINE + other, keys)
    assert NOTE == cosigned(NOTE, other * MAX_LINES + LINE, keys)
    assert NOTE + LINE == cosigned(NOTE, other * (MAX_LINES - 1) + LINE, keys)
    assert NOTE == cosigned(NOTE, LINE[:-1], keys)
