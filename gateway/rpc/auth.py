"""Step 5: who calls. A certificate names the agency, a token bound to it the person and roles.

A certificate is never enough for a role, and a token never in place of a certificate. Everything
here is looked up in the registry of agencies that the agreements in force carry: no URL, no fetch,
and a key that is removed there is dead with the next swap. Identity in a header is not accepted.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import IdentityError, Reason
from gateway.values import Caller
from gateway.wire.tls import subject_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.registry import Agency, TokenIssuer
    from gateway.wire.call import Call
    from gateway.wire.chain import Context, Rule

LEEWAY_S: Final = 30
LIFE_S: Final = 15 * 60
CACHE_S: Final = 60.0
CERTIFICATES_KEPT: Final = 4096
TOKENS_KEPT: Final = 10_000
_REQUIRED: Final = ("exp", "iat", "iss", "aud", "sub", "jti", "cnf")
_NAME_CHARACTERS: Final = 256
_RSA_LEAST_BITS: Final = 2048


class Registered(Protocol):
    """The part of the registry that identity needs."""

    @property
    def agencies(self) -> Mapping[str, Agency]:
        """The agencies by id."""


class InForce(Protocol):
    """The agreements in force, as far as identity needs them."""

    @property
    def generation(self) -> int:
        """Rises with each swap; whatever is cached here ends with it."""

    @property
    def registry(self) -> Registered:
        """The agencies, their names in certificates, and who issues their tokens."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a verified token says; `cnf` binds it to one certificate, on every call.

    Attributes:
        token: SHA-256 of issuer and `jti`: what names the token, and tells nothing of it.
    """

    subject: str
    roles: frozenset[str]
    bound: str
    expires: float
    token: bytes


@dataclass(frozen=True, slots=True)
class _Known:
    """What one certificate amounts to."""

    agency: Agency
    thumbprint: bytes
    bound: str


class Identity:
    """Names the caller of each call; caches live as long as one generation of the agreements."""

    def __init__(
        self,
        current: Callable[[], InForce],
        audience: str,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._current = current
        self._audience = audience
        self._now = now
        self._monotonic = monotonic
        self._generation: int | None = None
        self._by_san: dict[str, tuple[Agency, ...]] = {}
        self._certificates: OrderedDict[bytes, _Known] = OrderedDict()
        self._tokens: OrderedDict[bytes, tuple[float, str, Person]] = OrderedDict()
        self._keys: dict[str, Mapping[str, tuple[Any, frozenset[str]]]] = {}

    def __call__(self, call: Call, context: Context, rule: Rule) -> None:
        """Fill in the caller.

        Raises:
            IdentityError: Whatever is not established, by its reason.
        """
        peer = context.auth_context()
        if peer.get("ssl_tls_version") != [b"TLSv1.3"]:
            raise IdentityError(Reason.TLS_TOO_OLD, "the connection is not TLS 1.3")
        if rule.open:
            return
        self._refresh()
        pem = b"".join(peer.get("x509_pem_cert", ()))
        known = self._certificates.get(pem) or self._learn(pem)
        call.kind = known.agency.kind
        if call.authorization:
            person = self._person(call.authorization, known)
            call.caller = Caller(known.agency.id, known.thumbprint, person.subject, person.roles)
            call.token = person.token, int(person.expires) + LEEWAY_S + 1
        elif rule.roles:
            raise IdentityError(Reason.TOKEN_REQUIRED, "this method asks for a token")
        else:
            call.caller = Caller(known.agency.id, known.thumbprint)

    def _refresh(self) -> None:
        """Forget everything that an earlier generation of the agreements said."""
        current = self._current()
        if current.generation == self._generation:
            return
        by_san: dict[str, tuple[Agency, ...]] = {}
        for agency in current.registry.agencies.values():
            for san in agency.san:
                by_san[san] = (*by_san.get(san, ()), agency)
        self._by_san = by_san
        self._certificates.clear()
        self._tokens.clear()
        self._keys.clear()
        self._generation = current.generation

    # --- The certificate ---

    def _learn(self, pem: bytes) -> _Known:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            names = subject_names(certificate)
        except ValueError:
            raise IdentityError(
                Reason.CERTIFICATE_UNKNOWN, "the client certificate cannot be read"
            ) from None
        # Whole strings only, and one match in all: a certificate that fits two entries, or one
        # entry by two names, leaves open who is meant.
        found = [(name, agency) for name in names for agency in self._by_san.get(name, ())]
        if not found:
            raise IdentityError(Reason.CERTIFICATE_UNKNOWN, "no agency has this certificate's name")
        if len(found) > 1:
            raise IdentityError(
                Reason.CERTIFICATE_AMBIGUOUS, "the certificate's names match more than once"
            )
        thumbprint = sha256(certificate.public_bytes(Encoding.DER)).digest()
        agency = found[0][1]
        # The deny-list is part of the generation, so an allowed one is remembered as allowed.
        if thumbprint in agency.denied:
            raise IdentityError(Reason.CERTIFICATE_DENIED, "this certificate is denied")
        known = _Known(agency, thumbprint, thumbprint_text(thumbprint))
        _keep(self._certificates, pem, known, CERTIFICATES_KEPT)
        return known

    # --- The token ---

    def _person(self, authorization: str, known: _Known) -> Person:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise IdentityError(Reason.TOKEN_INVALID, "`authorization` is not a bearer token")
        key = sha256(token.encode()).digest()
        kept = self._tokens.get(key)
        if kept is not None and kept[0] > self._monotonic() and kept[1] == known.agency.id:
            person = kept[2]
            if person.expires + LEEWAY_S <= self._now():
                raise IdentityError(Reason.TOKEN_EXPIRED, "the token has expired")
        else:
            person = self._verify(token, known.agency)
            until = self._monotonic() + CACHE_S
            _keep(self._tokens, key, (until, known.agency.id, person), TOKENS_KEPT)
        # On every call, kept or not: a token is worth nothing over another connection.
        if not hmac.compare_digest(person.bound.encode(), known.bound.encode()):
            raise IdentityError(
                Reason.TOKEN_BOUND_ELSEWHERE, "the token is bound to another certificate"
            )
        return person

    def _verify(self, token: str, agency: Agency) -> Person:
        if agency.tokens is None:
            raise IdentityError(Reason.TOKEN_INVALID, "the agency has no issuer of tokens")
        key, algorithms = self._key(token, agency)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=sorted(algorithms),
                audience=self._audience,
                issuer=agency.tokens.issuer,
                # Times are checked below, against this gateway's one clock.
                options={
                    "require": list(_REQUIRED),
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "strict_aud": True,
                },
            )
        except jwt.MissingRequiredClaimError as missing:
            bound = missing.claim == "cnf"
            reason = Reason.TOKEN_NOT_BOUND if bound else Reason.TOKEN_INVALID
            raise IdentityError(reason, "the token lacks a claim") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise IdentityError(Reason.TOKEN_INVALID, "the token does not verify") from None
        return self._claims(claims)

    def _key(self, token: str, agency: Agency) -> tuple[Any, frozenset[str]]:
        """Return the registry's key for a token, and the algorithms that fit both."""
        assert agency.tokens is not None  # noqa: S101 - the caller has looked
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise IdentityError(Reason.TOKEN_INVALID, "the token cannot be read") from None
        if header.get("typ") != "at+jwt":
            raise IdentityError(Reason.TOKEN_INVALID, "the token's type is not `at+jwt`")
        if agency.id not in self._keys:
            self._keys[agency.id] = parse_keys(agency.tokens)
        kid = header.get("kid")
        found = self._keys[agency.id].get(kid) if isinstance(kid, str) else None
        if found is None:
            raise IdentityError(Reason.TOKEN_INVALID, "the token's key is not in the registry")
        if not found[1]:
            raise IdentityError(Reason.TOKEN_INVALID, "the token's key fits no algorithm allowed")
        return found

    def _claims(self, claims: Mapping[str, Any]) -> Person:
        expires, issued = claims["exp"], claims["iat"]
        if not (_is_number(expires) and _is_number(issued)) or expires - issued > LIFE_S:
            raise IdentityError(Reason.TOKEN_INVALID, "the token lives longer than 15 minutes")
        now = self._now()
        if expires + LEEWAY_S <= now:
            raise IdentityError(Reason.TOKEN_EXPIRED, "the token has expired")
        earliest = claims.get("nbf", issued)
        if not _is_number(earliest) or max(issued, earliest) - LEEWAY_S > now:
            raise IdentityError(Reason.TOKEN_INVALID, "the token is not valid yet")
        subject, jti = claims["sub"], claims["jti"]
        if not (_is_name(subject) and _is_name(jti)):
            raise IdentityError(Reason.TOKEN_INVALID, "the token's `sub` or `jti` is no name")
        confirmation = claims["cnf"]
        bound = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
        if not isinstance(bound, str):
            raise IdentityError(Reason.TOKEN_NOT_BOUND, "the token is bound to no certificate")
        token = sha256(f"{claims['iss']}\x00{jti}".encode()).digest()
        return Person(subject, _roles(claims), bound, float(expires), token)


