# ruff: noqa: ANN401, ARG005, D103, PT017 - twins and helpers of tests
"""Messages and values: total both ways, each limit on both sides, and no value in a fault."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Reason, ReleaseError, RequestError
from gateway.plan.pushdown import Scan
from gateway.ports import Logged, Message
from gateway.v1 import adapter_pb2, common_pb2, exchange_pb2
from gateway.values import (
    Caller,
    Chunk,
    Column,
    Condition,
    DatasetId,
    Duty,
    FieldClass,
    FieldType,
    Form,
    Header,
    MaskNote,
    NoiseNote,
    Operator,
    Receipt,
    Request,
    Resume,
    Terms,
)
from gateway.wire.convert.chunk import from_chunk, to_chunk
from gateway.wire.convert.exchange import Explanation as Explained
from gateway.wire.convert.exchange import (
    explain_to_request,
    from_explained,
    from_message,
    from_request,
    to_request,
)
from gateway.wire.convert.faults import Faults, known
from gateway.wire.convert.header import from_header, from_receipt, to_header, to_receipt
from gateway.wire.convert.page import from_after, to_after, to_size
from gateway.wire.convert.scalar import from_scalar, to_scalar
from gateway.wire.convert.scan import from_scan, to_scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.values import Scalar

ME = Caller("synthetic-phd", b"\x01" * 32)
ID = "0197b2c4-0000-7000-8000-000000000001"
D = b"\x01" * 32
TERMS = Terms(
    "synthetic-ems", "synthetic-phd", DatasetId("ems.overdose_run", 1),
    "public_health.surveillance",
    ("county", "age"), (Condition("county", Operator.IN, ("x", "y")),),
)  # fmt: skip
REQUEST = Request(ID, TERMS, ME)


def faults_of(message: exchange_pb2.ExchangeRequest) -> list[str]:
    """Return the paths that a request is refused for."""
    with pytest.raises(RequestError) as caught:
        to_request(message, ME)
    return [path for path, _ in caught.value.violations]


scalars: st.SearchStrategy[Scalar] = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=1000),
    st.binary(max_size=4096),
    st.dates(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
    ),
)


@given(scalars)
def test_a_value_comes_back_as_it_was(value: Scalar) -> None:
    """Every scalar, in its own type, survives the wire."""
    faults = Faults()
    wire = common_pb2.Value.FromString(from_scalar(value).SerializeToString())

    back = to_scalar(wire, "v", faults)

    assert not faults
    assert (type(value), value) == (type(back), back)


def test_null_is_no_value() -> None:
    """Null is the message without a kind, both ways."""
    assert b"" == from_scalar(None).SerializeToString()
    assert to_scalar(common_pb2.Value(), "v", Faults()) is None


def test_a_value_of_another_type_never_leaves() -> None:
    """A subclass, a list, an integer beyond 64 bits: errors, never a text of them."""

    class Text(str):
        __slots__ = ()

    for value in (Text("x"), ["x"], object()):
        with pytest.raises(ReleaseError):
            from_scalar(value)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="range"):
        from_scalar(2**63)


requests = st.builds(
    Request,
    request_id=st.uuids().map(str),
    terms=st.builds(
        Terms,
        provider=st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
        recipient=st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
        dataset=st.builds(DatasetId, st.just("ems.overdose_run"), st.integers(1, 9999)),
        purpose=st.from_regex(r"[a-z][a-z0-9_.]{0,60}", fullmatch=True),
        fields=st.lists(
            st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True),
            min_size=1,
            max_size=5,
            unique=True,
        ).map(tuple),
        where=st.lists(
            st.builds(
                Condition,
                field=st.just("county"),
                op=st.just(Operator.IN),
                values=st.lists(scalars, min_size=1, max_size=3).map(tuple),
            ),
            max_size=3,
        ).map(tuple),
    ),
    caller=st.just(ME),
    form=st.sampled_from(Form),
    resume=st.none()
    | st.builds(
        Resume,
        exchange_id=st.uuids().map(str),
        offset=st.integers(0, 2**63 - 1),
        stream=st.binary(min_size=32, max_size=32),
    ),
)


@given(requests)
def test_a_request_comes_back_as_it_was(request: Request) -> None:
    """Whatever a client may ask survives the wire, and asks nothing else."""
    wire = exchange_pb2.ExchangeRequest.FromString(from_request(request).SerializeToString())

    known(wire)

    assert request == to_request(wire, ME)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_request_or_an_error(data: bytes) -> None:
    """Conversion is total: bytes that parse become a request that keeps the rules, or an error."""
    try:
        message = exchange_pb2.ExchangeRequest.FromString(data)
    except Exception:  # noqa: BLE001 - the parser's own refusal
        return
    try:
        known(message)
        request = to_request(message, ME)
    except RequestError as error:
        assert error.reason in {Reason.INVALID_REQUEST, Reason.UNKNOWN_FIELD, Reason.NO_FIELDS}
    else:
        assert request == to_request(from_request(request), ME)


def changed(change: Callable[[Any], object]) -> exchange_pb2.ExchangeRequest:
    """Return the good request's message with one change."""
    message = from_request(REQUEST)
    change(message)
    return message


