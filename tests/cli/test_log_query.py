"""`accord log query`: what is looked for is found, in each form; that somebody looked is told."""

from __future__ import annotations

import csv
import io
import json
import shutil
import stat
from typing import TYPE_CHECKING, Any

import pyarrow.parquet
import pytest

from gateway.audit.columns import NAMES
from gateway.audit.names import Names
from gateway.audit.static import OPENINGS
from gateway.cli.auditor import ask
from gateway.cli.auditor.outputs import FORMS
from gateway.cli.auditor.query import run_query
from gateway.cli.clock import SystemEntropy
from gateway.cli.keyring import open_keys
from gateway.cli.log import run_export
from gateway.errors import LogError, SettingsError
from gateway.settings import beside, gateway_settings
from gateway.store.lock import Lock
from gateway.store.reads import Reads
from tests.audit.balp import faults
from tests.audit.every_kind import of_kind
from tests.cli.deployed import EXCHANGE

if TYPE_CHECKING:
    from pathlib import Path


def query(place: Path, form: str = "jsonl", output: str = "-", **asked: Any) -> int:  # noqa: ANN401
    """Ask, as the verb does."""
    return run_query(str(place), ask.selection(**asked), form=form, output=output)


def accesses(path: Path) -> list[dict[str, Any]]:
    """Return what the log's `access` entries say, read with the deployment's own keys."""
    settings = gateway_settings(path)
    keys = open_keys(path, settings, SystemEntropy())
    reads = Reads(beside(path, settings.log.database))
    try:
        rows = reads.rows("SELECT seq FROM log_entry WHERE k = 'access' ORDER BY seq")
        found = [reads.opened(int(seq), 1, keys.by_id)[0].meta for (seq,) in rows]
    finally:
        reads.close()
    return [json.loads(one) for one in found]


