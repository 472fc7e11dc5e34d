"""An event as one flat row: the columns of `accord log query` in a table, CSV and Parquet.

The row of an entry that belongs to an exchange holds what its `intent` or `refusal` says too, so
that a sheet can be counted without joins. Whatever has no column of its own stands in `said`, the
entry's whole metadata as canonical JSON; nothing that an entry says is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.entry import meta_bytes

if TYPE_CHECKING:
    from gateway.audit.event import Event

TEXT: Final = "text"
NUMBER: Final = "number"
TIME: Final = "time"

_LEAF: Final = (
    ("index", NUMBER),
    ("time", TIME),
    ("kind", TEXT),
    ("decision", TEXT),
    ("exchange", TEXT),
    ("agreement", TEXT),
)
_SAID: Final = (
    ("provision", TEXT),
    ("provider", TEXT),
    ("recipient", TEXT),
    ("caller_agency", TEXT),
    ("caller_person", TEXT),
    ("caller_role", TEXT),
    ("dataset", TEXT),
    ("purpose", TEXT),
    ("basis", TEXT),
    ("reason", TEXT),
    ("step", NUMBER),
    ("clause", TEXT),
    ("verdict", TEXT),
    ("code", TEXT),
    ("end", TEXT),
    ("chunk", NUMBER),
    ("chunks", NUMBER),
    ("rows", NUMBER),
    ("bytes", NUMBER),
    ("rows_suppressed", NUMBER),
    ("cells_suppressed", NUMBER),
    ("event", TEXT),
    ("who", TEXT),
    ("verb", TEXT),
)

COLUMNS: Final = (*_LEAF, *_SAID, ("subjects", NUMBER), ("said", TEXT))
"""Name and kind of each column, in order. Any value but `index`, `time` and `kind` may be null."""

NAMES: Final = tuple(name for name, _ in COLUMNS)


def row(event: Event) -> tuple[str | int | None, ...]:
    """Return an event's values, in the order of `COLUMNS`; times as leaves write them.

    `subjects` counts tokens, and is null where there are some that were not opened.
    """
    leaf = event.leaf
    head = (
        event.index,
        leaf.time,
        leaf.kind,
        event.decision or None,
        leaf.exchange_id,
        leaf.agreement,
    )
    said = None if event.meta is None else meta_bytes(event.meta).decode("ascii")
    subjects = len(event.tokens) or (0 if leaf.s is None else None)
    return (*head, *(event.says(name) for name, _ in _SAID), subjects, said)
