"""The officers' tests of one agreement as values: what `<id>.test.yaml` says.

A file is a suite of trials, each a request, what is given, and what must come of it; an invariant
is a claim over every provision and every request. `testing_form` reads them, `review/testing`
carries them out, and `coverage` says what they never tried. A gateway reads none of this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.agreement.index import Signed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from gateway.agreement.model import Selectors
    from gateway.agreement.spans import Duration
    from gateway.errors import Reason
    from gateway.masks.base import Mask
    from gateway.values import Condition, DatasetId, Row

Told: TypeAlias = "Mapping[str, str | int | bool | tuple[str, ...]]"
"""A row that must leave, by column, as the file writes it; a column that is left out is absent."""

TIMES: Final = "times"
"""In a row: it stands for so many, each of somebody else."""
ABSENT: Final = "absent"
"""In a row: the fields that are null, though it is text, or names somebody."""
UNAVAILABLE: Final = "unavailable"
CURRENT: Final = "current"
STALE: Final = "stale"
CANARY: Final = "canary"
"""What a text field holds that a row leaves out: where it shows in what leaves, the test fails."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks whom for what, agencies by alias or by their id in the registry.

    Attributes:
        caller: Whose certificate it is.
        push: Whether the provider sends by itself: it is then the caller.
        dataset: As written: a test may ask for one that nobody has.
    """

    caller: str
    provider: str
    recipient: str
    push: bool
    roles: frozenset[str]
    dataset: DatasetId
    purpose: str
    fields: tuple[str, ...]
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What holds when the request comes; what is not said, is not there.

    Attributes:
        consent: `granted`, or `absent`: in every row that does not say so itself, and in the
            register of consents; `unavailable` where that cannot be asked.
        opt_out: `present`, or `absent`, in both.
        state: What the signatures of the agreement amount to.
        attestation: `current`, or `stale`: of the security of everybody in the registry.
        rows: What the provider holds, typed, each with the fields that it states.
    """

    consent: str = ABSENT
    opt_out: str = ABSENT
    state: Signed = Signed.SIGNED
    attestation: str = CURRENT
    requests_last_minute: int = 0
    rows_today: int = 0
    periods_released: frozenset[dt.date] = frozenset()
    duties_overdue: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of it.

    Attributes:
        rule: The provision that grants, or the rule that refuses; None where a refusal names none.
        reason: Of a refusal; None for a grant.
        rows: Of a grant: exactly what leaves.
        rest: Of a table: whether cells that are not listed leave too, each of them a zero.
    """

    rule: str | None
    reason: Reason | None
    rows: tuple[Told, ...] = ()
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """One test; `now` is its own instant, or the file's."""

    name: str
    now: dt.datetime
    ask: Ask
    given: Given
    expect: Expected


# --- invariants ---


@dataclass(frozen=True, slots=True)
class NeverReaches:
    """Nothing that is selected gets to anybody, in this file or another, on by a recipient too."""

    when: Selectors


@dataclass(frozen=True, slots=True)
class ReachesExactly:
    """A field gets to these parties, and to nobody else, by whatever road."""

    dataset: str
    field: str
    parties: frozenset[str]


@dataclass(frozen=True, slots=True)
class OnwardNever:
    """No recipient may give on what is selected."""

    when: Selectors


@dataclass(frozen=True, slots=True)
class MinCell:
    """No table of this agreement publishes a smaller count."""

    people: int


@dataclass(frozen=True, slots=True)
class MaskedAtLeast:
    """What means this, or this one field, leaves by this agreement at least as masked."""

    when: Selectors
    mask: Mask | None


@dataclass(frozen=True, slots=True)
class DeleteWithin:
    """Whoever gets anything by this agreement that is selected, deletes it within this time."""

    span: Duration
    when: Selectors


@dataclass(frozen=True, slots=True)
class NoRelease:
    """No provision of this agreement releases what is selected, in whatever form."""

    when: Selectors


Invariant: TypeAlias = (
    NeverReaches | ReachesExactly | OnwardNever | MinCell | MaskedAtLeast | DeleteWithin | NoRelease
)


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one agreement.

    Attributes:
        agreement: `<id>@<version>`: they are of that text.
        term: First and last day of the term that the tests suppose, tables anchored with it; so
            they hold on when an agreement is renewed. None for the agreement's own.
        tables: Reference tables by `name@version`: of each key its number, or what it lies in.
    """

    agreement: str
    now: dt.datetime
    trials: tuple[Trial, ...]
    invariants: tuple[Invariant, ...]
    term: tuple[dt.date, dt.date] | None = None
    tables: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)
