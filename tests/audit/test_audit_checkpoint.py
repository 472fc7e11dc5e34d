"""Notes and checkpoints: text comes out only of a note whose signature holds."""

from __future__ import annotations

import pytest

from gateway.audit.checkpoint import (
    COSIGNATURE,
    Checkpoint,
    Signer,
    Verifier,
    checkpoint_text,
    cosignatures,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    sign_note,
)
from gateway.audit.fault import AuditError
from gateway.audit.merkle import EMPTY_ROOT
from tests.audit.build import ORIGIN, OTHER, SIGNER, WITNESS

HEAD = Checkpoint(ORIGIN, 7, b"\x07" * 32)
TEXT = checkpoint_text(HEAD)
NOTE = sign_note(TEXT, SIGNER)
LOG = SIGNER.verifier
LINE = NOTE.removeprefix(TEXT + "\n")
MONITOR = Signer.from_seed("monitor.example", b"\x77" * 32)


def code_of(note: str, *verifiers: Verifier) -> str:
    """Return the code that a note is refused with."""
    with pytest.raises(AuditError) as caught:
        open_checkpoint(note, *(verifiers or (LOG,)))
    return caught.value.code


def test_a_signed_checkpoint_opens() -> None:
    """Its three lines come back, whoever else signed it."""
    both = NOTE + WITNESS.cosign(TEXT, 5) + MONITOR.line(TEXT)

    assert HEAD == open_checkpoint(NOTE, LOG)
    assert HEAD == open_checkpoint(both, LOG)
    assert TEXT == open_note(both, [MONITOR.verifier, LOG, WITNESS.verifier])


def test_any_byte_of_a_note_changed_is_refused() -> None:
    """No bit of text or signature is free; a note cut anywhere is none."""
    for at in range(len(NOTE)):
        for bit in (1, 2, 32):
            changed = NOTE[:at] + chr(ord(NOTE[at]) ^ bit) + NOTE[at + 1 :]
            with pytest.raises(AuditError):
                open_checkpoint(changed, LOG)
        with pytest.raises(AuditError):
            open_checkpoint(NOTE[:at], LOG)


def test_unknown_keys_are_ignored_and_alone_are_not_enough() -> None:
    """Same name and another key, another name and the same key: both are strangers."""
    stranger = OTHER.line(TEXT)

    assert HEAD == open_checkpoint(TEXT + "\n" + stranger + LINE, LOG)
    assert "key-unknown" == code_of(TEXT + "\n" + stranger)
    assert "key-unknown" == code_of(NOTE, OTHER.verifier)
    with pytest.raises(AuditError, match="known key"):
        open_note(NOTE, [])


def test_a_known_key_with_a_bad_signature_rejects_the_note() -> None:
    """Even beside a good signature of the log, and even a witness's."""
    bad_log = SIGNER.line("another text\n")
    bad_witness = WITNESS.cosign(checkpoint_text(Checkpoint(ORIGIN, 8, b"\x08" * 32)), 5)

    assert "note-invalid" == code_of(NOTE + bad_log)
    assert "note-invalid" == code_of(TEXT + "\n" + bad_log + LINE)
    assert HEAD == open_checkpoint(NOTE + bad_witness, LOG)
    with pytest.raises(AuditError, match="signature of `witness"):
        cosignatures(NOTE + bad_witness, [WITNESS.verifier])


def test_a_witness_is_not_the_log() -> None:
    """A cosignature alone opens no checkpoint, though the witness is known."""
    witnessed = TEXT + "\n" + WITNESS.cosign(TEXT, 5)

    assert "key-unknown" == code_of(witnessed, WITNESS.verifier)
    assert {"witness.example/w1": 5} == cosignatures(witnessed, [WITNESS.verifier])
    assert {} == cosignatures(NOTE, [WITNESS.verifier])


