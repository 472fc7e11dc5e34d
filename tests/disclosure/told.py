"""What one attacker is told by several releases: one joint table, published in turn.

A cell is a name. Everything that is small is primary, whether or not any release has it: the
difference of two published numbers is a cell too, and nobody has to print it to give it away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gateway.disclosure.attack import attack
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError, Row, View
from tests.disclosure import oracle
from tests.disclosure.tables import Sums, ask, ceilings, crossed, small, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.disclosure.table import Flags, Problem, Table

Names: TypeAlias = "Iterable[str]"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What is hidden after all releases, and which of them were refused (by number, from 0)."""

    hidden: Flags
    refused: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A joint table, what is asked of it, and the facts that the attacker has from elsewhere."""

    table: Table
    min_cell: int = 5
    width: int = 3
    known: frozenset[str] = frozenset()

    def flags(self, names: Names) -> Flags:
        """Return the cells of these names; each has to be there."""
        wanted = set(names)
        if missing := wanted - {"/".join(key) for key in self.table.keys}:
            raise KeyError(missing)
        return np.array(["/".join(key) in wanted for key in self.table.keys], np.bool_)

    @property
    def primary(self) -> Flags:
        """Return what is small and not known from elsewhere."""
        return small(self.table, self.min_cell) & ~self.flags(self.known)

    def ends(self, hidden: Flags, victim: str) -> tuple[int, int]:
        """Return what the attacker can believe of a cell, as gateway and oracle both find."""
        at = int(np.flatnonzero(self.flags([victim]))[0])
        view = self._view(hidden)
        found = attack(view, integer=True)
        true = oracle.ranges(view, integer=True, at_once=64)
        assert (found.low == true[:, 0]).all()
        assert (found.high == true[:, 1]).all()
        return int(found.low[at]), int(found.high[at])

    def one_at_a_time(self, releases: Sequence[Names]) -> Outcome:
        """Return what is hidden where each release is protected as if there were no other."""
        published = self.flags(self.known)
        for release in releases:
            mine = self.flags(release)
            keys = [key for key, one in zip(self.table.keys, mine, strict=True) if one]
            alone = replace(self, table=_within(self.table, keys), known=frozenset())
            nothing = np.zeros(len(keys), np.bool_)
            pattern = protect(alone.asked(nothing, nothing))
            published[np.flatnonzero(mine)[~pattern.hidden]] = True
        return Outcome(~published)

    def in_turn(self, releases: Sequence[Names]) -> Outcome:
        """Return what is hidden where each release is solved with all that went before it.

        What an earlier release published is a fact; what it hid, and what no release has said yet,
        is hidden without a choice. A release that nothing protects is refused, and tells nothing.
        """
        published, refused = self.flags(self.known), []
        decided = published.copy()
        for number, release in enumerate(releases):
            mine = self.flags(release) & ~decided
            problem = self.asked(published, ~published & ~mine & ~self.primary)
            try:
                hidden = protect(problem).hidden
            except DisclosureError as refusal:
                if refusal.cause != "infeasible":
                    raise
                refused.append(number)
                continue
            published |= mine & ~hidden
            decided |= mine
        return Outcome(~published, refused)

    def safe(self, outcome: Outcome) -> bool:
        """Tell whether every primary cell stays as wide as asked, in the oracle's judgement."""
        shut = outcome.hidden & ~self.primary
        problem = self.asked(~outcome.hidden, shut)
        return not oracle.narrow(problem, outcome.hidden)

    def _view(self, hidden: Flags) -> View:
        problem = self.asked(~hidden, hidden & ~self.primary)
        return oracle.view_under(problem, hidden)

    def asked(self, opened: Flags, shut: Flags) -> Problem:
        """Return the problem of a release: what is out, what is hidden anyhow, and small cells."""
        return ask(
            self.table,
            self.primary,
            width=self.width,
            informed=True,
            opened=opened,
            shut=shut,
            upper=ceilings(self.table, ~self.primary, self.min_cell - 1),
        )


def stopped(world: Told, releases: Sequence[Names], victim: str) -> Outcome:
    """Assert that an attack works on releases that do not know of one another, and no longer.

    First each release is protected by itself, and the attacker of the gateway and the oracle both
    find the victim narrower than asked, or there would be no attack to stop. Then the releases are
    solved in turn: every small cell stays as wide as asked, by the oracle's judgement.
    """
    naive = world.one_at_a_time(releases)
    low, high = world.ends(naive.hidden, victim)
    assert high - low < world.width, "there is no attack"
    outcome = world.in_turn(releases)
    assert world.safe(outcome)
    low, high = world.ends(outcome.hidden, victim)
    assert high - low >= world.width
    return outcome


def told(
    cells: Mapping[str, int],
    sums: Mapping[str, Sequence[str]],
    *,
    known: Names = (),
    facts: Iterable[tuple[Mapping[str, int], int, int]] = (),
    min_cell: int = 5,
    width: int = 3,
) -> Told:
    """Return a joint table of named cells.

    Args:
        cells: Those that are no sums.
        sums: Totals and their parts, parts first.
        known: What the attacker has from elsewhere.
        facts: What else holds, as (coefficient of each cell, least, most).
        min_cell: The threshold.
        width: How uncertain the attacker has to stay.
    """
    values = dict(cells)
    for total, parts in sums.items():
        made = sum(values[part] for part in parts)
        if values.setdefault(total, made) != made:
            raise ValueError(total)
    table = summed(
        {(name,): value for name, value in values.items()},
        [((total,), [(part,) for part in parts]) for total, parts in sums.items()],
    )
    at = {key[0]: place for place, key in enumerate(table.keys)}
    more = tuple(
        Row(tuple(at[name] for name in counts), tuple(counts.values()), least, most)
        for counts, least, most in facts
    )
    return Told(replace(table, rows=(*table.rows, *more)), min_cell, width, frozenset(known))


def told_crossed(dimensions: Sequence[Sums], leaves: Mapping[str, int]) -> Told:
    """Return a joint table of all totals over dimensions; `a/b` names a cell."""
    return Told(crossed(dimensions, {tuple(k.split("/")): v for k, v in leaves.items()}))


def _within(table: Table, keys: Sequence[tuple[str, ...]]) -> Table:
    kept = set(keys)
    values = {k: int(v) for k, v in zip(table.keys, table.values, strict=True) if k in kept}
    named = [([table.keys[cell] for cell in row.cells], row) for row in table.rows]
    at = {key: place for place, key in enumerate(sorted(kept))}
    rows = tuple(
        replace(row, cells=tuple(at[key] for key in cells))
        for cells, row in named
        if kept.issuperset(cells)
    )
    return replace(summed(values, []), rows=rows)
