"""A table with noise: what was drawn before is given again, and only the rest is drawn. Pure.

Two draws of one number could be averaged, so there is one for everybody: it is kept, as it left,
beside the exact tables of the source, and whoever asks the same question of the same days is given
it. Noise and exact numbers of the same days never leave to those who count as one attacker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gateway.agreement.budget import Draw
from gateway.broker.memory import Memory, memory, remembered
from gateway.broker.protect import beside
from gateway.broker.views import part_of
from gateway.disclosure.attackers import Told
from gateway.disclosure.parts import VALUE, Counts, share_days
from gateway.disclosure.table import DisclosureError
from gateway.errors import Reason, ReleaseError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from gateway.disclosure.table import Key
    from gateway.plan.noise import Noise
    from gateway.plan.ops import Group, Plan, Suppress


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Numbers with noise, as they leave or left.

    Attributes:
        draw: Which draw they are.
        cells: Of each cell of it that the new table has: its number.
    """

    draw: Draw
    cells: Mapping[Key, int]


class NoisedTable:
    """One table with noise on its way out.

    Args:
        plan: A plan whose Suppress has noise.
        keys: Every cell that the table has, as `Counted` names cells.
        earlier: What the record of cells holds of the same source; of a repeat, what its own first
            attempt released too.

    Attributes:
        fresh: The periods that nobody has drawn for this question yet.

    Raises:
        DisclosureError: `history`: exact numbers of the same days left, or what left cannot be
            read.
    """

    def __init__(self, plan: Plan, keys: Sequence[Key], earlier: Sequence[bytes]) -> None:
        group, suppress, noise = _parts(plan)
        self._plan = plan
        self._keys = tuple(keys)
        self._noise = noise
        self._told = Told(plan.rule.recipient.id, suppress.colluding)
        self._parts = tuple(part_of(one, group) for one in plan.masks)
        self._at = next(at for at, one in enumerate(plan.masks) if one.name == group.time)
        self._unit = group.unit
        kept = [remembered(one) for one in earlier]
        self._stands_apart(kept)
        self._drawn = self._again(kept)
        covered = {key[self._at] for one in self._drawn for key in one.cells}
        self.fresh = tuple(one for one in group.periods if _level(one) not in covered)

    def _stands_apart(self, kept: Sequence[Memory]) -> None:
        new = self._counts(self._keys, [0] * len(self._keys), None)
        exact = (t for one in beside(self._told, kept) for t in one.tables if t.draw is None)
        if any(share_days(new, one) for one in exact):
            raise DisclosureError("history", "exact numbers left of the same days")

    def _again(self, kept: Sequence[Memory]) -> list[Drawn]:
        """Return what was drawn before of these cells, to whomever it left: first come, first."""
        found: dict[str, Drawn] = {}
        wanted = self._by_period()
        for table in (table for one in kept for table in one.tables):
            draw = table.draw
            if draw is None or draw.of != self._plan.rule.question or table.parts != self._parts:
                continue
            cells = dict(zip(table.keys, table.values.tolist(), strict=True))
            for level in set(map(_level, draw.periods)) & wanted.keys():
                # Of a list that has changed since, the draw is of other cells, and so another one.
                if all(key in cells for key in wanted[level]):
                    more = {key: cells[key] for key in wanted.pop(level)}
                    before = found[draw.by].cells if draw.by in found else {}
                    found[draw.by] = Drawn(draw, {**before, **more})
        return list(found.values())

    def _by_period(self) -> dict[str, list[Key]]:
        wanted: dict[str, list[Key]] = {}
        for key in self._keys:
            wanted.setdefault(key[self._at], []).append(key)
        return wanted

    def take(self, keys: Sequence[Key], noised: Sequence[int], by: str) -> None:
        """Take what was drawn for the fresh periods.

        Args:
            keys: The cells, as they were counted.
            noised: The number of each, with noise.
            by: Exchange id of the first attempt at this request.

        Raises:
            ReleaseError: The draw is not of exactly the cells that were fresh.
        """
        cells = dict(zip(keys, noised, strict=True))
        fresh = frozenset(map(_level, self.fresh))
        if cells.keys() != {key for key in self._keys if key[self._at] in fresh}:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "noise for other cells than the plan's")
        draw = Draw(
            of=self._plan.rule.question,
            by=by,
            mechanism=self._noise.mechanism,
            rho=self._noise.rho,
            bound=self._noise.bound,
            unit=self._unit,
            periods=self.fresh,
        )
        self._drawn.append(Drawn(draw, cells))

    @property
    def draws(self) -> tuple[Draw, ...]:
        """The draws that the table tells of."""
        return tuple(one.draw for one in self._drawn)

    def numbers(self) -> list[int]:
        """Return the number of each cell, in the order of the keys that it was made with."""
        cells = {key: value for one in self._drawn for key, value in one.cells.items()}
        return [cells[key] for key in self._keys]

    def memory(self) -> bytes:
        """Return what the record of cells is to keep: what left, and no true number."""
        tables = [
            self._counts(tuple(one.cells), list(one.cells.values()), one.draw)
            for one in self._drawn
        ]
        return memory(Memory(tables, self._plan.rule.rows, self._told))

    def _counts(self, keys: Sequence[Key], values: list[int], draw: Draw | None) -> Counts:
        none = np.zeros(len(keys), np.bool_)
        return Counts(
            measure=f"noised {self._unit}",
            parts=self._parts,
            keys=tuple(keys),
            values=np.array(values, np.int64),
            hidden=none,
            primary=none,
            additive=False,
            floor=0,
            draw=draw,
        )


def _level(period: dt.date) -> str:
    return VALUE + period.isoformat()


def _parts(plan: Plan) -> tuple[Group, Suppress, Noise]:
    group, suppress = plan.group, plan.suppress
    if group is None or suppress is None or suppress.noise is None:
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "noise under a plan without it")
    return group, suppress, suppress.noise
