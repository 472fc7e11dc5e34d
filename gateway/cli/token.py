"""Bearer tokens from a development issuer: short, and bound to the client's own certificate.

RFC 8705 says how: by the certificate's SHA-256, as `cnf`.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import SettingsError
from gateway.settings import beside

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from gateway.settings import ClientSettings

LIFE_S = 600


def bearer(path: Path, settings: ClientSettings, now: dt.datetime) -> str:
    """Return a token for the person and roles that the settings name, good for ten minutes.

    Raises:
        SettingsError: There is no `[token]`, or its key cannot be read.
    """
    if settings.token is None:
        raise SettingsError(f"{path}: `token` is missing: nobody vouches for a role")
    thumbprint = base64.urlsafe_b64encode(_fingerprint(path, settings))
    issued = int(now.timestamp())
    claims = {
        "iss": settings.token.issuer,
        "aud": settings.token.audience,
        "sub": settings.token.person,
        "roles": list(settings.token.roles),
        "iat": issued,
        "exp": issued + LIFE_S,
        "jti": secrets.token_hex(16),
        "cnf": {"x5t#S256": thumbprint.rstrip(b"=").decode("ascii")},
    }
    headers = {"kid": settings.token.kid, "typ": "at+jwt"}
    return jwt.encode(claims, _key(path, settings.token.key), algorithm="ES256", headers=headers)


def _key(path: Path, name: str) -> EllipticCurvePrivateKey:
    wrong = SettingsError(f"{path}: `token.key` names no P-256 key in PEM")
    try:
        key = load_pem_private_key(beside(path, name).read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise wrong from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != SECP256R1.name:
        raise wrong
    return key


def _fingerprint(path: Path, settings: ClientSettings) -> bytes:
    try:
        pem = beside(path, settings.tls.certificate).read_bytes()
        return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256())
    except (OSError, ValueError):
        raise SettingsError(f"{path}: `tls.certificate` names no certificate in PEM") from None
