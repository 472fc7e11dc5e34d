"""Worlds that a sequence of tables could be of: every change of a hidden number has to be one.

What holds between two tables, row by row, is not all that holds between several, and least of all
where people are counted, who come again. So the numbers of all tables are explained by one world:
how many records every class of them has, how many people every kind. Each cell is then the sum of
what it counts, and whatever else the attacker may think of is a world as well: no reasoning about
these tables can tell it from the true one. Worlds are left out (people of unlikely kinds, records
that come and go), and that errs on the safe side.

Source of the rules: the project's specification of disclosure control, sections 5.2 and 8.
"""

from __future__ import annotations

import itertools
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gateway.disclosure.crowd import Seen, crowd_of
from gateway.disclosure.elements import ELEMENTS_MAX, Element, alike, elements_of
from gateway.disclosure.people import COUNT, RECORD
from gateway.disclosure.table import DisclosureError, Row
from gateway.disclosure.within import FAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.crowd import Crowd
    from gateway.disclosure.numbers import Links
    from gateway.disclosure.parts import Counts, Part
    from gateway.disclosure.table import Flags, Integers, Limits

LATE: Final = 2.0
"""What a record costs that came between two tables: only where nothing else explains a number."""
SMALL: Final = 300
"""So many kinds are few enough for all of them to be reckoned with at once."""
GONE: Final = 6.0
"""What one costs that was there before, and is not any more."""


class Freedom(IntEnum):
    """Which people of a world may be others; the more of them, the weaker the attacker is taken.

    KNOWN: Everybody who is in several classes is known to the attacker, and how often. FEW: there
    may be more or fewer of each kind that there is. ALL: of each kind that was thought of.
    """

    KNOWN = 0
    FEW = 1
    ALL = 2


Explained: TypeAlias = "tuple[list[Element], Crowd]"
"""The classes that are needed, and who was in them."""


