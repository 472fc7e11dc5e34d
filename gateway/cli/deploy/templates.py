"""The settings files of a development deployment, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.cli.deploy.county import Member


def gateway(
    origin: str,
    main: int,
    admin: int,
    adapters: Mapping[str, int],
    tables: Mapping[str, tuple[str, str]],
) -> str:
    """Return `gateway.toml`; `tables` is (file, SHA-256) by reference."""
    from gateway.cli.deploy.county import COUNTY

    parts = [
        f"""# The gateway of a development county. Paths are relative to this file.
[gateway]
id = "gateway.county.example"
replica = "one"

[listen]
main = "127.0.0.1:{main}"
admin = "127.0.0.1:{admin}"

[tls]
certificate = "pki/gateway.crt"
key = "pki/gateway.key"
ca = "pki/ca.crt"

[agreements]
folder = "agreements"

[log]
origin = "{origin}"
database = "data/exchange-log.sqlite"
held = "held/checkpoint"        # on another device than the database, in a real county

[keys]
folder = "keys"
kek = "kek/kek"                 # on another volume than the keys, in a real county
"""
    ]
    parts += [
        f"""
[adapters.{member.id}]
address = "127.0.0.1:{adapters[member.id]}"
san = "{member.adapter_san}"
"""
        for member in COUNTY
    ]
    parts += [
        f"""
[tables."{ref}"]                # SYNTHETIC: never for a real release
file = "{file}"
sha256 = "{digest}"
"""
        for ref, (file, digest) in tables.items()
    ]
    return "".join(parts)


def adapter(member: Member, port: int) -> str:
    """Return `adapter.toml` of one agency."""
    return f"""# The adapter of {member.name}, beside its own systems.
[adapter]
agency = "{member.id}"
kind = "{member.adapter}"

[listen]
address = "127.0.0.1:{port}"
gateway_san = ["gateway.county.example"]

[tls]
certificate = "adapter.crt"
key = "adapter.key"
ca = "ca.crt"

{_source(member.adapter)}"""


def _source(kind: str) -> str:
    match kind:
        case "ems":
            return _EMS
        case "police":
            return _POLICE
        case "public_health":
            return _PUBLIC_HEALTH
        case _:
            return _HARM_REDUCTION


_EMS = """[source]
definition = "nemsis-opioid-overdose"

[[source.sources]]
kind = "nemsis"                 # without `schema_dir`, reports are read unvalidated
path = "../../county/ems/reports"

[[source.sources]]
kind = "referrals"
path = "../../county/ems/referrals"
zone = "America/New_York"
"""

_POLICE = """[[source.sources]]
kind = "odin"
database = "../../county/police/records.sqlite"
table = "overdose_responses"
zone = "America/New_York"

[[source.sources]]
kind = "seizures"
database = "../../county/police/records.sqlite"
table = "drug_seizures"
"""

_PUBLIC_HEALTH = """[[source.sources]]
kind = "adt"
folder = "../../county/hospital"
zone = "America/New_York"
"""

_HARM_REDUCTION = """[[source.sources]]
kind = "hmis"
folder = "../../county/harm_reduction/hmis"
zone = "America/New_York"

[[source.sources]]
kind = "naloxone"
csv = "../../county/harm_reduction/naloxone_distribution.csv"
"""


def client(member: Member, port: int, vkey: str) -> str:
    """Return `client.toml` of one agency."""
    roles = ", ".join(f'"{role}"' for role in member.roles)
    return f"""# What `accord request` needs to speak for {member.name}.
[client]
agency = "{member.id}"
checkpoint = "checkpoint"       # the largest checkpoint of the exchange log that was verified

[gateway]
address = "127.0.0.1:{port}"
san = "gateway.county.example"
vkey = "{vkey}"

[tls]
certificate = "client.crt"
key = "client.key"
ca = "ca.crt"

[token]                         # a development issuer; an identity provider takes its place
key = "token.key"
kid = "{member.id}-1"
issuer = "{member.issuer}"
audience = "gateway.county.example"
person = "{member.person}"
roles = [{roles}]
"""
