"""What each provider holds, read from its own files in their own format: the left side of the demo.

Nothing here goes through the gateway, an adapter or an agreement. That is the point: the right
side did.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from gateway.cli.county.harm_reduction import FILE
from gateway.cli.county.police_tables import DATABASE, SEIZURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.cli.county.write import County
    from gateway.values import Scalar

    Row = Mapping[str, Scalar]

NAMESPACE = "{http://www.nemsis.org}"
NALOXONE = "7242"
DAYS_IN_WEEK = 7
SEXES = {"9919001": "female", "9919003": "male"}


@dataclass(frozen=True, slots=True)
class Held:
    """One native record, and whether a released row may be what became of it.

    Attributes:
        values: Label to text, as the file has it.
    """

    values: Mapping[str, str]
    same: Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Holding:
    """What a provider holds of a dataset.

    Attributes:
        place: File and format, in a few words.
        records: The newest first.
        noun: What one of them is called, in the plural.
    """

    place: str
    noun: str
    records: Sequence[Held]


def pair(holding: Holding, rows: Sequence[Row], names: Sequence[str]) -> tuple[Held, Row] | None:
    """Return a native record with the released row that came from it, told without doubt.

    Rows alike in all that is shown are one row.
    """
    for held in holding.records:
        alike = {tuple(str(row.get(name)) for name in names): row for row in rows if held.same(row)}
        if len(alike) == 1:
            return held, next(iter(alike.values()))
    return None


# --- police: a SQL database ---


def seizures(county: County) -> Holding:
    """Return the police department's seizures, weighed ones first."""
    path = county.paths["police"] / DATABASE
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        order = "quantity_unit = 'GM' DESC, incident_date DESC"
        query = f"SELECT * FROM {SEIZURES} ORDER BY {order}"  # noqa: S608 - names of our own
        found = [dict(row) for row in database.execute(query)]
    return Holding(f"{DATABASE}, table {SEIZURES}", "seizures", [_seizure(row) for row in found])


def _seizure(row: dict[str, str]) -> Held:
    day = dt.date.fromisoformat(row["incident_date"])
    monday = day - dt.timedelta(days=day.weekday())

    def same(released: Row) -> bool:
        return (
            released["incident_date"] == monday
            and released["county_fips"] == row["county_fips"]
            and (row["quantity_unit"] != "GM" or _within(row, str(released["quantity_grams"])))
        )

    shown = {name: value or "" for name, value in row.items()}
    shown["estimated_quantity"] = f"{row['estimated_quantity']} {row['quantity_unit']}"
    return Held(shown, same)


def _within(row: dict[str, str], band: str) -> bool:
    low, _, high = band.partition("-<")
    try:
        return float(low) <= float(row["estimated_quantity"]) < float(high)
    except ValueError:
        return False


# --- EMS: NEMSIS documents ---


def runs(county: County) -> Holding:
    """Return the EMS agency's reports with naloxone given, the newest first."""
    paths = sorted(county.paths["ems_reports"].glob("*.xml"), reverse=True)
    reports = [_report(etree.parse(path, _parser()).getroot()) for path in paths]
    given = [one for one in reports if " mg" in one.values["eMedications naloxone"]]
    return Holding("NEMSIS 3.5 XML, a report a file", "reports", [*given, *reports[len(given) :]])


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True)


