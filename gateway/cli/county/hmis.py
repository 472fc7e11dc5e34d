"""An HMIS CSV export, FY2026 v1, of a street-outreach project.

Column names and their order are those of the published layout; most columns stay empty, as in many
exports. Street outreach is project type 4; the shelter beside it is there to be left out.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import Files, chance
from gateway.cli.county.hmis_columns import COLUMNS
from gateway.cli.county.people import Person, a_person
from gateway.cli.county.places import ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

OUTREACH: Final = "401"
SHELTER: Final = "102"
EXPORT_ID: Final = "9901"
JAIL: Final = "207"
TREATMENT_EVENT: Final = "8"
"""A referral to services outside the housing system; in this programme that means treatment."""
_LINKED, _NOT_LINKED = 2, 3
_REFERRED: Final = {_LINKED: "1", _NOT_LINKED: "2"}
_USER: Final = "RV1"

_SEXES: Final = {"female": "0", "male": "1", "unknown": "99"}
_SITUATIONS: Final = ("116", "116", "116", "101", "205", "313", "435", "99")


class _Export:
    """Rows of the files, as they are added; every row carries the columns that close each file."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Mapping[str, str]]] = {name: [] for name in COLUMNS}

    def add(self, name: str, on: dt.date | None, **values: str) -> None:
        """Add a row; where the file keeps that, as written down at noon of the day `on`."""
        at = f"{on} 12:00:00"
        row = {"ExportID": EXPORT_ID, **values}
        if on:
            row |= {"DateCreated": at, "DateUpdated": at, "UserID": _USER}
        self.rows[name].append(row)

    def files(self) -> dict[str, bytes]:
        """Return the files of the folder `hmis/`."""
        return {
            f"hmis/{name}": _csv(COLUMNS[name].split(), rows) for name, rows in self.rows.items()
        }


def export(random: Random, now: dt.datetime, clients: int) -> Files:
    """Return an export of `clients` people, each met between once and four times in four months."""
    out = _Export()
    today = now.astimezone(ZONE).date()
    _head(out, today)
    contacts = 0
    for number in range(1, clients + 1):
        person = a_person(random, 20_000 + number, today)
        days = sorted(random.sample(range(1, 118), random.randint(1, 4)), reverse=True)
        met = [today - dt.timedelta(days=away) for away in days]
        enrollment = _enrol(out, person, OUTREACH, met[0], random)
        for on in met:
            contacts += 1
            situation = JAIL if number == 1 else random.choice(_SITUATIONS)
            _contact(out, contacts, enrollment, person, on, situation)
        if number in _REFERRED or chance(random, 0.4):
            result = _REFERRED.get(number) or random.choice(("1", "1", "2", "3", ""))
            _event(out, number, enrollment, person, met[-1], result)
    cases = _odd_rows(out, random, today, contacts)
    cases |= {
        "outreach.jail": "RVC-00001",
        "outreach.linked": f"RVX-{_LINKED:05}",
        "outreach.not_linked": f"RVX-{_NOT_LINKED:05}",
    }
    return Files(out.files(), contacts + len(out.rows["Event.csv"]), cases)


def _head(out: _Export, today: dt.date) -> None:
    start = today - dt.timedelta(days=365)
    out.add(
        "Export.csv", None, SourceType="4", SourceID="ZZ-999",
        SourceName="Rivertown synthetic outreach", ExportDate=f"{today} 12:00:00",
        ExportStartDate=f"{start}", ExportEndDate=f"{today}", SoftwareName="synthetic county",
        SoftwareVersion="1", CSVVersion="2026 v1", ExportPeriodType="3", ExportDirective="2",
        HashStatus="1", ImplementationID="synthetic",
    )  # fmt: skip
    for project, name, kind in (
        (OUTREACH, "Rivertown synthetic street outreach", "4"),
        (SHELTER, "Rivertown synthetic shelter", "0"),
    ):
        out.add(
            "Project.csv", start, ProjectID=project, OrganizationID="99", ProjectName=name,
            ProjectCommonName=name, OperatingStartDate=f"{start}", ContinuumProject="1",
            ProjectType=kind,
        )  # fmt: skip


def _enrol(out: _Export, person: Person, project: str, on: dt.date, random: Random) -> str:
    """Add a client with one enrollment, sometimes ended; return the enrollment's id."""
    enrollment = f"RVE{project}-{person.number:05}"
    out.add(
        "Client.csv", on, PersonalID=_personal_id(person), FirstName=person.given,
        LastName=person.family, NameDataQuality="1", SSNDataQuality="99", DOB=f"{person.born}",
        DOBDataQuality="1", AmIndAKNative=_flag(person, "american_indian_alaska_native"),
        Asian=_flag(person, "asian"), BlackAfAmerican=_flag(person, "black"), HispanicLatinao="0",
        MidEastNAfrican="0", NativeHIPacific="0", White=_flag(person, "white"),
        RaceNone="" if person.race else "99", Sex=_SEXES[person.sex], VeteranStatus="99",
    )  # fmt: skip
    out.add(
        "Enrollment.csv", on, EnrollmentID=enrollment, PersonalID=_personal_id(person),
        ProjectID=project, EntryDate=f"{on}", HouseholdID=f"h_{enrollment}",
        RelationshipToHoH="1", EnrollmentCoC="ZZ-999", LivingSituation="116",
        DisablingCondition="99", DateOfEngagement=f"{on}",
    )  # fmt: skip
    if chance(random, 0.2):
        out.add(
            "Exit.csv", on, ExitID=f"x_{enrollment}", EnrollmentID=enrollment,
            PersonalID=_personal_id(person), ExitDate=f"{on}", Destination="30",
        )  # fmt: skip
    return enrollment


def _contact(
    out: _Export, number: int, enrollment: str, person: Person, on: dt.date, situation: str,
    **more: str,
) -> None:  # fmt: skip
    out.add(
        "CurrentLivingSituation.csv", on, CurrentLivingSitID=f"RVC-{number:05}",
        EnrollmentID=enrollment, PersonalID=_personal_id(person), InformationDate=f"{on}",
        CurrentLivingSituation=situation, VerifiedBy="Rivertown synthetic street outreach", **more,
    )  # fmt: skip


def _event(
    out: _Export, number: int, enrollment: str, person: Person, on: dt.date, result: str
) -> None:
    out.add(
        "Event.csv", on, EventID=f"RVX-{number:05}", EnrollmentID=enrollment,
        PersonalID=_personal_id(person), EventDate=f"{on}", Event=TREATMENT_EVENT,
        ReferralResult=result, ResultDate=f"{on}" if result else "",
    )  # fmt: skip


def _odd_rows(out: _Export, random: Random, today: dt.date, contacts: int) -> dict[str, str]:
    """Add a contact that was deleted at the source, and one of the shelter; neither may leave."""
    for offset, (project, more) in enumerate(
        ((OUTREACH, {"DateDeleted": f"{today} 09:00:00"}), (SHELTER, {})), 1
    ):
        person = a_person(random, 21_000 + offset, today)
        on = today - dt.timedelta(days=20)
        enrollment = _enrol(out, person, project, on, random)
        _contact(out, contacts + offset, enrollment, person, on, "116", **more)
    return {
        "outreach.deleted": f"RVC-{contacts + 1:05}",
        "outreach.shelter": f"RVC-{contacts + 2:05}",
    }


def _personal_id(person: Person) -> str:
    return f"RVP-{person.number:05}"


def _flag(person: Person, race: str) -> str:
    return "1" if race in person.race else "0"


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
