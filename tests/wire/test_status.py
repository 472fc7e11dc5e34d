# ruff: noqa: FBT001 - twins and helpers of tests
"""Every error has one status, small and without a value, and comes back as the error it was."""

from __future__ import annotations

import re
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway.errors import (
    AccordError,
    AgreementError,
    BusyError,
    ConflictError,
    IdentityError,
    LogError,
    NotFoundError,
    Reason,
    RefusedError,
    ReleaseError,
    RequestError,
    SettingsError,
    SourceError,
)
from gateway.wire.status import DETAILS_KEY, HANDSHAKE, STATUS, STATUS_BYTES, error_of, status_of

# Section 7 of the wire's specification, and DEADLINE, written down once more by hand.
TABLE = {
    "UNAUTHENTICATED": "TLS_TOO_OLD CERTIFICATE_UNKNOWN CERTIFICATE_AMBIGUOUS CERTIFICATE_DENIED "
    "TOKEN_REQUIRED TOKEN_INVALID TOKEN_EXPIRED TOKEN_NOT_BOUND TOKEN_BOUND_ELSEWHERE TOKEN_USED",
    "INVALID_ARGUMENT": "MALFORMED UNKNOWN_FIELD INVALID_REQUEST NO_FIELDS UNKNOWN_PURPOSE "
    "BATCH_TOO_LARGE ROWS_FORM_LIMIT FIELD_NOT_READ",
    "FAILED_PRECONDITION": "AGREEMENT_NOT_ACTIVE AGREEMENT_NOT_SIGNED AGREEMENT_OUT_OF_TERM "
    "TWO_PROVISIONS PERIOD_OPEN DUTY_OVERDUE DISCLOSURE_RISK",
    "PERMISSION_DENIED": "PROHIBITED NO_PROVISION ROLE_NOT_LISTED CONDITION_NOT_MET "
    "FIELD_NOT_RELEASED FILTER_NOT_PERMITTED METHOD_NOT_PERMITTED PROVIDER_REFUSED",
    "RESOURCE_EXHAUSTED": "BUSY RATE_LIMIT ROW_LIMIT CELL_RELEASED BUDGET_SPENT METADATA_TOO_LARGE",
    "NOT_FOUND": "NOT_FOUND",
    "OUT_OF_RANGE": "RESUME_TOO_LATE INDEX_BEYOND_LOG",
    "ALREADY_EXISTS": "REQUEST_ID_USED",
    "ABORTED": "RESUME_DIVERGED STREAM_IDLE",
    "UNAVAILABLE": "LOG_UNAVAILABLE CONSENT_UNAVAILABLE ADAPTER_UNAVAILABLE STOPPING",
    "DEADLINE_EXCEEDED": "ADAPTER_TOO_SLOW DEADLINE",
    "INTERNAL": "ADAPTER_BROKE_PLAN RELEASE_CHECK_FAILED INTERNAL",
}


def info_of(status: Status) -> ErrorInfo:
    """Return the one ErrorInfo of a status."""
    infos = [detail for detail in status.details if detail.Is(ErrorInfo.DESCRIPTOR)]
    assert 1 == len(infos)
    info = ErrorInfo()
    infos[0].Unpack(info)
    return info


def failure(status: Status, *, code: int | None = None) -> grpc.aio.AioRpcError:
    """Return what a client sees of a status."""
    number = status.code if code is None else code
    found = next(one for one in grpc.StatusCode if one.value[0] == number)
    trailing = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(found, grpc.aio.Metadata(), trailing, status.message)


def test_code_and_table_are_equal() -> None:
    """Every reason has the status that the specification's table gives it, and no other has one."""
    expected = {reason: code for code, reasons in TABLE.items() for reason in reasons.split()}

    assert expected == {reason.value: code.name for reason, code in STATUS.items()}
    assert {reason.value for reason in Reason} == set(expected)
    assert all(re.fullmatch(r"[A-Z0-9_]{1,63}", reason) for reason in expected)


