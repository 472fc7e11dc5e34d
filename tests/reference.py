"""The slow and obvious interpreter of plans: the oracle for every engine.

It runs a plan over a list of dicts, one row and one step at a time, and is written from the
specification of disclosure control alone: of the gateway it uses names and parameters, never a
mask's own function, its list of labels or an expression.
"""

# ruff: noqa: ANN401 - the values of records are of any type
from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import math
import unicodedata
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import h3

from gateway.masks.ages import Age, BirthYear
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Pseudonym
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import Map, OldestJoined, RareToOther
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate
from gateway.values import FieldType, Operator
from tests.build import TABLES
from tests.reference_derived import worked_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gateway.masks.base import Mask
    from gateway.plan.ops import Classes, Group, MaskField, MeasureNode, Plan, Suppress, Where
    from gateway.values import Condition, Row

Cell = dict[str, Any]
"""One row or cell that leaves, by column name, companions included."""

MISSING, MASKED = "missing", "masked"
WHITE = {c for c in map(chr, range(0x3001)) if c.isspace() and not "\x1c" <= c <= "\x1f"}
"""Unicode White_Space: what Python calls a space, but for the four separators of ASCII."""

DIGITS = set("0123456789")


class Absent(Exception):  # noqa: N818 - an answer, not an error
    """There is no value, for this reason."""


def interpret(plan: Plan, rows: Sequence[Row]) -> list[Cell]:
    """Return what leaves: records in the order of their rows, or cells in any order."""
    staying = [row for row in rows if stays(plan.where, row)]
    records = [_record(plan, row) for row in staying]
    if plan.classes is not None:
        return _in_classes(plan, plan.classes, staying, records)
    if plan.group is None:
        return records
    assert plan.suppress is not None
    return worked_out(plan, _table(plan, plan.group, plan.suppress, staying, records))


class Denied(Exception):  # noqa: N818 - an answer, not an error
    """Nothing leaves, for this cause."""


# --- which rows stay ---


def stays(where: Where, row: Row) -> bool:
    """A row stays where everything is true; what is unknown is not true."""
    if where.unanswerable:
        return False
    if any(_holds(one, row[one.field]) is not True for one in where.conditions):
        return False
    if where.consent and not any(_says_something(row[name]) for name in where.consent):
        return False
    for name, kind in where.opt_out:
        value = row[name]
        objects = value is not False if kind is FieldType.BOOLEAN else value is not None
        if objects:
            return False
    return True


def _says_something(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or _trim(value) != "")


