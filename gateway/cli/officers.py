"""What the officers' verbs share: the clock, the folder as it lies there, words on a terminal."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.folder import Folder, read_folder
from gateway.agreement.lint.run import lint
from gateway.cli.clock import SystemClock
from gateway.errors import SettingsError
from gateway.library.files import contents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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


def read(folder: Path, now: dt.datetime) -> tuple[Folder | None, list[Finding]]:
    """Return the folder and everything that is wrong with it.

    Raises:
        SettingsError: It is no folder.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder of agreements")
    found, findings = read_folder(contents(folder))
    return found, [*findings, *(lint(found, now) if found is not None else ())]


def good(folder: Path, now: dt.datetime, *, but: frozenset[str] = frozenset()) -> Folder | None:
    """Return a folder without errors; None, once the errors were printed.

    Args:
        folder: The officers' folder.
        now: This instant, UTC.
        but: Rules whose findings the caller tells itself.
    """
    found, findings = read(folder, now)
    errors = [one for one in findings if one.level is Level.ERROR and one.rule not in but]
    if found is None or errors:
        complain("the folder does not lint", errors or findings)
        return None
    return found


def complain(why: str, findings: Iterable[Finding]) -> None:
    """Print findings to standard error."""
    sys.stderr.write(f"accord: {why}\n")
    sys.stderr.writelines(f"  {printable(one.text())}\n" for one in findings)


def printable(text: str) -> str:
    """Return text that moves no cursor and hides nothing: agreement files may be anybody's."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
