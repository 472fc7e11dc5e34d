"""Every rule of the linter: a file that it refuses, one that it passes, a county only it saves.

A case, `lint/<rule>.yaml`, is edits of the tests' county (`setup`, then `fails` or `passes`) and of
the county that is shipped (`base`, then `mutation`). The rule's page shows the same two files.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.catalogue import ABOUT, page
from gateway.agreement.lint.inspect import inspect
from gateway.agreement.lint.run import (
    AGREEMENT_RULES,
    FOLDER_RULES,
    PROVISION_RULES,
    READING_RULES,
    check,
)
from gateway.cli.given import given
from tests.agreement.county import NOW, ROOT, TABLES, files
from tests.agreement.edits import Files, edited

if TYPE_CHECKING:
    from gateway.agreement.lint.rule import AgreementRule, FolderRule, ProvisionRule

HERE: Final = Path(__file__).parent / "lint"
PAGES: Final = ROOT.parent / "docs" / "lint"
RULES: Final = tuple(sorted(path.stem for path in HERE.glob("*.yaml")))
ELSEWHERE: Final = frozenset({"provision-untested", "fixture-has-real-data"})
"""Rules about tests, whose cases stand with the tests' own."""
EVERY: Final[tuple[ProvisionRule | AgreementRule | FolderRule, ...]] = (
    *PROVISION_RULES,
    *AGREEMENT_RULES,
    *FOLDER_RULES,
)
SHIPPED_NOW: Final = dt.datetime(2026, 6, 15, 12, tzinfo=dt.UTC)


@cache
def case(rule: str) -> dict[str, Any]:
    """Return a rule's case."""
    read: dict[str, Any] = yaml.safe_load((HERE / f"{rule}.yaml").read_text("utf-8"))
    return read


def looked(rule: str, folder: Files, now: dt.datetime, tables: frozenset[str]) -> list[Finding]:
    """Return what is found in a folder, by whoever looks for this rule."""
    if case(rule).get("inspect"):
        return list(inspect(folder, now).findings)
    known = tables | set(case(rule)["tables"]) if "tables" in case(rule) else tables
    return list(check(folder, now, tables=known)[1])


@cache
def county() -> Files:
    """Return the tests' county."""
    return files()


@cache
def plain() -> list[Finding]:
    """Return what is found in the tests' county as it is."""
    return list(check(county(), NOW, tables=TABLES)[1])


@cache
def ours(rule: str, side: str) -> tuple[Files, list[Finding]]:
    """Return the tests' county on one side of a rule, and what is found in it."""
    edits = [*case(rule).get("setup", ()), *case(rule).get(side, ())]
    if not edits and not case(rule).keys() & {"inspect", "tables"}:
        return county(), plain()
    folder = edited(county(), edits)
    return folder, looked(rule, folder, NOW, TABLES)


@pytest.mark.parametrize("rule", RULES)
def test_one_file_fails_and_one_passes(rule: str) -> None:
    """The rule finds the one, at its level and in a line; the other is free of errors."""
    folder, failing = ours(rule, "fails")
    _, passing = ours(rule, "passes")

    mine = [one for one in failing if one.rule == rule]
    assert {ABOUT[rule].level} == {one.level for one in mine}
    lines = {name: data.count(b"\n") + 1 for name, data in folder.items()}
    assert all(1 <= one.line <= lines.get(one.file, 1) for one in mine)
    grave = {one.rule for one in passing if one.level in (Level.ERROR, Level.SIGNING)}
    assert set() == grave | {one.rule for one in passing if one.rule == rule and _here(rule, one)}


def _here(rule: str, one: Finding) -> bool:
    """Return whether a finding is in a file that the case is about; layouts of others are not."""
    return rule != "not-formatted" or one.file in {e["file"] for e in case(rule)["fails"]}


# --- the county that is shipped ---


@cache
def shipped() -> Files:
    """Return the files of the county that is shipped."""
    [one] = given([str(ROOT)])
    return dict(one.files)


def _before(rule: str) -> Counter[tuple[str, str]]:
    base = case(rule).get("base", ())
    if not base and not case(rule).keys() & {"inspect", "tables"}:
        return _as_shipped()
    return _counted(looked(rule, edited(shipped(), base), SHIPPED_NOW, frozenset()))


