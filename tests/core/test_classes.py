"""k people and l values in every class that leaves, whatever the rows, the batches and the fields.

The oracle compares each row with each other; nothing here leaves that it would not let leave.
"""

# ruff: noqa: ANN401 - parts of agreements and values of records
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreement.conditions import ConsentCondition
from gateway.agreement.model import Anonymity
from gateway.decide import Grant, Standing, decide
from gateway.engine.run import PlanEngine
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass, Redact
from gateway.plan.build import Builder
from gateway.plan.check import RowCheck, in_classes
from gateway.plan.classes import HASH_BYTES, Gathering, distinct
from gateway.plan.ops import Crowd
from gateway.plan.pushdown import arrow_schema
from gateway.values import Condition, Form, Operator
from tests.build import (
    NOW,
    TABLES,
    a_dataset,
    a_provision,
    a_request,
    a_table_provision,
    an_agreement,
    pseudonym_key,
    the_agreements,
)
from tests.core.house import House, records
from tests.core.test_oracle import plan_of, run, spelled, with_tokens
from tests.core.worlds import class_worlds, many_values
from tests.fakes import MemoryVault, Outbox
from tests.reference import Denied, interpret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.index import Agreements
    from gateway.masks.base import Mask
    from gateway.plan.ops import Plan
    from gateway.values import Row
    from tests.core.worlds import Drawn

MODEST = settings(max_examples=100, derandomize=True, deadline=None)
LONG = settings(max_examples=2000, deadline=None)
DENY, SUPPRESS = "deny", "suppress_rows"
RELEASE: dict[str, Mask] = {
    "run_id": Pass(),
    "county": Pass(),
    "age": Band(width=10, topcode=90),
    "fatal": Pass(),
}


# --- as the oracle ---


def outcome(plan: Plan, rows: Sequence[Row], batch_rows: int, vault: MemoryVault) -> list[str]:
    """Return what the engine lets leave, spelled; or the cause of a refusal."""
    try:
        return spelled(run(plan, rows, batch_rows, vault))
    except RefusedError as error:
        if (error.reason, error.step) != (Reason.DISCLOSURE_RISK, 10):
            raise
        return [error.cause]


def expected(plan: Plan, rows: Sequence[Row], vault: MemoryVault) -> list[str]:
    """Return the same as the oracle has it."""
    try:
        return spelled(interpret(with_tokens(plan, vault), rows))
    except Denied as denied:
        return [str(denied)]


def check_classes(world: Drawn) -> None:
    """Compare engine and oracle, in one batch and in many, with few different values and many."""
    plan, vault = plan_of(world), MemoryVault()
    several = world.rows + many_values(world.dataset, 40)
    for rows, batch_rows in ((world.rows, 8192), (world.rows, 2), (several, 8192), (several, 7)):
        left = outcome(plan, rows, batch_rows, vault)
        assert expected(plan, rows, vault) == left


@given(class_worlds())
@MODEST
def test_engine_and_oracle_agree_on_classes(world: Drawn) -> None:
    """The rows that leave, or the cause why none does, are those of the specification."""
    check_classes(world)


@pytest.mark.long
@given(class_worlds())
@LONG
def test_engine_and_oracle_agree_on_many_classes(world: Drawn) -> None:
    """The same, over a sweep."""
    check_classes(world)


# --- in small ---


def under(
    k: int, least: int = 1, action: str = DENY, release: dict[str, Mask] | None = None, **more: Any
) -> Agreements:
    """Return an agreement that releases records in classes."""
    provision = a_provision(release or RELEASE, anonymity=Anonymity(k, least, action), **more)
    return the_agreements(an_agreement(provision))


def ask(
    rows: Sequence[Row], agreements: Agreements, *fields: str, **more: Any
) -> tuple[House, Outbox]:
    """Return the house and what left of some rows."""
    house = House(rows=rows, agreements=agreements)
    try:
        return house, house.ask(a_request(*(fields or tuple(RELEASE)), **more))
    finally:
        house.plans.close()


def people(count: int, **fixed: Any) -> list[Row]:
    """Return runs of so many people in one class, half of them fatal."""
    same = {"county": "north", "age": 34} | fixed
    made = records(count, **same)
    return [row | {"fatal": n % 2 == 0} | fixed for n, row in enumerate(made)]


