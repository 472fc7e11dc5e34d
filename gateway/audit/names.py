"""What a log calls by ids, in the words of others: agencies, purposes, and the log itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Party:
    """An agency as the registry has it.

    Attributes:
        name: Its name.
        address: Where it is, as people write it; empty where the registry does not say.
        host: A DNS name of its certificate; never where a caller called from.
    """

    name: str
    address: str
    host: str


@dataclass(frozen=True, slots=True)
class Names:
    """What views need beside the entries.

    Attributes:
        origin: The log's origin, a schema-less URL: identifiers in other formats stand below it.
        parties: By agency id, of the registry that is at hand: the log names an agency by its id,
            and whoever reads years later may hold a later registry.
        reasons: Code of HL7 v3 ActReason by purpose, where the officers mapped one.
    """

    origin: str
    parties: Mapping[str, Party] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def url(self, *parts: str) -> str:
        """Return a URL below the origin; it names something, and need not answer."""
        return "/".join((f"https://{self.origin}", *parts))
