"""Files that their owner alone may read: refused where others may, replaced whole and durable."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORBIDDEN: Final = stat.S_IRWXG | stat.S_IRWXO


def read(path: Path) -> bytes:
    """Return a key file's bytes.

    Raises:
        SettingsError: It is missing, cannot be read, or somebody else may read it.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise SettingsError(f"key folder: `{path.name}` is missing or cannot be read") from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode) or mode & _FORBIDDEN:
            raise SettingsError(
                f"key folder: `{path.name}` can be read by others: give it mode 0600"
            )
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> None:
    """Make a new file, durable, for its owner alone.

    Raises:
        SettingsError: There is one, or it cannot be made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(
            f"key folder: `{path.name}` exists already or cannot be made"
        ) from error
    try:
        rest = data
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    _sync_folder(path)


def replace(path: Path, data: bytes) -> None:
    """Replace a file, whole and durable, or leave it as it was.

    Raises:
        SettingsError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.next")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    try:
        write(fresh, data)
        fresh.rename(path)
        _sync_folder(path)
    except OSError as error:
        raise SettingsError(f"key folder: `{path.name}` cannot be written") from error


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
