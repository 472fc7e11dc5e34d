"""The files that agreements stand on, as schemas: agencies, purposes, code lists, datasets."""

from __future__ import annotations

from typing import Final

from gateway.agreement.cursor import HEX, NAME, WORD
from gateway.agreement.dataset_form import CODES, NAME_OF_DATASET, PRECISIONS, UNIT, VALUE
from gateway.agreement.parse import CODE, SYSTEM
from gateway.agreement.provision_form import PURPOSE
from gateway.agreement.purposes import Identity
from gateway.agreement.registry_form import AGENCY, ALGORITHMS, DEGREES, HIPAA, HOST, PART2, VKEY
from gateway.agreement.schema.base import (
    Schema,
    always,
    date,
    either,
    entries,
    file,
    integer,
    key_32,
    listed,
    mapping,
    names,
    or_none,
    span,
    text,
    version,
    word,
    words,
)
from gateway.agreement.schema.rules import values
from gateway.values import AgencyKind, FieldClass, FieldType, Means, Regime

_VERSION: Final = version("Raised by every signed change.")


# --- agencies ---


def agencies() -> Schema:
    """Return the schema of `agencies.yaml`."""
    log = mapping(
        "A key of the exchange log, and its dates.",
        {
            "vkey": text("As the log prints it.", VKEY),
            "from": date("The first day."),
            "until": or_none(date("The last day.")),
        },
    )
    about = "Who takes part, and with which keys."
    body = mapping(
        about,
        {
            "version": _VERSION,
            "logs": listed("Keys of the exchange log.", log),
            "agencies": entries("The agencies, by id.", AGENCY, _agency()),
        },
    )
    return file("Agencies", about, body)


def _agency() -> Schema:
    attestation = mapping(
        "Of its security: out of date, nothing leaves to it or from it.",
        {"at": date("When."), "valid": span("For how long.")},
    )
    return mapping(
        "One agency.",
        {
            "name": text("In words."),
            "kind": word("What it is.", values(AgencyKind)),
            "hipaa": word("What it is under HIPAA.", HIPAA),
            "part2": word("What it is under 42 CFR Part 2.", PART2),
            "san": names("Names in the certificate that it asks with.", HOST),
            "signatures": integer("How many keys make its signature.", 1, 2),
            "attestation": attestation,
            "signing_keys": listed("Keys that it signs agreements with.",
                                   _key("ed25519", "Its public key.")),
            "delivery_keys": or_none(
                listed("Keys that what waits for it is sealed to.",
                       _key("x25519", "Its public key."))
            ),
        },
        {
            "address": text("Where it is."),
            "adapter_san": names("Names in the certificate of its adapter.", HOST),
            "tokens": _tokens(),
            "denied": or_none(names("Certificates that are refused, by SHA-256.", HEX)),
            "box": _box(),
        },
    )  # fmt: skip


def _key(kind: str, about: str) -> Schema:
    return mapping(
        "A key and its dates, both included.",
        {
            "id": text("Its name.", WORD),
            kind: key_32(about),
            "from": date("The first day."),
            "until": date("The last day."),
        },
    )


def _tokens() -> Schema:
    jwk = {
        "description": "A public key, as RFC 7517 writes it; never a secret one.",
        "type": "object",
        "required": ["kty"],
        "propertyNames": {"not": {"enum": sorted(["d", "p", "q", "dp", "dq", "qi", "k", "oth"])}},
        "additionalProperties": {"type": "string", "not": {"const": "oct"}},
    }
    return mapping(
        "Who issues the tokens that name its people and their roles.",
        {
            "issuer": text("Its name."),
            "algorithms": listed("Which it signs with.", {"enum": sorted(ALGORITHMS)}),
            "jwks": listed("Its keys.", jwk),
        },
    )


def _box() -> Schema:
    degrees = text('Decimal degrees, quoted: "35.9".', DEGREES)
    sides = dict.fromkeys(("south", "west", "north", "east"), degrees)
    return mapping("Where the points of its records lie.", sides)


# --- purposes and codes ---


