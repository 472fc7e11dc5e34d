"""The gateway's keys: a folder that nobody else may read.

```
log.key     the log's Ed25519 signing key, PEM
kek.key     the key-encryption key, 32 bytes in base64; may lie elsewhere, on another volume
keys.json   every other key, of 32 random bytes, wrapped by AES-256-GCM under that one:
            payload/2026-11.6y          seals the log's payloads of a month and retention class
            subject/2026                keys the subject tokens of a calendar year
            pseudonym/<domain>/<period> keys the pseudonyms of a domain in its rotation period; of
                                        a domain that begins with `vault/`, the vault's indexes
```

Keys are random, since a derived key cannot be destroyed, and lie outside the log's database, since
a wrapped key in an old backup of it would come back. A new key is durable before it is used. A
missing file is an error, never a reason to make another: data under the lost key would be silently
cut off.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
import threading
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.ports import Entropy

SIGNING_NAME: Final = "log.key"
KEK_NAME: Final = "kek.key"
STORE_NAME: Final = "keys.json"

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = 1
_FORBIDDEN: Final = stat.S_IRWXG | stat.S_IRWXO
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_RETAIN = re.compile(r"p|[3-9]y|[1-9][0-9]y")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}")


class KeyFolder:
    """The keys of one gateway. Safe to use from several threads, and beside another process.

    Args:
        folder: Where the files lie.
        entropy: What new keys are made of.
        kek: The key-encryption key's file, where it is not in the folder.

    Raises:
        SettingsError: A file is missing, can be read by others, or is not what it should be.
    """

    def __init__(self, folder: Path, entropy: Entropy, kek: Path | None = None) -> None:
        self._folder = folder
        self._entropy = entropy
        self._lock = threading.RLock()
        self._kek = AESGCM(_read_kek(kek or folder / KEK_NAME))
        self._seed = _read_signing(folder / SIGNING_NAME)
        self._wrapped = self._load()
        self._open: dict[str, bytes] = {}
        self._pseudonyms: dict[tuple[str, str], tuple[str, bytes]] = {}
        self._subjects: dict[int, bytes] = {}
        self._unheard: list[str] = []
        self._made: Callable[[str], None] | None = None
        for name in self._wrapped:
            self._unwrap(name)

    @classmethod
    def create(cls, folder: Path, entropy: Entropy, kek: Path | None = None) -> KeyFolder:
        """Make a new folder of keys; no file of it may exist. An operator's own `kek` is kept.

        Raises:
            SettingsError: A file exists already.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        signing = Ed25519PrivateKey.from_private_bytes(entropy.random(_KEY_BYTES))
        pem = signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        own = kek or folder / KEK_NAME
        for path in (folder / SIGNING_NAME, folder / STORE_NAME):
            if path.exists():
                raise SettingsError(f"key folder: `{path.name}` exists already")
        if not own.exists():
            _write(own, b64encode(entropy.random(_KEY_BYTES)) + b"\n")
        _write(folder / STORE_NAME, _encode({}))
        _write(folder / SIGNING_NAME, pem)
        return cls(folder, entropy, kek)

    def signing_seed(self) -> bytes:
        """Return the 32 bytes of the log's Ed25519 key, for `checkpoint.Signer.from_seed`."""
        return self._seed

    def listen(self, made: Callable[[str], None]) -> None:
        """Call `made` with the id of each key that is made, and of those nobody heard of yet.

        It is called after the key is durable, in the thread that made it.
        """
        with self._lock:
            self._made = made
            unheard, self._unheard = self._unheard, []
        for key_id in unheard:
            made(key_id)

    # --- The log's ports --------------------------------------------------------------------------

    def payload(self, month: str, retain: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) of a month such as `2026-11` and a retention class.

        Durable if new.
        """
        if not _MONTH.fullmatch(month) or not _RETAIN.fullmatch(retain):
            raise SettingsError("a payload key needs a month and a retention class")
        key_id = f"payload/{month}.{retain}"
        return key_id, self._obtain(key_id)

    def by_id(self, key_id: str) -> bytes:
        """Return the key of an id.

        Raises:
            SettingsError: The store has no such key.
        """
        if not self.has(key_id):
            raise SettingsError(f"the key store has no key `{key_id}`")
        return self._open[key_id]

    def has(self, key_id: str) -> bool:
        """Return whether the store has the key.

        In the file too, where another process may have made it.
        """
        with self._lock:
            if key_id not in self._open:
                self._wrapped = self._load()
                if key_id in self._wrapped:
                    self._unwrap(key_id)
            return key_id in self._open

    # --- `PseudonymKeys` --------------------------------------------------------------------------

    def pseudonym(self, domain: str, period: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) for a pseudonym domain in its rotation period; durable if new.

        The id names domain and period and ends in 8 hex digits of a hash of the key: two keys
        never share one, and the key does not follow from it.
        """
        found = self._pseudonyms.get((domain, period))
        if found is None:
            if not all(map(_PART.fullmatch, (*domain.split("/"), period))):
                raise SettingsError(
                    "a pseudonym key needs a domain and a period of plain characters"
                )
            key = self._obtain(f"pseudonym/{domain}/{period}")
            mark = hashlib.sha256(b"accord/key-id/v1\x00" + key).hexdigest()[:8]
            found = self._pseudonyms[domain, period] = (f"{domain}/{period}#{mark}", key)
        return found

    def vaulted(self) -> bool:
        """Return whether an index of the vault was ever keyed: then there must be a vault."""
        with self._lock:
            return any(name.startswith("pseudonym/vault/") for name in self._wrapped)

    def subject(self, year: int) -> bytes:
        """Return the 32 bytes that key the subject tokens of a calendar year; durable if new."""
        found = self._subjects.get(year)
        if found is None:
            found = self._subjects[year] = self._obtain(f"subject/{year:04d}")
        return found

    # --- The store --------------------------------------------------------------------------------

    def _obtain(self, key_id: str) -> bytes:
        """Return a key, made where there is none."""
        with self._lock:
            found = self._open.get(key_id)
            if found is not None:
                return found
            with self._alone():
                # Another process may have made it since.
                self._wrapped = self._load()
                if key_id in self._wrapped:
                    return self._unwrap(key_id)
                key = self._entropy.random(_KEY_BYTES)
                nonce = self._entropy.random(_NONCE_BYTES)
                sealed = nonce + self._kek.encrypt(nonce, key, _bound(key_id))
                wrapped = {**self._wrapped, key_id: b64encode(sealed).decode("ascii")}
                _replace(self._folder / STORE_NAME, _encode(wrapped))
                self._wrapped = wrapped
                self._open[key_id] = key
            made = self._made
            if made is None:
                self._unheard.append(key_id)
        if made is not None:
            made(key_id)
        return key

    def _unwrap(self, key_id: str) -> bytes:
        try:
            sealed = b64decode(self._wrapped[key_id], validate=True)
            key = self._kek.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(key_id))
        except (InvalidTag, ValueError) as error:
            raise SettingsError(
                f"key store: `{key_id}` does not open with this `{KEK_NAME}`"
            ) from error
        self._open[key_id] = key
        return key

    def _load(self) -> dict[str, str]:
        data = _read(self._folder / STORE_NAME)
        try:
            store = json.loads(data)
        except ValueError as error:
            raise SettingsError(f"key folder: `{STORE_NAME}` is not JSON") from error
        keys = store.get("keys") if isinstance(store, dict) else None
        if not isinstance(keys, dict) or store != {"version": _VERSION, "keys": keys}:
            raise SettingsError(f"key folder: `{STORE_NAME}` is of no version that is known here")
        if not all(isinstance(value, str) for value in keys.values()):
            raise SettingsError(f"key folder: `{STORE_NAME}` holds something that is no key")
        return keys

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing the store."""
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _bound(key_id: str) -> bytes:
    """Return what binds a wrapped key to its name, so that two cannot be swapped."""
    return f"accord/key-store/v1\x00{key_id}".encode()


def _encode(keys: dict[str, str]) -> bytes:
    return (
        json.dumps({"version": _VERSION, "keys": keys}, sort_keys=True, indent=1).encode() + b"\n"
    )


def _read(path: Path) -> bytes:
    """Return a key file's bytes, if it is there and nobody else may read it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise SettingsError(f"key folder: `{path.name}` is missing or cannot be read") from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode) or mode & _FORBIDDEN:
            raise SettingsError(
                f"key folder: `{path.name}` can be read by others: give it mode 0600"
            )
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def _read_kek(path: Path) -> bytes:
    try:
        key = b64decode(_read(path).strip(), validate=True)
    except ValueError as error:
        raise SettingsError(f"key folder: `{path.name}` is not base64") from error
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"key folder: `{path.name}` is not 32 bytes")
    return key


def _read_signing(path: Path) -> bytes:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"key folder: `{path.name}` is not an unencrypted PEM key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"key folder: `{path.name}` is not an Ed25519 key")
    return key.private_bytes_raw()


def _write(path: Path, data: bytes) -> None:
    """Make a new file, durable, for its owner alone."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(
            f"key folder: `{path.name}` exists already or cannot be made"
        ) from error
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    _sync_folder(path)


def _replace(path: Path, data: bytes) -> None:
    """Replace a file, whole and durable, or leave it as it was."""
    fresh = path.with_name(f".{path.name}.next")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    try:
        _write(fresh, data)
        fresh.rename(path)
        _sync_folder(path)
    except OSError as error:
        raise SettingsError(f"key folder: `{path.name}` cannot be written") from error


def _sync_folder(path: Path) -> None:
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
