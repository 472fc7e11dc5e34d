"""A log walked in parts says what a walk over all of it says, or says nothing at all."""

from __future__ import annotations

import datetime as dt
import pickle
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from gateway.audit.beside import Entry, Meaning
from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.entry import encode_leaf, parse_leaf
from gateway.audit.merkle import TILE_WIDTH, leaf_hash
from gateway.audit.opened import Beside
from gateway.audit.parts import join, split, walk_part
from gateway.audit.tally import NOTES, Tally
from gateway.audit.verify import bundles, verify
from gateway.audit.walk import CARRIED_MAX, Walk
from tests.audit.build import AGREEMENT, SHA, SIGNER, Copy, Log, exchange_id, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.audit.fault import Finding
    from gateway.audit.parts import Part

SIZE = 1_100
KEYS = (SIGNER.verifier,)
X, Y = exchange_id(900_001), exchange_id(900_002)


def spanning() -> Log:
    """Return a log whose exchanges begin before, and end after, each edge of a bundle."""
    log = Log.begun()
    log.intent(X)
    log.release(X)
    number = 1_000
    held: list[str] = []
    while len(log.leaves) < SIZE:
        x = exchange_id(number)
        log.intent(x)
        log.release(x)
        held.append(x)
        if len(held) > 40:
            log.outcome(held.pop(0))
        number += 1
    log.release(X, 1)
    log.outcome(X, 2)
    return log


LOG = spanning()


def a_walk(copy: Copy, tally: Tally, *, later: bool = False) -> Walk:
    """Return a walk over a copy, payloads included."""
    served = open_checkpoint(copy.note, *KEYS)
    beside = Beside(served.origin, None, copy, None, tally, later=later)
    return Walk(copy, served, [], beside, tally, verifiers=KEYS, later=later)


def in_parts(copy: Copy, ranges: Sequence[range], tally: Tally) -> list[Finding] | None:
    """Walk each range as a process of its own would, and join what they say."""
    found: list[Part] = []
    for one in ranges:
        part = walk_part(a_walk(copy, Tally(), later=bool(one.start)), one)
        found.append(pickle.loads(pickle.dumps(part)))  # noqa: S301 - our own, of a moment ago
    return join(a_walk(copy, tally), found)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_parts_of_a_good_log_say_what_the_whole_says(count: int) -> None:
    """The same notes and the same counts, in however many parts."""
    copy, whole, joined = LOG.copy(), Tally(), Tally()
    said = list(verify(copy, KEYS, held=[copy.note], payloads=copy, tally=whole))

    found = in_parts(copy, split(bundles(len(LOG.leaves)), count), joined)

    assert said == found
    assert ["exchange-open"] == [one.code for one in said]
    assert whole == joined


@pytest.mark.parametrize("bundle", [1, 2, 3, 4])
def test_a_log_may_be_cut_at_every_bundle(bundle: int) -> None:
    """What is open across the cut is held against both sides of it."""
    copy = LOG.copy()

    found = in_parts(copy, [range(bundle), range(bundle, 5)], Tally())

    assert found is not None
    assert {one.code for one in found} <= NOTES


def test_no_part_is_empty() -> None:
    """Parts cover every bundle once, in order, and there are no more than bundles."""
    for count in range(1, 12):
        for parts in (1, 2, 3, 7):
            found = split(count, parts)

            assert list(range(count)) == [one for part in found for one in part]
            assert min(parts, count) == len(found)
            assert all(a.stop == b.start for a, b in pairwise(found))
    assert [] == split(0, 2)


def edited(log: Log, index: int) -> Copy:
    """Return a copy of which one leaf says another class, and nothing was rebuilt."""
    copy = log.copy()
    leaf = parse_leaf(copy.leaves[index])
    copy.rewrite(
        index,
        encode_leaf(
            agreement=leaf.agreement,
            kind=leaf.kind,
            m=leaf.m,
            chunk=leaf.chunk,
            retain="7y",
            s=leaf.s,
            time=leaf.time,
            exchange_id=leaf.exchange_id,
        ),
    )
    return copy


def without_payload(log: Log, index: int) -> Copy:
    """Return a copy of which one payload is gone."""
    copy = log.copy()
    del copy.payloads[index]
    return copy


def flipped(log: Log, path: Callable[[Copy], str]) -> Copy:
    """Return a copy of which one bit of a file was turned."""
    copy = log.copy()
    copy.flip(path(copy), 0)
    return copy


def longer(change: Callable[[Log], object]) -> Copy:
    """Return a copy of a log that goes on after the spanning one, signed as it stands."""
    log = spanning()
    change(log)
    return log.copy()


def late(log: Log) -> None:
    """Append an entry that is older than all before it."""
    log.add(
        "config",
        {"event": "stop", "build": "1", "settings": SHA, "replica": "r"},
        retain="p",
        time=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )


