"""Rules about what allows a flow: does the basis fit parties, law, shape and duties?

Engineering readings of the law; counsel must confirm each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from gateway.agreement.conditions import ConsentCondition
from gateway.agreement.finding import quoted
from gateway.agreement.index import under
from gateway.agreement.lint.rule import (
    AgreementRule,
    Case,
    Fault,
    ProvisionRule,
    agreement_rule,
    provision_rule,
)
from gateway.agreement.strength import tells_nothing
from gateway.masks.plain import Pass
from gateway.values import AgencyKind, FieldClass, Regime, Shape

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement

PART2: Final = frozenset({"part2_consent", "part2_public_health", "part2_qsoa"})
CONSENTED: Final = frozenset({"authorization", "consent", "part2_consent"})
TO_HEALTH: Final = frozenset({"public_health", "part2_public_health"})
DETERMINED: Final = frozenset({"deidentified", "part2_public_health"})
PROMISED: Final = frozenset({"limited_data_set", "deidentified", "part2_public_health"})
ACCOUNTED: Final = frozenset({"public_health", "statute", "research", "part2_qsoa"})
"""Bases under which a provider owes a person an account of what left (45 CFR 164.528)."""


@provision_rule("basis-party-mismatch")
def parties(case: Case) -> Iterator[Fault]:
    """A basis fits what the two agencies are, and what the flow is for."""
    basis, flow, path = case.provision.basis.type, case.provision.flow, case.under("basis", "type")
    to = case.recipient.kind if case.recipient is not None else AgencyKind.PUBLIC_HEALTH
    if basis in TO_HEALTH and to is not AgencyKind.PUBLIC_HEALTH:
        yield path, f"`{basis}`, but the recipient is {to}"
    if case.provider is not None:
        if basis in PART2 and case.provider.part2 == "none":
            yield path, f"`{basis}`, but the provider is no Part 2 program"
        regulated = case.provider.hipaa != "none" or case.provider.part2 != "none"
        if basis == "agency_policy" and regulated:
            yield path, "`agency_policy`, but the provider is under HIPAA or Part 2"
        if case.dataset is not None and case.provider.kind not in case.dataset.provider_kinds:
            yield case.under("flow", "from"), f"{case.provider.kind} does not hold this dataset"
    for branch in ("treatment", "research"):
        tree = "care" if branch == "treatment" else branch
        if basis == branch and not all(under(one, tree) for one in flow.purposes):
            yield path, f"`{basis}`, but a purpose does not stand under `{tree}`"


@provision_rule("basis-shape-mismatch")
def shape(case: Case) -> Iterator[Fault]:
    """A limited data set has no identifiers and no contact; a determination has its document."""
    provision, basis = case.provision, case.provision.basis
    path = case.under("basis", "type")
    if basis.type == "limited_data_set":
        if basis.profile != "lds":
            yield case.under("basis", "profile"), "a limited data set has the profile `lds`"
        if provision.duties.contact != "forbid":
            yield case.under("duties", "contact"), "a limited data set permits no contact"
        for field, mask in case.released():
            if field.field_class is FieldClass.DIRECT_IDENTIFIER and isinstance(mask, Pass):
                place = case.under("release", field.name)
                yield place, f"`{field.name}` identifies, and a limited data set holds none such"
    if basis.profile == "lds" and basis.type != "limited_data_set":
        yield path, "the profile `lds` needs the basis `limited_data_set`"
    if basis.type == "deidentified" and basis.profile not in ("safe_harbor", "expert"):
        yield case.under("basis", "profile"), "`deidentified` is by `safe_harbor` or by `expert`"
    if (basis.type == "part2_public_health") != (basis.profile == "part2_public_health"):
        yield path, "`part2_public_health` is basis and profile at once, or neither"


@provision_rule("basis-regime-mismatch")
def regime(case: Case) -> Iterator[Fault]:
    """Part 2 records leave only on a basis of Part 2 (42 CFR 2.12)."""
    basis = case.provision.basis
    if case.dataset is None:
        return
    if Regime.PART2 in case.dataset.regime and basis.type not in PART2:
        yield case.under("basis", "type"), f"the dataset is under Part 2, `{basis.type}` is not"


@agreement_rule("deid-expired")
def determination(_folder: Folder, read: Read[Agreement], now: dt.datetime) -> Iterator[Fault]:
    """A determination is there where one is claimed, and in date (45 CFR 164.514(b)(1))."""
    today = now.astimezone(ZoneInfo(read.model.term.timezone)).date()
    for place, provision in enumerate(read.model.provisions):
        basis, path = provision.basis, ("provisions", place, "basis")
        claimed = basis.type in DETERMINED or basis.profile == "expert"
        if basis.deid is None:
            if claimed:
                yield path, f"{provision.id}: no `deid` block (clause {provision.clause})"
        elif basis.deid.expires < today:
            message = f"{provision.id}: the determination is out of date"
            yield (*path, "deid", "expires"), f"{message} (45 CFR 164.514(b)(1))"


@provision_rule("consent-condition-missing")
def consent(case: Case) -> Iterator[Fault]:
    """Where consent allows the flow, it is asked for at each sending: revocation stops the next."""
    provision = case.provision
    if provision.basis.type not in CONSENTED:
        return
    asked = {one.purpose for one in provision.when if isinstance(one, ConsentCondition)}
    for purpose in provision.flow.purposes:
        if purpose not in asked:
            message = f"`{provision.basis.type}` without a consent condition for {quoted(purpose)}"
            yield case.under("when"), message


@provision_rule("part2-notice-missing")
def part2_notice(case: Case) -> Iterator[Fault]:
    """Consented Part 2 records travel with their notice (42 CFR 2.32)."""
    if case.provision.basis.type == "part2_consent" and case.provision.duties.notice is None:
        yield case.under("duties", "notice"), "`part2_consent` needs a notice that travels along"


@provision_rule("notice-unknown")
def notice(case: Case) -> Iterator[Fault]:
    """A notice that travels along is in the folder."""
    named = case.provision.duties.notice
    if named is not None and named not in case.folder.notices:
        yield case.under("duties", "notice"), f"there is no notices/{named}.md"


@provision_rule("accounting-off")
def accounting(case: Case) -> Iterator[Fault]:
    """Who lets identifiers leave accounts for it (45 CFR 164.528, 42 CFR 2.25)."""
    provision, dataset = case.provision, case.dataset
    if provision.duties.accounting == "required":
        if (
            dataset is not None
            and not dataset.subjects
            and provision.delivery.shape is Shape.RECORD
        ):
            path = case.under("duties", "accounting")
            yield path, "the dataset names no subjects to account to"
        return
    if dataset is None or provision.delivery.shape is not Shape.RECORD or not dataset.subjects:
        return
    direct = [
        (field, mask)
        for field, mask in case.released()
        if field.field_class is FieldClass.DIRECT_IDENTIFIER
    ]
    named = any(isinstance(mask, Pass) for _, mask in direct)
    linked = any(not tells_nothing(mask) for _, mask in direct)
    path = case.under("duties", "accounting")
    if provision.duties.accounting == "none" and named:
        yield path, "`none`, but fields that identify a person leave"
    elif linked and provision.basis.type in ACCOUNTED and Regime.NONE not in dataset.regime:
        yield path, f"identifiers leave under `{provision.basis.type}`, which owes an account"


@provision_rule("reidentify-not-forbidden")
def reidentify(case: Case) -> Iterator[Fault]:
    """Limited and de-identified data come with a promise (45 CFR 164.514(e)(4))."""
    basis, duties = case.provision.basis, case.provision.duties
    promised = basis.type in PROMISED or basis.profile in ("lds", "safe_harbor", "expert")
    if promised and duties.reidentify != "forbid":
        yield case.under("duties", "reidentify"), "the recipient must promise not to re-identify"


RULES: tuple[ProvisionRule, ...] = (
    parties,
    shape,
    regime,
    consent,
    part2_notice,
    notice,
    accounting,
    reidentify,
)
AGREEMENT_RULES: tuple[AgreementRule, ...] = (determination,)
