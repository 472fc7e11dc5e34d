"""Statements to the byte, their verification, and the state that follows from them."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import itertools
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.agreement.registry import Agency, SigningKey
from gateway.agreement.signatures import (
    MAX_BYTES,
    SignaturesError,
    read_signatures,
    write_signatures,
)
from gateway.agreement.signing import (
    Action,
    SignedFile,
    Statement,
    Verified,
    sign,
    statement,
    verify,
)
from gateway.agreement.spans import Duration
from gateway.agreement.state import Force, Quorum, State, Status, force, quorum_missing, status
from gateway.values import AgencyKind

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = bytes(range(32))
SUBJECT = "county@1.0.0"
SIGNED_AT = dt.datetime(2026, 12, 1, 9, 0, 0, tzinfo=dt.UTC)
SEEN = dt.datetime(2026, 12, 2, tzinfo=dt.UTC)
NOW = dt.datetime(2027, 6, 15, tzinfo=dt.UTC)
TERM = force(dt.date(2027, 1, 1), dt.date(2027, 12, 31), "America/New_York")
QUORUM = Quorum(2, frozenset({"ems", "hro", "court"}))
PARTIES = {"ems": 1, "pd": 2}


def private(name: str) -> Ed25519PrivateKey:
    """Return a test key that follows from its name."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0"))


def agency(name: str, *keys: str) -> Agency:
    """Return an agency with these signing keys, valid through 2027."""
    return Agency(
        id=name,
        name=name,
        kind=AgencyKind.EMS,
        hipaa="none",
        part2="none",
        san=(),
        adapter_san=(),
        address="",
        signatures=1,
        attested_at=dt.date(2026, 1, 1),
        attested_for=Duration("P1Y", 12, 0),
        tokens=None,
        signing_keys=tuple(
            SigningKey(
                key,
                private(key).public_key().public_bytes_raw(),
                dt.date(2026, 6, 1),
                dt.date(2027, 12, 31),
            )
            for key in keys
        ),
        denied=frozenset(),
    )


AGENCIES = {
    "ems": agency("ems", "ems-1", "ems-2"),
    "pd": agency("pd", "pd-1", "pd-2"),
    "hro": agency("hro", "hro-1"),
    "court": agency("court", "court-1"),
}


def said(
    who: str,
    action: Action = Action.ACTIVATE,
    *,
    key: str = "",
    digest: bytes = DIGEST,
    subject: str = SUBJECT,
    at: dt.datetime = SIGNED_AT,
    kind: SignedFile = SignedFile.AGREEMENT,
) -> Statement:
    """Return a signed statement of `who`."""
    key = key or f"{who}-1"
    draft = statement(kind, subject, digest, action, agency=who, key=key, role="chief", time=at)
    return sign(draft, private(key))


def proved(given: Statement, seen: dt.datetime = SEEN) -> Verified:
    """Return the statement, verified."""
    result = verify(given, agencies=AGENCIES, seen=seen)
    assert isinstance(result, Verified), result
    return result


def stands(*given: Verified, now: dt.datetime = NOW, term: Force | None = TERM) -> Status:
    """Return the status of the agreement between `ems` and `pd`, who needs two keys."""
    return status(
        given,
        subject=SUBJECT,
        digest=DIGEST,
        parties=PARTIES,
        quorum=QUORUM,
        term=term,
        now=now,
    )


ALL = (proved(said("ems")), proved(said("pd")), proved(said("pd", key="pd-2")))


def test_a_statement_is_eight_lines() -> None:
    """The signed text is byte for byte that of the specification."""
    expected = (
        b"accord/v1 agreement\n"
        b"county@1.0.0\n"
        b"sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
        b"activate\n"
        b"ems\n"
        b"ems-1\n"
        b"chief\n"
        b"2026-12-01T09:00:00Z\n"
    )

    assert expected == said("ems").message()


def test_the_signature_is_plain_ed25519() -> None:
    """Any Ed25519 tool verifies the eight lines with the registry's key."""
    given = said("ems")

    private("ems-1").public_key().verify(given.sig, given.message())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
