"""The log beside others, in the same run on the same disk: pymerkle's tree, and a checker in Go.

pymerkle makes each entry durable in a commit of its own, which is what its `append_entry` is for;
it seals nothing, indexes nothing and signs nothing. What both can say has to be equal: the root.

The checker stands on Go's own note and tile packages, and reads an export: signature, every entry,
every tile, the root. So does ours here, in one process, without payloads; it also holds the life of
each exchange together. Building the checker is not measured.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

from bench.figures import median
from bench.log_commit import ENTRIES
from bench.processes import PEERS, ROOT
from gateway.audit.merkle import TILE_WIDTH, join_bundle, leaf_hash, root_of
from gateway.audit.verify import verify
from gateway.auditor.folder import FolderReader
from gateway.store.export import export
from gateway.store.reads import Reads
from tests.interop import go_checker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.log_drawn import Held

KEYS: Final = (
    "log.vs_pymerkle", "log.pymerkle_entries_s",
    "log.verify_vs_go", "log.verify_tree_entries_s", "log.go_entries_s",
)  # fmt: skip
"""What is found; every key is there after every run, without a figure for an absent peer."""

TIMEOUT_S: Final = 240.0


def append(
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
    found: dict[str, float | None] = dict.fromkeys(KEYS[:2])
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


def check(
    held: Held, runs: int, say: Callable[[str], None], *, go: bool = True
) -> dict[str, float | None]:
    """Let both read an export of a log; return how many times as fast ours was.

    Raises:
        RuntimeError: One of them does not accept it.
    """
    found: dict[str, float | None] = dict.fromkeys(KEYS[2:])
    folder, vkey = held.folder / "export", held.folder / "vkey"
    size = _export(held, folder)
    vkey.write_text(held.signer().vkey)
    entries_s = size / median([_ours_s(held, folder) for _ in range(runs)])
    found["log.verify_tree_entries_s"] = entries_s
    say(f"         ours: {entries_s:>9,.0f} entries/s read, in one process, of {size:,}")
    binary = go_checker.build(held.folder) if go else None
    if binary is None:
        say(f"checker in Go: not run; it {go_checker.MISSING}")
        return found
    go_s = median([_go_s(binary, held, folder, vkey) for _ in range(runs)])
    found["log.go_entries_s"] = size / go_s
    found["log.verify_vs_go"] = entries_s * go_s / size
    say(f"checker in Go: {size / go_s:>9,.0f} entries/s read")
    return found


def _export(held: Held, folder: Path) -> int:
    reads = Reads(held.database)
    try:
        ((note, size),) = reads.rows("SELECT note, size FROM log_signed")
        export(reads, str(note), int(size), folder)
        return int(size)
    finally:
        reads.close()


def _ours_s(held: Held, folder: Path) -> float:
    started = time.perf_counter()
    kept = held.checkpoint.read_text(encoding="utf-8")
    found = list(verify(FolderReader(folder), [held.signer().verifier], held=[kept]))
    if found:
        raise RuntimeError(f"our own export is not accepted: {found[0].code}")
    return time.perf_counter() - started


def _go_s(binary: Path, held: Held, folder: Path, vkey: Path) -> float:
    started = time.perf_counter()
    code, said = go_checker.run(binary, folder, vkey, held.checkpoint)
    if code:
        raise RuntimeError(f"checker in Go: {said}")
    return time.perf_counter() - started


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
