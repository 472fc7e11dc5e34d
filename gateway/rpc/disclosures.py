"""ListDisclosures: what left about one person, to a records officer of the agency that holds them.

An agency asks about its own people alone. Which roles its officers have, its own tokens say: so no
role opens another agency's people, `auditor` neither. An identifier becomes tokens at once, and
stands in no error, log line or entry.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.accounting import Audience
from gateway.audit.entry import parse_leaf
from gateway.broker.subjects import Person
from gateway.v1 import audit_pb2
from gateway.wire.convert.faults import Faults
from gateway.wire.convert.page import from_after, to_after, to_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from gateway.audit.accounting import Disclosure
    from gateway.values import Caller

RECORDS_OFFICER: Final = "records_officer"
AUDITOR: Final = "auditor"
ROLES: Final = frozenset({RECORDS_OFFICER, AUDITOR})
MOST_SUBJECTS: Final = 20
MOST_PARTS: Final = 8
PART_CHARACTERS: Final = 256
_SYSTEM_CHARACTERS: Final = 200
_DAY_S: Final = 86_400
_LAST_S: Final = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks for.

    Attributes:
        first, last: UTC days, both included; None for the usual ones.
        after: Only lines whose first entry comes after this place.
        most: How many lines a page has.
    """

    people: tuple[Person, ...]
    first: dt.date | None
    last: dt.date | None
    audience: Audience
    after: int
    most: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of lines, each with its tlog-proof and leaf.

    Attributes:
        more: Whether lines come after it.
        withheld: Of all pages, how many lines a suspension keeps from the person.
    """

    lines: tuple[tuple[Disclosure, str, bytes], ...]
    more: bool
    withheld: int


class Disclosures(Protocol):
    """Where accountings come from."""

    async def disclosures(self, asked: Asked, caller: Caller) -> Listed:
        """Return what left of the caller's agency about one person.

        An `access` entry is durable before this returns.

        Raises:
            RequestError: Nobody can be found by an identifier.
        """


def to_asked(request: audit_pb2.ListDisclosuresRequest, caller: Caller) -> Asked:
    """Return what a request asks for.

    Raises:
        RequestError: It is not of its form, or asks about people of another agency.
    """
    faults = Faults()
    people = to_people(request.subjects, caller, faults)
    first, last = _day(request, "since", faults), _day(request, "until", faults)
    if first is not None and last is not None and first > last:
        faults.add("since", "is later than `until`")
    after = to_after(request.page_token, "page_token", faults)
    if after and not after.isdecimal():
        faults.add("page_token", "is not a page token")
    most = to_size(request.page_size, "page_size", faults)
    faults.settle()
    audience = Audience.AUDITOR if AUDITOR in caller.roles else Audience.PATIENT
    return Asked(people, first, last, audience, int(after or -1), most)


def to_people(
    subjects: Sequence[audit_pb2.Subject], caller: Caller, faults: Faults
) -> tuple[Person, ...]:
    """Return the identifiers of one person of the caller's agency, or note what is wrong."""
    if not 1 <= len(subjects) <= MOST_SUBJECTS:
        faults.add("subjects", f"has not 1 to {MOST_SUBJECTS} identifiers")
    for number, one in enumerate(subjects[: MOST_SUBJECTS + 1]):
        path = f"subjects[{number}]"
        if one.system.partition("/")[0] != caller.agency or len(one.system) > _SYSTEM_CHARACTERS:
            faults.add(f"{path}.system", "is not of the caller's own agency")
        if not 1 <= len(one.parts) <= MOST_PARTS:
            faults.add(f"{path}.parts", f"has not 1 to {MOST_PARTS} parts")
        if any(len(part) > PART_CHARACTERS for part in one.parts):
            faults.add(f"{path}.parts", f"has a part of more than {PART_CHARACTERS} characters")
    return tuple(Person(one.system, tuple(one.parts)) for one in subjects)


def _day(request: audit_pb2.ListDisclosuresRequest, name: str, faults: Faults) -> dt.date | None:
    if not request.HasField(name):
        return None
    stamp: Timestamp = getattr(request, name)
    if not 0 <= stamp.seconds <= _LAST_S:
        faults.add(name, "is not of the years 1970 to 9999")
        return None
    return dt.date(1970, 1, 1) + dt.timedelta(days=stamp.seconds // _DAY_S)


def from_listed(listed: Listed) -> audit_pb2.ListDisclosuresResponse:
    """Return a page as it travels."""
    response = audit_pb2.ListDisclosuresResponse(withheld=listed.withheld)
    for line, proof, leaf in listed.lines:
        response.disclosures.append(_line(line, proof, leaf))
    if listed.more:
        response.next_page_token = from_after(str(listed.lines[-1][0].event.index))
    return response


def _line(line: Disclosure, proof: str, data: bytes) -> audit_pb2.Disclosure:
    leaf, facts = parse_leaf(data), line.event.facts
    made = audit_pb2.Disclosure(
        index=line.event.index,
        time=dt.datetime.fromisoformat(leaf.time),
        exchange_id=leaf.exchange_id or "",
        agreement=leaf.agreement or "",
        presumed=line.presumed,
        proof=proof,
        count=line.count,
        last=_midnight(line.last),
        leaf=data,
    )
    if line.withheld is not None:
        made.withheld_until.FromDatetime(_midnight(line.withheld))
    if facts:
        made.provider, made.recipient = facts["provider"], facts["recipient"]
        made.provision, made.clause = facts["provision"], "; ".join(facts["clauses"])
        made.purpose, made.dataset = facts["purpose"], facts["dataset"]
        made.basis, made.basis_ref = facts["basis"], facts["basis_ref"] or ""
        made.fields.extend(f"{field}: {mask}" for field, mask in facts["released"])
    return made


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
