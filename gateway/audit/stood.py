"""Where agreements stood, as an `agreement` entry of the exchange log says."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Stood:
    """Where one agreement stood.

    Attributes:
        state: `draft`, `in_review`, `active`, `out_of_term`, `suspended` or `terminated`.
        at: When the entry was written.
    """

    agreement: str
    version: str
    state: str
    at: dt.datetime

    @property
    def ref(self) -> str:
        """`<id>@<version>`."""
        return f"{self.agreement}@{self.version}"


def stood_in(meta: Mapping[str, Any], time: str) -> Iterator[Stood]:
    """Yield what the metadata of one entry say of each agreement; `time` is the leaf's."""
    at = dt.datetime.fromisoformat(time)
    for name, version, _digest, state in meta["agreements"]:
        yield Stood(name, version, state, at)
