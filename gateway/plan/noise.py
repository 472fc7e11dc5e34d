"""What noise a plan adds, and how much of it: exact arithmetic, no draw.

One person is counted in at most `bound` cells of a release, once in each. Without that person at
most `bound` counts are less by one, so the L2 distance of two such tables is at most sqrt(bound).
A discrete Gaussian of scale s then spends bound / (2 s^2) of zero-concentrated privacy (Canonne,
Kamath and Steinke 2020, theorem 14).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Final

from gateway.agreement.budget import MILLION, amount_text
from gateway.values import NoiseNote

_GRAIN: Final = 1 << 10
"""Scales are whole 1,024ths: each is a float exactly, and a decimal of ten places."""
_SLACK: Final = Fraction((1 << 40) + 1, 1 << 40)
"""What is kept free for whoever computes the spent amount in floats, rounded up."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of a plan.

    Attributes:
        mechanism: `discrete_gaussian`.
        rho: What one release spends, in millionths.
        bound: The most cells that one person is counted in.
    """

    mechanism: str
    rho: int
    bound: int

    @property
    def scale(self) -> Fraction:
        """The least scale, in whole 1,024ths, that spends no more than `rho`: rounded up."""
        least = _SLACK * self.bound * MILLION * _GRAIN**2 / (2 * self.rho)
        grains = isqrt(least.numerator // least.denominator)
        while grains * grains < least:
            grains += 1
        return Fraction(grains, _GRAIN)

    @property
    def note(self) -> NoiseNote:
        """The figures as a recipient, the exchange log and the plan's digest are told them."""
        return NoiseNote(
            self.mechanism, amount_text(self.rho), _decimal(self.scale), str(self.bound)
        )


def _decimal(scale: Fraction) -> str:
    """Return a number of 1,024ths as a decimal, exactly."""
    whole, rest = divmod(scale.numerator * (10**10 // scale.denominator), 10**10)
    return f"{whole}.{rest:010}".rstrip("0").rstrip(".")
