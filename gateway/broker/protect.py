"""A counted table, and every table before it, before the attacker: which cells leave. Pure.

The threshold names the cells that are small. Complementary suppression hides as few more as it can,
the attacker judges the whole, earlier releases included, and what it cannot open is the verdict
that `plan/check` demands. A table that cannot be protected is refused, never thinned until it fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.broker.memory import Memory, memory, remembered
from gateway.broker.needed import needed
from gateway.broker.parted import part_under, parted, parted_keys, too_few
from gateway.broker.views import View, views
from gateway.disclosure.attackers import Told, judged_together
from gateway.disclosure.depths import stacked
from gateway.disclosure.linked import Asked, bearable, protected, related
from gateway.disclosure.parts import Counts, Part, share_days
from gateway.disclosure.people import COUNT, RECORD
from gateway.disclosure.rounding import nearest
from gateway.disclosure.rules import Cost, kept_weights
from gateway.disclosure.table import DisclosureError, Limits
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.plan.counted import Verdict, exempt_cells, table_digest
from gateway.plan.impossible import impossible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.table import Clock, Flags, Integers
    from gateway.plan.counted import Counted, Summed
    from gateway.plan.ops import Group, Plan, Suppress

SHARE: Final = 10
"""How far, in percent, an attacker's range of a suppressed sum stays off it, both ways."""


@dataclass(frozen=True, slots=True, eq=False)
class _Measure:
    """What is judged in each cell: the numbers of one measure, as nobody has seen them yet.

    Attributes:
        name: As the record of cells knows it; only the same is held against the same.
        values: True numbers.
        small: Held back by a threshold, and to be protected.
        hidden: Held back whatever is chosen.
        share: Of a sum: the part of it, in percent, that its range stays off it; 0 for a count.
        rows: Whether rows are counted, each of which is in one cell alone.
        open: What leaves whatever is chosen; None for nothing.
        under: Of the count of units, how a condition cuts it: there are then three numbers of each
            cell, as `parted` orders them. None for one.
    """

    name: str
    values: Integers
    small: Flags
    hidden: Flags
    share: int = 0
    rows: bool = False
    open: Flags | None = None
    under: Part | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """One measure of the table: its joint-problem form, and the cells that leave.

    Of a mean `given` is the number of its values, judged beside their sum.
    """

    name: str
    counts: Counts
    leaves: Flags
    given: Counts | None = None

    def tables(self) -> list[Counts]:
        """Return what a later table has to know of it."""
        both = [self.counts] if self.given is None else [self.counts, self.given]
        return [one for one in both if len(one.keys)]


def verdict_of(
    plan: Plan, counted: Counted, earlier: Sequence[bytes], clock: Clock | None = None
) -> Verdict:
    """Return which cells of a counted table leave.

    Args:
        plan: A plan with Group and Suppress.
        counted: The table, nothing held back.
        earlier: What the record of cells holds of the same source, in the order of release.
        clock: What the clause's `time_limit` is measured by; else the solver's own.

    Raises:
        RefusedError: `infeasible`, where no pattern protects it beside what was released before;
            `limit`, where none was found in time; `impossible`, where a record stands in a cell
            that the clause calls empty by definition.
        DisclosureError: Its totals are not the sums of their parts, or what was released before
            cannot be read.
    """
    group, suppress = plan.group, plan.suppress
    if group is None or suppress is None:
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "a table without Group and Suppress")
    told = Told(plan.rule.recipient.id, suppress.colluding)
    before: list[Counts] = []
    others: list[Counts] = []
    for kept in beside(told, [remembered(one) for one in earlier]):
        for one in kept.tables:
            same = kept.rows == plan.rule.rows and one.draw is None
            (before if same else others).append(one)
    causes: list[str] = []
    limits = Limits(seconds=suppress.seconds, clock=clock)
    for view in views(plan, group, suppress, counted):
        try:
            table = _Table(group, suppress, view, before, limits)
            table.stands_apart(others)
            people = table.people()
            found = table.kept(people)
        except DisclosureError as error:
            if error.cause == "impossible":
                raise _refused(plan, suppress, error.cause) from None
            if error.cause not in {"infeasible", "limit"}:
                raise
            causes.append(error.cause)
        else:
            return _verdict(plan, suppress, table, people, found, told)
    raise _refused(plan, suppress, causes[0])


def _verdict(
    plan: Plan,
    suppress: Suppress,
    table: _Table,
    people: Counts,
    found: Sequence[_Kept],
    told: Told,
) -> Verdict:
    """Return what leaves of a table that the attacker could not open."""
    view = table.view
    counted = view.counted
    told_here = np.flatnonzero(~table.known).tolist()
    numbers = {
        one.name: [raw[at] if one.leaves[at] else None for at in told_here]
        for one in found
        for raw in [_raw(one, counted, suppress.rounded_to)]
    }
    return Verdict(
        published={one.name: one.leaves for one in found},
        digest=table_digest([counted.keys[at] for at in told_here], numbers),
        memory=memory(
            Memory(
                list({id(t): t for t in (people, *_tables(found))}.values()), plan.rule.rows, told
            )
        ),
        rung=view.rung,
        cells=view.cells,
    )


