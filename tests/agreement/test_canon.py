"""What a digest covers, and what it does not."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.agreement.canon import (
    Bound,
    PartyFacts,
    bound_digest,
    canonical,
    digest_of,
    digest_text,
)
from gateway.agreement.yaml import read

FILE = b"""
id: county
never: [{id: N1, dataset: [b.x, a.x], to_kind: [prosecutor, immigration]}]
provisions:
  - id: P1
    flow: {from: ems, purpose: [safety.b, care.a]}
    when: [{role: [z, a]}, {field: x, op: in, value: [q, p]}]
    release: {a: pass}
    withhold: [d, c]
    aggregate: {dimensions: [v, u], margins: [[v], [u]]}
"""


def value() -> dict[str, Any]:
    """Return a small file's value."""
    return copy.deepcopy(read(FILE, file="county.yaml").value)


def a_bound(**changes: Any) -> Bound:  # noqa: ANN401
    """Return what is bound to it."""
    parts: dict[str, Any] = {
        "datasets": {"a.x@1": b"\1" * 32},
        "notices": {"n@1": b"\2" * 32},
        "purposes": {"care.a": b"\3" * 32},
        "codes": {"sex": b"\5" * 32},
        "parties": {"ems": PartyFacts("rivertown-ems", "ems", "covered", "none")},
    }
    return Bound(**(parts | changes))


def test_canonical_form_is_sorted_compact_json() -> None:
    """Keys are sorted, nothing is spaced, text is UTF-8 as it is."""
    assert '{"a":[1,true,"Zoë"],"b":"x"}'.encode() == canonical({"b": "x", "a": [1, True, "Zoë"]})


TEXT = st.text(max_size=20)
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(-(10**15), 10**15),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_canonical_form_is_rfc_8785(value: dict[str, Any]) -> None:
    """For all that the strict reader reads, the bytes are those of a writer that is not ours."""
    assert rfc8785.dumps(value) == canonical({"x": value})[5:-1]


def test_comments_and_layout_do_not_count() -> None:
    """The same content laid out otherwise has the same digest."""
    other = FILE.replace(b"id: county", b"# a remark\nid:   'county'")

    assert digest_of(value()) == digest_of(read(other, file="x").value)


def test_the_order_of_sets_does_not_count() -> None:
    """`withhold`, purposes, roles and selector values may stand in any order."""
    other = value()
    other["provisions"][0]["withhold"].reverse()
    other["provisions"][0]["flow"]["purpose"].reverse()
    other["provisions"][0]["when"][0]["role"].reverse()
    other["never"][0]["dataset"].reverse()
    other["never"][0]["to_kind"].reverse()

    assert digest_of(value()) == digest_of(other)


@pytest.mark.parametrize("path", ["when", "dimensions", "margins", "value"])
def test_the_order_of_lists_counts(path: str) -> None:
    """Conditions, dimensions, margins and the values of a condition keep their order."""
    other = value()
    provision = other["provisions"][0]
    places = {
        "when": provision["when"],
        "dimensions": provision["aggregate"]["dimensions"],
        "margins": provision["aggregate"]["margins"],
        "value": provision["when"][1]["value"],
    }
    places[path].reverse()

    assert digest_of(value()) != digest_of(other)


def test_true_and_one_and_text_differ() -> None:
    """A boolean, a number and a text that look alike have three digests."""
    assert 3 == len({digest_of({"a": True}), digest_of({"a": 1}), digest_of({"a": "1"})})


def test_what_is_signed_is_the_digest_of_agreement_and_bound() -> None:
    """The digest is SHA-256 over the canonical form of the two together."""
    text = json.dumps(
        {
            "agreement": {"id": "x"},
            "bound": {
                "datasets": {"a.x@1": "sha256:" + "01" * 32},
                "notices": {"n@1": "sha256:" + "02" * 32},
                "purposes": {"care.a": "sha256:" + "03" * 32},
                "codes": {"sex": "sha256:" + "05" * 32},
                "parties": {
                    "ems": {
                        "agency": "rivertown-ems",
                        "kind": "ems",
                        "hipaa": "covered",
                        "part2": "none",
                    }
                },
            },
        },
        sort_keys=True,
        separators=(",", ":"),
    )

    assert hashlib.sha256(text.encode()).digest() == bound_digest({"id": "x"}, a_bound())


@pytest.mark.parametrize(
    "change",
    [
        {"datasets": {"a.x@1": b"\4" * 32}},
        {"datasets": {"a.x@2": b"\1" * 32}},
        {"notices": {"n@1": b"\4" * 32}},
        {"purposes": {"care.a": b"\4" * 32}},
        {"codes": {"sex": b"\4" * 32}},
        {"codes": {}},
        {"parties": {"ems": PartyFacts("rivertown-ems", "law_enforcement", "covered", "none")}},
        {"parties": {"ems": PartyFacts("other-ems", "ems", "covered", "none")}},
        {"parties": {"ems": PartyFacts("rivertown-ems", "ems", "none", "none")}},
        {"parties": {"ems": PartyFacts("rivertown-ems", "ems", "covered", "program")}},
    ],
)
def test_whatever_is_bound_moves_the_digest(change: dict[str, Any]) -> None:
    """A dataset, a notice, a purpose or a party that changes invalidates the signatures."""
    assert bound_digest(value(), a_bound()) != bound_digest(value(), a_bound(**change))


def test_a_digest_is_written_with_its_algorithm() -> None:
    """Digests read `sha256:` and hex."""
    assert "sha256:" + "00" * 32 == digest_text(bytes(32))
