"""Counts as multiples of a base: what is published, and what can be worked out of it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gateway.disclosure.linked import Asked, bearable, joint, protected
from gateway.disclosure.parts import Counts, Part
from gateway.disclosure.rounding import around, known, nearest
from gateway.disclosure.rules import Cost, weights
from gateway.disclosure.table import DisclosureError, Limits
from tests.disclosure import oracle
from tests.disclosure.drawn_events import drawn_cut, drawn_events
from tests.disclosure.sequences import Attacker, released

BASES = (3, 5, 10, 20)
MONTH = Part("day", "truncate month", "month")
TOWN = Part("town", "pass")


@pytest.mark.parametrize(
    ("base", "count", "multiple"),
    [
        *[(3, 0, 0), (3, 1, 0), (3, 2, 3), (3, 4, 3), (3, 5, 6)],
        *[(5, 0, 0), (5, 2, 0), (5, 3, 5), (5, 7, 5), (5, 8, 10)],
        *[(10, 4, 0), (10, 5, 0), (10, 6, 10), (10, 14, 10), (10, 15, 20), (10, 25, 20)],
        *[(10, 26, 30), (10, 35, 40), (20, 0, 0), (20, 9, 0), (20, 10, 0), (20, 11, 20)],
        *[(20, 29, 20), (20, 30, 40), (20, 50, 40), (20, 51, 60), (20, 69, 60), (20, 70, 80)],
    ],
)
def test_a_count_leaves_as_the_nearest_multiple(base: int, count: int, multiple: int) -> None:
    """Of two that are as near it is the even one: 10 of base 20 is 0, and 30 is 40."""
    assert [multiple] == nearest(np.array([count], np.int64), base).tolist()


@pytest.mark.parametrize(
    ("base", "multiple", "low", "high"),
    [
        *[(3, 0, 0, 1), (3, 3, 2, 4), (5, 0, 0, 2), (5, 5, 3, 7), (5, 10, 8, 12)],
        *[(10, 0, 0, 5), (10, 10, 6, 14), (10, 20, 15, 25), (10, 30, 26, 34)],
        *[(20, 0, 0, 10), (20, 20, 11, 29), (20, 40, 30, 50), (20, 60, 51, 69)],
    ],
)
def test_a_multiple_tells_an_interval(base: int, multiple: int, low: int, high: int) -> None:
    """Both ties belong to an even multiple, and none to an odd one."""
    ends = around(np.array([multiple], np.int64), base)

    assert [[low], [high]] == [end.tolist() for end in ends]


@pytest.mark.parametrize("base", BASES)
def test_intervals_are_the_counts_that_are_rounded_alike(base: int) -> None:
    """Each count up to a thousand is rounded as exact arithmetic does, and lies in its interval."""
    counts = np.arange(1000, dtype=np.int64)
    multiples = nearest(counts, base)
    low, high = around(multiples, base)

    assert [round(Fraction(n, base)) * base for n in range(1000)] == multiples.tolist()
    for multiple in set(multiples.tolist()) - {int(multiples[-1])}:
        alike = counts[multiples == multiple]
        assert {(alike[0], alike[-1])} == set(
            zip(low[alike].tolist(), high[alike].tolist(), strict=True)
        )


def a_table(cells: dict[tuple[str, str], int], *, base: int, width: int, least: int = 11) -> Counts:
    """Return a month's counts by town, rounded; `*` is the total."""
    keys = tuple((f"={day}", town) for day, town in cells)
    values = np.array(list(cells.values()), np.int64)
    return Counts(
        measure="count run_id",
        parts=(MONTH, TOWN),
        keys=keys,
        values=values,
        hidden=np.zeros(len(keys), np.bool_),
        primary=(values > 0) & (values < least),
        additive=True,
        floor=1,
        width=width,
        rounded_to=base,
    )


def one_month(total: bool, **towns: int) -> dict[tuple[str, str], int]:  # noqa: FBT001
    """Return a month of towns, with their total or without."""
    cells = {("2026-05-01", f"={town}"): count for town, count in towns.items()}
    return cells | ({("2026-05-01", "*"): sum(towns.values())} if total else {})


def test_a_total_may_narrow_its_parts() -> None:
    """0 + 0 = 20 says that two towns have 11 at least: one that has 9 then has 1 to 10.

    By hand: each town is 0 to 10, their total 11 to 29, so neither town is below 1, which leaves
    ten numbers; nine apart is enough, and ten is not.
    """
    cells = one_month(total=True, ash=9, birch=10)
    enough = a_table(cells, base=20, width=9)
    short = a_table(cells, base=20, width=10)
    alone = a_table(one_month(total=False, ash=9, birch=10), base=20, width=10)

    bearable(enough, [], Asked(11, 9), Limits())
    bearable(alone, [], Asked(11, 10), Limits())
    with pytest.raises(DisclosureError) as raised:
        bearable(short, [], Asked(11, 10), Limits())

    assert "infeasible" == raised.value.cause


