"""The agreements in force, compiled: what `decide` reads, immutable, swapped in by one assignment.

`agreement/compiling` makes it. What is left for a decision is a look-up and a few comparisons.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.spans import add
from gateway.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.agreement.dataset import CodeLists, Dataset, FieldRule
    from gateway.agreement.floor import Floor
    from gateway.agreement.model import Agreement, Never, Provision, Selectors
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.registry import Agency, Registry
    from gateway.values import AgencyKind, Shape, Terms


class Signed(StrEnum):
    """What the signatures beside a file amount to; the term is another question."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SIGNED = "signed"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class FlowKey(NamedTuple):
    """What a request names, and what an index is looked up by."""

    provider: str
    recipient: str
    dataset: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A prohibition with the file that it stands in: `floor`, or an agreement's reference."""

    never: Never
    source: str


@dataclass(frozen=True, slots=True)
class Pact:
    """One agreement with what signatures and dates make of it.

    Attributes:
        starts, ends: The term as instants: from the first instant of `effective` to that after
            `expires`.
        digest: SHA-256 of the agreement with what is bound in: what the parties signed.
    """

    agreement: Agreement
    signed: Signed
    starts: dt.datetime
    ends: dt.datetime
    digest: bytes

    def state(self, now: dt.datetime) -> str:
        """Return the word for where it stands: of `Signed`, but `active` or `out_of_term`.

        One whose term is over is not called terminated: that is final, and a clock that was set
        ahead ends nothing for good.
        """
        if self.signed is Signed.SIGNED:
            return "active" if self.starts <= now < self.ends else "out_of_term"
        return self.signed.value

    def turns(self) -> tuple[dt.datetime, ...]:
        """Return the instants at which that changes by itself."""
        return (self.starts, self.ends) if self.signed is Signed.SIGNED else ()


@dataclass(frozen=True, slots=True)
class Attestation:
    """From when until when an agency's security attestation stands, as instants."""

    agency: str
    starts: dt.datetime
    ends: dt.datetime


@dataclass(frozen=True, slots=True)
class FlowRule:
    """One provision for one flow, resolved.

    Attributes:
        attestations: The provider's and the recipient's.
        barred: Each field of the dataset that a prohibition forbids on this flow, with the first
            rule that does.
        roles: Roles of which the caller must hold one, for each role condition.
        passes: Released fields that leave unmasked; only by these may a request narrow.
        determined_until: The first instant after the determination that the release rests on; None
            where it rests on none.
        notice: The text that travels with what leaves; empty where there is none.
        stands_from: The first instant at which it grants, by term and attestations.
        stands_until: The first instant at which it grants nothing more, unless somebody attests
            again.
    """

    pact: Pact
    provision: Provision
    dataset: Dataset
    provider: Agency
    recipient: Agency
    purpose: str
    attestations: tuple[Attestation, Attestation]
    barred: Mapping[str, Rule]
    roles: tuple[frozenset[str], ...]
    passes: frozenset[str]
    determined_until: dt.datetime | None
    notice: str = ""
    stands_from: dt.datetime = field(init=False)
    stands_until: dt.datetime = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what every decision looks at: all of it is to hold at the same instant."""
        first = max(self.pact.starts, *(one.starts for one in self.attestations))
        last = min(self.ends, *(one.ends for one in self.attestations))
        object.__setattr__(self, "stands_from", first)
        object.__setattr__(self, "stands_until", last)

    @property
    def ref(self) -> str:
        """The provision's name across files: `<agreement id>/<provision id>`."""
        return f"{self.pact.agreement.id}/{self.provision.id}"

    @property
    def cut(self) -> str:
        """How its table is cut, whatever the provision is called; empty at record level.

        A period leaves once in each cut: the dimensions with their masks, and which rows are
        counted.
        """
        table = self.provision.aggregate
        if table is None:
            return ""
        masks = [(name, self.provision.release[name].note()) for name in sorted(table.dimensions)]
        cells = [[name, note.name, *note.arguments] for name, note in masks]
        return hashlib.sha256(canonical_json([cells, self.rows])).hexdigest()[:16]

    @property
    def question(self) -> str:
        """What a draw of noise is an answer to; empty where numbers are exact.

        Whoever asks the same of the same days is given the same draw: two draws could be averaged.
        """
        table = self.provision.aggregate
        if table is None or (noise := table.disclosure.noise) is None:
            return ""
        asked = [
            str(self.dataset.id),
            self.cut,
            table.unit,
            noise.mechanism,
            noise.rho,
            noise.bound,
        ]
        return hashlib.sha256(canonical_json(asked)).hexdigest()[:16]

    @property
    def rows(self) -> str:
        """Which rows the provision is of, whoever asks: tables of other rows are not comparable."""
        found: list[list[str]] = []
        for one in self.provision.when:
            match one:
                case FieldCondition():
                    found.append([one.field, one.op.value, *sorted(map(str, one.values))])
                case WithinCondition():
                    found.append([one.field, "within", one.window.text])
                case ConsentCondition():
                    found.append(["consent", one.purpose])
                case OptOutCondition():
                    found.append(["opt_out", one.purpose])
                case RoleCondition():
                    pass
                case _:
                    assert_never(one)
        return canonical_json(sorted(found)).decode()

    @property
    def ends(self) -> dt.datetime:
        """The first instant at which it grants nothing more, whatever is signed."""
        until = self.determined_until
        return self.pact.ends if until is None else min(self.pact.ends, until)

    @property
    def person_conditions(self) -> bool:
        """Whether rows hang on consent or opt-out."""
        kinds = (ConsentCondition, OptOutCondition)
        return any(isinstance(condition, kinds) for condition in self.provision.when)


