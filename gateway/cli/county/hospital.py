r"""The hospital's messages: HL7 v2.5.1 ADT after the PHIN guide for syndromic surveillance 2.0.

Several messages make a visit: registered (A04), updated (A08), admitted (A01), discharged (A03).
Segments end with CR. Names, birth dates, streets and telephone numbers stand in PID although no
release may hold them: an adapter must not read them, and that is worth showing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import Files, chance
from gateway.cli.county.months import Month, months
from gateway.cli.county.people import Person, a_person
from gateway.cli.county.places import ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from gateway.cli.county.overdoses import Overdose

TRANSPORTED: Final = 30
WALK_INS: Final = {"male": 12, "female": 5}
OTHERS: Final = 20
_OWN_PERSONS: Final = 10_000
"""Numbers of people whom only the hospital knows begin above this."""

FACILITY: Final = "Rivertown Synthetic Hospital^9999999901^NPI"
_PROFILE: Final = "PH_SS-NoAck^SS Sender^2.16.840.1.114222.4.10.3^ISO"
_SEXES: Final = {"female": "F", "male": "M", "unknown": "U"}
_RACES: Final = {
    "american_indian_alaska_native": "1002-5",
    "asian": "2028-9",
    "black": "2054-5",
    "white": "2106-3",
}
_DIAGNOSES: Final = {
    "heroin": ("T40.1X1A", "Poisoning by heroin, accidental"),
    "fentanyl": ("T40.411A", "Poisoning by fentanyl, accidental"),
    "methamphetamine": ("T43.651A", "Poisoning by methamphetamine, accidental"),
    "unknown": ("T40.601A", "Poisoning by unspecified narcotics, accidental"),
}
_OTHER_VISITS: Final = (
    ("Chest pain", "R07.9", "Chest pain"),
    ("Sprained ankle", "S93.401A", "Sprain of ankle"),
    ("Fever and cough", "J10.1", "Influenza"),
    ("Headache", "R51.9", "Headache"),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit; `codes` are ICD-10-CM with their text, `end` is None while it lasts."""

    number: int
    person: Person
    start: dt.datetime
    end: dt.datetime | None
    age: int
    age_unit: str
    complaint: str
    codes: tuple[tuple[str, str], ...]
    disposition: str
    ethnicity: str
    walked_in: bool = False


def messages(random: Random, now: dt.datetime, events: Sequence[Overdose], scale: int) -> Files:
    """Return a file a message: overdoses that were transported, walk-ins, and other visits.

    In each whole month `WALK_INS` men and women come by themselves, so that a count of cases by
    month and sex has cells above ten whatever the seed.
    """
    visits = [_of_overdose(random, event) for event in events if event.transported]
    visits = visits[: TRANSPORTED * scale]
    for month in months(now.astimezone(ZONE).date()):
        if month.whole:
            for sex, people in WALK_INS.items():
                visits += [_walk_in(random, month, sex) for _ in range(people * scale)]
    visits += [_of_other(random, now) for _ in range(OTHERS * scale)]
    visits = [
        replace(visit, number=number, person=replace(visit.person, number=number + _OWN_PERSONS))
        if visit.walked_in
        else replace(visit, number=number)
        for number, visit in enumerate(visits, 1)
    ]
    cases = {"hospital.overdose": _visit_id(visits[0]), "hospital.other": _visit_id(visits[-1])}
    for index, (name, change) in _CASES.items():
        visits[index] = change(visits[index])
        cases[f"hospital.{name}"] = _visit_id(visits[index])

    files: dict[str, bytes] = {}
    for visit in visits:
        for trigger, message in _course(random, visit, now):
            files[f"ADT-{visit.number:05}-{len(files) + 1:05}-{trigger}.hl7"] = message
    return Files(files, len(visits), cases)


def _walk_in(random: Random, month: Month, sex: str) -> Visit:
    # Not on the last day, so that even on the first of a month every visit has ended.
    day = month.first + dt.timedelta(days=random.randrange(month.days - 1))
    clock = dt.time(random.randrange(24), random.randrange(60), random.randrange(60))
    start = dt.datetime.combine(day, clock, ZONE)
    person = replace(a_person(random, 0, day), sex=sex)
    return Visit(
        number=0,
        person=person,
        start=start,
        end=start + dt.timedelta(minutes=random.randint(60, 400)),
        age=person.age(day),
        age_unit="a",
        complaint=random.choice(("Opioid overdose", "Overdose, given naloxone by a friend")),
        codes=(_DIAGNOSES[random.choice(("fentanyl", "heroin", "unknown"))],),
        disposition=random.choice(("01", "01", "07")),
        ethnicity=random.choice(("2186-5", "2135-2")),
        walked_in=True,
    )


def _of_overdose(random: Random, event: Overdose) -> Visit:
    start = event.at + dt.timedelta(minutes=random.randint(35, 70))
    codes = tuple(_DIAGNOSES[substance] for substance in event.substances)
    return Visit(
        number=event.number,
        person=event.person,
        start=start,
        end=start + dt.timedelta(minutes=random.randint(90, 600)),
        age=event.person.age(event.at.date()),
        age_unit="a",
        complaint=random.choice(
            ("Overdose, naloxone by EMS", "Unresponsive, possible overdose", "Opioid overdose")
        ),
        codes=codes,
        disposition=random.choices(("01", "09", "07", "65"), (60, 20, 15, 5))[0],
        ethnicity=random.choice(("2186-5", "2186-5", "2135-2")),
    )


