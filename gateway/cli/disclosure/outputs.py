"""The files of one run: all of them under their names, or none.

Each is written to `<name>.part`, which its owner alone can read; once all are there, each gets its
name. Files are an officer's: a working file holds hidden counts.
"""

from __future__ import annotations

import csv
import io
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def targets(read: Iterable[str], options: Mapping[str, str]) -> dict[str, Path]:
    """Return where each option that was given writes; `-` prints and is no file.

    Args:
        read: The files that are read, which nothing may be written over.
        options: Option and file; empty where it was not given.

    Raises:
        SettingsError: Two options name one file, one names a file that is read, or a folder that
            is not there.
    """
    taken = {Path(file).resolve() for file in read}
    found: dict[str, Path] = {}
    for option, file in options.items():
        if file in {"", "-"}:
            continue
        place = Path(file)
        if not place.parent.is_dir():
            raise SettingsError(f"`{option}`: there is no folder {place.parent}")
        if place.is_dir():
            raise SettingsError(f"`{option}`: {place} is a folder")
        if place.resolve() in taken:
            raise SettingsError(f"`{option}`: {place} is read, or written already, in this run")
        taken.add(place.resolve())
        found[option] = place
    return found


def write(texts: Sequence[tuple[Path, str]]) -> None:
    """Write each text to its file, whole and readable by its owner alone; or none of them."""
    parts = [(place, place.with_name(place.name + ".part"), text) for place, text in texts]
    try:
        for _, part, text in parts:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)
            part.write_text(text, encoding="utf-8", newline="")
        for place, part, _ in parts:
            part.replace(place)
    except OSError as error:
        raise SettingsError(f"{error.filename}: cannot be written: {error.strerror}") from None
    finally:
        for _, part, _ in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def sheet_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV that `read_sheet` reads back."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(header)
    sheet.writerows(rows)
    return out.getvalue()


def say(text: str) -> None:
    """Print what is only noted, beside whatever is printed for programs."""
    sys.stderr.write(f"{text}\n")
