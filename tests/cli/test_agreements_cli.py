"""`accord agreements`: lint and explain, from the files alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.explain import run_explain
from gateway.cli.lint import run_lint
from gateway.cli.officers import instant
from gateway.errors import SettingsError
from tests.library.officers import EMS, HRO, OTP, PD, PHD, Officers

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2027-06-15T12:00:05Z"


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a signed folder."""
    return Officers(tmp_path)


def lint(officers: Officers, purpose: str = "", now: str = NOW, how: str = "text") -> int:
    """Lint, as the verb does."""
    return run_lint([str(officers.folder)], now, purpose, how)


def explain(
    officers: Officers,
    recipient: str = PHD,
    *,
    dataset: str = "ems.overdose_run@1",
    purpose: str = "public_health.surveillance",
    fields: str = "",
    roles: tuple[str, ...] = ("epidemiologist",),
) -> int:
    """Explain, as the verb does."""
    folder = str(officers.folder)
    return run_explain(folder, EMS, recipient, dataset, purpose, fields, roles, NOW)


def test_a_good_folder_lints(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings forbid nothing: exit 0, for signing too."""
    assert 0 == lint(officers)
    assert 0 == lint(officers, "sign")
    assert "warning" in capsys.readouterr().out


def test_a_finding_has_its_line_and_a_caret(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line and column, the line itself, and a caret under the column."""
    officers.edit("county.yaml", "    withhold: [source_agency", "    withold: [source_agency")

    assert 1 == lint(officers)

    lines = capsys.readouterr().out.splitlines()
    at = next(place for place, line in enumerate(lines) if "unknown-key" in line)
    column = int(lines[at].split(":")[2].split()[0])
    assert "withold: [source" in lines[at + 1]
    assert lines[at + 1][4 + column - 1 :].startswith("withold")
    assert 4 + column - 1 == lines[at + 2].index("^")


def test_what_forbids_signing_fails_for_sign_alone(officers: Officers) -> None:
    """A review that is overdue loads, and cannot be signed."""
    late = "2027-10-15T00:00:00Z"

    assert 0 == lint(officers, now=late)
    assert 1 == lint(officers, "sign", late)


def test_findings_as_json(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of findings with rule, level and place."""
    officers.edit("county.yaml", "    withhold: [source_agency", "    withold: [source_agency")

    assert 1 == lint(officers, how="json")

    found = json.loads(capsys.readouterr().out)["findings"]
    first = next(one for one in found if one["rule"] == "unknown-key")
    place = f"{officers.folder}/county.yaml"
    assert (place, "E", 5) == (first["file"], first["level"], first["column"])


def test_a_file_cannot_move_the_cursor(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters of a file or of its name do not reach the terminal."""
    officers.edit("county.yaml", "title: A synthetic", "title: A \x1b[2Jsynthetic")
    officers.write("evil\x1b[1m.yml", "x")

    assert 1 == lint(officers)
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("now", ["yesterday", "2027-06-15T12:00:00", "1"])
def test_a_clock_that_is_none_is_said(now: str) -> None:
    """`--now` is an instant with its zone."""
    with pytest.raises(SettingsError, match="--now"):
        instant(now)


def test_wrong_usage_is_said(officers: Officers, tmp_path: Path) -> None:
    """A folder that is none, a purpose of linting that is none."""
    with pytest.raises(SettingsError, match="not a folder"):
        run_lint([str(tmp_path / "absent")], NOW, "", "text")
    with pytest.raises(SettingsError, match="--for"):
        lint(officers, "singing")
    with pytest.raises(SettingsError, match="--format"):
        lint(officers, how="yaml")
    with pytest.raises(SettingsError, match="--dataset"):
        explain(officers, dataset="ems")


def test_a_permitted_request_is_explained(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """What leaves in which form, what is read, withheld, owed, and what it hangs on: exit 0."""
    assert 0 == explain(officers)

    out = capsys.readouterr().out
    for words in ("permitted by P3-overdose-runs", "clause 4.3", "zip3", "withheld", "hangs on"):
        assert words in out


def test_explaining_needs_no_table(officers: Officers) -> None:
    """An officer's machine has no reference tables, and explains masks that need them."""
    assert 0 == explain(officers, fields="patient_home_zip")


def test_explaining_needs_no_population(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rate by a table that the officer's machine lacks is explained like any other measure."""
    counts = "{people_admitted: {count_distinct: client_id}}"
    given = "of: people_admitted, per: 1000, population: population@2020, by: primary_substance"
    rate = f"{counts[:-1]}, per: {{rate: {{{given}}}}}}}"
    officers.edit("county.yaml", 'version: "1.0.0"', 'version: "1.1.0"')
    officers.edit("county.yaml", counts, rate)
    officers.edit("county.yaml", "margins: none", "margins: [[admission_date, primary_substance]]")

    made = run_explain(
        str(officers.folder), OTP, PHD, "treatment.episode@1", "public_health.surveillance", "",
        ("epidemiologist",), NOW,
    )  # fmt: skip

    out = capsys.readouterr().out
    assert 0 == made
    assert "leaves    per " in out


@pytest.mark.parametrize(
    ("recipient", "dataset", "purpose", "roles", "step", "unlike"),
    [
        (PD, "referral.post_overdose@1", "care.post_overdose_outreach", (), 3, "recipient"),
        (HRO, "referral.post_overdose@1", "care.nothing", ("outreach_worker",), 4, "purpose"),
        (PHD, "ems.overdose_run@1", "public_health.surveillance", ("clerk",), 5, "role"),
    ],
)
def test_a_refusal_names_its_step_and_the_nearest(  # noqa: PLR0917
    officers: Officers,
    capsys: pytest.CaptureFixture[str],
    recipient: str,
    dataset: str,
    purpose: str,
    roles: tuple[str, ...],
    step: int,
    unlike: str,
) -> None:
    """Exit 7; what was passed in the order of a decision, and in what the nearest is unlike."""
    made = explain(officers, recipient, dataset=dataset, purpose=purpose, roles=roles)

    out = capsys.readouterr().out
    assert 7 == made
    assert f"refused   at step {step}" in out
    assert "passed    1 identity, 2 agreement" in out
    (nearest,) = [line for line in out.splitlines() if line.startswith("nearest")]
    assert unlike in nearest


def test_a_folder_that_does_not_lint_explains_nothing(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, with the findings."""
    officers.edit("county.yaml", "withhold: [source_agency", "withold: [source_agency")

    assert 1 == explain(officers)
    assert "unknown-key" in capsys.readouterr().err
