"""A page of prose as one HTML file: it loads nothing, reads without colour, and prints well."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final, assert_never

from gateway.agreement.finding import printable
from gateway.cli.html import document
from gateway.review.prose.page import Heading, Items, Rows, Sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.review.prose.page import Block, Page

_STYLE: Final = """\
:root { color-scheme: light; }
body { font: 17px/1.55 Georgia, serif; color: #1b1b1b; background: #fff; max-width: 52rem;
  margin: 0 auto; padding: 2rem 1.5rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1.25rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: .75rem;
  border-top: 2px solid #1b1b1b; }
h3 { font-size: 1.02rem; margin: 1.5rem 0 .35rem; }
h2 .clause { display: inline-block; min-width: 3rem; color: #4a4a4a; }
p, ul { margin: .5rem 0; }
ul { padding-left: 1.4rem; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; overflow-wrap: break-word;
  font: 15px/1.45 system-ui, sans-serif; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid #d5d5d0; }
thead th { border-bottom: 2px solid #8a8a85; }
tbody th { font-weight: 600; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  .scroll { overflow: visible; }
  h2, h3 { break-after: avoid; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
}
"""


def web(page: Page) -> Iterator[str]:
    """Yield the lines of a page."""
    body = [f"<h1>{_text(page.title)}</h1>"]
    body += [line for block in page.blocks for line in _block(block)]
    yield from document(printable(page.title), _STYLE, body)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            clause = f'<span class="clause">{_text(block.clause)}</span> ' if block.clause else ""
            yield f"<h{block.level}>{clause}{_text(block.text)}</h{block.level}>"
        case Sentences():
            yield f"<p>{_text(block.text)}</p>"
        case Items():
            yield "<ul>"
            yield from (f"<li>{_text(one)}</li>" for one in block.texts)
            yield "</ul>"
        case Rows():
            yield from _table(block)
        case _:
            assert_never(block)


def _table(block: Rows) -> Iterator[str]:
    yield '<div class="scroll"><table>'
    heads = "".join(f'<th scope="col">{_text(one)}</th>' for one in block.head)
    yield f"<thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    yield from (_row(row) for row in block.rows)
    yield "</tbody></table></div>"


def _row(row: Sequence[str]) -> str:
    cells = "".join(f"<td>{_text(one)}</td>" for one in row[1:])
    return f'<tr><th scope="row">{_text(row[0])}</th>{cells}</tr>'


def _text(text: str) -> str:
    return escape(printable(text))
