"""Masks as the file writes them: a bare word, or a word with its parameters; the whole closed set.

Whether this version can carry a mask out, and whether it fits the field, is `lint`'s to say.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.agreement.cursor import DECIMAL, NAME, WORD, Cursor
from gateway.agreement.finding import quoted
from gateway.masks.ages import Age
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import CountOnly, Map, RareToOther, SumOnly
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.masks.base import Mask

TABLE_REF = re.compile(r"[a-z][a-z0-9_]*@[0-9]{1,8}")
_AREAS: Final = frozenset(area.value for area in Area)
GEO: Final = _AREAS | {"grid", "h3", "donut"}
MAX_BANDS: Final = 1000
CODE = re.compile(r"[^\s*]{1,40}")

BARE: Final[dict[str, type[Mask]]] = {
    "pass": Pass,
    "redact": Redact,
    "count_only": CountOnly,
    "sum_only": SumOnly,
    "count_list": CountList,
}


def mask(at: Cursor) -> Mask:
    """Return the mask that stands here; a finding and `redact` where none does."""
    if isinstance(at.value, str):
        made = BARE.get(at.value)
        if made is None:
            _unknown(at, at.value)
            return Redact()
        return made()
    if not isinstance(at.value, dict) or len(at.value) != 1:
        at.wrong(f"the mask of `{at.name}` is a word, or one word with its parameters")
        return Redact()
    [(word, value)] = at.value.items()
    read = _WITH.get(word)
    if read is None:
        _unknown(at, word)
        return Redact()
    return read(at.at(word, value))


def _unknown(at: Cursor, word: str) -> None:
    if word in _WITH:
        at.wrong(f"the mask {quoted(word)} needs parameters", "mask-parameter")
        return
    known = (*BARE, *_WITH)
    near = difflib.get_close_matches(word, known, 1)
    hint = f", did you mean `{near[0]}`" if near else f": {', '.join(known)}"
    rule = "wildcard" if word in ("*", "all", "any") else "mask-unknown"
    at.wrong(f"{quoted(word)} is no mask{hint}", rule)


def _constant(at: Cursor) -> Mask:
    if not isinstance(at.value, (bool, int, str)):
        at.wrong("`constant` takes a literal", "mask-parameter")
        return Redact()
    return Constant(at.value)


def _truncate(at: Cursor) -> Mask:
    if not isinstance(at.value, dict):
        return Truncate(at.member(Unit))
    entries = at.closed(frozenset({"to", "zone"}))
    return Truncate(
        entries.read("to", lambda c: c.member(Unit), Unit.YEAR), entries.read("zone", zone, "UTC")
    )


def zone(at: Cursor) -> str:
    """Return the name of a time zone that the tables know."""
    text = at.text()
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        at.wrong(f"{quoted(text)} is not a time zone such as America/New_York")
        return "UTC"
    return text


def _age(at: Cursor) -> Mask:
    entries = at.closed(frozenset({"at", "topcode"}))
    return Age(
        entries.read("at", lambda c: c.text(NAME), ""),
        entries.read("topcode", lambda c: c.integer(1, 150), 90),
    )


def _band(at: Cursor) -> Mask:
    cuts = isinstance(at.value, dict) and "cuts" in at.value
    if cuts:
        entries = at.closed(frozenset({"cuts"}), frozenset({"topcode"}))
    else:
        entries = at.closed(frozenset({"width", "topcode"}))
    made = Band(
        width=None if cuts else entries.read("width", lambda c: c.integer(1), 1),
        topcode=entries.read("topcode", lambda c: c.integer(1), None if cuts else 90),
        cuts=entries.read("cuts", _cuts, _NO_CUTS) if cuts else None,
    )
    # The bands of a width are written out when they are used: a huge topcode would fill the memory.
    if not cuts and (made.topcode or 0) > MAX_BANDS * max(made.width or 1, 1):
        at.wrong(f"more than {MAX_BANDS} bands", "mask-parameter")
    return made


_NO_CUTS: Final[tuple[int, ...]] = (0,)


def _cuts(at: Cursor) -> tuple[int, ...]:
    return at.each(lambda c: c.integer(-(10**15))) or _NO_CUTS


def _date_shift(at: Cursor) -> Mask:
    entries = at.closed(frozenset({"max_days", "weekday"}))
    return DateShift(
        entries.read("max_days", lambda c: c.integer(1, 182), 1),
        entries.read("weekday", lambda c: c.one_of(("keep", "free")), "keep"),
    )


def _geo(at: Cursor) -> Mask:
    to = at.value.get("to") if isinstance(at.value, dict) else None
    if to in ("grid", "h3"):
        entries = at.closed(frozenset({"to", "step", "min_people"}))
        step = entries.read("step", _number, "1")
        people = entries.read("min_people", lambda c: c.integer(1), 1)
        return GeoGrid(step, people) if to == "grid" else GeoH3(step, people)
    if to == "donut":
        entries = at.closed(frozenset({"to", "rmin", "rmax"}))
        low = entries.read("rmin", lambda c: c.integer(1), 1)
        return GeoDonut(low, entries.read("rmax", lambda c: c.integer(1), 1))
    entries = at.closed(frozenset({"to"}))
    area = entries.read("to", lambda c: c.one_of(GEO), "state")
    return GeoArea(Area(area) if area in _AREAS else Area.STATE)


def _pseudonym(at: Cursor) -> Mask:
    entries = at.closed(frozenset({"method", "scope", "rotate"}), frozenset({"group"}))
    return Pseudonym(
        entries.read("method", lambda c: c.member(Method), Method.HMAC),
        entries.read("scope", lambda c: c.member(Scope), Scope.PROVISION),
        entries.read("rotate", _rotation, "never"),
        entries.read("group", lambda c: c.text(WORD), None),
    )


def _rotation(at: Cursor) -> str:
    return "never" if at.value == "never" else at.duration().text


def _partial(at: Cursor) -> Mask:
    entries = at.closed(frozenset({"keep_last", "width"}))
    return Partial(
        entries.read("keep_last", lambda c: c.integer(1, 100), 1),
        entries.read("width", lambda c: c.integer(1, 100), 1),
    )


def _clip(at: Cursor) -> Mask:
    entries = at.closed(frozenset({"low", "high"}))
    return Clip(
        entries.read("low", lambda c: c.integer(-(10**15)), 0),
        entries.read("high", lambda c: c.integer(-(10**15)), 1),
    )


def _number(at: Cursor) -> str:
    """Return an integer, or a quoted decimal, above zero."""
    if isinstance(at.value, int) and not isinstance(at.value, bool):
        return str(at.integer(1))
    text = at.text(DECIMAL, "mask-parameter")
    if not text.strip("0."):
        at.wrong(f"`{at.name}` is zero", "mask-parameter")
        return "1"
    return text if DECIMAL.fullmatch(text) else "1"


def _has_any(at: Cursor) -> Mask:
    return HasAny(at.names(CODE))


_WITH: Final[dict[str, Callable[[Cursor], Mask]]] = {
    "constant": _constant,
    "truncate": _truncate,
    "age": _age,
    "band": _band,
    "date_shift": _date_shift,
    "zip3": lambda at: Zip3(at.text(TABLE_REF, "mask-parameter")),
    "geo": _geo,
    "pseudonym": _pseudonym,
    "partial": _partial,
    "clip": _clip,
    "round": lambda at: Round(_number(at)),
    "map": lambda at: Map(at.text(NAME, "mask-parameter")),
    "rare_to_other": lambda at: RareToOther(at.text(NAME, "mask-parameter")),
    "has_any": _has_any,
}
"""Masks with parameters, by their word."""


def mask_or_withhold(at: Cursor) -> Mask | None:
    """Return a floor's weakest form: a mask, or None for `withhold`."""
    return None if at.value == "withhold" else mask(at)
