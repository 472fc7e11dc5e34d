"""What leaves is told as an officer writes it, and compared cell by cell."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gateway.review.leaving import Fault, differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.testing import Told
    from gateway.review.leaving import Cells

PEOPLE = frozenset({"people"})


def differ(
    expected: Sequence[Told],
    found: Cells,
    measures: frozenset[str] = frozenset(),
    *,
    rest: bool = False,
) -> list[str]:
    """Return how two lists of rows differ, in sentences."""
    return [one.text for one in differences(expected, found, measures, rest=rest)]


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({}, {}),
        ({"age": "90+"}, {"age": "90+"}),
        ({"dose": 4}, {"dose": Decimal("4.0")}),
        ({"dose": "4.5"}, {"dose": Decimal("4.5")}),
        ({"dose": "4.50"}, {"dose": Decimal("4.5")}),
        ({"dose": "100"}, {"dose": Decimal("1E+2")}),
        ({"count": 3}, {"count": 3}),
        ({"fatal": True}, {"fatal": True}),
        ({"drugs": ("a", "b")}, {"drugs": ("a", "b")}),
    ],
)
def test_equal_rows_are_equal(expected: Told, found: dict[str, object]) -> None:
    """However a decimal is written."""
    assert [] == differ([expected], [found])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"age": "90+"}, {"age": "85-<90"}, "`age` leaves as 85-<90, expected 90+"),
        ({"dose": "4.5"}, {"dose": Decimal("4.51")}, "`dose` leaves as 4.51, expected 4.5"),
        ({"dose": "some"}, {"dose": Decimal(4)}, "`dose` leaves as 4, expected some"),
        ({"count": 1}, {"count": True}, "`count` leaves as true, expected 1"),
        ({"count": "3"}, {"count": 3}, "`count` leaves as 3, expected 3"),
        ({"fatal": False}, {"fatal": True}, "`fatal` leaves as true, expected false"),
        ({"drugs": ("b", "a")}, {"drugs": ("a", "b")}, "`drugs` leaves as [a, b], expected [b, a]"),
        ({"age": "90+"}, {"age.why": "masked"}, "`age.why` leaves as masked, expected nothing"),
        ({}, {"age": "90+"}, "`age` leaves as 90+, expected nothing"),
    ],
)
def test_unequal_rows_are_told_by_column(
    expected: Told, found: dict[str, object], said: str
) -> None:
    """What leaves, and what was expected; an absent value is nothing."""
    assert said in differ([expected], [found])  # type: ignore[list-item]


def test_records_stand_in_their_order() -> None:
    """Two records that change places differ; two cells of a table do not."""
    rows: list[Told] = [{"people": 11}, {"people": 12}]

    assert 2 == len(differ(rows, rows[::-1]))
    assert [] == differ(rows, rows[::-1], PEOPLE)


def test_one_cell_twice_is_two_cells() -> None:
    """What is expected once and leaves twice, leaves once too often."""
    assert ["leaves, and should not: people: 11"] == differ(
        [{"people": 11}], [{"people": 11}, {"people": 11}], PEOPLE
    )


def test_the_rest_is_zeros() -> None:
    """Cells that are not listed may be 0, and nothing else; without the word they are listed."""
    found: Cells = [{"month": "a", "people": 11}, {"month": "b", "people": 0}]
    held: Cells = [*found, {"month": "c", "people.why": "suppressed"}]
    listed: list[Told] = [{"month": "a", "people": 11}]

    assert [] == differ(listed, found, PEOPLE, rest=True)
    assert ["leaves, and should not: month: b, people: 0"] == differ(listed, found, PEOPLE)
    assert ["leaves, and should not: month: c, people.why: suppressed"] == differ(
        listed, held, PEOPLE, rest=True
    )


def test_what_should_leave_and_does_not_is_at_its_place() -> None:
    """A caret can be put under the row."""
    expected: list[Told] = [{"people": 11}, {"people": 12}]

    [fault] = differences(expected, [{"people": 11}], PEOPLE, rest=False)

    assert Fault((1,), "should leave, and does not: people: 12") == fault


def test_many_differences_are_cut_short() -> None:
    """Five are told, and how many more there are."""
    rows: list[Told] = [{"people": number} for number in range(9)]

    assert 6 == len(differ(rows, [], PEOPLE))
    assert "and 4 more" == differ(rows, [], PEOPLE)[-1]