def test_the_entries_of_an_exchange_are_found(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the agency that asked: intent, release and outcome, each with both parties."""
    assert 0 == query(deployed, agencies=["county-health"])

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["intent", "release", "outcome"] == [one["kind"] for one in rows]
    assert {("county-ems", "county-health", EXCHANGE)} == {
        (one["provider"], one["recipient"], one["exchange"]) for one in rows
    }


def test_looking_is_an_entry_that_tells_the_filters_and_not_their_values(deployed: Path) -> None:
    """Verb, names of filters, how many entries were opened at most; never what was asked for."""
    before = len(accesses(deployed))

    query(deployed, kinds=["release"], agencies=["county-canary"])

    *_, last = accesses(deployed)
    assert before + 1 == len(accesses(deployed))
    assert ("query", "agencies, kinds", 2) == (last["verb"], last["filter"], last["results"])


def test_nothing_found_is_1(deployed: Path) -> None:
    """An agency of which the log says nothing: exit 1."""
    assert 1 == query(deployed, agencies=["nobody"])


def test_a_period_that_is_over_finds_nothing(deployed: Path) -> None:
    """Before the log began there is nothing; from its first day on there is."""
    assert 1 == query(deployed, until="2020-01-01")
    assert 0 == query(deployed, since="2020-01-01")


@pytest.mark.parametrize(
    "asked",
    [
        {"kinds": ["releases"]}, {"decision": "yes"}, {"since": "yesterday"},
        {"since": "2026-11-01T12:00:00"}, {"since": "2026-11-02", "until": "2026-11-01"},
    ],
)  # fmt: skip
def test_a_wrong_filter_opens_nothing(deployed: Path, asked: dict[str, Any]) -> None:
    """What could never be found is wrong usage, and nothing was looked at."""
    before = len(accesses(deployed))

    with pytest.raises(SettingsError):
        query(deployed, **asked)

    assert before == len(accesses(deployed))


@pytest.mark.parametrize(
    ("form", "output"),
    [("xml", "-"), ("parquet", "-"), ("csv", "nowhere/at/all.csv"), ("table", "out.txt")],
)
def test_a_form_that_cannot_be_written_opens_nothing(
    deployed: Path, form: str, output: str
) -> None:
    """Said before the log is opened."""
    before = len(accesses(deployed))

    with pytest.raises(SettingsError):
        query(deployed, form, output)

    assert before == len(accesses(deployed))


def test_an_export_says_the_same_as_its_log(
    deployed: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the folder with openings: the same rows, but for tokens, which it leaves out."""
    query(deployed, kinds=["intent", "release", "outcome"])
    of_log = capsys.readouterr().out

    query(exported, kinds=["intent", "release", "outcome"])

    said = capsys.readouterr()
    assert of_log == said.out
    assert "accord log verify" in said.err


def test_a_period_of_an_export_knows_what_began_before_it(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A release is of somebody although its intent lies before the period."""
    query(exported, kinds=["release"])
    (release,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    query(exported, since=release["time"])

    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert ("release", "county-ems") == (first["kind"], first["provider"])


def test_a_changed_opening_is_not_believed(exported: Path, tmp_path: Path) -> None:
    """A recipient changed in the openings: the entry is named, and nothing of it is shown."""
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    text = (folder / OPENINGS).read_text()
    (folder / OPENINGS).write_text(text.replace("county-health", "county-wealth"))

    with pytest.raises(LogError, match="commitment-mismatch: entry"):
        query(folder)


def test_an_export_without_openings_shows_leaves(
    deployed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kinds and times are in the tree; who and what is not, and is not guessed."""
    run_export(str(deployed), str(tmp_path / "log"), opened=False)
    capsys.readouterr()

    assert 0 == query(tmp_path / "log", kinds=["release"])
    assert 1 == query(tmp_path / "log", agencies=["county-health"])

    said = capsys.readouterr()
    assert json.loads(said.out)["provider"] is None
    assert "no openings" in said.err


def test_csv_and_parquet_hold_the_same(deployed: Path, tmp_path: Path) -> None:
    """As many rows, the columns in order, an empty cell for what is not there."""
    asked = {"kinds": ["intent", "release", "outcome", "genesis"]}
    query(deployed, "csv", str(tmp_path / "log.csv"), **asked)
    query(deployed, "parquet", str(tmp_path / "log.parquet"), **asked)

    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = pyarrow.parquet.read_table(tmp_path / "log.parquet")
    assert list(NAMES) == list(rows[0]) == table.column_names
    assert [one["kind"] for one in rows] == table["kind"].to_pylist()
    assert [one["rows"] for one in rows] == [
        "" if one is None else str(one) for one in table["rows"].to_pylist()
    ]
    assert "timestamp[ms, tz=UTC]" == str(table.schema.field("time").type)


@pytest.mark.parametrize("form", ["csv", "jsonl", "fhir", "ocsf", "parquet"])
def test_a_file_is_its_owners(deployed: Path, tmp_path: Path, form: str) -> None:
    """Nobody else reads it; no half of it is left beside."""
    place = tmp_path / "out"

    query(deployed, form, str(place), kinds=["release"])

    assert 0o600 == stat.S_IMODE(place.stat().st_mode)
    assert [place] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_finished_is_not_there(exported: Path, tmp_path: Path) -> None:
    """An error in the middle: neither the file nor a half of it."""
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    with (folder / OPENINGS).open("a") as file:
        file.write("no opening\n")

    with pytest.raises(SettingsError, match="is not an opening"):
        query(folder, "csv", str(tmp_path / "out.csv"))

    assert [folder] == list(tmp_path.iterdir())


def test_fhir_is_good_and_names_the_agencies(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every entry of a log, one JSON resource a line, under R4's rules."""
    assert 0 == query(deployed, "fhir")

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [] == [fault for one in found for fault in faults(one)]
    assert len(found) == len({one["id"] for one in found})


def test_ocsf_is_one_activity_an_entry(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the log."""
    assert 0 == query(deployed, "ocsf")

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(range(len(found))) == [one["metadata"]["sequence"] for one in found]


def test_the_table_shows_the_newest_and_counts_the_rest(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit leaves out the oldest, and says so."""
    run_query(str(deployed), ask.selection(kinds=["intent", "release"]), limit=1)

    out = capsys.readouterr().out
    assert "release" in out
    assert "intent" not in out
    assert "2 entries, the newest 1 shown" in out


def test_a_formula_is_not_run_by_a_spreadsheet() -> None:
    """A person's id that begins like a formula is quoted in CSV; in JSON it is as it was."""
    event = of_kind("refusal", caller_person="=1+1")
    sheet = io.StringIO()
    FORMS["csv"](sheet, [event], Names("log.example"))

    (row,) = csv.DictReader(io.StringIO(sheet.getvalue()))
    assert "'=1+1" == row["caller_person"]


def test_a_log_that_a_gateway_owns_is_not_opened(deployed: Path) -> None:
    """While another process has the log, nobody opens it beside."""
    lock = Lock(beside(deployed, gateway_settings(deployed).log.database))
    try:
        with pytest.raises(LogError):
            query(deployed)
    finally:
        lock.close()


@pytest.mark.parametrize("name", ["agencies.yaml", "purposes.yaml"])
def test_names_that_cannot_be_read_are_said(exported: Path, tmp_path: Path, name: str) -> None:
    """A folder of agreements that is none: the file is named, nothing is shown."""
    for one in {"agencies.yaml", "purposes.yaml"} - {name}:
        (tmp_path / one).write_text("kind: Agencies\n")

    with pytest.raises(SettingsError):
        run_query(str(exported), ask.selection(), form="jsonl", officers=str(tmp_path))
