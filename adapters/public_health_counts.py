"""Pennsylvania's published rates of emergency visits for overdose, small counts hidden.

A row is a cell: place, quarter, indicator, measure, age group, sex. A cell without a value says why
in its notes; in one of the files that note leaked into the column of the measure, numbered down the
sheet, and the measure is then not known (CNT-3). Two such cells may be alike in all else: their ids
are told apart by their order. The state's own row is the state, never county 0 (CNT-5).
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import TYPE_CHECKING

from adapters import canonical
from adapters.base import Record, Report, RowAdapter
from adapters.hardened import records
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

DATASET = DatasetId("public_health.overdose_count", 1)
SOURCE = "PA ED syndromic"

_BY_COUNTY, _BY_PERSON = "Quarterly Rate", "Rate"
"""The column of the value, in either file."""

_REQUIRED = (
    "Overdose Type",
    "Type of Rate",
    "Time Measure",
    "Quarter Date Start",
    "Notes",
    "State FIPS Code",
    "County FIPS Code",
)
_OPTIONAL = (_BY_COUNTY, _BY_PERSON, "Age Group", "Gender")
_NOT_READ = (
    *("County Name", "Time Period", "Year", "County Code Number", "County Code Text"),
    *("Latitude", "Longitude", "Georeferenced Latitude & Longitude", "Latitude/Longitude"),
)
_LEAKED = re.compile(r"Suppressed/Not Displayed due to count between 1 and [0-9]+")
_HIDDEN = re.compile(r"count is between ([0-9]+) and ([0-9]+)")
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_NOWHERE = 999
_REASONS = ("suppressed", "no_source", "incomplete")  # the first that a note gives


class Counts(RowAdapter):
    """One or more of the files."""

    def __init__(self, files: Sequence[Path], source_system: str) -> None:
        self._files = files
        self._source = source_system

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def rows(
        self,
        dataset: DatasetId,  # noqa: ARG002 - there is one
        wanted: frozenset[str],  # noqa: ARG002 - a row costs little beside its file
        report: Report,
    ) -> Iterator[Record]:
        """Yield the cells, files and rows in their order."""
        ids: Counter[str] = Counter()
        for path in self._files:
            for row in records(path, _REQUIRED, (*_OPTIONAL, *_NOT_READ), report):
                cell = self._cell({name: text.strip() for name, text in row.items()}, report)
                if cell is None:
                    continue
                name = _cell_id(cell)
                ids[name] += 1
                if ids[name] > 1 and cell["measure"] is not None:
                    report.quarantine("repeated-cell")
                    continue
                yield {**cell, "cell_id": name if ids[name] == 1 else f"{name}~{ids[name]}"}

    def _cell(self, row: Mapping[str, str], report: Report) -> Record | None:
        place = _place(row)
        start = _date(row["Quarter Date Start"])
        if place is None or start is None:
            report.quarantine("no-place-or-period")
            return None
        text = row.get(_BY_COUNTY, row.get(_BY_PERSON, ""))
        rate = float(text) if _RATE.fullmatch(text) else None
        if text and rate is None:
            report.notice("unknown-value", "rate")
        reason = _reason(row["Notes"]) if rate is None else None
        hidden = _HIDDEN.search(row["Notes"]) if reason == "suppressed" else None
        return {
            **place,
            "period_start": start,
            "period_type": _coded(row["Time Measure"], "period_type", report),
            "indicator": _coded(row["Overdose Type"], "overdose_indicator", report, "indicator"),
            "measure": _measure(row["Type of Rate"], report),
            "age_band": _age_band(row.get("Age Group")),
            "sex": _coded(row.get("Gender", "All Genders"), "sex_or_all", report, "sex"),
            "rate": rate,
            "suppressed": reason == "suppressed",
            "suppression_rule": f"{hidden[1]}-{hidden[2]}" if hidden else None,
            "missing_reason": reason,
            "definition_id": "published-aggregate",
            "definition_version": "1",
            "source_system": self._source,
        }


def _place(row: Mapping[str, str]) -> Record | None:
    """Return level and code: `33` and `033` are one county, and 0 is the state."""
    state, county = row["State FIPS Code"], row["County FIPS Code"]
    if not re.fullmatch(r"[0-9]{2}", state) or not re.fullmatch(r"[0-9]{1,3}", county):
        return None
    if int(county) == _NOWHERE:  # out of state, in files of this publisher
        return None
    if int(county) == 0:
        return {"geography_level": "state", "geography_code": state}
    return {"geography_level": "county", "geography_code": f"{state}{int(county):03d}"}


def _date(text: str) -> dt.date | None:
    try:
        month, day, year = (int(part) for part in text.split("/"))
        return dt.date(year, month, day)
    except ValueError:
        return None


def _coded(text: str, code_list: str, report: Report, name: str = "") -> str | None:
    code = canonical.codes(code_list, SOURCE).get(text)
    if code is None:
        report.notice("unknown-code", name or code_list)
    return code


def _measure(text: str, report: Report) -> str | None:
    """Return the measure; null where a note stands in its place."""
    if _LEAKED.fullmatch(text) or text == "Not Applicable":
        report.notice("leaked-note", "measure")
        return None
    return _coded(text, "measure", report)


def _age_band(text: str | None) -> str:
    return "all" if text in {None, "All Ages"} else str(text)


def _reason(note: str) -> str:
    """Return why a cell is empty, `unknown` where the notes do not say."""
    spelt = canonical.codes("cell_missing_reason", SOURCE)
    found = {code for spelling, code in spelt.items() if spelling in note}
    return next((reason for reason in _REASONS if reason in found), "unknown")


def _cell_id(cell: Record) -> str:
    start = cell["period_start"]
    parts = (
        cell["geography_code"],
        start.isoformat() if isinstance(start, dt.date) else "",
        *(cell[name] or "-" for name in ("period_type", "indicator", "measure", "age_band", "sex")),
    )
    return "|".join(str(part) for part in parts)
