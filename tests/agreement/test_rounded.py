"""Tables whose counts are rounded: what loads, and what an officer is told where it does not."""

from __future__ import annotations

import pytest

from gateway.agreement import parse
from gateway.agreement.finding import Level
from gateway.agreement.yaml import read
from tests.agreement.county import AGREEMENT, FLOOR, NOW, TABLES, linted

TABLE = "min_cell: 11, min_interval: 9"
LEAVE = f"{FLOOR}permits: [round]\n"


def said(rounding: str, *more: tuple[str, str], floor: str = LEAVE) -> dict[str, str]:
    """Return the errors of the county where its table has these words besides, by rule."""
    text = AGREEMENT
    for old, new in ((TABLE, f"{TABLE}, {rounding}"), *more):
        assert old in text, old
        text = text.replace(old, new, 1)
    found = linted(NOW, TABLES, county=text, _floor=floor)
    return {one.rule: one.message for one in found if one.level is Level.ERROR}


def test_a_table_is_rounded_with_the_floor_s_leave() -> None:
    """Base 20 leaves 0 to 10 for a published zero: as many numbers as the rule of eleven hides."""
    assert {} == said("round: 20")
    assert {"option-without-leave"} == said("round: 20", floor=FLOOR).keys()


@pytest.mark.parametrize("base", ["0", "4", "7", "100", '"20"', "true", "none", "[20]"])
def test_a_base_is_one_of_four(base: str) -> None:
    """Another number, or what is none, does not load."""
    found = said(f"round: {base}")

    assert {"wrong-value"} == found.keys()
    assert "`round` is one of 3, 5, 10, 20" in found["wrong-value"]


@pytest.mark.parametrize(("base", "most"), [(3, 1), (5, 2), (10, 5)])
def test_a_base_leaves_as_much_as_suppression_would(base: int, most: int) -> None:
    """A published zero has to stay as uncertain as `min_interval` asks."""
    found = said(f"round: {base}")

    assert {"round-narrow"} == found.keys()
    assert f"a published 0 is then 0 to {most}, and `min_interval` is 9" in found["round-narrow"]


def test_the_interval_decides_at_both_sides() -> None:
    """Half of the base is just wide enough at ten, and not at eleven."""
    ten = ("min_interval: 9", "min_interval: 10")
    eleven = ("min_interval: 9", "min_interval: 11")

    assert {} == said("round: 20", ten)
    assert {"round-narrow"} == said("round: 20", eleven).keys()


@pytest.mark.parametrize("function", ["sum", "mean"])
def test_only_counts_are_rounded(function: str) -> None:
    """A sum or a mean beside them does not load."""
    measure = ("count_distinct: client_id}", f"count_distinct: client_id}}, x: {{{function}: age}}")

    found = said("round: 20", measure)

    assert "`x` is no count, and `round` is for counts alone" in found["round-counts-only"]


@pytest.mark.parametrize(
    ("key", "text"), [("cost", "count"), ("keep", "[{age_band: [total]}]"), ("time_limit", "PT60S")]
)
def test_what_says_which_cells_are_suppressed_is_not_read(key: str, text: str) -> None:
    """Nothing is chosen, so nothing costs or is kept; the attacker's time may be limited."""
    found = said(f"round: 20, {key}: {text}")

    assert ({"round-exceptions"} if key != "time_limit" else set()) == set(found)


def test_the_base_is_read() -> None:
    """The table has it, and a table without the word has none."""
    text = AGREEMENT.replace(TABLE, f"{TABLE}, round: 20", 1)

    bases = [
        one.aggregate.disclosure.rounded_to
        for agreement in (text, AGREEMENT)
        for one in parse.agreement(read(agreement.encode(), file="county.yaml")).provisions
        if one.aggregate is not None
    ]

    assert [20, 0] == bases
