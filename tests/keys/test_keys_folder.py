"""Keys are random, durable before use, read by nobody else, and never made anew for a lost file."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import SettingsError
from gateway.keys.folder import KEK_NAME, KeyFolder
from gateway.keys.master import LocalMaster, make_file
from gateway.keys.record import NAME as STORE_NAME
from tests.store.town import TrueEntropy

if TYPE_CHECKING:
    from pathlib import Path

FILES = [KEK_NAME, STORE_NAME]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of new keys."""
    KeyFolder.create(tmp_path / "keys", TrueEntropy())
    return tmp_path / "keys"


def _open(folder: Path) -> KeyFolder:
    return KeyFolder(folder, TrueEntropy())


def test_keys_are_the_same_after_a_restart(folder: Path) -> None:
    """Each key is durable when it is given out."""
    first = _open(folder)
    given = [
        first.payload("2026-11", "6y"),
        first.subject(2026),
        first.pseudonym("county", "2026-11"),
        first.signing_seed(),
    ]

    second = _open(folder)

    assert given == [
        second.payload("2026-11", "6y"),
        second.subject(2026),
        second.pseudonym("county", "2026-11"),
        second.signing_seed(),
    ]


def test_no_two_keys_are_the_same(folder: Path) -> None:
    """Months, classes, years, domains and periods each have their own key of 32 bytes."""
    keys = _open(folder)
    made = [
        keys.payload("2026-11", "6y")[1],
        keys.payload("2026-12", "6y")[1],
        keys.payload("2026-11", "3y")[1],
        keys.payload("2026-11", "p")[1],
        keys.subject(2026),
        keys.subject(2027),
        keys.pseudonym("a", "1")[1],
        keys.pseudonym("a", "2")[1],
        keys.pseudonym("b", "1")[1],
    ]

    assert len(made) == len(set(made))
    assert {32} == set(map(len, made))


def test_a_pseudonym_key_id_names_its_key(folder: Path) -> None:
    """The id says domain and period, and differs when the key does."""
    key_id, _ = _open(folder).pseudonym("county/link", "2026")
    other, _ = KeyFolder.create(folder.parent / "other", TrueEntropy()).pseudonym(
        "county/link", "2026"
    )

    assert key_id.startswith("county/link/2026#")
    assert key_id != other


@pytest.mark.parametrize("part", ["", "a b", "../x", "a\n", "é", "-a"])
def test_names_of_keys_are_plain(folder: Path, part: str) -> None:
    """A domain or period that is no plain name makes no key."""
    keys = _open(folder)

    with pytest.raises(SettingsError):
        keys.pseudonym(part, "2026")
    with pytest.raises(SettingsError):
        keys.pseudonym("county", part)
    with pytest.raises(SettingsError):
        keys.payload(part, "6y")
    with pytest.raises(SettingsError):
        keys.payload("2026-11", part)


def test_nothing_lies_in_the_clear(folder: Path) -> None:
    """The key store holds no key, signing keys included, neither raw nor in hex nor in base64."""
    keys = _open(folder)
    secrets = [keys.subject(2026), keys.signing_seed()]

    data = (folder / STORE_NAME).read_bytes()

    for secret in secrets:
        assert secret not in data
        assert secret.hex().encode() not in data
        assert b64encode(secret)[:40] not in data
    assert [0o600] * 2 == [(folder / name).stat().st_mode & 0o777 for name in FILES]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_and_not_made(folder: Path, name: str) -> None:
    """Opening makes no file."""
    (folder / name).unlink()

    with pytest.raises(SettingsError, match=name):
        _open(folder)

    assert not (folder / name).exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(folder: Path, name: str, mode: int) -> None:
    """Loose permissions are refused, with the mode to give."""
    (folder / name).chmod(mode)

    with pytest.raises(SettingsError, match="0600"):
        _open(folder)


def test_a_key_folder_is_not_written_over(folder: Path) -> None:
    """Creating again where keys are is refused, and changes none of them."""
    before = [(folder / name).read_bytes() for name in FILES]

    with pytest.raises(SettingsError, match="exists already"):
        KeyFolder.create(folder, TrueEntropy())

    assert before == [(folder / name).read_bytes() for name in FILES]


def test_another_key_encryption_key_is_refused(folder: Path) -> None:
    """A store that does not open with the key-encryption key is refused at start.

    Not at first use.
    """
    _open(folder).subject(2026)
    other = folder.parent / "other"
    KeyFolder.create(other, TrueEntropy())
    (folder / KEK_NAME).write_bytes((other / KEK_NAME).read_bytes())

    with pytest.raises(SettingsError, match="does not open"):
        _open(folder)


def test_wrapped_keys_cannot_be_swapped(folder: Path) -> None:
    """A wrapped key opens under its own name only."""
    keys = _open(folder)
    keys.subject(2026)
    keys.subject(2027)
    path = folder / STORE_NAME
    store = json.loads(path.read_bytes())
    wrapped = store["keys"]
    one, two = wrapped["subject/2026"], wrapped["subject/2027"]
    wrapped |= {"subject/2026": two, "subject/2027": one}
    path.write_text(json.dumps(store))

    with pytest.raises(SettingsError, match="does not open"):
        _open(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version":3,"keys":{}}', '{"version":2,"keys":{"a":1}}']
)
def test_a_store_of_another_form_is_refused(folder: Path, text: str) -> None:
    """What is not this version's key store is not touched."""
    (folder / STORE_NAME).write_text(text)

    with pytest.raises(SettingsError, match=STORE_NAME):
        _open(folder)


