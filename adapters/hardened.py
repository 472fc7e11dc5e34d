"""Reading XML, JSON and CSV that may be broken or hostile: whole and safe, or refused.

Every file of every adapter comes through here. A refusal is an `UnreadableError` with a stable
reason word and, where there is one, a line number; it never holds content, and neither does the
library's own error, which is dropped. Nothing here follows a reference: no entity, DTD, schema
location, XInclude or host.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lxml import etree

from gateway.errors import Reason, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from adapters.base import Report

MAX_DOCUMENT_BYTES = 10_000_000
"""The largest XML or JSON document; one patient care report has some 40,000 bytes."""

MAX_TABLE_BYTES = 1_000_000_000
"""The largest CSV file; it is read line by line."""

MAX_LINE_BYTES = 1 << 20
MAX_JSON_DEPTH = 64
MAX_DIGITS = 40

_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf")


class UnreadableError(Exception):
    """A file or document that is refused whole.

    Attributes:
        reason: A stable word: `too-large`, `packed`, `encoding`, `doctype`, `xml-malformed`,
            `json-malformed`, `json-duplicate-key`, `json-number`, `json-depth`, `csv-malformed`,
            `csv-line`, `csv-nul`, `csv-header`, `unreachable`.
        line: Where, from 1; 0 where it is the whole.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"refused as `{reason}`" + (f" at line {line}" if line else ""))
        self.reason = reason
        self.line = line


