"""A dataset as its file writes it: schema, law that follows it, whom a row is about, maps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.canon import digest_of
from gateway.agreement.cursor import NAME, NO_NAMES, WORD, Cursor
from gateway.agreement.dataset import Dataset, FieldRule, MapTable, Subject
from gateway.agreement.finding import quoted
from gateway.agreement.provision_form import keys
from gateway.values import AgencyKind, DatasetId, FieldClass, FieldType, Means, Precision, Regime

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_OF_DATASET = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
PER_RECORD: Final = "per_record"
CODES = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{1,60}")
UNIT = re.compile(r"[^\s]{1,20}|see [a-z][a-z0-9_]*")
VALUE = re.compile(r"[^\s*]{1,60}")
PRECISIONS: Final = (*(one.value for one in Precision), PER_RECORD)


_DATASET = keys(
    "name version title grain provider_kinds unit person event_date regime subjects fields maps"
)


def dataset_of(top: Cursor) -> Dataset:
    """Return the dataset that a file states."""
    entries = top.closed(_DATASET)
    kinds: frozenset[AgencyKind] = frozenset()
    regimes: frozenset[Regime] = frozenset()
    subjects: tuple[Subject, ...] = ()
    made = Dataset(
        id=DatasetId(
            entries.read("name", lambda c: c.text(NAME_OF_DATASET), "none.none"),
            entries.read("version", lambda c: c.integer(1, 9999), 1),
        ),
        title=entries.read("title", Cursor.text, ""),
        grain=entries.read("grain", Cursor.text, ""),
        provider_kinds=entries.read("provider_kinds", lambda c: c.members(AgencyKind), kinds),
        unit=entries.read("unit", lambda c: c.text(NAME), ""),
        person=entries.read("person", lambda c: c.text_or_none(NAME), None),
        event_date=entries.read("event_date", lambda c: c.text_or_none(NAME), None),
        regime=entries.read("regime", _regime, regimes),
        subjects=entries.read("subjects", lambda c: c.each_or_none(_subject), subjects),
        fields=entries.read("fields", _fields, {}),
        maps=entries.read("maps", _maps, {}),
        digest=digest_of(top.document.value),
    )
    _names_known(top, made)
    return made


def _regime(at: Cursor) -> frozenset[Regime]:
    members = at.members(Regime)
    if Regime.NONE in members and len(members) > 1:
        at.wrong("`none` stands beside another regime")
    return members


def _subject(at: Cursor) -> Subject:
    entries = at.closed(keys("system fields"))
    return Subject(
        entries.read("system", lambda c: c.text(WORD), ""),
        entries.read("fields", lambda c: c.names(), NO_NAMES),
    )


def _names_known(top: Cursor, made: Dataset) -> None:
    """Note whatever names a field that the dataset does not have."""
    named = [("unit", made.unit), ("person", made.person), ("event_date", made.event_date)]
    named += [("subjects", name) for subject in made.subjects for name in subject.fields]
    for key, name in named:
        if name is not None and name not in made.fields:
            top.at(key, None).wrong(f"{quoted(name)} is no field of the dataset", "field-unknown")
    event = made.fields.get(made.event_date or "")
    if event is not None and event.type is not FieldType.DATE:
        top.at("event_date", None).wrong("`event_date` is not a date field")
    for field in made.fields.values():
        if field.time_precision == PER_RECORD and "time_precision" not in made.fields:
            at = top.at("fields", None).at(field.name, None)
            at.wrong("`per_record` needs a field `time_precision`", "field-unknown")


# --- fields ---


def _fields(at: Cursor) -> dict[str, FieldRule]:
    return {name: _field(name, below) for name, below in at.entries(NAME)}


def _field(name: str, at: Cursor) -> FieldRule:
    entries = at.closed(
        keys("type class means source"), keys("codes unit time_precision free_text")
    )
    source: tuple[tuple[str, str], ...] = ()
    made = FieldRule(
        name=name,
        type=entries.read("type", lambda c: c.member(FieldType), FieldType.STRING),
        field_class=entries.read(
            "class", lambda c: c.member(FieldClass), FieldClass.DIRECT_IDENTIFIER
        ),
        means=entries.read("means", lambda c: c.member(Means), Means.OTHER),
        codes=entries.read("codes", lambda c: c.text(CODES), None),
        unit=entries.read("unit", lambda c: c.text(UNIT), None),
        time_precision=entries.read("time_precision", lambda c: c.one_of(PRECISIONS), None),
        free_text=entries.read("free_text", _true, absent=False),
        source=entries.read("source", lambda c: c.each(_source), source),
    )
    if made.time_precision is not None and made.type is not FieldType.TIMESTAMP:
        at.wrong("`time_precision` stands on a field that is no timestamp")
    if made.type is FieldType.CODE and made.codes is None:
        at.wrong("a code without `codes`", "missing-key")
    return made


def _true(at: Cursor) -> bool:
    if at.value is not True:
        at.wrong(f"`{at.name}` is true, or it is left out")
    return True


def _source(at: Cursor) -> tuple[str, str]:
    entries = at.closed(keys("standard element"))
    return entries.read("standard", Cursor.text, ""), entries.read("element", Cursor.text, "")


# --- maps ---


def _maps(at: Cursor) -> dict[str, MapTable]:
    if at.is_none:
        return {}
    return {name: _map(name, below) for name, below in at.entries(NAME)}


def _map(name: str, at: Cursor) -> MapTable:
    if isinstance(at.value, dict) and at.value.get("kind") == "vocabulary":
        entries = at.closed(keys("kind values"))
        words = entries.read("values", lambda c: c.names(VALUE), NO_NAMES)
        return MapTable(name, {word: word for word in words}, None)
    entries = at.closed(keys("kind values unmapped"))
    entries.read("kind", lambda c: c.one_of(("code_map", "vocabulary")), "")
    return MapTable(
        name,
        entries.read("values", _mapping, {}),
        entries.read("unmapped", lambda c: c.text_or_none(VALUE), None),
    )


def _mapping(at: Cursor) -> Mapping[str, str]:
    return {code: below.text(VALUE) for code, below in at.entries(VALUE)}
