"""`accord log`: show one exchange in words, export the log as static files, verify it offline."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Verifier
from gateway.audit.entry import commit_meta, parse_leaf
from gateway.audit.fault import AuditError, Finding
from gateway.audit.proof import parse_proof, verify_proof
from gateway.audit.verify import NOTES, Tally, exit_code, verify
from gateway.errors import LogError, SettingsError
from gateway.store.export import OPENINGS, FolderReader, export, read_openings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.store.database import Where
    from gateway.store.log import SqliteLog

EXIT_UNFINISHED = 3


# --- verify ---


def run_verify(
    folder: str,
    vkeys: Sequence[str],
    held: Sequence[str],
    receipts: Sequence[str],
    *,
    first: bool,
    as_json: bool,
) -> int:
    """Recompute an exported log and print every finding, the first bad entry first.

    Returns:
        0 clean, 1 findings, 3 not finished, 4 rollback or fork.

    Raises:
        SettingsError: A file that was named cannot be read, or neither `held` nor `first` is given.
    """
    if not held and not first:
        raise SettingsError(
            "`--held FILE` names a checkpoint that you kept; `--first` says that you have none yet"
        )
    place = Path(folder)
    verifiers = [_verifier(one) for one in vkeys]
    kept = [_text(Path(one)) for one in held]
    given = [_receipt(Path(one), verifiers) for one in receipts]
    found = [one for _, faults in given for one in faults]
    # A receipt's checkpoint is held against the log too: its entry is then in this very tree.
    notes = [note for note, _ in given if note]
    tally = Tally()
    try:
        openings = read_openings(place / OPENINGS) if (place / OPENINGS).exists() else None
        findings = verify(
            FolderReader(place), verifiers, held=[*kept, *notes], openings=openings, tally=tally
        )
        found += _counted(findings, tally)
    except (LogError, SettingsError) as error:
        return _unfinished(error.message, as_json=as_json)
    if notes and not kept:
        found.append(Finding("held-none", -1, "no held checkpoint but that of a receipt"))
    code = exit_code([one.code for one in found], first=first)
    # Entries in their order first, for whoever reads one line; what is only noted comes last.
    found.sort(key=lambda one: one.code in NOTES)
    _print_findings(found, tally, code, as_json=as_json)
    return code


def _unfinished(message: str, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"exit": EXIT_UNFINISHED, "message": message}) + "\n")
    sys.stderr.write(f"not finished: {message}\n")
    return EXIT_UNFINISHED


def _verifier(text: str) -> Verifier:
    """Return the pinned key that an option gives: a vkey, or a file that holds one."""
    path = Path(text)
    line = _text(path).strip() if path.is_file() else text.strip()
    try:
        return Verifier.from_vkey(line)
    except AuditError as error:
        raise SettingsError(f"`--vkey`: {error.message}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: cannot be read") from None


def _counted(findings: Iterator[Finding], tally: Tally) -> Iterator[Finding]:
    """Draw the findings with the entries seen so far on the terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("verifying") as status:
        for one in findings:
            status.update(f"verifying, {tally.entries:,} entries")
            yield one