def read_document(path: Path, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return the bytes of one document, its size checked before it is read.

    Raises:
        UnreadableError: `too-large`, `packed` (gzip, zip and their like by first bytes),
            `unreachable`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError:
        raise UnreadableError("unreachable") from None
    if len(data) > max_bytes:
        raise UnreadableError("too-large")
    if data.startswith(_PACKED):
        raise UnreadableError("packed")
    return data


def _parser() -> etree.XMLParser:
    # Comments are dropped so that text cut in two by one is still read whole.
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def parse_xml(data: bytes) -> etree._Element:
    """Return the root of a document in UTF-8 that has no DOCTYPE.

    Raises:
        UnreadableError: `packed`, `encoding`, `xml-malformed`, or `doctype`, whatever the DOCTYPE
            holds.
    """
    if data.startswith(_PACKED):
        raise UnreadableError("packed")
    _check_utf8(data)
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        # Refused for the DOCTYPE where one is the cause: an entity bomb, for one, ends in the
        # parser.
        reason = "doctype" if b"<!DOCTYPE" in data[:4096] else "xml-malformed"
        raise UnreadableError(reason, error.lineno or 0) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype or docinfo.internalDTD is not None:
        raise UnreadableError("doctype")
    return root


def _check_utf8(data: bytes) -> None:
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in {b"utf-8", b"us-ascii"}:
        raise UnreadableError("encoding")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError("encoding") from None


def compile_schema(path: Path) -> etree.XMLSchema:
    """Return the schema of a folder of the agency's own; documents never name one.

    Raises:
        UnreadableError: The schema cannot be read or compiled.
    """
    try:
        return etree.XMLSchema(etree.parse(str(path), _parser()))
    except (OSError, etree.LxmlError):
        raise UnreadableError("unreachable") from None


def parse_json(data: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a JSON document in UTF-8 without what readers disagree on.

    Raises:
        UnreadableError: `json-duplicate-key`; `json-number` for NaN, infinity, or more than
            `MAX_DIGITS` digits; `json-depth` beyond `MAX_JSON_DEPTH`; `json-malformed`;
            `encoding`.
    """
    try:
        text = data.decode("utf-8")
        held = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        _check_depth(held)
        if "\\u" in text:  # half a surrogate pair is no text
            json.dumps(held, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise UnreadableError("json-depth") from None
    except json.JSONDecodeError as error:
        raise UnreadableError("json-malformed", error.lineno) from None
    except UnicodeError:
        raise UnreadableError("encoding") from None
    return held


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise UnreadableError("json-duplicate-key")
    return held


def _no_constant(_text: str) -> None:
    raise UnreadableError("json-number")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise UnreadableError("json-number")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if len(text) > MAX_DIGITS or number in (float("inf"), float("-inf")):
        raise UnreadableError("json-number")
    return number


def _check_depth(held: object) -> None:
    level: list[object] = [held]
    for _ in range(MAX_JSON_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return
        level = below
    if any(isinstance(item, dict | list) for item in level):
        raise UnreadableError("json-depth")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: its header, and its rows as text with the line that each began on."""

    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


def read_csv(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> Table:
    """Return a CSV file of UTF-8 text, every cell as it stands, a byte-order mark left out (ALL-7).

    Rows are read as they are taken, and taking one raises too. A cell that begins with `=`, `+`,
    `-` or `@` is text like another: quoting it is for exports to people.

    Raises:
        UnreadableError: `too-large`, `packed`, `encoding`, `csv-nul`, `csv-line` for a line or
            quoted cell that does not end, `csv-header` where names are absent, empty or repeat,
            `csv-malformed`.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise UnreadableError("too-large")
    except OSError:
        raise UnreadableError("unreachable") from None
    rows = _csv_rows(_lines(path))
    header = next(rows, (0, []))[1]
    if not header or not all(header) or len(set(header)) != len(header):
        raise UnreadableError("csv-header", 1)
    return Table(tuple(header), rows)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if number == 1:
                    if raw.startswith(_PACKED):
                        raise UnreadableError("packed")
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                yield _line(raw, number)
    except OSError:
        raise UnreadableError("unreachable") from None


def _line(raw: bytes, number: int) -> str:
    if len(raw) > MAX_LINE_BYTES:
        raise UnreadableError("csv-line", number)
    if b"\x00" in raw:
        raise UnreadableError("csv-nul", number)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError("encoding", number) from None


def _csv_rows(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    begun = 1
    try:
        for row in reader:
            if row:  # an empty line is no record
                yield begun, row
            begun = reader.line_num + 1
    except csv.Error as error:
        # The one thing read of the library's text is which rule it was: a field without an end.
        endless = "limit" in str(error) or "end of data" in str(error)
        raise UnreadableError("csv-line" if endless else "csv-malformed", begun) from None


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ .,&()/'-]{0,63}")


def records(
    path: Path, required: Iterable[str], known: Iterable[str], report: Report
) -> Iterator[dict[str, str]]:
    """Yield a CSV file's rows by column name, after its header was checked at the first row.

    Args:
        path: The file.
        required: Columns without which nothing is read; the others may be absent, and then are in
            no row.
        known: Columns that the mapping knows, whether it uses them or not. Another is noticed as
            `unknown-column`; it is not in the rows, for what the mapping does not name is not read.
        report: Takes notices, and rows with too few or too many cells as `csv-ragged`.

    Raises:
        SourceError: The file cannot be read, or a required column is absent (ALL-6).
    """
    table = opened(lambda: read_csv(path))
    missing = [name for name in required if name not in table.header]
    if missing:
        raise SourceError(
            Reason.ADAPTER_UNAVAILABLE,
            f"a source lacks the column `{missing[0]}`",
            field=missing[0],
        )
    held = {*required, *known}
    for place, name in enumerate(table.header, 1):
        if name not in held:
            report.notice("unknown-column", name if _NAME.fullmatch(name) else f"column {place}")
    places = [(name, place) for place, name in enumerate(table.header) if name in held]
    width = len(table.header)
    try:
        for _line_number, cells in table.rows:
            if len(cells) != width:
                report.quarantine("csv-ragged")
                continue
            yield {name: cells[place] for name, place in places}
    except UnreadableError as error:
        raise unreadable(error) from None


def opened(read: Callable[[], Table]) -> Table:
    """Return what `read` returns, a refusal of a whole source turned into the scan's error.

    Raises:
        SourceError: The source was refused.
    """
    try:
        return read()
    except UnreadableError as error:
        raise unreadable(error) from None


def unreadable(error: UnreadableError) -> SourceError:
    """Return the scan's error for a source refused whole: the rule and the line, no content."""
    return SourceError(Reason.ADAPTER_UNAVAILABLE, f"a source is {error}", rule=error.reason)
