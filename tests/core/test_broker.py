"""One exchange, with each port broken in turn: nothing leaves unlogged, and each exchange is closed once."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from gateway.broker.drafts import b64
from gateway.errors import LogError, Reason, RefusedError, SourceError
from tests.build import a_caller, a_request
from tests.core.house import House, records
from tests.fakes import Faults, MemoryLog, MemorySource, Outbox, World

if TYPE_CHECKING:
    from gateway.audit.entry import Draft

ROWS = records(100)


def a_house(log: MemoryLog | None = None, faults: Faults | None = None) -> House:
    """Return a house whose source sends 100 records in four batches."""
    source = MemorySource(ROWS, batch_rows=25, faults=faults)
    return House(log=log or MemoryLog(), source=source)


def the_outcome(house: House) -> Draft:
    """Return the one outcome."""
    [outcome] = house.log.of_kind("outcome")
    return outcome


def test_an_exchange_is_intent_releases_outcome_in_this_order() -> None:
    """Each chunk's release entry is durable before the chunk is sent."""
    house = a_house()

    box = house.ask(a_request())

    assert ["intent", "release", "release", "send", "release", "send", "release", "send", "send",
            "outcome"] == [one for one in house.world.journal if one != "scan"]  # fmt: skip
    assert [(row["run_id"], row["age"]) for row in ROWS] == [
        (row["run_id"], row["age"]) for row in box.rows()
    ]
    assert {1} == set(house.log.closings().values())


@pytest.mark.parametrize("step", ["intent", "release"])
def test_what_is_not_durable_is_not_sent(step: str) -> None:
    """A recipient gets nothing from an exchange whose entry the log could not keep."""
    house, box = a_house(MemoryLog(full_at=step)), Outbox()

    with pytest.raises(LogError, match=f"`{step}`"):
        house.ask(a_request(), box)

    assert [] == box.sent


def test_a_refusal_that_is_not_durable_is_not_told() -> None:
    """A caller hears of a refusal only once it is in the log."""
    house, box = a_house(MemoryLog(full_at="refusal")), Outbox()

    with pytest.raises(LogError, match="`refusal`"):
        house.ask(a_request(caller=a_caller("synthetic-pd")), box)

    assert [] == box.sent


def test_a_refusal_is_in_the_log_before_it_is_told() -> None:
    """A refusal carries the index of its own entry."""
    house = a_house()

    with pytest.raises(RefusedError) as told:
        house.ask(a_request(caller=a_caller("synthetic-pd")))

    refusal = house.log.drafts[told.value.index]
    assert refusal is not None
    assert ("refusal", "NO_PROVISION", 1) == (
        refusal.kind, refusal.meta["reason"], refusal.meta["step"],
    )  # fmt: skip
    assert [(Reason.NO_PROVISION, 1)] == house.meter.refusals


def test_an_adapter_that_dies_ends_the_exchange() -> None:
    """What was logged and sent before is whole; the outcome says that it was cut, and why."""
    house, box = a_house(faults=Faults(dies_after=2)), Outbox()

    with pytest.raises(SourceError) as raised:
        house.ask(a_request(), box)

    outcome = the_outcome(house)
    assert ("cut", "ADAPTER_UNAVAILABLE") == (outcome.meta["end"], outcome.meta["code"])
    assert len(house.log.of_kind("release")) == outcome.meta["chunks"]
    assert all(message.logged is not None for message in box.sent)
    assert outcome.exchange_id == raised.value.exchange_id
    assert 0 == house.source.open


def turns_of(make: object) -> int:
    """Return how many turns an undisturbed exchange takes."""
    house = a_house()
    house.ask(a_request())
    return house.world.turns


TURNS = 17


def test_the_number_of_turns_is_known() -> None:
    """The sweeps below cancel at each turn of an exchange of four batches."""
    assert TURNS == turns_of(None)


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_cancelled_call_is_closed_exactly_once(turn: int) -> None:
    """Wherever the client leaves, what was begun is closed once, and nothing unlogged was sent."""
    world = World(cancel_at=turn)
    house, box = House(world=world, source=MemorySource(ROWS, batch_rows=25)), Outbox(world)

    with contextlib.suppress(asyncio.CancelledError):
        house.ask(a_request(), box)

    assert all(1 == times for times in house.log.closings().values()), world.journal
    assert 0 == house.source.open
    logged = [(one.meta["digest"]) for one in house.log.of_kind("release")]
    assert [b64(digest) for digest in box.digests] == logged[: len(box.digests)]
    for outcome in house.log.of_kind("outcome"):
        assert len(logged) == outcome.meta["chunks"], world.journal
        assert (25 * len(logged), len(box.sent)) == (outcome.meta["rows"], outcome.meta["handed"])
        expected = house.log.of_kind("release")[-1].meta["stream"] if logged else None
        assert expected == outcome.meta["stream"]


@pytest.mark.parametrize("step", ["release", "receipt", "outcome", "intent", "attempt", "refusal"])
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("unknown", [False, True])
def test_a_log_that_fails_later_sends_nothing_more(step: str, after: int, unknown: bool) -> None:  # noqa: FBT001
    """What was sent is in the log, whatever fails at whichever time."""
    house, box = a_house(MemoryLog(full_at=step, after=after, unknown=unknown)), Outbox()

    with contextlib.suppress(LogError):
        house.ask(a_request(), box)

    logged = [one.meta["digest"] for one in house.log.of_kind("release")]
    assert [b64(digest) for digest in box.digests] == logged[: len(box.digests)]
    assert all(times <= 1 for times in house.log.closings().values())
    for outcome in house.log.of_kind("outcome"):
        if not unknown:
            assert len(logged) == outcome.meta["chunks"]
            expected = house.log.of_kind("release")[-1].meta["stream"] if logged else None
            assert expected == outcome.meta["stream"]
