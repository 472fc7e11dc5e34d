"""A repeat and a resumption are the same request again: equal bytes, no further cost.

Or an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt

import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.audit.stream import stream_next, stream_start
from gateway.errors import (
    AccordError,
    ConflictError,
    NotFoundError,
    Reason,
    RefusedError,
    SourceError,
)
from gateway.values import Form, Operator, Request, Resume
from tests.build import (
    PHD,
    REQUEST_ID,
    a_condition,
    a_provision,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import Faults, FixedClock, MemoryCounters, MemoryLog, MemorySource, Outbox

ROWS = records(100)


def a_house(rows: int = 100, per_day: int = 500_000, per_minute: int = 3, **parts: object) -> House:
    """Return a house whose counters are those of its log, and whose source sends batches of 25."""
    provision = a_provision()
    limits = dataclasses.replace(
        provision.limits, rows_per_day=per_day, requests_per_minute=per_minute
    )
    provision = dataclasses.replace(provision, limits=limits)
    log = MemoryLog()
    return House(
        agreements=the_agreements(an_agreement(provision)),
        log=log,
        counters=MemoryCounters(log=log),
        source=MemorySource(ROWS[:rows], batch_rows=25),
        **parts,  # type: ignore[arg-type]
    )


def cut_after(house: House, batches: int) -> Outbox:
    """Run the request and let the adapter die after some batches; return what was sent."""
    house.source.faults = Faults(dies_after=batches)
    box = Outbox()
    with pytest.raises(SourceError):
        house.ask(a_request(), box)
    house.source.faults = Faults()
    return box


def a_resume(box: Outbox) -> Resume:
    """Return where a client that holds these chunks goes on."""
    header = box.sent[0].header
    assert header is not None
    stream = stream_start(header.exchange_id)
    for digest in box.digests:
        stream = stream_next(stream, digest)
    return Resume(header.exchange_id, sum(chunk.row_count for chunk in box.chunks), stream)


def test_a_repeat_gives_the_same_bytes_and_costs_nothing() -> None:
    """The same request id with the same terms is the same request, as an exchange of its own."""
    house = a_house()
    first = house.ask(a_request())
    charged = list(house.counters.charged)

    again = house.ask(a_request())

    assert first.digests == again.digests
    assert charged == house.counters.charged
    assert [True] * 4 + [False] * 4 == [one.charge for one in house.log.kept]
    assert 2 == len(house.log.of_kind("intent"))


@pytest.mark.parametrize(
    "other",
    [
        a_request("run_id"),
        a_request("age", "run_id"),
        a_request(form=Form.ROWS),
        a_request(purpose="care.outreach"),
    ],
)
def test_a_request_id_stands_for_one_request(other: object) -> None:
    """Other terms, another order of fields or another form under the same id.

    Nothing is decided.
    """
    house, box = a_house(), Outbox()
    house.ask(a_request())

    with pytest.raises(ConflictError) as raised:
        house.ask(other, box)  # type: ignore[arg-type]

    assert Reason.REQUEST_ID_USED is raised.value.reason
    assert [] == box.sent
    assert 1 == len(house.log.of_kind("intent"))


@pytest.mark.parametrize(("seconds", "expected"), [(0, 4), (1, 8)])
def test_a_request_id_is_free_again_after_a_day(seconds: int, expected: int) -> None:
    """Twenty-four hours later it still is the same request, a second more and it is a new one."""
    house = a_house()
    house.ask(a_request())
    house.clock.move(hours=24, seconds=seconds)

    house.ask(a_request())

    assert expected == sum(one.charge for one in house.log.kept)


def test_a_repeat_over_other_data_is_told_so() -> None:
    """A record that changed meanwhile ends the repeat before its chunk leaves."""
    house, box = a_house(), Outbox()
    house.ask(a_request())
    house.source.rows = [row | {"age": 1} for row in ROWS]

    with pytest.raises(ConflictError) as raised:
        house.ask(a_request(), box)

    assert Reason.RESUME_DIVERGED is raised.value.reason
    assert [] == box.sent


def test_a_repeat_over_fewer_data_is_told_so() -> None:
    """Records that went away meanwhile end the repeat without a receipt."""
    house, box = a_house(), Outbox()
    house.ask(a_request())
    house.source.rows = ROWS[:50]

    with pytest.raises(ConflictError):
        house.ask(a_request(), box)

    assert [] == [one for one in box.sent if one.receipt is not None]


def test_what_a_cut_attempt_did_not_release_is_charged_by_the_repeat() -> None:
    """Leaving early and asking again is no way around the limits."""
    house = a_house()
    cut_after(house, 1)

    house.ask(a_request())

    assert 100 == sum(one.rows for one in house.log.kept if one.charge)


def test_a_repeat_has_no_more_rows_than_the_day_has_left() -> None:
    """A first attempt that released nothing gives its repeat no allowance of its own."""
    house = a_house(per_day=150)
    other = a_request(request_id="00000000-0000-4000-8000-00000000000b")
    cut_after(house, 0)
    house.ask(other)

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request())

    assert Reason.ROW_LIMIT is raised.value.reason
    assert sum(one.rows for one in house.log.kept if one.charge) <= 150


def test_a_repeat_of_all_that_a_day_allows_is_granted() -> None:
    """What left already counts once."""
    house = a_house(per_day=100)
    first = house.ask(a_request())

    assert first.digests == house.ask(a_request()).digests


def test_the_window_of_a_repeat_is_the_first_attempts() -> None:
    """Time that passes between two attempts moves no window."""
    house = a_house()
    house.ask(a_request())
    house.clock.move(hours=3)

    house.ask(a_request())

    first, second = house.source.scans
    assert first == second


def test_a_resumption_gives_the_rest_and_a_receipt_for_what_is_held() -> None:
    """Held and resumed chunks together are the whole exchange, byte for byte."""
    house = a_house()
    whole = a_house().ask(a_request())
    held = cut_after(house, 3)

    rest = house.ask(a_request(resume=a_resume(held)))

    assert whole.digests == held.digests + rest.digests
    assert rest.sent[0].held is not None
    assert rest.sent[0].held.row_count == sum(chunk.row_count for chunk in held.chunks)
    assert held.sent[0].header is not None
    resumed = house.log.of_kind("intent")[-1].meta["resumes"]
    assert held.sent[0].header.exchange_id == resumed


def test_a_resumption_of_all_is_a_receipt() -> None:
    """Who holds every row hears so, without a row."""
    house = a_house()
    whole = house.ask(a_request())

    rest = house.ask(a_request(resume=a_resume(whole)))

    assert [] == rest.chunks
    assert whole.sent[-1].receipt == rest.sent[0].held


def test_a_resumption_can_be_resumed() -> None:
    """A second cut is resumed by the id and stream of the resumption."""
    house = a_house()
    first = cut_after(house, 2)
    house.source.faults = Faults(dies_after=3)
    second = Outbox()
    with pytest.raises(SourceError):
        house.ask(a_request(resume=a_resume(first)), second)
    house.source.faults = Faults()
    held = len(first.digests) + len(second.digests)
    resume = a_resume(second)
    rows = sum(chunk.row_count for chunk in first.chunks + second.chunks)

    rest = house.ask(a_request(resume=dataclasses.replace(resume, offset=rows)))

    assert a_house().ask(a_request()).digests[held:] == rest.digests


def test_a_resumption_of_nothing_is_too_late() -> None:
    """An unknown or forgotten request cannot be resumed."""
    house = a_house()
    held = cut_after(house, 2)
    house.clock.move(hours=24, seconds=1)

    with pytest.raises(NotFoundError) as raised:
        house.ask(a_request(resume=a_resume(held)))

    assert Reason.RESUME_TOO_LATE is raised.value.reason


@pytest.mark.parametrize("offset", [1, 24, 26, 75, 99, 101, 10**9])
def test_a_resumption_from_what_never_left_diverges(offset: int) -> None:
    """An offset inside a chunk, or beyond what the log released, is not what the client holds."""
    house, box = a_house(), Outbox()
    held = cut_after(house, 3)

    with pytest.raises(ConflictError) as raised:
        house.ask(a_request(resume=dataclasses.replace(a_resume(held), offset=offset)), box)

    assert Reason.RESUME_DIVERGED is raised.value.reason
    assert [] == box.sent


def test_a_resumption_with_another_stream_value_diverges() -> None:
    """Who holds other bytes begins anew."""
    house, box = a_house(), Outbox()
    resume = dataclasses.replace(a_resume(cut_after(house, 3)), stream=bytes(32))

    with pytest.raises(ConflictError):
        house.ask(a_request(resume=resume), box)

    assert [] == box.sent


def test_a_resumption_from_the_start_sends_all() -> None:
    """Who holds nothing gets everything, an empty answer too."""
    for rows in (100, 0):
        house = a_house(rows)
        whole = house.ask(a_request())
        header = whole.sent[0].header
        assert header is not None
        resume = Resume(header.exchange_id, 0, stream_start(header.exchange_id))

        assert whole.digests == house.ask(a_request(resume=resume)).digests


def test_nobody_gets_the_receipt_of_anothers_exchange() -> None:
    """Naming an exchange of someone else, whose rows are as many, opens nothing of it."""
    house = a_house(25)
    house.ask(a_request("run_id", request_id="00000000-0000-4000-8000-0000000000ff"))
    victim = house.log.of_kind("intent")[0].exchange_id or ""
    mine = house.ask(a_request())
    stream = stream_next(stream_start(victim), mine.digests[0])

    box = house.ask(a_request(resume=Resume(victim, 25, stream)))

    assert [None] == [one.held for one in box.sent]
    assert [] == box.chunks


def test_rates_are_charged_before_anything_waits() -> None:
    """The fourth request of a minute is refused, also where the first three still run."""
    house = a_house()
    for number in range(3):
        house.ask(a_request(request_id=f"00000000-0000-4000-8000-00000000000{number}"))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(request_id="00000000-0000-4000-8000-000000000009"))

    assert Reason.RATE_LIMIT is raised.value.reason
    assert 0 < raised.value.retry_after_s
    assert house.world.journal.index("intent") >= 0


def test_a_clock_that_steps_back_loses_nothing() -> None:
    """Ids, entries and answers are made as before.

    The attempt of the future is the same request.
    """
    house = a_house(clock=FixedClock())
    first = house.ask(a_request())
    house.clock.move(hours=-2)

    again = house.ask(a_request())

    assert first.digests == again.digests
    assert {1} == set(house.log.closings().values())


def test_a_day_of_a_release_is_utc() -> None:
    """Rows count for the UTC day in which their chunk was logged."""
    house = a_house(clock=FixedClock(dt.datetime(2026, 7, 15, 23, 59, 59, tzinfo=dt.UTC)))
    house.ask(a_request())

    assert {dt.date(2026, 7, 15)} == {one.day for one in house.log.kept}


def test_an_exchange_outlives_many_cuts() -> None:
    """However often it is cut, each resumption goes on where the last one ended."""
    house, whole = a_house(), a_house().ask(a_request()).digests
    first = cut_after(house, 2)
    held = Outbox()
    held.sent = list(first.sent)
    while len(held.digests) < len(whole):
        part = Outbox()
        dies_after = len(held.digests) + 2
        house.source.faults = Faults(dies_after=dies_after if dies_after <= len(whole) else None)
        with contextlib.suppress(SourceError):
            house.ask(a_request(resume=a_resume(held)), part)
        assert part.digests, "each attempt brings something"
        held.sent += part.sent

    assert whole == held.digests


# --- Requests side by side, and an id that is used again ---

TABLES_ASKED = (
    ("incident_date", "county", "patient_id"),
    ("incident_date", "county", "naloxone_mg"),
)
MEASURES = (
    MeasureRule("people", "count_distinct", "patient_id"),
    MeasureRule("mg", "sum", "naloxone_mg"),
)
OTHER_ID = "00000000-0000-4000-8000-00000000000b"
IN_MAY = (a_condition("incident_date", Operator.EQ, dt.date(2026, 5, 1)),)


def a_table_house() -> House:
    """Return a house that gives tables, whose counters are those of its log."""
    log = MemoryLog()
    return House(
        agreements=the_agreements(an_agreement(a_table_provision(an_aggregate(measures=MEASURES)))),
        rows=records(60),
        log=log,
        counters=MemoryCounters(log=log),
        clock=FixedClock(dt.datetime(2026, 7, 16, 12, tzinfo=dt.UTC)),
    )


def side_by_side(house: House, *requests: Request) -> tuple[list[Outbox], list[str]]:
    """Carry requests out at once; return what each was sent, and how each ended."""
    boxes = [Outbox(house.world) for _ in requests]

    async def run() -> list[BaseException | None]:
        calls = map(house.exchange, requests, boxes)
        return await asyncio.gather(*calls, return_exceptions=True)

    ends = asyncio.run(run())
    return boxes, [one.reason.value if isinstance(one, AccordError) else str(one) for one in ends]


@pytest.mark.parametrize("request_id", [REQUEST_ID, OTHER_ID])
@pytest.mark.parametrize("asked", TABLES_ASKED)
def test_a_period_is_spent_for_good_whatever_the_id(
    request_id: str, asked: tuple[str, ...]
) -> None:
    """A day later the request's own id, with the same measures or others, has nothing left."""
    house, box = a_table_house(), Outbox()
    house.ask(a_request(*TABLES_ASKED[0], where=IN_MAY))
    house.clock.move(hours=24, seconds=1)

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(*asked, where=IN_MAY, request_id=request_id), box)

    assert Reason.CELL_RELEASED is raised.value.reason
    assert [] == box.sent


