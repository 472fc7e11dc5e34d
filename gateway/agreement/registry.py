"""`agencies.yaml` as values: who takes part, and with which keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from gateway.agreement.spans import Duration
    from gateway.masks.points import Box
    from gateway.values import AgencyKind


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that an agency signs agreements with, and its dates, both included."""

    id: str
    ed25519: bytes
    since: dt.date
    until: dt.date


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Who issues an agency's bearer tokens.

    With which algorithms and keys (JWKs as in the file).
    """

    issuer: str
    algorithms: tuple[str, ...]
    jwks: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency of the registry.

    Attributes:
        box: Where the points of its records lie, if it says so.
    """

    id: str
    name: str
    kind: AgencyKind
    hipaa: str
    part2: str
    san: tuple[str, ...]
    adapter_san: tuple[str, ...]
    address: str
    signatures: int
    attested_at: dt.date
    attested_for: Duration
    tokens: TokenIssuer | None
    signing_keys: tuple[SigningKey, ...]
    denied: frozenset[bytes]
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of the exchange log and its dates."""

    vkey: str
    since: dt.date
    until: dt.date | None


@dataclass(frozen=True, slots=True)
class Registry:
    """`agencies.yaml`."""

    version: str
    logs: tuple[LogKey, ...]
    agencies: Mapping[str, Agency]
    digest: bytes
