"""The one error tree, with stable reasons, and nothing of gRPC.

```
AccordError
├── IdentityError      who is calling is not established            (step 1)
├── RequestError       the request itself cannot be carried out
├── RefusedError       no agreement permits it; the refusal is in the log
├── BusyError          a limit of the process or the agency; come again later
├── NotFoundError      a name that the caller may not see, or that does not exist
├── ConflictError      a repeat or a resumption that is not the same request
├── SourceError        the provider's adapter failed, refused, or broke its plan
├── ReleaseError       what was about to leave is not what the plan allows
├── LogError           an entry may not be durable
├── AgreementError     agreement files that cannot be loaded; carries findings
└── SettingsError      a setting that is missing, unknown or wrong
```

Messages are lower case without a full stop; they name step, clause and field, and never hold a
value from a record or a literal from a condition. The edge (`wire/status`) maps this tree once;
whatever is not in it leaves as INTERNAL without text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Reason(StrEnum):
    """The stable codes that reach a caller; a test keeps them, docs and status table equal."""

    # Step 1: mend identity.
    TLS_TOO_OLD = "TLS_TOO_OLD"
    CERTIFICATE_UNKNOWN = "CERTIFICATE_UNKNOWN"
    CERTIFICATE_AMBIGUOUS = "CERTIFICATE_AMBIGUOUS"
    CERTIFICATE_DENIED = "CERTIFICATE_DENIED"
    TOKEN_REQUIRED = "TOKEN_REQUIRED"  # noqa: S105 - a reason, not a secret
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105
    TOKEN_NOT_BOUND = "TOKEN_NOT_BOUND"  # noqa: S105
    TOKEN_BOUND_ELSEWHERE = "TOKEN_BOUND_ELSEWHERE"  # noqa: S105
    TOKEN_USED = "TOKEN_USED"  # noqa: S105
    # Mend the request.
    MALFORMED = "MALFORMED"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    INVALID_REQUEST = "INVALID_REQUEST"
    NO_FIELDS = "NO_FIELDS"
    UNKNOWN_PURPOSE = "UNKNOWN_PURPOSE"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    ROWS_FORM_LIMIT = "ROWS_FORM_LIMIT"
    FIELD_NOT_READ = "FIELD_NOT_READ"
    # People must act, or the period must close.
    AGREEMENT_NOT_ACTIVE = "AGREEMENT_NOT_ACTIVE"
    AGREEMENT_NOT_SIGNED = "AGREEMENT_NOT_SIGNED"
    AGREEMENT_OUT_OF_TERM = "AGREEMENT_OUT_OF_TERM"
    TWO_PROVISIONS = "TWO_PROVISIONS"
    PERIOD_OPEN = "PERIOD_OPEN"
    DUTY_OVERDUE = "DUTY_OVERDUE"
    DISCLOSURE_RISK = "DISCLOSURE_RISK"
    # No.
    PROHIBITED = "PROHIBITED"
    NO_PROVISION = "NO_PROVISION"
    ROLE_NOT_LISTED = "ROLE_NOT_LISTED"
    CONDITION_NOT_MET = "CONDITION_NOT_MET"
    FIELD_NOT_RELEASED = "FIELD_NOT_RELEASED"
    FILTER_NOT_PERMITTED = "FILTER_NOT_PERMITTED"
    METHOD_NOT_PERMITTED = "METHOD_NOT_PERMITTED"
    PROVIDER_REFUSED = "PROVIDER_REFUSED"
    # Later, or never for a released cell.
    BUSY = "BUSY"
    RATE_LIMIT = "RATE_LIMIT"
    ROW_LIMIT = "ROW_LIMIT"
    CELL_RELEASED = "CELL_RELEASED"
    BUDGET_SPENT = "BUDGET_SPENT"
    METADATA_TOO_LARGE = "METADATA_TOO_LARGE"
    # Names that the caller may see, and places in a stream.
    NOT_FOUND = "NOT_FOUND"
    RESUME_TOO_LATE = "RESUME_TOO_LATE"
    INDEX_BEYOND_LOG = "INDEX_BEYOND_LOG"
    REQUEST_ID_USED = "REQUEST_ID_USED"
    RESUME_DIVERGED = "RESUME_DIVERGED"
    STREAM_IDLE = "STREAM_IDLE"
    # Send the same bytes again.
    LOG_UNAVAILABLE = "LOG_UNAVAILABLE"
    CONSENT_UNAVAILABLE = "CONSENT_UNAVAILABLE"
    ADAPTER_UNAVAILABLE = "ADAPTER_UNAVAILABLE"
    STOPPING = "STOPPING"
    ADAPTER_TOO_SLOW = "ADAPTER_TOO_SLOW"
    DEADLINE = "DEADLINE"
    # Quote the exchange id.
    ADAPTER_BROKE_PLAN = "ADAPTER_BROKE_PLAN"
    RELEASE_CHECK_FAILED = "RELEASE_CHECK_FAILED"
    INTERNAL = "INTERNAL"


class AccordError(Exception):
    """An error with a stable reason, a message without values, and the message's variables."""

    def __init__(
        self, reason: Reason, message: str, *, exchange_id: str = "", **variables: str
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.exchange_id = exchange_id
        self.variables: Mapping[str, str] = variables


class IdentityError(AccordError):
    """Who is calling is not established (step 1)."""


class RequestError(AccordError):
    """The request cannot be carried out as it stands.

    Attributes:
        violations: (path of the field, what is wrong with it), at most 20.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        violations: Sequence[tuple[str, str]] = (),
        **variables: str,
    ) -> None:
        super().__init__(reason, message, **variables)
        self.violations = tuple(violations)


class RefusedError(AccordError):
    """No agreement permits it.

    `index` is the place of the refusal's own entry in the exchange log; `cause` is one word more
    where a reason has several, else empty.
    """

    def __init__(  # noqa: PLR0913 - a refusal has this many parts, and the edge shows each
        self,
        reason: Reason,
        message: str,
        *,
        step: int,
        agreement: str = "",
        provision: str = "",
        clause: str = "",
        index: int = -1,
        exchange_id: str = "",
        retry_after_s: float = 0.0,
        cause: str = "",
    ) -> None:
        super().__init__(reason, message, exchange_id=exchange_id)
        self.step = step
        self.cause = cause
        self.agreement = agreement
        self.provision = provision
        self.clause = clause
        self.index = index
        self.retry_after_s = retry_after_s


class BusyError(AccordError):
    """A limit of the process or of the agency is reached; nothing was decided.

    Attributes:
        retry_after_s: When to come again, in seconds.
    """

    def __init__(
        self, reason: Reason, message: str, *, retry_after_s: float, **variables: str
    ) -> None:
        super().__init__(reason, message, **variables)
        self.retry_after_s = retry_after_s


class NotFoundError(AccordError):
    """A name that does not exist, or that this caller may not see: one answer for both."""


class ConflictError(AccordError):
    """A repeat or a resumption that is not the request it claims to be."""


class SourceError(AccordError):
    """The provider's adapter failed, refused, was late, or sent what the plan did not ask for."""


class ReleaseError(AccordError):
    """A table broke its plan; nothing of it was sent."""


class LogError(AccordError):
    """An entry of the exchange log may not be durable; nothing that it covers was sent.

    Attributes:
        unknown: True where the entry may or may not be there: stop, restart, recover.
    """

    def __init__(self, message: str, *, unknown: bool = False, **variables: str) -> None:
        super().__init__(Reason.LOG_UNAVAILABLE, message, **variables)
        self.unknown = unknown


class AgreementError(AccordError):
    """Agreement files that cannot be loaded.

    Attributes:
        findings: One line each: `file:line:column level rule: message`.
    """

    def __init__(self, message: str, *, findings: Sequence[str] = ()) -> None:
        super().__init__(Reason.AGREEMENT_NOT_ACTIVE, message)
        self.findings = tuple(findings)


class SettingsError(AccordError):
    """A setting that is missing, unknown or wrong; the message names file, line and key."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.INTERNAL, message)
