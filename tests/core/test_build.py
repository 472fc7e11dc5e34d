"""Plans: what is kept and for how long, domains of pseudonyms, tables that must be there."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.agreement.spans import rotation
from gateway.decide import Grant, Standing, decide
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.cells import GeoGrid
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.plain import Pass
from gateway.plan.build import PLANS_KEPT, Builder
from gateway.values import FieldType
from tests.build import (
    NOW,
    PHD,
    TABLES,
    a_dataset,
    a_field,
    a_provision,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    pseudonym_key,
    span,
    the_agreements,
)
from tests.core.house import House, records


@pytest.mark.parametrize(
    ("scope", "group", "expected"),
    [
        (Scope.PROVISION, None, "synthetic-mou/P1-runs"),
        (Scope.AGREEMENT, None, "synthetic-mou"),
        (Scope.RECIPIENT, None, f"recipient/{PHD}"),
        (Scope.LINK_GROUP, "study", "link/study"),
    ],
)
def test_a_pseudonym_is_equal_within_its_scope(
    scope: Scope, group: str | None, expected: str
) -> None:
    """The domain that a key is asked for is the scope's, and no two scopes share one."""
    asked: list[tuple[str, str]] = []

    def key(domain: str, period: str) -> tuple[str, bytes]:
        asked.append((domain, period))
        return "k", bytes(32)

    mask = Pseudonym(Method.HMAC, scope, "P1Y", group)
    agreements = the_agreements(an_agreement(a_provision({"run_id": mask})))
    grant = decide(agreements, a_request("run_id"), Standing(), NOW)
    assert isinstance(grant, Grant)

    Builder(TABLES, key).build(agreements, grant)

    assert [(expected, "P1Y-2026")] == asked


def test_a_new_period_is_a_new_key() -> None:
    """A kept plan does not outlive the rotation of its pseudonym."""
    mask = Pseudonym(Method.HMAC, Scope.PROVISION, "P1M")
    agreements = the_agreements(an_agreement(a_provision({"run_id": mask})))
    builder = Builder(TABLES, pseudonym_key)
    keys = []
    for now in (NOW, NOW + dt.timedelta(days=1), dt.datetime(2026, 8, 1, tzinfo=dt.UTC)):
        grant = decide(agreements, a_request("run_id"), Standing(), now)
        assert isinstance(grant, Grant)
        keys.append(builder.build(agreements, grant).masks[0].inputs.key)

    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("text", "before", "after", "same"),
    [
        ("P1Y", (2026, 12, 31), (2027, 1, 1), False),
        ("P1M", (2026, 7, 31), (2026, 8, 1), False),
        ("P1M", (2026, 7, 1), (2026, 7, 31), True),
        ("P7D", (2026, 7, 16), (2026, 7, 22), True),
        ("P7D", (2026, 7, 22), (2026, 7, 23), False),
    ],
)
def test_rotation_follows_the_calendar(
    text: str, before: tuple[int, ...], after: tuple[int, ...], *, same: bool
) -> None:
    """Months and years by the calendar, days by whole periods since 1970."""
    names = [
        rotation(span(text), dt.datetime(*day, tzinfo=dt.UTC))  # type: ignore[misc,arg-type]
        for day in (before, after)
    ]

    assert same == (names[0] == names[1])


def test_what_is_kept_has_an_end() -> None:
    """A caller who asks for fields in every order fills no memory."""
    names = [f"f{number}" for number in range(7)]
    dataset = a_dataset(
        [a_field(name, FieldType.INTEGER) for name in names],
        unit="f0", person=None, event_date=None, subjects=(), maps={},
    )  # fmt: skip
    agreements = the_agreements(
        an_agreement(a_provision(dict.fromkeys(names, Pass()))), dataset=dataset
    )
    builder = Builder(TABLES, pseudonym_key)

    for fields in itertools.islice(itertools.permutations(names), PLANS_KEPT + 10):
        grant = decide(agreements, a_request(*fields), Standing(), NOW)
        assert isinstance(grant, Grant)
        builder.build(agreements, grant)

    assert len(builder._kept) <= PLANS_KEPT  # noqa: SLF001 - the claim is about memory


def test_a_grid_without_its_population_is_no_plan() -> None:
    """Another step's table does not stand in."""
    fields = [a_field("x_lat", FieldType.NUMBER), a_field("x_lon", FieldType.NUMBER)]
    dataset = a_dataset(fields, unit="x_lat", person=None, event_date=None, subjects=(), maps={})
    grid = GeoGrid("0.02", 100)
    agreements = the_agreements(
        an_agreement(a_provision({"x_lat": grid, "x_lon": grid})), dataset=dataset
    )
    house = House(agreements=agreements)

    with pytest.raises(ReleaseError, match=r"step `0\.02`"):
        house.ask(a_request("x_lat"))

    assert [] == house.log.of_kind("intent")


def test_a_measure_that_is_not_built_is_no_plan() -> None:
    """A word of a later version is an error at evaluation too."""
    aggregate = an_aggregate(measures=(MeasureRule("mg_rate", "rate", "naloxone_mg"),))
    house = House(agreements=the_agreements(an_agreement(a_table_provision(aggregate))))

    with pytest.raises(ReleaseError, match="`mg_rate` is not built"):
        house.ask(a_request("incident_date", "county", "naloxone_mg"))


def test_a_table_counts_its_cells_against_the_rows() -> None:
    """A table with more cells than rows are left does not leave."""
    provision = a_table_provision()
    limits = dataclasses.replace(provision.limits, rows_per_request=17)
    agreements = the_agreements(an_agreement(dataclasses.replace(provision, limits=limits)))
    asked = a_request("incident_date", "county", "patient_id")
    house = House(agreements=agreements, rows=records(3, county="atlantis"))

    with pytest.raises(RefusedError) as raised:
        house.ask(asked)

    assert Reason.ROW_LIMIT is raised.value.reason
    assert [] == house.log.of_kind("release")
    assert 15 == len(House(agreements=agreements).ask(asked).rows())