@pytest.mark.parametrize("honest", [True, False])
def test_openssl_checks_a_statement_without_accord(tmp_path: Path, honest: bool) -> None:  # noqa: FBT001
    """`openssl pkeyutl -verify -rawin` says yes to a statement, and no to a changed one."""
    given = said("ems")
    key = private("ems-1").public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = given.message() if honest else given.message().replace(b"activate", b"resume")
    for name, data in (("key.pem", pem), ("text", text), ("sig", given.sig)):
        (tmp_path / name).write_bytes(data)
    files = ["-inkey", "key.pem", "-in", "text", "-sigfile", "sig"]

    answer = subprocess.run(  # noqa: S603 - a fixed command
        ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files],  # noqa: S607
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert honest == (answer.returncode == 0)


def test_what_we_write_we_read() -> None:
    """A signature file comes back as the same statements, and as the same bytes."""
    given = (said("ems"), said("pd", Action.SUSPEND, key="pd-2"))

    data = write_signatures(given)

    assert given == read_signatures(data, file="county.sig.json")
    assert data == write_signatures(read_signatures(data, file="county.sig.json"))


def changed(**parts: Any) -> bytes:  # noqa: ANN401
    """Return a signature file with one statement, parts of it replaced; None takes one out."""
    [item] = json.loads(write_signatures([said("ems")]))
    item |= parts
    return json.dumps([{k: v for k, v in item.items() if v is not None}]).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        changed(role=None),
        changed(extra="x"),
        changed(role=1),
        changed(role="two\nlines"),
        changed(role=""),
        changed(role="x" * 101),
        changed(kind="contract"),
        changed(action="approve"),
        changed(subject="county"),
        changed(subject="county@1.0"),
        changed(subject="County@1.0.0"),
        changed(digest="00" * 32),
        changed(digest="sha256:" + "AB" * 32),
        changed(agency="ems\n"),
        changed(key=""),
        changed(time="2026-12-01"),
        changed(time="2026-12-01T09:00:00+00:00"),
        changed(time="2026-12-1T09:00:00Z"),
        changed(sig="AAAA"),
        changed(sig="not base64"),
        changed(sig=base64.b64encode(bytes(63)).decode()),
        b'[{"kind": "agreement", "kind": "agreement"}]',
        b" " * (MAX_BYTES + 1),
    ],
)
def test_a_file_of_another_form_is_refused_whole(data: bytes) -> None:
    """Nothing of a signature file counts unless every part is of its form."""
    with pytest.raises(SignaturesError, match="signature-invalid"):
        read_signatures(data, file="county.sig.json")


def test_a_line_end_cannot_be_signed() -> None:
    """A part that would move the lines is refused before it is signed."""
    with pytest.raises(ValueError, match="`role`"):
        statement(
            SignedFile.AGREEMENT,
            SUBJECT,
            DIGEST,
            Action.ACTIVATE,
            agency="ems",
            key="ems-1",
            role="chief\nx",
            time=SIGNED_AT,
        )


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("subject", "county@1.0.1"),
        ("digest", "sha256:" + "11" * 32),
        ("action", Action.RESUME),
        ("kind", SignedFile.FLOOR),
        ("role", "clerk"),
        ("time", SIGNED_AT + dt.timedelta(seconds=1)),
        ("agency", "hro"),
        ("key", "ems-2"),
        ("sig", bytes(64)),
    ],
)
def test_no_line_can_be_changed_after_signing(part: str, value: Any) -> None:  # noqa: ANN401
    """Each of the eight lines and the signature is covered."""
    forged = dataclasses.replace(said("ems"), **{part: value})

    assert isinstance(verify(forged, agencies=AGENCIES, seen=SEEN), str)


def test_a_stranger_and_an_unknown_key_do_not_sign() -> None:
    """Only keys that the registry lists under the agency count."""
    assert "agency 'ems' is not in the registry" == verify(said("ems"), agencies={}, seen=SEEN)
    other = {"ems": agency("ems", "ems-2")}
    answer = verify(said("ems"), agencies=other, seen=SEEN)
    assert "key 'ems-1' is not a signing key of 'ems'" == answer


@pytest.mark.parametrize(
    ("seen", "good"),
    [
        (dt.datetime(2026, 5, 31, 23, 59, 59, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 6, 1, tzinfo=dt.UTC), True),
        (dt.datetime(2027, 12, 31, 23, 59, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2028, 1, 1, tzinfo=dt.UTC), False),
    ],
)
def test_a_key_signs_within_its_dates_as_first_seen(seen: dt.datetime, good: bool) -> None:  # noqa: FBT001
    """The day on which the gateway first saw the signature decides, not the signer's word."""
    given = said("ems", at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC))

    assert good == isinstance(verify(given, agencies=AGENCIES, seen=seen), Verified)