def test_two_processes_lose_no_key_of_each_other(folder: Path) -> None:
    """A key that another process made meanwhile is kept, and found."""
    one, two = _open(folder), _open(folder)
    first = one.subject(2026)
    two.subject(2027)

    assert first == two.subject(2026)
    assert first == _open(folder).subject(2026)
    assert one.has("subject/2027")


def test_new_keys_are_announced_once(folder: Path) -> None:
    """Those made before anybody listened too."""
    keys, heard = _open(folder), list[tuple[str, str]]()
    keys.subject(2026)
    keys.listen(lambda key_id, state, _: heard.append((key_id, state)))
    keys.subject(2026)
    keys.subject(2027)

    told = ["signing/1", "subject/2026", "subject/2027"]
    assert [(one, "made") for one in told] == heard


def test_an_operators_own_master_is_kept(tmp_path: Path) -> None:
    """It may lie on another volume, and is read from there."""
    kek = tmp_path / "volume" / "kek"
    kek.parent.mkdir()
    make_file(kek, TrueEntropy())
    text = kek.read_bytes()
    made = KeyFolder.create(tmp_path / "keys", TrueEntropy(), _of_file(kek))
    secret = made.subject(2026)
    make_file(kek, TrueEntropy())
    KeyFolder.create(tmp_path / "keys2", TrueEntropy(), _of_file(kek))

    assert text == kek.read_bytes()
    assert not (tmp_path / "keys" / KEK_NAME).exists()
    assert secret == KeyFolder(tmp_path / "keys", TrueEntropy(), _of_file(kek)).subject(2026)
    assert kek.stat().st_mode & 0o077 == 0


def _of_file(path: Path) -> LocalMaster:
    return LocalMaster.of_file(path, TrueEntropy())


def _first_form(folder: Path, kek: bytes, keys: dict[str, bytes], seed: bytes) -> None:
    """Write a key folder as the first release wrote it."""
    cipher, wrapped = AESGCM(kek), {}
    for key_id, key in keys.items():
        nonce = os.urandom(12)
        sealed = nonce + cipher.encrypt(nonce, key, f"accord/key-store/v1\x00{key_id}".encode())
        wrapped[key_id] = b64encode(sealed).decode()
    pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    folder.mkdir()
    for name, data in (
        (KEK_NAME, b64encode(kek)),
        (STORE_NAME, json.dumps({"version": 1, "keys": wrapped}).encode()),
        ("log.key", pem),
    ):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(data)


def test_a_folder_of_the_first_form_is_carried_over(tmp_path: Path) -> None:
    """Its keys stay what they were; the signing key lies wrapped, and in no file of its own."""
    folder = tmp_path / "first"
    seed, key = hashlib.sha256(b"seed").digest(), hashlib.sha256(b"key").digest()
    _first_form(folder, os.urandom(32), {"subject/2025": key, "payload/2025-12.6y": key}, seed)

    once, again = _open(folder), _open(folder)

    for keys in (once, again):
        assert seed == keys.signing_seed()
        assert key == keys.subject(2025)
        assert ("payload/2025-12.6y", key) == keys.payload("2025-12", "6y")
    assert sorted(FILES) == sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize("name", ["log.key", KEK_NAME])
def test_a_folder_of_the_first_form_with_a_file_missing_is_refused(
    tmp_path: Path, name: str
) -> None:
    """Nothing of it is changed then."""
    folder = tmp_path / "first"
    _first_form(folder, os.urandom(32), {}, os.urandom(32))
    (folder / name).unlink()
    before = (folder / STORE_NAME).read_bytes()

    with pytest.raises(SettingsError, match=name):
        _open(folder)

    assert before == (folder / STORE_NAME).read_bytes()


def _edited(folder: Path, **changed: object) -> None:
    path = folder / STORE_NAME
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"marks": {"signing/1": ["destroyed", "2026-11-20T00:00:00+00:00"]}},
        {"marks": {"subject/2020": ["mislaid", "2026-11-20T00:00:00+00:00"]}},
        {"marks": {"subject/2020": ["lost", "2026-11-20T00:00:00"]}},
        {"marks": {"subject/2020": "lost"}},
        {"more": {}},
        {"master": 7},
        {"number": "x"},
        {"wrapped": "not base64"},
        {"link": ["AAAA"]},
    ],
)
def test_a_store_that_contradicts_itself_is_refused(folder: Path, changed: dict[str, Any]) -> None:
    """A key that is there and said to be gone was put back by hand; other parts are not known."""
    _edited(folder, **changed)

    with pytest.raises(SettingsError, match=STORE_NAME):
        _open(folder)


def test_a_wrapped_key_that_was_changed_is_refused(folder: Path) -> None:
    """One bit is enough, at start."""
    keys = json.loads((folder / STORE_NAME).read_bytes())["keys"]
    data = bytearray(b64decode(keys["signing/1"]))
    data[-1] ^= 1
    _edited(folder, keys={"signing/1": b64encode(data).decode()})

    with pytest.raises(SettingsError, match="does not open"):
        _open(folder)
