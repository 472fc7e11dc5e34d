"""Keys are made, retired and destroyed in their order; processes that run see it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.keys import names
from gateway.keys.folder import KeyFolder
from gateway.keys.master import LocalMaster
from gateway.keys.record import NAME
from gateway.keys.store import LINK
from tests.store.town import NOW, TrueEntropy

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)
MONTHS = "payload/2026-11.6y"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of new keys, one of each kind."""
    keys = KeyFolder.create(tmp_path / "keys", TrueEntropy())
    keys.payload("2026-11", "6y")
    keys.subject(2026)
    keys.pseudonym("county", "2026")
    return tmp_path / "keys"


def _open(folder: Path) -> KeyFolder:
    return KeyFolder(folder, TrueEntropy())


def _at(day: str) -> dt.datetime:
    return dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("key_id", "day"),
    [
        (MONTHS, "2032-12-31"),
        ("payload/2026-12.6y", "2033-01-31"),
        ("payload/2026-01.3y", "2029-03-03"),
        ("payload/2026-11.6y#2", "2032-12-31"),
        ("payload/2026-11.p", None),
        ("subject/2026", "2033-01-31"),
        ("pseudonym/county/2026", None),
        ("kek/local:00000000", None),
    ],
)
def test_a_key_is_over_a_month_after_its_class(key_id: str, day: str | None) -> None:
    """Counted from the last day of its month or year; what is kept for ever is never over."""
    assert day == (str(found) if (found := names.over(key_id, [])) else None)


def test_a_years_subject_key_outlives_its_longest_class() -> None:
    """Tokens of that year are in payloads of every class of it, and of no other year's."""
    others = [
        "payload/2026-03.10y",
        "payload/2025-01.50y",
        "payload/2026-03.p",
        "payload/2026-1.99y",
    ]

    assert dt.date(2037, 1, 31) == names.over("subject/2026", others)


@pytest.mark.parametrize(
    ("kind", "fresh"), [(MONTHS, f"{MONTHS}#2"), ("subject/2026", "subject/2026#2")]
)
def test_a_rotated_key_still_opens_what_it_sealed(folder: Path, kind: str, fresh: str) -> None:
    """The new one is in use at once, and after a restart."""
    keys = _open(folder)
    old = keys.by_id(kind)

    assert fresh == keys.rotate(kind, NOW)

    for one in (keys, _open(folder)):
        assert old == one.by_id(kind)
        assert ("retired", "made") == (one.state(kind), one.state(fresh))
        in_use = one.payload("2026-11", "6y")[1] if kind == MONTHS else one.subject(2026)
        assert one.by_id(fresh) == in_use != old


def test_a_retired_key_is_followed_at_the_next_use(folder: Path) -> None:
    """And a third follows the second."""
    keys = _open(folder)
    keys.retire(MONTHS, NOW)
    assert keys.state(f"{MONTHS}#2") is None

    assert f"{MONTHS}#2" == keys.payload("2026-11", "6y")[0]
    keys.rotate(f"{MONTHS}#2", NOW)
    assert f"{MONTHS}#3" == keys.payload("2026-11", "6y")[0]


def test_look_ups_see_every_key_that_tokens_were_made_with(folder: Path) -> None:
    """Also those that were rotated out within their year."""
    keys = _open(folder)
    keys.rotate("subject/2026", NOW)
    keys.subject(2027)

    assert ["subject/2026", "subject/2026#2", "subject/2027"] == list(keys.subjects())
    assert keys.subject(2026) == keys.subjects()["subject/2026#2"]


def test_a_signing_key_that_was_rotated_keeps_its_public_half(folder: Path) -> None:
    """The one in use comes first; the old one can sign on, and is destroyed 30 days later."""
    keys = _open(folder)
    seed = keys.signing_seed()
    assert "signing/2" == keys.rotate("signing/1", NOW)

    new, old = keys.signing()
    assert ("signing/2", None) == (new.key_id, new.retired)
    assert ("signing/1", seed, NOW) == (old.key_id, old.seed, old.retired)
    keys.destroy("signing/1", NOW + names.GRACE)

    new, old = _open(folder).signing()
    assert new.seed == keys.signing_seed() != seed
    assert ("signing/1", None) == (old.key_id, old.seed)
    assert 32 == len(old.public)