def _holds(condition: Condition, value: Any) -> bool | None:
    """Three-valued: None where the value is unknown."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    values = condition.values
    match condition.op:
        case Operator.EQ:
            return bool(value == values[0])
        case Operator.NE:
            return bool(value != values[0])
        case Operator.IN:
            return any(value == one for one in values)
        case Operator.NOT_IN:
            return all(value != one for one in values)
        case Operator.LT:
            return bool(value < values[0])
        case Operator.LTE:
            return bool(value <= values[0])
        case Operator.GT:
            return bool(value > values[0])
        case Operator.GTE:
            return bool(value >= values[0])


# --- one value ---


def _record(plan: Plan, row: Row) -> Cell:
    cell: Cell = {}
    for one in plan.masks:
        beside = row[one.beside] if one.beside else None
        third = (beside, row[one.also]) if one.also else beside
        value, why = masked(one, row[one.name], third)
        cell[one.name] = value
        if one.why:
            cell[one.name + ".why"] = why
    return cell


def masked(one: MaskField, value: Any, beside: Any) -> tuple[Any, str | None]:
    """Return (value, None), or (None, why there is none)."""
    mask = one.mask
    if isinstance(mask, Constant):
        return (float(mask.value) if one.inputs.type is FieldType.NUMBER else mask.value), None
    if isinstance(mask, Redact):
        return None, MASKED
    if value is None:
        return None, MISSING
    try:
        return RULES[type(mask)](one, value, beside), None
    except Absent as absent:
        return None, str(absent)


def _drop() -> Absent:
    return Absent(MASKED)


def _trim(text: str) -> str:
    while text and text[0] in WHITE:
        text = text[1:]
    while text and text[-1] in WHITE:
        text = text[:-1]
    return text


def _list(text: Any) -> list[str]:
    """Return the texts of a list in its one spelling."""
    try:
        items = json.loads(text)
    except ValueError:
        raise _drop() from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise _drop()
    if _list_text(items) != text:
        raise _drop()
    return items


def _list_text(items: list[str]) -> str:
    return json.dumps(items, separators=(",", ":"), ensure_ascii=True)


def _pass(one: MaskField, value: Any, beside: Any) -> Any:
    kind, codes = one.inputs.type, one.inputs.codes
    if kind is FieldType.NUMBER and not math.isfinite(value):
        raise _drop()
    if kind in {FieldType.STRING, FieldType.CODE} and _trim(value) == "":
        raise _drop()
    if kind is FieldType.CODE and codes is not None and value not in codes:
        raise _drop()
    if kind is FieldType.LIST:
        items = _list(value)
        if codes is not None and not all(item in codes for item in items):
            raise _drop()
    return value


FINEST_FIRST = (
    "instant", "minute", "hour", "part_of_day", "day", "month", "quarter", "year", "unknown",
)  # fmt: skip
ASKS_FOR = {"week_iso": "day", "week_mmwr": "day"}
DAY = dt.timedelta(days=1)


def _truncate(one: MaskField, value: Any, beside: Any) -> Any:
    mask: Any = one.mask
    unit = str(mask.to.value)
    known = beside if one.beside is not None else one.inputs.precision
    if one.beside is not None or known is not None:
        coarsest = FINEST_FIRST.index(ASKS_FOR.get(unit, unit))
        known = getattr(known, "value", known)
        if known not in FINEST_FIRST or FINEST_FIRST.index(known) > coarsest:
            raise _drop()
    if one.inputs.type is FieldType.DATE:
        return _first_day(unit, value)
    if unit in {"minute", "hour"}:
        width = dt.timedelta(minutes=1) if unit == "minute" else dt.timedelta(hours=1)
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return epoch + (value - epoch) // width * width
    if not dt.datetime(1, 1, 3, tzinfo=dt.UTC) <= value < dt.datetime(9999, 12, 30, tzinfo=dt.UTC):
        raise _drop()
    local = value.astimezone(ZoneInfo(mask.zone or "UTC"))
    if unit == "part_of_day":
        part = ("overnight", "morning", "afternoon", "evening")[local.hour // 6]
        return f"{local.date().isoformat()} {part}"
    return _first_day(unit, local.date())


def _first_day(unit: str, day: dt.date) -> dt.date:
    """Step back day by day to the first of the period."""
    begins: dict[str, Callable[[dt.date], bool]] = {
        "day": lambda _: True,
        "week_iso": lambda d: d.isoweekday() == 1,
        "week_mmwr": lambda d: d.isoweekday() == 7,
        "month": lambda d: d.day == 1,
        "quarter": lambda d: d.day == 1 and d.month in {1, 4, 7, 10},
        "year": lambda d: (d.month, d.day) == (1, 1),
    }
    while not begins[unit](day) and day > dt.date.min:
        day -= DAY
    return day


YEARS = {
    "years": 1, "months": 12, "weeks": 52, "days": 365, "hours": 24 * 365, "minutes": 1440 * 365,
}  # fmt: skip


def _band(one: MaskField, value: Any, beside: Any) -> str:
    mask: Any = one.mask
    if not math.isfinite(value):
        raise _drop()
    if one.beside is not None:
        if beside not in YEARS:
            raise _drop()
        value //= YEARS[beside]
    lows = list(mask.cuts) if mask.cuts is not None else list(range(0, mask.topcode, mask.width))
    if mask.topcode is not None:
        lows = [low for low in lows if low < mask.topcode] + [mask.topcode]
    if value < lows[0]:
        raise _drop()
    for low, high in itertools.pairwise(lows):
        if low <= value < high:
            if one.inputs.type is FieldType.NUMBER:
                return f"{low}-<{high}"
            return str(low) if low + 1 == high else f"{low}-{high - 1}"
    return f"{lows[-1]}+"


def _round(one: MaskField, value: Any, beside: Any) -> Any:
    mask: Any = one.mask
    base = Fraction(mask.base)
    if one.inputs.type is FieldType.INTEGER:
        multiple = round(Fraction(value) / base)  # Python's round: ties to even
        while not -(2**63) <= multiple * base < 2**63:
            multiple -= 1 if multiple > 0 else -1
        return int(multiple * base)
    if not math.isfinite(value):
        raise _drop()
    # Ties are judged in doubles, as the value came: 0.35 is meant, not 0.34999999999999998.
    multiple = value * base.denominator / base.numerator
    if not math.isfinite(multiple):
        raise _drop()
    whole = float(round(multiple)) * base.numerator / base.denominator
    if not math.isfinite(whole):
        raise _drop()
    return whole + 0.0


def _zip3(one: MaskField, value: Any, beside: Any) -> str:
    text = _trim(value)
    digits = text.replace("-", "", 1) if text[5:6] == "-" else text
    if len(digits) not in {5, 9} or not set(digits) <= DIGITS or (len(text) == 6):
        raise _drop()
    return digits[:3] if digits[:3] in (one.inputs.table or {}) else "000"


def _area(one: MaskField, value: Any, beside: Any) -> str:
    """Climb from the code, as the table has it, until the area is of the kind that is asked for."""
    mask: Any = one.mask
    areas = TABLES[one.table.split()[0]].areas
    while value in areas:
        kind, parent = areas[value]
        if kind.value == mask.to.value:
            return str(value)
        value = parent
    raise _drop()


def _e7(one: MaskField, value: Any, other: Any) -> tuple[int, int]:
    """Return the point in ten-millionths of a degree."""
    lat, lon = (value, other) if one.inputs.latitude else (other, value)
    if lon is None or lat is None or not math.isfinite(lat) or not math.isfinite(lon):
        raise _drop()
    if abs(lat) > 90 or abs(lon) > 180:
        raise _drop()
    north, east = round(lat * 10**7), round(lon * 10**7)
    if north == east == 0:
        raise _drop()
    box = one.inputs.box
    if box is not None:
        # Go east from the western edge, around the globe where need be.
        wide = (box.east - box.west) % (360 * 10**7)
        inside = (east - box.west) % (360 * 10**7) <= wide or abs(north) == 90 * 10**7
        if not inside or north < box.south or north > box.north:
            raise _drop()
    if abs(north) == 90 * 10**7:
        east = 0
    return north, -180 * 10**7 if east == 180 * 10**7 else east


def _by_people(
    one: MaskField, finest: Any, inside: Callable[[Any, int], Any], levels: list[int]
) -> Any:
    """Return (level, cell) or (None, county) that a finest cell may be told by.

    `inside` gives the cell of a level that a finest cell lies in.
    """
    mask: Any = one.mask
    table = TABLES[one.table.split()[0]]
    lonely = dict(table.rows)
    for level in levels:
        cell = inside(finest, level)
        if sum(n for name, n in lonely.items() if inside(name, level) == cell) >= mask.min_people:
            return level, cell
        told = {
            name
            for name in lonely
            if sum(n for other, n in lonely.items() if inside(other, level) == inside(name, level))
            >= mask.min_people
        }
        lonely = {name: n for name, n in lonely.items() if name not in told}
    county = table.counties.get(finest)
    around = sum(n for name, n in lonely.items() if table.counties.get(name) == county)
    if county is None or finest not in lonely or around < mask.min_people:
        raise _drop()
    return None, county


def _grid(one: MaskField, value: Any, beside: Any) -> str:
    mask: Any = one.mask
    north, east = _e7(one, value, beside)
    step = Fraction(mask.step)

    def inside(name: str, level: int) -> tuple[int, int]:
        lat, lon = (int(part) for part in name.split(":"))
        return math.floor(Fraction(lat, 10**level)), math.floor(Fraction(lon, 10**level))

    finest = [math.floor(Fraction(e7, 10**7) / step) for e7 in (north, east)]
    levels = [n for n in range(8) if n == 0 or step * 10**n < 1]
    level, cell = _by_people(one, f"{finest[0]}:{finest[1]}", inside, levels)
    if level is None:
        return f"county:{cell}"
    width = format(float(step * 10**level), ".7f").rstrip("0").rstrip(".")
    return f"{width}:{cell[0] if one.inputs.latitude else cell[1]}"


def _h3(one: MaskField, value: Any, beside: Any) -> str:
    mask: Any = one.mask
    north, east = _e7(one, value, beside)
    finest = h3.latlng_to_cell(north / 10**7, east / 10**7, int(mask.step))
    levels = [int(mask.step), *reversed(range(5, int(mask.step)))]
    level, cell = _by_people(one, finest, h3.cell_to_parent, levels)
    return f"county:{cell}" if level is None else str(cell)


def _donut(one: MaskField, value: Any, beside: Any) -> int:
    """Walk from the point along a great circle, in three dimensions."""
    mask: Any = one.mask
    other, event = beside
    north, east = _e7(one, value, other)
    text = _somebody(event) if event is not None else None
    if text is None:
        raise _drop()
    digest = _hmac(one, text)
    u, v = (int(digest[at : at + 16], 16) // 2**11 / 2**53 for at in (0, 16))
    metres = math.sqrt(u * (mask.rmax**2 - mask.rmin**2) + mask.rmin**2)
    lat, lon = math.radians(north / 1e7), math.radians(east / 1e7)
    here = (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))
    to_north = (-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat))
    to_east = (-math.sin(lon), math.cos(lon), 0.0)
    angle, turn = metres / 6_371_008.8, 2 * math.pi * v
    x, y, z = (
        h * math.cos(angle) + math.sin(angle) * (n * math.cos(turn) + e * math.sin(turn))
        for h, n, e in zip(here, to_north, to_east, strict=True)
    )
    if one.inputs.latitude:
        return round(math.degrees(math.atan2(z, math.hypot(x, y))) * 10**5)
    there = round(math.degrees(math.atan2(y, x)) * 10**5)
    return -180 * 10**5 if there == 180 * 10**5 else there


KNOWN_TO_THE_DAY = {"instant", "minute", "hour", "part_of_day", "day"}


def _age(one: MaskField, value: Any, beside: Any) -> str:
    """Count the birthdays since the birth: of 29 February in common years on 1 March."""
    mask: Any = one.mask
    event, known = beside if one.also else (beside, "day")
    if event is None or known not in KNOWN_TO_THE_DAY or event < value:
        raise _drop()
    birthdays = 0
    for year in range(value.year + 1, event.year + 1):
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        late = (value.month, value.day) == (2, 29) and not leap
        birthday = dt.date(year, 3, 1) if late else value.replace(year=year)
        birthdays += birthday <= event
        if birthdays > 125:
            raise _drop()
    return f"{mask.topcode}+" if birthdays >= mask.topcode else str(birthdays)


def _birth_year(one: MaskField, value: Any, beside: Any) -> dt.date:
    """Go back from the later year: whoever is not met within 90 years is too old to be told."""
    event, known = beside if one.also else (beside, one.inputs.precision)
    known = "year" if known is None and not one.also else getattr(known, "value", known)
    if event is None or known not in FINEST_FIRST or known == "unknown":
        raise _drop()
    later = max(event.year, one.inputs.this_year)
    if value.year not in [later - years for years in range(90)]:
        raise _drop()
    return dt.date(value.year, 1, 1)


def _oldest_joined(one: MaskField, value: Any, beside: Any) -> str:
    """Read the age at which a group begins."""
    if value not in (one.inputs.codes or ()):
        raise _drop()
    begins = "".join(itertools.takewhile(DIGITS.__contains__, value))
    return "90+" if begins and int(begins) >= 90 else str(value)


def _date_shift(one: MaskField, value: Any, beside: Any) -> Any:
    mask: Any = one.mask
    person, known = beside if one.also else (beside, one.inputs.precision)
    known = "day" if known is None and not one.also else getattr(known, "value", known)
    text = _somebody(person) if person is not None else None
    if text is None or known not in KNOWN_TO_THE_DAY:
        raise _drop()
    width = 7 if mask.weekday == "keep" else 1
    offsets = [n for n in range(-(mask.max_days // width), mask.max_days // width + 1) if n]
    digest = bytes.fromhex(_hmac(one, text))
    days = dt.timedelta(days=width * offsets[int(digest[:8].hex(), 16) % len(offsets)])
    try:
        if one.inputs.type is FieldType.DATE:
            return value + days
        return _same_clock(value, days, ZoneInfo(one.inputs.zone))
    except OverflowError:
        raise _drop() from None


FIRST, LAST = dt.datetime(1, 1, 3, tzinfo=dt.UTC), dt.datetime(9999, 12, 30, tzinfo=dt.UTC)


def _same_clock(value: dt.datetime, days: dt.timedelta, zone: ZoneInfo) -> dt.datetime:
    """Return the first instant at which the zone's clock shows the moved date and the same time."""
    if not FIRST <= value < LAST:
        raise _drop()
    clock = value.astimezone(zone).replace(tzinfo=None) + days
    for back in (dt.timedelta(0), DAY):
        around = [(clock - back).replace(tzinfo=dt.UTC) + k * DAY for k in (-2, -1, 0, 1, 2)]
        ways = {one.astimezone(zone).utcoffset() or dt.timedelta(0) for one in around}
        found = [(clock - back).replace(tzinfo=dt.UTC) - way for way in ways]
        shown = [at for at in found if at.astimezone(zone).replace(tzinfo=None) == clock - back]
        if shown:
            at = min(shown) + back
            if not FIRST <= at < LAST:
                raise _drop()
            return at
    raise AssertionError("a clock shows every time of one of two days")


