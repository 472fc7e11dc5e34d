"""`purposes.yaml` as values: the closed tree of purposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Identity(StrEnum):
    """May direct identifiers leave unmasked for a purpose."""

    NEEDED = "needed"
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Purpose:
    """A leaf of the closed tree of purposes; dots make the tree."""

    name: str
    label: str
    identity: Identity
    maps: Mapping[str, str] = field(default_factory=dict)
    replaced_by: str | None = None
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Purposes:
    """`purposes.yaml`: the closed tree, by leaf."""

    version: str
    leaves: Mapping[str, Purpose]
    digest: bytes
