"""Development tokens: short, bound to the client's certificate; a wrong file is said by its key."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import shutil
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.cli.init import run
from gateway.cli.token import LIFE_S, bearer
from gateway.errors import SettingsError
from gateway.settings import ClientSettings, client_settings
from tests.cli.deployed import ORIGIN, deploy

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an agency's folder of a development deployment."""
    return deploy(tmp_path_factory.mktemp("token") / "county").parent / "agencies" / "safe-steps"


def settings(home: Path) -> tuple[Path, ClientSettings]:
    """Return what the agency's client is told."""
    path = home / "client.toml"
    return path, client_settings(path)


def test_a_token_is_bound_and_short(home: Path) -> None:
    """Its `cnf` is the digest of the client's certificate; it ends ten minutes later."""
    claims = jwt.decode(bearer(*settings(home), NOW), options={"verify_signature": False})

    der = x509.load_pem_x509_certificate((home / "client.crt").read_bytes()).public_bytes(
        Encoding.DER
    )
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    assert {"x5t#S256": thumbprint} == claims["cnf"]
    assert LIFE_S == claims["exp"] - claims["iat"]
    assert ["outreach_worker", "outreach_supervisor", "privacy_officer"] == claims["roles"]


def test_no_two_tokens_are_one(home: Path) -> None:
    """Each has an id of its own."""
    first, second = (
        jwt.decode(bearer(*settings(home), NOW), options={"verify_signature": False})["jti"]
        for _ in range(2)
    )
    assert first != second


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("token.key", None, "token.key"),
        ("token.key", b"no key", "token.key"),
        ("token.key", "signing.key", "token.key"),
        ("client.crt", None, "tls.certificate"),
        ("client.crt", b"no certificate", "tls.certificate"),
    ],
)
def test_a_wrong_file_is_said_by_its_key(
    home: Path, tmp_path: Path, name: str, data: bytes | str | None, said: str
) -> None:
    """Absent, damaged, or a key of another kind: the setting is named, and no traceback."""
    place = shutil.copytree(home, tmp_path / "agency")
    (place / name).unlink()
    if isinstance(data, str):
        shutil.copyfile(home / data, place / name)
    elif data is not None:
        (place / name).write_bytes(data)

    with pytest.raises(SettingsError, match=f"`{said}`"):
        bearer(*settings(place), NOW)


def test_without_an_issuer_there_is_no_token(home: Path) -> None:
    """`[token]` left out: nobody vouches for a role."""
    path, own = settings(home)

    with pytest.raises(SettingsError, match="`token` is missing"):
        bearer(path, own.model_copy(update={"token": None}), NOW)


@pytest.mark.parametrize(
    ("port", "origin", "said"),
    [(0, "", "--port"), (65_522, "", "--port"), (8443, "a b", "origin"), (8443, "a+b", "origin")],
)
def test_init_refuses_what_would_not_serve(
    tmp_path: Path, port: int, origin: str, said: str
) -> None:
    """Nothing is written that its own settings would refuse."""
    with pytest.raises(SettingsError, match=said):
        run(str(tmp_path / "county"), port, origin)

    assert not (tmp_path / "county").exists()


def test_init_takes_no_folder_that_is_used(tmp_path: Path) -> None:
    """A folder with something in it, or a file of that name, is left alone."""
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(SettingsError, match="not empty"):
            run(str(place), 8443, ORIGIN)

    assert "x" == (tmp_path / "file").read_text()
