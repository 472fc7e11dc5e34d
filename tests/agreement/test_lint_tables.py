"""Rules about what tables publish besides counts: each just refused, and just let through."""

from __future__ import annotations

import re

import pytest

from gateway.agreement.canon import bind, bound_canonical
from gateway.agreement.finding import Level
from gateway.agreement.lint.run import check
from gateway.agreement.presets import PRESETS
from tests.agreement.county import AGREEMENT, FLOOR, NOW, ROOT, TABLES, files, linted

BESIDE = "people_admitted: {count_distinct: client_id}"
MARGIN = "margins: [[admission_date, primary_substance]]"
BOTH = (
    "margins: [[admission_date, primary_substance], [admission_date, age_band], [admission_date]]"
)
OVER_AGE = "share: {percent: {of: people_admitted, over: age_band}}"
OVER_SUBSTANCE = "share: {percent: {of: people_admitted, over: primary_substance}}"


def county(*measures: str, margins: str = "margins: none", zeros: str = "zeros: publish") -> str:
    """Return the county with these measures beside the count of its table."""
    assert BESIDE in AGREEMENT
    text = AGREEMENT.replace(BESIDE, ", ".join((BESIDE, *measures)))
    return text.replace("margins: none", margins).replace("zeros: publish", zeros)


def said(text: str, *rules: str, tables: frozenset[str] | None = None) -> list[str]:
    """Return what these rules say of the county; what refuses it besides is said too."""
    known = TABLES | {"population@2020"} if tables is None else tables
    found = linted(NOW, known, county=text)
    return [
        one.message
        for one in found
        if one.rule in rules or (one.level is Level.ERROR and one.rule != "quasi-identifier-combo")
    ]


def rated(by: str = "age_band", population: str = "population@2020", more: str = "") -> str:
    """Return a rate of the county's table."""
    given = f"of: people_admitted, per: 1000, population: {population}, by: {by}{more}"
    return f"per: {{rate: {{{given}}}}}"


# --- percentages ---


@pytest.mark.parametrize(
    ("measure", "margins", "zeros", "words"),
    [
        (OVER_AGE, MARGIN, "publish", ""),
        (OVER_AGE, BOTH, "publish", ""),
        (OVER_AGE, "margins: none", "publish", "declare [admission_date, primary_substance]"),
        (OVER_AGE, "margins: [[admission_date, primary_substance], [admission_date, age_band]]",
         "publish", "declare [admission_date] in `margins`"),
        (OVER_SUBSTANCE, "margins: [[admission_date, age_band]]", "publish",
         "demands `zeros: suppress`"),
        (OVER_SUBSTANCE, "margins: [[admission_date, age_band]]", "suppress", ""),
        ("share: {percent: {of: people_admitted, over: sex}}", MARGIN, "publish",
         "'sex' is no dimension"),
        ("share: {percent: {of: people_admitted, over: admission_date}}", MARGIN, "publish",
         "no total is over periods"),
        ("share: {percent: {of: share, over: age_band}}", MARGIN, "publish", "is no count"),
        ("share: {percent: {of: people, over: age_band}}", MARGIN, "publish", "is no count"),
    ],
)  # fmt: skip
def test_a_percentage_is_of_a_published_total(
    measure: str, margins: str, zeros: str, words: str
) -> None:
    """Its count and every total that a cell is a part of stand in the same table."""
    found = said(county(measure, margins=margins, zeros=f"zeros: {zeros}"), "percent-open")

    assert bool(words) == bool(found), found
    assert all(words in one for one in found)


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("share: {percent: {of: people_admitted}}", "`over` is missing"),
        ("share: {percent: people_admitted}", "is not a mapping"),
        ("share: {percent: {of: people_admitted, over: [age_band]}}", "`over` is not text"),
        ("share: {percentage: people_admitted}", "is no measure: count_distinct"),
        ("per: {rate: {of: people_admitted, per: 0, population: population@2020, by: age_band}}",
         "`per` is not in 1 to"),
        ("per: {rate: {of: people_admitted, per: 10, population: zip3@2020, by: age_band}}",
         "is not of the form"),
        ("per: {rate: {of: people_admitted, per: 10, population: population@1, by: [age_band]}}",
         "a population by year or age too is not built yet"),
        (rated(more=", reliable: 0"), "`reliable` is not in 1 to"),
    ],
)  # fmt: skip
def test_a_derived_measure_is_spelled_out(measure: str, words: str) -> None:
    """Each part is named, and nothing is guessed."""
    assert any(words in one for one in said(county(measure)))


