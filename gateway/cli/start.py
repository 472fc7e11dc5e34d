"""`accord`: where its process begins, before a verb is imported."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Final

COLLECT_AFTER: Final = 100_000
"""Objects; of those that a verb holds on to, some 20 MB."""


def main() -> None:
    """Run the verb that the command line calls, in a process of its own."""
    words = sys.argv[1:]
    if words[:1] == ["agreements"]:
        _unhurried_collector()
    # Importing makes many objects too.
    from gateway.cli.main import carry_out

    carry_out(words)


def _unhurried_collector() -> None:
    """Have rings among objects looked for seldom, and not at the end.

    Officers' verbs read files into very many small objects without rings, and end: going through
    them all, as often as is usual, takes a tenth of their time.
    """
    gc.set_threshold(COLLECT_AFTER)
    atexit.register(gc.freeze)
