"""CSV as it has to be: UTF-8, commas, one header; what is otherwise is said with file and line.

Nothing is guessed: a separator, an encoding or a missing field that was guessed wrong would be a
table other than the officer's, and its protection somebody else's.
"""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_BYTES: Final = 32 * 1024 * 1024
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line that it ends on, the header first; blank lines are none.

    Raises:
        SettingsError: The file cannot be read, or is no CSV of UTF-8 and commas.
    """
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    width = 0
    try:
        for fields in reader:
            at = reader.line_num
            if not fields:
                continue
            if not width:
                _header(path, at, fields)
                width = len(fields)
            if len(fields) != width:
                raise wrong(path, at, f"has {len(fields)} fields where the header has {width}")
            yield at, fields
    except csv.Error as error:
        raise wrong(path, reader.line_num, f"is no CSV: {error}") from None
    if not width:
        raise wrong(path, 1, "is empty")


def wrong(path: Path, line: int, said: str) -> SettingsError:
    """Return the error that names a file and a line."""
    return SettingsError(f"{path}:{line}: {said}")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise SettingsError(f"{path}: larger than {LARGEST_BYTES // 1024**2} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if data.startswith(_UTF16):
        raise wrong(path, 1, "is UTF-16: save it as plain UTF-8")
    try:
        # A spreadsheet's own export begins with a byte order mark: it says UTF-8, and no more.
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise wrong(path, line, "is not UTF-8: save it as plain UTF-8") from None


def _header(path: Path, at: int, names: list[str]) -> None:
    for mark, said in ((";", "semicolons"), ("\t", "tabs")):
        if any(mark in name for name in names):
            raise wrong(path, at, f"is separated by {said}: fields are separated by commas")
    for name in names:
        if not name or name != name.strip():
            raise wrong(path, at, "a column has no name, or one with spaces around it")
        if names.count(name) > 1:
            raise wrong(path, at, f"column `{name}` is there twice")
