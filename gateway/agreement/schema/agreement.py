"""An agreement as a schema: parties, term, prohibitions, provisions."""

from __future__ import annotations

from typing import Final

from gateway.agreement.cursor import ID, NAME
from gateway.agreement.parse import AGENCY, ALIAS
from gateway.agreement.provision_form import (
    BASIS_TYPES,
    NOTICE,
    OPERATORS,
    PROFILES,
    PROVISION_ID,
    PURPOSE,
    ROLE,
)
from gateway.agreement.schema.base import (
    Schema,
    always,
    date,
    either,
    entries,
    file,
    integer,
    listed,
    mapping,
    names,
    or_none,
    sha256,
    span,
    text,
    version,
    word,
)
from gateway.agreement.schema.masks import definitions, mask
from gateway.agreement.schema.rules import CLAUSE_NUMBER, document, prohibition, values
from gateway.agreement.schema.tables import table
from gateway.agreement.testing_form import REF
from gateway.values import AgencyKind, Shape

DATASET_ID: Final = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+@[1-9][0-9]{0,3}"
LITERAL: Final[Schema] = {"type": ["string", "integer", "boolean"]}


def agreement() -> Schema:
    """Return the schema of an agreement's file."""
    about = "One agreement: who may get what from whom, for what, in which form, and what never."
    body = mapping(
        about,
        {
            "id": text("The file's name without .yaml.", ID),
            "version": version("Raised by every change; each needs every party's signature."),
            "title": text("In words."),
            "document": document(),
            "supersedes": or_none(
                text("The version that ends when this one begins: id@version.", REF)
            ),
            "term": _term(),
            "parties": entries("Names for this file, each an agency of agencies.yaml.",
                               ALIAS, _party()),
            "never": or_none(listed("What nobody may get, whatever any file says.", prohibition())),
            "log": _log(),
            "compelled": _compelled(),
            "provisions": listed("The flows, one by one.", provision()),
        },
    )  # fmt: skip
    return file("Agreement", about, body) | {"definitions": definitions()}


def _term() -> Schema:
    return mapping(
        "First and last day in force, both included.",
        {
            "effective": date("The first day."),
            "expires": date("The last day."),
            "review_by": date("When people look at it again, at most a year ahead."),
            "timezone": text("Where its days begin: America/New_York."),
            "notice": span("How long before its end people tell one another."),
        },
    )


def _party() -> Schema:
    return mapping(
        "A party to the agreement: it signs, and may suspend.",
        {
            "agency": text("Its id in agencies.yaml.", AGENCY),
            "kind": word("As agencies.yaml says; repeated, so that relabelling breaks signatures.",
                         values(AgencyKind)),
            "steward": text("Whom to write to, a role rather than a person."),
        },
    )  # fmt: skip


def _log() -> Schema:
    return mapping(
        "What the exchange log keeps.",
        {
            "retain": span("How long payloads are kept."),
            "witness": word("Whether a first release waits for a witness.", ["none", "required"]),
        },
    )


def _compelled() -> Schema:
    return mapping(
        "Subpoenas and reporting statutes: they go to a person, never through the gateway.",
        {
            "route": text("Who answers."),
            "automated": always("Always false.", value=False),
            "clause": CLAUSE_NUMBER,
        },
    )


# --- a provision ---


def provision() -> Schema:
    """Return one item of `provisions`."""
    fields = entries("Each field that leaves, with its mask or pass. Together with withhold these "
                     "are all fields of the dataset.", NAME, mask())  # fmt: skip
    return mapping(
        "One flow, and everything that holds of it.",
        {
            "id": text("P, a number and words: P1-outreach-referral.", PROVISION_ID),
            "clause": CLAUSE_NUMBER,
            "flow": _flow(),
            "basis": _basis(),
            "delivery": _delivery(),
            "when": or_none(listed("All of these must hold.", _condition())),
            "release": fields,
            "withhold": or_none(names("Every field that never leaves by this provision.", NAME)),
            "limits": _limits(),
            "duties": _duties(),
        },
        {"anonymity": _anonymity(), "aggregate": table()},
    )


def _flow() -> Schema:
    return mapping(
        "From whom, to whom, what, for what. No two provisions are of one flow.",
        {
            "from": text("The provider, by its name in this file.", NAME),
            "to": text("The recipient, by its name in this file.", NAME),
            "dataset": text("With its version: ems.overdose_run@1.", DATASET_ID),
            "purpose": names("Leaves of purposes.yaml.", PURPOSE),
        },
    )


