"""A table on a terminal: blocks of rows and columns, cut where a screen ends, and said so."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.disclosure.picture import blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.cli.disclosure.picture import Block, Shown
    from gateway.cli.disclosure.sheet import Sheet
    from gateway.disclosure.table import Key

ROWS_MAX: Final = 40
BLOCKS_MAX: Final = 6
LABEL_MAX: Final = 24
NOT_DRAWN: Final = "not drawn here; `--html FILE` has them"
_GAP: Final = 2


def draw(
    sheet: Sheet, shown: Mapping[Key, Shown], total: str, console: Console | None = None
) -> None:
    """Draw a table as wide as the terminal; what does not fit is counted, and `--html` has it."""
    console = console or Console(highlight=False)
    wide = _GAP + max(len(cell.text()) for cell in shown.values())
    columns_max = max(1, (console.width - LABEL_MAX) // wide)
    found = list(blocks(sheet, shown, columns_max))
    for block in islice(found, BLOCKS_MAX):
        _block(console, block, total)
    left = len(found) - BLOCKS_MAX
    if left > 0:
        console.print(f"{left:,} more blocks are {NOT_DRAWN}", style="dim")
    if any(cell.hidden for cell in shown.values()):
        console.print(_legend(shown))


def facts(found: Sequence[tuple[str, str]], console: Console | None = None) -> None:
    """Say what was asked and found, a line each."""
    console = console or Console(highlight=False)
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, said in found:
        table.add_row(Text(name, "dim"), Text(said))
    console.print()
    console.print(table)


def _block(console: Console, block: Block, total: str) -> None:
    if block.place:
        console.print()
        console.print(Text(", ".join(f"{name}={level}" for name, level in block.place), "bold"))
    for columns in _panels(console.width, block):
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column(
            Text(_corner(block)), max_width=LABEL_MAX, no_wrap=True, overflow="ellipsis"
        )
        for at in columns:
            name = block.columns[at] or block.across
            table.add_column(
                Text(name, "bold" if name == total else ""), justify="right", no_wrap=True
            )
        for row, cells in islice(zip(block.rows, block.cells, strict=True), ROWS_MAX):
            table.add_row(
                Text(row, "bold" if row == total else ""), *(_cell(cells[at]) for at in columns)
            )
        console.print(table)
    left = len(block.rows) - ROWS_MAX
    if left > 0:
        console.print(f"{left:,} more rows are {NOT_DRAWN}", style="dim")


def _corner(block: Block) -> str:
    return block.side if block.columns == ("",) else f"{block.side} \\ {block.across}"


def _panels(width: int, block: Block) -> list[Sequence[int]]:
    """Return which columns stand beside each other; those that do not fit stand below."""
    drawn = block.cells[:ROWS_MAX]
    label = min(LABEL_MAX, max(len(_corner(block)), *(len(row) for row in block.rows[:ROWS_MAX])))
    panels: list[list[int]] = [[]]
    left = width - label
    for at, name in enumerate(block.columns):
        cells = [line[at] for line in drawn]
        wide = _GAP + max(len(name or block.across), *(len(c.text()) if c else 1 for c in cells))
        if wide > left and panels[-1]:
            panels.append([])
            left = width - label
        panels[-1].append(at)
        left -= wide
    return [tuple(panel) for panel in panels]


def _cell(cell: Shown | None) -> Text:
    if cell is None:
        return Text("")
    # Signs carry the meaning, and colour repeats it: a log or a printout has none.
    style = "bold red" if cell.narrow else "yellow" if cell.hidden else ""
    return Text(cell.text(), style)


def _legend(shown: Mapping[Key, Shown]) -> Text:
    hidden = [cell for cell in shown.values() if cell.hidden]
    said = ["[a-b] hidden: from a to b"]
    if not all(cell.settled for cell in hidden):
        said.append("+ at least that wide")
    if any(cell.mark == "p" for cell in hidden):
        said.append("p small")
    if any(cell.mark == "s" for cell in hidden):
        said.append("s hidden for another's sake")
    if any(cell.low == cell.high for cell in hidden):
        said.append("= exactly known")
    if any(cell.narrow for cell in hidden):
        said.append("! given away")
    return Text("; ".join(said), "dim")
