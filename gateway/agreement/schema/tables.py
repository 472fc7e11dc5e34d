"""The table that a provision publishes, as a schema: whom it counts, by what, what it hides."""

from __future__ import annotations

from typing import Final

from gateway.agreement.cursor import NAME, WORD
from gateway.agreement.exception_form import BASES
from gateway.agreement.levels_form import RUNG
from gateway.agreement.measure_forms import MEASURES, POPULATION
from gateway.agreement.noise_form import CELLS, MECHANISMS
from gateway.agreement.presets import PRESETS
from gateway.agreement.provision_form import DISCLOSURE_OPTIONS, MAX_DIMENSIONS
from gateway.agreement.schema.base import (
    Schema,
    boolean,
    date,
    either,
    entries,
    integer,
    listed,
    mapping,
    names,
    or_none,
    span,
    text,
    word,
)
from gateway.agreement.search_form import COSTS

_LITERAL: Final[Schema] = {"type": ["string", "integer", "boolean"]}
LATER: Final[Schema] = {"description": "Read, and refused by lint: not built yet."}
_AMOUNT: Final = r"(?:0|[1-9][0-9]?)(?:\.[0-9]{1,6})?"


def table() -> Schema:
    """Return `aggregate`."""
    dimensions = names("What cells are by: released fields.", NAME)
    margin = names("The dimensions that a total keeps.", NAME) | {"minItems": 0}
    return mapping(
        "The table that leaves, in place of records.",
        {
            "unit": text("Whom or what it counts: the dataset's person or unit.", NAME),
            "measures": entries("The numbers of a cell, by name.", NAME, _measure()),
            "dimensions": dimensions | {"maxItems": MAX_DIMENSIONS},
            "margins": or_none(
                listed("Totals that are published besides; [] is the grand total.",
                       margin, once=True)
            ),
            "grid": _grid(),
            "disclosure": _disclosure(),
        },
        {
            "levels": entries(
                "Of a dimension its coarser levels, the finest first.",
                NAME, names("Areas, or maps of the dataset.", NAME),
            )
        },
    )  # fmt: skip


def _measure() -> Schema:
    field = text("A field that is released for it.", NAME)
    percent = mapping(
        "A count in percent of a total.",
        {"of": text("A measure of this table.", NAME), "over": text("A dimension.", NAME)},
    )
    rate = mapping(
        "A count for so many people of an area.",
        {
            "of": text("A measure of this table.", NAME),
            "per": integer("For how many people.", 1, 10_000_000),
            "population": text("A reference table of the gateway.", POPULATION),
            "by": text("The dimension of areas.", NAME),
        },
        {"reliable": integer("Suppressed from this percentage of error on.", 1, 100)},
    )
    built = {"count_distinct": field, "sum": field, "mean": field, "percent": percent, "rate": rate}
    later = dict.fromkeys(sorted(MEASURES - built.keys()), LATER)
    where = entries("Counts only what has one of these values: one field.", NAME,
                    listed("Values.", _LITERAL, once=True))  # fmt: skip
    counted = mapping("A count, under a condition.", {"count_distinct": field},
                      {"where": where | {"maxProperties": 1}})  # fmt: skip
    other = {
        "type": "object",
        "properties": built | later,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return either("One function of a field, or of other measures.", counted, other)


def _grid() -> Schema:
    return mapping(
        "Fixed periods; each leaves once.",
        {
            "period": span("How long each is, like the mask of the date."),
            "anchor": date("Where the first begins."),
            "lag": span("How long after its end it opens."),
            "release": word("Always once.", ["once"]),
        },
    )


def _disclosure() -> Schema:
    dominance = mapping(
        "How much of a sum its largest givers may have.",
        {
            "largest": integer("So many givers.", 1, 100),
            "percent": integer("May have this percentage.", 1, 100),
            "p": integer("And none may tell another within this percentage.", 1, 100),
        },
    )
    return mapping(
        "What the table may tell.",
        {
            "min_cell": either(
                "The smallest count that is published: a number, or a rule by name.",
                integer("A number.", 1), word("A rule.", PRESETS),
            ),
            "min_interval": integer("How wide the range of a suppressed count stays.", 1),
            "zeros": word("Published, hidden as small counts are, or known to be impossible.",
                          ["publish", "suppress", "structural"]),
            "complementary": boolean("Second suppressions: true."),
            "dominance": or_none(dominance),
            "colluding": either(
                "Who counts as one attacker.",
                {"const": "all"}, names("Parties, the recipient among them.", NAME),
            ),
            "history": span("How long a table is remembered after it left."),
            "marker": text("What stands in a cell that is held back.", WORD),
        },
        _options(),
    )  # fmt: skip


def _options() -> dict[str, Schema]:
    kind = entries("The dimensions that a total keeps, each with its level.", NAME,
                   text("A level, each, or total.", WORD))  # fmt: skip
    item = entries("Dimensions, and levels of each.", NAME,
                   listed("Levels.", text("A level."), once=True))  # fmt: skip
    rungs = listed("month -> quarter", text("A level and a coarser one.", RUNG))
    climbed = mapping(
        "A ladder that the gateway climbs.",
        {"automatic": {"const": True}, "rungs": rungs},
    )
    unless = mapping(
        "Small counts stand beside a large whole.",
        {"denominator": text("The measure that counts the whole.", NAME),
         "at_least": integer("The least whole that is large.", 1)},
    )  # fmt: skip
    noise = mapping(
        "Noise in place of hiding.",
        {
            "mechanism": word("Which.", MECHANISMS),
            "rho": text("What one table spends, quoted.", _AMOUNT),
            "bound": integer("In how many cells one person is counted.", 1, CELLS),
            "budget": text("What all tables of the source may spend, quoted.", _AMOUNT),
        },
    )
    known = {
        "coarsen": either("Where a table goes that cannot be protected.", rungs, climbed),
        "unless": unless,
        "exempt": listed("Kinds of totals that are published whatever they hold.", kind),
        "known": listed("Kinds of totals that are public elsewhere.", kind),
        "round": {"description": "Counts leave as multiples of this.", "enum": list(BASES)},
        "cost": word("What hiding a cell costs.", COSTS),
        "time_limit": span("The end of a search."),
        "keep": listed("Cells that users need most.", item),
        "impossible": listed("Cells that are empty by definition.", item),
        "noise": noise,
    }
    return known | dict.fromkeys(sorted(DISCLOSURE_OPTIONS - known.keys()), LATER)
