"""Counts under a condition, and small counts that are published: what loads, and what is said."""

from __future__ import annotations

import pytest

from gateway.agreement import parse
from gateway.agreement.aggregate import Unless
from gateway.agreement.conditions import FieldCondition
from gateway.agreement.finding import Level
from gateway.agreement.yaml import read
from gateway.values import Operator
from tests.agreement.county import AGREEMENT, FLOOR, NOW, TABLES, linted

LEAVE = f"{FLOOR}permits: [unless, exempt, round]\n"
MEASURE = "people_admitted: {count_distinct: client_id}"
UNDER = '{count_distinct: client_id, where: {moud_planned: ["yes"]}}'
RELEASED = "client_id: count_only}"
TABLE = "min_cell: 11, min_interval: 9"


def text(
    *, under: str = UNDER, rules: str = "", mask: str = "pass", more: tuple[str, str] = ("", "")
) -> str:
    """Return the county whose table counts who is planned to be treated, too."""
    made = AGREEMENT
    for old, new in (
        (MEASURE, f"{MEASURE}, planned: {under}" if under else MEASURE),
        (RELEASED, f"client_id: count_only, moud_planned: {mask}}}" if mask else RELEASED),
        (" moud_planned,", "" if mask else " moud_planned,"),
        (TABLE, f"{TABLE}, {rules}" if rules else TABLE),
        more,
    ):
        assert old in made, old
        made = made.replace(old, new, 1)
    return made


def said(made: str, floor: str = LEAVE) -> dict[str, str]:
    """Return the errors of a county, by rule."""
    found = linted(NOW, TABLES, county=made, _floor=floor)
    return {one.rule: one.message for one in found if one.level is Level.ERROR}


def test_a_count_under_a_condition_loads_and_is_read() -> None:
    """It is the same unit, where a field has one of some values."""
    assert {} == said(text(), FLOOR)

    agreement = parse.agreement(read(text().encode(), file="county.yaml"))
    [table] = [one.aggregate for one in agreement.provisions if one.aggregate]
    wheres = [one.where for one in table.measures]
    assert [None, FieldCondition("moud_planned", Operator.IN, ("yes",))] == wheres


@pytest.mark.parametrize(
    ("under", "mask", "message"),
    [
        (UNDER, "redact", "is not released with `pass`"),
        (UNDER.replace("]", ', "no", "unknown"]'), "pass", "some of the field's values are named"),
        (UNDER.replace('"yes"', "1"), "pass", "a value is none of the field's"),
        (UNDER.replace('"yes"', "true"), "pass", "a value is none of the field's"),
        (UNDER.replace('"yes"', '"maybe"'), "pass", ": yes, no, unknown"),
        (UNDER.replace("moud_planned", "age_band"), "", "is not released with `pass`"),
    ],
)
def test_a_condition_is_one_that_may_be_told(under: str, mask: str, message: str) -> None:
    """The field passes, has a closed list of values, and is cut by nothing else."""
    assert message in said(text(under=under, mask=mask))["where-field"]


@pytest.mark.parametrize(
    ("field", "values"), [("is_part2", "[true]"), ("nowhere", "[true]"), ("prior_episodes", "[1]")]
)
def test_a_field_that_is_withheld_or_open_is_no_condition(field: str, values: str) -> None:
    """What the provision does not release, it does not count by either."""
    under = f"{{count_distinct: client_id, where: {{{field}: {values}}}}}"

    assert "where-field" in said(text(under=under, mask=""))


@pytest.mark.parametrize(
    ("under", "rule"),
    [
        ("{sum: length_of_stay, where: {moud_planned: [true]}}", "unknown-key"),
        ("{where: {moud_planned: [true]}}", "wrong-value"),
        ("{count_distinct: client_id, where: [true]}", "wrong-value"),
        ("{count_distinct: client_id, where: {}}", "missing-key"),
        ("{count_distinct: client_id, where: {moud_planned: []}}", "missing-key"),
        ("{count_distinct: client_id, where: {moud_planned: true}}", "wrong-value"),
        ("{count_distinct: client_id, where: {moud_planned: [true], sex: [f]}}", "wrong-value"),
    ],
)
def test_a_condition_has_one_form(under: str, rule: str) -> None:
    """One field, a list of values, beside a count: everything else does not load."""
    assert rule in said(text(under=under))


def test_a_part_stands_beside_its_whole_and_alone() -> None:
    """Without the plain count, or with a second condition, the table does not load."""
    bare = text(more=(f"{MEASURE}, ", ""))
    two = text(under=f"{UNDER}, unplanned: {UNDER.replace('yes', 'no')}")

    assert "no plain count of `client_id` stands beside `planned`" in said(bare)["where-alone"]
    assert "`unplanned` is a second count under a condition" in said(two)["where-alone"]


RULE = "unless: {denominator: people_admitted, at_least: 500}"