def fill(count: int) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        del message.terms.fields[:]
        message.terms.fields.extend(f"f{index}" for index in range(count))

    return change


def conditions(count: int) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        one = common_pb2.Condition.FromString(message.terms.where[0].SerializeToString())
        del message.terms.where[:]
        message.terms.where.extend([one] * count)

    return change


def values(count: int) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        del message.terms.where[0].values[:]
        message.terms.where[0].values.extend([common_pb2.Value(integer=1)] * count)

    return change


def value(**kind: Any) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        message.terms.where[0].values[1].CopyFrom(common_pb2.Value(**kind))

    return change


def put(path: str, content: object) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        *way, last = path.split(".")
        for name in way:
            message = getattr(message, name)
        setattr(message, last, content)

    return change


def resume(exchange_id: str, offset: int, stream: bytes) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        message.exchange_id, message.offset, message.stream = exchange_id, offset, stream

    return change


V = "terms.where[0].values[1]"
LIMITS: list[tuple[str, Callable[[Any], None], list[str]]] = [
    ("256 fields", fill(256), []),
    ("257 fields", fill(257), ["terms.fields"]),
    ("no fields", fill(0), ["terms.fields"]),
    ("a field twice", lambda m: m.terms.fields.append("age"), ["terms.fields"]),
    ("a field of 63", lambda m: m.terms.fields.append("f" * 63), []),
    ("a field of 64", lambda m: m.terms.fields.append("f" * 64), ["terms.fields[2]"]),
    ("a field in capitals", lambda m: m.terms.fields.append("Age"), ["terms.fields[2]"]),
    ("a field with a newline", lambda m: m.terms.fields.append("age\n"), ["terms.fields[2]"]),
    ("32 conditions", conditions(32), []),
    ("33 conditions", conditions(33), ["terms.where"]),
    ("1,000 values", values(1000), []),
    ("1,001 values", values(1001), ["terms.where[0].values"]),
    ("no value", values(0), ["terms.where[0].values"]),
    ("two values for eq", put("terms.provider", "x"), []),
    ("4 KiB of text", value(text="x" * 4096), []),
    ("4 KiB and a byte of text", value(text="é" * 2048 + "x"), [f"{V}.text"]),
    ("4 KiB and a byte of bytes", value(binary=b"x" * 4097), [f"{V}.binary"]),
    ("infinite", value(real=float("inf")), [f"{V}.real"]),
    ("not a number", value(real=float("nan")), [f"{V}.real"]),
    ("null", value(), [V]),
    ("the last day", value(date=2_932_896), []),
    ("a day later", value(date=2_932_897), [f"{V}.date"]),
    ("the first day", value(date=-719_162), []),
    ("a day earlier", value(date=-719_163), [f"{V}.date"]),
    ("the last instant", value(timestamp=253_402_300_799_999_999), []),
    ("an instant later", value(timestamp=253_402_300_800_000_000), [f"{V}.timestamp"]),
    ("an instant too early", value(timestamp=-62_135_596_800_000_001), [f"{V}.timestamp"]),
    ("a decimal", value(decimal="-1.50"), []),
    ("an exponent", value(decimal="1e5"), [f"{V}.decimal"]),
    ("a decimal that is none", value(decimal="NaN"), [f"{V}.decimal"]),
    ("a dataset without version", put("terms.dataset", "ems.overdose_run"), ["terms.dataset"]),
    ("version 0", put("terms.dataset", "ems.overdose_run@0"), ["terms.dataset"]),
    ("a dataset of 128", put("terms.dataset", "a." + "b" * 124 + "@1"), ["terms.dataset"]),
    ("no provider", put("terms.provider", ""), ["terms.provider"]),
    ("a recipient with a space", put("terms.recipient", "a b"), ["terms.recipient"]),
    ("a purpose in words", put("terms.purpose", "to help"), ["terms.purpose"]),
    ("no request id", put("request_id", ""), ["request_id"]),
    ("a request id in capitals", put("request_id", ID.upper().replace("0", "A")), ["request_id"]),
    ("no format", put("format", 0), ["format"]),
    ("an unknown format", put("format", 4), ["format"]),
    ("to resume", resume(ID, 0, D), []),
    ("a negative offset", resume(ID, -1, D), ["offset"]),
    ("a stream of 31", resume(ID, 1, D[:31]), ["stream"]),
    ("a stream of 33", resume(ID, 1, D + b"x"), ["stream"]),
    ("an offset of nothing", resume("", 1, b""), ["exchange_id"]),
    ("a stream of nothing", resume("", 0, D), ["exchange_id"]),
    ("an exchange id that is none", resume("x", 1, D), ["exchange_id"]),
]