class World:
    """Tables, the classes that they are made of, and a crowd that explains them.

    Args:
        tables: Of people and their records, or of one other measure: the newest first, the others
            in the order in which they left.
        first: Where the cells of each begin.
        limits: When the search for a world stops.

    Raises:
        DisclosureError: `history` where there are too many classes, or no world is found.
    """

    def __init__(self, tables: Sequence[Counts], first: Sequence[int], limits: Limits) -> None:
        self._tables, self._limits = tables, limits
        self._first = first
        self._people = [at for at, one in enumerate(tables) if of_people(one, tables)]
        units = {one.measure for at, one in enumerate(tables) if at not in self._people}
        self._units = [
            [at for at, one in enumerate(tables) if one.measure == unit] for unit in sorted(units)
        ]
        if len({tables[at].measure for at in self._people}) > 1:
            message = "people of two kinds were counted, and nobody knows who is who"
            raise DisclosureError("history", message)

        self._classes = elements_of(tables, first)
        self._found = self._explained(self._classes)

    @property
    def freedoms(self) -> tuple[Freedom, ...]:
        """What is worth trying, the quickest first; of a small world everything at once."""
        kinds = max(len(crowd.kinds) for _, crowd in self._found)
        several = any(len(crowd.kinds) > len(elements) for elements, crowd in self._found)
        if not self._people or not several or kinds <= SMALL:
            return (Freedom.ALL,)
        return tuple(Freedom)

    def add(self, made: Links, freedom: Freedom) -> None:
        """Add that all cells are of one world: numbers of classes and kinds, and rows.

        Where several worlds explain what changed, the cells are of each of them: nobody who
        believes in one of them, rightly or wrongly, knows more than that.
        """
        self._tell_changes(made)
        for elements, crowd in self._found:
            records = [
                [made.number(int(value), told=False) for value in unit] for unit in crowd.records
            ]
            for places, unit in zip(records, self._units, strict=True):
                for cell, members in self._cells(elements, unit):
                    several = [places[at] for at in members]
                    made.rows.append(Row((cell, *several), (1, *[-1] * len(several))))
            if self._people:
                self._add_people(made, elements, crowd, records, freedom)

    def _add_people(
        self,
        made: Links,
        elements: list[Element],
        crowd: Crowd,
        records: Sequence[Sequence[int]],
        freedom: Freedom,
    ) -> None:
        many = crowd.people.tolist()
        kinds = {
            at: made.number(many[at], told=False)
            for at, kind in enumerate(crowd.kinds)
            if len(kind) == 1 or freedom is Freedom.ALL or (freedom is Freedom.FEW and many[at])
        }
        of: list[list[int]] = [[] for _ in elements]
        for at, kind in enumerate(crowd.kinds):
            for one in kind:
                of[one].append(at)
        for cell, members in self._cells(elements, self._people):
            there = sorted({kind for one in members for kind in of[one]})
            several = [kinds[at] for at in there if at in kinds]
            rest = sum(many[at] for at in there if at not in kinds)
            made.rows.append(Row((cell, *several), (1, *[-1] * len(several)), rest, rest))
        for places in records:
            for place, there in zip(places, of, strict=True):
                several = [kinds[at] for at in there if at in kinds]
                rest = sum(many[at] for at in there if at not in kinds)
                less, more = [-1] * len(several), [crowd.most] * len(several)
                made.rows.append(Row((place, *several), (1, *less), rest, FAR))
                made.rows.append(Row((place, *several), (-1, *more), -crowd.most * rest, FAR))

    def _tell_changes(self, made: Links) -> None:
        """Say of people in the same classes whose number changed that everybody subtracts."""
        same: dict[tuple[int, ...], list[int]] = {}
        for cell, members in self._cells(self._classes, self._people):
            same.setdefault(tuple(members), []).append(cell)
        for classes, cells in same.items():
            for one, other in itertools.combinations(cells, 2):
                if classes and self._value(one) != self._value(other):
                    made.differ([one], [other], self._value(one) - self._value(other))

    def _explained(self, classes: list[Element]) -> list[Explained]:
        """Return who was in the classes; where that changed, in each way that explains it."""
        found = self._believed(classes, [])
        if found is not None:
            return [found]
        # Nobody is told between which tables records came, but who knows it knows more than who
        # does not: whoever believes that it was at one moment is reckoned with, for each moment.
        late, gone = self._late(classes), self._gone(classes)
        steps = [self._believed(classes, [(one, LATE)]) for one in late] if len(late) > 1 else []
        if any(one is not None for one in steps):
            return [one for one in steps if one is not None]
        together = [(one, LATE) for one in late]
        for more in (together, [*together, *((one, GONE) for one in gone)]):
            found = self._believed(classes, more)
            if found is not None:
                return [found]
        raise DisclosureError("history", "no records explain all that left")

    def _believed(
        self, classes: list[Element], more: Sequence[tuple[list[Element], float]]
    ) -> Explained | None:
        """Return a crowd of these classes and more of them; None where none is found."""
        elements = [*classes, *(one for several, _ in more for one in several)]
        if len(elements) > ELEMENTS_MAX:
            return None
        costs = [0.0] * len(classes) + [cost for several, cost in more for _ in several]
        for lasting in dict.fromkeys((self._lasting(), ())):
            crowd = self._crowd(elements, costs, lasting)
            if crowd is not None:
                return elements, crowd
        return None

    def _late(self, classes: Sequence[Element]) -> list[list[Element]]:
        """Return, for each moment between two tables, records that came then."""
        order = self._order()
        several = [
            [
                element.lasting(order[step:])
                for element in classes
                if any(element.cells[at] for at in order[:step])
            ]
            for step in range(1, len(order))
        ]
        return [[one for one in some if one.all_cells()] for some in several]

    def _gone(self, classes: Sequence[Element]) -> list[list[Element]]:
        """Return, for each moment between two tables, records that were there until then."""
        order = self._order()
        several = [
            [
                element.lasting(order[:step])
                for element in classes
                if any(element.cells[at] for at in order[step:])
            ]
            for step in range(1, len(order))
        ]
        return [[one for one in some if one.all_cells()] for some in several]

    def _order(self) -> list[int]:
        """Return the tables in the order in which they left; the new one stands first."""
        return [*range(1, len(self._tables)), 0]

    def _crowd(
        self, elements: Sequence[Element], costs: Sequence[float], lasting: Sequence[Part]
    ) -> Crowd | None:
        seen = Seen(
            *self._seen(elements, self._people),
            tuple(self._seen(elements, unit) for unit in self._units),
            np.array(costs),
            alike(elements, lasting),
        )
        return crowd_of(seen, self._limits)

    def _seen(self, elements: Sequence[Element], several: Sequence[int]) -> tuple[Flags, Integers]:
        """Return which classes each cell of some tables counts, and to what number."""
        cells = self._cells(elements, several)
        counts = np.zeros((len(cells), len(elements)), np.bool_)
        for at, (_, members) in enumerate(cells):
            counts[at, members] = True
        return counts, np.array([self._value(cell) for cell, _ in cells], np.int64)

    def _value(self, cell: int) -> int:
        at = int(np.searchsorted(self._first, cell, side="right")) - 1
        return int(self._tables[at].values[cell - self._first[at]])

    def _cells(
        self, elements: Sequence[Element], several: Sequence[int]
    ) -> list[tuple[int, list[int]]]:
        """Return each cell of some tables, and the classes that it counts."""
        members: dict[int, list[int]] = {
            self._first[at] + k: [] for at in several for k in range(len(self._tables[at].keys))
        }
        for number, element in enumerate(elements):
            for at in several:
                for cell in element.cells[at]:
                    members[cell].append(number)
        return sorted(members.items())

    def _lasting(self) -> tuple[Part, ...]:
        """Return the parts of which no table saw anybody with two levels."""
        last: dict[Part, bool] = {}
        for at in self._people:
            one = self._tables[at]
            for place, part in enumerate(one.parts):
                lasts = one.additive or one.lasting[place : place + 1] == (True,)
                last[part] = last.get(part, True) and lasts and not part.unit
        return tuple(part for part, lasts in last.items() if lasts)


def of_people(one: Counts, tables: Sequence[Counts]) -> bool:
    """Return whether what a table counts may be in several cells, of this table or of others."""
    if not one.measure.startswith(COUNT):
        return False
    alike_ = [other for other in tables if other.measure == one.measure]
    return not one.measure.startswith(COUNT + RECORD) or not all(x.additive for x in alike_)


def nested(tables: Sequence[Counts], first: Sequence[int]) -> bool:
    """Return whether one cut is the finest: its cells are the classes that all are made of."""
    elements = elements_of(tables, first)
    cuts: dict[tuple[Part, ...], list[int]] = {}
    for at, one in enumerate(tables):
        cuts.setdefault(one.parts, []).append(at)
    for several in cuts.values():
        # The first of the cells that count a class is its own, and totals follow.
        inner = [[one.cells[at][0] for at in several if one.cells[at]] for one in elements]
        if all(inner) and len({tuple(one) for one in inner}) == len(elements):
            return True
    return False
