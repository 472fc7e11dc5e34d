"""One exchange, with each port broken in turn.

Nothing leaves unlogged, and each exchange is closed once.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.dataset import Subject
from gateway.agreement.floor import FloorMask
from gateway.agreement.index import Signed
from gateway.agreement.model import Basis, Deidentified, Flow, LogTerms, Selectors
from gateway.audit.entry import subject_token
from gateway.broker.drafts import b64
from gateway.decide import Standing
from gateway.errors import (
    AccordError,
    AgreementError,
    LogError,
    Reason,
    RefusedError,
    ReleaseError,
    RequestError,
    SourceError,
)
from gateway.masks.numbers import Band
from gateway.masks.places import Zip3
from gateway.masks.plain import Pass
from gateway.values import Form, Means, Operator
from tests.build import (
    AGENCIES,
    EMS,
    RUN,
    a_caller,
    a_condition,
    a_dataset,
    a_floor,
    a_never,
    a_provision,
    a_request,
    a_table_provision,
    an_agreement,
    span,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import Faults, MemoryLog, MemorySource, Outbox, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.agreement.conditions import When
    from gateway.agreement.index import Agreements
    from gateway.audit.entry import Draft
    from gateway.values import Row

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


def turns_of() -> int:
    """Return how many turns an undisturbed exchange takes."""
    house = a_house()
    house.ask(a_request())
    return house.world.turns


TURNS = 17


def test_the_number_of_turns_is_known() -> None:
    """The sweeps below cancel at each turn of an exchange of four batches."""
    assert TURNS == turns_of()


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


# --- what changes while an exchange runs ---


def swap_at(house: House, turn: str, nth: int, change: Callable[[], None]) -> None:
    """Make a change at the nth turn of a name."""
    seen = []

    def look(name: str) -> None:
        if name == turn:
            seen.append(name)
            if len(seen) == nth:
                change()

    house.world.on_turn = look


def an_agreement_with(generation: int = 2, **changed: Any) -> Agreements:  # noqa: ANN401
    """Return the agreements as they are after a swap."""
    return the_agreements(generation=generation, **changed)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"signed": Signed.SUSPENDED}, Reason.AGREEMENT_NOT_ACTIVE),
        ({"signed": Signed.TERMINATED}, Reason.AGREEMENT_NOT_ACTIVE),
        ({"floor": a_floor(a_never(means={Means.AGE}))}, Reason.PROHIBITED),
    ],
)
def test_a_stream_meets_a_suspension_before_its_next_chunk(
    changed: dict[str, Any], reason: Reason
) -> None:
    """What was logged before stays sent or is held back; nothing is released after the swap."""
    house, box = a_house(), Outbox()
    after = an_agreement_with(**changed)
    swap_at(house, "release", 2, lambda: setattr(house.library, "agreements", after))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(), box)

    assert reason is raised.value.reason
    assert 2 == len(house.log.of_kind("release"))
    assert len(box.chunks) <= 2
    assert ("cut", reason.value) == (
        the_outcome(house).meta["end"],
        the_outcome(house).meta["code"],
    )
    assert not [message for message in box.sent if message.receipt]


def test_the_last_chunk_does_not_leave_after_a_suspension() -> None:
    """The chunk that is held back for the receipt stays behind, though its entry is written."""
    house, box = a_house(), Outbox()
    after = an_agreement_with(signed=Signed.SUSPENDED)
    swap_at(house, "receipt", 1, lambda: setattr(house.library, "agreements", after))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(), box)

    assert Reason.AGREEMENT_NOT_ACTIVE is raised.value.reason
    assert (4, 3) == (len(house.log.of_kind("release")), len(box.chunks))
    said = the_outcome(house).meta
    assert ("cut", "AGREEMENT_NOT_ACTIVE", 4, 3) == (
        said["end"], said["code"], said["chunks"], said["handed"],
    )  # fmt: skip


@pytest.mark.parametrize(("seconds", "chunks"), [(0, 4), (1, 1)])
def test_the_end_of_an_attestation_stops_a_stream(seconds: int, chunks: int) -> None:
    """To the last second of the day an agency is attested, its stream runs; then it ends."""
    house = a_house()
    house.clock.moment = dt.datetime(2026, 9, 30, 23, 59, 59, tzinfo=dt.UTC)
    lapsing = dataclasses.replace(AGENCIES[1], attested_for=span("P272D"))
    house.library.agreements = the_agreements(agencies=[AGENCIES[0], lapsing])
    swap_at(house, "release", 1, lambda: house.clock.move(seconds=seconds))

    if seconds:
        with pytest.raises(RefusedError) as raised:
            house.ask(a_request())
        assert Reason.AGREEMENT_NOT_ACTIVE is raised.value.reason
    else:
        house.ask(a_request())

    assert chunks == len(house.log.of_kind("release"))


def test_a_removed_agreement_stops_its_stream() -> None:
    """A swap without the agreement refuses the next chunk."""
    house, box = a_house(), Outbox()
    other = an_agreement(a_provision(flow=Flow("ems", "pd", RUN, ("care.outreach",))))
    swap_at(
        house,
        "release",
        1,
        lambda: setattr(house.library, "agreements", the_agreements(other, generation=2)),
    )

    with pytest.raises(RefusedError):
        house.ask(a_request(), box)

    assert 1 == len(house.log.of_kind("release"))


def test_a_swap_that_changes_nothing_here_stops_nothing() -> None:
    """A new generation with the same agreement lets the stream go on."""
    house = a_house()
    swap_at(house, "release", 1, lambda: setattr(house.library, "agreements", an_agreement_with()))

    assert 100 == len(house.ask(a_request()).rows())


@pytest.mark.parametrize(("rows_per_day", "chunks"), [(10**9, 4), (99, 1)])
def test_a_floor_that_rises_over_a_stream_stops_it(rows_per_day: int, chunks: int) -> None:
    """What was planned under the lower floor is not sent; a floor that asks no more stops none."""
    house, floor = a_house(), a_floor()
    most = dataclasses.replace(floor.at_most, rows_per_day=rows_per_day)
    after = an_agreement_with(floor=dataclasses.replace(floor, at_most=most))
    swap_at(house, "release", 1, lambda: setattr(house.library, "agreements", after))

    with contextlib.suppress(RefusedError):
        house.ask(a_request())

    assert chunks == len(house.log.of_kind("release"))


def test_a_mask_that_the_floor_asks_for_stops_a_stream_without_it() -> None:
    """The rows of a stream are all masked in one way, and that is no longer enough."""
    house = a_house()
    when = Selectors(means=frozenset({Means.AGE}))
    band = FloorMask("F9-age", "9.1", when, Band(width=10, topcode=90))
    after = an_agreement_with(floor=dataclasses.replace(a_floor(), masks=(band,)))
    swap_at(house, "release", 1, lambda: setattr(house.library, "agreements", after))

    with pytest.raises(RefusedError, match="floor") as raised:
        house.ask(a_request())

    assert Reason.AGREEMENT_NOT_ACTIVE is raised.value.reason
    assert 1 == len(house.log.of_kind("release"))


def test_an_agreement_of_other_terms_stops_the_stream() -> None:
    """A new text under the same flow is another agreement.

    The exchange was decided by the old one.
    """
    house = a_house()
    after = the_agreements(an_agreement(digest=bytes(32)), generation=2)
    swap_at(house, "release", 1, lambda: setattr(house.library, "agreements", after))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request())

    assert Reason.AGREEMENT_NOT_ACTIVE is raised.value.reason


def test_the_end_of_the_term_stops_a_stream() -> None:
    """A stream that runs into midnight of the last day ends there."""
    house = a_house()
    house.clock.moment = dt.datetime(2027, 1, 1, 4, 59, 59, tzinfo=dt.UTC)
    agencies = [dataclasses.replace(one, attested_for=span("P3Y")) for one in AGENCIES]
    house.library.agreements = the_agreements(agencies=agencies)
    swap_at(house, "release", 1, lambda: house.clock.move(seconds=1))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request())

    assert Reason.AGREEMENT_OUT_OF_TERM is raised.value.reason
    assert 1 == len(house.log.of_kind("release"))


def test_the_end_of_a_determination_stops_a_stream() -> None:
    """A stream that runs into the midnight after an expert's last day ends there too."""
    house = a_house()
    house.clock.moment = dt.datetime(2026, 10, 1, 3, 59, 59, tzinfo=dt.UTC)
    agencies = [dataclasses.replace(one, attested_for=span("P3Y")) for one in AGENCIES]
    deid = Deidentified("expert", "ED-1", "0" * 64, dt.date(2026, 9, 30))
    basis = Basis("deidentified", "expert", ("synthetic",), deid)
    # No expert lets a record's number leave as it is.
    provision = a_provision({"county": Pass(), "age": Pass()}, basis=basis)
    house.library.agreements = the_agreements(an_agreement(provision), agencies=agencies)
    swap_at(house, "release", 1, lambda: house.clock.move(seconds=1))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request("county", "age"))

    assert Reason.AGREEMENT_OUT_OF_TERM is raised.value.reason
    assert 1 == len(house.log.of_kind("release"))


