"""From a provision's mask of a field to its node: tables, key, what else it reads. Pure.

All that a mask's result hangs on stands in the node: the tables by digest, the key by its id, a
zone or a box as text. So two plans with one digest mask alike.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never
from zoneinfo import ZoneInfo

from gateway.agreement.oldest import joined
from gateway.agreement.spans import duration, rotation
from gateway.masks.ages import BirthYear
from gateway.masks.base import Inputs
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.places import GeoArea, Zip3
from gateway.masks.plain import Pass
from gateway.masks.shift import DateShift
from gateway.masks.tables import OTHER, Map, OldestJoined, RareToOther
from gateway.plan.beside import also_of, beside_of, stem
from gateway.plan.ops import MaskField
from gateway.values import Precision, canonical_json

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.masks.base import Mask
    from gateway.plan.reference import References


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a mask needs; its fields are those of `MaskField`."""

    inputs: Inputs = field(repr=False)
    table: str
    key_id: str
    facts: tuple[str, ...]


class MaskBuilder:
    """Builds the masks of plans.

    Args:
        references: The reference tables that masks name.
        pseudonym: (domain, period) to (key id, key).
    """

    def __init__(
        self, references: References, pseudonym: Callable[[str, str], tuple[str, bytes]]
    ) -> None:
        self._references = references
        self._pseudonym = pseudonym

    def mask(
        self, agreements: Agreements, rule: FlowRule, name: str, now: dt.datetime
    ) -> MaskField:
        """Return the mask of a released field with all that it needs.

        Raises:
            ReleaseError: A reference table that it names is absent.
        """
        mask, field = rule.provision.release[name], rule.dataset.fields[name]
        codes = agreements.codes.lists.get(field.codes) if field.codes else None
        beside = beside_of(rule, mask, field)
        fixed = field.time_precision
        precision = Precision(fixed) if fixed and fixed != "per_record" else None
        inputs = Inputs(
            type=field.type,
            codes=codes,
            precision=precision,
            has_beside=beside is not None,
        )
        needs = self._needs(rule, field, mask, inputs, now)
        return MaskField(
            name,
            mask,
            needs.inputs,
            mask.output(field.type),
            beside,
            needs.table,
            needs.key_id,
            len(mask.reasons(needs.inputs)) > 1,
            also_of(rule, mask, field),
            needs.facts,
        )

    def _needs(
        self, rule: FlowRule, field: FieldRule, mask: Mask, inputs: Inputs, now: dt.datetime
    ) -> _Needs:
        """Return what a mask needs besides the value, and besides the `inputs` of every mask."""
        name, codes = field.name, inputs.codes
        table, key_id = "", ""
        inputs, facts = _dated(rule, mask, inputs, now)
        match mask:
            case Pass() if codes is not None:
                # A plan under another list is another plan.
                table = f"{field.codes} {_listed_digest(codes)}"
            case Zip3():
                found = self._references.table(mask.table)
                table = f"{found.ref} {found.sha256}"
                inputs = _with(inputs, table=found.rows)
            case GeoArea():
                found = self._references.one("areas@")
                table = f"{found.ref} {found.sha256}"
                inputs = _with(inputs, table=self._references.areas_in(found, mask.to))
            case GeoGrid() | GeoH3():
                found = self._references.one(f"{mask.to}@", mask.step)
                table = f"{found.ref} {found.sha256}"
                inputs = _with(inputs, table=found.rows, cells=self._references.cells(found, mask))
                inputs, facts = _placed(inputs, name, rule)
            case GeoDonut():
                # One point an event in the whole agreement: two recipients learn no more than one.
                # Another ring, or another pair of fields, is moved by another key.
                pair = f"{rule.dataset.id.name}.{stem(name)}"
                domain = f"{rule.pact.agreement.id}/donut/{pair}/{mask.rmin}-{mask.rmax}"
                key_id, key = self._pseudonym(domain, rotation(None, now))
                inputs, facts = _placed(_with(inputs, key=key, domain=domain), name, rule)
                facts = (f"domain={domain}", *facts)
            case Map() | RareToOther():
                listed = rule.dataset.maps[mask.table]
                # The dataset's own digest, which the agreement binds, covers its maps.
                table = f"{mask.table} of {rule.dataset.id}"
                rest = listed.unmapped if isinstance(mask, Map) else OTHER
                inputs = _with(inputs, table=listed.values, unmapped=rest)
            case OldestJoined() if codes is not None:
                table = f"{field.codes} {_listed_digest(codes)}"
                inputs = _with(inputs, table=joined(codes))
            case Pseudonym():
                domain = _domain(rule, mask)
                key_id, key = self._pseudonym(domain, rotation(duration(mask.rotate), now))
                inputs = _with(inputs, key=key, domain=domain)
            case DateShift():
                # One offset a person in the whole agreement, or the offsets could be compared.
                domain, zone = f"{rule.pact.agreement.id}/shift", rule.pact.agreement.term.timezone
                key_id, key = self._pseudonym(domain, rotation(None, now))
                inputs = _with(inputs, key=key, domain=domain, zone=zone)
                facts = (f"domain={domain}", f"zone={zone}")
            case _:
                pass
        return _Needs(inputs, table, key_id, facts)


def mask_text(one: MaskField) -> list[object]:
    """Return a mask as the plan's canonical text has it."""
    note = one.mask.note()
    levels = [list(one.levels.names)] if one.levels is not None else []
    return [one.name, note.name, list(note.arguments), one.table, one.key_id, *one.facts, *levels]


def _domain(rule: FlowRule, mask: Pseudonym) -> str:
    scope = _scope(rule, mask)
    # The vault's indexes are never what a recipient holds as a pseudonym: another key, and domain.
    return f"vault/{scope}" if mask.method is Method.TOKEN else scope


def _scope(rule: FlowRule, mask: Pseudonym) -> str:
    match mask.scope:
        case Scope.PROVISION:
            return rule.ref
        case Scope.AGREEMENT:
            return rule.pact.agreement.id
        case Scope.RECIPIENT:
            return f"recipient/{rule.recipient.id}"
        case Scope.LINK_GROUP:
            return f"link/{mask.group}"
        case _:
            assert_never(mask.scope)


def _dated(
    rule: FlowRule, mask: Mask, inputs: Inputs, now: dt.datetime
) -> tuple[Inputs, tuple[str, ...]]:
    """Return the inputs of a mask that asks which year it is, and what the plan tells of it."""
    if not isinstance(mask, BirthYear):
        return inputs, ()
    year = this_year(rule, now)
    return _with(inputs, this_year=year), (f"year={year}",)


def this_year(rule: FlowRule, now: dt.datetime) -> int:
    """Return the year, where the agreement's term is counted."""
    return now.astimezone(ZoneInfo(rule.pact.agreement.term.timezone)).year


def _placed(inputs: Inputs, name: str, rule: FlowRule) -> tuple[Inputs, tuple[str, ...]]:
    """Return the inputs of a coordinate, and what of them the plan tells."""
    box = rule.provider.box
    placed = _with(inputs, latitude=name.endswith("lat"), box=box)
    return placed, (box.text(),) if box is not None else ()


def _listed_digest(codes: tuple[str, ...]) -> str:
    return hashlib.sha256(canonical_json(list(codes))).hexdigest()


def _with(inputs: Inputs, **more: object) -> Inputs:
    values = {name: getattr(inputs, name) for name in inputs.__slots__} | more
    return Inputs(**values)
