"""Settings of a gateway, an adapter and a client: TOML, checked, errors with line and key.

Every key is known; none permits by default. Paths are relative to the file that names them.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LAST_PORT = 65_535
ORIGIN = r"[!-*,-~]{3,255}"
"""What an exchange log's origin is of: printable, without blanks, without the `+` of vkeys."""

_LOOPBACK = re.compile(r"(?:127(?:\.[0-9]{1,3}){3}|localhost|\[::1\]):[0-9]+")

_WITNESS_URL = (
    r"^(?:https://[^\s/?#@]+|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?)(?:/[^\s?#@]*)?$"
)
"""Encrypted, since its answer may stop the gateway; plain only to this machine."""


def _port(address: str) -> str:
    if int(address.rpartition(":")[2]) > LAST_PORT:
        raise ValueError("there is no such port")
    return address


def _loopback(address: str) -> str:
    # Reflection and health for whoever is on the machine: nobody else is served there.
    if not _LOOPBACK.fullmatch(address):
        raise ValueError("the admin listener is on loopback: 127.0.0.1, [::1] or localhost")
    return address


Address = Annotated[
    str,
    StringConstraints(pattern=r"^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$"),
    AfterValidator(_port),
]
"""`host:port`; port 0 asks the system for one."""

Loopback = Annotated[Address, AfterValidator(_loopback)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""A path, relative to the file that names it, or a name; never empty."""

TableName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}@[A-Za-z0-9.-]{1,40}$")]

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
AgencyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,63}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Identity(_Section):
    """`[gateway]`: the audience of tokens, and the name of this replica in the log."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    replica: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]


class Listen(_Section):
    """`[listen]`: the main listener for agencies, and the admin one for operators, on loopback."""

    main: Address
    admin: Loopback


class Tls(_Section):
    """`[tls]`: this side's certificate and key, and the authority of the other side's."""

    certificate: Name
    key: Name
    ca: Name


class AgreementsFolder(_Section):
    """`[agreements]`: the officers' folder, and how often it is looked at."""

    folder: Name
    poll_s: Annotated[float, Field(gt=0, le=10)] = 0.25


POSTGRES = "postgresql://"


class WitnessAddress(_Section):
    """`[[log.witnesses]]`: where a witness takes checkpoints, and the key that it cosigns with."""

    url: Annotated[str, StringConstraints(pattern=_WITNESS_URL)]
    vkey: Name


class Log(_Section):
    """`[log]`: origin and database of the exchange log, and the held checkpoint outside it.

    The database is a file, or `postgresql://…` where several gateways share one log. `state` is the
    folder of what one gateway remembers beside it; without it, that of the file. With `mode`
    `sync-witness` no chunk leaves before a `quorum` of the witnesses has seen its entry.
    """

    origin: Annotated[str, StringConstraints(pattern=f"^{ORIGIN}$")]
    database: Name
    held: Name
    state: Name | None = None
    mode: Annotated[str, StringConstraints(pattern="^(?:async|sync-witness)$")] = "async"
    witnesses: list[WitnessAddress] = Field(default_factory=list)
    quorum: Annotated[int, Field(ge=0, le=16)] = 0

    @model_validator(mode="after")
    def _witnessed(self) -> Log:
        if bool(self.witnesses) != bool(self.quorum) or self.quorum > len(self.witnesses):
            raise ValueError("`quorum` is from 1 to the number of `witnesses`, and 0 without them")
        if self.mode == "sync-witness" and not self.quorum:
            raise ValueError("`mode` `sync-witness` needs `witnesses` and a `quorum`")
        return self

    @model_validator(mode="after")
    def _placed(self) -> Log:
        if self.state is None and self.database.startswith(POSTGRES):
            raise ValueError("`state` is needed where the database is not a file")
        return self


class Keys(_Section):
    """`[keys]`: the keys, and the key-encryption key, better on another volume."""

    folder: Name
    kek: Name


class AdapterAddress(_Section):
    """`[adapters.<agency>]`: where it listens, and the name in its certificate."""

    address: Address
    san: Name


class TableFile(_Section):
    """`[tables."<name>@<version>"]`: a reference table, refused unless its digest holds."""

    file: Name
    sha256: Digest


class Limits(_Section):
    """`[limits]`: what one process carries at a time."""

    calls: Annotated[int, Field(ge=1, le=10_000)] = 512
    calls_per_agency: Annotated[int, Field(ge=1, le=10_000)] = 128
    engine_threads: Annotated[int, Field(ge=1, le=256)] = 2


class Telemetry(_Section):
    """`[telemetry]`: where traces and metrics go; off without an endpoint."""

    otlp: Annotated[str, StringConstraints(pattern=r"^https://[^\s/@]+/?$")] | None = None
    sample: Annotated[float, Field(ge=0, le=1)] = 0.0
    log_level: Annotated[str, StringConstraints(pattern=r"^(debug|info|warning|error)$")] = "info"


class GatewaySettings(_Section):
    """`gateway.toml`."""

    gateway: Identity
    listen: Listen
    tls: Tls
    agreements: AgreementsFolder
    log: Log
    keys: Keys
    adapters: dict[AgencyName, AdapterAddress]
    tables: dict[TableName, TableFile] = Field(default_factory=dict)
    limits: Limits = Limits()
    telemetry: Telemetry = Telemetry()


class AdapterIdentity(_Section):
    """`[adapter]`: whose adapter this is, and which kind reads its system."""

    agency: AgencyName
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,40}$")]


