"""A batch of jobs as rows.

Places, times, leaves, hashes, tiles, and what is remembered with each entry.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.audit.entry import encode_leaf, format_time
from gateway.audit.merkle import leaf_hash
from gateway.store import statements
from gateway.store.ledger import rows_of
from gateway.store.tiles import Tails, extend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.merkle import Frontier
    from gateway.store.backlog import Named
    from gateway.store.database import Connection
    from gateway.store.line import Job
    from gateway.store.sealing import Sealable

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_PRUNE_ROWS = 512
_NEEDED = ("payload/", "subject/", "pseudonym/")
"""Keys whose loss would cut off what is under them."""
_CLOSING = frozenset({"outcome", "recovered"})
_DAY_MS = 86_400_000
_RATE_S = 120
"""How long requests by second are kept: a rate is of the last minute."""
_EVER = (dt.date.min, dt.date.max)


def millis(moment: dt.datetime) -> int:
    """Return milliseconds since 1970 of an aware instant, cut and not rounded."""
    return (moment - _EPOCH) // _MILLISECOND


def instant(t_ms: int) -> dt.datetime:
    """Return the instant of milliseconds since 1970, in UTC."""
    return _EPOCH + t_ms * _MILLISECOND


class Head(NamedTuple):
    """The end of the log, which the next entry goes on from; its frontier is never changed."""

    size: int
    t_ms: int
    frontier: Frontier
    tails: Tails
    indexed: int  # the first entry whose rows of the index of subjects are not all there


class Rows:
    """What one transaction writes, table by table."""

    __slots__ = (
        "attempts", "beside", "cells", "chores", "chunks", "closed", "counts", "entries",
        "key_events", "keys", "named", "noise", "opened", "payloads", "periods", "rates",
        "subjects", "tiles",
    )  # fmt: skip

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.payloads: list[tuple[Any, ...]] = []
        self.tiles: list[tuple[int, int, bytes]] = []
        self.opened: dict[bytes, tuple[Any, ...]] = {}
        self.closed: list[tuple[bytes]] = []
        self.attempts: list[tuple[Any, ...]] = []
        self.beside: list[Job] = []
        self.cells: list[tuple[Any, ...]] = []
        self.chunks: list[tuple[Any, ...]] = []
        self.counts: dict[tuple[str, str, str], int] = {}
        self.periods: list[tuple[str, str, str, str]] = []
        self.rates: dict[tuple[str, str, str, int], int] = {}
        self.noise: list[tuple[Any, ...]] = []
        self.keys: dict[str, int] = {}
        self.key_events: list[tuple[str, str, int]] = []
        self.named: list[Named] = []  # entries with tokens; `subjects` is what is indexed of them
        self.subjects: list[tuple[bytes, int]] = []
        self.chores: list[Job] = []

    def write(self, connection: Connection, head: Head) -> None:
        """Run the statements, inside the caller's transaction."""
        if self.entries:
            statements.INSERT_ENTRY.run(connection, self.entries)
            statements.INSERT_PAYLOAD.run(connection, self.payloads)
        if self.entries or self.subjects:
            frontier = head.frontier.to_bytes()
            connection.execute(
                statements.UPDATE_HEAD, (head.size, frontier, head.t_ms, head.indexed)
            )
            statements.INSERT_SUBJECT.run(connection, self.subjects)
        statements.UPSERT_OPEN.run(connection, list(self.opened.values()))
        statements.DELETE_OPEN.run(connection, self.closed)
        statements.INSERT_ATTEMPT.run(connection, self.attempts)
        statements.INSERT_CHUNK.run(connection, self.chunks)
        statements.ADD_RATE.run(connection, [(*key, count) for key, count in self.rates.items()])
        statements.ADD_ROWS.run(connection, [(*key, count) for key, count in self.counts.items()])
        statements.INSERT_PERIOD.run(connection, self.periods)
        statements.INSERT_CELLS.run(connection, self.cells)
        statements.INSERT_NOISE.run(connection, self.noise)
        statements.INSERT_TILE.run(connection, self.tiles)
        statements.INSERT_KEY.run(connection, list(self.keys.items()))
        statements.INSERT_KEY_EVENT.run(connection, self.key_events)
        for job in self.beside:
            if job.beside is not None:
                job.beside(connection, job.index)
        for job in self.chores:
            if job.chore is not None:
                job.chore(connection)