def beside(told: Told, kept: Sequence[Memory]) -> list[Memory]:
    """Return what left to somebody who counts as one attacker with the new table's recipient."""
    together = judged_together(told, [one.told for one in kept])
    return [one for one, judged in zip(kept, together, strict=True) if judged]


def _tables(found: Sequence[_Kept]) -> list[Counts]:
    return [table for one in found for table in one.tables()]


def _refused(plan: Plan, suppress: Suppress, cause: str) -> RefusedError:
    """Return the refusal of a table: it names the rule and the next rung, no cell and no count."""
    dates = plan.group.time if plan.group else ""
    protects = f"no pattern of suppressed cells protects this table by `{dates}`"
    if base := suppress.rounded_to:
        protects = f"multiples of {base} do not protect this table by `{dates}`"
    said = {
        "infeasible": protects,
        "impossible": f"a record stands in a cell that clause {plan.rule.provision.clause} calls"
        " empty by definition",
        "limit": f"no safe pattern of suppressed cells by `{dates}` was found in time",
    }[cause]
    ladder = [f"`{fine} -> {coarse}`" for fine, coarse in suppress.coarsen[:1]]
    coarser = ladder and cause != "impossible"
    after = f": the agreement's next coarser level is {ladder[0]}" if coarser else ""
    if suppress.ladder and cause != "impossible":
        after = ", nor is it behind any rung of the agreement's ladder"
    rule = plan.rule
    return RefusedError(
        Reason.DISCLOSURE_RISK,
        said + after,
        step=10,
        agreement=rule.pact.agreement.ref,
        provision=rule.provision.id,
        clause=rule.provision.clause,
        cause=cause,
    )


