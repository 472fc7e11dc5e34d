"""Verify the exchange log: believe nothing but the signature, and recompute the rest.

Every entry is read and hashed, every tile is compared with what the entries below it come to, the
root with the signed one and with each held one; then the entries are asked whether they can be
true together. A finding stops nothing, and findings come in the order of the log, so that the first
bad entry is the first one named. Section 8 of the log's specification.

Not here: tables derived from the log (its index, head and columns), which the store compares.
"""

from __future__ import annotations

from binascii import a2b_base64
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.beside import Absent, Entry, Meaning, Opening, Payloads
from gateway.audit.checkpoint import Checkpoint, Verifier, cosignatures, open_checkpoint
from gateway.audit.entry import LEAF, commit_meta, format_time, parse_leaf, parse_meta, unseal
from gateway.audit.fault import AuditError, Finding
from gateway.audit.life import Lives
from gateway.audit.merkle import TILE_WIDTH, entry_bundle_path, split_bundle
from gateway.audit.tree import Reader, Tree, edge_root

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

__all__ = ["Finding", "Opening", "Payloads", "Reader", "Tally", "exit_code", "verify"]

NOTES: Final = frozenset({"held-none", "quorum-short", "exchange-open", "erase-due", "not-opened"})
"""Codes that are counted and said, and are no fault of the log."""

_SPLIT: Final = frozenset({"rollback", "fork"})
_UNFINISHED: Final = frozenset({"key-unknown", "held-none", "quorum-short"})
_LONG_NUMBER: Final = 16  # digits of 2^53; anything shorter is below it


@dataclass(slots=True)
class Tally:
    """What a run saw, for its report; filled as the findings are drawn."""

    entries: int = 0
    opened: int = 0
    not_opened: int = 0
    missing: int = 0
    expired: int = 0
    due: int = 0
    open_exchanges: int = 0


def exit_code(codes: Iterable[str], *, first: bool = False) -> int:
    """Return the exit code for the codes of a run: 4 before 1, 1 before 3, 0 for none.

    Args:
        codes: Of its findings.
        first: The run was said to be without a held checkpoint.
    """
    found = set(codes) - ({"held-none"} if first else set())
    if found & _SPLIT:
        return 4
    if found - NOTES - _UNFINISHED:
        return 1
    return 3 if found & _UNFINISHED else 0


def verify(  # noqa: PLR0913 - each is something that may be held against the log
    reader: Reader,
    verifiers: Sequence[Verifier],
    *,
    held: Sequence[str] = (),
    openings: Mapping[int, Opening] | None = None,
    payloads: Payloads | None = None,
    witnesses: Sequence[Verifier] = (),
    quorum: int = 0,
    now: dt.datetime | None = None,
    tally: Tally | None = None,
) -> Iterator[Finding]:
    """Yield what is wrong with a log, in its order; nothing but notes for a good one.

    1. The served checkpoint, its signatures, its quorum; each held one.
    2. Each entry and tile, and the root.
    3. Order, and each exchange's life.
    4. Payloads or openings, where given: commitments, schema, what they say together, erasures.

    Args:
        reader: The log.
        verifiers: The log's pinned keys, the current and those being retired.
        held: Signed checkpoints of this log that somebody kept.
        openings: Metadata with salts of some entries, by index.
        payloads: Sealed payloads, and keys; takes the place of `openings`.
        witnesses: Keys whose cosignatures count towards the quorum.
        quorum: How many of them the served checkpoint needs.
        now: The instant that payloads' classes are held against, or None not to.
        tally: Filled with counts.
    """
    tally = tally if tally is not None else Tally()
    try:
        note = reader.checkpoint()
        served = open_checkpoint(note, *verifiers)
        cosigned = len(cosignatures(note, witnesses))
    except AuditError as error:
        # Without a size that somebody signed there is nothing to hold the entries against.
        yield Finding(error.code, -1, error.message)
        return
    if cosigned < quorum:
        yield Finding("quorum-short", -1, f"{cosigned} of {quorum} cosignatures")
    below = yield from _held(held, served, verifiers)

    beside = _Beside(served.origin, openings, payloads, now, tally)
    walk = _Walk(reader, served, below, beside, tally)
    yield from walk.run()
    yield from walk.notes()


