"""A witness that falls silent is told once, and that it is back once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from gateway.cli.unwitnessed import tell_witnesses


@dataclass
class Rounds:
    """A log that says what each round came to, and ends the looking after the last."""

    said: list[str]

    @property
    def unwitnessed(self) -> str:
        """Say it of the next round."""
        if not self.said:
            raise asyncio.CancelledError
        return self.said.pop(0)


def test_each_change_is_told_once() -> None:
    """Nothing at first, silence once, another silence once, and the end of it once."""
    silent, both = "not cosigned by w1", "not cosigned by w1, w2"
    log = Rounds(["", "", silent, silent, both, "", ""])

    with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
        asyncio.run(tell_witnesses(log, 0))

    told = [(one["log_level"], one["state"]) for one in lines]
    again = "cosigned by every witness again"
    assert [("warning", silent), ("warning", both), ("info", again)] == told
