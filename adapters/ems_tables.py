"""Two public EMS tables: calls of the City of Tempe, naloxone events of Pennsylvania.

Both are read by column name, every cell as text. Neither has a report key of its own that NEMSIS
would know: `pcr_uuid` is a name-based UUID (RFC 9562, version 5) of what identifies a row in its
table, so that units can be counted; it says nothing more than the row.

Tempe writes a time that is three things (EMS-16 to EMS-18): `00:00` and, since 2021, `07:00` are
a date without a time, and any other hour is local in spite of its `+00`. The instant stays null:
the city knows a part of the day. Pennsylvania exchanges latitude and longitude; the WKT point is
right (EMS-22).
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import TYPE_CHECKING

from adapters import civil_time
from adapters.canonical import codes
from adapters.ems_report import part_of_day
from adapters.hardened import records
from gateway.values import Precision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from adapters.base import Record, Report
    from adapters.batches import Value

_KEYS = uuid.UUID("5b0c8a0e-6f0b-5c55-9a53-6d8c2b1f7e11")  # ours, drawn once
_SOURCE = "Tempe opioid EMS"

TEMPE_COLUMNS = (
    *("OBJECTID", "Incident_Date", "Narcan_Given", "Age", "Patient_Gender", "Patient_ASU"),
    *("Patient_Homeless", "Latitude_Random", "Longitude_Random", "Time_of_Day"),
)
_TEMPE_UNUSED = (
    *("X", "Y", "Weekday", "Weekday_Sort", "Month", "Month_Sort", "Year", "Opioid_Use"),
    *("Patient_Veteran", "Spec_Pop", "Notes"),
)
_TEMPE_TIME = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)\+00")
_DATE_ONLY = frozenset({("00", "00", "00"), ("07", "00", "00")})
_FLAGS: Mapping[str, bool | None] = {
    "Yes": True,
    "No": False,
    "Unknown": None,
    "NULL": None,
    "": None,
}
_CENTRE = (33.39, -111.93)
"""Where the city puts a call that it cannot place (8 rows)."""

PA_COLUMNS = (
    *("Event Date", "Event Time", "Medication Given", "Complaint by Dispatch"),
    *("Incident County FIPS Code", "State FIPS", "Georeferenced Latitude & Longitude"),
)
_PA_UNUSED = (
    *("Calendar Year", "Record Count", "Incident County Number", "Incident County "),
    *("Incident County Name", "Latitude", "Longitude"),
)
_PA_TIME = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d{1,2}):(\d\d):(\d\d) (AM|PM)")
_WKT = re.compile(r"POINT \((-?\d{1,3}(?:\.\d+)?) (-?\d{1,2}(?:\.\d+)?)\)")
_PA_DISPATCH = {"Overdose/Poisoning/Ingestion": "2301053"}
_PA_MEDICATION = {"Naloxone (e.g., Narcan)": "given"}


def _key(*parts: str) -> str:
    return str(uuid.uuid5(_KEYS, "\x1f".join(parts)))


def tempe(path: Path, report: Report) -> Iterator[Record]:
    """Yield the rows of a Tempe file, in its order; a row without a date is quarantined."""
    seen: set[str] = set()
    for cells in records(path, TEMPE_COLUMNS, _TEMPE_UNUSED, report):
        key = cells["OBJECTID"]
        when = _tempe_date(cells["Incident_Date"])
        if when is None:
            report.quarantine("no-event-date")
        elif not key or key in seen:
            report.quarantine("no-record-key" if not key else "repeated-key")
        else:
            seen.add(key)
            yield _tempe_row(cells, when, report)


def _tempe_date(text: str) -> tuple[dt.date, bool] | None:
    """Return the civil date and whether an hour is known, or None."""
    match = _TEMPE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, *clock = match.groups()
    try:
        return dt.date(int(year), int(month), int(day)), tuple(clock) not in _DATE_ONLY
    except ValueError:
        return None


def _tempe_row(
    cells: Mapping[str, str], when: tuple[dt.date, bool], report: Report
) -> Mapping[str, Value]:
    date, has_hour = when
    part = _code(cells, "Time_of_Day", "part_of_day", report)
    precision = Precision.HOUR if has_hour else Precision.PART_OF_DAY if part else Precision.DAY
    lat, lon = _tempe_point(cells, report)
    return {
        "pcr_uuid": _key("tempe", cells["OBJECTID"]),
        "incident_date": date,
        "time_precision": precision.value,
        "part_of_day": part,
        "age_band": _code(cells, "Age", "age_band_5y", report),
        "sex": _code(cells, "Patient_Gender", "sex", report),
        "university_student": _flag(cells, "Patient_ASU", report),
        "homeless": _flag(cells, "Patient_Homeless", report),
        "scene_lat": lat,
        "scene_lon": lon,
        "naloxone_status": _code(cells, "Narcan_Given", "naloxone_status", report),
        "definition_id": "tempe-opioid-ems",
        "definition_version": "1",
        "definition_basis": ("source_flag",),
        "source_system": "tempe-opioid-ems",
    }


def _code(cells: Mapping[str, str], column: str, name: str, report: Report) -> str | None:
    found = codes(name, _SOURCE).get(cells[column])
    if found is None:
        report.notice("unknown-code", column)
    return found


def _flag(cells: Mapping[str, str], column: str, report: Report) -> bool | None:
    if cells[column] not in _FLAGS:
        report.notice("unknown-code", column)
    return _FLAGS.get(cells[column])


def _tempe_point(
    cells: Mapping[str, str], report: Report
) -> tuple[float, float] | tuple[None, None]:
    texts = cells["Latitude_Random"], cells["Longitude_Random"]
    if all(text in ("", "NULL") for text in texts):
        return None, None
    try:
        lat, lon = map(float, texts)
    except ValueError:
        report.notice("unknown-value", "Latitude_Random")
        return None, None
    if (lat, lon) == _CENTRE or not _on_earth(lat, lon):
        return None, None
    return lat, lon


def _on_earth(lat: float, lon: float) -> bool:
    return abs(lat) <= 90 and abs(lon) <= 180  # noqa: PLR2004 - degrees; false for NaN too


def pa_ems(path: Path, zone: ZoneInfo, report: Report) -> Iterator[Record]:
    """Yield the rows of a Pennsylvania file, in its order; one without a time is quarantined."""
    seen: dict[str, int] = {}
    for cells in records(path, PA_COLUMNS, _PA_UNUSED, report):
        local = _pa_time(f"{cells['Event Date']} {cells['Event Time']}")
        if local is None:
            report.quarantine("no-event-time")
            continue
        county = _county(cells, report)
        name = f"{local.isoformat()} {county}"
        # Rows alike in all three are told apart by their order, the only thing that does.
        seen[name] = seen.get(name, 0) + 1
        yield _pa_row(cells, local, county, zone, report) | {
            "pcr_uuid": _key("pa", name, str(seen[name]))
        }


def _pa_time(text: str) -> dt.datetime | None:
    match = _PA_TIME.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not 1 <= hour <= 12:  # noqa: PLR2004 - a clock of twelve hours
        return None
    try:
        return dt.datetime(  # noqa: DTZ001 - the zone is put on by `placed`
            year, month, day, hour % 12 + (12 if match[7] == "PM" else 0), minute, second
        )
    except ValueError:
        return None


def _county(cells: Mapping[str, str], report: Report) -> str | None:
    """Return state and county as five digits (ALL-4): `17` and `017` are one, 000 and 999 none."""
    state, county = cells["State FIPS"], cells["Incident County FIPS Code"].zfill(3)
    if re.fullmatch(r"\d{2}", state) and re.fullmatch(r"(?!000|999)\d{3}", county):
        return state + county
    report.notice("unknown-value", "Incident County FIPS Code")
    return None


def _pa_row(
    cells: Mapping[str, str],
    local: dt.datetime,
    county: str | None,
    zone: ZoneInfo,
    report: Report,
) -> dict[str, Value]:
    instant, precision, kind = civil_time.placed(local, zone, Precision.MINUTE)
    if kind is not None:
        report.notice(kind, "Event Time")
    lat, lon = _wkt(cells["Georeferenced Latitude & Longitude"], report)
    return {
        "incident_date": local.date(),
        "unit_notified_at": instant,
        "time_precision": precision.value,
        "part_of_day": part_of_day(local.hour),
        "scene_lat": lat,
        "scene_lon": lon,
        "scene_county_fips": county,
        "dispatch_reason": _said(cells, "Complaint by Dispatch", _PA_DISPATCH, report),
        "naloxone_status": _said(cells, "Medication Given", _PA_MEDICATION, report),
        "definition_id": "dispatch-overdose-naloxone",
        "definition_version": "1",
        "definition_basis": ("dispatch",),
        "source_system": "pa-ems-naloxone",
    }


def _said(
    cells: Mapping[str, str], column: str, known: Mapping[str, str], report: Report
) -> str | None:
    if cells[column] not in known:
        report.notice("unknown-code", column)
    return known.get(cells[column])


def _wkt(text: str, report: Report) -> tuple[float, float] | tuple[None, None]:
    match = _WKT.fullmatch(text)
    if match is not None and _on_earth(float(match[2]), float(match[1])):
        return float(match[2]), float(match[1])
    report.notice("unknown-value", "Georeferenced Latitude & Longitude")
    return None, None
