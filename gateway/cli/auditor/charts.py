"""Charts as inline SVG, drawn here: bars over time, and a bar beside a number.

Readable without colour: what was refused is hatched, every bar says its numbers to a pointer and to
a screen reader, and each chart has the table of its numbers near it. Colours are the page's own, so
that a page that turns dark turns its charts too.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH: Final = 960
HEIGHT: Final = 260
_LEFT: Final = 56
_RIGHT: Final = 8
_TOP: Final = 12
_BOTTOM: Final = 32
_TICKS: Final = 4
_LABELS: Final = 12
_HALF_LABEL: Final = 34
_FILL: Final = 0.78
"""How much of its place a bar takes."""
_WIDEST: Final = 48.0

HATCH: Final = (
    '<svg width="0" height="0" aria-hidden="true" class="defs"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" class="refused-ground"/>'
    '<rect width="3" height="6" class="refused-line"/></pattern></defs></svg>'
)
"""What hatched bars are filled with; once on a page, before the first chart."""


class Bar(NamedTuple):
    """One span of time: its label, and how many were granted and refused in it."""

    label: str
    granted: int
    refused: int


def over_time(bars: Sequence[Bar], what: str) -> Iterator[str]:
    """Yield a chart of bars side by side, granted below and refused above.

    Args:
        bars: In their order; at least one.
        what: What it shows, in words.
    """
    top = nice(max(one.granted + one.refused for one in bars))
    step = (WIDTH - _LEFT - _RIGHT) / len(bars)
    yield (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(what)}" class="chart">'
    )
    yield from _grid(top)
    every = -(-len(bars) // _LABELS)
    for at, one in enumerate(bars):
        x = _LEFT + at * step
        yield from _column(one, x, step, top)
        middle = x + step / 2
        # One at the edge would be cut.
        if at % every == 0 and middle <= WIDTH - _RIGHT - _HALF_LABEL:
            yield _label(one.label, middle)
    yield "</svg>"


def _label(text: str, middle: float) -> str:
    words = escape(text)
    return f'<text x="{middle:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{words}</text>'


def _grid(top: int) -> Iterator[str]:
    ticks = min(_TICKS, top)
    for tick in range(ticks + 1):
        value = top * tick // ticks
        y = _y(value, top)
        yield f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>'


def _column(bar: Bar, x: float, step: float, top: int) -> Iterator[str]:
    width = min(step * _FILL, _WIDEST)
    left = x + (step - width) / 2
    words = f"{bar.label}: {bar.granted:,} granted, {bar.refused:,} refused"
    yield f"<g><title>{escape(words)}</title>"
    for kind, low, high in (
        ("granted", 0, bar.granted),
        ("refused", bar.granted, bar.granted + bar.refused),
    ):
        if high > low:
            y = _y(high, top)
            height = _y(low, top) - y
            yield (
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'class="{kind}"/>'
            )
    yield "</g>"


def _y(value: int, top: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top


def nice(most: int) -> int:
    """Return a round number that is not below `most`, and of which a quarter is a whole one."""
    if most <= _TICKS:
        return max(most, 1)
    magnitude = 1
    while True:
        for factor in (4, 8, 12, 16, 20, 24, 32):
            if factor * magnitude >= most:
                return factor * magnitude
        magnitude *= 10


def beside(most: int, *parts: tuple[int, str]) -> str:
    """Return a bar for numbers that stand beside it.

    Args:
        most: What the longest bar comes to.
        parts: (number, class) of each part, side by side.
    """
    drawn, at = [], 0.0
    for value, kind in parts:
        share = 100 * value / most if most else 0.0
        drawn.append(f'<rect x="{at:.2f}" width="{share:.2f}" height="10" class="{kind}"/>')
        at += share
    return (
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" class="bar" aria-hidden="true">'
        f"{''.join(drawn)}</svg>"
    )
