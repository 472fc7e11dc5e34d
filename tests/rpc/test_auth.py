# ruff: noqa: ANN401, D102, D103 - twins and helpers of tests
"""Who calls: each rule of certificate and token, broken alone, over real TLS and without it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.agreement.registry import TokenIssuer
from gateway.errors import IdentityError, Reason
from gateway.rpc.auth import CACHE_S, LEEWAY_S, LIFE_S, Identity, thumbprint_text
from gateway.wire.call import Call
from gateway.wire.chain import Rule
from tests.rpc.tls import Authority, Cert
from tests.rpc.twins import Registry, agency

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = 1_780_000_000.0
ISSUER = "idp.synthetic.test"
GATEWAY = "synthetic-gateway"
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str) -> Mapping[str, str]:
    kind = {"Ell": ECAlgorithm, "RSA": RSAAlgorithm, "Ed2": OKPAlgorithm}
    public = key.public_key()
    name = type(public).__name__.removeprefix("_")[:3]
    algorithm: Any = kind.get(
        name, ECAlgorithm if isinstance(public, ec.EllipticCurvePublicKey) else OKPAlgorithm
    )
    made = algorithm.to_jwk(public, as_dict=True)
    return {**made, "kid": kid}


def issuer(*keys: Mapping[str, str], algorithms: tuple[str, ...] = ("ES256",)) -> TokenIssuer:
    return TokenIssuer(ISSUER, algorithms, keys or (jwk(KEY, "k1"),))


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW
        self.monotonic = 1000.0


class Peer:
    """The part of gRPC's context that identity reads."""

    def __init__(self, cert: Cert, tls: bytes = b"TLSv1.3") -> None:
        chain = cert.files.certificate.read_bytes()
        leaf = chain[: chain.index(b"-----END CERTIFICATE-----") + 25] + b"\n"
        self.auth = {"x509_pem_cert": [leaf], "ssl_tls_version": [tls]}

    def auth_context(self) -> Mapping[str, Any]:
        return self.auth


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Desk:
    """An identity step over a registry, and a certificate to call with."""

    def __init__(self, authority: Authority, tokens: TokenIssuer | None = None) -> None:
        self.cert = authority.issue("synthetic-phd.test")
        self.clock = Clock()
        self.registry = Registry()
        self.registry.swap(agency("synthetic-phd", tokens=tokens or issuer()))
        self.identity = Identity(
            lambda: self.registry,
            GATEWAY,
            now=lambda: self.clock.now,
            monotonic=lambda: self.clock.monotonic,
        )

    def claims(self, **changed: Any) -> dict[str, Any]:
        claims = {
            "iss": ISSUER, "aud": GATEWAY, "sub": "synthetic-person-7", "jti": "j1",
            "iat": int(NOW) - 10, "exp": int(NOW) + 300, "roles": ["records_officer"],
            "cnf": {"x5t#S256": thumbprint_text(self.cert.thumbprint)}, **changed,
        }  # fmt: skip
        return {key: value for key, value in claims.items() if value is not None}

    def token(
        self, claims: dict[str, Any] | None = None, *, key: Any = KEY, algorithm: str = "ES256",
        kid: str | None = "k1", typ: str = "at+jwt", **changed: Any,
    ) -> str:  # fmt: skip
        headers = {"typ": typ} | ({"kid": kid} if kid is not None else {})
        return jwt.encode(claims or self.claims(**changed), key, algorithm, headers)

    def call(self, token: str = "", *, peer: Peer | None = None, rule: Rule | None = None) -> Call:
        call = Call("/t", 0.0, authorization=f"Bearer {token}" if token else "")
        self.identity(call, peer or Peer(self.cert), rule or Rule())  # type: ignore[arg-type]
        return call

    def refuses(self, token: str = "", **how: Any) -> Reason:
        with pytest.raises(IdentityError) as caught:
            self.call(token, **how)
        assert token[-20:] not in str(caught.value) or not token
        return caught.value.reason