NOBODY = {"", "unknown", "unk", "n/a", "none", "null", "0", "test"}


def _somebody(value: str) -> str | None:
    """Return an identifier in its one spelling; None for what stands for nobody."""
    text = _trim(unicodedata.normalize("NFC", value))
    folded = text.casefold()
    return None if folded in NOBODY or set(folded) in ({"9"}, {"x"}) else text


def _pseudonym(one: MaskField, value: Any, beside: Any) -> str:
    text = _somebody(value)
    if text is None:
        raise _drop()
    mask: Any = one.mask
    index = _hmac(one, text)
    # A token is what the vault has under that index: a value that it lacks is a bug, not a null.
    return str((one.inputs.table or {})[index]) if mask.method.value == "token" else index


def _hmac(one: MaskField, text: str) -> str:
    key = one.inputs.key.hex().encode()
    message = one.inputs.domain.encode() + b"\x1f" + text.encode()
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()


def _map(one: MaskField, value: Any, beside: Any) -> str:
    table, rest = one.inputs.table or {}, one.inputs.unmapped
    if one.inputs.type is FieldType.LIST:
        found = {str(table[item]) if item in table else rest for item in _list(value)}
        return _list_text(sorted(item for item in found if item is not None))
    if value in table:
        return str(table[value])
    if rest is None:
        raise _drop()
    return rest


