"""Percentages and rates as the specification says them, from a table as it was published."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gateway.plan.figures import PercentNode, RateNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.plan.ops import Group, Plan

Cell = dict[str, Any]


def worked_out(plan: Plan, cells: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """Return published cells with their percentages and rates, worked out anew."""
    group, suppress = plan.group, plan.suppress
    assert group is not None
    assert suppress is not None
    made = []
    for cell in cells:
        more = dict(cell)
        for one in group.derived:
            value: float | None
            if isinstance(one, PercentNode):
                value, why = _percent(group, one, cell, cells, suppress.min_cell)
            else:
                value, why = _rate(one, cell)
            more[one.name] = value
            more[one.name + ".why"] = suppress.marker if why == "held" else why
            if isinstance(one, RateNode):
                few = value is not None and cell[one.of] < 20
                more[one.name + ".flag"] = "unreliable" if few else None
        made.append(more)
    return made


def _level(cell: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    return cell.get(name), cell.get(name + ".level"), cell.get(name + ".why")


def _percent(
    group: Group,
    one: PercentNode,
    cell: Mapping[str, Any],
    cells: Sequence[Mapping[str, Any]],
    least: int,
) -> tuple[int | None, str | None]:
    if cell.get(one.over + ".why") == "total":
        return None, "missing"
    rest = [name for name in group.dimensions if name != one.over]
    [total] = [
        other[one.of]
        for other in cells
        if other.get(one.over + ".why") == "total"
        and all(_level(other, name) == _level(cell, name) for name in rest)
    ]
    part = cell[one.of]
    if total == 0:
        return None, "missing"
    if part is None or total is None or 1 <= total - part < least:
        return None, "held"
    # The standard library rounds a fraction half to even.
    exact = Fraction(100 * part, total)
    value = round(exact) if total >= 200 else 5 * round(exact / 5)
    return (None, "held") if one.sensitive and value in {0, 100} else (value, None)


def _rate(one: RateNode, cell: Mapping[str, Any]) -> tuple[float | None, str | None]:
    if any(cell.get(name + ".why") != "total" for name in one.cuts):
        return None, "missing"
    people = one.people.get(f"={cell[one.by]}") if cell[one.by] is not None else None
    if cell.get(one.by + ".why") == "total":
        people = one.everybody
    if people is None or people == 0:
        return None, "missing"
    count = cell[one.of]
    if count is None:
        return None, "held"
    if one.reliable is not None and (count == 0 or Fraction(100**2, count) >= one.reliable**2):
        return None, "held"
    return float(round(Fraction(count * one.per, people) * 10) / Fraction(10)), None
