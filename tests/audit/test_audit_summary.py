"""A summary counts what the entries say: each figure by hand, and nothing that was not opened."""

from __future__ import annotations

from gateway.audit.event import Said, events
from gateway.audit.kinds import EXCHANGE_KINDS
from gateway.audit.summary import Duty, Flow, Reader, Reason, Summary
from tests.audit.build import Log, exchange_id, token
from tests.audit.every_kind import META

FLOW = Flow("county-ems", "county-health", "ems.overdose_run@1", "surveillance")


def summed(log: Log, *, left_out: frozenset[int] = frozenset(), tokens: bool = False) -> Summary:
    """Return the summary of a log, opened but for some entries."""
    summary = Summary()
    entries = [
        (
            index,
            leaf,
            Said()
            if index in left_out
            else Said(
                log.openings[index].meta,
                log.openings[index].salt,
                (token(0), token(1)) if tokens and b'"release"' in leaf else (),
            ),
        )
        for index, leaf in enumerate(log.leaves)
    ]
    for event in events(entries):
        summary.add(event)
    return summary


def a_log() -> Log:
    """Return a log of two granted exchanges, of three chunks in all, and two refusals."""
    log = Log.begun()
    log.exchange(exchange_id(1), 2)
    log.refusal(exchange_id(2))
    log.intent(exchange_id(3))
    log.release(exchange_id(3), 0)
    log.outcome(exchange_id(3), 1, cells_suppressed=4, rows_suppressed=None, end="cut")
    log.refusal(exchange_id(4), recipient=None, dataset=None, reason="OTHER", step=2)
    return log


def test_a_flow_is_counted() -> None:
    """Granted, chunks, rows, what stayed behind, what was cut; refusals beside them."""
    tally = summed(a_log()).flows[FLOW]

    assert (2, 1, 3, 6) == (tally.granted, tally.refused, tally.chunks, tally.rows)
    assert (4, 0, 1, 1) == (
        tally.cells_suppressed,
        tally.rows_suppressed,
        tally.untold,
        tally.cut,
    )


def test_a_refusal_of_what_nobody_knows_is_a_flow_of_its_own() -> None:
    """Empty words where the request named no agency and no dataset that the agreements know."""
    summary = summed(a_log())

    assert 1 == summary.flows[Flow("county-ems", "", "", "surveillance")].refused
    assert 2 == summary.total.refused


def test_refusals_are_counted_by_reason_and_step() -> None:
    """Each with the step of the decision that refused it."""
    assert {Reason("NO_PROVISION", 4): 1, Reason("OTHER", 2): 1} == summed(a_log()).reasons


def test_days_add_up_to_the_total() -> None:
    """Every request is of one day."""
    summary = summed(a_log())

    assert ["2026-11-20"] == list(summary.days)
    assert summary.total == summary.days["2026-11-20"]


def test_what_was_not_opened_is_counted_as_that() -> None:
    """A release that is not opened is a chunk of unknown rows; an intent's flow is unknown."""
    summary = summed(a_log(), left_out=frozenset({2, 3}))

    assert 2 == summary.not_opened
    assert (2, 3, 4) == (summary.total.granted, summary.total.chunks, summary.total.rows)
    assert 1 == summary.flows[Flow("", "", "", "")].granted


def test_subjects_are_each_persons_part_in_each_chunk() -> None:
    """Two tokens in each of three chunks; none where tokens were not opened."""
    opened, unopened = summed(a_log(), tokens=True).total, summed(a_log()).total

    assert (6, 0) == (opened.subjects, opened.unseen)
    assert (0, 3) == (unopened.subjects, unopened.unseen)


def test_a_crash_is_presumed_to_have_disclosed_only_after_a_release() -> None:
    """`presume-disclosed` counts, `nothing-left` does not."""
    log = Log.begun()
    for number, chunks in ((1, 1), (2, 0)):
        log.intent(exchange_id(number))
        if chunks:
            log.release(exchange_id(number))
        log.recovered(exchange_id(number), chunks)

    assert 1 == summed(log).total.presumed


def test_a_duty_is_overdue_until_it_is_attested() -> None:
    """Of one exchange, attested later: no longer. Of another exchange: still."""
    log = Log.begun()
    for number, event in ((1, "overdue"), (2, "overdue"), (1, "attested")):
        meta = META["duty"] | {"event": event, "exchange": exchange_id(number)}
        log.add("duty", meta | ({"due": None} if event == "attested" else {}))

    summary = summed(log)

    assert [Duty("delete_within", "2027-01-01", exchange_id(2))] == list(summary.overdue)
    assert {"overdue": 2, "attested": 1} == summary.duty_events


def test_an_attestation_before_it_was_overdue_takes_nothing_back() -> None:
    """What is said later counts: overdue again is overdue."""
    log = Log.begun()
    for event in ("attested", "overdue"):
        log.add("duty", META["duty"] | {"event": event})

    assert 1 == len(summed(log).overdue)


def test_duties_that_came_with_grants_are_counted() -> None:
    """Each exchange that was granted with it."""
    assert {"delete_within": 2} == summed(a_log()).duties


def test_readers_changes_and_erasures() -> None:
    """Who read by which verb; what happened to keys, settings, holds; payloads that went."""
    log = Log.begun()
    for kind in ("access", "access", "key", "config", "hold", "erase", "incident"):
        log.add(kind, META[kind])

    summary = summed(log)

    assert {Reader("officer-2", "accounting"): 2} == summary.readers
    assert {
        ("agreement", "in force"): 1,
        ("config", "start"): 1,
        ("hold", "begin"): 1,
        ("incident", "fork"): 1,
        ("key", "destroyed"): 1,
    } == summary.changes
    assert 9 == summary.erased


def test_every_kind_is_counted() -> None:
    """Every kind, once each, opened or not: none is dropped."""
    log = Log()
    for number, (kind, meta) in enumerate(META.items()):
        log.add(kind, meta, x=exchange_id(number) if kind in EXCHANGE_KINDS else None)

    summary = summed(log)

    assert dict.fromkeys(META, 1) == summary.kinds
    assert summary.kinds == summed(log, left_out=frozenset(range(len(META)))).kinds
