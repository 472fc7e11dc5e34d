"""`accord log incident`: the way on when a log cannot go on under its origin.

1. What the store still proves is found out, held against every checkpoint at hand.
2. A store that nothing contradicts ends with an `incident` entry, signed. One that a checkpoint
   contradicts signs nothing more.
3. The evidence is kept beside the store: the database as it lay, the held file, the notes.
4. The next log is made whole beside it: its `genesis` names the last good checkpoint, and what was
   released is remembered in it.
5. Only then it takes the store's place. Cut anywhere, the gateway does not start, and the verb is
   run again.

It sets nothing: the new origin and key are for the operator to write into the settings and for the
parties to sign, and until then the gateway refuses to start.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import Signer
from gateway.audit.entry import Draft
from gateway.cli.auditor.evidence import Evidence, b64, keep
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys, signers
from gateway.cli.opened import tell
from gateway.cli.place import place
from gateway.errors import LogError, SettingsError
from gateway.library.files import sync_folder
from gateway.settings import gateway_settings
from gateway.store.faults import RollbackError
from gateway.store.held import HeldFile
from gateway.store.incident import Remembering, examine, missing, next_origin, stored_notes
from gateway.store.lock import Lock
from gateway.store.reads import Reads
from gateway.store.start import open_log
from gateway.store.witnessing import consult

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.keys.folder import KeyFolder
    from gateway.store.incident import Examined
    from gateway.store.log import SqliteLog
    from gateway.store.start import Place
    from gateway.store.witness import Witness

CLASSES: Final = ("rollback", "fork", "damaged", "key-compromise", "other")
_SIDES: Final = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Incident:
    """What an incident is about.

    Attributes:
        kind: Of `CLASSES`.
        place: Where the old log lives.
        database: Its file.
        origin: Its origin.
        next_origin: Of the log that follows.
        keys: The key store.
        kept: Checkpoints that others kept.
        witnesses: Who is asked what they saw.
    """

    kind: str
    place: Place
    database: Path
    origin: str
    next_origin: str
    keys: KeyFolder
    kept: tuple[str, ...]
    witnesses: tuple[Witness, ...]

    @property
    def folder(self) -> Path:
        """Where the evidence goes: `incident-1` beside the first log, `incident-2` …."""
        number = self.next_origin.rpartition("/")[2]
        return self.database.parent / f"incident-{int(number) - 1}"

    @property
    def next_database(self) -> Path:
        """Where the next log is made, until it takes the old one's place."""
        return self.database.with_name(f"{self.database.name}.next")

    @property
    def next_held(self) -> Path:
        """Where its held checkpoint lies until then."""
        return self.place.held.with_name(f"{self.place.held.name}.next")

    def verifiers(self) -> tuple[Verifier, ...]:
        """Return every key that ever signed the old log, under its origin."""
        return signers(self.origin, self.keys, SystemClock().now()).verifiers


def run_incident(settings: str, kind: str, held: Sequence[str], *, new_key: bool) -> int:
    """Close a log, keep the evidence, and make the log that follows.

    Args:
        settings: gateway.toml; the gateway is stopped.
        kind: Of `CLASSES`.
        held: Files of checkpoints that agencies or witnesses kept.
        new_key: The next log is signed with a new key; always so after a `key-compromise`.

    Raises:
        SettingsError: The class is none, or does not fit what the store shows.
        LogError: Another process has the log, or a checkpoint is not this log's, or the old log
            has no good checkpoint; nothing was changed.
    """
    if kind not in CLASSES:
        raise SettingsError(f"`--class` is one of {', '.join(CLASSES)}")
    incident = _incident(Path(settings), kind, held)
    if not _made(incident):
        with _alone(incident) as reads:
            found = _examined(incident, reads)
            _fits(incident, found)
        if not found.broken:
            # It takes the lock for itself.
            asyncio.run(_close(incident))
        with _alone(incident) as reads:
            found = _examined(incident, reads)
            asyncio.run(_follow(incident, found, reads, new_key=new_key))
        _take_place(incident)
    _hold(incident)
    _say(incident)
    return 0


