"""A certificate authority for tests, and certificates with the names that agencies go by."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.wire.tls import TlsFiles

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Cert:
    """One certificate on disk, with what tokens bind to."""

    files: TlsFiles
    thumbprint: bytes

    def context(self) -> ssl.SSLContext:
        """Return a client context of the standard library, for clients that are not gRPC's own."""
        context = ssl.create_default_context(cafile=str(self.files.authority))
        context.load_cert_chain(str(self.files.certificate), str(self.files.key))
        context.set_alpn_protocols(["h2"])
        return context


class Authority:
    """A CA in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str, file: str = "") -> Cert:
        """Return a certificate with these names in it; the same file name writes over an older."""
        made = self._ca.issue_cert(*names)
        stem = self._folder / (file or names[0])
        chain, key = stem.with_suffix(".crt"), stem.with_suffix(".key")
        key.write_bytes(made.private_key_pem.bytes())
        chain.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        leaf = x509.load_pem_x509_certificate(made.cert_chain_pems[0].bytes())
        digest = sha256(leaf.public_bytes(Encoding.DER)).digest()
        return Cert(TlsFiles(chain, key, self.file), digest)
