"""Keys are random, durable before use, read by nobody else, and never made anew for a lost file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.keys import KEK_NAME, SIGNING_NAME, STORE_NAME, KeyFolder
from tests.store.town import TrueEntropy

if TYPE_CHECKING:
    from pathlib import Path

FILES = [KEK_NAME, SIGNING_NAME, STORE_NAME]


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
    """The key store holds no key, neither raw nor in hex."""
    keys = _open(folder)
    secret = keys.subject(2026)

    data = (folder / STORE_NAME).read_bytes()

    assert secret not in data
    assert secret.hex().encode() not in data
    assert [0o600] * 3 == [(folder / name).stat().st_mode & 0o777 for name in FILES]


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


@pytest.mark.parametrize("name", FILES)
def test_a_key_folder_is_not_written_over(folder: Path, name: str) -> None:
    """Creating again where keys are is refused, and changes none of them."""
    before = (folder / name).read_bytes()

    with pytest.raises(SettingsError, match="exists already"):
        KeyFolder.create(folder, TrueEntropy())

    assert before == (folder / name).read_bytes()


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
    "text", ["", "[]", "{}", '{"version":2,"keys":{}}', '{"version":1,"keys":{"a":1}}']
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
    keys, heard = _open(folder), list[str]()
    keys.subject(2026)
    keys.listen(heard.append)
    keys.subject(2026)
    keys.subject(2027)

    assert ["subject/2026", "subject/2027"] == heard


def test_an_operators_own_key_encryption_key_is_kept(tmp_path: Path) -> None:
    """It may lie on another volume, and is read from there."""
    kek = tmp_path / "volume" / "kek"
    kek.parent.mkdir()
    made = KeyFolder.create(tmp_path / "keys", TrueEntropy(), kek)
    secret = made.subject(2026)
    text = kek.read_bytes()
    (tmp_path / "keys2").mkdir()
    KeyFolder.create(tmp_path / "keys2", TrueEntropy(), kek)

    assert text == kek.read_bytes()
    assert not (tmp_path / "keys" / KEK_NAME).exists()
    assert secret == KeyFolder(tmp_path / "keys", TrueEntropy(), kek).subject(2026)
    assert os.stat(kek).st_mode & 0o077 == 0  # noqa: PTH116
