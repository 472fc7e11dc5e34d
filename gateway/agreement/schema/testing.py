"""The officers' tests as a schema: requests, what is given, what must come of it, invariants."""

from __future__ import annotations

from typing import Final

from gateway.agreement.cursor import NAME, WORD
from gateway.agreement.index import Signed
from gateway.agreement.mask_forms import TABLE_REF
from gateway.agreement.provision_form import OPERATORS, PURPOSE, ROLE
from gateway.agreement.schema.agreement import DATASET_ID, LITERAL
from gateway.agreement.schema.base import (
    Schema,
    always,
    date,
    either,
    entries,
    exactly,
    file,
    integer,
    listed,
    mapping,
    names,
    or_none,
    span,
    text,
    word,
)
from gateway.agreement.schema.masks import definitions, mask_or_withhold
from gateway.agreement.schema.rules import SELECTORS, values
from gateway.agreement.selectors_form import DATASET, FIELD
from gateway.agreement.testing import ABSENT, CURRENT, STALE, TIMES, UNAVAILABLE
from gateway.agreement.testing_form import COLUMN, KEY, REF, ROWS_MAX, RULE
from gateway.errors import Reason
from gateway.values import Means

_VALUE: Final[Schema] = either(
    "A literal, or a list of texts.", LITERAL, {"type": "array", "items": {"type": "string"}}
)


def tests() -> Schema:
    """Return the schema of a file of tests."""
    about = "Tests of one agreement: what leaves, what is refused and why, what can never happen."
    term = mapping(
        "The term that the tests suppose, so that they hold on when the agreement is renewed.",
        {"effective": date("The first day."), "expires": date("The last day.")},
    )
    cell = {"type": ["integer", "string"]}
    tables = entries(
        "Reference tables, by name@version.",
        TABLE_REF,
        entries("Of each key its number, or what it lies in.", KEY, cell),
    )
    body = mapping(
        about,
        {
            "agreement": text("Which: id@version.", REF),
            "now": _instant("When the tests take place."),
            "tests": listed("One request each.", _trial()),
        },
        {
            "invariants": listed(
                "Claims over every provision and every request.", _invariant()
            ),
            "term": term,
            "tables": tables,
        },
    )  # fmt: skip
    return file("Tests", about, body) | {"definitions": definitions()}


def _instant(about: str) -> Schema:
    return {"description": f'{about} Quoted: "2027-06-15T12:00:00Z".', "type": "string"}


def _trial() -> Schema:
    return mapping(
        "One test.",
        {"name": text("What holds, in words."), "request": _request(), "expect": _expected()},
        {"now": _instant("When this one takes place."), "given": _given()},
    )


def _request() -> Schema:
    party = "A party of the agreement, or an agency by its id."
    several = ["in", "not_in"]
    single = [name for name in OPERATORS if name not in (*several, "within")]
    field = text("A field that passes.", NAME)
    where = either(
        "What the caller narrows it to.",
        mapping("By a literal.", {"field": field, "op": word("How.", single),
                                  "value": LITERAL | {"description": "One literal."}}),
        mapping("By several.", {"field": field, "op": word("One of, or none of.", several),
                                "value": listed("Literals.", LITERAL, once=True)}),
    )  # fmt: skip
    made = mapping(
        "Who asks whom for what.",
        {
            "as": text(f"Who asks. {party}", WORD),
            "dataset": text("With its version.", DATASET_ID),
            "purpose": text("A purpose.", PURPOSE),
            "fields": or_none(names("What is asked for.", NAME)),
        },
        {
            "from": text(f"The provider. {party}", WORD),
            "to": text(f"The recipient, where the provider sends. {party}", WORD),
            "role": text("The role of the caller's person.", ROLE),
            "where": listed("All of these.", where),
        },
    )
    return made | {"anyOf": [{"required": ["from"]}, {"required": ["to"]}]}


def _given() -> Schema:
    row = {
        "description": "One record: fields that are left out hold canaries, or are null.",
        "type": "object",
        "properties": {
            TIMES: integer("It stands for so many.", 1, ROWS_MAX),
            ABSENT: names("Fields that are null.", NAME),
        },
        "propertyNames": {"pattern": exactly(NAME)},
        "additionalProperties": _VALUE,
        "minProperties": 1,
    }
    return mapping(
        "What holds when the request comes.",
        {},
        {
            "consent": word("Of every row, and in the register.", ["granted", ABSENT, UNAVAILABLE]),
            "opt_out": word("Of every row, and in the register.", ["present", ABSENT]),
            "state": word("What the signatures amount to.", values(Signed)),
            "attestation": word("Of everybody's security.", [CURRENT, STALE]),
            "requests_last_minute": integer("Requests before it.", 0),
            "rows_today": integer("Rows that left before it.", 0),
            "periods_released": listed("Periods that left before it.", date("Its first day.")),
            "duties_overdue": names("Duties that the recipient owes.", WORD),
            "rows": listed("What the provider holds.", row),
        },
    )


def _expected() -> Schema:
    rule = or_none(text("The provision, or the prohibition.", RULE))
    row = entries("What leaves, by column.", COLUMN, _VALUE)
    return either(
        "What must come of it.",
        mapping(
            "It is granted.",
            {
                "decision": always("Granted.", "grant"),
                "rule": rule,
                "rows": {"description": "Exactly these rows.", "type": "array", "items": row},
            },
            {"rest": always("Every other cell of the table is zero.", "zero")},
        ),
        mapping(
            "It is refused.",
            {
                "decision": always("Refused.", "refuse"),
                "reason": word("The reason.", values(Reason)),
                "rule": rule,
            },
        ),
    )


def _invariant() -> Schema:
    selected = mapping("What is selected.", {}, SELECTORS) | {"minProperties": 1}
    masked = mapping(
        "What leaves by this agreement is at least as masked.",
        {"mask": mask_or_withhold("At least this.")},
        {
            "means": word("Of whatever says this.", values(Means)),
            "field": text("Of this field: dataset.field.", FIELD),
        },
    )
    exactly_these = mapping(
        "A field gets to these parties and to nobody else.",
        {
            "dataset": text("Without its version.", DATASET),
            "field": text("A field of it.", NAME),
            "parties": or_none(names("Who gets it.", WORD)),
        },
    )
    known = {
        "never_reaches": selected | {"description": "It gets to nobody, by whatever road."},
        "reaches_exactly": exactly_these,
        "onward_never": selected | {"description": "No recipient may give it on."},
        "min_cell_at_least": integer("No table publishes a smaller count.", 1),
        "masked_at_least": masked | {"oneOf": [{"required": ["means"]}, {"required": ["field"]}]},
        "delete_within": mapping(
            "Recipients delete it within this time.", {"span": span("How long.")}, SELECTORS
        ),
        "no_release": selected | {"description": "No provision releases it, in whatever form."},
    }
    return {
        "description": "One claim.",
        "type": "object",
        "properties": known,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
