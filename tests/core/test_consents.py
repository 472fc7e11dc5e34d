"""The register of consents: who withdrew is in no chunk that is released afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.conditions import ConsentCondition, OptOutCondition
from gateway.agreement.dataset import Subject
from gateway.agreement.model import Anonymity
from gateway.broker.consents import Word, says
from gateway.broker.subjects import spelled
from gateway.errors import BusyError, Reason, SourceError
from gateway.values import Form, Means
from tests.build import (
    EMS,
    SURVEILLANCE,
    a_dataset,
    a_provision,
    a_request,
    a_table_provision,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import MemorySource, Outbox

if TYPE_CHECKING:
    from gateway.agreement.conditions import When
    from gateway.agreement.index import Agreements

CONSENT = ConsentCondition(SURVEILLANCE)
OPT_OUT = OptOutCondition(SURVEILLANCE)
YES, NO = True, False
MAY = dt.date(2026, 5, 1)
SYSTEM = f"{EMS}/patient-id"


def a_town(*when: When, word: bool = True, named: bool = True) -> Agreements:
    """Return agreements whose one provision asks for consent.

    Args:
        when: Its conditions.
        word: Whether records have a field of their own for consent and opt-out.
        named: Whether the dataset says who a row is about.
    """
    dataset = a_dataset()
    fields = {
        name: dataclasses.replace(one, means=Means.OTHER)
        if not word and one.means in {Means.CONSENT, Means.OPT_OUT}
        else one
        for name, one in dataset.fields.items()
    }
    subjects = (Subject("patient-id", ("patient_id",)),) if named else ()
    dataset = dataclasses.replace(dataset, fields=fields, subjects=subjects)
    return the_agreements(an_agreement(a_provision(when=when)), dataset=dataset)


def a_house(agreements: Agreements, count: int = 4, batch_rows: int = 25) -> House:
    """Return a house with so many people's records."""
    source = MemorySource(records(count), batch_rows=batch_rows)
    return House(agreements=agreements, source=source)


def left(box: Outbox) -> set[str]:
    """Return whose records left."""
    return {str(row["run_id"]) for row in box.rows()}


# --- what a word is of ---


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), None),
        ((Word(1, "care.outreach", YES),), True),
        ((Word(1, "care.outreach", YES), Word(2, "care.outreach", NO)), False),
        ((Word(1, "care", NO), Word(2, "care.outreach", YES)), True),
        ((Word(1, "care.outreach", YES), Word(2, "care", NO)), False),
        ((Word(1, "safety", NO),), None),
        ((Word(1, "care.outreach.more", NO),), None),
    ],
)
def test_the_last_word_that_speaks_of_a_purpose_holds(
    said: tuple[Word, ...], *, expected: bool | None
) -> None:
    """A branch speaks of all below it, and of nothing else."""
    assert expected is says(said, "care.outreach")


# --- who stays ---


@pytest.mark.parametrize("condition", [CONSENT, OPT_OUT])
def test_the_register_takes_back_what_a_record_says(condition: When) -> None:
    """Records say yes; whoever withdrew since is not there, and nobody is told."""
    house = a_house(a_town(condition))
    house.consent.say(SYSTEM, "P-0001", SURVEILLANCE, granted=False)
    house.consent.say(SYSTEM, "P-0002", SURVEILLANCE, granted=False)
    house.consent.say(SYSTEM, "P-0002", SURVEILLANCE, granted=True)

    box = house.ask(a_request())

    assert {"R-0000", "R-0002", "R-0003"} == left(box)


def test_the_register_does_not_speak_for_a_record_that_can() -> None:
    """Where records have a word for consent, one without it stays behind whatever was granted."""
    house = a_house(a_town(CONSENT))
    house.source.rows[0] = house.source.rows[0] | {"consent_id": None}
    house.consent.say(SYSTEM, "P-0000", SURVEILLANCE, granted=True)

    assert {"R-0001", "R-0002", "R-0003"} == left(house.ask(a_request()))


