"""The closed set of masks: transforms of one field, each with its guarantee.

A mask is written twice in Accord. Here it is a function of one *original* value, its specification;
in `plan/lower` it is one Polars expression, its speed; tests hold the two equal. Every mask is
total: null leaves as `missing`, what it cannot read leaves as `masked`, and none raises on a value
of its type. No mask is an unkeyed hash, draws fresh noise or scrubs prose: each of those can be
undone, or cannot be guaranteed.

The source of every rule is the project's specification of disclosure control; citations of
regulations are pointers, and counsel must confirm them.
"""

from __future__ import annotations

import datetime as dt
import functools
import hmac
import itertools
import math
import re
import unicodedata
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from zoneinfo import ZoneInfo

from gateway.values import FieldType, MaskNote, Precision, Scalar, list_text, text_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Marker(StrEnum):
    """Why a value is not there; the three are kept apart, also for the recipient."""

    MISSING = "missing"
    MASKED = "masked"
    SUPPRESSED = "suppressed"


Masked: TypeAlias = Scalar | Marker
"""What a mask gives: a value, or why there is none. Never None."""

WHITE_SPACE = (
    " \t\n\x0b\x0c\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode White_Space: spelled out, since two libraries' ideas of blank differ."""

_TEXT = frozenset({FieldType.STRING, FieldType.CODE})
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMBER})
_TIMES = frozenset({FieldType.DATE, FieldType.TIMESTAMP})
_ANY = frozenset(FieldType)

_MISSING_ONLY = frozenset({Marker.MISSING})
_BOTH = frozenset({Marker.MISSING, Marker.MASKED})


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a mask works with besides the value, fixed before the first row.

    Attributes:
        type: Type of the field.
        codes: The closed list of the field's codes, or None where it is open.
        precision: What the field's time is good for, where that is fixed; None where the row says
            it.
        has_beside: Whether the row function is given a second original value (precision, or the
            other coordinate).
        table: The reference table or map that the mask names.
        unmapped: What a map gives for what it does not list, or None for `masked`.
        key: 32 bytes, for a pseudonym.
        domain: The domain of a pseudonym.
        latitude: For a grid: whether this field is the latitude of the pair.
    """

    type: FieldType
    codes: tuple[str, ...] | None = None
    precision: Precision | None = None
    has_beside: bool = False
    table: Mapping[str, str | int] | None = None
    vocabulary: bool = False
    unmapped: str | None = None
    key: bytes = b""
    domain: str = ""
    latitude: bool = True


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask with its parameters.

    Subclasses state their guarantee in the first line of their docstring.

    Attributes:
        name: The word in an agreement file.
        accepts: Field types that it can read.
        built: False for a word of the language that this version refuses at load.
    """

    name: ClassVar[str] = ""
    accepts: ClassVar[frozenset[FieldType]] = frozenset()
    built: ClassVar[bool] = True

    def note(self) -> MaskNote:
        """Return the mask as a header tells it."""
        arguments = tuple(
            f"{part.name}={_spell(value)}"
            for part in fields(self)
            if (value := getattr(self, part.name)) is not None
        )
        return MaskNote(self.name, arguments)

    @property
    def guarantee(self) -> str:
        """The sentence that an officer reads: what leaves, and what a recipient can still infer."""
        return " ".join((type(self).__doc__ or "").split("\n\n", 1)[0].split())

    def output(self, type_: FieldType) -> FieldType:
        """Return the type of what leaves, from the type of the field."""
        return type_

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return every text that can leave, where that is a closed set, else None."""
        del inputs
        return None

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return why a value may be absent: it follows from the plan, never from the data."""
        del inputs
        return _BOTH

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the function of (original value, value beside it) that this mask is."""
        raise NotImplementedError(self.name)


def _spell(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)


@dataclass(frozen=True, slots=True)
class Pass(Mask):
    """The value leaves unchanged, after a check of its type and of its code list."""

    name: ClassVar[str] = "pass"
    accepts: ClassVar[frozenset[FieldType]] = _ANY

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the field's closed codes."""
        return inputs.codes if inputs.type is FieldType.CODE else None

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too where a value can be impossible: text, codes, numbers."""
        exact = {FieldType.INTEGER, FieldType.BOOLEAN, FieldType.DATE, FieldType.TIMESTAMP}
        return _MISSING_ONLY if inputs.type in exact else _BOTH

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return a check; blank text, unlisted codes and numbers not finite are `masked`."""
        match inputs.type:
            case FieldType.NUMBER:
                return _pass_number
            case FieldType.CODE if inputs.codes is not None:
                return functools.partial(_pass_code, frozenset(inputs.codes))
            case FieldType.LIST if inputs.codes is not None:
                return functools.partial(_pass_list, re.compile(list_pattern(inputs.codes)))
            case FieldType.LIST:
                return _pass_any_list
            case FieldType.STRING | FieldType.CODE:
                return _pass_text
            case _:
                return _pass_exact