@pytest.mark.parametrize(
    ("action", "good"),
    [(Action.ACTIVATE, False), (Action.RESUME, False), (Action.SUSPEND, True)],
)
def test_only_a_stop_may_be_dated_ahead(action: Action, good: bool) -> None:  # noqa: FBT001
    """A start that is dated ahead does not count; a stop with a wrong clock still stops."""
    ahead = said("ems", action, at=SEEN + dt.timedelta(minutes=5, seconds=1))
    near = said("ems", action, at=SEEN + dt.timedelta(minutes=5))

    assert good == isinstance(verify(ahead, agencies=AGENCIES, seen=SEEN), Verified)
    assert isinstance(verify(near, agencies=AGENCIES, seen=SEEN), Verified)


def test_states_follow_from_signatures() -> None:
    """No signature is a draft, some are a review, all are active."""
    assert State.DRAFT == stands().state
    assert State.IN_REVIEW == stands(ALL[0]).state
    assert ("pd",) == stands(ALL[0], ALL[1]).missing
    assert State.IN_REVIEW == stands(ALL[0], ALL[1]).state
    assert State.ACTIVE == stands(*ALL).state
    assert ("ems", "pd") == stands(*ALL).signed


def test_order_does_not_matter() -> None:
    """Signatures count alike in any order."""
    assert stands(*ALL) == stands(*reversed(ALL))


def test_two_signatures_need_two_keys() -> None:
    """The same key twice is one key."""
    again = proved(said("pd", at=SIGNED_AT + dt.timedelta(hours=1)))

    assert State.IN_REVIEW == stands(ALL[0], ALL[1], again).state


def test_a_signature_under_another_text_does_not_count() -> None:
    """Signatures of an earlier digest leave a changed file in review, or a draft."""
    old = [
        proved(said(who, key=key, digest=bytes(32)))
        for who, key in (("ems", "ems-1"), ("pd", "pd-1"), ("pd", "pd-2"))
    ]

    assert State.DRAFT == stands(*old).state
    assert State.IN_REVIEW == stands(*old[1:], ALL[0]).state


def test_a_signature_of_another_version_or_file_does_not_count() -> None:
    """Statements about another version, or of another kind of file, are not heard."""
    version = proved(said("ems", subject="county@1.0.1"))
    floor = proved(said("ems", kind=SignedFile.FLOOR))

    assert State.IN_REVIEW == stands(version, ALL[1], ALL[2]).state
    assert State.IN_REVIEW == stands(floor, ALL[1], ALL[2]).state


@pytest.mark.parametrize(
    ("now", "state", "in_term"),
    [
        (dt.datetime(2027, 1, 1, 4, 59, 59, tzinfo=dt.UTC), State.IN_REVIEW, False),
        (dt.datetime(2027, 1, 1, 5, 0, 0, tzinfo=dt.UTC), State.ACTIVE, True),
        (dt.datetime(2028, 1, 1, 4, 59, 59, tzinfo=dt.UTC), State.ACTIVE, True),
        (dt.datetime(2028, 1, 1, 5, 0, 0, tzinfo=dt.UTC), State.TERMINATED, False),
    ],
)
def test_first_and_last_day_are_in_force_in_the_terms_zone(
    now: dt.datetime,
    state: State,
    in_term: bool,  # noqa: FBT001
) -> None:
    """The term runs from the first second of its first day to the last of its last."""
    result = stands(*ALL, now=now)

    assert (state, in_term) == (result.state, result.in_term)


def test_signatures_can_be_asked_about_alone() -> None:
    """Without a term the state is what the signatures amount to, whatever the date."""
    late = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)

    assert State.ACTIVE == stands(*ALL, now=late, term=None).state
    assert State.IN_REVIEW == stands(ALL[0], now=late, term=None).state


def test_a_newer_version_ends_it() -> None:
    """A superseded agreement is over."""
    assert State.TERMINATED == stands(*ALL, term=dataclasses.replace(TERM, superseded=True)).state


LATER = SEEN + dt.timedelta(days=30)
LAST = LATER + dt.timedelta(days=30)


def suspension(who: str = "ems", seen: dt.datetime = LATER, **parts: Any) -> Verified:  # noqa: ANN401
    """Return a suspension by `who`."""
    return proved(said(who, Action.SUSPEND, at=seen, **parts), seen)