class Lay:
    """Lays jobs down one after the other from a head."""

    def __init__(self, head: Head, t_ms: int, replica: str, known_keys: set[str]) -> None:
        self.rows = Rows()
        self._head = head
        self._frontier = head.frontier.copy()
        self._leaves: list[bytes] = []
        self._t_ms = max(t_ms, head.t_ms)
        self._time = format_time(instant(self._t_ms))
        self._replica = replica
        self._known = known_keys

    def all(self, jobs: Sequence[Job]) -> Head:
        """Lay the jobs down; return the head after them."""
        for job in jobs:
            if job.entry is None:
                self.rows.chores.append(job)
            else:
                self._entry(job, job.entry)
        tails, self.rows.tiles = extend(self._head.tails, self._head.size, self._leaves)
        return self._head._replace(
            size=self._frontier.size, t_ms=self._t_ms, frontier=self._frontier, tails=tails
        )

    def _entry(self, job: Job, entry: Sealable) -> None:
        draft, rows = entry.draft, self.rows
        m, s, sealed = job.enclosed or entry.enclose()
        seq = self._frontier.size
        leaf = encode_leaf(
            agreement=draft.agreement,
            kind=draft.kind,
            m=m,
            chunk=draft.chunk,
            retain=draft.retain,
            s=s,
            time=self._time,
            exchange_id=draft.exchange_id,
        )
        node = leaf_hash(leaf)
        self._frontier.append(node)
        self._leaves.append(node)
        job.index, job.leaf, job.t_ms = seq, leaf, self._t_ms
        row = (seq, self._t_ms, draft.kind, job.x, draft.chunk, node, leaf)
        rows.entries.append(row)
        rows.payloads.append((seq, entry.key_id, sealed))
        if draft.tokens:
            rows.named.append((seq, draft.tokens))
        if job.beside is not None:
            rows.beside.append(job)
        if entry.key_id not in self._known:
            rows.keys.setdefault(entry.key_id, seq)
        if job.key is not None:
            name, event = job.key
            rows.key_events.append((name, event, seq))
            if event == "made" and name.startswith(_NEEDED):
                rows.keys.setdefault(name, seq)
        if job.x is not None:
            self._beside(job, draft.kind, job.x, seq)

    def _beside(self, job: Job, kind: str, x: bytes, seq: int) -> None:
        """Lay down what is derived: the open exchange, the attempt, standing."""
        rows = self.rows
        if kind == "intent":
            rows.opened[x] = (x, seq, 0, self._replica)
            asked = job.asked
            if asked is not None:
                rows.attempts.append(
                    (seq, asked.recipient, asked.request_id, x, asked.digest, asked.at_ms)
                )
                if asked.charged:
                    second = self._t_ms // 1000
                    rate = (asked.recipient, asked.charged, self._replica, second)
                    rows.rates[rate] = rows.rates.get(rate, 0) + 1
        elif kind == "release":
            chunk = job.entry.draft.chunk if job.entry else 0
            rows.opened[x] = (x, job.opened_at, chunk + 1, self._replica)
            if job.keep is not None:
                self._keep(job, seq)
        elif kind in _CLOSING:
            rows.closed.append((x,))

    def _keep(self, job: Job, seq: int) -> None:
        keep, rows = job.keep, self.rows
        if keep is None:
            return
        rows.chunks.append((seq, keep.first_row, keep.rows, keep.digest))
        if not keep.charge:
            return
        if keep.rows:
            key = (keep.recipient, keep.provision, keep.day.isoformat())
            rows.counts[key] = rows.counts.get(key, 0) + keep.rows
        if job.cells is not None:
            key_id, sealed = job.cells
            days = (*(keep.days or _EVER), keep.until or dt.date.max)
            first, last, until = (day.isoformat() for day in days)
            rows.cells.append((seq, keep.source, first, last, keep.attempt, until, key_id, sealed))
        rows.noise += rows_of(seq, keep)
        rows.periods += [
            (keep.recipient, keep.spends, period.isoformat(), keep.attempt)
            for period in keep.periods
        ]


def prune(connection: Connection, t_ms: int) -> None:
    """Forget the oldest attempts past 24 hours, and requests by second.

    A few hundred at a time, inside the caller's transaction.
    """
    connection.execute("DELETE FROM standing_rate WHERE second < ?", (t_ms // 1000 - _RATE_S,))
    last = connection.execute(
        "SELECT max(seq) FROM (SELECT seq FROM attempt WHERE at < ? AND seq IN "
        "(SELECT seq FROM attempt ORDER BY seq LIMIT ?))",
        (t_ms - _DAY_MS, _PRUNE_ROWS),
    ).fetchone()[0]
    if last is not None:
        connection.execute("DELETE FROM attempt WHERE seq <= ?", (last,))
        # A chunk of an exchange that ran for a day may go a little early: its repeat is then not
        # recognised as a resumption, and refused, never widened.
        connection.execute("DELETE FROM attempt_chunk WHERE seq <= ?", (last,))