def _of_other(random: Random, now: dt.datetime) -> Visit:
    at = now - dt.timedelta(hours=random.uniform(12, 1500))
    start = at.replace(microsecond=0).astimezone(ZONE)
    person = a_person(random, 0, start.date())
    complaint, code, text = random.choice(_OTHER_VISITS)
    return Visit(
        number=0,
        person=person,
        start=start,
        end=start + dt.timedelta(minutes=random.randint(60, 400)),
        age=person.age(start.date()),
        age_unit="a",
        complaint=complaint,
        codes=((code, text),),
        disposition="01",
        ethnicity=random.choice(("2186-5", "2135-2")),
        walked_in=True,
    )


def _infant(visit: Visit) -> Visit:
    """Return the visit of a six-month-old who found a pill: 6 with the unit `mo`."""
    born = visit.start.date() - dt.timedelta(days=190)
    return replace(
        visit,
        person=replace(visit.person, born=born),
        age=6,
        age_unit="mo",
        complaint="Found unresponsive, possible overdose",
        codes=(_DIAGNOSES["fentanyl"],),
    )


def _death(visit: Visit) -> Visit:
    return replace(visit, disposition="20")


def _escaped(visit: Visit) -> Visit:
    """Return a complaint that holds a separator, to be escaped and undone once."""
    return replace(visit, complaint="Overdose & fall")


_CASES: Final = {1: ("death", _death), 2: ("escaped", _escaped), -2: ("infant", _infant)}


def _course(random: Random, visit: Visit, now: dt.datetime) -> list[tuple[str, bytes]]:
    """Return the visit's messages in order; what comes later knows more."""
    registered = replace(visit, codes=(), end=None, disposition="")
    course = [("A04", visit.start + dt.timedelta(minutes=4), registered)]
    if visit.disposition == "09":
        admitted = visit.start + dt.timedelta(minutes=50)
        course.append(("A01", admitted, replace(visit, end=None)))
    elif chance(random, 0.3):
        course.append(("A08", visit.start + dt.timedelta(minutes=50), replace(visit, end=None)))
    if visit.end is not None:
        course.append(("A03", visit.end + dt.timedelta(minutes=5), visit))
    return [
        (trigger, _message(visit, trigger, at, number))
        for number, (trigger, at, visit) in enumerate(course, 1)
        if at < now
    ]


def _message(visit: Visit, trigger: str, at: dt.datetime, part: int) -> bytes:
    structure = "ADT_A03" if trigger == "A03" else "ADT_A01"
    control = f"RVH-{visit.number:05}-{part}"
    kind = f"ADT^{trigger}^{structure}"
    segments = [
        f"MSH|^~\\&|RIVERTOWN-ED|{FACILITY}|||{_time(at)}||{kind}|{control}|P|2.5.1|||||||||{_PROFILE}",
        f"EVN||{_time(at)}|||||{FACILITY}",
        _pid(visit),
        _pv1(visit),
        f"PV2|||^{_text(visit.complaint)}",
        *(
            f"DG1|{n}||{code}^{_text(text)}^I10C|||F"
            for n, (code, text) in enumerate(visit.codes, 1)
        ),
        "OBX|1|CWE|SS003^^PHINQUESTION||261QE0002X^Emergency Care^HCPTNUCC||||||F",
        f"OBX|2|NM|21612-7^^LN||{visit.age}|{visit.age_unit}^^UCUM|||||F",
        f"OBX|3|CWE|8661-1^^LN||^^^^^^^^{_text(visit.complaint)}||||||F",
    ]
    return "".join(f"{segment}\r" for segment in segments).encode()


def _pid(visit: Visit) -> str:
    person, home = visit.person, visit.person.home
    races = "~".join(f"{_RACES[race]}^^CDCREC" for race in person.race)
    fields = [""] * 31
    fields[0] = "PID"
    fields[1] = "1"
    fields[3] = f"RVP-{person.number:05}^^^RVH^MR"
    fields[5] = f"{person.family}^{person.given}"
    fields[7] = f"{person.born:%Y%m%d}"
    fields[8] = _SEXES[person.sex]
    fields[10] = races
    fields[11] = f"{home.street}^^{home.quarter.name}^^{home.quarter.zip}^USA^^^{home.quarter.fips}"
    fields[13] = "~".join(person.phones)
    fields[22] = f"{visit.ethnicity}^^CDCREC"
    if visit.disposition == "20":
        fields[29], fields[30] = _time(visit.end or visit.start), "Y"
    return "|".join(fields).rstrip("|")


def _pv1(visit: Visit) -> str:
    fields = [""] * 46
    fields[0], fields[1], fields[2] = "PV1", "1", "E"
    fields[19] = f"{_visit_id(visit)}^^^RVH^VN"
    fields[36] = visit.disposition
    fields[44] = _time(visit.start)
    fields[45] = _time(visit.end) if visit.end else ""
    return "|".join(fields).rstrip("|")


def _visit_id(visit: Visit) -> str:
    return f"RVV-{visit.number:05}"


def _time(at: dt.datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")


def _text(text: str) -> str:
    return text.replace("\\", "\\E\\").replace("&", "\\T\\").replace("|", "\\F\\")
