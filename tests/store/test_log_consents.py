"""The register of consents beside the log: a word is durable with its entry, and holds."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from gateway.audit.entry import Draft, subject_token
from gateway.errors import LogError, Reason, SourceError
from gateway.plan.ops import Register, SubjectSystem
from gateway.store.consents import RegisterKey, StoredConsent
from tests.store.server import SharedTown
from tests.store.town import Town

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.log import StoredLog

KEY = RegisterKey("consent/never#00000000", bytes(range(32)))
SYSTEM = "county-ems/patient-id"
PURPOSE = "care.outreach"
REGISTER = Register((SubjectSystem(SYSTEM, ("patient_id",)),), (), (PURPOSE,))
GRANTS = Register((SubjectSystem(SYSTEM, ("patient_id",)),), (PURPOSE,), (PURPOSE,))
PEOPLE = pa.record_batch({"patient_id": ["P-1", "P-2", None]})


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town on either database."""
    return Town(tmp_path) if request.param == "sqlite" else SharedTown(tmp_path)


async def say(
    log: StoredLog, who: str, *, granted: bool, purpose: str = PURPOSE, key: RegisterKey = KEY
) -> int:
    """Record a word."""
    event = "granted" if granted else "revoked"
    meta = {"event": event, "purpose": purpose, "who": "ems", "role": None, "document": "form-1"}
    draft = Draft("consent", None, 0, None, "6y", meta, (subject_token(bytes(32), SYSTEM, who),))
    tokens = [subject_token(key.key, SYSTEM, who)]
    return await StoredConsent(log, key).say(draft, tokens, granted=granted)


def test_a_word_holds_until_the_next(town: Town) -> None:
    """Withdrawn, granted again; by branch too; a row that names nobody stays behind."""

    async def act() -> list[list[bool]]:
        seen = []
        async with town.log() as log:
            consent = StoredConsent(log, KEY)
            seen.append(await consent.stay(REGISTER, PEOPLE))
            await say(log, "P-1", granted=False)
            seen.append(await consent.stay(REGISTER, PEOPLE))
            await say(log, "P-1", granted=True)
            seen.append(await consent.stay(REGISTER, PEOPLE))
            seen.append(await consent.stay(GRANTS, PEOPLE))
            await say(log, "P-1", granted=False, purpose="care")
            seen.append(await consent.stay(GRANTS, PEOPLE))
        return seen

    both, second, none = [True, True, False], [False, True, False], [False, False, False]
    assert [both, second, both, [True, False, False], none] == asyncio.run(act())
    assert 3 == town.kinds().count("consent")
    assert [] == town.findings()


def test_a_restart_forgets_no_word(town: Town) -> None:
    """What was said is there in the next process, and is told in order."""

    async def act() -> tuple[object, ...]:
        async with town.log() as log:
            await say(log, "P-1", granted=True)
            await say(log, "P-1", granted=False)
        async with town.log() as log:
            consent = StoredConsent(log, KEY)
            words = consent.words([subject_token(KEY.key, SYSTEM, "P-1")])
            return await consent.stay(REGISTER, PEOPLE), [one.granted for one in words]

    assert ([False, True, False], [True, False]) == asyncio.run(act())


def test_a_withdrawal_since_a_mark_is_told(town: Town) -> None:
    """Only what came after the mark, and a grant takes nobody out."""

    async def act() -> list[object]:
        async with town.log() as log:
            consent = StoredConsent(log, KEY)
            await say(log, "P-1", granted=False)
            since = consent.mark()
            seen: list[object] = [consent.withdrew(REGISTER, PEOPLE, since)]
            await say(log, "P-2", granted=True)
            seen.append(consent.withdrew(REGISTER, PEOPLE, since))
            await say(log, "P-2", granted=False)
            seen.append(consent.withdrew(REGISTER, PEOPLE, since))
            return seen

    nobody = [False, False, False]
    assert [nobody, nobody, [False, True, False]] == asyncio.run(act())


def test_a_withdrawal_counts_before_it_is_written(town: Town) -> None:
    """A release that is put in line after it does not hold them: the log shows them in order."""

    async def act() -> tuple[list[bool], list[bool]]:
        async with town.log() as log:
            consent = StoredConsent(log, KEY)
            since = consent.mark()
            meta = {
                "event": "revoked",
                "purpose": PURPOSE,
                "who": "ems",
                "role": None,
                "document": "form-1",
            }
            draft = Draft("consent", None, 0, None, "6y", meta)
            tokens = [subject_token(KEY.key, SYSTEM, "P-1")]
            writing = asyncio.create_task(consent.say(draft, tokens, granted=False))
            await asyncio.sleep(0)
            before = consent.withdrew(REGISTER, PEOPLE, since)
            await writing
            return before, consent.withdrew(REGISTER, PEOPLE, since)

    first = [True, False, False]
    assert (first, first) == asyncio.run(act())


def test_the_register_holds_tokens_alone(tmp_path: Path) -> None:
    """No identifier is in the database, in whatever form."""
    town = Town(tmp_path)

    async def act() -> None:
        async with town.log() as log:
            await say(log, "SYNTHETIC-PATIENT-77", granted=False)

    asyncio.run(act())

    for path in town.database.parent.iterdir():
        if path.is_file():
            data = path.read_bytes().lower()
            assert b"synthetic-patient-77" not in data, path.name


def test_another_key_is_refused(town: Town) -> None:
    """Under another key nobody who withdrew would be known: the gateway does not start."""

    async def act() -> None:
        async with town.log() as log:
            await say(log, "P-1", granted=False)
        async with town.log() as log:
            StoredConsent(log, RegisterKey("consent/never#ffffffff", bytes(32)))

    with pytest.raises(LogError, match="register of consents is under a key"):
        asyncio.run(act())


def test_a_word_under_another_key_answers_nobody(town: Town) -> None:
    """Where another gateway writes under a key of its own, consent cannot be asked for."""

    async def act() -> None:
        async with town.log() as log:
            consent = StoredConsent(log, KEY)
            other = RegisterKey("consent/never#ffffffff", bytes(32))
            theirs = object.__new__(StoredConsent)
            theirs.__dict__.update(consent.__dict__ | {"_key": other})
            meta = {
                "event": "revoked",
                "purpose": PURPOSE,
                "who": "ems",
                "role": None,
                "document": "form-1",
            }
            draft = Draft("consent", None, 0, None, "6y", meta)
            since = consent.mark()
            await theirs.say(draft, [subject_token(other.key, SYSTEM, "P-1")], granted=False)
            consent.withdrew(REGISTER, PEOPLE, since)

    with pytest.raises(SourceError) as told:
        asyncio.run(act())

    assert Reason.CONSENT_UNAVAILABLE is told.value.reason


def test_a_word_that_was_taken_away_is_missed(tmp_path: Path) -> None:
    """The log has an entry for each word: a register without it refuses the start."""
    town = Town(tmp_path)

    async def act() -> None:
        async with town.log() as log:
            await say(log, "P-1", granted=False)
        with closing(sqlite3.connect(town.database)) as database, database:
            database.execute("DROP TRIGGER consent_word_delete")
            database.execute("DELETE FROM consent_word")
        async with town.log() as log:
            StoredConsent(log, KEY)

    with pytest.raises(LogError, match="a word is missing"):
        asyncio.run(act())
