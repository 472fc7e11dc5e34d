"""A new agreement of one common flow: a template and an officer's answers in, a file out. Pure.

A template is a provision as YAML with blanks. What fills them are the answers; the tests of it are
`starting_tests`'.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Final

from gateway.agreement.spans import add, duration
from gateway.errors import SettingsError
from gateway.values import AgencyKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.registry import Agency

ALIASES: Final[Mapping[AgencyKind, str]] = {
    AgencyKind.LAW_ENFORCEMENT: "police",
    AgencyKind.PUBLIC_HEALTH: "phd",
    AgencyKind.HARM_REDUCTION: "hro",
    AgencyKind.SUD_TREATMENT: "otp",
    AgencyKind.CORRECTIONS: "jail",
    AgencyKind.UNIVERSITY: "campus",
}
"""What a party is called in a file; one of any other kind is called as its kind is."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A template, and the parts that every template shares.

    Attributes:
        head: The agreement up to its prohibitions.
        body: Prohibitions and the one provision.
        grants: Tests of what leaves.
        refusals, role, table, push: Tests of any provision, of one with roles, of one with a table,
            of one that sends by itself.
    """

    about: str
    head: str
    body: str
    grants: str
    refusals: str
    role: str
    table: str
    push: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What an officer says about a new agreement.

    Attributes:
        paper, sha256: The signed paper: what it is called, and its digest.
        effective: The first day in force, the first of a month: tables are of whole months.
        policy: What allows the flow, where the template leaves that to a policy.
        compelled: Who answers subpoenas.
    """

    id: str
    title: str
    provider: Agency
    recipient: Agency
    paper: str
    sha256: str
    effective: dt.date
    timezone: str
    provider_steward: str
    recipient_steward: str
    compelled: str
    policy: str


def agreement_text(texts: Texts, answers: Answers) -> str:
    """Return the agreement's file: a year in force, reviewed after nine months.

    Raises:
        SettingsError: An answer is no line of text, or the first day is not the first of a month.
    """
    start = first_of_month(answers.effective)
    names = _aliases(answers)
    blanks = {
        "about": texts.about,
        "id": answers.id,
        "title": _quoted(answers.title),
        "paper": _quoted(answers.paper),
        "sha256": _line(answers.sha256),
        "effective": start.isoformat(),
        "expires": (_later(start, "P1Y") - dt.timedelta(days=1)).isoformat(),
        "review_by": _later(start, "P9M").isoformat(),
        "timezone": _line(answers.timezone),
        "from": names[0],
        "to": names[1],
        "provider": answers.provider.id,
        "recipient": answers.recipient.id,
        "provider_kind": answers.provider.kind.value,
        "recipient_kind": answers.recipient.kind.value,
        "provider_steward": _quoted(answers.provider_steward),
        "recipient_steward": _quoted(answers.recipient_steward),
        "compelled": _quoted(answers.compelled),
        "policy": _quoted(answers.policy),
        "waiver": _line(answers.provider_steward).replace(",", ""),
    }
    return Template(texts.head + texts.body).substitute(blanks)


def first_of_month(day: dt.date) -> dt.date:
    """Return the first day of a term: tables are of whole months.

    Raises:
        SettingsError: It is another day of a month.
    """
    if day.day != 1:
        raise SettingsError("`--effective` is the first day of a month")
    return day


def _later(day: dt.date, span: str) -> dt.date:
    made = duration(span)
    assert made is not None  # noqa: S101 - written above
    return add(day, made)


def _aliases(answers: Answers) -> tuple[str, str]:
    kinds = (answers.provider.kind, answers.recipient.kind)
    if kinds[0] is kinds[1]:
        return "provider", "recipient"
    first, second = (ALIASES.get(kind, kind.value) for kind in kinds)
    return first, second


def _line(text: str) -> str:
    """Return an answer that fits a comment or a plain scalar: one line that hides nothing."""
    if not text.strip() or not text.isprintable():
        raise SettingsError("an answer is one line of text")
    return text


def _quoted(text: str) -> str:
    return json.dumps(_line(text), ensure_ascii=False)
