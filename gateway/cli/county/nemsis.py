"""One EMS patient care report as a NEMSIS 3.5.1 `EMSDataSet` document.

The order of elements and the null flavours are those of the national XML schema; tests validate
every document against it where the schema is at hand. Elements that a report of this county never
fills are written nil, as the standard asks: `NA` does not apply, `NR` was not recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.cli.county.places import STATE_FIPS

if TYPE_CHECKING:
    import datetime as dt

    from gateway.cli.county.people import Person
    from gateway.cli.county.places import Spot

Lines: TypeAlias = list[str]

NA: Final = 'NV="7701001"'
NR: Final = 'NV="7701003"'
NOT_PRESENT: Final = "8801031"
REFUSED: Final = "8801019"
MG: Final = "3706021"
ML: Final = "3706025"
MCG: Final = "3706015"
LPM: Final = "3706035"
IMPROVED: Final = "9916001"
UNCHANGED: Final = "9916003"
INTRANASAL: Final = "9927017"
INTRAMUSCULAR: Final = "9927015"
BVM: Final = "9927065"
BY_PARAMEDIC: Final = "9905007"
BY_POLICE: Final = "9905047"
BY_LAY_PERSON: Final = "9905045"
NALOXONE: Final = "7242"
OXYGEN: Final = "7806"

AGENCY_NUMBER: Final = "RV-EMS-1"
_SEXES: Final = {"female": "9919001", "male": "9919003", "unknown": "9919005"}
_RACES: Final = {
    "american_indian_alaska_native": "2514001",
    "asian": "2514003",
    "black": "2514005",
    "white": "2514011",
}


@dataclass(frozen=True, slots=True)
class Medication:
    """One medication group: RxNorm code, amount, response; `pn` where it was denied."""

    code: str
    at: dt.datetime
    amount: str = "4"
    unit: str = MG
    response: str = UNCHANGED
    route: str = INTRANASAL
    by: str = BY_PARAMEDIC
    before_ems: bool = False
    pn: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One report, in the words of NEMSIS; `medications` is None where nothing was recorded."""

    uuid: str
    number: str
    incident: str
    called: dt.datetime
    notified: dt.datetime
    on_scene: dt.datetime
    at_patient: dt.datetime
    back: dt.datetime
    person: Person
    age: int | None
    homeless: bool
    spot: Spot
    dispatch: str
    symptom: str
    other_symptoms: tuple[tuple[str, str], ...]
    impression: str
    secondary: tuple[str, ...]
    indicators: tuple[str, ...]
    arrest: str
    acuity: str
    respiratory_rate: int
    avpu: str
    medications: tuple[Medication, ...] | None
    transport: str
    destination: str
    acuity_at_release: str
    narrative: str


