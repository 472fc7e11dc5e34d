"""The last look at a table with noise: the plan's cells, whole numbers, nothing else."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreement.aggregate import MeasureRule
from gateway.decide import Grant, Standing, decide
from gateway.errors import ReleaseError
from gateway.plan.build import Builder
from gateway.plan.check import check_noised, check_table
from gateway.plan.lower import Program, row_filter
from gateway.plan.noised import NoisedCells, with_numbers
from gateway.plan.product import product
from gateway.values import Operator
from tests.build import TABLES, a_condition, an_agreement, pseudonym_key, the_agreements
from tests.core.test_noise import APRIL, MAY, asking, exact, noised, people
from tests.fakes import NOW
from tests.reference import masked, stays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.model import Provision
    from gateway.plan.ops import Plan
    from gateway.values import Row


def a_plan(provision: Provision | None = None, *months: dt.date) -> Plan:
    """Return the plan of a table with noise."""
    agreements = the_agreements(an_agreement(provision or noised()))
    grant = decide(agreements, asking(1, *months), Standing(), NOW)
    assert isinstance(grant, Grant)
    return Builder(TABLES, pseudonym_key).build(agreements, grant)


def a_table(plan: Plan) -> pl.DataFrame:
    """Return a table as the engine gives it to the check."""
    assert plan.group is not None
    cells = product(plan, plan.group.periods)
    return with_numbers(plan, cells, list(range(-2, cells.height - 2)))


def test_every_cell_with_a_whole_number_leaves() -> None:
    """Negative ones too; in whatever order; and nothing is said to be held back."""
    plan = a_plan()

    release = check_noised(plan, a_table(plan).reverse())

    assert (5, 0) == (release.row_count, release.suppressed)
    assert {-2, -1, 0, 1, 2} == set(release.batch.column("people").to_pylist())


BROKEN = {
    "a cell is missing": lambda table: table.head(-1),
    "a cell stands twice": lambda table: pl.concat([table, table.head(1)]),
    "another cell in its place": lambda table: pl.concat([table.head(-1), table.head(1)]),
    "no number": lambda table: table.with_columns(people=pl.lit(None, pl.Int64)),
    "a number with decimals": lambda table: table.with_columns(pl.col("people").cast(pl.Float64)),
    "another column": lambda table: table.with_columns(true=pl.lit(3)),
    "a column less": lambda table: table.drop("county.why"),
    "another order": lambda table: table.select(*reversed(table.columns)),
    "another period": lambda table: table.with_columns(incident_date=pl.lit(APRIL)),
}


@pytest.mark.parametrize("how", BROKEN)
def test_anything_else_does_not(how: str) -> None:
    """One way to break a table, one error; the table as it was is none."""
    plan = a_plan()

    with pytest.raises(ReleaseError):
        check_noised(plan, BROKEN[how](a_table(plan)))


def test_a_plan_with_noise_lets_no_exact_table_through() -> None:
    """And one without it no noise: neither check stands in for the other."""
    plan, other = a_plan(), a_plan(exact("public_health.surveillance"))

    with pytest.raises(ReleaseError, match="with noise"):
        check_table(plan, a_table(plan), b"")
    with pytest.raises(ReleaseError, match="without it"):
        check_noised(other, a_table(plan))


@pytest.mark.parametrize("wrong", ["margins", "measures", "a condition"])
def test_more_than_one_count_of_everybody_does_not_leave(wrong: str) -> None:
    """Lint refuses them; a plan that has them all the same is refused here."""
    plan = a_plan()
    group = plan.group
    assert group is not None
    [one] = group.measures
    some = dataclasses.replace(one, where=a_condition("county", Operator.EQ, "north"))
    group = {
        "margins": dataclasses.replace(group, margins=(("incident_date",),)),
        "measures": dataclasses.replace(group, measures=(one, one)),
        "a condition": dataclasses.replace(group, measures=(some,)),
    }[wrong]

    with pytest.raises(ReleaseError, match="totals, or over several"):
        check_noised(dataclasses.replace(plan, group=group), a_table(plan))


def test_a_sum_has_no_noise() -> None:
    """A plan with noise over a sum is refused."""
    made = noised()
    table = made.aggregate
    assert table is not None
    sums = dataclasses.replace(table, measures=(MeasureRule("mg", "sum", "patient_id"),))
    plan = a_plan(dataclasses.replace(made, aggregate=sums))

    with pytest.raises(ReleaseError, match="totals, or over several"):
        check_noised(plan, a_table(a_plan()))


# --- counting, against the slow and obvious ---


def by_hand(plan: Plan, rows: Sequence[Row], bound: int) -> Counter[tuple[str, ...]]:
    """Return how many people are counted in each cell: each in those of the least SHA-256."""
    assert plan.group is not None
    cells: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in rows:
        who = str(row["patient_id"] or "").strip()
        if not who or not stays(plan.where, row):
            continue
        key = []
        for one in plan.masks:
            value, why = masked(one, row[one.name], row.get(one.beside or ""))
            key.append(f"={value}" if why is None else f"~{why}")
        if key[0] in {f"={period}" for period in plan.group.periods}:
            cells[who].add(tuple(key))
    counts: Counter[tuple[str, ...]] = Counter()
    for who, touched in cells.items():
        order = sorted(
            touched, key=lambda key: sha256("\x1f".join((who, *key)).encode()).hexdigest()
        )
        counts.update(order[:bound])
    return counts


A_ROW = st.fixed_dictionaries(
    {
        "patient_id": st.sampled_from(["P-1", "P-2", " P-1", "P-3", None, ""]),
        "incident_date": st.sampled_from([APRIL, MAY, dt.date(2026, 5, 31), dt.date(2026, 6, 1)]),
        "county": st.sampled_from(["north", "south", "west", "nowhere", None]),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(A_ROW, max_size=40),
    bound=st.integers(1, 4),
    cut=st.integers(0, 40),
)
def test_counts_are_those_of_the_interpreter(rows: list[Row], bound: int, cut: int) -> None:
    """Whatever the rows, the bound, and where batches end."""
    plan = a_plan(noised(bound=bound), APRIL, MAY)
    whole = [people(1)[0] | row for row in rows]
    assert plan.group is not None
    counting, program = NoisedCells(plan, plan.group.periods), Program(plan)
    schema = {"incident_date": pl.Date, "county": pl.String, "patient_id": pl.String}
    for batch in (whole[:cut], whole[cut:]):
        frame = pl.DataFrame([{n: row[n] for n in schema} for row in batch], schema=schema)
        keep = row_filter(plan.where)
        frame = frame if keep is None else frame.filter(keep)
        counting.add(program.mask(frame, counting.keep))

    keys, counts = counting.counted()

    expected = by_hand(plan, whole, bound)
    assert expected == Counter({key: n for key, n in zip(keys, counts, strict=True) if n})
    assert 2 * 5 == len(keys) == len(set(keys))