def test_where_records_have_no_word_the_register_must_have_one() -> None:
    """A grant for this purpose or a branch above it; nobody leaves by silence."""
    house = a_house(a_town(CONSENT, word=False))
    house.consent.say(SYSTEM, "P-0001", SURVEILLANCE, granted=True)
    house.consent.say(SYSTEM, "P-0002", SURVEILLANCE.partition(".")[0], granted=True)
    house.consent.say(SYSTEM, "P-0003", "care.other", granted=True)

    assert {"R-0001", "R-0002"} == left(house.ask(a_request()))


def test_where_records_have_no_word_silence_is_no_opt_out() -> None:
    """Whoever opted out in the register is left out, and nobody else."""
    house = a_house(a_town(OPT_OUT, word=False))
    house.consent.say(SYSTEM, "P-0001", SURVEILLANCE, granted=False)

    assert {"R-0000", "R-0002", "R-0003"} == left(house.ask(a_request()))


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("Mary Sample", True),
        ("mary  SAMPLE ", True),
        ("Mary\u00a0Sample", True),
        ("Mary Samples", False),
        ("MarySample", False),
    ],
)
def test_a_name_is_one_however_it_is_typed(said: str, *, same: bool) -> None:
    """Case, and the width and kind of the space between, make nobody another person."""
    born = "1980-01-01"

    assert same == (spelled([said, born]) == spelled(["Mary Sample", born]))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("O'Sample", "O\u2019Sample", True),
        ("Sample-Test", "Sample\u2010Test", True),
        ("Sample-Test", "Sample Test", False),
    ],
)
def test_a_sign_in_a_name_is_one_however_it_is_typed(one: str, other: str, *, same: bool) -> None:
    """A word processor's apostrophe and hyphen are those of the keyboard."""
    born = "1980-01-01"

    assert same == (spelled([one, born]) == spelled([other, born]))


def test_a_key_of_a_system_is_taken_as_it_is() -> None:
    """Two keys of one system that differ in a letter's case may be two people's."""
    assert spelled(["ab 12"]) not in {spelled(["AB 12"]), spelled(["ab  12"])}


def test_a_word_is_to_one_provider() -> None:
    """What somebody said to another agency is not about this one's records."""
    house = a_house(a_town(CONSENT))
    house.consent.say("synthetic-pd/patient-id", "P-0001", SURVEILLANCE, granted=False)

    assert 4 == len(left(house.ask(a_request())))


@pytest.mark.parametrize("name", [None, " ", "unknown"])
def test_a_row_that_names_nobody_stays_behind(name: str | None) -> None:
    """Whether they withdrew nobody can tell: what cannot be answered leaves nobody's record out."""
    house = a_house(a_town(OPT_OUT))
    house.source.rows[0] = house.source.rows[0] | {"patient_id": name}

    assert {"R-0001", "R-0002", "R-0003"} == left(house.ask(a_request()))


@pytest.mark.parametrize(("word", "expected"), [(True, 4), (False, 0)])
def test_a_dataset_of_nobody_is_answered_by_its_records(*, word: bool, expected: int) -> None:
    """Without subjects the register is not asked; without a word of records no row leaves."""
    house = a_house(a_town(CONSENT, word=word, named=False))
    house.consent.away = True

    assert expected == len(left(house.ask(a_request())))


def test_without_conditions_the_register_is_not_asked() -> None:
    """A flow that rests on no consent names nobody to the register, and reads no identifier."""
    house = a_house(a_town())
    house.consent.away = True

    assert 4 == len(left(house.ask(a_request())))
    assert "patient_id" not in house.source.scans[0].names


def test_a_register_that_is_away_stops_the_exchange() -> None:
    """Nobody can be asked: nothing leaves, and the caller may send the same bytes again."""
    house, box = a_house(a_town(CONSENT)), Outbox()
    house.consent.away = True

    with pytest.raises(SourceError) as told:
        house.ask(a_request(), box)

    assert Reason.CONSENT_UNAVAILABLE is told.value.reason
    assert [] == box.sent
    assert {1} == set(house.log.closings().values())


