"""The key folder's first form: every key under the master itself, the signing key in a file.

It is read once, and written in today's form; the signing key's file goes when that is durable.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import SettingsError
from gateway.keys import files
from gateway.keys.names import FIRST_SIGNING
from gateway.keys.record import NAME, document

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.keys.master import Master

SIGNING_NAME: Final = "log.key"
VERSION: Final = 1


def opened(folder: Path, data: bytes, master: Master) -> dict[str, bytes] | None:
    """Return id -> key of a folder of the first form, its signing key as `signing/1`; else None.

    Raises:
        SettingsError: It is of that form, and cannot be read or opened.
    """
    value = document(data)
    keys = value.get("keys")
    if value != {"version": VERSION, "keys": keys} or not isinstance(keys, dict):
        return None
    found = {FIRST_SIGNING: _signing(folder / SIGNING_NAME)}
    for key_id, text in keys.items():
        try:
            wrapped = b64decode(text, validate=True)
        except (ValueError, TypeError) as error:
            raise SettingsError(f"key folder: `{NAME}` holds something that is no key") from error
        found[key_id] = master.unwrap(wrapped, f"accord/key-store/v1\x00{key_id}".encode())
    return found


def _signing(path: Path) -> bytes:
    try:
        key = load_pem_private_key(files.read(path), password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"key folder: `{path.name}` is not an unencrypted PEM key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"key folder: `{path.name}` is not an Ed25519 key")
    return key.private_bytes_raw()