@pytest.mark.parametrize("reason", sorted(Reason))
def test_every_reason_comes_back(reason: Reason) -> None:
    """A status made from a reason is read back as an error of that reason."""
    status = status_of(AccordError(reason, "so it is", exchange_id="x", field="age"))

    info = info_of(status)
    error = error_of(failure(status))

    assert ("accord", reason.value) == (info.domain, info.reason)
    assert (reason, "x", "age") == (error.reason, error.exchange_id, error.variables["field"])


KINDS: list[AccordError] = [
    IdentityError(Reason.TOKEN_INVALID, "no"),
    RequestError(Reason.INVALID_REQUEST, "no", violations=[("terms.fields", "is empty")]),
    RefusedError(Reason.ROLE_NOT_LISTED, "no", step=5, clause="§ 2", index=0, retry_after_s=0.0),
    RefusedError(Reason.DISCLOSURE_RISK, "no", step=10, clause="4.3", cause="k"),
    RefusedError(Reason.RATE_LIMIT, "no", step=6, retry_after_s=2.5, exchange_id="x"),
    BusyError(Reason.BUSY, "no", retry_after_s=0.25),
    NotFoundError(Reason.NOT_FOUND, "no"),
    ConflictError(Reason.REQUEST_ID_USED, "no"),
    SourceError(Reason.ADAPTER_TOO_SLOW, "no"),
    ReleaseError(Reason.RELEASE_CHECK_FAILED, "no"),
    LogError("no"),
]


@pytest.mark.parametrize("error", KINDS, ids=lambda error: f"{type(error).__name__}-{error.reason}")
def test_every_kind_of_error_comes_back(error: AccordError) -> None:
    """Kind, parts and time to come again survive the wire."""
    back = error_of(failure(status_of(error)))

    assert type(error) is type(back)
    parts = (
        "step",
        "agreement",
        "provision",
        "clause",
        "index",
        "cause",
        "retry_after_s",
        "violations",
        "unknown",
    )
    assert [getattr(error, part, None) for part in parts] == [
        getattr(back, part, None) for part in parts
    ]


@pytest.mark.parametrize(
    "error",
    [ValueError("canary"), KeyError("canary"), SettingsError("canary"), RuntimeError("canary")],
)
def test_what_is_not_in_the_tree_says_nothing(error: Exception) -> None:
    """INTERNAL never has a text of its own."""
    status = status_of(error)

    assert "canary" not in str(status)
    assert Reason.INTERNAL.value == info_of(status).reason


def test_findings_of_agreements_stay_inside() -> None:
    """A caller hears that agreements are not in force, not what their files say."""
    status = status_of(AgreementError("no good set", findings=["secret.yaml:1:1 error"]))

    assert "secret" not in str(status)


def test_a_timeout_is_a_deadline() -> None:
    """A time that ran out inside the gateway is DEADLINE, not INTERNAL."""
    assert Reason.DEADLINE.value == info_of(status_of(TimeoutError())).reason


@pytest.mark.parametrize(("count", "kept", "truncated"), [(20, 20, False), (21, 20, True)])
def test_violations_are_twenty(count: int, kept: int, truncated: bool) -> None:
    """Twenty violations leave; one more is cut, and the status says so."""
    found = [(f"f{index}", "is wrong") for index in range(count)]
    status = status_of(RequestError(Reason.INVALID_REQUEST, "no", violations=found))
    back = error_of(failure(status))

    assert isinstance(back, RequestError)
    assert (kept, truncated) == (len(back.violations), "truncated" in info_of(status).metadata)


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_status_is_small(letter: str) -> None:
    """Whatever an error carries, its status is below 6 KiB and its message below 513 characters."""
    long = letter * 10_000
    error = RequestError(
        Reason.INVALID_REQUEST, long, violations=[(long, long)] * 500, exchange_id=long, field=long,
    )  # fmt: skip

    status = status_of(error)

    assert status.ByteSize() < STATUS_BYTES
    assert len(status.message) <= 512


