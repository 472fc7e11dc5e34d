"""Findings as people and machines read them: text with a caret, JSON, SARIF, JUnit, GitHub.

Every verb that finds something reports it here, so that an editor, a pull request and a test viewer
read one spelling of it. Files and findings may be anybody's: nothing that is written here moves a
cursor, ends an element or starts a second command.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.finding import Finding, Level, printable
from gateway.agreement.lint.catalogue import ABOUT, page
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BEFORE_CARET: Final = 60
LINE_CHARACTERS: Final = 96


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


FORMATS: Final = ", ".join(Format)


def format_of(text: str) -> Format:
    """Return the format that `--format` names.

    Raises:
        SettingsError: There is no such format.
    """
    try:
        return Format(text)
    except ValueError:
        raise SettingsError(f"`--format` is one of {FORMATS}") from None


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing that was looked at, as a file or a test in it; without a finding it is good.

    Attributes:
        file: As somebody calls it who stands where the verb was called.
        name: What of the file: a test's name; the file's own where it was judged as a whole.
        findings: Of `file`.
    """

    file: str
    name: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb found, in the order in which it is told.

    Attributes:
        verb: Such as `lint`; it names the tool in SARIF and JUnit.
        judged: All that was looked at, whatever came of it.
        sources: The text of files by the name that findings have for them, for excerpts.
        blocks: Levels that make the verb fail.
        summary: Lines for people, told last.
        facts: What JSON says beside the findings, by names of its own.
    """

    verb: str
    judged: tuple[Judged, ...]
    sources: Mapping[str, str]
    blocks: frozenset[Level] = frozenset({Level.ERROR})
    summary: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found."""
        return tuple(one for judged in self.judged for one in judged.findings)

    @property
    def failed(self) -> bool:
        """Whether a finding makes the verb fail."""
        return any(one.level in self.blocks for one in self.findings)


def by_file(files: Iterable[str], findings: Iterable[Finding]) -> tuple[Judged, ...]:
    """Return each file with what is wrong with it; a file that is absent has findings too."""
    found: dict[str, list[Finding]] = {name: [] for name in files}
    for one in findings:
        found.setdefault(one.file, []).append(one)
    return tuple(Judged(name, name, tuple(several)) for name, several in found.items())


