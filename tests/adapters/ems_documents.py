"""Synthetic NEMSIS documents for tests: a whole one, and the same with parts replaced.

Nobody in them exists. `document(eTimes="...")` replaces the inside of a section,
`document(uuid="...")` the key; `SECTIONS` holds what stands there otherwise, in the order of the
schema.
"""

from __future__ import annotations

KEY = "5a0e7c1e-0000-4000-8000-000000000001"
NAMESPACES = 'xmlns="http://www.nemsis.org" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def el(name: str, text: str = "", attributes: str = "") -> str:
    """Return an element with a text."""
    return f"<{name} {attributes}>{text}</{name}>"


def nil(name: str, attributes: str) -> str:
    """Return a nil element with its null flavour or negative."""
    return f'<{name} xsi:nil="true" {attributes}/>'


NOT_APPLICABLE, NOT_RECORDED = 'NV="7701001"', 'NV="7701003"'


def medication(
    code: str = "7242",
    amount: str = "4",
    unit: str = "3706021",
    response: str = "9916001",
    *,
    route: str = "9927017",
    role: str = "9905001",
    before: str = "9923001",
    attributes: str = 'CodeType="9924003"',
) -> str:
    """Return a medication group: if not said otherwise, 4 mg of naloxone with improvement."""
    return (
        "<eMedications.MedicationGroup>"
        + el("eMedications.01", "2024-03-09T22:32:00-05:00")
        + el("eMedications.02", before)
        + el("eMedications.03", code, attributes)
        + el("eMedications.04", route)
        + "<eMedications.DosageGroup>"
        + el("eMedications.05", amount)
        + el("eMedications.06", unit)
        + "</eMedications.DosageGroup>"
        + el("eMedications.07", response)
        + nil("eMedications.08", NOT_RECORDED)
        + el("eMedications.10", role)
        + "</eMedications.MedicationGroup>"
    )


def no_medication(flavour: str = NOT_RECORDED) -> str:
    """Return the one group of a report without medications."""
    dosage = nil("eMedications.05", NOT_APPLICABLE) + nil("eMedications.06", NOT_APPLICABLE)
    return (
        "<eMedications.MedicationGroup>"
        + "".join(nil(f"eMedications.0{part}", flavour) for part in (1, 2, 3, 4))
        + f"<eMedications.DosageGroup>{dosage}</eMedications.DosageGroup>"
        + nil("eMedications.07", NOT_APPLICABLE)
        + nil("eMedications.08", NOT_RECORDED)
        + nil("eMedications.10", NOT_APPLICABLE)
        + "</eMedications.MedicationGroup>"
    )


def situation(
    impression: str = el("eSituation.11", "F11"),
    others: str = el("eSituation.10", "R06"),
    symptom: str = el("eSituation.09", "R40.20"),
    secondary: str = nil("eSituation.12", NOT_RECORDED),
    acuity: str = el("eSituation.13", "2813003"),
) -> str:
    """Return the inside of eSituation."""
    return (
        nil("eSituation.01", NOT_RECORDED)
        + nil("eSituation.02", NOT_RECORDED)
        + nil("eSituation.07", NOT_RECORDED)
        + nil("eSituation.08", NOT_RECORDED)
        + symptom
        + others
        + impression
        + secondary
        + acuity
        + nil("eSituation.18", NOT_RECORDED)
        + nil("eSituation.20", NOT_APPLICABLE)
    )


def patient(
    sex: str = el("ePatient.25", "9919001"),
    race: str = el("ePatient.14", "2514011"),
    age: str = el("ePatient.15", "22") + el("ePatient.16", "2516009"),
    rest: str = "",
    old_sex: str = nil("ePatient.13", NOT_RECORDED),
) -> str:
    """Return the inside of ePatient."""
    return (
        el("ePatient.01", "P-1")
        + "<ePatient.PatientNameGroup>"
        + el("ePatient.02", "Sample")
        + el("ePatient.03", "Example")
        + "</ePatient.PatientNameGroup>"
        + el("ePatient.05", "1 Sample Street")
        + el("ePatient.07", "22017")
        + el("ePatient.08", "22")
        + el("ePatient.09", "01107")
        + el("ePatient.10", "US")
        + el("ePatient.12", "000000000")
        + old_sex
        + race
        + f"<ePatient.AgeGroup>{age}</ePatient.AgeGroup>"
        + el("ePatient.17", "2001-12-09")
        + el("ePatient.18", "555-555-0100")
        + rest
        + sex
    )


