"""Rules about noise: it keeps its promise only over closed levels, for people, within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.budget import MILLION, amount_text
from gateway.agreement.finding import Level
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.agreement.lint.unbuilt import open_dimensions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Aggregate, NoiseRule

NOISE: Final = "extra:dp"
"""What a gateway that can draw noise says among the tables that it has."""
LOUD: Final = MILLION
"""A budget beyond one is no promise that a person would recognise."""
_BESIDE: Final = frozenset(
    {"min_cell", "min_interval", "zeros", "complementary", "dominance"}
    | {"colluding", "history", "marker", "noise"}
)


def _noised(case: Case) -> tuple[Aggregate, NoiseRule] | None:
    table = case.provision.aggregate
    noise = table.disclosure.noise if table is not None else None
    return (table, noise) if table is not None and noise is not None else None


def _path(case: Case, *key: str) -> tuple[str | int, ...]:
    return case.under("aggregate", *key)


@provision_rule("noise-shape")
def shape(case: Case) -> Iterator[Fault]:
    """One count of people, without totals, and no rule of suppression in its way."""
    if (found := _noised(case)) is None:
        return
    table, _ = found
    dataset = case.dataset
    if dataset is not None and table.unit != (dataset.person or dataset.unit):
        message = f"noise hides a person, so `unit` is `{dataset.person or dataset.unit}`"
        yield _path(case, "unit"), message
    counts = [
        one for one in table.measures if one.function == "count_distinct" and one.where is None
    ]
    if len(table.measures) != 1 or len(counts) != 1:
        message = "with noise a table has one measure, a `count_distinct` of its unit, of all rows"
        yield _path(case, "measures"), message
    if table.levels:
        yield _path(case, "levels"), "with noise a table has no levels: their sums are what leaves"
    if table.margins:
        message = "with noise there are no margins: totals are the sums of what leaves"
        yield _path(case, "margins"), message
    rules = table.disclosure
    if rules.zeros != "publish":
        message = "with noise zeros are published, with noise of their own"
        yield _path(case, "disclosure", "zeros"), message
    if rules.dominance is not None:
        yield _path(case, "disclosure", "dominance"), "with noise there are no sums to dominate"
    for key in sorted(rules.written - _BESIDE):
        yield _path(case, "disclosure", key), f"`{key}` has no meaning beside `noise`"


@provision_rule("noise-open")
def closed(case: Case) -> Iterator[Fault]:
    """Levels that the data bring along say that somebody is there, and no noise hides that."""
    if (found := _noised(case)) is not None:
        for name in sorted(open_dimensions(case, found[0])):
            message = f"`{name}` has no closed list of levels, which `noise` demands"
            yield _path(case, "dimensions"), message


@provision_rule("noise-budget")
def budget(case: Case) -> Iterator[Fault]:
    """A budget pays for one release at least."""
    if (found := _noised(case)) is not None and found[1].budget < found[1].rho:
        said = amount_text(found[1].rho)
        yield _path(case, "disclosure", "noise", "budget"), f"`budget` is below one `rho`, {said}"


@provision_rule("noise-loud", Level.WARNING)
def loud(case: Case) -> Iterator[Fault]:
    """Beyond one, what all releases spend together says little about what is hidden."""
    if (found := _noised(case)) is not None and found[1].budget > LOUD:
        message = f"`budget` is above {amount_text(LOUD)}: it promises little"
        yield _path(case, "disclosure", "noise", "budget"), message


@provision_rule("noise-absent")
def installed(case: Case) -> Iterator[Fault]:
    """A gateway that cannot draw noise does not load what needs it, and never sends exact numbers.

    In CI nobody knows which gateway it will be.
    """
    tables = case.folder.tables
    if _noised(case) is not None and tables is not None and NOISE not in tables:
        message = "this gateway is installed without the extra `dp`, which draws the noise"
        yield _path(case, "disclosure", "noise"), message


RULES: tuple[ProvisionRule, ...] = (shape, closed, budget, loud, installed)
