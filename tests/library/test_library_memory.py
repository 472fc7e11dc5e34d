"""What was stopped stays stopped: through deletion, old versions, restarts and damaged memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.agreement.signing import Action, recalled, sign, statement
from gateway.agreement.signing import SignedFile as Kind
from gateway.errors import SettingsError
from gateway.library.memory import Memory, must_exist, recall, remember
from tests.agreement.county import private
from tests.library.officers import ALL, EMS, HRO, OTP, PD, QUORUM, Officers, public

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a county whose one agreement is in force."""
    made = Officers(tmp_path)
    made.look()
    return made


def without(officers: Officers, action: str) -> None:
    """Delete every statement of an action, as somebody who wants it forgotten would."""
    kept = [s for s in json.loads(officers.text("county.sig.json")) if s["action"] != action]
    officers.write("county.sig.json", json.dumps(kept))


def test_a_deleted_suspension_revives_nothing(officers: Officers) -> None:
    """A suspension that once stood stands without its statement, also after a restart."""
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    without(officers, "suspend")

    officers.look()
    assert {"county": "suspended"} == officers.states()

    officers.restart()
    assert {"county": "suspended"} == officers.states()


def without_key(officers: Officers, key: str) -> None:
    """Delete every statement that a key signed beside the agreement."""
    kept = [s for s in json.loads(officers.text("county.sig.json")) if s["key"] != key]
    officers.write("county.sig.json", json.dumps(kept))


def short_lived(officers: Officers) -> None:
    """Let every signing key end in five days, in a registry that the quorum signed."""
    officers.edit("agencies.yaml", 'until: "2028-06-01"', 'until: "2027-06-20"')
    officers.remove("agencies.sig.json")
    officers.sign("agencies", QUORUM)


def test_a_suspension_is_lifted_by_all_parties(officers: Officers) -> None:
    """Five of five sign `resume`, later than the suspension: four are not enough."""
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    officers.pass_time(minutes=1)
    officers.sign("county", ALL[:4], Action.RESUME)
    officers.look()
    assert {"county": "suspended"} == officers.states()

    officers.sign("county", ALL[4:], Action.RESUME)
    officers.look()

    assert {"county": "signed"} == officers.states()
    officers.restart()
    assert {"county": "signed"} == officers.states()


def test_an_old_resumption_does_not_lift_a_newer_suspension(officers: Officers) -> None:
    """Resumptions that were seen, taken away and put back count from when they were first seen."""
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    officers.pass_time(minutes=1)
    officers.sign("county", ALL, Action.RESUME)
    officers.look()
    old = officers.text("county.sig.json")
    without(officers, "resume")
    officers.pass_time(minutes=1)
    officers.sign("county", [EMS], Action.SUSPEND)
    officers.look()

    officers.write("county.sig.json", old)
    officers.restart()

    assert {"county": "suspended"} == officers.states()


def test_a_termination_is_final(officers: Officers) -> None:
    """Nobody resumes what a party ended, with or without its statement."""
    officers.sign("county", [HRO], Action.TERMINATE)
    officers.look()
    without(officers, "terminate")
    officers.pass_time(minutes=1)
    officers.sign("county", ALL, Action.RESUME)

    officers.restart()

    assert {"county": "terminated"} == officers.states()


def test_an_old_version_put_back_is_ended(officers: Officers) -> None:
    """Once a higher version was active, a lower one with all its signatures is not."""
    old, signed = officers.text("county.yaml"), officers.text("county.sig.json")
    officers.edit("county.yaml", 'version: "1.0.0"', 'version: "1.10.0"')
    officers.sign("county", ALL)
    officers.look()
    assert {"county": "signed"} == officers.states()

    officers.write("county.yaml", old)
    officers.write("county.sig.json", signed)
    officers.look()
    assert {"county": "terminated"} == officers.states()

    officers.restart()
    assert {"county": "terminated"} == officers.states()


def test_a_higher_version_that_nobody_signed_ends_nothing(officers: Officers) -> None:
    """Only a version that was active counts as the highest."""
    old = officers.text("county.yaml")
    officers.edit("county.yaml", 'version: "1.0.0"', 'version: "2.0.0"')
    officers.look()
    assert {"county": "draft"} == officers.states()

    officers.write("county.yaml", old)
    officers.look()

    assert {"county": "signed"} == officers.states()


