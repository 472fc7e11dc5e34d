"""`accord log show` and `export`: what is opened is an entry first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.auditor.verify import Asked, run_verify
from gateway.cli.log import run_export, run_show
from gateway.errors import LogError, SettingsError
from gateway.settings import beside, gateway_settings
from gateway.store.lock import Lock
from gateway.store.reads import Reads
from tests.cli.deployed import EXCHANGE
from tests.store.town import an_id

if TYPE_CHECKING:
    from pathlib import Path


def kinds(path: Path) -> list[str]:
    """Return the kinds of the log's entries."""
    reads = Reads(beside(path, gateway_settings(path).log.database))
    try:
        return [str(kind) for (kind,) in reads.rows("SELECT k FROM log_entry ORDER BY seq")]
    finally:
        reads.close()


def test_show_prints_an_exchange_in_words(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Intent, release and outcome, opened; and that somebody looked is an entry."""
    before = kinds(deployed).count("access")

    assert 0 == run_show(str(deployed), EXCHANGE)

    out = capsys.readouterr().out
    for word in ("intent", "release", "outcome", "county-health", "incident_date: truncate"):
        assert word in out
    assert before + 1 == kinds(deployed).count("access")


def test_show_of_an_unknown_exchange_is_1(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exchange that the log does not have: exit 1."""
    assert 1 == run_show(str(deployed), an_id(5))
    assert "no entry" in capsys.readouterr().out


def test_a_plain_export_opens_nothing(deployed: Path, tmp_path: Path) -> None:
    """Tiles alone: no openings, no entry, and it verifies."""
    before = kinds(deployed)

    assert 0 == run_export(str(deployed), str(tmp_path / "log"), opened=False)

    assert before == kinds(deployed)
    assert not (tmp_path / "log" / "openings.jsonl").exists()
    vkey = str(deployed.parent / "log.vkey")
    assert 0 == run_verify(Asked(str(tmp_path / "log"), vkeys=[vkey], first=True))


def test_an_open_export_is_an_entry_inside_it(deployed: Path, tmp_path: Path) -> None:
    """The `access` entry that covers the openings is among what was exported."""
    assert 0 == run_export(str(deployed), str(tmp_path / "log"), opened=True)

    lines = (tmp_path / "log" / "openings.jsonl").read_text().splitlines()
    metas = [json.loads(json.loads(line)["meta"]) for line in lines]
    assert any(meta.get("verb") == "export" for meta in metas)
    vkey = str(deployed.parent / "log.vkey")
    assert 0 == run_verify(Asked(str(tmp_path / "log"), vkeys=[vkey], first=True))


def test_an_export_never_mixes(deployed: Path, tmp_path: Path) -> None:
    """A folder with something in it is refused."""
    (tmp_path / "other").write_text("x")

    with pytest.raises(SettingsError, match="not empty"):
        run_export(str(deployed), str(tmp_path), opened=False)


def test_a_log_that_a_gateway_owns_is_not_opened(deployed: Path) -> None:
    """While another process has the log, nobody opens it beside."""
    lock = Lock(beside(deployed, gateway_settings(deployed).log.database))
    try:
        with pytest.raises(LogError):
            run_show(str(deployed), EXCHANGE)
    finally:
        lock.close()


@pytest.mark.parametrize("opened", [False, True])
def test_a_deployment_without_a_log_is_said(
    deployed: Path, tmp_path: Path, *, opened: bool
) -> None:
    """Before `accord serve --create` there is nothing to export, and nothing is made."""
    path = tmp_path / "gateway.toml"
    text = deployed.read_text().replace('folder = "keys"', f'folder = "{deployed.parent}/keys"')
    path.write_text(text.replace('kek = "kek/kek"', f'kek = "{deployed.parent}/kek/kek"'))

    with pytest.raises((LogError, SettingsError)):
        run_export(str(path), str(tmp_path / "log"), opened=opened)

    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "log").exists()
