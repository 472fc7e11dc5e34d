"""What an exchange promises besides its rows: explained alike, refused with reasons, repeatable."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import AccordError, ConflictError, NotFoundError, Reason, RefusedError
from gateway.remote.arriving import Progress
from gateway.values import Condition, Form, Operator, Resume
from tests.stack.county import (
    EMS,
    HRO,
    PD,
    PHD,
    closed,
    collect,
    new_id,
    now,
    request,
    town,
    with_terms,
)
from tests.stack.sources import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.values import Request
    from tests.stack.county import Town

RUNS, SURVEILLANCE = "ems.overdose_run@1", "public_health.surveillance"
REFERRALS, OUTREACH = "referral.post_overdose@1", "care.post_overdose_outreach"
ALL = 9_500
NALOXONE = "harm_reduction.naloxone_distribution@1"

FLOWS = {
    "4.1": (EMS, HRO, REFERRALS, OUTREACH, "referral_id overdose_at status"),
    "4.2": (PD, EMS, "police.drug_seizure@1", "safety.responder_alert", "quantity_grams"),
    "4.3": (EMS, PHD, RUNS, SURVEILLANCE, "pcr_uuid age patient_home_zip sex"),
    "4.4": (PD, PHD, "police.overdose_response@1", SURVEILLANCE, "victim_id dose_mg"),
    "4.5": (HRO, PHD, NALOXONE, SURVEILLANCE, "distributed_on site_id naloxone_product kits"),
    "4.6": (HRO, PHD, "harm_reduction.outreach_contact@1", SURVEILLANCE,
            "contact_date living_situation person_id"),
    "4.7": (PHD, HRO, "public_health.ed_overdose_visit@1", "public_health.program_evaluation",
            "visit_date sex patient_id"),
}  # fmt: skip
"""A request for each provision, by its clause."""


def runs(fields: str = "pcr_uuid age sex", **more: Any) -> Request:  # noqa: ANN401
    """Return the epidemiologists' request for EMS runs."""
    return request(EMS, PHD, RUNS, SURVEILLANCE, fields, **more)


# --- explained ------------------------------------------------------------------------------------


DATES = {"4.5": "distributed_on", "4.6": "contact_date", "4.7": "visit_date"}


def flow(clause: str, back: int = 0, **more: Any) -> Request:  # noqa: ANN401
    """Return a request for a provision; of a table, one closed month, so that others stay."""
    where = [Condition(DATES[clause], Operator.EQ, (closed(back),))] if clause in DATES else []
    return request(*FLOWS[clause], where=where, **more)


@pytest.mark.parametrize("clause", FLOWS)
def test_what_is_explained_is_what_happens(county: Town, clause: str) -> None:
    """Explain tells the recipient and the provider the header that the exchange then has."""
    asked = flow(clause)

    told = county.explain(asked)
    provider = county.explain(asked, asked.terms.provider)
    header = county.ask(asked).header

    assert told.refusal is None
    assert clause == told.header.clause
    assert told.header.columns == provider.header.columns
    for part in ("agreement", "agreement_digest", "provision", "clause", "columns"):
        assert getattr(told.header, part) == getattr(header, part), part
    assert [one.kind for one in told.header.duties] == [one.kind for one in header.duties]
    assert {"delete_after", "breach_notice", "notice", "compelled"} <= {
        one.kind for one in header.duties
    }


def test_an_explanation_is_for_the_parties(county: Town) -> None:
    """A third agency learns nothing of a flow, not even that it is there."""
    with pytest.raises(RefusedError) as refused:
        county.explain(runs(), PD)

    assert (Reason.NO_PROVISION, 1, "") == (
        refused.value.reason, refused.value.step, refused.value.clause,
    )  # fmt: skip


# --- logged ---------------------------------------------------------------------------------------


