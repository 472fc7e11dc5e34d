"""`accord agreements init`: what it writes lints clean, is wholly tested, and passes its tests."""

from __future__ import annotations

import dataclasses
import re
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from gateway.agreement.coverage import coverage
from gateway.agreement.lint.inspect import inspect
from gateway.agreement.lint.tested import ground_of
from gateway.cli.begin import run_begin
from gateway.cli.flows.texts import TEMPLATES
from gateway.cli.officers import instant
from gateway.cli.questions import QUESTIONS, Given
from gateway.errors import SettingsError
from gateway.library.files import contents
from tests.data import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.testing import Trial

PAGE: Final = (ROOT / "agreements" / "README.md").read_text()
NOW: Final = "2026-11-21T00:00:00Z"
FLOWS: Final = {
    "referral": ("rivertown-ems", "safe-steps"),
    "surveillance": ("rivertown-ems", "rivertown-health"),
    "police-responses": ("rivertown-pd", "rivertown-health"),
    "seizures": ("rivertown-pd", "rivertown-ems"),
    "alert": ("rivertown-pd", "rivertown-ems"),
    "naloxone-counts": ("safe-steps", "rivertown-health"),
    "outreach-counts": ("safe-steps", "rivertown-health"),
    "drug-checking": ("safe-steps", "rivertown-health"),
    "emergency-counts": ("rivertown-general", "rivertown-health"),
    "emergency-visits": ("rivertown-general", "rivertown-health"),
    "treatment-episodes": ("eastside-treatment", "rivertown-health"),
    "reentry": ("rivertown-jail", "eastside-treatment"),
    "deaths": ("rivertown-me", "rivertown-health"),
    "fatality-review": ("rivertown-me", "rivertown-health"),
    "dashboard": ("rivertown-health", "rivertown-university"),
    "spike-alert": ("rivertown-health", "rivertown-ems"),
}
SENT: Final = frozenset({"spike-alert"})
"""Templates that deliver by push, of which lint says that no gateway loads them yet."""

ANSWERS: Final = Given(
    provider="rivertown-pd",
    recipient="rivertown-ems",
    paper='The county\'s "paper": $1',
    digest="9f2c41d07a6be5c3d1f08b2264e9c7a1550d3b8fe6a2947c10b5d8e3f7a94c62",
    effective="2026-12-01",
    policy="General Order 26-07",
    provider_steward="records@pd.example",
    recipient_steward="privacy@ems.example",
    compelled="counsel@county.example",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a county's folder that has no agreement yet."""
    for path in sorted((ROOT / "agreements").iterdir()):
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name)
        elif path.name in {"_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml"}:
            shutil.copy(path, tmp_path)
    return tmp_path


def begin(folder: Path, template: str = "alert", given: Given = ANSWERS, *, name: str = "",
          ask: Callable[[str], str] | None = None) -> int:  # fmt: skip
    """Write an agreement from a template."""
    return run_begin(str(folder), template, given, name, "", "America/New_York", NOW, ask)


def written(folder: Path) -> list[str]:
    """Return the files that are no part of the folder's ground."""
    ground = {"_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml"}
    return sorted(path.name for path in folder.glob("*.yaml") if path.name not in ground)


def test_every_template_is_tried_here() -> None:
    """No template ships without its case below."""
    assert set(TEMPLATES) == set(FLOWS)


