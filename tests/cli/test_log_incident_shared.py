"""`accord log incident` of a log that several gateways share: in another database."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import open_checkpoint
from gateway.cli.auditor.incident import run_incident
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys, signers
from gateway.cli.place import place
from gateway.errors import LogError, SettingsError
from gateway.settings import beside, gateway_settings
from gateway.store.connect import create
from gateway.store.postgres import Postgres
from gateway.store.reads import Reads
from gateway.store.start import open_log
from tests.cli.deployed import ORIGIN, deploy
from tests.store.server import new_database
from tests.store.town import a_refusal, an_id

if TYPE_CHECKING:
    from pathlib import Path

NEXT = f"{ORIGIN}/2"


def written(path: Path, *numbers: int, create: bool = False) -> None:
    """Write refusals into the log of a deployment, as its settings say."""
    settings = gateway_settings(path)
    keys = open_keys(path, settings, SystemEntropy())

    async def run() -> None:
        log = open_log(
            place(path, settings, operator=True),
            signer=signers(settings.log.origin, keys, SystemClock().now()),
            keys=keys,
            clock=SystemClock(),
            entropy=SystemEntropy(),
            fatal=lambda error: None,  # noqa: ARG005 - nothing fails here
            create=create,
        )
        for number in numbers:
            await log.refusal(a_refusal(an_id(number)))
        await log.close()

    asyncio.run(run())


def named(path: Path, key: str, value: str) -> None:
    """Put a value into `[log]` of the settings."""
    lines = path.read_text().split("\n")
    (at,) = [at for at, line in enumerate(lines) if line.startswith(f"{key} = ")]
    lines[at] = f'{key} = "{value}"'
    path.write_text("\n".join(lines))


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return the settings of a deployment whose log lies in PostgreSQL."""
    path = deploy(tmp_path / "county")
    (path.parent / "data").mkdir(exist_ok=True)
    text = path.read_text()
    path.write_text(text.replace("[log]\n", '[log]\nstate = "data"\n', 1))
    named(path, "database", new_database())
    written(path, 1, 2, create=True)
    return path


def database(path: Path) -> str:
    """Return where the log lies."""
    return gateway_settings(path).log.database


def incident(path: Path, kind: str, database: str) -> int:
    """Run the verb."""
    return run_incident(str(path), kind, [], new_key=False, database=database)


def kinds(url: str) -> list[str]:
    """Return the kinds of a log's entries."""
    reads = Reads(url)
    try:
        return [str(kind) for (kind,) in reads.rows("SELECT k FROM log_entry ORDER BY seq")]
    finally:
        reads.close()


def test_the_next_log_lies_in_the_database_that_was_named(county: Path) -> None:
    """The old one ends with its entry and stays; the next goes on under the new settings."""
    old, following = database(county), new_database()

    assert 0 == incident(county, "other", following)

    assert "incident" in kinds(old)
    assert ["genesis", "incident"] == [one for one in kinds(following) if one[0] in "gi"]
    evidence = county.parent / "data" / "incident-1"
    assert {"held", "incident.json", "log"} == {one.name for one in evidence.iterdir()}
    named(county, "origin", NEXT)
    named(county, "database", following)
    written(county, 3)
    assert "refusal" in kinds(following)


def test_a_store_that_lost_its_end_signs_nothing_more(county: Path) -> None:
    """Behind its held checkpoint: nothing is appended to it, and both sizes are kept."""
    settings = gateway_settings(county)
    note = beside(county, settings.log.held).read_text()
    connection = Postgres(database(county), write=True)
    connection.execute("ALTER TABLE log_entry DISABLE TRIGGER USER")
    connection.execute("DELETE FROM log_entry WHERE seq = (SELECT max(seq) FROM log_entry)")
    connection.close()
    before = kinds(database(county))

    assert 0 == incident(county, "rollback", new_database())

    assert before == kinds(database(county))
    facts = json.loads((county.parent / "data" / "incident-1" / "incident.json").read_text())
    keys = open_keys(county, settings, SystemEntropy())
    known = signers(ORIGIN, keys, SystemClock().now()).verifiers
    assert facts["store"]["size"] == len(before) < open_checkpoint(note, *known).size


def test_a_gateway_that_lives_is_not_left_behind(county: Path) -> None:
    """A sign of life within the last minute: every gateway must be stopped before."""
    connection = Postgres(database(county), write=True)
    connection.execute(
        "INSERT INTO log_replica (id, epoch, beat) VALUES "
        "('two', 1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))"
    )
    try:
        with pytest.raises(LogError, match="stop every gateway"):
            incident(county, "other", new_database())
        connection.execute("UPDATE log_replica SET beat = beat - 60001 WHERE id = 'two'")
    finally:
        connection.close()

    assert 0 == incident(county, "other", new_database())


def test_the_next_database_is_a_new_one(county: Path) -> None:
    """None, a file, the old one, or one that holds a log: refused, and nothing is changed."""
    before = kinds(database(county))
    other = new_database()
    create(other)

    for wrong in ("", "next.sqlite", database(county), other):
        with pytest.raises(SettingsError, match="--database"):
            incident(county, "other", wrong)
    assert before == kinds(database(county))


def test_a_run_that_was_cut_before_the_end_is_finished_by_the_next(county: Path) -> None:
    """The next log is made, the held file is the old one's: only that is left to do."""
    held = beside(county, gateway_settings(county).log.held)
    old, following = held.read_text(), new_database()
    incident(county, "other", following)
    new, entries = held.read_text(), kinds(following)
    held.write_text(old)

    assert 0 == incident(county, "other", following)

    assert (new, entries) == (held.read_text(), kinds(following))


def test_a_file_needs_no_database(tmp_path: Path) -> None:
    """On SQLite the next log takes the place of the old one: the option is refused."""
    path = deploy(tmp_path / "county")

    with pytest.raises(SettingsError, match="several gateways"):
        incident(path, "other", "postgresql://localhost/log")
