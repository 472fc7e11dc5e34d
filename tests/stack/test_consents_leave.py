"""The register of consents over the wire: a withdrawal stops the next record, and names nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.broker.subjects import Person
from gateway.errors import NotFoundError, RefusedError, RequestError
from gateway.remote.standings import Standings
from tests.stack.county import EMS, HRO, request
from tests.stack.test_accounting import SYSTEM, people
from tests.stack.test_provisions import OUTREACH, REFERRAL, REFERRALS

if TYPE_CHECKING:
    from tests.stack.county import Town

LONG = 8


def officer(county: Town, agency: str = EMS, role: str = "privacy_officer") -> Standings:
    """Return what an agency's officer asks the gateway with."""
    return Standings(county.client(agency, lambda: county.token(agency, roles=[role])))


def said(county: Town, who: Person, *, granted: bool, purpose: str = OUTREACH) -> int:
    """Record a word of somebody of the ambulance service's."""
    asking = officer(county).record([who], purpose, "form-1", granted=granted)
    return county.loop.run(asking)


def there(county: Town) -> set[tuple[str, ...]]:
    """Return the names of whoever is in the newest referrals."""
    got = county.ask(request(EMS, HRO, REFERRALS, OUTREACH, list(REFERRAL)))
    return {(str(row["person_last_name"]), str(row["person_first_name"])) for row in got.rows}


def test_a_withdrawal_stops_the_next_record_and_a_grant_brings_it_back(county: Town) -> None:
    """Who withdrew is not in the next exchange, and nothing of it tells; others all are."""
    inside, _ = people(county)
    one = min(inside)
    before = there(county)

    index = said(county, Person(SYSTEM, one), granted=False)
    without = there(county)
    said(county, Person(SYSTEM, one), granted=True)

    assert {one[:2]} == before - without
    assert before == there(county)
    kind, meta = county.entry(index)
    assert ("consent", "revoked", OUTREACH, EMS) == (
        kind,
        meta["event"],
        meta["purpose"],
        meta["who"],
    )


def test_words_are_listed_in_their_order_and_name_nobody(county: Town) -> None:
    """A branch is a word too; no byte of whom is in the log, the register or an entry."""
    who = Person(SYSTEM, ("SYNTHETICWORD", "LISTED", "1990-01-31"))
    said(county, who, granted=False, purpose=OUTREACH.partition(".")[0])
    said(county, who, granted=True)

    words = county.loop.run(officer(county).words([who]))

    assert [("care", False), (OUTREACH, True)] == [(one.purpose, one.granted) for one in words]
    for path in county.database.parent.iterdir():
        if path.is_file():
            assert b"SYNTHETICWORD" not in path.read_bytes(), path.name


def test_nobody_speaks_for_another_agency_s_people(county: Town) -> None:
    """Nor about a purpose that there is not, nor without the role."""
    who = Person(SYSTEM, ("A", "B", "1990-01-31"))
    with pytest.raises(RequestError):
        county.loop.run(officer(county, HRO).record([who], OUTREACH, "form-1", granted=True))
    with pytest.raises(RequestError):
        said(county, who, granted=True, purpose="care.nothing")
    worker = officer(county, role="outreach_worker")
    with pytest.raises(RefusedError):
        county.loop.run(worker.record([who], OUTREACH, "form-1", granted=True))


def test_what_was_received_is_owed_until_it_is_attested(county: Town) -> None:
    """The deletion of an exchange: the recipient sees it, attests it, and nobody else can."""
    got = county.ask(request(EMS, HRO, REFERRALS, OUTREACH, list(REFERRAL)))
    mine = officer(county, HRO)

    owed = [
        one for one in county.loop.run(mine.duties()) if one.exchange_id == got.header.exchange_id
    ]
    with pytest.raises(NotFoundError):
        county.loop.run(officer(county).attest(got.header.exchange_id, "attest_deletion"))
    index = county.loop.run(mine.attest(got.header.exchange_id, "attest_deletion"))

    assert [("attest_deletion", "P1-outreach-referral")] == [
        (one.duty, one.provision) for one in owed
    ]
    assert got.header.exchange_id not in {one.exchange_id for one in county.loop.run(mine.duties())}
    kind, meta = county.entry(index)
    assert ("duty", "attested", got.header.exchange_id) == (kind, meta["event"], meta["exchange"])
