"""`accord agreements explain`: what would be decided, from the files alone, step by step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.compiling import compile_agreements
from gateway.agreement.index import Signed, pact
from gateway.broker.explain import explain
from gateway.cli.officers import EXIT_FINDINGS, EXIT_REFUSED, good, instant
from gateway.errors import SettingsError
from gateway.library.statements import digest_in
from gateway.values import Caller, DatasetId, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.index import Agreements, FlowRule
    from gateway.agreement.lint.folder import Folder
    from gateway.broker.explain import Explanation
    from gateway.plan.build import Builder

STEPS: Final = {
    1: "identity",
    2: "agreement",
    3: "never",
    4: "provision",
    5: "conditions",
    6: "limits",
}
"""The steps of a decision that can refuse before a row is read."""


def run_explain(  # noqa: PLR0917 - one argument an option
    folder: str,
    provider: str,
    recipient: str,
    dataset: str,
    purpose: str,
    fields: str,
    roles: Sequence[str],
    now: str,
) -> int:
    """Print what would be decided, as if every signature were there; exit 7 where it refuses.

    Raises:
        SettingsError: An option is wrong.
    """
    moment = instant(now)
    named = DatasetId.parse(dataset)
    if named is None:
        raise SettingsError("`--dataset` is of the form `name@version`, as in ems.overdose_run@1")
    read = good(Path(folder), moment)
    if read is None:
        return EXIT_FINDINGS
    agreements = as_signed(read)
    names = tuple(name.strip() for name in fields.split(",") if name.strip()) or _all(
        agreements, provider, recipient, dataset, purpose
    )
    caller = Caller(recipient, bytes(32), roles=frozenset(roles))
    terms = Terms(provider, recipient, named, purpose, names)
    answer = explain(agreements, _builder(read), Request("", terms, caller), moment)
    _print_explanation(answer)
    if answer.refusal is None:
        return 0
    _print_nearest(agreements, terms, frozenset(roles))
    return EXIT_REFUSED


def as_signed(read: Folder) -> Agreements:
    """Return a folder's agreements, compiled as if every signature were there."""
    return compile_agreements(
        generation=1,
        floor=read.floor.model,
        registry=read.registry.model,
        purposes=read.purposes.model,
        datasets=read.schemas,
        codes=read.codes.model,
        pacts=[pact(one.model, Signed.SIGNED, digest_in(read, one)) for one in read.agreements],
        notices=read.notice_texts,
    )


def _builder(read: Folder) -> Builder:
    """Return a builder with an empty table for each that is named: none is read."""
    # The other verbs that compile a folder build no plan, and do not wait for what carries one out.
    from gateway.plan.build import Builder
    from gateway.review.tables import named_tables

    tables = named_tables(one.model for one in read.agreements)
    return Builder(tables, lambda domain, period: (f"{domain}/{period}", bytes(32)))


def _all(
    agreements: Agreements, provider: str, recipient: str, dataset: str, purpose: str
) -> tuple[str, ...]:
    """Return every released field of the flow; one name that nobody has where there is no flow."""
    for key, rules in agreements.flows.items():
        if tuple(key) == (provider, recipient, dataset, purpose):
            return tuple(rules[0].provision.release)
    known = agreements.datasets.get(dataset)
    return tuple(known.fields) if known else ("any",)


def _print_explanation(answer: Explanation) -> None:
    write = sys.stdout.write
    if answer.refusal is not None:
        no = answer.refusal
        passed = [f"{number} {name}" for number, name in STEPS.items() if number < no.step]
        write(f"passed    {', '.join(passed) or 'nothing'}\n")
        write(f"refused   at step {no.step} {STEPS.get(no.step, '')}: {no.message}\n")
        write(f"  reason    {no.reason}\n")
        if no.clause:
            write(f"  clause    {no.clause}\n")
        if no.provision:
            write(f"  rule      {no.provision} of {no.agreement}\n")
        return
    header = answer.header
    assert header is not None  # noqa: S101 - one of the two is there
    write(f"passed    {', '.join(f'{number} {name}' for number, name in STEPS.items())}\n")
    write(f"permitted by {header.provision} of {header.agreement}, clause {header.clause}\n")
    for column in header.columns:
        if "." not in column.name:
            told = f"{column.field_class.value:18} {column.mask.text}"
            write(f"  leaves    {column.name:28} {told}\n")
    if (noise := header.noise) is not None:
        figures = f"standard deviation {noise.scale}, rho {noise.rho}"
        write(f"  noise     {noise.mechanism}, {figures}, in every cell\n")
    write(f"  reads     {', '.join(answer.reads)}\n")
    write(f"  withheld  {', '.join(answer.withheld)}\n")
    for line in answer.undecided:
        write(f"  hangs on  {line}\n")
    for duty in header.duties:
        text = duty.text.partition("\n")[0]
        write(f"  duty      {duty.kind}: {text}\n")


def _print_nearest(agreements: Agreements, terms: Terms, roles: frozenset[str]) -> None:
    """Print the provision that the request is least unlike, and in what it is unlike."""
    rules = [rule for several in agreements.flows.values() for rule in several]
    if not rules:
        return
    nearest = min(rules, key=lambda rule: (len(_unlike(rule, terms, roles)), rule.ref))
    unlike = _unlike(nearest, terms, roles)
    said = f"is unlike it in: {', '.join(unlike)}" if unlike else "is of this flow"
    sys.stdout.write(f"nearest   {nearest.provision.id} of {nearest.pact.agreement.ref} {said}\n")


def _unlike(rule: FlowRule, terms: Terms, roles: frozenset[str]) -> list[str]:
    same = {
        "provider": rule.provider.id == terms.provider,
        "recipient": rule.recipient.id == terms.recipient,
        "dataset": rule.dataset.id == terms.dataset,
        "purpose": rule.purpose == terms.purpose,
        "fields": rule.provision.release.keys() >= set(terms.fields),
        "role": all(roles & some for some in rule.roles),
    }
    return [name for name, is_same in same.items() if not is_same]
