"""The EMS adapter keeps the contract for each kind of source, and its settings are closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.base import Adapter, Report
from adapters.ems import REFERRALS, RUNS, create
from gateway.errors import Reason, SettingsError, SourceError
from gateway.values import Condition, Operator
from tests.adapters.contract import AdapterContract, a_scan, read

FIXTURES = Path(__file__).parent / "fixtures" / "ems"
NEMSIS: dict[str, Any] = {"kind": "nemsis", "path": "nemsis"}
REFERRAL: dict[str, Any] = {
    "kind": "referrals",
    "path": "referrals",
    "zone": "America/New_York",
}


class TestNemsisAndReferrals(AdapterContract):
    """Reports and referrals of one agency keep the contract."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return both sources."""
        return create({"sources": [NEMSIS, REFERRAL]}, FIXTURES)


class TestTempe(AdapterContract):
    """The Tempe table keeps the contract."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return the table."""
        return create({"sources": [{"kind": "tempe", "path": "tempe.csv"}]}, FIXTURES)


class TestPaEms(AdapterContract):
    """The Pennsylvania table keeps the contract."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return the table."""
        return create({"sources": [{"kind": "pa_ems", "path": "pa_ems.csv"}]}, FIXTURES)


def test_an_adapter_holds_what_its_sources_give() -> None:
    """Datasets follow from the kinds of source."""
    assert (RUNS, REFERRALS) == create({"sources": [REFERRAL, NEMSIS]}, FIXTURES).datasets()
    assert (RUNS,) == create({"sources": [NEMSIS]}, FIXTURES).datasets()
    assert (REFERRALS,) == create({"sources": [REFERRAL]}, FIXTURES).datasets()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "`sources`"),
        ({"sources": []}, "`sources`"),
        ({"sources": [NEMSIS | {"pth": "x"}]}, "`sources.0.nemsis.pth`: unknown key"),
        ({"sources": [NEMSIS | {"path": "gone"}]}, "`gone`"),
        ({"sources": [NEMSIS | {"schema_dir": "referrals"}]}, "`schema_dir`"),
        ({"sources": [NEMSIS | {"kind": "nemesis"}]}, "`sources.0`"),
        ({"sources": [REFERRAL | {"zone": "Mars/Olympus"}]}, "`zone`"),
        ({"sources": [REFERRAL | {"due_hours": 73}]}, "`sources.0.referrals.due_hours`"),
        ({"sources": [NEMSIS], "definition": "ours"}, "`definition`"),
        ({"sources": [NEMSIS], "all": True}, "`all`: unknown key"),
        ({"sources": [NEMSIS, {"kind": "tempe", "path": "tempe.csv"}]}, "`sources`"),
    ],
)
def test_settings_that_are_wrong_are_named(settings: dict[str, Any], said: str) -> None:
    """A wrong setting fails with its key; reports never come from two feeds."""
    with pytest.raises(SettingsError) as caught:
        create(settings, FIXTURES)

    assert said in caught.value.message


def test_a_scan_says_what_it_left_out() -> None:
    """Without a schema a scan is unvalidated; another root and a copy are counted."""
    report = Report()

    rows = read(create({"sources": [NEMSIS]}, FIXTURES), a_scan(RUNS, ("narrative",)), report)

    assert [{"narrative": "Synthetic."}, {"narrative": "Synthetic."}] == rows
    assert report.unvalidated
    assert {"wrong-root": 1} == report.quarantined
    assert {
        ("wrong-root", "DEMDataSet"): 1,
        ("repeated-key", "PatientCareReport/@UUID"): 1,
    } == report.notices


def test_all_reports_are_rows_only_where_the_settings_say_so() -> None:
    """A report that is no case is no row; for reconciliation it is one, without a definition."""
    scan = a_scan(RUNS, ("definition_id",))
    settings = {"sources": [NEMSIS]}

    cases = read(create(settings, FIXTURES), scan)
    every = read(create(settings | {"all_reports": True}, FIXTURES), scan)

    assert ["nemsis-opioid-overdose"] * 2 == [row["definition_id"] for row in cases]
    assert 3 == len(every)
    assert [None] == [row["definition_id"] for row in every if row["definition_id"] is None]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """What is kept of a file lasts until the file changes or goes."""
    source = (FIXTURES / "nemsis" / "01-overdose.xml").read_bytes()
    path = tmp_path / "report.xml"
    path.write_bytes(source)
    adapter = create({"sources": [{"kind": "nemsis", "path": "."}]}, tmp_path)
    scan = a_scan(RUNS, ("narrative",), (Condition("sex", Operator.EQ, ("female",)),))

    assert [{"narrative": "Synthetic."}] == read(adapter, scan)
    path.write_bytes(source.replace(b"Synthetic.", b"Changed, and longer."))
    assert [{"narrative": "Changed, and longer."}] == read(adapter, scan)
    path.unlink()
    assert [] == read(adapter, scan)


def test_a_folder_that_went_is_a_source_that_is_away(tmp_path: Path) -> None:
    """A source that cannot be listed fails the scan: no rows is not the same as no answer."""
    (tmp_path / "reports").mkdir()
    adapter = create({"sources": [{"kind": "nemsis", "path": "reports"}]}, tmp_path)
    assert [] == read(adapter, a_scan(RUNS))
    (tmp_path / "reports").rmdir()

    with pytest.raises(SourceError) as caught:
        read(adapter, a_scan(RUNS))

    assert Reason.ADAPTER_UNAVAILABLE == caught.value.reason


def test_folders_in_folders_are_read_and_links_to_folders_are_not(tmp_path: Path) -> None:
    """A link to a folder may lead outside or round in a circle, so it is left out."""
    source = (FIXTURES / "nemsis" / "01-overdose.xml").read_bytes()
    (tmp_path / "reports" / "2024").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "reports" / "2024" / "a.xml").write_bytes(source)
    (tmp_path / "elsewhere" / "b.xml").write_bytes(source.replace(b"000001", b"000009"))
    (tmp_path / "reports" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "reports" / "circle").symlink_to(tmp_path / "reports")

    rows = read(
        create({"sources": [{"kind": "nemsis", "path": "reports"}]}, tmp_path),
        a_scan(RUNS, ("pcr_uuid",)),
    )

    assert [{"pcr_uuid": "5a0e7c1e-0000-4000-8000-000000000001"}] == rows
