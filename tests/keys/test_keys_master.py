"""The master is a file, a variable of the environment or a PKCS#11 token, and nothing else."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.cli.keyring import open_master
from gateway.errors import SettingsError
from gateway.keys.folder import KeyFolder
from gateway.keys.uri import TokenUri, token_uri
from tests.store.town import NOW, TrueEntropy

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
TOOL = Path("/usr/bin/softhsm2-util")
PIN = "48151623"
BOUND = b"bound"


def _open(kek: str, place: Path = Path("gateway.toml"), *, create: bool = False) -> object:
    return open_master(place, kek, TrueEntropy(), create=create)


# --- File and environment -------------------------------------------------------------------------


def test_a_file_and_a_variable_of_one_key_are_one_master(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one wrapped the other opens, for what it was wrapped for."""
    settings = tmp_path / "gateway.toml"
    file = open_master(settings, "kek", TrueEntropy(), create=True)
    monkeypatch.setenv("ACCORD_KEK", (tmp_path / "kek").read_text())
    variable = open_master(settings, "env:ACCORD_KEK", TrueEntropy())

    wrapped = file.wrap(bytes(32), BOUND)

    assert file.name == variable.name
    assert bytes(32) == variable.unwrap(wrapped, BOUND)
    with pytest.raises(SettingsError, match="does not open"):
        variable.unwrap(wrapped, b"other")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "has no variable"),
        ("", "has no variable"),
        ("not base64!", "not base64"),
        ("schlüssel", "not base64"),
        (b64encode(bytes(31)).decode(), "not 32 bytes"),
        (b64encode(bytes(33)).decode(), "not 32 bytes"),
    ],
)
def test_a_variable_that_holds_no_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str | None, why: str
) -> None:
    """The message names the variable and never its value."""
    if value is None:
        monkeypatch.delenv("ACCORD_KEK", raising=False)
    else:
        monkeypatch.setenv("ACCORD_KEK", value)

    with pytest.raises(SettingsError, match=why) as refused:
        _open("env:ACCORD_KEK")

    assert not value or value not in str(refused.value)


def test_a_file_that_is_not_there_is_made_only_when_told(tmp_path: Path) -> None:
    """A master made unasked would cut off everything under the lost one."""
    settings = tmp_path / "gateway.toml"
    with pytest.raises(SettingsError, match="missing"):
        _open("kek", settings)

    _open("kek", settings, create=True)

    assert (tmp_path / "kek").stat().st_mode & 0o777 == 0o600


# --- PKCS#11 URIs ---------------------------------------------------------------------------------

GOOD = "pkcs11:token=a%20b;object=kek?module-path=/m.so&pin-source=file:/pin"


def test_a_uri_names_module_token_key_and_where_the_pin_is() -> None:
    """RFC 7512, percent-encoding included; its name says nothing of this machine."""
    uri = token_uri(GOOD)

    assert TokenUri("a b", "kek", "/m.so", "file:/pin") == uri
    assert "pkcs11:token=a b;object=kek" == uri.name
    assert uri == token_uri(GOOD.replace("kek?", "kek;type=secret-key?"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace("token=a%20b;", ""), r"lacks \['token'\]"),
        (GOOD.replace(";object=kek", ""), r"lacks \['object'\]"),
        (GOOD.replace("module-path=/m.so&", ""), r"lacks \['module-path'\]"),
        (GOOD.replace("&pin-source=file:/pin", ""), r"lacks \['pin-source'\]"),
        (GOOD + "&pin-value=1234", "and nothing else"),
        (GOOD + "&pin-source=file:/other", "once"),
        (GOOD.replace("object=kek", "object="), "once"),
        (GOOD.replace("kek?", "kek;serial=1?"), "and nothing else"),
        (GOOD.replace("kek?", "kek;type=private?"), "`secret-key`"),
        (GOOD.replace("file:/pin", "|cat /pin"), "`pin-source` is"),
        ("pkcs11:", "once"),
    ],
)
def test_a_uri_of_another_form_is_refused(text: str, why: str) -> None:
    """A PIN in the settings is refused too, and is in no message."""
    with pytest.raises(SettingsError, match=why) as refused:
        token_uri(text)

    assert "1234" not in str(refused.value)


@pytest.mark.parametrize("source", ["env:NO_SUCH_PIN", "file:/no/such/pin"])
def test_a_pin_that_is_not_there_is_refused(source: str) -> None:
    """Before the token is asked, which would count it as a wrong one."""
    pytest.importorskip("pkcs11")
    with pytest.raises(SettingsError, match=r"no PIN|missing"):
        _open(f"pkcs11:token=t;object=k?module-path=/m.so&pin-source={source}")


