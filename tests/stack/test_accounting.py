"""An accounting of disclosures over the wire: what left, asked for by the agency that held it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.broker.subjects import Person
from gateway.errors import IdentityError, RefusedError, RequestError
from tests.stack.by_hand import held
from tests.stack.county import EMS, HRO, now, request
from tests.stack.test_provisions import OUTREACH, REFERRAL, REFERRALS

if TYPE_CHECKING:
    from gateway.remote.disclosures import Listing
    from tests.stack.county import Town

SYSTEM = f"{EMS}/name-birth"
LONG = 8
"""Of a text so long no byte string holds another by chance."""

NAMES = ("person_last_name", "person_first_name", "person_dob")


def listed(county: Town, who: Person, agency: str = EMS, role: str = "records_officer") -> Listing:
    """Return what an agency's officer is told about a person."""
    client = county.client(agency, lambda: county.token(agency, roles=[role]))
    today = now().date()
    asking = client.list_disclosures([who], today - dt.timedelta(days=1), today)
    return county.loop.run(asking)


def people(county: Town) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    """Return who was in the release of the newest referrals, and who was not."""
    got = county.ask(request(EMS, HRO, REFERRALS, OUTREACH, list(REFERRAL)))
    left = {row["referral_id"] for row in got.rows}
    rows = held(county, EMS, REFERRALS)
    named = [(row["referral_id"] in left, tuple(str(row[name]) for name in NAMES)) for row in rows]
    inside = {name for gone, name in named if gone}
    return inside, {name for gone, name in named if not gone} - inside


def test_an_officer_is_told_of_each_disclosure_about_a_person_and_of_no_other(county: Town) -> None:
    """Recipient, fields, purpose and clause; the entry is proved by the pinned key."""
    inside, outside = people(county)
    one, other = min(inside), min(outside)

    (line,) = listed(county, Person(SYSTEM, one)).lines
    nothing = listed(county, Person(SYSTEM, other))

    assert (EMS, HRO, REFERRALS, OUTREACH) == (
        line.provider,
        line.recipient,
        line.dataset,
        line.purpose,
    )
    assert ("4.1", False) == (line.clause, line.presumed)
    assert "person_phone: pass" in line.fields
    assert () == nothing.lines
    kind, meta = county.entry(line.index)
    assert ("release", "call") == (kind, meta["channel"])


def test_a_look_names_nobody(county: Town) -> None:
    """The log has that an officer of the agency looked, and no byte of whom."""
    inside, _ = people(county)
    one = max(inside)
    listed(county, Person(SYSTEM, one))

    looks = [meta for _, kind, meta in county.entries() if kind == "access"]

    assert ("ListDisclosures", EMS, "records_officer") == tuple(
        looks[-1][key] for key in ("verb", "who", "role")
    )
    assert not [part for part in one if part in str(looks)]
    for path in county.database.parent.iterdir():
        kept = path.read_bytes()
        assert not [part for part in one if len(part) >= LONG and part.encode() in kept], path.name


def test_nobody_asks_about_another_agency_s_people(county: Town) -> None:
    """Not with the officer's role at another agency, not as its auditor."""
    for role in ("records_officer", "auditor"):
        with pytest.raises(RequestError):
            listed(county, Person(SYSTEM, ("A", "B", "1990-01-31")), HRO, role)


def test_without_the_role_nothing_is_told(county: Town) -> None:
    """A token of another role is refused, and a certificate alone too."""
    who = Person(SYSTEM, ("A", "B", "1990-01-31"))
    with pytest.raises(RefusedError):
        listed(county, who, role="outreach_worker")
    bare = county.client(EMS)
    bare._token = None  # noqa: SLF001 - a client of an agency without an issuer

    with pytest.raises(IdentityError):
        county.loop.run(bare.list_disclosures([who], now().date(), now().date()))


def test_a_placeholder_finds_nobody_and_says_so(county: Town) -> None:
    """An empty list would say that nothing was disclosed."""
    with pytest.raises(RequestError, match="placeholder"):
        listed(county, Person(SYSTEM, ("unknown", "B", "1990-01-31")))
