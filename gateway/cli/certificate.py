"""A certificate and its key, looked at before anything connects or listens with them.

The library that carries TLS learns of a wrong pair only in a handshake, after retries, and cannot
say which file it was. What the other side thinks of the certificate is for the other side to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import SettingsError
from gateway.settings import beside
from gateway.wire.tls import TlsFiles

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from gateway.settings import Tls


def identity(path: Path, tls: Tls, now: dt.datetime) -> TlsFiles:
    """Return the files of one end, relative to the settings file that names them.

    Raises:
        SettingsError: One cannot be read or is not PEM, the key is another certificate's, or the
            certificate is not valid at `now`.
    """
    files = TlsFiles(beside(path, tls.certificate), beside(path, tls.key), beside(path, tls.ca))
    chain, key, authority = files.read()
    certificate = _certificate(path, "tls.certificate", files.certificate, chain)
    _certificate(path, "tls.ca", files.authority, authority)
    try:
        public = load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _wrong(path, "tls.key", files.key, "is not a private key in PEM") from None
    if public != certificate.public_key():
        raise _wrong(path, "tls.key", files.key, "is not the key of `tls.certificate`")
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < first:
        said = f"is not valid before {first:%Y-%m-%d %H:%M} UTC"
        raise _wrong(path, "tls.certificate", files.certificate, said)
    if now > last:
        said = f"expired on {last:%Y-%m-%d at %H:%M} UTC"
        raise _wrong(path, "tls.certificate", files.certificate, said)
    return files


def _certificate(path: Path, name: str, file: Path, pem: bytes) -> x509.Certificate:
    """Return the first certificate of a file."""
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise _wrong(path, name, file, "is not a certificate in PEM") from None


def _wrong(path: Path, name: str, file: Path, said: str) -> SettingsError:
    return SettingsError(f"{path}: `{name}`: {file} {said}")