def thumbprint_text(thumbprint: bytes) -> str:
    """Return a SHA-256 as RFC 8705 writes it in `cnf`."""
    return urlsafe_b64encode(thumbprint).rstrip(b"=").decode("ascii")


def parse_keys(tokens: TokenIssuer) -> Mapping[str, tuple[Any, frozenset[str]]]:
    """Return kid -> (key, algorithms that it and the registry allow); a bad key is no key.

    The algorithm follows from the key's own kind, never from the token, so that a public key cannot
    serve as an HMAC secret.
    """
    found: dict[str, tuple[Any, frozenset[str]]] = {}
    for jwk in tokens.jwks:
        try:
            key = jwt.PyJWK(dict(jwk), algorithm=_algorithm(jwk)).key
        except (jwt.PyJWTError, ValueError, TypeError, json.JSONDecodeError):
            continue
        kid = jwk.get("kid", "")
        # Two keys of one id: neither, since a token must name exactly one.
        fits = frozenset() if kid in found else _fits(key) & frozenset(tokens.algorithms)
        found[kid] = (key, fits)
    return found


def _algorithm(jwk: Mapping[str, str]) -> str:
    return {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}.get(jwk.get("kty", ""), "none")


def _fits(key: object) -> frozenset[str]:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return frozenset({"ES256"})
    if isinstance(key, ed25519.Ed25519PublicKey):
        return frozenset({"EdDSA"})
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_LEAST_BITS:
        return frozenset({"PS256", "RS256"})
    return frozenset()


def _roles(claims: Mapping[str, Any]) -> frozenset[str]:
    roles = claims.get("roles", [claims["role"]] if "role" in claims else [])
    if not isinstance(roles, list) or not all(_is_name(role) for role in roles):
        raise IdentityError(Reason.TOKEN_INVALID, "the token's `roles` are not a list of names")
    return frozenset(roles)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _NAME_CHARACTERS


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _keep(cache: OrderedDict[bytes, Any], key: bytes, value: object, most: int) -> None:
    cache[key] = value
    if len(cache) > most:
        cache.popitem(last=False)