def test_a_clock_that_steps_back_mid_stream_changes_nothing() -> None:
    """Terms are judged by the clock as it is; entries get their times from the log."""
    house = a_house()
    swap_at(house, "release", 1, lambda: house.clock.move(days=-1))

    assert 100 == len(house.ask(a_request()).rows())


@pytest.mark.parametrize("fails_at", range(4))
def test_a_client_that_leaves_ends_its_exchange(fails_at: int) -> None:
    """A transport that breaks leaves what it took in the log, and the exchange closed."""
    house = a_house()
    box = Outbox(fails_at=fails_at)

    with pytest.raises(ConnectionError):
        house.ask(a_request(), box)

    outcome = the_outcome(house)
    assert ("cut", "INTERNAL", fails_at) == (
        outcome.meta["end"], outcome.meta["code"], outcome.meta["handed"],
    )  # fmt: skip
    assert {1} == set(house.log.closings().values())
    assert 0 == house.source.open


# --- an adapter that sends something else ---


@pytest.mark.parametrize(
    "reshape",
    [
        lambda batch: batch.select(["age", "run_id"]),
        lambda batch: batch.select(["run_id"]),
        lambda batch: batch.append_column("patient_name", pa.array(["x"] * batch.num_rows)),
        lambda batch: batch.rename_columns(["run_id", "years"]),
        lambda batch: batch.set_column(1, "age", pa.array([1.0] * batch.num_rows)),
        lambda batch: batch.set_column(1, "age", pa.array([1] * batch.num_rows, pa.int32())),
    ],
)
@pytest.mark.parametrize("size", [25, 100])
def test_columns_that_nobody_asked_for_are_an_error(
    reshape: Callable[[pa.RecordBatch], pa.RecordBatch],
    size: int,
) -> None:
    """Other columns, another order or another type: nothing of the batch is released."""
    source = MemorySource(ROWS, batch_rows=size, faults=Faults(reshape=reshape))
    house, box = House(source=source), Outbox()

    with pytest.raises(SourceError) as raised:
        house.ask(a_request(), box)

    assert Reason.ADAPTER_BROKE_PLAN is raised.value.reason
    assert [] == box.sent
    assert [] == house.log.of_kind("release")
    assert "ADAPTER_BROKE_PLAN" == the_outcome(house).meta["code"]


