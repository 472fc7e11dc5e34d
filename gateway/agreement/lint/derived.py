"""Rules about percentages and rates: what they are worked out of is published in the same table.

A number that is worked out of published ones tells nothing new; one that is worked out of others is
a second table in disguise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gateway.agreement.aggregate import Percent, Rate
from gateway.agreement.derived import cutting, sensitive
from gateway.agreement.finding import quoted
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Aggregate, Derived, MeasureRule

_T = TypeVar("_T", bound="Derived")


@provision_rule("ratio-leak")
def parts(case: Case) -> Iterator[Fault]:
    """What a share or a rate is worked out of stands in the table, and is held back with it.

    Of a part that is published elsewhere, or not judged, whoever has the ratio has the other part.
    """
    derived: list[tuple[MeasureRule, Percent | Rate]] = [*_each(case, Percent), *_each(case, Rate)]
    for one, given in derived:
        table = case.provision.aggregate
        assert table is not None  # noqa: S101 - it has this measure
        path = case.under("aggregate", "measures", one.name)
        counts = {rule.name for rule in table.measures if rule.function == "count_distinct"}
        if given.of not in counts:
            yield path, f"`{one.name}` is of {quoted(given.of)}, which is no count of this table"
        if not isinstance(given, Percent) or _over_periods(case, given):
            continue
        for total in _totals_lacking(table, given.over):
            message = (
                f"`{one.name}` is a percentage of a total that is no margin: declare"
                f" [{', '.join(total)}] in `margins`"
            )
            yield path, message


@provision_rule("percent-open")
def percent(case: Case) -> Iterator[Fault]:
    """A percentage is over a dimension of the table that is no period, and says no more than it."""
    for one, given in _each(case, Percent):
        table = case.provision.aggregate
        assert table is not None  # noqa: S101 - it has this measure
        path = case.under("aggregate", "measures", one.name)
        if given.over not in table.dimensions:
            yield path, f"{quoted(given.over)} is no dimension of the table to be a percentage over"
            continue
        if _over_periods(case, given):
            message = f"`{one.name}` is over `{given.over}`, and no total is over periods"
            yield path, message
            continue
        dataset = case.dataset
        if dataset and sensitive(dataset, given.over) and table.disclosure.zeros == "publish":
            message = (
                f"`{one.name}` is over `{given.over}`, which is sensitive: it demands"
                " `zeros: suppress`, since a published zero tells of everybody what 0 % would"
            )
            yield path, message


@provision_rule("rate-open")
def rate(case: Case) -> Iterator[Fault]:
    """A rate is of a count by areas, whose people a reference table of the gateway counts."""
    for one, given in _each(case, Rate):
        table = case.provision.aggregate
        assert table is not None  # noqa: S101 - it has this measure
        path = case.under("aggregate", "measures", one.name)
        if given.by not in table.dimensions:
            yield path, f"{quoted(given.by)} is no dimension of the table to have areas by"
        elif case.dataset is not None and given.by == case.dataset.event_date:
            yield path, f"`{one.name}` is by `{given.by}`, and a period is no area"
        tables = case.folder.tables
        if tables is not None and given.population not in tables:
            yield path, f"there is no reference table {quoted(given.population)}"
        cuts = set(cutting(case.dataset, table, given.by)) if case.dataset else set()
        if all(cuts & set(kept) for kept in (table.dimensions, *table.margins)):
            names = ", ".join(f"`{name}`" for name in sorted(cuts))
            message = (
                f"`{one.name}` has no cell: the table has no people by {names}, so declare a margin"
                " that leaves them out"
            )
            yield path, message


def _each(case: Case, kind: type[_T]) -> Iterator[tuple[MeasureRule, _T]]:
    table = case.provision.aggregate
    for one in table.measures if table is not None else ():
        if isinstance(one.derived, kind):
            yield one, one.derived


def _over_periods(case: Case, given: Percent) -> bool:
    return case.dataset is not None and given.over == case.dataset.event_date


def _totals_lacking(table: Aggregate, over: str) -> Iterator[tuple[str, ...]]:
    """Yield the totals over a dimension that cells stand under and that are not declared."""
    declared = {frozenset(kept) for kept in table.margins}
    for kept in (table.dimensions, *table.margins):
        total = tuple(name for name in kept if name != over)
        if over in kept and frozenset(total) not in declared:
            yield total


RULES: tuple[ProvisionRule, ...] = (parts, percent, rate)
