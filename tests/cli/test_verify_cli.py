"""`accord log verify` with everything that an auditor may bring, and what it then says."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.audit.checkpoint import COSIGNATURE, Signer
from gateway.audit.fault import Finding
from gateway.audit.tally import NOTES
from gateway.auditor.folder import OpeningsFile, read_openings
from gateway.auditor.run import Report
from gateway.cli.auditor.findings import SHOWN, WORDS, Outcome, say
from gateway.cli.auditor.verify import Asked, run_verify
from gateway.cli.log import run_export
from gateway.cli.main import app
from gateway.errors import SettingsError
from gateway.settings import beside, gateway_settings
from tests.audit.build import Log
from tests.cli.deployed import deploy, fill
from tests.cli.exported import Exported, write
from tests.data import ROOT

if TYPE_CHECKING:
    from pathlib import Path


SALT = "A" * 43 + "="
WITNESS = Signer.from_seed("witness.example/w1", b"\x01" * 32, COSIGNATURE).vkey


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the settings of a deployment whose log has one exchange."""
    path = deploy(tmp_path_factory.mktemp("deployed") / "county")
    fill(path)
    return path


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return an exported log."""
    return write(tmp_path_factory.mktemp("exported"))


def asked(path: Path, **options: object) -> Asked:
    """Return a run over the store of a deployment, keys included."""
    usual: dict[str, object] = {
        "store": str(path),
        "keys": str(path),
        "vkeys": [str(path.parent / "log.vkey")],
        "first": True,
    }
    return Asked(**(usual | options))  # type: ignore[arg-type]


def test_a_store_is_verified_with_its_payloads(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its settings, by its file, with keys and without: clean, and it says what it looked at."""
    assert 0 == run_verify(asked(deployed))
    out = capsys.readouterr().out
    assert "0 not opened" in out
    assert re.search(r"^rows .*columns", out, re.MULTILINE)

    database = str(beside(deployed, gateway_settings(deployed).log.database))
    assert 0 == run_verify(asked(deployed, store=database, keys=""))
    assert "not-opened" in capsys.readouterr().out


def test_a_store_leaves_no_trace(deployed: Path) -> None:
    """Nothing is written: no entry, no file, no lock that is held."""
    before = sorted(deployed.parent.rglob("*"))
    database = beside(deployed, gateway_settings(deployed).log.database)
    data = database.read_bytes()

    assert 0 == run_verify(asked(deployed))

    assert data == database.read_bytes()
    assert before == [one for one in sorted(deployed.parent.rglob("*")) if one in before]


