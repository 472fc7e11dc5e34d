"""Rules about what a search for a pattern may cost, and which cells it keeps if it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import quoted
from gateway.agreement.lint.listed import levels_of
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.masks.base import Marker

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_S: Final = 120
"""The longest that a search may be told to take: a caller waits for it."""


@provision_rule("time-limit-long")
def time_limit(case: Case) -> Iterator[Fault]:
    """A search ends while somebody still waits for it."""
    if (table := case.provision.aggregate) is None or table.disclosure.time_limit is None:
        return
    given = table.disclosure.time_limit
    if given.months or given.seconds > MOST_S:
        path = case.under("aggregate", "disclosure", "time_limit")
        yield path, f"`time_limit` is longer than PT{MOST_S}S"


@provision_rule("keep-unknown")
def keep(case: Case) -> Iterator[Fault]:
    """What is to be kept is a level that the table has, where its levels can be known."""
    if (table := case.provision.aggregate) is None:
        return
    known = {field.name: levels_of(case, field, mask) for field, mask in case.released()}
    for at, item in enumerate(table.disclosure.keep):
        path = case.under("aggregate", "disclosure", "keep", at)
        for name, levels in item:
            if name not in table.dimensions:
                yield (*path, name), f"{quoted(name)} is no dimension of the table"
                continue
            closed = known.get(name)
            for level in levels:
                if closed is not None and level not in {*closed, Marker.TOTAL.value}:
                    yield (*path, name), f"{quoted(level)} is no level of `{name}`"


RULES: tuple[ProvisionRule, ...] = (time_limit, keep)
