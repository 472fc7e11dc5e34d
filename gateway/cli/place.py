"""Where a deployment's log, and what a gateway remembers beside it, lie by its settings."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gateway.cli.version import BUILD
from gateway.settings import POSTGRES, beside
from gateway.store.start import Place

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import GatewaySettings
    from gateway.store.database import Where


def database(path: Path, settings: GatewaySettings) -> Where:
    """Return the log's database: a file, or the URL of a PostgreSQL database."""
    named = settings.log.database
    return named if named.startswith(POSTGRES) else beside(path, named)


def state(path: Path, settings: GatewaySettings) -> Path:
    """Return the folder of what this gateway remembers beside the log."""
    if settings.log.state is not None:
        return beside(path, settings.log.state)
    return beside(path, settings.log.database).parent


def place(path: Path, settings: GatewaySettings, *, operator: bool = False) -> Place:
    """Return where the log lies, and who writes it.

    Args:
        path: The settings' file.
        settings: What it says.
        operator: A verb of the operator's writes, beside the gateway where the log is shared: under
            a name of its own, or it would shut the gateway out.
    """
    where = database(path, settings)
    replica = settings.gateway.replica
    aside = operator and isinstance(where, str)
    return Place(
        where,
        beside(path, settings.log.held),
        BUILD,
        hashlib.sha256(path.read_bytes()).digest(),
        f"{replica}/operator" if aside else replica,
    )
