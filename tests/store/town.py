"""A small town for the store's tests.

Keys, a clock that a test moves, drafts that are valid, a log to open.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sqlite3
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gateway.audit.checkpoint import Signer
from gateway.audit.entry import Draft
from gateway.audit.stream import stream_next, stream_start
from gateway.audit.subjects import Rebuilt
from gateway.audit.verify import verify
from gateway.auditor.database import DatabaseReader, connect
from gateway.errors import LogError, SettingsError
from gateway.ports import Keep
from gateway.store.start import Place, open_log
from gateway.values import uuid7

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.audit.checkpoint import Verifier
    from gateway.keys.folder import KeyFolder
    from gateway.store.log import StoredLog

ORIGIN = "gateway.county.example/exchange-log"
NOW = dt.datetime(2026, 11, 20, 21, 52, 8, 123000, tzinfo=dt.UTC)
DIGEST = hashlib.sha256(b"chunk bytes").digest()
AGREEMENT = "ems-to-health@3"


def b64(data: bytes) -> str:
    """Return base64 text."""
    return b64encode(data).decode("ascii")


@dataclass
class StandingClock:
    """Says the time that the test gave it."""

    moment: dt.datetime = NOW

    def now(self) -> dt.datetime:
        """Return that time."""
        return self.moment


class TrueEntropy:
    """The system's randomness."""

    def random(self, count: int) -> bytes:
        """Return random bytes."""
        return os.urandom(count)


@dataclass
class OpenKeys:
    """A key store in memory."""

    keys: dict[str, bytes] = field(default_factory=dict)

    def payload(self, month: str, retain: str) -> tuple[str, bytes]:
        """Return a month's key."""
        key_id = f"payload/{month}.{retain}"
        return key_id, self.keys.setdefault(key_id, os.urandom(32))

    def by_id(self, key_id: str) -> bytes:
        """Return a key."""
        if key_id not in self.keys:
            raise SettingsError(f"the key store has no key `{key_id}`")
        return self.keys[key_id]

    def over(self, today: dt.date) -> list[str]:
        """Keep every key."""
        return []

    def destroy(self, key_id: str, now: dt.datetime) -> None:
        """Destroy a key."""
        del self.keys[key_id]

    def state(self, key_id: str) -> str | None:
        """Say whether there is one."""
        return "made" if key_id in self.keys else None

    def listen(self, heard: object) -> None:
        """Hear nothing: these keys announce themselves to nobody."""


def a_signer(origin: str = ORIGIN) -> Signer:
    """Return the signer of the specification's own vectors."""
    return Signer.from_seed(origin, bytes(range(32)))


def an_id(number: int | None = None) -> str:
    """Return an exchange id; the same for the same number."""
    return uuid7(NOW, os.urandom(10) if number is None else number.to_bytes(10, "big"))


def facts(**changed: object) -> dict[str, object]:
    """Return what an intent says."""
    digest = b64(DIGEST)
    return {
        "provider": "county-ems",
        "recipient": "county-health",
        "caller_agency": "county-health",
        "caller_person": None,
        "caller_role": None,
        "certificate": digest,
        "dataset": "ems.overdose_run@1",
        "purpose": "public_health.surveillance",
        "basis": "statute",
        "basis_ref": None,
        "compelled": None,
        "agreement_sha256": digest,
        "floor_sha256": digest,
        "provision": "runs",
        "clauses": ["3.1", "3.4"],
        "plan": digest,
        "released": [["incident_date", "truncate"], ["patient_zip", "zip3"], ["naloxone", "pass"]],
        "withheld": ["patient_name", "patient_phone"],
        "filter": None,
        "aggregation": None,
        "min_cell": None,
        "duties": ["delete"],
        "notices": [],
        "request": digest,
        "resumes": None,
        "build": "0.1.0",
        "replica": "one",
    } | changed


def an_intent(exchange: str, **changed: object) -> Draft:
    """Return an intent."""
    return Draft("intent", exchange, 0, AGREEMENT, "6y", facts(**changed))


def a_refusal(exchange: str) -> Draft:
    """Return a refusal."""
    why = {"reason": "NO_PROVISION", "step": 4, "clause": None}
    return Draft("refusal", exchange, 0, None, "6y", facts() | why)


def a_release(
    exchange: str,
    chunk: int = 0,
    rows: int = 1,
    tokens: tuple[bytes, ...] = (),
    digest: bytes = DIGEST,
) -> Draft:
    """Return the release of a chunk that is like every chunk before it."""
    stream = stream_start(exchange)
    for _ in range(chunk + 1):
        stream = stream_next(stream, digest)
    meta = {
        "chunk": chunk,
        "rows": rows,
        "bytes": 11,
        "form": "arrow",
        "digest": b64(digest),
        "stream": b64(stream),
        "channel": "call",
    }
    return Draft("release", exchange, chunk, AGREEMENT, "6y", meta, tokens)


