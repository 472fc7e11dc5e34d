"""The error tree as gRPC statuses and back: the one place that maps, and the one that aborts.

Every error leaves as a `google.rpc.Status` with exactly one `ErrorInfo` of domain `accord`.
Whatever is not in the tree leaves as INTERNAL without its text, since text of an unknown error may
hold a value. A status stays small: larger trailers fail at random on the way and hide the code.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final, NoReturn, cast

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway.errors import (
    AccordError,
    BusyError,
    ConflictError,
    IdentityError,
    LogError,
    NotFoundError,
    Reason,
    RefusedError,
    ReleaseError,
    RequestError,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DOMAIN: Final = "accord"
DETAILS_KEY: Final = "grpc-status-details-bin"
STATUS_BYTES: Final = 6 * 1024
MESSAGE_CHARACTERS: Final = 512
VIOLATIONS: Final = 20
_VARIABLE_CHARACTERS: Final = 128
_VIOLATION_CHARACTERS: Final = 160
_UNSAID: Final = "the gateway failed; quote the exchange id"

_BY_STATUS: Final[Mapping[grpc.StatusCode, tuple[Reason, ...]]] = {
    grpc.StatusCode.UNAUTHENTICATED: (
        Reason.TLS_TOO_OLD,
        Reason.CERTIFICATE_UNKNOWN,
        Reason.CERTIFICATE_AMBIGUOUS,
        Reason.CERTIFICATE_DENIED,
        Reason.TOKEN_REQUIRED,
        Reason.TOKEN_INVALID,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_NOT_BOUND,
        Reason.TOKEN_BOUND_ELSEWHERE,
        Reason.TOKEN_USED,
    ),
    grpc.StatusCode.INVALID_ARGUMENT: (
        Reason.MALFORMED,
        Reason.UNKNOWN_FIELD,
        Reason.INVALID_REQUEST,
        Reason.NO_FIELDS,
        Reason.UNKNOWN_PURPOSE,
        Reason.BATCH_TOO_LARGE,
        Reason.ROWS_FORM_LIMIT,
        Reason.FIELD_NOT_READ,
    ),
    grpc.StatusCode.FAILED_PRECONDITION: (
        Reason.AGREEMENT_NOT_ACTIVE,
        Reason.AGREEMENT_NOT_SIGNED,
        Reason.AGREEMENT_OUT_OF_TERM,
        Reason.TWO_PROVISIONS,
        Reason.PERIOD_OPEN,
        Reason.DUTY_OVERDUE,
        Reason.DISCLOSURE_RISK,
    ),
    grpc.StatusCode.PERMISSION_DENIED: (
        Reason.PROHIBITED,
        Reason.NO_PROVISION,
        Reason.ROLE_NOT_LISTED,
        Reason.CONDITION_NOT_MET,
        Reason.FIELD_NOT_RELEASED,
        Reason.FILTER_NOT_PERMITTED,
        Reason.METHOD_NOT_PERMITTED,
        Reason.PROVIDER_REFUSED,
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        Reason.BUSY,
        Reason.RATE_LIMIT,
        Reason.ROW_LIMIT,
        Reason.CELL_RELEASED,
        Reason.BUDGET_SPENT,
        Reason.METADATA_TOO_LARGE,
    ),
    grpc.StatusCode.NOT_FOUND: (Reason.NOT_FOUND,),
    grpc.StatusCode.OUT_OF_RANGE: (Reason.RESUME_TOO_LATE, Reason.INDEX_BEYOND_LOG),
    grpc.StatusCode.ALREADY_EXISTS: (Reason.REQUEST_ID_USED,),
    grpc.StatusCode.ABORTED: (Reason.RESUME_DIVERGED, Reason.STREAM_IDLE),
    grpc.StatusCode.UNAVAILABLE: (
        Reason.LOG_UNAVAILABLE,
        Reason.CONSENT_UNAVAILABLE,
        Reason.ADAPTER_UNAVAILABLE,
        Reason.STOPPING,
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (Reason.ADAPTER_TOO_SLOW, Reason.DEADLINE),
    grpc.StatusCode.INTERNAL: (
        Reason.ADAPTER_BROKE_PLAN,
        Reason.RELEASE_CHECK_FAILED,
        Reason.INTERNAL,
    ),
}

STATUS: Final[Mapping[Reason, grpc.StatusCode]] = {
    reason: code for code, reasons in _BY_STATUS.items() for reason in reasons
}
"""The status of each reason; there is no other mapping."""

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def reason_of(error: BaseException) -> Reason:
    """Return the reason that leaves for any error: its own in the tree, DEADLINE, or INTERNAL."""
    if isinstance(error, AccordError):
        return error.reason
    return Reason.DEADLINE if isinstance(error, asyncio.TimeoutError) else Reason.INTERNAL


def status_of(error: BaseException) -> Status:
    """Return the status of any error; text of errors outside the tree stays behind."""
    reason = reason_of(error)
    if not isinstance(error, AccordError):
        late = reason is Reason.DEADLINE
        return _status(reason, "the call's deadline has passed" if late else _UNSAID, {})
    # INTERNAL is also the reason of settings and of what nobody foresaw: it says nothing more.
    message = _UNSAID if reason is Reason.INTERNAL else error.message
    status = _status(reason, message[:MESSAGE_CHARACTERS], _metadata(error))
    if isinstance(error, RequestError) and error.violations:
        _violations(status, error.violations)
    if isinstance(error, BusyError | RefusedError) and error.retry_after_s > 0:
        status.details.add().Pack(RetryInfo(retry_delay=_duration(error.retry_after_s)))
    return status


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(math.ceil(seconds * 1000))
    return duration


def _status(reason: Reason, message: str, metadata: Mapping[str, str]) -> Status:
    status = Status(code=STATUS[reason].value[0], message=message)
    info = ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)
    status.details.add().Pack(info)
    return status


def _metadata(error: AccordError) -> dict[str, str]:
    said = {"exchange_id": error.exchange_id, **error.variables}
    if isinstance(error, RefusedError):
        said |= {
            "step": str(error.step),
            "agreement": error.agreement,
            "provision": error.provision,
            "clause": error.clause,
            "index": str(error.index) if error.index >= 0 else "",
            "cause": error.cause,
        }
    return {key: value[:_VARIABLE_CHARACTERS] for key, value in said.items() if value}


def _violations(status: Status, violations: Sequence[tuple[str, str]]) -> None:
    """Add what is wrong field by field, as much as a small status holds; say so when cut."""
    room = STATUS_BYTES // 2 - status.ByteSize()
    bad = BadRequest()
    for path, rule in violations[:VIOLATIONS]:
        bad.field_violations.add(
            field=path[:_VIOLATION_CHARACTERS], description=rule[:_VIOLATION_CHARACTERS]
        )
        if bad.ByteSize() > room:
            del bad.field_violations[-1]
            break
    if len(bad.field_violations) < len(violations):
        info = ErrorInfo()
        status.details[0].Unpack(info)
        info.metadata["truncated"] = "true"
        status.details[0].Pack(info)
    status.details.add().Pack(bad)


async def abort(
    context: grpc.aio.ServicerContext[object, object],
    error: BaseException,
    trailing: Iterable[tuple[str, str | bytes]] = (),
) -> NoReturn:
    """Answer a call with the status of `error`; nothing else in the gateway aborts a call.

    Raises:
        grpc.aio.AbortError: Always; it is the library's signal that the answer was given.
    """
    status = status_of(error)
    details = (DETAILS_KEY, status.SerializeToString())
    metadata = cast("tuple[tuple[str, str | bytes], ...]", (*trailing, details))
    await context.abort(_CODES[status.code], status.message, metadata)
    raise AssertionError  # pragma: no cover - abort always raises


# The way back, for clients.


_KINDS: Final[Mapping[Reason, type[AccordError]]] = {
    **dict.fromkeys(_BY_STATUS[grpc.StatusCode.UNAUTHENTICATED], IdentityError),
    **dict.fromkeys(_BY_STATUS[grpc.StatusCode.INVALID_ARGUMENT], RequestError),
    **dict.fromkeys(_BY_STATUS[grpc.StatusCode.ALREADY_EXISTS], ConflictError),
    **dict.fromkeys(_BY_STATUS[grpc.StatusCode.ABORTED], ConflictError),
    **dict.fromkeys(_BY_STATUS[grpc.StatusCode.NOT_FOUND], NotFoundError),
    **dict.fromkeys(_BY_STATUS[grpc.StatusCode.OUT_OF_RANGE], NotFoundError),
    Reason.RELEASE_CHECK_FAILED: ReleaseError,
    Reason.PROVIDER_REFUSED: SourceError,
    Reason.ADAPTER_BROKE_PLAN: SourceError,
    Reason.ADAPTER_UNAVAILABLE: SourceError,
    Reason.ADAPTER_TOO_SLOW: SourceError,
}

_PARAMETERS: Final = frozenset(
    {"self", "reason", "message", "violations", "unknown", "retry_after_s"}
)
"""Parameters of the errors themselves: another peer's metadata cannot set them."""

