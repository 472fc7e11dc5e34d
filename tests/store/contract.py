"""What every exchange log promises: claims over the port, run on the real one and on its twin.

A test module calls `asyncio.run(claim(make))` for each of `CLAIMS`; `make` is an async context
manager that gives a fresh, empty log.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, TypeAlias

import pytest

from gateway.errors import (
    AccordError,
    BusyError,
    ConflictError,
    LogError,
    Reason,
    RefusedError,
    ReleaseError,
)
from gateway.ports import ATTEMPTS_MAX
from gateway.store.log import StoredLog
from tests.store.town import (
    DIGEST,
    NOW,
    a_keep,
    a_note,
    a_refusal,
    a_release,
    an_id,
    an_intent,
    an_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from gateway.ports import ExchangeLog, Ticket

Make: TypeAlias = "Callable[[], AbstractAsyncContextManager[ExchangeLog]]"

RECIPIENT = "county-health"
DAY = dt.timedelta(hours=24)


async def begin(log: ExchangeLog, number: int, request_id: str = "") -> Ticket:
    """Open an exchange."""
    exchange = an_id(number)
    return await log.intent(
        an_intent(exchange),
        recipient=RECIPIENT,
        request_id=request_id or f"request-{number}",
        request_digest=DIGEST,
        now=NOW,
    )


async def an_exchange_gives_a_receipt_for_all_its_chunks(make: Make) -> None:
    """A receipt is for the last release entry, and counts the rows of each."""
    async with make() as log:
        ticket = await begin(log, 1)
        first = await ticket.release(a_release(an_id(1), 0, 2), a_keep("request-1", 2))
        last = await ticket.release(a_release(an_id(1), 1, 3), a_keep("request-1", 3, first_row=2))
        receipt = await ticket.receipt()
        await ticket.outcome(an_outcome(an_id(1), 2, 5))

    assert (an_id(1), 5, last.index) == (receipt.exchange_id, receipt.row_count, receipt.index)
    assert (0, 1) == (first.chunk, last.chunk)
    assert first.index < last.index


async def a_refusal_and_a_note_have_places_in_order(make: Make) -> None:
    """What is durable has an index, and a later entry a higher one."""
    async with make() as log:
        refused = await log.refusal(a_refusal(an_id(1)))
        noted = await log.note(a_note())

    assert 0 < refused < noted


async def a_closed_exchange_takes_nothing_more(make: Make) -> None:
    """After the outcome neither a chunk nor a second outcome is logged."""
    async with make() as log:
        ticket = await begin(log, 1)
        await ticket.outcome(an_outcome(an_id(1), 0, 0, "cut"))

        with pytest.raises(LogError):
            await ticket.release(a_release(an_id(1)), a_keep("request-1"))
        with pytest.raises(LogError):
            await ticket.outcome(an_outcome(an_id(1), 0, 0, "cut"))


async def chunks_are_logged_in_turn(make: Make) -> None:
    """A chunk that is not the next one is not logged, and the next one still can be."""
    async with make() as log:
        ticket = await begin(log, 1)

        with pytest.raises(LogError):
            await ticket.release(a_release(an_id(1), 1), a_keep("request-1"))
        logged = await ticket.release(a_release(an_id(1), 0), a_keep("request-1"))

    assert 0 == logged.chunk


async def a_draft_of_another_exchange_is_not_taken(make: Make) -> None:
    """A ticket logs its own exchange only."""
    async with make() as log:
        ticket = await begin(log, 1)

        with pytest.raises(LogError):
            await ticket.release(a_release(an_id(2)), a_keep("request-1"))


async def nothing_released_has_no_receipt(make: Make) -> None:
    """An exchange without a release entry has nothing to prove."""
    async with make() as log:
        ticket = await begin(log, 1)

        with pytest.raises(LogError):
            await ticket.receipt()


async def the_first_attempt_is_remembered_for_its_time(make: Make) -> None:
    """A repeat finds the first attempt's id, instant and digests, if it is not too old."""
    async with make() as log:
        ticket = await begin(log, 1, "same")
        await ticket.release(a_release(an_id(1), 0, 2), a_keep("same", 2))
        again = await begin(log, 2, "same")
        await again.outcome(an_outcome(an_id(2), 0, 0, "cut"))
        found = await log.attempt(RECIPIENT, "same", NOW - DAY)
        just = await log.attempt(RECIPIENT, "same", NOW)
        late = await log.attempt(RECIPIENT, "same", NOW + dt.timedelta(milliseconds=1))
        other = await log.attempt("county-police", "same", NOW - DAY)

    assert found is not None
    assert (an_id(1), DIGEST, NOW) == (found.exchange_id, found.request_digest, found.now)
    assert ((2, DIGEST),) == found.digests
    assert found == just
    assert late is None
    assert other is None


