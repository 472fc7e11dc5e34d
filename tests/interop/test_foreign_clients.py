"""The whole county, called by clients that nobody here wrote: Go's, a second Python's, Node's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from google.protobuf import json_format
from google.rpc.error_details_pb2 import ErrorInfo
from grpclib import GRPCError, Status
from grpclib.client import Channel, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.config import Configuration

from gateway.v1 import agreement_pb2, audit_pb2, exchange_pb2
from gateway.values import Form
from gateway.wire.convert.exchange import from_request
from tests.data import ROOT
from tests.stack.county import AGREEMENT, EMS, GATEWAY, PD, PHD, new_id, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.values import Request
    from gateway.wire.tls import TlsFiles
    from tests.stack.county import Town

PATH: Final = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
BUF: Final = shutil.which("buf", path=PATH)
NODE: Final = shutil.which("node", path=PATH)
HERE: Final = Path(__file__).parent
needs_buf = pytest.mark.skipif(BUF is None, reason="needs buf (PyPI buf-bin)")
needs_node = pytest.mark.skipif(
    NODE is None or not (HERE / "grpc_js" / "node_modules").is_dir(),
    reason="needs node, and `npm ci` in tests/interop/grpc_js",
)

EXCHANGE: Final = "/gateway.v1.ExchangeService/Exchange"


def runs(fields: str = "pcr_uuid age sex", form: Form = Form.ROWS) -> Request:
    """Return the epidemiologists' request."""
    return request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", fields, form=form)


def referrals() -> Request:
    """Return the request of the police that nothing permits."""
    return request(
        EMS, PD, "referral.post_overdose@1", "care.post_overdose_outreach", "referral_id"
    )


def as_json(asked: Request) -> dict[str, Any]:
    """Return a request as JSON, as a person would type it."""
    return json_format.MessageToDict(from_request(asked))


# --- buf curl -------------------------------------------------------------------------------------


