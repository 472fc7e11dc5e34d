"""The held file: the last signed checkpoint, outside the database's directory.

A store that lost its tail, or was put back to an older copy, is perfectly consistent in itself.
What gives it away is a newer checkpoint in other hands, and this file is the first of them.
Section 4.5 of the specification.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    from gateway.store.database import Where


class HeldFile:
    """One signed checkpoint, replaced atomically and durably.

    Its directory is held open throughout.
    """

    def __init__(self, path: Path, database: Where) -> None:
        """Open the file's directory.

        Raises:
            SettingsError: The directory does not exist, or it is the database's own.
        """
        self.path = path
        if not path.parent.is_dir():
            raise SettingsError("`log.held`: the directory of the held checkpoint does not exist")
        if isinstance(database, Path) and path.parent.resolve() == database.parent.resolve():
            raise SettingsError("`log.held`: must lie outside the directory of the database")
        self._directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        self._name = path.name
        self._next = f".{path.name}.next"

    def same_device(self, database: Where) -> bool:
        """Return whether the loss of one disk would take the database and this file together."""
        if not isinstance(database, Path):
            return False
        return os.fstat(self._directory).st_dev == database.parent.stat().st_dev

    def read(self) -> str | None:
        """Return the note that is held, or None where there is no file.

        Raises:
            LogError: The file is there and cannot be read as text.
        """
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise LogError("the held checkpoint cannot be read") from error

    def write(self, note: str) -> None:
        """Replace the note: temporary file, fsync, rename, fsync of the directory.

        Raises:
            OSError: The new note may not be durable; the old or the new one is there, whole.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        handle = os.open(self._next, flags, 0o600, dir_fd=self._directory)
        try:
            data = note.encode("utf-8")
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(self._next, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        os.fsync(self._directory)

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._directory)