@pytest.mark.parametrize(
    ("key_id", "retires", "last", "first"),
    [
        (MONTHS, False, "2032-12-30", "2032-12-31"),
        ("subject/2026", False, "2033-01-30", "2033-01-31"),
        ("signing/1", True, "2026-12-19", "2026-12-20"),
    ],
)
def test_a_key_is_destroyed_when_its_time_is_over_and_not_a_day_before(
    folder: Path, key_id: str, last: str, first: str, *, retires: bool
) -> None:
    """And then nothing of it is in the file but that it was."""
    keys = _open(folder)
    if retires:
        keys.rotate(key_id, NOW)
    if key_id.startswith("subject/"):
        keys.destroy(MONTHS, _at("2032-12-31"))
    with pytest.raises(SettingsError, match="is not over"):
        keys.destroy(key_id, _at(last))
    assert key_id not in keys.over(_at(last).date())
    assert key_id in keys.over(_at(first).date())

    keys.destroy(key_id, _at(first))

    assert "destroyed" == _open(folder).state(key_id)
    assert key_id not in json.loads((folder / NAME).read_bytes())["keys"]
    assert key_id not in keys.over(_at(first).date())
    with pytest.raises(SettingsError, match="has no key"):
        keys.by_id(key_id)
    with pytest.raises(SettingsError, match="has no key"):
        keys.destroy(key_id, _at(first))


def test_a_years_subject_key_waits_for_what_its_tokens_are_sealed_under(folder: Path) -> None:
    """A hold that keeps a payload keeps the key that its tokens are looked up with."""
    keys = _open(folder)
    keys.payload("2026-03", "p")
    late = _at("2040-01-01")
    with pytest.raises(SettingsError, match="is not over"):
        keys.destroy("subject/2026", late)
    assert [MONTHS] == keys.over(late.date())

    keys.destroy(MONTHS, late)

    assert ["subject/2026"] == keys.over(late.date())


@pytest.mark.parametrize(
    "key_id", ["signing/1", "pseudonym/county/2026", "payload/2020-01.6y", "x"]
)
def test_what_is_in_use_or_never_was_is_not_destroyed(folder: Path, key_id: str) -> None:
    """However late it is."""
    with pytest.raises(SettingsError, match=r"is not over|has no key"):
        _open(folder).destroy(key_id, _at("2099-01-01"))


@pytest.mark.parametrize(
    "key_id", ["pseudonym/county/2026", "subject/2020", "kek/x", f"{MONTHS}#2"]
)
def test_what_does_not_turn_is_not_rotated(folder: Path, key_id: str) -> None:
    """Neither a key of another kind nor one that is not in use."""
    before = (folder / NAME).read_bytes()

    with pytest.raises(SettingsError, match=r"of no kind|not one in use"):
        _open(folder).rotate(key_id, NOW)
    with pytest.raises(SettingsError):
        _open(folder).retire(key_id, NOW)

    assert before == (folder / NAME).read_bytes()


def test_a_signing_key_is_only_rotated(folder: Path) -> None:
    """Retired without a successor it would leave nobody to sign."""
    with pytest.raises(SettingsError, match="only `rotate`"):
        _open(folder).retire("signing/1", NOW)


def test_a_destroyed_key_is_never_made_anew(folder: Path) -> None:
    """A month's key that is gone has a successor, and never its name again."""
    keys = _open(folder)
    keys.destroy(MONTHS, _at("2033-01-01"))

    assert f"{MONTHS}#2" == keys.payload("2026-11", "6y")[0]


def test_a_key_is_lost_only_where_it_is_not_there(folder: Path) -> None:
    """What the store has, or accounts for, cannot be said to be lost."""
    keys = _open(folder)
    keys.lose("payload/2026-10.6y", NOW)

    assert "lost" == _open(folder).state("payload/2026-10.6y")
    for key_id in (MONTHS, "payload/2026-10.6y", "signing/7", "x"):
        with pytest.raises(SettingsError, match="not one that can be missing"):
            keys.lose(key_id, NOW)


def test_another_process_sees_what_was_done_while_it_runs(folder: Path) -> None:
    """Each change is told once, and the key in use changes without a restart."""
    running, heard = _open(folder), list[tuple[str, str]]()
    running.payload("2026-11", "6y")
    running.listen(lambda key_id, state, _: heard.append((key_id, state)))
    heard.clear()
    operator = _open(folder)
    operator.rotate(MONTHS, NOW)
    operator.rotate("signing/1", NOW)

    assert running.refresh(NOW)
    assert not running.refresh(NOW)

    told = [(MONTHS, "retired"), (f"{MONTHS}#2", "made"), ("signing/1", "retired")]
    assert [*told, ("signing/2", "made")] == sorted(heard)
    assert f"{MONTHS}#2" == running.payload("2026-11", "6y")[0]
    assert running.signing_seed() == operator.signing_seed()


