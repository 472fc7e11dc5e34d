"""The table of a provision as prose: whom it counts, how it is cut, what it hides."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from gateway.agreement.aggregate import Percent, Rate
from gateway.review.prose.page import Items, Sentences
from gateway.review.prose.words import day, listed, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Aggregate, MeasureRule
    from gateway.agreement.index import FlowRule
    from gateway.review.prose.page import Block


def table(rule: FlowRule, made: Aggregate) -> Iterator[Block]:
    """Yield what a table tells and what it holds back."""
    grid = made.grid
    yield Sentences(
        f"A table leaves: cells by {listed(made.dimensions)}, of periods of {span(grid.period)} "
        f"from {day(grid.anchor)} on. Each period opens {span(grid.lag)} after its end, and leaves "
        f"once. It holds:"
    )
    yield Items(tuple(_measure(one) for one in made.measures))
    if made.margins:
        totals = [listed(one) if one else "everything" for one in made.margins]
        yield Sentences(f"Totals by {'; by '.join(totals)} leave with it.")
    yield Sentences(_hidden(rule, made))


def _measure(one: MeasureRule) -> str:
    where = ""
    if one.where is not None:
        values = listed([str(value) for value in one.where.values], "or")
        where = f" of which {one.where.field} is {values}"
    match one.derived:
        case Percent():
            return f"{one.name}: {one.derived.of} in percent of the total over {one.derived.over}"
        case Rate():
            people = f"{one.derived.per} people of {one.derived.by}"
            return f"{one.name}: {one.derived.of} for each {people} ({one.derived.population})"
        case None:
            words = {
                "count_distinct": "how many different",
                "sum": "the sum of",
                "mean": "the mean of",
            }
            return f"{one.name}: {words.get(one.function, one.function)} {one.field}{where}"
        case _:
            assert_never(one.derived)


def _hidden(rule: FlowRule, made: Aggregate) -> str:
    rules = made.disclosure
    if rules.noise is not None:
        return "Every number has noise, so that nobody can be told from it (differential privacy)."
    if rules.rounded_to:
        return f"Every number is rounded to a multiple of {rules.rounded_to} by itself."
    zeros = {
        "publish": "A zero is shown.",
        "suppress": "A zero is hidden like a small number.",
        "structural": "A zero is hidden like a small number, but where nothing can be counted.",
    }[rules.zeros]
    whom = "anybody together" if rules.colluding is None else listed(
        [rule.pact.agreement.parties[one].agency for one in sorted(rules.colluding)]
    )  # fmt: skip
    return (
        f"A number from 1 to {rules.min_cell - 1} is shown as “{rules.marker}”, and so are as many "
        f"others as it takes for no total and no earlier table to give one of them away to {whom}: "
        f"each stays any of at least {rules.min_interval + 1} numbers. {zeros} Tables are "
        f"remembered for {span(rules.history)}."
    )
