"""`accord log incident`: a log that cannot go on ends, and the one after it says why."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.checkpoint import Signer, Verifier, open_checkpoint, sign_note
from gateway.audit.verify import exit_code, verify
from gateway.auditor.folder import FolderReader
from gateway.cli.auditor.incident import run_incident
from gateway.cli.clock import SystemEntropy
from gateway.cli.keyring import open_keys
from gateway.errors import LogError, SettingsError
from gateway.settings import beside, gateway_settings
from gateway.store.faults import RollbackError
from gateway.store.lock import Lock
from gateway.store.reads import Reads
from tests.cli.deployed import ORIGIN, deploy, fill, opened
from tests.cli.test_witness_cli import witnessed
from tests.store.town import a_refusal, an_id
from tests.store.witness import TwinWitness

if TYPE_CHECKING:
    from pathlib import Path

NEXT = f"{ORIGIN}/2"


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return the settings of a deployment whose log has one exchange."""
    path = deploy(tmp_path / "county")
    fill(path)
    return path


def database(path: Path) -> Path:
    """Return where the log lies."""
    return beside(path, gateway_settings(path).log.database)


def held(path: Path) -> Path:
    """Return the held file."""
    return beside(path, gateway_settings(path).log.held)


def more(path: Path, *numbers: int) -> None:
    """Write some refusals."""

    async def run() -> None:
        log, _ = opened(path)
        try:
            for number in numbers:
                await log.refusal(a_refusal(an_id(number)))
        finally:
            await log.close()

    asyncio.run(run())


def roll_back(path: Path) -> str:
    """Lose the end of the log; return the checkpoint that an agency still has."""
    shutil.copy(database(path), path.parent / "older")
    more(path, 1, 2, 3)
    shutil.copy(path.parent / "older", database(path))
    return held(path).read_text()


def incident(path: Path, kind: str, *notes: Path, new_key: bool = False) -> int:
    """Run the verb."""
    return run_incident(str(path), kind, [str(one) for one in notes], new_key=new_key)


def set_origin(path: Path, origin: str = NEXT) -> None:
    """Do as the verb says: write the new origin into the settings."""
    text = path.read_text()
    path.write_text(text.replace(f'origin = "{gateway_settings(path).log.origin}"',
                                 f'origin = "{origin}"'))  # fmt: skip


def entries(path: Path, place: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and metadata of a store's entries, opened with the deployment's keys."""
    keys = open_keys(path, gateway_settings(path), SystemEntropy())
    reads = Reads(place)
    try:
        found = reads.opened(0, 1_000, keys.by_id)
    finally:
        reads.close()
    return [(json.loads(one.leaf)["k"], json.loads(one.meta)) for one in found]


def verifier(path: Path, origin: str) -> Verifier:
    """Return the log's key under an origin."""
    keys = open_keys(path, gateway_settings(path), SystemEntropy())
    return Signer.from_seed(origin, keys.signing_seed()).verifier


def test_a_good_log_ends_with_an_entry_and_another_follows(county: Path) -> None:
    """The old one says where it went, the new one where it comes from: the same checkpoint."""
    assert 0 == incident(county, "other")

    evidence = database(county).parent / "incident-1"
    old = entries(county, evidence / "exchange-log.sqlite")
    (said,) = [meta for kind, meta in old if kind == "incident"]
    assert {"class": "other", "heads": [], "next_origin": NEXT} == said
    (first, genesis), *rest = entries(county, database(county))
    assert ("genesis", NEXT) == (first, genesis["origin"])
    origin, note = genesis["previous"]
    assert ORIGIN == origin
    assert len(old) == open_checkpoint(note, verifier(county, ORIGIN)).size
    assert "incident" in [kind for kind, _ in rest]
    assert NEXT == open_checkpoint(held(county).read_text(), verifier(county, NEXT)).origin


def test_the_gateway_starts_only_under_the_new_origin(county: Path) -> None:
    """Until the operator wrote it into the settings it refuses; then it goes on."""
    incident(county, "other")

    with pytest.raises((LogError, SettingsError)):
        more(county, 1)
    set_origin(county)
    more(county, 1)

    assert "refusal" in [kind for kind, _ in entries(county, database(county))]


def test_a_store_that_lost_its_end_signs_nothing_more(county: Path) -> None:
    """Byte for byte as it lay, with the checkpoint against it; the entry names both sizes."""
    note = roll_back(county)
    with pytest.raises(RollbackError):
        more(county, 9)
    before = database(county).read_bytes()

    assert 0 == incident(county, "rollback")

    evidence = database(county).parent / "incident-1"
    assert before == (evidence / "exchange-log.sqlite").read_bytes()
    assert note == (evidence / "held").read_text()
    facts = json.loads((evidence / "incident.json").read_text())
    (said,) = [meta for kind, meta in entries(county, database(county)) if kind == "incident"]
    lost = open_checkpoint(note, verifier(county, ORIGIN)).size
    assert [facts["store"]["size"], lost] == [size for size, _ in said["heads"]]
    assert facts["store"]["size"] < lost
    set_origin(county)
    more(county, 9)


def test_the_evidence_verifies_up_to_the_last_good_checkpoint(county: Path) -> None:
    """The static files of the old log, under its own key; an agency's later one is a rollback."""
    note = roll_back(county)
    incident(county, "rollback")

    folder = FolderReader(database(county).parent / "incident-1" / "log")
    keys = [verifier(county, ORIGIN)]
    assert {"held-none"} >= {one.code for one in verify(folder, keys)}
    assert 4 == exit_code([one.code for one in verify(folder, keys, held=[note])])


def test_the_evidence_is_its_owners_alone(county: Path) -> None:
    """It holds sealed payloads and leaves; nobody else lists it."""
    incident(county, "other")

    folder = database(county).parent / "incident-1"
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)


