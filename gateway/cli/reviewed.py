"""What whoever signs an agreement is shown first: what changed since it was signed, and its tests.

A text that is signed is kept beside the folder's files, in `signed/<id>@<version>.yaml`, so that
the next version can be compared with it. No gateway reads it, and nothing rests on it but what is
shown: a signature is of what lies in the folder.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.cursor import VERSION
from gateway.agreement.finding import printable
from gateway.cli.diff import between, lines_of
from gateway.cli.officers import complain
from gateway.cli.testing import lines, results
from gateway.library.files import write_synced

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement

SIGNED: Final = "signed"
"""The folder of texts that were signed, inside the officers' own."""


def shown(place: Path, found: Folder, read: Read[Agreement]) -> bool:
    """Print what is about to be signed; return whether its tests hold."""
    _print_changes(place, read.model)
    [tested] = results(found, [read])
    sys.stdout.writelines(printable(line) + "\n" for line in lines(tested))
    if not tested.failed:
        return True
    complain("failing tests forbid signing", [f for one in tested.judged for f in one.findings])
    return False


def _print_changes(place: Path, agreement: Agreement) -> None:
    before = _signed_before(place, agreement)
    if before is None:
        sys.stdout.write(
            f"{agreement.ref}: no earlier version was signed here to compare it with\n"
        )
        return
    sys.stdout.write(printable(f"{agreement.ref} beside {before.stem}, which was signed:") + "\n")
    changes, _ = between(before, place)
    sys.stdout.writelines(printable(f"  {line}") + "\n" for line in lines_of(changes))


def _signed_before(place: Path, agreement: Agreement) -> Path | None:
    """Return the text of the newest earlier version that was signed here, if there is one."""
    kept: dict[tuple[int, ...], Path] = {}
    for path in (place / SIGNED).glob(f"{agreement.id}@*.yaml"):
        version = path.stem.removeprefix(f"{agreement.id}@")
        if re.fullmatch(VERSION, version) and _numbers(version) < _numbers(agreement.version):
            kept[_numbers(version)] = path
    return kept[max(kept)] if kept else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in version.split("."))


def keep(place: Path, read: Read[Agreement]) -> None:
    """Keep the text of an agreement that was signed, for the next version to be compared with.

    Raises:
        OSError: It cannot be written.
    """
    folder = place / SIGNED
    folder.mkdir(exist_ok=True)
    write_synced(folder / f"{read.model.ref}.yaml", (place / read.file).read_bytes())
