"""The plan: what may be read and what may leave, as seven kinds of nodes and nothing else.

Scan, Where, Mask, Group, Suppress, Limit, Attach; over records, `Classes` stands for Group and
Suppress. A plan is small enough to log by digest, to explain to an officer, and to run again by a
slow, obvious interpreter. It holds names, types, masks and limits. The one secret that travels with
it, the key of a pseudonym, is in `Inputs`, and in no text and no digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.values import canonical_json

if TYPE_CHECKING:
    import datetime as dt

    from gateway.agreement.aggregate import Products
    from gateway.agreement.index import FlowRule
    from gateway.agreement.ladder import Rung
    from gateway.masks.base import Inputs, Mask
    from gateway.masks.levels import Levels
    from gateway.plan.figures import DerivedNode
    from gateway.plan.noise import Noise
    from gateway.plan.pushdown import Scan
    from gateway.values import Column, Condition, Duty, FieldType

WHY = ".why"
"""Suffix of the companion column that says why a value is absent; no field name holds a dot."""
LEVEL = ".level"
"""Suffix of the companion column that says of which level a value is; null where there is none."""

FLAG = ".flag"
"""Suffix of the companion column that says of a rate that it is unreliable."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows stay: only those for which everything here is true.

    Attributes:
        conditions: Comparisons; also applied at the source.
        consent: Fields of which one must be filled, for consent to be granted.
        opt_out: (field, type): a filled timestamp, or a boolean that is not false, objects.
        unanswerable: A condition that the dataset cannot answer: no row stays.
    """

    conditions: tuple[Condition, ...]
    consent: tuple[str, ...] = ()
    opt_out: tuple[tuple[str, FieldType], ...] = ()
    unanswerable: bool = False


@dataclass(frozen=True, slots=True)
class MaskField:
    """One field and its one mask, which reads the original value.

    Attributes:
        beside: Name of the second original field that the mask looks at, or None.
        also: Name of a third one, or None.
        table: `name@version sha256` of the reference table or map, or empty.
        key_id: Which key makes a pseudonym or a displacement, or empty.
        why: Whether a companion column says why a value is absent.
        facts: What else the result hangs on, as text for the plan: a zone, a box.
        levels: Of a table's dimension: the levels that it has above its values; None without.
    """

    name: str
    mask: Mask
    inputs: Inputs = field(repr=False)
    output: FieldType
    beside: str | None
    table: str
    key_id: str
    why: bool
    also: str | None = None
    facts: tuple[str, ...] = ()
    levels: Levels | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a value leaves in: itself, its level, why it is absent."""
        level = (self.name + LEVEL,) if self.levels is not None else ()
        return (self.name, *level, *((self.name + WHY,) if self.why else ()))

    @property
    def reads(self) -> tuple[str, ...]:
        """The original fields that the mask looks at, its own first."""
        return tuple(name for name in (self.name, self.beside, self.also) if name is not None)


@dataclass(frozen=True, slots=True)
class MeasureNode:
    """One published number: `count_distinct` of the unit, or `sum` or `mean` of a field.

    Attributes:
        where: Of a count: a unit is counted where one of its rows meets this; None for all units.
    """

    name: str
    function: str
    field: str
    output: FieldType
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Cells by masked dimensions, counting distinct units; every cell of the product exists.

    Attributes:
        unit: The field whose distinct values are people (or what stands for them).
        levels: For each dimension its closed levels, or None where they are what the data hold.
        time: The dimension that is the dataset's civil date; its levels are the periods that leave.
        margins: The totals that are published besides: of each, the dimensions that it keeps.
        person: The field of whoever a unit is of, where a unit is not itself a person: the
            threshold is of people too, and one with twelve runs is one. None where units are
            people, or where the dataset knows none.
        derived: What is worked out of the published measures.
        known: Totals that are public elsewhere and not published here: counted for the attacker.
    """

    unit: str
    dimensions: tuple[str, ...]
    measures: tuple[MeasureNode, ...]
    levels: tuple[tuple[str, ...] | None, ...]
    time: str
    periods: tuple[dt.date, ...]
    margins: tuple[tuple[str, ...], ...] = ()
    person: str | None = None
    derived: tuple[DerivedNode, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Dominance:
    """When a sum shows its largest givers: (n, k) and p %.

    Attributes:
        largest: n: how many of the largest are added up.
        percent: k: the part of the sum, in percent, that they may have.
        p: How near, in percent of the largest, the second largest may come to know it.
    """

    largest: int
    percent: int
    p: int


@dataclass(frozen=True, slots=True)
class Suppress:
    """Cells of 1 to `min_cell` - 1 units or rows are suppressed; a zero as `zeros` says.

    Attributes:
        min_interval: Width left to an attacker for each suppressed count, whatever else was
            published of the same source.
        marker: The one word for every suppressed cell, the first and the second suppressions.
        dominance: When a sum is suppressed because of who gave it; None for never.
        coarsen: The ladder that people climb: a refusal names its next rung.
        ladder: The ladder that is climbed where no pattern protects the table; empty without.
        colluding: Agencies, by id, that count as one attacker; None for everybody.
        at_least: A small count under a condition is published where all units of its cell are so
            many; 0 for never.
        exempt: Kinds of cells whose counts are published whatever they are: of each the dimensions
            that it keeps.
        rounded_to: Nothing is suppressed: every count is the nearest multiple of this, of two as
            near the even one. 0 where counts are not rounded.
        cost: What hiding a cell costs: `count`, `value` or `log`.
        seconds: When the search for a pattern is given up, whatever its work limits say.
        keep: Cells that users need most: of each item dimensions, and of each of them levels.
        impossible: Cells that are empty by definition, said in the same way.
        noise: Noise in place of suppression, in every cell: no threshold is applied then.
    """

    min_cell: int
    min_interval: int
    zeros: str
    marker: str
    dominance: Dominance | None = None
    coarsen: tuple[tuple[str, str], ...] = ()
    ladder: tuple[Rung, ...] = ()
    colluding: frozenset[str] | None = None
    rounded_to: int = 0
    at_least: int = 0
    exempt: tuple[tuple[str, ...], ...] = ()
    cost: str = "log"
    seconds: int = 120
    keep: Products = ()
    impossible: Products = ()
    noise: Noise | None = None


@dataclass(frozen=True, slots=True)
class Classes:
    """At record level: rows alike in what may leave of them are so many people, or stay behind.

    Rows of one request stand in the order of another's, so columns that were asked for apart can be
    put side by side. Classes are therefore by all that the provision releases, asked for or not.

    Attributes:
        k: The fewest people of a class.
        l: The fewest distinct values of each sensitive field in it; 1 asks nothing.
        suppress: Whether rows of other classes stay behind; else such a class refuses all.
        person: The original field whose distinct values, by canon@1, are people.
        alike: Released quasi-identifiers that tell something: a class is alike in these, masked.
        sensitive: Released sensitive fields that tell something; none where `l` is 1.
        hidden: The masks of those that were not asked for: read and masked, and never sent.
        least_told: The fewest people whose rows stayed behind, for their number to be told.
    """

    k: int
    l: int  # noqa: E741 - the field's own letter
    suppress: bool
    person: str
    alike: tuple[str, ...]
    sensitive: tuple[str, ...]
    hidden: tuple[MaskField, ...]
    least_told: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """How well the least protected people of a release of records are hidden in it.

    Attributes:
        people: The fewest people of a class that leaves: one of them is found with a chance of one
            in so many. 0 where no row leaves.
        rows: Rows in classes of that size.
        held: Rows that stayed behind; None where they are too few people's for the number to be
            told, or none.
    """

    people: int
    rows: int
    held: int | None


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the rows of a release of records are in the quasi-identifiers that leave.

    Attributes:
        smallest: The fewest people, or rows, of a class of rows alike; a thousand stands for that
            many or more. None where not every class was looked at, and none of those had but one.
        alone: Rows of classes of one or nobody, among the classes that were looked at.
        rows: Rows of the release.
        counted: What `smallest` counts: `people`, or `rows` where the plan reads no person.
        one_in: One class in so many was looked at; 1 for all of them.
    """

    smallest: int | None
    alone: int
    rows: int
    counted: str
    one_in: int


