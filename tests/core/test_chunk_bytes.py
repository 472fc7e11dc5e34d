"""An Arrow chunk is the stream that Arrow's own writer makes: anybody's library reads it alone."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from gateway.broker.chunks import chunks_of
from gateway.plan.check import Release
from gateway.values import Form


@pytest.mark.parametrize("count", [0, 1, 8192])
def test_a_chunk_is_byte_for_byte_a_stream_of_one_batch(count: int) -> None:
    """The same bytes as `new_stream` writes, so the digest is of what every writer would send."""
    names = [None if n % 3 == 0 else f"value {n % 17}" for n in range(count)]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(names, pa.large_utf8()), pa.array(range(count), pa.int64())],
        names=["name", "number"],
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    expected = sink.getvalue().to_pybytes()

    (chunk,) = chunks_of(Release(bytes(32), batch, ()), Form.ARROW, 0, whole=False)

    assert expected == chunk.arrow
    assert hashlib.sha256(expected).digest() == chunk.digest
