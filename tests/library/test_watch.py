"""Agreements are swapped only with their entry in the log; what fails is tried again."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from gateway.agreement.signing import Action
from gateway.cli.watch import put_in_force, watch
from gateway.errors import LogError
from gateway.library.settle import NOT_IN_FORCE
from tests.library.officers import ALL, HRO, Officers

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.entry import Draft


@dataclass
class Log:
    """A log that keeps what it is told, unless it is full."""

    full: bool = False
    kept: list[Draft] = field(default_factory=list)

    async def note(self, draft: Draft) -> object:
        """Keep an entry, or fail."""
        if self.full:
            raise LogError("the log is full")
        self.kept.append(draft)
        return None


@dataclass
class Clock:
    """The officers' clock."""

    officers: Officers

    def now(self) -> dt.datetime:
        """Return their instant."""
        return self.officers.now


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a county whose one agreement is in force."""
    made = Officers(tmp_path)
    made.look()
    return made


def test_what_the_log_cannot_take_is_not_in_force(officers: Officers) -> None:
    """A swap whose entry failed leaves the old set whole, and the next one succeeds."""
    officers.second()
    officers.sign("alpha", ALL)
    log, before = Log(full=True), officers.library.current()
    loaded = officers.library.look(officers.now)

    with pytest.raises(LogError):
        asyncio.run(put_in_force(officers.library, log, loaded))

    assert before is officers.library.current()
    assert officers.library.changed(officers.now)

    log.full = False
    asyncio.run(put_in_force(officers.library, log, officers.library.look(officers.now)))
    assert {"county": "signed", "alpha": "signed"} == officers.states()
    (entry,) = log.kept
    said = [(name, state) for name, _, _, state in entry.meta["agreements"]]  # type: ignore[attr-defined]
    assert [("alpha", "active"), ("county", "active")] == said


def test_a_look_without_news_is_no_entry(officers: Officers) -> None:
    """What changes no rule is put in force without a word to the log."""
    log = Log()
    officers.write("README.md", "words\n")

    asyncio.run(put_in_force(officers.library, log, officers.library.look(officers.now)))

    assert [] == log.kept


def test_the_watch_puts_a_suspension_in_force(officers: Officers) -> None:
    """Within a few looks of a full log and a working one, a suspension is in force."""
    log = Log(full=True)
    fatal: list[LogError] = []

    async def run() -> None:
        task = asyncio.create_task(
            watch(officers.library, log, Clock(officers), 0.01, fatal.append)
        )
        officers.sign("county", [HRO], Action.SUSPEND)
        await asyncio.sleep(0.5)
        log.full = False
        for _ in range(500):
            if officers.states() == {"county": "suspended"}:
                break
            await asyncio.sleep(0.02)
        task.cancel()

    asyncio.run(run())

    assert [] == fatal
    assert {"county": "suspended"} == officers.states()


EXPIRES = dt.datetime(2028, 1, 1, 5, tzinfo=dt.UTC)
"""Midnight after the last day, where the county is."""


@pytest.mark.parametrize(
    ("before_s", "expected"), [(1, []), (0, [["out_of_term"]]), (-3600, [["out_of_term"]])]
)
def test_the_end_of_a_term_is_an_entry(
    officers: Officers, before_s: int, expected: list[list[str]]
) -> None:
    """At the instant itself, though no file changed: a second before no look is due."""
    log, last = Log(), EXPIRES - dt.timedelta(minutes=1)
    officers.library.swap(officers.library.look(last))

    moment = EXPIRES - dt.timedelta(seconds=before_s)
    if officers.library.changed(moment):
        asyncio.run(put_in_force(officers.library, log, officers.library.look(moment)))

    said = [[state for *_, state in one.meta["agreements"]] for one in log.kept]  # type: ignore[attr-defined]
    assert expected == said
    assert not officers.library.changed(moment)


def test_a_clock_that_was_ahead_ends_nothing_for_good(officers: Officers) -> None:
    """Set back, the term stands again: it is not terminated, and the log says both."""
    log = Log()
    for moment in (EXPIRES, officers.now):
        asyncio.run(put_in_force(officers.library, log, officers.library.look(moment)))

    said = [state for one in log.kept for *_, state in one.meta["agreements"]]  # type: ignore[attr-defined]
    assert ["out_of_term", "active"] == said
    assert {"county": "signed"} == officers.states()


def test_what_pushes_is_told_to_the_process_log(officers: Officers) -> None:
    """A file that stays out by itself is no error, and an operator reads of it all the same."""
    officers.second("alerts", **{"mode: pull": "mode: push"})
    officers.sign("alerts", ALL)
    loaded = officers.library.look(officers.now)

    with capture_logs() as told:
        asyncio.run(put_in_force(officers.library, Log(), loaded))

    left_out = [(one["file"], one["log_level"]) for one in told if one.get("rule") == NOT_IN_FORCE]
    assert [("alerts.yaml", "warning")] == left_out


def test_the_watch_never_dies_in_silence(officers: Officers) -> None:
    """What nobody foresaw ends the process: a gateway that cannot look is deaf to suspensions."""
    fatal: list[LogError] = []
    officers.library._folder = None  # type: ignore[assignment] # noqa: SLF001

    asyncio.run(
        asyncio.wait_for(watch(officers.library, Log(), Clock(officers), 0.01, fatal.append), 5)
    )

    assert 1 == len(fatal)
    assert "judged" in str(fatal[0])