def _rare_to_other(one: MaskField, value: Any, beside: Any) -> str:
    frozen = set(one.inputs.table or {})
    if one.inputs.type is FieldType.LIST:
        return _list_text(sorted({item if item in frozen else "other" for item in _list(value)}))
    return str(value) if value in frozen else "other"


def _known_items(one: MaskField, value: Any) -> list[str]:
    items = _list(value)
    codes = one.inputs.codes
    if codes is not None and any(item not in codes for item in items):
        raise _drop()
    return items


def _count_list(one: MaskField, value: Any, beside: Any) -> int:
    return sum(1 for _ in _known_items(one, value))


def _has_any(one: MaskField, value: Any, beside: Any) -> bool:
    mask: Any = one.mask
    return any(item == code for item in _known_items(one, value) for code in mask.codes)


def _partial(one: MaskField, value: Any, beside: Any) -> str:
    mask: Any = one.mask
    if _trim(value) == "":
        raise _drop()
    letters = list(value)
    if len(letters) < mask.keep_last + 1:
        raise _drop()
    kept: int = mask.keep_last
    return "".join(["*" for _ in range(mask.width)] + letters[len(letters) - kept :])


def _clip(one: MaskField, value: Any, beside: Any) -> Any:
    mask: Any = one.mask
    if not math.isfinite(value):
        raise _drop()
    value = max(value, mask.low)
    value = min(value, mask.high)
    return value if one.inputs.type is FieldType.INTEGER else float(value) + 0.0


