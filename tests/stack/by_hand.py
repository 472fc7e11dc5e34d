"""The county's agreement worked out by hand: what must leave, in plain Python, one field at a time.

Nothing of `gateway.masks` or `gateway.plan` is used here: a release that agrees with this page
agrees with what an officer reads in the file.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import yaml

from adapters import canonical
from adapters.base import Report
from gateway.cli.adapter import load
from gateway.plan.pushdown import Scan
from gateway.settings import adapter_settings
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.values import Column
    from tests.stack.county import Town

Row = dict[str, Any]

MISSING: Final = (None, "missing")
MASKED: Final = (None, "masked")
ZONE: Final = ZoneInfo("America/New_York")
HERE: Final = Path(__file__).parents[2] / "agreements"


def held(town: Town, agency: str, dataset: str) -> list[Row]:
    """Return every record of a dataset as the agency's own adapter reads it, all fields."""
    path = town.folder / "agencies" / agency / "adapter.toml"
    settings = adapter_settings(path)
    adapter = load(settings.adapter.kind)(settings.source, path.parent)
    named = DatasetId.parse(dataset)
    assert named is not None
    columns = tuple((name, one.type) for name, one in canonical.fields(named).items())
    scan = Scan(agency, "test", "test", named, columns, (), 1_000_000, 5_000, b"")
    return list(pa.Table.from_batches(list(adapter.scan(scan, Report()))).to_pylist())


@functools.cache
def maps_of(dataset: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the maps of a dataset file by name: each has `values` and `unmapped`."""
    text = (HERE / "datasets" / f"{dataset}.yaml").read_text()
    found: Mapping[str, Mapping[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)["maps"]
    return found


# --- one rule of a provision, as a function of the record ---


def passes(name: str) -> Callable[[Row], object]:
    """The value as it is."""
    return lambda row: MISSING if row[name] is None else row[name]


def month(name: str) -> Callable[[Row], object]:
    """The first day of the month."""
    return lambda row: MISSING if row[name] is None else row[name].replace(day=1)


def week(name: str) -> Callable[[Row], object]:
    """The Monday before, or the day itself."""
    return lambda row: (
        MISSING if row[name] is None else row[name] - dt.timedelta(days=row[name].weekday())
    )


def hour(name: str, precision: str = "") -> Callable[[Row], object]:
    """The full hour in UTC, where the source knew it."""

    def rule(row: Row) -> object:
        value: dt.datetime | None = row[name]
        if value is None:
            return MISSING
        if precision and row[precision] not in {"instant", "minute", "hour"}:
            return MASKED
        return value.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)

    return rule


def five_years(name: str, unit: str) -> Callable[[Row], object]:
    """Completed years in bands of five, 90 and above together."""
    in_a_year = {"years": 1, "months": 12, "weeks": 52, "days": 365}

    def rule(row: Row) -> object:
        if row[name] is None:
            return MISSING
        if row[unit] not in in_a_year:
            return MASKED
        years = row[name] // in_a_year[row[unit]]
        return "90+" if years >= 90 else f"{years // 5 * 5}-{years // 5 * 5 + 4}"

    return rule


def cut(name: str, *cuts: int, whole: bool) -> Callable[[Row], object]:
    """The band between two cuts."""

    def rule(row: Row) -> object:
        value = row[name]
        if value is None:
            return MISSING
        for low, high in itertools.pairwise(cuts):
            if low <= value < high:
                return f"{low}-{high - 1}" if whole else f"{low}-<{high}"
        return f"{cuts[-1]}+"

    return rule


def nearest(name: str, base: float) -> Callable[[Row], object]:
    """The nearest multiple, ties to the even one."""
    return lambda row: MISSING if row[name] is None else round(row[name] / base) * base


def zip3(name: str, known: Iterable[str]) -> Callable[[Row], object]:
    """Three digits of a prefix with more than 20,000 people, else 000."""
    listed = frozenset(known)
    return lambda row: (
        MISSING if row[name] is None else row[name][:3] if row[name][:3] in listed else "000"
    )


def state(name: str) -> Callable[[Row], object]:
    """The state of a county."""
    return lambda row: MISSING if row[name] is None else row[name][:2]


def mapped(name: str, dataset: str, table: str) -> Callable[[Row], object]:
    """The word of the table."""
    found = maps_of(dataset)[table]

    def rule(row: Row) -> object:
        if row[name] is None:
            return MISSING
        return found["values"].get(row[name], found["unmapped"])

    return rule


def mapped_list(name: str, dataset: str, table: str) -> Callable[[Row], object]:
    """The distinct words of the table, sorted, as the list's own spelling."""
    found = maps_of(dataset)[table]

    def rule(row: Row) -> object:
        if row[name] is None:
            return MISSING
        words = {found["values"].get(item, found["unmapped"]) for item in json.loads(row[name])}
        return json.dumps(sorted(words), separators=(",", ":"))

    return rule


# --- which records ---


def days_back(name: str, days: int, now: dt.datetime) -> Callable[[Row], bool]:
    """Return whether a civil date lies in the last `days`, where the agreement lives."""
    first = (now - dt.timedelta(days=days)).astimezone(ZONE).date()
    last = now.astimezone(ZONE).date()
    return lambda row: row[name] is not None and first <= row[name] <= last


def shown(row: Row, rules: Mapping[str, Callable[[Row], object]]) -> Row:
    """Return what must leave of a record: each field, and beside it why it is absent."""
    made: Row = {}
    for name, rule in rules.items():
        value = rule(row)
        absent = isinstance(value, tuple)
        made[name] = value[0] if isinstance(value, tuple) else value
        made[f"{name}.why"] = value[1] if absent and isinstance(value, tuple) else None
    return made


def columns_of(rows: list[Row], names: Iterable[str], columns: Iterable[Column] = ()) -> list[Row]:
    """Return rows with these columns and why each value is absent.

    Where there is one reason alone there is no column of reasons: the header says it for all.
    """
    notes = {one.name: dict(part.split("=", 1) for part in one.mask.arguments) for one in columns}

    def why(row: Row, name: str) -> object:
        if f"{name}.why" in row:
            return row[f"{name}.why"]
        return notes[name]["absent"] if row[name] is None else None

    return [
        {key: value for name in names for key, value in
         ((name, row[name]), (f"{name}.why", why(row, name)))}
        for row in rows
    ]  # fmt: skip


# --- tables ---


def cells(
    rows: Iterable[Row],
    keys: Mapping[str, Callable[[Row], object]],
    unit: str,
    sums: Mapping[str, str],
) -> dict[tuple[object, ...], dict[str, object]]:
    """Return what a table must say of each cell that holds a record; below 11 people, nothing.

    Args:
        rows: Records of the periods asked for.
        keys: The dimensions, masked.
        unit: What is counted; a record without one is nobody.
        sums: Measure to field; only who gave a number counts towards its sum.
    """
    inside: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        inside.setdefault(tuple(rule(row) for rule in keys.values()), []).append(row)
    made: dict[tuple[object, ...], dict[str, object]] = {}
    for key, several in inside.items():
        people = {row[unit] for row in several if row[unit] is not None}
        said: dict[str, object] = {"": len(people) if len(people) >= 11 else None}
        for measure, name in sums.items():
            gave = {row[unit] for row in several if row[unit] is not None and row[name] is not None}
            total = sum(row[name] for row in several if row[name] is not None)
            said[measure] = total if len(gave) >= 11 else None
        made[key] = said
    return made
