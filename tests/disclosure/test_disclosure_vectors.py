"""What is written down, held against the gateway: patterns, weights, ranges, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.disclosure.attack import attack
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError
from tests.disclosure import oracle
from tests.disclosure.judged import faults_of_attack, faults_of_protect
from tests.disclosure.written import LEVELS, Written, written

each = pytest.mark.parametrize("vector", written(), ids=lambda one: one.name)


@each
def test_a_pattern_weighs_what_is_stated(vector: Written) -> None:
    """The gateway's pattern is proven the cheapest, or refused as infeasible."""
    for stated in vector.text.get("optimum", []):
        problem, integer = vector.problem(stated["level"]), stated["level"].endswith("integer")
        if stated["weight"] is None:
            with pytest.raises(DisclosureError) as refused:
                protect(problem, integer=integer)
            assert "infeasible" == refused.value.cause
            continue
        pattern = protect(problem, integer=integer)

        assert (stated["weight"], 0) == (pattern.objective, pattern.gap)
        assert [] == oracle.narrow(problem, pattern.hidden, integer=integer)


@each
def test_the_attacker_finds_the_stated_ranges(vector: Written) -> None:
    """The gateway's attacker finds the ranges that are written down, rounded inwards if real."""
    for one in vector.text.get("attacks", []):
        whole = one["level"].endswith("integer")
        found = attack(vector.view(one["hide"], one["level"]), integer=whole)
        for name, (low, high) in one.get("ranges", {}).items():
            at = vector.cell(name)
            expected = (int(np.ceil(low)), int(np.floor(high)))
            assert expected == (found.low[at], found.high[at]), (name, one["level"])


@each
@pytest.mark.parametrize("level", LEVELS[:-1])
def test_gateway_and_oracle_agree_on_each_vector(vector: Written, level: str) -> None:
    """At each level the attacker's ranges are the oracle's, and a pattern is judged safe."""
    integer = level.endswith("integer")

    assert [] == faults_of_attack(vector.view("primaries", level), integer=integer)
    assert [] == faults_of_protect(vector.problem(level), integer=integer, optimum=False)


@each
def test_each_release_alone_is_protected_as_stated(vector: Written) -> None:
    """A release that stands alone gets the pattern with which it leaks later."""
    for release in vector.text.get("releases", []):
        problem, hidden = vector.alone(release, "K1 integer")
        pattern = protect(problem)

        assert oracle.weight(problem, hidden) == pattern.objective
