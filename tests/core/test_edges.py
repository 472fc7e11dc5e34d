"""Every mask on every edge of its type: total, and equal by rows, in columns and by the oracle."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from gateway.engine.jobs import ROWS_AT_ONCE
from gateway.masks.ages import Age
from gateway.masks.base import TIMES
from gateway.masks.donut import GeoDonut
from gateway.masks.points import E7, Box
from gateway.masks.shift import DateShift
from gateway.plan.distinct import FEW
from gateway.values import FieldType, Precision
from tests.build import (
    AGENCIES,
    a_dataset,
    a_field,
    a_provision,
    a_request,
    an_agreement,
    the_agreements,
)
from tests.core.test_oracle import plan_of, run, spelled, with_tokens
from tests.core.worlds import HELPERS, LISTED, MAPS, MASKS, POINT_MASKS, POOL, Drawn, many_values
from tests.fakes import MemoryVault
from tests.reference import interpret

if TYPE_CHECKING:
    from gateway.masks.base import Mask
    from gateway.values import Row

BOX = Box(-10 * E7, -95 * E7, 45 * E7, 30 * E7)
ACROSS = Box(-90 * E7, 100 * E7, 90 * E7, -90 * E7)
BESIDE: dict[str, list[Any]] = {
    "time_precision": [*(p.value for p in Precision), "junk", None],
    "age_unit": ["years", "months", "days", "hours", "minutes", "weeks", "junk", None],
    "day": [dt.date(2026, 3, 28), dt.date(2028, 2, 29), dt.date(1, 1, 1), dt.date.max, None],
    "person": ["P-1", " P-2", "UNK", "", None],
}


def shapes(kind: FieldType) -> list[dict[str, Any]]:
    """Return what a field of a type may say of itself beside its type."""
    match kind:
        case FieldType.CODE | FieldType.LIST:
            return [{}, {"codes": "abc"}]
        case FieldType.TIMESTAMP:
            known = ["per_record", *(p.value for p in Precision)]
            return [{}, *({"time_precision": one} for one in known)]
        case FieldType.INTEGER:
            return [{}, {"unit": "see age_unit"}]
        case _:
            return [{}]


def _looks_at(mask: Mask, kind: FieldType, shape: dict[str, Any], name: str) -> bool:
    match name:
        case "time_precision":
            per_record = shape.get("time_precision") == "per_record"
            return per_record or isinstance(mask, Age)
        case "age_unit":
            return "unit" in shape
        case "day":
            return isinstance(mask, Age)
        case _:
            return isinstance(mask, DateShift) and kind in TIMES


def a_world(mask: Mask, kind: FieldType, shape: dict[str, Any]) -> Drawn:
    """Return a world of one field that holds every edge of its type, with everything beside it."""
    dataset = a_dataset(
        [a_field("f", kind, **shape), *HELPERS],
        unit="person", person="person", event_date="day", subjects=(), maps=MAPS,
    )  # fmt: skip
    provision = a_provision({"f": mask})
    agreements = the_agreements(an_agreement(provision), dataset=dataset, codes=LISTED)
    empty: Row = {one.name: None for one in HELPERS}
    names = [name for name in BESIDE if _looks_at(mask, kind, shape, name)]
    others = [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(BESIDE[name] for name in names))
    ]
    rows = [empty | {"f": value} | other for value in [*POOL[kind], None] for other in others]
    return Drawn(agreements, a_request("f"), rows, provision, dataset)


@pytest.mark.parametrize("kind", list(FieldType))
def test_every_mask_is_total_and_the_same_on_each_path(kind: FieldType) -> None:
    """L2 and L6: no value makes a mask raise, and both paths say what the oracle says."""
    for mask in MASKS[kind]:
        for shape in shapes(kind):
            world = a_world(mask, kind, shape)
            _agree(world, world.rows, ROWS_AT_ONCE)
            _agree(world, world.rows + many_values(world.dataset, FEW + 20))
        world = a_world(mask, kind, {})
        _agree(world, world.rows * (1 + ROWS_AT_ONCE // len(world.rows)))


def _agree(world: Drawn, rows: list[Row], batch_rows: int = 8192) -> None:
    plan, vault = plan_of(world), MemoryVault()
    left = spelled(run(plan, rows, batch_rows, vault))
    assert spelled(interpret(with_tokens(plan, vault), rows)) == left, world.provision.release


@pytest.mark.parametrize("mask", POINT_MASKS, ids=lambda one: " ".join(one.note().arguments))
@pytest.mark.parametrize("box", [None, BOX, ACROSS], ids=["no box", "a box", "across 180"])
def test_every_mask_of_points_is_total_and_the_same_on_each_path(
    mask: Mask, box: Box | None
) -> None:
    """Every pair of edges of a coordinate: poles, meridians, swapped axes, what is not finite."""
    fields = [a_field(name, FieldType.NUMBER) for name in ("x_lat", "x_lon")]
    dataset = a_dataset(
        [*fields, *HELPERS], unit="person", person="person", event_date="day", subjects=(), maps={}
    )
    provision = a_provision({one.name: mask for one in fields})
    agencies = [dataclasses.replace(one, box=box) for one in AGENCIES]
    agreements = the_agreements(an_agreement(provision), dataset=dataset, agencies=agencies)
    empty: Row = {one.name: None for one in HELPERS}
    numbers = [*POOL[FieldType.NUMBER], None]
    people = BESIDE["person"]
    rows = [
        empty | {"x_lat": lat, "x_lon": lon, "person": people[n % len(people)]}
        for n, (lat, lon) in enumerate(itertools.product(numbers, numbers))
    ]
    world = Drawn(agreements, a_request("x_lat", "x_lon"), rows, provision, dataset)
    plan = plan_of(world)

    expected = spelled(interpret(plan, rows))

    assert expected == spelled(run(plan, rows, ROWS_AT_ONCE))
    assert expected == spelled(run(plan, rows))
    if box is not ACROSS or isinstance(mask, GeoDonut):
        assert len({one["x_lat"] for one in interpret(plan, rows)}) > 2, "some leave"
