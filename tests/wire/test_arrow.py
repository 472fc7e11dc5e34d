# ruff: noqa: ANN401, D103, FBT001, FBT003, PT017, S311 - twins and helpers of tests
"""Arrow bytes from outside: every kind of bad batch is refused, and memory stays flat."""

from __future__ import annotations

import random
import resource
import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import ARROW
from gateway.values import FieldType
from gateway.wire.arrow import Layout, cut, layout

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = (("county", FieldType.STRING), ("age", FieldType.INTEGER))
LAYOUT = layout(COLUMNS)


def a_batch(rows: int = 3, schema: pa.Schema = LAYOUT.schema, text: str = "x") -> pa.RecordBatch:
    values: Any = {"county": [text] * rows, "age": list(range(rows))}
    return pa.RecordBatch.from_pydict(values, schema)


def stream(
    *batches: pa.RecordBatch, compression: Any = None, schema: pa.Schema | None = None
) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, schema or batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def refuses(data: bytes, most_rows: int = 8192) -> str:
    """Return what a batch is refused for; it is always the adapter's broken plan."""
    with pytest.raises(SourceError) as caught:
        LAYOUT.decode(data, most_rows)
    assert Reason.ADAPTER_BROKE_PLAN == caught.value.reason
    return caught.value.message.removeprefix("the adapter sent ")


def every_type() -> tuple[tuple[str, FieldType], ...]:
    return tuple((f"f_{kind.name.lower()}", kind) for kind in FieldType)


@pytest.mark.parametrize("rows", [0, 1, 8192])
def test_a_batch_comes_back_as_it_was(rows: int) -> None:
    """What this library writes it reads back, and so does any Arrow library."""
    nulls: Any = pa.nulls
    made = layout(every_type())
    batch = pa.record_batch(
        [nulls(rows, ARROW[kind]) for _, kind in every_type()], schema=made.schema
    )
    data = made.encode(batch)

    assert made.decode(data, rows) == batch
    assert pa.ipc.open_stream(data).read_all().to_batches(max_chunksize=None)[:1] in ([batch], [])
    assert stream(batch) == data


def test_another_writers_stream_is_read() -> None:
    """A stream whose schema is spelled otherwise, or without its end, holds the same batch."""
    batch = a_batch()
    data = stream(batch)

    assert batch == LAYOUT.decode(data[:-8], 3)


@pytest.mark.parametrize(("most", "refused"), [(3, False), (2, True)])
def test_rows_are_bounded_before_anything_is_read(most: int, refused: bool) -> None:
    """The largest number of rows passes, and one more is refused from the header alone."""
    if refused:
        assert "more rows in a batch than the plan allows" == refuses(
            LAYOUT.encode(a_batch()), most
        )
    else:
        assert 3 == LAYOUT.decode(LAYOUT.encode(a_batch()), most).num_rows


def with_metadata() -> pa.Schema:
    return LAYOUT.schema.with_metadata({"x": "y"})


def schema_of(county: Any) -> pa.Schema:
    return pa.schema([county, pa.field("age", pa.int64())])


def dictionary() -> bytes:
    kind: Any = pa.dictionary(pa.int32(), pa.large_utf8())
    schema = pa.schema([pa.field("county", kind), pa.field("age", pa.int64())])
    values: Any = {"county": ["x"], "age": [1]}
    batch = pa.RecordBatch.from_pydict(values, schema)
    return stream(batch)


SCHEMAS: dict[str, Callable[[], bytes]] = {
    "an extra column": lambda: stream(a_batch().append_column("name", pa.array(["x"] * 3))),
    "a column less": lambda: stream(a_batch().select([0])),
    "another order": lambda: stream(a_batch().select([1, 0])),
    "another name": lambda: stream(a_batch().rename_columns(["county", "years"])),
    "another type": lambda: stream(a_batch(schema=schema_of(pa.field("county", pa.utf8())))),
    "not nullable": lambda: stream(
        a_batch(schema=schema_of(pa.field("county", pa.large_utf8(), False)))
    ),
    "metadata": lambda: stream(a_batch(schema=with_metadata())),
    "a dictionary": dictionary,
}


