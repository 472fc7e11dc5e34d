"""Attacks on what is not a plain count: percentages, means, sums of money, people who come twice.

A fact of this kind is a row to the attacker. Where it is published, the attack has to find what it
gives away, and no pattern may be called safe; where it is withheld with its parts, nothing is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.disclosure.attack import attack
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError, Problem
from tests.disclosure import oracle
from tests.disclosure.tables import ask, summed, where
from tests.disclosure.told import Told, stopped, told

if TYPE_CHECKING:
    from gateway.disclosure.table import Key


def _refused(world: Told) -> bool:
    nothing = np.zeros(len(world.table.keys), np.bool_)
    published = world.flags(world.known)
    try:
        protect(world.asked(published, nothing))
    except DisclosureError as refusal:
        return refusal.cause == "infeasible"
    return False


COUNTS = {"used": 3, "others": 57, "elsewhere": 71}
SUMS = {"tested": ["used", "others"], "all": ["tested", "elsewhere"]}


def test_percentage_times_total() -> None:
    """5.0 % of 60, to a tenth of a percent, is 3; nothing else can be hidden against that."""
    leaky = told(
        COUNTS, SUMS, known=["tested"], facts=[({"used": 1000}, 60 * 50 - 30, 60 * 50 + 30)]
    )
    plain = told(COUNTS, SUMS, known=["tested"])
    hidden = leaky.flags(["used", "others"])

    assert (3, 3) == leaky.ends(hidden, "used")
    assert _refused(leaky)
    assert not _refused(plain)


def test_whole_percent_of_a_small_total() -> None:
    """5 % of 60 in whole percent is 3 still; of 300 it is any of 14 to 16."""
    small = told(COUNTS, SUMS, known=["tested"], facts=[({"used": 200}, 60 * 9, 60 * 11)])

    assert (3, 3) == small.ends(small.flags(["used", "others"]), "used")
    assert _refused(small)


def test_rate_times_population() -> None:
    """4.0 in 100,000 of a county of 75,000 is three people; populations are public."""
    world = told(
        {"A": 3, "B": 12},
        {"all": ["A", "B"]},
        facts=[({"A": 100_000}, 75_000 * 395 // 100, 75_000 * 405 // 100)],
    )

    assert (3, 3) == world.ends(world.flags(["A", "B", "all"]), "A")
    assert _refused(world)


def test_mean_times_n() -> None:
    """A mean of 2.5 kits over 20 programs is a sum of 50: the one hidden program follows."""
    world = told({"P1": 4, "others": 46}, {"sum": ["P1", "others"]})

    stopped(world, [["P1"], ["others"], ["sum"]], "P1")


def test_ratio_of_two_hidden_cells() -> None:
    """Twice as many men as women, printed beside a total that is published."""
    world = told(
        {"women": 4, "men": 8},
        {"all": ["women", "men"]},
        known=["all"],
        facts=[({"men": 1, "women": -2}, 0, 0)],
    )

    assert (4, 4) == world.ends(world.flags(["women", "men"]), "women")
    assert _refused(world)


def _dominated(*, insider: bool) -> Problem:
    """A sum of 100 of which one supplier has 80, the next 15, all others 5."""
    parts = ["first", "second", "rest"]
    cells: dict[Key, int] = {("first",): 80, ("second",): 15, ("rest",): 5, ("other area",): 240}
    cells |= {("area",): 100, ("state",): 340}
    table = summed(
        cells, [(("area",), [(p,) for p in parts]), (("state",), [("area",), ("other area",)])]
    )
    asked = ask(
        table,
        where(table, ["second"]),
        width=1,
        opened=where(table, ["first", "rest"] if insider else []),
        shut=where(table, [] if insider else ["first", "rest"]),
    )
    # p % with p = 10: a tenth of the largest part is what the estimate of it has to be off by.
    return replace(asked, up=8 * asked.primary, down=8 * asked.primary)


def test_dominance() -> None:
    """The largest contributor subtracts himself; the sum and a companion are hidden for it."""
    problem = _dominated(insider=True)
    shown = oracle.view_under(problem, problem.primary)
    at = int(np.flatnonzero(problem.primary)[0])
    before = attack(shown, integer=True)
    pattern = protect(problem)
    after = attack(oracle.view_under(problem, pattern.hidden), integer=True)

    assert (15, 15) == (before.low[at], before.high[at])
    assert after.low[at] <= 15 - 8
    assert after.high[at] >= 15 + 8
    assert [] == oracle.narrow(problem, pattern.hidden)


def test_dominance_seen_from_outside() -> None:
    """Who is no contributor knows no part, so the sum itself may be published."""
    pattern = protect(_dominated(insider=False))

    assert 0 == pattern.objective


def test_people_are_no_more_than_their_events() -> None:
    """Four events are published; so there are no more than four people."""
    world = told(
        {"events": 4, "people": 3},
        {},
        known=["events"],
        facts=[({"events": 1, "people": -1}, 0, 10**6)],
        width=4,
    )

    assert (1, 4) == world.ends(world.flags(["people"]), "people")
    assert _refused(world)


def test_distinct_people_of_a_quarter_and_its_months() -> None:
    """Distinct people do not add up, but a quarter has no more than its months together."""
    months = {"m1": 4, "m2": 11, "m3": 12}
    facts = [({"quarter": 1, name: -1}, 0, 10**6) for name in months]
    facts.append(({"m1": 1, "m2": 1, "m3": 1, "quarter": -1}, 0, 10**6))
    world = told(months | {"quarter": 27}, {}, facts=facts)
    whole = [*months, "quarter"]

    # No fewer than the quarter leaves; more, if all of the quarter's people were in January too.
    assert (4, 27) == world.ends(world.flags(["m1"]), "m1")
    low, high = world.ends(world.flags(["m1", "quarter"]), "m1")
    assert low == 1
    assert high > 27
    assert world.safe(world.in_turn([whole]))


def test_rounded_table() -> None:
    """Cells rounded to 5 each by itself: sums of rounded numbers narrow the cells below them."""
    values = {"A": 3, "B": 12, "C": 22}
    rounded = {"A": 5, "B": 10, "C": 20, "all": 35}
    facts = [({name: 1}, mark - 2, mark + 2) for name, mark in rounded.items()]
    world = told(values, {"all": list(values)}, facts=facts, width=5)
    nothing_published = np.ones(len(world.table.keys), np.bool_)

    assert (3, 7) == world.ends(nothing_published, "A")
    assert _refused(world)


@pytest.mark.parametrize("width", [4, 5])
def test_a_fact_is_as_narrow_as_it_is(width: int) -> None:
    """An interval of five values is four wide: safe where four are asked, and not where five."""
    world = told({"A": 3, "B": 12}, {"all": ["A", "B"]}, facts=[({"A": 1}, 1, 5)], width=width)

    assert (width == 5) == _refused(world)
