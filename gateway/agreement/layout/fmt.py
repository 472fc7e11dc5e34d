"""One layout for every officers' file, so that a change of words is all that a difference shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Finding, Level
from gateway.agreement.layout.node import tree
from gateway.agreement.layout.order import FORMS, arrange
from gateway.agreement.layout.write import text_of
from gateway.agreement.yaml import read

if TYPE_CHECKING:
    from gateway.agreement.layout.node import Node
    from gateway.agreement.layout.order import Form
    from gateway.agreement.yaml import Document

RULE: Final = "not-formatted"
ENDING: Final = ".yaml"
"""Of files that have a layout; signatures are Accord's, and notices are prose."""


def formatted(data: bytes, document: Document) -> bytes:
    """Return a file in the one layout: what it says, its comments and its digest stay.

    Args:
        data: The file's bytes.
        document: What the strict reader read in them.
    """
    root, last = tree(data.decode("utf-8").replace("\r\n", "\n"))
    form = FORMS.get(str(document.value.get("kind")))
    if form is not None and root.entries:
        _arrange(root, form)
    return text_of(root, last).encode()


def laid_out(data: bytes, *, file: str) -> bytes:
    """Return what `formatted` makes of bytes that nobody has read yet.

    Raises:
        YamlError: The strict reader refuses them.
    """
    return formatted(data, read(data, file=file))


def _arrange(root: Node, form: Form) -> None:
    """Order the entries; what stands at the head of the file stays there."""
    first = root.entries[0]
    head, first.before = first.before, []
    arrange(root, form)
    root.entries[0].before = [*head, *root.entries[0].before]


def unformatted(data: bytes, document: Document) -> Finding | None:
    """Return a finding at the first line that is laid out otherwise; None where none is."""
    there, wanted = data.split(b"\n"), formatted(data, document).split(b"\n")
    if there == wanted:
        return None
    pairs = enumerate(zip(there, wanted, strict=False), 1)
    short = min(len(there), len(wanted))
    line = next((number for number, (old, new) in pairs if old != new), short)
    message = "`accord agreements fmt` lays this line out otherwise"
    return Finding(RULE, Level.WARNING, document.file, line, 1, message)
