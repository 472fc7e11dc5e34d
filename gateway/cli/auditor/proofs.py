"""`accord log proof`: an entry with all that others need to check it without this log.

Three files an entry: `<seq>.tlog-proof` (C2SP tlog-proof: index, audit path, signed checkpoint),
`<seq>.leaf` (its bytes in the tree) and, where it can be opened, `<seq>.opening.json` (metadata and
salt; hashed as section 3.2 of the specification says, they are the `m` of the leaf). No token.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.beside import Opening
from gateway.audit.entry import parse_leaf
from gateway.audit.event import events
from gateway.audit.fault import AuditError
from gateway.audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from gateway.audit.proof import write_proof
from gateway.audit.static import opening_line
from gateway.cli.auditor.ask import with_place
from gateway.cli.auditor.logs import signed
from gateway.cli.auditor.outputs import whole
from gateway.cli.log import exchange_bytes
from gateway.cli.opened import access
from gateway.errors import LogError

if TYPE_CHECKING:
    from gateway.audit.entry import Draft
    from gateway.audit.event import Said
    from gateway.cli.auditor.logs import ReadLog

_DIGITS: Final = 16  # of 2^53


def run_proof(place: str, entry: str, output: str) -> int:
    """Write the proofs of one entry, or of each of an exchange; 1 where there is none.

    Args:
        place: gateway.toml, or an exported folder.
        entry: A place in the log, or an exchange's id.
        output: A folder; made where it is not.

    Raises:
        SettingsError: The entry is neither a place nor an exchange's id; nothing was opened.
        LogError: The log's tiles do not lead to its checkpoint, or what was opened is not what the
            leaf commits to.
    """
    is_place = entry.isdecimal() and len(entry) <= _DIGITS
    if not is_place:
        exchange_bytes(entry)
    folder = Path(output)

    def indexes(log: ReadLog) -> list[int]:
        if is_place:
            return [int(entry)] if int(entry) < log.size else []
        return log.entries_of(entry.lower())

    def looks(log: ReadLog) -> Draft:
        asked = None if is_place else entry.lower()
        return access("proof", asked, len(indexes(log)))

    def work(log: ReadLog) -> int:
        found = indexes(log)
        if not found:
            sys.stdout.write("no entry below the newest checkpoint\n")
            return 1
        folder.mkdir(parents=True, exist_ok=True)
        for index in found:
            sys.stdout.write(_written(log, index, folder))
        return 0

    return with_place(place, looks, work)


def _written(log: ReadLog, index: int, folder: Path) -> str:
    """Write the files of an entry; return a line that says what they are."""
    ((_, leaf, said),) = log.opened(index, index + 1, lambda _: True)
    files = [(f"{index}.tlog-proof", proof(log, index, leaf).encode()), (f"{index}.leaf", leaf)]
    opening = _opening(index, leaf, said)
    if opening:
        files.append((f"{index}.opening.json", opening))
    for name, data in files:
        with whole(folder / name) as part:
            part.write_bytes(data)
    names = ", ".join(name for name, _ in files)
    return f"entry {index}, {parse_leaf(leaf).kind}: {names}\n"


def proof(log: ReadLog, index: int, leaf: bytes) -> str:
    """Return the tlog-proof of an entry, once it leads from the leaf to the checkpoint's root.

    Raises:
        LogError: It does not: the tiles are not those of the checkpoint.
    """
    checkpoint = signed(log.note)
    try:
        path = inclusion_proof(index, checkpoint.size, log.tile)
        verify_inclusion(leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root)
        return write_proof(index, path, log.note)
    except AuditError as error:
        raise LogError(f"entry {index} is not proved: {error.message}") from error


def _opening(index: int, leaf: bytes, said: Said) -> bytes:
    """Return the opening as a line of `openings.jsonl`; nothing where there is none.

    Raises:
        LogError: The leaf does not commit to it.
    """
    if not said.meta:
        return b""
    try:
        list(events([(index, leaf, said)]))
    except AuditError as error:
        raise LogError(f"{error.code}: {error.message}") from error
    return opening_line(index, Opening(said.meta, said.salt)).encode("ascii")
