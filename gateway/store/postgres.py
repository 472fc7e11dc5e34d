"""Connections to a log in PostgreSQL, with psycopg 3 (extra `postgres`).

READ COMMITTED, and each statement by itself: a lock and a read in one statement see what was there
before the lock. What the server acknowledges must be durable, so it is asked how it is set up
before anything is written. Section 5.3 of the log's specification.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import LogError, SettingsError
from gateway.store import tables
from gateway.store.database import Cursor, ServerContradictionError, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

LOCK_S: Final = 2
"""How long an append waits for another replica that holds the log."""
HANG_S: Final = 5
"""How long a replica may hold it without a word before the server ends its session."""

_DURABLE: Final = frozenset({"on", "remote_apply"})
_PLACE = re.compile(r"\?(\d*)|%")


class Postgres:
    """One connection to PostgreSQL, as the store uses it.

    A reader that lost its server looks for it again with its next statement. The log's writer does
    not, since what it was about to commit is unknown.

    Args:
        url: `postgresql://…`; a password is better given by the environment or a password file.
        write: Whether it may write.
        again: Whether a writer looks for its server again too.

    Raises:
        LogError: The server does not answer, or may lose what it acknowledges.
        SettingsError: The extra `postgres` is not installed.
    """

    def __init__(self, url: str, *, write: bool, again: bool = False) -> None:
        self._url = url
        self._write = write
        self._again = again or not write
        self._driver = _driver()
        self._spelled: dict[str, str] = {}
        try:
            self._raw = self._connect()
        except ServerError as error:
            raise LogError("the exchange log's PostgreSQL does not answer") from error
        if write:
            self._check_durable()

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement; see `connect.Connection`."""
        if self._raw.closed and self._again:
            self._raw = self._connect()
        spelled, given = self._spell(statement, parameters) if parameters else (statement, None)
        try:
            # Nothing is left to be fetched: an answer is here, whole, or there was none.
            return self._raw.execute(spelled, given)  # type: ignore[no-any-return]
        except self._driver.IntegrityError as error:
            raise ServerContradictionError(_name(error)) from error
        except self._driver.Error as error:
            raise ServerError(_name(error)) from error

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> object:
        """Run one statement for each row of parameters."""
        for row in rows:
            self.execute(statement, row)
        return None

    def close(self) -> None:
        """Let the connection go."""
        with contextlib.suppress(self._driver.Error):
            self._raw.close()

    def _spell(self, statement: str, parameters: Sequence[Any]) -> tuple[str, Any]:
        """Return a statement and its parameters as psycopg takes them."""
        spelled = self._spelled.get(statement)
        if spelled is None:
            spelled = self._spelled[statement] = spell(statement)
        if "%(p1)s" in spelled:
            return spelled, {f"p{place}": value for place, value in enumerate(parameters, 1)}
        return spelled, parameters

    def _connect(self) -> Any:  # noqa: ANN401 - psycopg.Connection, whose module may be absent
        options = (
            f"-c lock_timeout={LOCK_S}s -c statement_timeout={HANG_S * 6}s "
            f"-c idle_in_transaction_session_timeout={HANG_S}s "
            f"-c default_transaction_isolation=read\\ committed "
            f"-c default_transaction_read_only={'off' if self._write else 'on'}"
        )
        try:
            return self._driver.connect(
                self._url,
                autocommit=True,
                options=options,
                tcp_user_timeout=HANG_S * 1000,
                connect_timeout=HANG_S,
                application_name="accord",
            )
        except self._driver.Error as error:
            raise ServerError(_name(error)) from error

    def _check_durable(self) -> None:
        """Hold the server to it that what it acknowledges is there after its power failed."""
        commit = self.execute("SHOW synchronous_commit").fetchone()[0]
        flush = self.execute("SHOW fsync").fetchone()[0]
        if commit not in _DURABLE or flush != "on":
            self.close()
            raise LogError(
                "the exchange log's PostgreSQL may lose what it acknowledges: "
                "`synchronous_commit` and `fsync` must be on"
            )


def exists(url: str) -> bool:
    """Return whether the database has the tables of a log, of whatever version.

    Raises:
        LogError: The server does not answer.
    """
    connection = Postgres(url, write=False)
    try:
        return connection.execute("SELECT to_regclass('log_entry')").fetchone()[0] is not None
    except ServerError as error:
        raise LogError("the exchange log's PostgreSQL does not answer") from error
    finally:
        connection.close()


def create(url: str) -> None:
    """Make the tables of this schema in an empty database.

    Raises:
        LogError: They cannot be made.
    """
    connection = Postgres(url, write=True)
    try:
        connection.execute("BEGIN")
        for statement in tables.postgres_statements():
            connection.execute(statement)
        connection.execute("COMMIT")
    except ServerError as error:
        raise LogError("the exchange log's database cannot be created") from error
    finally:
        connection.close()


def spell(statement: str) -> str:
    """Return a statement with psycopg's parameters: `?` in turn, `?1` by its number."""
    numbered = re.search(r"\?\d", statement) is not None

    def place(found: re.Match[str]) -> str:
        if found[0] == "%":
            return "%%"
        return f"%(p{found[1]})s" if numbered else "%s"

    return _PLACE.sub(place, statement)


def _driver() -> ModuleType:
    try:
        return importlib.import_module("psycopg")
    except ImportError:
        raise SettingsError(
            "`log.database`: PostgreSQL needs the extra `postgres`: accord-gateway[postgres]"
        ) from None


def _name(error: BaseException) -> str:
    """Return what went wrong in a word: the text may hold a value."""
    return str(getattr(error, "sqlstate", None) or type(error).__name__)