def purposes() -> Schema:
    """Return the schema of `purposes.yaml`."""
    leaf = mapping(
        "A purpose that records may be asked for.",
        {
            "label": text("In words."),
            "identity": word("Whether direct identifiers may leave unmasked.", values(Identity)),
        },
        {
            "maps": mapping(
                "Codes of others for it.",
                {},
                {
                    "hl7": text("HL7 PurposeOfUse."),
                    "dpv": text("Data Privacy Vocabulary."),
                    "duo": text("Data Use Ontology."),
                },
            ),
            "replaced_by": text("The purpose to use instead.", PURPOSE),
        },
    )
    about = "The closed tree of purposes: dots make the tree, and only its leaves are listed."
    body = mapping(
        about,
        {"version": _VERSION, "purposes": entries("The leaves.", PURPOSE, leaf)},
    )
    return file("Purposes", about, body)


def codes() -> Schema:
    """Return the schema of `codes.yaml`."""
    code = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"}
    table = {
        "description": "Codes, each with its label.",
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{CODE.pattern})$"},
        "additionalProperties": code,
        "minProperties": 1,
    }
    one = mapping("A closed list.", {"about": text("What of."), "values": table})
    about = "The closed lists of codes that datasets name, and the open systems."
    body = mapping(
        about,
        {
            "version": _VERSION,
            "lists": entries("Closed lists, by name.", NAME, one),
            "systems": entries("Open systems, checked by form.", SYSTEM, text("What it is.")),
        },
    )
    return file("Codes", about, body)


# --- datasets ---


def dataset() -> Schema:
    """Return the schema of a dataset's file."""
    subject = mapping(
        "Whom a row is about.",
        {
            "system": text("A space of identifiers.", WORD),
            "fields": names("The fields that make the identifier.", NAME),
        },
    )
    field = text("A field.", NAME)
    about = "A named, versioned flat schema: what its fields are, say and stand for."
    body = mapping(
        about,
        {
            "name": text("The file's name before @.", NAME_OF_DATASET),
            "version": integer("The file's name after @.", 1, 9999),
            "title": text("In words."),
            "grain": text("What one row is."),
            "provider_kinds": words("Who holds such records.", values(AgencyKind)),
            "unit": field | {"description": "The field that tells one thing from another."},
            "person": or_none(field | {"description": "The field that tells people apart."}),
            "event_date": or_none(field | {"description": "The civil date that periods are of."}),
            "regime": words("Laws that follow the records.", values(Regime)),
            "subjects": or_none(listed("For consent and accounting.", subject)),
            "fields": entries("Every field.", NAME, _field()),
            "maps": or_none(entries("Tables for the mask `map`.", NAME, _map())),
        },
    )
    return file("Dataset", about, body)


def _field() -> Schema:
    source = mapping(
        "Where it comes from.",
        {"standard": text("A standard."), "element": text("Its element.")},
    )
    made = mapping(
        "One field.",
        {
            "type": word("What its values are.", values(FieldType)),
            "class": word("How much it says about a person.", values(FieldClass)),
            "means": word("What it says, whatever it is called.", values(Means)),
            "source": listed("Standards and elements.", source),
        },
        {
            "codes": text("A list of codes.yaml, or an open system.", CODES),
            "unit": text("Of a number.", UNIT),
            "time_precision": word("What a time is good for.", PRECISIONS),
            "free_text": always("Prose; left out otherwise.", value=True),
        },
    )
    code = {"properties": {"type": {"const": "code"}}, "required": ["type"]}
    untimed = {"properties": {"type": {"not": {"const": "timestamp"}}}, "required": ["type"]}
    made["allOf"] = [
        {"if": code, "then": {"required": ["codes"]}},
        {"if": untimed, "then": {"properties": {"time_precision": False}}},
    ]
    return made


def _map() -> Schema:
    return either(
        "A vocabulary, or a map of codes.",
        mapping(
            "Words that map to themselves.",
            {"kind": always("A vocabulary.", "vocabulary"), "values": names("The words.", VALUE)},
        ),
        mapping(
            "Codes, and what each becomes.",
            {
                "kind": always("A map.", "code_map"),
                "values": entries("Code by code.", VALUE, text("What it becomes.", VALUE)),
                "unmapped": or_none(text("What any other becomes.", VALUE)),
            },
        ),
    )
