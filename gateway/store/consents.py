"""The register of consents in the log's own database: each word beside the entry that says it.

A row is a token under the register's own key, a purpose and a word; the entry of kind `consent`
beside it is in the log, so what is in the register was said to the log first. Nothing here is
changed: the last word holds. The key is the key folder's; a register under another key is refused,
since everybody who withdrew would be unknown in it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.broker.consents import Asking, Word
from gateway.errors import LogError, Reason, SourceError
from gateway.store import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from gateway.audit.entry import Draft
    from gateway.plan.ops import Register
    from gateway.store.database import Connection
    from gateway.store.log import StoredLog

TOKENS_AT_ONCE: Final = 200
_BEING_WRITTEN: Final = 1 << 62
"""The place of a word whose entry has none yet: later than every other."""
_MARK: Final = "SELECT coalesce(max(seq), -1) FROM consent_word"
_OF: Final = "SELECT token, seq, purpose, granted, key_id FROM consent_word WHERE token IN ({})"
_SINCE: Final = "SELECT token, seq, purpose, granted, key_id FROM consent_word WHERE seq > ?"
_OTHERS: Final = "SELECT count(*) FROM consent_word WHERE key_id <> ?"
_ENTRIES: Final = "SELECT count(*) FROM log_entry WHERE k = 'consent'"
_SAID: Final = "SELECT count(DISTINCT seq) FROM consent_word WHERE seq >= 0"


class RegisterKey(NamedTuple):
    """What keys the tokens of the register, for good: who withdrew years ago is still known."""

    key_id: str
    key: bytes


class StoredConsent:
    """The one `Consent` port, and where words are written.

    Args:
        log: The log that has the register beside it.
        key: What keys its tokens.

    Raises:
        LogError: The register is under another key, or lacks words that the log has entries of.
    """

    def __init__(self, log: StoredLog, key: RegisterKey) -> None:
        self._log = log
        self._reads = log.reads
        self._key = key
        self._pending: list[tuple[tuple[bytes, ...], Word]] = []
        if self._reads.many(_OTHERS, key.key_id)[0][0]:
            raise LogError("the register of consents is under a key that the key folder has not")
        if self._reads.many(_SAID)[0][0] != self._reads.many(_ENTRIES)[0][0]:
            raise LogError("the register of consents is not what the log says: a word is missing")

    # --- The port ---------------------------------------------------------------------------------

    def mark(self) -> int:
        """Return the place of the last word; see `ports.Consent`."""
        return int(self._asked(_MARK)[0][0])

    async def stay(self, register: Register, batch: pa.RecordBatch) -> list[bool]:
        """Return, row by row, whether whoever it is about lets it leave."""
        pending = list(self._pending)
        return await asyncio.to_thread(self._stay, register, batch, pending)

    def withdrew(self, register: Register, batch: pa.RecordBatch, since: int) -> list[bool]:
        """Return, row by row, whether whoever it is about has withdrawn since a mark."""
        rows = self._asked(_SINCE, since)
        if not rows and not self._pending:
            return [False] * batch.num_rows
        asking = Asking(register, self._key.key)
        return asking.withdrew(asking.people(batch), self._words(rows, self._pending))

    # --- Writing and telling ----------------------------------------------------------------------

    async def say(self, draft: Draft, tokens: Collection[bytes], *, granted: bool) -> int:
        """Write somebody's word and its entry, in one transaction; return the entry's place.

        From before it is put in line it counts: no release that comes after it in the log holds
        them.

        Args:
            draft: Of kind `consent`.
            tokens: One for each of their identifiers, under the register's key.
            granted: Whether they consented.

        Raises:
            LogError: It is not, or may not be, durable.
        """
        purpose, theirs = str(draft.meta["purpose"]), tuple(sorted(set(tokens)))
        key_id = self._key.key_id

        def beside(connection: Connection, seq: int) -> None:
            rows = [(seq, token, purpose, int(granted), key_id) for token in theirs]
            statements.INSERT_WORD.run(connection, rows)

        word = (theirs, Word(_BEING_WRITTEN, purpose, granted))
        if not granted:
            self._pending.append(word)
        try:
            return await self._log.note(draft, beside)
        finally:
            if not granted:
                self._pending.remove(word)

    def words(self, tokens: Collection[bytes]) -> tuple[Word, ...]:
        """Return what was said by somebody with these tokens, in order, each word once."""
        found = self._words(self._of(sorted(tokens)), ())
        return tuple(sorted({one for said in found.values() for one in said}))

    # --- Reading ----------------------------------------------------------------------------------

    def _stay(
        self,
        register: Register,
        batch: pa.RecordBatch,
        pending: Sequence[tuple[tuple[bytes, ...], Word]],
    ) -> list[bool]:
        asking = Asking(register, self._key.key)
        people = asking.people(batch)
        rows = self._of(sorted({token for one in people for token in one}))
        return asking.stay(people, self._words(rows, pending))

    def _of(self, tokens: Sequence[bytes]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for part in _parts(tokens):
            marks = ", ".join("?" * len(part))
            found += self._asked(_OF.format(marks), *part, many=True)
        return found

    def _words(
        self,
        rows: Iterable[tuple[Any, ...]],
        pending: Iterable[tuple[tuple[bytes, ...], Word]],
    ) -> Mapping[bytes, list[Word]]:
        found: dict[bytes, list[Word]] = defaultdict(list)
        for token, seq, purpose, granted, key_id in rows:
            if key_id != self._key.key_id:
                # Another gateway has written under a key of its own: nobody knows whom it means.
                raise _unavailable()
            found[bytes(token)].append(Word(int(seq), str(purpose), bool(granted)))
        for tokens, word in pending:
            for token in tokens:
                found[token].append(word)
        return found

    def _asked(
        self, statement: str, *parameters: object, many: bool = False
    ) -> list[tuple[Any, ...]]:
        try:
            ask = self._reads.many if many else self._reads.rows
            return ask(statement, *parameters)
        except LogError as error:
            raise _unavailable() from error


def _unavailable() -> SourceError:
    return SourceError(Reason.CONSENT_UNAVAILABLE, "the register of consents cannot be asked")


def _parts(tokens: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(tokens), TOKENS_AT_ONCE):
        yield tokens[at : at + TOKENS_AT_ONCE]
