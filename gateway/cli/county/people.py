"""People who do not exist, and who cannot be taken for someone who does.

Family and given names come from two closed lists of words for *sample*; telephone numbers are of
the block that is kept for fiction (555-0100 to 555-0199, area code 555, which is assigned nowhere).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.cli.county.places import Spot, a_spot

if TYPE_CHECKING:
    from random import Random

FAMILY_NAMES: Final = (
    *("Sample", "Example", "Testa", "Demoson", "Specimen", "Mockley", "Placeholder", "Fixture"),
    *("Exampleton", "Samplewood", "Testmann", "Demofield", "Muestra", "Échantillon"),
    *("O'Sample", "Test-Example"),
)
GIVEN_NAMES: Final = (
    *("Testina", "Demo", "Proba", "Mocka", "Synthia", "Exempla", "Fixton", "Sampler"),
    *("Dummy", "Placida", "Testo", "Specima", "Démo", "Trialle"),
)

RACES: Final = (
    ("white",),
    ("black",),
    ("asian",),
    ("american_indian_alaska_native",),
    ("white", "black"),
    (),
)
SEXES: Final = ("male", "female", "unknown")


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic person; `number` is unique in the county, `race` empty where nobody asked."""

    number: int
    given: str
    family: str
    born: dt.date
    sex: str
    race: tuple[str, ...]
    phones: tuple[str, ...]
    home: Spot

    def age(self, on: dt.date) -> int:
        """Return full years of age on a civil date."""
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


def a_person(random: Random, number: int, today: dt.date) -> Person:
    """Return a person who is 17 to 91 years old today."""
    years = min(91, max(17, round(random.gauss(39, 13))))
    born = today - dt.timedelta(days=round(years * 365.25) + random.randint(0, 364))
    phones = tuple(
        f"555-555-{random.randint(100, 199):04}"
        for _ in range(random.choices((0, 1, 2), (15, 70, 15))[0])
    )
    return Person(
        number=number,
        given=random.choice(GIVEN_NAMES),
        family=random.choice(FAMILY_NAMES),
        born=born,
        sex=random.choices(SEXES, (64, 33, 3))[0],
        race=random.choices(RACES, (58, 20, 5, 3, 4, 10))[0],
        phones=phones,
        home=a_spot(random),
    )
