"""How much noise, and of what kind: exact at every budget, and distributed as it says."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreement.budget import MILLION
from gateway.errors import ReleaseError
from gateway.plan.noise import Noise

pytest.importorskip("opendp", reason="needs the extra `dp`")
import itertools

from gateway.noise import OpenDpNoise

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANCE = 1e-9
"""How seldom a right mechanism fails a test of its distribution."""


def a_noise(rho: int = 50_000, bound: int = 3) -> Noise:
    """Return a discrete Gaussian."""
    return Noise("discrete_gaussian", rho, bound)


@given(rho=st.integers(1, 99_999_999), bound=st.integers(1, 20_000))
def test_a_scale_spends_its_rho_and_hardly_less(rho: int, bound: int) -> None:
    """By exact fractions: no more than rho, and one grain less would be more."""
    scale = a_noise(rho, bound).scale
    grain = Fraction(1, 1024)

    def spent(by: Fraction) -> Fraction:
        return Fraction(bound) / (2 * by * by)

    assert spent(scale) < Fraction(rho, MILLION)
    if scale > grain:
        slack = Fraction(1 << 40, (1 << 40) + 1)
        assert spent(scale - grain) > Fraction(rho, MILLION) * slack
    assert Fraction(a_noise(rho, bound).note.scale) == scale == Fraction(float(scale))


@settings(max_examples=300, deadline=None)
@given(rho=st.integers(1, 10_000_000), bound=st.integers(1, 20_000))
def test_the_library_agrees_with_every_scale(rho: int, bound: int) -> None:
    """OpenDP's own reckoning, in floats and rounded up, stays within rho: it draws."""
    assert 1 == len(OpenDpNoise().add([0], a_noise(rho, bound)))


@pytest.mark.parametrize(
    ("rho", "bound"), [(500_000, 1), (125_000, 1), (500_000, 4), (2_000_000, 1)]
)
def test_where_the_root_is_exact_the_scale_still_is_enough(rho: int, bound: int) -> None:
    """The least exact scale is a whole one; the library's rounding up has its room."""
    assert [0] != OpenDpNoise().add([0] * 200, a_noise(rho, bound))


class Loud(Noise):
    """A plan whose scale is one grain too small."""

    @property
    def scale(self) -> Fraction:
        """Return less than its rho demands."""
        return super().scale - Fraction(1, 1024)


def test_a_scale_that_spends_more_is_not_drawn() -> None:
    """What the plan says is held against what the library says, and neither is believed alone."""
    with pytest.raises(ReleaseError, match="spends more"):
        OpenDpNoise().add([1, 2, 3], Loud("discrete_gaussian", 50_000, 3))


def test_another_mechanism_is_not_drawn() -> None:
    """A plan of a later version is an error, not a Gaussian."""
    with pytest.raises(ReleaseError, match="no mechanism"):
        OpenDpNoise().add([1], Noise("laplace", 50_000, 3))


def draws(count: int, noise: Noise, value: int = 0) -> list[int]:
    """Return the noise on so many counts of a value."""
    return [number - value for number in OpenDpNoise().add([value] * count, noise)]


def _normal_tail(chance: float) -> float:
    """Return how many standard deviations a normal number exceeds, both ways, with that chance."""
    low, high = 0.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) > chance else (low, middle)
    return high


def test_it_is_distributed_as_it_says() -> None:
    """Mean nought, the variance of its scale, symmetric, and no cell hangs on its neighbour.

    Each limit is so wide that a right mechanism passes it but once in a thousand million times.
    """
    noise, count = a_noise(), 40_000
    sigma, far = float(noise.scale), _normal_tail(CHANCE)
    found = draws(count, noise)

    mean = sum(found) / count
    variance = sum(one * one for one in found) / count
    beside = sum(a * b for a, b in itertools.pairwise(found)) / (count - 1)
    positive, negative = sum(one > 0 for one in found), sum(one < 0 for one in found)

    assert abs(mean) < far * sigma / math.sqrt(count)
    assert abs(variance - sigma**2) < far * sigma**2 * math.sqrt(2 / count)
    assert abs(beside) < far * sigma**2 / math.sqrt(count)
    assert abs(positive - negative) < far * math.sqrt(count)


def test_it_is_a_gaussian_by_its_cells() -> None:
    """Pearson's sum over the probabilities of the discrete Gaussian itself."""
    noise, count = a_noise(500_000, 4), 40_000
    sigma = float(noise.scale)
    reach = math.ceil(3 * sigma)
    weights = {k: math.exp(-(k * k) / (2 * sigma**2)) for k in range(-60, 61)}
    whole = sum(weights.values())
    found = draws(count, noise)

    expected = {k: count * weights[k] / whole for k in range(-reach, reach + 1)}
    rest = count - sum(expected.values())
    seen = {k: found.count(k) for k in expected}
    pearson = sum((seen[k] - expected[k]) ** 2 / expected[k] for k in expected)
    pearson += (count - sum(seen.values()) - rest) ** 2 / rest

    # Wilson and Hilferty's approximation of the limit of chi-square.
    freedom = len(expected)
    z = _normal_tail(CHANCE)
    limit = freedom * (1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3
    assert pearson < limit


def test_noise_does_not_hang_on_the_count() -> None:
    """A large count and none: the same noise, each drawn anew."""
    noise, count, far = a_noise(), 10_000, _normal_tail(CHANCE)
    sigma = float(noise.scale)

    small, large = (draws(count, noise, value) for value in (0, 1_000_000))

    assert small != large
    apart = abs(sum(small) - sum(large)) / count
    assert apart < far * sigma * math.sqrt(2 / count)
    assert any(one < 0 for one in draws(200, noise)), "negative numbers are left as they are"


@pytest.mark.parametrize("counts", [[], [0], [2**40]])
def test_every_size_of_a_table_is_drawn(counts: Sequence[int]) -> None:
    """A number for each count, none for none."""
    assert len(counts) == len(OpenDpNoise().add(counts, a_noise()))
