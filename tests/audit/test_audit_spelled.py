"""The spelling of metadata, one expression a kind, never passes what reading it would refuse."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entry import Draft, check_draft, exchange_bytes, meta_bytes, parse_meta
from gateway.audit.fault import AuditError
from gateway.audit.kinds import (
    EXCHANGE_KINDS,
    KINDS,
    MORE,
    NAMELESS_KINDS,
    check_meta,
    spelled,
)
from tests.audit.build import SHA, Log, exchange_id, facts, refused


@dataclass(frozen=True)
class Fact:
    """No JSON."""

    name: str


LOG = Log.begun()
LOG.exchange(exchange_id(1))
LOG.refusal(exchange_id(2))
LOG.recovered(exchange_id(3), 0)
LOG.add("config", {"event": "start", "build": "1", "settings": SHA, "replica": "r"}, retain="p")
LOG.add("erase", {"ranges": [[2, 9], [12, 12]], "class": "6y", "rule": "over", "count": 9})

WRITTEN = {json.loads(leaf)["k"]: LOG.openings[index].meta for index, leaf in enumerate(LOG.leaves)}
RELEASE = json.loads(WRITTEN["release"])
EXTRA = {
    "crowd": [11, 11, None],
    "likeness": [5, 60, 100, "people", 1],
    "noise": ["laplace", "0.05", "10", "3", "person_id", "0"],
    "rung": "county -> region",
}


def is_metadata(kind: str, data: bytes) -> bool:
    """Say slowly whether bytes are the one spelling of metadata of a kind."""
    try:
        meta = json.loads(data.decode("ascii"))
        check_meta(kind, meta)
        return meta_bytes(meta) == data
    except (ValueError, AttributeError):
        return False


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_what_a_gateway_writes_is_spelled_plainly(kind: str) -> None:
    """What every exchange writes is told in one step, without and with the keys of `MORE`."""
    assert spelled(kind, WRITTEN[kind])
    assert is_metadata(kind, WRITTEN[kind])


def test_keys_that_may_be_there_are_spelled_too() -> None:
    """Each alone, and all of them."""
    assert set(MORE["release"]) == set(EXTRA)
    for key, value in EXTRA.items():
        assert spelled("release", meta_bytes({**RELEASE, key: value}))
    assert spelled("release", meta_bytes({**RELEASE, **EXTRA}))


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_no_byte_can_be_turned_into_a_second_spelling(kind: str) -> None:
    """Of all metadata one byte away, what passes at a glance passes when it is read."""
    data = WRITTEN[kind]
    others = [data[:at] + data[at + 1 :] for at in range(len(data))]
    others += [
        data[:at] + new + data[at + skip :]
        for at in range(len(data))
        for new in (b'"', b"\\", b",", b" ", b"0", b"-", b"n", b"\x7f", b"\x00", b"[", b"}")
        for skip in (0, 1)
    ]

    passed = [one for one in others if spelled(kind, one)]

    assert [] == [one for one in passed if not is_metadata(kind, one)]


VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, 13, 14, -1, 2**53 - 1, 2**53, 1.0, "", "a", "é", "a\nb", "\x7f"),
    *("x" * 4096, "x" * 4097, "\\", '"', SHA, SHA[:-2] + "9=", "p", "2y", "3y", "100y", "cut"),
    *("cut ", [], [1], [0, 0], [[0, 0]], [[0]], ["a", "b"], [["a", "b"]], [["a"]], {}),
    *(["a", ""], [["a", "b"], ["c", "d"]], ["a", "b", SHA, "c"], [["a", "b", SHA, "c"]]),
    *EXTRA.values(),
)


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_a_glance_agrees_with_reading(kind: str) -> None:
    """Whatever stands at a key of any kind, a glance never lets through what is refused."""
    meta = json.loads(WRITTEN[kind])
    keys = [*KINDS[kind], *MORE.get(kind, {})]
    others = [meta_bytes({**meta, key: value}) for key in keys for value in VALUES]

    passed = [one for one in others if spelled(kind, one)]

    assert len(passed) >= len(keys) - 1
    assert [] == [one for one in passed if not is_metadata(kind, one)]


def test_text_beyond_ascii_is_read() -> None:
    """It is metadata all the same: a glance says nothing of it."""
    data = meta_bytes(facts(provision="Überdosis"))

    assert not spelled("intent", data)
    assert "Überdosis" == parse_meta("intent", data)["provision"]


def test_the_longest_number_is_read() -> None:
    """15 digits pass at a glance, 2^53-1 is read, and one more is refused."""
    for number, glance in ((10**15 - 1, True), (2**53 - 1, False)):
        data = meta_bytes({**RELEASE, "rows": number})
        assert glance == spelled("release", data)
        assert number == parse_meta("release", data)["rows"]
    with pytest.raises(AuditError, match="`rows`"):
        parse_meta("release", meta_bytes({**RELEASE, "rows": 2**53}))


def test_metadata_of_an_unknown_kind_is_not_spelled() -> None:
    """There is no seventeenth kind."""
    assert not spelled("grant", WRITTEN["intent"])


def test_a_draft_is_checked_into_its_bytes() -> None:
    """What comes back is the canonical spelling of all that the draft says."""
    meta = refused(clause="3.1", provision="Überdosis")

    checked = check_draft(Draft("refusal", exchange_id(1), 0, None, "6y", meta))

    assert meta_bytes(meta) == checked.meta
    assert exchange_bytes(exchange_id(1)) == checked.x


def test_what_cannot_be_spelled_is_no_draft() -> None:
    """Metadata that fits its schema and is no JSON object raises what all refusals do."""
    meta = MappingProxyType(facts())

    with pytest.raises(AuditError, match="cannot be spelled"):
        check_draft(Draft("intent", exchange_id(1), 0, None, "6y", meta))
    with pytest.raises(AuditError, match="`build`"):
        check_draft(Draft("intent", exchange_id(1), 0, None, "6y", facts(build=b"1")))


@pytest.mark.parametrize(
    "value",
    [dt.datetime(2026, 11, 1, tzinfo=dt.UTC), dt.date(2026, 11, 1), b"bytes", Fact("a")],
)
def test_what_json_does_not_have_is_no_metadata(value: object) -> None:
    """A value that only some encoder would know how to write is refused, not written its way."""
    meta = {**json.loads(WRITTEN["refusal"]), "caller_agency": value}

    with pytest.raises(AuditError):
        check_draft(Draft("refusal", exchange_id(4), 0, None, "6y", meta))


@given(st.sampled_from(sorted(WRITTEN)), st.data())
def test_whoever_spells_it_spells_it_the_same(kind: str, data: st.DataObject) -> None:
    """What an entry says is its one canonical JSON, whatever text and numbers stand in it."""
    meta = json.loads(WRITTEN[kind])
    key = data.draw(st.sampled_from(sorted(meta)))
    meta[key] = data.draw(st.text(max_size=8) | st.integers() | st.lists(st.text(max_size=3)))
    try:
        check_meta(kind, meta)
    except AuditError:
        return

    exchange = exchange_id(5) if kind in EXCHANGE_KINDS else None
    chunk = meta["chunk"] if kind == "release" else 0
    retain = "p" if kind in NAMELESS_KINDS else "6y"

    assert meta_bytes(meta) == check_draft(Draft(kind, exchange, chunk, None, retain, meta)).meta