@pytest.mark.parametrize(
    ("change", "paths"), [case[1:] for case in LIMITS], ids=[c[0] for c in LIMITS]
)
def test_every_limit_on_both_sides(change: Callable[[Any], None], paths: list[str]) -> None:
    """The largest that is allowed passes, and one more is refused by its path."""
    message = changed(change)

    if paths:
        assert paths == faults_of(message)
    else:
        to_request(message, ME)


@pytest.mark.parametrize(
    "operator", [op for op in Operator if op not in {Operator.IN, Operator.NOT_IN}]
)
def test_comparisons_take_one_value(operator: Operator) -> None:
    """All but IN and NOT_IN compare with exactly one value."""
    two = replace(TERMS, where=(Condition("county", operator, ("x", "y")),))
    one = replace(TERMS, where=(Condition("county", operator, ("x",)),))

    assert ["terms.where[0].values"] == faults_of(from_request(replace(REQUEST, terms=two)))
    assert one == to_request(from_request(replace(REQUEST, terms=one)), ME).terms


def test_no_fields_is_its_own_reason() -> None:
    """A request without fields is NO_FIELDS when nothing before it is wrong."""
    with pytest.raises(RequestError) as caught:
        to_request(changed(fill(0)), ME)

    assert Reason.NO_FIELDS == caught.value.reason


def test_all_faults_come_at_once_and_quote_nothing() -> None:
    """A caller hears of everything in one answer, at most one more than leaves, and of no value."""
    message = changed(lambda m: m.terms.where[0].values.add(text="canary" * 1000))
    message.request_id, message.terms.provider = "canary", "CANARY"
    message.terms.fields.extend(["CANARY"] * 100)

    with pytest.raises(RequestError) as caught:
        to_request(message, ME)

    assert 21 == len(caught.value.violations)
    assert {"request_id", "terms.provider", "terms.fields"} <= {
        p for p, _ in caught.value.violations
    }
    assert "canary" not in (str(caught.value) + str(caught.value.violations)).lower()


def test_good_terms_are_kept_and_bad_ones_are_not() -> None:
    """The same terms are the same object; a fault is found each time."""
    message = from_request(REQUEST)
    assert to_request(message, ME).terms is to_request(message, ME).terms
    bad = changed(put("terms.provider", "NO"))
    assert [["terms.provider"]] * 2 == [faults_of(bad), faults_of(bad)]


def test_an_explain_request_has_no_id() -> None:
    """Explain takes terms alone."""
    terms = from_request(REQUEST).terms

    assert Request("", TERMS, ME) == explain_to_request(
        exchange_pb2.ExplainRequest(terms=terms), ME
    )
    with pytest.raises(RequestError):
        explain_to_request(exchange_pb2.ExplainRequest(), ME)


