"""The cases of EMS reports that an adapter must get right, each as a change to a drawn report.

A case keeps who, where and when, and sets what the report says of naloxone, codes and outcome.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final

from gateway.cli.county import nemsis
from gateway.cli.county.nemsis import Medication, Report

NO_ARREST: Final = "3001001"
ARREST_BEFORE_EMS: Final = "3001003"


def _given(report: Report) -> Report:
    start = report.at_patient
    return _alive(report, (
        Medication(nemsis.OXYGEN, start, "12", nemsis.LPM, route=nemsis.BVM),
        Medication(nemsis.NALOXONE, start + dt.timedelta(minutes=1)),
        Medication(nemsis.NALOXONE, start + dt.timedelta(minutes=4), response=nemsis.IMPROVED),
    ))  # fmt: skip


def _alive(report: Report, medications: tuple[Medication, ...] | None) -> Report:
    return replace(
        report, impression="T40.411A", secondary=("F11",), arrest=NO_ARREST, acuity="2813003",
        acuity_at_release="4219003", respiratory_rate=6, medications=medications,
        transport="4230009", destination="",
    )  # fmt: skip


def _not_given(report: Report) -> Report:
    oxygen = Medication(nemsis.OXYGEN, report.at_patient, "12", nemsis.LPM, route=nemsis.BVM)
    return _alive(report, (oxygen,))


def _not_recorded(report: Report) -> Report:
    return _alive(report, None)


def _refused(report: Report) -> Report:
    offered = Medication(nemsis.NALOXONE, report.at_patient, pn=nemsis.REFUSED)
    return _alive(report, (offered,))


def _unit_is_volume(report: Report) -> Report:
    drawn = Medication(nemsis.NALOXONE, report.at_patient, "2", nemsis.ML,
                       route=nemsis.INTRAMUSCULAR, response=nemsis.IMPROVED)  # fmt: skip
    return _alive(report, (drawn,))


def _micrograms(report: Report) -> Report:
    vial = Medication(nemsis.NALOXONE, report.at_patient, "400", nemsis.MCG,
                      route=nemsis.INTRAMUSCULAR, response=nemsis.IMPROVED)  # fmt: skip
    return _alive(report, (vial,))


def _police_first(report: Report) -> Report:
    before = Medication(nemsis.NALOXONE, report.on_scene - dt.timedelta(minutes=3),
                        by=nemsis.BY_POLICE, before_ems=True)  # fmt: skip
    after = Medication(nemsis.NALOXONE, report.at_patient, response=nemsis.IMPROVED)
    return _alive(report, (before, after))


def _many_doses(report: Report) -> Report:
    start = report.at_patient
    doses = tuple(
        Medication(nemsis.NALOXONE, start + dt.timedelta(minutes=3 * n)) for n in range(4)
    )
    return _alive(report, (*doses[:3], replace(doses[3], response=nemsis.IMPROVED)))


def _one_dose(report: Report) -> Report:
    return _alive(report, (Medication(nemsis.NALOXONE, report.at_patient),))


def _adverse_effect(report: Report) -> Report:
    return replace(_not_given(report), impression="T40.2X5A", secondary=(), symptom="R11.10")


def _uncoded_death(report: Report) -> Report:
    dose = Medication(nemsis.NALOXONE, report.at_patient)
    return replace(
        report, symptom="R40.20", impression="I46.9", secondary=(), arrest=ARREST_BEFORE_EMS,
        acuity="2813001", acuity_at_release="4219009", respiratory_rate=0, medications=(dose,),
        transport="4230013", destination="",
    )  # fmt: skip


def _died(report: Report) -> Report:
    return replace(_uncoded_death(report), impression="T40.1X1A")


def _by_medication_alone(report: Report) -> Report:
    return replace(_given(report), impression="R41.82", secondary=())


def _age_unknown(report: Report) -> Report:
    return replace(_given(report), age=None)


CASES: Final = {
    "naloxone_given": _given,
    "naloxone_not_given": _not_given,
    "naloxone_not_recorded": _not_recorded,
    "naloxone_refused": _refused,
    "dose_in_ml": _unit_is_volume,
    "dose_in_micrograms": _micrograms,
    "police_gave_first": _police_first,
    "four_doses": _many_doses,
    "one_dose": _one_dose,
    "adverse_effect": _adverse_effect,
    "uncoded_death": _uncoded_death,
    "death": _died,
    "by_medication_alone": _by_medication_alone,
    "age_unknown": _age_unknown,
}
"""Case name to how its report is written; the first overdoses of a county show them in order."""
