"""The agreement language as values: what the files of `agreements/` say, read and not yet judged.

One dataclass a thing in the file, in the file's words, but that a flow's `from` and `to` are
`provider` and `recipient`. `agreement/parse` makes these from strict YAML; `agreement/lint` judges
them; `agreement/index` compiles them for `decide`. Nothing here has a default that permits: where
nothing applies the file says `none`, which is None or an empty tuple here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from gateway.masks.base import Mask
    from gateway.masks.points import Box
    from gateway.values import (
        AgencyKind,
        DatasetId,
        FieldClass,
        FieldType,
        Means,
        Operator,
        Regime,
        Scalar,
        Shape,
    )


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration: D is 24 h, M and Y are calendar.

    Attributes:
        text: As written, such as `PT72H`.
        months: Calendar months (a year is twelve).
        seconds: Everything else.
    """

    text: str
    months: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Document:
    """The signed paper that the rules express."""

    ref: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Term:
    """First and last day in force, both included, in `timezone`."""

    effective: dt.date
    expires: dt.date
    review_by: dt.date
    timezone: str
    notice: Duration


@dataclass(frozen=True, slots=True)
class Party:
    """An alias of this file; `kind` repeats the registry, so relabelling breaks signatures."""

    alias: str
    agency: str
    kind: AgencyKind
    steward: str


@dataclass(frozen=True, slots=True)
class Selectors:
    """What a rule speaks of: all selectors must be met, each by any of its values.

    An empty one means any.
    """

    from_kind: frozenset[AgencyKind] = frozenset()
    to_kind: frozenset[AgencyKind] = frozenset()
    dataset: frozenset[str] = frozenset()
    field: frozenset[str] = frozenset()  # `<dataset name>.<field>`
    field_class: frozenset[FieldClass] = frozenset()
    means: frozenset[Means] = frozenset()
    free_text: bool | None = None
    regime: frozenset[Regime] = frozenset()
    purpose: frozenset[str] = frozenset()  # leaves or branches
    shape: frozenset[Shape] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether nothing is selected, which is refused: it would forbid everything or nothing."""
        return not any(getattr(self, name) not in (None, frozenset()) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Never:
    """A prohibition: forbids each flow that meets all selectors.

    It beats every provision, in every file.
    """

    id: str
    clause: str
    when: Selectors
    onward: bool


@dataclass(frozen=True, slots=True)
class LogTerms:
    """How long the log keeps payloads, and whether the first release waits for a witness."""

    retain: Duration
    witness: str  # none, required


@dataclass(frozen=True, slots=True)
class Compelled:
    """Who answers subpoenas and reporting statutes: never the gateway."""

    route: str
    clause: str


@dataclass(frozen=True, slots=True)
class Flow:
    """From whom, to whom (aliases), which dataset, for which leaf purposes."""

    provider: str
    recipient: str
    dataset: DatasetId
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deidentified:
    """The determination that released fields claim: how, in which document, until when.

    Attributes:
        method: `safe_harbor`, whose document is the provider's statement of no actual knowledge, or
            `expert`.
        expires: The last day on which it holds, in the time zone of the agreement.
        fields: The fields that an expert's document names, each with the weakest mask under which
            it may leave; None where the file does not state them.
        k: The fewest people, alike in what leaves, that the document names, or None.
    """

    method: str
    ref: str
    sha256: str
    expires: dt.date
    fields: Mapping[str, Mask] | None = None
    k: int | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What allows the flow, and which standard the released fields claim to meet."""

    type: str
    profile: str
    cite: tuple[str, ...]
    deid: Deidentified | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How it leaves; a missed deadline is recorded, the record still leaves."""

    shape: Shape
    mode: str  # pull, push
    deadline: Duration | None
    hold: Duration | None


@dataclass(frozen=True, slots=True)
class RoleCondition:
    """A request condition: the caller holds one of these roles (step 5)."""

    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class ConsentCondition:
    """A row condition: consent to this purpose is granted.

    What cannot be answered removes the row.
    """

    purpose: str


@dataclass(frozen=True, slots=True)
class OptOutCondition:
    """A row condition: no opt-out from this purpose; what cannot be answered removes the row."""

    purpose: str


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """A row condition by value; null satisfies none."""

    field: str
    op: Operator
    values: tuple[Scalar, ...]  # in the field's type, checked by lint


@dataclass(frozen=True, slots=True)
class WithinCondition:
    """A row condition: not older than `window` before now, and not in the future."""

    field: str
    window: Duration


When = RoleCondition | ConsentCondition | OptOutCondition | FieldCondition | WithinCondition


@dataclass(frozen=True, slots=True)
class Anonymity:
    """Least people, and sensitive values, per class of released quasi-identifiers."""

    k: int
    l: int  # noqa: E741 - the field's own letter
    action: str


@dataclass(frozen=True, slots=True)
class Percent:
    """A cell's count as a percentage of the total over one dimension.

    Attributes:
        of: A count of the same table.
        over: The dimension whose levels are parts of the total.
    """

    of: str
    over: str


@dataclass(frozen=True, slots=True)
class Rate:
    """A cell's count for so many people who live in its area.

    Attributes:
        of: A count of the same table.
        per: For how many people.
        population: The reference table with the people of each area, `population@<version>`.
        by: The dimension whose levels are areas.
        reliable: Suppressed from this relative standard error on, in percent; None for never.
    """

    of: str
    per: int
    population: str
    by: str
    reliable: int | None = None


Derived = Percent | Rate


@dataclass(frozen=True, slots=True)
class MeasureRule:
    """One published number of a cell.

    `count_distinct`, `sum` or `mean` (or a word refused at load) of a field; or a number that is
    worked out of other measures of the table, and then of no field.

    Attributes:
        where: Of a count: only what has one of these values is counted; None for everything.
    """

    name: str
    function: str
    field: str
    derived: Derived | None = None
    where: FieldCondition | None = None


@dataclass(frozen=True, slots=True)
class Unless:
    """Small counts under a condition are published where the whole that they are of is large.

    Attributes:
        denominator: The measure of the same table that counts the whole.
        at_least: The least whole that is large.
    """

    denominator: str
    at_least: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Fixed periods from `anchor`; each opens `lag` after its end and leaves once a recipient."""

    period: Duration
    anchor: dt.date
    lag: Duration
    release: str  # once