# --- Certificates ---------------------------------------------------------------------------------


def test_a_certificate_names_its_agency(authority: Authority) -> None:
    """The one name of the leaf that stands in one entry is the agency; its digest goes along."""
    desk = Desk(authority)

    call = desk.call()

    assert ("synthetic-phd", "public_health") == (call.caller.agency, call.kind)
    assert (desk.cert.thumbprint, "", frozenset()) == (
        call.caller.thumbprint, call.caller.person, call.caller.roles
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["elsewhere.test", "x.synthetic-phd.test", "synthetic-phd.test.evil.test"]
)
def test_a_name_is_compared_whole(authority: Authority, name: str) -> None:
    """A name that only resembles an agency's is unknown."""
    desk = Desk(authority)

    assert Reason.CERTIFICATE_UNKNOWN == desk.refuses(peer=Peer(authority.issue(name)))


def test_a_wildcard_matches_nothing(authority: Authority) -> None:
    """A certificate for `*.test` is the agency of no entry that stands under it."""
    desk = Desk(authority)

    assert Reason.CERTIFICATE_UNKNOWN == desk.refuses(peer=Peer(authority.issue("*.test")))


def test_two_matches_are_refused(authority: Authority) -> None:
    """Two names in two entries, and one name in two entries, are both ambiguous."""
    desk = Desk(authority)
    desk.registry.swap(
        agency("a", san=("a.test", "both.test")), agency("b", san=("b.test", "both.test"))
    )

    two = Peer(authority.issue("a.test", "b.test", file="two"))
    assert Reason.CERTIFICATE_AMBIGUOUS == desk.refuses(peer=two)
    assert Reason.CERTIFICATE_AMBIGUOUS == desk.refuses(peer=Peer(authority.issue("both.test")))
    one = Peer(authority.issue("a.test", "elsewhere.test", file="one"))
    assert "a" == desk.call(peer=one).caller.agency


def test_a_denied_certificate_ends_at_its_next_call(authority: Authority) -> None:
    """A thumbprint on the deny-list is refused with the next swap, on an open connection too."""
    desk = Desk(authority)
    desk.call()

    desk.registry.swap(agency("synthetic-phd", denied=[desk.cert.thumbprint]))

    assert Reason.CERTIFICATE_DENIED == desk.refuses()


def test_a_removed_agency_ends_at_its_next_call(authority: Authority) -> None:
    """What was looked up under an earlier generation of the agreements is forgotten."""
    desk = Desk(authority)
    desk.call()

    desk.registry.swap(agency("somebody-else"))

    assert Reason.CERTIFICATE_UNKNOWN == desk.refuses()


@pytest.mark.parametrize("tls", [b"TLSv1.2", b"TLSv1.1", b""])
def test_tls_below_1_3_is_refused(authority: Authority, tls: bytes) -> None:
    """The version is looked at before the certificate, for open methods too."""
    desk = Desk(authority)

    assert Reason.TLS_TOO_OLD == desk.refuses(peer=Peer(desk.cert, tls))
    assert Reason.TLS_TOO_OLD == desk.refuses(peer=Peer(desk.cert, tls), rule=Rule(open=True))


@pytest.mark.parametrize("pem", [b"", b"no certificate"])
def test_no_certificate_is_refused(authority: Authority, pem: bytes) -> None:
    """Without a leaf nobody calls."""
    desk = Desk(authority)
    peer = Peer(desk.cert)
    peer.auth["x509_pem_cert"] = [pem]

    assert Reason.CERTIFICATE_UNKNOWN == desk.refuses(peer=peer)


# --- Tokens ---------------------------------------------------------------------------------------


