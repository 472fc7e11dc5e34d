"""The harm-reduction programme's files: an HMIS CSV export of street outreach, and naloxone given
out.

In each whole month every site serves a set number of participants, so that of its cells some reach
the eleven people that an agreement asks for and some do not, whatever the seed.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import Files
from gateway.cli.county.people import a_person
from gateway.cli.county.places import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

MONTHS: Final = 4

SITES: Final = (
    # site, county, participants in a whole month: three reach eleven, two do not
    ("RIVERTOWN-MAIN", "99001", 62),
    ("EAST-RIVERTOWN", "99001", 38),
    ("EXAMPLEVILLE", "99003", 22),
    ("SAMPLETON-VAN", "99005", 8),
    ("PLACEHOLDER-VAN", "99005", 4),
)
