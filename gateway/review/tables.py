"""Reference tables where nothing is read: those that agreements name, empty, or as a test has them.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.aggregate import Rate
from gateway.agreement.cursor import NONE
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.plan.reference import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.agreement.model import Agreement

STEP: Final = "step"
"""The key of a table of cells under which its step stands."""

_BY_DIGITS: Final = {2: Area.STATE, 5: Area.COUNTY, 11: Area.TRACT}


def named_tables(agreements: Iterable[Agreement]) -> dict[str, Table]:
    """Return an empty table for each that the agreements name, by reference."""
    return {table.ref: table for one in agreements for table in _named(one)}


def _named(agreement: Agreement) -> Iterator[Table]:
    for provision in agreement.provisions:
        for measure in provision.aggregate.measures if provision.aggregate else ():
            if isinstance(measure.derived, Rate):
                yield Table(measure.derived.population, "", {})
        for mask in provision.release.values():
            match mask:
                case Zip3():
                    yield Table(mask.table, "", {})
                case GeoArea():
                    yield Table("areas@0", "", {})
                case GeoGrid() | GeoH3():
                    yield Table(f"{mask.to}@{mask.step}", "", {}, mask.step)
                case _:
                    pass


def given_tables(
    agreements: Iterable[Agreement], given: Mapping[str, Mapping[str, int | str]]
) -> dict[str, Table]:
    """Return the tables of a file of tests, and empty ones for all else that is named.

    Args:
        agreements: What names tables.
        given: As the file writes them: of each key a number or, of an area, what it lies in.
    """
    made = {ref: _table(ref, rows) for ref, rows in given.items()}
    have = {(ref.partition("@")[0], table.step) for ref, table in made.items()}
    by_version = {"zip3", "population"}
    for ref, table in named_tables(agreements).items():
        name = ref.partition("@")[0]
        # Cells and areas are found by name and step: an empty one beside would be found first.
        if name in by_version or (name, table.step) not in have:
            made.setdefault(ref, table)
    return made


def _table(ref: str, given: Mapping[str, int | str]) -> Table:
    if ref.startswith("areas@"):
        areas = {
            code: (_BY_DIGITS.get(len(code), Area.REGION), "" if parent == NONE else str(parent))
            for code, parent in given.items()
        }
        return Table(ref, "", {}, areas=areas)
    rows = {key: value for key, value in given.items() if isinstance(value, int)}
    return Table(ref, "", rows, str(given.get(STEP, "")))
