"""Random tokens: one for a value of a scope, on every path, and an error where one is not there."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from gateway.agreement.conditions import ConsentCondition
from gateway.decide import Grant, Standing, decide
from gateway.engine.jobs import ROWS_AT_ONCE
from gateway.engine.run import PlanEngine
from gateway.errors import AccordError, LogError, Reason, ReleaseError
from gateway.masks.base import Inputs
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.plain import Pass
from gateway.plan import lower
from gateway.plan.build import Builder
from gateway.plan.distinct import FEW
from gateway.plan.vaulted import by_token, covered, wanted
from gateway.values import FieldType, Form
from tests.build import NOW, TABLES, a_provision, a_request, an_agreement, the_agreements
from tests.core.house import House, records
from tests.fakes import MemoryVault, Outbox, StaticKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.index import Agreements
    from gateway.masks.base import Mask
    from gateway.plan.ops import Plan
    from gateway.values import Row

TOKEN = Pseudonym(Method.TOKEN, Scope.PROVISION, "P1Y")
HMAC = Pseudonym(Method.HMAC, Scope.PROVISION, "P1Y")
FIELDS = ("run_id", "patient_id", "age")
FORM = re.compile(r"[0-9a-f]{32}")
SIZES = [3, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, FEW, FEW + 50]


def under(agreement: str = "synthetic-mou", **release: Mask) -> Agreements:
    """Return an agreement that releases run and patient by token unless told otherwise."""
    given = {"run_id": TOKEN, "patient_id": TOKEN, "age": Pass()} | release
    return the_agreements(an_agreement(a_provision(given), id=agreement))


def ask(
    rows: Sequence[Row],
    vault: MemoryVault,
    agreements: Agreements | None = None,
    *,
    now: dt.datetime = NOW,
    form: Form = Form.ARROW,
) -> list[dict[str, Any]]:
    """Return what leaves of some rows."""
    house = House(rows=rows, vault=vault, agreements=agreements or under())
    house.clock.moment = now
    try:
        return house.ask(a_request(*FIELDS, form=form)).rows()
    finally:
        house.plans.close()


def plan_of(agreements: Agreements) -> Plan:
    """Return the plan of a request for everything."""
    grant = decide(agreements, a_request(*FIELDS), Standing(), NOW)
    assert isinstance(grant, Grant)
    return Builder(TABLES, StaticKeys().pseudonym).build(agreements, grant)


@pytest.mark.parametrize("count", SIZES)
def test_a_value_has_one_token_on_every_path(count: int) -> None:
    """Row by row, in columns of few values and of many: the same vault gives the same tokens."""
    vault = MemoryVault()
    several = records(count)

    first = ask(several, vault)
    again = ask(list(reversed(several)), vault)
    one = ask(several[:1], vault)

    assert first == list(reversed(again))
    assert first[:1] == one
    assert all(FORM.fullmatch(row["run_id"]) for row in first)
    assert count == len({row["run_id"] for row in first})


def test_two_fields_of_a_scope_share_their_tokens() -> None:
    """One value is one person, whichever field it stands in; spelled twice it is one value."""
    row = records(1)[0]
    rows = [row | {"run_id": "P-0007", "patient_id": " P-0007 "}]

    [left] = ask(rows, MemoryVault())

    assert left["run_id"] == left["patient_id"]


def test_nobody_has_no_token() -> None:
    """Placeholders are masked and null is missing, and the vault is not asked about either."""
    vault = MemoryVault()
    row = records(1)[0]
    rows = [row | {"run_id": text, "patient_id": None} for text in ("", " ", "UNKNOWN", "9999")]

    left = ask(rows, vault)

    assert [(None, "masked", None, "missing")] * 4 == [
        (one["run_id"], one["run_id.why"], one["patient_id"], one["patient_id.why"]) for one in left
    ]
    assert [] == vault.asked


def test_a_row_that_does_not_stay_draws_no_token() -> None:
    """Who does not consent does not enter the vault either."""
    vault = MemoryVault()
    provision = a_provision({"run_id": TOKEN}, [ConsentCondition("synthetic")])
    stays, goes = records(2)
    for several in (1, ROWS_AT_ONCE):
        house = House(
            rows=[stays, goes | {"consent_id": None}] * several,
            vault=vault,
            agreements=the_agreements(an_agreement(provision)),
        )
        assert several == len(house.ask(a_request("run_id")).rows())
        house.plans.close()

    assert 1 == len(vault.drawn)


@pytest.mark.parametrize("count", SIZES)
def test_a_value_that_the_vault_did_not_cover_is_an_error(count: int) -> None:
    """A hole in the vault's answer stops the exchange: never a null, and nothing is sent."""
    vault = MemoryVault()
    ask(records(count), vault)
    lost = max(index for _, index in vault.drawn)
    vault.loses = lambda index: index == lost
    house, box = House(rows=records(count), vault=vault, agreements=under()), Outbox()

    with pytest.raises(ReleaseError, match="vault") as raised:
        house.ask(a_request(*FIELDS), box)

    house.plans.close()
    assert Reason.RELEASE_CHECK_FAILED is raised.value.reason
    assert [] == box.sent
    assert [] == house.log.of_kind("release")


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE + 1])
def test_a_vault_that_fails_stops_the_exchange(count: int) -> None:
    """What may not be durable is not used."""
    vault = MemoryVault()
    vault.error = LogError("the vault of pseudonyms cannot be read or written")
    house, box = House(rows=records(count), vault=vault, agreements=under()), Outbox()

    with pytest.raises(LogError):
        house.ask(a_request(*FIELDS), box)

    house.plans.close()
    assert [] == box.sent
    assert [] == house.log.of_kind("release")
    assert 1 == len(house.log.of_kind("outcome"))


