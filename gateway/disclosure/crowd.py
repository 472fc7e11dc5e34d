"""A crowd that the tables could have been made from: kinds of people, and how many of each.

A person is in one class or in several, and is counted once in each cell that has any of them. There
are more kinds of people than anybody can write down; those that are needed to explain all numbers
are few, and are found one after another: a linear program says which cells are badly explained, and
a kind that explains them better joins. What is found need not be the truth. Nobody can tell it from
the truth by any number of these tables, and so it is as good a place to reason from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gateway.disclosure.relations import System
from gateway.disclosure.solver import Budget, Program, whole_numbers
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Flags, Integers, Limits

    _Line: TypeAlias = tuple[list[int], list[int], int, int]

Kind: TypeAlias = tuple[int, ...]
"""The classes that a person is in, in order."""

ROUNDS: Final = 60
"""How often kinds are looked for."""
FRESH: Final = 400
"""How many kinds join at a time."""
UNEXPLAINED: Final = 1000.0
"""What a number costs that nothing explains."""
MANY: Final = 0.01
"""What each further class of a kind costs: who is in one class alone is what an attacker moves."""
NONE: Final = 1e-6
SECONDS: Final = 30.0
"""How long a crowd is looked for; the solver's own clock."""
MOST: Final = 20
"""So many records at least everybody may have in a class, as far as the attacker knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What has to be explained.

    Attributes:
        people: Which classes each cell of people counts: one row for each cell.
        counted: How many people that is.
        records: The same of records, for each unit of theirs, and how many records that is.
        costs: Of each class.
        fits: Of each two classes, whether one person can be in both.
    """

    people: Flags
    counted: Integers
    records: tuple[tuple[Flags, Integers], ...]
    costs: Floats
    fits: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """People by kind, and records by class, that explain every number.

    Attributes:
        kinds: Every kind that is reckoned with; each class alone is one.
        people: How many of each.
        records: Of each unit in each class.
        most: How many records a person has in a class at the most.
    """

    kinds: list[Kind]
    people: Integers
    records: Integers
    most: int


def crowd_of(seen: Seen, limits: Limits) -> Crowd | None:
    """Return a crowd that explains all numbers; None where none was found."""
    return _Search(seen, replace(limits, seconds=min(limits.seconds, SECONDS))).found()


