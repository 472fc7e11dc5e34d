"""Two versions of the floor: what may leave under the second and not under the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.diff import order
from gateway.agreement.diff.change import Change, Way
from gateway.agreement.diff.nevers import compare_nevers, selects
from gateway.agreement.strength import as_strong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.agreement.floor import Floor, FloorMask

    Get = Callable[[Floor], object]
    Order = Callable[..., Way | None]

_NUMBERS: Final[tuple[tuple[str, Get, Order], ...]] = (
    ("quorum.signatures", lambda f: f.quorum_signatures, order.fewer),
    ("quorum.agencies", lambda f: f.quorum_agencies, order.beside),
    ("at_least.min_cell", lambda f: f.at_least.min_cell, order.fewer),
    ("at_least.min_interval", lambda f: f.at_least.min_interval, order.fewer),
    ("at_least.grid_lag", lambda f: f.at_least.grid_lag, order.shortest),
    ("at_least.log_retain", lambda f: f.at_least.log_retain, order.shortest),
    ("at_most.term", lambda f: f.at_most.term, order.longest),
    ("at_most.delete_after", lambda f: f.at_most.delete_after, order.longest),
    ("at_most.breach_notice", lambda f: f.at_most.breach_notice, order.longest),
    ("at_most.rows_per_day", lambda f: f.at_most.rows_per_day, order.more),
)  # fmt: skip
"""What is compared value by value: its key, how to get it, and its order.

Not `at_least.complementary`: it is true in every floor.
"""


def compare_floors(before: Floor, after: Floor) -> Iterator[Change]:
    """Yield what the floor holds no more, and what it holds since."""
    yield from compare_nevers(before.never, after.never)
    yield from _masks(before.masks, after.masks)
    for name, get, compared in _NUMBERS:
        way = compared(get(before), get(after))
        if way is not None:
            yield Change(way, None, name, order.said(get(before)), order.said(get(after)))
    yield from order.listed(None, "permits", before.permits, after.permits)


def _masks(before: tuple[FloorMask, ...], after: tuple[FloorMask, ...]) -> Iterator[Change]:
    for one in before:
        if not any(_holds(other, one) for other in after):
            yield Change(Way.WIDENED, None, "masks", one.id, "none that asks as much")
    for one in after:
        if not any(_holds(other, one) for other in before):
            yield Change(Way.NARROWED, None, "masks", "none that asks as much", one.id)


def _holds(one: FloorMask, other: FloorMask) -> bool:
    """Return whether `one` asks as much wherever `other` asks for something."""
    # Tables of a dataset are not looked at: two that differ are somebody's to read.
    strong = one.at_least is None or as_strong(one.at_least, other.at_least, {})
    return strong and selects(one.when, other.when)