def times(notified: str = "2024-03-09T22:22:17-05:00") -> str:
    """Return the inside of eTimes."""
    return (
        el("eTimes.01", "2024-03-09T22:18:01-05:00")
        + el("eTimes.03", notified)
        + nil("eTimes.05", NOT_RECORDED)
        + el("eTimes.06", "2024-03-09T22:29:48-05:00")
        + el("eTimes.07", "2024-03-09T22:30:31-05:00")
        + "".join(nil(f"eTimes.{part}", NOT_APPLICABLE) for part in ("09", "11", "12"))
        + el("eTimes.13", "2024-03-09T23:00:20-05:00")
    )


def scene(rest: str = el("eScene.11", "33.440,-93.973")) -> str:
    """Return the inside of eScene."""
    return (
        nil("eScene.01", NOT_APPLICABLE)
        + el("eScene.06", "2707005")
        + el("eScene.07", "9923001")
        + nil("eScene.08", NOT_APPLICABLE)
        + el("eScene.09", "Y92.0")
        + rest
        + el("eScene.15", "2 Example Road")
        + el("eScene.18", "05")
        + el("eScene.19", "71854")
        + el("eScene.21", "05091")
        + el("eScene.22", "US")
        + el("eScene.23", "05091020900")
    )


_ARREST = ("02", "03", "04", "07", "09", "11", "12", "14", "16", "17", "18", "20", "21", "22")

