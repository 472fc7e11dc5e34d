"""The agencies of the development county, and the registry file that names them.

Those of `COUNTY` run here, each with an adapter over systems of record; `PARTNERS` sign agreements
and may ask, and their adapters are nobody's here.
"""

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
        adapter: The kind of its adapter; empty where none runs here.
        person, roles: Whom its client's development tokens name.
        part2: What it is under 42 CFR Part 2.
    """

    id: str
    name: str
    kind: str
    hipaa: str
    domain: str
    adapter: str
    person: str
    roles: tuple[str, ...]
    part2: str = "none"

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

PARTNERS: Sequence[Member] = (
    Member(
        "rivertown-general", "Rivertown General Hospital", "hospital", "covered_entity",
        "general.example", "", "physician-1", ("emergency_physician",),
    ),
    Member(
        "rivertown-me", "Rivertown Medical Examiner", "medical_examiner", "none",
        "me.example", "", "examiner-1", ("medical_examiner",),
    ),
    Member(
        "eastside-treatment", "Eastside Treatment Program", "sud_treatment", "covered_entity",
        "otp.example", "", "nurse-4", ("intake_nurse",), "program",
    ),
    Member(
        "rivertown-jail", "Rivertown County Jail", "corrections", "hybrid_entity",
        "jail.example", "", "clinician-6", ("jail_clinician",),
    ),
    Member(
        "riverside-pharmacy", "Riverside Pharmacy", "pharmacy", "covered_entity",
        "pharmacy.example", "", "pharmacist-2", ("pharmacist",),
    ),
    Member(
        "rivertown-university", "Rivertown University", "university", "none",
        "university.example", "", "chemist-8", ("chemist",),
    ),
)  # fmt: skip

MEMBERS: Sequence[Member] = (*COUNTY, *PARTNERS)


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
    for member in MEMBERS:
        x, y = keys[member.id].token
        jwk = f"{{kid: {member.id}-1, kty: EC, crv: P-256, x: {x}, y: {y}}}"
        signing = keys[member.id].signing
        dates = f'from: "{since}", until: "{until}"'
        key = f'{{id: {member.id}-1, ed25519: "{signing}", {dates}}}'
        adapter = f" adapter_san: [{member.adapter_san}]," if member.adapter else ""
        lines += [
            f"  {member.id}: {{name: {member.name}, kind: {member.kind},",
            f"    hipaa: {member.hipaa}, part2: {member.part2},",
            f"    san: [{member.san}],{adapter} signatures: 1,",
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
