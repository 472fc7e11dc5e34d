"""Words of the language that this version reads, checks and refuses at load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.masks.base import NUMBERS, TEXT, TIMES, Mask
from gateway.values import FieldType


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
    accepts: ClassVar[frozenset[FieldType]] = TIMES
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
    accepts: ClassVar[frozenset[FieldType]] = NUMBERS
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class RareToOther(Mask):
    """Categories outside a frozen list leave as `other`."""

    table: str
    name: ClassVar[str] = "rare_to_other"
    accepts: ClassVar[frozenset[FieldType]] = TEXT
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
