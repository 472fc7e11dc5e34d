"""What consents and duties are told as, by who serves them and by who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt


class Said(NamedTuple):
    """One word of somebody, and the place of its entry in the log."""

    place: int
    purpose: str
    granted: bool


class Owing(NamedTuple):
    """A duty that a recipient owes of one exchange, and has not attested."""

    exchange_id: str
    duty: str
    due: dt.datetime
    agreement: str
    provision: str
