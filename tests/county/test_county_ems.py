"""The county's EMS reports are NEMSIS 3.5.1, and each intended case is among them."""

from __future__ import annotations

import datetime as dt
import functools
from random import Random

import pytest
from lxml import etree

from gateway.cli.county import ems
from gateway.cli.county.ems_cases import CASES
from gateway.cli.county.files import record_uuid
from gateway.cli.county.overdoses import overdoses
from tests.data import DATA, needs_data

NOW = dt.datetime(2027, 6, 14, 12, tzinfo=dt.UTC)
N = "{http://www.nemsis.org}"
SCHEMA = DATA / "nemsis_v351" / "xsd" / "EMSDataSet_v3.xsd"


def _random(seed: int = 1) -> Random:
    return Random(seed)  # noqa: S311 - a county is drawn from a seed on purpose


@functools.cache
def _reports(seed: int = 1) -> dict[str, bytes]:
    random = _random(seed)
    return dict(ems.reports(random, NOW, overdoses(random, NOW, 90), 30).files)


def _report(case: str) -> etree._Element:
    number = list(CASES).index(case) + 1
    return etree.fromstring(_reports()[f"RVE-{number:05}.xml"])


def _texts(root: etree._Element, element: str) -> list[str | None]:
    return [held.text for held in root.iter(N + element)]


@needs_data
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_report_is_valid(seed: int) -> None:
    """Whatever the seed, each document is valid by the national schema of NEMSIS 3.5.1."""
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))

    invalid = [
        name for name, text in _reports(seed).items() if not schema.validate(etree.fromstring(text))
    ]

    assert [] == invalid


@needs_data
def test_a_changed_code_is_not_valid() -> None:
    """The validation can fail: a code that the schema does not list is refused."""
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    text = (
        _reports()["RVE-00001.xml"]
        .replace(b">2301053<", b">2301999<")
        .replace(b">2301077<", b">2301999<")
    )

    assert not schema.validate(etree.fromstring(text))


def test_the_record_keys_do_not_depend_on_the_seed() -> None:
    """A guide may point at a record by its key, whatever the seed."""
    first, second = _reports(1), _reports(2)

    assert list(first) == list(second)
    assert first != second


@pytest.mark.parametrize(
    ("case", "element", "attribute", "expected"),
    [
        ("naloxone_refused", "eMedications.03", "PN", "8801019"),
        ("naloxone_not_recorded", "eMedications.03", "NV", "7701003"),
        ("age_unknown", "ePatient.15", "NV", "7701003"),
    ],
)
def test_a_null_says_why(case: str, element: str, attribute: str, expected: str) -> None:
    """A refusal, and what was not recorded, carry their null flavour."""
    found = [held.get(attribute) for held in _report(case).iter(N + element)]

    assert [expected] == found


@pytest.mark.parametrize(
    ("case", "codes", "amounts", "responses"),
    [
        ("naloxone_given", ["7806", "7242", "7242"], ["12", "4", "4"], "9916003 9916003 9916001"),
        ("naloxone_not_given", ["7806"], ["12"], "9916003"),
        ("dose_in_ml", ["7242"], ["2"], "9916001"),
        ("dose_in_micrograms", ["7242"], ["400"], "9916001"),
        ("four_doses", ["7242"] * 4, ["4"] * 4, "9916003 9916003 9916003 9916001"),
        ("uncoded_death", ["7242"], ["4"], "9916003"),
    ],
)
def test_the_doses_are_those_of_the_case(
    case: str, codes: list[str], amounts: list[str], responses: str
) -> None:
    """Each case holds the medications that make it one, in order."""
    root = _report(case)

    assert codes == _texts(root, "eMedications.03")
    assert amounts == _texts(root, "eMedications.05")
    assert responses.split() == _texts(root, "eMedications.07")


def test_a_correction_has_the_same_key_and_more_in_it() -> None:
    """The corrected copy of a report keeps its UUID and adds a dose."""
    files = _reports()
    name = f"RVE-{list(CASES).index('one_dose') + 1:05}"
    original, corrected = (
        etree.fromstring(files[f"{name}{end}"]) for end in (".xml", "-corrected.xml")
    )

    keys = {next(root.iter(N + "PatientCareReport")).get("UUID") for root in (original, corrected)}

    assert 1 == len(keys)
    assert 1 == len(_texts(original, "eMedications.03"))
    assert 2 == len(_texts(corrected, "eMedications.03"))


def test_a_narrative_holds_what_must_never_leave() -> None:
    """Each narrative has a phrase of its own, so that a test can look for it in every output."""
    narratives = [_texts(etree.fromstring(text), "eNarrative.01") for text in _reports().values()]

    assert all(len(found) == 1 and "RVCANARY" in str(found[0]) for found in narratives)


def test_a_symptom_that_was_denied_is_marked() -> None:
    """A symptom with PN 8801031 stands beside one without: only the latter was seen."""
    found = {held.text: held.get("PN") for held in _report("death").iter(N + "eSituation.10")}

    assert {"R06.03": None, "R11.10": "8801031"} == found


def test_times_carry_a_numeric_offset() -> None:
    """The schema allows no `Z`, and the civil date depends on the offset."""
    times = [text for report in _reports().values() for text in _texts(
        etree.fromstring(report), "eTimes.03")]  # fmt: skip

    assert {"-04:00"} == {str(text)[-6:] for text in times}


def test_faults_are_what_they_claim() -> None:
    """One faulty document does not parse; the other one does, and has a DOCTYPE."""
    cut, doctype = ems.faults().values()

    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(cut)
    parser = etree.XMLParser(resolve_entities=False)
    assert b"<!DOCTYPE" in doctype
    assert etree.fromstring(doctype, parser).tag == N + "EMSDataSet"


def test_the_cases_name_their_records() -> None:
    """A case maps to the UUID of the report that shows it."""
    random = _random(1)

    files = ems.reports(random, NOW, overdoses(random, NOW, 90), 30)

    assert record_uuid(1, 4) == files.cases["ems.naloxone_refused"]
    assert {f"ems.{case}" for case in CASES} < set(files.cases)
