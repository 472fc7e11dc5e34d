"""A programme's own sheet of naloxone given out: one row for each distribution, in canonical codes.

Participants have a code and no name; a distribution may have none. The sheet of a programme that
uses its own codes is not this one: `harm_reduction_redcap` maps those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters import canonical
from adapters.base import Record, Report, RowAdapter
from adapters.harm_reduction_cells import (
    COUNTY,
    ZIP,
    coded,
    columns,
    flag,
    formed,
    iso_day,
    several,
    whole,
)
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DATASET = DatasetId("harm_reduction.naloxone_distribution", 1)

COLUMNS = {
    "record_id": "record_id",
    "site": "site_id",
    "county_fips": "site_county_fips",
    "date": "distributed_on",
    "participant_code": "participant_code",
    "participant_zip": "participant_zip",
    "event_type": "event_type",
    "refill_reason": "refill_reason",
    "product": "naloxone_product",
    "kits": "kits",
    "reversals": "reversals_reported",
    "witnessed": "overdoses_witnessed",
    "ems_called": "ems_called",
    "police_called": "police_called",
    "outcome": "outcome",
    "drugs": "drugs_at_overdose",
    "syringes_out": "syringes_dispensed",
    "syringes_in": "syringes_returned",
    "test_strips": "fentanyl_test_strips",
}
"""Column of the sheet to field; `record_id` is the row's own key and no field."""

_CODED = {
    "event_type": "distribution_event",
    "refill_reason": "refill_reason",
    "naloxone_product": "naloxone_product",
    "outcome": "overdose_outcome",
}
_WHOLE = (
    *("kits", "reversals_reported", "overdoses_witnessed", "syringes_dispensed"),
    *("syringes_returned", "fentanyl_test_strips"),
)
_FLAGS = ("ems_called", "police_called")
_FORMS = {"site_county_fips": COUNTY, "participant_zip": ZIP}


@dataclass(frozen=True, slots=True)
class NaloxoneSettings:
    """What a feed's settings say of it.

    Attributes:
        county_fips: Of sites that name none, or None.
        doses_per_kit: By product; `doses` is null for another.
    """

    source_system: str
    county_fips: str | None = None
    doses_per_kit: Mapping[str, int] = field(default_factory=dict)


class Naloxone(RowAdapter):
    """One sheet."""

    def __init__(self, sheet: Path, settings: NaloxoneSettings) -> None:
        self._sheet = sheet
        self._settings = settings

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def rows(
        self,
        dataset: DatasetId,  # noqa: ARG002 - there is one
        wanted: frozenset[str],  # noqa: ARG002 - a row costs little beside its file
        report: Report,
    ) -> Iterator[Record]:
        """Yield the distributions by record id; of two with one id, the fuller."""
        newest: dict[str, Mapping[str, str]] = {}
        for row in columns(self._sheet, COLUMNS, (), report):
            key = row["record_id"]
            if not key:
                report.quarantine("no-record-key")
                continue
            if key in newest:
                report.notice("repeated-record", "record_id")
            if key not in newest or _filled(row) >= _filled(newest[key]):
                newest[key] = row
        for key in sorted(newest):
            values = {COLUMNS[name]: text for name, text in newest[key].items()}
            found = distribution(
                values, several(values["drugs_at_overdose"]), self._settings, report
            )
            if found is not None:
                yield found


def _filled(row: Mapping[str, str]) -> int:
    return sum(1 for text in row.values() if text)


def distribution(
    values: Mapping[str, str],
    drugs: tuple[str, ...] | None,
    settings: NaloxoneSettings,
    report: Report,
) -> Record | None:
    """Return the record of one distribution, or None, quarantined, where it has no date.

    Args:
        values: Text by field, codes already canonical; absent is empty.
        drugs: Codes of the drugs, null where nobody asked.
        settings: Of the feed.
        report: Takes what is unknown.
    """
    day = iso_day(values.get("distributed_on", ""))
    if day is None:
        report.quarantine("no-event-date")
        return None
    found: dict[str, str | int | bool | None] = {}
    for name, code_list in _CODED.items():
        same = {code: code for code in canonical.canonical().values[code_list]}
        found[name] = coded(values.get(name, ""), same, name, report)
    found |= {name: whole(values.get(name, ""), name, report) for name in _WHOLE}
    found |= {name: flag(values.get(name, ""), name, report) for name in _FLAGS}
    found |= {
        name: formed(values.get(name, ""), form, name, report) for name, form in _FORMS.items()
    }
    kits, product = found["kits"], found["naloxone_product"]
    per_kit = settings.doses_per_kit.get(str(product))
    return {
        **found,
        "record_kind": "event",
        "site_id": values.get("site_id") or None,
        "site_county_fips": found["site_county_fips"] or settings.county_fips,
        "distributed_on": day,
        "time_precision": "day",
        "participant_code": values.get("participant_code") or None,
        "doses": None if per_kit is None or not isinstance(kits, int) else kits * per_kit,
        "drugs_at_overdose": _known_drugs(drugs, report),
        "source_system": settings.source_system,
    }


def _known_drugs(drugs: tuple[str, ...] | None, report: Report) -> tuple[str, ...] | None:
    if drugs is None:
        return None
    known = canonical.canonical().values["suspected_drug"]
    for _ in range(sum(1 for drug in drugs if drug not in known)):
        report.notice("unknown-code", "drugs_at_overdose")
    return tuple(drug for drug in drugs if drug in known)
