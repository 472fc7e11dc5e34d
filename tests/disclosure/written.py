"""Tables that are written down: `vectors/*.yaml`, each with its primaries, optimum and ranges.

A cell is named by its levels with a slash between them. Totals are worked out, never written, but
for distinct people, who do not add up. Levels of the attacker, from the weakest: `K0`,
`K0 integer`, `K1`, `K1 integer`, `K2 integer`; they are those of the specification, section 7.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from gateway.disclosure.table import View
from tests.disclosure.tables import (
    ask,
    at_most,
    ceilings,
    crossed,
    small,
    summed,
    where,
    with_people,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.disclosure.table import Flags, Key, Problem, Table

FOLDER: Final = Path(__file__).parent / "vectors"
LEVELS: Final = ("K0", "K0 integer", "K1", "K1 integer", "K2 integer")
_FIELDS: Final = {
    "intent", "source", "dimensions", "leaves", "cells", "sums", "distinct", "at_most", "min_cell",
    "zeros", "primaries", "releases", "publish", "shut", "width", "cost", "upper", "optimum",
    "attacks", "leak",
}  # fmt: skip


def key_of(text: str) -> Key:
    """Return the key of a cell's written name."""
    return tuple(text.split("/"))


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """One vector: its table, and what is claimed of it."""

    name: str
    text: Mapping[str, Any]
    table: Table

    @property
    def primary(self) -> Flags:
        """Return the primary cells as they are stated."""
        return self.flags(self.text["primaries"])

    @property
    def by_threshold(self) -> Flags | None:
        """Return the primary cells as the threshold makes them, where the vector has one."""
        if "min_cell" not in self.text:
            return None
        zeros = self._zeros == "suppress"
        return small(self.table, self.text["min_cell"], zeros=zeros) & ~self._published

    @property
    def _zeros(self) -> str:
        return str(self.text.get("zeros", "publish"))

    @property
    def _published(self) -> Flags:
        return self.flags(self.text.get("publish", []))

    def flags(self, names: list[str]) -> Flags:
        """Return the cells of these names."""
        return where(self.table, [key_of(name) for name in names])

    def cell(self, name: str) -> int:
        """Return the place of a cell."""
        return self.table.keys.index(key_of(name))

    def problem(self, level: str = "K0") -> Problem:
        """Return the problem under a level's lower bound."""
        opened, shut = self._published, self.flags(self.text.get("shut", []))
        return self.asked(self.primary, level, opened, shut)

    def asked(
        self, primary: Flags, level: str, opened: Flags | None = None, shut: Flags | None = None
    ) -> Problem:
        """Return the problem of other primary cells than those stated."""
        least = self.text.get("min_cell", 2) - 1
        return ask(
            self.table,
            primary,
            width=self.text.get("width", 1),
            informed=not level.startswith("K0") and self._zeros == "publish",
            opened=opened,
            shut=shut,
            cost=self.text.get("cost", "value"),
            upper=ceilings(self.table, ~primary, least)
            if self.text.get("upper", "largest") == "parent"
            else None,
        )

    def hidden(self, which: str | list[str]) -> Flags:
        """Return a pattern: `primaries`, `optimum` (the first one stated), or what is added."""
        if which == "primaries":
            added: list[str] = []
        elif which == "optimum":
            added = self.text["optimum"][0]["secondaries"]
        else:
            added = list(which)
        return self.primary | self.flags(self.text.get("shut", [])) | self.flags(added)

    def alone(self, release: Mapping[str, Any], level: str) -> tuple[Problem, Flags]:
        """Return one release as if there were no other: its problem, and the pattern it left with.

        Its cells are those whose first level is one of `of`; its rows are those within them.
        """
        whole, names = self.table, set(release["of"])
        kept = [at for at, key in enumerate(whole.keys) if key[0] in names]
        cells = {whole.keys[at]: int(whole.values[at]) for at in kept}
        sums = [
            (whole.keys[row.cells[0]], [whole.keys[cell] for cell in row.cells[1:]])
            for row in whole.rows
            if set(row.cells) <= set(kept)
        ]
        part = Written(self.name, self.text, summed(cells, sums))
        primary = self.primary[kept]
        problem = part.asked(primary, level)
        return problem, where(part.table, [key_of(name) for name in release["hidden"]])

    def view(self, which: str | list[str], level: str) -> View:
        """Return what the recipient sees and knows at a level."""
        problem, hidden = self.problem(level), self.hidden(which)
        lower, upper = problem.lower, problem.upper
        if level.startswith("K2"):
            t = self.text["min_cell"]
            upper = np.where(self.primary, np.minimum(upper, t - 1), upper)
            lower = np.where(hidden & ~self.primary, np.maximum(lower, t), lower)
        seen = np.where(hidden, -1, self.table.values)
        return View(self.table.rows, seen, hidden, lower, upper)


def written() -> list[Written]:
    """Return all vectors; an unknown field is an error, so that no claim is silently skipped."""
    return [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _read(path: Path) -> Written:
    text = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    if unknown := set(text) - _FIELDS:
        raise ValueError(path.name, unknown)
    if "dimensions" in text:
        leaves = {key_of(str(name)): value for name, value in text["leaves"].items()}
        return Written(path.stem, text, crossed(text["dimensions"], leaves))
    return Written(path.stem, text, _linked(text))


def _linked(text: Mapping[str, Any]) -> Table:
    cells = {str(name): int(value) for name, value in text["cells"].items()}
    sums: dict[str, list[str]] = text.get("sums", {})
    for total, parts in sums.items():
        cells[total] = sum(cells[part] for part in parts)
    table = summed(
        {key_of(name): value for name, value in cells.items()},
        [(key_of(total), [key_of(p) for p in parts]) for total, parts in sums.items()],
    )
    distinct = text.get("distinct", {}).items()
    table = with_people(table, [(key_of(t), [key_of(p) for p in parts]) for t, parts in distinct])
    pairs = text.get("at_most", {}).items()
    return at_most(table, [(key_of(less), key_of(more)) for less, more in pairs])
