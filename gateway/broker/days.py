"""Which days a table is of, and until when the record of cells remembers it. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from gateway.agreement.spans import add

if TYPE_CHECKING:
    from gateway.plan.ops import Plan

_DAY = dt.timedelta(days=1)


def days_of(plan: Plan) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of the periods that a table's plan lets leave."""
    aggregate = plan.rule.provision.aggregate
    assert plan.group is not None and aggregate is not None  # noqa: S101, PT018 - asked of tables
    periods = plan.group.periods
    return min(periods), add(max(periods), aggregate.grid.period) - _DAY


def until_of(plan: Plan, today: dt.date) -> dt.date | None:
    """Return the day from which on a table that leaves today may be forgotten.

    None for never: a history may reach beyond the calendar's end.
    """
    aggregate = plan.rule.provision.aggregate
    assert aggregate is not None  # noqa: S101 - asked of tables
    try:
        return add(today, aggregate.disclosure.history)
    except (OverflowError, ValueError):
        return None
