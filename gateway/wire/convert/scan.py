"""AdapterService on the wire and as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import Reason, RequestError
from gateway.plan.pushdown import Scan
from gateway.v1 import adapter_pb2
from gateway.wire.convert.chunk import BATCH_ROWS
from gateway.wire.convert.faults import DIGEST_BYTES, UUID, Faults
from gateway.wire.convert.terms import from_condition, to_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.values import DatasetId, FieldType

LIMIT_ROWS: Final = 2**53


def from_scan(scan: Scan, exchange_id: str) -> adapter_pb2.ScanRequest:
    """Return the message of a scan."""
    message = adapter_pb2.ScanRequest(
        exchange_id=exchange_id,
        plan_digest=scan.plan_digest,
        limit_rows=scan.limit_rows,
        batch_rows=scan.batch_rows,
    )
    terms = message.terms
    terms.provider = scan.provider
    terms.recipient = scan.recipient
    terms.dataset = str(scan.dataset)
    terms.purpose = scan.purpose
    terms.fields.extend(scan.names)
    if scan.where:
        terms.where.extend([from_condition(condition) for condition in scan.where])
    return message


def to_scan(
    message: adapter_pb2.ScanRequest,
    types: Callable[[DatasetId], Mapping[str, FieldType] | None],
) -> Scan:
    """Return the scan of a message that `faults.known` has passed.

    Args:
        message: What the gateway asks for.
        types: The fields of a dataset that the adapter holds, or None.

    Raises:
        RequestError: With every rule that the message breaks, by path. A grouping is one: an
            adapter that cannot group fails.
    """
    faults = Faults()
    faults.match(message.exchange_id, UUID, "exchange_id", "is not a UUID in lower case")
    if len(message.plan_digest) != DIGEST_BYTES:
        faults.add("plan_digest", "is not 32 bytes")
    if message.HasField("grouping"):
        faults.add("grouping", "cannot be carried out by this adapter")
    if not 1 <= message.limit_rows <= LIMIT_ROWS:
        faults.add("limit_rows", "is not at least 1")
    if not 1 <= message.batch_rows <= BATCH_ROWS:
        faults.add("batch_rows", "is not 1 to 8,192")
    terms = to_terms(message.terms, faults)
    faults.settle()
    fields = types(terms.dataset)
    if fields is None:
        raise RequestError(Reason.NOT_FOUND, "the adapter does not hold this dataset")
    for index, name in enumerate(terms.fields):
        if name not in fields:
            faults.add(f"terms.fields[{index}]", "is not a field of the dataset")
    for index, condition in enumerate(terms.where):
        if condition.field not in fields:
            faults.add(f"terms.where[{index}].field", "is not a field of the dataset")
    faults.settle()
    return Scan(
        provider=terms.provider,
        recipient=terms.recipient,
        purpose=terms.purpose,
        dataset=terms.dataset,
        columns=tuple((name, fields[name]) for name in terms.fields),
        where=terms.where,
        limit_rows=message.limit_rows,
        batch_rows=message.batch_rows,
        plan_digest=message.plan_digest,
    )