def _incident(path: Path, kind: str, held: Sequence[str]) -> Incident:
    settings = gateway_settings(path)
    where = place(path, settings, operator=True)
    if not isinstance(where.database, Path):
        raise SettingsError(
            "`log incident` works on a SQLite file; of a shared log, keep its database, and begin "
            "the next origin in an empty one"
        )
    origin = settings.log.origin
    return Incident(
        kind,
        # A witness that is down must not keep a log from ending, and of the next it knows nothing.
        replace(where, witnesses=(), quorum=0, sync=False),
        where.database,
        origin,
        next_origin(origin),
        open_keys(path, settings, SystemEntropy()),
        tuple(_text(Path(one)) for one in held),
        where.witnesses,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: cannot be read") from None


@contextmanager
def _alone(incident: Incident) -> Iterator[Reads | None]:
    """Give the old store to read, while nobody else has it; None where there is nothing to read.

    Raises:
        LogError: Another process has it, or it cannot be read and the class is not `damaged`.
    """
    lock = Lock(incident.database)
    try:
        reads = _reads(incident)
        try:
            yield reads
        finally:
            if reads is not None:
                reads.close()
    finally:
        lock.close()


def _reads(incident: Incident) -> Reads | None:
    if not incident.database.exists():
        return None
    try:
        reads = Reads(incident.database)
        reads.many("SELECT count(*) FROM log_entry")
    except LogError:
        if incident.kind != "damaged":
            raise
        return None
    return reads


# --- 1. What the store still proves ---------------------------------------------------------------


def _made(incident: Incident) -> bool:
    """Return whether the next log already took the place: an earlier run was cut after that."""
    with _alone(incident) as reads:
        rows = [] if reads is None else reads.rows("SELECT origin FROM log_head")
    return [tuple(row) for row in rows] == [(incident.next_origin,)]


def _examined(incident: Incident, reads: Reads | None) -> Examined:
    """Return what the store proves, against all that anybody kept.

    Raises:
        LogError: A checkpoint is not this log's.
    """
    held = incident.place.held
    notes = ([_text(held)] if held.exists() else []) + list(incident.kept)
    if reads is None:
        return missing(notes, incident.verifiers())
    found = examine(reads, stored_notes(reads) + notes, incident.verifiers())
    if not found.broken and found.good is not None:
        newest, note = found.good
        try:
            consult(incident.witnesses, note, newest.size, found.size)
        except RollbackError as error:
            tell(error)
            return replace(found, behind=True)
    return found


def _fits(incident: Incident, found: Examined) -> None:
    """Raise where the class says what the store does not show.

    Raises:
        LogError: There is no checkpoint to go on from.
        SettingsError: `rollback` or `fork`, and no checkpoint at hand contradicts the store.
    """
    found.last_good()
    if incident.kind in {"rollback", "fork"} and not found.broken:
        raise SettingsError(
            f"`--class {incident.kind}`: no checkpoint at hand contradicts the store: give the one "
            "that does with `--held`, or name another class"
        )


# --- 2. The old log ends --------------------------------------------------------------------------


async def _close(incident: Incident) -> None:
    """End a good log: an `incident` entry under a last signature."""
    log = _opened(incident, incident.place, incident.origin)
    try:
        await log.proof(await log.note(_entry(incident, [])))
    finally:
        await log.close()


def _opened(incident: Incident, where: Place, origin: str, *, create: bool = False) -> SqliteLog:
    return open_log(
        where,
        signer=signers(origin, incident.keys, SystemClock().now()),
        keys=incident.keys,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        fatal=tell,
        create=create,
    )


def _entry(incident: Incident, heads: Sequence[tuple[int, bytes]]) -> Draft:
    meta = {
        "class": incident.kind,
        "heads": [[size, b64(root)] for size, root in heads],
        "next_origin": incident.next_origin,
    }
    return Draft("incident", None, 0, None, "p", meta)


# --- 3. The evidence; 4. the log that follows -----------------------------------------------------


async def _follow(
    incident: Incident, found: Examined, reads: Reads | None, *, new_key: bool
) -> None:
    """Keep the evidence, then make the next log, whole and signed, beside the old one."""
    _, note = found.last_good()
    now = SystemClock().now()
    remembered = Remembering(reads, now.date(), lost=found.broken)
    keep(_evidence(incident, found, now), incident.folder, reads)
    _forget_next(incident)
    if new_key or incident.kind == "key-compromise":
        incident.keys.rotate(incident.keys.signing()[0].key_id, now)
    where = replace(
        incident.place,
        database=incident.next_database,
        held=incident.next_held,
        previous=(incident.origin, note),
    )
    log = _opened(incident, where, incident.next_origin, create=True)
    try:
        await log.remember(remembered)
        await log.proof(await log.note(_entry(incident, found.heads)))
    finally:
        await log.close()


def _evidence(incident: Incident, found: Examined, now: dt.datetime) -> Evidence:
    return Evidence(
        kind=incident.kind,
        origin=incident.origin,
        next_origin=incident.next_origin,
        found=found,
        database=incident.database,
        held=incident.place.held,
        kept=incident.kept,
        now=now,
    )


def _forget_next(incident: Incident) -> None:
    """Remove what a run that was cut left of a next log that never served."""
    for side in _SIDES:
        incident.next_database.with_name(incident.next_database.name + side).unlink(missing_ok=True)
    incident.next_held.unlink(missing_ok=True)


# --- 5. It takes the place ------------------------------------------------------------------------


def _take_place(incident: Incident) -> None:
    """Put the next log where the old one was, of which the evidence holds every byte.

    A write-ahead log of the old store goes first: beside another database it would be read into it.
    """
    lock = Lock(incident.database)
    try:
        for side in _SIDES[1:]:
            incident.database.with_name(incident.database.name + side).unlink(missing_ok=True)
        incident.next_database.replace(incident.database)
        sync_folder(incident.database.parent)
    finally:
        lock.close()
    incident.next_database.with_name(f"{incident.next_database.name}.lock").unlink(missing_ok=True)


def _hold(incident: Incident) -> None:
    """Hold the next log's checkpoint in the place of the old one's."""
    with _alone(incident) as reads:
        rows = [] if reads is None else reads.rows("SELECT note FROM log_signed")
    if len(rows) != 1:
        raise LogError("the log that follows was not signed")
    note = rows[0][0]
    held = HeldFile(incident.place.held, incident.database)
    try:
        held.write(str(note))
    finally:
        held.close()
    incident.next_held.unlink(missing_ok=True)


def _say(incident: Incident) -> None:
    vkey = Signer.from_seed(incident.next_origin, incident.keys.signing_seed()).vkey
    sys.stdout.write(
        f"evidence  {incident.folder}\n"
        f"origin    {incident.next_origin}\n"
        f"vkey      {vkey}\n"
        "next: write the origin into `log.origin` of the settings, the key into `logs` of "
        "agencies.yaml, have the parties sign it, and tell them why. Until then the gateway "
        "refuses to start.\n"
    )
