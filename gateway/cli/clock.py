"""The one real clock and the one real source of randomness.

Everything below takes them as arguments.
"""

from __future__ import annotations

import datetime as dt
import os


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> dt.datetime:
        """Return this instant."""
        return dt.datetime.now(dt.UTC)  # noqa: TID251 - the one real clock


class SystemEntropy:
    """The machine's randomness."""

    def random(self, count: int) -> bytes:
        """Return `count` bytes."""
        return os.urandom(count)