@dataclass(frozen=True, slots=True)
class Agreements:
    """One consistent set: floor, registry, purposes, datasets and every agreement that loaded.

    Attributes:
        generation: Rises with each swap; caches are keyed by it.
        flows: Provisions by `FlowKey`; two for one flow refuse.
        pairs: Agreements that name both agencies, by (provider, recipient).
        rules: Every prohibition of the floor and of every agreement that is signed, by id.
    """

    generation: int
    floor: Floor
    registry: Registry
    purposes: Purposes
    datasets: Mapping[str, Dataset]
    codes: CodeLists
    pacts: tuple[Pact, ...]
    flows: Mapping[tuple[str, str, str, str], tuple[FlowRule, ...]]
    pairs: Mapping[tuple[str, str], tuple[Pact, ...]]
    rules: tuple[Rule, ...]

    def rules_of(self, terms: Terms) -> tuple[FlowRule, ...]:
        """Return the provisions of what a request names; more than one refuses."""
        key = (terms.provider, terms.recipient, str(terms.dataset), terms.purpose)
        return self.flows.get(key, ())

    def forbidding(
        self,
        provider: AgencyKind,
        recipient: AgencyKind,
        purpose: str,
        shape: Shape,
        dataset: Dataset | None,
        fields: Iterable[str],
    ) -> Rule | None:
        """Return the first prohibition that the flow meets with these fields.

        An unknown dataset is taken to hold every class: `dataset` None meets every field selector.
        """
        names = tuple(fields)
        flow = (provider, recipient, purpose, shape, dataset)
        for rule in self.rules:
            if forbids(rule.never.when, *flow, names):
                return rule
        return None


def forbids(
    when: Selectors,
    provider: AgencyKind,
    recipient: AgencyKind,
    purpose: str,
    shape: Shape,
    dataset: Dataset | None,
    fields: Iterable[str],
) -> bool:
    """Return whether a flow with these fields meets all selectors; see `forbidding`."""
    if not flow_meets(when, provider, recipient, purpose, shape, dataset):
        return False
    if dataset is None or not speaks_of_fields(when):
        return True
    known = dataset.fields
    return any(field_meets(when, dataset, known[name]) for name in fields if name in known)


def flow_meets(
    when: Selectors,
    provider: AgencyKind,
    recipient: AgencyKind,
    purpose: str,
    shape: Shape,
    dataset: Dataset | None,
) -> bool:
    """Return whether a flow meets the selectors that do not speak of fields."""
    if when.from_kind and provider not in when.from_kind:
        return False
    if when.to_kind and recipient not in when.to_kind:
        return False
    if when.shape and shape not in when.shape:
        return False
    if when.purpose and not any(under(purpose, branch) for branch in when.purpose):
        return False
    if dataset is None:
        return True
    if when.dataset and dataset.id.name not in when.dataset:
        return False
    return not when.regime or bool(when.regime & dataset.regime)


def under(purpose: str, branch: str) -> bool:
    """Return whether a purpose is `branch` or stands below it in the tree."""
    return purpose == branch or purpose.startswith(branch + ".")


def speaks_of_fields(when: Selectors) -> bool:
    """Return whether some selector is about fields; else a rule is about whole flows."""
    return bool(when.field or when.field_class or when.means) or when.free_text is not None


def field_meets(when: Selectors, dataset: Dataset, field: FieldRule) -> bool:
    """Return whether one field meets every selector that speaks of fields."""
    if when.field and f"{dataset.id.name}.{field.name}" not in when.field:
        return False
    if when.field_class and field.field_class not in when.field_class:
        return False
    if when.means and field.means not in when.means:
        return False
    return when.free_text is None or field.free_text == when.free_text


def is_about(when: Selectors, dataset: Dataset, field: FieldRule) -> bool:
    """Return whether a rule that a flow meets is about this field: one about whole flows is."""
    return not speaks_of_fields(when) or field_meets(when, dataset, field)


def pact(agreement: Agreement, signed: Signed, digest: bytes) -> Pact:
    """Return an agreement with its term as instants of its own time zone."""
    term = agreement.term
    first = dt.datetime.combine(term.effective, dt.time(), ZoneInfo(term.timezone))
    after = day_after(term.expires, term.timezone)
    return Pact(agreement, signed, first.astimezone(dt.UTC), after, digest)


def day_after(last: dt.date, zone: str) -> dt.datetime:
    """Return the first instant after a last day, UTC."""
    after = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), ZoneInfo(zone))
    return after.astimezone(dt.UTC)


def attestation(agency: Agency) -> Attestation:
    """Return an agency's attestation: whole days, the last one included, UTC."""
    at = dt.datetime.combine(agency.attested_at, dt.time(), dt.UTC)
    return Attestation(agency.id, at, add(at, agency.attested_for) + dt.timedelta(days=1))
