"""NIBRS 4.2 submissions (NIEM XML) to seizures: one row for each incident and drug.

Read by path, and not gated on the schema: the FBI's own examples fail theirs (NIB-1). Persons,
victims, subjects, arrests, and the value and description of property are never opened. A report
replaces an earlier one of the same agency and incident; which is later says `ReportDate`, then the
order of the files by name; action `D` removes.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import canonical
from adapters.base import Record, Report, RowAdapter
from adapters.hardened import UnreadableError, parse_xml, read_document
from adapters.police_seizures import DATASET, GRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lxml.etree import _Element

    from gateway.values import DatasetId

NAMES = {
    "nibrs": "http://fbi.gov/cjis/nibrs/4.2",
    "cjis": "http://fbi.gov/cjis/1.0",
    "j": "http://release.niem.gov/niem/domains/jxdm/5.2/",
    "nc": "http://release.niem.gov/niem/niem-core/3.0/",
    "s": "http://release.niem.gov/niem/structures/3.0/",
}
_ROOT = f"{{{NAMES['nibrs']}}}Submission"
_DRUGS = "10"  # property description: drugs and narcotics
_ORI = 9
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class _Incident:
    """One report, reduced to its key, its place in time, and its rows.

    Attributes:
        rows: None where it has drugs and no drug offense: not carried, and said once.
    """

    key: tuple[str, str]
    order: tuple[str, int]
    removed: bool
    rows: tuple[Record, ...] | None


class Nibrs(RowAdapter):
    """A folder of submissions."""

    def __init__(self, folder: Path, county_fips: str | None, source_system: str) -> None:
        self._folder = folder
        self._county = county_fips
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
        """Yield seizures by agency and incident, drugs in the order of the report."""
        report.unvalidated = True
        newest: dict[tuple[str, str], _Incident] = {}
        for incident in self._incidents(report):
            held = newest.get(incident.key)
            if held is None or held.order <= incident.order:
                newest[incident.key] = incident
        for key in sorted(newest):
            rows = newest[key].rows
            if newest[key].removed:
                continue
            if rows is None:
                report.notice("not-carried", "offense_code")
            else:
                yield from rows

    def _incidents(self, report: Report) -> Iterator[_Incident]:
        place = 0
        for path in sorted(self._folder.glob("*.xml")):
            try:
                root = parse_xml(read_document(path))
            except UnreadableError as error:
                report.quarantine(error.reason)
                continue
            if root.tag != _ROOT:
                report.quarantine("wrong-root")
                continue
            for held in root.iterfind("nibrs:Report", NAMES):
                place += 1
                if (incident := self._incident(held, place, report)) is not None:
                    yield incident

    def _incident(self, held: _Element, place: int, report: Report) -> _Incident | None:
        ori = _text(held, "nibrs:ReportHeader/nibrs:ReportingAgency//nc:IdentificationID")
        number = _text(held, "nc:Incident/nc:ActivityIdentification/nc:IdentificationID")
        month = _text(held, "nibrs:ReportHeader/nibrs:ReportDate/nc:YearMonthDate")
        action = _text(held, "nibrs:ReportHeader/nibrs:ReportActionCategoryCode")
        if not ori or not number:
            report.quarantine("no-record-key")
            return None
        date = _date(held)
        if date is None:
            report.quarantine("no-event-date")
            return None
        rows = None if action == "D" else self._rows(held, date, report)
        if rows and len(ori) != _ORI:
            report.notice("odd-form", "agency_ori")
        keyed = rows and tuple(
            {**row, "agency_ori": ori, "incident_number": number} for row in rows
        )
        return _Incident((ori, number), (month or "", place), action == "D", keyed)

    def _rows(self, held: _Element, date: dt.date, report: Report) -> tuple[Record, ...] | None:
        """Return a report's rows; None where it has drugs, and no drug offense."""
        substances = held.findall("nc:Substance", NAMES)
        offense = _offense(held)
        if offense is None:
            return None if substances else ()
        written = _text(
            held, "nc:Incident/cjis:IncidentAugmentation/cjis:IncidentReportDateIndicator"
        )
        common: Record = {
            "record_kind": "incident",
            "incident_date": date,
            "date_is_report_date": {"true": True, "false": False}.get(written or ""),
            "offense_code": _codes("nibrs_drug_offense")[_code_of(offense)],
            "criminal_activity": _activities(offense, report),
            "location_type": _location(held, offense),
            "county_fips": self._county,
            "source_system": self._source,
        }
        found = (_drug(held, substance, report) for substance in substances)
        return tuple({**common, **drug} for drug in found if drug is not None)


