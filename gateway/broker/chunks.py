"""A checked release as what one message carries, with the digest that the log will hold. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.ipc

from gateway.audit.stream import rows_digest
from gateway.errors import Reason, ReleaseError, RequestError
from gateway.ports import Ready
from gateway.values import Chunk, Form

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.plan.check import Release
    from gateway.values import Scalar

CHUNK_BYTES = 1 << 20
CHUNK_BYTES_MAX = 3 << 20
ROWS_IN_CHUNK = 1_000
ROWS_FORM_MAX = 10_000

_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_ZSTD = pa.ipc.IpcWriteOptions(compression="zstd")


def chunks_of(release: Release, form: Form, offset: int, *, whole: bool) -> Iterator[Chunk]:
    """Yield the chunks of a release, in order; a release without rows is one empty chunk.

    Args:
        release: What `plan/check` made.
        form: How the caller asked for it.
        offset: Rows of the exchange before this release.
        whole: Never cut: an aggregate is protected as one table, and not its parts.

    Raises:
        RequestError: `ROWS_FORM_LIMIT`: more rows than the rows form is for.
        ReleaseError: `BATCH_TOO_LARGE`: one row, or a whole table, is larger than a message may be.
    """
    batch = release.batch
    if form is Form.ROWS:
        if offset + batch.num_rows > ROWS_FORM_MAX:
            message = f"more than {ROWS_FORM_MAX} rows in the rows form: ask for Arrow"
            raise RequestError(Reason.ROWS_FORM_LIMIT, message)
        step = batch.num_rows if whole else ROWS_IN_CHUNK
        for start in range(0, batch.num_rows or 1, step or 1):
            yield _rows_chunk(batch.slice(start, step), offset + start)
        return
    for start, part in _cut(batch, 0, whole=whole):
        yield _arrow_chunk(part, offset + start, form)


def _cut(batch: pa.RecordBatch, start: int, *, whole: bool) -> Iterator[tuple[int, pa.RecordBatch]]:
    size = batch.nbytes
    if size <= CHUNK_BYTES or batch.num_rows <= 1 or whole:
        if size > CHUNK_BYTES_MAX:
            raise ReleaseError(Reason.BATCH_TOO_LARGE, "a row, or a table, larger than a message")
        yield start, batch
        return
    # Even parts, as many as the size asks for; one of long rows is cut again.
    parts = min(-(-size // CHUNK_BYTES), batch.num_rows)
    step = -(-batch.num_rows // parts)
    for first in range(0, batch.num_rows, step):
        yield from _cut(batch.slice(first, step), start + first, whole=False)


def _arrow_chunk(batch: pa.RecordBatch, offset: int, form: Form) -> Chunk:
    if form is Form.ARROW_ZSTD:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_ZSTD) as writer:
            writer.write_batch(batch)
        data = sink.getvalue().to_pybytes()
    else:
        # The same bytes as a stream writer's, without its growing buffer.
        data = b"".join((batch.schema.serialize(), batch.serialize(), _END))
    return Chunk(offset, batch.num_rows, hashlib.sha256(data).digest(), arrow=data)


def _rows_chunk(batch: pa.RecordBatch, offset: int) -> Chunk:
    try:
        columns: list[list[Scalar]] = [column.to_pylist() for column in batch.columns]
    except (OverflowError, ValueError):
        message = "a date or a time lies outside the calendar"
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message) from None
    rows = tuple(zip(*columns, strict=True))
    return Chunk(offset, batch.num_rows, rows_digest(rows), rows=rows)


def ready_of(
    release: Release,
    form: Form,
    offset: int,
    *,
    whole: bool,
    people: pa.RecordBatch | None = None,
) -> Iterator[Ready]:
    """Yield the chunks of a release with what the log holds of each; see `chunks_of`.

    Args:
        release: What `plan/check` made.
        form: How the caller asked for it.
        offset: Rows of the exchange before this release.
        whole: Never cut.
        people: The originals that name whom its rows are about, where the register is asked.
    """
    for chunk in chunks_of(release, form, offset, whole=whole):
        size = len(chunk.arrow) if chunk.arrow is not None else release.batch.nbytes
        theirs = (
            people.slice(chunk.offset - offset, chunk.row_count) if people is not None else None
        )
        yield Ready(
            chunk,
            size,
            release.tokens,
            release.suppressed,
            crowd=release.crowd,
            rung=release.rung,
            people=theirs,
        )


def without(ready: Ready, form: Form, gone: Sequence[bool]) -> Ready:
    """Return a chunk of records without some of its rows; it may then have none.

    What the log says of people stays that of the whole batch: it tells of too many, never too few.
    """
    keep = [not one for one in gone]
    chunk = ready.chunk
    if chunk.rows is not None:
        rows = tuple(row for row, stays in zip(chunk.rows, keep, strict=True) if stays)
        left = Chunk(chunk.offset, len(rows), rows_digest(rows), rows=rows)
        return dataclasses.replace(ready, chunk=left)
    with pa.ipc.open_stream(chunk.arrow or b"") as stream:
        [batch] = stream
    left = _arrow_chunk(batch.filter(pa.array(keep, pa.bool_())), chunk.offset, form)
    return dataclasses.replace(ready, chunk=left, size=len(left.arrow or b""))
