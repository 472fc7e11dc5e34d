"""`accord agreements diff`: two folders, or files, and what an officer reads of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.cli.diff import EXIT_WIDER, run_diff
from gateway.errors import AgreementError, SettingsError
from tests.data import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAME = "county-overdose-response"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the county's folder."""
    return shutil.copytree(ROOT / "agreements", tmp_path / "agreements")


def _edit(folder: Path, old: str, new: str) -> None:
    file = folder / f"{NAME}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_an_amendment_is_told_both_ways(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not in the folder stands in for the agreement of its id."""
    before = folder.parent / "signed.yaml"
    shutil.copy(folder / f"{NAME}.yaml", before)
    _edit(folder, "truncate: hour", "truncate: minute")

    assert EXIT_WIDER == run_diff(str(before), str(folder), "wider", as_json=False)
    wider = capsys.readouterr().out
    assert 0 == run_diff(str(folder), str(before), "wider", as_json=False)
    narrower = capsys.readouterr().out

    assert "overdose_at: truncate to=hour -> truncate to=minute" in wider
    assert f"WIDENED  {NAME}: rivertown-ems to safe-steps, referral.post_overdose@1" in wider
    assert f"to sign again: {NAME}: rivertown-ems, rivertown-health, " in wider
    assert "NARROWED" in narrower
    assert "WIDENED" not in narrower


def test_nothing_is_said_of_layout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A comment changes nothing, and nobody signs again."""
    before = shutil.copytree(folder, folder.parent / "before")
    _edit(folder, "apiVersion", "# a remark\napiVersion")

    assert 0 == run_diff(str(before), str(folder), "wider", as_json=False)
    assert "nothing leaves otherwise than before\n" == capsys.readouterr().out


@pytest.mark.parametrize("whole", [True, False])
def test_a_lower_floor_is_wider(
    folder: Path, capsys: pytest.CaptureFixture[str], *, whole: bool
) -> None:
    """It lets as much more leave as an agreement that says so; its quorum signs."""
    before = shutil.copytree(folder, folder.parent / "before")
    floor = folder / "_floor.yaml"
    floor.write_text(floor.read_text().replace("min_cell: 11", "min_cell: 5"))
    old, new = (before, folder) if whole else (before / floor.name, floor)

    assert EXIT_WIDER == run_diff(str(old), str(new), "wider", as_json=False)

    assert capsys.readouterr().out == (
        "WIDENED  _floor: the whole file\n"
        "         at_least.min_cell: 11 -> 5\n"
        "to sign again: _floor: the quorum of rivertown-ems, rivertown-health, rivertown-pd, "
        "safe-steps\n"
    )


def test_json_names_every_part(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a machine: way, flow, key, before and after, and who signs."""
    before = shutil.copytree(folder, folder.parent / "before")
    _edit(folder, "min_cell: 11", "min_cell: 12")

    assert 0 == run_diff(str(before), str(folder), "", as_json=True)
    told = json.loads(capsys.readouterr().out)

    [change] = told["changes"]
    assert ("NARROWED", "disclosure.min_cell", "11", "12") == (
        change["way"], change["what"], change["before"], change["after"],
    )  # fmt: skip
    assert {NAME} == set(told["sign"])


def test_what_cannot_be_read_is_no_difference(folder: Path) -> None:
    """A wrong option, a place that is nothing, a file that is no agreement."""
    broken = folder.parent / "broken.yaml"
    broken.write_text("a: [")

    with pytest.raises(SettingsError, match="--fail-on"):
        run_diff(str(folder), str(folder), "narrower", as_json=False)
    with pytest.raises(SettingsError, match="neither"):
        run_diff(str(folder / "absent"), str(folder), "", as_json=False)
    with pytest.raises(SettingsError, match="no agreement"):
        run_diff(str(folder / "datasets/lab.drug_chemistry@1.yaml"), str(folder), "", as_json=False)
    with pytest.raises(AgreementError, match="cannot be read"):
        run_diff(str(broken), str(folder), "", as_json=False)
