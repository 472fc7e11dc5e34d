"""`accord log migrate`: bring a deployment's log to this build's schema, or to an earlier one."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli.place import database
from gateway.settings import gateway_settings
from gateway.store.migrate import migrate
from gateway.store.tables import REVISION


def run_migrate(settings: str, revision: str) -> int:
    """Bring the log's database to a revision; this build's where none is named.

    Raises:
        SettingsError: The settings are wrong.
        LogError: The log is in use, is none, or cannot be brought there; it is as it was.
    """
    path = Path(settings)
    had, has = migrate(database(path, gateway_settings(path)), revision or REVISION)
    same = "was there already" if had == has else f"from {had}"
    sys.stdout.write(f"the exchange log's schema is {has}, {same}\n")
    return 0
