"""`python bench/log_peers.py LEAVES FOLDER`: the peer's side, in an interpreter that has it.

Appends the entries of a bundle to pymerkle's tree on SQLite, one by one and each durable, and
prints one JSON line: its version, how long that took, and the root. It imports nothing of Accord:
the environment has the peers only.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def entries(data: bytes) -> list[bytes]:
    """Return a bundle's entries, each after its length of two bytes."""
    found, at = [], 0
    while at < len(data):
        upto = at + 2 + int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : upto])
        at = upto
    return found


def main(source: Path, folder: Path) -> None:
    """Append everything."""
    import pymerkle  # noqa: PLC0415 - may be absent

    leaves = entries(source.read_bytes())
    with pymerkle.SqliteTree(str(folder / "pymerkle.db")) as tree:
        started = time.perf_counter()
        for leaf in leaves:
            tree.append_entry(leaf)
        spent_s = time.perf_counter() - started
        root = tree.get_root().hex()
    print(json.dumps({"version": pymerkle.__version__, "seconds": spent_s, "root": root}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
