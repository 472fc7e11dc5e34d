"""Tables of one source, one after another, before whoever holds all of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.disclosure.linked import Asked, protected, related
from gateway.disclosure.parts import MASKED, Codes, Counts, Part, Span, inside, meet, regions
from gateway.disclosure.table import Limits
from tests.disclosure.crowds import (
    NEW_YEAR,
    RULES,
    USUAL,
    CrowdAttacker,
    drawn_crowd,
    drawn_crowd_cuts,
)
from tests.disclosure.drawn_events import drawn_cut, drawn_events, drawn_people
from tests.disclosure.sequences import (
    FIRST,
    Attacker,
    Cut,
    Event,
    released,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.disclosure.crowds import Rule
    from tests.disclosure.tables import Rng

MIN_CELL, WIDTH = 5, 3
NESTED, ODD = ("month", "quarter", "day"), ("month", "week_iso", "week_mmwr", "day")


PLACES = ("county", "region", "both", "both", "upper")


def faults_of_events(
    seed: int, units: Sequence[str], tables: int, late: int = 0, places: Sequence[str] = ()
) -> list[str]:
    """Return what the attacker opens of a sequence drawn from a seed."""
    rng = np.random.default_rng(seed)
    records = drawn_events(rng, int(rng.integers(20, 160)))
    asked = []
    for number in range(tables):
        if number:
            records = records + drawn_events(rng, int(rng.integers(late + 1)), 1000 * number)
        cut = drawn_cut(rng, units)
        asked.append((_placed(rng, cut, places) if places else cut, records))
    told, refused = released(asked)
    assert set(refused) <= {"infeasible"}
    return Attacker(told).narrow() if told else []


def _placed(rng: Rng, cut: Cut, places: Sequence[str]) -> Cut:
    others = tuple(dict.fromkeys(("county", *cut.others)))[:2]
    margins = tuple(one for one in ((), ("county",)) if set(one) < set(others))
    kept = tuple(one for one in margins if rng.random() < 0.6)
    return replace(cut, others=others, margins=kept, places=str(rng.choice(list(places))))


def faults_of_people(seed: int, places: Sequence[str] = ()) -> list[str]:
    """Return the same where people are counted, who do not add up, and some records."""
    rng = np.random.default_rng(seed)
    records = drawn_people(rng)
    asked = []
    for _ in range(3):
        cut = drawn_cut(rng, ("month", "quarter"), people=rng.random() < 0.6)
        others = tuple(name for name in cut.others if name != "age")
        margins = tuple(one for one in cut.margins if set(one) < set(others))
        cut = replace(cut, others=others, margins=margins, periods=cut.periods[:2])
        asked.append((_placed(rng, cut, places) if places else cut, records))
    told, refused = released(asked)
    assert set(refused) <= {"infeasible"}
    return CrowdAttacker(told).narrow() if told else []


def faults_of_crowd(
    seed: int, *, late: bool = False, begin: dt.date = FIRST, rules: Sequence[Rule] = (USUAL,)
) -> list[str]:
    """Return the same where people and their events are counted in turn, few of them in places."""
    rng = np.random.default_rng(seed)
    people = int(rng.choice([8, 15, 30, 60]))
    versions = [drawn_crowd(rng, people, begin=begin)]
    tables = int(rng.integers(1, 6))
    if late:
        versions.append(versions[0] + drawn_crowd(rng, int(rng.integers(1, 8)), 1000, begin))
    cuts = drawn_crowd_cuts(rng, tables, len(versions), begin, rules)
    which = sorted(int(rng.integers(len(versions))) for _ in cuts)
    told, refused = released([(cut, versions[at]) for cut, at in zip(cuts, which, strict=True)])
    assert set(refused) <= {"infeasible", "history"}
    return CrowdAttacker(told).narrow() if told else []


@pytest.mark.parametrize("seed", range(20))
def test_days_months_and_quarters_together_open_nothing(seed: int) -> None:
    """Whatever was asked, in any order, no small cell of any table is narrower than agreed."""
    assert [] == faults_of_events(seed, NESTED, 3)


@pytest.mark.parametrize("seed", range(20, 36))
def test_weeks_against_months_open_nothing(seed: int) -> None:
    """Weeks lie across months, and what they have in common is told by sums alone."""
    assert [] == faults_of_events(seed, ODD, 2)


@pytest.mark.parametrize("seed", range(40, 52))
def test_late_records_open_nothing(seed: int) -> None:
    """Cells that were corrected leave no smaller cell more open than before."""
    assert [] == faults_of_events(seed, ("month", "quarter"), 3, late=8)


@pytest.mark.parametrize("seed", range(60, 72))
def test_people_who_come_again_are_protected_alike(seed: int) -> None:
    """An attacker who counts every kind of person, by where he was seen, opens nothing."""
    assert [] == faults_of_people(seed)


@pytest.mark.parametrize("seed", range(10))
def test_people_and_their_events_in_turn_open_nothing(seed: int) -> None:
    """What is said of people is said of their events too, and the other way round."""
    assert [] == faults_of_crowd(seed)


@pytest.mark.parametrize("seed", range(20, 26))
def test_two_provisions_keep_what_each_promised(seed: int) -> None:
    """Thresholds and intervals of two agreements over the same days, and weeks over New Year."""
    assert [] == faults_of_crowd(seed, begin=NEW_YEAR, rules=RULES)


@pytest.mark.parametrize("seed", [*range(30, 36), 10009, 10058, 10171, 10311, 10434])
def test_people_who_come_late_open_nothing(seed: int) -> None:
    """Between two tables somebody was added to the records, in a class or in several."""
    assert [] == faults_of_crowd(seed, late=True)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10_000, 10_600))
def test_many_sequences_of_people_and_events_open_nothing(seed: int) -> None:
    """The same over a sweep: 3 in 100 of these opened something between each two tables alone."""
    assert [] == faults_of_crowd(seed)
    assert [] == faults_of_crowd(seed, begin=NEW_YEAR, rules=RULES)
    assert [] == faults_of_crowd(seed, late=True)


@pytest.mark.parametrize("seed", range(80, 100))
def test_counties_and_regions_together_open_nothing(seed: int) -> None:
    """Levels of one table beside tables of one level, and beside one whose counties stayed."""
    assert [] == faults_of_events(seed, ("month", "quarter"), 3, places=PLACES)


@pytest.mark.parametrize("seed", range(100, 112))
def test_people_of_counties_and_regions_are_protected_alike(seed: int) -> None:
    """A person of two counties is one of their region, and adds up to nothing."""
    assert [] == faults_of_people(seed, PLACES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2000, 2100))
def test_many_sequences_of_levels_open_nothing(seed: int) -> None:
    """The same over a sweep of levels."""
    assert [] == faults_of_events(seed, NESTED, 4, places=PLACES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2000, 2100))
def test_many_sequences_of_people_by_levels_open_nothing(seed: int) -> None:
    """The same of people, who come again in another county."""
    assert [] == faults_of_people(seed, PLACES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_many_sequences_open_nothing(seed: int) -> None:
    """The same over a sweep: more tables, more cuts."""
    assert [] == faults_of_events(seed, NESTED, 5)
    assert [] == faults_of_events(seed, ODD, 3)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_many_sequences_of_people_open_nothing(seed: int) -> None:
    """The same of people, who come again."""
    assert [] == faults_of_people(seed)


# --- what it took ---


def a_cut(unit: str, *periods: dt.date, others: tuple[str, ...] = (), **more: object) -> Cut:
    """Return a cut without totals, in which zeros are published."""
    made = Cut(unit, periods, others, (0, 65), (), people=False, zeros="publish")
    return replace(made, **more)  # type: ignore[arg-type]


def events(*days: tuple[int, int], county: str = "c1", age: int = 20) -> list[Event]:
    """Return as many events on each day of the year as are asked for."""
    return [
        Event(1000 * day + at, FIRST + dt.timedelta(day), county, "f", age)
        for day, count in days
        for at in range(count)
    ]


def hidden(one: Counts) -> dict[tuple[str, ...], bool]:
    """Return what is hidden by key."""
    return dict(zip(one.keys, one.hidden.tolist(), strict=True))


def test_a_day_inside_a_month_is_no_secret_beside_it() -> None:
    """Twenty in the month and all but two of them on one day: the two are held back."""
    records = events((3, 18), (9, 2))
    month = a_cut("month", FIRST)
    day = a_cut("day", FIRST + dt.timedelta(3))

    told, _ = released([(month, records), (day, records)])

    assert {("=2026-01-01",): False} == hidden(told[0].counts)
    assert {("=2026-01-04",): True} == hidden(told[1].counts)


def test_overlapping_bands_are_subtracted() -> None:
    """Under 40 less under 18 is a band that nobody published."""
    records = events((3, 20), age=5) + events((4, 2), age=20) + events((5, 30), age=70)
    young = a_cut("month", FIRST, others=("age",), edges=(0, 40))
    minors = a_cut("month", FIRST, others=("age",), edges=(0, 18, 65))

    told, _ = released([(young, records), (minors, records)])

    seen = hidden(told[1].counts)
    assert seen["=2026-01-01", "=18+"]
    assert seen["=2026-01-01", "=0+"]
    assert [] == Attacker(told).narrow()


def test_two_people_tables_have_one_total() -> None:
    """The total that one table holds back is not published by the next."""
    men = [one._replace(sex="m", person=one.person + 9) for one in events((4, 30))]
    records = events((3, 3)) + men
    by_sex = a_cut("month", FIRST, others=("sex",), people=True)
    all_ = a_cut("month", FIRST, people=True)

    told, _ = released([(by_sex, records), (all_, records)])

    assert {("=2026-01-01",): True} == hidden(told[1].counts)


def test_what_nobody_changes_adds_up_unpublished() -> None:
    """Thirteen women and a man in the quarter; by month at most fifteen, since sexes add up."""
    women = [*events((3, 9)), *events((40, 4))]
    man = [Event(9_000_000, FIRST + dt.timedelta(3), "c1", "m", 20)]
    again = [one._replace(day=FIRST + dt.timedelta(40)) for one in women[:2]]
    records = [*women, *man, *again]
    firsts = [dt.date(2026, month, 1) for month in (1, 2, 3)]
    months = a_cut("month", *firsts, people=True)
    sexes = a_cut("quarter", FIRST, others=("sex",), people=True)

    told, _ = released([(months, records), (sexes, records)])

    assert not told[0].counts.hidden.any()
    assert [] == Attacker(told).narrow()
    assert hidden(told[1].counts)["=2026-01-01", "=f"]


def test_who_never_changes_is_subtracted_inside_one_table() -> None:
    """Twenty men in a county and 21 people in the month: all women are one, wherever she was."""
    men = [Event(n, FIRST, "c1", "m", 20) for n in range(20)]
    again = [one._replace(county="c2") for one in men[:15]]
    woman = [Event(99, FIRST, county, "f", 20) for county in ("c1", "c2")]
    cut = a_cut("month", FIRST, others=("county", "sex"), people=True, margins=((),))

    told, _ = released([(cut, [*men, *again, *woman])])

    assert sum(hidden(told[0].counts).values()) > 2
    assert [] == CrowdAttacker(told).narrow()


@pytest.mark.parametrize("seed", [10_116, 10_235, 10_314, 10_331, 10_427])
def test_what_two_tables_each_say_is_not_all_that_they_say(seed: int) -> None:
    """People and events by county, sex or age: each of these opened a person or two."""
    assert [] == faults_of_crowd(seed)


@pytest.mark.parametrize(("others", "expected"), [(6, True), (20, False)])
def test_a_total_that_may_be_hidden_bounds_nothing(others: int, expected: bool) -> None:  # noqa: FBT001
    """Three counties of eleven leave each other too little room, and all the more without it."""
    records = [*events((3, 3)), *events((4, 2), county="c2"), *events((5, others), county="c3")]
    cut = a_cut("month", FIRST, others=("county",), margins=((),), min_cell=6, width=9)

    told, refused = released([(cut, records)])

    assert [] == refused
    assert expected == hidden(told[0].counts)["=2026-01-01", "*"]


@pytest.mark.parametrize("own", [3, 4])
def test_each_table_keeps_its_own_interval(own: int) -> None:
    """A narrow interval that was promised before does not refuse what asks for a wide one."""
    records = [*events((3, 2)), *events((4, 3), county="c2"), *events((5, 30), county="c3")]
    first = a_cut("month", FIRST, others=("county",), min_cell=own + 2, width=own)
    later = a_cut("quarter", FIRST, others=("county",), min_cell=11, width=9)

    told, refused = released([(first, records), (later, records)])

    assert ([], 2) == (refused, len(told))
    assert [] == Attacker(told).narrow()


@pytest.mark.parametrize(("promised", "expected"), [(0, False), (8, True)])
def test_what_another_agreement_promised_is_kept(promised: int, expected: bool) -> None:  # noqa: FBT001
    """Two cells of two and three are hidden; their sum leaves them all that a threshold does.

    It bounds both more than another agreement said, so under that one it is held back.
    """
    records = [*events((3, 2)), *events((4, 3), county="c2"), *events((5, 30), county="c3")]
    county = a_cut("month", FIRST, others=("county",))
    [first], _ = released([(county, records)])
    kept = replace(first.counts, width=promised)
    new = table_of(a_cut("month", FIRST), records)

    asked = Asked(MIN_CELL, WIDTH)
    found = protected(new, [kept], asked, np.ones(1, np.int64), Limits())

    assert [expected] == found.tolist()


def test_a_published_nothing_empties_what_it_is_made_of() -> None:
    """Hidden zeros of a county are told by a zero of the month: such a month does not leave."""
    hides = a_cut("month", FIRST, others=("county",), zeros="suppress")
    tells = a_cut("month", FIRST)

    told, refused = released([(hides, []), (tells, [])])

    assert (1, ["infeasible"]) == (len(told), refused)


def test_only_tables_that_can_tell_something_are_judged_with_a_new_one() -> None:
    """Months that no quarter joins are no part of the problem; those that one joins are."""
    february, march, april = dt.date(2026, 2, 1), dt.date(2026, 3, 1), dt.date(2026, 4, 1)
    cuts = [a_cut("month", day) for day in (FIRST, february, april)]
    january, second, fourth = [table_of(cut, []) for cut in cuts]
    new = table_of(a_cut("month", march), [])
    quarter = table_of(a_cut("quarter", FIRST), [])

    assert [] == related(new, [january, second, fourth])
    assert [january, second, quarter] == related(new, [january, second, fourth, quarter])


# --- levels ---

CODES = Part("drug", "pass", codes=(("=a", ("a",)), ("=b", ("b",))), rest=MASKED, plain=True)
CLASSES = Part("drug", "map", codes=(("=ab", ("a", "b")), ("=c", ("c",))), rest="=other")
OPEN = Part("drug", "open", plain=True)


@pytest.mark.parametrize(
    ("one", "level", "other", "around", "expected"),
    [
        (CODES, "=a", CLASSES, "=ab", (True, True)),
        (CODES, "=a", CLASSES, "=c", (False, False)),
        (CODES, "=a", CLASSES, "=other", (False, False)),
        (CODES, MASKED, CLASSES, "=c", (True, False)),
        (CLASSES, "=c", CODES, MASKED, (True, True)),
        (CLASSES, "=other", CODES, MASKED, (True, True)),
        (CLASSES, "=ab", CODES, MASKED, (False, False)),
        (OPEN, "=c", CLASSES, "=c", (True, True)),
        (OPEN, "=z", CLASSES, "=other", (True, True)),
        (CODES, "~missing", CLASSES, "~missing", (True, True)),
        (CODES, "~missing", CLASSES, "=other", (False, False)),
    ],
)
def test_levels_of_two_cuts_meet_by_what_they_stand_for(
    one: Part, level: str, other: Part, around: str, expected: tuple[bool, bool]
) -> None:
    """A code meets the class that it is mapped to, and the class of all the rest takes the rest."""
    assert one.beside(other)
    here, there = regions(one, [level], other)[level], regions(other, [around], one)[around]

    assert expected == (meet(here, there), inside(here, there))


def test_spans_that_touch_do_not_meet() -> None:
    """A period ends where the next begins."""
    assert not meet(Span(0, 7), Span(7, 14))
    assert meet(Span(0, 8), Span(7, 14))
    assert not inside(Span(0, 8), Span(0, 7))
    assert meet(Codes(named=False, codes=frozenset("a")), Codes(named=False, codes=frozenset("b")))
