"""Bearer tokens from a development issuer: short.

And bound to the client's own certificate (RFC 8705).
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

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
    certificate = x509.load_pem_x509_certificate(
        beside(path, settings.tls.certificate).read_bytes()
    )
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256()))
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
    key = beside(path, settings.token.key).read_bytes()
    headers = {"kid": settings.token.kid, "typ": "at+jwt"}
    return jwt.encode(claims, key, algorithm="ES256", headers=headers)
