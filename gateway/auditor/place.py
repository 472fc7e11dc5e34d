"""Where an auditor finds a log: a place that each process of a run opens for itself.

This package reads logs and never writes one. It imports the pure `audit` core and nothing of the
gateway that runs, so that what it says of a log does not rest on the code that wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.audit.beside import Opening, Payloads
    from gateway.audit.derived import Derived
    from gateway.audit.tree import Reader


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is open, and what came with it.

    Attributes:
        reader: Its checkpoint, tiles and bundles.
        openings: Metadata with salts, where there are any.
        payloads: Sealed payloads and their keys, where both are at hand.
        derived: The store's own rows, where it is a database.
        close: Lets go of it.
    """

    reader: Reader
    openings: Mapping[int, Opening] | None = None
    payloads: Payloads | None = None
    derived: Derived | None = None
    close: Callable[[], None] = lambda: None


class Place(Protocol):
    """Where a log lies. It can be sent to another process, and opened there too."""

    def open(self) -> Log:
        """Open the log.

        Raises:
            LogError: It is not there, or cannot be read.
        """
