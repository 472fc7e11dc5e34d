"""Cells of the programmes' sheets: text to typed values, or null with a notice, never a guess."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from adapters.hardened import UnreadableError, opened, read_csv, unreadable
from gateway.errors import Reason, SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from adapters.base import Report

ZIP = re.compile(r"[0-9]{5}")
COUNTY = re.compile(r"[0-9]{2}(?!000|999)[0-9]{3}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ .,&()/'-]{0,63}")


def columns(
    path: Path, used: Collection[str], layout: Collection[str] | None, report: Report
) -> Iterator[dict[str, str]]:
    """Yield the used columns of a CSV file, trimmed, by name; no other column is opened.

    Args:
        path: The file.
        used: Columns that must be there.
        layout: Further columns that are known; another is noticed as `unknown-column`. None where
            the rest of the file is nobody's business.
        report: Takes notices, and rows with too few or too many cells as `csv-ragged`.

    Raises:
        SourceError: The file is refused, or lacks a column.
    """
    table = opened(lambda: read_csv(path))
    missing = [name for name in used if name not in table.header]
    if missing:
        raise lacking(missing[0])
    for place, name in enumerate(table.header, 1):
        if layout is not None and name not in used and name not in layout:
            report.notice("unknown-column", name if _NAME.fullmatch(name) else f"column {place}")
    places = [(name, table.header.index(name)) for name in used]
    try:
        for _, cells in table.rows:
            if len(cells) != len(table.header):
                report.quarantine("csv-ragged")
                continue
            yield {name: cells[place].strip() for name, place in places}
    except UnreadableError as error:
        raise unreadable(error) from None


def lacking(column: str) -> SourceError:
    """Return the error of a source without a column that it must have."""
    message = f"a source lacks the column `{column}`"
    return SourceError(Reason.ADAPTER_UNAVAILABLE, message, field=column)


def coded(text: str, spellings: Mapping[str, str], name: str, report: Report) -> str | None:
    """Return the code of a spelling; null for nothing, and with a notice for another."""
    code = spellings.get(text)
    if code is None and text:
        report.notice("unknown-code", name)
    return code


def formed(text: str, form: re.Pattern[str], name: str, report: Report) -> str | None:
    """Return text of a form, null with a notice for another."""
    if not text or form.fullmatch(text):
        return text or None
    report.notice("unknown-code", name)
    return None


def whole(text: str, name: str, report: Report) -> int | None:
    """Return a whole number from nought to nine digits."""
    if not text or _WHOLE.fullmatch(text):
        return int(text) if text else None
    report.notice("unknown-value", name)
    return None


def flag(text: str, name: str, report: Report) -> bool | None:
    """Return true for 1, false for 0, null for nothing."""
    found = {"1": True, "0": False}.get(text)
    if found is None and text:
        report.notice("unknown-code", name)
    return found


def iso_day(text: str) -> dt.date | None:
    """Return the civil date of `YYYY-MM-DD`, a time behind it left out; null for another form."""
    try:
        return dt.date.fromisoformat(text[:10]) if text[4:5] == "-" else None
    except ValueError:
        return None


def several(text: str) -> tuple[str, ...] | None:
    """Return the words of a cell between semicolons, trimmed; null for an empty cell."""
    return tuple(word for part in text.split(";") if (word := part.strip())) if text else None
