"""One pass over the entries of a log, or of a part of it.

Each entry is read and hashed, held against the tiles and against those before it; what lies beside
it is opened; what a store derived from it is compared. A finding stops nothing, and findings come
in the order of the log. Section 8, steps 2 to 6, of the log's specification.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.audit.beside import Entry
from gateway.audit.derived import check_behind, check_columns, check_end, check_kept
from gateway.audit.entry import LEAF, parse_leaf
from gateway.audit.fault import AuditError, Finding
from gateway.audit.life import CARRIED, Lives
from gateway.audit.merkle import TILE_WIDTH, entry_bundle_path, leaf_hash, split_bundle
from gateway.audit.tree import Reader, Tree, edge_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.audit.checkpoint import Checkpoint, Verifier
    from gateway.audit.derived import Derived, Groups, Kept
    from gateway.audit.opened import Beside
    from gateway.audit.tally import Tally

CARRIED_MAX: Final = 50_000
"""Entries that a part may set aside; a log has a few for each exchange in flight."""

_TAIL: Final = 4_096
_LONG_NUMBER: Final = 16  # digits of 2^53; anything shorter is below it


class Walk:
    """One pass over the entries of a log, or of a part of it, from the first to the last.

    Args:
        reader: The log.
        served: Its checkpoint.
        held: Checkpoints that the pass will meet, the smallest first.
        beside: Payloads or openings.
        tally: Filled with counts.
        derived: A store's own rows.
        verifiers: The log's keys, for checkpoints among those rows.
        later: It is a later part of the log, and not the first.
    """

    def __init__(
        self,
        reader: Reader,
        served: Checkpoint,
        held: list[Checkpoint],
        beside: Beside,
        tally: Tally,
        *,
        derived: Derived | None = None,
        verifiers: Sequence[Verifier] = (),
        later: bool = False,
    ) -> None:
        self.tree = Tree(reader, served)
        self.lives = Lives(later=later)
        self.beside = beside
        self.tally = tally
        self.times = (b"", b"")  # of the first and of the last entry
        self.carried: list[tuple[int, Entry, dict[str, Any] | None]] = []
        self._reader = reader
        self._served = served
        self._held = held[::-1]
        self._derived = derived
        self._verifiers = verifiers
        self._shapes: set[tuple[object, ...]] = set()
        self._groups: list[Groups | None] = []

    def go_on(self, bundle: int) -> bool:
        """Begin at a bundle, with the tiles' word for the tree before it; False without one."""
        return self.tree.go_on(bundle * TILE_WIDTH)

    def run(self, part: range) -> Iterator[Finding]:
        """Walk the bundles of a part, and yield what is wrong with them, in the log's order."""
        for index in part:
            first = index * TILE_WIDTH
            found = self._bundle(index, min(TILE_WIDTH, self._served.size - first))
            # Findings are rare, and come from several checks of one bundle.
            yield from sorted(found, key=lambda one: one.index)

    def finish(self) -> Iterator[Finding]:
        """Yield what can only be said at the log's end; the whole of it was walked."""
        if not self._served.size:
            yield from self._meet_held(0, [])
        yield from self.tree.finish()
        if self._derived is not None:
            yield from self._end(self._derived)
        yield from self.beside.finish()
        tally = self.tally
        tally.open_exchanges = self.lives.open_count
        held = self.beside.absent.held
        for code, count, what in (
            ("exchange-open", tally.open_exchanges, "exchanges have no end yet"),
            ("erase-due", tally.due, f"payloads are past their class; holds in force: {held}"),
            ("not-opened", tally.not_opened, "entries were not opened"),
        ):
            if count:
                yield Finding(code, -1, f"{count} {what}")

    def _end(self, derived: Derived) -> Iterator[Finding]:
        """Walk what nobody signed yet, and hold the store's own account against all of it."""
        end, reached = derived.end(), self.tree.frontier()
        yield from check_behind(end, self._served, self._verifiers)
        kept = {one.size: one for one in (*end.kept, end.signed)}
        while bodies := derived.bodies(reached.size, min(_TAIL, end.stored - reached.size)):
            first, hashes = reached.size, [leaf_hash(body) for body in bodies]
            self.tally.unsigned += len(bodies)
            yield from self._entries(first, list(bodies))
            yield from check_columns(
                first, derived.columns(first, len(bodies)), self._groups, hashes
            )
            for digest in hashes:
                reached.append(digest)
                fault = reached.size in kept and self._kept(kept[reached.size], reached.root())
                if fault:
                    yield fault
        lives, columns = self.lives.open, derived.columns
        yield from check_end(end, self._served, reached, lives, self.times[1], columns)
        if self.beside.index is not None:
            yield from self.beside.index.findings(derived, end.stored)

    def _bundle(self, index: int, width: int) -> list[Finding]:
        """Check one bundle: its shape, its hashes against the tree, its entries."""
        first = index * TILE_WIDTH
        data = self._reader.bundle(index, width)
        found: list[Finding] = []
        if data is None:
            path = entry_bundle_path(index, width)
            found.append(Finding("tile-missing", first, f"`{path}` is missing"))
        entries, rest = split_bundle(data or b"")
        if data is not None and (rest or len(entries) != width):
            found.append(_misshapen(first, entries, width))
        del entries[width:]
        self.tally.entries += len(entries)
        hashes: list[bytes | None] = [sha256(b"\x00" + body).digest() for body in entries]
        hashes += [None] * (width - len(entries))
        found += self._entries(first, entries)
        kept = self._rows(first, hashes, found)
        reached = bool(self._held) and self._held[-1].size <= first + width
        edge = self.tree.edge() if reached or kept else []
        found += self.tree.add(hashes)
        if reached:
            found += self._meet_held(first, edge)
        for one in kept:
            fault = self._kept(one, edge_root([self.tree.agreed[: one.size - first], *edge]))
            if fault is not None:
                found.append(fault)
        return found

    def _rows(
        self, first: int, hashes: Sequence[bytes | None], found: list[Finding]
    ) -> Sequence[Kept]:
        """Compare a bundle's columns; return the checkpoints that the store kept within it."""
        if self._derived is None:
            return ()
        whole = [one or b"" for one in hashes]
        rows = self._derived.columns(first, len(whole))
        found += check_columns(first, rows, self._groups, whole)
        return self._derived.kept(first, len(whole))

    def _kept(self, kept: Kept, root: bytes) -> Finding | None:
        return check_kept(kept, root, self._served.origin, self._verifiers)

    def _meet_held(self, first: int, edge: list[list[bytes]]) -> Iterator[Finding]:
        """Compare the root at each held size that the last bundle reached.

        With the hashes that the signed root agreed to, and else by a proof from the tiles: a copy
        that was damaged, or edited without the key, is a finding of another kind, and no fork.
        """
        leaves = self.tree.agreed
        while self._held and self._held[-1].size <= first + len(leaves):
            one = self._held.pop()
            if edge_root([leaves[: max(one.size - first, 0)], *edge]) == one.root:
                continue
            if not self.tree.proves(one):
                message = f"the log is not the one whose checkpoint of size {one.size} was held"
                yield Finding("fork", max(one.size - 1, 0), message)

    def _entries(  # noqa: C901 - split, it would cost a call for each entry
        self, first: int, entries: list[bytes]
    ) -> list[Finding]:
        """Check what entries say: this loop sees each of them, and is kept tight."""
        found: list[Finding] = []
        match, shapes, step, beside = LEAF.fullmatch, self._shapes, self.lives.step, self.beside
        last = self.times[1]
        beside.fetch(first, len(entries))
        leaves = [leaf and leaf.groups() for leaf in map(match, entries)]
        read = self._groups = cast("list[Groups | None]", leaves)
        for index, groups in enumerate(read, first):
            if groups is None:
                found.append(Finding("leaf-malformed", index, "the entry is not a leaf"))
                continue
            _, kind, _, chunk, retain, subjects, time, exchange = groups
            short = len(chunk) < _LONG_NUMBER
            shape = (kind, chunk == b"0", short, retain == b"p", subjects is None, exchange is None)
            if shape not in shapes:
                fault = _odd(index, entries[index - first])
                if fault is not None:
                    found.append(fault)
                elif short and index:
                    shapes.add(shape)
            if time < last:
                found.append(Finding("time-back", index, "`t` is below that of an earlier entry"))
            else:
                last = time
            if exchange is not None:
                wrong = step(kind, int(chunk), exchange)
                if wrong is CARRIED:
                    found += self._carry(index, Entry._make(groups))
                    continue
                if wrong is not None:
                    found.append(Finding(wrong[0], index, wrong[1]))
            if beside.given:
                found += beside.entry(index, Entry._make(groups))
        self.times = (self.times[0] or next((one[6] for one in read if one), b""), last)
        return found

    def _carry(self, index: int, entry: Entry) -> list[Finding]:
        """Keep an entry of an exchange that began in an earlier part, for whoever joins them."""
        if len(self.carried) == CARRIED_MAX:
            return [Finding("exchange-impossible", index, "too many exchanges began long before")]
        try:
            meta = self.beside.opened(index, entry) if self.beside.given else None
        except AuditError as error:
            return [Finding(error.code, index, error.message)]
        self.carried.append((index, entry, meta))
        return []


def _misshapen(first: int, entries: list[bytes], width: int) -> Finding:
    if len(entries) < width:
        return Finding("gap", first + len(entries), "the bundle ends before its last entry")
    return Finding("leaf-malformed", first + width, "the bundle goes on after its last entry")


def _odd(index: int, body: bytes) -> Finding | None:
    """Say what is wrong with a leaf of a shape not seen before: its kind may not look like that."""
    try:
        leaf = parse_leaf(body)
    except AuditError as error:
        return Finding(error.code, index, error.message)
    if index == 0 and leaf.kind != "genesis":
        return Finding("origin-wrong", 0, "the first entry is not a `genesis`")
    if index and leaf.kind == "genesis":
        return Finding("duplicate", index, "a `genesis` after the first entry")
    return None