def test_an_exchange_is_three_kinds_of_entry(county: Town) -> None:
    """Intent, release and outcome stand in the log; the receipt is of the release."""
    got = county.ask(runs("age sex"))

    county.outcome(got.header.exchange_id)
    mine = [
        (kind, meta)
        for _, kind, meta, exchange in county.entries_of(got.header.exchange_id)
        if exchange == got.header.exchange_id
    ]
    assert ["intent", "release", "outcome"] == [kind for kind, _ in mine]
    intent, release, outcome = (meta for _, meta in mine)
    assert ("P3-overdose-runs", ["4.3"], "epi-2") == (
        intent["provision"], intent["clauses"], intent["caller_person"],
    )  # fmt: skip
    assert {"age", "age.why", "sex", "sex.why"} == {name for name, _ in intent["released"]}
    assert len(got.rows) == release["rows"] == outcome["rows"] == got.receipt.row_count
    assert ("complete", "OK", 1, 1) == (
        outcome["end"], outcome["code"], outcome["chunks"], outcome["handed"],
    )  # fmt: skip
    assert "release" == county.entry(got.receipt.index)[0]


# --- refused --------------------------------------------------------------------------------------

WORDS = "zebra-crossing"
"""What a caller writes and no file knows: it must not come back, nor stand in the log."""
NUMBER = 90_817_263_544_536_271
"""A number of the same kind: long enough that no id or digest holds it by chance."""

# fmt: off
REFUSALS: dict[str, tuple[str, Request, Reason, int, str]] = {
    "police ask for referrals": (
        PD, request(EMS, PD, REFERRALS, OUTREACH, "referral_id"), Reason.PROHIBITED, 3, "2.1",
    ),
    "police ask for runs": (
        PD, request(EMS, PD, RUNS, SURVEILLANCE, "age"), Reason.PROHIBITED, 3, "2.1",
    ),
    "a purpose that no provision names": (
        PHD, request(EMS, PHD, RUNS, "research.approved_study", "age"), Reason.NO_PROVISION, 4, "",
    ),
    "a purpose that nobody knows": (
        PHD, request(EMS, PHD, RUNS, f"research.{WORDS.replace('-', '_')}", "age"),
        Reason.UNKNOWN_PURPOSE, 4, "",
    ),
    "a branch of the tree": (
        PHD, request(EMS, PHD, RUNS, "public_health", "age"), Reason.UNKNOWN_PURPOSE, 4, "",
    ),
    "enforcement": (
        PHD, request(EMS, PHD, RUNS, "enforcement.investigation", "age"),
        Reason.PROHIBITED, 3, "2.2",
    ),
    "a withheld field": (
        PHD, runs("age narrative"), Reason.FIELD_NOT_RELEASED, 4, "4.3",
    ),
    "a field that is none": (
        PHD, runs(f"age {WORDS.replace('-', '_')}"), Reason.FIELD_NOT_RELEASED, 4, "4.3",
    ),
    "a filter by a masked field": (
        PHD, runs(where=[Condition("age", Operator.GT, (NUMBER,))]),
        Reason.FILTER_NOT_PERMITTED, 4, "4.3",
    ),
    "a filter by a withheld field": (
        PHD, runs(where=[Condition("patient_last_name", Operator.EQ, (WORDS,))]),
        Reason.FILTER_NOT_PERMITTED, 4, "4.3",
    ),
    "a literal of another type": (
        PHD, runs(where=[Condition("fatal", Operator.EQ, (7,))]),
        Reason.FILTER_NOT_PERMITTED, 4, "4.3",
    ),
    "another's name": (
        PD, request(EMS, PHD, RUNS, SURVEILLANCE, "age"), Reason.NO_PROVISION, 1, "",
    ),
    "a provider that is none": (
        PHD, request(WORDS, PHD, RUNS, SURVEILLANCE, "age"), Reason.NO_PROVISION, 4, "",
    ),
    "a dataset that is none": (
        PHD, request(EMS, PHD, "ems.zebra_crossing@1", SURVEILLANCE, "age"),
        Reason.NO_PROVISION, 4, "",
    ),
    "a dataset of a later version": (
        PHD, request(EMS, PHD, "ems.overdose_run@2", SURVEILLANCE, "age"),
        Reason.NO_PROVISION, 4, "",
    ),
    "the flow the other way round": (
        EMS, request(PHD, EMS, RUNS, SURVEILLANCE, "age"), Reason.NO_PROVISION, 4, "",
    ),
    "a table without a dimension": (
        PHD, request(HRO, PHD, NALOXONE, SURVEILLANCE, "distributed_on site_id kits"),
        Reason.FIELD_NOT_RELEASED, 4, "4.5",
    ),
    "a table without a measure": (
        PHD, request(HRO, PHD, NALOXONE, SURVEILLANCE, "distributed_on site_id naloxone_product"),
        Reason.NO_FIELDS, 4, "4.5",
    ),
    "a period that is open": (
        PHD, request(
            HRO, PHD, NALOXONE, SURVEILLANCE, "distributed_on site_id naloxone_product kits",
            where=[Condition("distributed_on", Operator.EQ, (now().date().replace(day=1),))],
        ), Reason.PERIOD_OPEN, 6, "4.5",
    ),
}
# fmt: on


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_why_and_stands_in_the_log(county: Town, case: str) -> None:
    """Reason, step, clause and index reach the caller; the entry at that index says the same."""
    agency, asked, reason, step, clause = REFUSALS[case]
    asked = dataclasses.replace(asked, request_id=new_id())

    with pytest.raises(RefusedError) as caught:
        county.ask(asked, client=county.client(agency))

    refused = caught.value
    assert (reason, step, clause) == (refused.reason, refused.step, refused.clause)
    kind, meta = county.entry(refused.index)
    assert ("refusal", reason.value, step, clause or None) == (
        kind, meta["reason"], meta["step"], meta["clause"],
    )  # fmt: skip
    assert agency == meta["caller_agency"]
    said = json.dumps(meta) + str(refused) + refused.message
    assert not [word for word in (WORDS, WORDS.replace("-", "_"), str(NUMBER)) if word in said]


