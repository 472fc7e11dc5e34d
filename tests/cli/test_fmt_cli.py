"""`accord agreements fmt` and `lint --fix`: files are put right where there is one right form."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.cli.fmt import run_fmt
from gateway.cli.lint import run_lint
from tests.agreement.county import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2026-06-15T12:00:00Z"
NAME = "county-overdose-response.yaml"


KEPT = (
    "county",
    "_floor",
    "agencies",
    "purposes",
    "codes",
    "treatment.episode",
    "lab.drug_chemistry",
)
"""Of the shipped files: one agreement, and what it and the floor stand on."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of what one shipped agreement needs."""
    home, named = tmp_path / "agreements", (ROOT / NAME).read_text("utf-8")

    def others(_folder: str, names: list[str]) -> list[str]:
        return [
            one for one in names
            if one.endswith(".yaml") and not one.startswith(KEPT) and one[:-5] not in named
        ]  # fmt: skip

    shutil.copytree(ROOT, home, ignore=others)
    return home


def edit(folder: Path, old: str, new: str, name: str = NAME) -> None:
    """Change a file."""
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), "utf-8")


def test_a_folder_is_laid_out_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time nothing changes, and `--check` agrees."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capsys.readouterr()

    assert 0 == run_fmt([str(folder)], check=False)
    assert 0 == run_fmt([str(folder)], check=True)
    assert "0 files changed\n0 files would change\n" == capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_check_says_what_would_change_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is named, the exit code is 1, and the bytes stay."""
    edit(folder, "log: {retain: P6Y, witness: none}", "log: {witness: none,  retain: P6Y}")
    before = (folder / NAME).read_bytes()
    capsys.readouterr()

    assert 1 == run_fmt([str(folder)], check=True)
    assert f"{folder / NAME}\n1 file would change\n" == capsys.readouterr().out
    assert before == (folder / NAME).read_bytes()


def test_one_file_is_laid_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a file is named, the others are left alone."""
    edit(folder, "log: {retain: P6Y, witness: none}", "log: {witness: none, retain: P6Y}")
    edit(folder, "version: ", "version:   ", "_floor.yaml")
    capsys.readouterr()

    assert 0 == run_fmt([str(folder / NAME)], check=False)
    assert "1 file changed\n" == capsys.readouterr().out.removeprefix(f"{folder / NAME}\n")
    assert "version:   " in (folder / "_floor.yaml").read_text("utf-8")


def test_what_cannot_be_read_is_not_laid_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its error is told, the file stays, the others are laid out all the same."""
    edit(folder, "log: {", "log: &kept {")
    edit(folder, "version: ", "version:   ", "_floor.yaml")
    before = (folder / NAME).read_bytes()
    capsys.readouterr()

    assert 1 == run_fmt([str(folder)], check=False)
    told = capsys.readouterr()
    assert "yaml-alias" in told.err
    assert "1 file changed" in told.out
    assert before == (folder / NAME).read_bytes()


def test_fix_quotes_and_lays_out_what_it_can(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words that two readers differ about, and the layout: then nothing of it is left to say."""
    edit(folder, 'version: "1.0.0"', "version:   1.0.0")
    edit(folder, "log: {retain: P6Y, witness: none}", "log: {witness: none, retain: P6Y}")
    capsys.readouterr()

    assert 1 == run_lint([str(folder)], NOW, "", "text")
    assert "yaml-ambiguous-scalar" in capsys.readouterr().out
    assert 0 == run_lint([str(folder)], NOW, "", "text", fix=True)
    told = capsys.readouterr()
    assert f"fixed {folder / NAME}\n" == told.err
    assert "yaml-ambiguous-scalar" not in told.out
    assert "not-formatted" not in told.out
    assert 'version: "1.0.0"\n' in (folder / NAME).read_text("utf-8")


def test_fix_invents_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a value is absent a person is asked; the quotes that were certain stay put."""
    edit(folder, 'version: "1.0.0"', "version: 1.0.0")
    edit(folder, "supersedes: none", "supersedes:")
    capsys.readouterr()

    assert 1 == run_lint([str(folder)], NOW, "", "text", fix=True)
    assert "nothing stands here" in capsys.readouterr().out
    text = (folder / NAME).read_text("utf-8")
    assert 'version: "1.0.0"\n' in text
    assert "supersedes:\n" in text


def test_each_rule_that_is_found_names_its_page(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An officer is led to what to avoid, what to prefer, and why."""
    edit(folder, "    withhold: [source_agency", "    withold: [source_agency")
    capsys.readouterr()

    assert 1 == run_lint([str(folder)], NOW, "", "text")
    assert "    = docs/lint/unknown-key.md\n" in capsys.readouterr().out


def test_what_is_silenced_is_counted_and_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No warning vanishes: the text says how many were waived, JSON by whom, why and until when."""
    capsys.readouterr()
    assert 0 == run_lint([str(folder / NAME)], NOW, "", "text")
    assert "waived" in capsys.readouterr().out.splitlines()[-1]

    assert 0 == run_lint([str(folder / NAME)], NOW, "", "json")
    [first, *_] = json.loads(capsys.readouterr().out)["waived"]
    assert ("quasi-identifier-combo", "2027-05-31") == (first["rule"], first["until"])
    assert "@" in first["who"]
