"""A log as auditors' verbs read it: that of a deployment, or an exported folder with openings.

Both give leaves and what was opened of them, and neither is believed: an event is made only of what
its leaf commits to. What is read of a deployment is covered by an `access` entry that its opener
wrote before; an export's own `access` entry is among its entries.
"""

from __future__ import annotations

from binascii import a2b_base64
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.checkpoint import Checkpoint, parse_checkpoint
from gateway.audit.entry import LEAF, commit_meta, exchange_bytes, parse_leaf
from gateway.audit.entry import unseal as unseal_payload
from gateway.audit.event import Event, Said, events
from gateway.audit.fault import AuditError
from gateway.audit.merkle import TILE_WIDTH, split_bundle, tile_width
from gateway.audit.static import OPENINGS
from gateway.auditor.folder import FolderReader, openings_of
from gateway.errors import LogError, SettingsError
from gateway.store.reads import unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from gateway.audit.beside import Opening
    from gateway.audit.entry import Leaf
    from gateway.audit.select import Selection
    from gateway.store.reads import Reads

    Wanted = Callable[[Leaf], bool]
    Told = Callable[[int], None]

PAGE: Final = 1_024
_REQUESTS: Final = frozenset({"intent", "refusal"})
_PAGE_SQL: Final = (
    "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE seq >= ? AND seq < ? ORDER BY seq"
)
_REQUESTS_SQL: Final = (
    "SELECT body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE seq >= ? AND seq < ? AND k IN ('intent', 'refusal') ORDER BY seq"
)
_COUNT_SQL: Final = (
    "SELECT count(*) FROM log_entry WHERE seq >= ? AND seq < ? AND k IN ('intent', 'refusal')"
)
_BEGAN_SQL: Final = (
    "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE x = ? AND k IN ('intent', 'refusal')"
)
_OF_SQL: Final = "SELECT seq FROM log_entry WHERE x = ? AND seq < ? ORDER BY seq"


class ReadLog(Protocol):
    """A log at one signed checkpoint.

    Attributes:
        origin: Its name.
        note: The checkpoint.
        size: How many entries that covers.
        seeks: Whether the beginning of an exchange is found without reading up to it.
    """

    origin: str
    note: str
    size: int
    seeks: bool

    def leaf(self, index: int) -> bytes:
        """Return an entry's leaf."""

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile: all 256, or those there are."""

    def opened(self, start: int, stop: int, wanted: Wanted) -> Iterator[tuple[int, bytes, Said]]:
        """Yield entries of a range in order, those that are wanted opened where they can be."""

    def began(self, exchange: str) -> tuple[int, bytes, Said] | None:
        """Return the `intent` or `refusal` of an exchange, opened where it can be."""

    def requests(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Yield each `intent` and `refusal` of a range in order: its time, and its metadata.

        Metadata is what the leaf commits to; empty where it is not to be had.

        Raises:
            LogError: What was opened is not what the leaf commits to.
        """

    def count_requests(self, start: int, stop: int) -> int:
        """Return how many `intent` and `refusal` entries a range has; nothing is opened."""

    def entries_of(self, exchange: str) -> list[int]:
        """Return where the entries of an exchange are, in order."""


def found(log: ReadLog, selection: Selection, told: Told = lambda _: None) -> Iterator[Event]:
    """Yield the events that a selection asks for, in the log's order.

    Args:
        log: Where.
        selection: Which.
        told: Told how many entries of the period were read, now and then.

    Raises:
        LogError: What was opened is not what the leaves commit to.
    """
    start, stop = period(log, selection)
    # Where nothing is indexed, beginnings are met on the way.
    start = start if log.seeks else 0

    def read() -> Iterator[tuple[int, bytes, Said]]:
        for index, data, said in log.opened(start, stop, selection.opens):
            if index % PAGE == 0:
                told(index - start)
            if selection.opens(parse_leaf(data)):
                yield index, data, said

    try:
        for event in events(read(), lambda exchange: _facts(log, exchange)):
            if selection.event(event):
                yield event
    except AuditError as error:
        raise LogError(f"{error.code}: {error.message}") from error


