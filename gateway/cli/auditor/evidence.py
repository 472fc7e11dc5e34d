"""What is kept of a log that could not go on: the store as it lay, and what contradicts it."""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.entry import format_time
from gateway.library.files import sync_folder, write_synced
from gateway.store.export import export

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.store.incident import Examined
    from gateway.store.reads import Reads


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept, and what it is about.

    Attributes:
        kind: Class of the incident.
        origin: Of the log that ended.
        next_origin: Of the log that follows.
        found: What its store proves.
        database: Its file, which may be missing; None for a database that stays where it is.
        held: Its held checkpoint; it may be missing.
        kept: Checkpoints that others kept.
        now: This instant.
    """

    kind: str
    origin: str
    next_origin: str
    found: Examined
    database: Path | None
    held: Path
    kept: Sequence[str]
    now: dt.datetime


def keep(evidence: Evidence, folder: Path, reads: Reads | None) -> None:
    """Keep the evidence in a folder that its owner alone can read; what is kept already stays.

    The database with its write-ahead log, byte for byte; `held` and `checkpoint-1` … as they were;
    `incident.json`; and the log up to its last good checkpoint as static files, which others'
    tools verify.

    Raises:
        LogError: The store cannot be read as far as that checkpoint.
        OSError: The disk does not take it; nothing was changed.
    """
    if folder.exists():
        return
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    for source in _files(evidence.database):
        _link(source, part / source.name)
    if evidence.held.exists():
        write_synced(part / "held", evidence.held.read_bytes())
    for number, note in enumerate(evidence.kept, 1):
        write_synced(part / f"checkpoint-{number}", note.encode("utf-8"))
    write_synced(part / "incident.json", _facts(evidence))
    if reads is not None:
        checkpoint, note = evidence.found.last_good()
        export(reads, note, checkpoint.size, part / "log")
    part.rename(folder)
    sync_folder(folder.parent)


def _files(database: Path | None) -> list[Path]:
    """Return the files of a database that there are: not `-shm`, which SQLite makes anew."""
    if database is None:
        return []
    both = (database, database.with_name(f"{database.name}-wal"))
    return [one for one in both if one.exists()]


def _link(source: Path, target: Path) -> None:
    """Keep a file under a second name; copy it where a disk has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _facts(evidence: Evidence) -> bytes:
    found = evidence.found
    good, _ = found.last_good()
    facts = {
        "class": evidence.kind,
        "contradicting": [_head(*one) for one in found.heads],
        "last_good": _head(good.size, good.root),
        "next_origin": evidence.next_origin,
        "origin": evidence.origin,
        "store": _head(found.size, found.root),
        "time": format_time(evidence.now),
    }
    return json.dumps(facts, indent=1, sort_keys=True).encode("ascii") + b"\n"


def _head(size: int, root: bytes | None) -> dict[str, object]:
    return {"root": None if root is None else b64(root), "size": size}


def b64(data: bytes) -> str:
    """Return base64 text."""
    return b64encode(data).decode("ascii")
