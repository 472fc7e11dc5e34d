"""The key store on disk: read, opened, changed one writer at a time, and told to whoever listens.

The master wraps one key, that of the store, and this one wraps all others. So a master is asked
once, at start, and can be changed under a gateway that runs: the store gets a new key, which
whoever holds the one before it can open for ten minutes more.
"""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import SettingsError
from gateway.keys import files, first, names, turn
from gateway.keys.master import KEY_BYTES, Wrap
from gateway.keys.record import NAME, RETIRED, Link, Mark, Record, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.keys.master import Master
    from gateway.ports import Entropy

    Heard = Callable[[str, str, bytes | None], None]

LINK: Final = dt.timedelta(minutes=10)
"""How long a process that runs may still follow the store to a new key of it."""


class KeyStore:
    """`keys.json`, open. Safe to use from several threads, and beside another process.

    Args:
        folder: Where it lies.
        entropy: What new keys are made of.
        master: What opens it.

    Attributes:
        record: What it says.
        opened: id -> key, of every key that is left.

    Raises:
        SettingsError: It is missing, can be read by others, or does not open.
    """

    def __init__(self, folder: Path, entropy: Entropy, master: Master) -> None:
        self.lock = threading.RLock()
        self.opened: dict[str, bytes] = {}
        self._folder = folder
        self._entropy = entropy
        self._master = master
        self._told: dict[str, str] = {}
        self._heard: Heard | None = None
        self._data = self._upgraded(files.read(folder / NAME))
        self.record = parse(self._data)
        self._wrap = self._store_key(self.record)
        self._open()

    @classmethod
    def create(cls, folder: Path, entropy: Entropy, master: Master) -> KeyStore:
        """Make a store with a first signing key; there may be none in the folder.

        Raises:
            SettingsError: A file exists already.
        """
        for name in (NAME, first.SIGNING_NAME):
            if (folder / name).exists():
                raise SettingsError(f"key folder: `{name}` exists already")
        keys = {names.FIRST_SIGNING: entropy.random(KEY_BYTES)}
        files.write(folder / NAME, _first_record(keys, master, entropy).encode())
        return cls(folder, entropy, master)

    def find(self, key_id: str) -> bytes | None:
        """Return a key, or None where there is none: in the file too.

        Another process may have made it there.
        """
        with self.lock:
            if key_id not in self.opened:
                self._take(files.read(self._folder / NAME))
            return self.opened.get(key_id)

    def obtain(self, key_id: str) -> bytes:
        """Return a key, made where there is none, and then durable.

        Raises:
            SettingsError: There was one, and it is gone.
        """
        with self.lock:
            found = self.opened.get(key_id)
            if found is not None:
                return found
            self._change(lambda record: self.with_key(record, key_id))
            key = self.opened[key_id]
        self.tell()
        return key

    def with_key(self, record: Record, key_id: str) -> Record:
        """Return a record with a key of this id, made where there is none.

        Raises:
            SettingsError: There was one, and it is gone.
        """
        if key_id in record.keys:
            return record
        if record.state(key_id) is not None:
            raise SettingsError(f"key `{key_id}` is gone, and is not made anew")
        key = self._entropy.random(KEY_BYTES)
        return turn.added(
            record, key_id, self._wrap.wrap(key, _bound(key_id)), _public(key_id, key)
        )

    def change(self, turned: Callable[[Record], Record]) -> None:
        """Make a change durable, to what the file says at that moment; then tell of it.

        Raises:
            SettingsError: `turned` refuses, or the file cannot be written.
        """
        self._change(turned)
        self.tell()

    def rewrap(self, master: Master, now: dt.datetime) -> None:
        """Give the store a new key, under another master, and wrap every key anew under that.

        Raises:
            SettingsError: It is the same master, or one of the two does not open.
        """
        with self.lock, files.alone(self._folder):
            self._take(files.read(self._folder / NAME))
            record, number = self.record, self.record.number + 1
            if master.name == record.master:
                raise SettingsError("the key store lies under this master already")
            key, bound = self._entropy.random(KEY_BYTES), _store_bound(number)
            fresh = Wrap(key, self._entropy)
            marks = {one: mark for one, mark in record.marks.items() if one != _kek(master.name)}
            changed = replace(
                record,
                master=master.name,
                wrapped=master.wrap(key, bound),
                number=number,
                link=Link(self._wrap.wrap(key, bound), now + LINK),
                keys={one: fresh.wrap(self.opened[one], _bound(one)) for one in record.keys},
                marks={**marks, _kek(record.master): Mark(RETIRED, now)},
            )
            # Tried before anything is written: a master that wraps and does not open is none.
            if master.unwrap(changed.wrapped, bound) != key:
                raise SettingsError("the new master does not open what it wrapped")
            self._master = master
            self._write(changed)
        self.tell()

    def refresh(self, now: dt.datetime) -> bool:
        """Look at what other processes did to the store; return whether there was anything.

        Raises:
            SettingsError: The store cannot be read, or was rewrapped beyond where this process can
                follow.
        """
        with self.lock:
            data = files.read(self._folder / NAME)
            changed = data != self._data
            self._take(data)
            link = self.record.link
        if link is not None and now >= link.until:
            self._change(lambda record: replace(record, link=None))
        if changed:
            self.tell()
        return changed

    def listen(self, heard: Heard) -> None:
        """Call `heard` with every key that there ever was, then with each change once durable."""
        with self.lock:
            self._heard = heard
            self._told = {}
        self.tell()

    def tell(self) -> None:
        """Call whoever listens with what changed since it was last called."""
        with self.lock:
            heard = self._heard
            if heard is None:
                return
            states, public = self.record.states(), self.record.public
            news = [one for one, state in states.items() if self._told.get(one) != state]
            self._told = states
        for key_id in news:
            heard(key_id, states[key_id], public.get(key_id))

    # --- The file ---------------------------------------------------------------------------------

    def _change(self, turned: Callable[[Record], Record]) -> None:
        with self.lock, files.alone(self._folder):
            self._take(files.read(self._folder / NAME))
            changed = turned(self.record)
            if changed is not self.record:
                self._write(changed)

    def _write(self, record: Record) -> None:
        data = record.encode()
        files.replace(self._folder / NAME, data)
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Take what the file says; what is open stays so, but for what is gone."""
        if data == self._data:
            return
        record = parse(data)
        if record.number != self.record.number:
            self._wrap = self._store_key(record, self.record.number)
        self._data, self.record = data, record
        self._open()

    def _open(self) -> None:
        """Open every key at once: a key that does not is found at start, and not at first use."""
        opened = {one: key for one, key in self.opened.items() if one in self.record.keys}
        for key_id, wrapped in self.record.keys.items():
            if key_id not in opened:
                try:
                    opened[key_id] = self._wrap.unwrap(wrapped, _bound(key_id))
                except (InvalidTag, ValueError) as error:
                    raise SettingsError(f"key store: `{key_id}` does not open") from error
        self.opened = opened

    def _store_key(self, record: Record, before: int = 0) -> Wrap:
        """Return the key of the store, by the master or, while it runs, by the one `before`."""
        bound, link = _store_bound(record.number), record.link
        if record.master == self._master.name:
            return Wrap(self._master.unwrap(record.wrapped, bound), self._entropy)
        if not before:
            raise SettingsError(
                f"key store: does not open with the master `{self._master.name}`, it lies under "
                f"`{record.master}`"
            )
        wrapped = b"" if link is None or record.number != before + 1 else link.wrapped
        try:
            return Wrap(self._wrap.unwrap(wrapped, bound), self._entropy)
        except (InvalidTag, ValueError) as error:
            raise SettingsError(
                "the key store lies under another master now: start again with it"
            ) from error

    def _upgraded(self, data: bytes) -> bytes:
        """Return what the file says, written in today's form where it was of the first."""
        keys = first.opened(self._folder, data, self._master)
        if keys is None:
            return data
        with files.alone(self._folder):
            data = _first_record(keys, self._master, self._entropy).encode()
            files.replace(self._folder / NAME, data)
            (self._folder / first.SIGNING_NAME).unlink()
        return data


def _first_record(keys: Mapping[str, bytes], master: Master, entropy: Entropy) -> Record:
    """Return a store of these keys, under a first key of its own."""
    key = entropy.random(KEY_BYTES)
    wrap = Wrap(key, entropy)
    record = Record(master.name, master.wrap(key, _store_bound(1)))
    for key_id, secret in keys.items():
        record = turn.added(
            record, key_id, wrap.wrap(secret, _bound(key_id)), _public(key_id, secret)
        )
    return record


def _public(key_id: str, key: bytes) -> bytes:
    """Return the public half of a signing key; nothing for others."""
    if not names.is_signing(key_id):
        return b""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def _kek(name: str) -> str:
    return f"kek/{name}"


def _bound(key_id: str) -> bytes:
    """Return what binds a wrapped key to its name, so that two cannot be swapped."""
    return f"accord/key-store/v2\x00{key_id}".encode()


def _store_bound(number: int) -> bytes:
    return f"accord/key-store/v2\x00store/{number}".encode()