def test_a_cosignature_binds_its_time() -> None:
    """The time stands in the line and in what is signed: moved by a second it fails."""
    line = WITNESS.cosign(TEXT, 256)
    moved = WITNESS.cosign(TEXT, 257)
    mixed = line[:40] + moved[40:]

    assert line[:40] != moved[:40]
    with pytest.raises(AuditError):
        cosignatures(NOTE + mixed, [WITNESS.verifier])


def test_keys_sign_what_they_are_for() -> None:
    """A witness signs no note, a log cosigns none, and a witness cosigns checkpoints only."""
    with pytest.raises(AuditError, match="no note"):
        WITNESS.line(TEXT)
    with pytest.raises(AuditError, match="only a witness"):
        SIGNER.cosign(TEXT, 5)
    with pytest.raises(AuditError, match="three lines"):
        WITNESS.cosign("some text\n", 5)
    with pytest.raises(AuditError, match="needs a signer"):
        sign_note(TEXT)


def test_the_origin_is_the_name_of_the_key() -> None:
    """A key signs for no other log, nor for two."""
    foreign = sign_note(checkpoint_text(Checkpoint("other.example/log", 7, HEAD.root)), SIGNER)
    rotated = sign_note(TEXT, SIGNER, OTHER)

    assert "origin-wrong" == code_of(foreign)
    assert HEAD == open_checkpoint(rotated, LOG, OTHER.verifier)
    assert "origin-wrong" == code_of(sign_note(TEXT, SIGNER, MONITOR), LOG, MONITOR.verifier)


def test_at_least_16_signatures_are_read() -> None:
    """Sixty-four lines open; one more does not, and neither does a note of two megabytes."""
    others = "".join(
        Signer.from_seed(f"m{one}.example", bytes([one]) * 32).line(TEXT) for one in range(64)
    )
    lines = others.splitlines(keepends=True)

    assert HEAD == open_checkpoint(TEXT + "\n" + "".join(lines[:63]) + LINE, LOG)
    assert "note-invalid" == code_of(TEXT + "\n" + "".join(lines[:64]) + LINE)
    assert "note-invalid" == code_of("x" * (1 << 21) + "\n" + NOTE)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + "\n",
        TEXT + "\n\n",
        "\n" + LINE,
        "\n\n" + SIGNER.line("\n"),
        "a\tb\n\n" + SIGNER.line("a\tb\n"),
        NOTE + "\u2014 a AAAAAAAAx",
        NOTE[:-1] + " x\n",
        TEXT + LINE,
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "a line\n",
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\u2014 ", "\u2014  "),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("exchange", "ex\tchange"),
        NOTE.replace("7\n", "7\x00\n"),
        NOTE.replace("7\n", "7\udc80\n"),
        NOTE[:-2] + "\n",
        TEXT + "\n\u2014 a+b AAAAAAAA\n" + LINE,
        TEXT + "\n\u2014 a\u00a0b AAAAAAAA\n" + LINE,
        TEXT + "\n\u2014 a AAAA\n" + LINE,
        TEXT + "\n\u2014 a AAAAA===\n" + LINE,
        TEXT + "\n\u2014 a AAAAAAA\n" + LINE,
        TEXT + "\n\u2014 a AAAA_AAA\n" + LINE,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    """The form of C2SP signed-note, in its one spelling."""
    assert "note-invalid" == code_of(note)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\nextension\n",
        f"{ORIGIN}\n07\n{'A' * 43}=\n",
        f"{ORIGIN}\n-7\n{'A' * 43}=\n",
        f"{ORIGIN}\n+7\n{'A' * 43}=\n",
        f"{ORIGIN}\n7 \n{'A' * 43}=\n",
        f"{ORIGIN}\n\u0667\n{'A' * 43}=\n",
        f"{ORIGIN}\n{1 << 63}\n{'A' * 43}=\n",
        f"{ORIGIN}\n7\n{'A' * 42}B=\n",
        f"{ORIGIN}\n7\n{'A' * 40}\n",
        f"{ORIGIN}\n7\n{'A' * 43}=",
        f"{ORIGIN}\n7\n{'A' * 43}=\nx",
        f"\n7\n{'A' * 43}=\n",
        f"an origin\n7\n{'A' * 43}=\n",
        f"an+origin\n7\n{'A' * 43}=\n",
    ],
)
def test_a_checkpoint_is_three_lines_in_one_spelling(text: str) -> None:
    """No extension line, no second way to write a number or a root, even under a good signature."""
    with pytest.raises(AuditError) as caught:
        parse_checkpoint(text)

    assert "note-invalid" == caught.value.code
    if text.endswith("\n"):
        assert "note-invalid" == code_of(sign_note(text, SIGNER))


