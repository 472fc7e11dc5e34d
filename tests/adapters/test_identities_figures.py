"""Numbers in words and numbers written apart become figures; what is none stays as it was."""

from __future__ import annotations

import pytest

from adapters.identities.figures import figures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("third of May nineteen eighty", "3 of May 1980"),
        ("Thirty-first of December, nineteen ninety nine", "31 of December, 1999"),
        ("May twenty second, two thousand and twelve", "May 22, 2012"),
        ("June the first nineteen oh five", "June 1 1905"),
        ("July thirtieth twenty ten", "July 30 2010"),
        ("tres de mayo de mil novecientos ochenta y dos", "3 de mayo de 1982"),
        ("primero de enero de dos mil", "1 de enero de 2000"),
        ("call five five five, oh one three four", "call 555-0134"),
        ("two one nine oh nine nine nine nine nine", "219-09-9999"),
        ("dos uno cinco cinco cinco cinco cero uno tres cuatro", "215-555-0134"),
        ("5 5 5 / 0 1 3 4", "555/0134"),
        ("(2 1 5) 5 5 5 - 0 1 3 4", "(2 1 5) 555-0134"),
        ("0 5 / 0 3 / 1 9 8 0", "05/03/1980"),
    ],
)
def test_what_is_said_or_spread_becomes_figures(text: str, expected: str) -> None:
    """English and Spanish, with and without hyphens; seven figures or more."""
    assert expected == figures(text)


@pytest.mark.parametrize(
    "text",
    [
        *("BP 120 / 80", "RR 12 14 16 18 20 22 24", "1 2 3 4 5 6", "14 32 and 14 40"),
        *("one two three four five six", "twenty one people", "a second of doubt", "may one ask"),
        *("two then one", "first come first served", "4 mg x 2", "", "third party", "0 . 4 mg"),
    ],
)
def test_rates_doses_times_and_talk_stay_as_they_are(text: str) -> None:
    """Six figures are too few, and a figure of two digits is a number of its own."""
    assert text == figures(text)
