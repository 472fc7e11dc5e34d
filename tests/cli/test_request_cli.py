"""`accord request`: what arrives is written whole and proved, or not at all."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import datetime as dt
import io
import json
import stat
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from gateway.cli.request import carry_out, hidden, noised, run
from gateway.cli.where import asked
from gateway.cli.written import writer
from gateway.errors import LogError, Reason, RefusedError, SettingsError
from gateway.plan.pushdown import arrow_schema
from gateway.ports import Message
from gateway.values import (
    Caller,
    Chunk,
    Column,
    DatasetId,
    FieldClass,
    FieldType,
    Form,
    Header,
    MaskNote,
    NoiseNote,
    Operator,
    Receipt,
    Request,
    Terms,
)
from gateway.wire.convert.exchange import Explanation
from tests.rpc.tls import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

KINDS = {
    "zip": FieldType.STRING, "age": FieldType.INTEGER, "day": FieldType.DATE,
    "seen": FieldType.BOOLEAN, "drugs": FieldType.LIST,
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {"zip": "05091", "age": 41, "day": dt.date(2026, 11, 1), "seen": True, "drugs": '["a","b"]'},
    {"zip": '=HYPERLINK("x")', "age": -3, "day": None, "seen": False, "drugs": None},
    {"zip": "+1", "age": None, "day": None, "seen": None, "drugs": "[]"},
]
TERMS = Terms(
    "synthetic-ems", "synthetic-phd", DatasetId("ems.overdose_run", 1),
    "public_health.surveillance", tuple(KINDS),
)  # fmt: skip
REQUEST = Request("r", TERMS, Caller("synthetic-phd", bytes(32)), Form.ARROW)
RECEIPT = Receipt("x", len(ROWS), 3, b"leaf", b"meta", b"salt", "proof")


def header(*names: str) -> Header:
    """Return a header with these columns."""
    columns = tuple(
        Column(name, KINDS[name], FieldClass.OPERATIONAL, MaskNote("pass")) for name in names
    )
    return Header("x", "county@1.0.0", b"", "P1", "4.1", b"", columns, ())


def chunk(rows: Sequence[dict[str, Any]], index: int = 0) -> Chunk:
    """Return rows as the gateway sends them."""
    schema = arrow_schema(tuple(KINDS.items()))
    batch = pa.RecordBatch.from_pylist(list(rows), schema)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(batch)
    return Chunk(index, len(rows), bytes(32), sink.getvalue())


class Gateway:
    """A client of a gateway that answers what a test says."""

    def __init__(self, *, fails: Exception | None = None, knows: bool = True) -> None:
        self.asked: list[Request] = []
        self._fails = fails
        self._knows = knows

    async def explain(self, request: Request) -> Explanation:
        """Say the types, or refuse."""
        self.asked.append(request)
        if self._knows:
            return Explanation(header(*request.terms.fields), None, (), (), (), "")
        return Explanation(None, RefusedError(Reason.NO_PROVISION, "no", step=4), (), (), (), "")

    async def exchange(self, request: Request, *, timeout_s: float) -> AsyncIterator[Message]:
        """Send a header, two chunks and a receipt, or fail after the first."""
        self.asked.append(request)
        yield Message(header=header(*KINDS))
        yield Message(chunk=chunk(ROWS[:1]))
        if self._fails is not None:
            raise self._fails
        yield Message(chunk=chunk(ROWS[1:], 1))
        yield Message(receipt=RECEIPT)


def ask(output: str, where: Sequence[str] = (), gateway: Gateway | None = None) -> Gateway:
    """Carry a request out and write what comes."""
    made, out = gateway or Gateway(), writer(output)
    narrowed = tuple(asked(text) for text in where)
    _, receipt = asyncio.run(carry_out(made, REQUEST, narrowed, out, 1.0))  # type: ignore[arg-type]
    out.finish(receipt)
    return made


def test_csv_is_shown_and_never_run(tmp_path: Path) -> None:
    """Text that begins a formula is quoted; numbers, negative ones too, are not."""
    ask(str(tmp_path / "runs.csv"))

    with (tmp_path / "runs.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert list(KINDS) == found[0]
    assert ["05091", "41", "2026-11-01", "true", '["a","b"]'] == found[1]
    assert ['\'=HYPERLINK("x")', "-3", "", "false", ""] == found[2]
    assert "'+1" == found[3][0]


def test_json_lines_keep_types(tmp_path: Path) -> None:
    """A list is a list, a missing value is null, text stays as it is."""
    ask(str(tmp_path / "runs.jsonl"))

    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert ["a", "b"] == lines[0]["drugs"]
    assert '=HYPERLINK("x")' == lines[1]["zip"]
    assert lines[2]["age"] is None


def test_parquet_keeps_everything(tmp_path: Path) -> None:
    """What arrived is what is in the file, in the header's types."""
    ask(str(tmp_path / "runs.parquet"))

    table = pyarrow.parquet.read_table(tmp_path / "runs.parquet")
    assert arrow_schema(tuple(KINDS.items())) == table.schema
    assert ROWS == table.to_pylist()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_failure_leaves_nothing(tmp_path: Path, ending: str) -> None:
    """An exchange without a proved receipt leaves no file, neither half nor whole."""
    gateway = Gateway(fails=LogError("the receipt does not prove it"))

    with pytest.raises(LogError):
        ask(str(tmp_path / f"runs.{ending}"), gateway=gateway)

    assert [] == list(tmp_path.iterdir())


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """A file of an earlier request is not touched by one that fails."""
    (tmp_path / "runs.csv").write_text("before")

    with pytest.raises(LogError):
        ask(str(tmp_path / "runs.csv"), gateway=Gateway(fails=LogError("no")))

    assert "before" == (tmp_path / "runs.csv").read_text()


