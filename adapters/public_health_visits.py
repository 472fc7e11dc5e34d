"""HL7 v2 ADT messages to emergency visits: one row a visit, the last message wins, only cases.

Read after the PHIN guide 2.0 from A01, A03, A04 and A08. Never opened: PID-5, PID-7, PID-11.1,
PID-13, PID-19, NK1, GT1, IN1, IN2, ACC. A visit that is no case of the definition is no row of a
dataset about overdoses, and is counted; so a hospital may put all its messages into the folder.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import canonical, public_health_cases
from adapters.base import Record, Report, RowAdapter
from adapters.hardened import UnreadableError, read_document
from adapters.public_health_hl7 import Message, messages, value
from adapters.public_health_times import Stamp, stamp
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

DATASET = DatasetId("public_health.ed_overdose_visit", 1)
SOURCE = "HL7 v2.5.1 ADT (PHIN 2.0)"

_SUFFIXES = (".hl7", ".txt")
_ICD10CM = frozenset({"I10C", "2.16.840.1.113883.6.90"})  # HL7 table 0396, and the OID
_ICD10CM_FORM = re.compile(r"([A-TV-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})")
_FACILITY = re.compile(r"[0-9]{10}|[0-2](\.[0-9]{1,39}){2,20}")
_ZIP = re.compile(r"([0-9]{5})(-[0-9]{4})?")
_COUNTY = re.compile(r"[0-9]{2}(?!000|999)[0-9]{3}")
_TAXONOMY = re.compile(r"[0-9A-Z]{9}X")
_UB04 = re.compile(r"[0-9]{2}")
_AGE = re.compile(r"[0-9]{1,3}")
_DIED = "20"
_SLACK = dt.timedelta(hours=1)  # clocks of two systems need not agree
# HL7 table 0189 in older messages, for the CDC codes that the guide asks for.
_ETHNICITY_0189 = {"H": "2135-2", "N": "2186-5"}
_COMPLAINT, _NOTE, _AGE_CODE, _FACILITY_TYPE = "8661-1", "54094-8", "21612-7", "SS003"


@dataclass(frozen=True, slots=True)
class Visit:
    """The last message of a visit.

    Attributes:
        key: Facility and visit.
        at: MSH-7 in UTC.
        place: Among all messages, by the order of arrival.
    """

    key: tuple[str, str]
    at: dt.datetime
    place: int
    message: Message


class Visits(RowAdapter):
    """A folder of messages, in files named in the order of arrival."""

    def __init__(
        self, folder: Path, zone: ZoneInfo, definition: tuple[str, str], source: str
    ) -> None:
        self._folder = folder
        self._zone = zone
        self._definition = definition
        self._source = source

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def rows(
        self,
        dataset: DatasetId,  # noqa: ARG002 - there is one
        wanted: frozenset[str],  # noqa: ARG002 - a row costs little beside its file
        report: Report,
    ) -> Iterator[Record]:
        """Yield the visits that are cases, by facility and visit."""
        report.unvalidated = True
        for visit in self.visits(report):
            noted = Report()
            record = self.record(visit, noted)
            codes = record["diagnosis_codes"]
            complaint = record["chief_complaint"]
            held = codes if isinstance(codes, tuple) else ()
            told = complaint if isinstance(complaint, str) else None
            if public_health_cases.is_case(self._definition, held, told):
                for (kind, where), count in noted.notices.items():
                    for _ in range(count):
                        report.notice(kind, where)
                yield record
            else:
                report.notice("not-a-case", "definition_id")

    def visits(self, report: Report) -> list[Visit]:
        """Return the last message of every visit, by facility and visit."""
        newest: dict[tuple[str, str], Visit] = {}
        controls: set[tuple[str, str]] = set()
        for place, message in enumerate(self._messages(report)):
            visit = self._visit(message, place, controls, report)
            if visit is not None:
                held = newest.get(visit.key)
                if held is None or held.at <= visit.at:
                    newest[visit.key] = visit
        return [newest[key] for key in sorted(newest)]

    def _messages(self, report: Report) -> Iterator[Message]:
        for path in sorted(self._folder.iterdir()):
            if path.suffix not in _SUFFIXES or path.name == "SOURCE.txt":
                continue
            try:
                text = read_document(path).decode("utf-8")
            except UnreadableError as error:
                report.quarantine(error.reason)
                continue
            except UnicodeDecodeError:
                report.quarantine("encoding")
                continue
            for message in messages(text):
                if message is None:
                    report.quarantine("no-message-header")
                else:
                    yield message

    def _visit(
        self, message: Message, place: int, controls: set[tuple[str, str]], report: Report
    ) -> Visit | None:
        kind = message.raw("MSH", 9)
        trigger = message.part(kind, 2)
        if message.part(kind, 1) != "ADT" or trigger not in _codes("adt_trigger"):
            report.notice("not-carried", "trigger")
            return None
        facility = _facility(message)
        control = (facility, message.raw("MSH", 10))
        if control in controls:
            report.notice("repeated-control-id", "message_at")
        controls.add(control)
        number = message.part(message.raw("PV1", 19), 1)
        if not number or not facility:
            report.quarantine("no-record-key")
            return None
        sent = stamp(message.part(message.raw("MSH", 7), 1), self._zone)
        if sent.at is None:
            report.quarantine("no-message-time")
            return None
        return Visit((facility, number), sent.at, place, message)

    def record(self, visit: Visit, report: Report) -> Record:
        """Return a visit as a record, whether it is a case or not; notices go into `report`."""
        message = visit.message
        codes = _diagnoses(message, report)
        complaint = _complaint(message)
        disposition = _formed(message, "PV1", 36, _UB04, "discharge_disposition", report)
        return {
            "visit_id": visit.key[1],
            "patient_id": message.part(message.raw("PID", 3), 1) or None,
            "facility_id": visit.key[0],
            "facility_type": _observed(message, _FACILITY_TYPE, _TAXONOMY, "facility_type", report),
            "message_at": visit.at,
            "trigger": _codes("adt_trigger")[message.part(message.raw("MSH", 9), 2)],
            "patient_class": _coded(
                message, "PV1", 2, "hl7_patient_class", "patient_class", report
            ),
            **self._times(message, report),
            **_age(message, report),
            "sex": _coded(message, "PID", 8, "sex", "sex", report),
            "race": _races(message, report),
            "ethnicity": _ethnicity(message, report),
            **_home(message, report),
            "chief_complaint": complaint,
            "triage_note": _free_text(message, _NOTE),
            "diagnosis_codes": codes,
            "discharge_disposition": disposition,
            "died": _died(message, disposition),
            "syndromes": public_health_cases.syndromes(codes, complaint),
            "definition_id": self._definition[0],
            "definition_version": self._definition[1],
            "source_system": self._source,
        }

    def _times(self, message: Message, report: Report) -> Record:
        arrived = self._stamp(message, 44, "visit_at", report)
        left = self._stamp(message, 45, "discharge_at", report)
        # Reported and not corrected: nothing says which of the two clocks is wrong (HL7-6).
        sent = stamp(message.part(message.raw("MSH", 7), 1), self._zone)
        for raw in (message.raw("EVN", 2), message.raw("PV1", 44)):
            told = stamp(message.part(raw, 1), self._zone)
            if told.at and sent.at and told.at > sent.at + _SLACK:
                report.notice("after-its-message", "message_at")
        return {
            "visit_date": arrived.date,
            "visit_at": arrived.at,
            "discharge_at": left.at,
            "time_precision": arrived.precision.value,
        }

    def _stamp(self, message: Message, field: int, name: str, report: Report) -> Stamp:
        text = message.part(message.raw("PV1", field), 1)
        found = stamp(text, self._zone)
        if text and found.date is None:
            report.notice("unknown-value", name)
        elif found.note:
            report.notice(found.note, name)
        return found


def _codes(code_list: str) -> Mapping[str, str]:
    return canonical.codes(code_list, SOURCE)


def _facility(message: Message) -> str:
    """Return the NPI or OID of EVN-7.2, or else of MSH-4.2; empty where neither is one."""
    for raw in (message.raw("EVN", 7), message.raw("MSH", 4)):
        found = message.part(raw, 2)
        if _FACILITY.fullmatch(found):
            return found
    return ""


def _coded(
    message: Message, segment: str, field: int, code_list: str, name: str, report: Report
) -> str | None:
    text = message.part(message.raw(segment, field), 1)
    code = _codes(code_list).get(text)
    if text and code is None:
        report.notice("unknown-code", name)
    return code


def _formed(
    message: Message, segment: str, field: int, form: re.Pattern[str], name: str, report: Report
) -> str | None:
    text = message.part(message.raw(segment, field), 1)
    if form.fullmatch(text):
        return text
    if text:
        report.notice("unknown-code", name)
    return None


def _observations(message: Message, code: str) -> Iterator[list[str]]:
    for segment in message.all("OBX"):
        if message.part(value(segment, 3), 1) == code:
            yield segment


def _observed(
    message: Message, code: str, form: re.Pattern[str], name: str, report: Report
) -> str | None:
    for segment in _observations(message, code):
        text = message.part(value(segment, 5), 1)
        if form.fullmatch(text):
            return text
        report.notice("unknown-code", name)
    return None


def _age(message: Message, report: Report) -> Record:
    """Return age and unit; without a unit that is known there is no age."""
    for segment in _observations(message, _AGE_CODE):
        number, unit = message.part(value(segment, 5), 1), message.part(value(segment, 6), 1)
        code = canonical.codes("age_unit", "UCUM").get(unit)
        if code is not None and _AGE.fullmatch(number):
            return {"age": int(number), "age_unit": code}
        report.notice("unknown-unit" if code is None else "unknown-value", "age")
    return {"age": None, "age_unit": None}


def _races(message: Message, report: Report) -> tuple[str, ...] | None:
    """Return the races of PID-10's repetitions; null where it is empty."""
    raw = message.raw("PID", 10)
    if not raw.strip():
        return None
    found = []
    for repetition in message.repeats(raw):
        code = _codes("race").get(message.part(repetition, 1))
        if code is None:
            report.notice("unknown-code", "race")
        elif code not in found:
            found.append(code)
    return tuple(found)