def test_the_page_names_every_template() -> None:
    """In its own words, and no other one."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+) \|$", PAGE.partition("| template |")[2], re.MULTILINE
    )

    told = {name: f"{about[:1].upper()}{about[1:]}." for name, about in rows[: len(TEMPLATES)]}
    assert TEMPLATES == told


@pytest.mark.parametrize("template", FLOWS)
def test_a_template_is_sound_as_it_is_written(folder: Path, template: str) -> None:
    """Nothing keeps it from being signed: each provision, prohibition and reason is tested."""
    provider, recipient = FLOWS[template]
    given = dataclasses.replace(ANSWERS, provider=provider, recipient=recipient)

    done = begin(folder, template, given, name="a-new-one")
    names = frozenset({"a-new-one.yaml", "a-new-one.test.yaml"})
    seen = inspect(contents(folder), instant(NOW), named=names.__contains__)

    assert 0 == done
    assert sorted(names) == written(folder)
    told = {one.rule for one in seen.findings if one.file in names}
    assert told == ({"push-not-loaded"} if template in SENT else set())
    found = seen.folder
    assert found is not None
    assert 100 == coverage(ground_of(found, found.agreements[0].model), _trials(found)).percent


def test_where_prohibitions_meet_all_of_one_way_the_other_is_asked(folder: Path) -> None:
    """A programme may tell a campus nothing else: the tests ask the campus, and all is tried."""
    shutil.copy(ROOT / "agreements" / "treatment-services.yaml", folder)
    given = dataclasses.replace(
        ANSWERS, provider="eastside-treatment", recipient="rivertown-university"
    )

    assert 0 == begin(folder, "treatment-episodes", given, name="a-new-one")
    found = inspect(contents(folder), instant(NOW), named="a-new-one.yaml".__eq__).folder
    assert found is not None
    [own] = [one.model for one in found.agreements if one.model.id == "a-new-one"]
    assert 100 == coverage(ground_of(found, own), _trials(found)).percent
    text = (folder / "a-new-one.test.yaml").read_text()
    assert "{as: otp, from: campus, dataset: lab.drug_chemistry@1" in text


def test_among_a_whole_county_s_agreements_all_is_tried(tmp_path: Path) -> None:
    """Where others name every agency that a prohibition bars, the tests ask these all the same."""
    folder = tmp_path / "agreements"
    shutil.copytree(ROOT / "agreements", folder)
    given = dataclasses.replace(
        ANSWERS, provider="rivertown-university", recipient="rivertown-general"
    )

    assert 0 == begin(folder, "drug-checking", given, name="a-new-one")
    found = inspect(contents(folder), instant(NOW), named="a-new-one.yaml".__eq__).folder
    assert found is not None
    [own] = [one.model for one in found.agreements if one.model.id == "a-new-one"]
    assert 100 == coverage(ground_of(found, own), _trials(found)).percent


def _trials(found: Folder) -> tuple[Trial, ...]:
    assert found.suites is not None
    return found.suites["a-new-one"].model.trials


def test_below_the_floor_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A template that a county's own floor does not allow is told to be so."""
    floor = folder / "_floor.yaml"
    floor.write_text(floor.read_text().replace("min_cell: 11", "min_cell: 12"))
    given = dataclasses.replace(ANSWERS, provider="safe-steps", recipient="rivertown-health")

    done = begin(folder, "outreach-counts", given)

    assert 1 == done
    assert [] == written(folder)
    assert "nothing is written" in capsys.readouterr().err


def test_templates_stand_beside_one_another(folder: Path) -> None:
    """Each next one is sound among those before it, whose terms begin another day."""
    for number, (template, (provider, recipient)) in enumerate(FLOWS.items()):
        if template in {"police-responses", "outreach-counts", "naloxone-counts"}:
            first = f"2027-0{number + 1}-01"
            given = dataclasses.replace(
                ANSWERS, provider=provider, recipient=recipient, effective=first
            )
            assert 0 == begin(folder, template, given)