def test_records_are_their_owners_alone(tmp_path: Path) -> None:
    """Nobody else on the machine reads what was written, and the receipt lies beside it."""
    ask(str(tmp_path / "runs.csv"))

    assert 0o600 == stat.S_IMODE((tmp_path / "runs.csv").stat().st_mode)
    assert 3 == json.loads((tmp_path / "runs.csv.receipt").read_text())["index"]
    assert {"runs.csv", "runs.csv.receipt"} == {path.name for path in tmp_path.iterdir()}


def test_without_a_file_rows_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines on standard output."""
    ask("-")

    assert 3 == len(capsys.readouterr().out.splitlines())


def test_where_is_typed_by_the_gateway(tmp_path: Path) -> None:
    """The explanation says the types; a field that was not asked for is only filtered by."""
    narrowed = Request("r", Terms(**{**_parts(), "fields": ("age",)}), REQUEST.caller, Form.ARROW)
    gateway = Gateway()
    out = writer(str(tmp_path / "runs.csv"))
    wheres = (asked("zip=05091"), asked("age>=18"), asked("day=2026-11-01"))

    asyncio.run(carry_out(gateway, narrowed, wheres, out, 1.0))  # type: ignore[arg-type]

    explained, exchanged = gateway.asked
    assert ("age", "zip", "day") == explained.terms.fields
    assert () == explained.terms.where
    assert ("age",) == exchanged.terms.fields
    values = [(one.op, one.values) for one in exchanged.terms.where]
    assert [
        (Operator.EQ, ("05091",)), (Operator.GTE, (18,)), (Operator.EQ, (dt.date(2026, 11, 1),)),
    ] == values  # fmt: skip


def test_without_types_values_go_as_text(tmp_path: Path) -> None:
    """Where the explanation refuses, the exchange is asked all the same: it refuses in the log."""
    gateway = ask(str(tmp_path / "runs.csv"), ["age=18"], Gateway(knows=False))

    assert ("18",) == gateway.asked[1].terms.where[0].values


def test_without_where_nothing_is_explained(tmp_path: Path) -> None:
    """One call is enough."""
    assert 1 == len(ask(str(tmp_path / "runs.csv")).asked)


@pytest.mark.parametrize("output", ["runs.xlsx", "runs", "absent/runs.csv"])
def test_an_output_that_cannot_be_is_said(output: str) -> None:
    """Before anything is asked."""
    with pytest.raises(SettingsError, match="--output"):
        writer(output)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataset": "ems"}, "--dataset"),
        ({"fields": " , "}, "--fields"),
        ({"where": ["x"]}, "--where"),
        ({"output": "x.doc"}, "--output"),
        ({"timeout_s": 0.0}, "--timeout"),
        ({"timeout_s": float("nan")}, "--timeout"),
        ({"client": "absent.toml"}, "absent.toml"),
    ],
)
def test_wrong_usage_is_said(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """Each option by its name."""
    (tmp_path / "client.toml").write_text(CLIENT)
    options: dict[str, Any] = {
        "client": str(tmp_path / "client.toml"), "provider": "ems", "dataset": "ems.overdose_run@1",
        "purpose": "p", "fields": "age", "where": [], "output": "-", "timeout_s": 1.0,
    } | changed  # fmt: skip

    with pytest.raises(SettingsError, match=said):
        run(**options)


CLIENT = """
[client]
agency = "synthetic-phd"
checkpoint = "checkpoint"
[gateway]
address = "127.0.0.1:1"
san = "gateway.example"
vkey = "x"
[tls]
certificate = "c"
key = "k"
ca = "a"
"""


@pytest.mark.parametrize("checkpoint", [None, "no checkpoint\n"])
def test_a_wrong_key_or_checkpoint_is_said(tmp_path: Path, checkpoint: str | None) -> None:
    """A vkey that is none, or a kept checkpoint that is damaged: a setting, not a traceback."""
    (tmp_path / "client.toml").write_text(CLIENT)
    Authority(tmp_path).issue("synthetic-phd.test", file="c")
    for name, made in (("c", "c.crt"), ("k", "c.key"), ("a", "ca.pem")):
        (tmp_path / made).rename(tmp_path / name)
    if checkpoint is not None:
        (tmp_path / "checkpoint").write_text(checkpoint)

    with pytest.raises(SettingsError, match=r"gateway\.vkey"):
        run(str(tmp_path / "client.toml"), "ems", "ems.overdose_run@1", "p", "age", [], "-", 1.0)


def _parts() -> dict[str, Any]:
    return {name: getattr(TERMS, name) for name in TERMS.__slots__}


@pytest.mark.parametrize(
    ("meta", "lines"),
    [
        (b"{}", []),
        (
            b'{"crowd":[12,3400,null]}',
            ["hidden among 12 people or more, 3,400 rows among just so many"],
        ),
        (
            b'{"crowd":[12,3400,23]}',
            [
                "hidden among 12 people or more, 3,400 rows among just so many",
                "withheld 23 rows of smaller classes",
            ],
        ),
        (
            b'{"likeness":[1,41,1000,"people",1]}',
            ["alike 4.1% of rows alone, smallest class 1 people"],
        ),
        (
            b'{"likeness":[1000,0,123456,"rows",1]}',
            ["alike 0.0% of rows alone, smallest class 1,000 rows"],
        ),
        (
            b'{"likeness":[null,0,9000000,"people",64]}',
            ["alike 0.0% of rows alone, smallest class not known, by one class in 64"],
        ),
        (b'{"likeness":[0,0,0,"rows",1]}', ["alike no rows"]),
    ],
)
def test_a_receipt_says_how_well_people_are_hidden(meta: bytes, lines: list[str]) -> None:
    """Of records in classes the smallest is named, and a number of withheld rows that may be.

    Of others how many rows are alone, and what was not looked at.
    """
    said = hidden(dataclasses.replace(RECEIPT, meta=meta))

    assert lines == [" ".join(line.split()) for line in said]


def test_a_receipt_says_how_far_numbers_with_noise_are_off() -> None:
    """Mechanism, deviation, rho and bound; of exact numbers nothing is said."""
    exact = header("age")
    note = NoiseNote("discrete_gaussian", "0.05", "5.4775390625", "3")

    said = " ".join(" ".join(noised(dataclasses.replace(exact, noise=note))).split())

    assert [] == noised(exact)
    assert "discrete_gaussian, standard deviation 5.4775390625, rho 0.05" in said
    assert "a person in at most 3 cells" in said
    assert "may be negative" in said
