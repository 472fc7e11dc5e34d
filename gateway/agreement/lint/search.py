"""Rules about what a search for a pattern may cost, and which cells it keeps if it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import quoted
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.masks.base import Inputs, Marker
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass
from gateway.masks.tables import Map, RareToOther

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.model import FieldRule
    from gateway.masks.base import Mask

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
    known = {field.name: _levels(case, field, mask) for field, mask in case.released()}
    for at, item in enumerate(table.disclosure.keep):
        path = case.under("aggregate", "disclosure", "keep", at)
        for name, levels in item:
            if name not in table.dimensions:
                yield (*path, name), f"{quoted(name)} is no dimension of the table"
                continue
            closed = known.get(name)
            for level in levels:
                if closed is not None and level not in closed:
                    yield (*path, name), f"{quoted(level)} is no level of `{name}`"


def _levels(case: Case, field: FieldRule, mask: Mask) -> frozenset[str] | None:
    """Return the levels of a dimension and its total; None where the files do not list them."""
    codes = case.folder.codes.model.lists.get(field.codes) if field.codes else None
    match mask:
        case Pass() | Band():
            made = mask.closed(Inputs(field.type, codes))
        case Map() | RareToOther() if case.dataset and mask.table in case.dataset.maps:
            listed = case.dataset.maps[mask.table]
            made = mask.closed(Inputs(field.type, table=listed.values, unmapped=listed.unmapped))
        case _:
            made = None
    return None if made is None else frozenset({*made, Marker.TOTAL.value})


RULES: tuple[ProvisionRule, ...] = (time_limit, keep)
