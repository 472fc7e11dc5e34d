"""The header of a plan: what a recipient is told before the first record. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.ports import Owed
from gateway.values import Header

if TYPE_CHECKING:
    from gateway.plan.ops import Plan
    from gateway.values import NoiseNote


def header_of(plan: Plan, exchange_id: str) -> Header:
    """Return the header of an exchange; of a permit, which is none, with an empty id."""
    rule = plan.rule
    return Header(
        exchange_id,
        rule.pact.agreement.ref,
        rule.pact.digest,
        rule.provision.id,
        rule.provision.clause,
        plan.digest,
        plan.columns,
        plan.attach.duties,
        plan.suppress.rounded_to if plan.suppress else 0,
        noise_of(plan),
    )


ATTESTED: Final = frozenset({"attest_deletion", "review"})
"""Duties that the recipient has to attest, each by its day."""


def owed_of(plan: Plan) -> tuple[Owed, ...]:
    """Return what the recipient has to attest of what a plan lets leave."""
    return tuple(
        Owed(one.kind, one.due)
        for one in plan.attach.duties
        if one.kind in ATTESTED and one.due is not None
    )


def noise_of(plan: Plan) -> NoiseNote | None:
    """Return the noise of a plan in figures; None where numbers are exact."""
    noise = plan.suppress.noise if plan.suppress is not None else None
    return noise.note if noise is not None else None
