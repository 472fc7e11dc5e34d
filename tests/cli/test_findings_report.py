"""Findings in each format: what an editor, a pull request and a test viewer read."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.catalogue import ABOUT
from gateway.cli.report import (
    BEFORE_CARET,
    Format,
    Judged,
    Report,
    by_file,
    excerpt,
    format_of,
    placed,
    written,
)
from gateway.errors import SettingsError

SOURCE = "id: county\nversion: 1.10\n"
WRONG = Finding("yaml-ambiguous-scalar", Level.ERROR, "a/county.yaml", 2, 10, "'1.10': quote it")
WARNED = Finding("term-expiring", Level.WARNING, "a/county.yaml", 1, 1, "12 days are left")
REPORT = Report(
    "lint",
    (
        Judged("a/county.yaml", "a/county.yaml", (WARNED, WRONG)),
        Judged("a/_floor.yaml", "a/_floor.yaml"),
    ),
    {"a/county.yaml": SOURCE},
    summary=("a: 1 error, 1 warning",),
    facts={"coverage": 100},
)
HOSTILE = 'a\x1b[2J%0A::error::<b a="1">&\n--> ]]>'


def hostile() -> Report:
    """Return a report in which everything is somebody's trick."""
    one = Finding("wrong-value", Level.ERROR, HOSTILE, 1, 1, HOSTILE)
    return Report("lint", (Judged(HOSTILE, HOSTILE, (one,)),), {}, summary=(HOSTILE,))


def test_text_shows_the_line_the_caret_and_the_page() -> None:
    """Each finding has its line with a caret, each rule its page once, the summary comes last."""
    lines = written(REPORT, Format.TEXT).splitlines()

    assert [
        "a/county.yaml:1:1 warning term-expiring: 12 days are left",
        "    id: county",
        "    ^",
        "    = docs/lint/term-expiring.md",
        "a/county.yaml:2:10 error yaml-ambiguous-scalar: '1.10': quote it",
        "    version: 1.10",
        "             ^",
        "    = docs/lint/yaml-ambiguous-scalar.md",
        "a: 1 error, 1 warning",
    ] == lines


def test_a_note_is_one_line_and_its_page() -> None:
    """Of a note neither the line nor a caret is shown; it asks nothing of anybody."""
    note = Finding("push-not-loaded", Level.INFO, "a/county.yaml", 1, 1, "sound")
    report = Report("lint", (Judged("f", "f", (note, note)),), {"a/county.yaml": "id: county"})

    assert [
        "a/county.yaml:1:1 info push-not-loaded: sound",
        "    = docs/lint/push-not-loaded.md",
        "a/county.yaml:1:1 info push-not-loaded: sound",
    ] == written(report, Format.TEXT).splitlines()


def test_a_page_is_named_once() -> None:
    """Ten findings of a rule name its page at the first."""
    report = Report("lint", (Judged("f", "f", (WRONG, WRONG)),), {})

    assert 1 == written(report, Format.TEXT).count("docs/lint/")


@pytest.mark.parametrize("column", [1, BEFORE_CARET, BEFORE_CARET + 1, 500])
def test_a_caret_points_at_its_column(column: int) -> None:
    """Also in a line that is longer than a terminal."""
    source = "." * (column - 1) + "X" + "." * 200

    line, caret = excerpt(source, Finding("r", Level.ERROR, "f", 1, column, ""))

    assert "X" == line[caret.index("^")]
    assert len(line) <= 100


@pytest.mark.parametrize("line", [0, 4])
def test_a_place_outside_its_file_has_no_excerpt(line: int) -> None:
    """A finding about what is absent stands alone."""
    assert () == excerpt(SOURCE, Finding("r", Level.ERROR, "f", line, 1, ""))
    assert () == excerpt("", Finding("r", Level.ERROR, "f", 1, 1, ""))


def test_json_holds_findings_and_facts() -> None:
    """One object on one line."""
    text = written(REPORT, Format.JSON)
    value = json.loads(text)

    assert 1 == text.count("\n")
    assert {"findings", "coverage"} == value.keys()
    assert {
        "column": 10,
        "file": "a/county.yaml",
        "level": "E",
        "line": 2,
        "message": "'1.10': quote it",
        "rule": "yaml-ambiguous-scalar",
    } == value["findings"][1]