@pytest.mark.parametrize("measure", [OVER_AGE, rated()])
def test_nothing_is_worked_out_of_rounded_counts(measure: str) -> None:
    """A share of two multiples is neither of the counts nor of what was published."""
    found = said(county(measure, margins=MARGIN, zeros="zeros: publish, round: 20"))

    assert any("is no count, and `round` is for counts alone" in one for one in found)


# --- rates ---


@pytest.mark.parametrize(
    ("by", "margins", "words"),
    [
        ("age_band", "none", ""),
        ("sex", "none", "'sex' is no dimension"),
        ("admission_date", "none", "a period is no area"),
        ("primary_substance", "none", "has no cell: the table has no people by `age_band`"),
        ("primary_substance", "[[admission_date, primary_substance]]", ""),
    ],
)
def test_a_rate_has_a_cell_whose_people_are_counted(by: str, margins: str, words: str) -> None:
    """People of an area are counted, and not those of an age in it."""
    found = said(county(rated(by), margins=f"margins: {margins}"), "rate-open")

    assert bool(words) == bool(found), found
    assert all(words in one or "a period" in one or "has no cell" in one for one in found)


@pytest.mark.parametrize(
    ("tables", "refused"), [(TABLES, True), (TABLES | {"population@1"}, False)]
)
def test_a_rate_is_by_a_table_that_the_gateway_has(
    tables: frozenset[str],
    refused: bool,  # noqa: FBT001
) -> None:
    """Where the gateway's tables are known, the named one is among them."""
    found = said(county(rated(population="population@1")), "rate-open", tables=tables)

    assert refused == any("no reference table 'population@1'" in one for one in found)


# --- zeros by definition ---


@pytest.mark.parametrize(
    ("zeros", "words"),
    [
        ("structural, impossible: [{age_band: [12-24], primary_substance: [alcohol]}]", ""),
        ("structural", "`zeros: structural` without `impossible`"),
        ("suppress, impossible: [{age_band: [12-24]}]", "`impossible` beside `zeros: suppress`"),
        ("structural, impossible: [{age_band: [12-14]}]", "'12-14' is no level of `age_band`"),
        ("structural, impossible: [{age_band: [total]}]", "'total' is no level of `age_band`"),
        ("structural, impossible: [{sex: [male]}]", "'sex' is no dimension"),
        ('structural, impossible: [{admission_date: ["2027-01-01"]}]', "by its date"),
        ("structural, impossible: []", "is an empty list"),
        ("structural, impossible: [{age_band: []}]", "is an empty list"),
        ("structural, impossible: [{age_band: [12-24, 12-24]}]", "stands twice"),
        ("structural, round: 20, impossible: [{age_band: [12-24]}]", "beside `round`"),
    ],
)
def test_impossible_cells_are_named_by_levels_that_there_are(zeros: str, words: str) -> None:
    """A dimension of the table, no date, and of it levels that its mask can make."""
    found = said(county(zeros=f"zeros: {zeros}"), "impossible-unsaid", "impossible-unknown")

    assert bool(words) == bool(found), found
    assert not words or any(words in one for one in found), found