def _ethnicity(message: Message, report: Report) -> str | None:
    text = message.part(message.raw("PID", 22), 1)
    code = _codes("ethnicity").get(_ETHNICITY_0189.get(text, text))
    if code is not None or not text:
        return code
    if text == "U":
        return "unknown"
    report.notice("unknown-code", "ethnicity")
    return None


def _home(message: Message, report: Report) -> Record:
    """Return ZIP code and county of the first address; its street is not opened."""
    raw = message.raw("PID", 11)
    zip_code, county = message.part(raw, 5), message.part(raw, 9)
    matched = _ZIP.fullmatch(zip_code)
    if zip_code and matched is None:
        report.notice("unknown-code", "patient_zip")
    known = _COUNTY.fullmatch(county)
    if county and known is None:
        report.notice("unknown-code", "patient_county_fips")
    return {
        "patient_zip": matched[1] if matched else None,
        "patient_county_fips": county if known else None,
    }


def _complaint(message: Message) -> str | None:
    """Return the complaint: the observation's, else the reason of admission, PV2-3."""
    found = _free_text(message, _COMPLAINT)
    if found is not None:
        return found
    reason = message.raw("PV2", 3)
    return message.part(reason, 2) or message.part(reason, 9) or message.part(reason, 1) or None


def _free_text(message: Message, code: str) -> str | None:
    """Return the text of an observation: CWE.9 as written, else CWE.2, else a plain value."""
    for segment in _observations(message, code):
        held = value(segment, 5)
        coded = value(segment, 2) in {"CWE", "CE", "CNE"}
        order = (9, 2) if coded else (1,)
        for component in order:
            if text := message.part(held, component):
                return text
    return None


def _diagnoses(message: Message, report: Report) -> tuple[str, ...]:
    """Return ICD-10-CM codes in order, with the dot; other systems are counted and dropped."""
    found: list[str] = []
    for segment in message.all("DG1"):
        raw = value(segment, 3)
        code, system = message.part(raw, 1), message.part(raw, 3)
        if not code:
            continue
        matched = _ICD10CM_FORM.fullmatch(code)
        if system not in _ICD10CM:
            report.notice("other-code-system", "diagnosis_codes")
        elif matched is None:
            report.notice("unknown-code", "diagnosis_codes")
        else:
            dotted = f"{matched[1]}.{matched[2]}" if matched[2] else matched[1]
            if dotted not in found:
                found.append(dotted)
    return tuple(found)


def _died(message: Message, disposition: str | None) -> bool | None:
    """Return whether the patient died: PID-30, or disposition 20; null where neither says."""
    if disposition == _DIED:
        return True
    return {"Y": True, "N": False}.get(message.part(message.raw("PID", 30), 1))
