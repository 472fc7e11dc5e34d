"""An HTML file that needs nothing else: it may load nothing, whatever the words in it hold."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def document(title: str, style: str, body: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a page: no script, no font, no address.

    Args:
        title: In words; escaped here.
        style: CSS, ending in a line end.
        body: Lines of markup, each escaped by whoever made it.
    """
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    # The file is mailed and opened anywhere: it may load nothing, whatever a word in it holds.
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{style}</style>"
    yield "</head>"
    yield "<body>"
    yield "<main>"
    yield from body
    yield "</main>"
    yield "</body>"
    yield "</html>"