RULES: dict[type[Mask], Callable[[MaskField, Any, Any], Any]] = {
    Pass: _pass,
    Truncate: _truncate,
    Band: _band,
    Round: _round,
    Zip3: _zip3,
    GeoArea: _area,
    GeoGrid: _grid,
    GeoH3: _h3,
    GeoDonut: _donut,
    Pseudonym: _pseudonym,
    Map: _map,
    RareToOther: _rare_to_other,
    CountList: _count_list,
    HasAny: _has_any,
    Partial: _partial,
    Clip: _clip,
    Age: _age,
    BirthYear: _birth_year,
    OldestJoined: _oldest_joined,
    DateShift: _date_shift,
}


# --- classes ---


def _in_classes(
    plan: Plan, asked: Classes, rows: Sequence[Row], records: Sequence[Cell]
) -> list[Cell]:
    """Return the records of each class with k people and l values of each sensitive field."""
    whole = [record | _hidden(asked, row) for row, record in zip(rows, records, strict=True)]
    classes = [_class(asked, record) for record in whole]
    wrong: dict[Any, str | None] = {}
    for own in set(classes):
        members = [place for place, other in enumerate(classes) if other == own]
        people = {_person(rows[place][asked.person]) for place in members} - {None}
        values = [{whole[place][name] for place in members} - {None} for name in asked.sensitive]
        few, same = len(people) < asked.k, any(len(one) < asked.l for one in values)
        wrong[own] = "k" if few else "l" if same else None
    causes = {cause for cause in wrong.values() if cause is not None}
    if causes and not asked.suppress:
        raise Denied(min(causes))
    return [one for one, own in zip(records, classes, strict=True) if wrong[own] is None]


