"""`accord keys`: what becomes of the gateway's keys. A gateway that runs follows within a second.

Each verb changes the key folder alone; the `key` entry that says so is written by the gateway, at
once where it runs, and else when it starts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import ED25519, Verifier
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys, open_master
from gateway.cli.place import database
from gateway.errors import SettingsError
from gateway.settings import gateway_settings
from gateway.store import connect
from gateway.store.reads import Reads
from gateway.store.retention import Retention

if TYPE_CHECKING:
    import datetime as dt

    from gateway.keys.folder import KeyFolder
    from gateway.settings import GatewaySettings

SIGNING: Final = "signing"
IN_USE: Final = {"payload": "payload/{:%Y-%m}.", "subject": "subject/{:%Y}"}
"""What the ids of the keys in use now begin with, by kind."""


def run_list(settings: str, *, as_json: bool) -> int:
    """Print every key there ever was: its state, since when, and when nothing needs it any more.

    Raises:
        SettingsError: The key folder is not what it should be.
    """
    _, set_, keys = _opened(settings)
    rows = [
        {
            "key": key_id,
            "state": state,
            "since": None if since is None else since.date().isoformat(),
            "over": None if (day := keys.last_day(key_id)) is None else day.isoformat(),
            "vkey": _vkey(set_, keys, key_id),
        }
        for key_id, (state, since) in keys.states().items()
    ]
    if as_json:
        said = {"master": keys.master, "keys": rows}
        sys.stdout.write(json.dumps(said, sort_keys=True) + "\n")
        return 0
    sys.stdout.write(f"master  {keys.master}\n")
    width = max(len(str(row["key"])) for row in rows)
    for row in rows:
        line = f"{row['key']:{width}}  {row['state']:9}  {row['since'] or '':10}"
        until = (
            f"  needed until {row['over']}" if row["over"] and row["state"] != "destroyed" else ""
        )
        vkey = f"  {row['vkey']}" if row["vkey"] else ""
        sys.stdout.write((line + until + vkey).rstrip() + "\n")
    return 0


def run_rotate(settings: str, what: str) -> int:
    """Make new keys take the place of those in use; print which, and the vkey to pin.

    Args:
        settings: gateway.toml.
        what: `signing`, `payload` (of this month), `subject` (of this year), or a key's id.

    Raises:
        SettingsError: Nothing of the kind is in use.
    """
    _, set_, keys = _opened(settings)
    now = SystemClock().now()
    for key_id in _in_use(keys, what, now):
        fresh = keys.rotate(key_id, now)
        sys.stdout.write(f"{key_id} retired, {fresh} made\n")
        vkey = _vkey(set_, keys, fresh)
        if vkey:
            until = keys.last_day(key_id)
            sys.stdout.write(f"to be pinned beside the old one until {until}:\n{vkey}\n")
    return 0


def run_retire(settings: str, key_id: str) -> int:
    """Take a payload or subject key out of use; the next use makes another.

    Raises:
        SettingsError: It is not in use, or is of another kind.
    """
    _, _, keys = _opened(settings)
    keys.retire(key_id, SystemClock().now())
    sys.stdout.write(f"{key_id} retired\n")
    return 0


def run_destroy(settings: str, key_id: str) -> int:
    """Destroy a key whose time is over, and under which the log has nothing left.

    Raises:
        SettingsError: It is needed still.
        LogError: The log cannot be read.
    """
    path, set_, keys = _opened(settings)
    now = SystemClock().now()
    if key_id in keys.over(now.date()) and _anything_under(path, set_, keys, key_id):
        raise SettingsError(
            f"key `{key_id}`: the exchange log has payloads under it, which a hold keeps or the "
            "gateway has not erased yet"
        )
    keys.destroy(key_id, now)
    sys.stdout.write(f"{key_id} destroyed\n")
    return 0


def run_lost(settings: str, key_id: str) -> int:
    """Say that a key is lost, so that a gateway starts that has payloads under it.

    Raises:
        SettingsError: The store has it, or accounts for it already.
    """
    _, _, keys = _opened(settings)
    keys.lose(key_id, SystemClock().now())
    sys.stdout.write(f"{key_id} lost: what is sealed under it will not be opened any more\n")
    return 0


def run_rewrap(settings: str, to: str, *, create: bool) -> int:
    """Put the key folder under another master; print what the settings must say from now on.

    Raises:
        SettingsError: A master is not there, or it is the same one.
    """
    path, _, keys = _opened(settings)
    entropy = SystemEntropy()
    before = keys.master
    keys.rewrap(open_master(path, to, entropy, create=create), SystemClock().now())
    sys.stdout.write(
        f"{before} retired, {keys.master} made\n"
        f"before the next start, set in {path.name}:\n[keys]\nkek = {json.dumps(to)}\n"
        "then destroy the old master: every older copy of the key folder opens with it\n"
    )
    return 0


def _opened(settings: str) -> tuple[Path, GatewaySettings, KeyFolder]:
    path = Path(settings)
    set_ = gateway_settings(path)
    return path, set_, open_keys(path, set_, SystemEntropy())


def _in_use(keys: KeyFolder, what: str, now: dt.datetime) -> list[str]:
    if what == SIGNING:
        return [keys.signing()[0].key_id]
    if what not in IN_USE:
        return [what]
    head = IN_USE[what].format(now)
    made = [one for one, (state, _) in keys.states().items() if state == "made"]
    found = [one for one in made if one.startswith(head)]
    if not found:
        raise SettingsError(f"no `{what}` key is in use: the first use makes one")
    return found


def _vkey(settings: GatewaySettings, keys: KeyFolder, key_id: str) -> str | None:
    for one in keys.signing():
        if one.key_id == key_id:
            return Verifier(settings.log.origin, ED25519, one.public).vkey
    return None


def _anything_under(path: Path, settings: GatewaySettings, keys: KeyFolder, key_id: str) -> bool:
    where = database(path, settings)
    if not connect.exists(where):
        return False
    reads = Reads(where)
    try:
        return Retention(reads, keys.by_id).under(key_id)
    finally:
        reads.close()
