"""One NEMSIS patient care report as one row of `ems.overdose_run@1`, and nothing else of it.

The walk enters only the sections of `SECTIONS` and takes only the elements named there, so what
the dataset does not carry (ePatient.12, ePayment, eCrew, eOther, eCustomResults, eDisposition.21
and .31 among them) is never read. An element that is nil has no value, whatever its text; its @NV
and @PN are read only where they mean something. What is unknown is told by element, and its field
is null.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import ems_naloxone
from adapters.canonical import codes
from adapters.ems_cases import DEATH_ELEMENTS, Coded, Definition, outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

    from adapters.batches import Value

NAMESPACE = "http://www.nemsis.org"
_N = f"{{{NAMESPACE}}}"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_MEDICATION = f"{_N}eMedications.MedicationGroup"

REQUIRED = (
    *(f"eRecord.{part}" for part in ("01", "02", "03", "04")),
    *(f"eResponse.{part}" for part in ("01", "05", "07", "13", "14", "23")),
    "eDispatch.01",
    "eTimes.03",
    "eTimes.13",
    "eDisposition.27",
)
"""Elements that are in every report: what is checked where no schema is at hand."""

_READ = (
    *REQUIRED,
    *DEATH_ELEMENTS,
    "eResponse.03",
    *(f"eTimes.{part}" for part in ("01", "06", "07")),
    *(f"ePatient.{part}" for part in ("01", "02", "03", "05", "07", "09", "13", "14", "15")),
    *(f"ePatient.{part}" for part in ("16", "17", "18", "22", "25")),
    *(f"eScene.{part}" for part in ("09", "11", "15", "19", "21", "23")),
    *(f"eSituation.{part}" for part in ("09", "10", "11", "12", "13")),
    "eHistory.17",
    "eArrest.01",
    "eVitals.14",
    "eVitals.26",
    "eDisposition.02",
    "eDisposition.30",
    "eNarrative.01",
)


def _sections() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name in _READ:
        found[_N + name.partition(".")[0]].add(_N + name)
    return {section: tuple(sorted(tags)) for section, tags in found.items()}


SECTIONS: Mapping[str, tuple[str, ...]] = _sections()
"""By section of a report, the elements that are read; eMedications is read by group."""

_MEDICATIONS = _N + "eMedications"
_SKIP = len(_N)

_APPROXIMATE = "8801029"
_NONE_REPORTED = "8801015"
_HOMELESS = "2522001"
_MAX_AGE, _MAX_RATE = 120, 300
_YEARS = {"years": 1.0, "months": 1 / 12, "days": 1 / 365, "hours": 0.0, "minutes": 0.0}

_PLAUSIBLE = range(1800, 2200)  # beyond, a slip of a hand, or meant to overflow
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ICD10 = re.compile(r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?")
_DISPATCH = re.compile(r"23\d{5}")
_COUNTY = re.compile(r"\d{2}(?!000|999)\d{3}")
_TRACT = re.compile(r"\d{11}")
_POINT = re.compile(r"(-?\d{1,2}(?:\.\d+)?),\s*(-?\d{1,3}(?:\.\d+)?)")
_WHOLE = re.compile(r"\d{1,4}")


@dataclass(frozen=True, slots=True)
class Read:
    """What a report became.

    Attributes:
        key: Its @UUID in lower case: one key, one row.
        fullness: Its number of elements of those read: of two copies, the fuller one stays.
        row: The row, or None where the report is no case by the definition.
        notices: What the mapping did not know, by (kind, element).
    """

    key: str
    fullness: int
    row: Mapping[str, Value] | None
    notices: tuple[tuple[str, str], ...]


class Elements:
    """The elements of one report by name, read on the way to a row."""

    def __init__(self, report: etree._Element) -> None:
        self.notices: list[tuple[str, str]] = []
        self._found: dict[str, list[etree._Element]] = defaultdict(list)
        self.medications: list[ems_naloxone.Medication] = []
        for section in report:
            if section.tag == _MEDICATIONS:
                self.medications += [_medication(group) for group in section.iter(_MEDICATION)]
            elif (tags := SECTIONS.get(section.tag)) is not None:
                for element in section.iter(*tags):
                    self._found[element.tag[_SKIP:]].append(element)

    def notice(self, kind: str, where: str) -> None:
        """Tell of something unknown."""
        self.notices.append((kind, where))

    @functools.cached_property
    def coded(self) -> Coded:
        """What case definitions read; symptoms that are denied are left out (EMS-2)."""
        return Coded(
            symptoms=(*self.values("eSituation.09"), *self.affirmed("eSituation.10")),
            impressions=(*self.values("eSituation.11"), *self.values("eSituation.12")),
            doses=tuple(group.dose for group in self.medications),
        )

    @property
    def count(self) -> int:
        """How many elements the report has of those that are read."""
        return sum(map(len, self._found.values())) + len(self.medications)

    def missing(self) -> str | None:
        """Return the first required element that is not there, nil or not, or None."""
        return next((name for name in REQUIRED if name not in self._found), None)

    def values(self, name: str) -> list[str]:
        """Return the texts of an element, without nils, in order."""
        return [text for held in self._found.get(name, ()) if (text := _text(held)) is not None]

    def affirmed(self, name: str) -> list[str]:
        """Return the texts of an element that carry no pertinent negative."""
        found = self._found.get(name, ())
        return [text for held in found if "PN" not in held.attrib and (text := _text(held))]

    def text(self, name: str) -> str | None:
        """Return the first text of an element, or None."""
        for held in self._found.get(name, ()):
            if (text := _text(held)) is not None:
                return text
        return None

    def has(self, name: str, attribute: str, value: str) -> bool:
        """Return whether an element carries an attribute with this value."""
        return any(held.get(attribute) == value for held in self._found.get(name, ()))

    def formed(self, name: str, form: re.Pattern[str]) -> str | None:
        """Return a text of the given form; another is unknown and null."""
        text = self.text(name)
        if text is None or form.fullmatch(text):
            return text
        self.notice("unknown-value", name)
        return None

    def code(self, name: str, codes_name: str, source: str = "") -> str | None:
        """Return the code of an element by a closed list; an unknown spelling is told and null."""
        text = self.text(name)
        if text is None:
            return None
        found = codes(codes_name, source or f"NEMSIS 3.5.1 {name}").get(text)
        if found is None:
            self.notice("unknown-code", name)
        return found

    def code_list(self, name: str, codes_name: str) -> tuple[str, ...] | None:
        """Return the codes of a repeated element; one that is unknown makes the list null."""
        texts = self.affirmed(name)
        if not texts:
            # `none reported` is an answer; everything else that is nil is the absence of one.
            return () if self.has(name, "PN", _NONE_REPORTED) else None
        spellings = codes(codes_name, f"NEMSIS 3.5.1 {name}")
        found = tuple(spellings[text] for text in texts if text in spellings)
        if len(found) < len(texts):
            self.notice("unknown-code", name)
            return None
        return found

    def icd10(self, texts: list[str], name: str) -> tuple[str, ...] | None:
        """Return codes of ICD-10-CM by form; one that is none makes the list null."""
        if not all(map(_ICD10.fullmatch, texts)):
            self.notice("unknown-code", name)
            return None
        return tuple(texts) or None

    def instant(self, name: str) -> dt.datetime | None:
        """Return a time with its own offset; one without, or with `Z`, is unknown and null."""
        text = self.formed(name, _INSTANT)
        try:
            found = dt.datetime.fromisoformat(text) if text else None
        except ValueError:
            found = None
        if found is not None and found.year in _PLAUSIBLE:
            return found
        if text is not None:
            self.notice("unknown-value", name)
        return None

    def date(self, name: str) -> dt.date | None:
        """Return a civil date, or None."""
        text = self.formed(name, _DATE)
        try:
            return dt.date.fromisoformat(text) if text else None
        except ValueError:
            self.notice("unknown-value", name)
            return None

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Return a whole number within limits; another is unknown and null."""
        text = self.text(name)
        if text is None:
            return None
        if _WHOLE.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        self.notice("unknown-value", name)
        return None


