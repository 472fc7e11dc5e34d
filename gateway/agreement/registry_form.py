"""The registry as its file writes it: agencies, certificate names and keys, the log's keys."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from gateway.agreement.canon import digest_of
from gateway.agreement.cursor import (
    EMPTY_DATE,
    EMPTY_SPAN,
    HEX,
    NO_NAMES,
    VERSION,
    WORD,
    Cursor,
)
from gateway.agreement.finding import quoted
from gateway.agreement.provision_form import keys
from gateway.agreement.registry import Agency, LogKey, Registry, SigningKey, TokenIssuer
from gateway.masks.points import E7, HALF_E7, POLE_E7, Box
from gateway.values import AgencyKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from gateway.agreement.spans import Duration

AGENCY = re.compile(r"[a-z][a-z0-9-]{1,63}")
HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
VKEY = re.compile(r"[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{20,100}")
DEGREES = re.compile(r"-?(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,7})?")
_KEY_ID = WORD
# Asymmetric only: with a shared secret, or none at all, anybody could be anybody.
ALGORITHMS: Final = (
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
)
_PRIVATE_JWK: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})
HIPAA: Final = ("covered_entity", "hybrid_entity", "business_associate", "none")
PART2: Final = ("program", "lawful_holder", "none")


def registry(top: Cursor) -> Registry:
    """Return the registry that a file states."""
    entries = top.closed(keys("version logs agencies"))
    logs: tuple[LogKey, ...] = ()
    made = Registry(
        version=entries.read("version", lambda c: c.text(VERSION), ""),
        logs=entries.read("logs", lambda c: c.each(_log_key), logs),
        agencies=entries.read("agencies", _agencies, {}),
        digest=digest_of(top.document.value),
    )
    _names_once(top.at("agencies", None), made.agencies)
    return made


def _names_once(at: Cursor, agencies: Mapping[str, Agency]) -> None:
    """Note a certificate name or a key that two agencies claim: a caller must be one agency."""
    seen: dict[object, str] = {}
    for agency in agencies.values():
        claims: list[object] = [*agency.san, *agency.adapter_san]
        claims += [key.ed25519 for key in agency.signing_keys]
        if len(set(claims)) != len(claims):
            at.at(agency.id, None).wrong("one certificate name or key stands twice")
        for claim in set(claims):
            if claim in seen:
                at.at(agency.id, None).wrong(
                    f"a certificate name or key is also that of `{seen[claim]}`"
                )
            seen[claim] = agency.id


def _log_key(at: Cursor) -> LogKey:
    entries = at.closed(keys("vkey from until"))
    since = entries.read("from", Cursor.date, EMPTY_DATE)
    until = entries.read("until", _date_or_none, None)
    if until is not None and until < since:
        at.wrong("`until` lies before `from`")
    return LogKey(entries.read("vkey", lambda c: c.text(VKEY), ""), since, until)


def _date_or_none(at: Cursor) -> dt.date | None:
    return None if at.is_none else at.date()


# --- agencies ---

_REQUIRED = keys("name kind hipaa part2 san signatures attestation signing_keys delivery_keys")
_OPTIONAL = keys("address adapter_san tokens denied box")


def _agencies(at: Cursor) -> dict[str, Agency]:
    return {name: _agency(name, below) for name, below in at.entries(AGENCY)}


def _agency(name: str, at: Cursor) -> Agency:
    entries = at.closed(_REQUIRED, _OPTIONAL)
    signing: tuple[SigningKey, ...] = ()
    attested_at, attested_for = entries.read("attestation", _attestation, _NOT_ATTESTED)
    made = Agency(
        id=name,
        name=entries.read("name", Cursor.text, ""),
        kind=entries.read("kind", lambda c: c.member(AgencyKind), AgencyKind.EMS),
        hipaa=entries.read("hipaa", lambda c: c.one_of(HIPAA), "none"),
        part2=entries.read("part2", lambda c: c.one_of(PART2), "none"),
        san=entries.read("san", lambda c: c.names(HOST), NO_NAMES),
        adapter_san=entries.read("adapter_san", lambda c: c.names(HOST), NO_NAMES),
        address=entries.read("address", Cursor.text, ""),
        signatures=entries.read("signatures", lambda c: c.integer(1, 2), 1),
        attested_at=attested_at,
        attested_for=attested_for,
        tokens=entries.read("tokens", _tokens, None),
        signing_keys=entries.read("signing_keys", lambda c: c.each(_signing_key), signing),
        denied=frozenset(bytes.fromhex(text) for text in entries.read("denied", _denied, NO_NAMES)),
        box=entries.read("box", _box, None),
    )
    entries.read("delivery_keys", _delivery_keys, None)
    ids = [key.id for key in made.signing_keys]
    if len(set(ids)) != len(ids):
        at.wrong("two signing keys have one id")
    if entries.has("signing_keys") and len(ids) < made.signatures:
        at.wrong("fewer signing keys than `signatures`")
    return made


_NOT_ATTESTED: Final[tuple[dt.date, Duration]] = (EMPTY_DATE, EMPTY_SPAN)


def _attestation(at: Cursor) -> tuple[dt.date, Duration]:
    entries = at.closed(keys("at valid"))
    return (
        entries.read("at", Cursor.date, EMPTY_DATE),
        entries.read("valid", Cursor.duration, EMPTY_SPAN),
    )


def _box(at: Cursor) -> Box | None:
    """Return where the agency's points lie, in quoted decimal degrees; west may be beyond east."""
    entries = at.closed(keys("south west north east"))
    south, west, north, east = (
        entries.read(side, _degrees, 0) for side in ("south", "west", "north", "east")
    )
    if south >= north or west == east:
        at.wrong("a box without an inside")
    if max(abs(south), abs(north)) > POLE_E7 or max(abs(west), abs(east)) > HALF_E7:
        at.wrong("a box that reaches beyond the globe")
    return Box(south, west, north, east)