def period(log: ReadLog, selection: Selection) -> tuple[int, int]:
    """Return the first entry of a selection's period, and the first one after it."""

    def before(time: str) -> int:
        return bisect_left(range(log.size), time, key=lambda at: parse_leaf(log.leaf(at)).time)

    start = before(selection.first_time) if selection.first_time else 0
    return start, log.size if selection.end_time is None else before(selection.end_time)


def _facts(log: ReadLog, exchange: str) -> Mapping[str, Any]:
    began = log.began(exchange)
    if began is None:
        return {}
    (event,) = events([began])
    return event.facts


class DeployedLog:
    """The log of a deployment, up to its newest checkpoint.

    Args:
        reads: Of its store; an `access` entry that covers what is opened is durable in it.
        note: Its newest checkpoint.
        key: Payload keys by id.
    """

    seeks = True

    def __init__(self, reads: Reads, note: str, key: Callable[[str], bytes]) -> None:
        self.note = note
        checkpoint = signed(note)
        self.origin, self.size = checkpoint.origin, checkpoint.size
        self.tile = reads.tile
        self._reads = reads
        self._keys = _Keys(key)

    def leaf(self, index: int) -> bytes:
        """Return an entry's leaf."""
        (one,) = self._reads.entries(index, 1)
        return one.leaf

    def opened(self, start: int, stop: int, wanted: Wanted) -> Iterator[tuple[int, bytes, Said]]:
        """Yield entries of a range; those that are wanted are opened."""
        for first in range(start, stop, PAGE):
            for row in self._reads.many(_PAGE_SQL, first, min(first + PAGE, stop)):
                seq, body, key_id, sealed = row
                said = self._said(body, key_id, sealed) if wanted(parse_leaf(body)) else Said()
                yield int(seq), bytes(body), said

    def began(self, exchange: str) -> tuple[int, bytes, Said] | None:
        """Return the `intent` or `refusal` of an exchange, opened."""
        rows = self._reads.rows(_BEGAN_SQL, exchange_bytes(exchange))
        if not rows:
            return None
        seq, body, key_id, sealed = rows[0]
        return int(seq), bytes(body), self._said(body, key_id, sealed)

    def requests(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Yield each `intent` and `refusal` of a range, opened."""
        # A third of a million entries: a leaf is matched and not made.
        match, keys = LEAF.fullmatch, self._keys
        for first in range(start, stop, PAGE):
            rows = self._reads.many(_REQUESTS_SQL, first, min(first + PAGE, stop))
            for body, key_id, sealed in rows:
                leaf = match(body)
                if leaf is None:
                    raise LogError("the exchange log holds what is no leaf")
                m, s, time = leaf.group(3, 6, 7)
                key = keys[key_id] if sealed is not None else None
                if key is None:
                    yield time.decode("ascii"), b""
                    continue
                try:
                    s = None if s is None else a2b_base64(s)
                    payload = unseal_payload(key, sealed, a2b_base64(m), s)
                except AuditError as error:
                    raise LogError(f"{error.code}: {error.message}") from error
                yield time.decode("ascii"), payload.meta

    def count_requests(self, start: int, stop: int) -> int:
        """Return how many `intent` and `refusal` entries a range has."""
        [(count,)] = self._reads.many(_COUNT_SQL, start, stop)
        return int(count)

    def entries_of(self, exchange: str) -> list[int]:
        """Return where the entries of an exchange are."""
        rows = self._reads.rows(_OF_SQL, exchange_bytes(exchange), self.size)
        return [int(seq) for (seq,) in rows]

    def _said(self, body: bytes, key_id: str | None, sealed: bytes | None) -> Said:
        """Return what an entry says; nothing where its payload or its key is gone."""
        if sealed is None or key_id is None:
            return Said()
        key = self._keys[key_id]
        if key is None:
            return Said()
        payload = unseal(key, body, sealed)
        return Said(payload.meta, payload.salt_m, payload.tokens)


class _Keys(dict[str, bytes | None]):
    """Payload keys by id, each asked for once; None for one that is gone."""

    def __init__(self, find: Callable[[str], bytes]) -> None:
        self._find = find

    def __missing__(self, key_id: str) -> bytes | None:
        try:
            key: bytes | None = self._find(key_id)
        except SettingsError:
            # It was destroyed in its time, and `verify` tells that from one that was lost.
            key = None
        self[key_id] = key
        return key


class ExportedLog:
    """An exported folder; what it opens is in its `openings.jsonl`, without subject tokens.

    Raises:
        LogError: It has no checkpoint that can be read.
    """

    seeks = False

    def __init__(self, folder: Path) -> None:
        self._reader = FolderReader(folder)
        self._openings = folder / OPENINGS
        self.note = self._reader.checkpoint()
        checkpoint = signed(self.note)
        self.origin, self.size = checkpoint.origin, checkpoint.size
        self._bundle: tuple[int, list[bytes]] = (-1, [])

    @property
    def is_opened(self) -> bool:
        """Whether the folder says what its entries mean."""
        return self._openings.exists()

    def leaf(self, index: int) -> bytes:
        """Return an entry's leaf.

        Raises:
            LogError: Its bundle is missing or cut.
        """
        number, at = divmod(index, TILE_WIDTH)
        if self._bundle[0] != number:
            width = tile_width(0, number, self.size)
            data = self._reader.bundle(number, width)
            leaves, rest = split_bundle(data) if data is not None else ([], b"")
            if len(leaves) != width or rest:
                raise LogError(f"the exported log has no whole bundle {number}")
            self._bundle = (number, leaves)
        return self._bundle[1][at]

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile.

        Raises:
            LogError: There is no such tile.
        """
        data = self._reader.tile(level, index, tile_width(level, index, self.size))
        if data is None:
            raise LogError(f"the exported log has no tile {index} of level {level}")
        return data

    def opened(self, start: int, stop: int, wanted: Wanted) -> Iterator[tuple[int, bytes, Said]]:
        """Yield entries of a range; those that are wanted say what the openings have of them."""
        openings = openings_of(self._openings) if self.is_opened else iter(())
        near: tuple[int, Opening] | None = next(openings, None)
        for index in range(start, stop):
            while near is not None and near[0] < index:
                near = next(openings, None)
            data, said = self.leaf(index), Said()
            if near is not None and near[0] == index and wanted(parse_leaf(data)):
                said = Said(near[1].meta, near[1].salt)
            yield index, data, said
        # A file that is damaged further down was not read past in silence.
        for _ in openings:
            pass

    def began(self, exchange: str) -> tuple[int, bytes, Said] | None:
        """Return the `intent` or `refusal` of an exchange: read from the beginning on."""

        def begins(leaf: Leaf) -> bool:
            return leaf.exchange_id == exchange and _is_request(leaf)

        entries = self.opened(0, self.size, begins)
        return next((one for one in entries if begins(parse_leaf(one[1]))), None)

    def requests(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Yield each `intent` and `refusal` of a range, with what the openings have of it."""
        for index, data, said in self.opened(start, stop, _is_request):
            leaf = parse_leaf(data)
            if _is_request(leaf):
                if said.meta and commit_meta(said.salt, said.meta) != leaf.m:
                    message = f"entry {index}: `m` does not commit to what was opened"
                    raise LogError(f"commitment-mismatch: {message}")
                yield leaf.time, said.meta

    def count_requests(self, start: int, stop: int) -> int:
        """Return how many `intent` and `refusal` entries a range has: every leaf is looked at."""
        return sum(_is_request(parse_leaf(self.leaf(at))) for at in range(start, stop))

    def entries_of(self, exchange: str) -> list[int]:
        """Return where the entries of an exchange are: every leaf is looked at."""
        leaves = ((at, self.leaf(at)) for at in range(self.size))
        return [at for at, data in leaves if parse_leaf(data).exchange_id == exchange]


def _is_request(leaf: Leaf) -> bool:
    return leaf.kind in _REQUESTS


def signed(note: str) -> Checkpoint:
    """Return what a signed checkpoint says, whoever signed it.

    Raises:
        LogError: It is none.
    """
    try:
        return parse_checkpoint(note.partition("\n\n")[0] + "\n")
    except AuditError as error:
        raise LogError(f"the log's checkpoint cannot be read: {error.message}") from error
