"""How alike the rows of a release are: the figure in every receipt, against the obvious."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.masks.identity import canon
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass, Redact
from gateway.masks.times import Truncate, Unit
from gateway.plan.likeness import FULL, Columns, Gathered
from gateway.plan.ops import Likeness
from tests.build import a_provision, a_request, an_agreement, the_agreements
from tests.core.house import House, records
from tests.core.test_oracle import plan_of
from tests.core.worlds import Drawn
from tests.fakes import MemorySource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.masks.base import Mask
    from gateway.values import Row

RELEASE: dict[str, Mask] = {
    "run_id": Pass(),
    "incident_date": Truncate(Unit.MONTH),
    "notified_at": Truncate(Unit.HOUR),
    "home_zip": Pass(),
    "county": Pass(),
    "age": Band(width=5, topcode=90),
    "fatal": Pass(),
}
ALIKE = ("incident_date", "notified_at", "home_zip", "county", "age")


def agreements_of(release: Mapping[str, Mask], *, who: bool) -> Any:  # noqa: ANN401
    """Return agreements that release these; with `who`, the plan reads the person."""
    duties = a_provision().duties
    owed = dataclasses.replace(duties, accounting="required" if who else duties.accounting)
    return the_agreements(an_agreement(a_provision(release, duties=owed)))


def left(
    rows: Sequence[Row],
    *,
    batch_rows: int = 8192,
    who: bool = True,
    release: Mapping[str, Mask] | None = None,
    asked: Sequence[str] = (),
) -> tuple[House, list[Any], list[Row]]:
    """Return the figure of an exchange and the rows that left, in their order."""
    masks = release or RELEASE
    house = House(
        agreements=agreements_of(masks, who=who), source=MemorySource(rows, batch_rows=batch_rows)
    )
    box = house.ask(a_request(*(asked or masks)))
    entries = house.log.of_kind("release")
    assert all("likeness" not in one.meta for one in entries[:-1])
    figure = entries[-1].meta["likeness"]
    receipt = box.sent[-1].receipt
    assert receipt is not None
    assert figure == json.loads(receipt.meta)["likeness"]
    return house, list(figure), box.rows()  # type: ignore[call-overload,return-value]


def obvious(rows: Sequence[Row], sent: Sequence[Row], names: Sequence[str], who: bool) -> list[Any]:  # noqa: FBT001
    """Return the figure by a dictionary of the rows that left."""
    classes: dict[tuple[object, ...], list[object]] = {}
    for row, out in zip(rows, sent, strict=True):
        key = tuple(out.get(name + end) for name in names for end in ("", ".why"))
        person = row["patient_id"]
        classes.setdefault(key, []).append(None if person is None else canon(str(person)))
    if not rows:
        return [0, 0, 0, "people" if who else "rows", 1]
    size = {k: len(set(some) - {None}) if who else len(some) for k, some in classes.items()}
    alone = sum(len(some) for key, some in classes.items() if size[key] <= 1)
    return [min(*size.values(), FULL), alone, len(rows), "people" if who else "rows", 1]


def drawn(count: int, seed: int) -> list[Row]:
    """Return made-up runs of few people in few places, some of them not known."""
    chance = random.Random(seed)  # noqa: S311 - made-up records
    made = records(count)
    for row in made:
        row["patient_id"] = chance.choice(["P-1", " P-1 ", "P-2", "P-3", "unknown", None, "P-4"])
        row["age"] = chance.choice([None, 3, 4, 44, 91, -1])
        row["county"] = chance.choice(["north", "south", "nowhere", None])
        row["home_zip"] = chance.choice(["01901", None, " "])
        row["incident_date"] = dt.date(2026, chance.randint(1, 3), 5)
        row["notified_at"] = dt.datetime(2026, 1, 1, chance.randint(0, 2), tzinfo=dt.UTC)
    return made


@pytest.mark.parametrize("who", [True, False])
@pytest.mark.parametrize("batch_rows", [1, 7, 33, 100, 8192])
def test_the_figure_is_the_obvious_one(batch_rows: int, who: bool) -> None:  # noqa: FBT001
    """Row by row, in columns, or both in one exchange: one figure, that of a dictionary."""
    rows = drawn(150, 4711)

    _, figure, sent = left(rows, batch_rows=batch_rows, who=who)

    assert obvious(rows, sent, ALIKE, who) == figure


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 90), st.integers(1, 60), st.booleans())
def test_any_rows_in_any_batches(seed: int, count: int, batch_rows: int, who: bool) -> None:  # noqa: FBT001
    """Also of none, of one, and of columns with more values than are masked one by one."""
    rows = drawn(count, seed)

    _, figure, sent = left(rows, batch_rows=batch_rows, who=who)

    assert obvious(rows, sent, ALIKE, who) == figure


def test_columns_of_many_values_meet_those_of_few() -> None:
    """A ZIP code of a batch of many different ones is that of a batch where all are alike."""
    many = [row | {"home_zip": f"{n % 400:05}", "age": 30} for n, row in enumerate(records(800))]
    same = [row | {"home_zip": "00007", "age": 30} for row in records(100)]
    rows = [one | {"notified_at": None, "incident_date": None} for one in (*many, *same)]

    _, figure, sent = left(rows, batch_rows=800)

    assert obvious(rows, sent, ALIKE, who=True) == figure


def test_one_is_alone_where_nobody_else_is_alike() -> None:
    """Two rows of one person are a class of one; a second person makes it a class of two."""
    twice = [row | {"patient_id": "P-1", "age": 30} for row in records(2, county="north")]
    alike = {"county": Pass(), "age": Pass()}

    assert [1, 2, 2, "people", 1] == left(twice, release=alike)[1]
    assert [2, 0, 2, "rows", 1] == left(twice, release=alike, who=False)[1]
    twice[1]["patient_id"] = "P-2"
    assert [2, 0, 2, "people", 1] == left(twice, release=alike)[1]


def test_only_what_leaves_counts() -> None:
    """A quasi-identifier that is not asked for, redacted, or no quasi-identifier, parts nobody."""
    rows = [row | {"county": "north"} for row in records(40)]

    assert [1, 40, 40] == left(rows, asked=["run_id", "age", "notified_at"])[1][:3]
    assert [40, 0, 40] == left(rows, asked=["run_id", "county"])[1][:3]
    assert [40, 0, 40] == left(rows, release={"run_id": Pass(), "age": Redact()})[1][:3]
    assert [40, 0, 40] == left(rows, release={"run_id": Pass(), "fatal": Pass()})[1][:3]


def test_an_exchange_without_rows_has_a_figure_of_none() -> None:
    """It is an answer too, and its receipt says so."""
    assert [0, 0, 0, "people", 1] == left([])[1]


# --- millions ---


def gathered(
    classes: np.ndarray[Any, Any], people: np.ndarray[Any, Any] | None, pairs_max: int
) -> tuple[Likeness, Gathered]:
    """Return the figure of rows whose one quasi-identifier is a number, in batches."""
    provision = a_provision({"run_id": Pass(), "age": Pass()})
    if people is not None:
        provision = dataclasses.replace(
            provision, duties=dataclasses.replace(provision.duties, accounting="required")
        )
    agreements = the_agreements(an_agreement(provision))
    plan = plan_of(Drawn(agreements, a_request(), [], provision, agreements.datasets[RUN]))
    made = Gathered(Columns(plan), pairs_max)
    for at in range(0, len(classes), 8192):
        part = slice(at, at + 8192)
        ages = pl.DataFrame({"age": classes[part]})
        whose = people[part] if people is not None else np.zeros(len(classes[part]), np.int64)
        originals = pl.DataFrame({"patient_id": [f"P-{one}" for one in whose]}).to_arrow()
        made.add({}, ages, originals.combine_chunks().to_batches()[0])
    return made.taken(), made


RUN = "ems.synthetic_run@1"
ROWS = 200_000


def numbers(high: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """Return so many numbers below a bound."""
    return np.random.default_rng(seed).integers(0, high, ROWS)


def test_beyond_what_is_kept_the_figure_is_of_a_part_and_says_so() -> None:
    """Memory ends where it was told to; what is said of a part is near what is true of all."""
    ages, people = numbers(90_000), numbers(10**9, 2)
    exact, _ = gathered(ages, people, 1 << 20)
    part, kept = gathered(ages, people, 10_000)

    assert (1, 1) == (exact.one_in, exact.smallest)
    assert (1, ROWS) == (part.smallest, part.rows)
    assert part.one_in >= 16
    assert kept.pairs <= 10_000
    assert abs(part.alone * part.one_in - exact.alone) / ROWS < 0.03
    counts = np.bincount(ages)
    assert int((counts == 1).sum()) == exact.alone


def test_a_part_does_not_tell_the_smallest_of_all() -> None:
    """Where nobody looked at was alone, somebody else may be: the smallest is not known."""
    ages = np.repeat(np.arange(ROWS // 4), 4)

    part, _ = gathered(ages, None, 5_000)
    exact, _ = gathered(ages, None, 1 << 20)

    assert (None, 0) == (part.smallest, part.alone)
    assert Likeness(4, 0, ROWS, "rows", 1) == exact


def test_a_class_of_a_thousand_is_counted_no_further() -> None:
    """A few classes of everybody are small to keep, and nobody in them is alone."""
    found, kept = gathered(numbers(3), numbers(10**9, 2), 10_000)
    least, _ = gathered(np.concatenate([numbers(3), [7] * 999]), None, 10_000)

    assert Likeness(FULL, 0, ROWS, "people", 1) == found
    assert 0 == kept.pairs
    assert Likeness(999, 0, ROWS + 999, "rows", 1) == least


def test_the_same_rows_give_the_same_figure() -> None:
    """Whatever their order: classes are looked at by their hash, never by chance."""
    ages, people = numbers(90_000), numbers(10**9, 2)
    order = np.random.default_rng(3).permutation(ROWS)

    one, _ = gathered(ages, people, 10_000)
    other, _ = gathered(ages[order], people[order], 10_000)

    assert one == other
