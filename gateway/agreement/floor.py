"""`_floor.yaml` as values: what no agreement can go below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.agreement.model import Document, Never, Selectors
    from gateway.agreement.spans import Duration
    from gateway.masks.base import Mask


@dataclass(frozen=True, slots=True)
class FloorMask:
    """The weakest form in which what is selected may leave; None for `withhold`."""

    id: str
    clause: str
    when: Selectors
    at_least: Mask | None


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Floors of the floor."""

    min_cell: int
    min_interval: int
    complementary: bool
    grid_lag: Duration
    log_retain: Duration


@dataclass(frozen=True, slots=True)
class AtMost:
    """Ceilings of the floor."""

    term: Duration
    delete_after: Duration
    breach_notice: Duration
    rows_per_day: int


@dataclass(frozen=True, slots=True)
class Floor:
    """What no agreement can go below; strictest wins.

    Attributes:
        permits: Which options of a table's disclosure agreements may use; none where it says
            nothing.
    """

    version: str
    document: Document
    quorum_signatures: int
    quorum_agencies: frozenset[str]
    never: tuple[Never, ...]
    masks: tuple[FloorMask, ...]
    at_least: AtLeast
    at_most: AtMost
    digest: bytes
    permits: frozenset[str] = frozenset()