def test_without_a_vault_there_are_no_tokens() -> None:
    """An engine that was given no vault refuses a plan that needs one."""
    bare = House(
        rows=records(1),
        agreements=under(),
        engine=PlanEngine(StaticKeys().subject, lambda: 2026, 1),
    )

    with pytest.raises(ReleaseError, match="no vault"):
        bare.ask(a_request(*FIELDS))

    bare.plans.close()


def test_a_plan_without_tokens_never_asks_the_vault() -> None:
    """Keyed pseudonyms need no state."""
    vault = MemoryVault()

    ask(records(ROWS_AT_ONCE + 1), vault, under(run_id=HMAC, patient_id=HMAC))

    assert [] == vault.asked


def test_the_vault_hears_no_value_and_no_pseudonym() -> None:
    """It is asked by HMAC-SHA-256 under a key of its own: not what a recipient ever held."""
    vault = MemoryVault()
    several = records(5)
    ask(several, vault)
    keyed = ask(several, vault, under(run_id=HMAC, patient_id=HMAC))
    indexes = {index for _, index in vault.drawn}

    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in indexes)
    assert set() == indexes & {row[name] for row in keyed for name in ("run_id", "patient_id")}
    assert not any(str(row["run_id"]) in repr(vault.drawn) for row in several)


def test_tokens_do_not_link_agreements_nor_periods() -> None:
    """The same runs under another agreement, or in the next year, have other tokens."""
    vault = MemoryVault()
    several = records(20)
    later = NOW + dt.timedelta(days=120)
    yearly = dataclasses.replace(TOKEN, rotate="P1M")

    said = [
        {row["run_id"] for row in ask(several, vault, agreements, now=now)}
        for agreements, now in (
            (under(), NOW),
            (under("synthetic-other"), NOW),
            (under(run_id=dataclasses.replace(TOKEN, scope=Scope.RECIPIENT)), NOW),
            (under(run_id=yearly), NOW),
            (under(run_id=yearly), later),
        )
    ]

    assert 5 * 20 == len(set().union(*said))


def test_the_header_names_the_key_of_the_index() -> None:
    """A recipient sees by the key id when tokens change, and that they are tokens."""
    box = House(rows=records(1), agreements=under()).ask(a_request(*FIELDS))
    header = box.sent[0].header
    assert header is not None

    arguments = header.columns[0].mask.arguments

    assert "method=token" in arguments
    assert any(one.startswith("key=") for one in arguments)


def test_an_uncovered_plan_gives_an_error_and_no_null() -> None:
    """Neither the function nor the expression of a token takes a missing table for an answer."""
    plan = plan_of(under())
    reader = TOKEN.reader(Inputs(FieldType.STRING, key=bytes(32), domain="synthetic"))
    frame = pl.DataFrame({name: ["P-1"] for name in ("run_id", "patient_id")} | {"age": [1]})

    with pytest.raises(ReleaseError, match="vault"):
        reader("P-1", None)
    with pytest.raises(pl.exceptions.InvalidOperationError):
        lower.Program(plan).mask(frame, [])


def test_what_is_wanted_is_the_same_by_one_and_by_many() -> None:
    """A few values are indexed one by one and many in columns: to the same indexes."""
    plan = plan_of(under())
    masks = by_token(plan)
    texts = [f"P-{number}" for number in range(FEW + 5)] + [
        "Zoë Núñez",
        "Zoe\u0308 Nu\u0301n\u0303ez",
        "unk",
    ]
    batch = pl.DataFrame({"run_id": texts, "patient_id": texts}).to_arrow().to_batches()[0]

    [(scope, many)] = wanted(masks, batch).items()
    several = [wanted(masks, batch.slice(at, 1)) for at in range(len(texts))]

    assert many == frozenset().union(*(one[scope] for one in several))
    assert FEW + 5 + 1 == len(many)


def test_an_error_of_the_vault_names_no_value() -> None:
    """What the caller hears of a hole in the vault holds nothing of a record."""
    plan = plan_of(under())
    scope = plan.masks[0].key_id

    with pytest.raises(AccordError) as raised:
        covered(plan, {scope: frozenset({"00ff"})}, {scope: {}})

    assert "00ff" not in raised.value.message
