"""The police department's overdose responses, in the long form of ODIN.

A row is a victim, a suspected drug and an administration of naloxone, all columns text, unknowns
spelled as that form spells them: `0` and `UNKNOWN` for a dose, `00:00:00` for a time, `NA`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import chance
from gateway.cli.county.places import COUNTIES, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from gateway.cli.county.overdoses import Overdose

AGENCY_ORI: Final = "DE9990000"

COLUMNS: Final = (
    *("incident_id", "incident_date", "incident_time", "day", "incident_county_name"),
    *("incident_state", "victim_id", "gender_desc", "age_range", "race", "ethnicity_desc"),
    *("victim_state", "victim_county", "accidental_exposure", "victim_od_drug_id"),
    *("susp_od_drug_desc", "naloxone_administered", "administration_id", "dose_count"),
    *("dose_unit", "dose_desc", "response_time_desc", "survive", "response_desc"),
    *("revive_action_desc", "third_party_admin_desc", "incident_county_fips_code"),
    *("victim_county_fips_code", "incident_county_latitude", "incident_county_longitude"),
    # Of the department's own table, not of the public form:
    *("agency_ori", "incident_zip", "victim_last_name", "victim_first_name", "victim_dob"),
    "outreach_opt_out",
)

_SEXES: Final = {"female": "Female", "male": "Male", "unknown": "Unknown"}
_RACES: Final = {
    "american_indian_alaska_native": "American Indian or Alaskan Native",
    "asian": "Asian or Pacific Islander",
    "black": "Black",
    "white": "White",
}
_BANDS: Final = (
    *((80, "80 - *"), (70, "70 - 79"), (60, "60 - 69"), (50, "50 - 59"), (40, "40 - 49")),
    *((30, "30 - 39"), (25, "25 - 29"), (20, "20 - 24"), (15, "15 - 19"), (10, "10 - 14")),
)
_ALERT: Final = ("RESPONSIVE AND ALERT", "RESPONSIVE BUT SEDATED", "RESPONSIVE AND ANGRY")
_AFTER: Final = ("HOSPITAL CONSCIOUS", "TRANSPORTED TO TREATMENT", "REFUSED TRANSPORT", "RELEASED")
_GIVERS: Final = ("NA", "NA", "NA", "EMS", "GOOD SAMARITAN", "FIRE DEPARTMENT")
_NOTHING_GIVEN: Final = {
    "naloxone_administered": "N",
    "administration_id": "0",
    "dose_count": "0",
    "dose_unit": "0",
    "dose_desc": "None Given",
    "response_time_desc": "NA",
    "response_desc": "NA",
    "revive_action_desc": "NA",
    "third_party_admin_desc": "NA",
}


@dataclass(frozen=True, slots=True)
class Dose:
    """One administration: doses, milligrams of each (`0` is unknown), and who gave it."""

    count: str = "1"
    mg: str = "4"
    by: str = "NA"


@dataclass(frozen=True, slots=True)
class Response:
    """One victim as the police saw them; `odd` replaces columns in each of the victim's rows."""

    incident: str
    victim: str
    event: Overdose
    drugs: tuple[str, ...]
    doses: tuple[Dose, ...]
    odd: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """What makes a response the example of something."""

    doses: tuple[Dose, ...] = (Dose(),)
    drugs: tuple[str, ...] = ("FENTANYL",)
    odd: Mapping[str, str] = field(default_factory=dict)


CASES: Final[Mapping[str, Case]] = {
    "two_drugs_two_doses": Case((Dose(by="GOOD SAMARITAN"), Dose("2")), ("HEROIN", "FENTANYL")),
    "dose_unknown": Case((Dose(mg="0"),)),
    "nothing_given": Case(()),
    "time_unknown": Case(odd={"incident_time": "00:00:00"}),
    "arrest": Case(odd={"revive_action_desc": "ARREST", "survive": "Y"}),
    "accidental_exposure": Case(odd={"accidental_exposure": "Y"}),
    "victim_county_unknown": Case(
        odd={"victim_state": "Unknown", "victim_county_fips_code": "Unknown"}
    ),
    "out_of_state": Case(odd={"victim_state": "Maryland", "victim_county_fips_code": "999"}),
    "opted_out": Case(odd={"outreach_opt_out": "Y"}),
    "opt_out_not_asked": Case(odd={"outreach_opt_out": ""}),
    "three_doses": Case((Dose("1"), Dose("2", by="EMS"))),
}
"""Case name to what its response holds; the first responses of a county show them in order."""

TWO_VICTIMS: Final = "two_victims"


