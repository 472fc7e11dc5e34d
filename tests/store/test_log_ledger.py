"""The ledger of noise: written with its release, for good, and exact at the last millionth."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.budget import Cap, Draw, Holding
from gateway.errors import LogError, Reason, RefusedError, ReleaseError
from gateway.store.ledger import told
from gateway.store.spending import Spending
from tests.store.releases import release, run
from tests.store.town import Town, a_keep, an_id

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.ports import Keep
    from gateway.store.log import StoredLog

MARCH, APRIL, MAY = (dt.date(2026, month, 1) for month in (3, 4, 5))
BUDGET = 100_000


def a_draw(number: int, rho: int = 50_000, *periods: dt.date) -> Draw:
    """Return the draw of exchange `number`."""
    return Draw(
        "question", an_id(number), "discrete_gaussian", rho, 3, "person_id", periods or (MARCH,)
    )


def kept(number: int, draw: Draw, *caps: Cap, to: str = "") -> Keep:
    """Return what a release of exchange `number` keeps that tells of a draw."""
    made = a_keep(an_id(number), 1, periods=draw.periods)
    return dataclasses.replace(
        made,
        recipient=to or made.recipient,
        memory=b"{}",
        draws=(draw,),
        caps=caps or (Cap(None, BUDGET),),
        clause="4.1",
    )


def test_a_release_is_in_the_ledger_after_a_restart(tmp_path: Path) -> None:
    """Who holds it, what it spent, by which exchange, of which periods."""
    keep = kept(1, a_draw(1, 50_000, MARCH, APRIL))

    async def fill(log: StoredLog) -> None:
        await release(log, 1, keep)

    async def read(log: StoredLog) -> None:
        assert (Holding(keep.recipient, keep.draws[0]),) == told(log.reads, keep.source)
        assert () == told(log.reads, "else/where")

    run(Town(tmp_path), fill, read)


def test_the_row_is_written_with_the_entry_or_not_at_all(tmp_path: Path) -> None:
    """Under the place of its release entry: neither is there without the other."""

    async def fill(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1)))

    town = Town(tmp_path)
    run(town, fill)

    with closing(sqlite3.connect(town.database)) as connection:
        both = connection.execute(
            "SELECT k, rho, bound, mechanism, unit, drawn_by FROM noise_ledger "
            "JOIN log_entry USING (seq)"
        ).fetchall()
    assert [("release", 50_000, 3, "discrete_gaussian", "person_id", an_id(1))] == both


@pytest.mark.parametrize("verb", ["DELETE FROM noise_ledger", "UPDATE noise_ledger SET rho = 1"])
def test_nothing_in_the_ledger_changes(tmp_path: Path, verb: str) -> None:
    """An odometer: rows are added, and the database refuses anything else."""

    async def fill(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1)))

    town = Town(tmp_path)
    run(town, fill)

    with (
        closing(sqlite3.connect(town.database)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="insert-only"),
    ):
        connection.execute(verb)


@pytest.mark.parametrize(("rho", "fits"), [(50_000, True), (50_001, False)])
def test_a_budget_holds_to_its_last_millionth(tmp_path: Path, rho: int, *, fits: bool) -> None:
    """0.05 is stored; 0.05 more of 0.1 is there, and 0.050001 is not. Nothing is written of it."""

    async def work(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1)))
        second = kept(2, a_draw(2, rho, APRIL))
        if fits:
            await release(log, 2, second)
        else:
            size = log.size
            with pytest.raises(RefusedError) as raised:
                await release(log, 2, second)
            assert (Reason.BUDGET_SPENT, 6, "4.1") == (
                raised.value.reason,
                raised.value.step,
                raised.value.clause,
            )
            assert size + 1 == log.size, "its intent, and no release"
        assert 1 + fits == len(told(log.reads, second.source))

    run(Town(tmp_path), work)


def test_the_same_draw_is_spent_once(tmp_path: Path) -> None:
    """Told to a second recipient, it is a second row, and nothing more is spent."""

    async def work(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1, BUDGET)))
        await release(log, 2, kept(2, a_draw(1, BUDGET), to="another"))
        assert 2 == len(told(log.reads, kept(1, a_draw(1)).source))
        with pytest.raises(RefusedError):
            await release(log, 3, kept(3, a_draw(3, 1, APRIL)))

    run(Town(tmp_path), work)


def test_a_repeat_spends_nothing(tmp_path: Path) -> None:
    """What left before costs nothing again, and has no second row."""

    async def work(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1, BUDGET)))
        again = dataclasses.replace(kept(2, a_draw(1, BUDGET)), attempt=an_id(1), charge=False)
        await release(log, 2, again)
        assert 1 == len(told(log.reads, again.source))

    run(Town(tmp_path), work)


def test_who_is_no_attacker_together_pays_apart(tmp_path: Path) -> None:
    """A budget of some recipients counts what these hold."""
    few = Cap(frozenset({"one"}), 50_000)

    async def work(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1), few, to="one"))
        await release(log, 2, kept(2, a_draw(2), Cap(frozenset({"two"}), 50_000), to="two"))
        with pytest.raises(RefusedError):
            await release(log, 3, kept(3, a_draw(3, 1, APRIL), few, to="one"))

    run(Town(tmp_path), work)


@pytest.mark.parametrize(("durable", "left"), [(True, 0), (False, 50_000)])
def test_what_is_in_flight_is_held(tmp_path: Path, *, durable: bool, left: int) -> None:
    """Of releases side by side none spends what another holds, until that one's fate is settled."""

    async def work(log: StoredLog) -> None:
        spending = Spending(log.reads)
        await release(log, 1, kept(1, a_draw(1)))
        second = kept(2, a_draw(2, 50_000, APRIL))
        flying = spending.hold(second, "a@1")
        with pytest.raises(RefusedError):
            spending.hold(kept(3, a_draw(3, 1, MAY)), "a@1")
        assert flying is not None
        if durable:
            await release(log, 2, second)
        flying.settle(durable=durable)
        with pytest.raises(RefusedError):
            spending.hold(kept(3, a_draw(3, left + 1, MAY)), "a@1")
        if left:
            assert spending.hold(kept(3, a_draw(3, left, MAY)), "a@1") is not None

    run(Town(tmp_path), work)