def _receipt(path: Path, verifiers: Sequence[Verifier]) -> tuple[str, list[Finding]]:
    """Return the checkpoint of a receipt that `accord request` wrote, and what is wrong with it.

    The receipt holds together: its leaf is a release of its exchange, commits to its metadata, and
    stands at its index under a checkpoint that a pinned key signed.
    """
    try:
        value = json.loads(_text(path))
        leaf, meta = bytes.fromhex(value["leaf"]), bytes.fromhex(value["meta"])
        index, _ = verify_proof(value["proof"], leaf, *verifiers)
        read = parse_leaf(leaf)
        wrong = [
            said
            for said, wrong in (
                ("the proof is of another entry", index != value["index"]),
                ("the entry is no release", read.kind != "release"),
                ("the entry is of another exchange", read.exchange_id != value["exchange_id"]),
                (
                    "the entry does not commit to its metadata",
                    commit_meta(bytes.fromhex(value["salt"]), meta) != read.m,
                ),
            )
            if wrong
        ]
        note = parse_proof(value["proof"]).note
    except AuditError as error:
        return "", [Finding(error.code, -1, f"{path.name}: {error.message}")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", [Finding("receipt-mismatch", -1, f"{path.name}: not a receipt")]
    return note, [Finding("receipt-mismatch", index, f"{path.name}: {said}") for said in wrong]


def _print_findings(found: Sequence[Finding], tally: Tally, code: int, *, as_json: bool) -> None:
    if as_json:
        report = {
            "entries": tally.entries,
            "exit": code,
            "findings": [[one.code, one.index, one.message] for one in found],
            "not_opened": tally.not_opened,
            "open_exchanges": tally.open_exchanges,
            "opened": tally.opened,
        }
        sys.stdout.write(json.dumps(report, sort_keys=True) + "\n")
        return
    for one in found:
        kind = "note" if one.code in NOTES else "finding"
        place = f"entry {one.index}" if one.index >= 0 else "the log"
        sys.stdout.write(f"{kind:8} {one.code:18} {place:14} {one.message}\n")
    words = {0: "clean", 1: "findings", 3: "not finished", 4: "rollback or fork"}
    sys.stdout.write(
        f"{tally.entries:,} entries, {tally.opened:,} opened, "
        f"{tally.open_exchanges:,} open exchanges: {words[code]}\n"
    )


# --- the log of a deployment ---


def run_export(settings: str, folder: str, *, opened: bool) -> int:
    """Write the static folder for the newest checkpoint of a deployment's log.

    Raises:
        SettingsError: The folder is not empty.
        LogError: There is no log, or, with openings, another process has it.
    """
    from gateway.cli.opened import access, with_log
    from gateway.store.reads import Reads

    path = Path(settings)
    place = Path(folder)
    if opened:
        looks = access("export", None)
        return with_log(path, lambda _: looks, lambda log, key: _export_open(log, key, place))
    reads = Reads(_database(path))
    try:
        found = reads.rows("SELECT note, size FROM log_signed")
        if not found:
            raise LogError("nothing of this log was ever signed")
        note, size = str(found[0][0]), int(found[0][1])
        export(reads, note, size, place)
    finally:
        reads.close()
    sys.stdout.write(f"wrote {place}: {size:,} entries\n")
    return 0


def _export_open(log: SqliteLog, key: Callable[[str], bytes], place: Path) -> int:
    from gateway.store.export import export_newest

    size = export_newest(log.reads, log.published, place, key=key)
    sys.stdout.write(f"wrote {place}: {size:,} entries, with openings\n")
    return 0


def run_show(settings: str, exchange: str) -> int:
    """Print every entry of one exchange, opened, in words; that it was opened is an entry too.

    Raises:
        SettingsError: That is no exchange's id.
        LogError: Another process has the log: ask it through the audit service, or stop it.
    """
    from gateway.cli.opened import access, with_log

    x = exchange_bytes(exchange)

    def show(log: SqliteLog, key: Callable[[str], bytes]) -> int:
        rows = log.reads.rows("SELECT seq FROM log_entry WHERE x = ? ORDER BY seq", x)
        for (index,) in rows:
            (one,) = log.reads.opened(int(index), 1, key)
            print_entry(one.index, one.leaf, json.loads(one.meta) if one.meta else {})
        if not rows:
            sys.stdout.write("no entry of this exchange\n")
        return 0 if rows else 1

    return with_log(Path(settings), lambda _: access("show", exchange), show)


def exchange_bytes(text: str) -> bytes:
    """Return the 16 bytes of an exchange's id.

    Raises:
        SettingsError: It is none; nothing was opened.
    """
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise SettingsError(
            "an exchange's id is of the form 01a1faf2-07b8-7000-8000-000000000001"
        ) from None


def print_entry(index: int, leaf: bytes, meta: Mapping[str, object]) -> None:
    """Print an entry; what it says too, where `meta` is not empty."""
    parsed = parse_leaf(leaf)
    head = f"{index:>6}  {parsed.time}  {parsed.kind}"
    sys.stdout.write(head + (f"  {parsed.agreement}\n" if parsed.agreement else "\n"))
    for name, value in sorted(meta.items()):
        if value not in (None, [], ""):
            sys.stdout.write(f"        {name:18} {_shown(name, value)}\n")


def _shown(name: str, value: object) -> str:
    if name == "released" and isinstance(value, list):
        return "; ".join(f"{field}: {mask}" for field, mask in value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _database(path: Path) -> Where:
    from gateway.cli.place import database
    from gateway.settings import gateway_settings

    return database(path, gateway_settings(path))
