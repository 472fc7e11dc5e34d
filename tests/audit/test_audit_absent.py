"""What is not there is explained by entries, or is a finding: each limit from both sides."""

from __future__ import annotations

import random

import pytest

from gateway.audit.absent import Absent, later

OVER, NOT_OVER = "2032-11-20T00:00:00.000Z", "2032-11-19T23:59:59.999Z"
MADE = "2026-11-20T00:00:00.000Z"
Fault = tuple[int, str]


def absent(*indexes: int, retain: str = "6y") -> Absent:
    """Return an account of payloads that are gone, all made at one time."""
    found = Absent()
    for index in indexes:
        found.missing(index, retain, MADE)
    return found


def erase(first: int, last: int, retain: str = "6y") -> dict[str, object]:
    """Return what an `erase` entry says."""
    return {"ranges": [[first, last]], "class": retain, "rule": "r", "count": last - first + 1}


def hold(event: str, document: str = "d", scope: str = "all") -> dict[str, object]:
    """Return what a `hold` entry says."""
    return {"event": event, "document": document, "scope": scope}


def faults(one: Absent) -> list[Fault]:
    """Return (index, code) of each fault."""
    return [(index, fault[0]) for index, fault in one.faults()]


@pytest.mark.parametrize(("time", "found"), [(OVER, []), (NOT_OVER, [(2, "erased-early")])])
def test_a_class_is_over_to_the_millisecond(time: str, found: list[Fault]) -> None:
    """Erased at the very end of its class, and a millisecond before."""
    one = absent(2, 3)
    one.said(9, b"erase", time, erase(2, 3))

    assert found == faults(one)
    assert (0 if found else 2) == one.expired


def test_what_is_kept_for_ever_never_goes() -> None:
    """Not even by an entry."""
    one = absent(2, retain="p")
    one.said(9, b"erase", OVER, erase(2, 2, "p"))

    assert [(2, "erased-early")] == faults(one)


def test_each_entry_is_covered_or_missing() -> None:
    """A gap between two ranges, before the first, and after the last."""
    one = absent(*range(10))
    for first, last in ((1, 2), (5, 5), (7, 8)):
        one.said(20, b"erase", OVER, erase(first, last))

    missing = [(at, "payload-missing") for at in (0, 3, 6, 9)]
    assert missing == faults(one)
    assert 5 == one.expired


def test_of_two_entries_that_cover_a_payload_the_later_counts() -> None:
    """It was there when the later was written, so it went by that one, or after it."""
    early = absent(2, 3)
    early.said(8, b"erase", OVER, erase(2, 3))
    early.said(9, b"erase", NOT_OVER, erase(3, 3))
    in_time = absent(2, 3)
    in_time.said(8, b"erase", NOT_OVER, erase(2, 3))
    in_time.said(9, b"erase", OVER, erase(2, 3))

    assert [(3, "erased-early")] == faults(early)
    assert [] == faults(in_time)


@pytest.mark.parametrize(("at", "found"), [(10, []), (11, [(2, "erased-early")]), (20, [])])
def test_nothing_goes_while_everything_is_held(at: int, found: list[Fault]) -> None:
    """From the entry that begins a hold to the one that ends it; before and after it may."""
    one = absent(2)
    one.said(at, b"erase", OVER, erase(2, 2))
    one.said(10 + (at == 10), b"hold", OVER, hold("begin"))
    one.said(15, b"hold", OVER, hold("end", "another"))
    one.said(19, b"hold", OVER, hold("end"))

    assert found == faults(one)


def test_a_hold_that_never_ends_holds() -> None:
    """And one of an agreement does not hold everything: what it held is not known any more."""
    every, some = absent(2), absent(2)
    for one, scope in ((every, "all"), (some, "agreement:a")):
        one.said(5, b"hold", OVER, hold("begin", scope=scope))
        one.said(9, b"erase", OVER, erase(2, 2))

    assert [(2, "erased-early")] == faults(every)
    assert [] == faults(some)
    assert (1, 1) == (every.held, some.held)
    every.said(10, b"hold", OVER, hold("end"))
    assert 0 == every.held


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], []),
        (["made", "retired"], []),
        (["made", "destroyed"], [(4, "payload-unopenable")]),
        (["lost"], [(4, "payload-unopenable")]),
    ],
)
def test_what_lies_under_a_key_that_is_gone_is_named_once(
    events: list[str], found: list[Fault]
) -> None:
    """A key that was not given is no fault; one that the log says is gone cut something off."""
    one = Absent()
    one.unkeyed(4, "payload/2026-11.6y")
    one.unkeyed(7, "payload/2026-11.6y")
    for event in events:
        one.said(9, b"key", OVER, {"key": "payload/2026-11.6y", "event": event})

    assert found == faults(one)


def test_parts_of_a_log_come_to_what_the_whole_comes_to() -> None:
    """Wherever it is cut, whatever is on either side."""

    def tell(one: Absent, at: int) -> None:
        if at < 6:
            one.missing(at, "6y", MADE)
        elif at == 6:
            one.unkeyed(at, "k")
        elif at == 7:
            one.said(at, b"hold", OVER, hold("begin"))
        elif at == 8:
            one.said(at, b"erase", OVER, erase(0, 3))
        else:
            one.said(at, b"key", OVER, {"key": "k", "event": "destroyed"})

    whole = Absent()
    for at in range(10):
        tell(whole, at)
    expected = faults(whole)
    for cut in range(10):
        first, second = Absent(), Absent()
        for at in range(10):
            tell(first if at < cut else second, at)
        first.go_on(second)

        assert expected == faults(first)
    assert [(0, "erased-early"), (4, "payload-missing"), (6, "payload-unopenable")] == expected


def test_ranges_that_overlap_come_to_what_the_obvious_says() -> None:
    """Against a look through all of them, for each payload: 300 drawn logs."""
    drawn = random.Random(7)  # noqa: S311 - to draw examples
    for _ in range(300):
        ranges = []
        for at in range(drawn.randrange(6)):
            first = drawn.randrange(12)
            ranges.append((first, first + drawn.randrange(6), 100 + at))
        one = absent(*range(12))
        times = {at: drawn.choice([OVER, NOT_OVER]) for _, _, at in ranges}
        for first, last, at in ranges:
            one.said(at, b"erase", times[at], erase(first, last))
        wrong = 0
        for index in range(12):
            covering = [at for first, last, at in ranges if first <= index <= last]
            wrong += not covering or times[max(covering)] == NOT_OVER

        list(one.faults())

        assert 12 - wrong == one.expired


def test_a_class_moves_a_time_on_by_its_years() -> None:
    """The 29th of February stays one, and sorts after the 28th."""
    assert "2032-02-29T00:00:00.000Z" == later("2026-02-29T00:00:00.000Z", "6y")
    assert later("2028-02-29T00:00:00.000Z", "3y") > "2031-02-28T23:59:59.999Z"
    assert later("2028-02-29T00:00:00.000Z", "3y") < "2031-03-01T00:00:00.000Z"