def list_pattern(codes: tuple[str, ...]) -> str:
    """Return a regular expression for the JSON text of a list of these codes and no others."""
    # As it stands in the text: quotes and letters beyond ASCII are escaped there.
    spelled = (list_text([code])[2:-2] for code in sorted(codes))
    one = '"(?:' + "|".join(map(re.escape, spelled)) + ')"'
    return rf"^\[(?:{one}(?:,{one})*)?\]$"


def _pass_exact(value: Scalar, _beside: Scalar) -> Masked:
    return Marker.MISSING if value is None else value


def _pass_number(value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if isinstance(value, (int, float)) and math.isfinite(value) else Marker.MASKED


def _pass_text(value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if isinstance(value, str) and value.strip(WHITE_SPACE) else Marker.MASKED


def _pass_code(codes: frozenset[str], value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if value in codes else Marker.MASKED


def _pass_list(pattern: re.Pattern[str], value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    # The whole text: `$` would also stand before a final line end.
    return value if isinstance(value, str) and pattern.fullmatch(value) else Marker.MASKED


def _pass_any_list(value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if text_list(value) is not None else Marker.MASKED


@dataclass(frozen=True, slots=True)
class Redact(Mask):
    """Nothing about the value leaves, not even whether it was recorded."""

    name: ClassVar[str] = "redact"
    accepts: ClassVar[frozenset[FieldType]] = _ANY

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` alone: null is masked too, so presence does not show."""
        del inputs
        return frozenset({Marker.MASKED})

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return a function that is `masked` for every value."""
        del inputs
        return lambda _value, _beside: Marker.MASKED


@dataclass(frozen=True, slots=True)
class Constant(Mask):
    """The same literal leaves in every row, null included: nothing about the value."""

    value: bool | int | str
    name: ClassVar[str] = "constant"
    accepts: ClassVar[frozenset[FieldType]] = frozenset(
        {FieldType.STRING, FieldType.CODE, FieldType.INTEGER, FieldType.BOOLEAN, FieldType.NUMBER}
    )

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the literal, where it is text."""
        del inputs
        return (self.value,) if isinstance(self.value, str) else None

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return nothing: the value is always there."""
        del inputs
        return frozenset()

    def literal(self, type_: FieldType) -> bool | int | float | str:
        """Return the literal in the field's type."""
        return float(self.value) if type_ is FieldType.NUMBER else self.value

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return a function that is the literal for every value."""
        literal = self.literal(inputs.type)
        return lambda _value, _beside: literal


class Unit(StrEnum):
    """Units of `truncate`, finest first; a week stands above `day` only."""

    MINUTE = "minute"
    HOUR = "hour"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    WEEK_ISO = "week_iso"
    WEEK_MMWR = "week_mmwr"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


CLOCK_UNITS = frozenset({Unit.MINUTE, Unit.HOUR})
_ORDER = {precision: place for place, precision in enumerate(Precision)}
_NEEDS = {
    Unit.MINUTE: Precision.MINUTE,
    Unit.HOUR: Precision.HOUR,
    Unit.PART_OF_DAY: Precision.PART_OF_DAY,
    Unit.DAY: Precision.DAY,
    Unit.WEEK_ISO: Precision.DAY,
    Unit.WEEK_MMWR: Precision.DAY,
    Unit.MONTH: Precision.MONTH,
    Unit.QUARTER: Precision.QUARTER,
    Unit.YEAR: Precision.YEAR,
}

FIRST_INSTANT = dt.datetime(1, 1, 3, tzinfo=dt.UTC)
LAST_INSTANT = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
"""Beyond these a zone's civil day may lie outside the calendar; such instants are a system's `never`."""

PARTS_OF_DAY = ("overnight", "morning", "afternoon", "evening")
"""Quarters of the civil day, from midnight, six hours each."""


def fine_enough(unit: Unit) -> frozenset[str]:
    """Return the precisions that a row may have for `unit` to say nothing that was not known."""
    return frozenset(p.value for p in Precision if _ORDER[p] <= _ORDER[_NEEDS[unit]])


@dataclass(frozen=True, slots=True)
class Truncate(Mask):
    """Values of one period leave equal, and none more exactly than the source knew it."""

    to: Unit
    zone: str | None = None
    name: ClassVar[str] = "truncate"
    accepts: ClassVar[frozenset[FieldType]] = _TIMES

    def output(self, type_: FieldType) -> FieldType:
        """Return a civil date for every unit that is not of the clock; a part of a day is text."""
        if type_ is FieldType.DATE:
            return FieldType.DATE
        if self.to in CLOCK_UNITS:
            return FieldType.TIMESTAMP
        return FieldType.STRING if self.to is Unit.PART_OF_DAY else FieldType.DATE

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too where precision may be too coarse, or an instant have no civil day."""
        civil = inputs.type is FieldType.TIMESTAMP and self.to not in CLOCK_UNITS
        if inputs.has_beside or civil:
            return _BOTH
        fixed = inputs.precision
        return _MISSING_ONLY if fixed is None or fixed in fine_enough(self.to) else _BOTH

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the start of the period, `masked` where the precision is coarser."""
        cut = self._cut_date if inputs.type is FieldType.DATE else self._cut_instant()
        fine = fine_enough(self.to)
        fixed = inputs.precision

        def apply(value: Scalar, beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            known = beside if inputs.has_beside else fixed
            if (inputs.has_beside or fixed is not None) and known not in fine:
                return Marker.MASKED
            return cut(value)

        return apply

    def _cut_date(self, value: Scalar) -> Masked:
        assert isinstance(value, dt.date)  # noqa: S101 - the adapter's schema was checked
        return floor_date(value, self.to)

    def _cut_instant(self) -> Callable[[Scalar], Masked]:
        if self.to in CLOCK_UNITS:
            hour = self.to is Unit.HOUR

            def clock(value: Scalar) -> Masked:
                assert isinstance(value, dt.datetime)  # noqa: S101
                minute = 0 if hour else value.minute
                return value.astimezone(dt.UTC).replace(minute=minute, second=0, microsecond=0)

            return clock
        zone = ZoneInfo(self.zone or "UTC")

        def civil(value: Scalar) -> Masked:
            assert isinstance(value, dt.datetime)  # noqa: S101
            if not FIRST_INSTANT <= value < LAST_INSTANT:
                return Marker.MASKED
            local = value.astimezone(zone)
            if self.to is Unit.PART_OF_DAY:
                return f"{local.date().isoformat()} {PARTS_OF_DAY[local.hour // 6]}"
            return floor_date(local.date(), self.to)

        return civil


def floor_date(day: dt.date, unit: Unit) -> dt.date:
    """Return the first day of the period of `unit` that `day` lies in."""
    match unit:
        case Unit.WEEK_ISO:
            return day - dt.timedelta(days=day.weekday())
        case Unit.WEEK_MMWR:
            # The calendar begins on a Monday.
            return dt.date.fromordinal(max(day.toordinal() - (day.weekday() + 1) % 7, 1))
        case Unit.MONTH:
            return day.replace(day=1)
        case Unit.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case Unit.YEAR:
            return day.replace(month=1, day=1)
        case _:
            return day


AGE_DIVISORS = {
    "years": 1,
    "months": 12,
    "weeks": 52,
    "days": 365,
    "hours": 8_760,
    "minutes": 525_600,
}
"""How many of a unit make a year, for an age whose unit stands in another field."""


@dataclass(frozen=True, slots=True)
class Band(Mask):
    """Only the half-open band leaves, the last one open; below the first cut is `masked`.

    An age whose unit stands beside it is turned into completed years first; one without a known
    unit is `masked`, so that six months never become six years.
    """

    width: int | None = None
    topcode: int | None = None
    cuts: tuple[int, ...] | None = None
    name: ClassVar[str] = "band"
    accepts: ClassVar[frozenset[FieldType]] = _NUMBERS

    def edges(self) -> tuple[int, ...]:
        """Return the lower edges of all bands, ascending; the last band is open above."""
        if self.cuts is not None:
            more = (self.topcode,) if self.topcode is not None else ()
            return tuple(cut for cut in self.cuts if not more or cut < more[0]) + more
        assert self.width is not None  # noqa: S101 - the parser demands width or cuts
        assert self.topcode is not None  # noqa: S101
        return (*range(0, self.topcode, self.width), self.topcode)

    def labels(self, type_: FieldType) -> tuple[str, ...]:
        """Return the label of each band, in the order of `edges`."""
        edges = self.edges()
        whole = type_ is FieldType.INTEGER
        spans = itertools.pairwise(edges)
        return (*(_span(low, high, whole=whole) for low, high in spans), f"{edges[-1]}+")

    def output(self, type_: FieldType) -> FieldType:
        """Return text: a band is a label."""
        del type_
        return FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the labels."""
        return self.labels(inputs.type)

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the label of the band that a value lies in."""
        edges, labels = self.edges(), self.labels(inputs.type)

        def apply(value: Scalar, beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            if inputs.has_beside:
                divisor = AGE_DIVISORS.get(beside) if isinstance(beside, str) else None
                if divisor is None or not isinstance(value, int):
                    return Marker.MASKED
                value //= divisor
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < edges[0]:
                return Marker.MASKED
            place = sum(1 for edge in edges if value >= edge) - 1
            return labels[place]

        return apply


def _span(low: int, high: int, *, whole: bool) -> str:
    if not whole:
        return f"{low}-<{high}"
    return f"{low}" if high - low == 1 else f"{low}-{high - 1}"


@dataclass(frozen=True, slots=True)
class Round(Mask):
    """Only the nearest multiple of the base leaves, ties to the even one."""

    base: str
    name: ClassVar[str] = "round"
    accepts: ClassVar[frozenset[FieldType]] = _NUMBERS

    def ratio(self) -> tuple[int, int]:
        """Return the base as numerator and denominator, so that 0.1 does not become 0.1000…1."""
        exact = Fraction(self.base)
        return exact.numerator, exact.denominator

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too for numbers, which may be infinite."""
        return _MISSING_ONLY if inputs.type is FieldType.INTEGER else _BOTH

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the nearest multiple; an integer field takes an integer base."""
        up, down = self.ratio()
        if inputs.type is FieldType.INTEGER:
            return functools.partial(_round_integer, up)

        def apply(value: Scalar, _beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                return Marker.MASKED
            multiple = float(value) * down / up
            if not math.isfinite(multiple):
                return Marker.MASKED
            result = float(round(multiple)) * up / down
            # A negative zero says which side a value came from.
            return (result or 0.0) if math.isfinite(result) else Marker.MASKED

        return apply


def _round_integer(base: int, value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    assert isinstance(value, int)  # noqa: S101
    multiple, rest = divmod(value, base)
    up = 2 * rest > base or (2 * rest == base and multiple % 2 == 1)
    least, most = whole_multiples(base)
    return min(max(multiple + up, least), most) * base


def whole_multiples(base: int) -> tuple[int, int]:
    """Return the least and the most multiple of `base` that an integer of 64 bits can hold."""
    return -(2**63 // base), (2**63 - 1) // base


ZIP_PATTERN = rf"^[{WHITE_SPACE}]*([0-9]{{3}})[0-9]{{2}}(?:-?[0-9]{{4}})?[{WHITE_SPACE}]*$"
"""Digits and blanks are spelled out: what a library counts as such differs."""


@dataclass(frozen=True, slots=True)
class Zip3(Mask):
    """Only three digits leave, where over 20,000 people live by the table, else `000`.

    45 CFR 164.514(b)(2)(i)(B); counsel must confirm.
    """

    table: str
    name: ClassVar[str] = "zip3"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING, FieldType.CODE})

    def output(self, type_: FieldType) -> FieldType:
        """Return text: a prefix is a code."""
        del type_
        return FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the permitted prefixes and `000`."""
        return ("000", *sorted(prefix for prefix in inputs.table or () if prefix != "000"))

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the prefix, `000` for an unlisted one, `masked` for what is no ZIP code."""
        permitted = frozenset(inputs.table or ())
        match = re.compile(ZIP_PATTERN).match

        def apply(value: Scalar, _beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            found = match(value) if isinstance(value, str) else None
            if found is None:
                return Marker.MASKED
            return found[1] if found[1] in permitted else "000"

        return apply


class Area(StrEnum):
    """Areas that `geo` can name."""

    TRACT = "tract"
    COUNTY = "county"
    REGION = "region"
    STATE = "state"


AREA_DIGITS = {Area.STATE: 2, Area.COUNTY: 5, Area.TRACT: 11}


@dataclass(frozen=True, slots=True)
class GeoArea(Mask):
    """Only the parent area leaves: the county or state of a census code."""

    to: Area
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = _TEXT

    def output(self, type_: FieldType) -> FieldType:
        """Return text: an area is a code."""
        del type_
        return FieldType.CODE

    def pattern(self) -> str:
        """Return the form of the codes that can be read: those of this area and of finer ones."""
        digits = AREA_DIGITS[self.to]
        finer = sorted(n for n in AREA_DIGITS.values() if n >= digits)
        rest = "|".join(rf"\d{{{n - digits}}}" for n in finer if n > digits)
        return rf"^(\d{{{digits}}})(?:{rest})?$" if rest else rf"^(\d{{{digits}}})$"

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the leading digits of a code, `masked` for what is not one."""
        del inputs
        match = re.compile(self.pattern(), re.ASCII).match

        def apply(value: Scalar, _beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            found = match(value) if isinstance(value, str) else None
            # `$` also stands before a final line end; a code with one is not a code.
            return found[1] if found is not None and "\n" not in value else Marker.MASKED  # type: ignore[operator]

        return apply


E7 = 10_000_000
LAT_MAX, LON_MAX = 90.0, 180.0


@dataclass(frozen=True, slots=True)
class GeoGrid(Mask):
    """Only a grid cell leaves, in which at least `min_people` live by the table."""

    step: str
    min_people: int
    to: ClassVar[str] = "grid"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})

    def step_e7(self) -> int:
        """Return the step in units of 1e-7 degrees."""
        return int(Fraction(self.step) * E7)

    def note(self) -> MaskNote:
        """Return the mask as a header tells it."""
        return MaskNote("geo", ("to=grid", f"step={self.step}", f"min_people={self.min_people}"))

    def output(self, type_: FieldType) -> FieldType:
        """Return an integer: the number of the cell."""
        del type_
        return FieldType.INTEGER

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the cell of this coordinate; both together decide whether it may leave."""
        step, table = self.step_e7(), inputs.table or {}

        def apply(value: Scalar, beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            lat, lon = (value, beside) if inputs.latitude else (beside, value)
            if not _a_point(lat, lon):
                return Marker.MASKED
            lat_cell = round(lat * E7) // step  # type: ignore[operator,arg-type]
            lon_cell = round(lon * E7) // step  # type: ignore[operator,arg-type]
            people = table.get(f"{lat_cell}:{lon_cell}", 0)
            if not isinstance(people, int) or people < self.min_people:
                return Marker.MASKED
            return int(lat_cell if inputs.latitude else lon_cell)

        return apply


def _a_point(lat: Scalar, lon: Scalar) -> bool:
    if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)):
        return False
    if not (math.isfinite(lat) and math.isfinite(lon)) or (lat == 0 and lon == 0):
        return False
    return abs(lat) <= LAT_MAX and abs(lon) <= LON_MAX


PLACEHOLDERS = (
    "", "unknown", "unk", "n/a", "none", "null", "0", "test", "te\u017ft", "te\ufb05", "te\ufb06",
)  # fmt: skip
"""In lower case; the last three fold to `test` too, which lower case alone does not see."""
PLACEHOLDER_PATTERN = r"^(?:9+|x+)$"
_REPEATED = re.compile(PLACEHOLDER_PATTERN)


def canon(value: str) -> str | None:
    """Return canon@1 of an identifier; None for a placeholder, which must never link people."""
    text = unicodedata.normalize("NFC", value).strip(WHITE_SPACE)
    folded = text.lower()
    return None if folded in PLACEHOLDERS or _REPEATED.match(folded) else text


def hmac_key_text(key: bytes) -> bytes:
    """Return the HMAC key: 64 lower-case hex characters as ASCII, exactly one SHA-256 block."""
    return key.hex().encode("ascii")


class Method(StrEnum):
    """How a pseudonym is made."""

    HMAC = "hmac"
    TOKEN = "token"  # noqa: S105 - a word of the language


class Scope(StrEnum):
    """Within what a pseudonym is equal to itself."""

    PROVISION = "provision"
    AGREEMENT = "agreement"
    RECIPIENT = "recipient"
    LINK_GROUP = "link_group"


@dataclass(frozen=True, slots=True)
class Pseudonym(Mask):
    """Equal inside its scope and period, unlinkable outside.

    HMAC-SHA-256 under a key that stays in the gateway.

    A recipient can still count how often one pseudonym comes. Not Safe Harbor (45 CFR 164.514(c));
    counsel must confirm.
    """

    method: Method
    scope: Scope
    rotate: str
    group: str | None = None
    name: ClassVar[str] = "pseudonym"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING})

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the HMAC of the value in its domain, as 64 lower-case hex characters."""
        key = hmac_key_text(inputs.key)
        prefix = inputs.domain.encode() + b"\x1f"

        def apply(value: Scalar, _beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            text = canon(value) if isinstance(value, str) else None
            if text is None:
                return Marker.MASKED
            return hmac.digest(key, prefix + text.encode(), "sha256").hex()

        return apply


@dataclass(frozen=True, slots=True)
class Map(Mask):
    """Only results of the table leave: the class or the listed word, the rest as it says."""

    table: str
    name: ClassVar[str] = "map"
    accepts: ClassVar[frozenset[FieldType]] = frozenset(
        {FieldType.STRING, FieldType.CODE, FieldType.LIST}
    )

    def output(self, type_: FieldType) -> FieldType:
        """Return a list for a list, else a code."""
        return FieldType.LIST if type_ is FieldType.LIST else FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return every result of the table, for a single value."""
        if inputs.type is FieldType.LIST:
            return None
        results = {str(to) for to in (inputs.table or {}).values()}
        return tuple(sorted(results | ({inputs.unmapped} if inputs.unmapped else set())))

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `missing` alone where the table says what becomes of the rest, and for lists."""
        if inputs.unmapped is not None and inputs.type is not FieldType.LIST:
            return _MISSING_ONLY
        return _BOTH

    def reader(self, inputs: Inputs) -> Callable[[Scalar, Scalar], Masked]:
        """Return the mapped value; of a list its distinct mapped values, sorted."""
        table = {key: str(to) for key, to in (inputs.table or {}).items()}
        rest = inputs.unmapped
        if inputs.type is FieldType.LIST:
            return functools.partial(_map_list, table, rest)

        def apply(value: Scalar, _beside: Scalar) -> Masked:
            if value is None:
                return Marker.MISSING
            found = table.get(value) if isinstance(value, str) else None
            return found if found is not None else (rest if rest is not None else Marker.MASKED)

        return apply


def _map_list(table: Mapping[str, str], rest: str | None, value: Scalar, _beside: Scalar) -> Masked:
    if value is None:
        return Marker.MISSING
    items = text_list(value)
    if items is None:
        return Marker.MASKED
    mapped = {table.get(item, rest) for item in items}
    return list_text(sorted(item for item in mapped if item is not None))


@dataclass(frozen=True, slots=True)
class CountOnly(Mask):
    """Leaves only within a count of distinct values, never as itself; shape aggregate only."""

    name: ClassVar[str] = "count_only"
    accepts: ClassVar[frozenset[FieldType]] = _ANY


@dataclass(frozen=True, slots=True)
class SumOnly(Mask):
    """Leaves only within a sum, never as itself; shape aggregate only."""

    name: ClassVar[str] = "sum_only"
    accepts: ClassVar[frozenset[FieldType]] = _NUMBERS


# Words of the language that this version reads, checks and refuses at load.


@dataclass(frozen=True, slots=True)
class Age(Mask):
    """Completed years at the event, the oldest together."""

    at: str
    topcode: int
    name: ClassVar[str] = "age"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.DATE})
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class DateShift(Mask):
    """One keyed offset per person, never zero; intervals survive. Not Safe Harbor."""

    max_days: int
    weekday: str
    name: ClassVar[str] = "date_shift"
    accepts: ClassVar[frozenset[FieldType]] = _TIMES
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class GeoH3(Mask):
    """A hexagonal cell in which at least `min_people` live."""

    step: str
    min_people: int
    to: ClassVar[str] = "h3"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class GeoDonut(Mask):
    """A keyed displacement by event that issuing again does not average away."""

    rmin: int
    rmax: int
    to: ClassVar[str] = "donut"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Partial(Mask):
    """Only the last characters leave, behind symbols whose number hides the length."""

    keep_last: int
    width: int
    name: ClassVar[str] = "partial"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING})
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Clip(Mask):
    """Exact inside the range, one-sided outside."""

    low: int
    high: int
    name: ClassVar[str] = "clip"
    accepts: ClassVar[frozenset[FieldType]] = _NUMBERS
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class RareToOther(Mask):
    """Categories outside a frozen list leave as `other`."""

    table: str
    name: ClassVar[str] = "rare_to_other"
    accepts: ClassVar[frozenset[FieldType]] = _TEXT
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class CountList(Mask):
    """Only the length of the list leaves."""

    name: ClassVar[str] = "count_list"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.LIST})
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class HasAny(Mask):
    """One bit leaves: whether the list holds one of these codes."""

    codes: tuple[str, ...]
    name: ClassVar[str] = "has_any"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.LIST})
    built: ClassVar[bool] = False


CLOSED_SET: tuple[type[Mask], ...] = (
    Pass, Redact, Constant, Truncate, Band, Round, Zip3, GeoArea, GeoGrid, Pseudonym, Map, CountOnly, SumOnly,
    Age, DateShift, GeoH3, GeoDonut, Partial, Clip, RareToOther, CountList, HasAny,
)  # fmt: skip
"""Every mask there is. A new one has a line here, one in `plan/lower`, and vectors."""