Products = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
"""Cells by items: each names dimensions, and of each of them levels; a cell is at one of each."""


@dataclass(frozen=True, slots=True)
class NoiseRule:
    """Noise in place of suppression: zero-concentrated differential privacy of a person.

    Attributes:
        mechanism: `discrete_gaussian`.
        rho: What one release spends, in millionths.
        bound: The most cells of one release that one person is counted in.
        budget: What all releases of the source spend together, in millionths.
    """

    mechanism: str
    rho: int
    bound: int
    budget: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where a table goes that cannot be protected: each rung a level and the coarser one.

    Attributes:
        automatic: Whether the gateway climbs it, rung by rung; else people do, by a new agreement.
    """

    rungs: tuple[tuple[str, str], ...]
    automatic: bool


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a table may tell.

    Attributes:
        colluding: Aliases who count as one attacker; None for `all`.
        ladder: What becomes of a table that cannot be protected.
        options: Names of optional keys present (`coarsen`, `unless`, …), each refused at load until
            built.
        written: Every key that the file writes, built or not.
        unless: When a small count is published all the same; None for never.
        exempt: Kinds of cells that are published whatever they hold: of each the dimensions that it
            keeps, `period` for the table's date, and the level that each is cut at.
        known: Kinds of totals that are public elsewhere, in the form of `exempt`: the attacker has
            them, and the table does not publish them.
        rounded_to: Every count leaves as the nearest multiple of this, and nothing is suppressed; 0
            where counts leave as they are or not at all.
        cost: What hiding a cell costs.
        time_limit: The outer guard of a search; None for the usual one.
        keep: Cells that users need most: of each item dimensions, and of each of them levels.
        impossible: Cells that are empty by definition, said in the same way.
        noise: Noise in place of suppression; None for exact numbers.
        preset: The name that `min_cell` stands under in the file; empty where it is a number.
    """

    min_cell: int
    min_interval: int
    zeros: str  # publish, suppress, structural
    complementary: bool
    dominance: Mapping[str, int] | None
    colluding: frozenset[str] | None
    history: Duration
    marker: str
    options: tuple[str, ...] = ()
    ladder: Ladder = Ladder((), automatic=False)
    written: frozenset[str] = frozenset()
    rounded_to: int = 0
    unless: Unless | None = None
    exempt: tuple[Mapping[str, str], ...] = ()
    known: tuple[Mapping[str, str], ...] = ()
    cost: str = "log"  # count, value
    time_limit: Duration | None = None
    keep: Products = ()
    impossible: Products = ()
    noise: NoiseRule | None = None
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Whom a table counts, what it publishes, cut how, when, and under which protection.

    Attributes:
        levels: Of a dimension its coarser levels, the finest of them first.
    """

    unit: str
    measures: tuple[MeasureRule, ...]
    dimensions: tuple[str, ...]
    margins: tuple[tuple[str, ...], ...]  # empty for `none`
    grid: Grid
    disclosure: Disclosure
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Per recipient and provision."""

    requests_per_minute: int
    rows_per_request: int
    rows_per_day: int


@dataclass(frozen=True, slots=True)
class Duties:
    """What the recipient owes afterwards. None stands for `none`."""

    delete_after: Duration
    attest_deletion: Duration | None
    onward: tuple[str, ...]
    reidentify: str  # forbid, not_applicable
    contact: str  # forbid, permit
    publish: str  # forbid, steward_review
    notice: str | None
    breach_notice: Duration
    accounting: str  # required, none, or `exempt: <citation>`
    recall: Duration
    review: Duration | None