@dataclass(frozen=True, slots=True)
class Limit:
    """The most rows that may leave: more is an error, never a cut."""

    rows: int


@dataclass(frozen=True, slots=True)
class Attach:
    """What travels with the release."""

    duties: tuple[Duty, ...]
    notice: str


@dataclass(frozen=True, slots=True)
class SubjectSystem:
    """An identifier space, and the original fields that make its identifier."""

    system: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Register:
    """What the register of consents is asked of whomever a row is about, before each chunk.

    Attributes:
        systems: What names a person: a row that none of them names cannot be asked about.
        granted: Purposes to which somebody must have consented in the register, since the records
            have no word for it.
        kept: Purposes from which nobody may have withdrawn in the register, whatever a record says.
    """

    systems: tuple[SubjectSystem, ...]
    granted: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The original fields that it asks by, each once."""
        return tuple(dict.fromkeys(name for one in self.systems for name in one.fields))


@dataclass(frozen=True, slots=True)
class Plan:
    """A grant made concrete.

    Attributes:
        columns: What leaves, in order, companions included.
        subjects: Whom the accounting of disclosures is about; empty where none is owed.
        static: SHA-256 of all but the row filter and the limit: what a lowered program is kept by.
        digest: SHA-256 of `text`: what the exchange log holds.
        text: The canonical JSON of the plan.
        classes: At record level, how many people must be alike; None where nothing is asked.
        register: What the register of consents is asked; None where the provision asks nothing.
    """

    rule: FlowRule
    scan: Scan
    where: Where
    masks: tuple[MaskField, ...]
    group: Group | None
    suppress: Suppress | None
    limit: Limit
    attach: Attach
    subjects: tuple[SubjectSystem, ...]
    columns: tuple[Column, ...]
    static: bytes
    digest: bytes
    text: bytes
    classes: Classes | None = None
    register: Register | None = None


def where_words(one: MeasureNode) -> tuple[str, ...]:
    """Return what a count is under, in words; nothing where it is of everything."""
    if one.where is None:
        return ()
    values = ",".join(str(value) for value in one.where.values)
    return (f"where={one.where.field}:{values}",)


def where_text(where: Where) -> bytes:
    """Return the canonical JSON of a row filter: fields, operators, values with their types."""
    return canonical_json(
        {
            "conditions": [
                [one.field, one.op.value, [[type(v).__name__, str(v)] for v in one.values]]
                for one in where.conditions
            ],
            "consent": list(where.consent),
            "opt_out": [[name, kind.value] for name, kind in where.opt_out],
            "unanswerable": where.unanswerable,
        }
    )


def assemble(static_text: bytes, where: Where, rows: int) -> tuple[bytes, bytes]:
    """Return (text, digest) of a plan from its static part, its row filter and its limit.

    The three are keys of one object in canonical order, so the text is canonical too, and the
    static part is written once for all exchanges under one provision.
    """
    text = b"".join((b'{"limit":', str(rows).encode(), b',"static":', static_text, b',"where":'))
    text += where_text(where) + b"}"
    return text, hashlib.sha256(text).digest()
