"""Two versions of one published table: what it counts, how it is cut, and how it is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.diff import order
from gateway.agreement.diff.change import Change, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.agreement.aggregate import Aggregate, Disclosure
    from gateway.agreement.diff.change import Flow

    Get = Callable[[Disclosure], object]
    Order = Callable[..., Way | None]

_ZEROS: Final = ("suppress", "structural", "publish")

_RULES: Final[tuple[tuple[str, Get, Order], ...]] = (
    ("min_cell", lambda d: d.min_cell, order.fewer),
    ("min_interval", lambda d: d.min_interval, order.fewer),
    ("zeros", lambda d: d.zeros, lambda a, b: order.ranked(_ZEROS, a, b)),
    ("impossible", lambda d: d.impossible, order.optional),
    ("complementary", lambda d: d.complementary, lambda a, b: order.ranked((True, False), a, b)),
    ("history", lambda d: d.history, order.shortest),
    ("unless", lambda d: d.unless, order.optional),
    ("exempt", lambda d: d.exempt, order.optional),
    ("known", lambda d: d.known, order.beside),
    ("round", lambda d: d.rounded_to, order.beside),
    ("noise", lambda d: d.noise, order.beside),
    ("coarsen", lambda d: d.ladder, lambda a, b: None if a == b else Way.CHANGED),
    ("cost", lambda d: d.cost, lambda a, b: None if a == b else Way.CHANGED),
    ("keep", lambda d: d.keep, lambda a, b: None if a == b else Way.CHANGED),
)  # fmt: skip
"""What is compared value by value: its key, how to get it, and its order."""


def compare_tables(
    flow: Flow, before: Aggregate | None, after: Aggregate | None
) -> Iterator[Change]:
    """Yield what differs; a table in place of records, or the other way round, is the shape's."""
    if before is None or after is None:
        return
    if before.unit != after.unit:
        yield Change(Way.WIDENED, flow, "aggregate.unit", before.unit, after.unit)
    yield from order.listed(flow, "aggregate.dimension", before.dimensions, after.dimensions)
    old, new = (tuple(" + ".join(one) for one in table.margins) for table in (before, after))
    yield from order.listed(flow, "aggregate.margin", old, new)
    yield from _measures(flow, before, after)
    yield from _levels(flow, before, after)
    yield from _grid(flow, before, after)
    yield from _protected(flow, before.disclosure, after.disclosure)


def _measures(flow: Flow, before: Aggregate, after: Aggregate) -> Iterator[Change]:
    # A measure is what it counts: its name is the recipient's.
    old = {(m.function, m.field, m.derived, m.where): m.name for m in before.measures}
    new = {(m.function, m.field, m.derived, m.where): m.name for m in after.measures}
    for one in new.keys() - old.keys():
        yield Change(Way.WIDENED, flow, "aggregate.measure", "none", new[one])
    for one in old.keys() - new.keys():
        yield Change(Way.NARROWED, flow, "aggregate.measure", old[one], "none")


def _levels(flow: Flow, before: Aggregate, after: Aggregate) -> Iterator[Change]:
    for name in sorted({*before.levels, *after.levels}):
        old, new = before.levels.get(name, ()), after.levels.get(name, ())
        if old != new:
            way = Way.NARROWED if set(new) < set(old) else Way.WIDENED
            yield Change(way, flow, f"aggregate.levels.{name}", order.said(old), order.said(new))


def _grid(flow: Flow, before: Aggregate, after: Aggregate) -> Iterator[Change]:
    old, new = before.grid, after.grid
    for name, way, was, is_ in (
        ("period", order.shortest(old.period, new.period), old.period.text, new.period.text),
        ("lag", order.shortest(old.lag, new.lag), old.lag.text, new.lag.text),
        ("anchor", order.beside(old.anchor, new.anchor), str(old.anchor), str(new.anchor)),
        ("release", order.beside(old.release, new.release), old.release, new.release),
    ):
        if way is not None:
            yield Change(way, flow, f"aggregate.grid.{name}", was, is_)


def _protected(flow: Flow, before: Disclosure, after: Disclosure) -> Iterator[Change]:
    for name, get, compared in _RULES:
        way = compared(get(before), get(after))
        if way is not None:
            was, is_ = order.said(get(before)), order.said(get(after))
            yield Change(way, flow, f"disclosure.{name}", was, is_)
    yield from _dominance(flow, before, after)
    if before.colluding != after.colluding:
        old, new = before.colluding, after.colluding
        narrower = old is not None and (new is None or new > old)
        way = Way.NARROWED if narrower else Way.WIDENED
        was, is_ = ("all" if one is None else order.said(one) for one in (old, new))
        yield Change(way, flow, "disclosure.colluding", was, is_)


def _dominance(flow: Flow, before: Disclosure, after: Disclosure) -> Iterator[Change]:
    old, new = before.dominance, after.dominance
    if old == new:
        return
    if old is not None and new is not None:
        # More givers, and a smaller share of theirs, are stricter; so is a wider band of p percent.
        wider = (
            new["largest"] < old["largest"]
            or new["percent"] > old["percent"]
            or new["p"] < old["p"]
        )
        way = Way.WIDENED if wider else Way.NARROWED
    else:
        way = Way.WIDENED if new is None else Way.NARROWED
    yield Change(way, flow, "disclosure.dominance", _rule(old), _rule(new))


def _rule(rule: object) -> str:
    return "none" if not isinstance(rule, dict) else str(dict(sorted(rule.items())))