BAND = MaskNote("band", ("width=5",))
HEADER = Header(
    ID, "synthetic@1.0.0", D, "p1", "§ 1", D,
    (
        Column("county", FieldType.STRING, FieldClass.QUASI_IDENTIFIER),
        Column("age", FieldType.INTEGER, FieldClass.QUASI_IDENTIFIER, BAND),
    ),
    (
        Duty("delete_after", dt.datetime(2027, 1, 1, tzinfo=dt.UTC), "after 1 year"),
        Duty("contact", None, "no"),
    ),
    20,
    rung="county -> region",
)  # fmt: skip
NOISE = NoiseNote("discrete_gaussian", "0.05", "5.4775390625", "3")
RECEIPT = Receipt(ID, 3, 7, b"leaf", b"meta", b"s" * 32, "proof")


def test_header_and_receipt_come_back_as_they_were() -> None:
    """What a recipient is told is what the gateway said; twice, since columns are kept."""
    for _ in range(2):
        header, receipt, faults = common_pb2.Header(), common_pb2.Receipt(), Faults()
        from_header(HEADER, header)
        from_receipt(RECEIPT, receipt)
        assert (HEADER, RECEIPT) == (to_header(header, faults), to_receipt(receipt, faults))
        assert not faults


def test_noise_comes_back_as_it_was() -> None:
    """Its figures are texts, and exact; a header without noise says none."""
    noisy = replace(HEADER, noise=NOISE)
    message, faults = common_pb2.Header(), Faults()
    from_header(noisy, message)

    assert noisy == to_header(message, faults)
    assert not faults


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("mechanism", "laplace"),
        ("mechanism", ""),
        ("rho", ""),
        ("rho", "-1"),
        ("rho", "1e3"),
        ("scale", "nan"),
        ("scale", "5."),
        ("bound", "three"),
    ],
)
def test_noise_of_another_kind_is_faulted(name: str, wrong: str) -> None:
    """Figures of a mechanism that this version does not know are not read as those of ours."""
    message, faults = common_pb2.Header(), Faults()
    from_header(replace(HEADER, noise=NOISE), message)
    setattr(message.noise, name, wrong)
    to_header(message, faults)

    with pytest.raises(RequestError) as caught:
        faults.settle()

    assert [f"header.noise.{name}"] == [path for path, _ in caught.value.violations]


def test_a_header_that_is_none_is_faulted() -> None:
    """Unknown types and classes, short digests, ids and times: each by its path."""
    columns = [common_pb2.Column(type="set")]
    message = common_pb2.Header(exchange_id="x", columns=columns, rounded_to=-1)
    message.duties.add().due.seconds = 10**12
    faults = Faults()
    to_header(message, faults)

    with pytest.raises(RequestError) as caught:
        faults.settle()

    assert {
        "header.exchange_id", "header.agreement_digest", "header.plan_digest",
        "header.columns[0].type", "header.columns[0].field_class", "header.duties[0].due",
        "header.rounded_to",
    } == {path for path, _ in caught.value.violations}  # fmt: skip


LOGGED = Logged(ID, 0, 7)


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(0, 1, D),
        Chunk(0, 1, D, arrow=b"x", rows=(("x",),)),
        Chunk(0, 2, D, rows=(("x",),)),
        Chunk(0, 1001, D, rows=(("x",),) * 1001),
        Chunk(0, 1, D, arrow=b"x" * (3 * 1024 * 1024 + 1)),
    ],
)
def test_a_chunk_out_of_bounds_never_leaves(chunk: Chunk) -> None:
    """No body, two bodies, another count, more rows or bytes than a batch has: errors here."""
    with pytest.raises(ReleaseError):
        from_message(Message(HEADER, chunk, LOGGED))


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(0, 1000, D, rows=(("x",),) * 1000),
        Chunk(0, 0, D, rows=()),
        Chunk(0, 1, D, arrow=b"x" * (3 * 1024 * 1024)),
    ],
)
def test_a_chunk_at_its_bounds_leaves(chunk: Chunk) -> None:
    """The largest batches, and one without rows, leave."""
    assert from_message(Message(HEADER, chunk, LOGGED)).HasField("batch")


def test_a_chunk_without_proof_never_leaves() -> None:
    """A chunk needs the proof that its release entry is durable; header and receipt do not."""
    chunk = Chunk(0, 1, D, arrow=b"x")

    with pytest.raises(ReleaseError, match="no release entry"):
        from_message(Message(HEADER, chunk))
    assert from_message(Message(HEADER, receipt=RECEIPT)).HasField("receipt")


