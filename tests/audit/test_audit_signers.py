"""A log's keys: one signs, those that were rotated sign beside it for a while, all are known."""

from __future__ import annotations

import pytest

from gateway.audit.checkpoint import Checkpoint, Signer, open_checkpoint
from gateway.audit.fault import AuditError
from gateway.audit.signers import Signers, pinned

NAME = "gateway.county.example/exchange-log"
NEW, OLD, OLDER = (Signer.from_seed(NAME, bytes([n]) * 32) for n in (1, 2, 3))
STRANGER = Signer.from_seed("another.example/log", bytes(32))
SIGNERS = Signers(NEW, (OLD,), (OLDER.verifier,))
CHECKPOINT = Checkpoint(NAME, 7, bytes(32))


@pytest.mark.parametrize(
    "pins",
    [(OLD.verifier,), (NEW.verifier,), (OLD.verifier, NEW.verifier)],
    ids=["the old key", "the new key", "both"],
)
def test_whoever_pins_either_key_believes_a_checkpoint(pins: tuple[object, ...]) -> None:
    """While two sign, an agency that has not pinned the new key yet misses nothing."""
    assert CHECKPOINT == open_checkpoint(SIGNERS.note(CHECKPOINT), *pins)  # type: ignore[arg-type]


def test_a_retired_key_signs_no_more() -> None:
    """Whoever pins it alone is told that no known key signed, and what it signed stays good."""
    note = SIGNERS.note(CHECKPOINT)

    with pytest.raises(AuditError, match="known key") as refused:
        open_checkpoint(note, OLDER.verifier)
    assert "key-unknown" == refused.value.code
    assert CHECKPOINT == open_checkpoint(Signers(OLDER).note(CHECKPOINT), *SIGNERS.verifiers)


def test_one_wrong_signature_of_a_pinned_key_rejects_the_note() -> None:
    """Whatever else stands on it: an attacker with one of the two keys has not both."""
    note = SIGNERS.note(CHECKPOINT).splitlines(keepends=True)
    note[-1] = Signers(OLD).note(Checkpoint(NAME, 8, bytes(32))).splitlines(keepends=True)[-1]

    assert CHECKPOINT == open_checkpoint("".join(note), NEW.verifier)
    with pytest.raises(AuditError, match="fails"):
        open_checkpoint("".join(note), *SIGNERS.verifiers)


def test_a_text_pins_one_key_or_two() -> None:
    """With blanks or line ends between."""
    assert (NEW.verifier,) == pinned(NEW.vkey + "\n")
    assert (OLD.verifier, NEW.verifier) == pinned(f"{OLD.vkey} {NEW.vkey}")


@pytest.mark.parametrize(
    "text", ["", " \n", f"{NEW.vkey} {STRANGER.vkey}", f"{NEW.vkey} x", NEW.vkey[:-1]]
)
def test_a_text_that_pins_nothing_or_two_logs_is_refused(text: str) -> None:
    """No key is no pin, and a second log's key is none of this one."""
    with pytest.raises(AuditError):
        pinned(text)