def responses(
    random: Random, events: Sequence[Overdose], rows: int
) -> tuple[list[Mapping[str, str]], dict[str, str]]:
    """Return source rows, at least `rows` where the events suffice, and the victim of each case."""
    drawn = [_response(random, event, number) for number, event in enumerate(events, 1)]
    for index, case in enumerate(CASES.values()):
        drawn[index] = replace(drawn[index], drugs=case.drugs, doses=case.doses, odd=case.odd)
    first, second = drawn[len(CASES)], drawn[len(CASES) + 1]
    together = replace(first.event, person=second.event.person)
    drawn[len(CASES) + 1] = replace(second, incident=first.incident, event=together)

    table: list[Mapping[str, str]] = []
    given = 0
    for response in drawn:
        if len(table) >= rows:
            break
        table += _rows(random, response, given)
        given += len(response.doses)
    cases = {name: response.victim for name, response in zip(CASES, drawn, strict=False)}
    return table, cases | {TWO_VICTIMS: first.victim}


def _response(random: Random, event: Overdose, number: int) -> Response:
    doses = [
        Dose(
            random.choice(("1", "1", "2")),
            random.choice(("2", "4", "4", "4", "0")),
            random.choice(_GIVERS),
        )
        for _ in range(min(event.doses, 2))
    ]
    return Response(
        incident=f"PD-{number:05}",
        victim=f"PDV-{number:05}",
        event=event,
        drugs=tuple(drug.upper() for drug in event.substances),
        doses=tuple(doses),
    )


def _rows(random: Random, response: Response, given: int) -> list[Mapping[str, str]]:
    """Return a victim's rows: each drug with each administration; they differ in nothing else."""
    victim = _victim(random, response)
    doses = [_dose(random, dose, response, given + n) for n, dose in enumerate(response.doses, 1)]
    return [
        victim
        | {"victim_od_drug_id": f"{response.victim}.{number}", "susp_od_drug_desc": drug}
        | dose
        | dict(response.odd)
        for number, drug in enumerate(response.drugs, 1)
        for dose in (doses or [_NOTHING_GIVEN])
    ]


def _victim(random: Random, response: Response) -> dict[str, str]:
    event, person, quarter = response.event, response.event.person, response.event.spot.quarter
    age = person.age(event.at.date())
    return {
        "incident_id": response.incident,
        "incident_date": f"{event.at:%m/%d/%Y}",
        # Midnight to the second is how the form writes that the time is not known.
        "incident_time": f"{event.at:%H:%M}:00".replace("00:00:00", "00:01:00"),
        "day": f"{event.at:%A}",
        "incident_county_name": COUNTIES[quarter.fips],
        "incident_state": STATE,
        "victim_id": response.victim,
        "gender_desc": _SEXES[person.sex],
        "age_range": next((text for low, text in _BANDS if age >= low), "0 - 9"),
        "race": _RACES[person.race[0]] if len(person.race) == 1 else "Unknown",
        "ethnicity_desc": random.choice(("Not Hispanic", "Not Hispanic", "Hispanic", "Unknown")),
        "victim_state": STATE,
        "victim_county": COUNTIES[person.home.quarter.fips],
        "accidental_exposure": "N",
        "survive": "Y" if event.survived else "N",
        "revive_action_desc": random.choice(_AFTER) if event.survived else "NA",
        "incident_county_fips_code": quarter.fips[2:],
        "victim_county_fips_code": person.home.quarter.fips[2:],
        "incident_county_latitude": f"{event.spot.lat:.4f}",
        "incident_county_longitude": f"{event.spot.lon:.4f}",
        "agency_ori": AGENCY_ORI,
        "incident_zip": quarter.zip,
        "victim_last_name": person.family,
        "victim_first_name": person.given,
        "victim_dob": f"{person.born:%m/%d/%Y}",
        "outreach_opt_out": "Y" if chance(random, 0.1) else "N",
    }


def _dose(random: Random, dose: Dose, response: Response, number: int) -> dict[str, str]:
    woke = response.event.survived
    return {
        "naloxone_administered": "Y",
        "administration_id": str(number),
        "dose_count": dose.count,
        "dose_unit": dose.mg,
        "dose_desc": "UNKNOWN" if dose.mg == "0" else "MG",
        "response_time_desc": random.choice(("<1 MINUTE", "1-3 MINUTES", "3-5 MINUTES"))
        if woke
        else "DID NOT WORK",
        "response_desc": random.choice(_ALERT) if woke else "NO RESPONSE TO NALOXONE",
        "third_party_admin_desc": dose.by,
    }