_WITHOUT_INFO: Final[Mapping[grpc.StatusCode, tuple[Reason, str]]] = {
    grpc.StatusCode.UNAVAILABLE: (Reason.STOPPING, "the other side cannot be reached"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (Reason.DEADLINE, "the call's deadline has passed"),
    grpc.StatusCode.UNIMPLEMENTED: (Reason.NOT_FOUND, "the other side has no such method"),
    grpc.StatusCode.PERMISSION_DENIED: (Reason.PROVIDER_REFUSED, "the other side refused"),
    # The library's own limit: a message of ours, or one for us, that it did not take.
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        Reason.INVALID_REQUEST,
        "the request or its answer is larger than a message may be",
    ),
}

HANDSHAKE: Final = "handshake"
"""Set in `variables` where there was a listener and no TLS with it: trying again changes nothing.

`failed` is our side's verdict, or that of the library; `closed` is the other side hanging up before
the first call, as it does on a certificate that it does not know.
"""

_TLS_WORDS: Final = ("handshake", "verification check", "certificate")
_NOT_YET: Final = "failed to connect"
_HUNG_UP: Final = ("socket closed", "connection reset", "broken pipe", "end of tcp stream")
_TLS_FAILED: Final[Mapping[str, str]] = {
    "failed": "the TLS handshake failed: the certificate, its authority or the name in it is not"
    " the one expected",
    "closed": "the other side hung up on the TLS handshake: it may not accept this certificate",
}


