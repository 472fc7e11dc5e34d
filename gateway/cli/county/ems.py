"""The EMS agency's reports: one NEMSIS document each, most of them overdoses, some not.

The first overdoses carry the cases that an adapter must get right (`CASES`); the others vary as
calls do.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.cli.county import nemsis
from gateway.cli.county.ems_cases import ARREST_BEFORE_EMS, CASES, NO_ARREST
from gateway.cli.county.files import Files, chance, record_uuid
from gateway.cli.county.nemsis import Medication, Report
from gateway.cli.county.people import a_person
from gateway.cli.county.places import ZONE, a_spot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from gateway.cli.county.overdoses import Overdose

BLOCK: Final = 1
HOSPITAL: Final = "RV-HOSPITAL-1"
_CORRECTED: Final = list(CASES).index("one_dose") + 1
OVERDOSE_CALL: Final = "2301053"

_IMPRESSIONS: Final = {
    "heroin": "T40.1X1A",
    "fentanyl": "T40.411A",
    "methamphetamine": "F11",
    "unknown": "T40.601A",
}
_INDICATORS: Final = ("3117003", "3117007", "3117009", "3117013", "3117015")
_OTHER_CALLS: Final = (
    # dispatch, symptom, impression; none of them meets the opioid definition.
    ("2301021", "R07.9", "I20.9"),
    ("2301033", "M25.55", "S72.00"),
    ("2301025", "R56.9", "G40.909"),
    ("2301013", "R06.02", "J45.901"),
    ("2301095", "R46.4", "F10.92"),
    ("2301053", "R41.0", "F19"),
)


def reports(random: Random, now: dt.datetime, events: Sequence[Overdose], others: int) -> Files:
    """Return a document for each event, for `others` calls of another kind, and one correction."""
    drawn = [_of_overdose(random, event) for event in events]
    cases = dict(zip(CASES, drawn, strict=False))
    for index, case in enumerate(cases):
        drawn[index] = CASES[case](drawn[index])
    first = len(drawn) + 1
    drawn += [_of_other_call(random, now, first + index) for index in range(others)]
    files = {f"{report.number}.xml": nemsis.document(report) for report in drawn}

    # The same report, sent again a day later with the dose that the first copy left out.
    original = drawn[_CORRECTED - 1]
    later = original.back + dt.timedelta(minutes=45)
    second = Medication(nemsis.NALOXONE, original.at_patient + dt.timedelta(minutes=7),
                        response=nemsis.IMPROVED)  # fmt: skip
    corrected = replace(
        original,
        back=later,
        medications=(*(original.medications or ()), second),
        narrative=f"{original.narrative} Corrected: a further dose was given.",
    )
    files[f"{original.number}-corrected.xml"] = nemsis.document(corrected)
    return Files(
        files,
        len(drawn),
        {f"ems.{case}": record_uuid(BLOCK, index) for index, case in enumerate(cases, 1)}
        | {
            "ems.corrected": original.uuid,
            "ems.no_overdose": record_uuid(BLOCK, first),
        },
    )


def faults() -> dict[str, bytes]:
    """Return documents that an adapter must quarantine: one cut short, one with a DOCTYPE."""
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    root = b'<EMSDataSet xmlns="http://www.nemsis.org"><Header>'
    doctype = b'<!DOCTYPE EMSDataSet [<!ENTITY name "Sample">]>\n'
    return {
        "RVE-fault-cut-short.xml": head + root,
        "RVE-fault-doctype.xml": head + doctype + root + b"&name;</Header></EMSDataSet>\n",
    }


def _of_overdose(random: Random, event: Overdose) -> Report:
    notified = event.at + dt.timedelta(seconds=random.randint(40, 140))
    on_scene = notified + dt.timedelta(seconds=random.randint(240, 900))
    at_patient = on_scene + dt.timedelta(seconds=random.randint(30, 180))
    arrest = NO_ARREST if event.survived else ARREST_BEFORE_EMS
    if event.transported:
        transport, destination = "4230001", HOSPITAL
    else:
        transport, destination = ("4230009" if event.survived else "4230013"), ""
    substances = [s for s in event.substances if s in _IMPRESSIONS]
    return Report(
        uuid=record_uuid(BLOCK, event.number),
        number=f"RVE-{event.number:05}",
        incident=f"RV-{event.number:05}",
        called=event.at,
        notified=notified,
        on_scene=on_scene,
        at_patient=at_patient,
        back=at_patient + dt.timedelta(minutes=random.randint(25, 80)),
        person=event.person,
        age=event.person.age(event.at.date()),
        homeless=chance(random, 0.2),
        spot=event.spot,
        dispatch=OVERDOSE_CALL if chance(random, 0.7) else "2301077",
        symptom="R40.20" if chance(random, 0.8) else "R06.89",
        other_symptoms=(("R06.03", ""), ("R11.10", nemsis.NOT_PRESENT)),
        impression=_IMPRESSIONS[substances[0]],
        secondary=tuple(_IMPRESSIONS[s] for s in substances[1:]),
        indicators=tuple(sorted(random.sample(_INDICATORS, random.randint(0, 3)))),
        arrest=arrest,
        acuity="2813003" if event.survived else "2813001",
        respiratory_rate=random.randint(2, 9) if event.survived else 0,
        avpu="3326007" if chance(random, 0.75) else "3326005",
        medications=_medications(random, event, at_patient),
        transport=transport,
        destination=destination,
        acuity_at_release="4219003" if event.survived else "4219009",
        narrative=_narrative(event.number),
    )


def _narrative(number: int) -> str:
    """Return free text with a name and a phrase that no release may ever hold."""
    return (
        f"Synthetic narrative RVCANARY{number:05}: Testina Sample called from 555-555-0100;"
        " a bystander gave breaths. Nobody in this report exists."
    )


def _medications(random: Random, event: Overdose, start: dt.datetime) -> tuple[Medication, ...]:
    oxygen = Medication(nemsis.OXYGEN, start, "12", nemsis.LPM, route=nemsis.BVM)
    doses = [
        Medication(
            code=nemsis.NALOXONE,
            at=start + dt.timedelta(minutes=1 + 3 * index),
            amount=random.choice(("2", "4", "4")),
            response=nemsis.UNCHANGED,
            route=random.choice((nemsis.INTRANASAL, nemsis.INTRANASAL, nemsis.INTRAMUSCULAR)),
            by=random.choice((nemsis.BY_PARAMEDIC, nemsis.BY_PARAMEDIC, nemsis.BY_LAY_PERSON)),
        )
        for index in range(event.doses)
    ]
    if doses and event.improved:
        doses[-1] = replace(doses[-1], response=nemsis.IMPROVED)
    return (oxygen, *doses)


def _of_other_call(random: Random, now: dt.datetime, number: int) -> Report:
    at = (now - dt.timedelta(hours=random.uniform(5, 1500))).replace(microsecond=0).astimezone(ZONE)
    person = a_person(random, number, at.date())
    index = number % len(_OTHER_CALLS)
    dispatch, symptom, impression = _OTHER_CALLS[index]
    minutes = [at + dt.timedelta(minutes=after) for after in (2, 11, 13, 65)]
    return Report(
        uuid=record_uuid(BLOCK, number), number=f"RVE-{number:05}", incident=f"RV-{number:05}",
        called=at, notified=minutes[0], on_scene=minutes[1], at_patient=minutes[2],
        back=minutes[3], person=person, age=person.age(at.date()), homeless=False,
        spot=a_spot(random), dispatch=dispatch, symptom=symptom, other_symptoms=(),
        impression=impression, secondary=(), indicators=(), arrest=NO_ARREST, acuity="2813005",
        respiratory_rate=random.randint(12, 22), avpu="3326001", medications=None,
        transport="4230001", destination=HOSPITAL, acuity_at_release="4219005",
        narrative=_narrative(number),
    )  # fmt: skip
