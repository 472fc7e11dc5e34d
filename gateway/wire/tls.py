"""Certificates for both ends of every connection: files read again when they change.

A server's are fetched at each handshake, by mtime; old connections live until their age ends, and
denied certificates end at their next call. A client's channel cannot reload: whoever holds one
makes a new one when `stamp` has changed, and drains the old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """One end's own certificate with its chain and key, and the CA that the other end must have.

    Attributes:
        certificate, key, authority: PEM files.
    """

    certificate: Path
    key: Path
    authority: Path

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when one of the files does.

        Raises:
            SettingsError: A file is not there.
        """
        try:
            found = [path.stat() for path in (self.certificate, self.key, self.authority)]
        except OSError as error:
            raise SettingsError(f"`{error.filename}` cannot be read") from None
        return tuple(number for one in found for number in (one.st_mtime_ns, one.st_ino))

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Return (certificate chain, key, authority).

        Raises:
            SettingsError: A file cannot be read, or is empty.
        """
        try:
            chain = self.certificate.read_bytes()
            key, authority = self.key.read_bytes(), self.authority.read_bytes()
        except OSError as error:
            raise SettingsError(f"`{error.filename}` cannot be read") from None
        if not (chain and key and authority):
            raise SettingsError("a certificate file is empty")
        return chain, key, authority


def server_credentials(identity: TlsFiles) -> grpc.ServerCredentials:
    """Return credentials that demand a client certificate and follow their files.

    Raises:
        SettingsError: A file cannot be read now; later, the old ones stay.
    """
    seen = identity.stamp()
    first = _configuration(identity)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal seen
        try:
            stamp = identity.stamp()
            if stamp == seen:
                return None
            fresh = _configuration(identity)
        except SettingsError:
            # Half of a rotation: the old files serve until the new ones are whole.
            return None
        seen = stamp
        return fresh

    return grpc.dynamic_ssl_server_credentials(
        first,
        fetch,  # type: ignore[arg-type] # None keeps the old files, which the stubs do not know
        require_client_authentication=True,
    )


def _configuration(identity: TlsFiles) -> grpc.ServerCertificateConfiguration:
    chain, key, authority = identity.read()
    return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=authority)


def channel_credentials(identity: TlsFiles) -> grpc.ChannelCredentials:
    """Return credentials that present a certificate and trust one authority alone.

    Raises:
        SettingsError: A file cannot be read.
    """
    chain, key, authority = identity.read()
    return grpc.ssl_channel_credentials(authority, key, chain)


CHANNEL_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_send_message_length", 4 * 1024 * 1024),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 32 * 1024),
    # A proxy from the environment would see where records go, and may not let gRPC through.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # What may be sent again is ours to say: the same bytes, by request id.
    ("grpc.enable_retries", 0),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
"""The options of every channel; nothing is left to a default that a release may change."""
