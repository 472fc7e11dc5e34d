"""Looking somebody up: the entries that hold one of a person's tokens.

The index is asked, and what it does not cover yet is opened; each hit is confirmed against the full
tokens in its payload, since the index keeps the first half of a token only. That somebody looks is
an entry with the person's tokens, durable before anything is opened. Sections 4.3 and 7 of the
log's specification.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.accounting import disclosure
from gateway.audit.event import Event, Said, events
from gateway.audit.fault import AuditError
from gateway.audit.subjects import INDEXED_BYTES
from gateway.errors import LogError, SettingsError
from gateway.store.reads import ENTRIES_MAX, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gateway.audit.accounting import Disclosure
    from gateway.audit.entry import Draft
    from gateway.store.desk import Desk
    from gateway.store.reads import Reads

_AT_ONCE: Final = 200
_INDEXED: Final = "SELECT indexed, size FROM log_head"
_HITS: Final = "SELECT seq FROM log_subject WHERE token IN ({})"
_ABOVE: Final = """
SELECT seq FROM log_entry
WHERE seq >= ? AND seq < ? AND k IN ('release', 'suspend', 'access', 'consent')
ORDER BY seq
"""
_ENTRIES: Final = (
    "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE seq IN ({}) ORDER BY seq"
)
_STEPS: Final = (
    "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE x IN ({}) AND k IN ('intent', 'outcome', 'recovered') ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class About:
    """What the log holds about one person.

    Attributes:
        lines: A line for each exchange that disclosed something, in the log's order.
        suspended: (time, metadata) of their `suspend` entries, in order.
        looked_up: How often they were looked up before, as far as the log remembers.
    """

    lines: tuple[Disclosure, ...]
    suspended: tuple[tuple[str, Mapping[str, Any]], ...]
    looked_up: int


class Lookup:
    """Looks people up; on the event loop.

    Args:
        desk: Takes the entry that says so.
        reads: The store.
        key: Payload keys by id; raises `SettingsError` for one that is gone.
    """

    def __init__(self, desk: Desk, reads: Reads, key: Callable[[str], bytes]) -> None:
        self._desk = desk
        self._reads = reads
        self._key = key

    async def about(self, tokens: Iterable[bytes], access: Callable[[int], Draft]) -> About:
        """Return what the log holds about a person, once an `access` entry tells who looks.

        Args:
            tokens: Of the person: each identifier under each year's key.
            access: Returns the entry's draft, given how many entries the index names.

        Raises:
            LogError: The entry is not, or may not be, durable; or what was found does not open.
        """
        wanted = frozenset(tokens)
        hits = await asyncio.to_thread(self._hits, wanted)
        await self._desk.append(access(len(hits)), "access")
        return await asyncio.to_thread(self._about, wanted)

    def _about(self, wanted: frozenset[bytes]) -> About:
        # How far the index goes is read first: what comes later is then met twice, not missed.
        indexed, size = self._reads.many(_INDEXED)[0]
        places = self._hits(wanted)
        for start in range(indexed, size, ENTRIES_MAX):
            stop = min(start + ENTRIES_MAX, size)
            places |= {int(seq) for (seq,) in self._reads.many(_ABOVE, start, stop)}
        found = [
            one for one in self._opened(_ENTRIES, sorted(places)) if wanted & set(one[2].tokens)
        ]
        by_kind: dict[str, list[tuple[int, bytes, Said]]] = defaultdict(list)
        for one, event in zip(found, _events(found), strict=True):
            by_kind[event.leaf.kind].append(one)
        return About(
            tuple(self._lines(by_kind["release"])),
            tuple((e.leaf.time, e.meta) for e in _events(by_kind["suspend"]) if e.meta is not None),
            len(by_kind["access"]),
        )

    def _hits(self, wanted: frozenset[bytes]) -> set[int]:
        """Return the entries that the index names for some tokens."""
        prefixes = sorted({token[:INDEXED_BYTES] for token in wanted})
        return {
            int(seq)
            for part in _parts(prefixes)
            for (seq,) in self._reads.many(_HITS.format(_marks(part)), *part)
        }

    def _lines(self, releases: Sequence[tuple[int, bytes, Said]]) -> Iterator[Disclosure]:
        """Yield the line of each exchange that some releases are of."""
        mine = {index for index, _, _ in releases}
        exchanges = {event.leaf.exchange_id for event in _events(releases)}
        x = sorted(bytes.fromhex(one.replace("-", "")) for one in exchanges if one is not None)
        entries = sorted([*releases, *self._opened(_STEPS, x)], key=lambda one: one[0])
        told: dict[str, list[Event]] = defaultdict(list)
        ends: dict[str, Event] = {}
        for event in _events(entries):
            exchange = event.leaf.exchange_id or ""
            if event.index in mine:
                told[exchange].append(event)
            elif event.leaf.kind != "intent":
                ends[exchange] = event
        for exchange, some in told.items():
            yield disclosure(some, ends.get(exchange))

    def _opened(
        self, statement: str, values: Sequence[int] | Sequence[bytes]
    ) -> Iterator[tuple[int, bytes, Said]]:
        """Yield (place, leaf, what it says) of entries; nothing of what was erased.

        Raises:
            LogError: A payload is not what its leaf commits to.
        """
        for part in _parts(values):
            for seq, body, key_id, sealed in self._reads.many(
                statement.format(_marks(part)), *part
            ):
                yield int(seq), bytes(body), self._said(bytes(body), key_id, sealed)

    def _said(self, body: bytes, key_id: str | None, sealed: bytes | None) -> Said:
        if key_id is None or sealed is None:
            return Said()
        try:
            key = self._key(key_id)
        except SettingsError:
            return Said()  # destroyed in its time: what it sealed is erased
        payload = unseal(key, body, bytes(sealed))
        return Said(payload.meta, payload.salt_m, payload.tokens)


def _events(entries: Iterable[tuple[int, bytes, Said]]) -> list[Event]:
    try:
        return list(events(entries))
    except AuditError as error:
        raise LogError(f"{error.code}: {error.message}") from error


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(values), _AT_ONCE):
        yield values[at : at + _AT_ONCE]


def _marks(part: Sequence[object]) -> str:
    return ", ".join("?" * len(part))
