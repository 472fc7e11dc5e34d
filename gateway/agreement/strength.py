"""The order of strength: may one mask stand where another is the least that is asked?

A is as strong as B where A's output can be computed from B's, so that A tells nothing that B does
not. Pairs that this order does not know are incomparable, and whoever asks must treat them as
weaker: two families are never compared.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from gateway.agreement.dataset import MapTable
from gateway.agreement.spans import DAY_S, add, duration
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.numbers import Band, Clip
from gateway.masks.places import Area, GeoArea
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.tables import OTHER, CountOnly, Map, RareToOther
from gateway.masks.times import Truncate, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.spans import Duration
    from gateway.masks.base import Mask

_WEEKS: Final = frozenset({Unit.WEEK_ISO, Unit.WEEK_MMWR})
_UNITS: Final = (
    Unit.MINUTE,
    Unit.HOUR,
    Unit.PART_OF_DAY,
    Unit.DAY,
    Unit.MONTH,
    Unit.QUARTER,
    Unit.YEAR,
)
_AREAS: Final = (Area.TRACT, Area.COUNTY, Area.REGION, Area.STATE)
_ANCHORS: Final = tuple(
    dt.date(year, month, 1) for year in range(2024, 2029) for month in range(1, 13)
)


def longer(one: Duration, other: Duration) -> bool:
    """Return whether `one` is longer than `other`, from any day on: calendar months vary."""
    if one.months == other.months:
        return one.seconds > other.seconds
    if one.seconds == other.seconds:
        return one.months > other.months
    # Most often no calendar is needed: a month has 28 days at least, and 31 at most.
    if _least_s(one) > _most_s(other):
        return True
    if _most_s(one) <= _least_s(other):
        return False
    noon = dt.time(12)
    starts = (dt.datetime.combine(day, noon) for day in _ANCHORS)
    return any(add(start, one) > add(start, other) for start in starts)


def _least_s(span: Duration) -> int:
    return span.months * 28 * DAY_S + span.seconds


def _most_s(span: Duration) -> int:
    return span.months * 31 * DAY_S + span.seconds


def tells_nothing(mask: Mask | None) -> bool:
    """Return whether nothing about the value leaves; None is a withheld field."""
    return mask is None or isinstance(mask, (Redact, Constant))


def as_strong(one: Mask, least: Mask | None, maps: Mapping[str, MapTable]) -> bool:
    """Return whether `one` is at least as strong as `least`; None stands for `withhold`.

    Args:
        one: The mask that a provision has.
        least: The weakest form that may leave.
        maps: The dataset's tables, for `map`.
    """
    if tells_nothing(one) or isinstance(least, Pass):
        return True
    if tells_nothing(least) or isinstance(one, Pass):
        return False
    if one == least:
        return True
    return _by_family(one, least, maps)


def _by_family(  # noqa: C901 - one line a family
    one: Mask, least: Mask | None, maps: Mapping[str, MapTable]
) -> bool:
    match one, least:
        case Truncate(), Truncate():
            return _truncate(one, least)
        case Band(), Band():
            return set(one.edges()) <= set(least.edges())
        case Clip(), Clip():
            return one.low >= least.low and one.high <= least.high
        case GeoArea(), GeoArea():
            return _AREAS.index(one.to) >= _AREAS.index(least.to)
        case GeoGrid(), GeoGrid():
            multiple = one.step_e7() % least.step_e7() == 0
            return multiple and one.min_people >= least.min_people
        case GeoH3(), GeoH3():
            return one.step == least.step and one.min_people >= least.min_people
        case Map(), Map():
            return _map(maps.get(one.table), maps.get(least.table))
        case RareToOther(), RareToOther():
            return _map(_with_other(maps.get(one.table)), _with_other(maps.get(least.table)))
        case CountOnly(), Pseudonym():
            return True
        case Pseudonym(), Pseudonym():
            return _pseudonym(one, least)
        case _:
            return False


def _truncate(one: Truncate, least: Truncate) -> bool:
    # Civil days of two zones are two partitions; clock units are cut in UTC and have none.
    if one.zone is not None and least.zone is not None and one.zone != least.zone:
        return False
    if one.to in _WEEKS:
        fine = _UNITS[: _UNITS.index(Unit.DAY) + 1]
        return least.to in fine or least.to is one.to
    if least.to in _WEEKS:
        return False
    return _UNITS.index(one.to) >= _UNITS.index(least.to)


def _with_other(table: MapTable | None) -> MapTable | None:
    return None if table is None else MapTable(table.name, table.values, OTHER)


def _map(one: MapTable | None, least: MapTable | None) -> bool:
    """Return whether what `one` gives follows from what `least` gives."""
    if one is None or least is None:
        return False
    follows: dict[str | None, str | None] = {}
    for code in (*one.values, *least.values, None):
        result = one.values.get(code, one.unmapped) if code is not None else one.unmapped
        known = least.values.get(code, least.unmapped) if code is not None else least.unmapped
        if follows.setdefault(known, result) != result:
            return False
    return True


def _pseudonym(one: Pseudonym, least: Pseudonym) -> bool:
    same_scope = one.scope is least.scope and one.group == least.group
    narrow = one.scope is Scope.PROVISION or same_scope
    method = one.method is least.method or one.method is Method.TOKEN
    return narrow and method and _rotates_as_often(one.rotate, least.rotate)


def _rotates_as_often(one: str, least: str) -> bool:
    if least in (one, "never"):
        return True
    mine, theirs = duration(one), duration(least)
    return mine is not None and theirs is not None and not longer(mine, theirs)