def _report(root: Any) -> Held:  # noqa: ANN401 - lxml has no types of its own
    def text(element: str) -> str:
        found = root.find(f".//{NAMESPACE}{element}")
        return "" if found is None else (found.text or "")

    report = root.find(f".//{NAMESPACE}PatientCareReport")
    doses = [
        f"{group.findtext(f'.//{NAMESPACE}eMedications.05')} mg"
        for group in root.iter(f"{NAMESPACE}eMedications.MedicationGroup")
        if group.findtext(f"{NAMESPACE}eMedications.03") == NALOXONE
        and group.findtext(f".//{NAMESPACE}eMedications.06") == "3706021"
    ]
    values = {
        "report UUID": report.get("UUID"),
        "eTimes.03 notified": text("eTimes.03"),
        "ePatient.15 age": text("ePatient.15"),
        "ePatient.25 sex": text("ePatient.25"),
        "ePatient.09 home ZIP": text("ePatient.09"),
        "eMedications naloxone": " + ".join(doses),
        "ePatient.02/.03 name": f"{text('ePatient.02')}, {text('ePatient.03')}",
        "ePatient.18 phone": text("ePatient.18"),
        "eScene.15 address": text("eScene.15"),
        "eNarrative.01": text("eNarrative.01"),
    }
    notified = _instant(values["eTimes.03 notified"])
    sex = SEXES.get(values["ePatient.25 sex"])

    def same(row: Row) -> bool:
        hour = notified.replace(minute=0, second=0) if notified else None
        return hour is not None and row["unit_notified_at"] == hour and sex in {None, row["sex"]}

    return Held(values, same)


def _instant(text: str) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC) if text else None


# --- EMS: FHIR referral forms ---


def referrals(county: County) -> Holding:
    """Return the EMS agency's referral forms, one that was consented to first."""
    paths = sorted(county.paths["ems_referrals"].glob("*.json"))
    bundles = [_parts(json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    forms = [_form(parts) for parts in bundles if "ServiceRequest" in parts]
    return Holding("FHIR R4 JSON, a form a file", "referral forms", forms)


def _parts(bundle: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for entry in bundle.get("entry", ()):
        parts.setdefault(entry["resource"]["resourceType"], entry["resource"])
    return parts


def _form(parts: Mapping[str, Any]) -> Held:
    asked, person = parts["ServiceRequest"], parts.get("Patient", {})
    name = (person.get("name") or [{}])[0]
    key = asked["identifier"][0]["value"].removeprefix("urn:uuid:")
    flags = [
        one.get("valueCode", "")
        for one in asked.get("extension", ())
        if one["url"].endswith(":safety-flag")
    ]
    consent = (parts.get("Consent", {}).get("identifier") or [{}])[0]
    values = {
        "ServiceRequest.identifier": key,
        "Patient.name.given": " ".join(name.get("given", ())),
        "Patient.name.family": name.get("family", ""),
        "Patient.telecom": ", ".join(one.get("value", "") for one in person.get("telecom", ())),
        "occurrenceDateTime": asked.get("occurrenceDateTime", ""),
        "safety-flag": " ".join(flags),
        "Patient.birthDate": person.get("birthDate", ""),
        "Consent.identifier": consent.get("value", ""),
    }
    return Held(values, lambda row: row["referral_id"] == key)


# --- harm reduction: a sheet of what was handed out ---

Cell = tuple[dt.date, str, str]
ALL: Final = "all"
"""In place of a site or a route: the cell is over all of them."""


def naloxone(county: County) -> Holding:
    """Return the harm-reduction site's distributions; `people` counts them."""
    return Holding(FILE, "distributions", [Held(row, lambda _: False) for row in _sheet(county)])


def people(county: County) -> Mapping[Cell, int]:
    """Return how many participants the sheet has by month, site and route, and in the totals."""
    found: defaultdict[Cell, set[str]] = defaultdict(set)
    for row in _sheet(county):
        month = dt.date.fromisoformat(row["date"]).replace(day=1)
        # Who gave no code is nobody that can be counted once.
        if row["participant_code"]:
            code = row["participant_code"]
            found[month, row["site"], _route(row["product"])].add(code)
            found[month, row["site"], ALL].add(code)
            found[month, ALL, ALL].add(code)
    return {cell: len(codes) for cell, codes in found.items()}


def _sheet(county: County) -> Iterator[dict[str, str]]:
    with (county.paths["harm_reduction"] / FILE).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _route(product: str) -> str:
    return {"in": "nasal", "im": "injected"}.get(product.partition("_")[0], "other")


HOLDINGS: Mapping[str, Callable[[County], Holding]] = {
    "seizures": seizures,
    "runs": runs,
    "referrals": referrals,
    "naloxone": naloxone,
}