async def attempts_lie_side_by_side(make: Make) -> None:
    """What a resumption released counts with what it resumed, up to the first gap."""
    async with make() as log:
        first = await begin(log, 1, "same")
        await first.release(a_release(an_id(1), 0, 2), a_keep("same", 2))
        second = await begin(log, 2, "same")
        await second.release(a_release(an_id(2), 0, 3), a_keep("same", 3, first_row=2))
        third = await begin(log, 3, "same")
        await third.release(a_release(an_id(3), 0, 1), a_keep("same", 1, first_row=9))
        found = await log.attempt(RECIPIENT, "same", NOW - DAY)
        held = await log.held(an_id(2), 5)

    assert found is not None
    assert ((2, DIGEST), (3, DIGEST)) == found.digests
    assert held is not None
    assert 5 == held.row_count


async def a_request_id_is_held_by_one_request(make: Make) -> None:
    """Other terms are told so, the same ones come again, and in the end it is free."""
    async with make() as log:
        with log.claim(RECIPIENT, "same", DIGEST):
            with pytest.raises(ConflictError) as other, log.claim(RECIPIENT, "same", bytes(32)):
                pass
            with pytest.raises(BusyError) as again, log.claim(RECIPIENT, "same", DIGEST):
                pass
            with log.claim(RECIPIENT, "another", DIGEST), log.claim("police", "same", DIGEST):
                pass
        with log.claim(RECIPIENT, "same", bytes(32)):
            pass

    assert Reason.REQUEST_ID_USED is other.value.reason
    assert Reason.BUSY is again.value.reason
    assert 0 < again.value.retry_after_s


async def a_day_has_its_rows_and_no_more(make: Make) -> None:
    """Of releases side by side those that fit are logged; of the others nothing is."""
    async with make() as log:
        tickets = [await begin(log, number) for number in range(1, 29)]

        async def one(number: int, ticket: Ticket) -> str:
            keep = dataclasses.replace(a_keep(f"attempt-{number}", 19), rows_per_day=200)
            try:
                await ticket.release(a_release(an_id(number), 0, 19), keep)
            except RefusedError as error:
                named = "`rows_per_day`" in error.message
                return f"{error.reason.value} {named} {ticket.chunks}"
            return "left"

        ends = await asyncio.gather(*(one(at, ticket) for at, ticket in enumerate(tickets, 1)))
        # What was turned away spent nothing: exactly ten rows are left, to another request too.
        rest = dataclasses.replace(a_keep("rest", 11), rows_per_day=200)
        with pytest.raises(RefusedError):
            await tickets[-1].release(a_release(an_id(28), 0, 11), rest)
        await tickets[-1].release(a_release(an_id(28), 0, 10), dataclasses.replace(rest, rows=10))
        repeat = dataclasses.replace(rest, charge=False)
        await tickets[-1].release(a_release(an_id(28), 1, 11), repeat)
        tomorrow = dataclasses.replace(rest, day=rest.day + DAY)
        await tickets[-1].release(a_release(an_id(28), 2, 11), tomorrow)

    assert ["left"] * 10 + ["ROW_LIMIT True 0"] * 18 == sorted(ends, reverse=True)


async def a_period_leaves_once(make: Make) -> None:
    """Of requests side by side one releases a period; its own repeats may, and nobody else."""
    period = (dt.date(2026, 3, 1),)
    async with make() as log:
        tickets = [await begin(log, number) for number in range(1, 9)]

        async def one(number: int, ticket: Ticket) -> str:
            keep = a_keep(f"attempt-{number}", periods=period)
            try:
                await ticket.release(a_release(an_id(number)), keep)
            except ReleaseError as error:
                return error.reason.value
            return f"attempt-{number}"

        ends = await asyncio.gather(*(one(at, ticket) for at, ticket in enumerate(tickets, 1)))
        left = [end for end in ends if end != "CELL_RELEASED"]
        again = await begin(log, 9)
        await again.release(a_release(an_id(9)), a_keep(left[0], periods=period))

    assert 1 == len(left)


