"""Levels of one dimension that lie in one another: keys, relations, and what they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.disclosure.depths import Tree, coarser, next_finer, patterns, stacked
from gateway.disclosure.linked import Asked, protected
from gateway.disclosure.parts import MASKED, MISSING, Codes, Counts, Part, inside, meet, regions
from gateway.disclosure.table import DisclosureError, Limits, Row
from gateway.disclosure.within import within

SPAIN, PORTUGAL, ICELAND = "=Spain", "=Portugal", "=Iceland"
EU, OTHER, EUROPE = "^union=EU", "^union=none", "^continent=Europe"
LAND = Part(
    "land",
    "geo land",
    codes=((SPAIN, ("es",)), (PORTUGAL, ("pt",)), (ICELAND, ("is",))),
    rest=MASKED,
    parents=(
        (SPAIN, EU),
        (PORTUGAL, EU),
        (ICELAND, OTHER),
        (EU, EUROPE),
        (OTHER, EUROPE),
    ),
)
DAY = Part("day", "truncate month", "month")
MAY = "=2026-05-01"


@pytest.mark.parametrize(
    ("level", "depths"),
    [("*", (0,)), (EUROPE, (1,)), (EU, (2,)), (SPAIN, (3,)), ("~missing", (1, 2, 3))],
)
def test_a_level_stands_at_one_depth_and_the_unknown_at_all(
    level: str, depths: tuple[int, ...]
) -> None:
    """A total is at none, the finest level deepest; what is unknown lies in no coarser level."""
    assert depths == Tree(LAND).depths(level)


def test_a_level_lies_in_one_of_each_depth_above() -> None:
    """Spain is in the union, in Europe, in the total; the unknown is its own and in the total."""
    tree = Tree(LAND)

    assert [EUROPE, EU, SPAIN] == [tree.at(SPAIN, depth) for depth in (1, 2, 3)]
    assert ["*", "*", "~missing"] == [tree.at(SPAIN, 0), tree.at(EU, 0), tree.at("~missing", 1)]


def test_a_level_that_no_table_of_levels_knows_is_an_error() -> None:
    """Where there are coarser levels, a value outside of all of them adds up to nothing."""
    with pytest.raises(DisclosureError, match="lies in none"):
        Tree(LAND).depths("=Atlantis")

    assert (1,) == Tree(Part("land", "pass")).depths("=Atlantis")


def test_a_value_that_is_spelled_like_a_level_is_not_it() -> None:
    """A county named as a region is: keys tell them apart, and so do relations."""
    part = Part("at", "geo", codes=(("=R", ("1",)),), parents=(("=R", "^region=R"),))

    assert {(2,): [("=R",)], (1,): [("^region=R",)]} == patterns([part], [("=R",), ("^region=R",)])


def test_each_level_is_the_sum_of_the_next_finer_and_the_unknown_beside_it() -> None:
    """Europe is EU and none; the total is Europe and the unknown: no relation skips a level."""
    levels = (SPAIN, PORTUGAL, ICELAND, "~missing", EU, OTHER, EUROPE, "*")
    keys = tuple((MAY, level) for level in levels)
    values = np.array([5, 7, 3, 2, 12, 3, 15, 17])
    none = np.zeros(8, np.bool_)
    table = Counts("count", (DAY, LAND), keys, values, none, none, additive=True, floor=1)

    rows = {(row.cells[0], frozenset(row.cells[1:])) for row in within(table, 0)}

    assert {(4, frozenset([0, 1])), (5, frozenset([2])), (6, frozenset([4, 5])),
            (7, frozenset([6, 3]))} == rows  # fmt: skip


def test_people_of_two_lands_are_one_in_their_union() -> None:
    """A union is between its largest land and the sum of them; where it is the sum, that holds."""
    keys = ((MAY, SPAIN), (MAY, PORTUGAL), (MAY, EU), (MAY, ICELAND), (MAY, OTHER))
    values = np.array([5, 7, 9, 3, 3])
    none = np.zeros(5, np.bool_)
    table = Counts("count", (DAY, LAND), keys, values, none, none, additive=False, floor=1)

    found = list(within(table, 0))

    assert Row((0, 1, 2), (1, 1, -1), 0, 2**53) in found
    assert Row((2, 0), (1, -1), 0, 2**53) in found
    assert Row((4, 3), (1, -1)) in found


def test_the_least_step_of_two_dimensions_is_one_level_of_one() -> None:
    """Nothing that follows from two steps has a row of its own."""
    several: dict[tuple[int, ...], None]
    several = dict.fromkeys([(2, 1), (1, 1), (2, 0), (1, 0), (0, 0)])

    assert [(1, 0)] == list(next_finer(several, (0, 0)))
    assert [(1, 1), (2, 0)] == list(next_finer(several, (1, 0)))


def test_a_table_of_one_level_alone_has_nothing_over_its_cells() -> None:
    """Only where cells are over others may more than the small ones be hidden."""
    assert not stacked([LAND], [(SPAIN,), (ICELAND,)])
    assert stacked([LAND], [(SPAIN,), (EU,)])
    assert stacked([LAND], [(SPAIN,), ("*",)])


LANDS = Part("land", "pass", codes=(("=es", ("es",)), ("=fr", ("fr",))), rest=MASKED, plain=True)
UNIONS = Part("land", "map", codes=(("=u", ("es", "pt")), ("=n", ("is",))), rest="=rest")
OPEN = Part(
    "c", "map", codes=(("=a", ("a",)),), rest="=x", parents=(("=a", "^k=k"), ("=x", "^k=k"))
)
CODED = Part("c", "pass", codes=(("=a", ("a",)), ("=b", ("b",))), plain=True)


@pytest.mark.parametrize(
    ("one", "level", "other", "around", "expected"),
    [
        (LAND, EU, UNIONS, "=u", (True, True)),
        (UNIONS, "=u", LAND, EU, (True, True)),
        (LAND, SPAIN, UNIONS, "=u", (True, True)),
        (LAND, OTHER, UNIONS, "=u", (False, False)),
        (LAND, EUROPE, UNIONS, "=u", (True, False)),
        (LANDS, "=es", LAND, EU, (True, True)),
        (LANDS, "=fr", LAND, EU, (False, False)),
        (LAND, EU, LANDS, "=es", (True, False)),
        (LAND, SPAIN, LAND, EU, (True, True)),
        (LAND, ICELAND, LAND, EU, (False, False)),
        (coarser(LAND, "union"), EU, LAND, SPAIN, (True, False)),
        (LAND, PORTUGAL, coarser(LAND, "union"), EU, (True, True)),
        (CODED, "=b", OPEN, "^k=k", (True, True)),
        (CODED, "=a", OPEN, "^k=k", (True, True)),
    ],
)
def test_a_coarser_level_meets_what_its_codes_meet(
    one: Part, level: str, other: Part, around: str, expected: tuple[bool, bool]
) -> None:
    """Levels of two tables are held against each other by the codes that lie in them."""
    assert one.beside(other)
    here, there = regions(one, [level], other)[level], regions(other, [around], one)[around]

    assert expected == (meet(here, there), inside(here, there))


def test_what_no_code_is_left_of_takes_all_the_rest() -> None:
    """The class of a listed code and of all others is everything that has a value."""
    everything = Codes(named=False, codes=frozenset({MISSING}))

    assert everything == regions(OPEN, ["^k=k"], CODED)["^k=k"]


def test_a_table_that_told_no_land_is_cut_by_unions() -> None:
    """Its levels are the unions, with the codes of their lands, and Europe above them."""
    upper = coarser(LAND, "union")

    assert ((EU, ("es", "pt")), (OTHER, ("is",))) == upper.codes
    assert ((EU, EUROPE), (OTHER, EUROPE)) == upper.parents
    assert upper.cut != LAND.cut
    assert 2 == Tree(upper).deepest
    assert () == coarser(LAND, "continent").parents


# --- a county's table, and a region's of another agreement ---


def _table(part: Part, cells: dict[str, int], least: int = 11) -> Counts:
    values = np.array(list(cells.values()), np.int64)
    return Counts(
        "count runs",
        (DAY, part),
        tuple((MAY, level) for level in cells),
        values,
        np.zeros(len(cells), np.bool_),
        (values > 0) & (values < least),
        additive=True,
        floor=1,
    )


def _hidden(table: Counts, earlier: list[Counts]) -> dict[str, bool]:
    found = protected(table, earlier, Asked(11, 9), np.ones(len(table.keys), np.int64), Limits())
    return {level: bool(hides) for (_, level), hides in zip(table.keys, found, strict=True)}


BY_LAND = Part("land", "geo land 2", codes=LAND.codes, rest=MASKED)
BY_UNION = Part("land", "geo union", codes=(("=EU", ("es", "pt")), ("=none", ("is",))), rest=MASKED)


def test_a_union_of_another_table_is_the_sum_of_the_lands() -> None:
    """Spain 20, Portugal 4 held back: a later table's EU would give Portugal away, and stays."""
    lands = _table(BY_LAND, {SPAIN: 20, PORTUGAL: 4, ICELAND: 30})
    lands.hidden[:] = lands.primary

    found = _hidden(_table(BY_UNION, {"=EU": 24, "=none": 30}), [lands])

    assert {"=EU": True, "=none": False} == found


@pytest.mark.parametrize("level", [SPAIN, EU])
def test_levels_of_one_table_are_judged_beside_another_tables(level: str) -> None:
    """After the lands left, the same lands with their unions tell of no land more than before."""
    lands = _table(BY_LAND, {SPAIN: 20, PORTUGAL: 4, ICELAND: 30})
    lands.hidden[:] = lands.primary
    both = _table(LAND, {SPAIN: 20, PORTUGAL: 4, ICELAND: 30, EU: 24, OTHER: 30})

    found = _hidden(both, [lands])

    assert (False, True, False) == (found[SPAIN], found[PORTUGAL], found[OTHER])
    assert (level == EU) == found[level]


def test_a_table_alone_hides_what_a_level_gives_away() -> None:
    """Of a union of two lands one of them small, the other or the union is hidden with it."""
    found = _hidden(_table(LAND, {SPAIN: 20, PORTUGAL: 4, ICELAND: 30, EU: 24, OTHER: 30}), [])

    assert found[PORTUGAL]
    assert found[SPAIN] or found[EU]