SECTIONS: dict[str, str] = {
    "eRecord": el("eRecord.01", "PCR-1")
    + "<eRecord.SoftwareApplicationGroup>"
    + el("eRecord.02", "Sample")
    + el("eRecord.03", "Sample")
    + el("eRecord.04", "1")
    + "</eRecord.SoftwareApplicationGroup>",
    "eResponse": "<eResponse.AgencyGroup>"
    + el("eResponse.01", "EX-1")
    + "</eResponse.AgencyGroup>"
    + el("eResponse.03", "INC-1")
    + el("eResponse.04", "RESP-1")
    + "<eResponse.ServiceGroup>"
    + el("eResponse.05", "2205001")
    + "</eResponse.ServiceGroup>"
    + el("eResponse.07", "2207015")
    + "".join(nil(f"eResponse.{part}", NOT_APPLICABLE) for part in ("08", "09", "10", "11", "12"))
    + el("eResponse.13", "U-1")
    + el("eResponse.14", "Unit 1")
    + el("eResponse.23", "2223001")
    + nil("eResponse.24", NOT_RECORDED),
    "eDispatch": el("eDispatch.01", "2301053") + nil("eDispatch.02", NOT_RECORDED),
    "eTimes": times(),
    "ePatient": patient(),
    "ePayment": nil("ePayment.01", NOT_RECORDED) + nil("ePayment.50", NOT_RECORDED),
    "eScene": scene(),
    "eSituation": situation(),
    "eInjury": "".join(nil(f"eInjury.{part}", NOT_APPLICABLE) for part in ("01", "03", "04")),
    "eArrest": el("eArrest.01", "3001001")
    + "".join(nil(f"eArrest.{part}", NOT_APPLICABLE) for part in _ARREST),
    "eHistory": nil("eHistory.01", NOT_RECORDED)
    + el("eHistory.17", "3117003")
    + el("eHistory.17", "3117009"),
    "eNarrative": el("eNarrative.01", "Synthetic."),
    "eVitals": "<eVitals.VitalGroup>"
    + el("eVitals.01", "2024-03-09T22:31:00-05:00")
    + el("eVitals.02", "9923001")
    + "<eVitals.CardiacRhythmGroup>"
    + "".join(nil(f"eVitals.{part}", NOT_RECORDED) for part in ("03", "04", "05"))
    + "</eVitals.CardiacRhythmGroup>"
    + "<eVitals.BloodPressureGroup>"
    + nil("eVitals.06", NOT_RECORDED)
    + "</eVitals.BloodPressureGroup><eVitals.HeartRateGroup>"
    + nil("eVitals.10", NOT_RECORDED)
    + "</eVitals.HeartRateGroup>"
    + nil("eVitals.12", NOT_RECORDED)
    + el("eVitals.14", "6")
    + nil("eVitals.16", NOT_RECORDED)
    + nil("eVitals.18", NOT_RECORDED)
    + "<eVitals.GlasgowScoreGroup>"
    + "".join(nil(f"eVitals.{part}", NOT_RECORDED) for part in ("19", "20", "21", "22"))
    + "</eVitals.GlasgowScoreGroup>"
    + el("eVitals.26", "3326007")
    + "<eVitals.PainScaleGroup>"
    + nil("eVitals.27", NOT_RECORDED)
    + "</eVitals.PainScaleGroup><eVitals.StrokeScaleGroup>"
    + nil("eVitals.29", NOT_RECORDED)
    + nil("eVitals.30", NOT_RECORDED)
    + "</eVitals.StrokeScaleGroup>"
    + nil("eVitals.31", NOT_APPLICABLE)
    + "</eVitals.VitalGroup>",
    "eProtocols": "<eProtocols.ProtocolGroup>"
    + nil("eProtocols.01", NOT_RECORDED)
    + "</eProtocols.ProtocolGroup>",
    "eMedications": medication(),
    "eProcedures": "<eProcedures.ProcedureGroup>"
    + "".join(
        nil(f"eProcedures.{part}", NOT_APPLICABLE)
        for part in ("01", "02", "03", "05", "06", "07", "08", "10")
    )
    + "</eProcedures.ProcedureGroup>",
    "eDisposition": "<eDisposition.DestinationGroup>"
    + "".join(
        nil(f"eDisposition.{part}", NOT_APPLICABLE) for part in ("01", "02", "05", "06", "07")
    )
    + "</eDisposition.DestinationGroup><eDisposition.IncidentDispositionGroup>"
    + el("eDisposition.27", "4227001")
    + el("eDisposition.28", "4228001")
    + el("eDisposition.29", "4229001")
    + el("eDisposition.30", "4230009")
    + "</eDisposition.IncidentDispositionGroup>"
    + "".join(nil(f"eDisposition.{part}", NOT_APPLICABLE) for part in ("16", "17", "18"))
    + el("eDisposition.19", "4219005")
    + "".join(nil(f"eDisposition.{part}", NOT_APPLICABLE) for part in ("20", "21", "22", "23"))
    + "<eDisposition.HospitalTeamActivationGroup>"
    + nil("eDisposition.24", NOT_APPLICABLE)
    + nil("eDisposition.25", NOT_APPLICABLE)
    + "</eDisposition.HospitalTeamActivationGroup>"
    + nil("eDisposition.32", NOT_RECORDED),
    "eOutcome": "".join(nil(f"eOutcome.{part}", NOT_APPLICABLE) for part in ("01", "02"))
    + "<eOutcome.EmergencyDepartmentProceduresGroup>"
    + nil("eOutcome.09", NOT_APPLICABLE)
    + nil("eOutcome.19", NOT_APPLICABLE)
    + "</eOutcome.EmergencyDepartmentProceduresGroup>"
    + nil("eOutcome.10", NOT_APPLICABLE)
    + nil("eOutcome.11", NOT_APPLICABLE)
    + "<eOutcome.HospitalProceduresGroup>"
    + nil("eOutcome.12", NOT_APPLICABLE)
    + nil("eOutcome.20", NOT_APPLICABLE)
    + "</eOutcome.HospitalProceduresGroup>"
    + "".join(nil(f"eOutcome.{part}", NOT_APPLICABLE) for part in ("13", "16", "18")),
    "eOther": "<eOther.EMSCrewMemberGroup>"
    + nil("eOther.05", NOT_APPLICABLE)
    + "</eOther.EMSCrewMemberGroup>",
}


def report(uuid: str = KEY, **sections: str) -> str:
    """Return one PatientCareReport, the inside of the given sections replaced."""
    held = SECTIONS | sections
    inside = "".join(f"<{name}>{held[name]}</{name}>" for name in held if held[name])
    return f'<PatientCareReport UUID="{uuid}">{inside}</PatientCareReport>'


def document(*reports: str, uuid: str = KEY, **sections: str) -> bytes:
    """Return a document with the given reports, or with one of the given sections."""
    agency = el("dAgency.01", "EX-1") + el("dAgency.02", "EX-1") + el("dAgency.04", "05")
    body = "".join(reports) or report(uuid, **sections)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<EMSDataSet {NAMESPACES}><Header>"
        f"<DemographicGroup>{agency}</DemographicGroup>{body}</Header></EMSDataSet>"
    ).encode()
