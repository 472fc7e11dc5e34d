"""`accord log accounting --client`: a records officer asks the gateway that runs."""

from __future__ import annotations

import asyncio
import json as json_
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.accounting.people import parts_of, period
from gateway.cli.accounting.show import PRESUMED
from gateway.cli.clock import SystemClock
from gateway.cli.kept import leave
from gateway.cli.request import client_of
from gateway.settings import client_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.remote.disclosures import Line


def run_remote(client: str, people: Sequence[str], first: str, last: str, *, json: bool) -> int:
    """Print what left about a person; 0 where there are lines, 1 where there is none.

    Raises:
        SettingsError: An option is not of its form.
        LogError: What came is not what the log's key signed.
        AccordError: As the gateway refused or failed.
    """
    path = Path(client)
    settings = client_settings(path)
    wanted = [parts_of(one) for one in people]
    days = period(first, last, SystemClock().now().date())

    async def ask() -> int:
        calling = client_of(path, settings)
        try:
            found = await calling.list_disclosures(wanted, *days)
        finally:
            await leave(path, settings, calling)
        if json:
            value = {"lines": [_value(one) for one in found.lines]}
            sys.stdout.write(json_.dumps(value, sort_keys=True, indent=1) + "\n")
        else:
            sys.stdout.writelines(f"{text}\n" for one in found.lines for text in _text(one))
        # Never on the paper that the person gets: that something is withheld would tell them.
        if found.withheld:
            sys.stderr.write(f"accord: withheld by a suspension: {found.withheld}\n")
        return 0 if found.lines else 1

    return asyncio.run(ask())


def _text(one: Line) -> Iterator[str]:
    yield f"{one.date}  {one.recipient}"
    if one.count > 1:
        yield f"    repeated  {one.count} times alike, the last on {one.last}"
    yield f"    what      {one.dataset}: {', '.join(one.fields)}"
    yield f"    purpose   {one.purpose}"
    yield f"    basis     {one.basis} {one.basis_ref}".rstrip()
    yield f"    clause    {one.clause} of {one.agreement}, {one.provision}"
    yield f"    entry     {one.index} of the log, exchange {one.exchange}"
    if one.presumed:
        yield f"    {PRESUMED}"
    if one.withheld_until is not None:
        yield f"    withheld  from the person until {one.withheld_until}"
    yield ""


def _value(one: Line) -> dict[str, object]:
    days = {"date": str(one.date), "last": str(one.last), "leaf": one.leaf.decode("ascii")}
    until = one.withheld_until
    return asdict(one) | days | {"withheld_until": None if until is None else str(until)}