@cache
def _as_shipped() -> Counter[tuple[str, str]]:
    return _counted(list(check(shipped(), SHIPPED_NOW, tables=frozenset())[1]))


def _counted(findings: list[Finding]) -> Counter[tuple[str, str]]:
    return Counter((one.rule, one.file) for one in findings)


def only_this_rule(rule: str) -> set[str]:
    """Return the rules that find something new in the shipped county after the rule's mutation."""
    edits = [*case(rule).get("base", ()), *case(rule)["mutation"]]
    after = _counted(looked(rule, edited(shipped(), edits), SHIPPED_NOW, frozenset()))
    return {name for name, _ in after - _before(rule)}


@pytest.mark.parametrize("rule", RULES[::8])
def test_a_mutation_of_the_county_is_caught_by_one_rule(rule: str) -> None:
    """Were the rule not there, nobody would notice: a share of the rules, the rest in the sweep."""
    assert {rule} == only_this_rule(rule)


@pytest.mark.long
@pytest.mark.parametrize("rule", RULES)
def test_each_mutation_of_the_county_is_caught_by_one_rule(rule: str) -> None:
    """The same of every rule."""
    assert {rule} == only_this_rule(rule)


# --- rules, cases and pages agree ---


def test_every_rule_has_its_case_and_its_page() -> None:
    """No rule stands without a proof or without an explanation, and no page without a rule."""
    ids = {one.id for one in EVERY} | READING_RULES

    assert set() == ids - ABOUT.keys()
    assert {*RULES} | ELSEWHERE == {*ABOUT}
    assert {*ABOUT, "README"} == {path.stem for path in PAGES.glob("*.md")}
    assert all((ROOT.parent / page(rule)).is_file() for rule in ABOUT)
    assert "" == page("no-such-rule")


def test_a_rule_has_one_level() -> None:
    """What the catalogue says of a rule is what its findings say."""
    levels = {one.id: one.level for one in EVERY}

    assert {} == {rule: level for rule, level in levels.items() if ABOUT[rule].level != level}


@pytest.mark.parametrize("rule", sorted(ABOUT))
def test_a_page_has_its_four_parts(rule: str) -> None:
    """Avoid, Prefer, Why and Source, under the rule's name and what it catches."""
    text = (PAGES / f"{rule}.md").read_text("utf-8")
    words = " ".join(text.split())

    assert ["Avoid", "Prefer", "Why", "Source"] == re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert text.startswith(f"# {rule}\n")
    assert ABOUT[rule].catches.lower() in words.lower()
    assert ABOUT[rule].fixable == ("`accord agreements lint --fix` puts it right" in words)


@pytest.mark.parametrize("rule", RULES)
def test_a_page_shows_the_two_files_of_its_case(rule: str) -> None:
    """What a page says to avoid stands in the folder that fails, what it prefers in the other."""
    text = (PAGES / f"{rule}.md").read_text("utf-8")
    avoid, prefer = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)

    for block, side in ((avoid, "fails"), (prefer, "passes")):
        folder, _ = ours(rule, side)
        touched = {e.get("to", e.get("file", "county.yaml")) for e in case(rule)["fails"]}
        there = {"county.yaml", "_floor.yaml", *touched} & folder.keys()
        parts = [part.strip(", {}[]") for part in _words(block).split("...")]
        texts = [_words(folder[name].decode()) for name in there]
        assert any(all(part in text for part in parts) for text in texts)


def _words(text: str) -> str:
    """Return a text without its layout, and without comments but waivers, which are no remarks."""
    return " ".join(re.sub(r"(?:^|\s)#(?! accord:).*", "", text, flags=re.MULTILINE).split())


def test_the_index_names_every_rule_with_its_level() -> None:
    """Officers find each rule in one table, and what it finds."""
    words = {"E": "error", "S": "signing", "W": "warning", "I": "note"}
    rows = re.findall(r"^\| \[`(.*?)`\]\((.*?)\.md\) \| (\w+) \| (.*) \|$",
                      (PAGES / "README.md").read_text("utf-8"), re.MULTILINE)  # fmt: skip

    assert [(rule, rule, words[about.level], about.catches) for rule, about in ABOUT.items()] == [
        tuple(row) for row in rows
    ]