def _text(element: etree._Element) -> str | None:
    if element.get(_NIL) in ("true", "1"):
        return None
    return (element.text or "").strip() or None


def _medication(group: etree._Element) -> ems_naloxone.Medication:
    held = {child.tag[_SKIP:]: child for child in group.iter()}
    code = held.get("eMedications.03")

    def text(part: str) -> str | None:
        element = held.get(f"eMedications.{part}")
        return None if element is None else _text(element)

    return ems_naloxone.Medication(
        code=text("03"),
        code_type=None if code is None else code.get("CodeType"),
        negative=None if code is None else code.get("PN"),
        null=None if code is None else code.get("NV"),
        before=text("02"),
        route=text("04"),
        amount=text("05"),
        unit=text("06"),
        response=text("07"),
        role=text("10"),
    )


def row(elements: Elements, key: str, definition: Definition) -> Mapping[str, Value]:
    """Return the row of a report, `definition_id` null where it is no case."""
    held = elements.coded
    basis = definition.basis(held)
    return {
        "pcr_uuid": key,
        "pcr_number": elements.text("eRecord.01"),
        "incident_number": elements.text("eResponse.03"),
        "ems_agency_number": elements.text("eResponse.01"),
        **_times(elements),
        **_patient(elements),
        **_scene(elements),
        **_situation(elements),
        **ems_naloxone.fields(elements.medications, elements.notice),
        "fatal": outcome(elements.values, held),
        "transport_disposition": elements.code("eDisposition.30", "transport_disposition"),
        "destination_code": elements.text("eDisposition.02"),
        "definition_id": definition.id if basis else None,
        "definition_version": definition.version if basis else None,
        "definition_basis": basis or None,
        "narrative": elements.text("eNarrative.01"),
    }


