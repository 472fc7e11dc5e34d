"""`accord agreements fmt`: officers' files in the one layout, every comment kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gateway.agreement.finding import FindingsError, printable
from gateway.agreement.layout.fmt import ENDING, formatted
from gateway.agreement.layout.quote import requoted
from gateway.agreement.lint.folder import document_of
from gateway.cli.given import Given, given
from gateway.cli.officers import EXIT_FINDINGS, complain
from gateway.cli.report import placed
from gateway.library.files import write_synced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.agreement.finding import Finding


def run_fmt(places: Sequence[str], *, check: bool) -> int:
    """Lay files out and say how many changed; exit 1 where one cannot be read.

    Args:
        places: Folders of agreements, or files in them.
        check: Whether files are only looked at: then it is 1 where one would change.

    Raises:
        SettingsError: A place is no folder and no file in one.
    """
    unread: list[Finding] = []
    changed = 0
    for one in given(places):
        for name, data, laid_out in _laid_out(one, unread):
            if laid_out != data:
                changed += 1
                sys.stdout.write(printable(str(one.folder / name)) + "\n")
                if not check:
                    write_synced(one.folder / name, laid_out)
    if unread:
        complain("not laid out, since it cannot be read", unread)
    verb = "would change" if check else "changed"
    sys.stdout.write(f"{changed} {'file' if changed == 1 else 'files'} {verb}\n")
    return EXIT_FINDINGS if unread or (check and changed) else 0


def _laid_out(named: Given, unread: list[Finding]) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield name, bytes and laid out bytes of the files that were named; keep what is unread."""
    for name, data in _files(named):
        try:
            yield name, data, formatted(data, document_of(data, name))
        except FindingsError as error:
            unread += placed(str(named.folder), error.findings)


def _files(named: Given) -> Iterator[tuple[str, bytes]]:
    for name, data in named.files.items():
        if name.endswith(ENDING) and named.names(name):
            yield name, data


def mended(several: Sequence[Given]) -> tuple[Path, ...]:
    """Put right what has one right form, quotes and layout, and return the files that changed."""
    changed = []
    for one in several:
        for name, data in _files(one):
            right = _right(name, data)
            if right != data:
                write_synced(one.folder / name, right)
                changed.append(one.folder / name)
    return tuple(changed)


def _right(name: str, data: bytes) -> bytes:
    """Return a file with quotes and layout put right; with quotes alone where a person is asked."""
    quoted = requoted(data, file=name)
    try:
        return formatted(quoted, document_of(quoted, name))
    except FindingsError:
        return quoted
