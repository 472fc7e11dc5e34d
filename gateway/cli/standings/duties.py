"""`accord duty list|attest`: what recipients owe, and that it was done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.agreement.finding import printable
from gateway.cli.clock import SystemClock
from gateway.cli.officers import EXIT_ATTENTION
from gateway.cli.place import database
from gateway.cli.standings.calling import called
from gateway.cli.standings.consents import one_of
from gateway.settings import gateway_settings
from gateway.store.duties import owed
from gateway.store.reads import Reads

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from gateway.store.duties import OwedDuty
    from gateway.wire.standing import Owing


def run_list(settings: str, client: str) -> int:
    """Print what is owed, the most pressing first; 6 where anything is late.

    With settings of the gateway: what everybody owes, read beside a gateway that may run.

    Raises:
        SettingsError: An option is not of its form.
        LogError: The log cannot be read.
        AccordError: As the gateway refused or failed.
    """
    one_of(settings, client)
    found: Iterable[OwedDuty | Owing]
    found = called(client, lambda far: far.duties()) if client else owed_in(Path(settings))
    now = SystemClock().now()
    lines = [(one.due < now, told(one, now)) for one in found]
    sys.stdout.writelines(f"{line}\n" for _, line in lines)
    if not lines:
        sys.stdout.write("nothing is owed\n")
    return EXIT_ATTENTION if any(late for late, _ in lines) else 0


def owed_in(path: Path) -> tuple[OwedDuty, ...]:
    """Return what everybody owes by a deployment's log, beside a gateway that may run.

    Raises:
        SettingsError: The settings are wrong.
        LogError: The log cannot be read.
    """
    reads = Reads(database(path, gateway_settings(path)))
    try:
        return owed(reads)
    finally:
        reads.close()


def told(one: OwedDuty | Owing, now: dt.datetime) -> str:
    """Return a duty in a line: whether it is late, of what, by whom, and until when."""
    state = "overdue" if one.due < now else "owed"
    who = getattr(one, "recipient", "")
    parts = (f"{state:9}", f"{one.duty:16}", who, one.agreement, one.provision)
    words = "  ".join(part for part in parts if part)
    return printable(f"{words}  until {one.due:%Y-%m-%d %H:%M}Z  exchange {one.exchange_id}")


def run_attest(client: str, exchange: str, duty: str) -> int:
    """Record that a duty was done, and print its entry's place.

    Raises:
        SettingsError: The settings are wrong.
        AccordError: As the gateway refused: this agency owes no such duty.
    """
    index = called(client, lambda far: far.attest(exchange, duty))
    sys.stdout.write(f"logged as entry {index}\n")
    return 0
