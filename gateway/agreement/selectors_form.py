"""Selectors as the file writes them: of prohibitions, of the floor's masks, of invariants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.cursor import Cursor, Entries
from gateway.agreement.model import Selectors
from gateway.agreement.provision_form import PURPOSE, keys
from gateway.values import AgencyKind, FieldClass, Means, Regime, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DATASET = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
FIELD = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){2,}")
SELECTORS: Final = keys(
    "from_kind to_kind dataset field class means free_text regime purpose shape"
)

_OTHERWISE: Final = {"class": "field_class"}
_READERS: Final[Mapping[str, Callable[[Cursor], Any]]] = {
    "from_kind": lambda c: c.members(AgencyKind),
    "to_kind": lambda c: c.members(AgencyKind),
    "dataset": lambda c: frozenset(c.names(DATASET)),
    "field": lambda c: frozenset(c.names(FIELD)),
    "class": lambda c: c.members(FieldClass),
    "means": lambda c: c.members(Means),
    "free_text": Cursor.boolean,
    "regime": lambda c: c.members(Regime),
    "purpose": lambda c: frozenset(c.names(PURPOSE)),
    "shape": lambda c: c.members(Shape),
}


def selectors(entries: Entries) -> Selectors:
    """Return the selectors among the entries of a mapping; what is absent means any."""
    given = {
        _OTHERWISE.get(key, key): entries.read(key, read, None)
        for key, read in _READERS.items()
        if entries.has(key)
    }
    return Selectors(**given)
