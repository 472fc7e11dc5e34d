"""`accord agreements render`: an agreement in sentences, for counsel or for the public."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.explain import as_signed
from gateway.cli.officers import EXIT_FINDINGS, good, instant
from gateway.cli.prose.markdown import markdown
from gateway.cli.prose.web import web
from gateway.errors import SettingsError
from gateway.review.prose.agreement import Reader, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.review.prose.page import Page

FORMS: Final[Mapping[str, Callable[[Page], Iterator[str]]]] = {
    ".html": web,
    ".md": markdown,
}
"""What a page is written as, by the ending of the file; Markdown where it is printed."""


def run_render(folder: str, name: str, reader: str, output: str, now: str) -> int:
    """Write an agreement in sentences to a file, or, with `-`, print it.

    Raises:
        SettingsError: There is no such agreement or reader, or the file ends in something else.
        OSError: The file cannot be written.
    """
    if reader not in set(Reader):
        raise SettingsError(f"`--for` is one of {', '.join(Reader)}")
    ending = ".md" if output == "-" else Path(output).suffix
    if ending not in FORMS:
        raise SettingsError(f"`--output` ends in {' or '.join(FORMS)}, or is -")
    read = good(Path(folder), instant(now))
    if read is None:
        return EXIT_FINDINGS
    agreements = as_signed(read)
    chosen = [one for one in agreements.pacts if one.agreement.id == name]
    if not chosen:
        known = ", ".join(one.agreement.id for one in agreements.pacts)
        raise SettingsError(f"there is no such agreement; there are: {known}")
    text = "\n".join(FORMS[ending](page(agreements, chosen[0], Reader(reader)))) + "\n"
    if output == "-":
        sys.stdout.write(text)
    else:
        Path(output).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote     {output}\n")
    return 0
