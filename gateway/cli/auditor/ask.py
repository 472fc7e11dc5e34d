"""A query as options give it, the names that officers wrote, and the log that is asked."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gateway.agreement import parse
from gateway.agreement.finding import FindingsError
from gateway.agreement.lint.folder import AGENCIES, PURPOSES
from gateway.agreement.yaml import read as read_yaml
from gateway.audit.entry import parse_leaf
from gateway.audit.names import Names, Party
from gateway.audit.select import Selection
from gateway.cli.auditor.logs import DeployedLog, ExportedLog, found, period
from gateway.cli.opened import access, with_log
from gateway.errors import SettingsError
from gateway.settings import beside, gateway_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.audit.entry import Draft
    from gateway.audit.event import Event
    from gateway.cli.auditor.logs import ReadLog
    from gateway.store.log import StoredLog

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A log that was opened for one selection.

    Attributes:
        log: What is read.
        names: Of agencies and purposes.
        selection: Which entries.
    """

    log: ReadLog
    names: Names
    selection: Selection

    def events(self) -> Iterator[Event]:
        """Yield what was asked for, with a progress bar on the terminal.

        Raises:
            LogError: What was opened is not what the leaves commit to.
        """
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        start, stop = period(self.log, self.selection)
        columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        disable = not console.is_terminal
        with Progress(*columns, console=console, transient=True, disable=disable) as bar:
            task = bar.add_task("reading", total=stop - start)
            yield from found(
                self.log, self.selection, lambda done: bar.update(task, completed=done)
            )


def selection(  # noqa: PLR0913 - one argument an option
    *,
    agencies: Sequence[str] = (),
    agreements: Sequence[str] = (),
    provisions: Sequence[str] = (),
    purposes: Sequence[str] = (),
    kinds: Sequence[str] = (),
    reasons: Sequence[str] = (),
    decision: str = "",
    since: str = "",
    until: str = "",
) -> Selection:
    """Return the selection that options make.

    Raises:
        SettingsError: One could never find anything.
    """
    try:
        return Selection(
            agencies=frozenset(agencies),
            agreements=frozenset(agreements),
            provisions=frozenset(provisions),
            purposes=frozenset(purposes),
            kinds=frozenset(kinds),
            reasons=frozenset(reasons),
            decision=decision,
            since=moment("--since", since),
            until=moment("--until", until),
        )
    except ValueError as error:
        raise SettingsError(f"`log query`: {error}") from None


def moment(option: str, text: str) -> dt.datetime | None:
    """Return an instant; of a day its first, UTC; None for no text.

    Raises:
        SettingsError: It is neither a day nor a time with a zone.
    """
    if not text:
        return None
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"`{option}` is a day such as 2026-11-01, or a time with a zone"
        ) from None
    if read.tzinfo is None:
        if len(text) > len("2026-11-01"):
            raise SettingsError(f"`{option}` needs a zone, as in 2026-11-01T12:00:00Z")
        return read.replace(tzinfo=dt.UTC)
    return read.astimezone(dt.UTC)


def ask(
    place: str, verb: str, asked: Selection, work: Callable[[Asked], _T], *, officers: str = ""
) -> _T:
    """Open a log for a selection, and work.

    Args:
        place: gateway.toml of a deployment, whose gateway is stopped; or an exported folder.
        verb: For the `access` entry, which a deployment's log has before anything is opened.
        asked: Which entries.
        work: What is done with them.
        officers: The folder of agreements that names agencies and purposes; a deployment's own
            where left out.

    Raises:
        LogError: Another process has the log, or the `access` entry is not durable; or an exported
            log cannot be read.
        SettingsError: The place or the folder is none.
    """
    folder = Path(officers) if officers else _own_folder(Path(place))

    def looks(log: ReadLog) -> Draft:
        return access(verb, asked.shape, _count(log, asked))

    return with_place(place, looks, lambda log: work(Asked(log, names(log.origin, folder), asked)))


def with_place(place: str, looks: Callable[[ReadLog], Draft], work: Callable[[ReadLog], _T]) -> _T:
    """Open a deployment's log, write the `access` entry and work; or work on an exported folder.

    Args:
        place: gateway.toml or a folder.
        looks: Returns the entry for a log that opens nothing yet; not asked of an export, whose
            own entry was written when it was made.
        work: What is done.

    Raises:
        LogError: As `ask`.
        SettingsError: As `ask`.
    """
    path = Path(place)
    if path.is_dir():
        log = ExportedLog(path)
        _warn(log)
        return work(log)
    return with_log(
        path,
        lambda log: looks(_of(log, _no_key)),
        lambda log, key: work(_of(log, key)),
    )


def _of(log: StoredLog, key: Callable[[str], bytes]) -> DeployedLog:
    return DeployedLog(log.reads, log.published.note, key)


def _own_folder(path: Path) -> Path | None:
    """Return the folder of agreements of a deployment; an exported folder has none."""
    if path.is_dir():
        return None
    return beside(path, gateway_settings(path).agreements.folder)


def _warn(log: ExportedLog) -> None:
    """Say what reading an exported folder does not do."""
    say = (
        "this reads an exported log as it lies there: `accord log verify` says whether it is whole"
    )
    sys.stderr.write(f"note: {say}\n")
    if not log.is_opened:
        sys.stderr.write("note: it has no openings, so what entries say is not shown\n")


def _count(log: ReadLog, asked: Selection) -> int:
    """Return how many entries a selection opens; nothing is opened here."""
    start, stop = period(log, asked)
    leaves = log.opened(start, stop, lambda _: False)
    return sum(asked.opens(parse_leaf(data)) for _, data, _ in leaves)


def _no_key(key_id: str) -> bytes:
    raise SettingsError(f"no key `{key_id}` before the `access` entry is written")


def names(origin: str, folder: Path | None) -> Names:
    """Return the names that a folder of agreements gives; ids alone where there is none.

    Raises:
        SettingsError: A file of names is there and cannot be read.
    """
    if folder is None:
        return Names(origin)
    try:
        registry = parse.agencies(read_yaml(_bytes(folder / AGENCIES), file=AGENCIES))
        purposes = parse.purposes(read_yaml(_bytes(folder / PURPOSES), file=PURPOSES))
    except FindingsError as error:
        lines = "; ".join(one.text() for one in error.findings)
        raise SettingsError(f"{folder}: {lines}") from None
    parties = {
        one.id: Party(one.name, one.address, one.san[0]) for one in registry.agencies.values()
    }
    reasons = {one.name: one.maps["hl7"] for one in purposes.leaves.values() if "hl7" in one.maps}
    return Names(origin, parties, reasons)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise SettingsError(f"{path}: cannot be read") from None
