"""The laws for every rule, and three properties: hidden fields, order, and prohibitions."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreement.model import Never, Selectors
from gateway.decide import Grant, Refusal, Standing, decide
from gateway.engine.jobs import ROWS_AT_ONCE
from gateway.masks.cells import GeoGrid
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.places import Zip3
from gateway.masks.plain import Pass, Redact
from gateway.masks.tables import CountOnly
from gateway.plan.build import Builder
from gateway.plan.pushdown import arrow_schema
from gateway.values import AgencyKind, FieldClass, FieldType, Form, Means, Regime, Shape
from tests.build import (
    NOW,
    RUN,
    RUN_FIELDS,
    TABLES,
    a_dataset,
    a_field,
    a_floor,
    a_provision,
    a_request,
    an_agreement,
    pseudonym_key,
    the_agreements,
)
from tests.core.house import House, records
from tests.core.test_oracle import plan_of, run, spelled
from tests.core.worlds import Drawn, record_worlds, table_worlds

MODEST = settings(max_examples=40, derandomize=True, deadline=None)
CANARY = "canary-7f3a"


def plan_for(agreements: Any, *fields: str) -> Any:  # noqa: ANN401
    """Return the plan of a granted request."""
    grant = decide(agreements, a_request(*fields), Standing(), NOW)
    assert isinstance(grant, Grant)
    return Builder(TABLES, pseudonym_key).build(agreements, grant)


def test_l1_a_new_column_changes_nothing() -> None:
    """What is not released is absent: a field new at the source is in no scan, plan or output."""
    more = a_dataset([*RUN_FIELDS, a_field("new_field", FieldType.STRING)])

    before = plan_for(the_agreements(), "run_id", "age")
    after = plan_for(the_agreements(dataset=more), "run_id", "age")

    assert before.text == after.text
    assert before.scan == after.scan
    assert before.columns == after.columns


def test_l3_what_cannot_be_read_is_not_in_the_output() -> None:
    """A canary in each masked field leaves as a marker."""
    release = {
        "home_zip": Zip3("zip3@2020"),
        "county": Pass(),
        "narrative": Redact(),
        "impressions": Pass(),
    }
    agreements = the_agreements(an_agreement(a_provision(release)))
    spoiled = records(40, **dict.fromkeys(release, CANARY))
    for rows in (spoiled[:3], spoiled):
        box = House(agreements=agreements, rows=rows).ask(a_request(*release))

        assert len(rows) == len(box.rows())
        assert not any(CANARY.encode() in (chunk.arrow or b"") for chunk in box.chunks)


def test_l4_markers_are_kept_apart() -> None:
    """Missing and masked are told apart, in Arrow and in the rows form alike."""
    rows = [
        row | {"county": county} for county in (None, "atlantis", "north") for row in records(1)
    ]
    agreements = the_agreements(an_agreement(a_provision({"county": Pass()})))
    for form in Form:
        box = House(agreements=agreements, rows=rows).ask(a_request("county", form=form))
        [chunk] = box.chunks
        said: tuple[tuple[object, ...], ...] = chunk.rows or ()
        said = said or tuple(tuple(row.values()) for row in box.rows())

        assert ((None, "missing"), (None, "masked"), ("north", None)) == said


def test_l5_the_schema_is_the_plans() -> None:
    """An empty batch, a full one and a batch of nulls have the same columns and types."""
    release = {name: Pass() for name in ("run_id", "county", "age", "naloxone_mg", "fatal")}
    agreements = the_agreements(an_agreement(a_provision(release)))
    plan = plan_for(agreements, *release)
    schema = arrow_schema([(one.name, one.type) for one in plan.columns])
    empty: list[Any] = []
    for rows in (empty, records(3), records(40), records(40, **dict.fromkeys(release))):
        box = House(agreements=agreements, rows=rows).ask(a_request(*release))

        import pyarrow as pa  # noqa: PLC0415

        assert schema == pa.ipc.open_stream(box.chunks[0].arrow or b"").schema


def test_l9_a_mask_reads_the_original() -> None:
    """A latitude is judged with its own longitude, whatever becomes of that longitude."""
    fields = [a_field("x_lat", FieldType.NUMBER), a_field("x_lon", FieldType.NUMBER)]
    grid = GeoGrid("0.01", 100)
    dataset = a_dataset(fields, unit="x_lat", person=None, event_date=None, subjects=(), maps={})
    for other in (grid, Redact()):
        agreements = the_agreements(
            an_agreement(a_provision({"x_lat": grid, "x_lon": other})), dataset=dataset
        )
        plan = plan_for(agreements, "x_lat", "x_lon")

        assert "0.01:29" == run(plan, [{"x_lat": 0.29, "x_lon": 0.29}])[0]["x_lat"]


def test_l10_records_are_masked_and_cells_suppressed() -> None:
    """A plan suppresses exactly where it groups, and no count is made at record level."""
    assert plan_for(the_agreements()).group is plan_for(the_agreements()).suppress is None
    assert not any(isinstance(one.mask, CountOnly) for one in plan_for(the_agreements()).masks)


def test_l12_same_arguments_same_bytes() -> None:
    """Two houses with the same world release the same bytes, under the same plan."""
    first, second = (House(rows=records(50)).ask(a_request()) for _ in range(2))

    assert [one.arrow for one in first.chunks] == [one.arrow for one in second.chunks]
    assert plan_for(the_agreements()).digest == plan_for(the_agreements()).digest


def test_l12_a_plan_names_every_table_and_holds_no_key() -> None:
    """Another table, another list of codes or another key id is another plan.

    No key is in its text.
    """
    release = {
        "home_zip": Zip3("zip3@2020"),
        "county": Pass(),
        "run_id": Pseudonym(Method.HMAC, Scope.PROVISION, "never"),
    }
    agreements = the_agreements(an_agreement(a_provision(release)))
    grant = decide(agreements, a_request(*release), Standing(), NOW)
    assert isinstance(grant, Grant)
    secret = b"canary key of thirty-two bytes.."

    def built(tables: Any = TABLES, key_id: str = "k1", used: Any = agreements) -> Any:  # noqa: ANN401
        return Builder(tables, lambda *_: (key_id, secret)).build(used, grant)

    plan = built()
    table = dataclasses.replace(TABLES["zip3@2020"], sha256="1" * 64)
    codes = dataclasses.replace(agreements.codes, lists={"county": ("north",)})

    assert plan.digest != built(TABLES | {"zip3@2020": table}).digest
    assert plan.digest != built(key_id="k2").digest
    assert plan.digest != built(used=dataclasses.replace(agreements, codes=codes)).digest
    for text in (plan.text.decode(), repr(plan), str(plan.columns)):
        assert secret.decode() not in text
        assert secret.hex() not in text


# --- properties ---


@given(record_worlds(), st.randoms(use_true_random=False))
@MODEST
def test_l7_order_and_batches_change_no_record(world: Drawn, chance: Any) -> None:  # noqa: ANN401
    """Shuffled rows, in batches of any size and with columns in any order, are the same rows."""
    plan = plan_of(world)
    shuffled = [dict(chance.sample(list(row.items()), len(row))) for row in world.rows]
    chance.shuffle(shuffled)

    whole = run(plan, world.rows)
    cut = run(plan, shuffled, chance.randint(1, 3))

    assert sorted(spelled(whole)) == sorted(spelled(cut))


@given(table_worlds(), st.randoms(use_true_random=False))
@MODEST
def test_l7_order_and_batches_change_no_table(world: Drawn, chance: Any) -> None:  # noqa: ANN401
    """A table has one order of its cells, whatever the order of the rows."""
    plan = plan_of(world)
    shuffled = list(world.rows)
    chance.shuffle(shuffled)

    assert spelled(run(plan, world.rows)) == spelled(run(plan, shuffled, chance.randint(1, 3)))


@given(st.one_of(record_worlds(), table_worlds()))
@MODEST
def test_hidden_fields_never_change_the_output(world: Drawn) -> None:
    """Non-interference: what the plan does not read may be anything; what it reads is named."""
    plan = plan_of(world)
    read = set(plan.scan.names) | {one.field for one in plan.scan.where}
    hidden = [row | {name: CANARY for name in row if name not in read} for row in world.rows]

    house = House(agreements=world.agreements, rows=world.rows)
    other = House(agreements=world.agreements, rows=hidden)

    assert "hidden" not in read
    assert house.ask(world.request).digests == other.ask(world.request).digests
    house.plans.close()
    other.plans.close()


@given(record_worlds())
@MODEST
def test_what_a_redacted_field_holds_changes_nothing(world: Drawn) -> None:
    """A field that leaves as `masked` or as a constant may hold anything, null included."""
    provision = world.provision
    released = {name: Redact() for name in provision.release}
    bare = dataclasses.replace(provision, release=released, when=())
    agreements = the_agreements(an_agreement(bare), dataset=world.dataset)
    request = dataclasses.replace(
        world.request, terms=dataclasses.replace(world.request.terms, where=())
    )
    plan = plan_of(dataclasses.replace(world, agreements=agreements, request=request))
    emptied = [dict.fromkeys(row) for row in world.rows]

    assert run(plan, world.rows) == run(plan, emptied)
    assert run(plan, world.rows * ROWS_AT_ONCE) == run(plan, emptied * ROWS_AT_ONCE)


def some(values: Any) -> st.SearchStrategy[frozenset[Any]]:  # noqa: ANN401
    """Draw a selector: empty, or some values."""
    return st.frozensets(st.sampled_from(list(values)), max_size=2)


SELECTORS = st.builds(
    Selectors,
    from_kind=some([AgencyKind.EMS, AgencyKind.FIRE]),
    to_kind=some([AgencyKind.PUBLIC_HEALTH, AgencyKind.LAW_ENFORCEMENT]),
    dataset=some([RUN.name, "ems.other"]),
    field=some([f"{RUN.name}.dim", f"{RUN.name}.day", f"{RUN.name}.person"]),
    field_class=some(FieldClass),
    means=some([Means.OTHER, Means.PERSON_ID, Means.EVENT_TIME]),
    free_text=st.sampled_from([None, None, False, True]),
    regime=some([Regime.HIPAA, Regime.PART2]),
    purpose=some(["public_health", "public_health.surveillance", "care"]),
    shape=some(Shape),
)


@given(st.one_of(record_worlds(), table_worlds()), SELECTORS, st.booleans())
@settings(max_examples=120, derandomize=True, deadline=None)
def test_adding_a_prohibition_never_widens(world: Drawn, when: Selectors, floor: bool) -> None:  # noqa: FBT001
    """A grant stays the same grant or becomes a refusal; a refusal stays one."""
    rule = Never("N1-drawn", "9.9", when, onward=False)
    narrower = the_agreements(
        an_agreement(world.provision, never=() if floor else (rule,)),
        dataset=world.dataset,
        floor=a_floor(rule) if floor else a_floor(),
        codes=world.agreements.codes,
    )
    builder = Builder(TABLES, pseudonym_key)

    for request in (world.request, dataclasses.replace(world.request, caller=OTHER)):
        before = decide(world.agreements, request, Standing(), NOW)
        after = decide(narrower, request, Standing(), NOW)

        if isinstance(before, Refusal):
            assert isinstance(after, Refusal)
        elif isinstance(after, Grant):
            old, new = builder.build(world.agreements, before), builder.build(narrower, after)
            assert (old.columns, old.scan.names) == (new.columns, new.scan.names)
            assert (old.where, old.limit, old.group) == (new.where, new.limit, new.group)


OTHER = a_request().caller
OTHER = dataclasses.replace(OTHER, agency="synthetic-pd")


def test_a_request_for_less_releases_no_more() -> None:
    """Columns of a narrower request are among those of a wider one, with the same masks."""
    release = {"run_id": Pass(), "age": Pass(), "home_zip": Zip3("zip3@2020")}
    agreements = the_agreements(an_agreement(a_provision(release)))
    wide = plan_for(agreements, *release)

    for name in release:
        narrow = plan_for(agreements, name)
        assert set(narrow.columns) <= set(wide.columns)
        assert set(narrow.scan.names) <= set(wide.scan.names)


def test_rows_leave_with_types_of_the_wire() -> None:
    """A date is a date, an instant an instant in UTC, in both forms."""
    release = {"incident_date": Pass(), "notified_at": Pass()}
    agreements = the_agreements(an_agreement(a_provision(release)))
    box = House(agreements=agreements, rows=records(1)).ask(
        a_request(*release, form=Form.ROWS)
    )  # fmt: skip
    assert box.chunks[0].rows is not None
    day, instant = box.chunks[0].rows[0]

    assert type(day) is dt.date
    assert isinstance(instant, dt.datetime)
    assert dt.timedelta(0) == instant.utcoffset()
