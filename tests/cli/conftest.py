"""A deployment whose log has one exchange, for tests of the auditors' verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.log import run_export
from tests.cli.deployed import deploy, fill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the settings of a deployment whose log has one exchange."""
    path = deploy(tmp_path_factory.mktemp("deployed") / "county")
    fill(path)
    return path


@pytest.fixture(scope="module")
def exported(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its log as an exported folder with openings."""
    folder = tmp_path_factory.mktemp("exported") / "log"
    run_export(str(deployed), str(folder), opened=True)
    return folder
