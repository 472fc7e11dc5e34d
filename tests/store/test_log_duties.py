"""Duties beside the log: owed with the release, late by the instant, done by an attestation."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.errors import NotFoundError
from gateway.ports import Owed
from gateway.store.counters import StoredCounters
from gateway.store.duties import StoredDuties
from gateway.values import Caller, DatasetId, Request, Terms
from tests.store.contract import begin
from tests.store.server import SharedTown
from tests.store.town import NOW, Town, a_keep, a_release, an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.decide import Standing
    from gateway.store.log import StoredLog

DUE = NOW + dt.timedelta(days=90)
SECOND = dt.timedelta(seconds=1)
WHO = "county-health"
ASKED = Request(
    "new",
    Terms("county-ems", WHO, DatasetId("ems.overdose_run", 1), "p", ("incident_date",)),
    Caller(WHO, bytes(32)),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town on either database."""
    return Town(tmp_path) if request.param == "sqlite" else SharedTown(tmp_path)


async def release(log: StoredLog, number: int, *duties: str) -> None:
    """Carry out an exchange that owes some duties."""
    ticket = await begin(log, number, an_id(number))
    owes = tuple(Owed(duty, DUE) for duty in duties)
    keep = dataclasses.replace(a_keep(an_id(number)), owes=owes)
    await ticket.release(a_release(an_id(number), 0, keep.rows), keep)
    await ticket.outcome(an_outcome(an_id(number), 1, keep.rows))


def test_a_duty_is_late_after_its_instant_and_until_it_is_attested(town: Town) -> None:
    """Not at the instant, a second later, and no more once the recipient has attested it."""

    async def act() -> list[object]:
        async with town.log() as log:
            duties = StoredDuties(log)
            await release(log, 1, "attest_deletion", "review")
            agreement = a_keep(an_id(1)).provision.partition("/")[0]
            seen: list[object] = [
                duties.late(WHO, agreement, DUE),
                duties.late(WHO, agreement, DUE + SECOND),
                duties.late(WHO, "another", DUE + SECOND),
                duties.late("county-ems", agreement, DUE + SECOND),
            ]
            await duties.attest(WHO, an_id(1), "review")
            seen.append(duties.late(WHO, agreement, DUE + SECOND))
            seen.append([one.duty for one in duties.owed(WHO)])
            return seen

    both = ("attest_deletion", "review")
    last = ("attest_deletion",)
    assert [(), both, (), (), last, ["attest_deletion"]] == asyncio.run(act())
    assert 1 == town.kinds().count("duty")
    assert [] == town.findings()


@pytest.mark.parametrize(
    ("who", "number", "duty"),
    [("county-ems", 1, "review"), (WHO, 2, "review"), (WHO, 1, "delete"), (WHO, 0, "review")],
)
def test_nobody_attests_what_it_does_not_owe(
    tmp_path: Path, who: str, number: int, duty: str
) -> None:
    """Another agency's duty, another exchange, another duty: one answer, and no entry."""
    town = Town(tmp_path)

    async def act() -> None:
        async with town.log() as log:
            await release(log, 1, "review")
            await StoredDuties(log).attest(who, an_id(number) if number else "no id", duty)

    with pytest.raises(NotFoundError):
        asyncio.run(act())
    assert "duty" not in town.kinds()


def test_an_overdue_duty_is_told_once(town: Town) -> None:
    """One entry when it came to be late; none before, none again, none for what was done."""

    async def act() -> list[int]:
        async with town.log() as log:
            duties = StoredDuties(log)
            await release(log, 1, "attest_deletion")
            await release(log, 2, "attest_deletion")
            await duties.attest(WHO, an_id(2), "attest_deletion")
            return [await duties.tell(now) for now in (DUE, DUE + SECOND, DUE + SECOND)]

    assert [0, 1, 0] == asyncio.run(act())
    assert 2 == town.kinds().count("duty")
    assert [] == town.findings()


def test_a_late_duty_reaches_the_decision(tmp_path: Path) -> None:
    """Standing has it: `decide` refuses with `DUTY_OVERDUE`."""
    town = Town(tmp_path)

    async def act() -> list[Standing]:
        async with town.log() as log:
            await release(log, 1, "review")
            provision = a_keep(an_id(1)).provision
            counters = StoredCounters(
                log.reads, lambda _request: (provision, ""), StoredDuties(log).late
            )
            return [counters.of(ASKED, now) for now in (DUE, DUE + SECOND)]

    assert [(), ("review",)] == [one.duties_overdue for one in asyncio.run(act())]