def curl(
    tls: TlsFiles, port: int, server: str, method: str, data: object, token: str = ""
) -> tuple[int, list[dict[str, Any]], str]:
    """Return exit code, messages and standard error of `buf curl`."""
    assert BUF is not None
    arguments = [
        BUF, "curl", "--schema", "proto", "--protocol", "grpc", "--servername", server,
        "--cacert", str(tls.authority), "--cert", str(tls.certificate), "--key", str(tls.key),
        "-d", json.dumps(data),
    ]  # fmt: skip
    if token:
        arguments += ["-H", f"authorization: Bearer {token}"]
    done = subprocess.run(  # noqa: S603 - the tool under test, without a shell
        [*arguments, f"https://127.0.0.1:{port}{method}"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, _messages(done.stdout), done.stderr


def _messages(text: str) -> list[dict[str, Any]]:
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, length = decoder.raw_decode(text[at:])
        found.append(value)
        at += length
    return found


@needs_buf
def test_buf_curl_streams_an_exchange(county: Town) -> None:
    """Header, rows and receipt arrive in Go; the rows are those that our own client gets."""
    asked = runs()
    own = county.ask(asked)

    code, messages, err = curl(
        county.tls(PHD), county.port, GATEWAY, EXCHANGE, as_json(asked), county.token(PHD)
    )

    assert 0 == code, err
    assert "4.3" == messages[0]["header"]["clause"]
    rows = [row for message in messages for row in message["batch"]["rows"]["rows"]]
    assert len(own.rows) == len(rows)
    assert [str(row["pcr_uuid"]) for row in own.rows] == [row["values"][0]["text"] for row in rows]
    assert str(len(rows)) == messages[-1]["receipt"]["rowCount"]


@needs_buf
def test_buf_curl_reads_a_refusal(county: Town) -> None:
    """The reason, the step, the clause and the log's index reach Go; it exits with 8 times 7."""
    code, messages, err = curl(
        county.tls(PD), county.port, GATEWAY, EXCHANGE, as_json(referrals()), county.token(PD)
    )

    failure = json.loads(err)
    told = _info(failure["details"])
    assert (56, "permission_denied", []) == (code, failure["code"], messages)
    assert ("PROHIBITED", "3", "2.1") == (
        told.reason, told.metadata["step"], told.metadata["clause"],
    )  # fmt: skip
    kind, meta = county.entry(int(told.metadata["index"]))
    assert ("refusal", "PROHIBITED") == (kind, meta["reason"])


def _info(details: Sequence[dict[str, Any]]) -> ErrorInfo:
    (value,) = (one["value"] for one in details if one["type"].endswith("ErrorInfo"))
    return ErrorInfo.FromString(base64.b64decode(value + "=" * (-len(value) % 4)))


def of_party(county: Town, agency: str) -> list[str]:
    """Return the agreements in force that name an agency, in their order: none that pushes."""
    texts = {path.stem: path.read_text() for path in county.file().parent.glob("[a-z]*.yaml")}
    return sorted(
        name
        for name, text in texts.items()
        if "kind: Agreement\n" in text and f"agency: {agency}," in text and "mode: push" not in text
    )


@needs_buf
def test_buf_curl_reads_agreements(county: Town) -> None:
    """The agreement in force, its provisions and its very bytes."""
    tls, token = county.tls(PHD), county.token(PHD)
    service = "/gateway.v1.AgreementService"

    code, (listed,), err = curl(tls, county.port, GATEWAY, f"{service}/ListAgreements", {}, token)
    assert (0, of_party(county, PHD)) == (code, [one["id"] for one in listed["agreements"]]), err
    code, (one,), err = curl(
        tls, county.port, GATEWAY, f"{service}/GetAgreement", {"id": AGREEMENT}, token
    )

    assert 0 == code, err
    assert county.file().read_bytes() == base64.b64decode(one["source"])
    assert [f"4.{number}" for number in range(1, 8)] == [
        provision["clause"] for provision in one["provisions"]
    ]
    texts = [duty["text"] for provision in one["provisions"] for duty in provision["duties"]]
    assert not [text for text in texts if "(" in text or "=" in text], "a program's own notation"


@needs_buf
def test_buf_curl_reads_the_audit(county: Town) -> None:
    """A checkpoint, entries, a tile and a proof, each as the log has it."""
    county.ask(runs())
    tls, token, service = county.tls(PHD), county.token(PHD), "/gateway.v1.AuditService"

    def read(method: str, **data: object) -> dict[str, Any]:
        code, messages, err = curl(tls, county.port, GATEWAY, f"{service}/{method}", data, token)
        assert 0 == code, err
        return messages[0]

    note = read("GetCheckpoint")["checkpoint"]
    entries = read("GetEntries", start=0, count=2)["entries"]
    proof = read("GetInclusionProof", index=0)["proof"]

    assert "demo.invalid/stack" == note.splitlines()[0]
    assert 2 == len(entries)
    assert proof.startswith("c2sp.org/tlog-proof@v1")


@needs_buf
def test_buf_curl_reads_an_adapter_as_the_gateway(county: Town) -> None:
    """With the gateway's certificate the adapter answers; with an agency's it does not."""
    from gateway.wire.tls import TlsFiles  # noqa: PLC0415 - only here

    pki = county.folder / "pki"
    gateway = TlsFiles(pki / "gateway.crt", pki / "gateway.key", pki / "ca.crt")
    method, port = "/gateway.v1.AdapterService/ListDatasets", county.ports[EMS]

    code, (listed,), err = curl(gateway, port, "adapter.ems.example", method, {})
    refused, nothing, _ = curl(county.tls(EMS), port, "adapter.ems.example", method, {})

    assert 0 == code, err
    assert ["ems.overdose_run@1", "referral.post_overdose@1"] == [
        one["name"] for one in listed["datasets"]
    ]
    assert (8 * 16, []) == (refused, nothing)


@needs_buf
def test_buf_curl_explains(county: Town) -> None:
    """What would be decided: a header for one, a refusal for another, each without a log entry."""
    tls, token, before = county.tls(PHD), county.token(PHD), decided(county)
    method = "/gateway.v1.ExchangeService/Explain"

    code, (told,), err = curl(
        tls, county.port, GATEWAY, method, {"terms": as_json(runs())["terms"]}, token
    )
    terms = as_json(runs())["terms"] | {"purpose": "research.approved_study"}
    also, (no,), _ = curl(tls, county.port, GATEWAY, method, {"terms": terms}, token)

    assert (0, "4.3") == (code, told["permit"]["clause"]), err
    assert (0, "NO_PROVISION") == (also, no["refusal"]["reason"])
    assert before == decided(county)


def decided(county: Town) -> int:
    """Return how many decisions the log holds; outcomes of other calls may yet come."""
    return sum(kind in {"intent", "refusal"} for _, kind, _ in county.entries())


# --- grpclib --------------------------------------------------------------------------------------


def over(county: Town, agency: str, act: Callable[[Channel], Awaitable[None]]) -> None:
    """Act over a channel of grpclib: h2 and Python's own TLS, none of gRPC's C core."""
    tls = county.tls(agency)
    context = ssl.create_default_context(cafile=str(tls.authority))
    context.load_cert_chain(str(tls.certificate), str(tls.key))
    context.set_alpn_protocols(["h2"])

    async def main() -> None:
        config = Configuration(ssl_target_name_override=GATEWAY)
        channel = Channel("127.0.0.1", county.port, ssl=context, config=config)
        try:
            await act(channel)
        finally:
            connection: Any = channel._protocol.connection  # type: ignore[union-attr] # noqa: SLF001
            transport = connection._transport  # noqa: SLF001
            channel.close()
            # Closing says goodbye in TLS and waits for an answer that gRPC's core never gives.
            transport.abort()
            await asyncio.sleep(0.05)

    asyncio.run(main())


def exchange_of(channel: Channel) -> Any:  # noqa: ANN401 - grpclib has no types for messages
    """Return the streamed method."""
    return UnaryStreamMethod(
        channel, EXCHANGE, exchange_pb2.ExchangeRequest, exchange_pb2.ExchangeResponse
    )


def test_grpclib_streams_an_exchange(county: Town) -> None:
    """Every chunk's digest is that of its bytes, and the bytes are our own client's."""
    asked = runs(form=Form.ARROW)
    own, came = county.ask(asked), []

    async def act(channel: Channel) -> None:
        metadata = {"authorization": f"Bearer {county.token(PHD)}"}
        came.extend(await exchange_of(channel)(from_request(asked), metadata=metadata))

    over(county, PHD, act)

    assert list(own.bodies) == [message.batch.arrow for message in came]
    for message in came:
        assert hashlib.sha256(message.batch.arrow).digest() == message.batch.digest
    assert "4.3" == came[0].header.clause
    assert len(own.rows) == came[-1].receipt.row_count


def test_grpclib_reads_error_details(county: Town) -> None:
    """The details of a refusal are read back from the status in the trailers."""
    caught: list[GRPCError] = []

    async def act(channel: Channel) -> None:
        with pytest.raises(GRPCError) as error:
            await exchange_of(channel)(
                from_request(referrals()), metadata={"authorization": f"Bearer {county.token(PD)}"}
            )
        caught.append(error.value)

    over(county, PD, act)

    (error,) = caught
    assert Status.PERMISSION_DENIED is error.status
    infos = [one for one in error.details or () if isinstance(one, ErrorInfo)]
    assert ["PROHIBITED"] == [one.reason for one in infos]
    assert ("accord", "3", "2.1") == (
        infos[0].domain, infos[0].metadata["step"], infos[0].metadata["clause"],
    )  # fmt: skip


def test_grpclib_reads_the_other_services(county: Town) -> None:
    """Agreements and audit, one unary read each."""
    found: dict[str, Any] = {}

    async def act(channel: Channel) -> None:
        metadata = {"authorization": f"Bearer {county.token(PHD)}"}
        for name, method, ask, answer in (
            ("agreements", "/gateway.v1.AgreementService/ListAgreements",
             agreement_pb2.ListAgreementsRequest, agreement_pb2.ListAgreementsResponse),
            ("checkpoint", "/gateway.v1.AuditService/GetCheckpoint",
             audit_pb2.GetCheckpointRequest, audit_pb2.GetCheckpointResponse),
        ):  # fmt: skip
            call: Any = UnaryUnaryMethod(channel, method, ask, answer)
            found[name] = await call(ask(), metadata=metadata)

    over(county, PHD, act)

    assert of_party(county, PHD) == [one.id for one in found["agreements"].agreements]
    assert found["checkpoint"].checkpoint.startswith("demo.invalid/stack\n")


# --- grpc-js --------------------------------------------------------------------------------------


@needs_node
def test_node_streams_an_exchange_and_reads_a_refusal(county: Town) -> None:
    """grpc-js over mTLS: the rows, then the refusal's reason from the status details."""
    assert NODE is not None
    tls, other = county.tls(PHD), county.tls(PD)
    told = {
        "proto": str(ROOT / "proto"), "target": f"127.0.0.1:{county.port}", "server": GATEWAY,
        "ca": str(tls.authority), "cert": str(tls.certificate), "key": str(tls.key),
        "token": county.token(PHD), "request": as_json(runs()) | {"requestId": new_id()},
        "otherCert": str(other.certificate), "otherKey": str(other.key),
        "otherToken": county.token(PD), "refused": as_json(referrals()),
    }  # fmt: skip

    done = subprocess.run(  # noqa: S603 - the client under test, without a shell
        [NODE, "client.js"], input=json.dumps(told), cwd=HERE / "grpc_js",
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    own = county.ask(runs())
    assert ("4.3", len(own.rows), len(own.rows)) == (
        found["clause"], found["rows"], found["receiptRows"],
    )  # fmt: skip
    assert (7, "PROHIBITED", "2.1") == (found["code"], found["reason"], found["refusedClause"])
