"""Three hundred provisions and requests of them, drawn: the same for Accord and for its peers.

Thirty providers of runs give two recipients five purposes each. A provision names roles and fields,
its agreement has a term, and prohibitions beat all of them: that is what a peer can say too. Half
of the requests are granted, one by each provision, so that none stands where it is found first; the
others fail at one step each. What is right for each request is known from how it was drawn, and
neither engine is asked for it.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.compiling import compile_agreements
from gateway.agreement.conditions import RoleCondition
from gateway.agreement.index import Signed, pact
from gateway.agreement.lint.folder import read_folder
from gateway.agreement.model import Flow, Never, Party, Selectors
from gateway.errors import Reason
from gateway.library.files import contents
from gateway.masks.plain import Pass
from gateway.values import AgencyKind, Caller, DatasetId, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.agreement.index import Agreements, Pact
    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.model import Agreement

PROVIDERS: Final = tuple(f"bench-ems-{number:02}" for number in range(30))
RECIPIENTS: Final = {
    "bench-health": AgencyKind.PUBLIC_HEALTH,
    "bench-hospital": AgencyKind.HOSPITAL,
}
PURPOSES: Final = (
    "care.treatment", "public_health.surveillance", "public_health.drug_supply",
    "public_health.program_evaluation", "public_health.fatality_review",
)  # fmt: skip
DATASET: Final = DatasetId("ems.overdose_run", 1)
RELEASED: Final = (
    "pcr_uuid", "incident_date", "age", "sex", "race", "scene_county_fips", "initial_acuity",
    "naloxone_doses", "naloxone_response", "fatal", "transport_disposition", "patient_phone",
)  # fmt: skip
BARRED: Final = "patient_phone"
"""Released by every provision and prohibited by one rule: a prohibition beats a provision."""
WITHHELD: Final = "narrative"
ROLES: Final = ("epidemiologist", "analyst")
UTC: Final = dt.UTC
NOW: Final = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """One provision, as far as a peer can say it. Times are seconds since 1970."""

    provider: str
    recipient: str
    purpose: str
    starts: int
    ends: int
    dataset: str = str(DATASET)
    roles: tuple[str, ...] = ROLES
    fields: tuple[str, ...] = RELEASED


@dataclass(frozen=True, slots=True)
class Forbidden:
    """One prohibition, as far as a peer can say it; what is empty means any."""

    to_kinds: tuple[str, ...]
    dataset: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and what is right for it: a reason, or none where it is granted."""

    provider: str
    recipient: str
    to_kind: str
    purpose: str
    role: str
    fields: tuple[str, ...]
    now: int
    reason: Reason | None
    dataset: str = str(DATASET)


FORBIDDEN: Final = (
    Forbidden(("law_enforcement", "prosecutor", "immigration"), str(DATASET)),
    Forbidden(("law_enforcement", "prosecutor"), "referral.post_overdose@1"),
    Forbidden(("immigration",)),
    Forbidden(("law_enforcement",), "harm_reduction.outreach_contact@1"),
    Forbidden(("public_health", "hospital"), str(DATASET), BARRED),
    Forbidden(("corrections",), str(DATASET), "naloxone_response"),
)
NAMES: Final = tuple(f"F{at}-bench" for at, _ in enumerate(FORBIDDEN, 1))


def rules() -> tuple[Rule, ...]:
    """Return the provisions; every agreement has its own term, around `NOW`."""
    found = []
    for at, provider in enumerate(PROVIDERS):
        starts, ends = (int(one.timestamp()) for one in _term(at))
        found += [Rule(provider, to, one, starts, ends) for to in RECIPIENTS for one in PURPOSES]
    return tuple(found)


def _term(at: int) -> tuple[dt.datetime, dt.datetime]:
    first = dt.datetime(2026, 1, 1 + at % 28, tzinfo=UTC)
    return first, first + dt.timedelta(days=364)


def cases(drawn: Sequence[Rule], seed: int = 20) -> tuple[Case, ...]:
    """Return a granted request of each provision and as many that are refused, shuffled."""
    chance = random.Random(seed)  # noqa: S311 - draws a workload
    found = []
    ways = (_other_purpose, _unlisted, _not_released, _prohibited, _over)
    for at, rule in enumerate(drawn):
        fields = tuple(chance.sample(RELEASED[:-1], 6))
        granted = Case(
            rule.provider, rule.recipient, RECIPIENTS[rule.recipient].value, rule.purpose,
            chance.choice(ROLES), fields, int(NOW.timestamp()), None,
        )  # fmt: skip
        found += [granted, ways[at % len(ways)](granted, rule)]
    chance.shuffle(found)
    return tuple(found)


