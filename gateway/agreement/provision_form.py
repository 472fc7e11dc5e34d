"""A provision as the file writes it: flow, basis, conditions, release, table, limits, duties."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.agreement import exception_form, search_form
from gateway.agreement.aggregate import Aggregate, Disclosure, Grid
from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    When,
    WithinCondition,
)
from gateway.agreement.cursor import (
    CLAUSE,
    EMPTY_DATE,
    EMPTY_SPAN,
    NAME,
    NO_NAMES,
    WORD,
    Cursor,
    Entries,
)
from gateway.agreement.levels_form import NO_LADDER, ladder, levels
from gateway.agreement.literal_forms import literal, literals
from gateway.agreement.mask_forms import mask
from gateway.agreement.measure_forms import measures
from gateway.agreement.model import (
    Anonymity,
    Basis,
    Deidentified,
    Delivery,
    Duties,
    Flow,
    Limits,
    Provision,
)
from gateway.agreement.noise_form import noise
from gateway.agreement.presets import preset, threshold
from gateway.values import DatasetId, Operator, Scalar, Shape

if TYPE_CHECKING:
    from gateway.masks.base import Mask

PROVISION_ID = re.compile(r"P[0-9]{1,4}-[a-z0-9-]{1,60}")
PURPOSE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
NOTICE = re.compile(r"[a-z0-9-]{3,64}@[1-9][0-9]{0,3}")
ROLE = WORD

BASIS_TYPES: Final = (
    "authorization",
    "consent",
    "treatment",
    "public_health",
    "limited_data_set",
    "deidentified",
    "part2_consent",
    "part2_public_health",
    "part2_qsoa",
    "statute",
    "research",
    "agency_policy",
)
PROFILES: Final = ("identified", "lds", "safe_harbor", "expert", "part2_public_health", "non_hipaa")
OPERATORS: Final = (*(op.value for op in Operator), "within")
DISCLOSURE_OPTIONS: Final = frozenset({"insiders", "noise"})
MAX_DIMENSIONS: Final = 5


def keys(words: str) -> frozenset[str]:
    """Return a closed set of keys."""
    return frozenset(words.split())


_PROVISION = keys("id clause flow basis delivery when release withhold limits duties")
_FLOW = keys("from to dataset purpose")
_BASIS = keys("type profile cite")
_DEID = keys("method ref sha256 expires")
_DELIVERY = keys("shape mode deadline hold")
_AGGREGATE = keys("unit measures dimensions margins grid disclosure")
_GRID = keys("period anchor lag release")
_DISCLOSURE = keys("min_cell min_interval zeros complementary dominance colluding history marker")
_LIMITS = keys("requests_per_minute rows_per_request rows_per_day")
_DUTIES = keys(
    "delete_after attest_deletion onward reidentify contact publish notice breach_notice accounting"
    " recall review"
)
_NO_DATASET = DatasetId("none.none", 1)


def provision(at: Cursor) -> Provision:
    """Return the provision that stands here."""
    entries = at.closed(_PROVISION, keys("anonymity aggregate"))
    return Provision(
        id=entries.read("id", lambda c: c.text(PROVISION_ID), ""),
        clause=entries.read("clause", clause, ""),
        flow=entries.read("flow", _flow, Flow("", "", _NO_DATASET, ())),
        basis=entries.read("basis", _basis, Basis("", "", (), None)),
        delivery=entries.read("delivery", _delivery, Delivery(Shape.RECORD, "pull", None, None)),
        when=entries.read("when", lambda c: c.each_or_none(_when), ()),
        anonymity=entries.read("anonymity", _anonymity, None),
        release=entries.read("release", _release, {}),
        withhold=entries.read("withhold", lambda c: c.names_or_none(), NO_NAMES),
        aggregate=entries.read("aggregate", _aggregate, None),
        limits=entries.read("limits", _limits, Limits(1, 1, 1)),
        duties=entries.read("duties", _duties, _NO_DUTIES),
    )


def clause(at: Cursor) -> str:
    """Return the number of a clause of the signed paper."""
    return at.text(CLAUSE, "clause-missing")


def dataset_id(at: Cursor) -> DatasetId:
    """Return a dataset with its version."""
    made = DatasetId.parse(at.value) if isinstance(at.value, str) else None
    if made is None:
        at.wrong(f"`{at.name}` is not a dataset with its version, such as ems.overdose_run@1")
    return made or _NO_DATASET


def _flow(at: Cursor) -> Flow:
    entries = at.closed(_FLOW)
    return Flow(
        provider=entries.read("from", lambda c: c.text(NAME), ""),
        recipient=entries.read("to", lambda c: c.text(NAME), ""),
        dataset=entries.read("dataset", dataset_id, _NO_DATASET),
        purposes=entries.read("purpose", lambda c: c.names(PURPOSE), NO_NAMES),
    )


def _basis(at: Cursor) -> Basis:
    entries = at.closed(_BASIS, keys("deid"))
    return Basis(
        type=entries.read("type", lambda c: c.one_of(BASIS_TYPES), ""),
        profile=entries.read("profile", lambda c: c.one_of(PROFILES), ""),
        cite=entries.read("cite", lambda c: c.each(Cursor.text), ()),
        deid=entries.read("deid", _deid, None),
    )


def _deid(at: Cursor) -> Deidentified:
    entries = at.closed(_DEID, keys("fields k"))
    if entries.has("fields") != entries.has("k"):
        at.wrong("`fields` and `k` are stated together", "missing-key")
    return Deidentified(
        method=entries.read("method", lambda c: c.one_of(("safe_harbor", "expert")), ""),
        ref=entries.read("ref", Cursor.text, ""),
        sha256=entries.read("sha256", Cursor.sha256, ""),
        expires=entries.read("expires", Cursor.date, EMPTY_DATE),
        fields=entries.read("fields", _release, None),
        k=entries.read("k", lambda c: None if c.is_none else c.integer(2), None),
    )


def _delivery(at: Cursor) -> Delivery:
    entries = at.closed(_DELIVERY)
    return Delivery(
        shape=entries.read("shape", lambda c: c.member(Shape), Shape.RECORD),
        mode=entries.read("mode", lambda c: c.one_of(("pull", "push")), "pull"),
        deadline=entries.read("deadline", Cursor.duration_or_none, None),
        hold=entries.read("hold", Cursor.duration_or_none, None),
    )


# --- conditions ---

_NO_ROLE = RoleCondition(frozenset())


def _when(at: Cursor) -> When:
    value = at.value
    if isinstance(value, dict) and "role" in value:
        entries = at.closed(keys("role"))
        return RoleCondition(frozenset(entries.read("role", lambda c: c.names(ROLE), NO_NAMES)))
    if isinstance(value, dict) and "consent" in value:
        purpose = _asked(at.closed(keys("consent is")), "consent", "granted")
        return ConsentCondition(purpose)
    if isinstance(value, dict) and "opt_out" in value:
        return OptOutCondition(_asked(at.closed(keys("opt_out is")), "opt_out", "absent"))
    if isinstance(value, dict) and "field" in value:
        return field_condition(at.closed(keys("field op value")))
    if isinstance(value, dict):
        at.wrong("a condition is one of role, consent, opt_out, field", "unknown-key")
    else:
        at.wrong("a condition is a mapping with role, consent, opt_out or field")
    return _NO_ROLE


def _asked(entries: Entries, key: str, answer: str) -> str:
    entries.read("is", lambda c: c.one_of((answer,)), "")
    return entries.read(key, lambda c: c.text(PURPOSE), "")


def field_condition(entries: Entries) -> FieldCondition | WithinCondition:
    """Return the condition by value that these entries, `field`, `op` and `value`, state."""
    field = entries.read("field", lambda c: c.text(NAME), "")
    op = entries.read("op", lambda c: c.one_of(OPERATORS), "eq")
    if op == "within":
        return WithinCondition(field, entries.read("value", Cursor.duration, EMPTY_SPAN))
    several = op in (Operator.IN, Operator.NOT_IN)
    values = entries.read("value", literals if several else literal, _NO_LITERALS)
    return FieldCondition(field, Operator(op), values)


_NO_LITERALS: Final[tuple[Scalar, ...]] = ()


def _anonymity(at: Cursor) -> Anonymity:
    entries = at.closed(keys("k l action"))
    return Anonymity(
        entries.read("k", lambda c: c.integer(2), 2),
        entries.read("l", lambda c: c.integer(1), 1),
        entries.read("action", lambda c: c.one_of(("deny", "suppress_rows")), "deny"),
    )


def _release(at: Cursor) -> dict[str, Mask]:
    return {name: mask(below) for name, below in at.entries(NAME)}


# --- tables ---


def _aggregate(at: Cursor) -> Aggregate:
    entries = at.closed(_AGGREGATE, keys("levels"))
    dimensions = entries.read("dimensions", lambda c: c.names(), NO_NAMES)
    if len(dimensions) > MAX_DIMENSIONS:
        at.wrong(f"more than {MAX_DIMENSIONS} dimensions")
    return Aggregate(
        unit=entries.read("unit", lambda c: c.text(NAME), ""),
        measures=entries.read("measures", measures, ()),
        dimensions=dimensions,
        margins=entries.read("margins", lambda c: _margins(c, dimensions), ()),
        grid=entries.read("grid", _grid, Grid(EMPTY_SPAN, EMPTY_DATE, EMPTY_SPAN, "once")),
        disclosure=entries.read("disclosure", _disclosure, _NO_DISCLOSURE),
        levels=entries.read("levels", lambda c: levels(c, dimensions), {}),
    )


def _margins(at: Cursor, dimensions: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    read: list[tuple[str, ...]] = []
    if at.is_none:
        return ()
    for item in at.items():
        # An empty list is a margin: the grand total.
        margin = () if item.value == [] else item.names()
        for name in margin:
            if name not in dimensions:
                item.wrong(f"the margin's `{name}` is no dimension")
        if margin in read:
            item.wrong("this margin stands twice")
        read.append(margin)
    return tuple(read)


def _grid(at: Cursor) -> Grid:
    entries = at.closed(_GRID)
    return Grid(
        period=entries.read("period", Cursor.duration, EMPTY_SPAN),
        anchor=entries.read("anchor", Cursor.date, EMPTY_DATE),
        lag=entries.read("lag", Cursor.duration, EMPTY_SPAN),
        release=entries.read("release", lambda c: c.one_of(("once",)), "once"),
    )


_NO_DISCLOSURE = Disclosure(1, 1, "publish", complementary=True, dominance=None, colluding=None,
                            history=EMPTY_SPAN, marker="")  # fmt: skip


def _disclosure(at: Cursor) -> Disclosure:
    built = search_form.OPTIONS | exception_form.OPTIONS | {"coarsen", "impossible"}
    entries = at.closed(_DISCLOSURE, DISCLOSURE_OPTIONS | built)
    options = (DISCLOSURE_OPTIONS & entries.values.keys()) - {"noise"}
    zeros = ("publish", "suppress", "structural")
    return Disclosure(
        min_cell=entries.read("min_cell", threshold, 1),
        min_interval=entries.read("min_interval", lambda c: c.integer(1), 1),
        zeros=entries.read("zeros", lambda c: c.one_of(zeros), "publish"),
        complementary=entries.read("complementary", Cursor.boolean, absent=True),
        dominance=entries.read("dominance", _dominance, None),
        colluding=entries.read("colluding", _colluding, None),
        history=entries.read("history", Cursor.duration, EMPTY_SPAN),
        marker=entries.read("marker", lambda c: c.text(WORD), ""),
        options=tuple(sorted(options)),
        ladder=entries.read("coarsen", ladder, NO_LADDER),
        written=frozenset(entries.values),
        rounded_to=entries.read("round", exception_form.base, 0),
        unless=entries.read("unless", exception_form.unless, None),
        exempt=entries.read("exempt", exception_form.kinds, ()),
        known=entries.read("known", exception_form.kinds, ()),
        cost=entries.read("cost", search_form.cost, search_form.USUAL_COST),
        time_limit=entries.read("time_limit", Cursor.duration, None),
        keep=entries.read("keep", search_form.keep, ()),
        impossible=entries.read("impossible", search_form.products, ()),
        noise=entries.read("noise", noise, None),
        preset=entries.read("min_cell", preset, ""),
    )


def _dominance(at: Cursor) -> dict[str, int] | None:
    if at.is_none:
        return None
    entries = at.closed(keys("largest percent p"))
    return {
        "largest": entries.read("largest", lambda c: c.integer(1, 100), 1),
        "percent": entries.read("percent", lambda c: c.integer(1, 100), 1),
        "p": entries.read("p", lambda c: c.integer(1, 100), 1),
    }


def _colluding(at: Cursor) -> frozenset[str] | None:
    if at.value == "all":
        return None
    if not isinstance(at.value, list):
        at.wrong("`colluding` is `all`, or a list of parties, the recipient among them")
        return None
    return frozenset(at.names())


# --- limits and duties ---


def _limits(at: Cursor) -> Limits:
    entries = at.closed(_LIMITS)
    return Limits(
        entries.read("requests_per_minute", lambda c: c.integer(1), 1),
        entries.read("rows_per_request", lambda c: c.integer(1), 1),
        entries.read("rows_per_day", lambda c: c.integer(1), 1),
    )


_NO_DUTIES = Duties(EMPTY_SPAN, None, (), "", "", "", None, EMPTY_SPAN, "", EMPTY_SPAN, None)


def _duties(at: Cursor) -> Duties:
    entries = at.closed(_DUTIES)
    return Duties(
        delete_after=entries.read("delete_after", Cursor.duration, EMPTY_SPAN),
        attest_deletion=entries.read("attest_deletion", Cursor.duration_or_none, None),
        onward=entries.read("onward", lambda c: c.names_or_none(), NO_NAMES),
        reidentify=entries.read("reidentify", lambda c: c.one_of(("forbid", "not_applicable")), ""),
        contact=entries.read("contact", lambda c: c.one_of(("forbid", "permit")), ""),
        publish=entries.read("publish", lambda c: c.one_of(("forbid", "steward_review")), ""),
        notice=entries.read("notice", lambda c: c.text_or_none(NOTICE), None),
        breach_notice=entries.read("breach_notice", Cursor.duration, EMPTY_SPAN),
        accounting=entries.read("accounting", _accounting, ""),
        recall=entries.read("recall", Cursor.duration, EMPTY_SPAN),
        review=entries.read("review", Cursor.duration_or_none, None),
    )


def _accounting(at: Cursor) -> str:
    if isinstance(at.value, dict):
        entries = at.closed(keys("exempt"))
        return f"exempt: {entries.read('exempt', Cursor.text, '')}"
    return at.one_of(("required", "none"))
