"""Reference tables: used only while their digest holds, and only where they are tables."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.deploy import templates
from gateway.cli.tables import known, tables
from gateway.errors import SettingsError
from gateway.settings import gateway_settings

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.plan.build import Table

ZIP3 = {"name": "zip3", "version": "1", "rows": {"050": 25_000}}
GRID = {"name": "grid", "version": "1", "step": "0.01", "rows": {"4401:-7255": 40}}

BAD_ROWS: list[Any] = [{}, [], {"050": "1"}, {"050": True}, {"05": 1}, {"050": 1.5}]


def read(tmp_path: Path, *bodies: Any, digest: str = "") -> dict[str, Table]:  # noqa: ANN401 - JSON
    """Read the tables of settings that name these files."""
    named = {}
    for number, body in enumerate(bodies):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        (tmp_path / f"{number}.json").write_bytes(data)
        ref = f"{body['name']}@{body['version']}" if isinstance(body, dict) else "zip3@1"
        named[ref] = (f"{number}.json", digest or hashlib.sha256(data).hexdigest())
    path = tmp_path / "gateway.toml"
    path.write_text(templates.gateway("demo.invalid/log", 1, 2, dict.fromkeys(AGENCIES, 3), named))
    return tables(path, gateway_settings(path))


AGENCIES = ("rivertown-ems", "rivertown-pd", "rivertown-health", "safe-steps")


def test_tables_are_read(tmp_path: Path) -> None:
    """By `name@version`; a grid is known by its step as well."""
    found = read(tmp_path, ZIP3, GRID)

    assert {"050": 25_000} == found["zip3@1"].rows
    assert frozenset({"zip3@1", "grid@1", "grid:0.01"}) == known(found)


def test_another_digest_refuses(tmp_path: Path) -> None:
    """A table that was changed after it was named is not used."""
    with pytest.raises(SettingsError, match=r"`tables.zip3@1`: `sha256`"):
        read(tmp_path, ZIP3, digest="0" * 64)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"\xff", b"[" * 100_000,
        b'{"name": "zip3", "version": "2", "rows": {"050": 1}}',
        b'{"name": "zip3", "version": "1"}',
        *({**ZIP3, "rows": rows} for rows in BAD_ROWS),
        *({**GRID, "rows": rows} for rows in ({"x": 1}, {"1:1:1": 1})),
        *({**GRID, "step": step} for step in ("", "0", 0.01, "-1", "1e3")),
        {"name": "other", "version": "1", "rows": {"a": 1}},
    ],
)  # fmt: skip
def test_what_is_no_table_refuses(tmp_path: Path, body: Any) -> None:  # noqa: ANN401 - JSON
    """Never a traceback, and never a half-read table."""
    with pytest.raises(SettingsError, match="`tables"):
        read(tmp_path, body)


def test_two_grids_of_one_step_refuse(tmp_path: Path) -> None:
    """A mask names a step; with two tables nobody could say which one it used."""
    with pytest.raises(SettingsError, match="one step"):
        read(tmp_path, GRID, {**GRID, "version": "2"})
