"""The EMS agency's referral forms: FHIR R4 bundles, one referral each.

A bundle holds a ServiceRequest (who asks whom, for which overdose), a Task (status, due time), the
Patient, and the Consent that allows it or that says no.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import Files, record_uuid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from gateway.cli.county.overdoses import Overdose

BLOCK: Final = 2


@dataclass(frozen=True, slots=True)
class Form:
    """One referral as the crew filled it in.

    Attributes:
        timed: False where the crew knew the day only.
        consent: `granted`, `refused`, `none` (nobody asked) or `opted_out` (withdrawn for good).
    """

    number: int
    event: Overdose
    timed: bool = True
    consent: str = "granted"
    preference: str = "phone"
    kit_left: bool = True
    safety: str = "none"
    status: str = "requested"


CASES: Final[Mapping[str, Mapping[str, object]]] = {
    "consented": {},
    "refused": {"consent": "refused"},
    "not_asked": {"consent": "none"},
    "opted_out": {"consent": "opted_out"},
    "time_unknown": {"timed": False},
    "visit_in_pairs": {"safety": "visit_in_pairs", "preference": "visit"},
    "accepted": {"status": "accepted"},
}
"""Case name to what its form holds; the newest referrals show them in order."""