def test_what_is_turned_away_for_its_budget_holds_nothing(tmp_path: Path) -> None:
    """Its rows and its period are free for others."""

    async def work(log: StoredLog) -> None:
        spending = Spending(log.reads)
        with pytest.raises(RefusedError):
            spending.hold(kept(1, a_draw(1, BUDGET + 1)), "a@1")
        rest = kept(2, a_draw(2, BUDGET))
        whole_day = dataclasses.replace(rest, rows=rest.rows_per_day)
        assert spending.hold(whole_day, "a@1") is not None

    run(Town(tmp_path), work)


@pytest.mark.parametrize(
    "changed", [{"by": an_id(7)}, {"rho": 49_999}, {"periods": (APRIL,)}, {"of": "another"}]
)
def test_a_draw_of_before_is_one_that_the_ledger_knows(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    """What the record of cells gives again and the ledger does not hold: somebody took a row."""

    async def work(log: StoredLog) -> None:
        await release(log, 1, kept(1, a_draw(1)))
        odd = dataclasses.replace(a_draw(1), **changed)  # type: ignore[arg-type]
        with pytest.raises(ReleaseError) as raised:
            await release(log, 2, kept(2, odd, to="another"))
        assert (Reason.DISCLOSURE_RISK, "history") == (
            raised.value.reason,
            raised.value.variables["cause"],
        )
        await release(log, 3, kept(3, a_draw(1), to="another"))

    run(Town(tmp_path), work)


def test_a_ledger_that_cannot_be_read_spends_nothing(tmp_path: Path) -> None:
    """Not an empty one: an error."""

    async def work(log: StoredLog) -> None:
        spending = Spending(log.reads)
        log.reads.close()
        with pytest.raises(LogError):
            spending.hold(kept(1, a_draw(1)), "a@1")

    run(Town(tmp_path), work)
