"""From a grant to a plan: which columns, which rows, which masks, which cells. Pure.

What does not hang on the instant or the caller's filter is built once for a provision and the
fields asked for, and kept: a plan for one record costs microseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, assert_never
from zoneinfo import ZoneInfo

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.exception_form import PERIOD, WHOLE
from gateway.agreement.ladder import climb, level_names
from gateway.agreement.spans import add, before, duration, rotation
from gateway.errors import Reason, ReleaseError
from gateway.masks.ages import BirthYear
from gateway.masks.identity import Pseudonym
from gateway.plan.alike import classes_of, classes_text, person_of
from gateway.plan.derived_build import derived_columns, derived_of, derived_text
from gateway.plan.duties import duties_of
from gateway.plan.hierarchy import levels_above
from gateway.plan.mask_build import MaskBuilder, mask_text, this_year
from gateway.plan.noise import Noise
from gateway.plan.ops import (
    WHY,
    Attach,
    Classes,
    Dominance,
    Group,
    Limit,
    MaskField,
    MeasureNode,
    Plan,
    SubjectSystem,
    Suppress,
    Where,
    assemble,
    where_words,
)
from gateway.plan.pushdown import Scan
from gateway.plan.reference import References
from gateway.values import (
    Column,
    Condition,
    FieldClass,
    FieldType,
    MaskNote,
    Means,
    Operator,
    Shape,
    canonical_json,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from gateway.agreement.aggregate import Aggregate, MeasureRule, Products
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.agreement.ladder import Rung
    from gateway.decide import Grant
    from gateway.plan.derived import DerivedNode
    from gateway.plan.reference import Table
    from gateway.values import Terms

BATCH_ROWS = 8192
PLANS_KEPT = 1024
SEARCH_S = 120
"""How long a search for a pattern takes at most, where the agreement does not say."""
AGGREGATE_SCAN_ROWS = 20_000_000
"""The most rows that a table may be made from; more is an error of the source."""


@dataclass(frozen=True, slots=True)
class _Static:
    """What one provision and one list of fields always give."""

    masks: tuple[MaskField, ...]
    measures: tuple[MeasureNode, ...]
    derived: tuple[DerivedNode, ...]
    columns: tuple[Column, ...]
    subjects: tuple[SubjectSystem, ...]
    read: tuple[str, ...]
    classes: Classes | None
    text: bytes
    digest: bytes


class Builder:
    """Builds plans; keeps the static part of each by provision and fields.

    Args:
        tables: Reference tables by `name@version`.
        pseudonym: (domain, period) to (key id, key).
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        pseudonym: Callable[[str, str], tuple[str, bytes]],
    ) -> None:
        self._references = References(tables)
        self._masks = MaskBuilder(self._references, pseudonym)
        self._kept: dict[tuple[object, ...], _Static] = {}
        self._generation = -1

    def build(self, agreements: Agreements, grant: Grant) -> Plan:
        """Return the plan of a grant.

        Raises:
            ReleaseError: A reference table that a mask names is absent, a measure is not built, or
                a table is to be of classes.
        """
        rule, terms = grant.rule, grant.request.terms
        static = self._static(agreements, rule, terms, grant.now)
        where = _where(rule, terms, grant)
        rows = rule.provision.limits.rows_per_request
        text, digest = assemble(static.text, where, rows)
        group, suppress = _table(rule, static, grant)
        # The caller's own filter is by fields that pass, which are not always asked for.
        read = dict.fromkeys((*static.read, *(one.field for one in where.conditions)))
        scan = Scan(
            provider=terms.provider,
            recipient=terms.recipient,
            purpose=terms.purpose,
            dataset=terms.dataset,
            columns=tuple((name, rule.dataset.fields[name].type) for name in read),
            where=where.conditions,
            limit_rows=_scan_limit(rule, rows),
            batch_rows=BATCH_ROWS,
            plan_digest=digest,
        )
        return Plan(
            rule=rule,
            scan=scan,
            where=where,
            masks=static.masks,
            group=group,
            suppress=suppress,
            limit=Limit(min(rows, grant.rows_left)),
            attach=Attach(duties_of(rule, grant.now), rule.provision.duties.notice or ""),
            subjects=static.subjects,
            columns=static.columns,
            static=static.digest,
            digest=digest,
            text=text,
            classes=static.classes,
        )

    def _static(
        self, agreements: Agreements, rule: FlowRule, terms: Terms, now: dt.datetime
    ) -> _Static:
        if agreements.generation != self._generation:
            self._kept.clear()
            self._generation = agreements.generation
        periods = tuple(
            rotation(duration(mask.rotate), now)
            for mask in rule.provision.release.values()
            if isinstance(mask, Pseudonym)
        )
        # Who is among the oldest changes with the year.
        aged = any(isinstance(mask, BirthYear) for mask in rule.provision.release.values())
        year = this_year(rule, now) if aged else 0
        # Two provisions never share a reference, nor two flows of one provision a purpose.
        key = (rule.ref, rule.pact.digest, terms.purpose, terms.fields, periods, year)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= PLANS_KEPT:
                # A caller may ask for fields in any order: what is kept has an end.
                self._kept.clear()
            kept = self._kept[key] = self._make(agreements, rule, terms.fields, now)
        return kept

    def _make(
        self, agreements: Agreements, rule: FlowRule, fields: tuple[str, ...], now: dt.datetime
    ) -> _Static:
        aggregate = rule.provision.aggregate
        masked = fields if aggregate is None else aggregate.dimensions
        masks = tuple(self._masks.mask(agreements, rule, name, now) for name in masked)
        if aggregate is not None:
            # A total has no value of the dimensions that it is over, and the companion says so.
            totals = (*aggregate.margins, *_kept(rule, aggregate, aggregate.disclosure.known))
            masks = tuple(
                replace(
                    one,
                    why=one.why or any(one.name not in kept for kept in totals),
                    levels=levels_above(rule, one, self._references.areas),
                )
                for one in masks
            )
        measures = _measures(rule, fields)
        derived = derived_of(rule, masks, measures, self._references.table)
        columns = (*_columns(rule, masks, measures), *derived_columns(derived))
        subjects = _subjects(rule)
        classes = classes_of(
            rule, masked, lambda name: self._masks.mask(agreements, rule, name, now)
        )
        read = _read(rule, (*masks, *(classes.hidden if classes else ())), measures, subjects)
        text = canonical_json(
            {
                **classes_text(classes, mask_text),
                "agreement": rule.pact.digest.hex(),
                "columns": [[one.name, one.type.value] for one in columns],
                "dataset": str(rule.dataset.id),
                "group": _group_text(rule, measures, derived),
                "masks": [mask_text(one) for one in masks],
                "notice": rule.provision.duties.notice,
                "provision": rule.ref,
                "purpose": rule.purpose,
                "reads": list(read),
                "subjects": [[one.system, list(one.fields)] for one in subjects],
            }
        )
        digest = hashlib.sha256(text).digest()
        return _Static(masks, measures, derived, columns, subjects, read, classes, text, digest)


