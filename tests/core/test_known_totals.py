"""Totals that are public elsewhere: the attacker has them, and the table does not print them."""

from __future__ import annotations

import pytest

from gateway.agreement.aggregate import MeasureRule, Unless
from gateway.errors import RefusedError
from gateway.masks.tables import CountOnly, SumOnly
from tests.build import a_table_provision, an_aggregate
from tests.core.test_parted_tables import (
    ASKED,
    RUNS,
    TOWNS,
    a_house,
    a_provision_of,
    asking,
    rows_of,
    the_other,
)

MONTH = ({"period": "month", "county": "total"},)
KITS = MeasureRule("kits", "sum", "age")
DOMINANCE = {"largest": 2, "percent": 85, "p": 10}


def left(known: tuple[dict[str, str], ...], **towns: tuple[int, int]) -> dict[str, int | None]:
    """Return the runs of each county in May where these totals are public elsewhere."""
    table = an_aggregate(("incident_date", "county"), (RUNS,), unit="run_id", known=known)
    provision = a_table_provision(table, {"run_id": CountOnly()})
    found = a_house(rows_of(**towns), provision).ask(asking(1)).rows()
    assert len(found) == len(TOWNS), "a total that is public elsewhere leaves nowhere here"
    return {row["county"]: row["runs"] for row in found}  # type: ignore[misc]


def test_a_public_total_would_give_the_small_county_away() -> None:
    """Three of the north leave 35 to subtract from 38: one more county is held back."""
    towns = {"north": (0, 3), "south": (0, 20), "west": (0, 15)}

    assert {"north": None, "south": 20, "west": 15} == left((), **towns)
    assert {"north": None, "south": 20, "west": None} == left(MONTH, **towns)


def test_a_public_total_that_tells_all_refuses_the_table() -> None:
    """Where only one county has any, whoever knows the month knows the county."""
    assert {"north": None, "south": 0, "west": 0} == left((), north=(0, 3))
    with pytest.raises(RefusedError, match="no pattern of suppressed cells"):
        left(MONTH, north=(0, 3))


def test_parts_and_rests_of_public_totals_are_known_too() -> None:
    """Of a count under a condition all three numbers of the month are facts."""
    rows = rows_of(north=(3, 40), south=(20, 60), west=(15, 50))

    def fatal(known: tuple[dict[str, str], ...]) -> list[int | None]:
        found = a_house(rows, a_provision_of(known=known)).ask(asking(1)).rows()
        return [row["fatal_runs"] for row in found]  # type: ignore[misc]

    assert 1 == fatal(()).count(None)
    assert 2 == fatal(MONTH).count(None)


def test_sums_are_judged_beside_public_totals() -> None:
    """What the north's few gave would follow from the month's sum as well."""
    table = an_aggregate(
        ("incident_date", "county"), (RUNS, KITS), unit="run_id", known=MONTH, dominance=DOMINANCE
    )
    provision = a_table_provision(table, {"run_id": CountOnly(), "age": SumOnly()})
    rows = rows_of(north=(0, 3), south=(0, 20), west=(0, 15))

    found = a_house(rows, provision).ask(asking(1, fields=(*ASKED, "age"))).rows()

    assert {"north": None, "west": None} == {
        row["county"]: row["kits"] for row in found if row["county"] != "south"
    }


def test_the_record_of_cells_keeps_what_is_public() -> None:
    """A later table of the month alone tells nothing more, and leaves."""
    table = an_aggregate(("incident_date", "county"), (RUNS,), unit="run_id", known=MONTH)
    first = a_table_provision(table, {"run_id": CountOnly()})
    rows = rows_of(north=(0, 3), south=(0, 20), west=(0, 15))
    house = a_house(rows, first, the_other())
    house.ask(asking(1))

    after = house.ask(asking(2, "care.outreach", ("incident_date", "run_id"))).rows()

    assert [38] == [row["runs"] for row in after]


def test_an_officer_reads_what_is_told_all_the_same() -> None:
    """`explain` names the condition, the large whole, exempt cells and public totals."""
    exempt = ({"period": "month", "county": "each"},)
    provision = a_provision_of(known=MONTH, exempt=exempt, unless=Unless("runs", 500))
    rounded = a_provision_of(rounded_to=20)

    said = a_house([], provision).broker.explain(asking(1)).undecided
    other = a_house([], rounded).broker.explain(asking(1))

    assert {
        "table: `fatal_runs` counts where `fatal` is True",
        "table: `fatal_runs` leaves however small where `runs` is 500 or more",
        "table: counts by `period` and `county` alone leave however small",
        "table: judged beside totals by `period`, which are public elsewhere",
    } <= set(said)
    words = "table: every number is rounded to 20 by itself: totals need not add up"
    assert words in other.undecided
    assert other.header is not None
    assert 20 == other.header.rounded_to