def test_a_fork_needs_the_checkpoint_that_shows_it(county: Path, tmp_path: Path) -> None:
    """Nothing at hand contradicts the store: refused, and nothing is changed. With it: done."""
    shutil.copytree(county.parent, tmp_path / "twin")
    twin = tmp_path / "twin" / county.name
    more(twin, *range(50, 60))
    more(county, 1, 2)
    before = database(county).read_bytes(), held(county).read_text()

    with pytest.raises(SettingsError, match="no checkpoint at hand contradicts"):
        incident(county, "fork")
    assert before == (database(county).read_bytes(), held(county).read_text())
    assert 0 == incident(county, "fork", held(twin))

    facts = json.loads((database(county).parent / "incident-1" / "incident.json").read_text())
    assert 2 == len(facts["contradicting"])
    assert ORIGIN in (database(county).parent / "incident-1" / "checkpoint-1").read_text()


def test_a_snapshot_that_took_both_is_told_by_a_witness(county: Path) -> None:
    """Store and held file are of one old moment and agree: the witness alone saw more."""
    for one in (database(county), held(county)):
        shutil.copy(one, county.parent / one.name)
    more(county, 1, 2)
    note = held(county).read_text()
    for one in (database(county), held(county)):
        shutil.copy(county.parent / one.name, one)
    before = database(county).read_bytes()
    key = verifier(county, ORIGIN)

    with TwinWitness(key, seen=(note, open_checkpoint(note, key))).serving() as witness:
        witnessed(county, witness.signer.vkey, url=witness.url)
        assert 0 == incident(county, "rollback")

    evidence = database(county).parent / "incident-1" / "exchange-log.sqlite"
    assert before == evidence.read_bytes()
    with closing(sqlite3.connect(database(county))) as connection:
        assert [("*",)] == connection.execute("SELECT source FROM erased_cells").fetchall()


def test_a_checkpoint_of_another_log_changes_nothing(county: Path, tmp_path: Path) -> None:
    """It proves nothing about this one."""
    other = tmp_path / "other"
    other.write_text(held(county).read_text().replace(ORIGIN, "other.invalid/log"))
    before = database(county).read_bytes()

    with pytest.raises(LogError, match="not this log's"):
        incident(county, "fork", other)

    assert before == database(county).read_bytes()


@pytest.mark.parametrize("kind", ["", "Rollback", "theft"])
def test_a_class_that_is_none_is_refused(county: Path, kind: str) -> None:
    """The words are few, so that a reader years later knows what was meant."""
    with pytest.raises(SettingsError, match="--class"):
        incident(county, kind)


def test_a_missing_store_goes_on_from_the_held_checkpoint(county: Path) -> None:
    """The database is gone: the last signed checkpoint is named, and all of it counts as lost."""
    note = held(county).read_text()
    database(county).unlink()

    assert 0 == incident(county, "rollback")

    (_, genesis), *_ = entries(county, database(county))
    assert [ORIGIN, note] == genesis["previous"]
    with closing(sqlite3.connect(database(county))) as connection:
        assert [("*",)] == connection.execute("SELECT source FROM erased_cells").fetchall()