class _Table:
    """One table on its way to a verdict."""

    def __init__(
        self,
        group: Group,
        suppress: Suppress,
        view: View,
        before: Sequence[Counts],
        limits: Limits,
    ) -> None:
        counted = view.counted
        self._group = group
        self._suppress = suppress
        self._counted = counted
        self.view = view
        self._before = before
        self._limits = limits
        self._needed = needed(suppress, group, counted.keys)
        # Where somebody stands behind a unit, units are records of people.
        record = RECORD if group.person is not None else ""
        self._count = f"{COUNT}{record}{group.unit}"
        self._stacked = stacked(view.parts, view.keys)
        empty, never = counted.rows == 0, impossible(suppress, group, counted.keys)
        if (never & ~empty).any():
            raise DisclosureError("impossible", "a record stands where none can")
        self._told = never | (suppress.zeros == "publish")
        self._nothing = empty & self._told
        kinds = exempt_cells(group.known, group.dimensions, counted.keys)
        self.known: Flags = np.array(kinds, np.bool_)
        self._none: Flags = np.zeros(len(counted.keys), np.bool_)

    def stands_apart(self, others: Sequence[Counts]) -> None:
        """Refuse where tables of other rows, or with noise, left of the same days.

        What a filter takes away is a number that two such tables give by subtraction, and what the
        filters have in common is known to no table: nothing here can judge them together. Beside an
        exact number noise hides nothing, and beside noise no interval is a promise.

        Raises:
            DisclosureError: `history`.
        """
        new = self._counts(_Measure(self._count, self._counted.units, self._none, self._none))
        if any(share_days(new, one) for one in others):
            message = "a table under other conditions, or with noise, left of the same days"
            raise DisclosureError("history", message)

    def people(self) -> Counts:
        """Return the count of units with the cells that are hidden of it.

        Published or not: a sum or a mean can tell how many it is of, so its cells follow these.
        """
        counted, group, suppress = self._counted, self._group, self._suppress
        exempt = np.array(exempt_cells(suppress.exempt, group.dimensions, counted.keys), np.bool_)
        exempt |= self.known
        for one in group.measures:
            if one.where is not None:
                three = parted(counted, counted.met[one.name], suppress, exempt, self._told)
                under = part_under(one.where)
                return self._judged(
                    _Measure(
                        self._count,
                        three.values,
                        three.small,
                        three.never,
                        open=three.open,
                        under=under,
                    )
                )
        few = self._small(counted.units) & ~exempt
        return self._judged(_Measure(self._count, counted.units, few, self._none, open=exempt))

    def kept(self, people: Counts) -> list[_Kept]:
        """Return each measure with the cells that leave.

        Args:
            people: The count of units, as `people` judged it.
        """
        made: list[_Kept] = []
        sums: dict[str, Counts] = {}
        size = len(self._counted.keys)
        hidden = people.hidden[:size]
        for one in self._group.measures:
            if one.function == "count_distinct":
                # Of a count under a condition the wholes stand first, and then what meets it.
                first = size if one.where is not None else 0
                made.append(_Kept(one.name, people, ~people.hidden[first : first + size]))
                continue
            summed = self._counted.sums[one.name]
            if one.field not in sums:
                small = (self._small(summed.givers) | summed.dominated) & ~self._nothing
                sums[one.field] = self._summed(
                    one.field, summed, small | self._small(self._counted.units), hidden
                )
            found = sums[one.field]
            if one.function == "mean":
                found = self._given(one.field, summed, found.hidden | hidden)
                there = ~found.hidden & (summed.given > 0)
                made.append(_Kept(one.name, sums[one.field], there, found))
            else:
                made.append(_Kept(one.name, found, ~(found.hidden | hidden)))
        return made

    def _given(self, field: str, summed: Summed, hidden: Flags) -> Counts:
        """Return how many values a mean is of: beside a sum, it gives that number back.

        A mean leaves where the sum of its values and their number might both leave; the rows that
        gave no value are a complement, and few of them are held back too.
        """
        none = self._counted.rows - summed.given
        few = (none >= 1) & (none < self._suppress.min_cell)
        small = self._small(summed.given) | self._small(self._counted.units) | few
        return self._judged(
            _Measure(f"values {field}", summed.given, small & ~self._nothing, hidden, rows=True)
        )

    def _small(self, units: Integers) -> Flags:
        counted = self._counted
        return too_few(
            self._suppress.min_cell, (units, counted.people, counted.rows), self._nothing
        )

    def _summed(self, field: str, summed: Summed, small: Flags, hidden: Flags) -> Counts:
        whole, part = f"sum {field}", f"part of {field}"
        none, besides = np.zeros(len(hidden), np.int64), small & ~hidden & ~self.known
        loose = self._counts(_Measure(part, none, self._none, besides))
        beside_ = related(loose, [one for one in self._before if one.measure in {whole, part}])
        whole_numbers = summed.exact and (summed.values >= 0).all()
        if whole_numbers and not any(one.measure == part for one in beside_):
            values = np.rint(summed.values).astype(np.int64)
            return self._judged(_Measure(whole, values, small, hidden, share=SHARE))
        # The attacker reasons in whole numbers that are not negative: about others he is blind. So
        # such a sum leaves where its count does, or else alone: what the count's pattern hides, no
        # subtraction gives back; what is hidden besides, another table of the same days might.
        held = any((one.hidden | one.primary).any() for one in beside_)
        if held or (besides.any() and (self._stacked or beside_)):
            raise DisclosureError("shape", f"a sum of `{field}` is not of whole numbers")
        return loose

    def _judged(self, measure: _Measure) -> Counts:
        """Return a measure under the cheapest pattern that the attacker cannot open."""
        if self.known.any() and measure.under is None:
            # What is public elsewhere has been told, whatever it is.
            opened = self.known if measure.open is None else measure.open | self.known
            small, hidden = measure.small & ~self.known, measure.hidden & ~self.known
            measure = replace(measure, small=small, hidden=hidden, open=opened)
        new = self._counts(measure)
        counts = measure.name.startswith(COUNT)
        before = [
            one
            for one in self._before
            if one.measure == measure.name or (counts and one.measure.startswith(COUNT))
        ]
        asked = Asked(self._suppress.min_cell, self._suppress.min_interval, measure.share)
        if self._suppress.rounded_to:
            bearable(new, before, asked, self._limits)
            return new
        if not before and not self._stacked and measure.under is None:
            # No published number is related to another: the rule itself is the interval, and lint
            # holds it against `min_interval`.
            return replace(new, hidden=measure.small | measure.hidden)
        needed_ = np.resize(self._needed, len(measure.values))
        weight = kept_weights(measure.values, Cost(self._suppress.cost), needed_)
        return replace(new, hidden=protected(new, before, asked, weight, self._limits))

    def _counts(self, measure: _Measure) -> Counts:
        informed = self._suppress.zeros == "publish" and not measure.share
        view = self.view
        parts, keys, lasting = view.parts, view.keys, view.lasting
        if measure.under is not None:
            parts, keys = (*parts, measure.under), parted_keys(keys)
            lasting = (*lasting, self._counted.apart)
        rounded_to = self._suppress.rounded_to
        return Counts(
            measure=measure.name,
            parts=parts,
            keys=keys,
            values=measure.values,
            # Of a rounded table what is small leaves too: hidden is what leaves nowhere.
            hidden=measure.hidden if rounded_to else measure.hidden & ~measure.small,
            primary=measure.small,
            additive=bool(measure.share) or measure.rows or self._counted.apart,
            floor=int(informed),
            width=self._suppress.min_interval,
            lasting=lasting,
            rounded_to=rounded_to,
            open=measure.open if measure.open is not None and not rounded_to else None,
        )


def _raw(one: _Kept, counted: Counted, base: int) -> list[int | float]:
    """Return a measure's number in each cell, whole where it is a count or a sum of whole ones.

    Args:
        one: The measure.
        counted: The table.
        base: What counts are rounded to, or 0.
    """
    if one.name not in counted.sums:
        units = counted.met[one.name].units if one.name in counted.met else counted.units
        return list((nearest(units, base) if base else units).tolist())
    summed = counted.sums[one.name]
    if one.given is not None:
        return list(summed.means.tolist())
    return list((summed.values.astype(np.int64) if summed.exact else summed.values).tolist())