class _Search:
    """Kinds so far, and the program that says what they leave unexplained."""

    def __init__(self, seen: Seen, limits: Limits) -> None:
        self._seen = seen
        self._budget = Budget(limits)
        self._units = len(seen.records)
        self._cells = sum(len(numbers) for _, numbers in seen.records)
        self._both = self._units > 0 and len(seen.people) > 0
        self._most = max([MOST, *(int(numbers.max(initial=0)) for _, numbers in seen.records)])
        size = len(seen.costs)
        # Who is counted by no table of people is nobody's concern, but stands behind records.
        self.kinds: list[Kind] = [(at,) for at in range(size)] if len(seen.people) else []
        self._known = set(self.kinds)
        self._hits = seen.people.T.astype(np.float32)

    def found(self) -> Crowd | None:
        """Return the crowd."""
        try:
            if self._grow() > NONE:
                return None
            values = whole_numbers(self._program(whole=True).run().values)
        except DisclosureError as error:
            if error.cause not in {"not_additive", "limit"}:
                raise
            return None
        if values is None:
            return None
        records = values[: self._first].reshape(self._units, len(self._seen.costs))
        return Crowd(self.kinds, values[self._first : self._slack], records, self._most)

    def _grow(self) -> float:
        """Add kinds until everything is explained; return how much is not."""
        left, candidates = np.inf, list(range(len(self.kinds)))
        for _ in range(ROUNDS):
            program = self._program(whole=False)
            answer = program.run()
            slack = answer.values[self._slack :]
            left = float(slack.sum())
            if left < NONE or not self.kinds:
                break
            values = answer.values[self._first : self._slack]
            used = np.flatnonzero(values > NONE).tolist()
            old = len(self.kinds)
            self._price(-answer.duals, sorted({*used, *candidates}))
            if len(self.kinds) == old:
                break
            candidates = [*range(len(self._seen.costs)), *range(old, len(self.kinds))]
        return left

    def _price(self, worth: Floats, candidates: Sequence[int]) -> None:
        """Add the kinds that explain best, each one class more than a kind that is there."""
        seen, size = self._seen, len(self._seen.costs)
        at = self._cells
        cells = worth[at : at + len(seen.people)].astype(np.float32)
        alone = np.zeros(size, np.float32)
        if self._both:
            least, most = worth[at + len(cells) :].reshape(2, self._units, size).sum(axis=1)
            alone = (-least + self._most * most).astype(np.float32)
        alone -= (seen.costs + MANY).astype(np.float32)
        hits = np.stack([self._hits[list(kind)].max(axis=0) for kind in self._of(candidates)])
        base = hits @ cells + np.array(
            [alone[list(kind)].sum() + MANY for kind in self._of(candidates)], np.float32
        )
        gains = base[:, None] + (self._hits @ cells + alone)[None, :]
        gains -= (hits * cells) @ self._hits.T
        for row, kind in enumerate(self._of(candidates)):
            gains[row, ~seen.fits[list(kind)].all(axis=0)] = -np.inf
            gains[row, list(kind)] = -np.inf
        best = gains.argmax(axis=1)
        gain = gains[np.arange(len(best)), best]
        added = 0
        for row in np.argsort(-gain, kind="stable").tolist():
            if gain[row] <= NONE * UNEXPLAINED or added == FRESH:
                return
            kind = tuple(sorted((*self.kinds[candidates[row]], int(best[row]))))
            if kind not in self._known:
                self._known.add(kind)
                self.kinds.append(kind)
                added += 1

    def _of(self, several: Sequence[int]) -> list[Kind]:
        return [self.kinds[at] for at in several]

    def _program(self, *, whole: bool) -> Program:
        seen, size = self._seen, len(self._seen.costs)
        self._first = size * self._units
        self._slack = self._first + len(self.kinds)
        columns = self._slack + 2 * (self._cells + len(seen.people))
        rows: list[_Line] = []
        for unit, (cells, numbers) in enumerate(seen.records):
            for cell, value in zip(cells, numbers.tolist(), strict=True):
                index = (unit * size + np.flatnonzero(cell)).tolist()
                rows.append((index, [1] * len(index), value, value))
        kinds = np.array([self._hits[list(kind)].max(axis=0) for kind in self.kinds])
        for at, value in enumerate(seen.counted.tolist()):
            index = (self._first + np.flatnonzero(kinds[:, at])).tolist()
            rows.append((index, [1] * len(index), value, value))
        rows = [
            ([*index, self._slack + 2 * at, self._slack + 2 * at + 1], [*count, 1, -1], low, high)
            for at, (index, count, low, high) in enumerate(rows)
        ]
        if self._both:
            rows += self._each()
        costs = np.zeros(columns)
        for at, kind in enumerate(self.kinds):
            costs[self._first + at] = -(seen.costs[list(kind)].sum() + MANY * (len(kind) - 1))
        costs[: self._first] = -np.tile(seen.costs, self._units)
        costs[self._slack :] = -UNEXPLAINED
        high = np.full(columns, float(2**40))
        if whole:
            high[self._slack :] = 0.0
        return Program(
            _system(rows, columns), np.zeros(columns), high, self._budget, whole=whole, costs=costs
        )

    def _each(self) -> list[_Line]:
        """Return that everybody in a class has a record there, and every record somebody."""
        size, far = len(self._seen.costs), 2**53
        within: list[list[int]] = [[] for _ in range(size)]
        for at, kind in enumerate(self.kinds):
            for one in kind:
                within[one].append(self._first + at)
        each = [(at, within[at % size]) for at in range(self._first)]
        return [
            *[([at, *ks], [1, *[-1] * len(ks)], 0, far) for at, ks in each],
            *[([at, *ks], [-1, *[self._most] * len(ks)], 0, far) for at, ks in each],
        ]


def _system(rows: Sequence[_Line], columns: int) -> System:
    lengths = np.array([len(index) for index, *_ in rows], np.int64)
    return System(
        columns,
        np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        np.array([at for index, *_ in rows for at in index], np.int64),
        np.array([one for _, count, *_ in rows for one in count], np.int64),
        np.array([low for *_, low, _ in rows], np.int64),
        np.array([high for *_, high in rows], np.int64),
    )
