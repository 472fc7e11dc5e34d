"""Levels and ladders as files write them: each rule on both sides."""

from __future__ import annotations

import pytest

from tests.agreement.county import AGREEMENT, NOW, TABLES, linted

OURS = {"level-unknown", "rung-unknown", "wrong-value", "unknown-key", "missing-key"}
TABLE = 'margins: none\n      grid: {period: P1M, anchor: "2027-01-01", lag: P15D, release: once}'
DRUG = "primary_substance: {map: teds_substance_4}"
MARKER = "history: P5Y, marker: suppressed}"
AGES = "age_band: {map: teds_age_4}"


def found(*edits: tuple[str, str]) -> set[str]:
    """Return which of the rules of this file are broken under these edits."""
    text = AGREEMENT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return {one.rule for one in linted(NOW, TABLES, county=text)} & OURS


def levels(text: str) -> tuple[str, str]:
    """Return the edit that writes levels into the table of P5."""
    return TABLE, f"levels: {text}\n      {TABLE}"


def ladder(text: str) -> tuple[str, str]:
    """Return the edit that writes a ladder into the table of P5."""
    return MARKER, f"{MARKER[:-1]}, coarsen: {text}}}"


PASSES = (DRUG, "primary_substance: pass")
WHOLE = levels("{primary_substance: [teds_substance_4]}")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((PASSES, WHOLE), set()),
        ((WHOLE,), {"level-unknown"}),
        ((PASSES, levels("{primary_substance: [substances]}")), {"level-unknown"}),
        ((PASSES, levels("{primary_substance: [total]}")), {"level-unknown"}),
        ((PASSES, levels("{primary_substance: [sex_joined, teds_age_4]}")), set()),
        ((levels("{age_band: [sex_joined]}"),), set()),
        ((levels("{age_band: [teds_age_4]}"),), {"level-unknown"}),
        ((levels("{admission_date: [quarter]}"),), {"level-unknown"}),
        ((levels("{sex: [sex_joined]}"),), {"wrong-value"}),
        ((levels("{age_band: []}"),), {"missing-key"}),
        ((levels("[age_band]"),), {"wrong-value"}),
    ],
)
def test_a_level_is_a_map_that_every_value_lies_in(
    edits: tuple[tuple[str, str], ...], expected: set[str]
) -> None:
    """Every code lies in one class; a map that is unknown, or has no place for one, is refused."""
    assert expected == found(*edits)


@pytest.mark.parametrize(
    ("rungs", "expected"),
    [
        ("[primary_substance -> teds_substance_4]", set()),
        ("[primary_substance -> teds_substance_4, age_band -> total]", {"rung-unknown"}),
        ("[teds_substance_4 -> total]", {"rung-unknown"}),
        ("[primary_substance -> age]", {"rung-unknown"}),
        ("[month -> quarter]", {"rung-unknown"}),
        ("[admission_date -> total]", {"rung-unknown"}),
        ("[]", {"missing-key"}),
    ],
)
def test_a_ladder_that_is_climbed_by_itself_stands_in_the_table(
    rungs: str, expected: set[str]
) -> None:
    """A rung takes the finest level left, or a dimension that a margin does without; no period."""
    given = ladder(f"{{automatic: true, rungs: {rungs}}}")

    assert expected == found(PASSES, WHOLE, given)


def test_a_margin_lets_a_dimension_go() -> None:
    """With the table of drugs alone as a margin, ages can be taken away."""
    margin = ("margins: none", "margins: [[admission_date, primary_substance]]")
    given = ladder("{automatic: true, rungs: [age_band -> total, primary_substance -> total]}")
    enough = ladder("{automatic: true, rungs: [age_band -> total]}")

    assert set() == found(margin, enough)
    assert {"rung-unknown"} == found(margin, given), "nothing would be left"


@pytest.mark.parametrize(
    ("kept", "expected"), [("age_band", set()), ("primary_substance", {"rung-unknown"})]
)
def test_what_is_public_elsewhere_is_forgotten_behind_no_rung(
    kept: str, expected: set[str]
) -> None:
    """Behind a rung that takes drugs away, public totals of each drug would be a fact to nobody."""
    totals = f"[{{period: month, {kept}: each}}]"
    rungs = "[primary_substance -> teds_substance_4]"
    given = f"{MARKER[:-1]}, known: {totals}, coarsen: {{automatic: true, rungs: {rungs}}}}}"

    assert expected == found(PASSES, WHOLE, (MARKER, given))


@pytest.mark.parametrize(
    "text",
    [
        "automatic",
        "{automatic: false, rungs: [month -> quarter]}",
        "{rungs: [month -> quarter]}",
        "{automatic: true}",
        "{automatic: true, rungs: [month to quarter]}",
    ],
)
def test_a_ladder_has_one_spelling(text: str) -> None:
    """A list for people, a mapping with `automatic: true` for the gateway; nothing between."""
    assert found(ladder(text))
