"""Masks of points by cells where enough people live: a grid of degrees, or the hexagons of H3.

A cell is named only where the people of a frozen reference table are enough; else the next wider
one is, and at the end the county. The people of a wider cell are those of its parts that are not
named themselves: a record that is only given the wider cell lies in one of these parts, and whoever
takes the others away from it must still be left with enough.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gateway.masks.base import Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.masks.points import E7, pair, point
from gateway.values import FieldType, MaskNote, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

WIDEST_E7: Final = E7
"""From a degree on a cell is as wide as a county, and the county says more to people."""

H3_FINEST: Final = 15
_INDEX: Final = re.compile(r"[1-9a-f][0-9a-f]{14}")
H3_COARSEST: Final = 5
"""Of 253 km² on average; one of resolution 4 is larger than most counties."""

_HALF: Final = 2**32


@dataclass(frozen=True, slots=True)
class Cells:
    """What may be named, from a table of people and the least number of them.

    Attributes:
        named: For each level, finest first, the cells that may be named; a level is a step in 1e-7
            degrees, or an H3 resolution, and a cell two numbers joined, or an H3 index.
        counties: For cells of the finest level that lie in none of these, their county, where as
            many live in all such cells of it.
    """

    named: tuple[tuple[int, frozenset[int]], ...]
    counties: Mapping[int, str]


def _cells(
    people: Mapping[int, int],
    county: Mapping[int, str],
    levels: tuple[int, ...],
    wider: Callable[[int, int], int],
    least: int,
) -> Cells:
    """Return what may be named; `wider` is the cell of a level that a finest cell lies in."""
    left = dict(people)
    named: list[tuple[int, frozenset[int]]] = []
    for level in levels:
        counted: Counter[int] = Counter()
        for cell, count in left.items():
            counted[wider(cell, level)] += count
        enough = frozenset(cell for cell, count in counted.items() if count >= least)
        named.append((level, enough))
        left = {cell: count for cell, count in left.items() if wider(cell, level) not in enough}
    lived: Counter[str] = Counter()
    for cell, count in left.items():
        if cell in county:
            lived[county[cell]] += count
    rest = {cell: county[cell] for cell in left if lived[county.get(cell, "")] >= least}
    return Cells(tuple(named), rest)


COUNTY: Final = "county"


def county_label(code: str) -> str:
    """Return how a county stands where no cell may."""
    return f"{COUNTY}:{code}"


@dataclass(frozen=True, slots=True)
class _ByPeople(Mask):
    """A mask of a coordinate by cells; both coordinates together decide what may leave."""

    step: str
    min_people: int
    to: ClassVar[str] = ""
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})

    def note(self) -> MaskNote:
        """Return the mask as a header tells it."""
        given = (f"to={self.to}", f"step={self.step}", f"min_people={self.min_people}")
        return MaskNote("geo", given)

    def output(self, type_: FieldType) -> FieldType:
        """Return text: a cell says how wide it is."""
        del type_
        return FieldType.CODE

    def cells(self, people: Mapping[str, int], counties: Mapping[str, str]) -> Cells:
        """Return what may be named, by a table of people and the counties of its cells."""
        raise NotImplementedError(self.name)

    def labels(self, inputs: Inputs) -> frozenset[str]:
        """Return every text that can leave for this coordinate."""
        assert inputs.cells is not None  # noqa: S101 - `plan/build` made them
        found = {
            self.label(cell, level, latitude=inputs.latitude)
            for level, named in inputs.cells.named
            for cell in named
        }
        return frozenset(found | {county_label(one) for one in inputs.cells.counties.values()})

    def finest(self, lat_e7: int, lon_e7: int) -> int:
        """Return the finest cell of a point."""
        raise NotImplementedError(self.name)

    def wider(self, cell: int, level: int) -> int:
        """Return the cell of a level that a finest cell lies in."""
        raise NotImplementedError(self.name)

    def label(self, cell: int, level: int, *, latitude: bool) -> str:
        """Return how a cell stands in the column of a coordinate."""
        raise NotImplementedError(self.name)

    def at(self, inputs: Inputs) -> Callable[[int, int], str | None]:
        """Return the label of a point in 1e-7 degrees; None where nothing may be named."""
        assert inputs.cells is not None  # noqa: S101 - `plan/build` made them
        levels, counties = inputs.cells.named, inputs.cells.counties

        def find(lat_e7: int, lon_e7: int) -> str | None:
            finest = self.finest(lat_e7, lon_e7)
            for level, named in levels:
                cell = self.wider(finest, level)
                if cell in named:
                    return self.label(cell, level, latitude=inputs.latitude)
            county = counties.get(finest)
            return county_label(county) if county is not None else None

        return find

    def reader(self, inputs: Inputs) -> Reader:
        """Return the narrowest cell that may be named, else the county, else `masked`."""
        find, box = self.at(inputs), inputs.box

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            lat, lon = pair(value, beside, latitude=inputs.latitude)
            found = point(lat, lon, box)
            said = find(*found) if found is not None else None
            return said if said is not None else Marker.MASKED

        return apply


@functools.cache
def _e7(step: str) -> int:
    return int(Fraction(step) * E7)


@dataclass(frozen=True, slots=True)
class GeoGrid(_ByPeople):
    """Only a cell of a grid of degrees leaves, in which at least `min_people` live by the table.

    Each coordinate leaves as `<step>:<number>`: the whole number of steps from zero, rounded down,
    of ten times the step where too few live; as `county:<code>` where in these too few live too.
    """

    to: ClassVar[str] = "grid"

    def step_e7(self) -> int:
        """Return the step in units of 1e-7 degrees."""
        return _e7(self.step)

    def levels(self) -> tuple[int, ...]:
        """Return the steps, each ten times the one before, none as wide as a county but one."""
        found = [self.step_e7()]
        while found[-1] * 10 < WIDEST_E7:
            found.append(found[-1] * 10)
        return tuple(found)

    def cells(self, people: Mapping[str, int], counties: Mapping[str, str]) -> Cells:
        """Return what may be named; cells of the table are `lat:lon`."""
        lived = {_number(name): count for name, count in people.items()}
        county = {_number(name): code for name, code in counties.items()}
        return _cells(lived, county, self.levels(), self.wider, self.min_people)

    def finest(self, lat_e7: int, lon_e7: int) -> int:
        """Return the cell of a point."""
        step = self.step_e7()
        return joined(lat_e7 // step, lon_e7 // step)

    def wider(self, cell: int, level: int) -> int:
        """Return the cell of a wider step."""
        lat, lon = parted(cell)
        times = level // self.step_e7()
        return joined(lat // times, lon // times)

    def label(self, cell: int, level: int, *, latitude: bool) -> str:
        """Return the step and the number of the coordinate."""
        return f"{degrees(level)}:{parted(cell)[0 if latitude else 1]}"


def joined(lat: int, lon: int) -> int:
    """Return two numbers of a cell as one; that of a longitude takes less than half of it."""
    return lat * _HALF + lon


def parted(cell: int) -> tuple[int, int]:
    """Return the two numbers of a cell."""
    lat = (cell + _HALF // 2) // _HALF
    return lat, cell - lat * _HALF


def _number(name: str) -> int:
    lat, lon = name.split(":")
    return joined(int(lat), int(lon))


def degrees(e7: int) -> str:
    """Return 1e-7 degrees as a decimal without idle zeros."""
    whole, rest = divmod(e7, E7)
    return f"{whole}.{rest:07}".rstrip("0").rstrip(".")


@functools.cache
def _h3() -> Any:  # noqa: ANN401 - the library has no types
    """Return the library of hexagons."""
    import h3.api.basic_int as h3  # noqa: PLC0415 - most files have none, and officers wait for it

    return h3


@dataclass(frozen=True, slots=True)
class GeoH3(_ByPeople):
    """Only a hexagonal cell leaves, in which at least `min_people` live by the table.

    Both coordinates leave as the H3 index of the cell, which says its resolution: one coarser where
    too few live; as `county:<code>` where in these too few live too.
    """

    to: ClassVar[str] = "h3"

    def levels(self) -> tuple[int, ...]:
        """Return the resolutions, each one coarser than the one before."""
        finest = int(self.step)
        return (finest, *range(finest - 1, H3_COARSEST - 1, -1))

    def cells(self, people: Mapping[str, int], counties: Mapping[str, str]) -> Cells:
        """Return what may be named; cells of the table are H3 indexes."""
        lived = {_h3().str_to_int(name): count for name, count in people.items()}
        county = {_h3().str_to_int(name): code for name, code in counties.items()}
        return _cells(lived, county, self.levels(), self.wider, self.min_people)

    def finest(self, lat_e7: int, lon_e7: int) -> int:
        """Return the cell of a point."""
        return int(_h3().latlng_to_cell(lat_e7 / E7, lon_e7 / E7, int(self.step)))

    def wider(self, cell: int, level: int) -> int:
        """Return the cell of a coarser resolution that the index of this one begins with."""
        return int(_h3().cell_to_parent(cell, level))

    def label(self, cell: int, level: int, *, latitude: bool) -> str:
        """Return the index, for either coordinate."""
        del level, latitude
        return str(_h3().int_to_str(cell))


def are_cells(names: Iterable[str], resolution: int) -> bool:
    """Return whether all names are H3 indexes of cells of this resolution."""
    return all(_is_cell(one, resolution) for one in names)


def _is_cell(name: str, resolution: int) -> bool:
    if not _INDEX.fullmatch(name):
        return False
    cell = _h3().str_to_int(name)
    return bool(_h3().is_valid_cell(cell) and _h3().get_resolution(cell) == resolution)
