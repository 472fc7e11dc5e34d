"""Every mask on every edge of its type: total, and equal by rows, in columns and by the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.engine import ROWS_AT_ONCE
from gateway.plan.distinct import FEW
from gateway.values import FieldType, Precision
from tests.build import a_dataset, a_field, a_provision, a_request, an_agreement, the_agreements
from tests.core.test_oracle import plan_of, run, spelled
from tests.core.worlds import HELPERS, LISTED, MAPS, MASKS, POOL, Drawn, many_values
from tests.reference import interpret

if TYPE_CHECKING:
    from gateway.masks.base import Mask
    from gateway.values import Row

BESIDE: dict[str, list[Any]] = {
    "time_precision": [*(p.value for p in Precision), "junk", None],
    "age_unit": ["years", "months", "days", "hours", "minutes", "weeks", "junk", None],
    "hidden": [None],
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


def a_world(mask: Mask, kind: FieldType, shape: dict[str, Any]) -> Drawn:
    """Return a world of one field that holds every edge of its type, with everything beside it."""
    dataset = a_dataset(
        [a_field("f", kind, **shape), *HELPERS],
        unit="person", person="person", event_date="day", subjects=(), maps=MAPS,
    )  # fmt: skip
    provision = a_provision({"f": mask})
    agreements = the_agreements(an_agreement(provision), dataset=dataset, codes=LISTED)
    beside = "time_precision" if shape.get("time_precision") == "per_record" else "hidden"
    beside = "age_unit" if "unit" in shape else beside
    empty: Row = {one.name: None for one in HELPERS}
    rows = [
        empty | {"f": value, beside: other}
        for value in [*POOL[kind], None]
        for other in BESIDE[beside]
    ]
    return Drawn(agreements, a_request("f"), rows, provision, dataset)


@pytest.mark.parametrize("kind", list(FieldType))
def test_every_mask_is_total_and_the_same_on_each_path(kind: FieldType) -> None:
    """L2 and L6: no value makes a mask raise, and both paths say what the oracle says."""
    for mask in MASKS[kind]:
        for shape in shapes(kind):
            world = a_world(mask, kind, shape)
            plan = plan_of(world)
            rows = world.rows

            expected = spelled(interpret(plan, rows))

            assert expected == spelled(run(plan, rows, ROWS_AT_ONCE)), (mask, shape)
            rows = rows + many_values(world.dataset, FEW + 20)
            assert spelled(interpret(plan, rows)) == spelled(run(plan, rows)), (mask, shape)
        world = a_world(mask, kind, {})
        few = world.rows * (1 + ROWS_AT_ONCE // len(world.rows))
        plan = plan_of(world)
        assert spelled(interpret(plan, few)) == spelled(run(plan, few)), mask
