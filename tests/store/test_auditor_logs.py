"""What auditors' verbs read of a deployment's log: the same on either database."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, TypeVar

import pytest

from gateway.audit.entry import parse_leaf
from gateway.audit.proof import verify_proof
from gateway.audit.select import Selection
from gateway.cli.auditor.logs import DeployedLog, found
from gateway.cli.auditor.proofs import proof
from gateway.errors import SettingsError
from tests.store.contract import begin
from tests.store.server import SharedTown
from tests.store.town import Town, a_keep, a_refusal, a_release, a_signer, an_id, an_outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.event import Event

_T = TypeVar("_T")

TOKENS = (b"\x01" * 32, b"\x02" * 32)
LATER = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town whose log has an exchange of an hour, and a refusal in the middle of it."""
    made = Town(tmp_path) if request.param == "sqlite" else SharedTown(tmp_path)

    async def fill() -> None:
        async with made.log() as log:
            ticket = await begin(log, 1)
            await ticket.release(a_release(an_id(1), 0, 1, TOKENS), a_keep("r"))
            made.clock.moment += LATER
            await log.refusal(a_refusal(an_id(2)))
            await ticket.outcome(an_outcome(an_id(1)))

    asyncio.run(fill())
    return made


def looked(town: Town, work: Callable[[DeployedLog], _T], lost: frozenset[str] = frozenset()) -> _T:
    """Return what work finds in a town's log, of which some payload keys are destroyed."""

    def key(key_id: str) -> bytes:
        if key_id in lost:
            raise SettingsError("destroyed")
        return town.keys.by_id(key_id)

    async def run() -> _T:
        async with town.log() as log:
            return await asyncio.to_thread(work, DeployedLog(log.reads, log.published.note, key))

    return asyncio.run(run())


def of_exchanges(events: list[Event]) -> list[tuple[str, object]]:
    """Return kind and provider of the entries of exchanges."""
    return [(one.leaf.kind, one.says("provider")) for one in events if one.decision]


def test_every_entry_is_opened_beside_its_exchange(town: Town) -> None:
    """In the log's order, with the tokens of a release."""
    events = looked(town, lambda log: list(found(log, Selection())))

    steps = [(kind, "county-ems") for kind in ("intent", "release", "refusal", "outcome")]
    assert steps == of_exchanges(events)
    assert list(range(len(events))) == [one.index for one in events]
    assert [TOKENS] == [one.tokens for one in events if one.tokens]


def test_a_period_begins_where_its_first_entry_is(town: Town) -> None:
    """An hour later: refusal and outcome, and the outcome still knows its intent."""
    since = town.clock.moment
    at = Selection(since=since, until=since + dt.timedelta(milliseconds=1))

    events = looked(town, lambda log: list(found(log, at)))

    assert [("refusal", "county-ems"), ("outcome", "county-ems")] == of_exchanges(events)


def test_what_was_erased_is_absent(town: Town) -> None:
    """A payload that is gone opens nothing; its leaf is still there."""
    keys = {
        str(key)
        for (key,) in town.rows(
            "SELECT key_id FROM log_payload JOIN log_entry USING (seq) WHERE k = 'intent'"
        )
    }

    events = looked(town, lambda log: list(found(log, Selection())), frozenset(keys))

    assert "intent" in {one.leaf.kind for one in events}
    assert {(kind, None) for kind, _ in of_exchanges(events)} == set(of_exchanges(events))


def test_the_entries_of_an_exchange_are_proved(town: Town) -> None:
    """Each by a proof that its leaf and the log's key hold."""

    def prove(log: DeployedLog) -> list[str]:
        kinds = []
        for index in log.entries_of(an_id(1)):
            leaf = log.leaf(index)
            assert index == verify_proof(proof(log, index, leaf), leaf, a_signer().verifier)[0]
            kinds.append(parse_leaf(leaf).kind)
        return kinds

    assert ["intent", "release", "outcome"] == looked(town, prove)
    assert [] == looked(town, lambda log: log.entries_of(an_id(9)))
