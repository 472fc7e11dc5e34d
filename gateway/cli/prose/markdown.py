"""A page of prose as Markdown (CommonMark, tables as GitHub has them), every text escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, assert_never

from gateway.agreement.finding import printable
from gateway.review.prose.page import Heading, Items, Rows, Sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.review.prose.page import Block, Page

_MEANING: Final = re.compile(r"([\\`*_\[\]<>#|~!&])")
"""Whatever could begin markup, an entity or a link."""
_FIRST: Final = re.compile(r"^([0-9]*)([-+=.)])(?=\s|=|-|$)")
"""What is markup at the start of a line alone: a rule, an item, the number of one."""


def markdown(page: Page) -> Iterator[str]:
    """Yield the lines of a page."""
    yield f"# {_text(page.title)}"
    for block in page.blocks:
        yield ""
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            clause = f"{_text(block.clause)} " if block.clause else ""
            yield f"{'#' * block.level} {clause}{_text(block.text)}"
        case Sentences():
            yield _text(block.text)
        case Items():
            yield from (f"- {_text(one)}" for one in block.texts)
        case Rows():
            yield _row(block.head)
            yield _row(["---"] * len(block.head), escape=False)
            yield from (_row(row) for row in block.rows)
        case _:
            assert_never(block)


def _row(cells: Iterable[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(_text(cell) if escape else cell for cell in cells)} |"


def _text(text: str) -> str:
    escaped = _MEANING.sub(r"\\\1", printable(text).strip())
    return _FIRST.sub(r"\1\\\2", escaped)