def test_two_agreements_of_one_flow_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flow that another file has already is told, and nothing is written."""
    assert 0 == begin(folder, name="the-first")

    done = begin(folder, name="the-second")

    assert 1 == done
    assert ["the-first.test.yaml", "the-first.yaml"] == written(folder)
    told = capsys.readouterr().err
    assert "provision-ambiguous" in told
    assert "amend that agreement" in told


def test_no_file_is_written_over(folder: Path) -> None:
    """An agreement that is there stays as it is."""
    assert 0 == begin(folder, name="there-already")

    with pytest.raises(SettingsError, match="is there already"):
        begin(folder, name="there-already")


@pytest.mark.parametrize(("first", "good"), [("2026-12-01", True), ("2026-12-02", False)])
def test_a_term_begins_with_a_month(folder: Path, first: str, *, good: bool) -> None:
    """Tables are of whole months, so that the first day is the first of one."""
    given = dataclasses.replace(ANSWERS, effective=first)

    if good:
        assert 0 == begin(folder, given=given)
    else:
        with pytest.raises(SettingsError, match="first day of a month"):
            begin(folder, given=given)


class Officer:
    """Somebody at a terminal, who answers the questions in order."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        """Return the next answer."""
        self.asked.append(question)
        return self._answers.pop(0)


def test_what_no_option_says_is_asked(folder: Path) -> None:
    """Each missing answer is one question, in the same order, and its answer is used."""
    officer = Officer("rivertown-pd", "MOU-7")
    given = dataclasses.replace(ANSWERS, provider="", paper="")

    assert 0 == begin(folder, given=given, name="asked", ask=officer)
    assert [QUESTIONS["provider"][1], QUESTIONS["paper"][1]] == officer.asked
    assert 'ref: "MOU-7"' in (folder / "asked.yaml").read_text()


def test_the_template_is_asked_with_what_each_is_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no option names it, every one is told in words, and the choice is used."""
    assert 0 == begin(folder, "", name="asked", ask=Officer("alerts", "alert"))

    told = capsys.readouterr().out
    assert all(f"  {name:20}{about}\n" in told for name, about in TEMPLATES.items())
    assert "`--template` is one of referral" in told
    assert "P1-potency-alert" in (folder / "asked.yaml").read_text()
    with pytest.raises(SettingsError, match="`--template` is one of referral"):
        begin(folder, "")


@pytest.mark.parametrize(
    ("name", "wrong", "right", "said"),
    [
        ("provider", "rivertown", "rivertown-pd", "is an agency of agencies.yaml: rivertown-ems"),
        ("recipient", "ems", "rivertown-ems", "is an agency of agencies.yaml"),
        ("digest", "absent.pdf", "9f" * 32, "is a file that can be read, or 64 digits"),
        ("effective", "January", "2027-01-01", "is a date such as"),
        ("effective", "2027-01-15", "2027-01-01", "is the first day of a month"),
    ],
)
def test_a_wrong_answer_is_asked_again_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, wrong: str, right: str, said: str
) -> None:
    """What is wrong is said before the next question, and no other answer is lost."""
    officer = Officer(wrong, right, "counsel@county.example")
    given = dataclasses.replace(ANSWERS, **{name: "", "compelled": ""})

    assert 0 == begin(folder, given=given, name="asked", ask=officer)
    question = QUESTIONS[name][1]
    assert [question, question, QUESTIONS["compelled"][1]] == officer.asked
    assert said in capsys.readouterr().out


def test_a_digest_that_is_none_is_refused(folder: Path) -> None:
    """A paper whose file is not there has no digest: its name is none."""
    with pytest.raises(SettingsError, match="`--digest` is a file that can be read"):
        begin(folder, given=dataclasses.replace(ANSWERS, digest="MOU-2027.pdf"))


def test_without_a_terminal_what_is_missing_is_named(folder: Path) -> None:
    """A script that forgot an option is told which, and does not wait."""
    given = dataclasses.replace(ANSWERS, paper="", compelled="")

    with pytest.raises(SettingsError, match=r"give --paper, --compelled$"):
        begin(folder, given=given)


@pytest.mark.parametrize("text", ["a\nkind: Floor", "a\u202eb", " "])
@pytest.mark.parametrize("name", ["paper", "provider_steward", "compelled", "digest"])
def test_an_answer_stays_one_line(folder: Path, name: str, text: str) -> None:
    """No answer adds a line to the file, or hides what it says."""
    with pytest.raises(SettingsError, match="one line of text"):
        begin(folder, given=dataclasses.replace(ANSWERS, **{name: text}))


def test_a_paper_is_digested(folder: Path) -> None:
    """The digest of the signed paper is worked out from its file."""
    paper = folder.parent / "paper.txt"
    paper.write_bytes(b"abc")

    assert 0 == begin(folder, given=dataclasses.replace(ANSWERS, digest=str(paper)), name="paper")
    assert (
        "sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        in (folder / "paper.yaml").read_text()
    )
