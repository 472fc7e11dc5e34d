"""Noise from OpenDP, behind the port `NoiseSource`: the extra `dp`.

The mechanism, its randomness (the operating system's) and the proof of what it spends are the
library's. This module asks for the noise of a plan and holds what the library says it spends
against what the plan says; where the two differ, nothing is drawn.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import opendp.prelude as dp

from gateway.agreement.budget import MILLION
from gateway.errors import Reason, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.noise import Noise

# The library asks for consent to use what its own reviewers have not all signed: the vector domain
# is behind it. The measurement's proof is published with the library.
dp.enable_features("contrib")


class OpenDpNoise:
    """The discrete Gaussian over a vector of counts, by OpenDP."""

    def add(self, counts: Sequence[int], noise: Noise) -> list[int]:
        """Return each count with noise of its own; see `ports.NoiseSource`.

        Raises:
            ReleaseError: The plan's scale would spend more than its rho by the library's own
                reckoning, or the library failed.
        """
        if noise.mechanism != "discrete_gaussian":
            raise _refused(f"no mechanism `{noise.mechanism}`")
        try:
            space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
            measurement = dp.m.make_gaussian(*space, scale=float(noise.scale))
            spent = Fraction(measurement.map(_distance(noise.bound)))  # type: ignore[no-untyped-call]
            if spent > Fraction(noise.rho, MILLION):
                raise _refused("the scale of the noise spends more than its `rho`")
            drawn = [int(number) for number in measurement(list(counts))]
        except dp.OpenDPException as error:
            # Its text may hold the data.
            raise _refused("the noise cannot be drawn") from error
        if len(drawn) != len(counts):
            raise _refused("the noise is not of the counts")
        return drawn


def _distance(bound: int) -> float:
    """Return sqrt(bound), rounded up: how far two tables are apart that differ in one person."""
    root = math.sqrt(bound)
    return root if Fraction(root) ** 2 >= bound else math.nextafter(root, math.inf)


def _refused(message: str) -> ReleaseError:
    return ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