def test_what_a_newer_agreement_superseded_stays_ended(officers: Officers) -> None:
    """Taking the newer file away does not bring the older one back."""
    officers.second()
    officers.edit("alpha.yaml", "supersedes: none", "supersedes: county@1.0.0")
    officers.sign("alpha", ALL)
    officers.look()
    assert {"county": "terminated", "alpha": "signed"} == officers.states()

    officers.remove("alpha.yaml")
    officers.restart()

    assert {"county": "terminated"} == officers.states()


def test_a_key_that_left_takes_no_suspension_along(officers: Officers) -> None:
    """A suspension stands after the key that signed it is gone from the registry."""
    officers.sign("county", [OTP], Action.SUSPEND)
    officers.look()
    new = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    officers.edit("agencies.yaml", public(private(OTP)), public(new))
    officers.edit("agencies.yaml", 'version: "1.0.0"', 'version: "1.1.0"')
    officers.sign("agencies", QUORUM)
    without_key(officers, f"{OTP}-1")
    officers.sign("county", [OTP], key=new)

    officers.look()

    assert officers.library.current().registry.version == "1.1.0"
    assert {"county": "suspended"} == officers.states()


def test_a_signature_is_as_old_as_it_was_first_seen(tmp_path: Path) -> None:
    """A key past its date still vouches for what was seen in its time, also after a restart."""
    officers = Officers(tmp_path)
    short_lived(officers)
    officers.look()
    officers.pass_time(days=10)

    officers.restart()

    assert {"county": "signed"} == officers.states()


def test_a_signature_first_seen_too_late_is_none(tmp_path: Path) -> None:
    """Whatever time the signer wrote, a key past its date vouches for nothing new."""
    officers = Officers(tmp_path)
    officers.remove("county.sig.json")
    short_lived(officers)
    officers.look()
    officers.sign("county", ALL)
    officers.pass_time(days=10)

    officers.look()

    assert {"county": "draft"} == officers.states()
    assert "county.sig.json signature-invalid" in officers.rules()


def test_a_signing_key_is_changed_in_two_steps(officers: Officers) -> None:
    """The new key is added while the old one signs; then the old one goes."""
    new = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    registry = officers.text("agencies.yaml")
    start = registry.index(f"{{id: {EMS}-1")
    old = registry[start : registry.index("}", start) + 1]
    added = old.replace(f"{EMS}-1", f"{EMS}-2").replace(public(private(EMS)), public(new))
    officers.edit("agencies.yaml", old, f"{old}, {added}")
    officers.edit("agencies.yaml", 'version: "1.0.0"', 'version: "1.1.0"')
    officers.sign("agencies", QUORUM)
    officers.look()
    assert {"county": "signed"} == officers.states()

    for stem in ("_floor", "purposes", "county"):
        officers.sign(stem, [EMS], key=new, key_id=f"{EMS}-2")
    without_key(officers, f"{EMS}-1")
    officers.edit("agencies.yaml", f"{old}, ", "")
    officers.edit("agencies.yaml", 'version: "1.1.0"', 'version: "1.2.0"')
    officers.sign("agencies", QUORUM[1:])
    officers.sign("agencies", [EMS], key=new, key_id=f"{EMS}-2")
    officers.look()

    assert "1.2.0" == officers.library.current().registry.version
    assert {"county": "signed"} == officers.states()