async def a_request_is_attempted_so_often(make: Make) -> None:
    """As many attempts are remembered and found as may be; one more is turned away until later."""
    async with make() as log:
        for number in range(1, ATTEMPTS_MAX):
            await (await begin(log, number, "same")).outcome(an_outcome(an_id(number), 0, 0, "cut"))
        last = await log.attempt(RECIPIENT, "same", NOW - DAY)
        await begin(log, ATTEMPTS_MAX, "same")
        with pytest.raises(BusyError) as raised:
            await log.attempt(RECIPIENT, "same", NOW - DAY)
        other = await log.attempt(RECIPIENT, "another", NOW - DAY)

    assert last is not None
    assert other is None
    assert Reason.RATE_LIMIT is raised.value.reason
    assert 0 < raised.value.retry_after_s


async def what_is_held_has_its_own_receipt(make: Make) -> None:
    """A receipt can be had again for whole chunks, and not for a part of one."""
    async with make() as log:
        ticket = await begin(log, 1)
        first = await ticket.release(a_release(an_id(1), 0, 2), a_keep("request-1", 2))
        await ticket.release(a_release(an_id(1), 1, 3), a_keep("request-1", 3, first_row=2))
        whole = await log.held(an_id(1), 2)
        part = await log.held(an_id(1), 3)
        beyond = await log.held(an_id(1), 6)
        unknown = await log.held(an_id(9), 2)

    assert whole is not None
    assert (2, first.index) == (whole.row_count, whole.index)
    assert [None, None, None] == [part, beyond, unknown]


async def many_at_once_each_have_their_own_place(make: Make) -> None:
    """Exchanges side by side never share an entry."""
    async with make() as log:

        async def one(number: int) -> int:
            ticket = await begin(log, number)
            logged = await ticket.release(a_release(an_id(number)), a_keep(f"request-{number}"))
            await ticket.outcome(an_outcome(an_id(number)))
            return logged.index

        places = await asyncio.gather(*map(one, range(1, 101)))

    assert 100 == len(set(places))


async def a_step_of_an_exchange_is_no_note(make: Make) -> None:
    """Entries of exchanges are written by their tickets alone."""
    async with make() as log:
        with pytest.raises(AccordError):
            await log.note(a_release(an_id(1)))


async def a_note_is_signed_from_the_start(make: Make) -> None:
    """There is a checkpoint before the first call."""
    async with make() as log:
        newest = log.newest()

    assert newest.endswith("\n")


async def a_token_is_used_once_until_it_is_forgotten(make: Make) -> None:
    """The second use is known, also after a restart, until the second past its end."""
    async with make() as log:
        assert isinstance(log, StoredLog)
        assert await log.first_use(b"a" * 32, 100, 90)
        assert not await log.first_use(b"a" * 32, 100, 90)
        assert await log.first_use(b"b" * 32, 100, 90)
        both = asyncio.gather(*(log.first_use(b"c" * 32, 100, 90) for _ in range(8)))
        assert 1 == sum(await both)

    async with make() as log:
        assert isinstance(log, StoredLog)
        assert not await log.first_use(b"a" * 32, 100, 100)
        assert await log.first_use(b"a" * 32, 200, 101)


CLAIMS = (
    attempts_lie_side_by_side,
    an_exchange_gives_a_receipt_for_all_its_chunks,
    a_refusal_and_a_note_have_places_in_order,
    a_closed_exchange_takes_nothing_more,
    chunks_are_logged_in_turn,
    a_draft_of_another_exchange_is_not_taken,
    nothing_released_has_no_receipt,
    the_first_attempt_is_remembered_for_its_time,
    a_request_id_is_held_by_one_request,
    a_day_has_its_rows_and_no_more,
    a_period_leaves_once,
    a_request_is_attempted_so_often,
    what_is_held_has_its_own_receipt,
    many_at_once_each_have_their_own_place,
    a_step_of_an_exchange_is_no_note,
    a_note_is_signed_from_the_start,
)
STORED_CLAIMS = (*CLAIMS, a_token_is_used_once_until_it_is_forgotten)
"""And what a store alone is asked."""