def under_its_own_tile(index: int) -> Copy:
    """Return a copy of which an entry and the tile right above it say another thing."""
    copy = edited(LOG, index)
    first = index // TILE_WIDTH * TILE_WIDTH
    hashes = [leaf_hash(leaf) for leaf in copy.leaves[first : first + TILE_WIDTH]]
    copy.files[copy.tile_path(0, index // TILE_WIDTH)] = b"".join(hashes)
    return copy


WRONG: dict[str, Callable[[], Copy]] = {
    "an entry of the first part": lambda: edited(LOG, 100),
    "an entry of the first part with the tile above it": lambda: under_its_own_tile(100),
    "an entry of the last part with the tile above it": lambda: under_its_own_tile(1_000),
    "an entry of the last part": lambda: edited(LOG, 1_000),
    "a payload of the first part": lambda: without_payload(LOG, 7),
    "a payload of the last part": lambda: without_payload(LOG, 1_000),
    "a tile of the first part": lambda: flipped(LOG, lambda copy: copy.tile_path(0, 0)),
    "the tile that the last part begins with": lambda: flipped(
        LOG, lambda copy: copy.tile_path(1, 0)
    ),
    "an end without a beginning": lambda: longer(lambda log: log.outcome(Y)),
    "a second intent, long after": lambda: longer(lambda log: log.intent(X)),
    "a release after the end": lambda: longer(lambda log: log.release(X, 2)),
    "a count that is not that of the releases": lambda: longer(
        lambda log: log.outcome(exchange_id(1_300), 3)
    ),
    "an agreement that nobody made active": lambda: longer(
        lambda log: log.add("refusal", refused(), x=Y, agreement="other@1")
    ),
    "a time that falls": lambda: longer(late),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("parts", [2, 3])
def test_what_is_wrong_anywhere_is_left_to_a_walk_over_all(what: str, parts: int) -> None:
    """Whatever a walk finds, parts that are joined never hide: they say nothing instead."""
    copy = WRONG[what]()
    said = list(verify(copy, KEYS, held=[copy.note], payloads=copy))

    assert {one.code for one in said} - NOTES
    assert in_parts(copy, split(bundles(len(copy.leaves)), parts), Tally()) is None


@pytest.mark.parametrize(("parts", "cut"), [(2, 512), (3, 256)])
def test_a_time_that_falls_where_a_part_begins_is_seen(parts: int, cut: int) -> None:
    """Neither part can know it alone."""
    log = Log.begun().fill(cut)
    late(log)
    copy = log.fill(SIZE, start=20_000).copy()

    assert ["time-back"] == [one.code for one in verify(copy, KEYS, held=[copy.note])]
    assert in_parts(copy, split(bundles(SIZE), parts), Tally()) is None


def test_parts_in_another_order_are_not_joined() -> None:
    """A part follows only the one that ends where it begins."""
    copy = LOG.copy()
    parts = [walk_part(a_walk(copy, Tally(), later=bool(one.start)), one) for one in split(5, 2)]

    assert join(a_walk(copy, Tally()), parts[::-1]) is None
    assert join(a_walk(copy, Tally()), parts[:1]) is None


def test_an_agreement_of_an_earlier_part_is_known() -> None:
    """A later part names what only the first made active, and that is no finding."""
    part = walk_part(a_walk(LOG.copy(), Tally(), later=True), range(2, 5))

    assert part.sound
    assert {AGREEMENT} == part.meaning.named


@pytest.mark.parametrize(("state", "joined"), [("draft", True), ("active", True), (None, False)])
def test_a_refusal_of_a_later_part_names_what_an_earlier_one_tells_of(
    state: str | None, *, joined: bool
) -> None:
    """In whatever state: it may be refused because it is a draft."""
    told, later = Meaning("synthetic"), Meaning("synthetic", later=True)
    rows = [["drafted", "1.0.0", "", state]] if state else []
    told.read(an_entry(b"agreement", None), {"agreements": rows})

    assert later.read(an_entry(b"refusal", b"drafted@1.0.0"), None) is None
    assert joined == later.known_in(told)


def an_entry(kind: bytes, agreement: bytes | None) -> Entry:
    """Return a leaf of which nothing else matters."""
    return Entry(agreement, kind, b"", b"0", b"p", None, b"", b"x")


def test_a_part_sets_aside_so_many_entries_and_no_more() -> None:
    """A hostile log cannot have the whole of it kept in memory."""
    walk = a_walk(LOG.copy(), Tally(), later=True)
    kept = walk_part(a_walk(LOG.copy(), Tally(), later=True), range(2, 3)).carried
    walk.carried = kept[:1] * CARRIED_MAX

    assert not walk_part(walk, range(2, 3)).sound
    walk = a_walk(LOG.copy(), Tally(), later=True)
    walk.carried = kept[:1] * (CARRIED_MAX - len(kept))
    assert walk_part(walk, range(2, 3)).sound