def test_a_registry_cannot_vouch_for_itself(officers: Officers) -> None:
    """A registry with swapped keys, signed by those keys alone, is refused: the old ones must."""
    other = {
        agency: Ed25519PrivateKey.from_private_bytes(agency.encode().rjust(32, b"-")[:32])
        for agency in ALL
    }
    for agency, key in other.items():
        officers.edit("agencies.yaml", public(private(agency)), public(key))
    officers.edit("agencies.yaml", 'version: "1.0.0"', 'version: "1.1.0"')
    for stem in ("_floor", "agencies", "purposes"):
        officers.remove(f"{stem}.sig.json")
        for agency in QUORUM:
            officers.sign(stem, [agency], key=other[agency])

    officers.look()

    assert "1.0.0" == officers.library.current().registry.version
    assert "agencies.yaml not-in-force" in officers.rules()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b'{"seen": {}}', b"\xff",
        b'{"seen":1,"stops":{},"highest":{},"ended":[],"base":{}}',
        b'{"seen":{"a":"2027-01-01"},"stops":{},"highest":{},"ended":[],"base":{}}',
        b'{"seen":{},"stops":{"county":"W10="},"highest":{},"ended":[],"base":{}}',
        b'{"seen":{},"stops":{},"highest":{"a":"x"},"ended":[],"base":{}}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_memory_refuses_the_start(officers: Officers, data: bytes) -> None:
    """A memory that cannot be read is not an empty one."""
    officers.memory.write_bytes(data)

    with pytest.raises(SettingsError, match=r"library\.json"):
        officers.started()


def test_a_memory_without_its_floor_refuses_the_start(officers: Officers) -> None:
    """What approved the last change must be readable."""
    value = json.loads(officers.memory.read_bytes())
    value["base"] = {"_floor.yaml": ""}
    officers.memory.write_text(json.dumps(value))

    with pytest.raises(SettingsError, match="last in force"):
        officers.restart()


def test_a_memory_that_is_gone_refuses_beside_a_log(tmp_path: Path) -> None:
    """Beside a log that is not new there is a memory; `{}` says that an operator looked."""
    memory, log = tmp_path / "library.json", tmp_path / "log.sqlite"
    must_exist(memory, made=log.exists(), create=False)
    assert not memory.exists()
    must_exist(memory, made=log.exists(), create=True)
    assert Memory() == recall(memory)
    memory.unlink()
    log.touch()

    with pytest.raises(SettingsError, match="would be forgotten"):
        must_exist(memory, made=log.exists(), create=True)

    memory.write_text("{}")
    must_exist(memory, made=log.exists(), create=False)
    assert Memory() == recall(memory)


def test_what_is_written_is_read_back(officers: Officers) -> None:
    """Memory survives its file, and an unchanged one is not written again."""
    officers.sign("county", [HRO, PD], Action.SUSPEND)
    officers.look()
    first = recall(officers.memory)
    inode = officers.memory.stat().st_ino

    remember(officers.memory, first)

    assert 2 == len(first.stops["county"])
    assert first == recall(officers.memory)
    assert inode == officers.memory.stat().st_ino
    assert [officers.memory] == list(officers.memory.parent.iterdir())


def test_a_flood_of_suspensions_does_not_fill_the_memory(officers: Officers) -> None:
    """Of one key's many suspensions the last one is kept, which says as much."""
    memory = Memory()
    for second in range(3):
        one = sign(
            statement(
                Kind.AGREEMENT, "county@1.0.0", bytes(32), Action.SUSPEND, agency=HRO,
                key=f"{HRO}-1", role="x", time=officers.now.replace(second=second),
            ),
            private(HRO),
        )  # fmt: skip
        memory.first_seen(one, officers.now)
        memory.keep_stop("county", one)

    (kept,) = memory.stops["county"]

    assert 2 == kept.time.second


def test_only_stops_are_recalled(officers: Officers) -> None:
    """What lets traffic flow is proved each time, never remembered."""
    draft = statement(
        Kind.AGREEMENT, "county@1.0.0", bytes(32), Action.ACTIVATE, agency=HRO,
        key=f"{HRO}-1", role="x", time=officers.now.replace(microsecond=0),
    )  # fmt: skip

    with pytest.raises(ValueError, match="only a stop"):
        recalled(draft, seen=officers.now)


def test_an_unwritable_memory_still_suspends(officers: Officers) -> None:
    """A suspension is in force although the disk is full; health says so, and a look is due."""
    officers.sign("county", [HRO], Action.SUSPEND)
    folder = officers.memory.parent
    folder.rename(folder.with_name("moved"))
    folder.write_text("a file where the folder was")

    officers.look()

    assert {"county": "suspended"} == officers.states()
    assert "library.json memory-unwritten" in officers.rules()
    assert officers.library.changed(officers.now)

    folder.unlink()
    officers.look()
    assert officers.library.healthy
    officers.restart()
    assert {"county": "suspended"} == officers.states()