def placed(folder: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings about files of a folder, as they are called outside it."""
    return tuple(replace(one, file=f"{folder}/{one.file}") for one in findings)


def sources_of(
    folder: str, files: Mapping[str, bytes], findings: Iterable[Finding]
) -> dict[str, str]:
    """Return the texts of files with findings, as the files are called outside their folder."""
    names = {one.file for one in findings} & files.keys()
    return {f"{folder}/{name}": files[name].decode("utf-8", "replace") for name in names}


def written(report: Report, how: Format) -> str:
    """Return the report in one of the formats, ended by a line end."""
    return _WRITERS[how](report)


# --- for people ---


def _text(report: Report) -> str:
    lines = told(report.findings, report.sources)
    return "".join(f"{line}\n" for line in (*lines, *map(printable, report.summary)))


def told(findings: Iterable[Finding], sources: Mapping[str, str]) -> Iterator[str]:
    """Yield findings as lines for people: the place, its line with a caret, a rule's page once.

    A note asks nothing of anybody: it is one line, and buries no warning.
    """
    seen: set[str] = set()
    for one in findings:
        yield printable(one.text())
        if one.level is not Level.INFO:
            yield from excerpt(sources.get(one.file, ""), one)
        if one.rule not in seen and (where := page(one.rule)):
            yield f"    = {where}"
        seen.add(one.rule)


def excerpt(source: str, one: Finding) -> tuple[str, ...]:
    """Return the line of a finding and a caret under its column; nothing where there is none."""
    lines = source.split("\n")
    if not source or not 1 <= one.line <= len(lines):
        return ()
    start = max(0, one.column - BEFORE_CARET)
    cut = printable(lines[one.line - 1].rstrip("\r")[start : start + LINE_CHARACTERS])
    return f"    {cut}", f"    {' ' * (one.column - 1 - start)}^"


# --- for machines ---


def row(one: Finding) -> dict[str, str | int]:
    """Return a finding as JSON has it."""
    return {
        "column": one.column,
        "file": one.file,
        "level": one.level.value,
        "line": one.line,
        "message": one.message,
        "rule": one.rule,
    }


def _json(report: Report) -> str:
    value = {"findings": [row(one) for one in report.findings], **report.facts}
    return json.dumps(value, sort_keys=True) + "\n"


_SARIF_LEVEL: Final = {
    Level.ERROR: "error",
    Level.SIGNING: "error",
    Level.WARNING: "warning",
    Level.INFO: "note",
}


def _sarif(report: Report) -> str:
    """Return SARIF 2.1.0 (OASIS), as code scanning and editors read it."""
    from urllib.parse import quote

    from gateway.cli.version import VERSION

    rules = sorted({one.rule for one in report.findings})
    driver = {
        "name": f"accord agreements {report.verb}",
        "semanticVersion": VERSION,
        "rules": [_sarif_rule(rule) for rule in rules],
    }
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": rules.index(one.rule),
            "level": _SARIF_LEVEL[one.level],
            "message": {"text": one.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(one.file)},
                        "region": {"startLine": one.line, "startColumn": one.column},
                    }
                }
            ],
        }
        for one in report.findings
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": results,
                "properties": dict(report.facts),
            }
        ],
    }
    return json.dumps(log, indent=1) + "\n"


def _sarif_rule(rule: str) -> dict[str, Any]:
    if (about := ABOUT.get(rule)) is None:
        return {"id": rule}
    return {
        "id": rule,
        "shortDescription": {"text": about.catches},
        "help": {"text": f"see {page(rule)}"},
        "defaultConfiguration": {"level": _SARIF_LEVEL[about.level]},
    }


def _junit(report: Report) -> str:
    """Return JUnit's XML: a suite for each file, a case for each thing judged in it."""
    suites: dict[str, list[Judged]] = {}
    for one in report.judged:
        suites.setdefault(one.file, []).append(one)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', _suites_tag(report)]
    for file, cases in suites.items():
        lines += _suite(report, file, cases)
    lines += [f"<!-- {_comment(line)} -->" for line in report.summary]
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _suites_tag(report: Report) -> str:
    failures = sum(_fails(report, one) for one in report.judged)
    name = _attribute(f"accord agreements {report.verb}")
    return f'<testsuites name={name} tests="{len(report.judged)}" failures="{failures}">'


def _suite(report: Report, file: str, cases: list[Judged]) -> Iterator[str]:
    failures = sum(_fails(report, one) for one in cases)
    yield (
        f'  <testsuite name={_attribute(file)} tests="{len(cases)}" failures="{failures}"'
        ' errors="0" skipped="0">'
    )
    for one in cases:
        yield f"    <testcase classname={_attribute(file)} name={_attribute(one.name)}>"
        said = "\n".join(_body(finding.text()) for finding in one.findings)
        if _fails(report, one):
            first = next(f for f in one.findings if f.level in report.blocks)
            about = f"type={_attribute(first.rule)} message={_attribute(first.message)}"
            yield f"      <failure {about}>{said}</failure>"
        elif said:
            yield f"      <system-out>{said}</system-out>"
        yield "    </testcase>"
    yield "  </testsuite>"


def _fails(report: Report, one: Judged) -> bool:
    return any(finding.level in report.blocks for finding in one.findings)


def _attribute(text: str) -> str:
    return f'"{escape(printable(text))}"'


def _body(text: str) -> str:
    return escape(printable(text), quote=False)


def _comment(text: str) -> str:
    return printable(text).replace("-", "\N{NON-BREAKING HYPHEN}")


_COMMAND: Final = {Level.WARNING: "warning", Level.INFO: "notice"}


def _github(report: Report) -> str:
    """Return workflow commands, which a pull request shows beside the line."""
    lines = []
    for one in report.findings:
        fails = "error" if one.level in report.blocks else "warning"
        where = f"file={_property(one.file)},line={one.line},col={one.column}"
        command = _COMMAND.get(one.level, fails)
        lines.append(f"::{command} {where},title={_property(one.rule)}::{_data(one.message)}")
    lines += [f"::notice::{_data(line)}" for line in report.summary]
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_WRITERS: Final[Mapping[Format, Callable[[Report], str]]] = {
    Format.TEXT: _text,
    Format.JSON: _json,
    Format.SARIF: _sarif,
    Format.JUNIT: _junit,
    Format.GITHUB: _github,
}
