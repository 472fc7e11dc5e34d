"""Masks of numbers: bands and multiples."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from gateway.masks.base import (
    BOTH,
    MISSING_ONLY,
    NUMBERS,
    Beside,
    Inputs,
    Marker,
    Mask,
    Masked,
    Reader,
)
from gateway.values import FieldType, Scalar

AGE_DIVISORS = {
    "years": 1,
    "months": 12,
    "weeks": 52,
    "days": 365,
    "hours": 8_760,
    "minutes": 525_600,
}
"""How many of a unit make a year, for an age whose unit stands in another field."""


@dataclass(frozen=True, slots=True)
class Band(Mask):
    """Only the half-open band leaves, the last one open; below the first cut is `masked`.

    An age whose unit stands beside it is turned into completed years first; one without a known
    unit is `masked`, so that six months never become six years.
    """

    width: int | None = None
    topcode: int | None = None
    cuts: tuple[int, ...] | None = None
    name: ClassVar[str] = "band"
    accepts: ClassVar[frozenset[FieldType]] = NUMBERS

    def edges(self) -> tuple[int, ...]:
        """Return the lower edges of all bands, ascending; the last band is open above."""
        if self.cuts is not None:
            more = (self.topcode,) if self.topcode is not None else ()
            return tuple(cut for cut in self.cuts if not more or cut < more[0]) + more
        assert self.width is not None  # noqa: S101 - the parser demands width or cuts
        assert self.topcode is not None  # noqa: S101
        return (*range(0, self.topcode, self.width), self.topcode)

    def labels(self, type_: FieldType) -> tuple[str, ...]:
        """Return the label of each band, in the order of `edges`."""
        edges = self.edges()
        whole = type_ is FieldType.INTEGER
        spans = itertools.pairwise(edges)
        return (*(_span(low, high, whole=whole) for low, high in spans), f"{edges[-1]}+")

    def output(self, type_: FieldType) -> FieldType:
        """Return text: a band is a label."""
        del type_
        return FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the labels."""
        return self.labels(inputs.type)

    def reader(self, inputs: Inputs) -> Reader:
        """Return the label of the band that a value lies in."""
        edges, labels = self.edges(), self.labels(inputs.type)

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            if inputs.has_beside:
                divisor = AGE_DIVISORS.get(beside) if isinstance(beside, str) else None
                if divisor is None or not isinstance(value, int):
                    return Marker.MASKED
                value //= divisor
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < edges[0]:
                return Marker.MASKED
            place = sum(1 for edge in edges if value >= edge) - 1
            return labels[place]

        return apply


def _span(low: int, high: int, *, whole: bool) -> str:
    if not whole:
        return f"{low}-<{high}"
    return f"{low}" if high - low == 1 else f"{low}-{high - 1}"


@dataclass(frozen=True, slots=True)
class Round(Mask):
    """Only the nearest multiple of the base leaves, ties to the even one."""

    base: str
    name: ClassVar[str] = "round"
    accepts: ClassVar[frozenset[FieldType]] = NUMBERS

    def ratio(self) -> tuple[int, int]:
        """Return the base as numerator and denominator, so that 0.1 does not become 0.1000…1."""
        exact = Fraction(self.base)
        return exact.numerator, exact.denominator

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too for numbers, which may be infinite."""
        return MISSING_ONLY if inputs.type is FieldType.INTEGER else BOTH

    def reader(self, inputs: Inputs) -> Reader:
        """Return the nearest multiple; an integer field takes an integer base."""
        up, down = self.ratio()
        if inputs.type is FieldType.INTEGER:
            return functools.partial(_round_integer, up)

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                return Marker.MASKED
            multiple = float(value) * down / up
            if not math.isfinite(multiple):
                return Marker.MASKED
            result = float(round(multiple)) * up / down
            # A negative zero says which side a value came from.
            return (result or 0.0) if math.isfinite(result) else Marker.MASKED

        return apply


def _round_integer(base: int, value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    assert isinstance(value, int)  # noqa: S101
    multiple, rest = divmod(value, base)
    up = 2 * rest > base or (2 * rest == base and multiple % 2 == 1)
    least, most = whole_multiples(base)
    return min(max(multiple + up, least), most) * base


@dataclass(frozen=True, slots=True)
class Clip(Mask):
    """Exact inside the range, the nearer bound outside it: there a recipient learns one side only.

    What is not finite is `masked`, and never becomes a bound.
    """

    low: int
    high: int
    name: ClassVar[str] = "clip"
    accepts: ClassVar[frozenset[FieldType]] = NUMBERS

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too for numbers, which may be infinite."""
        return MISSING_ONLY if inputs.type is FieldType.INTEGER else BOTH

    def reader(self, inputs: Inputs) -> Reader:
        """Return the value inside the range, else the bound that it lies beyond."""
        whole, low, high = inputs.type is FieldType.INTEGER, self.low, self.high

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                return Marker.MASKED
            inside = min(max(value, low), high)
            # A negative zero says which side a value came from.
            return int(inside) if whole else float(inside) + 0.0

        return apply


def whole_multiples(base: int) -> tuple[int, int]:
    """Return the least and the most multiple of `base` that an integer of 64 bits can hold."""
    return -(2**63 // base), (2**63 - 1) // base
