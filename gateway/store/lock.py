"""The lock file: one process owns a SQLite log, and a second refuses to start."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from gateway.errors import LogError

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """An exclusive lock on `<database>.lock`; the system lets go of it however the process ends."""

    def __init__(self, database: Path) -> None:
        """Take the lock.

        Raises:
            LogError: Another process has it, or the file cannot be made.
        """
        path = database.with_name(database.name + ".lock")
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogError("the exchange log's lock file cannot be opened") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise LogError("the exchange log is in use by another process") from error

    def close(self) -> None:
        """Let go. The file stays.

        Removing it would let two processes lock two files of one name.
        """
        os.close(self._handle)