def test_levels_that_no_file_lists_are_not_called_impossible() -> None:
    """Of an open list nobody knows at load what is in it."""
    text = county(zeros="zeros: structural, impossible: [{provider_id: [x]}]")
    text = text.replace("primary_substance: {map: teds_substance_4}", "provider_id: pass")
    text = text.replace("age_band, primary_substance]", "age_band, provider_id]")
    text = text.replace("withhold: [provider_id,", "withhold: [primary_substance,")

    assert any("do not list the levels of `provider_id`" in one for one in said(text))


# --- thresholds ---


def threshold(said_: str, interval: int = 9) -> str:
    """Return the county with this threshold."""
    old = "min_cell: 11, min_interval: 9"
    assert old in AGREEMENT
    return AGREEMENT.replace(old, f"min_cell: {said_}, min_interval: {interval}")


def floored(least: int) -> str:
    """Return the floor with this least threshold."""
    assert "min_cell: 11" in FLOOR
    return FLOOR.replace("min_cell: 11", f"min_cell: {least}")


@pytest.mark.parametrize(
    ("word", "floor", "words"),
    [
        ("cms", 11, ""),
        ("pcornet", 11, ""),
        ("cdc_wonder", 11, "`min_cell: cdc_wonder`, 10, is below 11, the floor's least"),
        ("cdc_wonder", 10, ""),
        ("nchs", 10, ""),
        ("nc_detect", 6, "`min_cell: nc_detect`, 5, is below 6"),
        ("nc_detect", 5, ""),
        ("state_6", 6, ""),
        ("state_5", 5, ""),
        ("state_3", 3, ""),
        ("state_3", 4, "`min_cell: state_3`, 3, is below 4"),
        ("10", 11, "`min_cell` is below 11, the floor's least"),
        ("10", 10, ""),
        ("nc_detct", 3, "did you mean `nc_detect`"),
        ('"11"', 11, "`min_cell` is a number here: write it without quotes"),
    ],
)
def test_the_floor_decides_how_small_a_count_may_be(word: str, floor: int, words: str) -> None:
    """By number or by name: below the floor's least nothing loads, from it on it does."""
    found = linted(NOW, TABLES, county=threshold(word), _floor=floored(floor))
    refusing = [one.message for one in found if one.level is Level.ERROR]

    assert bool(words) == bool(refusing), refusing
    assert all(words in one for one in refusing)


@pytest.mark.parametrize(("least", "warned"), [(11, False), (10, True), (3, True)])
def test_a_floor_below_eleven_is_warned_of(least: int, warned: bool) -> None:  # noqa: FBT001
    """It may be the county's decision, and is no slip of the pen."""
    found = linted(NOW, TABLES, _floor=floored(least))

    levels = {one.level for one in found if one.rule == "floor-cell-low"}
    assert ({Level.WARNING} if warned else set()) == levels


def test_a_name_binds_its_number() -> None:
    """What the parties sign holds the word, and what it stood for when they signed."""
    named, plain = bound(threshold("cms")), bound(AGREEMENT)

    assert b'"min_cell":"cms"' in named
    assert b'"presets":{"cms":11}' in named
    assert b"presets" not in plain


def bound(text: str) -> bytes:
    """Return the canonical bytes that the county's agreement is signed by."""
    folder, _ = check(files(county=text), NOW, tables=TABLES)
    assert folder is not None
    [read] = folder.agreements
    made = bind(
        read.model,
        registry=folder.registry.model,
        purposes=folder.purposes.model,
        datasets=folder.schemas,
        codes=folder.codes.model,
        notices=folder.notices,
    )
    return bound_canonical(read.document.value, made)


def test_the_page_lists_every_name() -> None:
    """Officers find each name with its number and its source."""
    page = (ROOT.parent / "docs" / "disclosure.md").read_text(encoding="utf-8")
    listed: dict[str, int] = {}
    for names, least in re.findall(r"^\| (`[a-z0-9_`, ]+`) \| ([0-9, ]+) \|", page, re.MULTILINE):
        listed |= dict(zip(re.findall(r"\w+", names), map(int, least.split(",")), strict=True))

    assert dict(PRESETS) == listed
