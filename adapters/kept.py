"""The files of a folder, each read once and kept until it changes or goes.

Scans of one source repeat, and its files change seldom. A file counts as unchanged while its time,
size and place on the disk do; the order of files is that of their paths, so rows keep their order.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from gateway.errors import Reason, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_T = TypeVar("_T")
Stamp: TypeAlias = tuple[int, int, int, int]


class Kept(Generic[_T]):
    """What `read` made of each file of a folder with the given ending."""

    def __init__(self, folder: Path, suffix: str, read: Callable[[str], _T]) -> None:
        self._folder = folder
        self._suffix = suffix
        self._read = read
        self._kept: dict[str, tuple[Stamp, _T]] = {}

    def all(self) -> Iterator[_T]:
        """Yield what each file gives, in the order of their paths, read when its turn comes.

        Raises:
            SourceError: A folder cannot be listed.
        """
        try:
            found = sorted(_files(str(self._folder), self._suffix))
        except OSError:
            message = "a source's folder cannot be listed"
            raise SourceError(Reason.ADAPTER_UNAVAILABLE, message) from None
        # Built anew, so that what a file gave goes with it; two scans at a time only read twice.
        now: dict[str, tuple[Stamp, _T]] = {}
        for path, stamp in found:
            held = self._kept.get(path)
            if held is None or held[0] != stamp:
                held = (stamp, self._read(path))
            now[path] = held
            yield held[1]
        self._kept = now


def _files(folder: str, suffix: str) -> Iterator[tuple[str, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            # Folders behind links are left out: they may lead outside, or round in a circle.
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, suffix)
            elif entry.name.endswith(suffix) and entry.is_file():
                stat = entry.stat()
                yield entry.path, (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
