"""What the exchange log tells of a request, and what a proposed version would have made of many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.agreement.diff.change import Flow, Way
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLOW: Final = ("provider", "recipient", "dataset", "purpose")


class Asked(NamedTuple):
    """What the log tells of one request; requests that are alike in it are decided alike.

    Attributes:
        released: (column, mask) of each column that left; None where the request was refused.
        where: (field, operator) of each part of its filter.
        reason: Why it was refused; empty where it was granted.
    """

    provider: str
    recipient: str
    dataset: str
    purpose: str
    roles: frozenset[str]
    released: tuple[tuple[str, str], ...] | None
    where: tuple[tuple[str, str], ...]
    reason: str

    @property
    def flow(self) -> Flow:
        """The flow that it names."""
        return Flow(self.provider, self.recipient, self.dataset, self.purpose)


def asked_of(meta: Mapping[str, Any]) -> Asked | None:
    """Return what the metadata of an `intent` or a `refusal` tells; None where it is too little.

    A name that no file knew when a request was refused is not in the log.
    """
    provider, recipient, dataset, purpose = (meta[key] for key in _FLOW)
    if None in (provider, recipient, purpose) or DatasetId.parse(dataset or "") is None:
        return None
    roles = frozenset((meta["caller_role"] or "").split(",")) - {""}
    released = meta["released"]
    columns = None if released is None else tuple((name, mask) for name, mask in released)
    parts = (meta["filter"] or "").split(" and ") if meta["filter"] else ()
    where = tuple((name, op) for name, _, op in (part.partition(" ") for part in parts))
    reason = meta.get("reason", "")
    return Asked(provider, recipient, dataset, purpose, roles, columns, where, reason)


class Refused(NamedTuple):
    """Requests that were granted and would no longer be: by which rule, and why."""

    flow: Flow
    rule: str
    clause: str
    reason: str


class Granted(NamedTuple):
    """Requests that were refused, and why; a provision would grant them."""

    flow: Flow
    rule: str
    reason: str


class Form(NamedTuple):
    """A field that would leave in another form."""

    flow: Flow
    field: str
    before: str
    after: str
    way: Way


@dataclass(slots=True)
class Impact:
    """What was decided again.

    Attributes:
        same: Answered as they were, in the same form.
        refused, granted, forms: How many requests each; one counts under every field of its own.
        fields: Fields that a flow would release beside those of the version that stands, with how
            many of its requests were granted.
        untold: Requests of which the log tells too little to be decided again.
        rows: Flows whose rows a request, or a day, may be fewer: rows are not counted again.
    """

    decided: int = 0
    same: int = 0
    refused: Counter[Refused] = field(default_factory=Counter)
    granted: Counter[Granted] = field(default_factory=Counter)
    forms: Counter[Form] = field(default_factory=Counter)
    fields: dict[Flow, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    untold: int = 0
    rows: tuple[Flow, ...] = ()

    @property
    def wider(self) -> bool:
        """Whether anybody would get more than they got."""
        more = any(one.way is Way.WIDENED for one in self.forms)
        return bool(self.granted) or bool(self.fields) or more
