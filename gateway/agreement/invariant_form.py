"""Invariants as a file of tests writes them: claims over every provision and every request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.cursor import EMPTY_SPAN, NAME, NO_NAMES, WORD, Cursor, Entries
from gateway.agreement.mask_forms import mask_or_withhold
from gateway.agreement.model import Selectors
from gateway.agreement.provision_form import keys
from gateway.agreement.selectors_form import DATASET, FIELD, SELECTORS, selectors
from gateway.agreement.testing import (
    DeleteWithin,
    Invariant,
    MaskedAtLeast,
    MinCell,
    NeverReaches,
    NoRelease,
    OnwardNever,
    ReachesExactly,
)
from gateway.values import Means

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NOBODY: Final = NeverReaches(Selectors())


def invariant(at: Cursor) -> Invariant:
    """Return the invariant that stands here: a mapping of one word and what it is about."""
    if not isinstance(at.value, dict) or len(at.value) != 1:
        at.wrong(f"an invariant is one of {', '.join(sorted(_READ))}")
        return _NOBODY
    [(word, value)] = at.value.items()
    below = at.at(word, value)
    read = _READ.get(word)
    if read is None:
        below.wrong(f"no invariant is called so; there are {', '.join(sorted(_READ))}")
        return _NOBODY
    return read(below)


def _selected(at: Cursor) -> Selectors:
    return _not_empty(at, at.closed(frozenset(), SELECTORS))


def _not_empty(at: Cursor, entries: Entries) -> Selectors:
    when = selectors(entries)
    if when.empty:
        at.wrong("no selector: it would speak of everything or nothing", "never-empty")
    return when


def _reaches_exactly(at: Cursor) -> Invariant:
    entries = at.closed(keys("dataset field parties"))
    return ReachesExactly(
        entries.read("dataset", lambda c: c.text(DATASET), ""),
        entries.read("field", lambda c: c.text(NAME), ""),
        frozenset(entries.read("parties", lambda c: c.names_or_none(WORD), NO_NAMES)),
    )


def _masked_at_least(at: Cursor) -> Invariant:
    entries = at.closed(keys("mask"), keys("means field"))
    if entries.has("means") == entries.has("field"):
        at.wrong("`masked_at_least` names one of `means` and `field`")
    means: frozenset[Means] = frozenset()
    if entries.has("means"):
        means = frozenset({entries.read("means", lambda c: c.member(Means), Means.OTHER)})
    field = frozenset({entries.read("field", lambda c: c.text(FIELD), "")} - {""})
    least = entries.read("mask", mask_or_withhold, None)
    return MaskedAtLeast(Selectors(means=means, field=field), least)


def _delete_within(at: Cursor) -> Invariant:
    entries = at.closed(keys("span"), SELECTORS)
    return DeleteWithin(entries.read("span", Cursor.duration, EMPTY_SPAN), selectors(entries))


_READ: Final[Mapping[str, Callable[[Cursor], Invariant]]] = {
    "never_reaches": lambda at: NeverReaches(_selected(at)),
    "reaches_exactly": _reaches_exactly,
    "onward_never": lambda at: OnwardNever(_selected(at)),
    "min_cell_at_least": lambda at: MinCell(at.integer(1)),
    "masked_at_least": _masked_at_least,
    "delete_within": _delete_within,
    "no_release": lambda at: NoRelease(_selected(at)),
}
