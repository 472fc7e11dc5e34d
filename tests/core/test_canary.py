"""A canary in every field, literal and backend error is in no entry and no message of the core."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import AccordError, Reason, SourceError
from gateway.masks.plain import Pass
from gateway.values import FieldType, Form, Operator
from tests.build import (
    RUN_FIELDS,
    a_caller,
    a_condition,
    a_provision,
    a_request,
    a_table_provision,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import Faults, MemoryLog, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from gateway.values import Request, Row, Scalar

TEXT = "canary-5d1e-"
NUMBER = 918_273_645
ALL = tuple(one.name for one in RUN_FIELDS)
SIGNS = (TEXT, str(NUMBER), "1918-02-17")


def canaries(count: int) -> list[Row]:
    """Return records with a sign in every field."""
    made: dict[FieldType, Scalar] = {
        FieldType.STRING: TEXT,
        FieldType.CODE: TEXT,
        FieldType.INTEGER: NUMBER,
        FieldType.NUMBER: float(NUMBER),
        FieldType.BOOLEAN: True,
        FieldType.DATE: dt.date(1918, 2, 17),
        FieldType.TIMESTAMP: dt.datetime(1918, 2, 17, 4, 5, 6, tzinfo=dt.UTC),
        FieldType.LIST: f'["{TEXT}"]',
    }
    return [
        {
            one.name: f"{TEXT}{number}" if one.type is FieldType.STRING else made[one.type]
            for one in RUN_FIELDS
        }
        for number in range(count)
    ]


WHERE = [
    a_condition("run_id", Operator.NE, f"{TEXT}-literal"),
    a_condition("age", Operator.IN, NUMBER, NUMBER + 1),
    a_condition("incident_date", Operator.LTE, dt.date(1918, 2, 17)),
]
EVERYTHING = the_agreements(an_agreement(a_provision({name: Pass() for name in ALL})))


def shuffled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the columns in another order."""
    return batch.select(list(reversed(batch.schema.names)))


FAULTS: list[Callable[[], House]] = [
    lambda: House(agreements=EVERYTHING, rows=canaries(3)),
    lambda: House(agreements=EVERYTHING, rows=canaries(50)),
    lambda: House(agreements=EVERYTHING, rows=canaries(3), log=MemoryLog(full_at="release")),
    lambda: House(agreements=EVERYTHING, rows=canaries(3), log=MemoryLog(full_at="intent")),
    lambda: House(agreements=EVERYTHING, rows=canaries(3), log=MemoryLog(full_at="receipt")),
    lambda: broken(Faults(dies_after=0, error=RuntimeError(f"{TEXT} in a driver's message"))),
    lambda: broken(Faults(dies_after=1, error=ValueError(TEXT))),
    lambda: broken(
        Faults(dies_after=0, error=SourceError(Reason.PROVIDER_REFUSED, "the provider refused"))
    ),
    lambda: broken(Faults(reshape=shuffled)),
    lambda: broken(Faults(reshape=lambda batch: batch.slice(0, 1).drop_columns(["age"]))),
    lambda: House(agreements=tight(), rows=canaries(3)),
    lambda: House(agreements=EVERYTHING, rows=canaries(1), tables={}),
]


def broken(faults: Faults) -> House:
    """Return a house whose source breaks."""
    house = House(agreements=EVERYTHING, rows=canaries(3))
    house.source.faults = faults
    return house


def tight() -> Any:  # noqa: ANN401
    """Return agreements under which one row a day leaves."""
    provision = a_provision({name: Pass() for name in ALL})
    limits = dataclasses.replace(provision.limits, rows_per_day=1)
    return the_agreements(an_agreement(dataclasses.replace(provision, limits=limits)))


def all_said(house: House, error: BaseException | None) -> str:
    """Return everything that the log and an error of the tree say."""
    said = [repr(draft) for draft in house.log.drafts]
    said += [repr(one) for one in house.log.kept]
    if isinstance(error, AccordError):
        said += [str(error), error.message, repr(dict(error.variables)), repr(vars(error))]
    return "\n".join(said)


def ask(house: House, request: Request) -> BaseException | None:
    """Carry out a request; return what it raised."""
    try:
        house.ask(request, Outbox())
    except Exception as error:  # noqa: BLE001 - whatever it is, its text is looked at
        return error
    finally:
        house.plans.close()
    return None


@pytest.mark.parametrize("make", FAULTS)
@pytest.mark.parametrize("form", list(Form))
def test_no_value_of_a_record_is_said(make: Callable[[], House], form: Form) -> None:
    """Whatever goes wrong, entries and messages hold names, counts and digests only."""
    house = make()

    error = ask(house, a_request(*ALL, where=WHERE, form=form))

    assert not [sign for sign in SIGNS if sign in all_said(house, error)]


REFUSED: list[Request] = [
    a_request(*ALL, where=[a_condition("age", Operator.EQ, TEXT)]),
    a_request(*ALL, where=[a_condition(TEXT, Operator.EQ, TEXT)]),
    a_request(TEXT),
    a_request(*ALL, purpose=TEXT),
    a_request(*ALL, provider=TEXT),
    a_request(*ALL, caller=a_caller("synthetic-pd"), recipient=TEXT),
    a_request("county", where=[a_condition("incident_date", Operator.EQ, dt.date(1918, 2, 17))]),
]


@pytest.mark.parametrize("request_", REFUSED)
@pytest.mark.parametrize("table", [False, True])
def test_no_word_of_a_caller_is_repeated(request_: Request, table: bool) -> None:  # noqa: FBT001
    """A refusal names what the files name.

    What only the caller wrote is in no entry and no message.
    """
    agreements = the_agreements(an_agreement(a_table_provision())) if table else EVERYTHING
    house = House(agreements=agreements, rows=canaries(1))

    error = ask(house, request_)

    assert not [sign for sign in SIGNS if sign in all_said(house, error)]


def test_the_signs_would_be_seen() -> None:
    """The records do hold them, and a message that held one would be found."""
    box = House(agreements=EVERYTHING, rows=canaries(1)).ask(a_request(*ALL))

    assert TEXT in repr(box.rows())
    assert TEXT in all_said(House(), AccordError(Reason.INTERNAL, f"{TEXT}"))
    assert len(records(1)[0]) == len(ALL)


@pytest.mark.parametrize("index", range(len(FAULTS)))
def test_only_errors_of_the_tree_leave_but_what_a_port_threw(index: int) -> None:
    """What the core itself finds wrong is an error with a reason."""
    error = ask(FAULTS[index](), a_request(*ALL, where=WHERE))

    assert error is None or isinstance(error, AccordError) or TEXT in str(error)