def document(report: Report) -> bytes:
    """Return the report as a UTF-8 XML document with one PatientCareReport."""
    sections = (
        _record(report) + _response(report) + _dispatch(report) + _times(report) + _patient(report)
        + _group("ePayment", _nil("ePayment.01", NR), _nil("ePayment.50", NA))
        + _scene(report) + _situation(report) + _injury() + _arrest(report) + _history(report)
        + _group("eNarrative", _el("eNarrative.01", report.narrative))
        + _vitals(report)
        + _group("eProtocols", _group("eProtocols.ProtocolGroup", _nil("eProtocols.01", NR)))
        + _medications(report) + _procedures() + _disposition(report) + _outcome()
    )  # fmt: skip
    agency = _group(
        "DemographicGroup",
        _el("dAgency.01", AGENCY_NUMBER),
        _el("dAgency.02", AGENCY_NUMBER),
        _el("dAgency.04", STATE_FIPS),
    )
    care = _group(f'PatientCareReport UUID="{report.uuid}"', sections)
    root = (
        'EMSDataSet xmlns="http://www.nemsis.org"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<!-- synthetic: nobody in it exists -->"]
    return ("\n".join(lines + _group(root, _group("Header", agency, care))) + "\n").encode()


def _el(tag: str, text: str | int, attributes: str = "") -> Lines:
    space = f" {attributes}" if attributes else ""
    return [f"<{tag}{space}>{escape(str(text), quote=False)}</{tag}>"]


def _nil(tag: str, flavour: str) -> Lines:
    return [f'<{tag} xsi:nil="true" {flavour}/>']


def _opt(tag: str, text: str | int | None) -> Lines:
    """Return the element, or nil and not recorded where there is nothing."""
    return _nil(tag, NR) if text in (None, "") else _el(tag, str(text))


def _group(head: str, *children: Lines) -> Lines:
    body = [f" {line}" for child in children for line in child]
    return [f"<{head}>", *body, f"</{head.split(' ', 1)[0]}>"]


def _nils(section: str, flavour: str, *numbers: str) -> Lines:
    return [line for number in numbers for line in _nil(f"{section}.{number}", flavour)]


def _time(at: dt.datetime) -> str:
    """Return an instant with a numeric offset; the schema does not allow `Z`."""
    return at.isoformat(timespec="seconds")


def _record(report: Report) -> Lines:
    software = _group(
        "eRecord.SoftwareApplicationGroup",
        _el("eRecord.02", "Accord"),
        _el("eRecord.03", "Synthetic county"),
        _el("eRecord.04", "1"),
    )
    return _group("eRecord", _el("eRecord.01", report.number), software)


def _response(report: Report) -> Lines:
    return _group(
        "eResponse",
        _group("eResponse.AgencyGroup", _el("eResponse.01", AGENCY_NUMBER)),
        _el("eResponse.03", report.incident),
        _el("eResponse.04", f"{report.incident}.1"),
        _group("eResponse.ServiceGroup", _el("eResponse.05", "2205001")),
        _el("eResponse.07", "2207015"),
        _nils("eResponse", NA, "08", "09", "10", "11", "12"),
        _el("eResponse.13", "RV-1"),
        _el("eResponse.14", "Rivertown 1"),
        _el("eResponse.23", "2223001"),
        _nil("eResponse.24", NR),
    )


def _dispatch(report: Report) -> Lines:
    return _group("eDispatch", _el("eDispatch.01", report.dispatch), _nil("eDispatch.02", NR))


def _times(report: Report) -> Lines:
    return _group(
        "eTimes",
        _el("eTimes.01", _time(report.called)),
        _el("eTimes.03", _time(report.notified)),
        _nil("eTimes.05", NR),
        _el("eTimes.06", _time(report.on_scene)),
        _el("eTimes.07", _time(report.at_patient)),
        _nils("eTimes", NR, "09", "11", "12"),
        _el("eTimes.13", _time(report.back)),
    )


def _patient(report: Report) -> Lines:
    person, home = report.person, report.person.home
    phones = [line for phone in person.phones for line in _el("ePatient.18", phone)]
    races = [line for race in person.race for line in _el("ePatient.14", _RACES[race])]
    return _group(
        "ePatient",
        _el("ePatient.01", f"RVP-{person.number:05}"),
        _group(
            "ePatient.PatientNameGroup",
            _el("ePatient.02", person.family),
            _el("ePatient.03", person.given),
        ),
        _el("ePatient.05", home.line),
        _el("ePatient.07", home.quarter.fips),
        _el("ePatient.08", STATE_FIPS),
        _el("ePatient.09", home.quarter.zip),
        _el("ePatient.10", "US"),
        _nil("ePatient.13", NR),
        races or _nil("ePatient.14", NR),
        _group(
            "ePatient.AgeGroup",
            _opt("ePatient.15", report.age),
            _nil("ePatient.16", NR) if report.age is None else _el("ePatient.16", "2516009"),
        ),
        _el("ePatient.17", person.born.isoformat()),
        phones or _nil("ePatient.18", 'PN="8801023"'),
        _el("ePatient.22", "2522001") if report.homeless else [],
        _el("ePatient.25", _SEXES[person.sex]),
    )


def _scene(report: Report) -> Lines:
    spot, quarter = report.spot, report.spot.quarter
    return _group(
        "eScene",
        _el("eScene.01", "9923003"),
        _el("eScene.06", "2707005"),
        _el("eScene.07", "9923001"),
        _nil("eScene.08", NA),
        _el("eScene.09", "Y92.009" if spot == report.person.home else "Y92.414"),
        _el("eScene.11", f"{spot.lat:.4f},{spot.lon:.4f}"),
        _el("eScene.15", spot.line),
        _el("eScene.18", STATE_FIPS),
        _el("eScene.19", quarter.zip),
        _el("eScene.21", quarter.fips),
        _el("eScene.22", "US"),
        _el("eScene.23", quarter.tract),
    )


def _situation(report: Report) -> Lines:
    others = [
        line
        for code, pn in report.other_symptoms
        for line in _el("eSituation.10", code, f'PN="{pn}"' if pn else "")
    ]
    secondary = [line for code in report.secondary for line in _el("eSituation.12", code)]
    return _group(
        "eSituation",
        _nil("eSituation.01", NR),
        _nil("eSituation.02", NR),
        _nils("eSituation", NR, "07", "08"),
        _opt("eSituation.09", report.symptom),
        others or _nil("eSituation.10", NR),
        _opt("eSituation.11", report.impression),
        secondary or _nil("eSituation.12", NR),
        _el("eSituation.13", report.acuity),
        _nil("eSituation.18", NR),
        _nil("eSituation.20", NA),
    )


def _injury() -> Lines:
    return _group("eInjury", _nils("eInjury", NA, "01", "03", "04"))


def _arrest(report: Report) -> Lines:
    rest = ("02", "03", "04", "07", "09", "11", "12", "14", "16", "17", "18", "20", "21", "22")
    flavour = NA if report.arrest == "3001001" else NR
    return _group("eArrest", _el("eArrest.01", report.arrest), _nils("eArrest", flavour, *rest))


def _history(report: Report) -> Lines:
    indicators = [line for code in report.indicators for line in _el("eHistory.17", code)]
    return _group("eHistory", _nil("eHistory.01", NR), indicators or _nil("eHistory.17", NR))


def _vitals(report: Report) -> Lines:
    heart = _group("eVitals.HeartRateGroup", _nil("eVitals.10", NR))
    return _group(
        "eVitals",
        _group(
            "eVitals.VitalGroup",
            _el("eVitals.01", _time(report.at_patient)),
            _el("eVitals.02", "9923001"),
            _group("eVitals.CardiacRhythmGroup", _nils("eVitals", NR, "03", "04", "05")),
            _group("eVitals.BloodPressureGroup", _nil("eVitals.06", NR)),
            heart,
            _nil("eVitals.12", NR),
            _el("eVitals.14", report.respiratory_rate),
            _nils("eVitals", NR, "16", "18"),
            _group("eVitals.GlasgowScoreGroup", _nils("eVitals", NR, "19", "20", "21", "22")),
            _el("eVitals.26", report.avpu),
            _group("eVitals.PainScaleGroup", _nil("eVitals.27", NR)),
            _group("eVitals.StrokeScaleGroup", _nils("eVitals", NR, "29", "30")),
            _nil("eVitals.31", NA),
        ),
    )


def _medications(report: Report) -> Lines:
    groups = [] if report.medications is None else [_medication(m) for m in report.medications]
    return _group("eMedications", *(groups or [_no_medication()]))


def _no_medication() -> Lines:
    return _group(
        "eMedications.MedicationGroup",
        _nils("eMedications", NR, "01", "02", "03", "04"),
        _group("eMedications.DosageGroup", _nils("eMedications", NR, "05", "06")),
        _nils("eMedications", NR, "07", "08", "10"),
    )


def _medication(given: Medication) -> Lines:
    code = 'CodeType="9924003"' + (f' PN="{given.pn}"' if given.pn else "")
    if given.pn:
        dosage, response = _nils("eMedications", NA, "05", "06"), _nil("eMedications.07", NA)
        route, by = _nil("eMedications.04", NA), _nil("eMedications.10", NA)
    else:
        dosage = _el("eMedications.05", given.amount) + _el("eMedications.06", given.unit)
        response, route = (
            _el("eMedications.07", given.response),
            _el("eMedications.04", given.route),
        )
        by = _el("eMedications.10", given.by)
    return _group(
        "eMedications.MedicationGroup",
        _el("eMedications.01", _time(given.at)),
        _el("eMedications.02", "9923003" if given.before_ems else "9923001"),
        _el("eMedications.03", given.code, code),
        route,
        _group("eMedications.DosageGroup", dosage),
        response,
        _nil("eMedications.08", NR),
        by,
    )


def _procedures() -> Lines:
    numbers = ("01", "02", "03", "05", "06", "07", "08", "10")
    return _group(
        "eProcedures",
        _group("eProcedures.ProcedureGroup", _nils("eProcedures", NR, *numbers)),
    )


def _disposition(report: Report) -> Lines:
    where = _opt("eDisposition.02", report.destination)
    return _group(
        "eDisposition",
        _group("eDisposition.DestinationGroup", where, _nils("eDisposition", NR, "05", "06", "07")),
        _group(
            "eDisposition.IncidentDispositionGroup",
            _el("eDisposition.27", "4227001"),
            _el("eDisposition.28", "4228001"),
            _el("eDisposition.29", "4229001"),
            _el("eDisposition.30", report.transport),
        ),
        _nils("eDisposition", NR, "16", "17", "18"),
        _el("eDisposition.19", report.acuity_at_release),
        _nils("eDisposition", NR, "20", "21"),
        _nils("eDisposition", NA, "22", "23"),
        _group("eDisposition.HospitalTeamActivationGroup", _nils("eDisposition", NA, "24", "25")),
        _nil("eDisposition.32", NR),
    )


def _outcome() -> Lines:
    return _group(
        "eOutcome",
        _nils("eOutcome", NA, "01", "02"),
        _group("eOutcome.EmergencyDepartmentProceduresGroup", _nils("eOutcome", NA, "09", "19")),
        _nils("eOutcome", NA, "10", "11"),
        _group("eOutcome.HospitalProceduresGroup", _nils("eOutcome", NA, "12", "20")),
        _nils("eOutcome", NA, "13", "16", "18"),
    )