def test_arriving_chunks_are_checked() -> None:
    """Counts, digests and bodies of a batch that arrives: each fault by its path."""
    good = common_pb2.Batch()
    from hashlib import sha256  # noqa: PLC0415

    from_chunk(Chunk(0, 1, sha256(b"x").digest(), arrow=b"x"), good)
    bad: list[tuple[str, object]] = [
        ("offset", -1), ("row_count", -1), ("row_count", 8193), ("digest", b"x"), ("arrow", b"y"),
        ("sealed", b"y"),
    ]  # fmt: skip
    faults = Faults()
    to_chunk(good, faults)
    assert not faults
    for name, content in bad:
        message, faults = common_pb2.Batch.FromString(good.SerializeToString()), Faults()
        setattr(message, name, content)
        to_chunk(message, faults)
        assert faults, name
    with pytest.raises(RequestError):
        faults.settle()


def test_an_explanation_has_one_answer() -> None:
    """A header or a refusal, never both or neither."""
    assert "permit" == from_explained(Explained(HEADER)).WhichOneof("answer")
    with pytest.raises(ReleaseError):
        from_explained(Explained())


SCAN = Scan(
    "synthetic-ems", "synthetic-phd", "public_health.surveillance",
    DatasetId("ems.overdose_run", 1),
    (("county", FieldType.STRING), ("age", FieldType.INTEGER)),
    (Condition("age", Operator.GTE, (18,)),), 100, 8192, D,
)  # fmt: skip
TYPES = {"county": FieldType.STRING, "age": FieldType.INTEGER}


def test_a_scan_comes_back_as_it_was() -> None:
    """Columns, filter and limits reach the adapter as the plan has them."""
    assert SCAN == to_scan(from_scan(SCAN, ID), lambda dataset: TYPES)


def scan(**changes: object) -> adapter_pb2.ScanRequest:
    message = from_scan(SCAN, ID)
    for path, content in changes.items():
        put(path, content)(message)
    return message


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (scan(exchange_id="x"), "exchange_id"),
        (scan(plan_digest=b"x"), "plan_digest"),
        (scan(limit_rows=0), "limit_rows"),
        (scan(batch_rows=0), "batch_rows"),
        (scan(batch_rows=8193), "batch_rows"),
    ],
)
def test_a_scan_that_breaks_a_rule_is_refused(message: adapter_pb2.ScanRequest, path: str) -> None:
    """Ids, digests and limits of a scan are the adapter's to check too."""
    with pytest.raises(RequestError) as caught:
        to_scan(message, lambda dataset: TYPES)

    assert [path] == [at for at, _ in caught.value.violations]


def test_an_adapter_never_widens() -> None:
    """A grouping, column, condition or dataset that it does not know is refused, not left out."""
    grouped = scan()
    grouped.grouping.keys.add(name="x", field="county")
    for message, types in (
        (grouped, TYPES),
        (scan(), {"county": FieldType.STRING}),
        (from_scan(replace(SCAN, where=(Condition("sex", Operator.EQ, ("x",)),)), ID), TYPES),
        (scan(), None),
    ):
        with pytest.raises(RequestError):
            to_scan(message, lambda dataset, types=types: types)  # type: ignore[misc]


def test_pages_are_bounded() -> None:
    """0 is 100, more than 1,000 is 1,000, negative is refused; tokens come back or are refused."""
    faults = Faults()
    assert [100, 1, 1000, 1000] == [to_size(size, "p", faults) for size in (0, 1, 1000, 1001)]
    assert ["", "a@1"] == [to_after(from_after(key), "t", faults) for key in ("", "a@1")]
    assert not faults
    for act in (
        lambda f: to_size(-1, "p", f),
        lambda f: to_after("é", "t", f),
        lambda f: to_after("x", "t", f),
        lambda f: to_after("A" * 516, "t", f),
    ):
        faults = Faults()
        act(faults)
        assert faults


def test_decimals_keep_their_text() -> None:
    """A decimal is the same text on the wire as in the row digest."""
    assert "1.50" == from_scalar(Decimal("1.50")).decimal