def test_a_repeat_within_the_day_is_of_its_attempt_alone() -> None:
    """An id that is used again for other periods opens none that it spent the time before."""
    house = a_table_house()
    house.ask(a_request(*TABLES_ASKED[0], where=IN_MAY))
    house.clock.move(hours=24, seconds=1)
    rest = house.ask(a_request(*TABLES_ASKED[1]))

    again = house.ask(a_request(*TABLES_ASKED[1]))

    assert dt.date(2026, 5, 1) not in {one["incident_date"] for one in again.rows()}
    assert rest.digests == again.digests


def test_one_id_with_two_sets_of_terms_at_once_is_one_request() -> None:
    """Whoever comes second hears that the id is used, in whatever order the loop runs them."""
    house = a_table_house()
    requests = [a_request(*asked, where=IN_MAY) for asked in TABLES_ASKED]

    boxes, ends = side_by_side(house, *requests)

    assert ["None", "REQUEST_ID_USED"] == ends
    assert [] == boxes[1].sent
    assert 1 == len(house.log.of_kind("intent"))


def test_one_request_twice_at_once_leaves_once() -> None:
    """The second comes again, and then is a repeat: it releases no other table of the period."""
    house = a_table_house()
    request = a_request(*TABLES_ASKED[0], where=IN_MAY)

    boxes, ends = side_by_side(house, request, request)

    assert ["None", "BUSY"] == ends
    assert [] == boxes[1].sent
    assert 1 == len(house.log.kept)
    assert boxes[0].digests == house.ask(request).digests