def _other_purpose(one: Case, _rule: Rule) -> Case:
    # A flow without a provision is held against prohibitions as the whole dataset.
    return replace(one, purpose="research.approved_study", reason=Reason.PROHIBITED)


def _unlisted(one: Case, _rule: Rule) -> Case:
    return replace(one, role="dispatcher", reason=Reason.ROLE_NOT_LISTED)


def _not_released(one: Case, _rule: Rule) -> Case:
    return replace(one, fields=(*one.fields, WITHHELD), reason=Reason.FIELD_NOT_RELEASED)


def _prohibited(one: Case, _rule: Rule) -> Case:
    return replace(one, fields=(*one.fields, BARRED), reason=Reason.PROHIBITED)


def _over(one: Case, rule: Rule) -> Case:
    # The first second after the term: a decision that is late by one is wrong.
    return replace(one, now=rule.ends, reason=Reason.AGREEMENT_OUT_OF_TERM)


# --- the same for Accord ---


def compiled(folder: Path) -> Agreements:
    """Return the provisions as Accord has them, over the registry and datasets of a deployment.

    Args:
        folder: The `agreements` of a deployment of the bench, whose one agreement is the mould.
    """
    read, _ = read_folder(contents(folder))
    assert read is not None  # noqa: S101 - just written
    (mould,) = (one.model for one in read.agreements)
    registry, floor = read.registry.model, read.floor.model
    kinds = dict.fromkeys(PROVIDERS, AgencyKind.EMS) | RECIPIENTS
    agency = next(iter(registry.agencies.values()))
    yesterday = NOW.date() - dt.timedelta(days=1)
    agencies = {
        name: replace(agency, id=name, kind=kind, attested_at=yesterday)
        for name, kind in kinds.items()
    }
    never = [_never(name, one) for name, one in zip(NAMES, FORBIDDEN, strict=True)]
    return compile_agreements(
        generation=1,
        floor=replace(floor, never=tuple(never)),
        registry=replace(registry, agencies=agencies),
        purposes=read.purposes.model,
        datasets=read.schemas,
        codes=read.codes.model,
        pacts=[_pact(_agreement(mould, at, read), at) for at, _ in enumerate(PROVIDERS)],
    )


def _pact(agreement: Agreement, at: int) -> Pact:
    starts, ends = _term(at)
    return replace(pact(agreement, Signed.SIGNED, at.to_bytes(32)), starts=starts, ends=ends)


def _never(name: str, one: Forbidden) -> Never:
    dataset = one.dataset.partition("@")[0]
    only: dict[str, Any] = {"to_kind": frozenset(map(AgencyKind, one.to_kinds))}
    if one.field:
        only["field"] = frozenset({f"{dataset}.{one.field}"})
    elif dataset:
        only["dataset"] = frozenset({dataset})
    return Never(name, "2.1", Selectors(**only), onward=False)


def _agreement(mould: Agreement, at: int, read: Folder) -> Agreement:
    kinds = {PROVIDERS[at]: AgencyKind.EMS} | RECIPIENTS
    parties = {name: Party(name, name, kind, "bench@ems.example") for name, kind in kinds.items()}
    one = mould.provisions[0]
    fields = read.datasets[str(DATASET)].model.fields
    made = [
        replace(
            one,
            id=f"P{number}-bench",
            clause=f"4.{number}",
            flow=Flow(PROVIDERS[at], to, DATASET, (purpose,)),
            release=dict.fromkeys(RELEASED, Pass()),
            withhold=tuple(name for name in fields if name not in RELEASED),
            when=(RoleCondition(frozenset(ROLES)),),
        )
        for number, (to, purpose) in enumerate((to, p) for to in RECIPIENTS for p in PURPOSES)
    ]
    return replace(mould, id=f"bench-{at:02}", parties=parties, never=(), provisions=tuple(made))


def request_of(case: Case) -> tuple[Request, dt.datetime]:
    """Return a request as Accord has it, and its instant."""
    caller = Caller(case.recipient, bytes(32), "person-1", frozenset({case.role}))
    terms = Terms(case.provider, case.recipient, DATASET, case.purpose, case.fields)
    return Request("", terms, caller), dt.datetime.fromtimestamp(case.now, UTC)