@pytest.mark.parametrize("rows", [60, 5])
@pytest.mark.parametrize(("found", "leaves"), [(4, False), (5, True)])
def test_a_class_has_k_people(found: int, *, leaves: bool, rows: int) -> None:
    """One person less than k refuses at step 10 with the clause; k leave, in however many rows."""
    several = [row for _ in range(rows // 5) for row in people(found)]

    if leaves:
        _, box = ask(several, under(5))
        assert len(several) == len(box.rows())
        return
    with pytest.raises(RefusedError) as refused:
        ask(several, under(5))
    error = refused.value
    assert (Reason.DISCLOSURE_RISK, 10, "k", "4.1", "P1-runs") == (
        error.reason, error.step, error.cause, error.clause, error.provision,
    )  # fmt: skip


def test_one_person_in_k_rows_is_one_person() -> None:
    """People are counted by canon@1, never rows: spelled anew, one person stays one."""
    spelt = ["P-1", " P-1", "P-1 ", "\u00a0P-1", "P-1\n"]
    rows = [row | {"patient_id": text} for row, text in zip(people(5), spelt, strict=True)]

    with pytest.raises(RefusedError) as refused:
        ask(rows, under(2))

    assert "k" == refused.value.cause


@pytest.mark.parametrize("nobody", [None, "UNKNOWN", "9999", " "])
def test_nobody_is_no_person(nobody: str | None) -> None:
    """A null and a placeholder make no class larger; their rows leave among k who are known."""
    rows = [*people(4), *people(3, patient_id=nobody)]

    assert 7 == len(ask(rows, under(4))[1].rows())
    with pytest.raises(RefusedError):
        ask(rows, under(5))


def test_null_is_a_value_of_a_quasi_identifier() -> None:
    """Rows without county and age are a class of their own, large enough or not."""
    nulls = people(4, county=None, age=None)

    assert 4 == len(ask(nulls, under(4))[1].rows())
    with pytest.raises(RefusedError):
        ask([*people(9), *nulls], under(5))


def test_missing_and_masked_are_two_values() -> None:
    """A recipient is told which, so a null county and one that is in no list are not alike."""
    rows = [*people(4, county=None), *people(4, county="atlantis")]

    with pytest.raises(RefusedError):
        ask(rows, under(5))


def test_null_is_no_sensitive_value() -> None:
    """Fifty people of whom one fact is known are fifty, and that fact is one value."""
    rows = [*people(49, fatal=None), *people(1, fatal=True, patient_id="Q-1")]

    assert 50 == len(ask(rows, under(50, 1))[1].rows())
    with pytest.raises(RefusedError) as refused:
        ask(rows, under(50, 2))
    assert "l" == refused.value.cause


def test_a_class_is_by_masked_values() -> None:
    """Ages 30 to 39 leave as one band, so five people in it are alike; the ages are not read."""
    rows = [row | {"age": 30 + n} for n, row in enumerate(people(5))]

    assert 5 == len(ask(rows, under(5))[1].rows())
    passing = RELEASE | {"age": Pass()}
    with pytest.raises(RefusedError):
        ask(rows, under(5, release=passing))


def test_what_tells_nothing_makes_no_class() -> None:
    """A redacted county divides nobody, and of a redacted sensitive field no values are asked."""
    rows = [row | {"county": ("north", "south")[n % 2]} for n, row in enumerate(people(6))]

    _, box = ask(rows, under(6, 2, release=RELEASE | {"county": Redact()}))
    assert 6 == len(box.rows())
    _, box = ask(rows, under(3, 2, release=RELEASE | {"fatal": Redact()}))
    assert 6 == len(box.rows())


@pytest.mark.parametrize(("unit", "leaves"), [("patient_id", False), ("run_id", True)])
def test_without_a_person_the_unit_stands_for_one(unit: str, *, leaves: bool) -> None:
    """The dataset's person is counted; where it has none, what its rows are about."""
    rows = [row | {"patient_id": "P-1"} for row in people(5)]
    dataset = a_dataset(person=None if unit == "run_id" else unit, unit="run_id")
    provision = a_provision(RELEASE, anonymity=Anonymity(5, 1, DENY))
    agreements = the_agreements(an_agreement(provision), dataset=dataset)

    if leaves:
        assert 5 == len(ask(rows, agreements)[1].rows())
    else:
        with pytest.raises(RefusedError):
            ask(rows, agreements)


# --- the whole release ---


def test_classes_are_of_the_whole_release() -> None:
    """A class whose people come in several batches is whole, and nothing leaves before the last."""
    rows = [row for pair in zip(people(6), people(6, county="south"), strict=True) for row in pair]
    plan = plan_for(under(6))

    assert 12 == len(run(plan, rows, 2))
    with pytest.raises(RefusedError):
        run(plan, rows[:-1], 2)


@pytest.mark.parametrize("action", [DENY, SUPPRESS])
def test_columns_asked_for_apart_are_judged_together(action: str) -> None:
    """Two requests for two columns stand in one order: joined, they are as one request would be."""
    rows = [
        row | {"county": ("north", "south", "west")[n % 3], "age": 10 * (n % 5)}
        for n, row in enumerate(people(15))
    ]
    agreements = under(3, action=action)

    for fields in (("county",), ("age",), ("run_id",), ("county", "age")):
        if action == SUPPRESS:
            assert [] == ask(rows, agreements, *fields)[1].rows()
        else:
            with pytest.raises(RefusedError):
                ask(rows, agreements, *fields)


def test_helpers_are_read_and_never_sent() -> None:
    """Person and classes are fetched from the source; columns are those that were asked for."""
    house, box = ask(people(5), under(5, 2), "run_id")

    assert {"patient_id", "county", "age", "fatal"} < set(house.source.scans[0].names)
    assert {"run_id", "run_id.why"} == set(box.rows()[0])
    plain = House(agreements=the_agreements(an_agreement(a_provision(RELEASE))), rows=people(5))
    plain.ask(a_request("run_id"))
    plain.plans.close()
    assert ("run_id",) == plain.source.scans[0].names


def test_a_hidden_pseudonym_draws_no_token() -> None:
    """A quasi-identifier by token that was not asked for makes classes without the vault."""
    token = Pseudonym(Method.TOKEN, Scope.PROVISION, "P1Y")
    agreements = under(5, release={"run_id": Pass(), "home_zip": token})

    house, box = ask(people(5), agreements, "run_id")
    assert (5, []) == (len(box.rows()), house.vault.asked)
    rows = [row | {"home_zip": f"0190{n}"} for n, row in enumerate(people(5))]
    with pytest.raises(RefusedError):
        ask(rows, agreements, "run_id")


def test_a_narrowed_request_is_judged_by_what_leaves() -> None:
    """A filter that leaves four of nine people is refused as four would be."""
    where = [Condition("fatal", Operator.EQ, (True,))]
    agreements = under(5)

    assert 9 == len(ask(people(9), agreements)[1].rows())
    assert 5 == len(ask(people(9), agreements, where=where)[1].rows())
    with pytest.raises(RefusedError):
        ask(people(8), agreements, where=where)


def test_who_does_not_consent_is_not_counted() -> None:
    """A class is of rows that stay: an absent consent does not hide anybody."""
    rows = [*people(4), *people(1, patient_id="P-9", consent_id=None)]
    agreements = under(5, when=[ConsentCondition("synthetic")])

    with pytest.raises(RefusedError):
        ask(rows, agreements)


# --- suppression ---


@pytest.mark.parametrize("form", [Form.ARROW, Form.ROWS])
def test_small_classes_stay_behind(form: Form) -> None:
    """Rows of a class below k or l are not among those that leave; the others all are."""
    rows = [*people(5), *people(4, county="south"), *people(6, county="west", fatal=True)]
    house, box = ask(rows, under(5, 2, SUPPRESS), form=form)

    if form is Form.ARROW:
        assert {"north"} == {row["county"] for row in box.rows()}
    assert [5] == [chunk.row_count for chunk in box.chunks]
    assert 5 == house.log.of_kind("outcome")[0].meta["rows"]


@pytest.mark.parametrize(("gone", "told"), [(0, None), (10, None), (11, 11)])
def test_a_small_number_of_rows_is_not_told(gone: int, told: int | None) -> None:
    """That rows of ten people stayed behind is not said, nor that none did; of eleven, it is."""
    rows = people(gone)
    lone = [row | {"patient_id": f"Q-{n}", "age": 50 + n % 2 * 20} for n, row in enumerate(rows)]
    house, box = ask([*people(30), *lone], under(11, 1, SUPPRESS))

    assert 30 == len(box.rows())
    assert told == house.log.of_kind("outcome")[0].meta["rows_suppressed"]
    assert [30, 30, told] == house.log.of_kind("release")[0].meta["crowd"]


@pytest.mark.parametrize(("k", "told"), [(12, 12), (13, None)])
def test_the_number_is_told_from_k_where_k_is_larger(k: int, told: int | None) -> None:
    """Twelve people's rows are told of under a k of twelve, and not under one of thirteen."""
    lone = [row | {"age": 10 * (n % 9)} for n, row in enumerate(people(12))]
    house, _ = ask([*people(40, county="south"), *lone], under(k, 1, SUPPRESS))

    assert told == house.log.of_kind("outcome")[0].meta["rows_suppressed"]


def test_one_persons_many_rows_are_not_told() -> None:
    """Twenty rows that stayed behind may be one person's: people are what is counted here too."""
    lone = people(20, county="south", patient_id="P-0")
    house, box = ask([*people(5), *lone], under(5, 1, SUPPRESS))

    assert 5 == len(box.rows())
    assert house.log.of_kind("outcome")[0].meta["rows_suppressed"] is None


def test_where_nothing_is_large_enough_nothing_leaves() -> None:
    """All suppressed is an answer without rows, in the plan's schema, with a class of nobody."""
    house, box = ask(people(4), under(5, 1, SUPPRESS))

    assert [] == box.rows()
    assert 0 == box.chunks[0].row_count
    assert [0, 0, None] == house.log.of_kind("release")[0].meta["crowd"]


@pytest.mark.parametrize("action", [DENY, SUPPRESS])
def test_no_rows_are_no_class(action: str) -> None:
    """A source without rows has no class that is too small."""
    _, box = ask([], under(5, action=action))

    assert [] == box.rows()


def test_tokens_are_of_those_who_leave() -> None:
    """The accounting of disclosures names nobody whose rows stayed behind."""
    duties = dataclasses.replace(a_provision().duties, accounting="required")
    gone = [row | {"patient_id": f"Q-{n}"} for n, row in enumerate(people(4, county="south"))]
    agreements = under(5, 1, SUPPRESS, duties=duties)

    house, _ = ask([*people(5), *gone], agreements)

    assert 5 == len(house.log.of_kind("release")[0].tokens)


# --- figure, log and repeats ---


def test_each_receipt_says_how_well_people_are_hidden() -> None:
    """The last release entry, which is the receipt's, has the smallest class and its rows."""
    twice = people(6, county="south")
    rows = [*people(9), *twice, *twice]
    house, box = ask(rows, under(5))

    assert [6, 12, None] == house.log.of_kind("release")[-1].meta["crowd"]
    assert b'"crowd":[6,12,null]' in (box.sent[-1].receipt or pytest.fail("no receipt")).meta
    assert 0 == house.log.of_kind("outcome")[0].meta["rows_suppressed"]


def test_a_release_outside_classes_is_no_crowd() -> None:
    """Where a provision asks for no classes, plans are as they were, and rows are told apart."""
    agreements = the_agreements(an_agreement(a_provision(RELEASE)))
    house, _ = ask(people(5), agreements)

    meta = house.log.of_kind("release")[0].meta
    assert ("likeness", None) == ("likeness" if "likeness" in meta else "", meta.get("crowd"))
    assert b"classes" not in plan_for(agreements).text


def test_a_refused_exchange_is_closed_and_sends_nothing() -> None:
    """Nothing had left: the outcome has no chunk and names the reason."""
    house = House(rows=people(4), agreements=under(5))
    box = Outbox()
    with pytest.raises(RefusedError):
        house.ask(a_request(*RELEASE), box)
    house.plans.close()

    [last] = house.log.of_kind("outcome")
    assert ("DISCLOSURE_RISK", 0, 0, "cut") == (
        last.meta["code"], last.meta["chunks"], last.meta["rows_suppressed"], last.meta["end"],
    )  # fmt: skip
    assert ([], []) == (house.log.of_kind("release"), box.sent)


def test_a_repeat_releases_the_same_bytes() -> None:
    """Asked again, the same rows stay behind and the same bytes leave."""
    rows = [*people(20), *people(4, county="south")]
    house = House(rows=rows, agreements=under(5, 1, SUPPRESS))
    first, second = (house.ask(a_request(*RELEASE)) for _ in range(2))
    house.plans.close()

    assert [one.digest for one in first.chunks] == [one.digest for one in second.chunks]
    assert 20 == len(second.rows())


def test_rows_that_wait_are_limited() -> None:
    """More rows than may leave are refused while they gather, whatever would stay behind."""
    limits = dataclasses.replace(a_provision().limits, rows_per_request=9)
    agreements = under(5, 1, SUPPRESS, limits=limits)

    assert 9 == len(ask(people(9), agreements)[1].rows())
    house = House(rows=people(10), agreements=agreements)
    plan = dataclasses.replace(plan_for(agreements))
    plan = dataclasses.replace(plan, scan=dataclasses.replace(plan.scan, limit_rows=100))
    with pytest.raises(RefusedError) as refused:
        run(plan, people(10), 4)
    house.plans.close()
    assert Reason.ROW_LIMIT == refused.value.reason


def test_an_explanation_names_the_classes() -> None:
    """Both parties can read what must be alike, how many people, and what becomes of the others."""
    house = House(agreements=under(12, 2, SUPPRESS))
    said = house.broker.explain(a_request("run_id")).undecided
    denied = House(agreements=under(12)).broker.explain(a_request("run_id")).undecided
    house.plans.close()

    assert "classes: at least 12 distinct `patient_id` are alike in `county`, `age`" in said
    assert "classes: at least 2 values of `fatal` in each" in said
    assert any("their number is told from 12 people on" in line for line in said)
    assert "classes: another class refuses the whole exchange" in denied


def test_what_waits_is_limited_in_bytes() -> None:
    """Batches that fit are kept; one byte less of room, and the request is refused by ROW_LIMIT."""
    plan = plan_for(under(5))
    rows = people(5)
    columns = {name: [row[name] for row in rows] for name, _ in plan.scan.columns}
    batch = pa.RecordBatch.from_pydict(columns, schema=arrow_schema(plan.scan.columns))
    masked = run(plan_for(the_agreements(an_agreement(a_provision(RELEASE)))), rows)
    release = RowCheck(plan).check(plan, [tuple(row.values()) for row in masked], ())
    # Of each row a hash of its person waits besides.
    size = release.batch.nbytes + 5 * HASH_BYTES

    Gathering(plan, size).add(release, batch)
    with pytest.raises(RefusedError) as refused:
        Gathering(plan, size - 1).add(release, batch)
    assert (Reason.ROW_LIMIT, 6) == (refused.value.reason, refused.value.step)


class Careless(PlanEngine):
    """An engine that forgets classes."""

    def run(self, plan: Plan, *rest: Any) -> Any:
        """Run the plan as if none were asked for."""
        return super().run(dataclasses.replace(plan, classes=None), *rest)


def test_records_of_no_class_are_not_sent() -> None:
    """Without the figure of a whole release nothing is logged or sent, whatever the engine does."""
    engine = Careless(lambda _year: bytes(32), lambda: 2026, 1)
    house = House(rows=people(5), agreements=under(5), engine=engine)
    box = Outbox()

    with pytest.raises(ReleaseError, match="no class"):
        house.ask(a_request(*RELEASE), box)
    for one in (engine, house.plans):
        one.close()

    assert ([], []) == (house.log.of_kind("release"), box.sent)


# --- plan and check ---


def plan_for(agreements: Agreements) -> Plan:
    """Return the plan of a request for everything."""
    grant = decide(agreements, a_request(*RELEASE), Standing(), NOW)
    assert isinstance(grant, Grant)
    return Builder(TABLES, pseudonym_key).build(agreements, grant)


def test_a_plan_under_another_k_is_another_plan() -> None:
    """k, l, action and person are in the text that the log holds by digest."""
    texts = {
        plan_for(under(*each)).text
        for each in ((5, 1, DENY), (6, 1, DENY), (5, 2, DENY), (5, 1, SUPPRESS))
    }

    assert 4 == len(texts)


def test_a_table_in_classes_is_no_plan() -> None:
    """What no lint let by is refused once more where the plan is built."""
    provision = a_table_provision(anonymity=Anonymity(5, 1, DENY))
    agreements = the_agreements(an_agreement(provision))

    with pytest.raises(ReleaseError, match="anonymity"):
        ask([], agreements, "incident_date", "county", "patient_id")


def test_an_answer_a_row() -> None:
    """The check takes no answers that are of another batch."""
    plan = plan_for(under(5))
    release = RowCheck(plan).check(plan, [], ())

    with pytest.raises(ReleaseError, match="of this batch"):
        in_classes(release, np.ones(1, np.bool_), (), Crowd(0, 0, None))


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.none() | st.integers(0, 2**64 - 1), st.booleans()),
        max_size=40,
    )
)
@MODEST
def test_distinct_values_are_counted(rows: list[tuple[int, int | None, bool]]) -> None:
    """Of a class, in the rows that count, each value once and null never."""
    classes = np.array([one for one, _, _ in rows], np.int64)
    values = pl.Series([one for _, one, _ in rows], dtype=pl.UInt64)
    counting = np.array([one for _, _, one in rows], np.bool_)

    found = distinct(classes, 5, values, counting)

    want = [
        len({value >> 3 for at, value, on in rows if at == own and on and value is not None})
        for own in range(5)
    ]
    assert want == found.tolist()


def test_texts_are_told_apart() -> None:
    """A million different texts are a million people: hashes that meet are not to be seen."""
    count = 1_000_000
    values = pl.Series(pa.array([f"synthetic-{n}" for n in range(count)])).hash()

    one = distinct(np.zeros(count, np.int64), 1, values, np.ones(count, np.bool_))

    assert [count] == one.tolist()