def test_a_source_that_ignores_the_filter_gains_nothing() -> None:
    """The gateway applies the row filter itself, on both paths."""
    for size in (25, 100):
        source = MemorySource(ROWS, batch_rows=size, faults=Faults(ignores_filter=True))
        box = House(source=source).ask(a_request(where=[a_condition("age", Operator.LT, 30)]))

        assert all(isinstance(row["age"], int) and row["age"] < 30 for row in box.rows())
        assert 0 < len(box.rows()) < 100


def test_the_rows_of_a_day_end_a_stream_before_the_first_row_too_many() -> None:
    """What fits is released; the batch that goes beyond the limit is not."""
    house, box = a_house(), Outbox()
    house.counters.standing = Standing(rows_today=500_000 - 60)

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(), box)

    assert (Reason.ROW_LIMIT, 6) == (raised.value.reason, raised.value.step)
    assert 50 == sum(keep.rows for keep in house.log.kept)


def test_a_date_outside_the_calendar_is_a_broken_batch() -> None:
    """What no calendar has is the source's error, and not one without a name."""

    def strange(batch: pa.RecordBatch) -> pa.RecordBatch:
        far = pa.array([2**30] * batch.num_rows, pa.int32()).cast(pa.date32())
        return batch.set_column(0, batch.schema.field(0), far)

    agreements = the_agreements(an_agreement(a_provision({"incident_date": Pass()})))
    for count, reason in ((3, Reason.ADAPTER_BROKE_PLAN), (100, Reason.RELEASE_CHECK_FAILED)):
        source = MemorySource(ROWS[:count], faults=Faults(reshape=strange))
        house = House(agreements=agreements, source=source)

        with pytest.raises(AccordError) as raised:
            house.ask(a_request("incident_date", form=Form.ROWS))

        assert reason is raised.value.reason
        assert [] == house.log.of_kind("release")


