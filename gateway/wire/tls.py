"""Certificates and limits for both ends of every connection; files are read again when they change.

A server's are fetched at each handshake, by mtime; old connections live until their age ends, and
denied certificates end at their next call. A client's channel cannot reload: whoever holds one
makes a new one when `stamp` has changed, and drains the old.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
from cryptography import x509

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


MESSAGE_BYTES: Final = 4 * 1024 * 1024
METADATA_SOFT_BYTES: Final = 16 * 1024
METADATA_HARD_BYTES: Final = 32 * 1024
STREAMS_A_CONNECTION: Final = 1024
CONNECTION_AGE_S: Final = 20 * 60
CONNECTION_GRACE_S: Final = 15 * 60
KEEPALIVE_S: Final = 60
KEEPALIVE_ANSWER_S: Final = 20
PING_LEAST_S: Final = 10


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


def refuse_trace() -> None:
    """Return unless gRPC would print what it sends, bearer tokens included.

    Raises:
        SettingsError: `GRPC_TRACE` is set.
    """
    if os.environ.get("GRPC_TRACE"):
        raise SettingsError("`GRPC_TRACE` is set: gRPC would print tokens and records; unset it")


def server_credentials(identity: TlsFiles) -> grpc.ServerCredentials:
    """Return credentials that demand a client certificate and follow their files.

    Raises:
        SettingsError: A file cannot be read now; later, the old ones stay. Or `GRPC_TRACE` is set.
    """
    refuse_trace()
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
    refuse_trace()
    chain, key, authority = identity.read()
    return grpc.ssl_channel_credentials(authority, key, chain)


def subject_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names and URIs of a leaf, each once."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    found = [
        *names.get_values_for_type(x509.DNSName),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
    ]
    return tuple(dict.fromkeys(found))


def server_limits(
    *,
    age_s: float = CONNECTION_AGE_S,
    grace_s: float = CONNECTION_GRACE_S,
    share_port: bool = False,
) -> tuple[tuple[str, int], ...]:
    """Return the options of every server; none is left to a default that a release may change."""
    return (
        ("grpc.max_send_message_length", MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_metadata_size", METADATA_SOFT_BYTES),
        ("grpc.absolute_max_metadata_size", METADATA_HARD_BYTES),
        ("grpc.max_concurrent_streams", STREAMS_A_CONNECTION),
        ("grpc.max_connection_age_ms", int(age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", int(grace_s * 1000)),
        ("grpc.keepalive_time_ms", KEEPALIVE_S * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_S * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", PING_LEAST_S * 1000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", PING_LEAST_S * 1000),
        # Two servers would share a port in silence.
        ("grpc.so_reuseport", int(share_port)),
    )


CHANNEL_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_metadata_size", METADATA_SOFT_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_HARD_BYTES),
    # A proxy from the environment would see where records go, and may not let gRPC through.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", KEEPALIVE_S * 1000),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_S * 1000),
    # What may be sent again is ours to say: the same bytes, by request id.
    ("grpc.enable_retries", 0),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
"""The options of every channel; nothing is left to a default that a release may change."""