def error_of(failure: grpc.aio.AioRpcError) -> AccordError:
    """Return the error that a failed call stands for.

    What the library or a stranger refuses has no `ErrorInfo` of ours: its text is left behind, and
    `variables["status"]` names its code, as it does for every error made here.
    """
    code = failure.code()
    info, status = _info(failure)
    if info is None or status is None or info.reason not in Reason.__members__:
        return _without_info(failure, code)
    return _error(info, status, code.name)


def _without_info(failure: grpc.aio.AioRpcError, code: grpc.StatusCode) -> AccordError:
    reason, message = _WITHOUT_INFO.get(code, (Reason.INTERNAL, "the other side failed"))
    handshake = _handshake(failure.details() or "") if code is grpc.StatusCode.UNAVAILABLE else ""
    if handshake:
        message = _TLS_FAILED[handshake]
        return AccordError(reason, message, status=code.name, **{HANDSHAKE: handshake})
    return AccordError(reason, message, status=code.name)


def _handshake(details: str) -> str:
    """Return how TLS failed by the library's words, which themselves go nowhere; empty if not.

    There is no other sign of it: status and trailers are those of a machine that is off.
    """
    said = details.lower()
    if not said.startswith(_NOT_YET):
        return ""
    if any(word in said for word in _TLS_WORDS):
        return "failed"
    return "closed" if any(word in said for word in _HUNG_UP) else ""


def _info(failure: grpc.aio.AioRpcError) -> tuple[ErrorInfo | None, Status | None]:
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                status = Status.FromString(value)
                infos = [_unpacked(detail, ErrorInfo()) for detail in status.details]
            except DecodeError:
                return None, None
            ours = [info for info in infos if info is not None and info.domain == DOMAIN]
            return (ours[0], status) if len(ours) == 1 else (None, None)
    return None, None


def _unpacked(detail: object, into: ErrorInfo) -> ErrorInfo | None:
    return into if detail.Unpack(into) else None  # type: ignore[attr-defined]


def _error(info: ErrorInfo, status: Status, code: str) -> AccordError:
    reason, said = Reason(info.reason), dict(info.metadata)
    exchange_id = said.pop("exchange_id", "")
    retry_after_s = _retry_after_s(status)
    if "step" in said:
        return RefusedError(
            reason,
            status.message,
            step=_whole(said.get("step"), 0),
            agreement=said.get("agreement", ""),
            provision=said.get("provision", ""),
            clause=said.get("clause", ""),
            index=_whole(said.get("index"), -1),
            exchange_id=exchange_id,
            retry_after_s=retry_after_s,
            cause=said.get("cause", ""),
        )
    variables = {key: value for key, value in said.items() if key not in _PARAMETERS}
    variables |= {"status": code, "exchange_id": exchange_id}
    if reason is Reason.LOG_UNAVAILABLE:
        return LogError(status.message, unknown=False, **variables)
    if STATUS[reason] is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return BusyError(reason, status.message, retry_after_s=retry_after_s, **variables)
    kind = _KINDS.get(reason, AccordError)
    if kind is RequestError:
        return RequestError(reason, status.message, violations=_bad(status), **variables)
    return kind(reason, status.message, **variables)


def _whole(text: str | None, default: int) -> int:
    try:
        return int(text) if text else default
    except ValueError:
        return default


def _retry_after_s(status: Status) -> float:
    for detail in status.details:
        retry = RetryInfo()
        if detail.Is(RetryInfo.DESCRIPTOR) and detail.Unpack(retry):
            return float(retry.retry_delay.ToMilliseconds()) / 1000
    return 0.0


def _bad(status: Status) -> tuple[tuple[str, str], ...]:
    for detail in status.details:
        bad = BadRequest()
        if detail.Is(BadRequest.DESCRIPTOR) and detail.Unpack(bad):
            return tuple((found.field, found.description) for found in bad.field_violations)
    return ()
