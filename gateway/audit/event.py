"""An entry as an auditor reads it: what it says, and what its exchange was.

An entry of an exchange says little by itself: who gave what to whom, and why, stands in the
exchange's `intent`, or in its `refusal`. Here the two are put side by side, in the log's order.
Whatever was erased, or never opened, is absent and never guessed. Views of other formats (`fhir`,
`ocsf`, `columns`) are made of events, and of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.entry import Leaf, commit_meta, parse_leaf, parse_meta
from gateway.audit.fault import AuditError
from gateway.audit.kinds import EXCHANGE_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

GRANTED: Final = "granted"
REFUSED: Final = "refused"
DECISIONS: Final = frozenset({GRANTED, REFUSED})

_BEGINS: Final = frozenset({"intent", "refusal"})
_ENDS: Final = frozenset({"refusal", "outcome", "recovered"})


@dataclass(frozen=True, slots=True)
class Said:
    """An opened entry.

    Attributes:
        meta: The bytes that `m` commits to; empty where they are not to be had.
        salt: What opens `m`; empty without `meta`.
        tokens: Subject tokens; empty where there are none, or where an opening leaves them out.
    """

    meta: bytes = b""
    salt: bytes = b""
    tokens: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One entry, beside what its exchange was.

    Attributes:
        index: Its place in the log.
        leaf: What stands in the tree.
        meta: What it says; None where it is not opened.
        facts: What the `intent` or `refusal` of its exchange says; empty where there is no
            exchange, or none that is opened.
        tokens: Its subject tokens, where they were opened.
    """

    index: int
    leaf: Leaf
    meta: Mapping[str, Any] | None
    facts: Mapping[str, Any]
    tokens: tuple[bytes, ...] = ()

    @property
    def decision(self) -> str:
        """`granted`, `refused`, or empty for an entry that is no step of an exchange."""
        if self.leaf.kind not in EXCHANGE_KINDS:
            return ""
        return REFUSED if self.leaf.kind == "refusal" else GRANTED

    def says(self, key: str) -> Any:  # noqa: ANN401 - a value of any kind of metadata
        """Return what the entry says under a key, or what its exchange does, or None."""
        own = self.meta or {}
        return own[key] if key in own else self.facts.get(key)


def events(
    entries: Iterable[tuple[int, bytes, Said]],
    begun: Callable[[str], Mapping[str, Any]] = lambda _exchange: {},
) -> Iterator[Event]:
    """Yield entries as events, each once it says what its leaf commits to.

    What is kept meanwhile is one set of facts for each exchange that began and did not end.

    Args:
        entries: (index, leaf, what was opened of it), in the log's order; some may be left out.
        begun: Returns what the `intent` or `refusal` of an exchange says, where that was left out
            or lies behind; empty where nobody can tell.

    Raises:
        AuditError: `leaf-malformed`, `commitment-mismatch` or `schema`; the message names the
            entry, and nothing of what it says.
    """
    under_way: dict[str, Mapping[str, Any]] = {}
    for index, data, said in entries:
        leaf, meta = _opened(index, data, said)
        exchange = leaf.exchange_id
        if exchange is None:
            yield Event(index, leaf, meta, {}, said.tokens)
            continue
        if leaf.kind in _BEGINS:
            facts: Mapping[str, Any] = meta or {}
        else:
            found = under_way.get(exchange)
            facts = begun(exchange) if found is None else found
        if leaf.kind in _ENDS:
            under_way.pop(exchange, None)
        elif leaf.kind in EXCHANGE_KINDS:
            under_way[exchange] = facts
        yield Event(index, leaf, meta, facts, said.tokens)


def _opened(index: int, data: bytes, said: Said) -> tuple[Leaf, Mapping[str, Any] | None]:
    try:
        leaf = parse_leaf(data)
        meta = _meta(leaf, said) if said.meta else None
    except AuditError as error:
        raise AuditError(error.code, f"entry {index}: {error.message}") from error
    return leaf, meta


def _meta(leaf: Leaf, said: Said) -> Mapping[str, Any]:
    if commit_meta(said.salt, said.meta) != leaf.m:
        raise AuditError("commitment-mismatch", "`m` does not commit to what was opened")
    return parse_meta(leaf.kind, said.meta)
