"""The independent judge, held against what is written down."""

from __future__ import annotations

import numpy as np
import pytest

from tests.disclosure import oracle
from tests.disclosure.written import LEVELS, Written, key_of, written

VECTORS = written()
each = pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)


@each
def test_a_vector_states_its_primaries(vector: Written) -> None:
    """Where a vector has a threshold, the primary cells are those below it, and no others."""
    found = vector.by_threshold

    assert found is None or (vector.primary == found).all()


@each
def test_the_oracle_finds_the_stated_optimum(vector: Written) -> None:
    """The cheapest pattern has the weight that is written down, or there is none."""
    for stated in vector.text.get("optimum", []):
        problem = vector.problem(stated["level"])
        found = oracle.optimum(problem, integer=stated["level"].endswith("integer"))

        assert stated["weight"] == getattr(found, "weight", None), stated["level"]
        if found is not None and "secondaries" in stated:
            extra = {
                key
                for key, more in zip(vector.table.keys, found.hidden & ~vector.primary, strict=True)
                if more
            }
            known = set(map(key_of, vector.text.get("shut", [])))
            assert set(map(key_of, stated["secondaries"])) == extra - known


@each
def test_the_oracle_finds_the_stated_ranges(vector: Written) -> None:
    """Ranges are as written down; by real numbers and by whole ones, unless the level says."""
    for attack in vector.text.get("attacks", []):
        level = attack["level"]
        view = vector.view(attack["hide"], level)
        for integer in (True,) if level.endswith("integer") else (False, True):
            if not integer or attack.get("whole_too", True):
                seen = oracle.ranges(view, integer=integer, at_once=64)
                for name, (low, high) in attack.get("ranges", {}).items():
                    found = seen[vector.cell(name)]
                    assert (low, high) == pytest.approx(tuple(found), abs=1e-6), (name, level)


@each
def test_the_stated_cells_are_narrow_and_no_others(vector: Written) -> None:
    """Which primary cells a pattern leaves too narrow is written down in full."""
    width = vector.text.get("width", 1)
    for attack in vector.text.get("attacks", []):
        level = attack["level"]
        seen = oracle.ranges(
            vector.view(attack["hide"], level), integer=level.endswith("integer"), at_once=64
        )
        thin = vector.primary & (seen[:, 1] - seen[:, 0] < width - 1e-6)

        assert (vector.flags(attack["narrow"]) == thin).all(), level


@each
def test_the_stated_level_is_the_first_to_find_the_leak(vector: Written) -> None:
    """No weaker attacker finds what the stated one finds; `none` if the pattern holds."""
    if "leak" not in vector.text:
        return
    leak, found = vector.text["leak"], "none"
    # Everything falls to K2, which no recipient has; it is tried where it is what is stated.
    for level in LEVELS if leak["found_by"].startswith("K2") else LEVELS[:-1]:
        view = vector.view(leak["hide"], level)
        seen = oracle.ranges(view, integer=level.endswith("integer"), at_once=64)
        width = seen[vector.primary, 1] - seen[vector.primary, 0]
        if (width < vector.text.get("width", 1) - 1e-6).any():
            found = level
            break

    assert leak["found_by"] == found


def test_there_are_vectors() -> None:
    """The acceptance instances, and those that the specification asks to be built."""
    built = {f"b{n}" for n in range(1, 9)}

    assert {"a1", "a2", "a3", "a4", "a8"} | built == {one.name[:2] for one in VECTORS}


@each
def test_each_release_is_safe_by_itself(vector: Written) -> None:
    """What leaks is that there are two: each of them alone holds against K1 in whole numbers."""
    for release in vector.text.get("releases", []):
        problem, hidden = vector.alone(release, "K1 integer")

        assert [] == oracle.narrow(problem, hidden)
        assert oracle.weight(problem, hidden) == getattr(oracle.optimum(problem), "weight", None)


@each
def test_truth_lies_in_its_range(vector: Written) -> None:
    """No attacker can rule out what is so."""
    for level in ("K0", "K1 integer"):
        seen = oracle.ranges(
            vector.view("primaries", level), integer="integer" in level, at_once=64
        )
        true = vector.table.values

        assert (seen[:, 0] <= true + 1e-6).all()
        assert (seen[:, 1] >= true - 1e-6).all()
        assert np.isfinite(seen).all()
