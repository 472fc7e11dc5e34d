"""Where a deployment's log, and what a gateway remembers beside it, lie by its settings."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import COSIGNATURE, Verifier
from gateway.audit.fault import AuditError
from gateway.cli.version import BUILD
from gateway.errors import SettingsError
from gateway.settings import POSTGRES, beside
from gateway.store.start import Place
from gateway.store.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import GatewaySettings
    from gateway.store.database import Where


SYNC: Final = "sync-witness"


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
        witnesses=witnesses(settings),
        quorum=settings.log.quorum,
        sync=settings.log.mode == SYNC,
    )


def witnesses(settings: GatewaySettings) -> tuple[Witness, ...]:
    """Return the witnesses that the settings name.

    Raises:
        SettingsError: A key is not a witness's, or two of them have one name.
    """
    found: list[Witness] = []
    for number, one in enumerate(settings.log.witnesses):
        try:
            verifier = Verifier.from_vkey(one.vkey)
        except AuditError as error:
            raise SettingsError(f"`log.witnesses.{number}.vkey`: {error.message}") from None
        if verifier.kind != COSIGNATURE:
            raise SettingsError(f"`log.witnesses.{number}.vkey`: the vkey is not a witness's")
        if any(verifier.name == other.name for other in found):
            raise SettingsError(f"`log.witnesses.{number}.vkey`: a second witness of this name")
        found.append(Witness(one.url, verifier))
    return tuple(found)
