"""What officers name on the command line: folders of agreements, and files in them.

A file is never judged alone: it is judged in its folder, since an agreement means nothing without
the datasets, the registry and the floor. What is told is then of the files that were named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.folder import SIGNATURES, TESTS, is_agreement
from gateway.errors import SettingsError
from gateway.library.files import FOLDERS, contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Given:
    """A folder of agreements, and what of it was named.

    Attributes:
        folder: As it was named, or as what was named lies in it.
        files: The folder's files, by their names inside it; all are read, whatever was named.
        only: The names inside the folder that were named; empty where the folder itself was.
    """

    folder: Path
    files: Mapping[str, bytes]
    only: frozenset[str] = frozenset()

    def names(self, file: str) -> bool:
        """Return whether a file was named, itself or by the agreement that it stands beside."""
        return not self.only or stem_of(file) in {stem_of(one) for one in self.only}

    @property
    def needed(self) -> Mapping[str, bytes]:
        """The files that what was named is judged by: another agreement's tests are not."""
        return {
            name: data for name, data in self.files.items()
            if self.names(name) or not name.endswith(TESTS)
        }  # fmt: skip

    def told(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings that concern what was named.

        Those of the named files; and errors in whatever agreements stand on, since with them a
        named file is not fit for use either, and a lint that passes would be wrong.
        """
        return tuple(
            one for one in findings
            if self.names(one.file) or (one.level is Level.ERROR and not _own(one.file))
        )  # fmt: skip


def given(places: Sequence[str]) -> tuple[Given, ...]:
    """Return each folder that is named, or that a named file lies in: each once, in their order.

    Where a folder is named beside a file of it, the folder is meant.

    Raises:
        SettingsError: A place is neither; or a file is none that anybody reads.
    """
    named: dict[Path, set[str]] = {}
    whole: set[Path] = set()
    for place in places:
        folder, name = _placed(Path(place))
        named.setdefault(folder, set()).update({name} - {""})
        whole |= {folder} if not name else set()
    return tuple(_given(folder, set() if folder in whole else names)
                 for folder, names in named.items())  # fmt: skip


def _placed(path: Path) -> tuple[Path, str]:
    """Return a folder of agreements, and the name in it of the file that `path` is."""
    if path.is_dir():
        return path, ""
    if not path.is_file():
        raise SettingsError(f"{path} is not a folder of agreements, nor a file in one")
    if path.parent.name in FOLDERS:
        return path.parent.parent, f"{path.parent.name}/{path.name}"
    return path.parent, path.name


def _given(folder: Path, names: set[str]) -> Given:
    files = contents(folder)
    strangers = sorted(names - files.keys())
    if strangers:
        raise SettingsError(f"{folder / strangers[0]} is no file of agreements: nobody reads it")
    return Given(folder, files, frozenset(names))


def stem_of(name: str) -> str:
    """Return the agreement that a file is of, or stands beside; else the file's own name."""
    for ending in (SIGNATURES, TESTS, ".yaml"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def _own(name: str) -> bool:
    """Return whether a file is an agreement's own: another's does not hang on it."""
    return is_agreement(f"{stem_of(name)}.yaml")