def test_without_store_and_checkpoint_there_is_nothing_to_go_on_from(county: Path) -> None:
    """Neither is left: an error, and no log is made."""
    database(county).unlink()
    held(county).unlink()

    with pytest.raises(LogError, match="neither the store nor"):
        incident(county, "rollback")
    assert not database(county).exists()


def test_a_store_that_cannot_be_read_is_kept_as_it_is(county: Path) -> None:
    """Damaged: only under that class, and every byte of it stays."""
    database(county).write_bytes(b"no database at all")

    with pytest.raises(LogError):
        incident(county, "other")
    assert 0 == incident(county, "damaged")

    evidence = database(county).parent / "incident-1" / "exchange-log.sqlite"
    assert b"no database at all" == evidence.read_bytes()


@pytest.mark.parametrize(
    ("kind", "new_key", "same"),
    [("other", False, True), ("other", True, False), ("key-compromise", False, False)],
)
def test_a_stolen_key_signs_nothing_of_the_next_log(
    county: Path, kind: str, *, new_key: bool, same: bool
) -> None:
    """After a compromise, always a new key; else where it is asked for."""
    before = verifier(county, NEXT)

    incident(county, kind, new_key=new_key)

    assert same == (before == verifier(county, NEXT))
    assert NEXT == open_checkpoint(held(county).read_text(), verifier(county, NEXT)).origin


def test_a_stolen_key_does_not_speak_for_the_next_log(county: Path) -> None:
    """What it signs under the new origin is nobody's: the gateway neither believes nor tells it."""
    stolen = open_keys(county, gateway_settings(county), SystemEntropy()).signing_seed()
    incident(county, "key-compromise")
    set_origin(county)
    more(county, 1)
    forged = sign_note(f"{NEXT}\n1000000\n{'A' * 43}=\n", Signer.from_seed(NEXT, stolen))

    async def gossip() -> bool:
        log, _ = opened(county)
        try:
            await log.compare(forged)
            return log.healthy
        finally:
            await log.close()

    assert asyncio.run(gossip())
    said = json.dumps(entries(county, database(county)))
    assert Signer.from_seed(NEXT, stolen).vkey not in said
    assert 1 == held(county).read_text().count("\N{EM DASH}")


def test_the_next_incident_is_the_third_log(county: Path) -> None:
    """Each log names the one before, and each has its evidence."""
    incident(county, "other")
    set_origin(county)
    more(county, 1)
    incident(county, "other")

    (_, genesis), *_ = entries(county, database(county))
    assert (f"{ORIGIN}/3", NEXT) == (genesis["origin"], genesis["previous"][0])
    assert (database(county).parent / "incident-2").is_dir()


def test_a_log_that_a_gateway_has_is_left_alone(county: Path) -> None:
    """While a process has it: an error, and nothing is changed."""
    lock = Lock(database(county))
    before = database(county).read_bytes()
    try:
        with pytest.raises(LogError, match="in use"):
            incident(county, "other")
    finally:
        lock.close()
    assert before == database(county).read_bytes()


def test_a_run_that_was_cut_before_the_end_is_finished_by_the_next(county: Path) -> None:
    """The new store has the place, the held file is the old one's: only that is left to do."""
    old = held(county).read_text()
    incident(county, "other")
    new, store = held(county).read_text(), database(county).read_bytes()
    held(county).write_text(old)

    set_origin(county)
    with pytest.raises(LogError):
        more(county, 1)
    set_origin(county, ORIGIN)
    assert 0 == incident(county, "other")

    assert new == held(county).read_text()
    assert store == database(county).read_bytes()
    assert not (database(county).parent / "incident-2").exists()


def test_a_run_that_was_cut_in_the_middle_is_done_again(county: Path) -> None:
    """Half a next log and half the evidence lie there: both are made anew."""
    folder = database(county).parent
    (folder / "exchange-log.sqlite.next").write_bytes(b"half")
    (folder / "incident-1.part").mkdir()
    held(county).with_name("checkpoint.next").write_text("half")

    assert 0 == incident(county, "other")

    assert {"exchange-log.sqlite", "exchange-log.sqlite.lock", "incident-1"} >= {
        one.name for one in folder.iterdir() if not one.name.endswith(("-wal", "-shm"))
    }
    assert [held(county)] == list(held(county).parent.iterdir())
