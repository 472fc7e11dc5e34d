"""Two lists of prohibitions: what is forbidden no more, and what is forbidden since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.diff.change import Change, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.model import Never, Selectors


def compare_nevers(before: tuple[Never, ...], after: tuple[Never, ...]) -> Iterator[Change]:
    """Yield each prohibition that no other stands for, whatever it is called."""
    for one in before:
        if not any(_covers(other, one) for other in after):
            yield Change(Way.WIDENED, None, "never", one.id, "none that forbids as much")
    for one in after:
        if not any(_covers(other, one) for other in before):
            yield Change(Way.NARROWED, None, "never", "none that forbids as much", one.id)


def _covers(one: Never, other: Never) -> bool:
    """Return whether `one` forbids whatever `other` forbids."""
    return (one.onward or not other.onward) and selects(one.when, other.when)


def selects(one: Selectors, other: Selectors) -> bool:
    """Return whether `one` speaks of whatever `other` speaks of."""
    for name in one.__slots__:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, frozenset) and mine and not (theirs and theirs <= mine):
            return False
    return one.free_text is None or one.free_text is other.free_text