def test_a_token_names_person_and_roles(authority: Authority) -> None:
    """Subject and roles come from a token that keeps every rule; `role` as text is one role."""
    desk = Desk(authority)

    caller = desk.call(desk.token()).caller
    single = desk.call(desk.token(roles=None, role="auditor")).caller
    none = desk.call(desk.token(roles=None)).caller

    assert ("synthetic-person-7", frozenset({"records_officer"})) == (caller.person, caller.roles)
    assert (frozenset({"auditor"}), frozenset()) == (single.roles, none.roles)


def test_a_method_may_ask_for_a_token(authority: Authority) -> None:
    """A method with roles refuses a call without one."""
    desk = Desk(authority)

    assert Reason.TOKEN_REQUIRED == desk.refuses(rule=Rule(roles=frozenset({"auditor"})))


BROKEN: dict[str, tuple[dict[str, Any], Reason]] = {
    "another issuer": ({"iss": "elsewhere"}, Reason.TOKEN_INVALID),
    "another audience": ({"aud": "elsewhere"}, Reason.TOKEN_INVALID),
    "two audiences": ({"aud": [GATEWAY, "elsewhere"]}, Reason.TOKEN_INVALID),
    "no subject": ({"sub": None}, Reason.TOKEN_INVALID),
    "an empty subject": ({"sub": ""}, Reason.TOKEN_INVALID),
    "no jti": ({"jti": None}, Reason.TOKEN_INVALID),
    "no exp": ({"exp": None}, Reason.TOKEN_INVALID),
    "no iat": ({"iat": None}, Reason.TOKEN_INVALID),
    "no aud": ({"aud": None}, Reason.TOKEN_INVALID),
    "no iss": ({"iss": None}, Reason.TOKEN_INVALID),
    "no cnf": ({"cnf": None}, Reason.TOKEN_NOT_BOUND),
    "an empty cnf": ({"cnf": {}}, Reason.TOKEN_NOT_BOUND),
    "a cnf that is text": ({"cnf": "x"}, Reason.TOKEN_NOT_BOUND),
    "bound elsewhere": ({"cnf": {"x5t#S256": "A" * 43}}, Reason.TOKEN_BOUND_ELSEWHERE),
    "expired": ({"iat": NOW - 600, "exp": NOW - LEEWAY_S}, Reason.TOKEN_EXPIRED),
    "from the future": ({"iat": NOW + LEEWAY_S + 1}, Reason.TOKEN_INVALID),
    "not before": ({"nbf": NOW + LEEWAY_S + 1}, Reason.TOKEN_INVALID),
    "too long a life": ({"exp": NOW - 10 + LIFE_S + 1, "iat": NOW - 10}, Reason.TOKEN_INVALID),
    "exp as text": ({"exp": "tomorrow"}, Reason.TOKEN_INVALID),
    "exp as truth": ({"exp": True}, Reason.TOKEN_INVALID),
    "roles as text": ({"roles": "auditor"}, Reason.TOKEN_INVALID),
    "roles of numbers": ({"roles": [1]}, Reason.TOKEN_INVALID),
}


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_each_rule_of_a_token_alone(authority: Authority, what: str) -> None:
    """Each claim that is missing, wrong or of another type refuses, by its own reason."""
    desk = Desk(authority)
    changed, reason = BROKEN[what]

    assert reason == desk.refuses(desk.token(**changed))


def test_a_token_is_named_by_issuer_and_jti_alone(authority: Authority) -> None:
    """The same `jti` names the same token however it is spelled, and another one another."""
    desk = Desk(authority)

    first, again = desk.call(desk.token()), desk.call(desk.token(roles=["auditor"]))
    other = desk.call(desk.token(jti="j2"))

    assert first.token == again.token
    assert first.token[0] != other.token[0]
    assert 32 == len(first.token[0])
    assert first.token[1] > NOW + 300 + LEEWAY_S
    assert (b"", 0) == desk.call().token


