"""`accord log show --client`: what a running gateway shows, and what of it is believed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Verifier
from gateway.cli import show
from gateway.cli.accounting.accounts import Accounts
from gateway.cli.audit_view import AuditView
from gateway.cli.clock import SystemClock
from gateway.errors import LogError
from gateway.v1 import audit_pb2
from gateway.values import Caller
from tests.cli.deployed import EXCHANGE, opened
from tests.store.contract import RECIPIENT
from tests.store.town import an_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.rpc.audit import Opened


class Twin:
    """A client of the audit service, without a wire; `lie` changes each page."""

    def __init__(self, view: AuditView, agency: str, lie: str = "") -> None:
        self._view = view
        self._caller = Caller(agency, bytes(32))
        self._lie = lie

    async def get_checkpoint(self) -> str:
        """Return the newest checkpoint."""
        return self._view.newest()

    async def get_entries(
        self, start: int, count: int = 100, *, opened: bool = False
    ) -> Sequence[audit_pb2.Entry]:
        """Return a page of two entries at most, as a gateway may; or something else."""
        count = min(count, 2)
        found: Sequence[Opened] = await (
            self._view.opened(start, count, self._caller)
            if opened
            else self._view.entries(start, count)
        )
        page = [
            audit_pb2.Entry(index=one.index, leaf=one.leaf, meta=one.meta, salt=one.salt)
            for one in found
        ]
        if self._lie == "no page":
            return ()
        for one in page:
            if self._lie == "meta" and one.meta:
                one.meta = json.dumps({"rows": "canary"}).encode()
            if self._lie == "leaf" and opened:
                one.leaf = one.leaf.replace(b'"k":"intent"', b'"k":"refusal"')
            if self._lie == "index":
                one.index += 1
        return page

    async def get_inclusion_proof(self, index: int, size: int = 0) -> str:
        """Return an entry's proof."""
        return await self._view.inclusion(index, size)


def shown(path: Path, exchange: str, agency: str = RECIPIENT, lie: str = "") -> int:
    """Show an exchange to an agency."""

    async def ask() -> int:
        log, keys = opened(path)
        try:
            clock = SystemClock()
            accounts = Accounts(log, keys, clock)
            view = AuditView(log, keys.by_id, accounts, pytest.fail, clock)
            twin = Twin(view, agency, lie)
            verifier = Verifier.from_vkey((path.parent / "log.vkey").read_text().strip())
            return await show.show(twin, [verifier], exchange)  # type: ignore[arg-type]
        finally:
            await log.close()

    return asyncio.run(ask())


def test_a_party_sees_its_exchange(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Intent, release and outcome, opened, in their order, over pages of any size."""
    assert 0 == shown(deployed, EXCHANGE)

    out = capsys.readouterr().out
    assert -1 < out.index("intent") < out.index("release") < out.index("outcome")
    assert "incident_date: truncate" in out
    assert "not opened" not in out


def test_others_see_that_there_was_one(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Leaves are every agency's to see; what they say is the parties'."""
    assert 0 == shown(deployed, EXCHANGE, "safe-steps")

    out = capsys.readouterr().out
    assert 3 == out.count("not opened")
    assert "incident_date" not in out


def test_an_unknown_exchange_is_1(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And how far was looked is said."""
    assert 1 == shown(deployed, an_id(5))
    assert "no entry of this exchange among the newest" in capsys.readouterr().out


@pytest.mark.parametrize("lie", ["no page", "index", "meta", "leaf"])
def test_a_gateway_that_lies_is_found(
    deployed: Path, lie: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entries left out, moved, or that say something else than what was signed."""
    with pytest.raises(LogError):
        shown(deployed, EXCHANGE, lie=lie)

    assert "canary" not in capsys.readouterr().out
