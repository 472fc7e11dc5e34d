"""A prohibition as a sentence: what, from whom, to whom, for what, and whether onward too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.review.prose.words import CLASSES, kinds, listed, plain
from gateway.values import Regime, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.model import Never, Selectors

_LAWS: Final[Mapping[Regime, str]] = {
    Regime.HIPAA: "HIPAA",
    Regime.PART2: "42 CFR Part 2",
    Regime.CJIS: "the CJIS security policy",
    Regime.FERPA: "FERPA",
    Regime.NONE: "no law of its own",
}


def prohibition(never: Never) -> str:
    """Return a prohibition as one or two sentences."""
    when = never.when
    given = f" from {kinds(when.from_kind)}" if when.from_kind else ""
    got = f" to {kinds(when.to_kind)}" if when.to_kind else " to anybody"
    said = f"{_what(when)} leaves{given}{got}{_purpose(when)}."
    return f"{said} Whoever received it may not give it on so either." if never.onward else said


def _what(when: Selectors) -> str:
    fields = _fields(when)
    shape = _shape(when)
    datasets = f" of {listed(sorted(when.dataset), 'or')}" if when.dataset else ""
    law = [f"a dataset that {_LAWS[one]} follows" for one in sorted(when.regime)]
    regimes = f" of {listed(law, 'or')}" if law else ""
    if fields:
        return f"{fields}{datasets}{regimes}{shape}"
    return f"Nothing{datasets}{regimes}{shape}"


def _shape(when: Selectors) -> str:
    if len(when.shape) != 1:
        return ""
    return ", record by record," if Shape.RECORD in when.shape else ", as a table,"


def _fields(when: Selectors) -> str:
    """Return the fields that are selected; empty where whole flows are meant."""
    parts = []
    if when.field_class:
        classes = [CLASSES[one] for one in sorted(when.field_class)]
        parts.append(f"that {listed(classes, 'or')}")
    if when.means:
        parts.append(f"that says {listed([plain(one) for one in sorted(when.means)], 'or')}")
    if when.free_text is not None:
        parts.append("that is prose" if when.free_text else "that is no prose")
    if when.field:
        named = listed(sorted(when.field), "or")
        return f"Nothing of {named}{', ' if parts else ''}{listed(parts)}"
    return f"No field {listed(parts)}" if parts else ""


def _purpose(when: Selectors) -> str:
    if not when.purpose:
        return ""
    return f" for the purpose {listed(sorted(when.purpose), 'or')}, or for any below it"
