"""`accord keys`: an operator lists, rotates, destroys and rewraps; no verb ever prints a key."""

from __future__ import annotations

import json
import shutil
import sqlite3
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Verifier
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys, open_master
from gateway.cli.keys import (
    run_destroy,
    run_list,
    run_lost,
    run_retire,
    run_rewrap,
    run_rotate,
)
from gateway.errors import SettingsError
from gateway.keys import names
from gateway.settings import beside, gateway_settings
from tests.cli.deployed import ORIGIN, deploy, fill

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.keys.folder import KeyFolder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a deployment whose log has one exchange."""
    path = deploy(tmp_path_factory.mktemp("first") / "county")
    fill(path)
    return path.parent


@pytest.fixture
def deployed(first: Path, tmp_path: Path) -> Path:
    """Return the settings of a copy of it."""
    shutil.copytree(first, tmp_path / "county")
    return tmp_path / "county" / "gateway.toml"


def _keys(path: Path) -> KeyFolder:
    return open_keys(path, gateway_settings(path), SystemEntropy())


def _listed(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    capsys.readouterr()
    assert 0 == run_list(str(path), as_json=True)
    return {one["key"]: one for one in json.loads(capsys.readouterr().out)["keys"]}


def _month(retain: str = "6y") -> str:
    return f"payload/{SystemClock().now():%Y-%m}.{retain}"


def test_list_says_each_key_and_until_when_it_is_needed(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """State, vkey and last day, in words and as JSON; and of no key its bytes."""
    assert 0 == run_list(str(deployed), as_json=False)
    words = capsys.readouterr().out
    listed = _listed(deployed, capsys)

    month = listed[_month()]
    assert ("made", str(names.over(_month(), []))) == (month["state"], month["over"])
    assert ORIGIN == Verifier.from_vkey(listed["signing/1"]["vkey"]).name
    for word in (_month(), "signing/1", "needed until", "local:", listed["signing/1"]["vkey"]):
        assert word in words
    keys = _keys(deployed)
    for secret in (keys.signing_seed(), keys.by_id(_month())):
        assert secret.hex() not in words
        assert b64encode(secret).decode()[:40] not in words


def test_rotate_prints_the_vkey_to_pin(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old one is retired and stays listed; the new one signs."""
    before = _listed(deployed, capsys)["signing/1"]["vkey"]

    assert 0 == run_rotate(str(deployed), "signing")

    out = capsys.readouterr().out
    listed = _listed(deployed, capsys)
    assert listed["signing/2"]["vkey"] in out
    assert before not in out
    assert ("retired", "made") == (listed["signing/1"]["state"], listed["signing/2"]["state"])


@pytest.mark.parametrize("what", ["payload", None])
def test_rotate_takes_a_kind_or_a_key(
    deployed: Path, capsys: pytest.CaptureFixture[str], what: str | None
) -> None:
    """Of a kind, every class of this month; of an id, that one."""
    run_rotate(str(deployed), what or _month())

    listed = _listed(deployed, capsys)
    assert "made" == listed[f"{_month()}#2"]["state"]
    assert (what == "payload") == (f"{_month('p')}#2" in listed)


def test_what_is_not_in_use_is_not_rotated(deployed: Path) -> None:
    """No subject key was made yet, and no key has that id."""
    for what in ("subject", "payload/2020-01.6y", "x"):
        with pytest.raises(SettingsError, match=r"in use|of no kind"):
            run_rotate(str(deployed), what)


def test_retire_takes_a_key_out_of_use(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its successor is made when it is needed."""
    assert 0 == run_retire(str(deployed), _month())

    listed = _listed(deployed, capsys)
    assert "retired" == listed[_month()]["state"]
    assert f"{_month()}#2" not in listed


def test_a_key_that_is_needed_is_not_destroyed(deployed: Path) -> None:
    """Not within its class, and not the one that signs."""
    for key in (_month(), _month("p"), "signing/1"):
        with pytest.raises(SettingsError, match="is not over"):
            run_destroy(str(deployed), key)


def test_a_key_is_not_destroyed_over_payloads_that_are_left(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its class is over, and a payload is under it: a hold, or a gateway that did not run."""
    old = "payload/2010-01.6y"
    keys = _keys(deployed)
    keys.payload("2010-01", "6y")
    assert 0 == run_destroy(str(deployed), old)
    assert "destroyed" == _listed(deployed, capsys)[old]["state"]

    held = keys.payload("2010-02", "6y")[0]
    database = beside(deployed, gateway_settings(deployed).log.database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE log_payload SET key_id = ? WHERE seq = 3", (held,))

    with pytest.raises(SettingsError, match="has payloads under it"):
        run_destroy(str(deployed), held)


def test_lost_is_for_keys_that_are_not_there(
    deployed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that is there cannot be said to be lost."""
    with pytest.raises(SettingsError, match="not one that can be missing"):
        run_lost(str(deployed), _month())

    assert 0 == run_lost(str(deployed), "payload/2020-01.6y")

    assert "lost" == _listed(deployed, capsys)["payload/2020-01.6y"]["state"]


def test_rewrap_moves_the_folder_to_another_master(
    deployed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file to a variable of the environment; what to set is printed, and no key."""
    secret = _keys(deployed).by_id(_month())
    kek = b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("ACCORD_TEST_KEK", kek)

    assert 0 == run_rewrap(str(deployed), "env:ACCORD_TEST_KEK", create=False)

    out = capsys.readouterr().out
    assert 'kek = "env:ACCORD_TEST_KEK"' in out
    assert kek not in out
    with pytest.raises(SettingsError, match="does not open"):
        _keys(deployed)
    text = deployed.read_text()
    deployed.write_text(text.replace('kek = "kek/kek"', 'kek = "env:ACCORD_TEST_KEK"'))
    assert secret == _keys(deployed).by_id(_month())
    assert {"made", "retired"} == {
        one["state"] for key, one in _listed(deployed, capsys).items() if key.startswith("kek/")
    }


def test_rewrap_makes_a_master_only_when_told(deployed: Path) -> None:
    """And leaves the folder as it was where there is none."""
    with pytest.raises(SettingsError, match="missing"):
        run_rewrap(str(deployed), "kek/next", create=False)
    assert _keys(deployed).by_id(_month())

    assert 0 == run_rewrap(str(deployed), "kek/next", create=True)

    master = open_master(deployed, "kek/next", SystemEntropy())
    assert master.name == open_master(deployed, "kek/next", SystemEntropy()).name
