"""`accord agreements test`: 0 where all holds, 1 where a test fails or too little is covered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from gateway.cli.testing import run_test
from gateway.errors import SettingsError
from tests.agreement.county import TESTS
from tests.library.officers import Officers

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2027-06-15T12:00:00Z"
WHOLE = "county: 28 passed; provisions 4/4, never 4/4, refusal codes 15/15"
FAILS = ("06:00:00Z", "06:41:00Z")


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a signed folder."""
    return Officers(tmp_path)


def carry_out(officers: Officers, *names: str, least: int = 0, how: str = "text") -> int:
    """Carry out the tests of these files, or of the whole folder."""
    places = [str(officers.folder / name) for name in names] or [str(officers.folder)]
    return run_test(places, least, how, NOW)


@pytest.mark.parametrize("name", ["", "county.yaml", "county.test.yaml"])
def test_all_holds(officers: Officers, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """0, and a line of what was covered, by folder, agreement or tests."""
    assert 0 == carry_out(officers, *([name] if name else []), least=100)
    assert f"{WHOLE}\n" == capsys.readouterr().out


def test_a_failure_is_shown_at_its_value_and_coverage_is_told_all_the_same(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """1; file, line, column, a caret, what left and what was expected; then what is not covered."""
    officers.edit("county.test.yaml", *FAILS)

    assert 1 == carry_out(officers)

    lines = capsys.readouterr().out.splitlines()
    line = 1 + next(n for n, text in enumerate(TESTS.splitlines()) if FAILS[0] in text)
    place = f"{officers.folder}/county.test.yaml:{line}:"
    assert lines[0].startswith(place)
    assert lines[0].endswith(
        "`overdose_at` leaves as 2027-06-14T06:00:00Z, expected 2027-06-14T06:41:00Z"
    )
    assert "^" == lines[2].strip()
    assert "overdose_at:" == lines[1][lines[2].index("^") :][:12]
    assert [
        "county: 27 passed, 1 failed; provisions 3/4, never 4/4, refusal codes 15/15",
        "  provisions without a test: P1-outreach-referral (a grant)",
    ] == lines[3:]


@pytest.mark.parametrize(("least", "code"), [(95, 0), (96, 1)])
def test_too_little_covered(
    officers: Officers, capsys: pytest.CaptureFixture[str], least: int, code: int
) -> None:
    """22 of 23 things are 95 percent: enough for 95, too little for 96."""
    officers.edit("county.test.yaml", "reason: PERIOD_OPEN", "reason: CELL_RELEASED")
    officers.edit("county.test.yaml", '"2027-06-01"}]}\n    expect', '"2027-04-01"}]}\n    given:'
                  ' {periods_released: ["2027-04-01"]}\n    expect')  # fmt: skip

    assert code == carry_out(officers, least=least)
    out = capsys.readouterr().out
    assert "  refusal codes without a test: PERIOD_OPEN" in out
    assert bool(code) == (f"95 % is covered, and {least} % is asked for" in out)


def test_an_agreement_without_tests_is_told(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 where nothing is asked, 1 where anything is."""
    officers.remove("county.test.yaml")

    assert 0 == carry_out(officers)
    assert "county: no tests; provisions 0/4" in capsys.readouterr().out
    assert 1 == carry_out(officers, least=1)


def test_tests_of_another_text_test_nothing(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """1, and at which line the version stands."""
    officers.edit("county.test.yaml", "county@1.0.0", "county@1.0.1")

    assert 1 == carry_out(officers)
    assert "the tests are of county@1.0.1, and the file is county@1.0.0" in capsys.readouterr().out


def test_an_invariant_that_does_not_hold(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """1, and by which provision; every test still counts."""
    officers.edit("county.test.yaml", "span: P90D", "span: P89D")

    assert 1 == carry_out(officers)
    out = capsys.readouterr().out
    assert "error invariant-broken: delete_within: P1-outreach-referral lets its recipient" in out
    assert "county: 27 passed, 1 failed; provisions 4/4" in out


def test_errors_of_the_folder_come_first(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is carried out over files that do not lint, or tests that cannot be read."""
    officers.edit("county.test.yaml", "kind: Tests", "kind: Proofs")

    assert 1 == carry_out(officers)
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{officers.folder}/county.test.yaml:3:1 error wrong-value")
    assert f"{officers.folder}: its files do not lint, so nothing was tested" == last


def test_machines_are_told_every_test(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """JUnit has a case for each test and each invariant; JSON has coverage, GitHub the line."""
    officers.edit("county.test.yaml", *FAILS)

    carry_out(officers, how="junit")
    suites = ET.fromstring(capsys.readouterr().out)  # noqa: S314 - our own output
    carry_out(officers, how="json")
    told = json.loads(capsys.readouterr().out)
    carry_out(officers, how="github")
    github = capsys.readouterr().out

    assert ("28", "1") == (suites.get("tests"), suites.get("failures"))
    cases = suites.findall(".//testcase")
    assert ["a referral leaves, its time to the hour"] == [
        case.get("name") for case in cases if case.find("failure") is not None
    ]
    assert {"failed": 1, "passed": 27, "percent": 95} == {
        key: value for key, value in told["agreements"]["county"].items() if key != "coverage"
    }
    lacking = told["agreements"]["county"]["coverage"]["provisions"]["missing"]
    assert {"P1-outreach-referral": "a grant"} == lacking
    assert github.startswith(f"::error file={officers.folder}/county.test.yaml,line=")


@pytest.mark.parametrize("least", [-1, 101])
def test_a_percentage_is_one(officers: Officers, least: int) -> None:
    """From 0 to 100."""
    with pytest.raises(SettingsError, match="`--min` is a percentage"):
        carry_out(officers, least=least)


@pytest.mark.parametrize("name", ["other.yaml", "codes.yaml"])
def test_a_place_has_an_agreement(officers: Officers, name: str) -> None:
    """A file that is not there, or is of no agreement, has no tests."""
    with pytest.raises(SettingsError):
        carry_out(officers, name)


def test_what_files_hold_moves_no_cursor(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of tests are anybody's: the strict reader refuses what does not show as what it is."""
    officers.write("county.test.yaml", TESTS.replace("no birthday", "no \x1b[31mbirthday"))

    assert 1 == carry_out(officers)
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
