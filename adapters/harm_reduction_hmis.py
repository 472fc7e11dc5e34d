"""HMIS CSV exports, FY2026 v1, to outreach contacts: living situations and events.

Current living situations and events join through their enrollment to the project, and only projects
of type 4 are outreach. A living situation is written down where the person was met, so its outcome
is `contacted`; an event has none. Client and Exit are never opened, nor are the columns of
Enrollment that concern the courts. A row with `DateDeleted` is gone, and so is its earlier form.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import canonical, civil_time
from adapters.base import Record, Report, RowAdapter
from adapters.harm_reduction_cells import coded, columns, iso_day
from gateway.errors import Reason, SourceError
from gateway.values import DatasetId, Precision

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

DATASET = DatasetId("harm_reduction.outreach_contact", 1)
SOURCE = "HMIS CSV FY2026"
VERSION = "2026 v1"

_OUTREACH = "street_outreach"
_HASHED = "4"
_ENDS = ("DateCreated", "DateUpdated", "UserID", "DateDeleted", "ExportID")
_LAYOUT = {
    "Export": None,
    "Project": None,
    "Enrollment": None,
    "CurrentLivingSituation": (
        *("CLSSubsidyType", "VerifiedBy", "LeaveSituation14Days", "SubsequentResidence"),
        *("ResourcesToObtain", "LeaseOwn60Day", "MovedTwoOrMore", "LocationDetails", *_ENDS),
    ),
    "Event": (
        *("ProbSolDivRRResult", "ReferralCaseManageAfter", "LocationCrisisOrPHHousing"),
        *("ResultDate", *_ENDS),
    ),
}
"""By file, the columns beside those that are used; None where the others are not looked at."""

_RESULTS = {"1": True, "2": False, "3": False}
"""Referral result 4.20.D: accepted; rejected by the client; rejected by the provider."""


@dataclass(frozen=True, slots=True)
class HmisSettings:
    """What a feed's settings say of it.

    Attributes:
        zone: Of the exporter's clock.
        county_fips: Where all of the programme's outreach takes place, or None.
        treatment_events: Codes of events that are referrals to treatment in this programme; the
            standard has none, so nothing links to treatment unless the programme says which does.
    """

    zone: ZoneInfo
    county_fips: str | None
    treatment_events: frozenset[str]
    source_system: str


class Hmis(RowAdapter):
    """A folder with the files of one export."""

    def __init__(self, folder: Path, settings: HmisSettings) -> None:
        self._folder = folder
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
        """Yield the contacts by date and id."""
        self._check_version(report)
        projects = self._outreach(report)
        enrollments = self._enrollments(report)
        rows = [
            *self._contacts("CurrentLivingSituation", "CurrentLivingSitID", report),
            *self._contacts("Event", "EventID", report),
        ]
        found: list[tuple[dt.date, str, Mapping[str, str]]] = []
        for row in rows:
            held = enrollments.get(row["EnrollmentID"])
            if held is None or held["PersonalID"] != row["PersonalID"]:
                report.quarantine("orphan")
            elif held["ProjectID"] in projects and not held["DateDeleted"]:
                day = iso_day(row["day"])
                if day is None:
                    report.quarantine("no-event-date")
                else:
                    found.append((day, row["id"], {**row, "ProjectID": held["ProjectID"]}))
        for day, _, contact in sorted(found, key=lambda item: item[:2]):
            yield self._record(day, contact, report)

    def _record(self, day: dt.date, row: Mapping[str, str], report: Report) -> Record:
        situation = None
        if "CurrentLivingSituation" in row:
            spelt = canonical.codes("hmis_living_situation", SOURCE)
            situation = coded(row["CurrentLivingSituation"], spelt, "living_situation", report)
        linked = None
        if row.get("Event") in self._settings.treatment_events:
            linked = _RESULTS.get(row["ReferralResult"])
        return {
            "contact_id": row["id"],
            "person_id": row["PersonalID"],
            "contact_date": day,
            "time_precision": "day",
            "outcome": "contacted" if "CurrentLivingSituation" in row else None,
            "living_situation": situation,
            "linked_to_treatment": linked,
            "contact_county_fips": self._settings.county_fips,
            "project_id": row["ProjectID"],
            "project_type": _OUTREACH,
            "updated_at": self._updated(row["DateUpdated"], report),
            "source_system": self._settings.source_system,
        }

    def _read(self, name: str, used: Collection[str], report: Report) -> Iterator[dict[str, str]]:
        return columns(self._folder / f"{name}.csv", used, _LAYOUT[name], report)

    def _check_version(self, report: Report) -> None:
        export = next(self._read("Export", ("CSVVersion", "HashStatus"), report), None)
        if export is None or export["CSVVersion"] != VERSION:
            message = f"the export's `CSVVersion` is not `{VERSION}`"
            raise SourceError(Reason.ADAPTER_UNAVAILABLE, message, field="CSVVersion")
        if export["HashStatus"] == _HASHED:
            # Whether names are hashed as it says cannot be told without opening them (HMI-3).
            report.notice("not-verified", "HashStatus")

    def _outreach(self, report: Report) -> frozenset[str]:
        spelt = canonical.codes("hmis_project_type", SOURCE)
        used = ("ProjectID", "ProjectType", "DateDeleted")
        return frozenset(
            row["ProjectID"]
            for row in self._read("Project", used, report)
            if spelt.get(row["ProjectType"]) == _OUTREACH and not row["DateDeleted"]
        )

    def _enrollments(self, report: Report) -> dict[str, Mapping[str, str]]:
        used = ("EnrollmentID", "PersonalID", "ProjectID", "DateUpdated", "DateDeleted")
        return _latest(self._read("Enrollment", used, report), "EnrollmentID", report)

    def _contacts(self, name: str, key: str, report: Report) -> Iterator[dict[str, str]]:
        """Yield rows that stand, with their key as `id` and their date as `day`."""
        day = {"CurrentLivingSituation": "InformationDate", "Event": "EventDate"}[name]
        used = [key, "EnrollmentID", "PersonalID", day, name, "DateUpdated", "DateDeleted"]
        if name == "Event":
            used.append("ReferralResult")
        for row in _latest(self._read(name, used, report), key, report).values():
            if not row["DateDeleted"]:
                yield {**row, "id": row[key], "day": row[day]}

    def _updated(self, text: str, report: Report) -> dt.datetime | None:
        """Return the instant of the exporter's clock; a date alone is no instant (HMI-4)."""
        try:
            local = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - a zone below
        except ValueError:
            if text:
                report.notice("date-only", "updated_at")
            return None
        at, _, note = civil_time.placed(local, self._settings.zone, Precision.INSTANT)
        if note is not None:
            report.notice(note, "updated_at")
        return at


def _latest(
    rows: Iterator[dict[str, str]], key: str, report: Report
) -> dict[str, Mapping[str, str]]:
    """Return the latest row of each key by `DateUpdated`, the later of two in the file."""
    held: dict[str, Mapping[str, str]] = {}
    for row in rows:
        if not row[key] or not row["PersonalID"]:
            report.quarantine("no-record-key")
        elif row[key] not in held or held[row[key]]["DateUpdated"] <= row["DateUpdated"]:
            held[row[key]] = row
    return held
