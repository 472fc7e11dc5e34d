"""Suspensions of the accounting: while one is in force, a person is not told of one recipient.

45 CFR 164.528(a)(2): a health oversight agency or a law enforcement official says that an account
would impede its activities, in writing and for a stated time, or orally for 30 days at most. Here
each is an entry of kind `suspend` with the person's tokens; nothing is hidden from the log, and
nothing stays hidden after its day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import Reason, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WRITTEN: Final = "written"
ORAL: Final = "oral"
ORAL_DAYS: Final = 30
"""The most that an oral statement holds, counted from its day."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """What one recipient asked for about one person.

    Attributes:
        statement: `written` or `oral`.
        began: The UTC day of the statement.
        until: The first UTC day on which its lines are shown again.
        document: The agency's own id of the statement.
    """

    recipient: str
    statement: str
    began: dt.date
    until: dt.date
    document: str

    def hides(self, today: dt.date) -> bool:
        """Return whether lines are withheld on a day."""
        return today < self.until


def suspensions(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> Mapping[str, Suspension]:
    """Return each recipient's last suspension that was not ended, in force or over.

    Args:
        entries: (time, metadata) of a person's `suspend` entries, in the log's order.
    """
    found: dict[str, Suspension] = {}
    for time, meta in entries:
        recipient, day = str(meta["recipient"]), dt.date.fromisoformat(time[:10])
        before = found.pop(recipient, None)
        if meta["event"] == "end":
            continue
        extends = meta["event"] == "extend" and before is not None
        began = before.began if extends and before is not None else day
        statement = str(meta["statement"])
        until = dt.date.fromisoformat(str(meta["until"]))
        if statement == ORAL:
            until = min(until, began + dt.timedelta(days=ORAL_DAYS))
        found[recipient] = Suspension(recipient, statement, began, until, str(meta["document"]))
    return found


def begin(
    before: Suspension | None,
    recipient: str,
    statement: str,
    until: dt.date | None,
    document: str,
    today: dt.date,
) -> dict[str, object]:
    """Return the metadata of the entry that begins a suspension.

    Args:
        before: The recipient's last one, as `suspensions` has it.
        recipient: Whose statement it is.
        statement: `written` or `oral`.
        until: The first day on which lines are shown again; of an oral one it may be left out.
        document: The agency's own id of the statement.
        today: The UTC day.

    Raises:
        RequestError: One is in force, or the time is not one that such a statement can have.
    """
    if before is not None and before.hides(today):
        raise _wrong("`suspend`: one is in force for this recipient: extend or resume it")
    last = _last(statement, today, until)
    return _meta("begin", recipient, statement, last, document, today)


def extend(
    before: Suspension | None,
    recipient: str,
    statement: str,
    until: dt.date | None,
    document: str,
    today: dt.date,
) -> dict[str, object]:
    """Return the metadata of the entry that extends a suspension; see `begin`.

    An oral one stays within 30 days of its beginning; a written statement takes its place for
    longer.

    Raises:
        RequestError: None is in force, or the time is not later, or not one that it can have.
    """
    if before is None or not before.hides(today):
        raise _wrong("`extend`: no suspension is in force for this recipient")
    if before.statement == WRITTEN and statement == ORAL:
        raise _wrong("`extend`: an oral statement does not extend a written one")
    last = _last(statement, before.began, until)
    if last <= before.until:
        raise _wrong("`until` is not later than the day that the suspension has")
    return _meta("extend", recipient, statement, last, document, today)


def resume(
    before: Suspension | None, recipient: str, document: str, today: dt.date
) -> dict[str, object]:
    """Return the metadata of the entry that ends a suspension before its day.

    Raises:
        RequestError: None is in force.
    """
    if before is None or not before.hides(today):
        raise _wrong("`resume`: no suspension is in force for this recipient")
    return {
        "event": "end",
        "recipient": recipient,
        "statement": before.statement,
        "until": None,
        "document": document,
    }


def _last(statement: str, began: dt.date, until: dt.date | None) -> dt.date:
    """Return the first day on which lines are shown again."""
    if statement == WRITTEN:
        if until is None:
            raise _wrong("`until`: a written statement says for how long")
        return until
    longest = began + dt.timedelta(days=ORAL_DAYS)
    if until is not None and until > longest:
        raise _wrong(f"`until`: an oral statement holds {ORAL_DAYS} days at most")
    return until or longest


def _meta(
    event: str, recipient: str, statement: str, until: dt.date, document: str, today: dt.date
) -> dict[str, object]:
    if until <= today:
        raise _wrong("`until` is not after today")
    return {
        "event": event,
        "recipient": recipient,
        "statement": statement,
        "until": until.isoformat(),
        "document": document,
    }


def _wrong(message: str) -> RequestError:
    return RequestError(Reason.INVALID_REQUEST, message)
