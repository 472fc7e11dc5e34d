"""The log beside others: entries appended by pymerkle's tree, in the same run on the same disk.

pymerkle makes each entry durable in a commit of its own, which is what its `append_entry` is for;
it seals nothing, indexes nothing and signs nothing. What both can say has to be equal: the root.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

from bench.log_commit import ENTRIES
from bench.processes import PEERS, ROOT
from gateway.audit.merkle import TILE_WIDTH, join_bundle, leaf_hash, root_of
from gateway.store.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.log_drawn import Held

KEYS: Final = ("log.vs_pymerkle", "log.pymerkle_entries_s")
"""What is found; every key is there after every run, without a figure for an absent peer."""

TIMEOUT_S: Final = 240.0


def run(
    held: Held,
    exchanges_per_s: float,
    say: Callable[[str], None],
    *,
    entries: int = 3_000,
    peers: Path = PEERS,
) -> dict[str, float | None]:
    """Give pymerkle the first entries of a log; return how many times as fast ours was.

    Raises:
        RuntimeError: Its root is another: unequal work is not compared.
    """
    found: dict[str, float | None] = dict.fromkeys(KEYS)
    leaves = _leaves(held, entries)
    told = _told(held.folder, leaves, peers)
    if told is None:
        say("pymerkle: not run, since it is not installed (`make bench` does)")
        return found
    if told["root"] != root_of([leaf_hash(leaf) for leaf in leaves]).hex():
        raise RuntimeError("pymerkle: another root over the same entries")
    found["log.pymerkle_entries_s"] = rate = len(leaves) / told["seconds"]
    found["log.vs_pymerkle"] = ENTRIES * exchanges_per_s / rate
    say(f"     pymerkle: {rate:>9,.0f} entries/s, each durable; {told['version']}, the same root")
    return found


def _leaves(held: Held, count: int) -> list[bytes]:
    reads = Reads(held.database)
    try:
        leaves: list[bytes] = []
        for first in range(0, count, TILE_WIDTH):
            leaves += [leaf for _, leaf in reads.entries(first, min(TILE_WIDTH, count - first))]
        return leaves
    finally:
        reads.close()


def _told(folder: Path, leaves: list[bytes], peers: Path) -> dict[str, Any] | None:
    """Return what the peer told; None where it is not installed."""
    if not peers.is_file():
        return None
    source, target = folder / "leaves", folder / "peer"
    source.write_bytes(join_bundle(leaves))
    target.mkdir()
    done = subprocess.run(  # noqa: S603 - our own module, in the environment of the peers
        [peers, ROOT / "bench" / "log_peers.py", source, target],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        return None
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
