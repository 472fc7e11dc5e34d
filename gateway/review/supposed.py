"""What tests suppose of agreements: a state, a term, an attestation, whatever lies there today.

So tests go on holding when the registry is renewed, or the term. Pure.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gateway.agreement.compiling import compile_agreements
from gateway.agreement.index import Signed, pact
from gateway.agreement.spans import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.index import Agreements, Pact
    from gateway.agreement.model import Provision
    from gateway.agreement.registry import Registry
    from gateway.agreement.testing import Suite

Days: TypeAlias = tuple[dt.date, dt.date]

_A_DAY: Final = dt.timedelta(days=1)
_FIRST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_LAST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


class Variant(NamedTuple):
    """What a test supposes of its agreement.

    Attributes:
        push: Whether what is pushed can be asked for, so that it can be decided as a request; what
            is pulled is then not there.
        term: First and last day; None for the agreement's own.
    """

    state: Signed
    attested: bool
    push: bool
    term: Days | None


def supposed(agreements: Agreements, suites: Mapping[str, Suite]) -> Agreements:
    """Return everything as the tests suppose it: signed, attested, each in its tests' term.

    Args:
        agreements: Everything, compiled as if every signature were there.
        suites: The tests of each agreement that has any, by its id.
    """
    variants = {
        name: Variant(Signed.SIGNED, attested=True, push=False, term=one.term)
        for name, one in suites.items()
    }
    return as_if(agreements, variants, 2)


def as_if(
    given: Agreements, variants: Mapping[str, Variant], generation: int, *, always: bool = False
) -> Agreements:
    """Return everything with some agreements as tests suppose them.

    Args:
        given: Everything, compiled as if every signature were there.
        variants: By the id of an agreement; whether agencies are attested is of all of them.
        generation: Of what is returned: plans are kept by it.
        always: Whether all others are in their term on any day: what a test expects of agencies
            that another agreement names too then outlives that one's term.
    """
    return compile_agreements(
        generation=generation,
        floor=given.floor,
        registry=_attested(given.registry, stale=not all(v.attested for v in variants.values())),
        purposes=given.purposes,
        datasets=given.datasets,
        codes=given.codes,
        pacts=[
            _moved(one, variants[one.agreement.id])
            if one.agreement.id in variants
            else (replace(one, starts=_FIRST, ends=_LAST) if always else one)
            for one in given.pacts
        ],
    )


def _attested(registry: Registry, *, stale: bool) -> Registry:
    since = dt.date.max - _A_DAY if stale else dt.date.min
    span = Duration("PT1S", 0, 1) if stale else Duration("P9000Y", 9000 * 12, 0)
    agencies = {
        name: replace(one, attested_at=since, attested_for=span)
        for name, one in registry.agencies.items()
    }
    return replace(registry, agencies=agencies)


def _moved(one: Pact, variant: Variant) -> Pact:
    agreement = one.agreement
    provisions = agreement.provisions
    if variant.push:
        provisions = tuple(
            replace(each, delivery=replace(each.delivery, mode="pull"))
            for each in provisions
            if each.delivery.mode == "push"
        )
    if variant.term is None:
        agreement = replace(agreement, provisions=provisions)
        return replace(one, signed=variant.state, agreement=agreement)
    first, last = variant.term
    provisions = tuple(_anchored(each, agreement.term.effective, first) for each in provisions)
    term = replace(agreement.term, effective=first, expires=last)
    moved = replace(agreement, provisions=provisions, term=term)
    return pact(moved, variant.state, one.digest)


def _anchored(provision: Provision, before: dt.date, first: dt.date) -> Provision:
    """Return a provision whose table begins with the term, where it did so before."""
    table = provision.aggregate
    if table is None or table.grid.anchor != before:
        return provision
    return replace(provision, aggregate=replace(table, grid=replace(table.grid, anchor=first)))
