"""How long a decision takes, of three hundred provisions, beside three policy engines.

All of them get the same rules and the same requests in the same run, and their answers are held
against what is right before a time is told. The engines permit or deny; Accord names the clause and
the reason too. A time is the least of some rounds of one request, and a figure the median over all
requests; a ratio is ours by theirs.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.agreements_rules import FORBIDDEN, Case, Rule, cases, compiled, request_of, rules
from bench.county import BESIDE, Flow, deploy
from bench.figures import median, percentile
from bench.processes import PEERS, ROOT
from gateway.decide import Refusal, Standing, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.agreement.index import Agreements

ENGINES: Final = ("cedar", "casbin", "cel")
KEYS: Final = ("agreements.decide_us", *(f"agreements.decide_vs_{one}" for one in ENGINES))
PEERS_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        rounds: Of each request; `slow_rounds` for an engine that takes milliseconds.
        requests: Of the six hundred, how many.
    """

    rounds: int = 15
    slow_rounds: int = 1
    requests: int = 600
    peers: Path = PEERS


def run(size: Size, say: Callable[[str], None]) -> dict[str, float | None]:
    """Measure ours, then the peers; None for a figure whose peer is not there.

    Raises:
        RuntimeError: An answer is wrong, ours or a peer's: then nothing was measured.
    """
    drawn = rules()
    asked = cases(drawn)[: size.requests]
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name:
        flow = Flow("public_health.surveillance", BESIDE, "none", 1)
        deploy(Path(name) / "county", {"mould": flow})
        agreements = compiled(Path(name) / "county" / "agreements")
    micros = _ours(agreements, asked, size.rounds)
    ours = median(micros)
    say(_line("ours, with reason and clause", micros))
    found: dict[str, float | None] = dict.fromkeys(KEYS) | {"agreements.decide_us": ours}
    told = _peers(drawn, asked, size)
    for engine in ENGINES:
        one = told.get(engine, {"absent": "the peers' environment"})
        if "absent" in one:
            say(f"         {engine}: not run, {one['absent']} is not installed")
            continue
        _right(engine, asked, one["answers"])
        say(_line(f"{engine} {one['version']}, permit or deny", one["us"]))
        found[f"agreements.decide_vs_{engine}"] = ours / median(one["us"])
    return found


def _line(who: str, micros: Sequence[float]) -> str:
    p50, p99 = median(micros), percentile(micros, 0.99)
    return f"         {who}: {p50:,.2f} µs (p99 {p99:,.2f}), {len(micros)} requests"


def _ours(agreements: Agreements, asked: Sequence[Case], rounds: int) -> list[float]:
    """Return the least microseconds of each request, its answer held against what is right."""
    requests = [request_of(one) for one in asked]
    for case, (request, now) in zip(asked, requests, strict=True):
        answer = decide(agreements, request, Standing(), now)
        reason = answer.reason if isinstance(answer, Refusal) else None
        if reason is not case.reason:
            raise RuntimeError(f"ours: {reason} where {case.reason} is right")
    standing, clock = Standing(), time.perf_counter_ns
    spent = [10**12] * len(requests)
    for _ in range(rounds):
        for at, (request, now) in enumerate(requests):
            started = clock()
            decide(agreements, request, standing, now)
            spent[at] = min(spent[at], clock() - started)
    return [one / 1000 for one in spent]


def _right(engine: str, asked: Sequence[Case], answers: Sequence[bool]) -> None:
    wrong = sum(
        answer is not (case.reason is None) for case, answer in zip(asked, answers, strict=True)
    )
    if wrong:
        raise RuntimeError(f"{engine}: {wrong} of {len(asked)} answers are wrong")


def _peers(drawn: Sequence[Rule], asked: Sequence[Case], size: Size) -> dict[str, Any]:
    if not size.peers.is_file():
        return {}
    given = {
        "rules": [asdict(one) for one in drawn],
        "forbidden": [asdict(one) for one in FORBIDDEN],
        "cases": [asdict(one) | {"reason": None} for one in asked],
        "rounds": size.rounds,
        "slow_rounds": size.slow_rounds,
    }
    ended = subprocess.run(  # noqa: S603 - our own script
        [size.peers, ROOT / "bench" / "agreements_peers.py"],
        input=json.dumps(given),
        capture_output=True,
        check=True,
        text=True,
        timeout=PEERS_TIMEOUT_S,
    )
    told: dict[str, Any] = json.loads(ended.stdout)
    return told
