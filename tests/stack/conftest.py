"""The county that the tests of the whole stack share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stack.county import Town, town

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Return a whole county on its feet; tests spend what leaves once, each its own part."""
    with town(tmp_path_factory.mktemp("stack") / "county") as made:
        yield made
