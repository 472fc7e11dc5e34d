"""What a gateway lists about a person of the caller's own agency, proved line by line.

Nothing that comes is believed: the entry of each line is proved by the pinned key of the log.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import parse_leaf
from gateway.audit.fault import AuditError
from gateway.audit.proof import verify_proof
from gateway.errors import LogError
from gateway.v1 import audit_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from gateway.audit.checkpoint import Verifier
    from gateway.broker.subjects import Person

PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as `audit.proto` has it; days are UTC."""

    date: dt.date
    recipient: str
    provider: str
    dataset: str
    fields: tuple[str, ...]
    purpose: str
    basis: str
    basis_ref: str
    agreement: str
    provision: str
    clause: str
    exchange: str
    index: int
    presumed: bool
    count: int
    last: dt.date
    withheld_until: dt.date | None
    leaf: bytes
    proof: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Every line, oldest first, and how many a suspension keeps from the person."""

    lines: tuple[Line, ...]
    withheld: int


def request_of(
    people: Sequence[Person], first: dt.date, last: dt.date, token: str
) -> audit_pb2.ListDisclosuresRequest:
    """Return the request for a page."""
    return audit_pb2.ListDisclosuresRequest(
        subjects=[audit_pb2.Subject(system=one.system, parts=one.parts) for one in people],
        since=dt.datetime.combine(first, dt.time(), dt.UTC),
        until=dt.datetime.combine(last, dt.time(), dt.UTC),
        page_size=PAGE,
        page_token=token,
    )


def proved(found: Iterable[audit_pb2.Disclosure], verifiers: Sequence[Verifier]) -> list[Line]:
    """Return lines, once the log is shown to have the entry of each.

    Args:
        found: As they came.
        verifiers: The log's pinned keys.

    Raises:
        LogError: It has another there, or the proof does not hold.
    """
    return [_line(one, verifiers) for one in found]


def _line(one: audit_pb2.Disclosure, verifiers: Sequence[Verifier]) -> Line:
    try:
        index, _ = verify_proof(one.proof, one.leaf, *verifiers)
        leaf = parse_leaf(one.leaf)
    except AuditError as error:
        raise LogError(f"what the gateway lists does not verify: {error.message}") from None
    date = dt.date.fromisoformat(leaf.time[:10])
    said = (one.index, "release", one.exchange_id, one.agreement, _day(one.time))
    if said != (index, leaf.kind, leaf.exchange_id, leaf.agreement, date):
        raise LogError(f"entry {index} is not the one that its line says")
    return Line(
        date,
        one.recipient,
        one.provider,
        one.dataset,
        tuple(one.fields),
        one.purpose,
        one.basis,
        one.basis_ref,
        one.agreement,
        one.provision,
        one.clause,
        one.exchange_id,
        index,
        one.presumed,
        one.count,
        _day(one.last),
        _day(one.withheld_until) if one.HasField("withheld_until") else None,
        one.leaf,
        one.proof,
    )


def _day(stamp: Timestamp) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=stamp.seconds // 86_400)
