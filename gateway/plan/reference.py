"""Reference tables: versioned files that masks and measures look values up in. Pure.

A table is named and digested in the settings; here it is found by its name, and what is worked out
of it is kept, as tables are large and plans many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import Reason, ReleaseError
from gateway.masks.places import Area, parents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.masks.cells import Cells, GeoGrid, GeoH3


@dataclass(frozen=True, slots=True)
class Table:
    """A reference table: a versioned file, named and digested in the settings.

    Attributes:
        ref: `zip3@2020`.
        step: For a grid: its step in degrees, as written; for H3 its resolution.
        counties: For cells: the county of each, where the table says it.
        areas: For areas: of each code what it is, and the code that it lies in.
    """

    ref: str
    sha256: str
    rows: Mapping[str, int]
    step: str = ""
    counties: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[str, tuple[Area, str]] = field(default_factory=dict)


class References:
    """The reference tables of a gateway.

    Args:
        tables: Each by `name@version`.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._cells: dict[tuple[str, int], Cells] = {}
        self._areas: dict[tuple[str, Area], dict[str, str]] = {}

    def table(self, ref: str) -> Table:
        """Return the table of a name and version.

        Raises:
            ReleaseError: It is absent.
        """
        found = self._tables.get(ref)
        if found is None:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, f"reference table `{ref}` is absent")
        return found

    def one(self, name: str, step: str = "") -> Table:
        """Return the table of a name, and of a step where it has one: a mask names no version.

        Raises:
            ReleaseError: There is none.
        """
        for table in self._tables.values():
            if table.ref.startswith(name) and table.step == step:
                return table
        said = f"{name[:-1]} of step `{step}`" if step else name[:-1]
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, f"there is no reference table of {said}")

    def cells(self, table: Table, mask: GeoGrid | GeoH3) -> Cells:
        """Return which cells may be named."""
        key = (table.ref, mask.min_people)
        if key not in self._cells:
            self._cells[key] = mask.cells(table.rows, table.counties)
        return self._cells[key]

    def areas(self, to: Area) -> Mapping[str, str]:
        """Return of each code the area of a kind that it lies in.

        Raises:
            ReleaseError: There is no table of areas.
        """
        return self.areas_in(self.one("areas@"), to)

    def areas_in(self, table: Table, to: Area) -> Mapping[str, str]:
        """Return the same, as this table has it."""
        if (table.ref, to) not in self._areas:
            self._areas[table.ref, to] = parents(table.areas, to)
        return self._areas[table.ref, to]
