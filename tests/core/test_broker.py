"""One exchange, with each port broken in turn: nothing leaves unlogged, and each exchange is closed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import LogError, Reason, RefusedError, SourceError
from tests.build import a_caller, a_request
from tests.core.house import House, records
from tests.fakes import Faults, MemoryLog, MemorySource, Outbox

if TYPE_CHECKING:
    from gateway.audit.entry import Draft

ROWS = records(100)


def a_house(log: MemoryLog | None = None, faults: Faults | None = None) -> House:
    """Return a house whose source sends 100 records in four batches."""
    return House(log=log, source=MemorySource(ROWS, batch_rows=25, faults=faults))  # type: ignore[arg-type]


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