def agreed(seed: int) -> bool:
    """Return whether a table drawn from a seed is refused, on which gateway and oracle agree."""
    rng = np.random.default_rng(seed)
    towns = {f"t{at}": int(rng.integers(0, 13)) for at in range(int(rng.integers(2, 5)))}
    width = int(rng.integers(9, 11))
    table = a_table(one_month(total=True, **towns), base=20, width=width)
    every = np.ones(len(table.keys), np.bool_)
    bad = oracle.narrow(joint(table, [], Asked(11, width), every.astype(np.int64)).problem, every)
    try:
        bearable(table, [], Asked(11, width), Limits())
    except DisclosureError as refusal:
        cause = refusal.cause
    else:
        cause = ""
    assert ("infeasible" if bad else "") == cause
    return bool(bad)


def test_the_independent_judge_finds_the_same() -> None:
    """A table leaves if and only if the oracle finds no small cell narrower than agreed."""
    assert {True, False} == {agreed(seed) for seed in range(24)}


def test_what_left_rounded_is_an_interval_to_a_later_table() -> None:
    """The quarter is judged beside three rounded months: each is unknown, and none is a constant.

    Two months that were 0 and one of 40: whoever reads an exact 45 in the quarter knows that the
    third was no more than 45, and the small ones no more than ten.
    """
    quarter = replace(
        a_table(one_month(total=False, ash=45), base=0, width=9),
        parts=(Part("day", "truncate quarter", "quarter"), TOWN),
        keys=(("=2026-04-01", "=ash"),),
    )
    months = {("2026-04-01", "=ash"): 3, ("2026-05-01", "=ash"): 4, ("2026-06-01", "=ash"): 38}
    rounded = a_table(months, base=20, width=9)
    exact = replace(rounded, rounded_to=0, hidden=np.array([True, True, False]))

    asked, weight = Asked(11, 9), weights(quarter.values, Cost.LOG)

    assert [False] == protected(quarter, [rounded], asked, weight, Limits()).tolist()
    assert [True] == protected(quarter, [exact], asked, weight, Limits()).tolist()


def a_quarter_and_its_months() -> tuple[Counts, Counts]:
    """Return 29 runs of a quarter as they are, and of each month as a multiple: 0."""
    quarter = replace(
        a_table(one_month(total=False, ash=29), base=0, width=9),
        parts=(Part("day", "truncate quarter", "quarter"), TOWN),
        keys=(("=2026-04-01", "=ash"),),
    )
    months = {("2026-04-01", "=ash"): 9, ("2026-05-01", "=ash"): 10, ("2026-06-01", "=ash"): 10}
    return quarter, a_table(months, base=20, width=9)


def test_a_later_quarter_is_hidden_where_multiples_would_narrow() -> None:
    """Three months of 0 in an exact quarter of 29 are 9 or 10 each: the quarter is hidden."""
    quarter, rounded = a_quarter_and_its_months()

    found = protected(quarter, [rounded], Asked(11, 9), weights(quarter.values, Cost.LOG), Limits())

    assert [True] == found.tolist()


def test_a_rounded_month_is_refused_beside_an_exact_one() -> None:
    """Nothing in a rounded table can be hidden: what it says too much refuses all of it."""
    quarter, months = a_quarter_and_its_months()

    with pytest.raises(DisclosureError) as raised:
        bearable(months, [quarter], Asked(11, 9), Limits())

    assert "infeasible" == raised.value.cause


def test_two_bases_of_one_cell_are_one_interval() -> None:
    """12 is 20 to one recipient and 10 to another: together 11 to 14, and both know it."""
    coarse = a_table({("2026-05-01", "=ash"): 12}, base=20, width=9, least=13)
    fine = a_table({("2026-05-01", "=ash"): 12}, base=10, width=3, least=13)
    finer = replace(fine, width=4)

    bearable(fine, [replace(coarse, width=3)], Asked(13, 3), Limits())
    with pytest.raises(DisclosureError):
        bearable(finer, [replace(coarse, width=3)], Asked(13, 4), Limits())


def test_only_what_left_as_a_multiple_is_known_as_one() -> None:
    """A cell that did not leave is not narrowed by a multiple of it."""
    table = a_table(one_month(total=True, ash=9, birch=30), base=20, width=9)
    held = replace(table, hidden=np.array([True, False, False]))

    assert [False, True, True] == known(held)[0].tolist()
    assert not known(replace(table, rounded_to=0))[0].any()


def faults(seed: int) -> list[str]:
    """Return what an attacker opens of rounded and suppressed tables, one after another."""
    rng = np.random.default_rng(seed)
    records = drawn_events(rng, int(rng.integers(20, 160)))
    cuts = [drawn_cut(rng, ("month", "quarter", "day")) for _ in range(3)]
    rounded = [
        replace(cut, rounded_to=int(rng.choice([10, 20])) if rng.random() < 0.6 else 0)
        for cut in cuts
    ]
    told, refused = released([(cut, records) for cut in rounded])
    assert set(refused) <= {"infeasible"}
    return Attacker(told).narrow() if told else []


@pytest.mark.parametrize("seed", range(300, 316))
def test_rounded_and_suppressed_tables_together_open_nothing(seed: int) -> None:
    """Whatever left before, in either way, no small cell is narrower than agreed."""
    assert [] == faults(seed)


@pytest.mark.long
def test_many_rounded_and_suppressed_tables_open_nothing() -> None:
    """The same over a sweep."""
    assert {} == {seed: found for seed in range(1000, 1400) if (found := faults(seed))}
