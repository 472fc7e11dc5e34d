"""Prohibitions and the floor as schemas: selectors, and what no agreement can go below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.aggregate import PERMITS
from gateway.agreement.cursor import CLAUSE
from gateway.agreement.parse import AGENCY, RULE_ID
from gateway.agreement.provision_form import PURPOSE
from gateway.agreement.schema.base import (
    Schema,
    always,
    boolean,
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
    words,
)
from gateway.agreement.schema.masks import definitions, mask_or_withhold
from gateway.agreement.selectors_form import DATASET, FIELD
from gateway.values import AgencyKind, FieldClass, Means, Regime, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum


def values(kind: Iterable[StrEnum]) -> list[str]:
    """Return the words of a closed enumeration."""
    return [one.value for one in kind]


CLAUSE_NUMBER: Final = text(
    'The clause of the signed paper that says so, quoted: "4.1". Refusals cite it.', CLAUSE
)
SELECTORS: Final[dict[str, Schema]] = {
    "from_kind": words("Flows whose provider is of one of these kinds.", values(AgencyKind)),
    "to_kind": words("Flows whose recipient is of one of these kinds.", values(AgencyKind)),
    "dataset": names("Flows of one of these datasets, in every version.", DATASET),
    "field": names("These fields, each as dataset.field.", FIELD),
    "class": words("Fields of one of these classes; a mask lowers none.", values(FieldClass)),
    "means": words("Fields that say one of these things, whatever they are called.", values(Means)),
    "free_text": boolean("Fields of prose, or fields that are none."),
    "regime": words("Datasets that one of these laws follows.", values(Regime)),
    "purpose": names("Flows for one of these purposes, or any below a branch.", PURPOSE),
    "shape": words("Flows that leave as records, or as tables.", values(Shape)),
}
_SELECTS: Final = "All selectors must be met, each by any of its values; one left out means any."


def prohibition() -> Schema:
    """Return one item of `never`."""
    made = mapping(
        f"A prohibition: it beats every provision, in this file and in every other. {_SELECTS}",
        {
            "id": text("A letter, a number and words: N1-never-to-police.", RULE_ID),
            "clause": CLAUSE_NUMBER,
        },
        SELECTORS | {"onward": always("Nor by redisclosure; left out otherwise.", value=True)},
    )
    return made | {"minProperties": 3}


def document() -> Schema:
    """Return the signed paper."""
    return mapping(
        "The signed paper that the rules express.",
        {"ref": text("What the paper is called."), "sha256": sha256("Of the paper.")},
    )


def _floor_mask() -> Schema:
    made = mapping(
        f"The weakest form in which what is selected may leave. {_SELECTS}",
        {
            "id": text("A letter, a number and words: F5-prose.", RULE_ID),
            "clause": CLAUSE_NUMBER,
            "at_least": mask_or_withhold("A mask, or withhold: never."),
        },
        SELECTORS,
    )
    return made | {"minProperties": 4}


def floor() -> Schema:
    """Return the schema of `_floor.yaml`."""
    quorum = mapping(
        "Who signs the floor, the registry and the purposes, and who may suspend any agreement.",
        {
            "signatures": integer("How many of them.", 1, 100),
            "agencies": names("Of which agencies.", AGENCY),
        },
    )
    least = mapping(
        "No agreement asks for less.",
        {
            "min_cell": integer("The smallest count that a table publishes.", 1),
            "min_interval": integer("How uncertain a suppressed count stays.", 1),
            "complementary": always("Second suppressions are on.", value=True),
            "grid_lag": span("How long after its end a period opens."),
            "log_retain": span("How long payloads of the log are kept."),
        },
    )
    most = mapping(
        "No agreement allows more.",
        {
            "term": span("How long an agreement runs."),
            "delete_after": span("How long a recipient keeps records."),
            "breach_notice": span("How soon a breach is reported."),
            "rows_per_day": integer("Rows a day, per recipient and provision.", 1),
        },
    )
    about = "What no agreement can go below: the strictest rule wins."
    body = mapping(
        about,
        {
            "version": version("Raised by every signed change."),
            "document": document(),
            "quorum": quorum,
            "never": listed("What nobody may agree to.", prohibition()),
            "masks": or_none(listed("The weakest forms that may leave.", _floor_mask())),
            "at_least": least,
            "at_most": most,
        },
        {
            "permits": or_none(
                words("Options that let a table tell more, and that agreements may use.", PERMITS)
            )
        },
    )
    return file("Floor", about, body) | {"definitions": definitions()}
