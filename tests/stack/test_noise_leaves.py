"""A table with noise through a whole county: drawn by OpenDP, paid for, told in receipt and log."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import Reason, RefusedError
from gateway.values import Condition, DatasetId, Operator
from tests.stack.county import HRO, PHD, closed, generous, request, town
from tests.stack.sources import Memory, record

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.values import Request
    from tests.stack.county import Town

pytest.importorskip("opendp", reason="needs the extra `dp`")

CONTACT = DatasetId("harm_reduction.outreach_contact", 1)
NOISE = 'noise: {mechanism: discrete_gaussian, rho: "0.05", bound: 2, budget: "0.1"}'
GROUPS = {"homeless", "institution", "permanent", "temporary", "unknown"}
SCALE = 4.47265625
"""Of rho 0.05 and two cells: the least 1,024th that is no less than sqrt(20)."""
FAR = 6.2 * SCALE
"""So far off is a number but once in a thousand million times."""
HOMELESS = 400


def noisy(folder: Path) -> Callable[[str], str]:
    """Return an edit: the outreach table has noise, and the floor permits it."""

    def edit(text: str) -> str:
        floor = folder / "agreements" / "_floor.yaml"
        floor.write_text(f"{floor.read_text()}permits: [noise]\n")
        start = text.index("id: P6-outreach-counts")
        said = f"colluding: all, {NOISE},"
        return generous(text[:start] + text[start:].replace("colluding: all,", said, 1))

    return edit


def contacts(month: dt.date) -> list[dict[str, Any]]:
    """Return contacts of made-up people, each met thrice; nobody is housed."""
    return [
        record(
            CONTACT,
            0,
            contact_id=f"SYNTHETIC-{one}-{time}",
            person_id=f"SYNTHETIC-{one}",
            contact_date=month,
            time_precision="day",
            living_situation="116",
        )
        for one in range(HOMELESS)
        for time in range(3)
    ]


def ask(back: int) -> Request:
    """Return the epidemiologists' request for a closed month."""
    return request(
        HRO,
        PHD,
        str(CONTACT),
        "public_health.surveillance",
        "contact_date living_situation person_id",
        where=[Condition("contact_date", Operator.EQ, (closed(back),))],
    )


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Return a county whose outreach counts have noise, over contacts of two months."""
    folder = tmp_path_factory.mktemp("noise") / "county"
    source = Memory({CONTACT: contacts(closed(0)) + contacts(closed(1))})
    source.unscanned = True  # made-up contacts are not about what a field misplaces
    with town(folder, edit=noisy(folder), adapters={HRO: source}) as made:
        yield made


def test_the_whole_way(county: Town, tmp_path: Path) -> None:
    """Explained, drawn, told, repeated, spent to the end, refused, and verified by an auditor."""
    asked = ask(0)
    told = county.explain(asked)
    got = county.ask(asked)

    numbers = {row["living_situation"]: row["people"] for row in got.rows}
    assert GROUPS | {None} >= numbers.keys() >= GROUPS
    assert abs(numbers.pop("homeless") - HOMELESS) < FAR
    assert all(abs(number) < FAR for number in numbers.values())
    assert "people.why" not in got.rows[0]

    note = got.header.noise
    assert note is not None
    figures = ["discrete_gaussian", "0.05", str(SCALE), "2"]
    assert figures == [note.mechanism, note.rho, note.scale, note.bound]
    assert note == told.header.noise
    assert [*figures, "person_id", "0.05"] == json.loads(got.receipt.meta)["noise"]
    assert math.isclose(SCALE, math.sqrt(2 / 0.1), rel_tol=1e-3)

    assert got.bodies == county.ask(asked).bodies, "a repeat is the same draw"
    assert [(50_000, PHD)] == ledger(county)

    county.ask(ask(1))
    with pytest.raises(RefusedError) as refused:
        county.ask(ask(2))
    assert (Reason.BUDGET_SPENT, 6, "4.6") == (
        refused.value.reason, refused.value.step, refused.value.clause,
    )  # fmt: skip
    assert [(50_000, PHD)] * 2 == ledger(county)
    assert ["0.05", "0", "0.05"] == [
        meta["noise"][-1] for _, kind, meta in county.entries() if kind == "release"
    ]
    assert [] == county.audit(tmp_path / "log")


def ledger(county: Town) -> list[tuple[int, str]]:
    """Return what the ledger holds: rho and recipient."""
    with closing(sqlite3.connect(county.database)) as connection:
        return connection.execute("SELECT rho, recipient FROM noise_ledger ORDER BY seq").fetchall()
