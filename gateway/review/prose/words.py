"""Closed words of the language as people say them: kinds, classes, durations, lists, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.spans import FORM
from gateway.values import AgencyKind, FieldClass, Operator

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from gateway.agreement.conditions import When
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.spans import Duration

KINDS: Final[Mapping[AgencyKind, str]] = {
    AgencyKind.EMS: "emergency medical services",
    AgencyKind.FIRE: "fire services",
    AgencyKind.LAW_ENFORCEMENT: "law enforcement",
    AgencyKind.PROSECUTOR: "prosecutors",
    AgencyKind.IMMIGRATION: "immigration authorities",
    AgencyKind.CORRECTIONS: "jails and prisons",
    AgencyKind.PUBLIC_HEALTH: "public health",
    AgencyKind.HARM_REDUCTION: "harm reduction",
    AgencyKind.HOSPITAL: "hospitals",
    AgencyKind.MEDICAL_EXAMINER: "medical examiners",
    AgencyKind.SUD_TREATMENT: "treatment programmes",
    AgencyKind.PHARMACY: "pharmacies",
    AgencyKind.UNIVERSITY: "universities",
}
CLASSES: Final[Mapping[FieldClass, str]] = {
    FieldClass.DIRECT_IDENTIFIER: "names a person directly",
    FieldClass.QUASI_IDENTIFIER: "can single a person out together with others",
    FieldClass.SENSITIVE: "is sensitive",
    FieldClass.OPERATIONAL: "says little about a person",
}
_UNITS: Final = ("year", "month", "day", "hour", "minute", "second")
_OPERATORS: Final[Mapping[Operator, str]] = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.LT: "is below",
    Operator.LTE: "is at most",
    Operator.GT: "is above",
    Operator.GTE: "is at least",
}
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def span(length: Duration) -> str:
    """Return a duration in words: `P1Y6M` is `1 year and 6 months`."""
    match = FORM.fullmatch(length.text)
    assert match is not None  # noqa: S101 - it was read by this form
    counts = zip(match.groups(), _UNITS, strict=True)
    said = [
        f"{int(count)} {unit}{'' if int(count) == 1 else 's'}"
        for count, unit in counts
        if count and int(count)
    ]
    return listed(said)


def day(date: dt.date) -> str:
    """Return a date in words: `1 June 2026`."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def listed(texts: Iterable[str], last: str = "and") -> str:
    """Return texts as a list in a sentence."""
    several = list(texts)
    if len(several) > 1:
        return f"{', '.join(several[:-1])} {last} {several[-1]}"
    return several[0] if several else ""


def kinds(several: Iterable[AgencyKind]) -> str:
    """Return kinds of agencies, any of which is meant."""
    return listed([KINDS[one] for one in sorted(several)], "or")


def plain(word: str) -> str:
    """Return a word of the files without its underscores."""
    return word.replace("_", " ")


def condition(one: When, purposes: Purposes) -> str:
    """Return a condition as a sentence without its stop."""
    match one:
        case RoleCondition():
            roles = listed([plain(role) for role in sorted(one.roles)], "or")
            return f"the person who asks is {_article(roles)} {roles}"
        case ConsentCondition():
            return f"the person of the record agreed to this: {label(one.purpose, purposes)}"
        case OptOutCondition():
            return f"that person has not objected to it: {label(one.purpose, purposes)}"
        case WithinCondition():
            return f"{one.field} lies no more than {span(one.window)} back, and not in the future"
        case FieldCondition():
            values = listed([str(value) for value in one.values], "or")
            return f"{one.field} {_OPERATORS[one.op]} {values}"
        case _:
            assert_never(one)


def _article(word: str) -> str:
    return "an" if word[:1] in "aeio" else "a"


def label(purpose: str, purposes: Purposes) -> str:
    """Return a purpose in the words of `purposes.yaml`, with its name."""
    leaf = purposes.leaves.get(purpose)
    return f"{leaf.label} ({purpose})" if leaf is not None else purpose