def resumption(seen: dt.datetime = LAST) -> tuple[Verified, ...]:
    """Return what all parties sign to resume."""
    return tuple(
        proved(said(who, Action.RESUME, key=key, at=seen), seen)
        for who, key in (("ems", "ems-1"), ("pd", "pd-1"), ("pd", "pd-2"))
    )


def test_one_party_suspends_until_all_resume() -> None:
    """One suspension stops it; every party's resumption, after it, lifts it."""
    result = stands(*ALL, suspension())
    assert (State.SUSPENDED, ("ems",)) == (result.state, result.by)
    assert State.SUSPENDED == stands(*ALL, suspension(), *resumption()[:2]).state
    assert State.ACTIVE == stands(*ALL, suspension(), *resumption()).state


def test_one_key_of_two_is_enough_to_suspend() -> None:
    """Stopping takes less than starting."""
    assert State.SUSPENDED == stands(*ALL, suspension("pd")).state


def test_an_earlier_resumption_lifts_no_later_suspension() -> None:
    """Old resumptions that still stand in the file do not count against a new suspension."""
    again = suspension(seen=LAST + dt.timedelta(days=1))

    assert State.SUSPENDED == stands(*ALL, suspension(), *resumption(), again).state


def test_a_backdated_suspension_still_stops() -> None:
    """What the gateway saw last decides, whatever time the signer wrote."""
    backdated = proved(said("ems", Action.SUSPEND, at=SIGNED_AT), LAST + dt.timedelta(days=1))

    assert State.SUSPENDED == stands(*ALL, suspension(), *resumption(), backdated).state


def test_a_resumption_held_back_lifts_no_suspension_signed_since() -> None:
    """Resumptions count from when they were signed too: nobody keeps some for a later stop."""
    day, second = dt.timedelta(days=1), dt.timedelta(seconds=1)
    again = suspension(seen=LAST + second)
    late = [proved(one.statement, LAST + day) for one in resumption(LAST)]
    in_time = [proved(one.statement, LAST + day) for one in resumption(LAST + second)]

    assert State.SUSPENDED == stands(*ALL, again, *late).state
    assert State.ACTIVE == stands(*ALL, again, *in_time).state


def test_a_suspension_dated_ahead_can_be_answered() -> None:
    """It counts from when it was seen: a wrong clock stops no agreement for years."""
    ahead = proved(said("ems", Action.SUSPEND, at=LAST + dt.timedelta(days=400)), LATER)

    assert State.ACTIVE == stands(*ALL, ahead, *resumption()).state


def test_a_suspension_survives_an_edit() -> None:
    """A suspension under the earlier text of the version stops the edited text too."""
    assert State.SUSPENDED == stands(*ALL, suspension(digest=bytes(32))).state


def test_the_quorum_suspends_and_one_of_it_does_not() -> None:
    """An agency that is no party suspends only together with the rest of the quorum."""
    assert State.ACTIVE == stands(*ALL, suspension("hro")).state
    result = stands(*ALL, suspension("hro"), suspension("court"))
    assert (State.SUSPENDED, ("court", "hro")) == (result.state, result.by)


def test_one_partys_termination_is_final() -> None:
    """Nothing lifts a termination."""
    ended = proved(said("ems", Action.TERMINATE, at=LATER), LATER)

    result = stands(*ALL, ended, *resumption())

    assert (State.TERMINATED, ("ems",)) == (result.state, result.by)


def test_a_termination_short_of_its_keys_suspends() -> None:
    """One of two keys cannot end an agreement for good, but it stops the traffic."""
    one = proved(said("pd", Action.TERMINATE, at=LATER), LATER)
    two = proved(said("pd", Action.TERMINATE, key="pd-2", at=LATER), LATER)

    assert State.SUSPENDED == stands(*ALL, one).state
    assert State.TERMINATED == stands(*ALL, one, two).state


def test_a_stranger_stops_nothing() -> None:
    """An agency that is neither party nor quorum neither suspends nor terminates."""
    others = Quorum(2, frozenset({"ems"}))
    given = [suspension("hro"), proved(said("court", Action.TERMINATE, at=LATER), LATER)]

    result = status(
        [*ALL, *given],
        subject=SUBJECT,
        digest=DIGEST,
        parties=PARTIES,
        quorum=others,
        term=TERM,
        now=NOW,
    )

    assert State.ACTIVE == result.state