def test_a_changed_column_is_named(
    deployed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an administrator changed beside intact entries: exit 1, and what it means."""
    copy = tmp_path / "copy.db"
    shutil.copy(beside(deployed, gateway_settings(deployed).log.database), copy)
    connection = sqlite3.connect(copy)
    connection.execute("DROP TRIGGER log_entry_update")
    connection.execute("UPDATE log_entry SET n = 3 WHERE k = 'release'")
    connection.commit()
    connection.close()

    assert 1 == run_verify(asked(deployed, store=str(copy)))

    lines = capsys.readouterr().out.splitlines()
    assert ["finding", "column-mismatch", "entry"] == lines[0].split()[:3]
    assert any(WORDS["column-mismatch"] in line for line in lines)


def test_payloads_past_their_class_are_due(deployed: Path) -> None:
    """Held against a day in seven years; today nothing is."""
    for now, due in (("", False), ("2039-01-01T00:00:00Z", True)):
        result = CliRunner().invoke(
            app,
            ["log", "verify", "--store", str(deployed), "--keys", str(deployed), "--vkey",
             str(deployed.parent / "log.vkey"), "--first", "--now", now, "--json"],
        )  # fmt: skip

        assert 0 == result.exit_code
        report = json.loads(result.stdout)
        assert due is ("erase-due" in {code for code, _, _ in report["findings"]})
        assert due is bool(report["due"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"place": "also"}, "or `--store`"),
        ({"store": ""}, "or `--store`"),
        ({"openings": "o"}, "`--openings`"),
        ({"store": "", "place": "log"}, "`--keys`"),
        ({"first": False}, "--first"),
        ({"quorum": 1}, "`--quorum`"),
        ({"quorum": 2, "witnesses": [WITNESS]}, "`--quorum`"),
        ({"witnesses": ["nonsense"]}, "`--witness`"),
        ({"vkeys": [WITNESS]}, "`--vkey`: the vkey is not a log's"),
        ({"now": "soon"}, "`--now`"),
        ({"now": "2027-01-01T00:00:00"}, "zone"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    deployed: Path, options: dict[str, object], said: str
) -> None:
    """Exit 2 by its error, before anything is read."""
    with pytest.raises(SettingsError, match=re.escape(said)):
        run_verify(asked(deployed, **options))


def test_a_log_s_key_is_no_witness_s(deployed: Path) -> None:
    """A checkpoint that its own log signed is not cosigned by that."""
    vkey = (deployed.parent / "log.vkey").read_text().strip()

    with pytest.raises(SettingsError, match="not a witness's"):
        run_verify(asked(deployed, witnesses=[vkey], quorum=1))


def test_too_few_cosignatures_do_not_finish(deployed: Path) -> None:
    """A witness that signed nothing: exit 3."""
    assert 3 == run_verify(asked(deployed, witnesses=[WITNESS], quorum=1))
    assert 0 == run_verify(asked(deployed, witnesses=[WITNESS], quorum=0))


def test_a_store_that_is_not_there_does_not_finish(deployed: Path, tmp_path: Path) -> None:
    """Exit 3, and nothing is made."""
    assert 3 == run_verify(asked(deployed, store=str(tmp_path / "absent.db")))
    assert not list(tmp_path.iterdir())


def test_both_notes_of_a_fork_are_printed(
    given: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are the evidence, in words and for programs; without a fork there is none."""
    forked = given.forked.read_text()
    log, vkeys, held = str(given.log), [str(given.vkey)], [str(given.forked)]

    assert 4 == run_verify(Asked(log, vkeys=vkeys, held=held))
    out = capsys.readouterr().out
    for line in (*forked.splitlines(), *(given.log / "checkpoint").read_text().splitlines()):
        assert line in out

    assert 4 == run_verify(Asked(log, vkeys=vkeys, held=held, as_json=True))
    evidence = json.loads(capsys.readouterr().out)["evidence"]
    assert [(given.log / "checkpoint").read_text(), forked] == evidence

    good = Asked(log, vkeys=vkeys, held=[str(given.late)], as_json=True)
    assert 0 == run_verify(good)
    assert [] == json.loads(capsys.readouterr().out)["evidence"]


def test_openings_may_lie_elsewhere(
    deployed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of a few openings: those are held against their entries, the others are counted."""
    folder, few = tmp_path / "log", tmp_path / "few.jsonl"
    assert 0 == run_export(str(deployed), str(folder), opened=True)
    lines = (folder / "openings.jsonl").read_text().splitlines(keepends=True)
    (folder / "openings.jsonl").rename(tmp_path / "all.jsonl")
    few.write_text("".join(lines[2:4]))
    vkeys = [str(deployed.parent / "log.vkey")]

    assert 0 == run_verify(Asked(str(folder), vkeys=vkeys, first=True, openings=str(few)))
    assert ", 2 opened" in capsys.readouterr().out

    few.write_text(lines[3] + lines[2])
    assert 3 == run_verify(Asked(str(folder), vkeys=vkeys, first=True, openings=str(few)))
    assert "not in their order" in capsys.readouterr().err

    changed = json.loads(lines[2])
    changed["meta"] = changed["meta"].replace("county", "country", 1) + " "
    few.write_text(json.dumps(changed) + "\n")
    assert 1 == run_verify(Asked(str(folder), vkeys=vkeys, first=True, openings=str(few)))
    assert "commitment-mismatch" in capsys.readouterr().out


def test_a_large_file_of_openings_is_read_along(tmp_path: Path) -> None:
    """From any place on, without reading what is before it, each opening is found once."""
    log = Log.begun().fill(600)
    path = tmp_path / "openings.jsonl"
    held = {
        index: {"index": index, "meta": one.meta.decode(), "salt": SALT}
        for index, one in log.openings.items()
        if index % 3
    }
    path.write_text("".join(json.dumps(one) + "\n" for one in held.values()))

    for first in (0, 1, 256, 399, 597, 599):
        found = OpeningsFile(path)
        there = {index for index in range(first, 600) if found.get(index)}
        found.close()

        assert {index for index in held if index >= first} == there
    assert list(held) == list(read_openings(path))


def test_every_finding_has_its_words() -> None:
    """Each code that the pure core may give is explained, and no other."""
    text = "".join(path.read_text() for path in (ROOT / "gateway" / "audit").glob("*.py"))
    given = set(re.findall(r'(?:Finding|AuditError)\(\s*"([a-z-]+)"', text))
    given |= set(re.findall(r'^\s+return "([a-z]+-[a-z-]+|duplicate)", ', text, re.MULTILINE))

    assert given - set(WORDS) == set()
    assert set(WORDS) >= NOTES | {"rollback", "fork", "index-mismatch"}


def test_many_findings_of_one_code_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A log that is wrong throughout does not fill the terminal."""
    found = [Finding("leaf-mismatch", index, "changed") for index in range(SHOWN + 7)]
    say(Outcome(Report(""), found, (), first=True), as_json=False)

    out = capsys.readouterr().out
    assert SHOWN == len([line for line in out.splitlines() if line.startswith("finding")])
    assert "7 more" in out
