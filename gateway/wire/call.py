"""What a servicer is told of a call, in place of gRPC's own context.

Certificate and deadline exist only in that context, and its methods are full of traps; so the chain
reads it once, checks it, and hands on this. Context variables carry nothing that must be right.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.values import Caller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOBODY = Caller(agency="", thumbprint=b"")


@dataclass(slots=True)
class Call:
    """One call, filled in by the steps of the chain in their order.

    Attributes:
        method: `/gateway.v1.ExchangeService/Exchange`.
        started: Monotonic seconds.
        deadline: Monotonic seconds after which nothing is worth doing.
        caller: Who calls; nobody until the identity step.
        kind: The caller's kind of agency, or what else the identity step knows it by.
        exchange_id: Set by the servicer as soon as there is one; for telemetry alone.
        token: What names the bearer token, and the second in which it is forgotten; never told.
        authorization, checkpoint, traceparent: From the request's metadata, or empty.
        send: Gives one message of a response stream to the transport, and returns when it was
            taken; only for methods that stream their response.
        fault: The class of an error that nobody foresaw, for the operator's log; never its text.
        undo: What is given back, in reverse order, when the call ends.
    """

    method: str
    started: float
    deadline: float = 0.0
    caller: Caller = NOBODY
    kind: str = ""
    exchange_id: str = ""
    token: tuple[bytes, int] = (b"", 0)
    authorization: str = ""
    checkpoint: bytes = b""
    traceparent: str = ""
    send: Callable[[Any], Awaitable[None]] | None = None
    fault: str = ""
    undo: list[Callable[[], None]] = field(default_factory=list)

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - time.monotonic())