@dataclass(frozen=True, slots=True)
class Provision:
    """One flow of an agreement.

    `release` and `withhold` together are every field of the dataset, none twice.
    """

    id: str
    clause: str
    flow: Flow
    basis: Basis
    delivery: Delivery
    when: tuple[When, ...]
    anonymity: Anonymity | None
    release: Mapping[str, Mask]
    withhold: tuple[str, ...]
    aggregate: Aggregate | None
    limits: Limits
    duties: Duties


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement file.

    Attributes:
        digest: SHA-256 of the canonical form of the file (section 4.2), without what is bound in.
    """

    id: str
    version: str
    title: str
    document: Document
    supersedes: str | None  # `<id>@<version>`
    term: Term
    parties: Mapping[str, Party]
    never: tuple[Never, ...]
    log: LogTerms
    compelled: Compelled
    provisions: tuple[Provision, ...]
    digest: bytes

    @property
    def ref(self) -> str:
        """The name in receipts and the log: `<id>@<version>`."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class FloorMask:
    """The weakest form in which what is selected may leave; None for `withhold`."""

    id: str
    clause: str
    when: Selectors
    at_least: Mask | None


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Floors of the floor."""

    min_cell: int
    min_interval: int
    complementary: bool
    grid_lag: Duration
    log_retain: Duration


@dataclass(frozen=True, slots=True)
class AtMost:
    """Ceilings of the floor."""

    term: Duration
    delete_after: Duration
    breach_notice: Duration
    rows_per_day: int


@dataclass(frozen=True, slots=True)
class Floor:
    """What no agreement can go below; strictest wins.

    Attributes:
        permits: Which options of a table's disclosure agreements may use; none where it says
            nothing.
    """

    version: str
    document: Document
    quorum_signatures: int
    quorum_agencies: frozenset[str]
    never: tuple[Never, ...]
    masks: tuple[FloorMask, ...]
    at_least: AtLeast
    at_most: AtMost
    digest: bytes
    permits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a dataset.

    Attributes:
        codes: Name of a closed code list or of an open code system, or None.
        time_precision: For a timestamp: a fixed precision, `per_record`, or None.
    """

    name: str
    type: FieldType
    field_class: FieldClass
    means: Means
    codes: str | None = None
    unit: str | None = None
    time_precision: str | None = None
    free_text: bool = False
    source: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MapTable:
    """A table for the mask `map`: a code map, or a vocabulary whose words map to themselves."""

    name: str
    values: Mapping[str, str]
    unmapped: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a row is about: an identifier space and the fields that make the identifier."""

    system: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named, versioned flat schema."""

    id: DatasetId
    title: str
    grain: str
    provider_kinds: frozenset[AgencyKind]
    unit: str
    person: str | None
    event_date: str | None
    regime: frozenset[Regime]
    subjects: tuple[Subject, ...]
    fields: Mapping[str, FieldRule]
    maps: Mapping[str, MapTable]
    digest: bytes


@dataclass(frozen=True, slots=True)
class CodeLists:
    """Closed code lists by name, and the names of open code systems."""

    version: str
    lists: Mapping[str, tuple[str, ...]]
    systems: frozenset[str]
    digests: Mapping[str, bytes]


class Identity(StrEnum):
    """May direct identifiers leave unmasked for a purpose."""

    NEEDED = "needed"
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Purpose:
    """A leaf of the closed tree of purposes; dots make the tree."""

    name: str
    label: str
    identity: Identity
    maps: Mapping[str, str] = field(default_factory=dict)
    replaced_by: str | None = None
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that an agency signs agreements with, and its dates, both included."""

    id: str
    ed25519: bytes
    since: dt.date
    until: dt.date


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Who issues an agency's bearer tokens.

    With which algorithms and keys (JWKs as in the file).
    """

    issuer: str
    algorithms: tuple[str, ...]
    jwks: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency of the registry.

    Attributes:
        box: Where the points of its records lie, if it says so.
    """

    id: str
    name: str
    kind: AgencyKind
    hipaa: str
    part2: str
    san: tuple[str, ...]
    adapter_san: tuple[str, ...]
    address: str
    signatures: int
    attested_at: dt.date
    attested_for: Duration
    tokens: TokenIssuer | None
    signing_keys: tuple[SigningKey, ...]
    denied: frozenset[bytes]
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of the exchange log and its dates."""

    vkey: str
    since: dt.date
    until: dt.date | None


@dataclass(frozen=True, slots=True)
class Registry:
    """`agencies.yaml`."""

    version: str
    logs: tuple[LogKey, ...]
    agencies: Mapping[str, Agency]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Purposes:
    """`purposes.yaml`: the closed tree, by leaf."""

    version: str
    leaves: Mapping[str, Purpose]
    digest: bytes