@pytest.mark.parametrize(
    ("roles", "reason"), [(["dispatcher"], Reason.ROLE_NOT_LISTED), (["epidemiologist"], None)]
)
def test_a_role_is_the_one_that_the_provision_lists(
    county: Town, roles: list[str], reason: Reason | None
) -> None:
    """The same person is refused by one role and served by another; step 5, clause 4.3."""
    client = county.client(PHD, lambda: county.token(PHD, roles=roles))

    if reason is None:
        assert county.ask(runs(), client=client).rows
        return
    with pytest.raises(RefusedError) as refused:
        county.ask(runs(), client=client)

    assert (reason, 5, "4.3") == (refused.value.reason, refused.value.step, refused.value.clause)


def test_a_certificate_alone_has_no_role(county: Town) -> None:
    """Without a token a provision that asks for a role refuses; one that asks for none serves."""
    bare = county.client(PHD)
    bare._token = None  # noqa: SLF001 - a client of an agency without an issuer
    ems = county.client(EMS)
    ems._token = None  # noqa: SLF001

    with pytest.raises(RefusedError) as refused:
        county.ask(runs(), client=bare)
    got = county.ask(request(*FLOWS["4.2"]), client=ems)

    assert Reason.ROLE_NOT_LISTED is refused.value.reason
    assert got.rows


# --- repeated and resumed -------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(Form))
def test_a_repeat_brings_the_same_bytes(county: Town, form: Form) -> None:
    """The same request id: the same chunks, byte for byte, under an exchange id of its own."""
    asked = runs(form=form)

    first, second = county.ask(asked), county.ask(asked)

    assert first.bodies == second.bodies
    assert [one.digest for one in first.chunks] == [one.digest for one in second.chunks]
    assert first.header.exchange_id != second.header.exchange_id


def test_a_request_id_is_good_for_one_request(county: Town) -> None:
    """The same id with other terms is a conflict, and nothing leaves."""
    asked = runs()
    county.ask(asked)
    other = dataclasses.replace(with_terms(asked, fields=("sex",)), request_id=asked.request_id)

    with pytest.raises(ConflictError) as conflict:
        county.ask(other)

    assert Reason.REQUEST_ID_USED is conflict.value.reason


def test_an_id_is_the_recipients_own(county: Town) -> None:
    """Two agencies may use one request id; neither gets what the other got."""
    asked = runs()
    county.ask(asked)

    got = county.ask(request(*FLOWS["4.2"], request_id=asked.request_id))

    assert "4.2" == got.header.clause


def test_a_table_repeats_though_it_leaves_once(county: Town) -> None:
    """A repeat of a table is the same table; another request for its period is refused."""
    asked = flow("4.6", back=1)

    first, second = county.ask(asked), county.ask(asked)
    with pytest.raises(RefusedError) as refused:
        county.ask(dataclasses.replace(asked, request_id=new_id()))

    assert first.bodies == second.bodies
    assert (Reason.CELL_RELEASED, 6) == (refused.value.reason, refused.value.step)


