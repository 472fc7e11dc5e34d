"""Rules about tables whose counts are rounded, and none is suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule

if TYPE_CHECKING:
    from collections.abc import Iterator


_OF_PATTERNS: Final = frozenset({"unless", "exempt", "known", "keep", "cost"})
"""Options that say which cells are suppressed."""


@provision_rule("round-counts-only")
def counts(case: Case) -> Iterator[Fault]:
    """Only counts are rounded: of a sum or a mean a multiple of the base says nothing."""
    table = case.provision.aggregate
    if table is not None and table.disclosure.rounded_to:
        for one in table.measures:
            if one.function != "count_distinct":
                path = case.under("aggregate", "measures", one.name)
                yield path, f"`{one.name}` is no count, and `round` is for counts alone"


@provision_rule("round-narrow")
def wide(case: Case) -> Iterator[Fault]:
    """A rounded count stays as uncertain as a suppressed one.

    The narrowest multiple is zero: no count is below it, so it says as much as half of the base.
    """
    table = case.provision.aggregate
    if table is None or not (base := table.disclosure.rounded_to):
        return
    if base // 2 < table.disclosure.min_interval:
        message = (
            f"a published 0 is then 0 to {base // 2}, and `min_interval`"
            f" is {table.disclosure.min_interval}"
        )
        yield case.under("aggregate", "disclosure", "round"), f"`round: {base}`: {message}"


@provision_rule("round-exceptions")
def exceptions(case: Case) -> Iterator[Fault]:
    """Where nothing is suppressed, nothing is kept or published all the same."""
    table = case.provision.aggregate
    if table is not None and table.disclosure.rounded_to:
        for key in sorted(table.disclosure.written & _OF_PATTERNS):
            path = case.under("aggregate", "disclosure", key)
            yield path, f"`{key}` is not read beside `round`, which suppresses nothing"


RULES: tuple[ProvisionRule, ...] = (counts, wide, exceptions)