def _class(asked: Classes, record: Cell) -> tuple[Any, ...]:
    # Minus zero and zero look unlike in what leaves; and so do the two reasons for no value.
    return tuple((repr(record[name]), record.get(name + ".why")) for name in asked.alike)


def _hidden(asked: Classes, row: Row) -> Cell:
    cell: Cell = {}
    for one in asked.hidden:
        if isinstance(one.mask, Pseudonym):
            # Whoever has one pseudonym is alike in it, whatever it would be.
            cell[one.name] = _person(row[one.name])
            cell[one.name + ".why"] = MISSING if row[one.name] is None else MASKED
            continue
        beside = row[one.beside] if one.beside else None
        third = (beside, row[one.also]) if one.also else beside
        cell[one.name], cell[one.name + ".why"] = masked(one, row[one.name], third)
    return cell


# --- cells ---


def _table(
    plan: Plan, group: Group, suppress: Suppress, rows: Sequence[Row], records: Sequence[Cell]
) -> list[Cell]:
    inside = [
        (row, record)
        for row, record in zip(rows, records, strict=True)
        if record[group.time] in group.periods
    ]
    levels = [
        _with_coarser(one, _levels(plan, group, place, [r for _, r in inside], suppress.zeros))
        for place, one in enumerate(plan.masks)
    ]
    table = []
    for combination in itertools.product(*levels):
        key = {name: value for part in combination for name, value in part.items()}
        members = [row for row, record in inside if _lies(plan, record, key)]
        table.append(key | _measured(group, suppress, members, never=_never(suppress, key)))
    for kept in group.margins:
        table += _totals(plan, group, suppress, kept, inside, levels)
    return table


