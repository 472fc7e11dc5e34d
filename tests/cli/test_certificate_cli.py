"""A certificate that cannot work is said at once, by the file that is wrong."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from gateway.cli.certificate import identity
from gateway.errors import SettingsError
from gateway.settings import Tls
from tests.rpc.tls import Authority

if TYPE_CHECKING:
    from pathlib import Path

TLS = Tls(certificate="one.test.crt", key="one.test.key", ca="ca.pem")
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Return the settings file beside a certificate, its key and their authority."""
    authority = Authority(tmp_path)
    authority.issue("one.test", file="one.test")
    for name in ("crt", "key"):
        (tmp_path / f"one.{name}").rename(tmp_path / f"one.test.{name}")
    return tmp_path / "client.toml"


def leaf(settings: Path) -> x509.Certificate:
    """Return the certificate."""
    return x509.load_pem_x509_certificates((settings.parent / TLS.certificate).read_bytes())[0]


def test_its_days_are_looked_at(settings: Path) -> None:
    """Good in its first and last second; said with the time in the one before and after."""
    first, last = leaf(settings).not_valid_before_utc, leaf(settings).not_valid_after_utc

    for now in (first, last):
        assert settings.parent / TLS.key == identity(settings, TLS, now).key
    with pytest.raises(SettingsError, match=r"tls\.certificate.*is not valid before"):
        identity(settings, TLS, first - SECOND)
    with pytest.raises(SettingsError, match=r"tls\.certificate.*expired on"):
        identity(settings, TLS, last + SECOND)


def test_a_key_of_another_certificate_is_said(settings: Path) -> None:
    """Before anything connects."""
    Authority(settings.parent / "other").issue("two.test", file="two")
    (settings.parent / "other" / "two.key").rename(settings.parent / TLS.key)

    with pytest.raises(SettingsError, match=r"tls\.key.*is not the key of `tls\.certificate`"):
        identity(settings, TLS, leaf(settings).not_valid_before_utc)


@pytest.mark.parametrize("part", ["certificate", "key", "ca"])
@pytest.mark.parametrize("content", [b"canary", b"", None])
def test_a_file_that_is_none_is_said(settings: Path, part: str, content: bytes | None) -> None:
    """Absent, empty or something else: a setting, without what the file has in it."""
    now = leaf(settings).not_valid_before_utc
    file = settings.parent / getattr(TLS, part)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        identity(settings, TLS, now)

    assert "canary" not in caught.value.message
