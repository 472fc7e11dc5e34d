"""The harness of `make bench ONLY=log` works, and knows a busy machine from a quiet one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import figures, log, log_beside, log_commit, quiet
from bench.log_drawn import Held
from bench.log_filled import ENTRIES, fill
from gateway.audit.tally import Tally
from gateway.audit.verify import verify
from gateway.auditor.database import DatabaseReader, connect
from gateway.cli.clock import SystemEntropy
from gateway.keys.folder import KeyFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_a_tiny_log_has_every_figure(tmp_path: Path) -> None:
    """A log is written and proved; where the peer is not installed, its figures are none."""
    commit = log_commit.Size(exchanges=70, rounds=1, single=3, proofs=5)
    parts = {"postgres": 20, "verified": 300, "accounted": 120, "checks": 1}
    size = log.Size(commit, 300, tmp_path / "absent", go=False, **parts)
    told: list[str] = []

    found = log.run(size, told.append)

    assert set(log.KEYS) == set(found)
    absent = set(log_beside.KEYS) - {"log.verify_tree_entries_s"}
    assert absent == {key for key, value in found.items() if value is None}
    assert [] == [key for key, value in found.items() if value is not None and value < 0]
    assert found["log.probe_core_free"] in {0.0, 1.0}
    assert 2 == len([line for line in told if "not run" in line])


def test_a_filled_log_is_one_that_a_gateway_wrote(tmp_path: Path) -> None:
    """It verifies with its payloads, and with every row that is derived from them."""
    held = Held(tmp_path)

    fill(held, 100)
    fill(held, 70, first=100)

    keys = KeyFolder(held.keys, SystemEntropy())
    reads = connect(str(held.database))
    log = DatabaseReader(reads, keys.by_id)
    kept, tally = held.checkpoint.read_text(), Tally()
    keyed = [held.signer().verifier]
    found = verify(log, keyed, held=[kept], payloads=log, derived=log, tally=tally)
    assert [] == list(found)
    assert 170 * ENTRIES < tally.opened == tally.entries
    reads.close()


@pytest.mark.parametrize(
    ("busy_s", "own_s", "expected"),
    [(0.0, 0.0, 2.0), (3.0, 3.0, 2.0), (2.0, 0.0, 1.0), (4.0, 1.0, 0.5), (1.0, 1.1, 2.0)],
)
def test_a_core_that_others_hold_is_not_free(busy_s: float, own_s: float, expected: float) -> None:
    """Of two cores over two seconds; what the bench itself works is not held against it."""
    assert expected == quiet.left_by_others(2, 2.0, busy_s, own_s)


@pytest.mark.parametrize(
    ("flush_ms", "core_free", "expected"),
    [
        (0.299, 1.0, "[red]missed"),
        (0.3, 1.0, "[yellow]busy, not judged"),
        (0.1, 0.0, "[yellow]busy, not judged"),
        (None, 1.0, "[yellow]busy, not judged"),
    ],
)
def test_a_busy_machine_judges_no_speed(
    flush_ms: float | None, core_free: float, expected: str
) -> None:
    """A bar of the log's speed is judged where a flush is short and a core free; memory always."""
    found = {
        "log.probe_flush_p50_ms": flush_ms,
        "log.probe_core_free": core_free,
        "log.exchanges_per_s": 1.0,
        "log.verify_rss_mb": 301.0,
        "log.intent_p50_ms": 1.0,
        "masks.vs_pandas": 1.0,
    }

    assert expected == figures.judged("log.exchanges_per_s", found)
    assert {"[red]missed"} == {
        figures.judged(key, found) for key in ("log.verify_rss_mb", "masks.vs_pandas")
    }
    assert not figures.judged("log.intent_p50_ms", found)


def test_a_flush_takes_time_and_leaves_nothing(tmp_path: Path) -> None:
    """The probe writes to the disk that is measured, and clears up."""
    assert quiet.flush_p50_ms(tmp_path, 3) > 0
    assert [] == list(tmp_path.iterdir())
