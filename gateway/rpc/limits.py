"""Every limit of the wire by name, and the steps that hold them: admission, deadline, quota.

A step takes what it needs of gRPC's context once, and raises from `errors`. What a step has taken
it gives back when the call ends, whatever ended it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final, cast

from gateway.errors import AccordError, BusyError, Reason
from gateway.wire.chain import CHECKPOINT_KEY

if TYPE_CHECKING:
    from gateway.wire.call import Call
    from gateway.wire.chain import Context, Rule

METADATA_BYTES: Final = 8 * 1024
TOKEN_BYTES: Final = 4 * 1024
CALLS: Final = 512
OPEN_CALLS: Final = 256
CALLS_AN_AGENCY: Final = 128
BULK_STREAMS: Final = 64
BULK_STREAMS_AN_AGENCY: Final = 8
_RETRY_S: Final = 0.5
_BULK_WAIT_S: Final = 1.0
_BULK_POLL_S: Final = 0.02
_PER_ENTRY: Final = 32  # what HTTP/2 counts for each header beside its octets


class Admission:
    """Step 3, and step 6: caps of the process, then of the agency, once it is known."""

    def __init__(
        self,
        *,
        calls: int = CALLS,
        calls_an_agency: int = CALLS_AN_AGENCY,
        bulk: int = BULK_STREAMS,
        bulk_an_agency: int = BULK_STREAMS_AN_AGENCY,
    ) -> None:
        self._most = calls
        self._most_an_agency = calls_an_agency
        self._most_bulk = bulk
        self._most_bulk_an_agency = bulk_an_agency
        self._agencies: Counter[str] = Counter()
        self._bulk: Counter[str] = Counter()
        self._bulk_calls: set[int] = set()
        self.calls = 0
        self.watchers = 0
        self.stopping = False

    @property
    def bulk_streams(self) -> int:
        """Bulk streams open in this process."""
        return len(self._bulk_calls)

    def admit(self, call: Call, context: Context, rule: Rule) -> None:
        """Step 3: count the call, and read its metadata, which has a size of its own to keep.

        Raises:
            BusyError: `BUSY`, `METADATA_TOO_LARGE`, or `STOPPING`.
        """
        if self.stopping and not rule.open:
            raise BusyError(Reason.STOPPING, "the gateway is stopping", retry_after_s=_RETRY_S)
        # Whoever watches health stays for days, and must neither take the room of exchanges nor
        # be turned away when there is none: that is what it watches for.
        if (self.watchers if rule.open else self.calls) >= (
            OPEN_CALLS if rule.open else self._most
        ):
            raise BusyError(Reason.BUSY, "the gateway has its most calls", retry_after_s=_RETRY_S)
        if rule.open:
            self.watchers += 1
            call.undo.append(self._leave_open)
        else:
            self.calls += 1
            call.undo.append(self._leave)
        read_metadata(call, context)

    def _leave(self) -> None:
        self.calls -= 1

    def _leave_open(self) -> None:
        self.watchers -= 1

    def quota(self, call: Call, context: Context, rule: Rule) -> None:  # noqa: ARG002 - a step
        """Step 6: count the call for its agency, after identity, so that nobody spends another's.

        Raises:
            BusyError: `BUSY`.
        """
        agency = call.caller.agency
        if rule.open:
            return
        if self._agencies[agency] >= self._most_an_agency:
            raise BusyError(Reason.BUSY, "the agency has its most calls", retry_after_s=_RETRY_S)
        self._agencies[agency] += 1
        call.undo.append(lambda: self._give_back(self._agencies, agency))

    async def bulk(self, call: Call) -> None:
        """Count a response stream as bulk from its second message on; wait a moment for room.

        A small exchange is one message, and must not wait behind bulk; what a stream will be is
        not known before. BUSY here costs nothing: the exchange resumes by offset.

        Raises:
            BusyError: `BUSY`, no room came.
        """
        if id(call) in self._bulk_calls:
            return
        agency, waited_s = call.caller.agency, 0.0
        while (
            len(self._bulk_calls) >= self._most_bulk
            or self._bulk[agency] >= self._most_bulk_an_agency
        ):
            if waited_s >= _BULK_WAIT_S:
                raise BusyError(Reason.BUSY, "too many bulk streams", retry_after_s=2 * _RETRY_S)
            await asyncio.sleep(_BULK_POLL_S)
            waited_s += _BULK_POLL_S
        self._bulk_calls.add(id(call))
        self._bulk[agency] += 1
        call.undo.append(lambda: self._end_bulk(call, agency))

    def _end_bulk(self, call: Call, agency: str) -> None:
        self._bulk_calls.discard(id(call))
        self._give_back(self._bulk, agency)

    @staticmethod
    def _give_back(counter: Counter[str], agency: str) -> None:
        counter[agency] -= 1
        if counter[agency] <= 0:
            del counter[agency]


def read_metadata(call: Call, context: Context) -> None:
    """Take from the request's metadata what the steps need, and no more than 8 KiB of it.

    Beyond that the library fails calls at random, so the answer must come before.

    Raises:
        BusyError: `METADATA_TOO_LARGE`.
    """
    size = 0
    for key, value in context.invocation_metadata() or ():
        size += len(key) + len(value) + _PER_ENTRY
        if key == "authorization":
            # Two of them are one that verifies nowhere: which is meant is not for us to guess.
            call.authorization += f",{value!s}" if call.authorization else str(value)
        elif key == CHECKPOINT_KEY:
            call.checkpoint = bytes(value)  # type: ignore[arg-type]
        elif key == "traceparent":
            call.traceparent = str(value)
    if size > METADATA_BYTES or len(call.authorization) > TOKEN_BYTES + len("Bearer "):
        raise BusyError(
            Reason.METADATA_TOO_LARGE,
            "metadata is larger than 8 KiB, or a token than 4 KiB",
            retry_after_s=0.0,
        )


def deadline(call: Call, context: Context, rule: Rule) -> None:
    """Step 4: the caller's deadline, or the method's default; clipped, never lengthened.

    Raises:
        BusyError: `DEADLINE`, it has passed already.
    """
    asked_s = cast("float | None", context.time_remaining())
    given_s = rule.default_s if asked_s is None else min(asked_s, rule.most_s)
    if given_s <= 0:
        raise AccordError(Reason.DEADLINE, "the call's deadline has passed")
    call.deadline = call.started + given_s
