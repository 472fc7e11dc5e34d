"""`accord log query`: entries that were asked for, as a table or in another's format."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.agreement.finding import printable
from gateway.audit.columns import NAMES, row
from gateway.cli.auditor.ask import ask
from gateway.cli.auditor.outputs import check, write
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.audit.event import Event
    from gateway.audit.select import Selection
    from gateway.cli.auditor.ask import Asked

TABLE: Final = "table"
_SHOWN: Final = (
    "index",
    "time",
    "kind",
    "decision",
    "provider",
    "recipient",
    "dataset",
    "purpose",
    "provision",
    "reason",
    "rows",
)


def run_query(
    place: str,
    asked: Selection,
    *,
    form: str = TABLE,
    output: str = "-",
    limit: int = 100,
    officers: str = "",
) -> int:
    """Write the entries that a selection asks for; 0 where there are some, 1 where there is none.

    Raises:
        SettingsError: The form cannot be written there; nothing was opened.
        LogError: As `ask`.
    """
    if form != TABLE:
        check(form, output)
    elif output != "-":
        raise SettingsError("`--as table` prints: another form goes into a file")

    def work(found: Asked) -> int:
        if form == TABLE:
            return _table(found.events(), limit)
        count = write(found.events(), found.names, form, output)
        if output != "-":
            sys.stderr.write(f"wrote {output}: {count:,}\n")
        return count

    return 0 if ask(place, "query", asked, work, officers=officers) else 1


def _table(events: Iterable[Event], limit: int) -> int:
    """Print the newest `limit` events, and how many there are; all of them for 0."""
    count = 0
    newest: deque[tuple[object, ...]] = deque(maxlen=limit or None)
    for count, event in enumerate(events, 1):  # noqa: B007 - returned
        values = dict(zip(NAMES, row(event), strict=True))
        newest.append(tuple(values[name] for name in _SHOWN))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in _SHOWN:
        table.add_column(name, justify="right" if name in {"index", "rows"} else "left")
    for line in newest:
        table.add_row(*(Text(_shown(one)) for one in line))
    console = Console(highlight=False)
    if not console.is_terminal:
        # Whoever pipes it wants lines whole, however wide the terminal is not.
        console.width = 400
    console.print(table)
    left = count - len(newest)
    more = f", the newest {len(newest):,} shown; `--limit 0` shows all" if left else ""
    sys.stdout.write(f"{count:,} entries{more}\n")
    return count


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