def test_the_last_good_second_of_each_time(authority: Authority) -> None:
    """The last second of leeway and the longest life are good."""
    desk = Desk(authority)

    desk.call(desk.token(iat=NOW - 600, exp=NOW - LEEWAY_S + 1))
    desk.call(desk.token(iat=NOW + LEEWAY_S, jti="j2"))
    desk.call(desk.token(iat=NOW - 10, exp=NOW - 10 + LIFE_S))


def test_algorithms_and_keys_are_never_confused(authority: Authority) -> None:
    """`none`, a public key as HMAC secret, another family, a key of another id: all refused."""
    tokens = issuer(jwk(KEY, "k1"), jwk(RSA, "r1"), jwk(ED, "e1"), algorithms=("ES256", "PS256"))
    desk = Desk(authority, tokens)
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    import hmac as hashing  # noqa: PLC0415

    def forged(kid: str, algorithm: str) -> str:
        # PyJWT refuses to sign with a public key, so the signature is made by hand.
        from base64 import urlsafe_b64encode as b64  # noqa: PLC0415
        from json import dumps  # noqa: PLC0415

        def part(value: Any) -> bytes:
            return b64(dumps(value).encode()).rstrip(b"=")

        head = part({"alg": algorithm, "typ": "at+jwt", "kid": kid}) + b"." + part(desk.claims())
        made = hashing.new(pem, head, "sha256").digest() if algorithm != "none" else b""
        return (head + b"." + b64(made).rstrip(b"=")).decode()

    desk.call(desk.token(key=RSA, algorithm="PS256", kid="r1"))
    refused = {
        "none": forged("k1", "none"),
        "public key as secret": forged("r1", "HS256"),
        "an algorithm not listed": desk.token(key=RSA, algorithm="RS256", kid="r1"),
        "a family not listed": desk.token(key=ED, algorithm="EdDSA", kid="e1"),
        "another key's id": desk.token(key=RSA, algorithm="PS256", kid="k1"),
        "another key": desk.token(key=OTHER),
        "no key id": desk.token(kid=None),
        "an unknown key id": desk.token(kid="k9"),
        "another type": desk.token(typ="JWT"),
        "no token": "x",
        "three parts of nothing": "a.b.c",
    }
    assert dict.fromkeys(refused, Reason.TOKEN_INVALID) == {
        what: desk.refuses(token) for what, token in refused.items()
    }


def test_two_keys_of_one_id_are_none(authority: Authority) -> None:
    """A token must name exactly one key."""
    desk = Desk(authority, issuer(jwk(KEY, "k1"), jwk(OTHER, "k1")))

    assert Reason.TOKEN_INVALID == desk.refuses(desk.token())


def test_a_token_over_another_agencys_certificate(authority: Authority) -> None:
    """Agency A's token is worth nothing over B's certificate, kept in the cache or not."""
    desk = Desk(authority)
    other = authority.issue("other.test")
    desk.registry.swap(
        agency("synthetic-phd", tokens=issuer()),
        agency("other", san=("other.test",), tokens=issuer(jwk(OTHER, "k1"))),
    )
    token = desk.token()
    desk.call(token)

    assert Reason.TOKEN_INVALID == desk.refuses(token, peer=Peer(other))


def test_a_token_is_bound_to_one_certificate_of_an_agency(authority: Authority) -> None:
    """A token kept in the cache is refused over the agency's own other certificate."""
    desk = Desk(authority)
    second = authority.issue("synthetic-phd.test", file="second")
    token = desk.token()
    desk.call(token)

    assert Reason.TOKEN_BOUND_ELSEWHERE == desk.refuses(token, peer=Peer(second))


def test_a_cached_token_expires(authority: Authority) -> None:
    """A token in the cache is refused once its time is over."""
    desk = Desk(authority)
    token = desk.token(exp=NOW + 20)
    desk.call(token)

    desk.clock.now = NOW + 20 + LEEWAY_S

    assert Reason.TOKEN_EXPIRED == desk.refuses(token)


