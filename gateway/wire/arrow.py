"""Arrow batches from outside: bytes are memory, so they are looked at before they are believed.

The order matters: schema, compression, row count, then every offset. A compressed batch of 2 KB
becomes 64 MiB when it is only read, and `validate()` without `full` passes an offset of 2**30.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

import pyarrow as pa

from gateway.errors import Reason, SourceError

_I32 = struct.Struct("<i").unpack_from
_U32 = struct.Struct("<I").unpack_from
_U16 = struct.Struct("<H").unpack_from
_I64 = struct.Struct("<q").unpack_from
# Field numbers of the flatbuffers of Arrow's format, Message.fbs and its RecordBatch.
_MESSAGE_HEADER: Final = 2
_BATCH_LENGTH: Final = 0
_BATCH_COMPRESSION: Final = 3


def encode(batch: pa.RecordBatch) -> bytes:
    """Return a whole Arrow IPC stream, uncompressed, of this one batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


@lru_cache(maxsize=64)
def _schema_message(schema: pa.Schema) -> bytes:
    """Return how this library writes a schema: streams that begin so need no parsing for it."""
    return bytes(schema.serialize())


def decode(data: bytes, schema: pa.Schema, most_rows: int) -> pa.RecordBatch:
    """Return the one batch of an Arrow IPC stream from an adapter.

    Args:
        data: As it came.
        schema: The plan's: names, types, order; metadata is an error too.
        most_rows: The most rows that the batch may have.

    Raises:
        SourceError: `ADAPTER_BROKE_PLAN`, whatever is wrong; the message names what, no value.
    """
    try:
        return _decode(data, schema, most_rows)
    except (pa.ArrowException, struct.error, OSError, ValueError, EOFError, StopIteration):
        raise broke("a batch that is not one Arrow stream of one record batch") from None


def _decode(data: bytes, schema: pa.Schema, most_rows: int) -> pa.RecordBatch:
    known = _schema_message(schema)
    if data.startswith(known):
        reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(data).slice(len(known)))
    else:
        reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(data))
        if not pa.ipc.read_schema(reader.read_next_message()).equals(schema, check_metadata=True):
            raise broke("columns that the plan does not ask for, or of other types")
    message = reader.read_next_message()
    if message.type != "record batch":
        raise broke("a message that is not a record batch")
    rows, compressed = _header(bytes(message.metadata))
    if compressed:
        raise broke("a compressed batch")
    if not 0 <= rows <= most_rows:
        raise broke("more rows in a batch than the plan allows")
    _end(reader)
    batch = pa.ipc.read_record_batch(message, schema)
    if batch.num_rows != rows:
        raise broke("a batch with another number of rows than it says")
    batch.validate(full=True)
    return batch


def _end(reader: pa.ipc.MessageReader) -> None:
    """Return if nothing follows the batch."""
    try:
        reader.read_next_message()
    except StopIteration:
        return
    raise broke("more than one batch in a message")


def _header(metadata: bytes) -> tuple[int, bool]:
    """Return (rows, compressed) from a message's flatbuffer, before anything is decompressed."""
    header = _U32(metadata)[0]
    at = _field(metadata, header, _MESSAGE_HEADER)
    batch = at + _U32(metadata, at)[0]
    length = _field(metadata, batch, _BATCH_LENGTH)
    rows = _I64(metadata, length)[0] if length else 0
    return rows, _field(metadata, batch, _BATCH_COMPRESSION) != 0


def _field(buffer: bytes, table: int, number: int) -> int:
    """Return where a field of a flatbuffer's table stands, 0 where it is absent."""
    vtable = table - _I32(buffer, table)[0]
    if 4 + 2 * number >= _U16(buffer, vtable)[0]:
        return 0
    offset: int = _U16(buffer, vtable + 4 + 2 * number)[0]
    return table + offset if offset else 0


def broke(what: str) -> SourceError:
    """Return the error of an adapter that sent what the plan did not ask for."""
    return SourceError(Reason.ADAPTER_BROKE_PLAN, f"the adapter sent {what}")


def cut(batch: pa.RecordBatch, most_rows: int, most_bytes: int) -> list[pa.RecordBatch]:
    """Return a batch in pieces of at most so many rows and, but for one wide row, bytes.

    Arrow slices share memory, so the size of a piece is asked of Arrow, which counts what a slice
    covers.
    """
    pieces, at = [], 0
    while at < batch.num_rows:
        rows = min(most_rows, batch.num_rows - at)
        piece = batch.slice(at, rows)
        while rows > 1 and piece.nbytes > most_bytes:
            rows = max(1, rows // 2)
            piece = batch.slice(at, rows)
        pieces.append(piece)
        at += rows
    return pieces
