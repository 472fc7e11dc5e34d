"""One provision as prose: who may get what, if what, in which form, and what is owed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.masks.plain import Pass
from gateway.review.prose.page import Heading, Items, Rows, Sentences
from gateway.review.prose.table import table
from gateway.review.prose.words import CLASSES, condition, label, listed, plain, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.index import FlowRule
    from gateway.agreement.purposes import Purposes
    from gateway.masks.base import Mask
    from gateway.review.prose.page import Block

BASES: Final[Mapping[str, str]] = {
    "authorization": "the person's authorization",
    "consent": "the person's consent",
    "treatment": "treatment of the person",
    "public_health": "public health activities",
    "limited_data_set": "a limited data set",
    "deidentified": "de-identified data",
    "part2_consent": "the person's consent under 42 CFR Part 2",
    "part2_public_health": "de-identified disclosure to public health under 42 CFR Part 2",
    "part2_qsoa": "a service agreement under 42 CFR Part 2",
    "statute": "a statute",
    "research": "research that a review board approved",
    "agency_policy": "the provider's own policy",
}
PROFILES_SAID: Final[Mapping[str, str]] = {
    "identified": "about a person who is named",
    "lds": "a limited data set",
    "safe_harbor": "de-identified by the safe harbor rule",
    "expert": "de-identified by an expert's determination",
    "part2_public_health": "de-identified as 42 CFR Part 2 asks for public health",
    "non_hipaa": "under neither HIPAA nor 42 CFR Part 2",
}


def flow(several: tuple[FlowRule, ...], purposes: Purposes, *, law: bool) -> Iterator[Block]:
    """Yield a provision; `several` are its flows, which differ in their purpose alone.

    Args:
        several: Of one provision.
        purposes: Labels.
        law: Whether basis, limits and duties are told: what counsel reads.
    """
    rule = several[0]
    provision = rule.provision
    yield Heading(_title(rule), provision.clause)
    yield Sentences(_first(several, purposes))
    if provision.delivery.mode == "push":
        yield Sentences("The provider sends it by itself, without being asked.")
    if law:
        yield Sentences(_basis(rule))
    if provision.when:
        yield Sentences("A record leaves only if all of this holds:")
        yield Items(tuple(condition(one, purposes) for one in provision.when))
    if provision.anonymity is not None:
        least = provision.anonymity.k
        yield Sentences(f"It leaves only where at least {least} people are alike in what leaves.")
    if provision.aggregate is not None:
        yield from table(rule, provision.aggregate)
    yield Heading("What leaves", level=3)
    yield _leaving(rule)
    if provision.withhold:
        yield Heading("What stays with the provider", level=3)
        yield Sentences(f"{', '.join(provision.withhold)}.")
    if law:
        yield Heading("What the recipient owes", level=3)
        yield Items(tuple(_duties(rule)))
        yield Sentences(_limits(rule))


def _title(rule: FlowRule) -> str:
    words = plain(rule.provision.id.partition("-")[2]).replace("-", " ")
    return words[:1].upper() + words[1:]


def _first(several: tuple[FlowRule, ...], purposes: Purposes) -> str:
    rule = several[0]
    what = "counts, never records," if rule.provision.aggregate is not None else "records"
    goals = listed([label(one.purpose, purposes) for one in several], "or")
    return (
        f"{rule.provider.name} may give {rule.recipient.name} {what} of "
        f"“{rule.dataset.title}” ({rule.dataset.id}), {rule.dataset.grain}. The purpose: {goals}."
    )


def _basis(rule: FlowRule) -> str:
    basis = rule.provision.basis
    said = (
        f"Basis: {BASES[basis.type]}; {', '.join(basis.cite)}. "
        f"The released fields are meant to be {PROFILES_SAID[basis.profile]}."
    )
    if basis.deid is not None:
        said += f" They rest on {basis.deid.ref}, which holds until {basis.deid.expires}."
    return said + " An engineering reading, which counsel must confirm."


def _leaving(rule: FlowRule) -> Rows:
    release = rule.provision.release
    rows = tuple(
        (name, CLASSES[rule.dataset.fields[name].field_class], _form(mask))
        for name, mask in release.items()
    )
    return Rows(("Field", "Such a field", "How it leaves"), rows)


def _form(mask: Mask) -> str:
    if isinstance(mask, Pass):
        return "as it is"
    note = mask.note()
    arguments = ", ".join(one.replace("=", " ", 1) for one in note.arguments)
    return f"{note.name}: {arguments}" if arguments else note.name


def _duties(rule: FlowRule) -> Iterator[str]:
    duties, parties = rule.provision.duties, rule.pact.agreement.parties
    yield f"It deletes what it received after {span(duties.delete_after)}" + (
        f", and attests to that within {span(duties.attest_deletion)}."
        if duties.attest_deletion is not None
        else "."
    )
    onward = listed([parties[one].agency for one in duties.onward])
    yield f"It may give it on to {onward}." if onward else "It gives it on to nobody."
    if duties.reidentify == "forbid":
        yield "It tries to identify nobody."
    yield "It contacts nobody." if duties.contact == "forbid" else "It may contact the person."
    if duties.publish == "forbid":
        yield "It publishes nothing of it."
    else:
        yield "It publishes only what the provider's steward has reviewed."
    yield f"It reports a breach within {span(duties.breach_notice)}."
    yield f"It acts on a correction within {span(duties.recall)}."
    if duties.notice is not None:
        yield f"The notice {duties.notice} comes with it."
    yield f"Accounting of disclosures: {duties.accounting}."
    if duties.review is not None:
        yield f"A person reviews each exchange within {span(duties.review)}."


def _limits(rule: FlowRule) -> str:
    limits = rule.provision.limits
    return (
        f"Limits: {limits.requests_per_minute} requests a minute, {limits.rows_per_request} rows a "
        f"request, {limits.rows_per_day} rows a day."
    )
