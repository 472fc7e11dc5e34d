"""What the officers' verbs share: the clock, the folder as it lies there, words on a terminal."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.run import check
from gateway.cli.clock import SystemClock
from gateway.cli.report import placed, sources_of, told
from gateway.errors import SettingsError
from gateway.library.files import contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.agreement.lint.folder import Folder

EXIT_FINDINGS: Final = 1
EXIT_MISSING: Final = 5
EXIT_ATTENTION: Final = 6
EXIT_REFUSED: Final = 7
BLOCKS_SIGNING: Final = frozenset({Level.ERROR, Level.SIGNING})


def instant(now: str) -> dt.datetime:
    """Return the instant that `--now` fixes, or the clock's.

    Raises:
        SettingsError: It is not an ISO 8601 time with a zone.
    """
    if not now:
        return SystemClock().now()
    try:
        read = dt.datetime.fromisoformat(now)
    except ValueError:
        raise SettingsError("`--now` is a time such as 2027-06-15T12:00:00Z") from None
    if read.tzinfo is None:
        raise SettingsError("`--now` needs a zone, as in 2027-06-15T12:00:00Z")
    return read.astimezone(dt.UTC)


def read(
    folder: Path, now: dt.datetime, *, tested: bool = False
) -> tuple[Folder | None, list[Finding]]:
    """Return the folder and everything that is wrong with it, its tests too where they are asked.

    Raises:
        SettingsError: It is no folder.
    """
    found, findings = check(files_of(folder), now, tested=tested)
    return found, list(findings)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of a folder's files by their names inside it.

    Raises:
        SettingsError: It is no folder.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder of agreements")
    return contents(folder)


def good(folder: Path, now: dt.datetime, *, but: frozenset[str] = frozenset()) -> Folder | None:
    """Return a folder without errors; None, once the errors were printed.

    Args:
        folder: The officers' folder.
        now: This instant, UTC.
        but: Rules whose findings the caller tells itself.
    """
    files = files_of(folder)
    found, findings = check(files, now)
    errors = [one for one in findings if one.level is Level.ERROR and one.rule not in but]
    if found is None or errors:
        complain("the folder does not lint", errors or findings, folder, files)
        return None
    return found


def complain(
    why: str,
    findings: Iterable[Finding],
    folder: Path | None = None,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Print findings to standard error, each with its line where the folder's files are given."""
    given = tuple(findings)
    if folder is not None:
        lines = told(placed(str(folder), given), sources_of(str(folder), files or {}, given))
    else:
        lines = told(given, {})
    sys.stderr.write(f"accord: {why}\n")
    sys.stderr.writelines(f"  {line}\n" for line in lines)