@pytest.mark.parametrize("end", ["refused", "died", "cancelled"])
def test_an_id_is_free_however_its_request_ended(end: str) -> None:
    """Nothing that goes wrong leaves an id held."""
    house = a_house()
    if end == "refused":
        house.library.agreements = the_agreements()
    elif end == "died":
        house.source.faults = Faults(dies_after=1)
    else:
        house.world.cancel_at = 3
    with contextlib.suppress(AccordError, asyncio.CancelledError):
        house.ask(a_request("run_id"))
    house.library.agreements, house.source.faults = house.agreements, Faults()
    house.world.cancel_at = -1

    with house.log.claim(PHD, REQUEST_ID, b""):
        pass


def test_requests_side_by_side_share_one_days_rows() -> None:
    """Each finds room before any has released; together they have no more than the day has."""
    house = a_house(rows=50, per_day=200, per_minute=60)
    requests = [
        a_request(request_id=f"00000000-0000-4000-8000-0000000000{number:02}")
        for number in range(28)
    ]

    boxes, ends = side_by_side(house, *requests)

    assert {"None", "ROW_LIMIT"} >= set(ends)
    assert "ROW_LIMIT" in ends
    assert 200 == sum(one.rows for one in house.log.kept)
    assert 200 >= sum(chunk.row_count for box in boxes for chunk in box.chunks)
    closed = [one.meta["end"] for one in house.log.of_kind("outcome")]
    assert ends.count("ROW_LIMIT") == closed.count("cut")
    assert {1} == set(house.log.closings().values())
