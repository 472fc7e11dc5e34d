"""What of an agreement its tests have tried: provisions, prohibitions, reasons to refuse. Pure.

A provision is covered by a grant under which something leaves and by a refusal, both for a request
of its own flow and each of its purposes: other agreements have provisions of the same name. A
prohibition is covered by a refused request that it forbids, though another may be the one that is
named: the first that forbids is. A reason is covered by a refusal for it that is not another
agreement's; those that the agreement cannot give are not counted.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import RoleCondition
from gateway.agreement.index import forbids, under
from gateway.errors import Reason
from gateway.values import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.agreement.dataset import Dataset
    from gateway.agreement.model import Agreement, Never, Provision
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.registry import Registry
    from gateway.agreement.testing import Ask, Trial
    from gateway.values import AgencyKind

PROVISIONS: Final = "provisions"
WHOLE: Final = 100
_GRANT: Final = "a grant"
_REFUSAL: Final = "a refusal"
_ALWAYS: Final = (
    Reason.AGREEMENT_NOT_SIGNED,
    Reason.AGREEMENT_NOT_ACTIVE,
    Reason.AGREEMENT_OUT_OF_TERM,
    Reason.UNKNOWN_PURPOSE,
    Reason.NO_FIELDS,
    Reason.NO_PROVISION,
    Reason.FIELD_NOT_RELEASED,
    Reason.FILTER_NOT_PERMITTED,
    Reason.RATE_LIMIT,
    Reason.ROW_LIMIT,
    Reason.DUTY_OVERDUE,
)
"""Reasons that any agreement can give; those after step 6 hang on records, and are not counted."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Things of one kind, in the order of the file, and what each that was not tried lacks."""

    kind: str
    names: tuple[str, ...]
    lacking: Mapping[str, str]

    @property
    def covered(self) -> int:
        """How many were tried."""
        return len(self.names) - len(self.lacking)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests of one agreement tried."""

    provisions: Tried
    nevers: Tried
    reasons: Tried

    @property
    def all(self) -> tuple[Tried, Tried, Tried]:
        """The three, in the order in which they are told."""
        return self.provisions, self.nevers, self.reasons

    @property
    def percent(self) -> int:
        """Covered things in a hundred, rounded down: 100 only where nothing lacks."""
        names = sum(len(one.names) for one in self.all)
        return sum(one.covered for one in self.all) * WHOLE // names


@dataclass(frozen=True, slots=True)
class Ground:
    """What an agreement stands on, as far as coverage asks."""

    agreement: Agreement
    floor: tuple[Never, ...]
    registry: Registry
    purposes: Purposes
    datasets: Mapping[str, Dataset]

    def agency(self, name: str) -> str:
        """Return the agency that an alias, or an id, names."""
        party = self.agreement.parties.get(name)
        return party.agency if party is not None else name

    def kind(self, name: str) -> AgencyKind | None:
        """Return the kind of an agency, by alias or id."""
        agency = self.registry.agencies.get(self.agency(name))
        return agency.kind if agency is not None else None


def coverage(ground: Ground, trials: Iterable[Trial]) -> Coverage:
    """Return what these tests tried.

    Args:
        ground: The agreement, and what it stands on.
        trials: Tests that passed; or all of them, where none was carried out.
    """
    tried = tuple(trials)
    nevers = _applicable(ground)
    forbidden = {name for one in tried for name in _forbidding(ground, nevers, one)}
    given = {one.expect.reason for one in tried if _own(ground, one)}
    reasons = tuple(_reasons(ground.agreement, nevers))
    return Coverage(
        _provisions(ground, tried),
        _tried("never", [one.id for one in nevers], forbidden),
        _tried("refusal codes", reasons, {str(one) for one in given}),
    )


def _tried(kind: str, names: Iterable[str], done: set[str]) -> Tried:
    several = tuple(names)
    return Tried(kind, several, {name: "a refusal" for name in several if name not in done})


def _provisions(ground: Ground, tried: tuple[Trial, ...]) -> Tried:
    """Return the provisions; the lack of one with several purposes names those that lack."""
    done: dict[str, set[tuple[str, str]]] = {_GRANT: set(), _REFUSAL: set()}
    for one in tried:
        provision, rule = _provision(ground, one.ask), one.expect.rule
        if provision is None or provision.id != rule:
            continue
        if one.expect.reason is not None:
            done[_REFUSAL].add((rule, one.ask.purpose))
        elif one.expect.rows or one.expect.rest:
            done[_GRANT].add((rule, one.ask.purpose))
    several = ground.agreement.provisions
    lacks = {one.id: _lacks(one, done) for one in several}
    return Tried(
        PROVISIONS,
        tuple(one.id for one in several),
        {name: lack for name, lack in lacks.items() if lack},
    )


def _lacks(one: Provision, done: Mapping[str, set[tuple[str, str]]]) -> str:
    """Return what a provision lacks, in words; nothing where it was tried."""
    purposes = one.flow.purposes
    lacking = []
    for word, found in done.items():
        untried = [purpose for purpose in purposes if (one.id, purpose) not in found]
        some = f" for {' and '.join(untried)}" if untried and len(purposes) > 1 else ""
        lacking += [f"{word}{some}"] if untried else []
    return " and ".join(lacking)


# --- reasons ---


def _reasons(agreement: Agreement, nevers: tuple[Never, ...]) -> Iterator[str]:
    provisions = agreement.provisions
    found = list(_ALWAYS)
    if nevers:
        found.append(Reason.PROHIBITED)
    if any(isinstance(c, RoleCondition) for one in provisions for c in one.when):
        found.append(Reason.ROLE_NOT_LISTED)
    if any(one.delivery.mode == "push" for one in provisions):
        found.append(Reason.METHOD_NOT_PERMITTED)
    if any(one.aggregate is not None for one in provisions):
        found += [Reason.PERIOD_OPEN, Reason.CELL_RELEASED]
    return (str(one) for one in found)


def _own(ground: Ground, trial: Trial) -> bool:
    """Return whether a refusal is none by a provision of another agreement."""
    rule = trial.expect.rule
    if rule is None or trial.expect.reason is Reason.PROHIBITED:
        return True
    provision = _provision(ground, trial.ask)
    return provision is not None and provision.id == rule


# --- prohibitions ---


def _applicable(ground: Ground) -> tuple[Never, ...]:
    """Return the agreement's own prohibitions, and those of the floor that its parties can meet."""
    everybody = [one.kind for one in ground.registry.agencies.values()]
    parties = [one.kind for one in ground.agreement.parties.values()]
    return tuple(
        never
        for kinds, several in ((everybody, ground.agreement.never), (parties, ground.floor))
        for never in several
        if _can_be_met(ground, never, kinds)
    )


