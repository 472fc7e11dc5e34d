"""The canonical datasets that ship with the adapters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters import canonical
from gateway.errors import Reason, SettingsError, SourceError
from gateway.values import DatasetId, FieldType
from tests.data import SHARED

DATASETS = SHARED / "datasets.json"


@pytest.mark.skipif(not DATASETS.is_file(), reason="needs datasets.json beside the project")
def test_the_file_is_what_its_script_makes() -> None:
    """`canonical.json` is generated, never edited."""
    made = canonical.generate(json.loads(DATASETS.read_text("utf-8")))

    assert made == Path(canonical.__file__).with_name("canonical.json").read_text("utf-8")


def test_spellings_are_by_source() -> None:
    """One code has a spelling in each source, and a spelling means what its source means by it."""
    assert "female" == canonical.codes("sex", "NEMSIS 3.5.1 ePatient.25")["9919001"]
    assert "female" == canonical.codes("sex", "Tempe opioid EMS")["Female"]
    assert "9919001" not in canonical.codes("sex", "NEMSIS 3.4/3.5.0 ePatient.13")


def test_fields_have_types_and_codes() -> None:
    """A dataset's fields come in its order, with type and list."""
    fields = canonical.fields(DatasetId("ems.overdose_run", 1))

    assert "pcr_uuid" == next(iter(fields))
    assert (FieldType.CODE, "avpu") == (fields["avpu"].type, fields["avpu"].codes)
    with pytest.raises(SourceError) as caught:
        canonical.fields(DatasetId("ems.overdose_run", 2))
    assert Reason.ADAPTER_BROKE_PLAN == caught.value.reason


def test_one_spelling_with_two_codes_is_an_error() -> None:
    """A list in which a source's spelling is ambiguous is not generated."""
    lists = {"x": {"values": {"a": {"from": {"s": ["1"]}}, "b": {"from": {"s": ["1"]}}}}}

    with pytest.raises(ValueError, match="`x`"):
        canonical.generate({"datasets": [], "code_lists": lists})


def test_another_format_is_refused() -> None:
    """A file of another format is not read as if it were this one."""
    with pytest.raises(ValueError, match="format"):
        canonical.parse({"format": "accord-canonical-3"})


def test_the_error_of_a_broken_installation_is_a_settings_error(tmp_path: Path) -> None:
    """The script without its one argument says how it is called."""
    assert 2 == canonical.main([])
    assert issubclass(SettingsError, Exception)
