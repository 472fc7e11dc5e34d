"""Random tokens through a whole county: one for a run, in every form, and after a restart."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway.cli.compose import VAULT
from gateway.errors import SettingsError
from gateway.telemetry import Telemetry
from gateway.values import Form
from tests.stack.county import EMS, PHD, gateway, generous, now, request, town
from tests.stack.sources import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.values import Request
    from tests.stack.county import Got, Town

RUNS = 700
"""More than are masked one by one, and more than the few different values of a column."""


def by_token(text: str) -> str:
    """Return the agreement with the pseudonyms of runs out of the vault."""
    old = "pcr_uuid: {pseudonym: {method: hmac,"
    assert old in text
    return generous(text.replace(old, "pcr_uuid: {pseudonym: {method: token,"))


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Return a county of EMS runs alone."""
    source = Runs(RUNS, now().date() - dt.timedelta(days=2))
    folder = tmp_path_factory.mktemp("tokens") / "county"
    with town(folder, edit=by_token, adapters={EMS: source}) as made:
        yield made


def runs(form: Form) -> Request:
    """Return the epidemiologists' request."""
    fields = "pcr_uuid age"
    return request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", fields, form=form)


def tokens(got: Got) -> list[str]:
    """Return the tokens of an exchange, in order."""
    return [row["pcr_uuid"] for row in got.rows]


def vault(county: Town) -> Path:
    """Return the vault's file."""
    return county.database.with_name(VAULT)


@pytest.mark.parametrize("form", [Form.ROWS, Form.ARROW])
def test_every_form_has_the_same_tokens(county: Town, form: Form) -> None:
    """A run is the same 128 bits in every exchange, and two runs are never the same."""
    found = tokens(county.ask(runs(form)))

    assert RUNS == len(set(found))
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in found)
    assert found == tokens(county.ask(runs(Form.ARROW_ZSTD)))


def test_the_header_says_token(county: Town) -> None:
    """The recipient sees which pseudonyms are drawn, and by which key their index is made."""
    header = county.ask(runs(Form.ROWS)).header
    arguments = header.columns[0].mask.arguments

    assert "method=token" in arguments
    assert any(one.startswith("key=vault/") for one in arguments)


def test_a_restart_changes_no_token(county: Town) -> None:
    """What the vault drew, it has for good."""
    before = tokens(county.ask(runs(Form.ARROW)))

    county.loop.run(county.running.stop(0.1))
    again = gateway(county.folder, county.ports, Telemetry(), create=False)
    county.running = county.loop.run(again)

    assert before == tokens(county.ask(runs(Form.ARROW)))


def test_no_file_of_the_gateway_has_a_value(county: Town) -> None:
    """Of the runs themselves nothing lies in the vault, in the log or beside them."""
    county.ask(runs(Form.ARROW))

    with closing(sqlite3.connect(vault(county))) as connection:
        rows = connection.execute("SELECT scope, idx, token FROM vault_token").fetchall()
    assert RUNS == len(rows)
    assert {(32, 16)} == {(len(index), len(token)) for _, index, token in rows}
    for path in vault(county).parent.iterdir():
        assert b"SYNTHETIC-0000" not in path.read_bytes(), path.name


def test_a_lost_vault_is_not_made_anew(county: Town) -> None:
    """A gateway whose vault is gone does not start: every run would get a second token."""
    county.ask(runs(Form.ARROW))
    county.loop.run(county.running.stop(0.1))
    held = vault(county).rename(vault(county).with_name("moved"))
    try:
        with pytest.raises(SettingsError, match="vault"):
            county.loop.run(gateway(county.folder, county.ports, Telemetry(), create=False))
    finally:
        held.rename(vault(county))
        again = gateway(county.folder, county.ports, Telemetry(), create=False)
        county.running = county.loop.run(again)

    assert RUNS == len(tokens(county.ask(runs(Form.ARROW))))
