"""The vectors of `tests/vectors`, through the broker, both paths of the engine, and the oracle."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.agreement import parse
from gateway.agreement.index import Signed
from gateway.agreement.yaml import read
from gateway.decide import Grant, Standing, decide
from gateway.engine.jobs import ROWS_AT_ONCE
from gateway.errors import AccordError, RefusedError
from gateway.values import Condition, FieldType, Operator, Request, Scalar
from tests.build import AGENCIES, a_caller, a_floor, a_request, span, the_agreements
from tests.core.house import House
from tests.core.test_oracle import run, spelled, with_tokens
from tests.fakes import FixedClock, MemoryCounters, Outbox
from tests.reference import held_back_besides, interpret

FOLDER = Path(__file__).parents[1] / "vectors"
TOWN = FOLDER / "town"
KEYS = {
    "claim", "provision", "never", "floor_never", "signed", "now", "ask", "where", "role", "caller",
    "purpose", "given", "rows", "expect", "clause", "out", "out_rows", "same", "table",
}  # fmt: skip


def _load(path: Path) -> Any:  # noqa: ANN401 - a file of the tests' own
    return yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)


VECTORS = [
    pytest.param(vector, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for number, vector in enumerate(_load(path), 1)
]
DATASET = parse.dataset(read((TOWN / "dataset.yaml").read_bytes(), file="dataset.yaml"))
ATTESTED = [dataclasses.replace(one, attested_for=span("P10Y")) for one in AGENCIES]
CODES = parse.codes(read((TOWN / "codes.yaml").read_bytes(), file="codes.yaml"))
PARSED: dict[FieldType, Any] = {
    FieldType.DATE: dt.date.fromisoformat,
    FieldType.TIMESTAMP: dt.datetime.fromisoformat,
    FieldType.NUMBER: float,
}


def _typed(name: str, value: Any) -> Scalar:  # noqa: ANN401
    convert = PARSED.get(DATASET.fields[name].type)
    made: Scalar = convert(value) if convert and value is not None else value
    return made


def _agreement(vector: dict[str, Any]) -> Any:  # noqa: ANN401
    file = _load(TOWN / "agreement.yaml")
    [provision] = file["provisions"]
    if vector.get("table"):
        provision |= _load(TOWN / "table.yaml")
    provision |= vector.get("provision", {})
    released = provision["release"]
    provision["withhold"] = [name for name in DATASET.fields if name not in released] or "none"
    file["never"] = vector.get("never", "none")
    text = json.dumps(file)  # every text quoted, as the strict reader wants it
    return parse.agreement(read(text.encode(), file="agreement.yaml"), {str(DATASET.id): DATASET})


def _never(rules: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    file = _load(TOWN / "agreement.yaml") | {"never": rules or "none"}
    file["provisions"][0]["withhold"] = "none"
    return parse.agreement(read(json.dumps(file).encode(), file="floor.yaml")).never


def _rows(vector: dict[str, Any]) -> list[dict[str, Scalar]]:
    made: list[dict[str, Scalar]] = []
    for row in vector.get("rows", []):
        for _ in range(row.get("times", 1)):
            person = {"patient_id": f"P-{len(made)}"} if "times" in row else {}
            held = person | {name: value for name, value in row.items() if name != "times"}
            made.append({name: _typed(name, held.get(name)) for name in DATASET.fields})
    return made


def _request(vector: dict[str, Any]) -> Request:
    where = [
        Condition(one["field"], Operator(one["op"]), (_literal(one),))
        for one in vector.get("where", [])
    ]
    roles = [vector["role"]] if "role" in vector else []
    caller = a_caller(vector.get("caller", "synthetic-phd"), *roles)
    terms = {"purpose": vector["purpose"]} if "purpose" in vector else {}
    return a_request(*vector["ask"], where=where, caller=caller, **terms)


def _literal(one: dict[str, Any]) -> Scalar:
    kind = DATASET.fields[one["field"]].type
    return _typed(one["field"], one["value"]) if kind is FieldType.DATE else one["value"]


def _spoken(cells: list[dict[str, Any]], vector: dict[str, Any]) -> list[dict[str, Any]]:
    """Return rows as a vector writes them: pseudonyms by their word, only columns that it names."""
    named = {name for row in vector.get("out", []) for name in row}

    def say(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, dt.datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, dt.date):
            return value.isoformat()
        if isinstance(value, str) and len(value) == 64:
            return "pseudonym"
        if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value):
            return "token"
        return value

    optional = {name for cell in cells for name in cell if name.endswith(".why")} - named
    return [
        {name: say(value) for name, value in cell.items() if name not in optional} for cell in cells
    ]


def test_there_are_vectors_and_each_says_what_is_known() -> None:
    """At least forty; a key that this runner does not know is an error, not a remark."""
    vectors = [one.values[0] for one in VECTORS]

    assert len(vectors) >= 40
    assert all(set(one) <= KEYS for one in vectors)  # type: ignore[call-overload]


@pytest.mark.parametrize("vector", VECTORS)
def test_vector(vector: dict[str, Any]) -> None:
    """What the claim says comes of it, by every way there is."""
    floor = a_floor(*_never(vector.get("floor_never", [])))
    agreements = the_agreements(
        _agreement(vector),
        dataset=DATASET,
        codes=CODES,
        floor=floor,
        signed=Signed(vector.get("signed", "signed")),
        agencies=ATTESTED,
    )
    given = dict(vector.get("given", {}))
    if "periods_released" in given:
        days = frozenset(map(dt.date.fromisoformat, given["periods_released"]))
        given["periods_released"] = days
    standing = Standing(**given)
    now = dt.datetime.fromisoformat(vector.get("now", "2026-07-20T12:00:00Z"))
    rows, request, box = _rows(vector), _request(vector), Outbox()
    house = House(
        agreements=agreements, rows=rows, clock=FixedClock(now), counters=MemoryCounters(standing)
    )

    outcome, clause = "released", ""
    try:
        house.ask(request, box)
    except RefusedError as error:
        # A refusal has its own entry; what a limit cuts short in the middle is an error.
        told = f"refused {error.reason} at {error.step}"
        outcome = told if error.index >= 0 else f"error {error.reason}"
        clause = error.clause
    except AccordError as error:
        outcome = f"error {error.reason}"
    house.plans.close()

    assert vector["expect"] == outcome
    assert vector.get("clause", clause) == clause
    if outcome != "released":
        assert [] == box.sent
        return
    found = box.rows()
    assert vector.get("out_rows", len(found)) == len(found)
    if "out" in vector:
        assert vector["out"] == _spoken(found, vector)
    for place in vector.get("same", []):
        name = vector["ask"][0]
        assert found[vector["same"][0]][name] == found[place][name]
    grant = decide(agreements, request, standing, now)
    assert isinstance(grant, Grant)
    plan = house.builder.build(agreements, grant)
    expected = interpret(with_tokens(plan, house.vault), rows)
    if plan.group is not None and plan.group.margins:
        assert held_back_besides(expected, found)
        return
    assert sorted(spelled(expected)) == sorted(spelled(found))
    if plan.group is None and rows:
        many = rows * (ROWS_AT_ONCE + 1)
        plan = dataclasses.replace(
            plan,
            limit=dataclasses.replace(plan.limit, rows=len(many)),
            scan=dataclasses.replace(plan.scan, limit_rows=len(many)),
        )
        left = run(plan, many, vault=house.vault)
        assert spelled(interpret(with_tokens(plan, house.vault), many)) == spelled(left)