def test_sarif_names_rule_level_and_place() -> None:
    """SARIF 2.1.0: every result points into the rules, and its file is a URI."""
    log = json.loads(written(REPORT, Format.SARIF))
    run = log["runs"][0]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]

    assert ("2.1.0", ["term-expiring", "yaml-ambiguous-scalar"]) == (log["version"], rules)
    assert [("warning", 0), ("error", 1)] == [(r["level"], r["ruleIndex"]) for r in run["results"]]
    assert {
        "artifactLocation": {"uri": "a/county.yaml"},
        "region": {"startLine": 2, "startColumn": 10},
    } == run["results"][1]["locations"][0]["physicalLocation"]
    assert {"coverage": 100} == run["properties"]
    described = run["tool"]["driver"]["rules"][0]
    assert ABOUT["term-expiring"].catches == described["shortDescription"]["text"]
    assert "see docs/lint/term-expiring.md" == described["help"]["text"]
    assert "warning" == described["defaultConfiguration"]["level"]


def test_a_file_of_an_odd_name_is_a_uri() -> None:
    """Blanks and colons are escaped: `file:` stays a name, and no scheme."""
    one = Finding("r", Level.INFO, "my files/a:b.yaml", 1, 1, "m")
    log = json.loads(written(Report("lint", by_file((), (one,)), {}), Format.SARIF))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]

    assert "my%20files/a%3Ab.yaml" == place["artifactLocation"]["uri"]


def test_junit_counts_what_fails() -> None:
    """A suite for each file; a warning fails nothing and is told."""
    root = ET.fromstring(written(REPORT, Format.JUNIT))  # noqa: S314 - our own

    assert ("2", "1") == (root.get("tests"), root.get("failures"))
    assert ["a/county.yaml", "a/_floor.yaml"] == [one.get("name") for one in root]
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert "yaml-ambiguous-scalar" == failure.get("type")
    assert "term-expiring" in (failure.text or "")


def test_junit_tells_warnings_without_failing() -> None:
    """A file with warnings alone passes."""
    root = ET.fromstring(  # noqa: S314
        written(Report("lint", (Judged("f", "f", (WARNED,)),), {}), Format.JUNIT)
    )

    assert "0" == root.get("failures")
    assert "term-expiring" in (root.findtext("testsuite/testcase/system-out") or "")


def test_github_puts_findings_beside_their_lines() -> None:
    """One workflow command a finding; the summary is a notice."""
    assert [
        "::warning file=a/county.yaml,line=1,col=1,title=term-expiring::12 days are left",
        "::error file=a/county.yaml,line=2,col=10,title=yaml-ambiguous-scalar::'1.10': quote it",
        "::notice::a: 1 error, 1 warning",
    ] == written(REPORT, Format.GITHUB).splitlines()


@pytest.mark.parametrize(
    ("blocks", "said"),
    [({Level.ERROR, Level.SIGNING}, "::error"), ({Level.ERROR}, "::warning")],
)
def test_what_forbids_signing_is_an_error_where_it_blocks(blocks: set[Level], said: str) -> None:
    """`--for sign` makes an error of it; a load does not."""
    one = Finding("review-overdue", Level.SIGNING, "f", 1, 1, "m")
    report = Report("lint", by_file((), (one,)), {}, blocks=frozenset(blocks))

    assert (Level.SIGNING in blocks) is report.failed
    assert written(report, Format.GITHUB).startswith(said)


@pytest.mark.parametrize("how", list(Format))
def test_no_format_lets_a_file_speak_for_itself(how: Format) -> None:
    """Control characters, markup and workflow commands of a file stay words."""
    text = written(hostile(), how)

    assert "\x1b" not in text
    if how is Format.JUNIT:
        assert HOSTILE.replace("\x1b", "�").replace("\n", "�") == (
            ET.fromstring(text).find("testsuite") or ET.Element("")  # noqa: S314
        ).get("name")
    if how is Format.GITHUB:
        assert 2 == text.count("\n")
        assert all(line.startswith(("::error file=", "::notice::")) for line in text.splitlines())
        assert "%0A" not in text.replace("%250A", "")


def test_a_file_that_was_not_looked_at_has_its_findings_too() -> None:
    """A missing file is judged by its absence."""
    missing = Finding("missing-file", Level.ERROR, "a/agencies.yaml", 1, 1, "m")

    assert (
        Judged("a/x.yaml", "a/x.yaml"),
        Judged("a/agencies.yaml", "a/agencies.yaml", (missing,)),
    ) == by_file(("a/x.yaml",), (missing,))


def test_findings_are_called_as_from_outside() -> None:
    """The folder stands before the file, so that an editor finds it."""
    inside = Finding("r", Level.ERROR, "county.yaml", 1, 1, "m")

    assert ["a/county.yaml"] == [one.file for one in placed("a", [inside])]


def test_an_unknown_format_is_wrong_usage() -> None:
    """The formats are a closed set."""
    with pytest.raises(SettingsError, match="--format"):
        format_of("yaml")
