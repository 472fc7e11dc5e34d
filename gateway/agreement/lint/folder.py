"""A folder of agreements as one value: every file read and parsed, with the places for findings.

The folder is given as bytes by name: reading a disk, or a branch in CI, is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from gateway.agreement import parse
from gateway.agreement.finding import Finding, FindingsError, Level
from gateway.agreement.signatures import read_signatures
from gateway.agreement.yaml import Document, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.dataset import CodeLists, Dataset
    from gateway.agreement.floor import Floor
    from gateway.agreement.model import Agreement
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.registry import Registry
    from gateway.agreement.signing import Statement
    from gateway.agreement.testing import Suite

T = TypeVar("T")

FLOOR: Final = "_floor.yaml"
AGENCIES: Final = "agencies.yaml"
PURPOSES: Final = "purposes.yaml"
CODES: Final = "codes.yaml"
FIRM: Final = (FLOOR, AGENCIES, PURPOSES, CODES)
"""Files without which there is no set at all: where one is gone, its last good version stays."""
DATASETS: Final = "datasets/"
NOTICES: Final = "notices/"
SIGNATURES: Final = ".sig.json"
TESTS: Final = ".test.yaml"


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What a file says, and where it says it."""

    model: T
    document: Document

    @property
    def file(self) -> str:
        """The file's name inside the folder."""
        return self.document.file


@dataclass(frozen=True, slots=True)
class Folder:
    """One consistent reading of all files.

    Attributes:
        datasets: By `<name>@<version>`.
        notices: The bytes of each notice, by `<id>@<n>`.
        signatures: Statements by the stem of the file that they stand beside.
        tables: Reference tables that the gateway has, by `name@version`, and a grid of people also
            as `grid:<step>`; None where nobody knows, as in CI.
        suites: The tests of each agreement by the stem of its file; None where nobody looks at
            them, as in a gateway.
    """

    floor: Read[Floor]
    registry: Read[Registry]
    purposes: Read[Purposes]
    codes: Read[CodeLists]
    datasets: Mapping[str, Read[Dataset]]
    agreements: tuple[Read[Agreement], ...]
    notices: Mapping[str, bytes]
    signatures: Mapping[str, tuple[Statement, ...]]
    tables: frozenset[str] | None = None
    suites: Mapping[str, Read[Suite]] | None = None

    @property
    def notice_texts(self) -> Mapping[str, str]:
        """The words of each notice; what is no UTF-8 is marked where it stands."""
        return {name: text.decode("utf-8", "replace") for name, text in self.notices.items()}

    @property
    def schemas(self) -> Mapping[str, Dataset]:
        """The datasets without their places."""
        return {name: one.model for name, one in self.datasets.items()}


@lru_cache(maxsize=512)
def document_of(data: bytes, name: str) -> Document:
    """Return what a file says; a folder is read again for one file that changed in it."""
    return read(data, file=name)


def _made(data: bytes, name: str, make: Callable[[Document], T]) -> Read[T]:
    document = document_of(data, name)
    return Read(make(document), document)


@lru_cache(maxsize=512)
def _dataset(data: bytes, name: str) -> Read[Dataset]:
    """Return a dataset; most of a folder is datasets, and they hardly ever change."""
    return _made(data, name, parse.dataset)