def _basis() -> Schema:
    deid = mapping(
        "The determination that the released fields rest on.",
        {
            "method": word("By whom.", ["safe_harbor", "expert"]),
            "ref": text("What the document is called."),
            "sha256": sha256("Of the document."),
            "expires": date("The last day on which it holds."),
        },
        {
            "fields": entries(
                "The fields that the expert names, each with the weakest mask.",
                NAME, mask(),
            ),
            "k": or_none(integer("The fewest people alike that the expert names.", 2)),
        },
    )  # fmt: skip
    deid["dependencies"] = {"fields": ["k"], "k": ["fields"]}
    return mapping(
        "What allows the flow. Counsel must confirm it.",
        {
            "type": word("What allows it.", BASIS_TYPES),
            "profile": word("The standard that the released fields meet.", PROFILES),
            "cite": listed("Statutes, rules, policies.", text("One citation.")),
        },
        {"deid": deid},
    )


def _delivery() -> Schema:
    return mapping(
        "How it leaves.",
        {
            "shape": word("Records, or a table.", values(Shape)),
            "mode": word("Whether the recipient asks, or the provider sends.", ["pull", "push"]),
            "deadline": or_none(span("When it is late: then so recorded, and sent all the same.")),
            "hold": or_none(span("How long what could not be delivered is kept.")),
        },
    )


def _condition() -> Schema:
    several = ["in", "not_in"]
    field = text("A field of the dataset.", NAME)
    single = [name for name in OPERATORS if name not in (*several, "within")]
    comparisons = [
        mapping("A row condition.", {"field": field, "op": word("How.", single),
                                     "value": LITERAL | {"description": "One literal."}}),
        mapping("A row condition.", {"field": field, "op": word("One of, or none of.", several),
                                     "value": listed("Literals.", LITERAL, once=True)}),
        mapping("A row condition.", {"field": field, "op": word("Not older than.", ["within"]),
                                     "value": span("How long before now.")}),
    ]  # fmt: skip
    return either(
        "One of role, consent, opt_out and field.",
        mapping("The caller holds one of these roles.", {"role": names("Roles.", ROLE)}),
        mapping(
            "The person of the row consents.",
            {"consent": text("To this purpose.", PURPOSE), "is": word("Always.", ["granted"])},
        ),
        mapping(
            "The person of the row has not opted out.",
            {"opt_out": text("Of this purpose.", PURPOSE), "is": word("Always.", ["absent"])},
        ),
        *comparisons,
    )


def _anonymity() -> Schema:
    return mapping(
        "The least company that everybody has in what leaves.",
        {
            "k": integer("People alike in their quasi-identifiers.", 2),
            "l": integer("Sensitive values among them.", 1),
            "action": word("What becomes of fewer.", ["deny", "suppress_rows"]),
        },
    )


def _limits() -> Schema:
    return mapping(
        "Per recipient and provision.",
        {
            "requests_per_minute": integer("Requests.", 1),
            "rows_per_request": integer("Rows.", 1),
            "rows_per_day": integer("Rows, in a day of UTC.", 1),
        },
    )


def _duties() -> Schema:
    accounting = either(
        "Whether the person can be told of the disclosure.",
        word("none: no person leaves.", ["required", "none"]),
        mapping("An exemption.", {"exempt": text("Its citation.")}),
    )
    return mapping(
        "What the recipient owes.",
        {
            "delete_after": span("How long it keeps the records."),
            "attest_deletion": or_none(span("How soon afterwards it attests to it.")),
            "onward": or_none(names("Parties that it may give them to.", NAME)),
            "reidentify": word("Whether it promises not to.", ["forbid", "not_applicable"]),
            "contact": word("Whether it may turn to the person.", ["forbid", "permit"]),
            "publish": word("Whether it may publish.", ["forbid", "steward_review"]),
            "notice": or_none(text("The text that travels along: notices/<id>@<n>.md.", NOTICE)),
            "breach_notice": span("How soon it reports a breach."),
            "accounting": accounting,
            "recall": span("How soon it acts on a correction."),
            "review": or_none(span("How soon a person looks at each exchange.")),
        },
    )
