"""What lets a table tell more is used with the floor's leave only."""

from __future__ import annotations

import pytest

from gateway.agreement import parse
from gateway.agreement.aggregate import PERMITS
from gateway.agreement.finding import Level
from gateway.agreement.yaml import read
from tests.agreement.county import AGREEMENT, FLOOR, NOW, TABLES, linted

RULE = "option-without-leave"
TABLE = "colluding: all, history: P5Y"


def permitting(words: str) -> str:
    """Return the floor with a list of what it permits."""
    return f"{FLOOR}permits: {words}\n"


def using(option: str) -> str:
    """Return the agreement whose table uses an option."""
    assert TABLE in AGREEMENT
    return AGREEMENT.replace(TABLE, f"{option}, history: P5Y", 1)


def refused(agreement: str, floor: str = FLOOR) -> list[str]:
    """Return what the rule says, which is always an error."""
    found = [one for one in linted(NOW, TABLES, county=agreement, _floor=floor) if one.rule == RULE]
    assert {Level.ERROR} >= {one.level for one in found}
    return [one.message for one in found]


NOISE = '{mechanism: discrete_gaussian, rho: "0.05", bound: 3, budget: "1"}'


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unless", "{denominator: people_admitted, at_least: 500}"),
        ("exempt", "[{period: month, age_band: each, primary_substance: each}]"),
        ("noise", NOISE),
    ],
)
def test_an_option_needs_the_floor_s_leave(key: str, value: str) -> None:
    """To write the key is to use it; another word of the floor is no leave for this one."""
    agreement = using(f"colluding: all, {key}: {value}")

    [said] = refused(agreement)

    assert f"`{key}` is used, and `permits` of `_floor.yaml` does not name it" in said
    assert [] == refused(agreement, permitting(f"[{key}]"))
    assert [said] == refused(agreement, permitting("[colluding, round]"))


def test_fewer_attackers_need_leave_and_all_of_them_do_not() -> None:
    """`colluding: all` is everybody, and takes nothing away."""
    few = using("colluding: [phd]")

    assert [] == refused(AGREEMENT)
    assert 1 == len(refused(few))
    assert [] == refused(few, permitting("[colluding]"))


@pytest.mark.parametrize("words", ["[]", "[noisy]", "[noise, noise]", "all", "{noise: true}"])
def test_a_floor_permits_words_of_a_closed_list(words: str) -> None:
    """Another word, one word twice or no list at all does not load."""
    [*found] = linted(NOW, TABLES, _floor=permitting(words))

    assert found
    assert {Level.ERROR} == {one.level for one in found}


def test_a_floor_that_says_nothing_permits_nothing() -> None:
    """The words are those that the floor names, and none without the key."""
    said = parse.floor(read(permitting("[noise, unless]").encode(), file="_floor.yaml"))
    silent = parse.floor(read(FLOOR.encode(), file="_floor.yaml"))
    none = parse.floor(read(permitting("none").encode(), file="_floor.yaml"))

    assert frozenset({"noise", "unless"}) == said.permits
    assert frozenset() == silent.permits == none.permits
    assert PERMITS >= said.permits


def broken(option: str) -> set[tuple[str, Level]]:
    """Return what is wrong with a group that the floor permits."""
    found = linted(NOW, TABLES, county=using(option), _floor=permitting("[colluding]"))
    return {(one.rule, one.level) for one in found} - {("quasi-identifier-combo", Level.WARNING)}


def test_a_group_is_told_and_holds_its_recipient() -> None:
    """Fewer than everybody is for the officers to weigh; a table's own reader is one of them."""
    narrowed = ("colluding-narrowed", Level.WARNING)

    assert {narrowed} == broken("colluding: [phd]")
    assert {narrowed} == broken("colluding: [phd, police]")
    assert {narrowed, ("colluding-recipient", Level.ERROR)} == broken("colluding: [police]")
    assert {narrowed, ("party-undeclared", Level.ERROR)} == broken("colluding: [phd, nobody]")
    assert set() == broken("colluding: all")


def test_who_colludes_is_all_or_a_list() -> None:
    """Another word says nothing of what to write, so the message does."""
    found = linted(NOW, TABLES, county=using("colluding: none"), _floor=permitting("[colluding]"))

    assert "`colluding` is `all`, or a list of parties, the recipient among them" in {
        one.message for one in found
    }