def an_outcome(exchange: str, chunks: int = 1, rows: int = 1, end: str = "complete") -> Draft:
    """Return an outcome of chunks that were all alike."""
    stream = stream_start(exchange)
    for _ in range(chunks):
        stream = stream_next(stream, DIGEST)
    meta = {
        "code": "OK",
        "chunks": chunks,
        "handed": chunks,
        "rows": rows,
        "bytes": 11 * chunks,
        "stream": b64(stream) if chunks else None,
        "rows_suppressed": 0,
        "cells_suppressed": 0,
        "end": end,
    }
    return Draft("outcome", exchange, 0, AGREEMENT, "6y", meta)


def an_agreement() -> Draft:
    """Return the entry that makes the town's agreement active."""
    agreements = [["ems-to-health", "3", b64(DIGEST), "active"]]
    meta = {"agreements": agreements, "floor_sha256": b64(DIGEST)}
    return Draft("agreement", None, 0, None, "p", meta)


def a_note() -> Draft:
    """Return an entry that belongs to no exchange."""
    return Draft("hold", None, 0, None, "6y", {"event": "begin", "scope": "all", "document": "d-1"})


def a_keep(
    attempt: str,
    rows: int = 1,
    *,
    provision: str = "ems-to-health/runs",
    day: dt.date = NOW.date(),  # noqa: B008 - a date is never changed
    periods: tuple[dt.date, ...] = (),
    charge: bool = True,
    first_row: int = 0,
) -> Keep:
    """Return what the store remembers with a release."""
    return Keep(
        "county-health",
        provision,
        "county-ems/ems.overdose_run",
        attempt,
        day,
        rows,
        1_000_000,
        DIGEST,
        periods,
        charge,
        first_row,
        spends="county-ems/ems.overdose_run#cut",
    )


class Fatal:
    """Remembers why the process should have ended."""

    def __init__(self) -> None:
        self.errors: list[LogError] = []

    def __call__(self, error: LogError) -> None:
        """Remember."""
        self.errors.append(error)


def folders(root: Path) -> tuple[Path, Path]:
    """Return where a log and its held file lie below a folder, made where they are not."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    (root / "held").mkdir(exist_ok=True)
    return root / "log" / "exchange.db", root / "held" / "checkpoint"


@dataclass
class Town:
    """A log's folders, keys and clock: it can be opened, closed and opened again."""

    root: Path
    clock: StandingClock = field(default_factory=StandingClock)
    keys: OpenKeys | KeyFolder = field(default_factory=OpenKeys)
    fatal: Fatal = field(default_factory=Fatal)
    free_bytes: int = 1 << 40
    spare_bytes: int | None = None  # with one, the disk itself is asked

    @property
    def database(self) -> Path:
        """Its file."""
        return folders(self.root)[0]

    @property
    def place(self) -> Place:
        """Where the log lies."""
        database, held = folders(self.root)
        place = Place(database, held, "0.1.0", bytes(32))
        if self.spare_bytes is not None:
            place = replace(place, spare_bytes=self.spare_bytes)
        return place

    def open(self, *, create: bool = True, origin: str = ORIGIN) -> StoredLog:
        """Open the log."""
        return open_log(
            self.place,
            signer=a_signer(origin),
            keys=self.keys,
            clock=self.clock,
            entropy=TrueEntropy(),
            fatal=self.fatal,
            create=create,
            free_bytes=None if self.spare_bytes is not None else lambda: self.free_bytes,
        )

    @asynccontextmanager
    async def log(self) -> AsyncIterator[StoredLog]:
        """Open the log, and close it in the end."""
        log = self.open()
        try:
            await log.note(an_agreement())
            yield log
        finally:
            await log.close()

    def kinds(self) -> list[str]:
        """Return the kinds of the log's entries, in order."""
        return [kind for (kind,) in self.rows("SELECT k FROM log_entry ORDER BY seq")]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds in the database, closed or open."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def findings(self, verifier: Verifier | None = None) -> list[str]:
        """Verify the log in full, payloads and rows included, against the held checkpoint.

        Return the codes.
        """
        held = self.place.held.read_text(encoding="utf-8")
        verifier = verifier or a_signer().verifier
        return findings(self.place.database, verifier, held, self.keys.by_id)


def findings(
    database: Path | str, verifier: Verifier, held: str, key: Callable[[str], bytes]
) -> list[str]:
    """Verify a database in full, payloads and rows included; return the codes."""
    rows = connect(str(database))
    try:
        reader = DatabaseReader(rows, key)
        index = Rebuilt(reader.end().indexed, os.urandom(32))
        found = verify(
            reader, [verifier], held=[held], payloads=reader, derived=reader, index=index
        )
        return [one.code for one in found]
    finally:
        rows.close()
