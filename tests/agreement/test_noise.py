"""Noise in an agreement: exact amounts, closed levels, people, a budget, and a gateway that can."""

from __future__ import annotations

import pytest

from gateway.agreement import parse
from gateway.agreement.aggregate import NoiseRule
from gateway.agreement.budget import amount_text
from gateway.agreement.finding import Level
from gateway.agreement.lint.noise import NOISE
from gateway.agreement.yaml import read
from tests.agreement.county import AGREEMENT, FLOOR, NOW, TABLES, linted

KEYS = 'mechanism: discrete_gaussian, rho: "0.05", bound: 3, budget: "1.0"'
LEAVE = f"{FLOOR}permits: [noise]\n"
TABLE = "colluding: all, history: P5Y"


def with_noise(keys: str = KEYS, *changes: tuple[str, str]) -> str:
    """Return the agreement whose table has noise."""
    assert AGREEMENT.count(TABLE) == 1
    made = AGREEMENT.replace(TABLE, f"{TABLE}, noise: {{{keys}}}")
    for old, new in changes:
        assert made.count(old) == 1, old
        made = made.replace(old, new)
    return made


def said(agreement: str, *, able: bool = True) -> list[tuple[str, Level]]:
    """Return what is found in an agreement beside what the plain one has."""
    tables = TABLES | {NOISE} if able else TABLES
    plain = {str(one.rule) for one in linted(NOW, tables, _floor=LEAVE)}
    found = linted(NOW, tables, county=agreement, _floor=LEAVE)
    return [(one.rule, one.level) for one in found if one.rule not in plain]


def test_a_table_with_noise_loads() -> None:
    """All keys, a floor that permits it, a gateway that can draw: nothing is found."""
    assert [] == said(with_noise())


def test_amounts_are_exact() -> None:
    """Decimals are read as whole millionths, and written back in their shortest spelling."""
    keys = 'mechanism: discrete_gaussian, rho: "0.000001", bound: 20000, budget: "99.999999"'
    model = parse.agreement(read(with_noise(keys).encode(), file="county.yaml"))
    [table] = [one.aggregate for one in model.provisions if one.aggregate is not None]

    assert NoiseRule("discrete_gaussian", 1, 20_000, 99_999_999) == table.disclosure.noise
    assert ["0.000001", "99.999999", "0.05", "1", "10"] == [
        amount_text(one) for one in (1, 99_999_999, 50_000, 1_000_000, 10_000_000)
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('rho: "0.05"', "rho: 0.05"),
        ('rho: "0.05"', 'rho: "0"'),
        ('rho: "0.05"', 'rho: "0.000000"'),
        ('rho: "0.05"', 'rho: "0.0000001"'),
        ('rho: "0.05"', 'rho: "5e-2"'),
        ('rho: "0.05"', 'rho: "-0.05"'),
        ('rho: "0.05"', 'rho: ".05"'),
        ('rho: "0.05"', 'rho: "00.05"'),
        ('budget: "1.0"', 'budget: "100"'),
        ('budget: "1.0"', 'budget: "1."'),
        ("bound: 3", "bound: 0"),
        ("bound: 3", "bound: 20001"),
        ("bound: 3", 'bound: "3"'),
        ("discrete_gaussian", "laplace"),
        (", bound: 3", ""),
        (', budget: "1.0"', ""),
        ("bound: 3", "bound: 3, seed: 7"),
    ],
)
def test_what_is_not_an_amount_does_not_load(old: str, new: str) -> None:
    """No float, no other spelling, no key more or less, no mechanism that nobody proved."""
    assert old in KEYS
    found = linted(NOW, TABLES | {NOISE}, county=with_noise(KEYS.replace(old, new)), _floor=LEAVE)

    assert {"wrong-value", "missing-key", "unknown-key", "yaml-ambiguous-scalar"} & {
        one.rule for one in found if one.level is Level.ERROR
    }


MEASURES = "measures: {people_admitted: {count_distinct: client_id}}"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("margins: none", "margins: [[admission_date]]", "noise-shape"),
        ("zeros: publish", "zeros: suppress", "noise-shape"),
        ("dominance: none", "dominance: {largest: 2, percent: 85, p: 10}", "noise-shape"),
        (TABLE, f"{TABLE}, coarsen: [month -> quarter]", "noise-shape"),
        (
            MEASURES,
            "measures: {people: {count_distinct: client_id}, same: {count_distinct: client_id}}",
            "noise-shape",
        ),
        (
            MEASURES,
            'measures: {people: {count_distinct: client_id, where: {moud_planned: ["yes"]}}}',
            "noise-shape",
        ),
        ("age_band: {map: teds_age_4}", "age_band: redact", "noise-open"),
        ('rho: "0.05"', 'rho: "1.000001"', "noise-budget"),
    ],
)
def test_what_noise_cannot_keep_its_promise_beside_does_not_load(
    old: str, new: str, rule: str
) -> None:
    """Totals, hidden zeros, sums, a ladder, a second draw of the same count, open levels."""
    found = said(with_noise(KEYS, (old, new)))

    assert (rule, Level.ERROR) in found, found


def test_noise_hides_people_and_so_counts_them() -> None:
    """A count of anything else that one person may be behind is refused."""
    runs = [
        ("unit: client_id", "unit: episode_id"),
        (MEASURES, MEASURES.replace("client", "episode")),
    ]

    assert ("noise-shape", Level.ERROR) in said(with_noise(KEYS, *runs))


@pytest.mark.parametrize(
    ("rho", "budget", "rules"),
    [
        ("1", "1", set()),
        ("1.000001", "1.000001", {("noise-loud", Level.WARNING)}),
        ("0.05", "0.05", set()),
        ("0.05", "0.049999", {("noise-budget", Level.ERROR)}),
    ],
)
def test_a_budget_pays_for_one_release_and_is_not_loud(
    rho: str, budget: str, rules: set[tuple[str, Level]]
) -> None:
    """Both sides of each limit."""
    keys = KEYS.replace('rho: "0.05"', f'rho: "{rho}"').replace('"1.0"', f'"{budget}"')

    assert rules == set(said(with_noise(keys)))


def test_a_gateway_without_the_extra_does_not_load_it() -> None:
    """Not exact numbers in place of noise: an error that names the extra. In CI nobody knows."""
    found = linted(NOW, TABLES, county=with_noise(), _floor=LEAVE)
    [absent] = [one for one in found if one.rule == "noise-absent"]

    assert Level.ERROR is absent.level
    assert "extra `dp`" in absent.message
    assert not [
        one
        for one in linted(NOW, None, county=with_noise(), _floor=LEAVE)
        if one.rule == "noise-absent"
    ]
