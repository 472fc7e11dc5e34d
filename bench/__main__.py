"""`python -m bench [GROUP]`: measures, prints a table, and writes `bench/out/latest.json`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench import agreements, anonymity, command, disclosure, exchange, log, masks
from bench.figures import merge, show
from bench.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GROUPS: Mapping[str, Callable[[], Mapping[str, float | None]]] = {
    "agreements": agreements.run,
    "anonymity": anonymity.run,
    "cli": command.run,
    "disclosure": disclosure.run,
    "exchange": exchange.run,
    "log": log.run,
    "masks": masks.run,
}


def main(wanted: list[str]) -> int:
    """Run the groups that are wanted, or all of them."""
    unknown = sorted(set(wanted) - set(GROUPS))
    if unknown:
        sys.stderr.write(f"bench: no group `{unknown[0]}`; there are: {', '.join(GROUPS)}\n")
        return 2
    found: dict[str, float | None] = {}
    for name, group in GROUPS.items():
        if not wanted or name in wanted:
            print(f"{name} ...", flush=True)
            found |= group()
    merge(ROOT / "bench" / "out" / "latest.json", found)
    show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