# --- A token --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URI of a key on a SoftHSM token, not made yet."""
    pytest.importorskip("pkcs11", reason="the extra `pkcs11` is not installed")
    if not (MODULE.exists() and TOOL.exists()):
        pytest.skip("softhsm2 is not installed")
    home = tmp_path_factory.mktemp("token")
    (home / "tokens").mkdir()
    config = home / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {home}/tokens\nlog.level = ERROR\n")
    pin = home / "pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN + "\n")
    with pytest.MonkeyPatch.context() as patched:
        # Read when the module is loaded, once in the life of a process.
        patched.setenv("SOFTHSM2_CONF", str(config))
        initialise = ["--init-token", "--free", "--label", "accord", "--pin", PIN]
        command = [str(TOOL), *initialise, "--so-pin", PIN]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - softhsm2-util
        yield f"pkcs11:token=accord;object=kek?module-path={MODULE}&pin-source=file:{pin}"


def test_a_key_folder_lies_under_a_token(token: str, tmp_path: Path) -> None:
    """The key is made on the token when told, opens the folder again, and never leaves it."""
    import pkcs11  # noqa: PLC0415 - an extra

    # A key of its own: others of these tests make theirs on the same token, before or after.
    token = token.replace("object=kek", "object=folder")
    with pytest.raises(SettingsError, match="NoSuchKey"):
        _open(token)
    master = open_master(tmp_path, token, TrueEntropy(), create=True)
    secret = KeyFolder.create(tmp_path, TrueEntropy(), master).subject(2026)

    again = KeyFolder(tmp_path, TrueEntropy(), open_master(tmp_path, token, TrueEntropy()))

    assert secret == again.subject(2026)
    assert "pkcs11:token=accord;object=folder" == again.master
    (found,) = pkcs11.lib(str(MODULE)).get_tokens(token_label="accord")  # noqa: S106 - a label
    with found.open(user_pin=PIN) as session:
        key = session.get_key(label="folder")
        assert key[pkcs11.Attribute.EXTRACTABLE] is False
        assert key[pkcs11.Attribute.SENSITIVE] is True
        with pytest.raises(pkcs11.exceptions.PKCS11Error):
            key[pkcs11.Attribute.VALUE]


def test_a_folder_moves_from_a_file_to_a_token_and_back(token: str, tmp_path: Path) -> None:
    """Rewrapping takes any master to any other."""
    settings = tmp_path / "gateway.toml"
    file = open_master(settings, "kek", TrueEntropy(), create=True)
    keys = KeyFolder.create(tmp_path / "keys", TrueEntropy(), file)
    secret = keys.subject(2026)
    on_token = open_master(settings, token, TrueEntropy(), create=True)

    keys.rewrap(on_token, NOW)
    assert secret == KeyFolder(tmp_path / "keys", TrueEntropy(), on_token).subject(2026)
    KeyFolder(tmp_path / "keys", TrueEntropy(), on_token).rewrap(file, NOW)

    assert secret == KeyFolder(tmp_path / "keys", TrueEntropy(), file).subject(2026)


def test_what_a_token_wrapped_opens_for_that_only(token: str) -> None:
    """Bound to its name, and to its bytes."""
    master = open_master(Path(), token, TrueEntropy(), create=True)
    wrapped = master.wrap(bytes(32), BOUND)
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])

    assert bytes(32) == master.unwrap(wrapped, BOUND)
    for data, bound in ((wrapped, b"other"), (changed, BOUND), (b"", BOUND)):
        with pytest.raises(SettingsError, match="the token of"):
            master.unwrap(data, bound)


@pytest.mark.parametrize(
    ("part", "other", "why"),
    [
        ("token=accord", "token=nobody", "NoSuchToken"),
        ("object=kek", "object=other", "NoSuchKey"),
        (str(MODULE), "/no/such/module.so", "refuses"),
    ],
)
def test_a_token_that_is_not_there_is_refused(token: str, part: str, other: str, why: str) -> None:
    """The message names token and key."""
    _open(token, create=True)

    with pytest.raises(SettingsError, match=why):
        _open(token.replace(part, other))


def test_a_wrong_pin_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not repeated."""
    monkeypatch.setenv("ACCORD_PIN", "00000000")
    head = token.partition("&pin-source")[0]

    with pytest.raises(SettingsError, match="PinIncorrect") as refused:
        _open(f"{head}&pin-source=env:ACCORD_PIN")

    assert "00000000" not in str(refused.value)
    assert os.environ["ACCORD_PIN"]