def _can_be_met(ground: Ground, never: Never, kinds: list[AgencyKind]) -> bool:
    """Return whether a request between two of these agencies meets a prohibition.

    A request that no provision is of is for records, and for every field of its dataset.
    """
    pairs = set(itertools.permutations(kinds, 2))
    branches = never.when.purpose
    leaves = [leaf for leaf in ground.purposes.leaves if any(under(leaf, one) for one in branches)]
    # Where no purpose is selected, any one does.
    purposes = leaves if branches else list(ground.purposes.leaves)[:1]
    return any(
        forbids(never.when, provider, recipient, purpose, Shape.RECORD, dataset, dataset.fields)
        for provider, recipient in pairs
        for dataset in ground.datasets.values()
        if provider in dataset.provider_kinds
        for purpose in purposes
    )


def _forbidding(ground: Ground, nevers: tuple[Never, ...], trial: Trial) -> Iterator[str]:
    """Yield the prohibitions that a test exercises: it expects one, and these forbid it too."""
    ask = trial.ask
    provider, recipient = ground.kind(ask.provider), ground.kind(ask.recipient)
    dataset = ground.datasets.get(str(ask.dataset))
    if trial.expect.reason is not Reason.PROHIBITED or provider is None or recipient is None:
        return
    if dataset is None:
        yield from (one.id for one in nevers if one.id == trial.expect.rule)
        return
    provision = _provision(ground, ask)
    shape = provision.delivery.shape if provision is not None else Shape.RECORD
    named = (*ask.fields, *(one.field for one in ask.where))
    fields = named if provision is not None else tuple(dataset.fields)
    for one in nevers:
        if forbids(one.when, provider, recipient, ask.purpose, shape, dataset, fields):
            yield one.id


def _provision(ground: Ground, ask: Ask) -> Provision | None:
    """Return the agreement's provision for what is asked, if it has one."""
    parties = ground.agreement.parties
    flow = (ground.agency(ask.provider), ground.agency(ask.recipient), ask.dataset)
    for one in ground.agreement.provisions:
        # A party that the file does not declare is a finding of its own.
        ends = (parties.get(alias) for alias in (one.flow.provider, one.flow.recipient))
        named = (party.agency if party is not None else None for party in ends)
        if (*named, one.flow.dataset) == flow and ask.purpose in one.flow.purposes:
            return one
    return None