@pytest.mark.parametrize("text", ["", "\n", "abc", "a\tb\n", "a\rb\n", "a\udc80\n"])
def test_what_no_note_can_hold_is_not_signed(text: str) -> None:
    """An empty text, an open line, a control character, half a character."""
    with pytest.raises(AuditError, match="text"):
        sign_note(text, SIGNER)


def test_a_note_has_at_most_a_million_characters() -> None:
    """Though it be signed: a verifier reads what strangers send."""
    assert "x\n" == open_note(sign_note("x\n", SIGNER), [LOG])
    with pytest.raises(AuditError, match="too long"):
        open_note(sign_note("x" * (1 << 20) + "\n", SIGNER), [LOG])


@pytest.mark.parametrize("size", [0, 1, (1 << 63) - 1])
def test_the_limits_of_a_size(size: int) -> None:
    """From 0 to 2^63-1, and back."""
    head = Checkpoint(ORIGIN, size, EMPTY_ROOT)

    assert head == parse_checkpoint(checkpoint_text(head))


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint("", 1, EMPTY_ROOT),
        Checkpoint("a b", 1, EMPTY_ROOT),
        Checkpoint("a\nb", 1, EMPTY_ROOT),
        Checkpoint(ORIGIN, -1, EMPTY_ROOT),
        Checkpoint(ORIGIN, 1 << 63, EMPTY_ROOT),
        Checkpoint(ORIGIN, 1, EMPTY_ROOT[:31]),
    ],
)
def test_what_no_checkpoint_can_say_is_not_written(head: Checkpoint) -> None:
    """Otherwise what we write would not read back."""
    with pytest.raises(AuditError):
        checkpoint_text(head)


@pytest.mark.parametrize(
    ("name", "seed", "kind"),
    [("", b"1" * 32, 1), ("a b", b"1" * 32, 1), ("a", b"1" * 31, 1), ("a", b"1" * 32, 2)],
)
def test_a_signer_needs_a_name_a_seed_and_a_known_type(name: str, seed: bytes, kind: int) -> None:
    """Nothing is padded, and nothing is guessed."""
    with pytest.raises(AuditError):
        Signer.from_seed(name, seed, kind)


@pytest.mark.parametrize("name", ["", "a b", "a\u00a0b", "a\tb"])
def test_a_vkey_needs_a_name_that_a_note_can_hold(name: str) -> None:
    """Its id may be right: such a key signs nothing that reads back."""
    with pytest.raises(AuditError, match="name"):
        Verifier.from_vkey(Verifier(name, LOG.kind, LOG.public).vkey)


def test_one_seed_has_two_ids_for_two_types() -> None:
    """The type stands in the key id, so a log's key is not taken for a witness's."""
    witness = Signer.from_seed(ORIGIN, bytes(range(32)), COSIGNATURE)

    assert SIGNER.verifier.public == witness.verifier.public
    assert SIGNER.verifier.key_id != witness.verifier.key_id
    assert witness.verifier == Verifier.from_vkey(witness.vkey)
    assert "01" * 32 not in repr(Signer.from_seed("a", b"\x01" * 32))
