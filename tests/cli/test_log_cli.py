"""`accord log verify`: each exit code, provoked; the first bad entry is named first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.merkle import entry_bundle_path, tile_path
from gateway.cli.auditor.verify import Asked, run_verify
from gateway.cli.log import run_export, run_show
from gateway.errors import SettingsError
from tests.cli.exported import Exported, changed, other_vkey, write

if TYPE_CHECKING:
    from pathlib import Path

FULL = entry_bundle_path(0, 256)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return an exported log; tests that damage it take a copy."""
    return write(tmp_path_factory.mktemp("exported"))


def check(given: Exported, folder: Path | None = None, **options: Any) -> int:  # noqa: ANN401
    """Verify, as the verb does; held against an early checkpoint unless told otherwise."""
    usual = {"vkeys": [str(given.vkey)], "held": [str(given.early)]}
    return run_verify(Asked(**({"place": str(folder or given.log)} | usual | options)))


def test_a_good_log_is_clean(given: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """Held against an old and a new checkpoint, with a receipt: exit 0."""
    held = [str(given.early), str(given.late)]

    assert 0 == check(given, held=held, receipts=[str(given.receipt)])
    assert "clean" in capsys.readouterr().out


def test_a_first_run_says_that_nothing_was_held(
    given: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--first` admits a run without a held checkpoint; without both it is wrong usage."""
    assert 0 == check(given, held=[], first=True)
    assert "held-none" in capsys.readouterr().out

    with pytest.raises(SettingsError, match="--first"):
        check(given, held=[])


def test_the_key_may_be_text(given: Exported) -> None:
    """A vkey, or a file that holds one."""
    assert 0 == check(given, vkeys=[given.vkey.read_text().strip()])


def test_a_flipped_byte_is_found_where_it_is(
    given: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One byte of one entry: exit 1, and the entry is named first."""
    folder = given.copy(tmp_path / "log")
    bundle = bytearray((folder / FULL).read_bytes())
    at = 0
    for _ in range(17):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    bundle[at + 2 + 60] ^= 1
    (folder / FULL).write_bytes(bundle)

    assert 1 == check(given, folder)

    first = capsys.readouterr().out.splitlines()[0].split()
    assert ["finding", "17"] == [first[0], first[3]]


@pytest.mark.parametrize("cut", [1, 700])
def test_a_truncated_bundle_is_a_finding(given: Exported, tmp_path: Path, cut: int) -> None:
    """Whatever is cut off: exit 1."""
    folder = given.copy(tmp_path / "log")
    data = (folder / FULL).read_bytes()
    (folder / FULL).write_bytes(data[:-cut])

    assert 1 == check(given, folder)


@pytest.mark.parametrize("path", [FULL, tile_path(0, 0, 256)])
def test_a_missing_file_is_a_finding(given: Exported, tmp_path: Path, path: str) -> None:
    """A bundle or a tile that is not there: exit 1."""
    folder = given.copy(tmp_path / "log")
    (folder / path).unlink()

    assert 1 == check(given, folder)


def test_another_key_does_not_finish(given: Exported) -> None:
    """Under a key that never signed this log nothing can be said: exit 3."""
    assert 3 == check(given, vkeys=[other_vkey()])


def test_no_checkpoint_does_not_finish(
    given: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without a checkpoint, or none at all: exit 3, in JSON too."""
    assert 3 == check(given, tmp_path / "nothing")
    capsys.readouterr()

    assert 3 == check(given, tmp_path / "nothing", as_json=True)
    assert 3 == json.loads(capsys.readouterr().out)["exit"]


def test_unreadable_openings_do_not_finish(given: Exported, tmp_path: Path) -> None:
    """Openings that are no openings: exit 3."""
    folder = given.copy(tmp_path / "log")
    (folder / "openings.jsonl").write_text("{}\n")

    assert 3 == check(given, folder)


def test_a_rollback_is_4(given: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """A held checkpoint of more entries than the log has."""
    assert 4 == check(given, held=[str(given.longer)])
    assert "rollback" in capsys.readouterr().out


def test_a_fork_is_4(given: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """A held checkpoint, signed by the key, that is no prefix of the log; 4 goes before 1."""
    assert 4 == check(given, held=[str(given.early), str(given.forked)])
    assert "fork" in capsys.readouterr().out


def test_findings_as_json(
    given: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report has exit code, counts and findings."""
    folder = given.copy(tmp_path / "log")
    (folder / FULL).unlink()

    assert 1 == check(given, folder, as_json=True)

    report = json.loads(capsys.readouterr().out)
    assert 1 == report["exit"]
    assert report["findings"]


@pytest.mark.parametrize(
    "parts",
    [
        {"index": 3}, {"meta": "00"}, {"salt": "00" * 32}, {"exchange_id": "x"}, {"leaf": "zz"},
        {"leaf": "7b7d"}, {"proof": "p"}, {"leaf": None}, {"salt": "00"},
    ],
)  # fmt: skip
def test_a_changed_receipt_is_a_finding(
    given: Exported, parts: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was changed in a receipt: exit 1."""
    assert 1 == check(given, receipts=[str(changed(given.receipt, **parts))])
    assert "changed.receipt" in capsys.readouterr().out


def test_a_receipt_of_a_later_log_is_a_rollback(given: Exported, tmp_path: Path) -> None:
    """A receipt is a held checkpoint too: its entry must be in this very tree."""
    value = json.loads(given.receipt.read_text())
    head = value["proof"].split("\n\n", 1)[0]
    later = changed(given.receipt, proof=f"{head}\n\n{given.longer.read_text()}")

    # Its inclusion proof is for another size, so it proves nothing.
    assert 1 == check(given, receipts=[str(later)])


def test_a_receipt_alone_is_no_held_checkpoint(
    given: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receipt from the one who is audited does not stand for a checkpoint that was kept."""
    assert 0 == check(given, held=[], first=True, receipts=[str(given.receipt)])
    assert "held-none" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["vkeys", "held", "receipts"])
def test_a_file_that_is_not_there_is_wrong_usage(given: Exported, name: str) -> None:
    """Exit 2 by its error: nothing was verified."""
    with pytest.raises(SettingsError):
        check(given, None, **{name: ["absent"]})


def test_show_takes_an_id(tmp_path: Path) -> None:
    """What is no exchange's id is said before anything is opened."""
    with pytest.raises(SettingsError, match="of the form"):
        run_show(str(tmp_path / "gateway.toml"), "nonsense")


def test_settings_that_are_absent_are_said(tmp_path: Path) -> None:
    """`export` and `show` name the file that they cannot read."""
    path = str(tmp_path / "gateway.toml")

    with pytest.raises(SettingsError, match=r"gateway\.toml"):
        run_export(path, str(tmp_path / "log"), opened=False)
    with pytest.raises(SettingsError, match=r"gateway\.toml"):
        run_show(path, "01a1faf2-07b8-7000-8000-000000000001")