# --- forms, sizes, people ---


@pytest.mark.parametrize("form", list(Form))
def test_every_form_has_the_same_rows(form: Form) -> None:
    """Arrow, compressed Arrow and typed rows hold the same values."""
    box = House(rows=ROWS).ask(a_request(form=form))
    rows: list[tuple[object, ...]] = [row for chunk in box.chunks for row in chunk.rows or ()]
    rows = rows or [tuple(row.values()) for row in box.rows()]

    assert [(row["run_id"], None, row["age"]) for row in ROWS] == rows


def test_typed_rows_end_at_ten_thousand() -> None:
    """The ten thousandth leaves, the next is an error that says what to ask for."""
    many: list[Row] = [{"run_id": f"R-{n}", "age": 1} for n in range(10_001)]
    fits = House(source=MemorySource(many[:10_000])).ask(a_request(form=Form.ROWS))

    with pytest.raises(RequestError) as raised:
        House(source=MemorySource(many)).ask(a_request(form=Form.ROWS))

    assert 10_000 == sum(chunk.row_count for chunk in fits.chunks)
    assert Reason.ROWS_FORM_LIMIT is raised.value.reason


def test_a_large_batch_leaves_in_chunks_of_a_message() -> None:
    """A batch above a mebibyte is cut; offsets follow one another."""
    wide: list[Row] = [{"run_id": "R" * 2_000 + str(n), "age": n} for n in range(2_000)]
    box = House(source=MemorySource(wide)).ask(a_request())
    places = [(chunk.offset, chunk.row_count) for chunk in box.chunks]

    assert len(places) > 1
    assert all(len(chunk.arrow or b"") <= 3 << 20 for chunk in box.chunks)
    assert [sum(count for _, count in places[:n]) for n in range(len(places))] == [
        p for p, _ in places
    ]


def test_a_row_that_no_message_holds_is_an_error() -> None:
    """One value of four mebibytes leaves in no chunk."""
    rows: list[Row] = [{"run_id": "R" * (4 << 20), "age": 1}]
    house = House(source=MemorySource(rows))

    with pytest.raises(ReleaseError) as raised:
        house.ask(a_request())

    assert Reason.BATCH_TOO_LARGE is raised.value.reason
    assert [] == house.log.of_kind("release")


@pytest.mark.parametrize("size", [3, 40])
def test_accounting_names_each_person_by_a_token(size: int) -> None:
    """Where accounting is owed, a release entry has one token a person; the name is in none."""
    duties = dataclasses.replace(a_provision().duties, accounting="required")
    agreements = the_agreements(an_agreement(a_provision(duties=duties)))
    rows = records(size)
    rows += [
        row | {"patient_id": other} for row in records(3) for other in (None, "unknown", "a\x00b")
    ]
    house = House(agreements=agreements, rows=rows)

    house.ask(a_request("run_id"))

    [entry] = house.log.of_kind("release")
    key = house.keys.subject(2026)
    expected = {subject_token(key, f"{EMS}/patient-id", row["patient_id"]) for row in records(size)}  # type: ignore[arg-type]
    assert expected == set(entry.tokens)
    assert len(expected) == len(entry.tokens) == size


def test_without_accounting_no_identifier_is_read() -> None:
    """A flow that owes none fetches no person field at all."""
    house = House(rows=ROWS)
    house.ask(a_request("run_id"))

    assert ("run_id",) == house.source.scans[0].names
    assert () == house.log.of_kind("release")[0].tokens


def test_a_name_and_a_birth_date_are_one_identifier() -> None:
    """An identifier of several fields folds case, and is none where a part is missing."""
    duties = dataclasses.replace(a_provision().duties, accounting="required")
    dataset = a_dataset(subjects=(Subject("name-day", ("patient_name", "incident_date")),))
    agreements = the_agreements(an_agreement(a_provision(duties=duties)), dataset=dataset)
    rows = (
        records(1) + records(1, patient_name="SYNTHETIC person 0") + records(1, patient_name=None)
    )
    house = House(agreements=agreements, rows=rows)

    house.ask(a_request("run_id"))

    assert 1 == len(house.log.of_kind("release")[0].tokens)