_COUNT = "count_distinct"
_BUILT = frozenset({_COUNT, "sum", "mean"})


def _measures(rule: FlowRule, fields: tuple[str, ...]) -> tuple[MeasureNode, ...]:
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return ()
    for one in aggregate.measures:
        if one.derived is not None:
            continue
        if one.function not in _BUILT or (one.function == _COUNT and one.field != aggregate.unit):
            # Only the unit is counted: its number would be published under another field's name.
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, f"measure `{one.name}` is not built")
    return tuple(
        MeasureNode(
            one.name,
            one.function,
            one.field,
            _type_of(rule, one),
            _where_of(one),
        )
        for one in aggregate.measures
        if one.field in fields and one.derived is None
    )


def _where_of(one: MeasureRule) -> Condition | None:
    where = one.where
    return None if where is None else Condition(where.field, where.op, where.values)


def _type_of(rule: FlowRule, one: MeasureRule) -> FieldType:
    match one.function:
        case "sum":
            return rule.dataset.fields[one.field].type
        case "mean":
            return FieldType.NUMBER
        case _:
            return FieldType.INTEGER


def _columns(
    rule: FlowRule, masks: tuple[MaskField, ...], measures: tuple[MeasureNode, ...]
) -> tuple[Column, ...]:
    made: list[Column] = []
    for one in masks:
        note = one.mask.note()
        reasons = one.mask.reasons(one.inputs)
        extra: tuple[str, ...] = (f"key={one.key_id}",) if one.key_id else ()
        if len(reasons) == 1:
            extra += (f"absent={next(iter(reasons))}",)
        field_class = rule.dataset.fields[one.name].field_class
        made.append(
            Column(one.name, one.output, field_class, MaskNote(note.name, note.arguments + extra))
        )
        made += [_companion(name) for name in one.columns[1:]]
    for measure in measures:
        mask = "count_only" if measure.function == "count_distinct" else "sum_only"
        note = MaskNote(mask, where_words(measure))
        made.append(Column(measure.name, measure.output, FieldClass.OPERATIONAL, note))
        if _noise(rule) is None:
            made.append(_companion(measure.name + WHY))
    return tuple(made)


