"""Folders of NEMSIS EMSDataSet documents (3.5.0, 3.5.1): a row for each report that is a case.

A document is refused whole where it is hostile, where its root is not EMSDataSet in the NEMSIS
namespace (checked before anything else, EMS-10), and, with a schema at hand, where it is invalid.
Without one the elements that are always present are checked, report by report. The same report
comes again in corrected and national copies: NEMSIS has no time of correction, so the fuller copy
stays and the others are reported (EMS-9).

Documents are read once: what a file gave is kept until it changes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from adapters.ems_report import NAMESPACE, Elements, Read, row
from adapters.hardened import UnreadableError, compile_schema, parse_xml, read_document
from adapters.kept import Kept
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.base import Record, Report
    from adapters.ems_cases import Definition

_N = f"{{{NAMESPACE}}}"
_ROOT = f"{_N}EMSDataSet"
_OTHER_ROOTS = frozenset({"DEMDataSet", "StateDataSet"})
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCHEMA = "EMSDataSet_v3.xsd"


@dataclass(frozen=True, slots=True)
class Document:
    """What one file gave: reports, why others were left out, and what was noticed of it."""

    reads: tuple[Read, ...] = ()
    quarantined: tuple[str, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()


@dataclass
class Folder:
    """One source: a folder of XML files.

    Attributes:
        path: The folder, read with all its folders.
        schema: The compiled schema, or None: then the scan is `unvalidated`.
        source_system: What its rows say they come from.
        all_reports: Whether reports that are no case become rows too: for reconciliation only.
    """

    path: Path
    schema: etree.XMLSchema | None
    source_system: str
    definition: Definition
    all_reports: bool

    def __post_init__(self) -> None:
        """Begin with nothing kept."""
        self._kept = Kept(self.path, ".xml", self.document)

    def documents(self) -> Iterator[Document]:
        """Yield what each file gives, in the order of their paths."""
        return self._kept.all()

    def document(self, path: str) -> Document:
        """Return what one file gives."""
        try:
            root = parse_xml(read_document(Path(path)))
        except UnreadableError as error:
            return Document(quarantined=(error.reason,))
        return self.read(root)

    def read(self, root: etree._Element) -> Document:
        """Return what a parsed document gives."""
        if root.tag != _ROOT:
            name = etree.QName(root).localname
            where = name if name in _OTHER_ROOTS else "another root"
            return Document(quarantined=("wrong-root",), notices=(("wrong-root", where),))
        if self.schema is not None and not self.schema.validate(root):
            return Document(quarantined=("xsd-invalid",), notices=(self._first_error(root),))
        reads: list[Read] = []
        quarantined: list[str] = []
        notices: list[tuple[str, str]] = []
        for report in root.iterfind(f"{_N}Header/{_N}PatientCareReport"):
            read = self._report(report)
            if isinstance(read, Read):
                reads.append(read)
            else:
                quarantined.append(read[0])
                notices.append(read)
        return Document(tuple(reads), tuple(quarantined), tuple(notices))

    def _first_error(self, root: etree._Element) -> tuple[str, str]:
        # The log's own message quotes values; its line finds the element, whose name is enough.
        assert self.schema is not None  # noqa: S101 - the caller has validated with it
        log: Any = self.schema.error_log
        line = log[0].line
        at = next((held for held in root.iter() if held.sourceline == line), root)
        return "xsd-invalid", etree.QName(at).localname

    def _report(self, report: etree._Element) -> Read | tuple[str, str]:
        key = report.get("UUID", "").strip()
        if not _UUID.fullmatch(key):
            return "no-record-key", "PatientCareReport/@UUID"
        elements = Elements(report)
        if self.schema is None and (missing := elements.missing()) is not None:
            return "required-absent", missing
        if elements.instant("eTimes.03") is None:
            return "no-event-time", "eTimes.03"
        # Most reports are no overdose: whether one is a case is asked before its row is made.
        is_row = self.all_reports or self.definition.basis(elements.coded)
        held = row(elements, key.lower(), self.definition) if is_row else None
        return Read(
            key.lower(),
            elements.count,
            None if held is None else {**held, "source_system": self.source_system},
            tuple(elements.notices),
        )


def open_schema(folder: Path) -> etree.XMLSchema:
    """Return the schema of a `schema_dir`, compiled.

    Raises:
        SettingsError: There is none, or it does not compile.
    """
    try:
        return compile_schema(folder / _SCHEMA)
    except UnreadableError:
        raise SettingsError(
            f"adapter settings: `schema_dir` has no {_SCHEMA} that compiles"
        ) from None


def rows(folders: tuple[Folder, ...], report: Report) -> Iterator[Record]:
    """Yield the rows of all folders, one for each report key, in the order of folders and paths."""
    reads: list[Read] = []
    for folder in folders:
        report.unvalidated = report.unvalidated or folder.schema is None
        for document in folder.documents():
            for reason in document.quarantined:
                report.quarantine(reason)
            for notice in document.notices:
                report.notices[notice] += 1
            reads.extend(document.reads)
    for read in _fullest(reads, report):
        if read.row is None:
            continue
        for kind, where in read.notices:
            report.notice(kind, where)
        yield read.row


def _fullest(reads: list[Read], report: Report) -> Iterator[Read]:
    best: dict[str, int] = {}
    for place, read in enumerate(reads):
        held = best.get(read.key)
        if held is None or read.fullness > reads[held].fullness:
            best[read.key] = place
    copies = Counter(read.key for read in reads)
    repeated = sum(count - 1 for count in copies.values())
    if repeated:
        report.notices["repeated-key", "PatientCareReport/@UUID"] += repeated
    kept: Mapping[str, int] = best
    return (read for place, read in enumerate(reads) if kept[read.key] == place)
