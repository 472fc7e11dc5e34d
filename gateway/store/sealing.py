"""Before the queue: a draft is checked, and all is drawn that its sealing takes.

What can be wrong with it is said to its caller here. The writer encloses it, which cannot fail, and
adds place and time.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.audit import entry
from gateway.audit.entry import IV_BYTES, SALT_BYTES, TOKEN_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.audit.entry import Draft, Enclosed
    from gateway.ports import Clock, Entropy


_DAY: Final = dt.timedelta(days=1)
_SALT: Final = SALT_BYTES
_IV: Final = 2 * SALT_BYTES
_RANDOM_BYTES: Final = _IV + IV_BYTES
_DRAW_ENTRIES: Final = 64
_AROUND_BYTES: Final = _RANDOM_BYTES + 4 + 16
"""Of a sealed payload, beside what is sealed: salts, iv, a length, a tag."""


_CELLS: Final = b"accord/cells/1\x00"


def unseal_cells(key: bytes, sealed: bytes, attempt: str) -> bytes:
    """Return what `Sealer.seal_cells` sealed.

    Raises:
        InvalidTag: It was changed, or is another release's.
    """
    return AESGCM(key).decrypt(sealed[:IV_BYTES], sealed[IV_BYTES:], _CELLS + attempt.encode())


class PayloadKeys(Protocol):
    """The key store, as the log needs it. Keys never leave the gateway."""

    def payload(self, month: str, retain: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) of a month such as `2026-11` and a retention class.

        Durable if new.
        """

    def by_id(self, key_id: str) -> bytes:
        """Return the key of an id that `payload` gave.

        Raises:
            SettingsError: The store has no such key.
        """

    def over(self, today: dt.date) -> Sequence[str]:
        """Return the keys, of those that are left, that nothing needs any more on a day."""

    def destroy(self, key_id: str, now: dt.datetime) -> None:
        """Destroy a key that nothing needs any more.

        Raises:
            SettingsError: There is no such key, or its time is not over.
        """

    def state(self, key_id: str) -> str | None:
        """Return `made`, `retired`, `destroyed` or `lost`; None for a key that never was."""

    def listen(self, heard: Callable[[str, str, bytes | None], None]) -> None:
        """Call `heard` with (key id, state, public half of a signing key) of every key there was.

        Then of each change, once it is durable.
        """


class Sealable(NamedTuple):
    """A draft that is an entry of its kind, with the key and the randomness that seal it.

    Whoever encloses it twice has the same bytes twice.

    Attributes:
        draft: What it will say.
        x: The 16 bytes of its exchange id, or None.
        meta: The canonical metadata.
        key_id: Of the payload key.
        key: The payload key.
        random: Two salts and an iv.
    """

    draft: Draft
    x: bytes | None
    meta: bytes
    key_id: str
    key: bytes
    random: bytes

    @property
    def salt(self) -> bytes:
        """The salt of the commitment to the metadata."""
        return self.random[:_SALT]

    @property
    def size(self) -> int:
        """About how many bytes the sealed payload has."""
        return _AROUND_BYTES + len(self.meta) + TOKEN_BYTES * len(self.draft.tokens)

    def enclose(self) -> Enclosed:
        """Return both commitments, and what they commit to, sealed."""
        random = self.random
        salts = random[:_SALT], random[_SALT:_IV]
        return entry.enclose(self.key, random[_IV:], *salts, self.meta, self.draft.tokens)


class Sealer:
    """Readies drafts for sealing under the payload key of the month and the draft's class."""

    def __init__(self, keys: PayloadKeys, clock: Clock, entropy: Entropy) -> None:
        self._keys = keys
        self._clock = clock
        self._entropy = entropy
        self._since = self._until = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._month = ""
        self._drawn: list[bytes] = []
        self._cache: dict[str, tuple[str, bytes]] = {}

    def ready(self, draft: Draft) -> Sealable:
        """Check a draft, and draw what seals it.

        Raises:
            AuditError: The draft is not an entry of its kind.
            SettingsError: The key store has lost its key.
        """
        meta, x = entry.check_draft(draft)
        key_id, key = self._key(draft.retain)
        return Sealable(draft, x, meta, key_id, key, self._random())

    def seal_cells(self, memory: bytes, retain: str, attempt: str) -> tuple[str, bytes]:
        """Return (key id, sealed) of what the record of cells keeps of one release.

        Raises:
            SettingsError: The key store has lost its key.
        """
        key_id, key = self._key(retain)
        iv = self._entropy.random(IV_BYTES)
        return key_id, iv + AESGCM(key).encrypt(iv, memory, _CELLS + attempt.encode())

    def turned(self) -> None:
        """Ask the key store again which keys are in use; from any thread."""
        self._cache = {}

    def _random(self) -> bytes:
        """Return the salts and the iv of one entry, never the same twice.

        Drawn for many entries at once: each draw lets go of the interpreter's lock, and getting it
        back costs more than all that sealing does. Taking one from the list is atomic, so two
        threads never share one.
        """
        try:
            return self._drawn.pop()
        except IndexError:
            data = self._entropy.random(_DRAW_ENTRIES * _RANDOM_BYTES)
            first, *rest = (
                data[at : at + _RANDOM_BYTES] for at in range(0, len(data), _RANDOM_BYTES)
            )
            self._drawn.extend(rest)
            return first

    def _key(self, retain: str) -> tuple[str, bytes]:
        now = self._clock.now()
        if not self._since <= now < self._until:
            self._turn(now)
        cache = self._cache
        found = cache.get(retain)
        if found is None:
            # Into the cache that was asked: one that was emptied meanwhile stays empty.
            found = cache[retain] = self._keys.payload(self._month, retain)
        return found

    def _turn(self, now: dt.datetime) -> None:
        """Look at the calendar: what it says holds for the UTC day, never past a month's end."""
        day = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._since, self._until = day, day + _DAY
        month = f"{day.year:04d}-{day.month:02d}"
        if month != self._month:
            self._month = month
            self._cache = {}
