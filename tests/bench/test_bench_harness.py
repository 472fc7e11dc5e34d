"""The harness of `make bench` works: what it measures is for it to say, not for a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench import command, exchange, figures
from bench.__main__ import GROUPS, main

if TYPE_CHECKING:
    from pathlib import Path

NAMED = {
    "exchange.bulk_ratio",
    "exchange.bulk_pseudonym_ratio",
    "exchange.small_ratio",
    "exchange.small_p50_ms",
    "exchange.small_p99_ms",
    "exchange.rss_mb",
    "cli.help_cpu_s",
}


def test_every_figure_that_the_project_is_held_to_is_one_of_a_group() -> None:
    """The keys that others read are found by some group, and each bar is on one of them."""
    assert set() == NAMED - {*exchange.KEYS, *command.KEYS}
    assert set() == set(figures.BARS) - {*exchange.KEYS, *command.KEYS}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("exchange.bulk_ratio", 0.6, True),
        ("exchange.bulk_ratio", 0.599, False),
        ("exchange.rss_mb", 399.9, True),
        ("exchange.rss_mb", 400.0, False),
        ("exchange.small_p50_ms", 1e9, None),
    ],
)
def test_a_bar_is_held_up_to_its_edge(key: str, value: float, expected: object) -> None:
    """A ratio holds at its bar, a limit only below it, and a figure without a bar is not judged."""
    assert expected is figures.held(key, value)


def test_percentiles_are_values_that_were_measured() -> None:
    """The nearest rank, never a mean of two; of nothing it is zero."""
    assert 99 == figures.percentile(list(range(100)), 0.99)
    assert 50 == figures.percentile(list(range(100)), 0.5)
    assert 0.0 == figures.percentile([], 0.5)


def test_a_group_that_did_not_run_keeps_its_latest_figures(tmp_path: Path) -> None:
    """One group alone does not wipe what another found."""
    path = tmp_path / "out" / "latest.json"
    figures.merge(path, {"cli.help_cpu_s": 0.2})

    figures.merge(path, {"exchange.rss_mb": 300.0})

    assert {"cli.help_cpu_s": 0.2, "exchange.rss_mb": 300.0} == json.loads(path.read_text())


def test_an_unknown_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A group that is not there measures nothing, and says which there are."""
    assert 2 == main(["exchanges"])
    told = capsys.readouterr().err
    assert [] == [name for name in GROUPS if name not in told]


def test_a_tiny_run_finds_every_key() -> None:
    """Adapter, gateway and pass-through come up, every exchange is verified, every key is found."""
    size = exchange.Size(rows=20_000, many=30_000, rounds=1, small=70, single=3)

    found = exchange.run(size, lambda _line: None)

    assert set(exchange.KEYS) == set(found)
    assert [] == [key for key, value in found.items() if value < 0]
    assert found["exchange.bulk_rows_s"] > 0
    assert found["exchange.small_rps"] > 0
