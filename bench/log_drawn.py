"""A log to measure: a store in a temporary folder, with its own keys, and drafts of a busy day.

The drafts are those of a county's records: facts of one provision, another request digest in each,
and one made-up person in each release.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import Signer
from gateway.audit.entry import Draft, subject_token
from gateway.audit.stream import stream_next, stream_start
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.keys.folder import KeyFolder
from gateway.ports import Keep
from gateway.store.start import Place, open_log
from gateway.values import uuid7

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.errors import LogError
    from gateway.store.log import StoredLog

ORIGIN: Final = "bench.invalid/exchange-log"
AGREEMENT: Final = "ems-to-health@3"
RECIPIENT: Final = "rivertown-health"
PROVISION: Final = "ems-to-health/runs"
SOURCE: Final = "rivertown-ems/ems.overdose_run"
RETAIN: Final = "6y"
_SUBJECT_KEY: Final = bytes(range(32))
_SHA: Final = b64encode(hashlib.sha256(b"a document of the bench").digest()).decode("ascii")
_FACTS: Final[dict[str, object]] = {
    "provider": "rivertown-ems",
    "recipient": RECIPIENT,
    "caller_agency": RECIPIENT,
    "caller_person": "epi-7",
    "caller_role": "epidemiologist",
    "certificate": _SHA,
    "dataset": "ems.overdose_run@1",
    "purpose": "public_health.surveillance",
    "basis": "statute",
    "basis_ref": "45 CFR 164.512(b)(1)(i)",
    "compelled": "counsel@rivertown.example",
    "agreement_sha256": _SHA,
    "floor_sha256": _SHA,
    "provision": "runs",
    "clauses": ["3.1"],
    "plan": _SHA,
    "released": [["unit_notified_at", "truncate hour"], ["age", "band 5 90"], ["sex", "pass"]],
    "withheld": ["patient_name", "patient_phone"],
    "filter": None,
    "aggregation": None,
    "min_cell": None,
    "duties": ["delete_within"],
    "notices": [],
    "resumes": None,
    "build": "bench",
    "replica": "one",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One exchange, drafted before the clock runs: an intent, a release of one record, an end."""

    exchange_id: str
    request_digest: bytes
    intent: Draft
    release: Draft
    complete: Draft
    cut: Draft
    keep: Keep


def token_of(number: int) -> bytes:
    """Return the token of the person that a drawn exchange is about."""
    return subject_token(_SUBJECT_KEY, "rivertown-ems/patient-id", f"A-{number}")


def draw(number: int, now: dt.datetime) -> Drawn:
    """Return the drafts of one exchange."""
    x = uuid7(now, os.urandom(10))
    digest = hashlib.sha256(x.encode()).digest()
    b64 = b64encode(digest).decode("ascii")
    before = stream_start(x)
    stream = b64encode(stream_next(before, digest)).decode("ascii")
    release = {
        "chunk": 0,
        "rows": 1,
        "bytes": 640,
        "form": "arrow",
        "digest": b64,
        "stream": stream,
        "channel": "call",
    }
    end = {
        "code": "OK",
        "chunks": 1,
        "handed": 1,
        "rows": 1,
        "bytes": 640,
        "stream": stream,
        "rows_suppressed": 0,
        "cells_suppressed": 0,
        "end": "complete",
    }
    nothing = {"code": "UNAVAILABLE", "chunks": 0, "handed": 0, "rows": 0, "bytes": 0}
    cut = end | nothing | {"stream": None, "end": "cut"}
    token = token_of(number)
    return Drawn(
        x,
        digest,
        Draft("intent", x, 0, AGREEMENT, RETAIN, _FACTS | {"request": b64}),
        Draft("release", x, 0, AGREEMENT, RETAIN, release, (token,)),
        Draft("outcome", x, 0, AGREEMENT, RETAIN, end),
        Draft("outcome", x, 0, AGREEMENT, RETAIN, cut),
        Keep(RECIPIENT, PROVISION, SOURCE, x, now.date(), 1, 1 << 40, digest, spends=SOURCE),
    )


def agreements() -> Draft:
    """Return the entry that makes the bench's agreement active."""
    name, version = AGREEMENT.split("@")
    meta = {"agreements": [[name, version, _SHA, "active"]], "floor_sha256": _SHA}
    return Draft("agreement", None, 0, None, "p", meta)


@dataclass(frozen=True, slots=True)
class Held:
    """Where a drawn log lies, and what its verifier needs.

    Attributes:
        folder: Of its keys and files.
        url: Of a PostgreSQL database that several replicas share; else the log is a file.
        replica: Who writes.
    """

    folder: Path
    url: str = ""
    replica: str = "one"

    @property
    def database(self) -> Path:
        """The store, where it is a file."""
        return self.folder / "log" / "exchange.db"

    @property
    def checkpoint(self) -> Path:
        """The held checkpoint."""
        return self.folder / f"held-{self.replica}" / "checkpoint"

    @property
    def place(self) -> Place:
        """Where the log lies, and who writes it."""
        where = self.url or self.database
        return Place(where, self.checkpoint, "bench", bytes(32), self.replica)

    @property
    def keys(self) -> Path:
        """The key folder."""
        return self.folder / "keys"

    def signer(self) -> Signer:
        """Return the log's key."""
        return Signer.from_seed(ORIGIN, KeyFolder(self.keys, SystemEntropy()).signing_seed())


@asynccontextmanager
async def opened(held: Held) -> AsyncIterator[StoredLog]:
    """Open a log, made where there is none; close it in the end."""
    for folder in (held.database.parent, held.checkpoint.parent):
        folder.mkdir(parents=True, exist_ok=True)
    entropy = SystemEntropy()
    if held.keys.exists():
        keys = KeyFolder(held.keys, entropy)
    else:
        keys = KeyFolder.create(held.keys, entropy)

    def fatal(error: LogError) -> None:
        raise error

    log = open_log(
        held.place,
        signer=Signer.from_seed(ORIGIN, keys.signing_seed()),
        keys=keys,
        clock=SystemClock(),
        entropy=entropy,
        fatal=fatal,
        create=True,
    )
    try:
        await log.note(agreements())
        yield log
    finally:
        await log.close()