def _totals(
    plan: Plan,
    group: Group,
    suppress: Suppress,
    kept: Sequence[str],
    inside: Sequence[tuple[Row, Cell]],
    levels: Sequence[list[Cell]],
) -> list[Cell]:
    """Return the totals that keep some dimensions; whom a second suppression hides is not said."""
    over = {one.name for one in plan.masks} - set(kept)
    for_each = [
        [dict.fromkeys(one.columns) | {one.name + ".why": "total"}]
        if one.name in over
        else levels[place]
        for place, one in enumerate(plan.masks)
    ]
    table = []
    for combination in itertools.product(*for_each):
        key = {name: value for part in combination for name, value in part.items()}
        wanted = {k: v for k, v in key.items() if k.partition(".")[0] not in over}
        members = [row for row, record in inside if _lies(plan, record, key, over)]
        parts = [
            {name: value for part in parts for name, value in part.items()}
            for parts in itertools.product(*levels)
        ]
        never = all(_never(suppress, part) for part in parts if wanted.items() <= part.items())
        table.append(key | _measured(group, suppress, members, never=never))
    return table


def _with_coarser(one: MaskField, finest: list[Cell]) -> list[Cell]:
    """Return the levels of a dimension and, where it has coarser ones, each of those once."""
    if one.levels is None:
        return finest
    made: list[Cell] = []
    for at, name in enumerate(one.levels.names):
        for cell in finest:
            value = _climbed(one, cell[one.name], at)
            if value is None and at:
                continue
            told = cell | {one.name: value, one.name + ".level": None if value is None else name}
            raised = {column: told[column] for column in one.columns}
            if raised not in made:
                made.append(raised)
    return made


def _climbed(one: MaskField, value: Any, steps: int) -> Any:
    """Return the value of a coarser level that a value lies in; of none, none."""
    assert one.levels is not None
    for step in one.levels.above[:steps]:
        value = None if value is None else step[value]
    return value


def _lies(plan: Plan, record: Cell, key: Cell, over: Collection[str] = ()) -> bool:
    """Tell whether a masked record lies in a cell."""
    for one in plan.masks:
        if one.name in over:
            continue
        value, level = record[one.name], key.get(one.name + ".level")
        if level is not None and one.levels is not None:
            value = _climbed(one, value, one.levels.names.index(level))
        if value != key[one.name] or record.get(one.name + ".why") != key.get(one.name + ".why"):
            return False
    return True


def held_back_besides(expected: Sequence[Cell], found: Sequence[Cell]) -> bool:
    """Tell whether found cells are the expected ones, but that more of them may be suppressed."""

    def key(cell: Cell) -> str:
        return repr(sorted((k, str(v)) for k, v in cell.items() if k not in measures(cell)))

    def measures(cell: Cell) -> set[str]:
        names = {k for k, v in cell.items() if v == "suppressed"}
        names |= {k for one in (*expected, *found) for k, v in one.items() if v == "suppressed"}
        return names | {name.removesuffix(".why") for name in names}

    theirs = {key(cell): cell for cell in found}
    if sorted(theirs) != sorted(key(cell) for cell in expected):
        return False
    return all(
        theirs[key(cell)][name] == value or theirs[key(cell)].get(name + ".why") == "suppressed"
        for cell in expected
        for name, value in cell.items()
        if not name.endswith(".why")
    )


