"""Holds the chunks of a repeat against those of its first attempt, and tells which are held.

A repeat makes everything anew. What differs from what the first attempt released ends it: a caller
would join two states of the data without knowing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.stream import stream_next, stream_start
from gateway.errors import ConflictError, Reason

if TYPE_CHECKING:
    from gateway.ports import Attempt
    from gateway.values import Resume


class Remade:
    """The chunks that one exchange has made so far, in their order.

    Args:
        before: The first attempt at the same request, or None where this is it.
        resume: What the caller says it holds, or None.

    Attributes:
        rows: How many rows they have together.
    """

    def __init__(self, before: Attempt | None, resume: Resume | None) -> None:
        self._before = before
        self._resume = resume
        self._seen: list[tuple[int, bytes]] = []
        self.rows = 0

    @property
    def new(self) -> bool:
        """Whether the chunk that was seen last is new: what an earlier attempt released is not."""
        return self._before is None or len(self._seen) > len(self._before.digests)

    def held(self, rows: int, digest: bytes) -> bool:
        """Compare the next chunk with the first attempt's; return whether the caller holds it.

        Raises:
            ConflictError: It is another, or the caller does not hold what was remade.
        """
        place = len(self._seen)
        self._seen.append((rows, digest))
        self.rows += rows
        before, resume = self._before, self._resume
        if before is None:
            return False
        if place < len(before.digests) and before.digests[place] != (rows, digest):
            raise _diverged()
        if resume is None or (
            resume.offset == 0 and resume.stream == stream_start(resume.exchange_id)
        ):
            return False
        if place >= len(before.digests):
            # It never left, so nobody holds it, whatever the offset says.
            if self.rows - rows < resume.offset:
                raise _diverged()
            return False
        if self.rows > resume.offset:
            if self.rows - rows < resume.offset:
                raise _diverged()
            return False
        if self.rows == resume.offset and not self._matches(resume.stream, resume.exchange_id):
            raise _diverged()
        return True

    def end(self) -> None:
        """Take it that this was all.

        Raises:
            ConflictError: It is less than the first attempt released, or than the caller holds.
        """
        if self._before is not None and len(self._seen) < len(self._before.digests):
            raise _diverged()
        if self._resume is not None and self.rows < self._resume.offset:
            raise _diverged()

    def _matches(self, stream: bytes, exchange_id: str) -> bool:
        """Return whether a stream value is that of what was recomputed.

        An attempt that was itself a resumption has a stream of its own, from where it began.
        """
        digests = [digest for _, digest in self._seen]
        for begin in range(len(digests)):
            value = stream_start(exchange_id)
            for digest in digests[begin:]:
                value = stream_next(value, digest)
            if value == stream:
                return True
        return False


def _diverged() -> ConflictError:
    return ConflictError(
        Reason.RESUME_DIVERGED, "the data changed since the first attempt: begin anew"
    )