def test_a_removed_key_is_dead_at_once(authority: Authority) -> None:
    """A key taken out of the registry verifies nothing, cached or not, from the swap on."""
    desk = Desk(authority)
    token = desk.token()
    desk.call(token)

    desk.registry.swap(agency("synthetic-phd", tokens=issuer(jwk(OTHER, "k2"))))

    assert Reason.TOKEN_INVALID == desk.refuses(token)


def test_a_cached_token_is_looked_at_again_after_60_seconds(authority: Authority) -> None:
    """The cache holds for 60 s: one that verifies no more is then refused."""
    desk = Desk(authority)
    token = desk.token()
    desk.call(token)
    desk.identity._keys["synthetic-phd"] = {}  # noqa: SLF001 - a key lost without a swap
    desk.clock.monotonic += CACHE_S - 1
    desk.call(token)

    desk.clock.monotonic += 1

    assert Reason.TOKEN_INVALID == desk.refuses(token)


def test_an_agency_without_issuer_has_no_tokens(authority: Authority) -> None:
    """A token of an agency without issuer is refused, not ignored."""
    desk = Desk(authority)
    token = desk.token()
    desk.registry.swap(agency("synthetic-phd"))

    assert Reason.TOKEN_INVALID == desk.refuses(token)


def test_two_tokens_are_none(authority: Authority) -> None:
    """Another scheme, and two headers in one, are refused."""
    desk = Desk(authority)
    token = desk.token()
    for text in (f"Basic {token}", f"Bearer {token},Bearer {token}", "Bearer"):
        call = Call("/t", 0.0, authorization=text)
        with pytest.raises(IdentityError) as caught:
            desk.identity(call, Peer(desk.cert), Rule())  # type: ignore[arg-type]
        assert Reason.TOKEN_INVALID == caught.value.reason


def test_identity_is_cheap_when_it_is_known(authority: Authority) -> None:
    """A known certificate and token cost far less than verifying: the caches are used."""
    desk = Desk(authority)
    token = desk.token()
    desk.call(token)
    started = time.process_time()
    for _ in range(2000):
        desk.call(token)

    assert (time.process_time() - started) / 2000 < 100e-6


# --- Over the wire --------------------------------------------------------------------------------


def test_a_role_reaches_the_servicer(authority: Authority) -> None:
    """Over real TLS, a bound token gives the caller its role; a token of another is refused."""
    import grpc  # noqa: PLC0415
    import grpc.aio  # noqa: PLC0415

    from gateway.v1 import exchange_pb2_grpc  # noqa: PLC0415
    from gateway.wire.convert.exchange import from_request  # noqa: PLC0415
    from gateway.wire.status import error_of  # noqa: PLC0415
    from gateway.wire.tls import channel_credentials  # noqa: PLC0415
    from tests.rpc.twins import a_house, a_request  # noqa: PLC0415

    desk = Desk(authority)

    async def main() -> None:
        house = a_house(
            authority.issue("localhost"),
            agency("synthetic-phd", tokens=issuer()),
            clock={"now": lambda: NOW},
        )
        credentials = channel_credentials(desk.cert.files)
        async with (
            house as running,
            grpc.aio.secure_channel(running.target, credentials) as channel,
        ):
            stub = exchange_pb2_grpc.ExchangeServiceStub(channel)
            good = (("authorization", f"Bearer {desk.token()}"),)
            assert 1 == len(
                [m async for m in stub.Exchange(from_request(a_request()), metadata=good)]
            )
            assert frozenset({"records_officer"}) == running.broker.requests[0].caller.roles
            bad = (("authorization", f"Bearer {desk.token(key=OTHER)}"),)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                [m async for m in stub.Exchange(from_request(a_request()), metadata=bad)]
            assert grpc.StatusCode.UNAUTHENTICATED == caught.value.code()
            assert Reason.TOKEN_INVALID == error_of(caught.value).reason

    asyncio.run(main())
