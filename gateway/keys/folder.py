"""The key folder: `keys.json`, which nobody else may read, under a master that may lie elsewhere.

It holds the log's signing keys, those that seal payloads by month and class, those of subject
tokens by year, those of pseudonyms. Keys are random, since a derived key cannot be destroyed, and
lie outside the log's database, since a wrapped key in an old backup of it would come back. A new
key is durable before it is used. A missing file is an error, never a reason to make another: data
under the lost key would be silently cut off.

What another process does to the folder, `accord keys` while a gateway runs, is seen by `refresh`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.errors import SettingsError
from gateway.keys import names, turn
from gateway.keys.master import LocalMaster, make_file
from gateway.keys.store import KeyStore

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.keys.master import Master
    from gateway.keys.record import Record
    from gateway.keys.store import Heard
    from gateway.ports import Entropy

KEK_NAME: Final = "kek.key"


class SigningKey(NamedTuple):
    """A key of the log's checkpoints.

    Attributes:
        seed: 32 bytes, or None once it is destroyed.
        public: Its public half.
        retired: Since when another has taken its place, or None for the one in use.
    """

    key_id: str
    seed: bytes | None
    public: bytes
    retired: dt.datetime | None


class KeyFolder:
    """The keys of one gateway. Safe to use from several threads, and beside another process.

    Args:
        folder: Where `keys.json` lies.
        entropy: What new keys are made of.
        master: What opens it; the file `kek.key` in the folder where it is left out.

    Raises:
        SettingsError: A file is missing, can be read by others, or is not what it should be.
    """

    def __init__(self, folder: Path, entropy: Entropy, master: Master | None = None) -> None:
        self._store = KeyStore(
            folder, entropy, master or LocalMaster.of_file(folder / KEK_NAME, entropy)
        )
        self._pseudonyms: dict[tuple[str, str], tuple[str, bytes]] = {}
        # The keys in use as of a record: another may be in use once the store changed.
        self._in_use: tuple[Record, dict[str, tuple[str, bytes]]] = (self._store.record, {})

    @classmethod
    def create(cls, folder: Path, entropy: Entropy, master: Master | None = None) -> KeyFolder:
        """Make a new folder of keys; there may be none in it. A file `kek.key` is kept.

        Raises:
            SettingsError: A file exists already.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if master is None:
            make_file(folder / KEK_NAME, entropy)
            master = LocalMaster.of_file(folder / KEK_NAME, entropy)
        KeyStore.create(folder, entropy, master)
        return cls(folder, entropy, master)

    # --- Signing ----------------------------------------------------------------------------------

    def signing_seed(self) -> bytes:
        """Return the 32 bytes of the log's Ed25519 key, for `checkpoint.Signer.from_seed`."""
        seed = self.signing()[0].seed
        if seed is None:
            raise SettingsError("the key store has no key that signs the exchange log")
        return seed

    def signing(self) -> tuple[SigningKey, ...]:
        """Return every key that ever signed the log's checkpoints, the one in use first."""
        with self._store.lock:
            record, opened = self._store.record, self._store.opened
        found = [
            SigningKey(
                one,
                opened.get(one),
                public,
                record.marks[one].since if one in record.marks else None,
            )
            for one, public in record.public.items()
        ]
        return tuple(sorted(found, key=lambda one: -names.place_of(one.key_id)))

    # --- The log's ports --------------------------------------------------------------------------

    def payload(self, month: str, retain: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) of a month such as `2026-11` and a retention class.

        Durable if new.
        """
        return self._newest(names.payload(month, retain))

    def subject(self, year: int) -> bytes:
        """Return the 32 bytes that key the subject tokens of a calendar year; durable if new."""
        return self._newest(names.subject(year))[1]

    def subjects(self) -> Mapping[str, bytes]:
        """Return every key that tokens of people were ever made with and that is left, by id."""
        opened = self._store.opened
        return {one: key for one, key in sorted(opened.items()) if one.startswith("subject/")}

    def by_id(self, key_id: str) -> bytes:
        """Return the key of an id.

        Raises:
            SettingsError: The store has no such key.
        """
        key = self._store.find(key_id)
        if key is None:
            raise SettingsError(f"the key store has no key `{key_id}`")
        return key

    def has(self, key_id: str) -> bool:
        """Return whether the store has the key.

        In the file too, where another process may have made it.
        """
        return self._store.find(key_id) is not None

    def state(self, key_id: str) -> str | None:
        """Return `made`, `retired`, `destroyed` or `lost`; None for a key that never was."""
        self._store.find(key_id)
        return self._store.record.state(key_id)

    def over(self, today: dt.date) -> list[str]:
        """Return the keys, of those that are left, that nothing needs any more on a day.

        Whether anything is still sealed under one, for a hold, is for the log to say.
        """
        record = self._store.record
        return sorted(one for one in record.keys if turn.over(record, one, today))

    def listen(self, heard: Heard) -> None:
        """Call `heard` with (key id, state, public half of a signing key) of every key there was.

        Then of each change, once it is durable, in the thread that made or noticed it.
        """
        self._store.listen(heard)

    # --- `PseudonymKeys` --------------------------------------------------------------------------

    def pseudonym(self, domain: str, period: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) for a pseudonym domain in its rotation period; durable if new.

        The id names domain and period and ends in 8 hex digits of a hash of the key: two keys
        never share one, and the key does not follow from it.
        """
        found = self._pseudonyms.get((domain, period))
        if found is None:
            key = self._store.obtain(names.pseudonym(domain, period))
            mark = hashlib.sha256(b"accord/key-id/v1\x00" + key).hexdigest()[:8]
            found = self._pseudonyms[domain, period] = (f"{domain}/{period}#{mark}", key)
        return found

    def vaulted(self) -> bool:
        """Return whether an index of the vault was ever keyed: then there must be a vault."""
        return any(one.startswith("pseudonym/vault/") for one in self._store.record.keys)

    # --- What an operator does --------------------------------------------------------------------

    @property
    def master(self) -> str:
        """The name of the master that opens the store now."""
        return self._store.record.master

    def states(self) -> Mapping[str, tuple[str, dt.datetime | None]]:
        """Return id -> (state, since when) of every key there ever was; `made` has no date."""
        record = self._store.record
        marks = record.marks
        return {
            one: (state, marks[one].since if one in marks else None)
            for one, state in sorted(record.states().items())
        }

    def last_day(self, key_id: str) -> dt.date | None:
        """Return the first day on which nothing needs a key any more; None where there is none."""
        return turn.last_day(self._store.record, key_id)

    def rotate(self, key_id: str, now: dt.datetime) -> str:
        """Make another key take the place of one; return its id.

        The old one stays, to open what it sealed, and a signing key to sign for 30 days more.

        Raises:
            SettingsError: The key is not the one in use, or is of no kind that rotates.
        """
        fresh: list[str] = []

        def turned(record: Record) -> Record:
            without = turn.retired(record, key_id, now)
            fresh.append(turn.following(without, key_id))
            return self._store.with_key(without, fresh[0])

        self._store.change(turned)
        return fresh[0]

    def retire(self, key_id: str, now: dt.datetime) -> None:
        """Take a payload or subject key out of use; the next use makes another.

        Raises:
            SettingsError: The key is not in use, or is of another kind.
        """
        if not names.turns(key_id):
            raise SettingsError(f"key `{key_id}`: only `rotate` takes it out of use")
        self._store.change(lambda record: turn.retired(record, key_id, now))

    def destroy(self, key_id: str, now: dt.datetime) -> None:
        """Destroy a key that nothing needs any more. Nothing brings back what is sealed under it.

        That the log has no payload left under it is the caller's to know.

        Raises:
            SettingsError: There is no such key, or its time is not over.
        """
        self._store.change(lambda record: turn.destroyed(record, key_id, now))

    def lose(self, key_id: str, now: dt.datetime) -> None:
        """Say that a key is lost: what is sealed under it will never be opened.

        Raises:
            SettingsError: The store has the key, or says already what became of it.
        """
        self._store.change(lambda record: turn.lost(record, key_id, now))

    def rewrap(self, master: Master, now: dt.datetime) -> None:
        """Put the folder under another master, every key wrapped anew.

        Every older copy of the folder is worth nothing once the old master is destroyed. A gateway
        that runs follows within ten minutes.

        Raises:
            SettingsError: It is the same master, or one of the two does not open.
        """
        self._store.rewrap(master, now)

    def refresh(self, now: dt.datetime) -> bool:
        """Look at what other processes did to the folder; return whether there was anything.

        Raises:
            SettingsError: It cannot be read, or lies beyond where this process can follow.
        """
        return self._store.refresh(now)

    def _newest(self, base: str) -> tuple[str, bytes]:
        """Return the key in use of a month and class, or of a year, made where there is none."""
        record, (seen, in_use) = self._store.record, self._in_use
        if seen is not record:
            in_use = {}
            self._in_use = (record, in_use)
        found = in_use.get(base)
        if found is None:
            key_id = turn.in_place(record, base)
            found = in_use[base] = (key_id, self._store.obtain(key_id))
        return found
