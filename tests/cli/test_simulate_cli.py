"""`accord agreements simulate` over the county's provisions, as an officer calls it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from gateway.cli.officers import EXIT_REFUSED, good, instant
from gateway.cli.simulate import UNASKED, Sample, in_term, run_simulate
from gateway.errors import SettingsError
from gateway.values import Shape
from tests.build import a_provision, an_agreement, the_agreements
from tests.data import ROOT

COUNTY = str(ROOT / "agreements")
AT = "2026-12-15T12:00:00Z"
RUNS = "county-overdose-response/P3"
HEADER = "incident_date,unit_notified_at,time_precision,age,age_unit,sex,pcr_uuid,patient_last_name"


def run(provision: str, sample: Sample | None = None, *, show: int = 0, form: str = "text") -> int:
    """Run the verb."""
    return run_simulate(COUNTY, provision, "", sample or Sample(), "", show, AT, form=form)


def a_sheet(folder: Path, *lines: str) -> Sample:
    """Return a sample of runs."""
    file = folder / "runs.csv"
    file.write_text("\n".join((HEADER, *lines, "")))
    return Sample(str(file))


def test_an_officers_sample_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What leaves in which form, what stays behind and why, who stands out; withheld is named."""
    sample = a_sheet(
        tmp_path,
        "2026-12-01,2026-12-01T06:41:00Z,minute,93,years,female,SYN-1,Canary",
        "2026-12-01,2026-12-01T06:10:00Z,minute,91,years,female,SYN-2,Canary",
        "2024-12-01,2024-12-01T06:41:00Z,minute,30,years,male,SYN-3,Canary",
    )

    assert 0 == run(RUNS, sample, show=1)
    told = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in told.splitlines()]

    assert "3 records read, 2 leave, 1 stay behind" in lines
    assert "1 do not meet: incident_date within P400D" in lines
    assert "age quasi_identifier band width=5 topcode=90 2 -> 1 93 -> 90+" in lines
    assert "records alone 2 of 2 (100.0%) 0 of 2 (0.0%)" in lines
    assert "smallest class, in rows 1 2" in lines
    assert "unit_notified_at 2026-12-01 06:41:00Z -> 2026-12-01 06:00:00Z" in lines
    assert "nothing is sent" in told
    assert "Canary" not in told
    assert "patient_last_name" in lines[-1]
    assert "SYN-1" not in told.replace("SYN-1 ->", "").replace("SYN-1  ", "")


def test_a_sample_of_other_days_is_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing leaves for its age, the option that helps is named, and helps."""
    line = "2019-03-01,2019-03-01T06:41:00Z,minute,41,years,female,SYN-1,"
    sample = a_sheet(tmp_path, line)
    late = (dt.date(2026, 12, 15) - dt.date(2019, 3, 1)).days

    assert 0 == run(RUNS, sample)
    assert f"`--shift {late}` moves every date" in capsys.readouterr().out
    assert 0 == run(RUNS, Sample(sample.file, shift=late))
    assert "1 records read, 1 leave" in capsys.readouterr().out


def test_a_table_marks_what_it_holds_back(capsys: pytest.CaptureFixture[str]) -> None:
    """Made-up records are enough to see suppressed cells, and why each is."""
    assert 0 == run("county-overdose-response/P7", Sample(count=500), show=40)
    told = capsys.readouterr().out

    assert "cells leave" in told
    assert "(suppressed)  small" in told
    assert "are small: under 11" in told


@pytest.mark.long
def test_every_dataset_and_shape_can_be_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    """One provision of each; the figures are of counts alone: no value of a record is in them."""
    folder = good(Path(COUNTY), instant(AT))
    assert folder is not None
    several = {
        (provision.flow.dataset, provision.delivery.shape): f"{one.model.id}/{provision.id}"
        for one in folder.agreements
        for provision in one.model.provisions
    }
    for (_, shape), name in several.items():
        assert 0 == run(name, Sample(count=40), form="json"), name
        out = capsys.readouterr().out
        told = json.loads(out)

        assert 40 == told["read"]
        assert "SYN-" not in out
        assert (shape is Shape.AGGREGATE) == ("cells" in told) == ("fields" not in told)


@pytest.mark.parametrize(("name", "told"), [("P1", True), ("P3", False)])
def test_what_hangs_on_the_register_says_so(
    capsys: pytest.CaptureFixture[str], name: str, *, told: bool
) -> None:
    """Whoever withdrew at the gateway is not known to an officer's files."""
    run(f"county-overdose-response/{name}", Sample(count=20))

    assert told == (UNASKED in capsys.readouterr().out)


def test_a_refusal_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the agencies were attested nothing would leave: exit 7."""
    given = Sample(count=20)

    assert EXIT_REFUSED == run_simulate(COUNTY, RUNS, "", given, "", 0, "2026-06-15T12:00:00Z")
    assert "refused at step 2, AGREEMENT_NOT_ACTIVE" in capsys.readouterr().out


def test_small_classes_are_told_apart_from_conditions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four people alike stay behind a clause that asks for five, and it is said why."""
    line = "ME-{},2026-11-20,accident,40"
    file = tmp_path / "deaths.csv"
    rows = "\n".join(line.format(number) for number in range(4))
    file.write_text(f"case_number,death_date,manner,age\n{rows}\n")

    assert 0 == run("medical-examiner/P1", Sample(str(file)))
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "4 records read, 0 leave, 4 stay behind" in told
    assert "4 are alike with fewer than 5 people: `anonymity`" in told


def test_what_is_pushed_is_shown_as_it_would_leave(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that the gateway does not serve yet can be looked at."""
    assert 0 == run("overdose-alerts/P1", Sample(count=20))
    assert "20 records read" in capsys.readouterr().out


def test_out_of_its_term_the_middle_is_taken() -> None:
    """An agreement of next year can be tried this year; within its term now is now."""
    [[rule]] = the_agreements(an_agreement(a_provision())).flows.values()
    first, after = rule.pact.starts, rule.pact.ends
    middle = first + (after - first) / 2
    moment = dt.timedelta(microseconds=1)

    assert [first, after - moment] == [in_term(rule, one) for one in (first, after - moment)]
    assert [middle, middle] == [in_term(rule, one) for one in (first - moment, after)]


@pytest.mark.parametrize("name", ["P99", "P", "3-overdose-runs", "other/P3", "P3-overdose"])
def test_a_name_that_means_nothing_lists_what_there_is(name: str) -> None:
    """A beginning is up to a dash: half a word means nothing."""
    with pytest.raises(SettingsError, match="county-overdose-response/P3-overdose-runs"):
        run(f"county-overdose-response/{name}", Sample(count=20))


@pytest.mark.parametrize("name", [RUNS, f"{RUNS}-overdose-runs"])
def test_a_provision_is_named_with_its_agreement(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the whole of its id, or its beginning."""
    assert 0 == run(name, Sample(count=1))
    assert capsys.readouterr().out.startswith("P3-overdose-runs of county-overdose-response@")


@pytest.mark.parametrize(
    ("sample", "form", "said"),
    [
        (Sample(count=0), "text", "--synthetic"),
        (Sample(), "sarif", "--format"),
        (Sample(shift=10**7), "text", "--shift"),
    ],
)
def test_options_that_are_none(sample: Sample, form: str, said: str) -> None:
    """Each is named."""
    with pytest.raises(SettingsError, match=said):
        run(RUNS, sample, form=form)
