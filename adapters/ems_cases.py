"""Case definitions over the coded elements of one EMS report: which rule, and by which branch.

A definition is named by id and version in the row; two counts under two ids are never added.
`PUBLISHED` is the NEMSIS expression as printed, with its trap: only its first alternative is
anchored at the start and only its last at the end, so adverse effects, underdosings and later
encounters pass. `ANCHORED` is ours. `outcome` holds the NEMSIS PatientDeath definition, less
eDisposition.21, which the dataset does not carry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NALOXONE = frozenset({"7242", "203192", "197117"})
"""RxNorm: naloxone, naloxone hydrochloride, naloxone hydrochloride anhydrous, as the definition
lists them."""

_IMPROVED = "9916001"
_BRANCHES = r"(F11.*)|(T40\.[0-3]X?[1-4]?A?)|(T40\.4.?[1-4]?A?)|(T40\.6[09]?[1-4]?A?)"
_PUBLISHED = re.compile(rf"^{_BRANCHES}\Z")
_ANCHORED = re.compile(_BRANCHES)


def matches_published(code: str) -> bool:
    """Return whether a code passes the published expression, which looks anywhere in the text."""
    return _PUBLISHED.search(code) is not None


def matches_anchored(code: str) -> bool:
    """Return whether a code passes the same four alternatives, each from end to end."""
    return _ANCHORED.fullmatch(code) is not None


@dataclass(frozen=True, slots=True)
class Dose:
    """One medication group as the definitions see it.

    Attributes:
        code: eMedications.03, or None where nil.
        denied: The code carries a pertinent negative.
        response: eMedications.07, or None.
    """

    code: str | None
    denied: bool
    response: str | None


@dataclass(frozen=True, slots=True)
class Coded:
    """The elements that a definition reads; denied symptoms are not among them (EMS-2)."""

    symptoms: tuple[str, ...]
    impressions: tuple[str, ...]
    doses: tuple[Dose, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A named rule.

    Attributes:
        id, version: What the row says.
        matches: Whether a code is an opioid overdose.
        counts_denied: Whether a medication that was not given counts where it has a response
            (DEF-10).
    """

    id: str
    version: str
    matches: Callable[[str], bool]
    counts_denied: bool

    def basis(self, coded: Coded) -> tuple[str, ...]:
        """Return the branches that match, in the list's order; none means no case."""
        found: list[str] = []
        if any(map(self.matches, coded.impressions)):
            found.append("impression")
        if any(map(self.matches, coded.symptoms)):
            found.append("symptom")
        if any(self._improved(dose) for dose in coded.doses):
            found.append("medication")
        return tuple(found)

    def _improved(self, dose: Dose) -> bool:
        given = self.counts_denied or not dose.denied
        return given and dose.code in NALOXONE and dose.response == _IMPROVED


PUBLISHED = Definition("nemsis-opioid-overdose", "2025-05-27", matches_published, True)  # noqa: FBT003
ANCHORED = Definition(
    "nemsis-opioid-overdose-anchored",
    "2025-05-27+a1",
    matches_anchored,
    False,  # noqa: FBT003
)
DEFINITIONS: Mapping[str, Definition] = {held.id: held for held in (PUBLISHED, ANCHORED)}

_DEATH: Mapping[str, frozenset[str]] = {
    "eScene.08": frozenset({"2708009"}),
    "eSituation.13": frozenset({"2813007"}),
    "eArrest.03": frozenset({"3003007", "3003009"}),
    "eArrest.12": frozenset({"3012001"}),
    "eArrest.16": frozenset({"3016001", "3016005"}),
    "eArrest.17": frozenset({"9901001", "9901003", "9901035", "9901067", "9901071"}),
    "eArrest.18": frozenset({"3018003"}),
    "eDisposition.12": frozenset({"4212013", "4212015", "4212017", "4212019"}),
    "eDisposition.19": frozenset({"4219007", "4219009"}),
}
DEATH_ELEMENTS = tuple(_DEATH)
_DEATH_CODE = "R99"
_CONTACT_MADE = "4227001"


def outcome(values: Callable[[str], list[str]], coded: Coded) -> str:
    """Return `fatal`, `nonfatal` or `unknown`, as EMS left the patient.

    Args:
        values: The values of an element by its name, without nils.
        coded: The report's codes.
    """
    seen = {name: values(name) for name in DEATH_ELEMENTS}
    if _DEATH_CODE in (*coded.symptoms, *coded.impressions):
        return "fatal"
    if any(_DEATH[name].intersection(held) for name, held in seen.items()):
        return "fatal"
    # Alive is said only where there was a patient and something was recorded of the state they were
    # left in.
    if _CONTACT_MADE in values("eDisposition.27") and any(seen.values()):
        return "nonfatal"
    return "unknown"
