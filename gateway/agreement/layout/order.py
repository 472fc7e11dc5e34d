"""In which order keys stand: that of the reference, kind by kind.

Names that officers choose (parties, fields, purposes, codes) keep the order that they gave them,
and so does a key that this table does not know: the parser says what is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.agreement.layout.node import MAPPINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.layout.node import Node


@dataclass(frozen=True, slots=True)
class Form:
    """The order of a mapping's keys, and of those below.

    Attributes:
        keys: In their order.
        below: Forms of values, by key.
        each: The form of all other values, and of a list's items.
    """

    keys: tuple[str, ...] = ()
    below: Mapping[str, Form] = field(default_factory=dict)
    each: Form | None = None


def _form(words: str, each: Form | None = None, **below: Form) -> Form:
    return Form(tuple(words.split()), below, each)


def _each(form: Form) -> Form:
    return Form(each=form)


_PAPER: Final = _form("ref sha256")
_WITHIN: Final = _form(
    "to step min_people rmin rmax zone at keep_last width cuts topcode max_days weekday low high"
    " method scope group rotate"
)
_MASK: Final = _each(_WITHIN)
_RULE: Final = _form(
    "id clause shape dataset field class means free_text regime purpose from_kind to_kind onward"
    " at_least",
    at_least=_MASK,
)

_BASIS: Final = _form(
    "type profile cite deid", deid=_form("method ref sha256 expires fields k", fields=_each(_MASK))
)
_MEASURE: Final = _form(
    "count_distinct sum mean percent rate where",
    percent=_form("of over"),
    rate=_form("of per population by reliable"),
)
_DISCLOSURE: Final = _form(
    "min_cell min_interval zeros impossible complementary dominance colluding history marker"
    " coarsen unless exempt known round noise cost keep time_limit insiders",
    dominance=_form("largest percent p"),
    coarsen=_form("automatic rungs"),
    unless=_form("denominator at_least"),
    noise=_form("mechanism rho bound budget"),
)
_AGGREGATE: Final = _form(
    "unit measures dimensions levels margins grid disclosure",
    measures=_each(_MEASURE),
    grid=_form("period anchor lag release"),
    disclosure=_DISCLOSURE,
)
_PROVISION: Final = _form(
    "id clause flow basis delivery when anonymity release aggregate withhold limits duties",
    flow=_form("from to dataset purpose"),
    basis=_BASIS,
    delivery=_form("shape mode deadline hold"),
    when=_each(_form("role consent opt_out is field op value")),
    anonymity=_form("k l action"),
    release=_each(_MASK),
    aggregate=_AGGREGATE,
    limits=_form("requests_per_minute rows_per_request rows_per_day"),
    duties=_form(
        "delete_after attest_deletion onward reidentify contact publish notice breach_notice"
        " accounting recall review"
    ),
)

_AGREEMENT: Final = _form(
    "apiVersion kind id version title document supersedes term parties never log compelled"
    " provisions",
    document=_PAPER,
    term=_form("effective expires review_by timezone notice"),
    parties=_each(_form("agency kind steward")),
    never=_each(_RULE),
    log=_form("retain witness"),
    compelled=_form("route automated clause"),
    provisions=_each(_PROVISION),
)
_FLOOR: Final = _form(
    "apiVersion kind version document quorum never masks permits at_least at_most",
    document=_PAPER,
    quorum=_form("signatures agencies"),
    never=_each(_RULE),
    masks=_each(_RULE),
    at_least=_form("min_cell min_interval complementary grid_lag log_retain"),
    at_most=_form("term delete_after breach_notice rows_per_day"),
)
_AGENCY: Final = _form(
    "name kind hipaa part2 san adapter_san signatures attestation address box tokens signing_keys"
    " delivery_keys denied",
    attestation=_form("at valid"),
    box=_form("south west north east"),
    tokens=_form("issuer algorithms jwks", jwks=_each(_form("kid kty crv x y n e"))),
    signing_keys=_each(_form("id ed25519 from until")),
    delivery_keys=_each(_form("id x25519 from until")),
)
_DATASET: Final = _form(
    "apiVersion kind name version title grain provider_kinds unit person event_date regime subjects"
    " fields maps",
    subjects=_each(_form("system fields")),
    fields=_each(
        _form(
            "type class means codes unit time_precision free_text source",
            source=_each(_form("standard element")),
        )
    ),
    maps=_each(_form("kind values unmapped")),
)
_SELECTED: Final = _form(
    "span shape dataset field class means free_text regime purpose from_kind to_kind"
)
_TESTS: Final = _form(
    "apiVersion kind agreement now term tables tests invariants",
    term=_form("effective expires"),
    tests=_each(
        _form(
            "name now request given expect",
            request=_form(
                "as role from to dataset purpose fields where", where=_each(_form("field op value"))
            ),
            given=_form(
                "consent opt_out state attestation requests_last_minute rows_today periods_released"
                " duties_overdue rows"
            ),
            expect=_form("decision reason rule rows rest"),
        )
    ),
    invariants=_each(
        _form(
            "",
            reaches_exactly=_form("dataset field parties"),
            masked_at_least=_form("means field mask", mask=_MASK),
            each=_SELECTED,
        )
    ),
)

FORMS: Final[Mapping[str, Form]] = {
    "Agreement": _AGREEMENT,
    "Floor": _FLOOR,
    "Agencies": _form(
        "apiVersion kind version logs agencies",
        logs=_each(_form("vkey from until")),
        agencies=_each(_AGENCY),
    ),
    "Purposes": _form(
        "apiVersion kind version purposes",
        purposes=_each(_form("label identity maps replaced_by", maps=_form("hl7 dpv duo"))),
    ),
    "Dataset": _DATASET,
    "Codes": _form("apiVersion kind version lists systems", lists=_each(_form("about values"))),
    "Tests": _TESTS,
}
"""By the `kind` that a file states."""


def arrange(node: Node, form: Form) -> None:
    """Put the entries of a tree into their order; comments stay with what they stand beside."""
    if node.style in MAPPINGS and form.keys:
        rank = {key: place for place, key in enumerate(form.keys)}
        node.entries.sort(key=lambda entry: rank.get(entry.key.strip('"'), len(rank)))
    for entry in node.entries:
        below = form.below.get(entry.key.strip('"'), form.each)
        if below is not None:
            arrange(entry.value, below)
