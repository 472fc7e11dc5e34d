"""`accord agreements assert`: a claim about who gets what, and each way that breaks it."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.model import Selectors
from gateway.agreement.unmatched import unmatched
from gateway.cli.officers import EXIT_FINDINGS
from gateway.cli.reach import fields_of, looked, print_way
from gateway.errors import SettingsError
from gateway.review.reach import selected
from gateway.values import AgencyKind, FieldClass, Means, Regime, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.cli.reach import Looked

EXIT_COUNTEREXAMPLE: Final = 4

_WORDS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "from_kind": ("from_kind", AgencyKind),
    "to_kind": ("to_kind", AgencyKind),
    "class": ("field_class", FieldClass),
    "means": ("means", Means),
    "regime": ("regime", Regime),
    "shape": ("shape", Shape),
    "dataset": ("dataset", str),
    "field": ("field", str),
    "purpose": ("purpose", str),
}
"""Selectors of a claim, as a prohibition has them: the key, and what reads one of its values."""


def run_assert(places: Sequence[str], claim: Sequence[str], only: Sequence[str], now: str) -> int:
    """Say whether a claim holds of every way to every field; 4 and a way that breaks it, if not.

    Without `only` the claim is that nothing that is selected reaches anybody; with it, that it
    reaches exactly these agencies.

    Raises:
        SettingsError: The claim is no claim, or a place is none.
    """
    looks = looked(places, now)
    if looks is None:
        return EXIT_FINDINGS
    when = _selectors(claim, looks)
    unknown = set(only).difference(*(one.agreements.registry.agencies for one in looks))
    if unknown:
        raise SettingsError(f"`--only`: no agency is called {', '.join(sorted(unknown))}")
    everything = [way for one in looks for way in one.ways]
    found = selected(everything, when)
    broken = [way for way in found if way.agency.id not in only]
    for way in broken:
        print_way(way)
    reached = {way.agency.id for way in found}
    missing = [f"{one} does not get it\n" for one in only if one not in reached]
    sys.stdout.writelines(missing)
    if broken or missing:
        sys.stdout.write(f"does not hold: {len(broken)} of {len(everything)} ways break it\n")
        return EXIT_COUNTEREXAMPLE
    provisions = {way.rule.ref for way in everything}
    parties = {way.agency.id for way in everything}
    sys.stdout.write(
        f"holds over {len(provisions)} provisions, {len(parties)} agencies, "
        f"{len(everything)} ways to a field\n"
    )
    return 0


def _selectors(claim: Sequence[str], looks: Sequence[Looked]) -> Selectors:
    """Return what a claim selects: `key=value,value`, all keys to be met, each by any value.

    Raises:
        SettingsError: It is not of this form; or it speaks of what does not exist, of which every
            claim would hold.
    """
    given: dict[str, frozenset[object]] = {}
    for one in claim:
        key, sign, values = one.partition("=")
        if not sign or key not in _WORDS or not values:
            raise SettingsError(f"a claim is of words such as to_kind=…: {', '.join(_WORDS)}")
        name, made = _WORDS[key]
        if name in given:
            raise SettingsError(
                f"`{key}` stands twice: write its values behind one another, by commas"
            )
        try:
            given[name] = frozenset(made(value) for value in values.split(","))
        except ValueError:
            raise SettingsError(f"`{key}` has no such value") from None
    if not given:
        raise SettingsError("a claim selects something: an empty one would be about everything")
    if "field" in given:
        several = (fields_of(looks, str(name), "`field`") for name in given["field"])
        given["field"] = frozenset(itertools.chain.from_iterable(several))
    when = Selectors(**given)  # type: ignore[arg-type]
    datasets = [one for look in looks for one in look.agreements.datasets.values()]
    purposes = {leaf for look in looks for leaf in look.agreements.purposes.leaves}
    for lack in unmatched(when, datasets, purposes):
        raise SettingsError(f"the claim speaks of nothing: {lack}")
    return when