@pytest.mark.parametrize("what", sorted(SCHEMAS))
def test_the_schema_is_the_plans(what: str) -> None:
    """Another column, type, order or metadata is refused before a batch is looked at."""
    assert "columns that the plan does not ask for" in refuses(SCHEMAS[what]())


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_compressed_batch_is_not_decompressed(codec: str) -> None:
    """A bomb of a few KB that becomes 64 MiB is refused from its header; memory stays flat."""
    bomb = stream(a_batch(rows=64, text="x" * (1 << 20)), compression=codec)
    assert len(bomb) < (1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(50):
        assert "a compressed batch" == refuses(bomb)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


def test_two_batches_are_one_too_many() -> None:
    """A message holds one batch: a second, or any byte after it, is refused."""
    data = LAYOUT.encode(a_batch())

    assert "more than one batch" in refuses(stream(a_batch(), a_batch()))
    assert "more than one batch" in refuses(data + b"x")
    assert "more than one batch" in refuses(data + data)


def test_no_batch_is_refused() -> None:
    """Nothing, noise, a schema alone, and a file in place of a stream are refused."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, LAYOUT.schema) as writer:
        writer.write_batch(a_batch())
    for data in (b"", b"x" * 100, stream(schema=LAYOUT.schema), bytes(sink.getvalue())):
        refuses(data)


def test_an_offset_beyond_its_column_is_seen() -> None:
    """An offset of 2**30 in a small column, which plain validation passes, is refused (T22)."""
    data = bytearray(LAYOUT.encode(a_batch(rows=2, text="abc")))
    good = struct.pack("<3q", 0, 3, 6)
    at = data.index(good)
    for offsets in ((0, 3, 1 << 30), (0, 1 << 30, 6), (-1, 3, 6), (3, 0, 6)):
        data[at : at + 24] = struct.pack("<3q", *offsets)
        refuses(bytes(data))


def test_text_that_is_not_utf8_is_seen() -> None:
    """Bytes that are no text in a text column are refused."""
    data = LAYOUT.encode(a_batch(rows=2, text="abc")).replace(b"abcabc", b"ab\xffabc")

    refuses(data)


def test_any_damage_is_a_broken_plan_or_the_plans_columns() -> None:
    """Flipped, cut and inserted bytes end in one error, or in a valid batch of the plan."""
    draw = random.Random(7)
    good = LAYOUT.encode(a_batch(rows=5, text="abc"))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(data))
            kind = draw.randrange(3)
            if kind == 0:
                data[at] = draw.randrange(256)
            elif kind == 1:
                del data[at : at + draw.randint(1, 9)]
            else:
                data[at:at] = draw.randbytes(draw.randint(1, 9))
            if not data:
                break
        try:
            batch = LAYOUT.decode(bytes(data), 8192)
        except SourceError as error:
            assert Reason.ADAPTER_BROKE_PLAN == error.reason
        else:
            assert LAYOUT.schema == batch.schema
            batch.validate(full=True)


def test_layouts_are_kept() -> None:
    """The same columns have the same layout."""
    assert layout(COLUMNS) is LAYOUT
    assert isinstance(LAYOUT, Layout)


@pytest.mark.parametrize(
    ("rows", "most_rows", "most_bytes", "expected"),
    [
        (10, 10, 1 << 20, [10]),
        (11, 10, 1 << 20, [10, 1]),
        (0, 10, 1 << 20, []),
        (1, 10, 1, [1]),
        (4, 10, 1, [1, 1, 1, 1]),
    ],
)
def test_batches_are_cut(rows: int, most_rows: int, most_bytes: int, expected: list[int]) -> None:
    """Pieces keep to rows and bytes, but for one wide row; together they are the batch."""
    pieces = cut(a_batch(rows), most_rows, most_bytes)

    assert expected == [piece.num_rows for piece in pieces]
    if pieces:
        assert a_batch(rows).to_pylist() == pa.Table.from_batches(pieces).to_pylist()
