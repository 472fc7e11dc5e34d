"""What the log says of agreements is found among exchanges, in order, on either database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.audit.entry import Draft
from gateway.broker.drafts import b64
from gateway.store.stood import stood
from tests.store.server import SharedTown
from tests.store.town import Town, a_refusal, an_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town on either database."""
    return Town(tmp_path) if request.param == "sqlite" else SharedTown(tmp_path)


def change(*states: str) -> Draft:
    """Return the entry of a swap, of an agreement for each state."""
    digest = b64(bytes(32))
    rows = [[f"county-{n}", "1.0.0", digest, state] for n, state in enumerate(states)]
    meta = {"agreements": rows, "floor_sha256": digest}
    return Draft("agreement", None, 0, None, "p", meta)


def test_every_change_is_found_in_the_order_of_the_log(town: Town) -> None:
    """Between refusals, two swaps: each agreement with its state, the later one last."""

    async def write() -> list[tuple[str, str]]:
        async with town.log() as log:
            await log.note(change("active", "active"))
            await log.refusal(a_refusal(an_id(1)))
            await log.note(change("suspended"))
            found = list(await asyncio.to_thread(lambda: list(stood(log.reads, town.keys.by_id))))
        assert found[0].at <= found[-1].at
        return [(one.ref, one.state) for one in found if one.agreement.startswith("county")]

    assert [
        ("county-0@1.0.0", "active"), ("county-1@1.0.0", "active"), ("county-0@1.0.0", "suspended"),
    ] == asyncio.run(write())  # fmt: skip
