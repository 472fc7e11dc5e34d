"""From a grant to a plan: which columns, which rows, which masks, which cells. Pure.

What does not hang on the instant or the caller's filter is built once for a provision and the
fields asked for, and kept: a plan for one record costs microseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.spans import duration, rotation
from gateway.masks.ages import BirthYear
from gateway.masks.identity import Pseudonym
from gateway.plan.alike import classes_of, classes_text, person_of
from gateway.plan.derived_build import derived_columns, derived_of
from gateway.plan.duties import duties_of
from gateway.plan.levels import levels_above
from gateway.plan.mask_build import MaskBuilder, mask_text, this_year
from gateway.plan.ops import (
    WHY,
    Attach,
    Classes,
    Limit,
    MaskField,
    MeasureNode,
    Plan,
    Register,
    SubjectSystem,
    assemble,
    where_words,
)
from gateway.plan.pushdown import Scan
from gateway.plan.reference import References
from gateway.plan.table_build import (
    group_text,
    kept_by,
    measures_of,
    noise_of,
    person_beside,
    table_of,
)
from gateway.plan.where_build import meaning, register_of, systems_of, where_of
from gateway.values import (
    Column,
    FieldClass,
    FieldType,
    MaskNote,
    Means,
    Shape,
    canonical_json,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from gateway.agreement.index import Agreements, FlowRule
    from gateway.decide import Grant
    from gateway.plan.figures import DerivedNode
    from gateway.plan.reference import Table
    from gateway.values import Terms

BATCH_ROWS = 8192
PLANS_KEPT = 1024
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
    register: Register | None
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
        where = where_of(rule, terms, grant)
        rows = rule.provision.limits.rows_per_request
        text, digest = assemble(static.text, where, rows)
        group, suppress = table_of(
            rule, static.masks, static.measures, static.derived, grant.periods
        )
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
            register=static.register,
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
            totals = (*aggregate.margins, *kept_by(rule, aggregate, aggregate.disclosure.known))
            masks = tuple(
                replace(
                    one,
                    why=one.why or any(one.name not in kept for kept in totals),
                    levels=levels_above(rule, one, self._references.areas),
                )
                for one in masks
            )
        measures = measures_of(rule, fields)
        derived = derived_of(rule, masks, measures, self._references.table)
        columns = (*_columns(rule, masks, measures), *derived_columns(derived))
        subjects = _subjects(rule)
        classes = classes_of(
            rule, masked, lambda name: self._masks.mask(agreements, rule, name, now)
        )
        register = register_of(rule)
        systems = (*subjects, *(register.systems if register else ()))
        read = _read(rule, (*masks, *(classes.hidden if classes else ())), measures, systems)
        text = canonical_json(
            {
                **classes_text(classes, mask_text),
                "agreement": rule.pact.digest.hex(),
                "columns": [[one.name, one.type.value] for one in columns],
                "dataset": str(rule.dataset.id),
                "group": group_text(rule, measures, derived),
                "masks": [mask_text(one) for one in masks],
                "notice": rule.provision.duties.notice,
                "provision": rule.ref,
                "purpose": rule.purpose,
                "reads": list(read),
                **_register_text(register),
                "subjects": [[one.system, list(one.fields)] for one in subjects],
            }
        )
        digest = hashlib.sha256(text).digest()
        return _Static(
            masks, measures, derived, columns, subjects, read, classes, register, text, digest
        )


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
        if noise_of(rule) is None:
            made.append(_companion(measure.name + WHY))
    return tuple(made)


def _companion(name: str) -> Column:
    return Column(name, FieldType.CODE, FieldClass.OPERATIONAL)


def _subjects(rule: FlowRule) -> tuple[SubjectSystem, ...]:
    provision = rule.provision
    # A flow that owes no accounting fetches no identifier for it at all.
    if provision.duties.accounting != "required" or provision.delivery.shape is not Shape.RECORD:
        return ()
    return systems_of(rule)


def _register_text(register: Register | None) -> dict[str, object]:
    if register is None:
        return {}
    systems = [one.system for one in register.systems]
    return {"register": [systems, list(register.granted), list(register.kept)]}


def _read(
    rule: FlowRule,
    masks: tuple[MaskField, ...],
    measures: tuple[MeasureNode, ...],
    systems: tuple[SubjectSystem, ...],
) -> tuple[str, ...]:
    names = [one.name for one in masks]
    names += [name for one in masks for name in one.reads[1:]]
    names += [one.field for one in measures]
    names += [one.where.field for one in measures if one.where is not None]
    if rule.provision.aggregate is not None:
        names.append(rule.provision.aggregate.unit)
        if (person := person_beside(rule)) is not None:
            names.append(person)
    if rule.provision.anonymity is not None:
        names.append(person_of(rule))
    for condition in rule.provision.when:
        match condition:
            case FieldCondition() | WithinCondition():
                names.append(condition.field)
            case ConsentCondition():
                names += meaning(rule, Means.CONSENT)
            case OptOutCondition():
                names += meaning(rule, Means.OPT_OUT)
            case RoleCondition():
                pass
            case _:
                assert_never(condition)
    for system in systems:
        names += system.fields
    return tuple(dict.fromkeys(names))


def _scan_limit(rule: FlowRule, rows: int) -> int:
    # Where the gateway removes rows that the source cannot, more may come than may leave.
    whole = rule.provision.aggregate is not None or rule.person_conditions
    return AGGREGATE_SCAN_ROWS if whole else rows
