"""A log as static files in a folder, as `accord log export` writes it, and its openings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.merkle import entry_bundle_path, tile_path
from gateway.audit.static import CHECKPOINT, OPENINGS, parse_opening
from gateway.auditor.place import Log
from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from gateway.audit.beside import Opening


class FolderReader:
    """A folder of static tiles, as `audit.verify` reads a log."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> str:
        """Return the checkpoint.

        Raises:
            LogError: There is none, or it is no text.
        """
        try:
            return (self._folder / CHECKPOINT).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LogError("the exported log has no checkpoint that can be read") from error

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return exactly `width` hashes of a tile, or None where there is no such tile."""
        return self._file(tile_path(level, index, width))

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle of exactly `width` entries, or None where there is none."""
        return self._file(entry_bundle_path(index, width))

    def _file(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogError(f"`{path}` of the exported log cannot be read") from error


class OpeningsFile(Mapping[int, "Opening"]):
    """The openings of a file, one line at a time: a log's may be larger than the memory.

    The lines are in the order of their indexes, and are asked for in that order too: an index below
    the last one asked for is not found.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            SettingsError: It cannot be read.
        """
        self._path = path
        try:
            self._file: BinaryIO = path.open("rb")
            self._end = path.stat().st_size
        except OSError as error:
            raise SettingsError(f"`{path.name}` cannot be read") from error
        self._next: tuple[int, Opening] | None = None
        self._asked = -1

    def __getitem__(self, index: int) -> Opening:
        if self._asked < 0 and index:
            self._find(index)
        self._asked = index
        while self._next is None or self._next[0] < index:
            found = self._line()
            if found is None:
                raise KeyError(index)
            if self._next is not None and found[0] <= self._next[0]:
                raise SettingsError(f"`{self._path.name}`: the openings are not in their order")
            self._next = found
        if self._next[0] != index:
            raise KeyError(index)
        return self._next[1]

    def __iter__(self) -> Iterator[int]:
        return (index for index, _ in openings_of(self._path))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _line(self) -> tuple[int, Opening] | None:
        """Return the opening of the next line, or None at the end."""
        at = self._file.tell()
        line = self._file.readline()
        if not line:
            return None
        try:
            found = parse_opening(line.decode("ascii"))
        except UnicodeDecodeError:
            found = None
        if found is None:
            raise SettingsError(f"`{self._path.name}`: the line at byte {at} is not an opening")
        return found

    def _find(self, index: int) -> None:
        """Go to a line at or before that of an index, in a file of many."""
        low, high = 0, self._end
        while high - low > 1 << 16:
            middle = (low + high) // 2
            self._file.seek(middle)
            self._file.readline()  # the rest of a line that began before
            found = self._line()
            if found is None or found[0] >= index:
                high = middle
            else:
                low = middle
        self._file.seek(low)
        if low:
            self._file.readline()


def openings_of(path: Path) -> Iterator[tuple[int, Opening]]:
    """Yield the openings of a file in its order, a line at a time.

    Raises:
        SettingsError: The file is not of its form; the message names the line.
    """
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, 1):
                found = parse_opening(line)
                if found is None:
                    raise SettingsError(f"`{path.name}`: line {number} is not an opening")
                yield found
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"`{path.name}` cannot be read") from error


def read_openings(path: Path) -> Mapping[int, Opening]:
    """Return every opening of a file, by index. Raises: SettingsError."""
    return dict(openings_of(path))


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """An exported log; its openings lie in it, or in a file of their own, or nowhere."""

    folder: Path
    openings: Path | None = None

    def open(self) -> Log:
        """Open the log. Raises: LogError, SettingsError."""
        path = self.openings or self.folder / OPENINGS
        if self.openings is None and not path.exists():
            return Log(FolderReader(self.folder))
        found = OpeningsFile(path)
        return Log(FolderReader(self.folder), openings=found, close=found.close)
