"""The master: the key-encryption key, behind a port of one name and two verbs.

It wraps one thing, the key of the key store, and is asked for it once at start: a token that is
slow, or is pulled out afterwards, stops nothing. Here it is 32 bytes, of a file or of an
environment variable; in `token` it never leaves a PKCS#11 token.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import SettingsError
from gateway.keys import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.ports import Entropy

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class Master(Protocol):
    """What wraps the key of the key store.

    Attributes:
        name: Which master it is, for the key store, the operator and the log. It names the key and
            gives nothing of it away.
    """

    name: str

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Return a key, wrapped and bound to what it is for."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return a key that was wrapped for the same.

        Raises:
            SettingsError: It was wrapped by another master, for something else, or was changed.
        """


class Wrap:
    """AES-256-GCM under 32 bytes, with a random nonce before what it wrapped.

    At most a few thousand keys are ever wrapped under one, far below what random nonces bear.
    """

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Return a key, wrapped and bound to what it is for."""
        nonce = self._entropy.random(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return a key that was wrapped for the same.

        Raises:
            InvalidTag, ValueError: It was not, or was changed.
        """
        return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)


class LocalMaster:
    """A master of 32 bytes that this process holds in memory."""

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self.name = "local:" + hashlib.sha256(b"accord/master-id/v1\x00" + key).hexdigest()[:8]
        self._wrap = Wrap(key, entropy)

    @classmethod
    def of_file(cls, path: Path, entropy: Entropy) -> LocalMaster:
        """Return the master that a file of mode 0600 holds in base64.

        Raises:
            SettingsError: It is missing, can be read by others, or is not 32 bytes in base64.
        """
        return cls(_decoded(files.read(path), f"key folder: `{path.name}`"), entropy)

    @classmethod
    def of_environment(
        cls, name: str, environment: Mapping[str, str], entropy: Entropy
    ) -> LocalMaster:
        """Return the master that a variable of the environment holds in base64.

        Raises:
            SettingsError: It is not set, or is not 32 bytes in base64.
        """
        text = environment.get(name)
        if not text:
            raise SettingsError(f"`keys.kek`: the environment has no variable `{name}`")
        try:
            data = text.encode("ascii")
        except UnicodeEncodeError:
            data = b"!"
        return cls(_decoded(data, f"`keys.kek`: the variable `{name}`"), entropy)

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Return a key, wrapped and bound to what it is for."""
        return self._wrap.wrap(key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return a key that was wrapped for the same.

        Raises:
            SettingsError: It was wrapped by another master, for something else, or was changed.
        """
        try:
            return self._wrap.unwrap(wrapped, bound)
        except (InvalidTag, ValueError) as error:
            raise SettingsError(
                f"key store: does not open with the master `{self.name}`"
            ) from error


def make_file(path: Path, entropy: Entropy) -> None:
    """Make a master's file, of 32 random bytes in base64; one that is there is kept.

    Raises:
        SettingsError: It cannot be made.
    """
    if not path.exists():
        files.write(path, b64encode(entropy.random(KEY_BYTES)) + b"\n")


def _decoded(data: bytes, what: str) -> bytes:
    try:
        key = b64decode(data.strip(), validate=True)
    except ValueError as error:
        raise SettingsError(f"{what} is not base64") from error
    if len(key) != KEY_BYTES:
        raise SettingsError(f"{what} is not 32 bytes")
    return key