@pytest.fixture(scope="module")
def source() -> Runs:
    """Return 9,500 recent runs: two batches of the source, and a chunk for each 1,000 rows."""
    return Runs(ALL, now().date() - dt.timedelta(days=2))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, source: Runs) -> Iterator[Town]:
    """Return a county whose EMS agency has those runs and nobody else has anything."""
    with town(tmp_path_factory.mktemp("large") / "county", adapters={EMS: source}) as made:
        yield made


async def _first(town: Town, asked: Request, held: Progress, chunks: int) -> None:
    """Take so many chunks, then hang up."""
    client = town.client(PHD)
    messages = client.exchange(asked, held, timeout_s=30)
    async for message in messages:
        chunks -= message.chunk is not None
        if chunks <= 0:
            break
    await messages.aclose()  # type: ignore[attr-defined] # an async generator
    await client.close()


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_cut_exchange_goes_on_where_it_was(large: Town, source: Runs, after: int) -> None:
    """Whoever holds some chunks gets the rest, and all of it is what an uncut exchange brings."""
    whole = large.ask(runs("pcr_uuid age"))
    asked, held = runs("pcr_uuid age"), Progress()
    large.loop.run(_first(large, asked, held, after))
    rows = held.rows
    assert 1000 * after == rows

    rest = large.ask(asked, progress=held)

    assert rows == rest.chunks[0].offset
    assert whole.rows[rows:] == rest.rows
    assert held.complete
    assert ALL == held.rows


def test_a_resumption_must_know_what_it_holds(large: Town) -> None:
    """A made-up stream value, an offset beside a chunk and an unknown exchange are refused."""
    asked = runs("pcr_uuid")
    first = large.ask(asked)
    fresh = runs("pcr_uuid")
    bad = {
        "stream": dataclasses.replace(
            asked, resume=Resume(first.header.exchange_id, 1000, bytes(32))
        ),
        "offset": dataclasses.replace(
            asked, resume=Resume(first.header.exchange_id, 999, first.chunks[0].digest)
        ),
        "unknown": dataclasses.replace(
            fresh, resume=Resume(first.header.exchange_id, 1000, bytes(32))
        ),
    }

    found = {}
    for name, one in bad.items():
        with pytest.raises(AccordError) as caught:
            large.loop.run(_raw(large, one))
        found[name] = (type(caught.value), caught.value.reason)

    assert {
        "stream": (ConflictError, Reason.RESUME_DIVERGED),
        "offset": (ConflictError, Reason.RESUME_DIVERGED),
        "unknown": (NotFoundError, Reason.RESUME_TOO_LATE),
    } == found


class _As(Progress):
    """Progress that claims to hold what a request says."""

    def __init__(self, resume: Resume) -> None:
        super().__init__()
        self.claimed = resume
        self.rows = resume.offset

    def resume(self) -> Resume:
        """Return the claim."""
        return self.claimed


async def _raw(town: Town, asked: Request) -> None:
    assert asked.resume is not None
    await collect(town.client(PHD), asked, _As(asked.resume))


def test_a_client_that_leaves_is_in_the_log(large: Town, source: Runs) -> None:
    """The outcome of an exchange whose caller hung up says cut; what left is counted in it."""
    asked, held = runs("pcr_uuid"), Progress()

    source.pause(9_000)

    large.loop.run(_first(large, asked, held, 1))

    exchange = held.attempts[0].exchange_id
    outcome = large.outcome(exchange)
    source.go.set()
    released = [meta for _, kind, meta, _ in large.entries_of(exchange) if kind == "release"]
    assert ("cut", "CANCELLED") == (outcome["end"], outcome["code"])
    assert sum(meta["rows"] for meta in released) == outcome["rows"] >= held.rows
    assert outcome["rows"] < ALL


def test_the_log_of_all_this_is_clean(county: Town, large: Town, tmp_path: Any) -> None:  # noqa: ANN401
    """Exported and recomputed from its bytes, the log has no finding after all of the above."""
    assert [] == county.audit(tmp_path / "county")
    assert [] == large.audit(tmp_path / "large")
