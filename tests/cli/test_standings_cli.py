"""The operator's ways to consents and duties: gateway.toml in place of an officer's client."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from gateway.cli.clock import SystemClock
from gateway.cli.officers import EXIT_ATTENTION
from gateway.cli.standing import run_status
from gateway.cli.standings.consents import run_list, run_record
from gateway.cli.standings.duties import run_list as run_duties
from gateway.errors import LogError, RequestError, SettingsError
from gateway.ports import Owed
from tests.cli.deployed import EXCHANGE, deploy, opened
from tests.store.contract import begin
from tests.store.town import a_keep, a_release, an_agreement, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

PERSON: Final = "rivertown-ems/name-birth=SYNTHETIC|PERSON|1990-01-31"
OTHER: Final = "rivertown-ems/name-birth=SYNTHETIC|PERSON|1990-02-01"
DUE: Final = SystemClock().now().replace(microsecond=0) + dt.timedelta(days=1)
"""Tomorrow: the agreements of a deployment begin with the month that it is made in."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the settings of a deployment whose log has one exchange, which owes a review."""
    path = deploy(tmp_path_factory.mktemp("operated") / "county")

    async def fill() -> None:
        log, _ = opened(path, create=True)
        await log.note(an_agreement())
        ticket = await begin(log, 77)
        keep = dataclasses.replace(a_keep("r"), owes=(Owed("review", DUE),))
        await ticket.release(a_release(EXCHANGE), keep)
        await ticket.outcome(an_outcome(EXCHANGE))
        await log.close()

    asyncio.run(fill())
    return str(path)


def word(settings: str, *, granted: bool, person: str = PERSON, purpose: str = "care") -> int:
    """Record what somebody said, as the operator."""
    return run_record(settings, "", [person], purpose, "form-118", granted=granted)


def test_the_operator_records_what_somebody_said(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing, a withdrawal, a grant that takes it back: in order, and of nobody else."""
    assert 1 == run_list(settings, "", [PERSON])
    assert "nothing was said\n" == capsys.readouterr().out

    assert 0 == word(settings, granted=False)
    assert 0 == word(settings, granted=True, purpose="care.post_overdose_outreach")
    assert ["logged as entry", "logged as entry"] == [
        line.rpartition(" ")[0] for line in capsys.readouterr().out.splitlines()
    ]

    assert 0 == run_list(settings, "", [PERSON])
    told = [line.split()[2:] for line in capsys.readouterr().out.splitlines()]
    assert [["revoked", "care"], ["granted", "care.post_overdose_outreach"]] == told
    assert 1 == run_list(settings, "", [OTHER])


@pytest.mark.parametrize(
    ("person", "purpose", "why"),
    [
        (PERSON, "caring", "purpose"),
        (
            "rivertown-ems/names=SYNTHETIC|PERSON|1990-01-31",
            "care",
            "known here; systems are .*name-birth",
        ),
        ("rivertown-ems/name-birth=SYNTHETIC|PERSON", "care", "2 parts, and its system 3"),
    ],
)
def test_what_nobody_can_be_found_by_is_recorded_of_nobody(
    settings: str, person: str, purpose: str, why: str
) -> None:
    """An unknown purpose, an unknown system, too few parts: refused, and nothing is logged."""
    with pytest.raises(RequestError, match=why):
        word(settings, granted=False, person=person, purpose=purpose)


@pytest.mark.parametrize("client", ["", "client.toml"])
def test_one_of_both_is_named(settings: str, client: str) -> None:
    """Settings or a client: neither and both are refused."""
    given = settings if client else ""
    with pytest.raises(SettingsError, match="and not both"):
        run_list(given, client, [PERSON])


def test_status_tells_of_a_duty_that_is_late(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not at its instant; a second later it wants attention, and without the log nobody knows."""
    folder = settings.replace("gateway.toml", "agreements")
    late = f"{DUE + dt.timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"

    assert 0 == run_status(folder, f"{DUE:%Y-%m-%dT%H:%M:%SZ}", settings)
    assert 0 == run_status(folder, late)
    assert "overdue" not in capsys.readouterr().out
    assert EXIT_ATTENTION == run_status(folder, late, settings)
    assert "overdue    review" in capsys.readouterr().out


def test_the_operator_sees_what_everybody_owes(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The duty, by whom and until when; it is not late yet."""
    assert 0 == run_duties(settings, "")
    told = capsys.readouterr().out
    assert told.startswith("owed       review            county-health  ")
    assert f"until {DUE:%Y-%m-%d %H:%M}Z" in told


def test_without_a_log_it_is_said_how_one_is_made(tmp_path: Path) -> None:
    """A deployment that never ran has no log yet: what to do is said, and nothing is made."""
    path = deploy(tmp_path / "county")
    with pytest.raises(LogError, match="`accord serve --create` makes one"):
        run_duties(str(path), "")
    with pytest.raises(LogError, match="`accord serve --create` makes one"):
        word(str(path), granted=False)
