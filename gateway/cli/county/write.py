"""Writes a synthetic county into a folder: the one module of the county that touches a disk.

```
ems/reports/*.xml            NEMSIS 3.5.1, one report a document
ems/referrals/*.json         FHIR R4, one referral form a bundle
police/records.sqlite        `overdose_responses` in the long form of ODIN, `drug_seizures` of NIBRS
hospital/*.hl7               HL7 v2.5.1 ADT, one message a file, segments end with CR
harm_reduction/hmis/*.csv    HMIS CSV FY2026 v1
harm_reduction/naloxone_distribution.csv
tables/{zip3,grid}.json      small reference tables, labelled synthetic
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from gateway.cli.county import ems, harm_reduction, hmis, hospital, police_tables, referrals, tables
from gateway.cli.county.ems_cases import CASES
from gateway.cli.county.overdoses import overdoses

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.cli.county.files import Files


@dataclass(frozen=True, slots=True)
class County:
    """What was written.

    Attributes:
        folder: The folder that holds everything below.
        paths: `ems_reports`, `ems_referrals`, `police`, `hospital`, `harm_reduction`, `tables`:
            each the folder of those files.
        records: How many source records each holds, by the same names.
        cases: Case name, as `ems.naloxone_refused`, to the key of the record that shows it.
    """

    folder: Path
    paths: Mapping[str, Path]
    records: Mapping[str, int]
    cases: Mapping[str, str]


FOLDERS = {
    "ems_reports": "ems/reports",
    "ems_referrals": "ems/referrals",
    "police": "police",
    "hospital": "hospital",
    "harm_reduction": "harm_reduction",
    "tables": "tables",
}


def write_county(
    folder: Path, *, seed: int, now: dt.datetime, scale: int = 1, with_faults: bool = False
) -> County:
    """Write a county whose newest events lie hours before `now`; same arguments, same bytes.

    Args:
        folder: Made where it is absent; the folders in it must not exist yet.
        seed: Chooses the people and what befell them; record keys and cases stay.
        now: Aware.
        scale: How many times the usual number of records.
        with_faults: Adds two EMS documents that an adapter must quarantine.

    Raises:
        FileExistsError: A folder of the county is there already; nothing in it was touched.
        ValueError: `now` is naive or `scale` is not positive.
    """
    if now.tzinfo is None or scale < 1:
        raise ValueError("a county needs an aware `now` and a positive `scale`")
    made = county(seed, now, scale)
    if with_faults:
        reports = made["ems_reports"]
        made["ems_reports"] = replace(reports, files={**reports.files, **ems.faults()})
    paths = {name: folder / below for name, below in FOLDERS.items()}
    for path in paths.values():
        path.mkdir(parents=True)
    for name, files in made.items():
        for below, content in files.files.items():
            target = paths[name] / below
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return County(
        folder=folder,
        paths=paths,
        records={name: files.records for name, files in made.items()},
        cases={case: key for files in made.values() for case, key in files.cases.items()},
    )


def county(seed: int, now: dt.datetime, scale: int) -> dict[str, Files]:
    """Return every agency's files, by the names of `FOLDERS`."""
    # Each agency draws from its own stream, so that a change to one leaves the others as they were.
    streams = (Random(f"{seed}:{name}") for name in ("events", "police", *FOLDERS))  # noqa: S311
    happened, alone, reports, forms, beat, ward, street, _ = streams
    events = overdoses(happened, now, 90 * scale)
    seen = (*events[::2], *overdoses(alone, now, 130 * scale))
    return {
        "ems_reports": ems.reports(reports, now, events, 30 * scale),
        "ems_referrals": referrals.forms(forms, events, 40 * scale),
        "police": police_tables.records(beat, now, seen, 300 * scale),
        # The first reports are cases of their own, and say that nobody was taken to the hospital.
        "hospital": hospital.messages(ward, now, events[len(CASES) :], scale),
        "harm_reduction": _harm_reduction(street, now, scale),
        "tables": tables.tables(),
    }


def _harm_reduction(random: Random, now: dt.datetime, scale: int) -> Files:
    outreach = hmis.export(random, now, 60 * scale)
    given = harm_reduction.distributions(random, now, scale)
    return replace(
        outreach,
        files={**outreach.files, **given.files},
        records=outreach.records + given.records,
        cases={**outreach.cases, **given.cases},
    )