def test_no_agreements_loaded_is_an_error_before_anything() -> None:
    """Without a good set nothing is decided and nothing is logged."""
    house = a_house()
    house.library.agreements = None

    with pytest.raises(AgreementError):
        house.ask(a_request())

    assert [None] == house.log.drafts


def test_a_table_that_is_absent_stops_before_the_intent() -> None:
    """A reference table that a mask names and nobody loaded: nothing is read."""
    agreements = the_agreements(an_agreement(a_provision({"home_zip": Zip3("zip3@2020")})))
    house = House(agreements=agreements, rows=ROWS, tables={})

    with pytest.raises(ReleaseError, match="`zip3@2020` is absent"):
        house.ask(a_request("home_zip"))

    assert [] == house.source.scans
    assert [] == house.log.of_kind("intent")


# --- explaining ---


def test_explaining_reads_and_logs_nothing() -> None:
    """What would be decided comes from the agreements alone, with the header of an exchange."""
    house = House(rows=ROWS)
    told = house.broker.explain(a_request())
    header = house.ask(a_request()).sent[0].header

    assert told.header is not None
    assert header is not None
    assert dataclasses.replace(header, exchange_id="", duties=()) == dataclasses.replace(
        told.header, duties=()
    )
    assert told.refusal is None
    assert ("run_id", "age") == told.reads
    assert "limit: 6 requests a minute" in told.undecided


def test_explaining_tells_a_refusal() -> None:
    """A request that would be refused is told so, without an entry."""
    house = House()
    told = house.broker.explain(a_request("county"))

    assert told.header is None
    assert told.refusal is not None
    assert Reason.FIELD_NOT_RELEASED is told.refusal.reason
    assert [None] == house.log.drafts


def test_a_provider_may_ask_what_its_partner_gets() -> None:
    """The provider sees the recipient's flow with its roles; a third party sees nothing."""
    when: list[When] = [
        RoleCondition(frozenset({"chief"})),
        ConsentCondition("care.outreach"),
        OptOutCondition("care.outreach"),
        FieldCondition("county", Operator.EQ, ("north",)),
        WithinCondition("incident_date", span("P60D")),
    ]
    house = House(agreements=the_agreements(an_agreement(a_provision(when=when))))

    mine = house.broker.explain(a_request(caller=a_caller(EMS)))
    others = house.broker.explain(a_request(caller=a_caller("synthetic-pd")))

    assert mine.header is not None
    assert others.refusal is not None
    assert "row: `county` eq what the provision names" in mine.undecided
    assert "row: `incident_date` within P60D of now" in mine.undecided
    assert "north" not in repr(mine.undecided)


def test_explaining_a_table_says_that_it_leaves_once() -> None:
    """An aggregate names its once."""
    house = House(agreements=the_agreements(an_agreement(a_table_provision())))
    told = house.broker.explain(a_request("incident_date", "county", "patient_id"))

    assert "limit: each closed period once" in told.undecided


# --- what entries say ---


@pytest.mark.parametrize(
    ("retain", "expected"),
    [("P1Y", "6y"), ("P6Y", "6y"), ("P7Y", "7y"), ("P80M", "7y"), ("P2300D", "7y")],
)
def test_payloads_are_kept_for_the_longer_time(retain: str, expected: str) -> None:
    """The agreement's or the floor's, in whole years, never shorter than asked."""
    agreements = the_agreements(an_agreement(log=LogTerms(span(retain), "none")))
    house = House(agreements=agreements, rows=ROWS)
    house.ask(a_request())

    assert {expected} == {one.retain for one in house.log.drafts if one is not None}


def test_an_intent_says_what_was_granted() -> None:
    """Fields with their masks, what is withheld, the filter's form, the clause, the digests."""
    house = a_house()
    house.ask(a_request("run_id", where=[a_condition("age", Operator.GTE, 21)]))
    [intent] = house.log.of_kind("intent")

    assert [["run_id", "pass"], ["run_id.why", "pass"]] == intent.meta["released"]
    assert "age" not in intent.meta["withheld"], "not asked for is not withheld"  # type: ignore[operator]
    assert "age gte" == intent.meta["filter"]
    assert ["4.1"] == intent.meta["clauses"]
    assert "counsel@county.test" == intent.meta["compelled"]
    assert "synthetic-mou@1.0.0" == intent.agreement
