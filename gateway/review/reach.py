"""Who can get which field, by which provision and under what conditions: every way there is.

A way leads to an agency that may ask for the field, or that the recipient may give it on to. It is
listed whether or not a caller meets the conditions today, and whatever the mask, but for masks that
tell nothing of the value. What a prohibition forbids is no way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.agreement.index import Signed, field_meets, flow_meets
from gateway.agreement.strength import tells_nothing
from gateway.values import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.agreement.model import Selectors
    from gateway.agreement.registry import Agency
    from gateway.masks.base import Mask

STANDING: Final = frozenset({Signed.SIGNED, Signed.DRAFT, Signed.IN_REVIEW, Signed.SUSPENDED})
"""A way stands while an agreement may come to be in force; it is gone for good when terminated."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a field.

    Attributes:
        agency: Who gets it.
        rule: The provision by which it leaves its provider.
        field: Its rule in the dataset.
        mask: The form in which it leaves.
        onward: Whether it comes from the recipient of the provision, and not from the provider.
        origins: Whose data it may be beside the provider's: who gives the provider this very field,
            at whatever remove. No gateway can see which of it the provider gives on.
    """

    agency: Agency
    rule: FlowRule
    field: FieldRule
    mask: Mask
    onward: bool
    origins: tuple[Agency, ...] = ()

    @property
    def name(self) -> str:
        """The field, as selectors write it: `<dataset>.<field>`."""
        return f"{self.rule.dataset.id.name}.{self.field.name}"


def ways(agreements: Agreements) -> tuple[Way, ...]:
    """Return every way to every field, in the order of agencies, datasets and fields."""
    standing = [
        rule
        for rules in agreements.flows.values()
        for rule in rules
        if rule.pact.signed in STANDING
    ]
    agencies = agreements.registry.agencies
    found = [way for rule in standing for way in _of(rule, agencies)]
    given: dict[str, list[tuple[str, str]]] = {}
    for way in found:
        given.setdefault(way.name, []).append((way.rule.provider.id, way.agency.id))
    found = [replace(way, origins=_origins(way, given[way.name], agencies)) for way in found]
    return tuple(sorted(found, key=_order))


def _origins(
    way: Way, given: Iterable[tuple[str, str]], agencies: Mapping[str, Agency]
) -> tuple[Agency, ...]:
    """Return who gives the field to whoever gives it, and so on; not who gets it at last."""
    known = {way.rule.provider.id}
    while more := {giver for giver, getter in given if getter in known} - known:
        known |= more
    return tuple(agencies[one] for one in sorted(known - {way.rule.provider.id, way.agency.id}))


def _order(way: Way) -> tuple[str, str, str, str, bool]:
    return (way.agency.id, way.name, way.rule.purpose, way.rule.ref, way.onward)


def _of(rule: FlowRule, agencies: Mapping[str, Agency]) -> Iterator[Way]:
    provision, parties = rule.provision, rule.pact.agreement.parties
    onward = [agencies[parties[alias].agency] for alias in provision.duties.onward]
    for name, mask in provision.release.items():
        if name in rule.barred or tells_nothing(mask):
            continue
        field = rule.dataset.fields[name]
        yield Way(rule.recipient, rule, field, mask, onward=False)
        for agency in onward:
            yield Way(agency, rule, field, mask, onward=True)


def selected(found: Iterable[Way], when: Selectors) -> tuple[Way, ...]:
    """Return the ways that meet all selectors: those that a prohibition of them would forbid."""
    return tuple(way for way in found if _meets(way, when))


def _meets(way: Way, when: Selectors) -> bool:
    rule = way.rule
    shape = rule.provision.delivery.shape
    flow = (way.agency.kind, rule.purpose, shape, rule.dataset)
    meets = any(flow_meets(when, one.kind, *flow) for one in (rule.provider, *way.origins))
    return meets and field_meets(when, rule.dataset, way.field)


def never(agreements: Agreements, agency: Agency, dataset: Dataset, field: str) -> bool:
    """Return whether prohibitions keep a field from an agency for good.

    Whoever gives it, for whatever purpose, in whatever shape.
    """
    purposes = agreements.purposes.leaves
    return all(
        agreements.forbidding(kind, agency.kind, purpose, shape, dataset, [field]) is not None
        for kind in dataset.provider_kinds
        for purpose in purposes
        for shape in Shape
    )
