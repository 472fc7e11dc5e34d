"""What a profile claims, and what contradicts it. A profile can only take away.

A provision says which law its release claims to satisfy, and the loader holds it to that: what the
profile requires must be in the file, and what it refuses must not be. Each fault names the clause
of the regulation; all of these are engineering readings, and counsel must confirm them. Which masks
a profile takes is `profile_masks`, on which fields is `profile_fields`, both in one answer is
`profile_holds`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import quoted
from gateway.agreement.index import under
from gateway.agreement.lint.profile_holds import NAMED_BY, contradictions, unnamed
from gateway.agreement.lint.profile_masks import EXPERT, SAFE_HARBOR, inner_profile
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.values import AgencyKind, Regime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.model import Deidentified

LDS_PURPOSES: Final = ("public_health", "research", "operations")


@provision_rule("profile-contradicted")
def profile(case: Case) -> Iterator[Fault]:
    """The provision has what its profile requires, and releases nothing that it refuses."""
    claimed = case.provision.basis.profile
    match claimed:
        case "safe_harbor":
            yield from _statement(case)
        case "lds":
            yield from _data_use(case)
        case "part2_public_health":
            yield from _to_health(case)
        case "expert":
            yield from _determined(case)
        case "non_hipaa":
            yield from _unregulated(case)
        case _:  # `identified` claims nothing, and no other word is read
            pass
    basis, dataset = case.provision.basis, case.dataset
    lists = case.folder.codes.model.lists
    if dataset is not None:
        for field, mask in case.released():
            for text, clause in contradictions(basis, dataset, lists, field, mask):
                message = f"`{field.name}`: {_cited(f'`{claimed}` {text}', clause)}"
                yield case.under("release", field.name), message
    yield from _named(case)


def _cited(text: str, clause: str) -> str:
    return f"{text} ({clause}; counsel must confirm)"


# --- what a profile requires ---


def _statement(case: Case) -> Iterator[Fault]:
    deid = case.provision.basis.deid
    if deid is None or deid.method != SAFE_HARBOR:
        text = "`safe_harbor` needs the provider's statement of no actual knowledge, by reference"
        message = f"{text}: `deid` of the method `safe_harbor`"
        yield case.under("basis"), _cited(message, "45 CFR 164.514(b)(2)(ii)")


def _data_use(case: Case) -> Iterator[Fault]:
    # The data use agreement is the signed paper: `document` names it, `clause` its place in it.
    provision = case.provision
    if not all(any(under(one, tree) for tree in LDS_PURPOSES) for one in provision.flow.purposes):
        message = f"`lds` is for purposes under {' or '.join(LDS_PURPOSES)}"
        yield case.under("flow", "purpose"), _cited(message, "45 CFR 164.514(e)(3)(i)")
    promise = "45 CFR 164.514(e)(4)(ii)(C)(5)"
    if provision.duties.reidentify != "forbid":
        message = _cited("`lds` needs the promise not to identify", promise)
        yield case.under("duties", "reidentify"), message
    if provision.duties.contact != "forbid":
        message = _cited("`lds` needs the promise not to contact", promise)
        yield case.under("duties", "contact"), message


def _to_health(case: Case) -> Iterator[Fault]:
    if case.recipient is not None and case.recipient.kind is not AgencyKind.PUBLIC_HEALTH:
        message = f"`part2_public_health`, but the recipient is {case.recipient.kind}"
        yield case.under("flow", "to"), _cited(message, "42 CFR 2.54")
    if case.provision.basis.deid is None:
        message = "`part2_public_health` needs a determination: a `deid` block"
        yield case.under("basis"), _cited(message, "42 CFR 2.54")


def _determined(case: Case) -> Iterator[Fault]:
    deid = case.provision.basis.deid
    if deid is None or deid.method != EXPERT:
        message = "`expert` needs the determination: `deid` of the method `expert`"
        yield case.under("basis"), _cited(message, "45 CFR 164.514(b)(1)")
    elif deid.fields is None:
        message = "`expert` needs the `fields` and the `k` that the determination names"
        yield case.under("basis", "deid"), _cited(message, "45 CFR 164.514(b)(1)(ii)")


def _unregulated(case: Case) -> Iterator[Fault]:
    regime = case.dataset.regime if case.dataset is not None else frozenset()
    for law, name, clause in (
        (Regime.HIPAA, "HIPAA", "45 CFR 164.502(a)"),
        (Regime.PART2, "Part 2", "42 CFR 2.12"),
    ):
        if law in regime:
            message = _cited(f"`non_hipaa`, but {name} follows the data", clause)
            yield case.under("basis", "profile"), message


# --- what a profile refuses ---


def _named(case: Case) -> Iterator[Fault]:
    """Yield each way out of what the determination names: a field, its weakest mask, its k."""
    basis, dataset = case.provision.basis, case.dataset
    deid = basis.deid
    if deid is None or deid.fields is None:
        return
    path = case.under("basis", "deid")
    if inner_profile(basis) != EXPERT:
        yield path, _cited("`fields` and `k` are those of an expert's determination", NAMED_BY)
        return
    if dataset is None:
        return
    for name in deid.fields:
        if name not in dataset.fields:
            yield (*path, "fields", name), f"{quoted(name)} is no field of {dataset.id}"
    for field, mask in case.released():
        if message := unnamed(basis, dataset, field, mask):
            yield case.under("release", field.name), _cited(message, NAMED_BY)
    yield from _crowd(case, deid, NAMED_BY)


def _crowd(case: Case, deid: Deidentified, clause: str) -> Iterator[Fault]:
    """Yield a fault where fewer people stand together than the determination names."""
    provision = case.provision
    if deid.k is None:
        return
    if provision.aggregate is not None:
        held, key = provision.aggregate.disclosure.min_cell, "min_cell"
        path = case.under("aggregate", "disclosure", key)
    else:
        held, key = (provision.anonymity.k if provision.anonymity is not None else 1), "anonymity"
        path = case.under(*((key, "k") if provision.anonymity is not None else ("release",)))
    if held < deid.k:
        message = f"`{key}` holds {held}, and {quoted(deid.ref)} names k = {deid.k}"
        yield path, _cited(message, clause)


RULES: tuple[ProvisionRule, ...] = (profile,)
