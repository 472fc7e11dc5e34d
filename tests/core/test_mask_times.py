"""Ages at an event, and dates that a person's one offset moves: published vectors and laws."""

from __future__ import annotations

import datetime as dt
import hmac
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.masks.ages import Age, completed
from gateway.masks.base import Inputs, Marker
from gateway.masks.identity import hmac_key_text
from gateway.masks.shift import DateShift
from gateway.values import FieldType, Precision
from tests.core.test_masks import MASKED, MISSING, masked, utc

T = FieldType
KEY = bytes(31) + b"\x01"
DAY = dt.timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


def a_date(text: str | None) -> dt.date | None:
    """Return a date, or nothing."""
    return dt.date.fromisoformat(text) if text is not None else None


@pytest.mark.parametrize(
    ("born", "event", "expected"),
    [
        ("2004-02-29", "2005-02-28", "0"),
        ("2004-02-29", "2005-03-01", "1"),
        ("2004-02-29", "2008-02-28", "3"),
        ("2004-02-29", "2008-02-29", "4"),
        ("2000-12-31", "2001-01-01", "0"),
        ("1936-11-20", "2026-11-19", "89"),
        ("1936-11-20", "2026-11-20", "90+"),
        ("1936-02-29", "2026-02-28", "89"),
        ("1936-02-29", "2026-03-01", "90+"),
        ("2026-11-20", "2026-11-20", "0"),
        ("2026-11-20", "2026-11-19", MASKED),
        ("1900-11-21", "2026-11-20", "90+"),
        ("1900-11-20", "2026-11-20", MASKED),
        ("1800-01-01", "2026-01-01", MASKED),
        ("0001-01-01", "9999-12-31", MASKED),
        ("1990-01-01", None, MASKED),
        (None, "2026-01-01", MISSING),
        (None, None, MISSING),
    ],
)
def test_an_age_is_that_at_the_event(born: str | None, event: str | None, expected: str) -> None:
    """The table of the specification: leap days, 89 and 90, births after the event, 125."""
    beside = {"day": a_date(event), "time_precision": "day"}

    assert [expected] == masked(Age("day", 90), T.DATE, [a_date(born)], beside=beside)


@pytest.mark.parametrize("known", [*(one.value for one in Precision), "junk", None])
def test_an_age_is_not_made_of_a_month(known: str | None) -> None:
    """L11: an event that is known less exactly than to the day has no age at it."""
    beside = {"day": dt.date(2026, 7, 1), "time_precision": known}
    to_the_day = known in {"instant", "minute", "hour", "part_of_day", "day"}

    said = masked(Age("day", 90), T.DATE, [dt.date(1990, 7, 1)], beside=beside)

    assert ["36" if to_the_day else MASKED] == said


def test_an_age_rises_by_one_on_each_birthday_and_never_else() -> None:
    """Over 130 years of days, from any birthday; the label never says more than the topcode."""
    for born in (dt.date(1896, 2, 29), dt.date(1900, 3, 1), dt.date(1904, 12, 31)):
        ages = [completed(born, born + DAY * n) for n in range(47_500)]

        assert ages == sorted(ages)
        assert 130 == ages[-1]
        assert set(range(131)) == set(ages)
    labels = Age("day", 90).labels()
    assert 91 == len(labels)
    assert ("89", "90+") == labels[-2:]


# --- dates moved ---


@pytest.mark.parametrize(("person", "days"), [("P-1", -153), ("P-2", -182), ("P-3", -110)])
def test_the_offsets_of_the_specification(person: str, days: int) -> None:
    """Under the key 00…01 in the domain `ems-ph-2026/shift`, whatever is beside the name."""
    first = dt.date(2026, 7, 15)
    for spelled in (person, f" {person}\u00a0"):
        beside = {"person": spelled}
        shift = DateShift(182, "free")

        assert [first + days * DAY] == masked(shift, T.DATE, [first], "ems-ph-2026", beside=beside)


@pytest.mark.parametrize("person", [None, "", "  ", "UNKNOWN", "999999999"])
def test_nobody_is_moved_by_a_placeholder(person: str | None) -> None:
    """A person who is unknown has no offset, or strangers would share one."""
    said = masked(
        DateShift(182, "free"), T.DATE, [dt.date(2026, 7, 1), None], beside={"person": person}
    )

    assert [MASKED, MISSING] == said


@pytest.mark.parametrize("known", [*(one.value for one in Precision), "junk", None])
def test_a_year_is_not_moved(known: str | None) -> None:
    """What is known less exactly than to the day is masked, by the record and by the field."""
    beside = {"person": "P-1", "time_precision": known}
    to_the_day = known in {"instant", "minute", "hour", "part_of_day", "day"}
    noon = utc("2026-07-15T12:00:00")
    shift = DateShift(182, "free")

    [said] = masked(shift, T.TIMESTAMP, [noon], time_precision="per_record", beside=beside)

    assert to_the_day == (said != MASKED)
    if known in {one.value for one in Precision}:
        assert [said] == masked(
            shift, T.TIMESTAMP, [noon], time_precision=known, beside={"person": "P-1"}
        )


