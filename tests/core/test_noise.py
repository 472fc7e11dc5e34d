"""Tables with noise through the broker: bounded, drawn once, paid for, never beside exact ones."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.aggregate import NoiseRule
from gateway.broker.memory import remembered
from gateway.errors import AccordError, LogError, Reason
from gateway.masks.plain import Pass
from gateway.values import Form, Operator
from tests.build import (
    CODES,
    EMS,
    PD,
    PHD,
    RUN,
    SURVEILLANCE,
    a_caller,
    a_condition,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import MemoryCounters, MemoryLog, Outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.model import Provision
    from gateway.values import Request, Row

APRIL, MAY, JUNE = (dt.date(2026, month, 1) for month in (4, 5, 6))
ASKED = ("incident_date", "county", "patient_id")
OTHER = "care.outreach"
LEVELS = 3 + 2
"""Counties of the list, and where there is none: missing and masked."""


def noised(
    purpose: str = SURVEILLANCE,
    *,
    rho: int = 50_000,
    bound: int = 3,
    budget: int = 100_000,
    colluding: frozenset[str] | None = None,
) -> Provision:
    """Return a provision that counts people by month and county, with noise."""
    made = an_aggregate()
    rules = dataclasses.replace(
        made.disclosure,
        noise=NoiseRule("discrete_gaussian", rho, bound, budget),
        colluding=colluding,
    )
    return a_flow(purpose, dataclasses.replace(made, disclosure=rules))


def exact(purpose: str) -> Provision:
    """Return the same provision with exact numbers."""
    return a_flow(purpose, an_aggregate())


def a_flow(purpose: str, aggregate: Aggregate) -> Provision:
    """Return a provision for a purpose: to public health, and for the other one to the police."""
    made = a_table_provision(aggregate)
    recipient = "pd" if purpose == OTHER else made.flow.recipient
    flow = dataclasses.replace(made.flow, purposes=(purpose,), recipient=recipient)
    return dataclasses.replace(made, id=f"p-{purpose[:4]}", flow=flow)


def people(count: int, **fixed: object) -> list[Row]:
    """Return runs of as many people in the north in May."""
    return records(count, **{"county": "north", "incident_date": MAY, **fixed})


def a_house(rows: Sequence[Row], *provisions: Provision, log: MemoryLog | None = None) -> House:
    """Return a house under one agreement with these provisions."""
    agreements = the_agreements(an_agreement(*(provisions or (noised(),))))
    log = log or MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(agreements=agreements, rows=rows, log=log, counters=counters)


def asking(
    number: int, *periods: dt.date, purpose: str = SURVEILLANCE, form: Form = Form.ARROW
) -> Request:
    """Return a request for some months, of whoever asks for the purpose."""
    to = PD if purpose == OTHER else PHD
    return a_request(
        *ASKED,
        where=[a_condition("incident_date", Operator.IN, *(periods or (MAY,)))],
        purpose=purpose,
        recipient=to,
        caller=a_caller(to),
        form=form,
        request_id=f"00000000-0000-4000-8000-{number:012}",
    )


def numbers(box: Outbox) -> dict[tuple[str, str], int]:
    """Return each number by month and county, or why there is none."""
    return {
        (str(row["incident_date"]), str(row["county"] or row["county.why"])): row["people"]  # type: ignore[misc]
        for row in box.rows()
    }


def reason_of(house: House, request: Request) -> tuple[Reason, int, str, str]:
    """Return why a request fails: reason, step, clause and cause."""
    with pytest.raises(AccordError) as raised:
        house.ask(request)
    error = raised.value
    return (
        error.reason,
        getattr(error, "step", 0),
        getattr(error, "clause", ""),
        error.variables.get("cause", ""),
    )


# --- what leaves ---


def test_every_cell_leaves_with_noise_and_without_a_threshold() -> None:
    """Five people, and nobody at all: each cell of the declared levels has a number."""
    found = numbers(a_house(people(5)).ask(asking(1)))

    may = str(MAY)
    assert {
        (may, "north"): 1_005,
        (may, "south"): 1_000,
        (may, "west"): 1_000,
        (may, "missing"): 1_000,
        (may, "masked"): 1_000,
    } == found


def test_the_cells_hang_on_the_plan_alone() -> None:
    """No rows, one row or many: the same cells, also where a value is absent or unlisted."""
    odd = people(1, county=None) + people(1, county="nowhere", patient_id="P-9")

    found = [numbers(a_house(rows).ask(asking(1))) for rows in ([], people(40), odd)]

    assert found[0].keys() == found[1].keys() == found[2].keys()
    assert (1_001, 1_001) == (found[2][str(MAY), "missing"], found[2][str(MAY), "masked"])


@pytest.mark.parametrize("bound", [1, 2, 3, 4])
def test_a_person_touches_at_most_bound_cells(bound: int) -> None:
    """Somebody with fifty runs in every county and month is counted in `bound` cells, once each."""
    days = [dt.date(2026, month, day) for month in (4, 5) for day in range(1, 9)]
    everywhere = [
        row
        | {"incident_date": day, "county": county, "patient_id": " P-1 " if day.day % 2 else "P-1"}
        for day in days
        for county in ("north", "south", "west")
        for row in records(1)
    ]
    house = a_house(everywhere, noised(bound=bound))

    house.ask(asking(1, APRIL, MAY))

    [counts] = house.noise.drawn  # type: ignore[union-attr]
    assert bound == sum(counts)
    assert {0, 1} >= set(counts)


def test_the_choice_of_cells_hangs_on_the_person_s_rows_alone() -> None:
    """Whoever else is there, and in whatever order: one person more changes `bound` counts by 1."""
    rows = [
        row | {"incident_date": MAY, "county": county, "patient_id": f"P-{person}"}
        for person in range(40)
        for county in ("north", "south", "west")
        for row in records(1)
    ]

    def counts(some: Sequence[Row]) -> list[int]:
        house = a_house(some, noised(bound=2))
        house.ask(asking(1))
        [drawn] = house.noise.drawn  # type: ignore[union-attr]
        return list(drawn)

    whole = counts(rows)
    assert whole == counts(rows[::-1])
    assert 80 == sum(whole)
    assert min(one for one in whole if one) > 15, "by chance, and not the first of the list"
    for person in range(0, 40, 7):
        less = counts([row for row in rows if row["patient_id"] != f"P-{person}"])
        apart = [a - b for a, b in zip(whole, less, strict=True)]
        assert (2, {0, 1}) == (sum(apart), set(apart))


def test_nobody_is_counted_for_a_placeholder() -> None:
    """Rows without a person are of nobody, whose noise would cover nothing."""
    rows = people(3, patient_id=None) + people(3, patient_id="unknown") + people(1)

    assert 1_001 == numbers(a_house(rows).ask(asking(1)))[str(MAY), "north"]


# --- once ---


def test_a_repeat_replays_the_draw_and_reads_nothing() -> None:
    """The same bytes, the data changed or the source away: nothing new is drawn or spent."""
    house = a_house(people(5))
    first = house.ask(asking(1))
    house.source.rows[:] = people(30)
    house.source.faults = dataclasses.replace(house.source.faults, dies_after=0)

    again = house.ask(asking(1))

    assert first.digests == again.digests
    assert 1 == len(house.noise.drawn)  # type: ignore[union-attr]
    assert ["0.05", "0"] == [one.meta["noise"][-1] for one in house.log.of_kind("release")]  # type: ignore[index]
    assert [50_000] == sorted({one.draw.rho for one in house.log.told(a_source())})


def test_a_second_request_of_the_cut_is_refused() -> None:
    """A period leaves once to a recipient, with noise as without."""
    house = a_house(people(5))
    house.ask(asking(1))

    assert Reason.CELL_RELEASED is reason_of(house, asking(2))[0]


@pytest.mark.parametrize("group", [None, frozenset({"phd", "pd"})])
def test_another_recipient_is_given_the_same_draw(group: frozenset[str] | None) -> None:
    """Whoever asks the same of the same days: nothing to average, and nothing spent again."""
    both = (noised(colluding=group), noised(OTHER, colluding=group))
    house = a_house(people(5), *both)
    first = house.ask(asking(1))
    house.source.rows[:] = people(30)

    other = house.ask(asking(2, purpose=OTHER))

    assert numbers(first) == numbers(other)
    assert 1 == len(house.noise.drawn)  # type: ignore[union-attr]


def test_months_that_were_drawn_are_given_again_and_others_are_drawn() -> None:
    """May under one purpose; May and June under another: June alone is counted, and drawn."""
    rows = people(5) + people(7, incident_date=dt.date(2026, 4, 9))
    house = a_house(rows, noised(), noised(OTHER))
    first = numbers(house.ask(asking(1)))

    both = numbers(house.ask(asking(2, APRIL, MAY, purpose=OTHER)))

    assert first == {key: value for key, value in both.items() if key[0] == str(MAY)}
    assert 2_007 == both[str(APRIL), "north"]
    assert [LEVELS, LEVELS] == [len(one) for one in house.noise.drawn]  # type: ignore[union-attr]
    assert 2 == len({one.draw.by for one in house.log.told(a_source())})
    assert ["0.05", "0.05"] == [one.meta["noise"][-1] for one in house.log.of_kind("release")]  # type: ignore[index]


def test_another_rho_is_another_question_and_pays_for_itself() -> None:
    """Two draws of one cell can be averaged: both are paid for."""
    house = a_house(people(5), noised(), noised(OTHER, rho=40_000))
    house.ask(asking(1))

    found = numbers(house.ask(asking(2, purpose=OTHER)))

    assert 2_005 == found[str(MAY), "north"]
    assert [40_000, 50_000] == sorted(one.draw.rho for one in house.log.told(a_source()))


def test_the_record_holds_no_true_number() -> None:
    """What is kept of a table with noise is what left."""
    house = a_house(people(5))
    house.ask(asking(1))

    [kept] = [remembered(one.memory) for one in house.log.kept]
    [table] = kept.tables

    assert [1_005] + [1_000] * 4 == sorted(table.values.tolist(), reverse=True)
    assert table.draw is not None


# --- paid for ---


def test_a_budget_is_spent_to_its_last_millionth() -> None:
    """Two releases of 0.05 fit into 0.1, and a third does not: refused at step 6, by its clause."""
    house = a_house(people(5), noised(budget=100_000))
    house.ask(asking(1, MAY))
    house.ask(asking(2, APRIL))

    refused = reason_of(house, asking(3, dt.date(2026, 3, 1)))

    clause = noised().clause
    assert (Reason.BUDGET_SPENT, 6, clause, "") == refused
    assert 2 == len(house.noise.drawn), "nothing was read or drawn for it"  # type: ignore[union-attr]
    assert 1 == len(house.log.of_kind("refusal"))


def test_one_millionth_too_few_is_too_few() -> None:
    """0.05 and 0.05 do not fit into 0.099999."""
    house = a_house(people(5), noised(budget=99_999))
    house.ask(asking(1, MAY))

    assert Reason.BUDGET_SPENT is reason_of(house, asking(2, APRIL))[0]


def test_what_was_drawn_is_given_again_though_the_budget_is_spent() -> None:
    """A repeat, and the same question of another recipient, cost nothing."""
    house = a_house(people(5), noised(budget=50_000), noised(OTHER, budget=50_000))
    first = house.ask(asking(1))

    assert first.digests == house.ask(asking(1)).digests
    assert numbers(first) == numbers(house.ask(asking(2, purpose=OTHER)))
    assert Reason.BUDGET_SPENT is reason_of(house, asking(3, APRIL))[0]


def test_of_two_budgets_the_smallest_binds() -> None:
    """Whoever asks: 0.05 of a large budget is also 0.05 of the small one."""
    house = a_house(people(5), noised(budget=1_000_000), noised(OTHER, budget=50_000))
    house.ask(asking(1))

    assert Reason.BUDGET_SPENT is reason_of(house, asking(2, APRIL))[0]


def test_who_does_not_count_as_one_attacker_has_a_budget_of_his_own() -> None:
    """The same draw for both, and each group pays for what it holds."""
    phd, pd = frozenset({"phd"}), frozenset({"pd"})
    house = a_house(
        people(5),
        noised(budget=50_000, colluding=phd),
        noised(OTHER, budget=50_000, colluding=pd),
    )
    first = numbers(house.ask(asking(1)))

    assert first == numbers(house.ask(asking(2, purpose=OTHER)))
    assert Reason.BUDGET_SPENT is reason_of(house, asking(3, APRIL))[0]
    assert Reason.BUDGET_SPENT is reason_of(house, asking(4, APRIL, purpose=OTHER))[0]


def test_a_budget_for_everybody_counts_what_each_group_holds() -> None:
    """Two questions of two groups are two draws: 0.1 for whoever puts all together."""
    alone = noised(OTHER, rho=40_000, budget=1_000_000, colluding=frozenset({"pd"}))
    house = a_house(people(5), noised(budget=89_999), alone)
    house.ask(asking(1))

    assert Reason.BUDGET_SPENT is reason_of(house, asking(2, purpose=OTHER))[0]


def test_two_at_once_do_not_overspend() -> None:
    """Both are decided before either has released: the second hears it before its entry."""
    house = a_house(people(5), noised(budget=50_000))

    async def both() -> list[object]:
        asked = (asking(1, MAY), asking(2, APRIL))
        boxes = [Outbox(house.world) for _ in asked]
        calls = (
            house.broker.exchange(one, box.send, deadline_s=5.0)
            for one, box in zip(asked, boxes, strict=True)
        )
        return list(await asyncio.gather(*calls, return_exceptions=True))

    [error] = [one for one in asyncio.run(both()) if one is not None]

    assert isinstance(error, AccordError)
    assert Reason.BUDGET_SPENT is error.reason
    assert 1 == len(house.log.of_kind("release"))


def test_a_crash_before_the_release_spends_nothing_and_sends_nothing() -> None:
    """The draw was never seen: the repeat draws anew, and pays once."""
    house = a_house(people(5), noised(budget=50_000), log=MemoryLog(full_at="release"))
    box = Outbox(house.world)
    with pytest.raises(LogError):
        house.ask(asking(1), box)
    assert ([], []) == (box.sent, house.log.kept)

    house.log.mend()
    found = numbers(house.ask(asking(1)))

    assert 2_005 == found[str(MAY), "north"], "another draw"
    assert [50_000] == [one.draw.rho for one in house.log.told(a_source())]


def test_a_crash_after_the_release_gives_the_recorded_draw() -> None:
    """The entry is durable, the bytes never left: the repeat sends just these, for nothing more."""
    house = a_house(people(5), noised(budget=50_000), log=MemoryLog(full_at="receipt"))
    with pytest.raises(LogError):
        house.ask(asking(1))
    [kept] = house.log.kept

    house.log.mend()
    box = house.ask(asking(1))

    assert [kept.digest] == box.digests
    assert 1 == len(house.noise.drawn)  # type: ignore[union-attr]
    assert [50_000] == [one.draw.rho for one in house.log.told(a_source())]


# --- never beside exact numbers ---


@pytest.mark.parametrize("first", ["noise", "exact"])
def test_noise_and_exact_numbers_of_the_same_days_never_leave_both(first: str) -> None:
    """Whichever comes second is refused for history; of other days it leaves."""
    house = a_house(people(20), noised(), exact(OTHER))
    order = [SURVEILLANCE, OTHER] if first == "noise" else [OTHER, SURVEILLANCE]
    house.ask(asking(1, purpose=order[0]))

    refused = reason_of(house, asking(2, purpose=order[1]))

    assert (Reason.DISCLOSURE_RISK, "history") == (refused[0], refused[3])
    house.ask(asking(3, APRIL, purpose=order[1]))


def test_one_common_month_is_enough() -> None:
    """Exact numbers of two months stand against noise in either."""
    house = a_house(people(20), noised(), exact(OTHER))
    house.ask(asking(1, APRIL, MAY, purpose=OTHER))

    for month in (APRIL, MAY):
        assert Reason.DISCLOSURE_RISK is reason_of(house, asking(month.month, month))[0]


# --- told ---


def test_header_and_log_tell_the_figures() -> None:
    """Mechanism, rho, scale and bound, exactly; the entry also what was spent for it alone."""
    house = a_house(people(5), noised(), noised(OTHER))
    box = house.ask(asking(1))
    house.ask(asking(2, purpose=OTHER))

    note = box.sent[0].header.noise  # type: ignore[union-attr]
    entries = [one.meta["noise"] for one in house.log.of_kind("release")]

    figures = ["discrete_gaussian", "0.05", "5.4775390625", "3"]
    assert note is not None
    assert figures == [note.mechanism, note.rho, note.scale, note.bound]
    assert [[*figures, "patient_id", spent] for spent in ("0.05", "0")] == entries


def test_exact_tables_say_nothing_of_noise() -> None:
    """No header, no key in the log, and the companion column is there."""
    house = a_house(people(20), exact(SURVEILLANCE))
    box = house.ask(asking(1))

    assert box.sent[0].header.noise is None  # type: ignore[union-attr]
    assert "noise" not in house.log.of_kind("release")[0].meta
    assert "people.why" in box.rows()[0]


def test_the_plan_s_digest_holds_the_noise() -> None:
    """Another rho, or none, is another plan."""
    digests = {
        house.ask(asking(1)).sent[0].header.plan_digest  # type: ignore[union-attr]
        for house in (
            a_house([], noised()),
            a_house([], noised(rho=50_001)),
            a_house([], noised(bound=4)),
            a_house([], exact(SURVEILLANCE)),
        )
    }

    assert 4 == len(digests)


def test_explain_tells_it_before() -> None:
    """Figures in the header, and in words what a budget pays for."""
    house = a_house([])

    said = house.broker.explain(asking(1))

    assert said.header is not None
    assert said.header.noise is not None
    assert any("0.05 of a budget of 0.1" in line for line in said.undecided)
    assert not any("fewer than" in line for line in said.undecided)


# --- refused ---


def test_without_the_extra_nothing_leaves() -> None:
    """Never exact numbers in place of noise: an error that names the extra, and no bytes."""
    house = a_house(people(20))
    house.plans._noise = None  # noqa: SLF001 - as a gateway without it is composed
    box = Outbox(house.world)

    with pytest.raises(AccordError, match="`dp`"):
        house.ask(asking(1), box)

    assert ([], []) == (box.sent, house.log.of_kind("release"))


def test_open_levels_are_refused_by_the_plan_too() -> None:
    """A dimension whose levels the data bring along: nothing is drawn."""
    made = noised()
    open_ = dataclasses.replace(made, release={**made.release, "county": Pass()})
    agreements = the_agreements(an_agreement(open_), codes=dataclasses.replace(CODES, lists={}))
    log = MemoryLog()
    house = House(agreements=agreements, rows=people(5), log=log)

    with pytest.raises(AccordError, match="closed list"):
        house.ask(asking(1))

    assert [] == house.noise.drawn  # type: ignore[union-attr]


@pytest.mark.parametrize("form", list(Form))
def test_every_form_replays(form: Form) -> None:
    """The same bytes in each."""
    house = a_house(people(5))

    assert house.ask(asking(1, form=form)).digests == house.ask(asking(1, form=form)).digests


def a_source() -> str:
    """Return the source of all these tables."""
    return f"{EMS}/{RUN.name}"
