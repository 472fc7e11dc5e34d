"""The agencies of the development county, and the registry file that names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

DAYS_BACK = 60
DAYS_AHEAD = 730


@dataclass(frozen=True, slots=True)
class Member:
    """One agency of the development county.

    Attributes:
        adapter: The kind of its adapter.
        person, roles: Whom its client's development tokens name.
    """

    id: str
    name: str
    kind: str
    hipaa: str
    domain: str
    adapter: str
    person: str
    roles: tuple[str, ...]

    @property
    def san(self) -> str:
        """The name in its client certificate."""
        return f"gateway.{self.domain}"

    @property
    def adapter_san(self) -> str:
        """The name in its adapter's certificate."""
        return f"adapter.{self.domain}"

    @property
    def issuer(self) -> str:
        """Who issues its tokens."""
        return f"idp.{self.domain}"


COUNTY: Sequence[Member] = (
    Member(
        "rivertown-ems", "Rivertown Emergency Medical Services", "ems", "covered_entity",
        "ems.example", "ems", "medic-7", ("paramedic", "privacy_officer"),
    ),
    Member(
        "rivertown-pd", "Rivertown Police Department", "law_enforcement", "none",
        "pd.example", "police", "detective-3", ("detective",),
    ),
    Member(
        "rivertown-health", "Rivertown Health Department", "public_health", "hybrid_entity",
        "phd.example", "public_health", "epi-2", ("epidemiologist",),
    ),
    Member(
        "safe-steps", "Safe Steps Harm Reduction", "harm_reduction", "none",
        "hro.example", "harm_reduction", "outreach-5",
        ("outreach_worker", "outreach_supervisor", "privacy_officer"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The public halves of an agency's development keys."""

    signing: str
    token: tuple[str, str]


def registry(keys: Mapping[str, PublicKeys], vkey: str, today: dt.date) -> str:
    """Return the text of `agencies.yaml` for the development county."""
    since, until = today - _days(DAYS_BACK), today + _days(DAYS_AHEAD)
    lines = [
        "# The registry of the development county: who is who, by which certificate and keys.",
        "# yaml-language-server: $schema=schema/agencies.schema.json",
        "apiVersion: accord/v1",
        "kind: Agencies",
        'version: "1.0.0"',
        f'logs: [{{vkey: "{vkey}", from: "{since}", until: none}}]',
        "agencies:",
    ]
    for member in COUNTY:
        x, y = keys[member.id].token
        jwk = f"{{kid: {member.id}-1, kty: EC, crv: P-256, x: {x}, y: {y}}}"
        signing = keys[member.id].signing
        dates = f'from: "{since}", until: "{until}"'
        key = f'{{id: {member.id}-1, ed25519: "{signing}", {dates}}}'
        lines += [
            f"  {member.id}: {{name: {member.name}, kind: {member.kind},",
            f"    hipaa: {member.hipaa}, part2: none,",
            f"    san: [{member.san}], adapter_san: [{member.adapter_san}], signatures: 1,",
            f'    attestation: {{at: "{since}", valid: P1Y}},',
            '    address: "1 Example Street, Rivertown",',
            f"    tokens: {{issuer: {member.issuer}, algorithms: [ES256], jwks: [{jwk}]}},",
            f"    signing_keys: [{key}],",
            "    delivery_keys: none}",
        ]
    return "\n".join(lines) + "\n"


def _days(count: int) -> dt.timedelta:
    import datetime as dt

    return dt.timedelta(days=count)
