"""Events: an entry beside what its exchange was, and the selections that are made of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.columns import COLUMNS, NAMES, row
from gateway.audit.entry import parse_leaf
from gateway.audit.event import Event, Said, events
from gateway.audit.fault import AuditError
from gateway.audit.select import Selection
from tests.audit.build import AGREEMENT, START, Log, exchange_id, token
from tests.audit.every_kind import META

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, SECOND = exchange_id(1), exchange_id(2)


def read(log: Log, *, leave_out: frozenset[int] = frozenset()) -> Iterator[tuple[int, bytes, Said]]:
    """Yield a log's entries, opened but for some."""
    for index, leaf in enumerate(log.leaves):
        opening = log.openings[index]
        yield index, leaf, Said() if index in leave_out else Said(opening.meta, opening.salt)


def chosen(log: Log, **asked: Any) -> list[int]:  # noqa: ANN401 - parts of a selection
    """Return the indexes that a selection finds."""
    selection = Selection(**asked)
    return [one.index for one in events(read(log)) if selection.event(one)]


@pytest.fixture
def log() -> Log:
    """Return a log: 2, 3, 4 an exchange; 5 a refusal; 6 an access; 7, 8, 9 an exchange beside."""
    made = Log.begun()
    made.exchange(FIRST)
    made.refusal(SECOND, recipient="county-pd", caller_agency="county-pd", purpose="care.reentry")
    made.add("access", META["access"])
    x = exchange_id(3)
    made.intent(x, provision="P9-other", purpose="surveillance.supply")
    made.release(x)
    made.recovered(x, 1)
    return made


def test_a_release_says_what_its_intent_was(log: Log) -> None:
    """Who gave what to whom stands in the `intent`, and is beside each entry of the exchange."""
    found = list(events(read(log)))

    assert ["county-ems"] * 3 == [found[index].says("provider") for index in (2, 3, 4)]
    assert ["P9-other"] * 3 == [found[index].says("provision") for index in (7, 8, 9)]


def test_decisions_are_of_exchanges(log: Log) -> None:
    """Granted, refused, or neither where nothing was decided."""
    decisions = [one.decision for one in events(read(log))]

    assert ["", "", *["granted"] * 3, "refused", "", *["granted"] * 3] == decisions


def test_what_was_not_opened_is_not_guessed(log: Log) -> None:
    """Without its `intent`, a release is of nobody; the next exchange is not touched."""
    found = list(events(read(log, leave_out=frozenset({2}))))

    assert {} == found[3].facts
    assert found[3].says("provider") is None
    assert "county-ems" == found[8].says("provider")


def test_a_beginning_that_was_left_out_is_asked_for_once(log: Log) -> None:
    """An exchange that began before the period: its facts are fetched, once."""
    asked: list[str] = []

    def begun(exchange: str) -> dict[str, object]:
        asked.append(exchange)
        return {"provider": "county-ems"}

    found = list(events([one for one in read(log) if one[0] in {3, 4}], begun))

    assert [FIRST] == asked
    assert ["county-ems", "county-ems"] == [one.says("provider") for one in found]


@pytest.mark.parametrize("part", ["meta", "salt"])
def test_an_opening_that_the_leaf_does_not_commit_to_is_none(log: Log, part: str) -> None:
    """A word changed in an opening, or its salt: an error that names the entry, and no event."""
    entries = list(read(log))
    index, leaf, said = entries[2]
    changed = {
        "meta": Said(said.meta.replace(b"county-ems", b"county-pd"), said.salt),
        "salt": Said(said.meta, bytes(32)),
    }[part]

    with pytest.raises(AuditError, match="entry 2: `m` does not commit") as raised:
        list(events([(index, leaf, changed)]))
    assert "commitment-mismatch" == raised.value.code


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, list(range(10))),
        ({"kinds": frozenset({"release"})}, [3, 8]),
        ({"decision": "refused"}, [5]),
        ({"decision": "granted"}, [2, 3, 4, 7, 8, 9]),
        ({"agencies": frozenset({"county-pd"})}, [5]),
        ({"agencies": frozenset({"county-ems"})}, [2, 3, 4, 5, 7, 8, 9]),
        ({"agencies": frozenset({"officer-2"})}, [6]),
        ({"provisions": frozenset({"P9-other"})}, [7, 8, 9]),
        ({"reasons": frozenset({"NO_PROVISION"})}, [5]),
        ({"reasons": frozenset({"OTHER"})}, []),
        ({"agreements": frozenset({AGREEMENT})}, [2, 3, 4, 5, 7, 8]),
        ({"agreements": frozenset({"ems-to-health"})}, [2, 3, 4, 5, 7, 8]),
        ({"agreements": frozenset({"ems-to-health@4"})}, []),
        ({"agreements": frozenset({"ems"})}, []),
        ({"purposes": frozenset({"surveillance"})}, [2, 3, 4, 7, 8, 9]),
        ({"purposes": frozenset({"surveillance.supply"})}, [7, 8, 9]),
        ({"purposes": frozenset({"surveil"})}, []),
        ({"purposes": frozenset({"care"})}, [5]),
        ({"kinds": frozenset({"release"}), "purposes": frozenset({"care"})}, []),
    ],
)
def test_filters(log: Log, asked: dict[str, object], found: list[int]) -> None:
    """Each filter finds what it names and nothing else; a branch of purposes finds its leaves."""
    assert found == chosen(log, **asked)


