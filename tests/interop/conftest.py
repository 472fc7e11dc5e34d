"""The county that the tests of a module share: what leaves once is spent for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stack.county import Town, town

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Return a whole county on its feet."""
    with town(tmp_path_factory.mktemp("stack") / "county") as made:
        yield made
