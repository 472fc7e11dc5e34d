"""`accord log`: show one exchange in words, export the log as static files."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.entry import parse_leaf
from gateway.errors import SettingsError
from gateway.store.export import export, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.store.log import StoredLog

EXIT_UNFINISHED = 3


def run_export(settings: str, folder: str, *, opened: bool) -> int:
    """Write the static folder for the newest checkpoint of a deployment's log.

    Where the log has witnesses, for the newest that has its quorum.

    Raises:
        SettingsError: The folder is not empty.
        LogError: There is no log, or, with openings, another process has it.
    """
    from gateway.cli.opened import access, with_log
    from gateway.cli.place import database, witnesses
    from gateway.settings import gateway_settings
    from gateway.store.reads import Reads

    path = Path(settings)
    place = Path(folder)
    if opened:
        looks = access("export", None)
        return with_log(path, lambda _: looks, lambda log, key: _export_open(log, key, place))
    said = gateway_settings(path)
    reads = Reads(database(path, said))
    try:
        keys = [one.verifier for one in witnesses(said)]
        note, size = newest(reads, keys, said.log.quorum)
        export(reads, note, size, place)
    finally:
        reads.close()
    sys.stdout.write(f"wrote {place}: {size:,} entries\n")
    return 0


def _export_open(log: StoredLog, key: Callable[[str], bytes], place: Path) -> int:
    from gateway.store.export import export_newest

    size = export_newest(log.reads, log.published, place, key=key)
    sys.stdout.write(f"wrote {place}: {size:,} entries, with openings\n")
    return 0


def run_show(settings: str, exchange: str) -> int:
    """Print every entry of one exchange, opened, in words; that it was opened is an entry too.

    Raises:
        SettingsError: That is no exchange's id.
        LogError: Another process has the log: ask it through the audit service, or stop it.
    """
    from gateway.cli.opened import access, with_log

    x = exchange_bytes(exchange)

    def show(log: StoredLog, key: Callable[[str], bytes]) -> int:
        rows = log.reads.rows("SELECT seq FROM log_entry WHERE x = ? ORDER BY seq", x)
        for (index,) in rows:
            (one,) = log.reads.opened(int(index), 1, key)
            print_entry(one.index, one.leaf, json.loads(one.meta) if one.meta else {})
        if not rows:
            sys.stdout.write("no entry of this exchange\n")
        return 0 if rows else 1

    return with_log(Path(settings), lambda _: access("show", exchange), show)


def exchange_bytes(text: str) -> bytes:
    """Return the 16 bytes of an exchange's id.

    Raises:
        SettingsError: It is none; nothing was opened.
    """
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise SettingsError(
            "an exchange's id is of the form 01a1faf2-07b8-7000-8000-000000000001"
        ) from None


def print_entry(index: int, leaf: bytes, meta: Mapping[str, object]) -> None:
    """Print an entry; what it says too, where `meta` is not empty."""
    parsed = parse_leaf(leaf)
    head = f"{index:>6}  {parsed.time}  {parsed.kind}"
    sys.stdout.write(head + (f"  {parsed.agreement}\n" if parsed.agreement else "\n"))
    for name, value in sorted(meta.items()):
        if value not in (None, [], ""):
            sys.stdout.write(f"        {name:18} {_shown(name, value)}\n")


def _shown(name: str, value: object) -> str:
    if name == "released" and isinstance(value, list):
        return "; ".join(f"{field}: {mask}" for field, mask in value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