def _times(elements: Elements) -> Mapping[str, Value]:
    notified = elements.instant("eTimes.03")
    return {
        "incident_date": notified.date() if notified else None,
        "unit_notified_at": notified,
        "psap_call_at": elements.instant("eTimes.01"),
        "on_scene_at": elements.instant("eTimes.06"),
        "at_patient_at": elements.instant("eTimes.07"),
        "time_precision": "instant" if notified else "unknown",
        "part_of_day": part_of_day(notified.hour) if notified else None,
    }


def part_of_day(hour: int) -> str:
    """Return the quarter of the civil day that an hour lies in."""
    return ("overnight", "morning", "afternoon", "evening")[hour // 6]


def _patient(elements: Elements) -> Mapping[str, Value]:
    age = elements.whole("ePatient.15", 1, _MAX_AGE)
    unit = elements.code("ePatient.16", "age_unit") if age is not None else None
    return {
        "patient_id": elements.text("ePatient.01"),
        "patient_last_name": elements.text("ePatient.02"),
        "patient_first_name": elements.text("ePatient.03"),
        "patient_dob": elements.date("ePatient.17"),
        "patient_phone": tuple(elements.affirmed("ePatient.18")) or None,
        "patient_home_address": elements.text("ePatient.05"),
        "patient_home_zip": elements.text("ePatient.09"),
        "patient_home_county_fips": elements.formed("ePatient.07", _COUNTY),
        "age": age,
        "age_unit": unit,
        "age_is_approximate": None
        if age is None
        else elements.has("ePatient.15", "PN", _APPROXIMATE),
        "age_band": age_band(age, unit),
        "sex": _sex(elements),
        "race": elements.code_list("ePatient.14", "race"),
        "homeless": True if _HOMELESS in elements.values("ePatient.22") else None,
    }


def age_band(age: int | None, unit: str | None) -> str | None:
    """Return the five-year band of an age after its conversion to years: 6 months are an infant."""
    if age is None or unit is None:
        return None
    years = int(age * _YEARS[unit])
    low = years - years % 5
    return "100+" if low >= 100 else f"{low}-{low + 4}"  # noqa: PLR2004 - the list's last band


def _sex(elements: Elements) -> str | None:
    if elements.text("ePatient.25") is not None:
        return elements.code("ePatient.25", "sex")
    return elements.code("ePatient.13", "sex", "NEMSIS 3.4/3.5.0 ePatient.13")


def _scene(elements: Elements) -> Mapping[str, Value]:
    point = elements.text("eScene.11")
    lat, lon = latitude_first(point) if point else (None, None)
    if point and lat is None:
        elements.notice("unknown-value", "eScene.11")
    return {
        "scene_address": elements.text("eScene.15"),
        "scene_lat": lat,
        "scene_lon": lon,
        "scene_zip": elements.text("eScene.19"),
        "scene_county_fips": elements.formed("eScene.21", _COUNTY),
        "scene_census_tract": elements.formed("eScene.23", _TRACT),
        "scene_location_type": elements.formed("eScene.09", _ICD10),
    }


def latitude_first(text: str) -> tuple[float, float] | tuple[None, None]:
    """Return the two numbers of `lat,lon`, or nothing where they are no point on Earth."""
    match = _POINT.fullmatch(text)
    if match is None:
        return None, None
    lat, lon = float(match[1]), float(match[2])
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else (None, None)  # noqa: PLR2004


def _situation(elements: Elements) -> Mapping[str, Value]:
    return {
        "dispatch_reason": elements.formed("eDispatch.01", _DISPATCH),
        "primary_symptom": elements.formed("eSituation.09", _ICD10),
        "other_symptoms": elements.icd10(elements.affirmed("eSituation.10"), "eSituation.10"),
        "primary_impression": elements.formed("eSituation.11", _ICD10),
        "secondary_impressions": elements.icd10(elements.values("eSituation.12"), "eSituation.12"),
        "drug_use_indicators": elements.code_list("eHistory.17", "ems_drug_use_indicator"),
        "cardiac_arrest": elements.code("eArrest.01", "cardiac_arrest"),
        "initial_acuity": elements.code("eSituation.13", "acuity"),
        "respiratory_rate": elements.whole("eVitals.14", 0, _MAX_RATE),
        "avpu": elements.code("eVitals.26", "avpu"),
    }
