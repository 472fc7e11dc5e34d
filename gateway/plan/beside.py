"""Which other fields of a record a mask reads besides its own. Pure.

A coordinate means nothing without the other, a number without its unit, an age without the day that
it is counted to; and of each time something may say what it is good for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.masks.ages import Age, BirthYear
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.numbers import Band
from gateway.masks.shift import DateShift
from gateway.masks.times import Truncate

if TYPE_CHECKING:
    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.index import FlowRule
    from gateway.masks.base import Mask

PRECISION: Final = "time_precision"
"""The field that says of each record what its times are good for."""


def beside_of(rule: FlowRule, mask: Mask, field: FieldRule) -> str | None:
    """Return the second field that a mask reads: the other coordinate, the unit, the event."""
    if isinstance(mask, (GeoGrid, GeoH3, GeoDonut)):
        return f"{stem(field.name)}_{'lon' if field.name.endswith('lat') else 'lat'}"
    if isinstance(mask, Band):
        # `unit: see age_unit`: the number means nothing without the other field.
        unit = field.unit or ""
        return unit.removeprefix("see ") if unit.startswith("see ") else None
    if isinstance(mask, (Age, BirthYear)):
        return mask.at
    if isinstance(mask, DateShift):
        return rule.dataset.person
    return _precision(rule, field) if isinstance(mask, Truncate) else None


def also_of(rule: FlowRule, mask: Mask, field: FieldRule) -> str | None:
    """Return the third field that a mask reads, behind that of `beside_of`."""
    if isinstance(mask, Age):
        return _precision(rule, rule.dataset.fields[mask.at])
    if isinstance(mask, BirthYear):
        # One column says it of both dates, and neither may be known less than to its year.
        return _precision(rule, field) or _precision(rule, rule.dataset.fields[mask.at])
    if isinstance(mask, GeoDonut):
        return rule.dataset.unit
    return _precision(rule, field) if isinstance(mask, DateShift) else None


def stem(name: str) -> str:
    """Return what a pair of coordinates is called without `_lat` and `_lon`."""
    return name.rpartition("_")[0]


def _precision(rule: FlowRule, field: FieldRule) -> str | None:
    """Return the field that says of each record what a time is good for, where one does."""
    if PRECISION not in rule.dataset.fields:
        return None
    per_record = field.time_precision == "per_record" or field.name == rule.dataset.event_date
    return PRECISION if per_record else None
