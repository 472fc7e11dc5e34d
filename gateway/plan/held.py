"""A plan is held to its provision's profile, as the file was at load: by the same rules. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.lint.profile_holds import contradictions, unnamed
from gateway.errors import Reason, ReleaseError

if TYPE_CHECKING:
    from gateway.plan.ops import Plan


def hold_profile(plan: Plan) -> None:
    """Raise where a mask of a plan is none that the provision's profile lets leave on its field.

    The loader held the file to its profile; this holds the plan to it, however it was made.

    Raises:
        ReleaseError: It names the field and the clause of the regulation.
    """
    rule = plan.rule
    basis, dataset = rule.provision.basis, rule.dataset
    for one in plan.masks:
        field = dataset.fields[one.name]
        lists = {field.codes: one.inputs.codes} if field.codes and one.inputs.codes else {}
        for text, clause in contradictions(basis, dataset, lists, field, one.mask):
            message = f"`{one.name}`: `{basis.profile}` {text} ({clause})"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        if unnamed(basis, dataset, field, one.mask):
            message = f"`{one.name}` leaves otherwise than the determination names it"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
