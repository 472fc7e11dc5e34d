"""`accord log show --client`: one exchange in words, asked of a gateway that runs.

Nothing that comes is believed: leaves are proved by the pinned key of the exchange log, and what an
entry says by its leaf. Only the entries of this exchange are opened, since each opening is an entry
too; the gateway opens them to the two parties of the exchange alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.entry import commit_meta, parse_leaf
from gateway.audit.fault import AuditError
from gateway.audit.proof import verify_proof
from gateway.audit.signers import pinned
from gateway.cli.kept import leave
from gateway.cli.log import exchange_bytes, print_entry
from gateway.cli.request import client_of
from gateway.errors import LogError
from gateway.settings import client_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.remote.client import Client

PAGE: Final = 1000
MOST_ENTRIES: Final = 100_000
"""How far back is looked, from the newest entry on."""

_FIRST: Final = frozenset({"intent", "refusal"})


def run(client: str, exchange: str) -> int:
    """Print every entry of one exchange; 1 where there is none.

    Raises:
        SettingsError: That is no exchange's id, or the settings are wrong.
        LogError: What came is not what the log's key signed.
        AccordError: As the gateway refused or failed.
    """
    wanted = str(uuid.UUID(bytes=exchange_bytes(exchange)))
    path = Path(client)
    settings = client_settings(path)

    async def ask() -> int:
        calling = client_of(path, settings)
        try:
            return await show(calling, pinned(settings.gateway.vkey), wanted)
        finally:
            await leave(path, settings, calling)

    return asyncio.run(ask())


async def show(client: Client, verifiers: Sequence[Verifier], exchange: str) -> int:
    """Print the entries of an exchange that a client finds; 0 where there was one."""
    try:
        size = open_checkpoint(await client.get_checkpoint(), *verifiers).size
        found = await _find(client, size, exchange)
        for index in found:
            await _print(client, verifiers, index)
    except AuditError as error:
        raise LogError(f"what the gateway shows does not verify: {error.message}") from None
    if not found:
        sys.stdout.write(
            f"no entry of this exchange among the newest {min(size, MOST_ENTRIES):,}\n"
        )
    return 0 if found else 1


async def _find(client: Client, size: int, exchange: str) -> list[int]:
    """Return where the entries of an exchange are, page by page from the newest backwards."""
    found: list[int] = []
    end, last = size, max(0, size - MOST_ENTRIES)
    begun = False
    # An exchange begins with its intent, or is a refusal and nothing else.
    while end > last and not begun:
        start = max(last, end - PAGE)
        for index, data in await _leaves(client, start, end):
            leaf = parse_leaf(data)
            if leaf.exchange_id == exchange:
                found.append(index)
                begun = begun or leaf.kind in _FIRST
        end = start
    return sorted(found)


async def _leaves(client: Client, start: int, end: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while (at := start + len(found)) < end:
        page = await client.get_entries(at, end - at)
        if [one.index for one in page] != list(range(at, at + len(page))) or not page:
            raise LogError("the gateway left out entries that its checkpoint covers")
        found += [(one.index, one.leaf) for one in page]
    return found


async def _print(client: Client, verifiers: Sequence[Verifier], index: int) -> None:
    (one,) = await client.get_entries(index, 1, opened=True)
    proved, _ = verify_proof(await client.get_inclusion_proof(index), one.leaf, *verifiers)
    leaf = parse_leaf(one.leaf)
    if proved != index or (one.meta and commit_meta(one.salt, one.meta) != leaf.m):
        raise LogError(f"entry {index} is not what the log's key signed")
    print_entry(index, one.leaf, json.loads(one.meta) if one.meta else {})
    if not one.meta:
        sys.stdout.write("        not opened: this agency is no party of it, or it was erased\n")
