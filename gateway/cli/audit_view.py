"""The exchange log as the audit service shows it: store and service do not know each other.

This does.

Who may read what: tiles, leaves and proofs are for every agency of the registry; what an entry says
is opened for the two parties of its exchange alone, and opening is itself an entry, written first.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from gateway.audit.accounting import years_before
from gateway.audit.entry import Draft, parse_leaf
from gateway.broker.subjects import check_person
from gateway.cli.accounting.accounts import Asker, Question
from gateway.rpc.audit import Opened
from gateway.rpc.disclosures import Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.agreement.index import Agreements
    from gateway.cli.accounting.accounts import Accounts
    from gateway.ports import Clock
    from gateway.rpc.disclosures import Asked
    from gateway.store.log import StoredLog
    from gateway.store.reads import Opened as StoredOpened
    from gateway.values import Caller

RETAIN = "6y"
PARTIES_KEPT = 10_000


class AuditView:
    """Implements `rpc.audit.AuditLog` over the store.

    Args:
        log: The store.
        key: Payload keys by id.
        accounts: Accountings out of the same log.
        agreements: The agreements in force.
        clock: Tells when tokens are forgotten.
    """

    def __init__(
        self,
        log: StoredLog,
        key: Callable[[str], bytes],
        accounts: Accounts,
        agreements: Callable[[], Agreements],
        clock: Clock,
    ) -> None:
        self._log = log
        self._accounts = accounts
        self._agreements = agreements
        self._key = key
        self._clock = clock
        self._parties: dict[str, frozenset[str]] = {}
        self._comparing: set[asyncio.Task[None]] = set()

    def newest(self) -> str:
        """Return the newest signed checkpoint."""
        return self._log.newest()

    def compare(self, note: str) -> None:
        """Hold a caller's checkpoint against the log, beside the call."""
        task = asyncio.get_running_loop().create_task(self._log.compare(note))
        self._comparing.add(task)
        task.add_done_callback(self._comparing.discard)

    async def tile(self, path: str) -> bytes:
        """Return a tile or bundle, byte for byte as an export has it."""
        return await self._log.tile(path)

    async def entries(self, start: int, count: int) -> Sequence[Opened]:
        """Return entries, not opened."""
        return [Opened(one.seq, one.leaf) for one in await self._log.entries(start, count)]

    async def opened(self, start: int, count: int, caller: Caller) -> Sequence[Opened]:
        """Return entries, opened where the caller is a party of the exchange."""
        meta = {
            "who": caller.agency,
            "role": ",".join(sorted(caller.roles)) or None,
            "verb": "GetEntries",
            "filter": f"start={start} count={count}",
            "results": count,
        }
        found = await self._log.opened(start, count, Draft("access", None, 0, None, RETAIN, meta))
        shown = []
        for one in found:
            if caller.agency in await self._parties_of(one):
                shown.append(Opened(one.index, one.leaf, one.meta, one.salt))
            else:
                shown.append(Opened(one.index, one.leaf))
        return shown

    async def inclusion(self, index: int, size: int) -> str:
        """Return a tlog-proof."""
        return await self._log.inclusion(index, size)

    async def consistency(self, old: int, new: int) -> tuple[Sequence[bytes], str]:
        """Return the proof between two sizes, and the newest checkpoint."""
        note = self._log.newest()
        size = new or self._log.published.size
        return await self._log.consistency(old, size), note

    async def first_use(self, token: bytes, until: int) -> bool:
        """Use a token up, for every gateway that shares the log."""
        return await self._log.first_use(token, until, int(self._clock.now().timestamp()))

    async def disclosures(self, asked: Asked, caller: Caller) -> Listed:
        """Return a page of what left of the caller's agency about one person."""
        current = self._agreements()
        for number, person in enumerate(asked.people):
            known = current.registry.agencies, current.datasets.values()
            check_person(person, f"subjects[{number}]", *known)
        today = self._accounts.today()
        first, last = asked.first or years_before(today), asked.last or today
        question = Question(asked.people, first, last, asked.audience, caller.agency)
        role = ",".join(sorted(caller.roles)) or None
        asker = Asker(caller.agency, role, "ListDisclosures")
        found = (await self._accounts.of(question, asker)).accounting
        left = [one for one in found.lines if one.event.index > asked.after]
        page = []
        for one in left[: asked.most]:
            proved = await self._accounts.proof(one.event.index)
            page.append((one, proved.proof, proved.leaf.encode("ascii")))
        return Listed(tuple(page), len(left) > asked.most, found.withheld)

    async def _parties_of(self, one: StoredOpened) -> frozenset[str]:
        leaf = parse_leaf(one.leaf)
        if leaf.exchange_id is None:
            return frozenset()
        kept = self._parties.get(leaf.exchange_id)
        if kept is None:
            kept = await asyncio.to_thread(self._find, leaf.exchange_id)
            if len(self._parties) >= PARTIES_KEPT:
                self._parties.clear()
            self._parties[leaf.exchange_id] = kept
        return kept

    def _find(self, exchange_id: str) -> frozenset[str]:
        x = bytes.fromhex(exchange_id.replace("-", ""))
        rows = self._log.reads.rows(
            "SELECT seq FROM log_entry WHERE x = ? AND k IN ('intent', 'refusal')", x
        )
        if not rows:
            return frozenset()
        (first,) = self._log.reads.opened(int(rows[0][0]), 1, self._key)
        meta = json.loads(first.meta) if first.meta else {}
        return frozenset(filter(None, (meta.get("provider"), meta.get("recipient"))))
