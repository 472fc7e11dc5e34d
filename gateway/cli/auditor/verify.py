"""`accord log verify`: an auditor's own reading of a log, and what it came to.

From an exported folder, a web server or a database, with the keys and checkpoints that the auditor
brings. It writes nothing anywhere: payloads that are opened are held against their commitments, and
nothing of them is shown. Section 8 of the log's specification.
"""

from __future__ import annotations

import datetime as dt
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import COSIGNATURE, ED25519, Verifier
from gateway.audit.entry import commit_meta, parse_leaf
from gateway.audit.fault import AuditError, Finding
from gateway.audit.proof import parse_proof, verify_proof
from gateway.auditor.database import POSTGRES, DatabasePlace
from gateway.auditor.folder import FolderPlace
from gateway.auditor.run import Against, run
from gateway.auditor.web import WebPlace
from gateway.cli.auditor.findings import Outcome, say, unfinished
from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.auditor.place import Place

WEB: Final = ("http://", "https://")
SETTINGS: Final = ".toml"
PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What `accord log verify` was asked for, option by option.

    Attributes:
        place: An exported folder or its URL; empty where `store` is given.
        store: A database: gateway.toml, a PostgreSQL URL or a SQLite file.
        vkeys: The log's keys, or files that hold them.
        held: Files with checkpoints that the auditor kept.
        receipts: Files that `accord request` wrote.
        openings: A file of openings.
        keys: gateway.toml of the key store that opens payloads.
        witnesses: Witnesses' keys, or files that hold them.
        quorum: How many of them the checkpoint needs.
        now: An instant that payloads' classes are held against; empty for this one.
        first: The auditor holds no checkpoint yet.
        as_json: Print a report for programs.
        processes: How many may walk the log at once.
    """

    place: str = ""
    store: str = ""
    vkeys: Sequence[str] = ()
    held: Sequence[str] = ()
    receipts: Sequence[str] = ()
    openings: str = ""
    keys: str = ""
    witnesses: Sequence[str] = ()
    quorum: int = 0
    now: str = ""
    first: bool = False
    as_json: bool = False
    processes: int = PROCESSES


def run_verify(asked: Asked) -> int:
    """Recompute a log and print every finding, the first bad entry first.

    Returns:
        0 clean, 1 findings, 3 not finished, 4 rollback or fork.

    Raises:
        SettingsError: An option is wrong, or names a file that cannot be read.
    """
    if not asked.held and not asked.first:
        raise SettingsError(
            "`--held FILE` names a checkpoint that you kept; `--first` says that you have none yet"
        )
    verifiers = tuple(_verifier(one, "--vkey", ED25519) for one in asked.vkeys)
    witnesses = tuple(_verifier(one, "--witness", COSIGNATURE) for one in asked.witnesses)
    if not 0 <= asked.quorum <= len(witnesses):
        raise SettingsError("`--quorum`: more than there are keys of `--witness`")
    kept = [_text(Path(one)) for one in asked.held]
    given = [_receipt(Path(one), verifiers) for one in asked.receipts]
    # A receipt's checkpoint is held against the log too: its entry is then in this very tree.
    notes = [note for note, _ in given if note]
    against = Against(verifiers, (*kept, *notes), witnesses, asked.quorum, _now(asked.now))
    place = _place(asked, witnesses)
    try:
        with _watching(quiet=asked.as_json) as watch:
            report = run(place, against, processes=asked.processes, watch=watch)
    except (LogError, SettingsError) as error:
        return unfinished(error.message, as_json=asked.as_json)
    found = [*(one for _, faults in given for one in faults), *report.findings]
    if notes and not kept:
        found.append(Finding("held-none", -1, "no held checkpoint but that of a receipt"))
    outcome = Outcome(report, found, against.held, first=asked.first)
    say(outcome, as_json=asked.as_json)
    return outcome.code


# --- Where, and with what -------------------------------------------------------------------------


def _place(asked: Asked, witnesses: tuple[Verifier, ...]) -> Place:
    if bool(asked.place) == bool(asked.store):
        raise SettingsError("`log verify` takes an exported folder or its URL, or `--store`")
    openings = Path(asked.openings) if asked.openings else None
    if asked.place:
        if asked.keys:
            raise SettingsError("`--keys` opens payloads, which only `--store` has")
        if asked.place.startswith(WEB):
            return WebPlace(asked.place, openings)
        return FolderPlace(Path(asked.place), openings)
    if openings:
        raise SettingsError("`--openings` goes with an export: `--store` has the payloads")
    keys = StoreKeys(Path(asked.keys)) if asked.keys else None
    return DatabasePlace(_database(asked.store), keys, witnesses, asked.quorum)


def _database(store: str) -> str:
    if not store.endswith(SETTINGS) or store.startswith(POSTGRES):
        return store
    from gateway.cli.place import database
    from gateway.settings import gateway_settings

    path = Path(store)
    return str(database(path, gateway_settings(path)))


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """The payload keys of a deployment, opened in whichever process asks.

    Attributes:
        settings: gateway.toml, which says where they lie.
    """

    settings: Path

    def __call__(self) -> Callable[[str], bytes | None]:
        """Return what returns a key by its id, or None where it was destroyed."""
        from gateway.cli.clock import SystemEntropy
        from gateway.cli.keyring import open_keys
        from gateway.settings import gateway_settings

        keys = open_keys(self.settings, gateway_settings(self.settings), SystemEntropy())
        return lambda key_id: keys.by_id(key_id) if keys.has(key_id) else None


def _verifier(text: str, option: str, kind: int) -> Verifier:
    """Return the pinned key that an option gives: a vkey, or a file that holds one."""
    path = Path(text)
    line = _text(path).strip() if path.is_file() else text.strip()
    try:
        verifier = Verifier.from_vkey(line)
    except AuditError as error:
        raise SettingsError(f"`{option}`: {error.message}") from None
    if verifier.kind != kind:
        whose = "a log's" if kind == ED25519 else "a witness's"
        raise SettingsError(f"`{option}`: the vkey is not {whose}")
    return verifier


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: cannot be read") from None


def _now(text: str) -> dt.datetime:
    if not text:
        from gateway.cli.clock import SystemClock

        return SystemClock().now()
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError("`--now` is an instant such as 2027-06-15T12:00:00Z") from None
    if moment.tzinfo is None:
        raise SettingsError("`--now` needs a zone, such as the Z of 2027-06-15T12:00:00Z")
    return moment


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


# --- On the terminal ------------------------------------------------------------------------------


@contextmanager
def _watching(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Draw how far the run has come: entries, entries a second, and what is left."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Entries a second."""

        def render(self, task: object) -> Text:
            """Return it as text."""
            speed = getattr(task, "speed", None)
            return Text(f"{speed:,.0f} entries/s" if speed else "")

    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), Rate())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("verify", total=None)

        def watch(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield watch