def _masters() -> tuple[LocalMaster, LocalMaster, LocalMaster]:
    one, two, three = (LocalMaster(bytes([n]) * 32, TrueEntropy()) for n in (1, 2, 3))
    return one, two, three


def test_a_store_under_another_master_keeps_its_keys(tmp_path: Path) -> None:
    """The new master opens every key; the old one, and an older copy with the new one, nothing."""
    one, two, _ = _masters()
    keys = KeyFolder.create(tmp_path, TrueEntropy(), one)
    secret = keys.subject(2026)
    older = (tmp_path / NAME).read_bytes()

    keys.rewrap(two, NOW)

    assert secret == KeyFolder(tmp_path, TrueEntropy(), two).subject(2026)
    with pytest.raises(SettingsError, match="does not open"):
        KeyFolder(tmp_path, TrueEntropy(), one)
    (tmp_path / NAME).write_bytes(older)
    with pytest.raises(SettingsError, match="does not open"):
        KeyFolder(tmp_path, TrueEntropy(), two)


def test_a_gateway_that_runs_goes_on_over_a_new_master(tmp_path: Path) -> None:
    """It makes keys that the new master opens, and tells which master there is now."""
    one, two, _ = _masters()
    running, heard = KeyFolder.create(tmp_path, TrueEntropy(), one), list[tuple[str, str]]()
    running.listen(lambda key_id, state, _: heard.append((key_id, state)))
    KeyFolder(tmp_path, TrueEntropy(), one).rewrap(two, NOW)

    assert running.refresh(NOW)
    made = running.subject(2027)

    assert made == KeyFolder(tmp_path, TrueEntropy(), two).subject(2027)
    assert {(f"kek/{one.name}", "retired"), (f"kek/{two.name}", "made")} <= set(heard)


def test_the_way_to_a_new_master_closes_after_ten_minutes(tmp_path: Path) -> None:
    """Whoever steals the old master later, and has the new file, has nothing."""
    one, two, _ = _masters()
    late = KeyFolder.create(tmp_path, TrueEntropy(), one)
    KeyFolder(tmp_path, TrueEntropy(), one).rewrap(two, NOW)
    in_time = KeyFolder(tmp_path, TrueEntropy(), two)
    in_time.refresh(NOW + LINK - DAY / 86_400)
    assert json.loads((tmp_path / NAME).read_bytes())["link"] is not None

    in_time.refresh(NOW + LINK)

    assert json.loads((tmp_path / NAME).read_bytes())["link"] is None
    with pytest.raises(SettingsError, match="another master now"):
        late.refresh(NOW + LINK)


def test_a_process_two_masters_behind_is_told_so(tmp_path: Path) -> None:
    """It cannot follow, and says it; what it has open it goes on to use."""
    one, two, three = _masters()
    late = KeyFolder.create(tmp_path, TrueEntropy(), one)
    secret = late.subject(2026)
    operator = KeyFolder(tmp_path, TrueEntropy(), one)
    operator.rewrap(two, NOW)
    operator.rewrap(three, NOW)

    with pytest.raises(SettingsError, match="another master now"):
        late.refresh(NOW)
    assert secret == late.subject(2026)


def test_the_same_master_again_is_refused(tmp_path: Path) -> None:
    """It would end nothing; a master that was left can be taken again."""
    one, two, _ = _masters()
    keys = KeyFolder.create(tmp_path, TrueEntropy(), one)
    with pytest.raises(SettingsError, match="already"):
        keys.rewrap(one, NOW)

    keys.rewrap(two, NOW)
    keys.rewrap(one, NOW)

    assert one.name == KeyFolder(tmp_path, TrueEntropy(), one).master


class _Forgetful(LocalMaster):
    """A master that does not open what it wrapped."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return something else."""
        return bytes(len(wrapped) and len(bound) and 32)


def test_a_master_that_does_not_open_what_it_wrapped_is_not_taken(tmp_path: Path) -> None:
    """The store stays as it was."""
    one, _, _ = _masters()
    keys = KeyFolder.create(tmp_path, TrueEntropy(), one)
    secret = keys.subject(2026)

    with pytest.raises(SettingsError, match="does not open what it wrapped"):
        keys.rewrap(_Forgetful(bytes(32), TrueEntropy()), NOW)

    assert secret == keys.subject(2026)
    assert secret == KeyFolder(tmp_path, TrueEntropy(), one).subject(2026)