def _levels(plan: Plan, group: Group, place: int, records: list[Cell], zeros: str) -> list[Cell]:
    """Return every level: those that the plan can make, and those that the data hold."""
    one, closed = plan.masks[place], group.levels[place]
    names = [one.name, one.name + ".why"] if one.why else [one.name]
    listed = list(group.periods) if one.name == group.time else list(closed or ())
    levels = [dict.fromkeys(names) | {one.name: value} for value in listed]
    if zeros == "suppress" and one.name != group.time:
        reasons = sorted(reason.value for reason in one.mask.reasons(one.inputs))
        absent = [{one.name: None, one.name + ".why": reason} for reason in reasons]
        levels += absent if one.why else [{one.name: None}] * bool(reasons)
    for record in records:
        level = {name: record[name] for name in names}
        if level not in levels:
            levels.append(level)
    return levels


def _never(suppress: Suppress, key: Cell) -> bool:
    """Tell whether some item of `impossible` names each level that it speaks of."""
    return any(
        all(key[name] is not None and str(key[name]) in levels for name, levels in item)
        for item in suppress.impossible
    )


def _measured(group: Group, suppress: Suppress, members: list[Row], *, never: bool) -> Cell:
    cell: Cell = {}
    if never and members:
        raise Denied("impossible")
    for one in group.measures:
        if one.where is not None:
            cell |= _under(group, suppress, one, members)
            continue
        given = [row for row in members if one.function == "count_distinct" or _counts(row, one)]
        people = {_person(row[group.unit]) for row in given} - {None}
        if suppress.rounded_to:
            multiple = round(Fraction(len(people), suppress.rounded_to))
            cell |= {one.name: multiple * suppress.rounded_to, one.name + ".why": None}
            continue
        enough = len(people) >= suppress.min_cell and len(members) >= suppress.min_cell
        empty = not members and (never or suppress.zeros == "publish")
        if enough or empty:
            values: list[Any] = [row[one.field] for row in given]
            zero: Any = 0.0 if one.output is FieldType.NUMBER else 0
            count = one.function == "count_distinct"
            cell[one.name] = len(people) if count else sum(values, zero)
            cell[one.name + ".why"] = None
            if one.function == "mean":
                lacking = len(members) - len(given)
                told = len(given) >= suppress.min_cell
                told = told and (lacking == 0 or lacking >= suppress.min_cell)
                cell[one.name] = sum(values) / len(given) if told else None
                cell[one.name + ".why"] = None if told else suppress.marker
        else:
            cell[one.name] = None
            cell[one.name + ".why"] = suppress.marker
    return cell


def _under(group: Group, suppress: Suppress, one: MeasureNode, members: list[Row]) -> Cell:
    """Return a count under a condition; whether its rest is large enough is the attacker's."""
    assert one.where is not None
    met = [row for row in members if _holds(one.where, row[one.where.field]) is True]

    def fewest(rows: list[Row]) -> int:
        behind = group.person or group.unit
        people = {_person(row[behind]) for row in rows} - {None}
        return min(len(people), len(units(rows)), len(rows))

    def units(rows: list[Row]) -> set[str | None]:
        return {_person(row[group.unit]) for row in rows} - {None}

    whole = fewest(members) >= suppress.min_cell
    large = suppress.at_least and len(units(members)) >= suppress.at_least and whole
    empty = not met and suppress.zeros == "publish"
    told = fewest(met) >= suppress.min_cell or large or empty
    if suppress.rounded_to:
        multiple = round(Fraction(len(units(met)), suppress.rounded_to))
        return {one.name: multiple * suppress.rounded_to, one.name + ".why": None}
    return {
        one.name: len(units(met)) if told else None,
        one.name + ".why": None if told else suppress.marker,
    }


def _person(value: Any) -> str | None:
    if value is None:
        return None
    return _somebody(value) if isinstance(value, str) else str(value)


def _counts(row: Row, one: MeasureNode) -> bool:
    value: Any = row[one.field]
    return value is not None and math.isfinite(value)
