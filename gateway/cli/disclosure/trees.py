"""What sums to what: the total level of each dimension, and hierarchies from files.

A hierarchy is a CSV with `child,parent`. The total level may be a parent there; where it is not, it
is the sum of the levels that have no parent. A dimension with two hierarchies over the same leaves
(counties and size classes of the same towns) has two files.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.cli.disclosure.lines import records, wrong
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.cli.disclosure.sheet import Sheet

    Sums: TypeAlias = Mapping[str, tuple[str, ...]]

TOTAL_WORDS: Final = frozenset(
    {"total", "totals", "all", "sum", "overall", "grand total", "subtotal", "both", "any"}
)
_ALIKE: Final = 0.8
_LONG: Final = 4


@dataclass(frozen=True, slots=True)
class _Link:
    line: int
    child: str
    parent: str


def sums_of(sheet: Sheet, total: str, hierarchies: Sequence[str]) -> tuple[tuple[Sums, ...], ...]:
    """Return, for each dimension, what each level is the sum of: once for each of its hierarchies.

    Args:
        sheet: The table.
        total: The level of totals, the same in all dimensions.
        hierarchies: `dimension=file`, as the option has them.

    Raises:
        SettingsError: A hierarchy is none (a cycle, two parents, a level that the table has not),
            or a level looks like a total and is none.
    """
    files = _files(sheet, hierarchies)
    found: list[tuple[Sums, ...]] = []
    for axis, name in enumerate(sheet.dimensions):
        levels = sheet.levels(axis)
        _spelled(sheet, axis, total, levels)
        trees = [_tree(path, name, levels, total) for path in files[name]]
        if trees:
            _covered(sheet, axis, total, files[name], trees)
            found.append(tuple(_summed(tree) for tree in trees))
        else:
            parts = tuple(level for level in levels if level != total)
            found.append(({total: parts} if total in levels and parts else {},))
    return tuple(found)


def _files(sheet: Sheet, hierarchies: Sequence[str]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {name: [] for name in sheet.dimensions}
    for text in hierarchies:
        name, sign, file = text.partition("=")
        if not sign or not file:
            raise SettingsError("`--hierarchy` is of the form `dimension=file.csv`")
        if name not in files:
            raise SettingsError(f"`--hierarchy`: {sheet.path} has no dimension `{name}`")
        files[name].append(Path(file))
    return files


# --- names of totals ---


def _spelled(sheet: Sheet, axis: int, total: str, levels: Sequence[str]) -> None:
    """Refuse a level that is nearly the total's: a total taken for a part protects nothing."""
    name = sheet.dimensions[axis]
    for level in levels:
        if level == total:
            continue
        alike = level.casefold() == total.casefold() or (
            len(total) >= _LONG
            and difflib.SequenceMatcher(None, level.casefold(), total.casefold()).ratio() >= _ALIKE
        )
        if alike or (total not in levels and level.casefold() in TOTAL_WORDS):
            line = next(line.number for line in sheet.lines if line.key[axis] == level)
            raise wrong(
                sheet.path, line,
                f"`{name}` has the level `{level}`, and totals are called `{total}`: "
                "spell it so, or say `--total`, or give the level another name",
            )  # fmt: skip


# --- hierarchies ---


def _tree(path: Path, name: str, levels: Sequence[str], total: str) -> dict[str, _Link]:
    """Return the links of a hierarchy by child: a tree over levels that the table has."""
    rows = records(path)
    at, header = next(rows)
    if header != ["child", "parent"]:
        raise wrong(path, at, "the header of a hierarchy is `child,parent`")
    links: dict[str, _Link] = {}
    for line, (child, parent) in rows:
        if child in links:
            raise wrong(
                path, line,
                f"`{child}` has a parent in line {links[child].line}; "
                "another hierarchy of the same levels is another file",
            )  # fmt: skip
        links[child] = _Link(line, child, parent)
    _acyclic(path, links)
    kept = _known(path, name, frozenset(levels), links)
    parents = {link.parent for link in kept.values()}
    roots = [level for level in levels if level in parents and level not in kept]
    if total in kept:
        raise wrong(path, kept[total].line, f"`{total}` is the total, and has a parent")
    if total in parents:
        if other := [root for root in roots if root != total]:
            line = next(link.line for link in kept.values() if link.parent == other[0])
            raise wrong(
                path, line,
                f"`{other[0]}` has no parent, while others have `{total}`: "
                f"write `{other[0]},{total}`",
            )  # fmt: skip
    elif total in levels:
        kept |= {root: _Link(0, root, total) for root in roots}
    return kept


def _acyclic(path: Path, links: Mapping[str, _Link]) -> None:
    for start in links:
        seen, at = {start}, links[start].parent
        while at in links and at not in seen:
            seen.add(at)
            at = links[at].parent
        if at in seen:
            raise wrong(path, links[at].line, f"`{at}` is a part of itself")


def _known(
    path: Path, name: str, levels: frozenset[str], links: Mapping[str, _Link]
) -> dict[str, _Link]:
    """Return the links that the table has both ends of; refuse those of which it lacks one.

    A parent of whose parts none is in the table is a leaf of it, and a branch that is not in the
    table at all tells nothing of it: so a table of regions may come with the file of counties.
    """
    split = {link.parent for link in links.values() if link.child in levels}
    for link in links.values():
        if link.child in levels and link.parent not in levels:
            raise wrong(path, link.line, f"parent `{link.parent}` is no level of `{name}`")
        if link.child not in levels and link.parent in levels and link.parent in split:
            raise wrong(
                path, link.line,
                f"`{link.child}` is a part of `{link.parent}`, and no level of `{name}`",
            )  # fmt: skip
    return {child: link for child, link in links.items() if child in levels}


def _covered(
    sheet: Sheet,
    axis: int,
    total: str,
    files: Sequence[Path],
    trees: Sequence[Mapping[str, _Link]],
) -> None:
    """Refuse a level that stands in no hierarchy of its dimension: nothing would be known of it."""
    placed = {total} | {
        level for tree in trees for link in tree.values() for level in (link.child, link.parent)
    }
    for line in sheet.lines:
        level = line.key[axis]
        if level not in placed:
            raise wrong(
                sheet.path, line.number,
                f"`{level}` of `{sheet.dimensions[axis]}` is not in {files[-1]}: "
                "write it there with its parent",
            )  # fmt: skip


def _summed(tree: Mapping[str, _Link]) -> Sums:
    found: dict[str, list[str]] = {}
    for link in tree.values():
        found.setdefault(link.parent, []).append(link.child)
    return {parent: tuple(parts) for parent, parts in found.items()}
