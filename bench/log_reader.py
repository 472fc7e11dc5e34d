"""One verification of a log, in an interpreter that has imported what an auditor needs and no more.

`python -m bench.log_reader DATABASE KEYS VKEY CHECKPOINT` prints seconds, entries and findings.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import Verifier
from gateway.audit.tally import NOTES
from gateway.auditor.database import DatabasePlace
from gateway.auditor.run import Against, run
from gateway.cli.clock import SystemEntropy
from gateway.keys.folder import KeyFolder

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class PayloadKeys:
    """The payload keys of a drawn log, opened in whichever process asks."""

    folder: Path

    def __call__(self) -> Callable[[str], bytes | None]:
        """Return what returns a key by its id."""
        keys = KeyFolder(self.folder, SystemEntropy())
        return lambda key_id: keys.by_id(key_id) if keys.has(key_id) else None


def main(database: str, keys: str, vkey: str, checkpoint: str) -> None:
    """Verify a log, and print what that took."""
    against = Against((Verifier.from_vkey(vkey),), (Path(checkpoint).read_text(encoding="utf-8"),))
    place = DatabasePlace(database, PayloadKeys(Path(keys)))
    started = time.perf_counter()
    report = run(place, against, processes=PROCESSES)
    told = {
        "seconds": time.perf_counter() - started,
        "entries": report.tally.entries,
        "findings": [one.code for one in report.findings if one.code not in NOTES],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
