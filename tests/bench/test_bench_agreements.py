"""The group `agreements` measures only what is right: an answer is held against the drawn one."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from bench import agreements_activation, agreements_decide, agreements_impact
from bench.agreements_rules import FORBIDDEN, NOW, cases, rules
from gateway.errors import Reason

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = 40


def size(peers: Path) -> agreements_decide.Size:
    """Return a run of a moment."""
    return agreements_decide.Size(rounds=1, requests=REQUESTS, peers=peers)


def told(tmp_path: Path, found: object) -> Path:
    """Return an interpreter of peers that says what it is told to."""
    path = tmp_path / "peers"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{json.dumps(found)}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_rules_are_three_hundred_and_every_way_to_fail_is_drawn() -> None:
    """A granted request of each provision, and as many refusals, of five kinds."""
    drawn = rules()
    asked = cases(drawn)

    granted = [one for one in asked if one.reason is None]
    assert (300, 600, 300) == (len(drawn), len(asked), len(granted))
    assert {(one.provider, one.recipient, one.purpose) for one in drawn} == {
        (one.provider, one.recipient, one.purpose) for one in granted
    }
    assert {
        Reason.PROHIBITED, Reason.ROLE_NOT_LISTED, Reason.FIELD_NOT_RELEASED,
        Reason.AGREEMENT_OUT_OF_TERM,
    } == {one.reason for one in asked if one.reason}  # fmt: skip
    assert 6 == len(FORBIDDEN)
    assert all(one.starts < NOW.timestamp() < one.ends for one in drawn)


def test_without_peers_there_is_a_figure_of_ours_alone(tmp_path: Path) -> None:
    """Where no peer is installed its figures are none, and it is said."""
    lines: list[str] = []

    found = agreements_decide.run(size(tmp_path / "absent"), lines.append)

    assert set(agreements_decide.KEYS) == set(found)
    assert ["agreements.decide_us"] == [key for key, value in found.items() if value is not None]
    assert 3 == len([line for line in lines if "not run" in line])


def test_a_ratio_is_ours_by_theirs(tmp_path: Path) -> None:
    """A peer that answers right in a thousandth of a second is far slower than ours."""
    asked = cases(rules())[:REQUESTS]
    right = [one.reason is None for one in asked]
    peers = told(tmp_path, {"cel": {"version": "0", "answers": right, "us": [1e6] * REQUESTS}})

    found = agreements_decide.run(size(peers), lambda _line: None)

    ours, ratio = found["agreements.decide_us"], found["agreements.decide_vs_cel"]
    assert ours is not None
    assert ratio == pytest.approx(ours / 1e6)
    assert found["agreements.decide_vs_cedar"] is None


def test_a_peer_that_answers_wrong_is_not_measured(tmp_path: Path) -> None:
    """One wrong answer ends the run: two engines with other rules have no ratio."""
    asked = cases(rules())[:REQUESTS]
    wrong = [one.reason is None for one in asked]
    wrong[7] = not wrong[7]
    peers = told(tmp_path, {"cedar": {"version": "0", "answers": wrong, "us": [1.0] * REQUESTS}})

    with pytest.raises(RuntimeError, match=f"cedar: 1 of {REQUESTS} answers are wrong"):
        agreements_decide.run(size(peers), lambda _line: None)


def test_a_small_log_is_decided_again() -> None:
    """Each of its hundred requests, and the run says how many they were."""
    lines: list[str] = []

    found = agreements_impact.run(lines.append, entries=300, runs=1)

    assert set(agreements_impact.KEYS) == set(found)
    assert ["100 requests"] == [line.rpartition(", ")[2] for line in lines]


@pytest.mark.long
def test_a_tiny_run_sees_every_way_that_officers_stop_and_start() -> None:
    """Suspended, resumed and run out, requests and streams: each is seen, within seconds."""
    lines: list[str] = []

    found = agreements_activation.run(1, lines.append)

    assert set(agreements_activation.KEYS) == set(found)
    assert 5 == len(lines)
    assert all(value is not None and 0 <= value < 5 for value in found.values())
