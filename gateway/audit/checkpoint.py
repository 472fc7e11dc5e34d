"""Signed notes, the log's checkpoints, and witnesses' cosignatures over them.

C2SP signed-note, tlog-checkpoint and tlog-cosignature, each in one spelling: what a lenient parser
would let pass twice is refused here. Text comes out only of a note whose signature holds. Section
2.2 of the log's specification.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04

MAX_SIGNATURES: Final = 64
MAX_NOTE_CHARS: Final = 1 << 20

_DASH: Final = "\u2014"
_ID_BYTES: Final = 4
_KEY_BYTES: Final = 32
_TIME_BYTES: Final = 8
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_HEX_ID = re.compile(r"[0-9a-f]{8}")


# --- Keys -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under its name: it checks the signatures of one party, of one type.

    Attributes:
        name: The key name; of a log's key, the origin.
        kind: `ED25519` for notes, `COSIGNATURE` for witnesses.
        public: 32 bytes.
    """

    name: str
    kind: int
    public: bytes

    @classmethod
    def from_vkey(cls, text: str) -> Verifier:
        """Return the verifier that `<name>+<key id>+<base64>` spells.

        Raises:
            AuditError: `key-unknown`: not of the form, of another type, or with another key's id.
        """
        parts = text.split("+", 2)
        if len(parts) != 3 or not _HEX_ID.fullmatch(parts[1]):  # noqa: PLR2004 - the form above
            raise AuditError("key-unknown", "the vkey is not of the form name+id+key")
        name, key_id, key64 = parts
        key = _base64(key64, "key-unknown", "the vkey's key is not base64")
        if not _name_ok(name):
            raise AuditError("key-unknown", "the vkey's name is empty or has a space")
        if len(key) != 1 + _KEY_BYTES or key[0] not in {ED25519, COSIGNATURE}:
            raise AuditError("key-unknown", "the vkey is of no type that is known here")
        verifier = cls(name, key[0], key[1:])
        if verifier.key_id.hex() != key_id:
            raise AuditError("key-unknown", "the vkey's id is not that of its name and key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before each signature; with the name they find the key."""
        head = self.name.encode() + b"\n" + bytes([self.kind])
        return sha256(head + self.public).digest()[:_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as officers write it down."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(bytes([self.kind]) + self.public)}"

    def check(self, text: str, signature: bytes) -> int:
        """Raise unless `signature` (without the key id) is this key's over `text`.

        Returns:
            The unix second of a cosignature, and 0 for a signature of the other type.

        Raises:
            AuditError: `note-invalid`.
        """
        message, seconds = text.encode(), 0
        if self.kind == COSIGNATURE:
            seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
            message, signature = _cosigned(seconds, text), signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise AuditError("note-invalid", f"the signature of `{self.name}` fails") from None
        return seconds


class Signer:
    """A private key under its name. It signs, and says its vkey; it never says its seed."""

    __slots__ = ("_key", "verifier")

    def __init__(self, key: Ed25519PrivateKey, verifier: Verifier) -> None:
        self._key = key
        self.verifier = verifier

    @classmethod
    def from_seed(cls, name: str, seed: bytes, kind: int = ED25519) -> Signer:
        """Return the signer of an Ed25519 seed of 32 bytes.

        Raises:
            AuditError: `key-unknown`: a name that a note cannot hold, a seed of another length, or
                another type.
        """
        if not _name_ok(name) or len(seed) != _KEY_BYTES or kind not in {ED25519, COSIGNATURE}:
            raise AuditError("key-unknown", "a signer needs a name without spaces and 32 bytes")
        key = Ed25519PrivateKey.from_private_bytes(seed)
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(key, Verifier(name, kind, public))

    @property
    def name(self) -> str:
        """The key name."""
        return self.verifier.name

    @property
    def vkey(self) -> str:
        """The public half, as officers write it down."""
        return self.verifier.vkey

    def line(self, text: str) -> str:
        """Return the signature line over a note's text.

        Raises:
            AuditError: `key-unknown`, a witness's key: `cosign` is for those.
        """
        if self.verifier.kind != ED25519:
            raise AuditError("key-unknown", "a witness's key signs no note of its own")
        return self._line(self._key.sign(text.encode()))

    def cosign(self, text: str, seconds: int) -> str:
        """Return the cosignature line over a checkpoint's three lines, at a unix second.

        Raises:
            AuditError: `key-unknown`, not a witness's key.
        """
        if self.verifier.kind != COSIGNATURE:
            raise AuditError("key-unknown", "only a witness's key cosigns")
        parse_checkpoint(text)
        signed = self._key.sign(_cosigned(seconds, text))
        return self._line(seconds.to_bytes(_TIME_BYTES, "big") + signed)

    def _line(self, signature: bytes) -> str:
        return f"{_DASH} {self.name} {_b64(self.verifier.key_id + signature)}\n"


def _cosigned(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


# --- Notes ----------------------------------------------------------------------------------------


def sign_note(text: str, *signers: Signer) -> str:
    """Return the signed note over `text`, a signature line for each signer.

    Raises:
        AuditError: `note-invalid` for a text that no note can hold, `key-unknown` without a signer.
    """
    _check_text(text)
    if not signers:
        raise AuditError("key-unknown", "a note needs a signer")
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def open_note(note: str, verifiers: Sequence[Verifier]) -> str:
    """Return the text of a note that at least one of these keys signed.

    Keys that are not among them are ignored. One among them whose signature fails rejects the note,
    whatever else stands on it.

    Raises:
        AuditError: `note-invalid`, not a note or a signature that fails; `key-unknown`, no
            signature of these keys.
    """
    text, _ = _open(note, verifiers)
    return text


def cosignatures(note: str, witnesses: Sequence[Verifier]) -> Mapping[str, int]:
    """Return name -> unix second for each of these witnesses that cosigned the note; maybe none.

    Raises:
        AuditError: `note-invalid`, as `open_note`.
    """
    text, lines = _split(note)
    seen = _signed_by(text, lines, [one for one in witnesses if one.kind == COSIGNATURE])
    return {verifier.name: seconds for verifier, seconds in seen.items()}


def _open(note: str, verifiers: Sequence[Verifier]) -> tuple[str, Mapping[Verifier, int]]:
    text, lines = _split(note)
    seen = _signed_by(text, lines, verifiers)
    if not seen:
        raise AuditError("key-unknown", "the note is not signed by a known key")
    return text, seen


def _signed_by(
    text: str, lines: Sequence[tuple[str, bytes]], verifiers: Sequence[Verifier]
) -> dict[Verifier, int]:
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    seen: dict[Verifier, int] = {}
    for name, signature in lines:
        verifier = known.get((name, signature[:_ID_BYTES]))
        if verifier is not None:
            seen[verifier] = verifier.check(text, signature[_ID_BYTES:])
    return seen


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and (key name, key id and signature) of each line, unchecked."""
    if len(note) > MAX_NOTE_CHARS:
        raise AuditError("note-invalid", "the note is too long")
    cut = note.rfind("\n\n")
    text, block = note[: cut + 1], note[cut + 2 :]
    if cut < 0 or not block.endswith("\n"):
        raise AuditError("note-invalid", "the note has no text, blank line and signature lines")
    _check_text(text)
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise AuditError("note-invalid", "the note has too many signatures")
    return text, [_signature_line(line) for line in lines]


def _signature_line(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH or not _name_ok(parts[1]):  # noqa: PLR2004 - the form
        raise AuditError("note-invalid", "a signature line is not of its form")
    signature = _base64(parts[2], "note-invalid", "a signature is not base64")
    if len(signature) <= _ID_BYTES:
        raise AuditError("note-invalid", "a signature is too short")
    return parts[1], signature


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n":
        raise AuditError("note-invalid", "a note's text is empty or does not end its last line")
    if any(char < " " and char != "\n" for char in text):
        raise AuditError("note-invalid", "a note's text has a control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise AuditError("note-invalid", "a note's text is not UTF-8") from None


def _name_ok(name: str) -> bool:
    """Say whether a note can hold this key name: no space of any script, no control, no plus."""
    return (
        bool(name)
        and "+" not in name
        and not any(unicodedata.category(char) in _UNFIT or char.isspace() for char in name)
    )


_UNFIT: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cs"})


# --- Checkpoints ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's statement: so many entries, under this root."""

    origin: str
    size: int
    root: bytes


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return the three lines of a checkpoint, ready to be signed.

    Raises:
        AuditError: `note-invalid`, what no checkpoint can say.
    """
    if not _name_ok(checkpoint.origin) or not 0 <= checkpoint.size < 1 << 63:
        raise AuditError("note-invalid", "a checkpoint needs an origin and a size")
    if len(checkpoint.root) != 32:  # noqa: PLR2004 - SHA-256
        raise AuditError("note-invalid", "a checkpoint's root is not 32 bytes")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{_b64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that exactly three lines say: no extension lines.

    Believe it only where the text comes from `open_note`.

    Raises:
        AuditError: `note-invalid`.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - three lines, each ended
        raise AuditError("note-invalid", "a checkpoint is exactly three lines")
    origin, size, root64 = lines[:3]
    if not _name_ok(origin):
        raise AuditError("note-invalid", "a checkpoint's origin is empty or has a space")
    if not _SIZE.fullmatch(size) or int(size) >= 1 << 63:
        raise AuditError("note-invalid", "a checkpoint's size is not a number in its one spelling")
    root = _base64(root64, "note-invalid", "a checkpoint's root is not base64")
    if len(root) != 32:  # noqa: PLR2004 - SHA-256
        raise AuditError("note-invalid", "a checkpoint's root is not 32 bytes")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(note: str, *verifiers: Verifier) -> Checkpoint:
    """Return the checkpoint that one of the log's keys signed; its origin is that key's name.

    Args:
        note: The signed checkpoint.
        verifiers: The log's key, and while it is being rotated the other; no witnesses.

    Raises:
        AuditError: `note-invalid`, `key-unknown`, `origin-wrong`.
    """
    logs = [verifier for verifier in verifiers if verifier.kind == ED25519]
    text, seen = _open(note, logs)
    checkpoint = parse_checkpoint(text)
    if any(verifier.name != checkpoint.origin for verifier in seen):
        raise AuditError("origin-wrong", "the checkpoint's origin is not the name of its key")
    return checkpoint


# --- Base64 ---------------------------------------------------------------------------------------


def _b64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def _base64(text: str, code: str, message: str) -> bytes:
    """Return what base64 in its one spelling says: padded, no other character, no spare bits."""
    try:
        data = a2b_base64(text.encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        raise AuditError(code, message) from None
    if _b64(data) != text:
        raise AuditError(code, message)
    return data
