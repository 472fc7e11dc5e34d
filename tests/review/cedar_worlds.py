"""Counties at random: shipped agreements and copies of them, with other rules, terms and states.

Two copies have provisions of one flow, prohibitions are drawn from the whole of their selectors,
and attestations and determinations run out at odd moments.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.compiling import compile_agreements
from gateway.agreement.conditions import ConsentCondition, OptOutCondition, RoleCondition
from gateway.agreement.index import Signed, pact
from gateway.agreement.lint.folder import Folder, Read, read_folder
from gateway.agreement.lint.unbuilt import pushes
from gateway.agreement.model import Deidentified, Never, Selectors
from gateway.agreement.spans import duration
from gateway.library.files import contents
from gateway.values import AgencyKind, FieldClass, Means, Regime, Shape
from tests.data import ROOT

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from gateway.agreement.conditions import When
    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Agreement, Provision
    from gateway.agreement.spans import Duration

ROLES: Final = ("epidemiologist", "outreach_worker", "outreach_supervisor", "detective")
COPIES: Final = ("county-second", "county-third")
BRANCHES: Final = ("care", "public_health", "public_health.surveillance", "enforcement", "safety")


@functools.cache
def shipped() -> Folder:
    """Return the folder that ships, read once."""
    folder, found = read_folder(contents(Path(ROOT / "agreements")))
    assert folder is not None, found
    return folder


def _pulled() -> list[Read[Agreement]]:
    return [one for one in shipped().agreements if not pushes(one.model)]


def a_world(draw: random.Random) -> Agreements:
    """Return a county at random."""
    folder = shipped()
    # A few at a time: with the prohibitions of them all nothing at all would be permitted.
    models = [one.model for one in draw.sample(_pulled(), draw.choice((1, 1, 2)))]
    floor = dataclasses.replace(folder.floor.model, never=tuple(_nevers(draw, "F")))
    registry = folder.registry.model
    agencies = {
        name: dataclasses.replace(
            agency,
            id=name,
            attested_at=dt.date(2026, 6, 1) + dt.timedelta(days=draw.randrange(-90, 60)),
            attested_for=_span(draw, "P2Y", "P1Y", "P6M"),
        )
        for one, agency in registry.agencies.items()
        for name in (one, f"{one}-two")  # another agency of the same kind
    }
    changed = [
        _changed(draw, model, name)
        for model in models
        for name in (model.id, *draw.sample(COPIES, draw.choice((0, 0, 1, 2))))
    ]
    states = [Signed.SIGNED] * 8 + list(Signed)
    return compile_agreements(
        generation=1,
        floor=floor,
        registry=dataclasses.replace(registry, agencies=agencies),
        purposes=folder.purposes.model,
        datasets=folder.schemas,
        codes=folder.codes.model,
        pacts=[pact(one, draw.choice(states), draw.randbytes(32)) for one in changed],
    )


def _changed(draw: random.Random, model: Agreement, name: str) -> Agreement:
    first = dt.date(2026, 6, 1) + dt.timedelta(days=draw.randrange(60))
    term = dataclasses.replace(
        model.term, effective=first, expires=first + dt.timedelta(days=draw.randrange(1, 500))
    )
    chosen = draw.sample(model.provisions, draw.randrange(1, len(model.provisions) + 1))
    provisions = tuple(_other(draw, one) for one in chosen)
    nevers = tuple(_nevers(draw, "N"))
    return dataclasses.replace(model, id=name, term=term, provisions=provisions, never=nevers)


def _other(draw: random.Random, one: Provision) -> Provision:
    when: list[When] = [had for had in one.when if not isinstance(had, RoleCondition)]
    when += [
        RoleCondition(frozenset(draw.sample(ROLES, draw.randrange(1, 3))))
        for _ in range(draw.choice((0, 1, 1, 2)))
    ]
    if draw.random() < 0.25:
        when.append(ConsentCondition(draw.choice(_purposes())))
    if draw.random() < 0.25:
        when.append(OptOutCondition(draw.choice(_purposes())))
    flow = one.flow
    if draw.random() < 0.3:
        # A branch is nobody's purpose, also where a provision names one.
        purposes = dict.fromkeys((*flow.purposes, draw.choice((*_purposes(), "care"))))
        flow = dataclasses.replace(flow, purposes=tuple(purposes))
    delivery = one.delivery
    if draw.random() < 0.1:
        delivery = dataclasses.replace(delivery, mode="push")
    basis = one.basis
    if basis.deid is not None or draw.random() < 0.3:
        until = dt.date(2026, 6, 1) + dt.timedelta(days=draw.randrange(500))
        basis = dataclasses.replace(basis, deid=Deidentified("expert", "ED", "0" * 64, until))
    return dataclasses.replace(one, flow=flow, when=tuple(when), delivery=delivery, basis=basis)


def _purposes() -> tuple[str, ...]:
    return tuple(shipped().purposes.model.leaves)


def _span(draw: random.Random, *texts: str) -> Duration:
    made = duration(draw.choice(texts))
    assert made is not None
    return made


# --- prohibitions ---


def _nevers(draw: random.Random, letter: str) -> list[Never]:
    made = []
    for number in range(draw.choice((0, 0, 1, 2))):
        when = _selectors(draw)
        if not when.empty:
            made.append(Never(f"{letter}{number}-drawn", "9.9", when, onward=False))
    return made


def _selectors(draw: random.Random) -> Selectors:
    fields = [
        f"{schema.id.name}.{name}"
        for schema in shipped().schemas.values()
        for name in schema.fields
    ]
    names = sorted({schema.id.name for schema in shipped().schemas.values()})
    everything: dict[str, Sequence[object]] = {
        "from_kind": list(AgencyKind),
        "to_kind": list(AgencyKind),
        "dataset": names,
        "field": fields,
        "field_class": list(FieldClass),
        "means": list(Means),
        "regime": list(Regime),
        "purpose": BRANCHES,
        "shape": list(Shape),
    }
    chosen = draw.sample(sorted(everything), draw.choice((1, 2, 2, 3, 3)))
    given: dict[str, object] = {
        key: frozenset(
            draw.sample(everything[key], draw.randrange(1, 1 + min(4, len(everything[key]))))
        )
        for key in chosen
    }
    if draw.random() < 0.1:
        given["free_text"] = draw.random() < 0.5
    return Selectors(**given)  # type: ignore[arg-type]
