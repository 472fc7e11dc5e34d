"""Tokens that are good for one call: which were used, by any gateway that shares the log.

What names a token is a digest, and it stands here until the token has expired; never in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.store import statements
from gateway.store.line import Job

if TYPE_CHECKING:
    from gateway.store.database import Connection

_EXPIRED: Final = "DELETE FROM token_used WHERE until < ?"
_USED: Final = "SELECT 1 FROM token_used WHERE token = ?"


class Using:
    """A chore of the writer: uses a token up, unless it was used before.

    Args:
        token: What names it.
        until: When it expires, seconds since 1970.
        now: This instant, the same.

    Attributes:
        first: Whether this is its first use, once the job is settled.
    """

    def __init__(self, token: bytes, until: int, now: int) -> None:
        self._token = token
        self._until = until
        self._now = now
        self.first = False
        self.job = Job(chore=self._run)

    def _run(self, connection: Connection) -> None:
        connection.execute(_EXPIRED, (self._now,))
        self.first = connection.execute(_USED, (self._token,)).fetchone() is None
        if self.first:
            statements.INSERT_USED.run(connection, [(self._token, self._until)])
