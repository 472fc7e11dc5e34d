"""Thousands of calls of every temper, and a log that tells one story of each.

The model is small: a decision is closed once. A grant is one intent, its releases in order, and one
end; a refusal is one entry; what was turned away before a decision is none. What a caller was told
is never more than what the log says.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import pytest
import trustme

from gateway.audit.checkpoint import Verifier
from gateway.errors import RefusedError
from gateway.wire.tls import TlsFiles
from tests.stack.callers import Callers, Moody
from tests.stack.county import EMS, PHD, now, town
from tests.store.town import findings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.stack.callers import Told
    from tests.stack.county import Town

AT_ONCE: Final = 12
UNDECIDED: Final = frozenset({"malformed", "stranger"})
"""What is turned away before anything is decided."""
HUNG_UP: Final = frozenset({"cancelled", "deadline", "gone"})
"""Who may not hear what was decided."""


def _roomy(text: str) -> str:
    """Return the agreement with room for every call here; nothing else of it changes."""
    return (
        text.replace("requests_per_minute: 6,", "requests_per_minute: 60000,")
        .replace("requests_per_minute: 30,", "requests_per_minute: 60000,")
        .replace("rows_per_day: 500000}", "rows_per_day: 1000000}")
    )


def _stranger(folder: Path, authority: Path) -> TlsFiles:
    """Return a certificate with an agency's own name, of an authority that nobody knows."""
    issued = trustme.CA().issue_cert("gateway.phd.example")
    issued.private_key_pem.write_to_path(str(folder / "key"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "crt"))
    return TlsFiles(folder / "crt", folder / "key", authority)


def _settled(made: Town) -> None:
    """Wait until every exchange whose caller is gone has its end."""
    until = time.monotonic() + 30
    reads = made.running.log.reads
    while made.running.log.waiting or reads.rows("SELECT 1 FROM log_open LIMIT 1"):
        assert time.monotonic() < until, "an exchange has no end"
        time.sleep(0.05)


def _lives(made: Town) -> dict[str, list[tuple[str, int, int]]]:
    """Return (kind, chunk, index) of each exchange's entries, in order."""
    lives: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for index, kind, x, chunk in made.running.log.reads.rows(
        "SELECT seq, k, lower(hex(x)), n FROM log_entry WHERE x IS NOT NULL ORDER BY seq"
    ):
        lives[x].append((kind, chunk, index))
    return lives


def _closed_once(life: Sequence[tuple[str, int, int]]) -> bool:
    """Return whether entries are a refusal alone, or a grant with its chunks and one end."""
    kinds = [kind for kind, _, _ in life]
    if kinds == ["refusal"]:
        return True
    chunks = [chunk for kind, chunk, _ in life if kind == "release"]
    middle = ["release"] * len(chunks)
    ends = (["intent", *middle, "outcome"], ["intent", *middle, "recovered"])
    return kinds in ends and chunks == list(range(len(chunks)))


def _check(made: Town, told: Sequence[Told]) -> Counter[str]:
    """Hold the log against what callers were told; return how often each end was met."""
    lives = _lives(made)
    assert [] == [life for life in lives.values() if not _closed_once(life)]
    refused = {life[0][2] for life in lives.values() if life[0][0] == "refusal"}
    heard, ends = set(), Counter[str]()
    for one in told:
        if one.exchange:
            life = lives[one.exchange.replace("-", "")]
            released = sum(kind == "release" for kind, _, _ in life)
            assert one.chunks <= released
            assert not one.receipt or (one.chunks, "outcome") == (released, life[-1][0])
        if isinstance(one.error, RefusedError):
            assert one.error.index in refused or one.exchange
            heard.add(one.error.index)
        if one.kind in UNDECIDED:
            assert one.error is not None
            assert not isinstance(one.error, RefusedError)
            assert ("", 0) == (one.exchange, one.chunks)
        end = one.error.reason.value if one.error else "receipt" if one.receipt else "left"
        ends[f"{one.kind} {end}"] += 1
    kinds = Counter(one.kind for one in told)
    assert len(refused - heard) <= sum(kinds[kind] for kind in HUNG_UP)
    # And nothing was decided for nobody, or for a call that never came so far.
    least = kinds["granted"] + kinds["refused"] + kinds["repeated"]
    most = len(told) - sum(kinds[kind] for kind in UNDECIDED) + kinds["repeated"]
    assert least <= len(lives) <= most
    return ends


def _run(folder: Path, count: int) -> Counter[str]:
    """Make so many calls of a county of its own; return how often each end was met."""
    source = Moody(now().date() - dt.timedelta(days=2), seed=12)
    with town(folder / "county", edit=_roomy, adapters={EMS: source}) as made:
        callers = Callers(made, _stranger(folder, made.tls(PHD).authority), seed=count)
        told = made.loop.run(callers.run(count, AT_ONCE), timeout_s=1_100)
        _settled(made)
        ends = _check(made, told)
        newest = made.running.log.newest()
        assert count == len(told)
        assert [] == findings(
            made.database, Verifier.from_vkey(made.vkey), newest, made.keys().by_id
        )
    return ends


def test_every_decision_is_closed_once(tmp_path: Path) -> None:
    """Of some two hundred calls of every kind, a dozen at a time."""
    ends = _run(tmp_path, 200)

    assert {"granted receipt", "refused PROHIBITED", "malformed INVALID_REQUEST"} <= set(ends)
    assert {"cancelled", "deadline", "gone", "repeated", "stranger"} <= {
        one.partition(" ")[0] for one in ends
    }


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_every_decision_of_thousands_is_closed_once(tmp_path: Path) -> None:
    """Of five thousand."""
    ends = _run(tmp_path, 5_000)

    assert ends["granted receipt"] > 300
    assert ends["refused PROHIBITED"] > 300
