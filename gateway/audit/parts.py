"""A log walked in several parts at once, and what the walks say together.

A part knows nothing of what is before it, so it takes the tiles' word for the tree there, sets
aside the entries of exchanges that it did not see begin, and gathers the agreements that it did not
see become active. Joining holds all of that against the part before. Where anything at all is
wrong, in a part or between two, nothing is joined: whoever asked walks the log once more from its
first entry, and says what that finds. So parts only ever shorten a run over a log that is in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gateway.audit.tally import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.audit.absent import Absent
    from gateway.audit.beside import Entry, Meaning
    from gateway.audit.fault import Finding
    from gateway.audit.life import Lives
    from gateway.audit.subjects import Rebuilt
    from gateway.audit.tally import Tally
    from gateway.audit.walk import Walk


@dataclass(frozen=True, slots=True)
class Part:
    """What the walk of one part came to; it can be sent from process to process.

    Attributes:
        sound: The walk found nothing, and knew where it began.
        claimed: The right edge of the tree before the part, as the tiles say.
        levels: The right edge after it, as the entries came to it.
    """

    sound: bool
    claimed: list[list[bytes]]
    levels: list[list[bytes]]
    times: tuple[bytes, bytes]
    lives: Lives
    meaning: Meaning
    absent: Absent
    carried: list[tuple[int, Entry, dict[str, Any] | None]]
    tally: Tally
    index: Rebuilt | None


def split(bundle_count: int, parts: int) -> list[range]:
    """Return the bundles of each part, about as many in each, none of them empty."""
    cuts = [bundle_count * at // parts for at in range(parts + 1)]
    return [range(low, high) for low, high in pairwise(cuts) if low < high]


def walk_part(walk: Walk, part: range) -> Part:
    """Walk one part of a log; it stops at the first thing that is wrong."""
    known = walk.go_on(part.start)
    claimed = walk.tree.levels
    sound = known and next(walk.run(part), None) is None
    meaning, absent = walk.beside.meaning, walk.beside.absent
    return Part(
        sound,
        claimed,
        walk.tree.levels,
        walk.times,
        walk.lives,
        meaning,
        absent,
        walk.carried if sound else [],
        walk.tally,
        walk.beside.index,
    )


def join(walk: Walk, parts: Sequence[Part]) -> list[Finding] | None:
    """Return the notes of a log whose parts are all in order; None where anything is wrong.

    Args:
        walk: One of the whole log that has not begun; it ends as if it had walked all of it.
        parts: Of the whole log, in order.
    """
    for part in parts:
        if not part.sound or not _follows(walk, part):
            return None
        _take(walk, part)
    found = list(walk.finish())
    return found if all(one.code in NOTES for one in found) else None


def _follows(walk: Walk, part: Part) -> bool:
    """Say whether a part goes on from where the walk has come to."""
    meaning = walk.beside.meaning
    return (
        part.claimed == walk.tree.levels
        and walk.times[1] <= part.times[0]
        and not walk.lives.meets(part.lives)
        and (not meaning.all_known or part.meaning.known_in(meaning))
        and not any(_carried(walk, part))
    )


def _carried(walk: Walk, part: Part) -> Iterator[bool]:
    """Yield, for each entry that the part set aside, whether it is wrong after all before it."""
    for _, entry, meta in part.carried:
        exchange = entry.exchange or b""
        yield walk.lives.step(entry.kind, int(entry.chunk), exchange) is not None
        yield walk.beside.given and walk.beside.meaning.read(entry, meta) is not None


def _take(walk: Walk, part: Part) -> None:
    walk.tree.reach(walk.tally.entries + part.tally.entries, part.levels)
    walk.times = (walk.times[0] or part.times[0], part.times[1])
    walk.lives.go_on(part.lives)
    walk.beside.meaning.go_on(part.meaning)
    walk.beside.absent.go_on(part.absent)
    walk.tally.add(part.tally)
    if walk.beside.index is not None and part.index is not None:
        walk.beside.index.merge(part.index)