def moved_by(mask: DateShift, people: int) -> Counter[int]:
    """Return how often each offset comes over many people."""
    key = hmac_key_text(KEY)
    return Counter(
        mask.offset(hmac.digest(key, b"d\x1f" + f"P-{n}".encode(), "sha256")) for n in range(people)
    )


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (DateShift(1, "free"), {-1, 1}),
        (DateShift(182, "free"), {*range(-182, 0), *range(1, 183)}),
        (DateShift(30, "keep"), {-28, -21, -14, -7, 7, 14, 21, 28}),
        (DateShift(7, "keep"), {-7, 7}),
    ],
)
def test_offsets_are_uniform_and_never_zero(mask: DateShift, expected: set[int]) -> None:
    """Each step either way comes about as often as any other, and none is no step."""
    found = moved_by(mask, 40_000)
    even = 40_000 / len(expected)

    assert expected == set(found)
    assert all(abs(count - even) < 5.5 * even**0.5 for count in found.values())


def a_reader(mask: DateShift, kind: FieldType, domain: str = "a/shift") -> Any:  # noqa: ANN401
    """Return the mask as a function of the value and the person."""
    return mask.reader(Inputs(kind, key=KEY, domain=domain, zone="America/New_York"))


def test_intervals_of_a_person_survive_and_no_other() -> None:
    """All dates and times of a person move alike; two people, and two agreements, do not."""
    days = [dt.date(2024, 2, 28) + 17 * n * DAY for n in range(60)]
    mask = DateShift(182, "free")
    by_date, by_time = a_reader(mask, T.DATE), a_reader(mask, T.TIMESTAMP)

    offsets = {(by_date(day, "P-1") - day).days for day in days}
    times = {
        (by_time(dt.datetime(d.year, d.month, d.day, 17, tzinfo=dt.UTC), "P-1")
         .astimezone(NEW_YORK).date() - d).days
        for d in days
    }  # fmt: skip
    others = {(by_date(days[0], f"Q-{n}") - days[0]).days for n in range(500)}

    assert 1 == len(offsets)
    assert offsets == times
    assert len(others) > 200
    elsewhere = a_reader(mask, T.DATE, "b/shift")
    same = sum(by_date(days[0], f"Q-{n}") == elsewhere(days[0], f"Q-{n}") for n in range(500))
    assert same < 12, "as many as chance gives"


def test_the_clock_on_the_wall_stays() -> None:
    """Every quarter of an hour of a year keeps its civil time, whether clocks moved or not.

    The exception is the hour that a day in spring lacks: it becomes the next one.
    """
    mask = DateShift(182, "free")
    move = a_reader(mask, T.TIMESTAMP)
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    lacking = 0
    for n in range(4 * 24 * 365):
        at = start + n * dt.timedelta(minutes=15)
        person = f"P-{n % 97}"
        before, after = at.astimezone(NEW_YORK), move(at, person).astimezone(NEW_YORK)
        if before.time() != after.time():
            lacking += 1
            assert 2 == before.hour
            assert 3 == after.hour
            assert (after.month, after.weekday()) == (3, 6)
    assert 0 < lacking < 8


def test_the_second_of_two_hours_is_no_second_hour_elsewhere() -> None:
    """The fold of that night does not travel; whoever moves into it gets the first of the two."""
    move = a_reader(DateShift(1, "free"), T.TIMESTAMP)
    first, second = utc("2026-11-01T05:30:00"), utc("2026-11-01T06:30:00")
    back = next(p for n in range(20) if move(first, p := f"P-{n}") < first)
    forth = next(p for n in range(20) if move(first, p := f"P-{n}") > first)

    assert utc("2026-10-31T05:30:00") == move(first, back) == move(second, back)
    assert utc("2026-11-02T06:30:00") == move(first, forth) == move(second, forth)
    assert first == move(utc("2026-10-31T05:30:00"), forth)
    assert utc("2026-03-08T07:30:00") == move(utc("2026-03-07T07:30:00"), forth)
    assert utc("2026-03-08T07:30:00") == move(utc("2026-03-09T06:30:00"), back)


@pytest.mark.parametrize("edge", [dt.date.min, dt.date.max])
def test_a_date_that_leaves_the_calendar_is_masked(edge: dt.date) -> None:
    """At the first and the last day half of all people have no moved date, and none raises."""
    by_date = a_reader(DateShift(182, "free"), T.DATE)
    by_time = a_reader(DateShift(182, "free"), T.TIMESTAMP)
    instant = dt.datetime(edge.year, edge.month, edge.day, tzinfo=dt.UTC)
    said = [by_date(edge, f"P-{n}") for n in range(50)]

    assert {True, False} == {one is Marker.MASKED for one in said}
    assert all(by_time(instant, f"P-{n}") is Marker.MASKED for n in range(50))


@pytest.mark.parametrize("n", [7, 13, 14, 182])
def test_weekdays_are_kept(n: int) -> None:
    """With `keep` a Monday stays a Monday, and nobody moves by more than `max_days`."""
    offsets = moved_by(DateShift(n, "keep"), 2_000)

    assert all(one % 7 == 0 and abs(one) <= n for one in offsets)
