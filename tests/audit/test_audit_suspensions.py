"""Suspensions of an accounting: what may be asked for, and until when it holds."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.kinds import check_meta
from gateway.audit.suspensions import (
    ORAL,
    ORAL_DAYS,
    WRITTEN,
    Suspension,
    begin,
    extend,
    resume,
    suspensions,
)
from gateway.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)
POLICE = "synthetic-police"


def after(*entries: tuple[dt.date, Mapping[str, Any]]) -> Suspension | None:
    """Return what stands after some entries."""
    said = [(f"{day}T12:00:00.000Z", meta) for day, meta in entries]
    return suspensions(said).get(POLICE)


def oral(until: dt.date | None = None, day: dt.date = TODAY) -> dict[str, object]:
    """Return an oral beginning."""
    return begin(None, POLICE, ORAL, until, "d-1", day)


def written(until: dt.date | None, day: dt.date = TODAY) -> dict[str, object]:
    """Return a written beginning."""
    return begin(None, POLICE, WRITTEN, until, "d-1", day)


def test_an_oral_statement_holds_thirty_days() -> None:
    """It hides on the thirtieth day's eve, and on the thirtieth day no more."""
    found = after((TODAY, oral()))

    assert found is not None
    assert found.hides(TODAY)
    assert found.hides(TODAY + (ORAL_DAYS - 1) * DAY)
    assert not found.hides(TODAY + ORAL_DAYS * DAY)


def test_an_oral_statement_asks_for_no_more_than_that() -> None:
    """Thirty days are given, and one more is refused."""
    assert str(TODAY + ORAL_DAYS * DAY) == oral(TODAY + ORAL_DAYS * DAY)["until"]
    with pytest.raises(RequestError, match="30 days"):
        oral(TODAY + (ORAL_DAYS + 1) * DAY)


def test_an_oral_entry_that_says_more_hides_no_longer() -> None:
    """Whatever an entry says, the law's limit counts."""
    meta = oral() | {"until": str(TODAY + 99 * DAY)}

    found = after((TODAY, meta))

    assert found is not None
    assert TODAY + ORAL_DAYS * DAY == found.until


def test_a_written_statement_says_for_how_long() -> None:
    """Without a day it is refused; with one it holds to that day."""
    with pytest.raises(RequestError, match="`until`"):
        written(None)
    found = after((TODAY, written(TODAY + 400 * DAY)))

    assert found is not None
    assert found.hides(TODAY + 399 * DAY)
    assert not found.hides(TODAY + 400 * DAY)


@pytest.mark.parametrize("make", [oral, written])
def test_a_day_that_has_come_is_refused(make: Any) -> None:  # noqa: ANN401 - either
    """Tomorrow is the earliest day."""
    assert make(TODAY + DAY)
    with pytest.raises(RequestError, match="after today"):
        make(TODAY)


def test_one_at_a_time() -> None:
    """A second beginning waits for the end of the first."""
    first = after((TODAY, oral()))

    with pytest.raises(RequestError, match="in force"):
        begin(first, POLICE, WRITTEN, TODAY + 90 * DAY, "d-2", TODAY + DAY)
    assert begin(first, POLICE, ORAL, None, "d-2", TODAY + ORAL_DAYS * DAY)


def test_an_oral_one_is_extended_within_its_thirty_days_and_by_writing_beyond() -> None:
    """The days count from the first statement; a written one has its own."""
    short = after((TODAY, oral(TODAY + 5 * DAY)))
    inside = extend(short, POLICE, ORAL, TODAY + ORAL_DAYS * DAY, "d-2", TODAY + 4 * DAY)
    with pytest.raises(RequestError, match="30 days"):
        extend(short, POLICE, ORAL, TODAY + (ORAL_DAYS + 1) * DAY, "d-2", TODAY + 4 * DAY)
    beyond = extend(short, POLICE, WRITTEN, TODAY + 200 * DAY, "d-3", TODAY + 4 * DAY)
    first = (TODAY, oral(TODAY + 5 * DAY))

    assert TODAY + ORAL_DAYS * DAY == _until(after(first, (TODAY + 4 * DAY, inside)))
    assert TODAY + 200 * DAY == _until(after(first, (TODAY + 4 * DAY, beyond)))


def _until(found: Suspension | None) -> dt.date | None:
    return found.until if found is not None else None


def test_an_extension_needs_something_to_extend_and_a_later_day() -> None:
    """Not what is over, not what was ended, not to the same day, not by word against writing."""
    held = after((TODAY, written(TODAY + 9 * DAY)))
    with pytest.raises(RequestError, match="not later"):
        extend(held, POLICE, WRITTEN, TODAY + 9 * DAY, "d-2", TODAY)
    with pytest.raises(RequestError, match="oral statement does not"):
        extend(held, POLICE, ORAL, TODAY + 10 * DAY, "d-2", TODAY)
    for before, day in ((None, TODAY), (held, TODAY + 9 * DAY)):
        with pytest.raises(RequestError, match="no suspension"):
            extend(before, POLICE, WRITTEN, TODAY + 99 * DAY, "d-2", day)


def test_resuming_ends_it() -> None:
    """After the end nothing is hidden, and there is nothing more to end."""
    first = (TODAY, written(TODAY + 90 * DAY))
    end = resume(after(first), POLICE, "d-2", TODAY + DAY)

    assert None is after(first, (TODAY + DAY, end))
    with pytest.raises(RequestError, match="no suspension"):
        resume(None, POLICE, "d-3", TODAY + DAY)


def test_each_recipient_has_its_own() -> None:
    """One agency's suspension says nothing of another's."""
    found = suspensions([(f"{TODAY}T00:00:00.000Z", oral())])

    assert {POLICE} == set(found)


def test_what_is_made_is_an_entry_of_its_kind() -> None:
    """The log takes each of them."""
    held = after((TODAY, oral()))
    for meta in (
        oral(),
        written(TODAY + DAY),
        extend(held, POLICE, WRITTEN, TODAY + 60 * DAY, "d-2", TODAY),
        resume(held, POLICE, "d-2", TODAY),
    ):
        check_meta("suspend", meta)
