"""Arrow batches on the wire: bytes from outside are memory, so they are looked at before belief.

The order matters: schema, compression, row count, then every offset. A compressed batch of 2 KB
becomes 64 MiB when it is only read, and `validate()` without `full` passes an offset of 2**30.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import arrow_schema

if TYPE_CHECKING:
    from gateway.values import FieldType

_END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_PREFIX = struct.Struct("<II").unpack_from
_CONTINUATION: Final = 0xFFFFFFFF
_I32 = struct.Struct("<i").unpack_from
_U32 = struct.Struct("<I").unpack_from
_U16 = struct.Struct("<H").unpack_from
_I64 = struct.Struct("<q").unpack_from
# Field numbers of the flatbuffers of Arrow's format, Message.fbs and its RecordBatch.
_MESSAGE_HEADER: Final = 2
_MESSAGE_BODY_LENGTH: Final = 3
_BATCH_LENGTH: Final = 0
_BATCH_COMPRESSION: Final = 3


class Layout:
    """The columns that batches must have, and how this library writes their schema.

    A stream that begins with those bytes needs no parsing for its schema.
    """

    __slots__ = ("_head", "schema")

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._head = bytes(schema.serialize())

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Return a whole Arrow IPC stream, uncompressed, of this one batch of the layout."""
        return b"".join((self._head, batch.serialize(), _END))

    def decode(self, data: bytes, most_rows: int) -> pa.RecordBatch:
        """Return the one batch of an Arrow IPC stream from an adapter.

        Args:
            data: As it came.
            most_rows: The most rows that the batch may have.

        Raises:
            SourceError: `ADAPTER_BROKE_PLAN`, whatever is wrong; the message names what, no value.
        """
        try:
            batch = self._decode(data, most_rows)
        except (pa.ArrowException, struct.error, OSError, ValueError, EOFError, TypeError):
            raise broke("a batch that is not one Arrow stream of one record batch") from None
        return batch

    def _decode(self, data: bytes, most_rows: int) -> pa.RecordBatch:
        start = len(self._head) if data.startswith(self._head) else self._schema_end(data)
        buffer = pa.py_buffer(data)
        message = pa.ipc.read_message(buffer.slice(start))
        if message.type != "record batch":
            raise broke("a message that is not a record batch")
        metadata = bytes(message.metadata)
        rows, compressed = _header(metadata)
        if compressed:
            raise broke("a compressed batch")
        if not 0 <= rows <= most_rows:
            raise broke("more rows in a batch than the plan allows")
        if data[start + _length(data, start) :] not in {b"", _END}:
            raise broke("more than one batch in a message")
        batch = pa.ipc.read_record_batch(message, self.schema)
        if batch.num_rows != rows:
            raise broke("a batch with another number of rows than it says")
        batch.validate(full=True)
        return batch

    def _schema_end(self, data: bytes) -> int:
        """Return where another writer's schema ends, once it is this layout's, metadata too."""
        message = pa.ipc.read_message(data)
        if message.type != "schema":
            raise broke("a stream that does not begin with its schema")
        if not pa.ipc.read_schema(message).equals(self.schema, check_metadata=True):
            raise broke("columns that the plan does not ask for, or of other types")
        return _length(data, 0)


@lru_cache(maxsize=256)
def layout(columns: tuple[tuple[str, FieldType], ...]) -> Layout:
    """Return the layout of a scan's columns; a plan's are asked for again and again."""
    return Layout(arrow_schema(columns))


def _length(data: bytes, start: int) -> int:
    """Return the length of the message at `start`, body included, from its own header."""
    continuation, size = _PREFIX(data, start)
    if continuation != _CONTINUATION:
        raise broke("a stream of another format")
    metadata = data[start + 8 : start + 8 + size]
    table = _U32(metadata)[0]
    body = _field(metadata, table, _MESSAGE_BODY_LENGTH)
    whole: int = 8 + size + (_I64(metadata, body)[0] if body else 0)
    return whole


def _header(metadata: bytes) -> tuple[int, bool]:
    """Return (rows, compressed) from a message's flatbuffer, before anything is decompressed."""
    header = _field(metadata, _U32(metadata)[0], _MESSAGE_HEADER)
    batch = header + _U32(metadata, header)[0]
    length = _field(metadata, batch, _BATCH_LENGTH)
    rows = _I64(metadata, length)[0] if length else 0
    return rows, _field(metadata, batch, _BATCH_COMPRESSION) != 0


def _field(buffer: bytes, table: int, number: int) -> int:
    """Return where a field of a flatbuffer's table stands, 0 where it is absent."""
    vtable = table - _I32(buffer, table)[0]
    at = 4 + 2 * number
    if at >= _U16(buffer, vtable)[0]:
        return 0
    offset: int = _U16(buffer, vtable + at)[0]
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
