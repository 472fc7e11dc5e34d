"""The harness of `make bench` works: what it measures is for it to say, not for a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench import agreements, anonymity, command, cube, disclosure, exchange, figures, log, masks
from bench.__main__ import GROUPS, main
from bench.drawn import SHAPE_3K, SHAPE_8K, Shape, draw

if TYPE_CHECKING:
    from pathlib import Path

NAMED = {
    "agreements.decide_us",
    "agreements.decide_vs_cedar",
    "agreements.decide_vs_casbin",
    "agreements.decide_vs_cel",
    "agreements.load_ms",
    "agreements.activation_s",
    "agreements.lint_county_s",
    "agreements.lint_one_s",
    "exchange.bulk_ratio",
    "exchange.bulk_pseudonym_ratio",
    "exchange.small_ratio",
    "exchange.small_p50_ms",
    "exchange.small_p99_ms",
    "exchange.rss_mb",
    "cli.help_cpu_s",
    "disclosure.g1_3k_s",
    "disclosure.g10_3k_s",
    "disclosure.g10_3k_gap",
    "disclosure.audit_3k_s",
    "disclosure.g10_8k_s",
    "disclosure.audit_8k_s",
    "disclosure.cube_1m_s",
    "log.exchanges_per_s",
    "log.intent_p99_ms",
    "log.proof_ms",
    "log.vs_pymerkle",
    "log.verify_vs_go",
    "log.probe_flush_p50_ms",
    "log.probe_core_free",
    "masks.vs_pandas",
    "masks.vs_presidio",
}
FOUND = {
    *(*agreements.KEYS, *anonymity.KEYS, *exchange.KEYS, *command.KEYS),
    *(*disclosure.KEYS, *log.KEYS, *masks.KEYS),
}


def test_every_figure_that_the_project_is_held_to_is_one_of_a_group() -> None:
    """The keys that others read are found by some group, and each bar is on one of them."""
    assert set() == NAMED - FOUND
    assert set() == set(figures.BARS) - FOUND


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("exchange.bulk_ratio", 0.6, True),
        ("exchange.bulk_ratio", 0.599, False),
        ("exchange.rss_mb", 399.9, True),
        ("exchange.rss_mb", 400.0, False),
        ("exchange.small_p50_ms", 1e9, None),
        ("disclosure.g1_3k_s", 1.0, True),
        ("disclosure.g1_3k_s", 1.001, False),
        ("masks.vs_pandas", None, None),
    ],
)
def test_a_bar_is_held_up_to_its_edge(key: str, value: float | None, expected: object) -> None:
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


def test_a_peer_that_was_not_run_has_no_old_figure(tmp_path: Path) -> None:
    """What was measured once does not stand for a run without the peer."""
    path = tmp_path / "latest.json"
    figures.merge(path, {"masks.vs_pandas": 12.0})

    figures.merge(path, {"masks.vs_pandas": None})

    assert {"masks.vs_pandas": None} == json.loads(path.read_text())


def test_what_was_not_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The table for people has words in place of a number."""
    figures.show({"masks.vs_pandas": None})

    assert "not run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shape", "cells", "primary"), [(SHAPE_3K, 2925, 949), (SHAPE_8K, 8541, 2968)]
)
def test_the_drawn_tables_are_those_that_are_told(shape: Shape, cells: int, primary: int) -> None:
    """A seed gives the table that the module names, in cells and in cells of 1 to 10."""
    table = draw(shape)

    small = int(((table.values > 0) & (table.values < 11)).sum())
    assert (cells, primary) == (len(table.keys), small)


@pytest.mark.long
def test_a_tiny_protection_finds_every_key() -> None:
    """Small tables are protected and audited, and a cube leaves over gRPC."""
    tiny = Shape("tiny", 0, 4, 2)
    size = disclosure.Size(tiny, tiny, runs=1, cube=cube.Size(rows=30_000, runs=1))

    found = disclosure.run(size, lambda _line: None)

    assert set(disclosure.KEYS) == set(found)
    assert [] == [key for key, value in found.items() if value is None or value < 0]


def test_masks_without_peers_have_figures_of_ours_only(tmp_path: Path) -> None:
    """Where peers are not installed, their figures are none, and ours are there."""
    size = masks.Size(rows=5_000, runs=1, peers=tmp_path / "absent")
    told: list[str] = []

    found = masks.run(size, told.append)

    assert set(masks.KEYS) == set(found)
    assert ["masks.rows_s"] == [key for key, value in found.items() if value is not None]
    assert [] != [line for line in told if "not run" in line]


def test_classes_of_a_few_records_have_every_figure() -> None:
    """Of k and l there are figures, and Polars' own count runs beside it."""
    found = anonymity.run(5_000)

    assert set(anonymity.KEYS) == set(found)
    assert [] == [key for key, value in found.items() if value < 0]


def test_an_unknown_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A group that is not there measures nothing, and says which there are."""
    assert 2 == main(["exchanges"])
    told = capsys.readouterr().err
    assert [] == [name for name in GROUPS if name not in told]


@pytest.mark.long
def test_a_tiny_run_finds_every_key() -> None:
    """Adapter, gateway and pass-through come up, every exchange is verified, every key is found."""
    size = exchange.Size(rows=20_000, many=30_000, rounds=1, small=70, single=3)

    found = exchange.run(size, lambda _line: None)

    assert set(exchange.KEYS) == set(found)
    assert [] == [key for key, value in found.items() if value < 0]
    assert found["exchange.bulk_rows_s"] > 0
    assert found["exchange.small_rps"] > 0
