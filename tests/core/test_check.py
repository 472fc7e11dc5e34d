"""The last look trusts nothing: what the plan cannot make does not leave, by rows or in columns."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from gateway.decide import Grant, Standing, decide
from gateway.errors import Reason, ReleaseError
from gateway.masks.base import Mask
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.lists import CountList
from gateway.masks.numbers import Band, Clip
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.tables import Map, RareToOther
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit
from gateway.plan import lower
from gateway.plan.build import Builder
from gateway.plan.check import BatchCheck, RowCheck
from gateway.plan.distinct import Few
from gateway.values import FieldType
from tests.build import (
    NOW,
    TABLES,
    a_dataset,
    a_field,
    a_provision,
    a_request,
    an_agreement,
    pseudonym_key,
    the_agreements,
)
from tests.core.worlds import HELPERS, LISTED, MAPS

if TYPE_CHECKING:
    from gateway.plan.ops import Plan

T = FieldType
HMAC = Pseudonym(Method.HMAC, Scope.PROVISION, "never")


def a_plan(mask: Mask, kind: FieldType, **shape: Any) -> Plan:  # noqa: ANN401
    """Return the plan of one field."""
    dataset = a_dataset(
        [a_field("f", kind, **shape), *HELPERS],
        unit="person",
        person="person",
        event_date="day",
        subjects=(),
        maps=MAPS,
    )
    agreements = the_agreements(
        an_agreement(a_provision({"f": mask})), dataset=dataset, codes=LISTED
    )
    grant = decide(agreements, a_request("f"), Standing(), NOW)
    assert isinstance(grant, Grant)
    return Builder(TABLES, pseudonym_key).build(agreements, grant)


CASES: list[tuple[Mask, FieldType, dict[str, Any], Any, Any]] = [
    (Redact(), T.STRING, {}, None, "Synthetic Person"),
    (Constant("k"), T.STRING, {}, "k", "Synthetic Person"),
    (Band(width=10, topcode=90), T.INTEGER, {}, "30-39", "37"),
    (Zip3("zip3@2020"), T.STRING, {}, "019", "036"),
    (Zip3("zip3@2020"), T.STRING, {}, "000", "01901"),
    (GeoArea(Area.STATE), T.STRING, {}, "05", "05091"),
    (HMAC, T.STRING, {}, "a" * 64, "P-1"),
    (HMAC, T.STRING, {}, "0" * 64, "0" * 63),
    (Map("closed"), T.CODE, {}, "x", "a"),
    (RareToOther("frozen"), T.CODE, {}, "a", "zz"),
    (Partial(2, 3), T.STRING, {}, "***ab", "PCR12"),
    (Partial(2, 3), T.STRING, {}, "***ab", "***abc"),
    (Pass(), T.CODE, {"codes": "abc"}, "a", "c"),
    (Truncate(Unit.MONTH), T.DATE, {}, dt.date(2026, 5, 1), None),
]


@pytest.mark.parametrize(("mask", "kind", "shape", "good", "bad"), CASES)
def test_a_value_that_the_mask_cannot_give_does_not_leave(
    mask: Mask,
    kind: FieldType,
    shape: dict[str, Any],
    good: Any,  # noqa: ANN401
    bad: Any,  # noqa: ANN401
) -> None:
    """An original that slipped past its mask is seen, in a row, among few values, in a column."""
    plan = a_plan(mask, kind, **shape)
    bad = dt.date(2026, 5, 2) if bad is None else bad
    absent: tuple[Any, ...] = (None,) * (len(plan.columns) - 1)
    frame = pl.DataFrame(schema={})

    def few(value: Any) -> dict[str, Few]:  # noqa: ANN401
        return {"f": Few((value,), (None,), pa.array([0, 0], pa.int32()))}

    assert 1 == RowCheck(plan).check(plan, [(good, *absent)], ()).row_count
    assert 2 == BatchCheck(plan).check(plan, frame, few(good), 2, ()).row_count
    with pytest.raises(ReleaseError, match="`f` holds what the plan cannot make"):
        RowCheck(plan).check(plan, [(bad, *absent)], ())
    with pytest.raises(ReleaseError, match="`f` holds what the plan cannot make"):
        BatchCheck(plan).check(plan, frame, few(bad), 2, ())


@pytest.mark.parametrize(("mask", "kind", "shape", "good", "bad"), CASES[:-1])
def test_a_column_that_the_mask_cannot_give_does_not_leave(
    mask: Mask,
    kind: FieldType,
    shape: dict[str, Any],
    good: Any,  # noqa: ANN401
    bad: Any,  # noqa: ANN401
) -> None:
    """A column of text where a closed set is expected, or of another form, is an error."""
    plan = a_plan(mask, kind, **shape)
    [one] = plan.masks

    def frame(value: Any) -> pl.DataFrame:  # noqa: ANN401
        made = {"f": pl.Series([value], dtype=pl.String)}
        if one.why:
            made["f.why"] = pl.Series([None], dtype=lower.WHY_TYPE)
        return pl.DataFrame(made)

    typed = frame(good).with_columns(pl.col("f").cast(lower.dtype_of(one)))

    look = BatchCheck(plan)
    assert 1 == look.check(plan, typed, {}, 1, ()).row_count
    with pytest.raises(ReleaseError) as raised:
        look.check(plan, frame(bad), {}, 1, ())
    assert Reason.RELEASE_CHECK_FAILED is raised.value.reason


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (T.INTEGER, 1.5),
        (T.INTEGER, True),
        (T.INTEGER, "1"),
        (T.NUMBER, float("nan")),
        (T.NUMBER, float("inf")),
        (T.NUMBER, "1"),
        (T.BOOLEAN, 1),
        (T.DATE, dt.datetime(2026, 5, 1, tzinfo=dt.UTC)),
        (T.TIMESTAMP, dt.date(2026, 5, 1)),
        (T.STRING, 1),
        (T.LIST, ("a",)),
    ],
)
def test_a_value_of_another_type_does_not_leave(kind: FieldType, bad: Any) -> None:  # noqa: ANN401
    """True is no integer, an instant no date, NaN no number."""
    plan = a_plan(Pass(), kind)

    with pytest.raises(ReleaseError):
        RowCheck(plan).check(plan, [(bad, *(None,) * (len(plan.columns) - 1))], ())


@pytest.mark.parametrize("why", ["suppressed", "secret", 1])
def test_a_marker_is_one_that_the_mask_can_give(why: Any) -> None:  # noqa: ANN401
    """A record is never `suppressed`, and no other word stands for why."""
    plan = a_plan(Pass(), T.STRING)
    assert RowCheck(plan).check(plan, [(None, "masked")], ()).row_count

    with pytest.raises(ReleaseError, match=r"`f\.why` holds what the plan cannot make"):
        RowCheck(plan).check(plan, [(None, why)], ())


def test_a_row_of_other_width_does_not_leave() -> None:
    """One value too many, or too few, is no row of the plan."""
    plan = a_plan(Pass(), T.STRING)
    for row in [("x",), ("x", None, "more")]:
        with pytest.raises(ReleaseError):
            RowCheck(plan).check(plan, [row], ())


def test_columns_are_as_long_as_their_batch() -> None:
    """A column of another length would move values to other rows."""
    plan = a_plan(Pass(), T.STRING)
    few = {"f": Few(("x",), (None,), pa.array([0, 0], pa.int32()))}

    with pytest.raises(ReleaseError, match="not as long as the batch"):
        BatchCheck(plan).check(plan, pl.DataFrame(schema={}), few, 3, ())


@pytest.mark.parametrize(
    ("mask", "kind", "good", "bad"),
    [
        (Clip(0, 40), T.INTEGER, [0, 40, None], [0, 41, None]),
        (Clip(0, 40), T.INTEGER, [0, 40, None], [0, -1, None]),
        (Clip(0, 40), T.NUMBER, [0.0, 40.0, None], [0.0, 40.5, None]),
        (CountList(), T.LIST, [0, 3, None], [0, -1, None]),
    ],
)
def test_a_number_that_the_mask_cannot_give_does_not_leave(
    mask: Mask, kind: FieldType, good: list[Any], bad: list[Any]
) -> None:
    """A number outside the range, in a row and in a column."""
    plan = a_plan(mask, kind)
    [one] = plan.masks

    def frame(values: list[Any]) -> pl.DataFrame:
        made = pl.DataFrame({"f": pl.Series(values, dtype=lower.dtype_of(one))})
        why = pl.Series([None] * len(values), dtype=lower.WHY_TYPE)
        return made.with_columns(why.alias("f.why")) if one.why else made

    def rows(values: list[Any]) -> list[tuple[Any, ...]]:
        return [(value, *(None,) * (len(plan.columns) - 1)) for value in values]

    assert 3 == BatchCheck(plan).check(plan, frame(good), {}, 3, ()).row_count
    assert 3 == RowCheck(plan).check(plan, rows(good), ()).row_count
    with pytest.raises(ReleaseError, match="`f` holds what the plan cannot make"):
        BatchCheck(plan).check(plan, frame(bad), {}, 3, ())
    with pytest.raises(ReleaseError, match="`f` holds what the plan cannot make"):
        RowCheck(plan).check(plan, rows(bad), ())


class Unknown(Mask):
    """A mask that nobody carries out."""

    name = "unknown"


def test_a_mask_without_a_lowering_is_an_error() -> None:
    """What this version does not build is never passed over."""
    [one] = a_plan(Pass(), T.DATE).masks
    unbuilt = dataclasses.replace(one, mask=Unknown())

    with pytest.raises(NotImplementedError, match="unknown"):
        lower.expression(unbuilt)
    with pytest.raises(NotImplementedError, match="unknown"):
        unbuilt.mask.reader(unbuilt.inputs)