def test_a_large_whole_is_named_with_the_floor_s_leave() -> None:
    """`unless` names the plain count of the same table, and how large is large."""
    assert {} == said(text(rules=RULE))
    assert {"option-without-leave"} == said(text(rules=RULE), FLOOR).keys()

    agreement = parse.agreement(read(text(rules=RULE).encode(), file="county.yaml"))
    [table] = [one.aggregate for one in agreement.provisions if one.aggregate]
    assert Unless("people_admitted", 500) == table.disclosure.unless


@pytest.mark.parametrize(
    ("rules", "under", "message"),
    [
        (RULE.replace("people_admitted", "planned"), UNDER, "'planned' is no plain count"),
        (RULE.replace("people_admitted", "nobody"), UNDER, "'nobody' is no plain count"),
        (RULE, "", "no measure of this table is a count under a condition"),
        (RULE.replace("500", "10"), UNDER, "`at_least` is below `min_cell`"),
    ],
)
def test_a_whole_is_a_count_of_the_table(rules: str, under: str, message: str) -> None:
    """A measure that is not there, or not the whole, exempts nothing: it does not load."""
    found = said(text(rules=rules, under=under, mask="pass" if under else ""))

    assert message in found["unless-denominator"]


@pytest.mark.parametrize("at_least", ["0", "-1", "none", "5.5", '"500"'])
def test_large_is_a_whole_number(at_least: str) -> None:
    """Anything else does not load."""
    assert said(text(rules=RULE.replace("500", at_least)))


EVERY = "exempt: [{period: month, age_band: each, primary_substance: each}]"
MARGIN = ("margins: none", "margins: [[admission_date, age_band]]")


def test_exempt_cells_are_of_a_kind_that_the_table_has() -> None:
    """By the level that each dimension is cut at; what is not named, or `total`, is a total."""
    total = "exempt: [{period: month, age_band: each, primary_substance: total}]"
    short = "exempt: [{period: month, age_band: each}]"

    assert {} == said(text(rules=EVERY))
    assert {"option-without-leave"} == said(text(rules=EVERY), FLOOR).keys()
    assert {} == said(text(rules=total, more=MARGIN)) == said(text(rules=short, more=MARGIN))
    assert (
        "has cells of `admission_date` and `age_band`" in said(text(rules=short))["exempt-unknown"]
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("{period: year, age_band: each, primary_substance: each}", "`period` is `month` or"),
        ("{period: month, age_band: band, primary_substance: each}", "`age_band` is `each` or"),
        ("{admission_date: month}", "'admission_date' is no dimension of the table, nor `period`"),
        ("{period: month, sex: each}", "'sex' is no dimension of the table, nor `period`"),
        ("{period: total}", "neither the table nor a margin has cells of nothing"),
    ],
)
def test_what_is_no_kind_of_cell_does_not_load(kind: str, message: str) -> None:
    """Each word is held against the table."""
    found = linted(NOW, TABLES, county=text(rules=f"exempt: [{kind}]"), _floor=LEAVE)

    assert any(message in one.message for one in found if one.rule == "exempt-unknown")


@pytest.mark.parametrize("key", ["exempt", "known"])
def test_a_wrong_level_is_one_mistake(key: str) -> None:
    """What is said of a kind is not followed by what the kind would be without its mistake."""
    rules = f"{key}: [{{period: year, age_band: each, primary_substance: each}}]"
    found = linted(NOW, TABLES, county=text(rules=rules), _floor=LEAVE)

    [message] = [one.message for one in found if one.rule == f"{key}-unknown"]
    assert "`period` is `month` or `total`, not 'year'" in message


def test_what_is_rounded_exempts_nothing() -> None:
    """Nothing is suppressed there, so nothing is published all the same."""
    found = said(text(rules=f"round: 20, {RULE}"))

    assert "`unless` is not read beside `round`" in found["round-exceptions"]


def test_a_part_is_of_the_dataset_s_unit() -> None:
    """Of whoever is in several records a rest does not add up."""
    found = said(text(more=("unit: client_id", "unit: provider_id")))

    assert "`planned` is a part of no count of `client_id`" in found["where-alone"]


KNOWN = "known: [{period: month, age_band: each}]"


def test_totals_that_are_public_elsewhere_need_no_leave() -> None:
    """They make the attacker stronger, so the floor has no say."""
    assert {} == said(text(rules=KNOWN), FLOOR)


@pytest.mark.parametrize(
    ("rules", "more", "message"),
    [
        (KNOWN, MARGIN, "the table publishes these cells itself"),
        ("known: [{age_band: each}]", ("", ""), "`period` is `total`"),
        ("known: [{period: month, sex: each}]", ("", ""), "'sex' is no dimension of the table"),
        ("known: [{period: year}]", ("", ""), "`period` is `month` or `total`, not 'year'"),
        ("known: [{period: month}, {period: month}]", ("", ""), "the table publishes these"),
    ],
)
def test_what_is_no_total_of_the_table_is_not_known(
    rules: str, more: tuple[str, str], message: str
) -> None:
    """Another kind of cells, one that the table has, or one of no period does not load."""
    found = linted(NOW, TABLES, county=text(rules=rules, more=more), _floor=LEAVE)

    assert any(message in one.message for one in found if one.rule == "known-unknown")