def _held(
    notes: Sequence[str], served: Checkpoint, verifiers: Sequence[Verifier]
) -> Generator[Finding, None, list[Checkpoint]]:
    """Open held checkpoints; return those that the walk will meet, smallest first."""
    below: list[Checkpoint] = []
    if not notes:
        yield Finding("held-none", -1, "no held checkpoint to hold the log against")
    for note in notes:
        try:
            one = open_checkpoint(note, *verifiers)
        except AuditError as error:
            yield Finding(error.code, -1, f"a held checkpoint: {error.message}")
            continue
        if one.origin != served.origin:
            yield Finding("origin-wrong", -1, "a held checkpoint is of another origin")
        elif one.size > served.size:
            message = f"a held checkpoint has size {one.size}, the log {served.size}"
            yield Finding("rollback", served.size, message)
        else:
            below.append(one)
    return sorted(below, key=lambda one: one.size)


class _Walk:
    """One pass over the entries, from the first to the last."""

    def __init__(
        self,
        reader: Reader,
        served: Checkpoint,
        held: list[Checkpoint],
        beside: _Beside,
        tally: Tally,
    ) -> None:
        self._reader = reader
        self._served = served
        self._held = held[::-1]
        self._beside = beside
        self._tally = tally
        self._tree = Tree(reader, served)
        self._lives = Lives()
        self._shapes: set[tuple[object, ...]] = set()
        self._time = b""

    def run(self) -> Iterator[Finding]:
        size = self._served.size
        for index in range(-(-size // TILE_WIDTH)):
            first = index * TILE_WIDTH
            found = self._bundle(index, min(TILE_WIDTH, size - first))
            # Findings are rare, and come from several checks of one bundle.
            yield from sorted(found, key=lambda one: one.index)
        if not size:
            yield from self._meet_held(0, [])
        yield from self._tree.finish()

    def notes(self) -> Iterator[Finding]:
        yield from self._beside.finish()
        tally = self._tally
        tally.open_exchanges = self._lives.open_count
        for code, count, what in (
            ("exchange-open", tally.open_exchanges, "exchanges have no end yet"),
            ("erase-due", tally.due, "payloads are past their class"),
            ("not-opened", tally.not_opened, "entries were not opened"),
        ):
            if count:
                yield Finding(code, -1, f"{count} {what}")

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
        self._tally.entries += len(entries)
        hashes: list[bytes | None] = [sha256(b"\x00" + body).digest() for body in entries]
        hashes += [None] * (width - len(entries))
        found += self._entries(first, entries)
        reached = bool(self._held) and self._held[-1].size <= first + width
        edge = self._tree.edge() if reached else []
        found += self._tree.add(hashes)
        if reached:
            found += self._meet_held(first, edge)
        return found

    def _meet_held(self, first: int, edge: list[list[bytes]]) -> Iterator[Finding]:
        """Compare the root at each held size that the last bundle reached.

        With the hashes that the signed root agreed to, and else by a proof from the tiles: a copy
        that was damaged, or edited without the key, is a finding of another kind, and no fork.
        """
        leaves = self._tree.agreed
        while self._held and self._held[-1].size <= first + len(leaves):
            one = self._held.pop()
            if edge_root([leaves[: max(one.size - first, 0)], *edge]) == one.root:
                continue
            if not self._tree.proves(one):
                message = f"the log is not the one whose checkpoint of size {one.size} was held"
                yield Finding("fork", max(one.size - 1, 0), message)

    def _entries(self, first: int, entries: list[bytes]) -> list[Finding]:
        """Check what entries say: this loop sees each of them, and is kept tight."""
        found: list[Finding] = []
        match, shapes, step, beside = LEAF.fullmatch, self._shapes, self._lives.step, self._beside
        last = self._time
        beside.fetch(first, len(entries))
        for index, body in enumerate(entries, first):
            leaf = match(body)
            if leaf is None:
                found.append(Finding("leaf-malformed", index, "the entry is not a leaf"))
                continue
            groups = leaf.groups()
            _, kind, _, chunk, retain, subjects, time, exchange = groups
            short = len(chunk) < _LONG_NUMBER
            shape = (kind, chunk == b"0", short, retain == b"p", subjects is None, exchange is None)
            if shape not in shapes:
                fault = _odd(index, body)
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
                if wrong is not None:
                    found.append(Finding(wrong[0], index, wrong[1]))
            if beside.given:
                found += beside.entry(index, Entry(*groups))
        self._time = last
        return found


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


class _Beside:
    """Payloads or openings, entry by entry."""

    def __init__(
        self,
        origin: str,
        openings: Mapping[int, Opening] | None,
        payloads: Payloads | None,
        now: dt.datetime | None,
        tally: Tally,
    ) -> None:
        self.given = payloads is not None or openings is not None
        self._openings = openings or {}
        self._payloads = payloads
        self._now = None if now is None else format_time(now)
        self._tally = tally
        self._meaning = Meaning(origin)
        self._absent = Absent()
        self._sealed: Mapping[int, tuple[str, bytes]] = {}
        self._keys: dict[str, bytes | None] = {}
        self._cutoffs: dict[bytes, bytes] = {}

    def fetch(self, first: int, count: int) -> None:
        """Fetch the sealed payloads of the bundle that comes next."""
        if self._payloads is not None and count:
            self._sealed = self._payloads.sealed(first, count)

    def entry(self, index: int, entry: Entry) -> list[Finding]:
        """Check one entry with what lies beside it."""
        try:
            meta = self._opened(index, entry)
        except AuditError as error:
            self._meaning.read(entry, None)
            return [Finding(error.code, index, error.message)]
        self._tally.opened += meta is not None
        if meta is not None and entry.kind == b"erase":
            self._absent.erased(entry.time.decode(), meta)
        fault = self._meaning.read(entry, meta)
        return [] if fault is None else [Finding(fault[0], index, fault[1])]

    def finish(self) -> Iterator[Finding]:
        """Weigh what is missing against what was erased."""
        for index, (code, message) in self._absent.faults():
            yield Finding(code, index, message)
        self._tally.expired = self._absent.expired

    def _opened(self, index: int, entry: Entry) -> dict[str, Any] | None:
        """Return an entry's metadata, or None where it is not to be had."""
        if self._payloads is not None:
            return self._unsealed(index, entry)
        opening = self._openings.get(index)
        if opening is None:
            self._tally.not_opened += 1
            return None
        if commit_meta(opening.salt, opening.meta) != a2b_base64(entry.m):
            raise AuditError("commitment-mismatch", "`m` does not commit to the opening")
        return parse_meta(entry.kind.decode(), opening.meta)

    def _unsealed(self, index: int, entry: Entry) -> dict[str, Any] | None:
        found = self._sealed.get(index)
        if found is None:
            self._tally.missing += 1
            self._absent.missing(index, entry.retain.decode(), entry.time.decode())
            return None
        key_id, sealed = found
        self._weigh_age(entry)
        key = self._key(key_id)
        if key is None:
            self._tally.not_opened += 1
            return None
        s = None if entry.s is None else a2b_base64(entry.s)
        payload = unseal(key, sealed, a2b_base64(entry.m), s)
        return parse_meta(entry.kind.decode(), payload.meta)

    def _key(self, key_id: str) -> bytes | None:
        if key_id not in self._keys and self._payloads is not None:
            self._keys[key_id] = self._payloads.key(key_id)
        return self._keys.get(key_id)

    def _weigh_age(self, entry: Entry) -> None:
        """Count a payload that is there although its class has run out."""
        if self._now is None or entry.retain == b"p":
            return
        cutoff = self._cutoffs.get(entry.retain)
        if cutoff is None:
            year = int(self._now[:4]) - int(entry.retain[:-1])
            cutoff = self._cutoffs[entry.retain] = f"{year:04d}{self._now[4:]}".encode()
        self._tally.due += entry.time < cutoff
