"""`accord log migrate`: a deployment's log goes back a schema and comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.migrate import run_migrate
from gateway.errors import LogError
from gateway.store.tables import REVISION
from tests.cli.deployed import deploy, fill

if TYPE_CHECKING:
    from pathlib import Path


def test_back_and_forth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step is said, and one that is no step too."""
    path = deploy(tmp_path)
    fill(path)
    settings = str(path)

    assert 0 == run_migrate(settings, "0001")
    assert 0 == run_migrate(settings, "")
    assert 0 == run_migrate(settings, "")

    assert [
        f"the exchange log's schema is 0001, from {REVISION}",
        f"the exchange log's schema is {REVISION}, from 0001",
        f"the exchange log's schema is {REVISION}, was there already",
    ] == capsys.readouterr().out.splitlines()


def test_a_revision_that_nobody_knows(tmp_path: Path) -> None:
    """It is refused, and the log stays as it was."""
    path = deploy(tmp_path)
    fill(path)
    settings = str(path)

    with pytest.raises(LogError):
        run_migrate(settings, "0999")
    assert 0 == run_migrate(settings, "")
