"""A master that never leaves its PKCS#11 token: the extra `pkcs11`.

An AES-256 key on the token wraps the key of the key store with AES-GCM (CKM_AES_GCM). The token is
asked at start and when the store is rewrapped; between, no session is open.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import NoSuchKey, PKCS11Error

from gateway.errors import SettingsError
from gateway.keys.master import NONCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.keys.uri import TokenUri
    from gateway.ports import Entropy

_BITS: Final = 256
_TAG_BITS: Final = 128


class TokenMaster:
    """The master that a PKCS#11 URI names.

    Args:
        uri: Module, token and key.
        pin: The user's PIN.
        entropy: What nonces are made of.

    Raises:
        SettingsError: The module, the token, the PIN or the key is not what the URI says.
    """

    def __init__(self, uri: TokenUri, pin: str, entropy: Entropy) -> None:
        self.name = uri.name
        self._uri = uri
        self._pin = pin
        self._entropy = entropy
        with self._key():
            pass

    @classmethod
    def create(cls, uri: TokenUri, pin: str, entropy: Entropy) -> TokenMaster:
        """Make the key on its token, never to be taken out of it; one that is there is kept.

        Raises:
            SettingsError: The token does not make it.
        """
        with _session(uri, pin, rw=True) as session:
            try:
                session.get_key(object_class=ObjectClass.SECRET_KEY, label=uri.label)
            except NoSuchKey:
                kept = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
                session.generate_key(KeyType.AES, _BITS, label=uri.label, store=True, template=kept)
        return cls(uri, pin, entropy)

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Return a key, wrapped and bound to what it is for."""
        nonce = self._entropy.random(NONCE_BYTES)
        with self._key() as token_key:
            return nonce + bytes(token_key.encrypt(key, **_gcm(nonce, bound)))

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return a key that was wrapped for the same.

        Raises:
            SettingsError: It was wrapped by another key, for something else, or was changed; or the
                token does not answer.
        """
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        with self._key() as token_key:
            return bytes(token_key.decrypt(sealed, **_gcm(nonce, bound)))

    @contextmanager
    def _key(self) -> Iterator[Any]:
        with _session(self._uri, self._pin) as session:
            yield session.get_key(object_class=ObjectClass.SECRET_KEY, label=self._uri.label)


@contextmanager
def _session(uri: TokenUri, pin: str, *, rw: bool = False) -> Iterator[Any]:
    """Open a session; whatever the token says is an error of the settings, in our words.

    The text of a token's own error may hold a path, and a module's anything at all.
    """
    try:
        with (
            pkcs11.lib(uri.module)
            .get_token(token_label=uri.token)
            .open(user_pin=pin, rw=rw) as session
        ):
            yield session
    except PKCS11Error as error:
        why = type(error).__name__
        raise SettingsError(f"`keys.kek`: the token of `{uri.name}` refuses: `{why}`") from error


def _gcm(nonce: bytes, bound: bytes) -> dict[str, Any]:
    parameters = GCMParams(nonce, aad=bound, tag_bits=_TAG_BITS)
    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": parameters}
