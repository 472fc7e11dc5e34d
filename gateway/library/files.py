"""The officers' folder on disk: every file's bytes, and what tells that one of them changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS: Final = ("datasets", "notices")
ENDINGS: Final = (".yaml", ".yml", ".sig.json", ".md")
LARGEST_BYTES: Final = 1024 * 1024
"""No file of the folder is larger: what is, is not read into memory."""


def contents(folder: Path) -> dict[str, bytes]:
    """Return the folder's files by their name inside it; those of other endings are nobody's.

    A file that cannot be read, or is too large, is there and empty: its reader then refuses it by
    name, where a file that is absent would be passed over in silence.
    """
    return {name: _bytes(path) for name, path in _files(folder)}


def stamp(folder: Path) -> object:
    """Return what changes when a file does: names, times, sizes and inodes.

    The time of the last change of the inode is among them: the time of the content can be set back.
    """
    found = []
    for name, path in _files(folder):
        try:
            about = path.stat()
        except OSError:
            # Gone between listing and asking; the next look sees what became of it.
            found.append((name, 0, 0, 0, 0))
        else:
            place = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
            found.append((name, *place))
    return tuple(found)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for root in (folder, *(folder / name for name in FOLDERS)):
        prefix = "" if root == folder else f"{root.name}/"
        try:
            paths = sorted(path for path in root.iterdir() if _read(prefix, path))
        except OSError:
            # A folder that cannot be listed is empty: what was in it stops.
            continue
        for path in paths:
            yield prefix + path.name, path


def _read(prefix: str, path: Path) -> bool:
    """Return whether somebody reads this file: a README in the folder is for people alone."""
    if not path.name.endswith(ENDINGS) or (path.suffix == ".md" and not prefix):
        return False
    return path.is_file()


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError:
        return b""
    return data if len(data) <= LARGEST_BYTES else b""


def write_synced(path: Path, data: bytes) -> None:
    """Put `data` under `path` whole or not at all, durable against a loss of power.

    Raises:
        OSError: It is not; the file before is untouched.
    """
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable, of files that were made, renamed or removed there."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
