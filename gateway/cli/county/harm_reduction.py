"""The harm-reduction programme's sheet of naloxone given out, one row for each distribution.

In each whole month every site serves a set number of participants, so that of its cells some reach
the eleven people that an agreement asks for and some do not, whatever the seed. Participants have a
code and no name: the programme promised that.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import Files, chance
from gateway.cli.county.months import Month, months
from gateway.cli.county.places import QUARTERS, ZONE

if TYPE_CHECKING:
    from random import Random

FILE: Final = "naloxone_distribution.csv"


@dataclass(frozen=True, slots=True)
class Site:
    """A place where naloxone is given out; `people` is how many participants come in a month."""

    name: str
    fips: str
    people: int
    grows: bool


SITES: Final = (
    Site("RIVERTOWN-MAIN", "10901", 62, grows=True),
    Site("EAST-RIVERTOWN", "10901", 38, grows=True),
    Site("EXAMPLEVILLE", "10903", 22, grows=True),
    Site("SAMPLETON-VAN", "10905", 8, grows=False),
    Site("PLACEHOLDER-VAN", "10905", 4, grows=False),
)
"""Three sites reach eleven people in a month; the two vans do not, at any scale."""

COLUMNS: Final = (
    *("record_id", "site", "county_fips", "date", "participant_code", "participant_zip"),
    *("event_type", "refill_reason", "product", "kits", "reversals", "witnessed", "ems_called"),
    *("police_called", "outcome", "drugs", "syringes_out", "syringes_in", "test_strips"),
)
_REASONS: Final = (
    "used_on_self",
    "used_on_other",
    "used_on_other",
    "lost",
    "expired",
    "given_away",
)
_DRUGS: Final = ("fentanyl", "heroin", "fentanyl;methamphetamine", "")
_LETTERS: Final = ("SAMP", "EXAM", "TEST", "DEMO", "MOCK", "FIXT")


def distributions(random: Random, now: dt.datetime, scale: int) -> Files:
    """Return the sheet: four whole months, and what there is of the month of `now`."""
    today = now.astimezone(ZONE).date()
    rows: list[dict[str, str]] = []
    for month in months(today):
        for site in SITES:
            people = site.people * (scale if site.grows else 1)
            if not month.whole:
                people = people * month.days // 40
            rows += _month(random, site, month, people)
    cases = _odd(random, rows, today)
    rows.sort(key=lambda row: row["date"])
    for number, row in enumerate(rows, 1):
        row["record_id"] = f"RVN-{number:05}"
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return Files({FILE: text.getvalue().encode()}, len(rows), cases)


def cells(today: dt.date) -> dict[tuple[str, dt.date], int]:
    """Return people by site and whole month at scale 1: what a right count is."""
    return {
        (site.name, month.first): site.people
        for month in months(today)
        if month.whole
        for site in SITES
    }


def _month(random: Random, site: Site, month: Month, people: int) -> list[dict[str, str]]:
    """Return `people` participants of a site once each, and a tenth of them a second time."""
    chosen = random.sample(range(people * 3 // 2), people) if people else []
    again = random.sample(chosen, people // 10)
    return [
        _row(random, site, number, month.first + dt.timedelta(days=random.randrange(month.days)))
        for number in (*chosen, *again)
    ]


def _row(random: Random, site: Site, number: int, on: dt.date) -> dict[str, str]:
    letters, year = _LETTERS[number % len(_LETTERS)], 1950 + number * 7 % 55
    quarter = next(q for q in QUARTERS if q.fips == site.fips)
    refill = chance(random, 0.5)
    used = refill and chance(random, 0.5)
    return {
        "site": site.name,
        "county_fips": site.fips,
        "date": on.isoformat(),
        "participant_code": f"{letters}{year}-{site.name[:4]}{number:03}",
        "participant_zip": quarter.zip,
        "event_type": "refill" if refill else "first_kit",
        "refill_reason": random.choice(_REASONS) if refill else "",
        "product": random.choice(("in_4mg", "in_4mg", "im_0_4mg_vial")),
        "kits": str(random.choice((1, 1, 2, 3))),
        "reversals": "1" if used else "0",
        "witnessed": "1" if used else "0",
        "ems_called": random.choice(("1", "0")) if used else "",
        "police_called": "0" if used else "",
        "outcome": "survived" if used else "",
        "drugs": random.choice(_DRUGS) if used else "",
        "syringes_out": str(random.choice((0, 10, 20, 50))),
        "syringes_in": str(random.choice((0, 5, 10))),
        "test_strips": str(random.choice((0, 2, 5))),
    }


def _odd(random: Random, rows: list[dict[str, str]], today: dt.date) -> dict[str, str]:
    """Turn a row of last month into a kit taken by police, add one without participant."""
    last = today.replace(day=1) - dt.timedelta(days=1)
    taken = next(row for row in rows if row["date"] >= f"{last:%Y-%m}-01")
    taken |= {"event_type": "refill", "refill_reason": "confiscated", "police_called": "1"}
    rows.append(_row(random, SITES[0], 0, last) | {"participant_code": ""})
    return {"naloxone.confiscated": taken["participant_code"]}
