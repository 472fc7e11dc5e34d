"""Chunks on the wire and as values, with their digest by form."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gateway.audit.fault import AuditError
from gateway.audit.stream import rows_digest
from gateway.errors import Reason, ReleaseError
from gateway.values import Chunk
from gateway.wire.convert.faults import DIGEST_BYTES
from gateway.wire.convert.scalar import from_scalar, to_scalar

if TYPE_CHECKING:
    from gateway.v1 import common_pb2
    from gateway.values import Scalar
    from gateway.wire.convert.faults import Faults

BATCH_ROWS: Final = 8192
BATCH_BYTES: Final = 3 * 1024 * 1024
ROWS_A_BATCH: Final = 1000


def from_chunk(chunk: Chunk, batch: common_pb2.Batch) -> None:
    """Fill in the message of a chunk.

    Raises:
        ReleaseError: `RELEASE_CHECK_FAILED`, it has no body or two, or its sizes are out of
            bounds: a chunk that breaks a limit never leaves.
    """
    batch.offset = chunk.offset
    batch.row_count = chunk.row_count
    batch.digest = chunk.digest
    if chunk.arrow is not None and chunk.rows is None:
        if len(chunk.arrow) > BATCH_BYTES:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "a chunk is larger than 3 MiB")
        batch.arrow = chunk.arrow
    elif chunk.rows is not None and chunk.arrow is None:
        if len(chunk.rows) > ROWS_A_BATCH or len(chunk.rows) != chunk.row_count:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "a chunk's rows are not its count")
        batch.rows.SetInParent()
        for row in chunk.rows:
            batch.rows.rows.add(values=[from_scalar(value) for value in row])
    else:
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "a chunk has not exactly one body")


def to_chunk(message: common_pb2.Batch, faults: Faults, path: str = "batch") -> Chunk:
    """Return the chunk of a message, or note what is wrong with it; its digest is compared."""
    if message.offset < 0 or not 0 <= message.row_count <= BATCH_ROWS:
        faults.add(path, "has an offset or row count out of bounds")
    if len(message.digest) != DIGEST_BYTES:
        faults.add(f"{path}.digest", "is not 32 bytes")
    arrow, rows = None, None
    body = message.WhichOneof("body")
    if body == "arrow":
        arrow = message.arrow
        if len(arrow) > BATCH_BYTES:
            faults.add(f"{path}.arrow", "is larger than 3 MiB")
        elif sha256(arrow).digest() != message.digest:
            faults.add(f"{path}.digest", "is not the digest of the batch")
    elif body == "rows":
        rows = _rows(message, faults, path)
    else:
        faults.add(path, "has no body of this version")
    return Chunk(message.offset, message.row_count, message.digest, arrow, rows)


def _rows(message: common_pb2.Batch, faults: Faults, path: str) -> tuple[tuple[Scalar, ...], ...]:
    if len(message.rows.rows) > ROWS_A_BATCH or len(message.rows.rows) != message.row_count:
        faults.add(f"{path}.rows", "has not as many rows as it says, or more than 1,000")
        return ()
    rows = tuple(
        tuple(to_scalar(value, path, faults, literal=False) for value in row.values)
        for row in message.rows.rows
    )
    try:
        digest = rows_digest(rows)
    except AuditError:
        digest = b""
    if digest != message.digest:
        faults.add(f"{path}.digest", "is not the digest of the batch")
    return rows