def _companion(name: str) -> Column:
    return Column(name, FieldType.CODE, FieldClass.OPERATIONAL)


def _subjects(rule: FlowRule) -> tuple[SubjectSystem, ...]:
    provision = rule.provision
    # A flow that owes no accounting fetches no identifier for it at all.
    if provision.duties.accounting != "required" or provision.delivery.shape is not Shape.RECORD:
        return ()
    return tuple(
        SubjectSystem(f"{rule.provider.id}/{one.system}", one.fields)
        for one in rule.dataset.subjects
    )


def _read(
    rule: FlowRule,
    masks: tuple[MaskField, ...],
    measures: tuple[MeasureNode, ...],
    subjects: tuple[SubjectSystem, ...],
) -> tuple[str, ...]:
    names = [one.name for one in masks]
    names += [name for one in masks for name in one.reads[1:]]
    names += [one.field for one in measures]
    names += [one.where.field for one in measures if one.where is not None]
    if rule.provision.aggregate is not None:
        names.append(rule.provision.aggregate.unit)
        if (person := _person(rule)) is not None:
            names.append(person)
    if rule.provision.anonymity is not None:
        names.append(person_of(rule))
    for condition in rule.provision.when:
        match condition:
            case FieldCondition() | WithinCondition():
                names.append(condition.field)
            case ConsentCondition():
                names += _meaning(rule, Means.CONSENT)
            case OptOutCondition():
                names += _meaning(rule, Means.OPT_OUT)
            case RoleCondition():
                pass
            case _:
                assert_never(condition)
    for system in subjects:
        names += system.fields
    return tuple(dict.fromkeys(names))


def _meaning(rule: FlowRule, means: Means) -> list[str]:
    return [one.name for one in rule.dataset.fields.values() if one.means is means]


def _where(rule: FlowRule, terms: Terms, grant: Grant) -> Where:
    conditions: list[Condition] = []
    consent: list[str] = []
    opt_out: list[tuple[str, FieldType]] = []
    unanswerable = False
    for one in rule.provision.when:
        match one:
            case FieldCondition():
                conditions.append(Condition(one.field, one.op, one.values))
            case WithinCondition():
                conditions += _window(rule, one, grant.now)
            case ConsentCondition():
                found = _meaning(rule, Means.CONSENT)
                consent += found
                unanswerable |= not found
            case OptOutCondition():
                found = _meaning(rule, Means.OPT_OUT)
                opt_out += [(name, rule.dataset.fields[name].type) for name in found]
                unanswerable |= not found
            case RoleCondition():
                pass
            case _:
                assert_never(one)
    if rule.provision.aggregate is None:
        conditions += terms.where
    else:
        conditions += _periods(rule, grant)
    return Where(tuple(conditions), tuple(consent), tuple(opt_out), unanswerable)


def _window(rule: FlowRule, one: WithinCondition, now: dt.datetime) -> list[Condition]:
    first: dt.date | dt.datetime = before(now, one.window)
    last: dt.date | dt.datetime = now
    if rule.dataset.fields[one.field].type is FieldType.DATE:
        zone = ZoneInfo(rule.pact.agreement.term.timezone)
        first = before(now, one.window).astimezone(zone).date()
        last = now.astimezone(zone).date()
    # The future is outside: a clock that runs ahead at the source opens no window.
    return [
        Condition(one.field, Operator.GTE, (first,)),
        Condition(one.field, Operator.LTE, (last,)),
    ]


def _periods(rule: FlowRule, grant: Grant) -> list[Condition]:
    aggregate = rule.provision.aggregate
    assert aggregate is not None  # noqa: S101 - the caller looked
    date = rule.dataset.event_date
    assert date is not None  # noqa: S101 - lint demands it of a provision with a grid
    first = grant.periods[0]
    last = add(grant.periods[-1], aggregate.grid.period)
    return [
        Condition(date, Operator.GTE, (first,)),
        Condition(date, Operator.LT, (last,)),
    ]


