"""The settings files of a development deployment, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.county.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.cli.deploy.county import Member

COUNTY_FROM_AGENCY = "../../county"


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
    """Return `[source]` as the county's files want it; see `county.sources`."""
    lines = ["[source]", *_ADAPTER.get(kind, ())]
    for source in SOURCES[kind]:
        lines += ["", "[[source.sources]]"]
        lines += [f"{name} = {_toml(name, value)}" for name, value in source.items()]
    return "\n".join(lines) + "\n"


_ADAPTER = {
    "ems": (
        'definition = "nemsis-opioid-overdose"',
        "# without `schema_dir` at its source, a report is read unvalidated",
    )
}
_PLACES = frozenset({"path", "folder", "database", "csv"})


def _toml(name: str, value: str | list[str] | dict[str, int]) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {one}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return f'"{COUNTY_FROM_AGENCY}/{value}"' if name in _PLACES else f'"{value}"'


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
