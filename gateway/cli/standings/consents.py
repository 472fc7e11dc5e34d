"""`accord consent grant|revoke|list`: words for the register of consents.

An officer records them at the gateway that runs: `--client`. Its operator does while it is stopped,
or beside it where the log is shared.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.accounting.accounts import Asker
from gateway.cli.accounting.people import officers_of, parts_of, people_of
from gateway.cli.clock import SystemClock
from gateway.cli.keyring import register_key
from gateway.cli.opened import operated
from gateway.cli.standings.calling import called
from gateway.cli.standings.register import Register
from gateway.cli.standings.view import check_purpose
from gateway.errors import SettingsError
from gateway.store.consents import StoredConsent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.broker.consents import Word
    from gateway.wire.standing import Said

OPERATOR = "operator"


def run_record(
    settings: str,
    client: str,
    people: Sequence[str],
    purpose: str,
    document: str,
    *,
    granted: bool,
) -> int:
    """Record a word, and print its entry's place.

    Args:
        settings: gateway.toml, or empty.
        client: client.toml, or empty: exactly one of both.
        people: Identifiers of one person.
        purpose: A leaf, or a branch for all below it.
        document: The agency's own id of the form.
        granted: Whether they consent; else they withdraw.

    Raises:
        SettingsError: An option is not of its form.
        RequestError: Nobody could be found by an identifier, or there is no such purpose.
        LogError: The entry is not durable.
        AccordError: As the gateway refused or failed.
    """
    one_of(settings, client)
    if client:
        named = tuple(map(parts_of, people))
        index = called(client, lambda far: far.record(named, purpose, document, granted=granted))
    else:
        index = asyncio.run(_record(Path(settings), people, purpose, document, granted=granted))
    sys.stdout.write(f"logged as entry {index}\n")
    return 0


async def _record(
    path: Path, people: Sequence[str], purpose: str, document: str, *, granted: bool
) -> int:
    officers = officers_of(path)
    check_purpose(purpose, officers.purposes.model.leaves)
    who = people_of(people, officers)
    async with operated(path) as (log, keys):
        consent = StoredConsent(log, register_key(keys))
        register = Register(log, consent, keys, SystemClock())
        asker = Asker(OPERATOR, None, "consent")
        index = await register.record(who, purpose, document, asker, granted=granted)
        await log.proof(index)
        return index


def run_list(settings: str, client: str, people: Sequence[str]) -> int:
    """Print what somebody said; 0 where there is something, 1 where there is nothing.

    Raises:
        SettingsError: An option is not of its form.
        RequestError: Nobody could be found by an identifier.
        LogError: The look could not be logged: nothing was read.
        AccordError: As the gateway refused or failed.
    """
    one_of(settings, client)
    said: Iterable[Word | Said]
    if client:
        named = tuple(map(parts_of, people))
        said = called(client, lambda far: far.words(named))
    else:
        said = asyncio.run(_words(Path(settings), people))
    lines = [
        f"entry {one.place:>8}  {'granted' if one.granted else 'revoked'}  {one.purpose}\n"
        for one in said
    ]
    sys.stdout.writelines(lines or ["nothing was said\n"])
    return 0 if lines else 1


async def _words(path: Path, people: Sequence[str]) -> tuple[Word, ...]:
    who = people_of(people, officers_of(path))
    async with operated(path) as (log, keys):
        consent = StoredConsent(log, register_key(keys))
        register = Register(log, consent, keys, SystemClock())
        return await register.words(who, Asker(OPERATOR, None, "consent list"))


def one_of(settings: str, client: str) -> None:
    """Return if exactly one of both is given.

    Raises:
        SettingsError: Both are, or none.
    """
    if bool(settings) == bool(client):
        raise SettingsError("this takes gateway.toml or `--client`, and not both")
