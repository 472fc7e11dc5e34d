"""A table as one HTML file that needs nothing else: no script, no font, no address.

Readable without colour, by a screen reader, and on paper: every hidden cell says what it is in
signs and in words, and heads of rows and columns are marked as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from gateway.cli.disclosure.picture import blocks
from gateway.cli.html import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.cli.disclosure.picture import Block, Shown
    from gateway.cli.disclosure.sheet import Sheet
    from gateway.disclosure.table import Key

_STYLE: Final = """\
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
  max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.5rem; margin: 1rem 0; }
dt { color: #4a4a4a; }
dd { margin: 0; font-weight: 600; }
.scroll { overflow-x: auto; margin: 0 0 1.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { border: 1px solid #c4c4c4; padding: .25rem .6rem; text-align: right; white-space: nowrap; }
th { background: #f1f1ee; font-weight: 600; }
th[scope=row], thead th:first-child, table.list td, table.list th { text-align: left; }
table.list th { white-space: normal; }
.total { font-weight: 700; }
td.hidden { background: #fdf3d3; border: 1px dashed #7a5c00; }
td.secondary { background: #e7eef8; border-color: #2c4f80; }
td.narrow { background: #8c1515; color: #fff; font-weight: 700; border: 2px solid #8c1515; }
.key td { text-align: left; white-space: normal; }
.key td:first-child { text-align: center; }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tr, caption { break-inside: avoid; }
  h2, caption { break-after: avoid; }
  td, th { padding: .1rem .35rem; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on a page.

    Attributes:
        title: What it is.
        about: Paragraphs that come first.
        facts: What was asked and found: a word and its value.
        away: The cells that are given away, and what is known of each.
        sheet: The table's dimensions and the order of its levels.
        shown: Its cells.
        total: The level of totals.
    """

    title: str
    about: Sequence[str]
    facts: Sequence[tuple[str, str]]
    away: Sequence[tuple[str, str]]
    sheet: Sheet
    shown: Mapping[Key, Shown]
    total: str

    def html(self) -> str:
        """Return the page's text."""
        return "\n".join(document(self.title, _STYLE, _body(self))) + "\n"


def _body(page: Page) -> Iterator[str]:
    yield f"<h1>{escape(page.title)}</h1>"
    yield from (f"<p>{escape(one)}</p>" for one in page.about)
    yield "<dl>"
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in page.facts)
    yield "</dl>"
    if page.away:
        yield "<h2>Given away</h2>"
        yield from _away(page.away)
    yield "<h2>How to read a cell</h2>"
    yield from _key(page.shown)
    yield "<h2>The table</h2>"
    for block in blocks(page.sheet, page.shown):
        yield from _block(block, page.total)


def _away(away: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield '<div class="scroll" tabindex="0"><table class="list">'
    yield '<thead><tr><th scope="col">cell</th><th scope="col">what is known</th></tr></thead>'
    yield "<tbody>"
    for name, said in away:
        yield f'<tr><th scope="row">{escape(name)}</th><td>{escape(said)}</td></tr>'
    yield "</tbody></table></div>"


def _key(shown: Mapping[Key, Shown]) -> Iterator[str]:
    hidden = [cell for cell in shown.values() if cell.hidden]
    yield '<table class="key"><tbody>'
    yield "<tr><td>12</td><td>published</td></tr>"
    if any(not cell.mark for cell in hidden):
        yield '<tr><td class="hidden">[a-b]</td><td>hidden: anything from a to b</td></tr>'
    if any(cell.mark == "p" for cell in hidden):
        yield '<tr><td class="hidden">[a-b]p</td><td>hidden because it is small</td></tr>'
    if any(cell.mark == "s" for cell in hidden):
        yield (
            '<tr><td class="hidden secondary">[a-b]s</td>'
            "<td>hidden so that a small one cannot be worked out</td></tr>"
        )
    if any(not cell.settled for cell in hidden):
        yield '<tr><td class="hidden">[a-b+]</td><td>at least from a to b, or wider</td></tr>'
    if any(cell.narrow for cell in hidden):
        yield (
            '<tr><td class="hidden narrow">!=a</td><td>given away: exactly known, or (![a-b]) '
            "narrower than it has to be</td></tr>"
        )
    yield "</tbody></table>"


def _block(block: Block, total: str) -> Iterator[str]:
    place = ", ".join(f"{name} = {level}" for name, level in block.place)
    what = block.side if block.columns == ("",) else f"{block.side} by {block.across}"
    yield '<div class="scroll" tabindex="0"><table>'
    yield f"<caption>{escape(f'{what}, {place}' if place else what)}</caption>"
    heads = "".join(_head("col", name or block.across, total) for name in block.columns)
    yield f'<thead><tr><th scope="col">{escape(block.side)}</th>{heads}</tr></thead>'
    yield "<tbody>"
    for row, cells in zip(block.rows, block.cells, strict=True):
        bold = [total in {row, column} for column in block.columns]
        said = "".join(
            _cell(cell, total=is_total) for cell, is_total in zip(cells, bold, strict=True)
        )
        yield f"<tr>{_head('row', row, total)}{said}</tr>"
    yield "</tbody></table></div>"


def _head(scope: str, name: str, total: str) -> str:
    total_class = ' class="total"' if name == total else ""
    return f'<th scope="{scope}"{total_class}>{escape(name)}</th>'


def _cell(cell: Shown | None, *, total: bool) -> str:
    if cell is None:
        return "<td></td>"
    classes = [
        name
        for name, there in (
            ("hidden", cell.hidden),
            ("secondary", cell.mark == "s"),
            ("narrow", cell.narrow),
            ("total", total),
        )
        if there
    ]
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    if not cell.hidden:
        return f"<td{attribute}>{cell.text()}</td>"
    # Both: what is read aloud, and what a pointer shows.
    words = escape(cell.words())
    return f'<td{attribute} title="{words}" aria-label="{words}">{escape(cell.text())}</td>'
