"""A county is the same bytes for the same arguments, and nobody in it could be somebody."""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from gateway.cli.county.people import FAMILY_NAMES, GIVEN_NAMES
from gateway.cli.county.places import COUNTIES, QUARTERS, STATE_FIPS, STREETS
from gateway.cli.county.write import FOLDERS, County, county, write_county

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2027, 6, 14, 12, tzinfo=dt.UTC)
N = "{http://www.nemsis.org}"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@functools.cache
def _texts() -> dict[str, str]:
    """Return every text file of a county; the database is read as the bytes that it is."""
    made = county(1, NOW, 1)
    return {
        f"{agency}/{name}": content.decode("utf-8", "replace")
        for agency, files in made.items()
        for name, content in files.files.items()
    }


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    """Two counties of one seed and one `now` are equal file by file, byte by byte."""
    write_county(tmp_path / "a", seed=3, now=NOW)
    write_county(tmp_path / "b", seed=3, now=NOW)

    first, second = _bytes(tmp_path / "a"), _bytes(tmp_path / "b")

    assert len(first) > 300
    assert first == second


def test_another_seed_gives_other_people_and_the_same_cases() -> None:
    """The seed decides who and when; which record shows which case stays."""
    first, second = county(1, NOW, 1), county(2, NOW, 1)

    for name in ("ems_reports", "ems_referrals", "police"):
        assert first[name].files != second[name].files
        assert first[name].cases == second[name].cases


def test_the_counts_are_about_those_of_a_small_county(tmp_path: Path) -> None:
    """At scale 1: 120 runs, 40 referrals, 300 police rows, 118 visits, 60 clients, 600 kits."""
    made = write_county(tmp_path, seed=1, now=NOW)

    assert isinstance(made, County)
    assert 120 == made.records["ems_reports"]
    assert 40 == made.records["ems_referrals"]
    assert 330 < made.records["police"] < 370
    assert 118 == made.records["hospital"]
    assert 650 < made.records["harm_reduction"] < 900
    assert set(FOLDERS) == set(made.paths)
    assert all(path.is_dir() for path in made.paths.values())


def test_scale_multiplies_the_records() -> None:
    """At scale 3 there are three times as many reports, forms and visits."""
    made = county(1, NOW, 3)

    assert [360, 120, 354] == [
        made[name].records for name in ("ems_reports", "ems_referrals", "hospital")
    ]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A folder that holds a county's folder already is left as it was."""
    (tmp_path / "ems" / "reports").mkdir(parents=True)
    (tmp_path / "ems" / "reports" / "real.xml").write_text("kept")

    with pytest.raises(FileExistsError):
        write_county(tmp_path, seed=1, now=NOW)

    assert {"ems/reports/real.xml": b"kept"} == _bytes(tmp_path)


@pytest.mark.parametrize(
    ("now", "scale"), [(NOW.replace(tzinfo=None), 1), (NOW, 0)], ids=["naive", "scale"]
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, now: dt.datetime, scale: int) -> None:
    """A clock without a zone and a county of nothing are errors, before anything is written."""
    with pytest.raises(ValueError, match="aware `now` and a positive `scale`"):
        write_county(tmp_path, seed=1, now=now, scale=scale)

    assert {} == _bytes(tmp_path)


def test_faults_are_there_only_when_asked_for(tmp_path: Path) -> None:
    """Two faulty documents are added by `with_faults`; nothing else changes."""
    write_county(tmp_path / "a", seed=1, now=NOW)
    write_county(tmp_path / "b", seed=1, now=NOW, with_faults=True)

    clean, faulty = _bytes(tmp_path / "a"), _bytes(tmp_path / "b")

    added = {"ems/reports/RVE-fault-cut-short.xml", "ems/reports/RVE-fault-doctype.xml"}
    assert added == set(faulty) - set(clean)
    assert clean == {name: text for name, text in faulty.items() if name not in added}


def test_every_telephone_number_is_a_fictitious_one() -> None:
    """All numbers are 555-555-01xx, the block that no subscriber has."""
    found = {
        number
        for text in _texts().values()
        for number in re.findall(r"\b\d{3}-\d{3}-\d{4}\b", text)
    }

    assert len(found) > 50
    assert all(re.fullmatch(r"555-555-01\d\d", number) for number in found)


def test_every_name_is_of_the_synthetic_lists() -> None:
    """Reports, forms, messages and the outreach export name people of the two lists only."""
    texts = _texts()
    families, givens = set[str](), set[str]()
    for name, text in texts.items():
        if name.startswith("ems_reports/"):
            root = etree.fromstring(text.encode())
            families |= {str(held.text) for held in root.iter(N + "ePatient.02")}
            givens |= {str(held.text) for held in root.iter(N + "ePatient.03")}
        elif name.startswith("ems_referrals/"):
            families |= set(re.findall(r'"family": "([^"]+)"', text))
        elif name.startswith("hospital/"):
            found = re.search(r"PID\|1\|\|[^|]+\|\|([^^]+)\^([^|]+)\|", text)
            assert found is not None
            families.add(found[1])
            givens.add(found[2])

    assert families
    assert families <= set(FAMILY_NAMES)
    assert givens <= set(GIVEN_NAMES)


def test_every_address_is_on_a_street_that_does_not_exist() -> None:
    """Home and scene are in a made-up street of a made-up place."""
    places = [quarter.name for quarter in QUARTERS]
    addresses = [
        str(held.text)
        for name, text in _texts().items()
        if name.startswith("ems_reports/")
        for element in ("ePatient.05", "eScene.15")
        for held in etree.fromstring(text.encode()).iter(N + element)
    ]

    streets = "|".join(map(re.escape, STREETS))
    form = re.compile(rf"\d{{1,3}} (?:{streets}), (?:{'|'.join(map(re.escape, places))})")
    assert addresses
    assert all(form.fullmatch(address) for address in addresses)


def test_places_are_valid_in_form_and_nobodys() -> None:
    """Codes have their form; the counties are not Delaware's, the ZIP prefixes nobody's."""
    assert {fips[:2] for fips in COUNTIES} == {STATE_FIPS}
    assert not {fips[2:] for fips in COUNTIES} & {"001", "003", "005", "000", "999"}
    for quarter in QUARTERS:
        assert re.fullmatch(r"00[1-4]\d\d", quarter.zip)
        assert re.fullmatch(r"\d{11}", quarter.tract)
        assert quarter.tract.startswith(quarter.fips)