def _degrees(at: Cursor) -> int:
    text = at.text(DEGREES)
    return int(Fraction(text) * E7) if DEGREES.fullmatch(text) else 0


def _denied(at: Cursor) -> tuple[str, ...]:
    return tuple(text for text in at.names_or_none(HEX) if HEX.fullmatch(text))


def _signing_key(at: Cursor) -> SigningKey:
    entries = at.closed(keys("id ed25519 from until"))
    since = entries.read("from", Cursor.date, EMPTY_DATE)
    until = entries.read("until", Cursor.date, since)
    if until < since:
        at.wrong("`until` lies before `from`")
    return SigningKey(
        entries.read("id", lambda c: c.text(_KEY_ID), ""),
        entries.read("ed25519", Cursor.key_bytes, b""),
        since,
        until,
    )


def _delivery_keys(at: Cursor) -> None:
    at.each_or_none(_delivery_key)


def _delivery_key(at: Cursor) -> None:
    """Check a key for queued deliveries; nothing is delivered by push yet."""
    entries = at.closed(keys("id x25519 from until"))
    entries.read("id", lambda c: c.text(_KEY_ID), "")
    entries.read("x25519", Cursor.key_bytes, b"")
    entries.read("from", Cursor.date, EMPTY_DATE)
    entries.read("until", Cursor.date, EMPTY_DATE)


def _tokens(at: Cursor) -> TokenIssuer:
    entries = at.closed(keys("issuer algorithms jwks"))
    jwks: tuple[Mapping[str, str], ...] = ()
    return TokenIssuer(
        entries.read("issuer", Cursor.text, ""),
        entries.read("algorithms", lambda c: c.each(lambda one: one.one_of(ALGORITHMS)), NO_NAMES),
        entries.read("jwks", lambda c: c.each(_jwk), jwks),
    )


def _jwk(at: Cursor) -> Mapping[str, str]:
    """Return a public key as RFC 7517 writes it; a private part has no place in a shared file."""
    if not isinstance(at.value, dict) or "kty" not in at.value:
        at.wrong("a JWK is a mapping with `kty`")
        return {}
    read: dict[str, str] = {}
    for key, value in at.value.items():
        below = at.at(key, value)
        if key in _PRIVATE_JWK or value == "oct":
            below.wrong(f"{quoted(key)} belongs to a secret key")
        elif not isinstance(value, str):
            below.wrong(f"`{key}` is not text: quote it")
        else:
            read[key] = value
    return read