def test_strangers_statuses_are_borne() -> None:
    """A status without our ErrorInfo, or a false one, becomes an error without its text."""
    mine, foreign = ErrorInfo(reason="BUSY", domain="accord"), ErrorInfo(reason="X", domain="y")
    no_reason = ErrorInfo(reason="NO_SUCH_REASON", domain="accord")
    cases: dict[str, list[Any]] = {
        "none": [], "foreign": [foreign], "unknown": [no_reason], "two": [mine, mine],
    }  # fmt: skip
    for details in cases.values():
        status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="canary")
        for detail in details:
            status.details.add().Pack(detail)
        error = error_of(failure(status))
        assert (Reason.STOPPING, "UNAVAILABLE") == (error.reason, error.variables["status"])
        assert "canary" not in str(error)
    garbage = grpc.aio.Metadata((DETAILS_KEY, b"\xff\xff"))
    broken = grpc.aio.AioRpcError(grpc.StatusCode.UNKNOWN, grpc.aio.Metadata(), garbage, "canary")
    assert Reason.INTERNAL == error_of(broken).reason


def test_hostile_metadata_builds_no_other_error() -> None:
    """Keys of ErrorInfo cannot set an error's own parts."""
    info = ErrorInfo(
        reason="LOG_UNAVAILABLE", domain="accord",
        metadata={"self": "x", "reason": "x", "message": "x", "unknown": "true", "violations": "x"},
    )  # fmt: skip
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="no")
    status.details.add().Pack(info)

    error = error_of(failure(status))

    assert isinstance(error, LogError)
    assert (False, "no") == (error.unknown, error.message)
    bad_step = ErrorInfo(reason="PROHIBITED", domain="accord", metadata={"step": "x", "index": "-"})
    status.details[0].Pack(bad_step)
    assert isinstance(error_of(failure(status)), RefusedError)


def test_the_time_to_come_again_is_not_rounded_down() -> None:
    """RetryInfo never asks a caller back too early."""
    status = status_of(BusyError(Reason.BUSY, "no", retry_after_s=0.0001))
    retry = RetryInfo()

    assert status.details[1].Unpack(retry)
    assert 1 == retry.retry_delay.ToMilliseconds()


def bare(code: grpc.StatusCode, details: str) -> AccordError:
    """Return the error of a status that the library made, without details of ours."""
    empty = grpc.aio.Metadata()
    return error_of(grpc.aio.AioRpcError(code, empty, empty, details))


def test_a_message_too_large_is_said() -> None:
    """What the library does not take for its size is the request's fault, not an INTERNAL one."""
    error = bare(grpc.StatusCode.RESOURCE_EXHAUSTED, "Sent message larger than max (canary)")

    assert Reason.INVALID_REQUEST == error.reason
    assert "larger than a message may be" in error.message
    assert "canary" not in str(error)


@pytest.mark.parametrize(
    ("details", "handshake"),
    [
        ("failed to connect to all addresses; last error: Tls handshake failed: canary", "failed"),
        ("failed to connect to all addresses; Hostname Verification Check failed.", "failed"),
        ("failed to connect to all addresses; last error: canary: Socket closed", "closed"),
        ("failed to connect to all addresses; last error: canary: Connection refused", None),
        ("canary: Socket closed", None),
    ],
)
def test_a_failed_handshake_is_told_from_a_machine_that_is_off(
    details: str, handshake: str | None
) -> None:
    """By the library's words alone, which do not pass on; a call that was cut is none."""
    error = bare(grpc.StatusCode.UNAVAILABLE, details)

    assert (Reason.STOPPING, handshake) == (error.reason, error.variables.get(HANDSHAKE))
    assert ("handshake" in error.message) == (handshake is not None)
    assert "canary" not in str(error)
