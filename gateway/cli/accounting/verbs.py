"""`accord log accounting`: list what left about a person; suspend, extend, resume; hold, release.

A deployment's log is opened by its operator while the gateway is stopped. While it runs, a records
officer asks the audit service for the same list: `--client`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.accounting import Audience
from gateway.audit.holds import AGREEMENT, ALL, EXCHANGE, PERSON
from gateway.audit.suspensions import ORAL, WRITTEN, begin, extend, resume
from gateway.cli.accounting.accounts import Accounts, Asker, Question
from gateway.cli.accounting.people import day_of, officers_of, people_of, period
from gateway.cli.accounting.show import as_json, as_text
from gateway.cli.clock import SystemClock
from gateway.cli.opened import operated
from gateway.errors import SettingsError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from gateway.audit.suspensions import Suspension

OPERATOR: Final = "operator"
_CHANGES: Final = {"suspend": begin, "extend": extend}


def run_list(
    settings: str,
    people: Sequence[str],
    first: str,
    last: str,
    audience: str,
    *,
    json: bool,
) -> int:
    """Print an accounting; 0 where there are lines, 1 where there is none.

    Raises:
        SettingsError: An option is not of its form.
        RequestError: Nobody could be found by an identifier.
        LogError: Another process has the log, or the look could not be logged: nothing was opened.
    """
    path = Path(settings)
    officers = officers_of(path)
    asked = Question(
        people_of(people, officers),
        *period(first, last, SystemClock().now().date()),
        _for(audience),
    )

    async def ask() -> int:
        async with operated(path) as (log, keys):
            accounts = Accounts(log, keys, SystemClock())
            answer = await accounts.of(asked, Asker(OPERATOR, None, "accounting"))
            proofs = {
                one.event.index: await accounts.proof(one.event.index)
                for one in answer.accounting.lines
            }
        show = as_json if json else as_text
        sys.stdout.write(show(asked, answer, proofs, officers))
        # Never on the paper that the person gets: that something is withheld would tell them.
        if answer.accounting.withheld:
            sys.stderr.write(f"accord: withheld by a suspension: {answer.accounting.withheld}\n")
        for one in answer.gone:
            sys.stderr.write(f"accord: `{one}` is destroyed: nobody is found under it any more\n")
        return 0 if answer.accounting.lines else 1

    return asyncio.run(ask())


def run_suspend(
    settings: str,
    people: Sequence[str],
    recipient: str,
    change: str,
    *,
    written: bool,
    oral: bool,
    until: str,
    document: str,
) -> int:
    """Begin, extend or end a suspension of one recipient's lines, and print the entry's place.

    Args:
        settings: gateway.toml.
        people: Identifiers of the person.
        recipient: The agency whose lines are withheld.
        change: `suspend`, `extend` or `resume`.
        written: It was made in writing.
        oral: It was made orally; exactly one of both, but for `resume`.
        until: The first day on which the lines are shown again.
        document: The agency's own id of the statement.

    Raises:
        SettingsError: An option is not of its form.
        RequestError: It is not what the rule lets be suspended.
        LogError: The entry is not durable.
    """
    path = Path(settings)
    officers = officers_of(path)
    if recipient not in officers.registry.model.agencies:
        raise SettingsError("`--recipient` is no agency of the registry")
    who = people_of(people, officers)
    make = _maker(change, recipient, until, document, written=written, oral=oral)

    async def write() -> int:
        async with operated(path) as (log, keys):
            accounts = Accounts(log, keys, SystemClock())
            asker = Asker(OPERATOR, None, f"accounting {change}")
            index = await accounts.suspend(who, recipient, make, asker)
            await accounts.proof(index)
        sys.stdout.write(f"logged as entry {index}\n")
        return 0

    return asyncio.run(write())


def run_hold(settings: str, event: str, scope: str, people: Sequence[str], document: str) -> int:
    """Begin or end a legal hold, and print the entry's place.

    Args:
        settings: gateway.toml.
        event: `begin` or `end`.
        scope: `all`, `agreement:<id>`, `exchange:<id>`; empty for the person.
        people: Identifiers of the person, of a hold about one.
        document: The agency's own id of the hold; the end has that of the beginning.

    Raises:
        SettingsError: An option is not of its form.
        RequestError: Nobody could be found by an identifier.
        LogError: The entry is not durable.
    """
    path = Path(settings)
    if event == "begin" and bool(scope) == bool(people):
        raise SettingsError("`hold` takes `--scope` or `--person`, and not both")
    if scope and scope != ALL and not scope.startswith((AGREEMENT, EXCHANGE)):
        raise SettingsError("`--scope` is all, agreement:<id> or exchange:<id>")
    who = people_of(people, officers_of(path)) if people else ()

    async def write() -> int:
        async with operated(path) as (log, keys):
            accounts = Accounts(log, keys, SystemClock())
            index = await accounts.hold(event, scope or PERSON, document, who)
            await accounts.proof(index)
        sys.stdout.write(f"logged as entry {index}\n")
        return 0

    return asyncio.run(write())


def _for(audience: str) -> Audience:
    try:
        return Audience(audience)
    except ValueError:
        raise SettingsError("`--for` is patient or auditor") from None


def _maker(
    change: str, recipient: str, until: str, document: str, *, written: bool, oral: bool
) -> Callable[[Suspension | None, dt.date], Mapping[str, Any]]:
    day = day_of("--until", until)
    if change == "resume":
        return lambda before, today: resume(before, recipient, document, today)
    if written == oral:
        raise SettingsError("`--written` or `--oral`: a statement is one of them")
    statement = WRITTEN if written else ORAL
    make = _CHANGES[change]
    return lambda before, today: make(before, recipient, statement, day, document, today)