def test_identifiers_that_are_only_asked_by_do_not_leave() -> None:
    """They are read for the register, and are in no chunk."""
    house = a_house(a_town(CONSENT))

    box = house.ask(a_request())

    assert "patient_id" in house.source.scans[0].names
    assert all("patient_id" not in row for row in box.rows())


@pytest.mark.parametrize(("said", "people"), [(0, 12), (1, 11), (2, None)])
def test_a_table_counts_who_consents(said: int, people: int | None) -> None:
    """Of twelve people eleven are told; ten are too few, whoever has a record there."""
    table = a_table_provision(when=[CONSENT])
    rows = [row | {"incident_date": MAY, "county": "south"} for row in records(12)]
    house = House(agreements=the_agreements(an_agreement(table)), rows=rows)
    for number in range(said):
        house.consent.say(SYSTEM, f"P-{number:04}", SURVEILLANCE, granted=False)

    box = house.ask(a_request("incident_date", "county", "patient_id"))

    [told] = [one for one in box.rows() if one["incident_date"] == MAY and one["county"] == "south"]
    assert people == told["people"]


# --- while an exchange runs ---


async def _withdrawing(house: House, box: Outbox, who: str, after: int) -> None:
    """Withdraw when so many chunks were sent."""
    real = box.send

    async def send(message: object) -> None:
        await real(message)  # type: ignore[arg-type]
        if len(box.chunks) == after:
            house.consent.say(SYSTEM, who, SURVEILLANCE, granted=False)

    await house.broker.exchange(a_request(), send, deadline_s=5.0)


@pytest.mark.parametrize("who", ["P-0025", "P-0049", "P-0060", "P-0099"])
def test_a_withdrawal_stops_the_next_record_of_a_running_stream(who: str) -> None:
    """The first of four chunks is sent when somebody of a later one withdraws: they never leave."""
    house, box = a_house(a_town(CONSENT), count=100), Outbox()

    asyncio.run(_withdrawing(house, box, who, 1))

    expected = {f"R-{number:04}" for number in range(100)} - {who.replace("P", "R")}
    assert expected == left(box)
    assert 99 == sum(draft.meta["rows"] for draft in house.log.of_kind("release"))  # type: ignore[misc]


def test_a_chunk_is_sent_once_it_is_logged() -> None:
    """Under consent none waits for the next: each that the log holds has left."""
    house = a_house(a_town(CONSENT), count=100)

    box = house.ask(a_request())

    steps = [one for one in house.world.journal if one in {"release", "send"}]
    assert ["release", "send"] * 4 + ["send"] == steps
    assert box.sent[-1].chunk is None
    assert box.sent[-1].receipt is not None


@pytest.mark.parametrize("form", list(Form))
def test_what_is_left_of_a_chunk_is_whole(form: Form) -> None:
    """Offsets, counts and digests are of what leaves, in every form."""
    house, box = a_house(a_town(CONSENT), count=100), Outbox()
    for number in range(0, 100, 10):
        house.consent.later(SYSTEM, f"P-{number:04}", SURVEILLANCE)

    house.ask(a_request(form=form), box)

    assert [(0, 22), (22, 23), (45, 22), (67, 23)] == [
        (one.offset, one.row_count) for one in box.chunks
    ]


@pytest.mark.parametrize("changed", [True, False])
def test_records_in_classes_are_asked_for_again(*, changed: bool) -> None:
    """Without somebody a class may be too small: nothing leaves, and the caller comes again."""
    classes = Anonymity(5, 1, "deny")
    provision = a_provision(when=[CONSENT], anonymity=classes)
    rows = [row | {"age": 40, "county": "south"} for row in records(6)]
    house, box = House(agreements=the_agreements(an_agreement(provision)), rows=rows), Outbox()
    if changed:
        house.consent.later(SYSTEM, "P-0001", SURVEILLANCE)

    with pytest.raises(BusyError) if changed else nullcontext():
        house.ask(a_request(), box)

    assert (0 if changed else 6) == sum(one.row_count for one in box.chunks)
