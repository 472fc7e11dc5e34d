"""The closed set of masks as a schema, each with what it lets a recipient learn."""

from __future__ import annotations

from typing import Final

from gateway.agreement.cursor import DECIMAL, NAME, WORD
from gateway.agreement.mask_forms import BARE, CODE, GEO, TABLE_REF
from gateway.agreement.schema.base import (
    INTEGER_MAX,
    Schema,
    either,
    integer,
    listed,
    mapping,
    names,
    span,
    text,
    word,
)
from gateway.masks.identity import Method, Scope
from gateway.masks.places import Area
from gateway.masks.times import Unit

_UNITS: Final = [unit.value for unit in Unit]
_AREAS: Final = [area.value for area in Area]
_ANY: Final = -INTEGER_MAX


def _number(about: str) -> Schema:
    return either(about, integer("An integer.", 1), text('A decimal: "0.5".', DECIMAL))


def _band() -> Schema:
    topcode = integer("From here on the last band: for ages at most 90.", 1)
    cuts = listed("Where bands begin, ascending.", integer("A cut.", _ANY))
    by_width = mapping(
        "Bands of one width.", {"width": integer("How wide.", 1), "topcode": topcode}
    )
    by_cuts = mapping("Bands between cuts.", {"cuts": cuts}, {"topcode": topcode})
    return either("Only the band leaves that the number lies in, the last one open.",
                  by_width, by_cuts)  # fmt: skip


def _geo() -> Schema:
    cells = mapping(
        "A cell in which at least so many people live.",
        {
            "to": word("Which cells.", ["grid", "h3"]),
            "step": _number("How large: degrees of a grid, resolution of h3."),
            "min_people": integer("The fewest people of a cell.", 1),
        },
    )
    donut = mapping(
        "A point displaced by a key, at least and at most so many metres.",
        {
            "to": word("Displacement.", ["donut"]),
            "rmin": integer("The least, in metres.", 1),
            "rmax": integer("The most, in metres.", 1),
        },
    )
    area = mapping("The area that it lies in.", {"to": word("Which.", _AREAS)})
    words = ", ".join(sorted(GEO))
    return either(f"Where it lies, less exactly: {words}.", area, cells, donut)


_WITH: Final[dict[str, Schema]] = {
    "constant": {
        "description": "The same literal in every row: nothing about the value leaves.",
        "type": ["string", "integer", "boolean"],
    },
    "truncate": either(
        "Only the period leaves that the time lies in.",
        word("The period.", _UNITS),
        mapping(
            "A civil period of a time zone; part_of_day and coarser need one.",
            {"to": word("The period.", _UNITS), "zone": text("Such as America/New_York.")},
        ),
    ),
    "age": mapping(
        "Completed years at an event, from a date of birth.",
        {
            "at": text("The field that holds the event's date.", NAME),
            "topcode": integer("From here on one group: at most 90.", 1, 150),
        },
    ),
    "band": _band(),
    "date_shift": mapping(
        "One keyed offset for each person: intervals survive, dates do not. Not safe harbor.",
        {
            "max_days": integer("The largest offset.", 1, 182),
            "weekday": word("Whether days of the week survive.", ["keep", "free"]),
        },
    ),
    "zip3": text("The first three digits; 000 for a prefix of few people.", TABLE_REF),
    "geo": _geo(),
    "pseudonym": mapping(
        "A keyed name: equal inside its scope and period, unlinkable outside.",
        {
            "method": word(
                "hmac is computed; token is random, and fit for safe harbor.",
                [one.value for one in Method],
            ),
            "scope": word("Inside of what one person has one name.", [one.value for one in Scope]),
            "rotate": either(
                "After how long the name is another.",
                span("A period."),
                {"const": "never"},
            ),
        },
        {"group": text("Of scope link_group: its name.", WORD)},
    ),
    "partial": mapping(
        "Only the last characters leave.",
        {
            "keep_last": integer("How many.", 1, 100),
            "width": integer("How many characters stand in all.", 1, 100),
        },
    ),
    "clip": mapping(
        "Exact inside, one-sided outside.",
        {"low": integer("The least.", _ANY), "high": integer("The most.", _ANY)},
    ),
    "round": _number("The nearest multiple of this."),
    "map": text("What a map of the dataset makes of the value.", NAME),
    "rare_to_other": text("Categories outside a frozen list leave as other.", NAME),
    "has_any": names("One bit: whether the list holds one of these codes.", CODE),
}
_BARE: Final = {
    "pass": "the value leaves unchanged",
    "redact": "every value is masked",
    "count_only": "leaves within a count of distinct values; tables only",
    "sum_only": "leaves within a sum; tables only",
    "count_list": "only how long the list is",
}


def definitions() -> dict[str, Schema]:
    """Return what `mask` refers to; a file whose schema has masks holds it once."""
    said = "; ".join(f"{word}: {meaning}" for word, meaning in _BARE.items())
    parameters = {
        "type": "object",
        "properties": _WITH,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    about = "How the field leaves: pass, or one mask, read from the original value."
    return {"mask": either(about, word(f"{said}.", BARE), parameters)}


def mask() -> Schema:
    """Return a mask: a bare word, or one word with its parameters."""
    return {"$ref": "#/definitions/mask"}


def mask_or_withhold(about: str) -> Schema:
    """Return a floor's weakest form."""
    return either(about, mask(), {"const": "withhold"})
