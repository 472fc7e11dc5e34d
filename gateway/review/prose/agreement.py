"""A whole agreement as a page: for counsel with every clause, for the public what leaves and never.

Everything is said of the rules as they stand in the files, signed or not: what is about to be
signed is what people read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.masks.plain import Pass
from gateway.review.grouped import by_provision
from gateway.review.prose.flow import flow
from gateway.review.prose.never import prohibition
from gateway.review.prose.page import Heading, Items, Page, Rows, Sentences
from gateway.review.prose.words import KINDS, day, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.index import Agreements, Pact
    from gateway.review.prose.page import Block


class Reader(StrEnum):
    """Whom a page is for."""

    COUNSEL = "counsel"
    PUBLIC = "public"


def page(agreements: Agreements, pact: Pact, reader: Reader) -> Page:
    """Return one agreement of a compiled set as a page."""
    law = reader is Reader.COUNSEL
    blocks = [
        *_head(agreements, pact, law=law),
        *_never(agreements, pact),
        *_flows(agreements, pact, law=law),
        *(_after(pact) if law else ()),
        *_forms(pact),
    ]
    return Page(pact.agreement.title, tuple(blocks))


def _head(agreements: Agreements, pact: Pact, *, law: bool) -> Iterator[Block]:
    agreement, term = pact.agreement, pact.agreement.term
    yield Sentences(
        f"In force from {day(term.effective)} to {day(term.expires)}, both days included "
        f"({term.timezone})."
    )
    if law:
        yield Rows(
            ("What", "Which", "SHA-256"),
            (
                ("The rules, which signatures are of", agreement.ref, pact.digest.hex()),
                ("The paper that they express", agreement.document.ref, agreement.document.sha256),
            ),
        )
        yield Sentences(
            f"People look at it again by {day(term.review_by)}. Whoever ends it says so "
            f"{span(term.notice)} before."
        )
    yield Heading("Who takes part")
    agencies = agreements.registry.agencies
    rows = [
        (agencies[party.agency].name, KINDS[party.kind], *((party.steward,) if law else ()))
        for party in agreement.parties.values()
    ]
    head = ("Agency", "What it is", "Whom to write to") if law else ("Agency", "What it is")
    yield Rows(head, tuple(rows))


def _never(agreements: Agreements, pact: Pact) -> Iterator[Block]:
    yield Heading("What nobody gets")
    yield Sentences("These stand above everything below, and above every other agreement.")
    rows = [
        (rule.never.clause, prohibition(rule.never), _source(rule.source))
        for rule in agreements.rules
        if rule.source in ("floor", pact.agreement.ref)
    ]
    yield Rows(("Clause", "Prohibition", "Of"), tuple(rows))


def _source(source: str) -> str:
    return "the county's floor" if source == "floor" else "this agreement"


def _flows(agreements: Agreements, pact: Pact, *, law: bool) -> Iterator[Block]:
    for several in by_provision(agreements):
        if several[0].pact is pact:
            yield from flow(several, agreements.purposes, law=law)


def _after(pact: Pact) -> Iterator[Block]:
    agreement = pact.agreement
    yield Heading("Subpoenas and the like", agreement.compelled.clause)
    yield Sentences(
        f"No compelled disclosure goes through the gateway. {agreement.compelled.route} answers, "
        "by people only."
    )
    yield Heading("What is kept of exchanges")
    witness = " The first release waits for a witness." if agreement.log.witness != "none" else ""
    yield Sentences(
        f"Every exchange and every refusal is in a log that nobody can change unseen. It holds no "
        f"record; what it holds besides digests is kept for {span(agreement.log.retain)}.{witness}"
    )


def _forms(pact: Pact) -> Iterator[Block]:
    """Yield what each form that some field leaves in means."""
    used = {
        mask.name: mask.guarantee
        for provision in pact.agreement.provisions
        for mask in provision.release.values()
        if not isinstance(mask, Pass)
    }
    if used:
        yield Heading("What the forms mean")
        yield Items(tuple(f"{name}: {said}" for name, said in sorted(used.items())))
