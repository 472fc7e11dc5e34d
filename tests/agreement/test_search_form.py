"""What a search may cost, in the file: words read, and each limit on both sides."""

from __future__ import annotations

import pytest

from gateway.agreement import parse
from gateway.agreement.finding import FindingsError, Level
from gateway.agreement.yaml import read
from tests.agreement.county import AGREEMENT, NOW, TABLES, county, linted

PLACE = "marker: suppressed}"


def using(options: str) -> str:
    """Return the agreement whose table has these options besides."""
    assert PLACE in AGREEMENT
    return AGREEMENT.replace(PLACE, f"marker: suppressed, {options}}}", 1)


def broken(options: str) -> set[tuple[str, Level]]:
    """Return what is wrong with them."""
    found = linted(NOW, TABLES, county=using(options))
    return {(one.rule, one.level) for one in found} - {("quasi-identifier-combo", Level.WARNING)}


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ("cost: count", ""),
        ("cost: value", ""),
        ("cost: log", ""),
        ("cost: none", "wrong-value"),
        ("cost: squares", "wrong-value"),
        ("time_limit: PT1S", ""),
        ("time_limit: PT120S", ""),
        ("time_limit: PT2M", ""),
        ("time_limit: PT121S", "time-limit-long"),
        ("time_limit: P1M", "time-limit-long"),
        ("time_limit: 30", "wrong-value"),
        ("time_limit: PT0S", "wrong-value"),
        ("keep: [{primary_substance: [heroin]}]", "keep-unknown"),
        ("keep: [{primary_substance: [opioids]}]", ""),
        ("keep: [{primary_substance: [total]}]", ""),
        ("keep: [{primary_substance: [opioids, opioids]}]", "wrong-value"),
        ("keep: [{primary_substance: []}]", "missing-key"),
        ("keep: [{primary_substance: opioids}]", "wrong-value"),
        ("keep: [{client_id: [opioids]}]", "keep-unknown"),
        ("keep: [{nothing: [opioids]}]", "keep-unknown"),
        ("keep: [{}]", "missing-key"),
        ("keep: []", "missing-key"),
        ("keep: {primary_substance: [opioids]}", "wrong-value"),
        ('keep: [{admission_date: ["2027-01-01"]}]', ""),
    ],
)
def test_what_a_search_may_cost_is_said_in_known_words(options: str, rule: str) -> None:
    """A word, a duration or a level that nobody knows does not load; the others are clean."""
    assert ({(rule, Level.ERROR)} if rule else set()) == broken(options)


def test_the_words_reach_the_model() -> None:
    """Cost, time and cells to keep are read; without them, the usual ones stand."""
    folder = county().schemas
    text = using("cost: count, time_limit: PT30S, keep: [{primary_substance: [opioids, total]}]")

    made, plain = (
        parse.agreement(read(one.encode(), file="county.yaml"), folder) for one in (text, AGREEMENT)
    )

    rules = [
        one.aggregate.disclosure for a in (made, plain) for one in a.provisions if one.aggregate
    ]
    said, usual = rules[0], rules[-1]
    assert ("count", "PT30S", ((("primary_substance", ("opioids", "total")),),)) == (
        said.cost,
        said.time_limit.text if said.time_limit else "",
        said.keep,
    )
    assert ("log", None, ()) == (usual.cost, usual.time_limit, usual.keep)


def test_unknown_options_are_refused_still() -> None:
    """The language has no other key here."""
    with pytest.raises(FindingsError):
        parse.agreement(read(using("effort: high").encode(), file="county.yaml"), county().schemas)
