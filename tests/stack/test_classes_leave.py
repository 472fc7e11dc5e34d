"""Records in classes through a whole county: refused, or with small classes left behind."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import Reason, RefusedError
from gateway.values import Form
from tests.stack.county import EMS, PHD, generous, now, request, town
from tests.stack.sources import RUN, Memory, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.values import Request
    from tests.stack.county import Town

K = 12


def asking(action: str) -> Any:  # noqa: ANN401 - an edit of an agreement
    """Return an edit: the epidemiologists' runs leave in classes of twelve people."""

    def edit(text: str) -> str:
        start = text.index("id: P3-overdose-runs")
        said = f"    anonymity: {{k: {K}, l: 1, action: {action}}}\n    release:"
        return generous(text[:start] + text[start:].replace("    release:", said, 1))

    return edit


def runs_of(people: int, age: int, rows: int = 1) -> list[dict[str, Any]]:
    """Return runs of so many made-up people of one age, alike in everything else."""
    day = now().date() - dt.timedelta(days=2)
    fixed = {"incident_date": day, "time_precision": "day", "age_unit": "years", "age": age}
    return [
        record(
            RUN,
            0,
            **fixed,
            patient_id=f"SYNTHETIC-{age}-{one}",
            pcr_uuid=f"SYNTHETIC-{age}-{one}-{row}",
        )
        for one in range(people)
        for row in range(rows)
    ]


def ask(form: Form = Form.ROWS, fields: str = "pcr_uuid age sex") -> Request:
    """Return the epidemiologists' request."""
    return request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", fields, form=form)


@pytest.fixture(scope="module")
def source() -> Memory:
    """Return the EMS records, to be set by each test."""
    made = Memory({RUN: []})
    made.unscanned = True  # made-up places are in no list, and this is about who is alike
    return made


@pytest.fixture(scope="module")
def denying(tmp_path_factory: pytest.TempPathFactory, source: Memory) -> Iterator[Town]:
    """Return a county whose agreement refuses small classes."""
    folder = tmp_path_factory.mktemp("denying") / "county"
    with town(folder, edit=asking("deny"), adapters={EMS: source}) as made:
        yield made


@pytest.fixture(scope="module")
def suppressing(tmp_path_factory: pytest.TempPathFactory, source: Memory) -> Iterator[Town]:
    """Return a county whose agreement lets small classes stay behind."""
    folder = tmp_path_factory.mktemp("suppressing") / "county"
    with town(folder, edit=asking("suppress_rows"), adapters={EMS: source}) as made:
        yield made


@pytest.mark.parametrize("form", list(Form))
def test_twelve_people_leave_and_eleven_are_refused(
    denying: Town, source: Memory, form: Form
) -> None:
    """The refusal names step, clause and cause; nothing left, and the log says how it ended."""
    source.records[RUN] = runs_of(K, 34)
    assert K == len(denying.ask(ask(form)).rows)

    source.records[RUN] = runs_of(K, 34) + runs_of(K - 1, 47, rows=2)
    with pytest.raises(RefusedError) as refused:
        denying.ask(ask(form))

    error = refused.value
    assert (Reason.DISCLOSURE_RISK, 10, "k", "4.3") == (
        error.reason, error.step, error.cause, error.clause,
    )  # fmt: skip
    outcome = denying.outcome(error.exchange_id)
    assert ("DISCLOSURE_RISK", 0) == (outcome["code"], outcome["chunks"])


@pytest.mark.parametrize(("gone", "told"), [(K - 1, None), (2 * K - 2, 2 * K - 2)])
def test_small_classes_stay_behind(
    suppressing: Town, source: Memory, gone: int, told: int | None
) -> None:
    """The large class leaves whole; receipt and log have the figure, and no small number."""
    lone = [runs_of(K - 1, age) for age in (47, 82)][: gone // (K - 1)]
    source.records[RUN] = [*runs_of(K + 8, 34, rows=3), *(row for rows in lone for row in rows)]

    got = suppressing.ask(ask())

    assert 3 * (K + 8) == len(got.rows)
    assert {"30-34"} == {row["age"] for row in got.rows}
    assert [K + 8, 3 * (K + 8), told] == json.loads(got.receipt.meta)["crowd"]
    assert told == suppressing.outcome(got.header.exchange_id)["rows_suppressed"]


def test_the_log_of_classes_verifies(suppressing: Town, source: Memory, tmp_path: Path) -> None:
    """An entry with the figure is one that the auditor's verifier knows."""
    source.records[RUN] = runs_of(K, 34)
    suppressing.ask(ask())

    assert [] == suppressing.audit(tmp_path / "log")


def test_what_classes_read_is_explained_and_not_sent(suppressing: Town, source: Memory) -> None:
    """Who a person is, and columns that were not asked for, are read, and stay in the gateway."""
    source.records[RUN] = runs_of(K, 34)
    asked = ask(fields="sex")

    told = suppressing.explain(asked)
    got = suppressing.ask(asked)

    assert {"patient_id", "age", "incident_date"} <= set(told.reads)
    assert any(line.startswith(f"classes: at least {K} distinct `patient_id`")
               for line in told.undecided)  # fmt: skip
    assert {"sex", "sex.why"} == set(got.rows[0])
    assert "SYNTHETIC" not in str(got.rows)
