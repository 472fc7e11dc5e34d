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
from gateway.cli.auditor.successor import FileSuccessor, ServerSuccessor, begun
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys, signers
from gateway.cli.opened import tell
from gateway.cli.place import place, state
from gateway.errors import LogError, SettingsError
from gateway.settings import POSTGRES, gateway_settings
from gateway.store import connect
from gateway.store.faults import RollbackError
from gateway.store.held import HeldFile
from gateway.store.incident import Remembering, examine, missing, next_origin, stored_notes
from gateway.store.reads import Reads
from gateway.store.start import open_log
from gateway.store.witnessing import consult

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.cli.auditor.successor import Successor
    from gateway.keys.folder import KeyFolder
    from gateway.store.incident import Examined
    from gateway.store.log import StoredLog
    from gateway.store.start import Place
    from gateway.store.witness import Witness

CLASSES: Final = ("rollback", "fork", "damaged", "key-compromise", "other")


@dataclass(frozen=True, slots=True)
class Incident:
    """What an incident is about.

    Attributes:
        kind: Of `CLASSES`.
        place: Where the old log lives.
        successor: Where the next one is made.
        state: The folder beside which evidence is kept.
        origin: Its origin.
        next_origin: Of the log that follows.
        keys: The key store.
        kept: Checkpoints that others kept.
        witnesses: Who is asked what they saw.
    """

    kind: str
    place: Place
    successor: Successor
    state: Path
    origin: str
    next_origin: str
    keys: KeyFolder
    kept: tuple[str, ...]
    witnesses: tuple[Witness, ...]

    @property
    def folder(self) -> Path:
        """Where the evidence goes: `incident-1` beside the first log, `incident-2` …."""
        number = self.next_origin.rpartition("/")[2]
        return self.state / f"incident-{int(number) - 1}"

    @property
    def next_held(self) -> Path:
        """Where its held checkpoint lies until then."""
        return self.place.held.with_name(f"{self.place.held.name}.next")

    def verifiers(self) -> tuple[Verifier, ...]:
        """Return every key that ever signed the old log, under its origin."""
        return signers(self.origin, self.keys, SystemClock().now()).verifiers


def run_incident(
    settings: str, kind: str, held: Sequence[str], *, new_key: bool, database: str = ""
) -> int:
    """Close a log, keep the evidence, and make the log that follows.

    Args:
        settings: gateway.toml; the gateway is stopped.
        kind: Of `CLASSES`.
        held: Files of checkpoints that agencies or witnesses kept.
        new_key: The next log is signed with a new key; always so after a `key-compromise`.
        database: Of a log that several gateways share: an empty database for the next one.

    Raises:
        SettingsError: The class is none, or does not fit what the store shows.
        LogError: Another process has the log, or a checkpoint is not this log's, or the old log
            has no good checkpoint; nothing was changed.
    """
    if kind not in CLASSES:
        raise SettingsError(f"`--class` is one of {', '.join(CLASSES)}")
    incident = _incident(Path(settings), kind, held, database)
    if not begun(incident.successor, incident.next_origin):
        with _alone(incident) as reads:
            found = _examined(incident, reads)
            _fits(incident, found)
            incident.successor.clear()
            incident.next_held.unlink(missing_ok=True)
        if not found.broken:
            # It takes the lock for itself.
            asyncio.run(_close(incident))
        with _alone(incident) as reads:
            found = _examined(incident, reads)
            asyncio.run(_follow(incident, found, reads, new_key=new_key))
        incident.successor.take()
    _hold(incident)
    _say(incident)
    return 0


def _incident(path: Path, kind: str, held: Sequence[str], database: str) -> Incident:
    settings = gateway_settings(path)
    where = place(path, settings, operator=True)
    return Incident(
        kind=kind,
        # A witness that is down must not keep a log from ending, and of the next it knows nothing.
        place=replace(where, witnesses=(), quorum=0, sync=False),
        successor=_successor(where, database),
        state=where.database.parent if isinstance(where.database, Path) else state(path, settings),
        origin=settings.log.origin,
        next_origin=next_origin(settings.log.origin),
        keys=open_keys(path, settings, SystemEntropy()),
        kept=tuple(_text(Path(one)) for one in held),
        witnesses=where.witnesses,
    )


def _successor(where: Place, database: str) -> Successor:
    """Return where the next log is made.

    Raises:
        SettingsError: It needs a database of its own and has none, or the other way round.
    """
    old = where.database
    if isinstance(old, Path):
        if database:
            raise SettingsError("`--database` is for a log that several gateways share")
        return FileSuccessor(old)
    if not database.startswith(POSTGRES) or database == old:
        raise SettingsError(
            "`--database` names an empty `postgresql://` database for the log that follows"
        )
    return ServerSuccessor(old, database, where.replica)


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
    with incident.successor.alone():
        reads = _reads(incident)
        try:
            yield reads
        finally:
            if reads is not None:
                reads.close()


def _reads(incident: Incident) -> Reads | None:
    old = incident.successor.old
    if not connect.exists(old):
        return None
    try:
        reads = Reads(old)
        reads.many("SELECT count(*) FROM log_entry")
    except LogError:
        if incident.kind != "damaged":
            raise
        return None
    return reads


# --- 1. What the store still proves ---------------------------------------------------------------


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


def _opened(incident: Incident, where: Place, origin: str, *, create: bool = False) -> StoredLog:
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
    if new_key or incident.kind == "key-compromise":
        incident.keys.rotate(incident.keys.signing()[0].key_id, now)
    where = replace(
        incident.place,
        database=incident.successor.made_in,
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
    old = incident.successor.old
    return Evidence(
        kind=incident.kind,
        origin=incident.origin,
        next_origin=incident.next_origin,
        found=found,
        database=old if isinstance(old, Path) else None,
        held=incident.place.held,
        kept=incident.kept,
        now=now,
    )


# --- 5. It took the place -------------------------------------------------------------------------


def _hold(incident: Incident) -> None:
    """Hold the next log's checkpoint in the place of the old one's."""
    where = incident.successor.settled_in
    reads = Reads(where)
    try:
        rows = reads.rows("SELECT note FROM log_signed")
    finally:
        reads.close()
    if len(rows) != 1:
        raise LogError("the log that follows was not signed")
    held = HeldFile(incident.place.held, where)
    try:
        held.write(str(rows[0][0]))
    finally:
        held.close()
    incident.next_held.unlink(missing_ok=True)


def _say(incident: Incident) -> None:
    vkey = Signer.from_seed(incident.next_origin, incident.keys.signing_seed()).vkey
    where = incident.successor.settled_in
    named = "" if isinstance(where, Path) else "the database into `log.database`, "
    sys.stdout.write(
        f"evidence  {incident.folder}\n"
        f"origin    {incident.next_origin}\n"
        f"vkey      {vkey}\n"
        f"next: write the origin into `log.origin` of the settings, {named}the key into `logs` of "
        "agencies.yaml, have the parties sign it, and tell them why. Until then the gateway "
        "refuses to start.\n"
    )