def test_the_floor_needs_its_quorum() -> None:
    """Each agency of the quorum counts once, with as many keys as it needs, for this digest."""
    needed = {"ems": 2, "hro": 1, "pd": 1}

    def missing(*given: Statement) -> int:
        return quorum_missing(
            [proved(one) for one in given],
            kind=SignedFile.FLOOR,
            subject="_floor@1.0.0",
            digest=DIGEST,
            quorum=QUORUM,
            needed=needed,
        )

    def floor(who: str, **parts: Any) -> Statement:  # noqa: ANN401
        return said(who, subject="_floor@1.0.0", kind=SignedFile.FLOOR, **parts)

    assert 2 == missing()
    assert 1 == missing(floor("hro"))
    assert 1 == missing(floor("hro"), floor("ems"))
    assert 1 == missing(floor("hro"), floor("pd"))
    assert 1 == missing(floor("hro"), floor("ems"), floor("ems", key="ems-2", digest=bytes(32)))
    assert 0 == missing(floor("hro"), floor("ems"), floor("ems", key="ems-2"))


def test_a_quorum_of_one_is_two_keys() -> None:
    """Where the floor asks for one signature, its author's key is not enough: another's is."""
    quorum = Quorum(1, frozenset({"ems", "hro"}))

    def missing(*keys: str, needed: int = 1) -> int:
        made = [said(k[:-2], key=k, subject="_floor@1.0.0", kind=SignedFile.FLOOR) for k in keys]
        return quorum_missing(
            [proved(one) for one in made],
            kind=SignedFile.FLOOR,
            subject="_floor@1.0.0",
            digest=DIGEST,
            quorum=quorum,
            needed={"ems": needed, "hro": 1},
        )

    assert 1 == missing("ems-1")
    assert 1 == missing("ems-1", "ems-1")
    assert 0 == missing("ems-1", "hro-1")
    assert 0 == missing("ems-1", "ems-2", needed=2)
    assert 1 == missing("ems-1", "pd-1")


@pytest.mark.parametrize("parties", [{"ems": 1}, {"ems": 2}, {"ems": 1, "pd": 1}, PARTIES])
def test_who_wrote_it_and_who_completes_it_are_two(parties: dict[str, int]) -> None:
    """In whatever order keys sign, also again: what completes it is not by the first's key."""
    keys = ("ems-1", "ems-2", "pd-1", "pd-2")
    for order in itertools.product(keys, repeat=4):
        given: list[Verified] = []
        for key in order:
            given.append(proved(said(key[:-2], key=key)))
            state = status(
                given,
                subject=SUBJECT,
                digest=DIGEST,
                parties=parties,
                quorum=QUORUM,
                term=TERM,
                now=NOW,
            ).state
            if state is State.ACTIVE:
                assert key != order[0]
                break


def test_one_key_of_the_only_party_is_not_enough() -> None:
    """An agreement with nobody else waits for a second key, and says so."""

    def alone(*keys: str) -> Status:
        given = [proved(said("ems", key=key)) for key in keys]
        return status(
            given,
            subject=SUBJECT,
            digest=DIGEST,
            parties={"ems": 1},
            quorum=QUORUM,
            term=TERM,
            now=NOW,
        )

    one, two = alone("ems-1", "ems-1"), alone("ems-1", "ems-2")
    assert (State.IN_REVIEW, (), True) == (one.state, one.missing, one.alone)
    assert (State.ACTIVE, (), False) == (two.state, two.missing, two.alone)


def test_a_suspended_one_names_who_has_to_resume() -> None:
    """Those who have not since the last stop, an agency short of its keys among them."""
    stopped = (*ALL, suspension())

    assert ("ems", "pd") == stands(*stopped).resuming
    assert ("pd",) == stands(*stopped, *resumption()[:2]).resuming
    assert () == stands(*stopped, *resumption()).resuming
    again = suspension("pd", seen=LAST + dt.timedelta(days=1))
    assert ("ems", "pd") == stands(*stopped, *resumption(), again).resuming


def test_who_would_suspend_it_is_named_while_they_are_too_few() -> None:
    """One of the quorum stops nothing and is told of; with a second one it is suspended."""
    assert ("hro",) == stands(*ALL, suspension("hro")).asking
    both = stands(*ALL, suspension("hro"), suspension("court"))
    assert ((), ("court", "hro")) == (both.asking, both.by)
    assert () == stands(*ALL, suspension("hro"), *resumption()).asking
