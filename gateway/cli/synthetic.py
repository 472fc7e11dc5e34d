"""Synthetic records of any dataset, for an officer who has no sample: people who do not exist.

A record is drawn field by field from what the dataset says of it: its closed list of codes, what it
means, its type. Whatever belongs to one person or one event is drawn together, so that an age fits
a birth date. Most records meet the provision's conditions, and some do not. The people and places
are those of the county of `accord demo`; the same seed gives the same records.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import FieldCondition, WithinCondition, meets
from gateway.agreement.spans import before
from gateway.cli.county.people import a_person
from gateway.masks.tables import Map
from gateway.values import FieldType, Means, list_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.cli.county.people import Person
    from gateway.values import Row, Scalar

ROWS_EACH: Final = 1.25
"""Records of a person, on average."""
_DAYS: Final = 90
_NULL: Final = 0.04
_MEETS: Final = 0.85
"""The share of values that a condition by value is drawn for."""
_FEW: Final = 6
_PRECISION: Final = "time_precision"
_MINUTE: Final = "minute"
_YEARS: Final = "years"
_SEE: Final = "see "


def synthetic(
    agreements: Agreements, rule: FlowRule, now: dt.datetime, count: int, seed: int
) -> list[Row]:
    """Return so many records of a flow's dataset, whose events lie before `now`."""
    drawing = _Drawing(agreements, rule, now, Random(f"{seed}:{rule.dataset.id}"))  # noqa: S311
    people = [
        a_person(drawing.random, number, now.date())
        for number in range(max(1, round(count / ROWS_EACH)))
    ]
    return [drawing.row(number, people) for number in range(count)]


@dataclass(frozen=True, slots=True)
class _Event:
    """What happened to whom, and when."""

    number: int
    person: Person
    at: dt.datetime


class _Drawing:
    """Draws records of one dataset for one provision."""

    def __init__(
        self, agreements: Agreements, rule: FlowRule, now: dt.datetime, random: Random
    ) -> None:
        self.random = random
        self._now = now
        self._rule = rule
        self._words = {
            name: _words(one, rule, agreements.codes.lists)
            for name, one in rule.dataset.fields.items()
        }
        # What another field is measured in, or how exact a time is, would else spoil that field.
        units = [one.unit or "" for one in rule.dataset.fields.values()]
        self._about = {one.removeprefix(_SEE) for one in units if one.startswith(_SEE)}
        when = rule.provision.when
        self._asked = {one.field: one for one in when if isinstance(one, FieldCondition)}
        windows = [one.window for one in when if isinstance(one, WithinCondition)]
        # A little further back than any window: some records are too old.
        first = min((before(now, one) for one in windows), default=now - dt.timedelta(days=_DAYS))
        self._back_s = 1.2 * (now - first).total_seconds()

    def row(self, number: int, people: Sequence[Person]) -> Row:
        """Return one record."""
        random = self.random
        at = self._now - dt.timedelta(seconds=round(random.uniform(60, self._back_s)))
        at = at.replace(microsecond=0)
        event = _Event(number, random.choice(people), at)
        return {name: self._value(one, event) for name, one in self._rule.dataset.fields.items()}

    def _value(self, field: FieldRule, event: _Event) -> Scalar:
        asked = self._asked.get(field.name)
        if asked is not None and self.random.random() < _MEETS:
            fitting = [one for one in asked.values if meets(one, asked)]
            if fitting:
                return self.random.choice(fitting)
        counted = field.name in (self._rule.dataset.unit, self._rule.dataset.event_date)
        if not counted and field.means is not Means.PERSON_ID and self.random.random() < _NULL:
            return None
        meant = _MEANT.get((field.means, field.type))
        if meant is not None:
            return meant(field, event)
        # Nobody objects unless it says so.
        return None if field.means is Means.OPT_OUT else self._typed(field)

    def _typed(self, field: FieldRule) -> Scalar:
        random = self.random
        match field.type:
            case FieldType.BOOLEAN:
                return random.random() < 1 / 2
            case FieldType.INTEGER:
                return min(int(random.expovariate(1 / 4)), 60)
            case FieldType.NUMBER:
                return round(random.uniform(0, 40), 1)
            case FieldType.DATE:
                return self._now.date() - dt.timedelta(days=random.randrange(_DAYS))
            case FieldType.TIMESTAMP:
                return self._now - dt.timedelta(minutes=random.randrange(_DAYS * 24 * 60))
            case FieldType.LIST:
                return list_text([self._word(field) for _ in range(random.randrange(3))])
            case FieldType.STRING | FieldType.CODE:
                return self._word(field)

    def _word(self, field: FieldRule) -> str:
        """Return a word of the field, the first ones most often."""
        known = self._words[field.name]
        if field.codes == _PRECISION:
            return _MINUTE
        if field.name in self._about:
            return _YEARS if _YEARS in known else known[0]
        return known[int(len(known) * self.random.random() ** 2)]


_MEANT: Final[Mapping[tuple[Means, FieldType], Callable[[FieldRule, _Event], Scalar]]] = {
    (Means.NAME, FieldType.STRING): lambda field, of: (
        of.person.given if "first" in field.name else of.person.family
    ),
    (Means.DATE_OF_BIRTH, FieldType.DATE): lambda _, of: of.person.born,
    (Means.PHONE, FieldType.LIST): lambda _, of: list_text(of.person.phones),
    (Means.PHONE, FieldType.STRING): lambda _, of: next(iter(of.person.phones), None),
    (Means.ADDRESS, FieldType.STRING): lambda _, of: of.person.home.line,
    (Means.ZIP, FieldType.STRING): lambda _, of: of.person.home.quarter.zip,
    (Means.COUNTY, FieldType.STRING): lambda _, of: of.person.home.quarter.fips,
    (Means.TRACT, FieldType.STRING): lambda _, of: of.person.home.quarter.tract,
    (Means.COORDINATES, FieldType.NUMBER): lambda field, of: (
        of.person.home.lat if "lat" in field.name else of.person.home.lon
    ),
    (Means.AGE, FieldType.INTEGER): lambda _, of: of.person.age(of.at.date()),
    (Means.AGE, FieldType.NUMBER): lambda _, of: float(of.person.age(of.at.date())),
    (Means.EVENT_TIME, FieldType.TIMESTAMP): lambda _, of: of.at,
    (Means.EVENT_TIME, FieldType.DATE): lambda _, of: of.at.date(),
    (Means.PERSON_ID, FieldType.STRING): lambda _, of: f"SYN-P{of.person.number:05}",
    (Means.RECORD_ID, FieldType.STRING): lambda _, of: f"SYN-{of.number:06}",
    (Means.INCIDENT_ID, FieldType.STRING): lambda _, of: f"SYN-{of.number:06}",
}
"""What a field's meaning and type make of the person and the event of a record."""


def _words(field: FieldRule, rule: FlowRule, lists: Mapping[str, tuple[str, ...]]) -> Sequence[str]:
    """Return the field's codes, or what a table of its mask knows; else a few synthetic words."""
    mask = rule.provision.release.get(field.name)
    if field.codes is not None and field.codes in lists:
        return lists[field.codes]
    if isinstance(mask, Map):
        return tuple(rule.dataset.maps[mask.table].values)
    return tuple(f"synthetic {field.name} {number}" for number in range(1, _FEW))