class AdapterListen(_Section):
    """`[listen]` of an adapter: the gateway alone calls it."""

    address: Address
    gateway_san: Annotated[list[Name], Field(min_length=1)]


class AdapterSettings(_Section):
    """`adapter.toml`; `source` is checked by the kind that it is of, `identities` by the server."""

    adapter: AdapterIdentity
    listen: AdapterListen
    tls: Tls
    source: dict[str, Any]
    identities: dict[str, Any] = Field(default_factory=dict)
    telemetry: Telemetry = Telemetry()


class ClientGateway(_Section):
    """`[gateway]` of a client: where the gateway is, and the pinned key of its exchange log."""

    address: Address
    san: Name
    vkey: Name


class ClientIdentity(_Section):
    """`[client]`: whom it speaks for, and where it keeps the largest checkpoint verified."""

    agency: AgencyName
    checkpoint: Name


class ClientToken(_Section):
    """`[token]`: the key of an issuer of the agency's own, to vouch for a person's role.

    An agency with an identity provider leaves this out and passes the provider's token.
    """

    key: Name
    kid: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    issuer: Name
    audience: Name
    person: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    roles: Annotated[list[Name], Field(min_length=1)]


class ClientSettings(_Section):
    """`client.toml`: what `accord request` needs to speak for an agency."""

    client: ClientIdentity
    gateway: ClientGateway
    tls: Tls
    token: ClientToken | None = None


_S = TypeVar("_S", bound=_Section)


def gateway_settings(path: Path) -> GatewaySettings:
    """Return the checked settings of a gateway.

    Raises:
        SettingsError: A key is unknown, missing or wrong; the message names file, line and key.
    """
    return _read(path, GatewaySettings)


def adapter_settings(path: Path) -> AdapterSettings:
    """Return the checked settings of an adapter. Raises: SettingsError."""
    return _read(path, AdapterSettings)


def client_settings(path: Path) -> ClientSettings:
    """Return the checked settings of a client. Raises: SettingsError."""
    return _read(path, ClientSettings)


def beside(path: Path, name: str) -> Path:
    """Return the path that a settings file names, relative to that file."""
    return (path.parent / name).resolve()


def _read(path: Path, model: type[_S]) -> _S:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = data.decode()
        value = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_not_toml(path, str(error))) from None
    except RecursionError:
        raise SettingsError(f"{path}:1: nested too deep") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [
            f"{path}:{_line(text, fault['loc'])}: {_name(fault['loc'])}: {_words(fault)}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def _not_toml(path: Path, message: str) -> str:
    """Return the parser's message with its line where an editor looks for it."""
    said, _, place = message.partition(" (at line ")
    line = place.partition(",")[0]
    return f"{path}:{line if line.isdigit() else 1}: not TOML: {said.lower()}"


def _name(loc: Sequence[str | int]) -> str:
    return "`" + ".".join(str(part) for part in loc) + "`"


_WORDS = {
    "extra_forbidden": "unknown key",
    "missing": "missing",
    "string_pattern_mismatch": "not of the form this key takes",
}


def _words(fault: Any) -> str:  # noqa: ANN401 - pydantic's own dict
    said = str(fault["msg"]).removeprefix("Value error, ")
    return _WORDS.get(fault["type"], said[:1].lower() + said[1:])


def _line(text: str, loc: Sequence[str | int]) -> int:
    """Return the line of a key: where it stands, else its section's header, else the first line."""
    section: tuple[str, ...] = ()
    found, best = 1, -1
    wanted = tuple(str(part) for part in loc)
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?([^\]]+)\]", line)
        if header:
            section = _keys(header[1])
            depth = len(section) if wanted[: len(section)] == section else -1
        else:
            key = re.match(r'\s*("[^"]+"|[A-Za-z0-9_.-]+)\s*=', line)
            path = (*section, *_keys(key[1])) if key else ()
            depth = len(path) if key and wanted[: len(path)] == path else -1
        if depth > best:
            found, best = number, depth
    return found


def _keys(text: str) -> tuple[str, ...]:
    return tuple(part.strip('"') for part in re.findall(r'"[^"]+"|[^.\s]+', text))