def _codes(code_list: str) -> Mapping[str, str]:
    return canonical.codes(code_list, "NIBRS 4.2")


def _text(element: _Element, path: str) -> str | None:
    """Return the trimmed text at a path, None where it is absent or empty."""
    return (element.findtext(path, "", NAMES) or "").strip() or None


def _code_of(offense: _Element) -> str:
    return _text(offense, "nibrs:OffenseUCRCode") or ""


def _offense(held: _Element) -> _Element | None:
    """Return the first drug offense, 35A before 35B, or None."""
    found = [
        offense
        for offense in held.iterfind("j:Offense", NAMES)
        if _code_of(offense) in _codes("nibrs_drug_offense")
    ]
    return min(found, key=_code_of, default=None)


def _date(held: _Element) -> dt.date | None:
    """Return the civil date: times here carry no offset, and the date is enough."""
    for path in ("nc:DateTime", "nc:Date"):
        text = _text(held, f"nc:Incident/nc:ActivityDate/{path}")
        if text:
            try:
                return dt.date.fromisoformat(text[:10])
            except ValueError:
                return None
    return None


def _activities(offense: _Element, report: Report) -> tuple[str, ...]:
    found = []
    for element in offense.iterfind("nibrs:CriminalActivityCategoryCode", NAMES):
        code = _codes("nibrs_criminal_activity").get((element.text or "").strip())
        if code is None:
            report.notice("unknown-code", "criminal_activity")
        else:
            found.append(code)
    return tuple(found)


def _location(held: _Element, offense: _Element) -> str | None:
    """Return the location that an association ties to the offense, else the only one."""
    identity, reference = f"{{{NAMES['s']}}}id", f"{{{NAMES['s']}}}ref"
    places = {
        place.get(identity): _text(place, "j:LocationCategoryCode")
        for place in held.iterfind("nc:Location", NAMES)
    }
    for tie in held.iterfind("j:OffenseLocationAssociation", NAMES):
        left, right = tie.find("j:Offense", NAMES), tie.find("nc:Location", NAMES)
        if left is not None and right is not None and left.get(reference) == offense.get(identity):
            return places.get(right.get(reference))
    return next(iter(places.values())) if len(places) == 1 else None


def _drug(held: _Element, substance: _Element, report: Report) -> Record | None:
    loss = _loss(held, substance)
    if loss is None:
        report.quarantine("no-loss-type")
        return None
    if loss not in _codes("nibrs_loss_type"):
        report.notice("not-carried", "property_loss_type")
        return None
    kind = _coded(substance, "j:DrugCategoryCode", "nibrs_drug_type", "suspected_drug_type", report)
    measure = "nc:SubstanceQuantityMeasure"
    unit = _coded(
        substance, f"{measure}/j:SubstanceUnitCode", "nibrs_quantity_unit", "quantity_unit", report
    )
    quantity = _quantity(_text(substance, f"{measure}/nc:MeasureDecimalValue"), report)
    grams = GRAMS.get(unit or "")
    return {
        "property_loss_type": _codes("nibrs_loss_type")[loss],
        "suspected_drug_type": kind,
        "estimated_quantity": quantity,
        "quantity_unit": unit,
        "quantity_grams": None if quantity is None or grams is None else quantity * grams,
    }


def _loss(held: _Element, substance: _Element) -> str | None:
    """Return the loss type of the substance: its own, else that of the drugs among the items."""
    if (own := _text(substance, "nc:ItemStatus/cjis:ItemStatusCode")) is not None:
        return own
    found = {
        _text(item, "nc:ItemStatus/cjis:ItemStatusCode")
        for item in held.iterfind("nc:Item", NAMES)
        if _text(item, "j:ItemCategoryNIBRSPropertyCategoryCode") == _DRUGS
    }
    return found.pop() if len(found) == 1 else None


def _coded(element: _Element, path: str, code_list: str, field: str, report: Report) -> str | None:
    text = _text(element, path)
    code = _codes(code_list).get(text or "")
    if text and code is None:
        report.notice("unknown-code", field)
    return code


def _quantity(text: str | None, report: Report) -> float | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        report.notice("unknown-value", "estimated_quantity")
        return None
    return float(text)