def test_a_period_holds_its_first_instant_and_not_its_last(log: Log) -> None:
    """`since` is asked for, `until` no longer is."""
    times = [
        dt.datetime.fromisoformat(parse_leaf(leaf).time).astimezone(dt.UTC) for leaf in log.leaves
    ]

    assert [4, 5, 6] == chosen(log, since=times[4], until=times[7])
    assert [] == chosen(log, since=times[9] + dt.timedelta(milliseconds=1))


@pytest.mark.parametrize(
    "asked",
    [
        {"kinds": frozenset({"exchange"})},
        {"decision": "denied"},
        {"since": START, "until": START},
        {"since": START, "until": START - dt.timedelta(1)},
    ],
)
def test_what_could_never_be_found_is_refused(asked: dict[str, Any]) -> None:
    """A kind that is none, an empty period: an error, not a log without such entries."""
    with pytest.raises(ValueError, match=r"a kind is|a decision is|period"):
        Selection(**asked)


def test_the_shape_names_filters_and_no_values() -> None:
    """What the `access` entry keeps of a query."""
    asked = Selection(agencies=frozenset({"secret"}), decision="refused", since=START)

    assert "agencies, decision, since" == asked.shape
    assert Selection().shape is None


def test_only_what_is_needed_is_opened(log: Log) -> None:
    """Asked for reads of the log, no exchange is opened; for releases, their intents are too."""
    leaves = [parse_leaf(leaf) for leaf in log.leaves]

    def opened(**asked: Any) -> list[int]:  # noqa: ANN401 - parts of a selection
        return [index for index, leaf in enumerate(leaves) if Selection(**asked).opens(leaf)]

    assert [6] == opened(kinds=frozenset({"access"}))
    assert [5] == opened(kinds=frozenset({"refusal"}))
    assert [2, 3, 7, 8] == opened(kinds=frozenset({"release"}))
    assert [5] == opened(decision="refused")
    assert [] == opened(agreements=frozenset({"other"}))


@pytest.mark.parametrize("kind", sorted(META))
def test_every_kind_has_a_row(kind: str) -> None:
    """As many values as columns, and all that an entry says in the last of them."""
    log = Log.begun()
    index = log.add(kind, META[kind], x=FIRST if kind in {"intent", "refusal"} else None)
    leaf = parse_leaf(log.leaves[index]) if kind in {"intent", "refusal"} else None
    event = Event(index, leaf or parse_leaf(log.leaves[1]), META[kind], {})

    values = dict(zip(NAMES, row(event), strict=True))

    assert len(COLUMNS) == len(values)
    assert log.openings[index].meta.decode() == values["said"]


def test_subjects_are_counted_where_they_were_opened(log: Log) -> None:
    """Two tokens are two; none committed to are none; committed and not opened is unknown."""
    (release,) = [one for one in events(read(log)) if one.index == 3]
    opened = Event(3, release.leaf, release.meta, release.facts, (token(0), token(1)))
    at = NAMES.index("subjects")

    assert 2 == row(opened)[at]
    assert row(release)[at] is None
    assert 0 == row(next(events(read(log))))[at]