class _Reader:
    """Reads file by file and keeps what is wrong with each."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.found: list[Finding] = []

    def read(self, name: str, make: Callable[[Document], T]) -> Read[T] | None:
        """Return the parsed file, or None with its findings kept."""
        return self.kept(name, lambda data, file: _made(data, file, make))

    def kept(self, name: str, read_: Callable[[bytes, str], Read[T]]) -> Read[T] | None:
        """Return what a reader of bytes makes of a file, or None with its findings kept."""
        try:
            return read_(self.files[name], name)
        except FindingsError as error:
            self.found += error.findings
            return None

    def one(self, name: str, make: Callable[[Document], T], rule: str) -> Read[T] | None:
        """Return a file that must be there."""
        if name not in self.files:
            message = f"there is no `{name}`"
            self.found.append(Finding(rule, Level.ERROR, name, 1, 1, message))
            return None
        return self.read(name, make)

    def suites(self, schemas: Mapping[str, Dataset]) -> dict[str, Read[Suite]]:
        """Return the officers' tests, by the stem of the agreement's file."""
        return {
            name.removesuffix(TESTS): one
            for name in sorted(self.files)
            if name.endswith(TESTS) and "/" not in name
            if (one := self.read(name, lambda d: parse.tests(d, schemas))) is not None
        }

    def signatures(self) -> dict[str, tuple[Statement, ...]]:
        """Return the statements of every readable signature file."""
        result: dict[str, tuple[Statement, ...]] = {}
        for name in sorted(self.files):
            if name.endswith(SIGNATURES):
                try:
                    statements = read_signatures(self.files[name], file=name)
                except FindingsError as error:
                    self.found += error.findings
                else:
                    result[name.removesuffix(SIGNATURES)] = statements
        return result


def read_folder(
    files: Mapping[str, bytes], *, tables: frozenset[str] | None = None, tested: bool = False
) -> tuple[Folder | None, tuple[Finding, ...]]:
    """Return the folder and what is wrong with its files one by one.

    The folder is None where a file that everything rests on is absent or unreadable. Where a
    dataset or an agreement is unreadable, it is left out: the findings refuse the folder all the
    same.

    Args:
        files: Contents by name inside the folder, such as `datasets/ems.overdose_run@1.yaml`.
            Schemas, README and whatever is no YAML in its place are passed over.
        tables: Reference tables that the gateway has.
        tested: Whether the officers' tests are read too; else they are passed over.
    """
    reader = _Reader(files)
    reader.found += _strangers(files)
    floor = reader.one(FLOOR, parse.floor, "floor-missing")
    registry = reader.one(AGENCIES, parse.agencies, "missing-file")
    purposes = reader.one(PURPOSES, parse.purposes, "missing-file")
    codes = reader.one(CODES, parse.codes, "missing-file")
    datasets = {
        name.removeprefix(DATASETS).removesuffix(".yaml"): one
        for name in sorted(files)
        if name.startswith(DATASETS) and name.endswith(".yaml")
        if (one := reader.kept(name, _dataset)) is not None
    }
    schemas = {str(one.model.id): one.model for one in datasets.values()}
    agreements = tuple(
        made
        for name in sorted(files)
        if is_agreement(name)
        if (made := reader.read(name, lambda d: parse.agreement(d, schemas))) is not None
    )
    suites = reader.suites(schemas) if tested else None
    signatures = reader.signatures()
    notices = {
        name.removeprefix(NOTICES).removesuffix(".md"): text
        for name, text in files.items()
        if name.startswith(NOTICES) and name.endswith(".md")
    }
    found = tuple(reader.found)
    if floor is None or registry is None or purposes is None or codes is None:
        return None, found
    by_id = {str(one.model.id): one for one in datasets.values()}
    folder = Folder(
        floor, registry, purposes, codes, by_id, agreements, notices, signatures, tables, suites
    )
    return folder, found


def is_agreement(name: str) -> bool:
    """Return whether a file of this name is read as an agreement."""
    test = name.endswith(TESTS)
    return name.endswith(".yaml") and "/" not in name and name not in FIRM and not test


def _strangers(files: Mapping[str, bytes]) -> list[Finding]:
    """Return a finding for each file that looks like a rule and would be passed over."""
    known = (DATASETS, NOTICES, "schema/")
    return [
        Finding("unknown-file", Level.ERROR, name, 1, 1, "nobody reads a file of this name")
        for name in sorted(files)
        if name.endswith(".yml")
        or (name.endswith(".yaml") and "/" in name and not name.startswith(known))
    ]
