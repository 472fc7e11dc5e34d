"""Verbs take files or folders: a file is judged in its folder, and only what was named is told."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.lint.inspect import inspect
from gateway.cli.claim import EXIT_COUNTEREXAMPLE, run_assert
from gateway.cli.given import given
from gateway.cli.lint import run_lint
from gateway.cli.matrix import run_matrix
from gateway.cli.reach import run_who
from gateway.errors import SettingsError
from tests.library.officers import Officers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = "2027-06-15T12:00:05Z"


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a signed folder with two agreements."""
    made = Officers(tmp_path)
    made.second()
    return made


def places(officers: Officers, *names: str) -> list[str]:
    """Return files of the folder, or the folder, as they are named outside it."""
    return [str(officers.folder / name) for name in names] or [str(officers.folder)]


def told(capsys: pytest.CaptureFixture[str], named: Sequence[str]) -> tuple[int, str]:
    """Lint; return the exit code and what was printed."""
    code = run_lint(named, NOW, "", "text")
    return code, capsys.readouterr().out


def broken(officers: Officers, name: str) -> None:
    """Put a key into a file that nobody knows."""
    officers.edit(name, "title:", "titel: x\ntitle:")


def test_another_file_is_not_told(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two agreements the broken one fails when it is named, and the other one passes."""
    broken(officers, "alpha.yaml")

    assert 0 == told(capsys, places(officers, "county.yaml"))[0]
    code, said = told(capsys, places(officers, "alpha.yaml"))

    assert 1 == code
    assert "alpha.yaml:" in said
    assert "county.yaml" not in said
    assert 1 == told(capsys, places(officers))[0]


@pytest.mark.parametrize(
    "name", ["_floor.yaml", "purposes.yaml", "datasets/ems.overdose_run@1.yaml"]
)
def test_what_everything_stands_on_is_told_with_any_file(
    officers: Officers, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """An agreement passes only if the files pass without which it cannot be loaded."""
    officers.edit(name, "apiVersion: accord/v1", "apiVersion: accord/v1\nstrange: x")

    code, said = told(capsys, places(officers, "county.yaml"))

    assert 1 == code
    assert f"{name}:" in said


LATE = dt.datetime(2027, 12, 25, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize("name", ["alpha.yaml", "county.yaml", "_floor.yaml", "codes.yaml"])
def test_of_a_file_the_same_is_told_as_among_all(officers: Officers, name: str) -> None:
    """Faults of a provision, of the agreement, of its layout, and those that two files share."""
    twin = officers.text("county.yaml").replace("id: county\n", "id: alpha\n")
    officers.write("alpha.yaml", twin)
    [named] = given(places(officers, name))

    alone = inspect(named.files, LATE, named=named.names).findings

    whole = inspect(named.files, LATE).findings
    assert named.told(whole) == named.told(alone)
    assert len(whole) > len(alone)
    shared = {"review-overdue", "quasi-identifier-combo", "provision-ambiguous"}
    expected = {
        "alpha.yaml": shared | {"not-formatted"},
        "county.yaml": shared,
        "_floor.yaml": {"not-formatted"},
        "codes.yaml": set(),
    }
    assert expected[name] <= {one.rule for one in named.told(alone)}


def test_files_of_one_folder_are_told_together(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two files of a folder are one reading of it, and it is counted once."""
    named = places(officers, "alpha.yaml", "county.yaml")

    assert 1 == len(given(named))
    assert 1 == told(capsys, named)[1].count(f"{officers.folder}:")


def test_a_folder_beside_its_file_is_the_folder(officers: Officers) -> None:
    """Who names both means all of it."""
    (one,) = given([*places(officers, "alpha.yaml"), *places(officers)])

    assert one.names("county.yaml")
    assert one.names("_floor.yaml")


@pytest.mark.parametrize("name", ["alpha.yaml", "alpha.sig.json"])
def test_what_stands_beside_an_agreement_is_named_with_it(officers: Officers, name: str) -> None:
    """Text, tests and signatures of an agreement go by one name."""
    officers.write("alpha.sig.json", '{"statements": []}')
    (one,) = given(places(officers, name))

    beside = ("alpha.yaml", "alpha.sig.json", "alpha.test.yaml", "county.yaml", "county.sig.json")
    assert ["alpha.yaml", "alpha.sig.json", "alpha.test.yaml"] == [
        name for name in beside if one.names(name)
    ]


def test_tests_of_another_agreement_are_not_read(officers: Officers) -> None:
    """What nobody is told of is not read: everything else of the folder is."""
    for stem in ("alpha", "county"):
        officers.write(f"{stem}.test.yaml", "tests: none\n")

    (one,) = given(places(officers, "alpha.yaml"))

    assert {"county.test.yaml"} == one.files.keys() - one.needed.keys()


def test_a_dataset_is_of_the_folder_above(officers: Officers) -> None:
    """A file of `datasets/` is judged with the agreements that use it."""
    (one,) = given(places(officers, "datasets/ems.overdose_run@1.yaml"))

    assert officers.folder == one.folder
    assert one.names("datasets/ems.overdose_run@1.yaml")
    assert not one.names("county.yaml")


@pytest.mark.parametrize("name", ["absent.yaml", "README.txt"])
def test_what_nobody_reads_is_refused(officers: Officers, name: str) -> None:
    """A file that is not there, or that no rule could stand in, is wrong usage and no pass."""
    (officers.folder / "README.txt").write_text("words\n")

    with pytest.raises(SettingsError, match=name):
        run_lint(places(officers, name), NOW, "", "text")


def test_a_file_that_lies_alone_does_not_pass(
    officers: Officers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without floor and registry an agreement is not judged: that is told, and fails."""
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "county.yaml").write_bytes((officers.folder / "county.yaml").read_bytes())

    code, said = told(capsys, [str(alone / "county.yaml")])

    assert 1 == code
    assert "_floor.yaml" in said


def test_who_and_matrix_are_of_the_named_files(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """A way by another agreement is none of the named one's."""
    assert 0 == run_who(places(officers), "completed_on", NOW)
    every = capsys.readouterr().out
    assert 0 == run_who(places(officers, "county.yaml"), "completed_on", NOW)
    own = capsys.readouterr().out

    assert "county/" in own
    assert "alpha/" not in own
    assert len(own) <= len(every)
    with pytest.raises(SettingsError, match="no provision"):
        run_matrix(places(officers, "alpha.yaml"), "treatment.episode", NOW)


def test_a_claim_is_held_against_the_named_files(officers: Officers) -> None:
    """What another agreement lets out breaks no claim about this one."""
    claim = ["dataset=ems.overdose_run"]

    assert EXIT_COUNTEREXAMPLE == run_assert(places(officers, "county.yaml"), claim, [], NOW)
    assert 0 == run_assert(places(officers, "alpha.yaml"), claim, [], NOW)
