"""Duties that recipients owe, in the log's own database: from a first release until attested.

What is owed is written with the release that brings it about, and what was said of it with its
`duty` entry, so neither can be there without the other. A duty that is late refuses the recipient
under the same agreement until it is attested: an overdue entry tells of it, and refuses nothing by
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit.entry import Draft, exchange_bytes
from gateway.audit.fault import AuditError
from gateway.errors import NotFoundError, Reason
from gateway.store import statements
from gateway.store.batch import instant, millis
from gateway.values import uuid_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from typing import Any

    from gateway.ports import Keep
    from gateway.store.database import Connection
    from gateway.store.line import Beside
    from gateway.store.log import StoredLog
    from gateway.store.reads import Reads

ATTESTED: Final = "attested"
OVERDUE: Final = "overdue"
RETAIN: Final = "6y"
MOST: Final = 1_000
_NOT_DONE: Final = (
    "NOT EXISTS (SELECT 1 FROM duty_said s WHERE s.x = o.x AND s.duty = o.duty AND s.event = ?)"
)
_COLUMNS: Final = (
    "SELECT o.x, o.duty, o.recipient, o.agreement, o.provision, o.due FROM duty_owed o"
)
_LATE: Final = (
    f"SELECT DISTINCT o.duty FROM duty_owed o WHERE o.recipient = ? AND o.due < ? "  # noqa: S608
    f"AND o.agreement = ? AND {_NOT_DONE} ORDER BY o.duty"
)
_OWED: Final = (
    f"{_COLUMNS} WHERE o.recipient = ? AND {_NOT_DONE} ORDER BY o.due, o.seq LIMIT {MOST}"
)
_EVERY: Final = f"{_COLUMNS} WHERE {_NOT_DONE} ORDER BY o.due, o.seq LIMIT {MOST}"
_ONE: Final = f"{_COLUMNS} WHERE o.x = ? AND o.duty = ? AND o.recipient = ?"
_UNTOLD: Final = f"{_COLUMNS} WHERE o.due < ? AND {_NOT_DONE} AND {_NOT_DONE} LIMIT {MOST}"


class OwedDuty(NamedTuple):
    """A duty of one exchange.

    Attributes:
        agreement: `<id>@<version>`.
        due: The last instant at which it is not late.
    """

    exchange_id: str
    duty: str
    recipient: str
    agreement: str
    provision: str
    due: dt.datetime


def owing(exchange_id: str, agreement: str, keep: Keep) -> Beside:
    """Return what writes the duties of an exchange beside its release."""
    x = exchange_bytes(exchange_id)
    name, _, provision = keep.provision.partition("/")

    def write(connection: Connection, seq: int) -> None:
        rows = [
            (x, one.duty, seq, keep.recipient, name, f"{agreement}/{provision}", millis(one.due))
            for one in keep.owes
        ]
        statements.INSERT_OWED.run(connection, rows)

    return write


class StoredDuties:
    """What is owed, what is late, and what was attested.

    Args:
        log: The log that has them beside it.
    """

    def __init__(self, log: StoredLog) -> None:
        self._log = log
        self._reads = log.reads

    def late(self, recipient: str, agreement: str, now: dt.datetime) -> tuple[str, ...]:
        """Return the duties that a recipient is late with under an agreement, each once.

        Raises:
            LogError: The store cannot be read: what cannot be counted is not granted.
        """
        rows = self._reads.rows(_LATE, recipient, millis(now), agreement, ATTESTED)
        return tuple(str(duty) for (duty,) in rows)

    def owed(self, recipient: str = "") -> tuple[OwedDuty, ...]:
        """Return what a recipient owes, or everybody, the most pressing first; 1,000 at most."""
        return owed(self._reads, recipient)

    async def attest(self, recipient: str, exchange_id: str, duty: str) -> int:
        """Write that a recipient has done a duty of its own; return the entry's place.

        Raises:
            NotFoundError: It owes no such duty of such an exchange.
            LogError: The entry is not, or may not be, durable.
        """
        try:
            rows = self._reads.rows(_ONE, exchange_bytes(exchange_id), duty, recipient)
        except AuditError:
            rows = []
        if not rows:
            raise NotFoundError(Reason.NOT_FOUND, "no such duty of this agency")
        return await self._say(_duty(rows[0]), ATTESTED)

    async def tell(self, now: dt.datetime) -> int:
        """Write an entry for each duty that came to be overdue; return how many."""
        rows = self._reads.many(_UNTOLD, millis(now), ATTESTED, OVERDUE)
        for row in rows:
            await self._say(_duty(row), OVERDUE)
        return len(rows)

    async def _say(self, one: OwedDuty, event: str) -> int:
        x = exchange_bytes(one.exchange_id)
        meta = {
            "duty": one.duty,
            "event": event,
            "due": one.due.isoformat(timespec="seconds"),
            "exchange": one.exchange_id,
        }

        def beside(connection: Connection, seq: int) -> None:
            statements.INSERT_SAID.run(connection, [(x, one.duty, event, seq)])

        draft = Draft("duty", one.exchange_id, 0, one.agreement, RETAIN, meta)
        return await self._log.note(draft, beside)


def owed(reads: Reads, recipient: str = "") -> tuple[OwedDuty, ...]:
    """Return what a recipient owes, or everybody; see `StoredDuties.owed`."""
    rows = reads.many(_OWED, recipient, ATTESTED) if recipient else reads.many(_EVERY, ATTESTED)
    return tuple(_duty(row) for row in rows)


def _duty(row: Sequence[Any]) -> OwedDuty:
    x, duty, recipient, _, provision, due = row
    reference, _, name = str(provision).partition("/")
    return OwedDuty(uuid_text(bytes(x)), str(duty), str(recipient), reference, name, instant(due))