def _table(rule: FlowRule, static: _Static, grant: Grant) -> tuple[Group | None, Suppress | None]:
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return None, None
    levels = tuple(one.mask.closed(one.inputs) for one in static.masks)
    group = Group(
        unit=aggregate.unit,
        dimensions=aggregate.dimensions,
        measures=static.measures,
        levels=levels,
        time=rule.dataset.event_date or "",
        periods=grant.periods,
        margins=aggregate.margins,
        known=_kept(rule, aggregate, aggregate.disclosure.known),
        person=_person(rule),
        derived=static.derived,
    )
    rules = aggregate.disclosure
    given, ladder = rules.dominance, rules.ladder
    dominance = Dominance(given["largest"], given["percent"], given["p"]) if given else None
    suppress = Suppress(
        rules.min_cell,
        rules.min_interval,
        rules.zeros,
        rules.marker,
        dominance=dominance,
        coarsen=() if ladder.automatic else ladder.rungs,
        ladder=_ladder(rule),
        colluding=_colluding(rule),
        rounded_to=rules.rounded_to,
        at_least=rules.unless.at_least if rules.unless else 0,
        exempt=_kept(rule, aggregate, rules.exempt),
        cost=rules.cost,
        seconds=rules.time_limit.seconds if rules.time_limit else SEARCH_S,
        keep=rules.keep,
        impossible=rules.impossible,
        noise=_noise(rule),
    )
    return group, suppress


def _kept(
    rule: FlowRule, aggregate: Aggregate, kinds: Sequence[Mapping[str, str]]
) -> tuple[tuple[str, ...], ...]:
    """Return the dimensions that each kind of cells keeps, in the order of the table's."""
    dates = rule.dataset.event_date
    kept = [
        {dates if name == PERIOD else name for name, level in kind.items() if level != WHOLE}
        for kind in kinds
    ]
    return tuple(tuple(one for one in aggregate.dimensions if one in names) for names in kept)


def _ladder(rule: FlowRule) -> tuple[Rung, ...]:
    """Return the rungs that are climbed without people, as far as they lead on."""
    table = rule.provision.aggregate
    if table is None or not table.disclosure.ladder.automatic:
        return ()
    release, dataset = rule.provision.release, rule.dataset
    names = {name: level_names(table, name, release, dataset) for name in table.dimensions}
    rungs, _ = climb(table, names, dataset.event_date)
    return rungs


def _colluding(rule: FlowRule) -> frozenset[str] | None:
    """Return the agencies behind the aliases that count as one attacker; None for everybody."""
    aggregate, parties = rule.provision.aggregate, rule.pact.agreement.parties
    if aggregate is None or aggregate.disclosure.colluding is None:
        return None
    return frozenset(parties[alias].agency for alias in aggregate.disclosure.colluding)


def _noise(rule: FlowRule) -> Noise | None:
    aggregate = rule.provision.aggregate
    given = aggregate.disclosure.noise if aggregate is not None else None
    return Noise(given.mechanism, given.rho, given.bound) if given is not None else None


def _person(rule: FlowRule) -> str | None:
    aggregate, person = rule.provision.aggregate, rule.dataset.person
    return person if aggregate is not None and person != aggregate.unit else None


def _group_text(
    rule: FlowRule, measures: tuple[MeasureNode, ...], derived: tuple[DerivedNode, ...]
) -> object:
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return None
    rules, colluding = aggregate.disclosure, _colluding(rule)
    return {
        "colluding": sorted(colluding) if colluding is not None else None,
        "cost": rules.cost,
        "derived": [derived_text(one) for one in derived],
        "dimensions": list(aggregate.dimensions),
        "dominance": sorted(rules.dominance.items()) if rules.dominance else None,
        "impossible": _products(rules.impossible),
        "keep": _products(rules.keep),
        "ladder": [rung.text for rung in _ladder(rule)],
        "margins": [list(one) for one in aggregate.margins],
        "exempt": [list(one) for one in _kept(rule, aggregate, rules.exempt)],
        "known": [list(one) for one in _kept(rule, aggregate, rules.known)],
        "measures": [[one.name, one.function, one.field, *where_words(one)] for one in measures],
        "min_cell": rules.min_cell,
        "min_interval": rules.min_interval,
        "person": _person(rule),
        "rounded_to": rules.rounded_to,
        "unless": [rules.unless.denominator, rules.unless.at_least] if rules.unless else None,
        "time_limit": rules.time_limit.text if rules.time_limit else None,
        "unit": aggregate.unit,
        "zeros": rules.zeros,
        **({"noise": astuple(noise.note)} if (noise := _noise(rule)) is not None else {}),
    }


def _products(items: Products) -> list[list[list[object]]]:
    """Return cells that a clause names by their levels, as the text of a plan has them."""
    return [[[name, list(levels)] for name, levels in one] for one in items]


def _scan_limit(rule: FlowRule, rows: int) -> int:
    # Where the gateway removes rows that the source cannot, more may come than may leave.
    whole = rule.provision.aggregate is not None or rule.person_conditions
    return AGGREGATE_SCAN_ROWS if whole else rows
