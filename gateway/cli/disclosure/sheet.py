"""A table in long form, as an officer's program exports it: one row a cell.

The columns are the dimensions, `count` (or `value`), and those that these verbs themselves write:
`published`, `reason`, `low`, `high`. Every other column is a dimension.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.cli.disclosure.lines import records, wrong
from gateway.disclosure.table import CELLS_MAX, COUNT_MAX, DIMENSIONS_MAX, Key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MEASURES: Final = ("count", "value")
REASONS: Final = ("", "primary", "secondary")
OURS: Final = ("published", "reason", "low", "high")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:[,.'_ \u00a0\u2009\u202f][0-9]{3})+")
_DECIMAL: Final = re.compile(r"[0-9]+[.,][0-9]*")
_NEGATIVE: Final = re.compile(r"[-\u2212\u2013(] ?[0-9].*")
_FLAGS: Final = {"": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Line:
    """A cell as its file has it.

    Attributes:
        number: The line of the file, from 1.
        count: None where it is empty: a hidden cell of somebody else's table.
        published: None where the file does not say.
        reason: `primary`, `secondary` or nothing.
    """

    number: int
    key: Key
    count: int | None
    published: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in the order of its file; no cell is there twice.

    Attributes:
        measure: `count` or `value`, as the header has it.
        columns: Which columns the file has of those that these verbs write.
    """

    path: Path
    dimensions: tuple[str, ...]
    measure: str
    columns: frozenset[str]
    lines: tuple[Line, ...]

    def levels(self, axis: int) -> tuple[str, ...]:
        """Return the levels of a dimension, in the order of the file."""
        return tuple(dict.fromkeys(line.key[axis] for line in self.lines))

    def named(self, key: Key) -> str:
        """Return a cell's name in words: each dimension and its level."""
        pairs = zip(self.dimensions, key, strict=True)
        return ", ".join(f"{name}={level}" for name, level in pairs)


def read_sheet(path: Path) -> Sheet:
    """Return the table of a file.

    Raises:
        SettingsError: A column is missing, a cell is there twice, a number is none; the message
            names file, line and column, never a number.
    """
    rows = records(path)
    at, header = next(rows)
    measure = _measure(path, at, header)
    dimensions = tuple(name for name in header if name not in {measure, *OURS})
    if not dimensions:
        raise wrong(path, at, f"has no dimension: a column besides `{measure}`")
    if len(dimensions) > DIMENSIONS_MAX:
        raise wrong(path, at, f"has {len(dimensions)} dimensions; {DIMENSIONS_MAX} are the most")
    lines: list[Line] = []
    seen: dict[Key, int] = {}
    for number, fields in rows:
        line = _line(path, number, dict(zip(header, fields, strict=True)), dimensions, measure)
        if line.key in seen:
            raise wrong(path, number, f"the cell of line {seen[line.key]} is there twice")
        seen[line.key] = number
        lines.append(line)
        if len(lines) > CELLS_MAX:
            raise wrong(path, number, f"is a table of more than {CELLS_MAX:,} cells")
    if not lines:
        raise wrong(path, at, "has a header and no cell")
    return Sheet(path, dimensions, measure, frozenset(header) & frozenset(OURS), tuple(lines))


def _measure(path: Path, at: int, header: Sequence[str]) -> str:
    found = [name for name in MEASURES if name in header]
    if not found:
        like = [name for name in header if name.casefold() in {*MEASURES, "counts", "n", "values"}]
        hint = f" (`{like[0]}` is no such name)" if like else ""
        raise wrong(path, at, f"has no column `count` or `value`{hint}")
    if len(found) > 1:
        raise wrong(path, at, "has `count` and `value`: one of them is the table's number")
    for name in header:
        if name not in OURS and name.strip().casefold() in OURS:
            raise wrong(path, at, f"column `{name}` has to be written `{name.casefold()}`")
    return found[0]


def _line(
    path: Path, number: int, row: dict[str, str], dimensions: tuple[str, ...], measure: str
) -> Line:
    for name in dimensions:
        if not row[name]:
            raise wrong(path, number, f"`{name}` is empty: a level needs a name, such as `missing`")
        if row[name] != row[name].strip() or not row[name].isprintable():
            raise wrong(path, number, f"`{name}` has spaces around it, or what cannot be printed")
    flag = row.get("published", "").casefold()
    if flag not in _FLAGS:
        raise wrong(path, number, "`published` is neither `true` nor `false`")
    reason = row.get("reason", "")
    if reason not in REASONS:
        raise wrong(
            path, number,
            "`reason` is neither `primary` nor `secondary`; a dimension needs another name",
        )  # fmt: skip
    for name in ("low", "high"):
        if row.get(name) and not _WHOLE.fullmatch(row[name]):
            said = f"`{name}` is no whole number; a dimension needs another name"
            raise wrong(path, number, said)
    return Line(
        number,
        tuple(row[name] for name in dimensions),
        whole(path, number, measure, row[measure]) if row[measure] else None,
        _FLAGS[flag],
        reason,
    )


def whole(path: Path, number: int, name: str, text: str) -> int:
    """Return a count that is written in digits alone.

    Raises:
        SettingsError: It is written otherwise, and how; or it is too large to reason about.
    """
    if _WHOLE.fullmatch(text):
        if int(text) > COUNT_MAX:
            raise wrong(path, number, f"`{name}` is too large to reason about")
        return int(text)
    if _GROUPED.fullmatch(text):
        said = "has a thousands separator or decimals: write digits alone"
    elif _DECIMAL.fullmatch(text):
        said = "has decimals: a cell is a whole number"
    elif _NEGATIVE.fullmatch(text):
        said = "is negative"
    elif text != text.strip():
        said = "has spaces around it"
    else:
        said = "is no whole number; a hidden cell's is empty, without a mark"
    raise wrong(path, number, f"`{name}` {said}")
