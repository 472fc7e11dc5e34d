"""An agreement as values: what one file of `agreements/` says, read and not yet judged.

One dataclass a thing in the file, in the file's words, but that a flow's `from` and `to` are
`provider` and `recipient`. `agreement/parse` makes these from strict YAML; `agreement/lint` judges
them; `agreement/index` compiles them for `decide`. Nothing here has a default that permits: where
nothing applies the file says `none`, which is None or an empty tuple here.

Of the same making, each in its module: what a provision asks of rows (`conditions`), the table that
it publishes (`aggregate`), and the files that agreements stand on (`floor`, `registry`, `purposes`,
`dataset`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.conditions import When
    from gateway.agreement.spans import Duration
    from gateway.masks.base import Mask
    from gateway.values import AgencyKind, DatasetId, FieldClass, Means, Regime, Shape


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
class Anonymity:
    """Least people, and sensitive values, per class of released quasi-identifiers."""

    k: int
    l: int  # noqa: E741 - the field's own letter
    action: str


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
