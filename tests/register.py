"""A register of consents in memory: the twin of `gateway.store.consents`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.entry import subject_token
from gateway.broker.consents import Asking, Word
from gateway.errors import Reason, SourceError

if TYPE_CHECKING:
    import pyarrow as pa

    from gateway.plan.ops import Register


class MemoryConsent:
    """A register of consents in memory.

    Attributes:
        away: Whether nobody can be asked now.
    """

    KEY = b"synthetic register key, 32 bytes"

    def __init__(self) -> None:
        self.away = False
        self._words: dict[bytes, list[Word]] = {}
        self._place = 0
        self._later: list[tuple[str, str, str]] = []

    def say(self, system: str, identifier: str, purpose: str, *, granted: bool) -> None:
        """Keep somebody's word."""
        self._place += 1
        token = subject_token(self.KEY, system, identifier)
        self._words.setdefault(token, []).append(Word(self._place, purpose, granted))

    def later(self, system: str, identifier: str, purpose: str) -> None:
        """Keep a withdrawal that is made once people were asked about."""
        self._later.append((system, identifier, purpose))

    def mark(self) -> int:
        """Return the place of the last word."""
        if self.away:
            raise SourceError(Reason.CONSENT_UNAVAILABLE, "the register cannot be asked")
        return self._place

    async def stay(self, register: Register, batch: pa.RecordBatch) -> list[bool]:
        """Say who lets their rows leave."""
        self.mark()
        asking = Asking(register, self.KEY)
        answer = asking.stay(asking.people(batch), self._words)
        while self._later:
            self.say(*self._later.pop(), granted=False)
        return answer

    def withdrew(self, register: Register, batch: pa.RecordBatch, since: int) -> list[bool]:
        """Say who withdrew since a mark."""
        self.mark()
        asking = Asking(register, self.KEY)
        news = {
            token: [one for one in said if one.place > since] for token, said in self._words.items()
        }
        return asking.withdrew(asking.people(batch), news)
