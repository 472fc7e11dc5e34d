"""The ledger of noise: which recipient was told of which draw, and what each of them spent.

An odometer: rows are added with the release entry that they belong to, and none is ever taken
away. What is in flight is held here, from before its entry is put in line, so that of releases side
by side none spends what another was given.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.agreement.budget import SPENT, Draw, Holding, overspends
from gateway.errors import Reason, RefusedError, ReleaseError

if TYPE_CHECKING:
    from gateway.ports import Keep

_TOLD: Final = (
    "SELECT DISTINCT recipient, question, drawn_by, mechanism, rho, bound, unit, periods "
    "FROM noise_ledger WHERE source = ?"
)


class Rows(Protocol):
    """Whatever a few rows can be read from: the store, or the writer's own transaction."""

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds."""


def told(reads: Rows, source: str) -> tuple[Holding, ...]:
    """Return who holds which draw of a source, as far as it is durable.

    Raises:
        LogError: The store cannot be read: what cannot be counted is not spent.
    """
    return tuple(
        Holding(recipient, Draw(of, by, mechanism, rho, bound, unit, _dates(periods)))
        for recipient, of, by, mechanism, rho, bound, unit, periods in reads.rows(_TOLD, source)
    )


def rows_of(seq: int, keep: Keep) -> list[tuple[object, ...]]:
    """Return a release's rows: one for each draw that it tells of."""
    return [
        (
            seq,
            draw.by,
            keep.source,
            keep.recipient,
            draw.of,
            draw.mechanism,
            draw.rho,
            draw.bound,
            draw.unit,
            ",".join(period.isoformat() for period in draw.periods),
        )
        for draw in keep.draws
    ]


def _dates(text: str) -> tuple[dt.date, ...]:
    return tuple(map(dt.date.fromisoformat, text.split(",")))


class Ledger:
    """What releases in flight are about to spend, beside what is durable."""

    def __init__(self, reads: Rows) -> None:
        self._reads = reads
        self._flying: list[tuple[str, Holding]] = []

    def hold(self, keep: Keep, agreement: str) -> None:
        """Hold what a release spends.

        Args:
            keep: What it spends.
            agreement: `<id>@<version>`, for the refusal.

        Raises:
            RefusedError: `BUDGET_SPENT`: a budget has not so much left; nothing is held.
            ReleaseError: `DISCLOSURE_RISK`: a draw that is given again has no row: the ledger is
                not that of the record of cells, and says nothing of what is spent.
        """
        if not keep.draws:
            return
        flying = [one for source, one in self._flying if source == keep.source]
        known = (*told(self._reads, keep.source), *flying)
        if not {one for one in keep.draws if one.by != keep.attempt} <= {one.draw for one in known}:
            message = "the ledger of noise does not match the record of cells"
            raise ReleaseError(Reason.DISCLOSURE_RISK, message, cause="history")
        costs = {draw.by: draw.rho for draw in keep.draws}
        if overspends(costs, known, keep.caps):
            raise RefusedError(
                Reason.BUDGET_SPENT,
                SPENT,
                step=6,
                agreement=agreement,
                provision=keep.provision.partition("/")[2],
                clause=keep.clause,
            )
        self._flying += [(keep.source, one) for one in _holdings(keep)]

    def settle(self, keep: Keep) -> None:
        """Let go: what is durable is in the store, and what is not was not spent."""
        for one in _holdings(keep):
            self._flying.remove((keep.source, one))


def _holdings(keep: Keep) -> list[Holding]:
    return [Holding(keep.recipient, draw) for draw in keep.draws]
