"""An accounting of disclosures: what is a line, what is presumed, and who is shown which."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gateway.audit.accounting import Audience, Disclosure, account, disclosure, years_before
from gateway.audit.entry import Leaf
from gateway.audit.event import Event
from gateway.audit.suspensions import ORAL, Suspension
from tests.audit.build import AGREEMENT, exchange_id, facts

TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)


def event(
    number: int,
    kind: str = "release",
    *,
    chunk: int = 0,
    meta: dict[str, Any] | None = None,
    day: dt.date = TODAY,
    said: dict[str, Any] | None = None,
) -> Event:
    """Return an entry beside what its exchange was."""
    leaf = Leaf(
        AGREEMENT, kind, b"", chunk, "6y", None, f"{day}T10:00:00.000Z", exchange_id(number)
    )
    return Event(number * 10 + chunk, leaf, meta or {}, facts() if said is None else said)


def line(number: int = 1, /, day: dt.date = TODAY, **changes: Any) -> Disclosure:  # noqa: ANN401
    """Return the line of a complete exchange."""
    end = event(number, "outcome", meta={"handed": 1})
    return disclosure([event(number, day=day, said=facts(**changes))], end)


def held(recipient: str = "county-health", until: dt.date = TODAY + DAY) -> dict[str, Suspension]:
    """Return one suspension, by recipient."""
    return {recipient: Suspension(recipient, ORAL, TODAY - DAY, until, "d-1")}


@pytest.mark.parametrize(
    ("end", "chunk", "presumed"),
    [
        (event(1, "outcome", meta={"handed": 1}), 0, False),
        (event(1, "outcome", meta={"handed": 0}), 0, True),
        (event(1, "outcome", meta={"handed": 2}), 1, False),
        (event(1, "outcome", meta={"handed": 1}), 1, True),
        (event(1, "recovered", meta={"verdict": "presume-disclosed", "chunks": 1}), 0, True),
        (None, 0, True),
    ],
)
def test_what_nobody_knows_to_have_arrived_is_presumed(
    end: Event | None, chunk: int, *, presumed: bool
) -> None:
    """A chunk that the transport took is known; one that it did not, or a crash, or no end, not."""
    assert presumed == disclosure([event(1, chunk=chunk)], end).presumed


def test_several_chunks_of_one_exchange_are_one_line() -> None:
    """It is of the first entry that tells of the person, and known if that one arrived."""
    end = event(1, "outcome", meta={"handed": 2})

    made = disclosure([event(1, chunk=1), event(1, chunk=5)], end)

    assert (11, 1, False) == (made.event.index, made.count, made.presumed)


def test_repeats_are_one_line_with_number_and_last_date() -> None:
    """To one recipient, for one purpose, of the same fields: the first in full."""
    lines = [line(1, TODAY - 9 * DAY), line(2, TODAY - 5 * DAY), line(3)]

    (made,) = account(lines, {}, TODAY, Audience.PATIENT).lines

    assert (10, 3, TODAY) == (made.event.index, made.count, made.last)
    assert TODAY - 9 * DAY == made.date


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "synthetic-police"},
        {"provider": "synthetic-hospital"},
        {"purpose": "care"},
        {"basis": "consent"},
        {"dataset": "ems.overdose_run@2"},
        {"released": [["age", "band(5)"], ["sex", "pass"], ["name", "pass"]]},
    ],
)
def test_what_differs_in_anything_is_no_repeat(change: dict[str, Any]) -> None:
    """Another recipient, purpose or field is a line of its own."""
    made = account([line(1), line(2, **change)], {}, TODAY, Audience.PATIENT).lines

    assert [1, 1] == [one.count for one in made]


def test_an_auditor_gets_each() -> None:
    """Nothing is put together for an auditor."""
    assert 3 == len(account([line(1), line(2), line(3)], {}, TODAY, Audience.AUDITOR).lines)


def test_a_suspended_line_is_withheld_from_the_person_and_counted() -> None:
    """The auditor is shown it as withheld; another recipient's line is shown to both."""
    lines = [line(1), line(2, recipient="synthetic-police")]
    patient = account(lines, held(), TODAY, Audience.PATIENT)
    auditor = account(lines, held(), TODAY, Audience.AUDITOR)

    assert ([20], 1) == ([one.event.index for one in patient.lines], patient.withheld)
    assert [TODAY + DAY, None] == [one.withheld for one in auditor.lines]
    assert 1 == auditor.withheld


def test_a_withheld_line_appears_on_its_day() -> None:
    """On the eve it is withheld, on the day it is there."""
    for day, shown in ((TODAY, 0), (TODAY + DAY, 1)):
        assert shown == len(account([line(1)], held(), day, Audience.PATIENT).lines)


def test_a_line_whose_facts_are_erased_may_be_the_suspended_one() -> None:
    """While anything is suspended it is withheld; else it is shown without them."""
    erased = disclosure([event(1, said={})], None)

    assert () == account([erased], held("anybody"), TODAY, Audience.PATIENT).lines
    assert (erased,) == account([erased], {}, TODAY, Audience.PATIENT).lines


def test_six_years_before() -> None:
    """The same day of the year; of 29 February the day before March."""
    assert dt.date(2020, 11, 20) == years_before(TODAY)
    assert dt.date(2022, 2, 28) == years_before(dt.date(2028, 2, 29))
