"""Agreements as Cedar 4 policies: who may ask for which fields, and what nobody may.

Each provision is a `permit`, each prohibition a `forbid`, and the registry's agencies are entities.
Cedar then answers what steps 1 to 5 of `decide` answer, for a request about one person's record:
its context holds the instant, provider and recipient, the purpose, the fields that are asked for or
filtered by, the caller's roles, and the purposes that the person consented to or opted out of.

What Cedar is given fails closed. A policy that lacks an attribute is skipped, be it a `forbid`; so
whatever a `forbid` reads, every `permit` reads too, and without it nothing is permitted.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import ConsentCondition, OptOutCondition
from gateway.agreement.index import Signed, attestation, field_meets, is_about, speaks_of_fields
from gateway.review.export.made import Export, Part, lost
from gateway.review.grouped import by_provision
from gateway.values import FieldType, Shape

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from gateway.agreement.dataset import Dataset
    from gateway.agreement.index import Agreements, FlowRule, Pact, Rule
    from gateway.agreement.model import Selectors

POLICIES: Final = "accord.cedar"
ENTITIES: Final = "entities.json"
SCHEMA: Final = "accord.cedarschema"
ACTION: Final = {Shape.RECORD: "receive_records", Shape.AGGREGATE: "receive_table"}
CARRIED: Final = frozenset({Part.ROLES, Part.CONSENT, Part.NEVER})

_SCHEMA: Final = """\
namespace Accord {
  entity Agency = { "kind": String, "attested_from": datetime, "attested_until": datetime };
  entity Dataset;
  action "receive_records", "receive_table" appliesTo {
    principal: Agency,
    resource: Dataset,
    context: {
      "now": datetime,
      "provider": Agency,
      "recipient": Agency,
      "purpose": String,
      "fields": Set<String>,
      "filters": Set<String>,
      "roles": Set<String>,
      "consents": Set<String>,
      "opt_outs": Set<String>,
    },
  };
}
"""


def cedar(agreements: Agreements) -> Export:
    """Return policies, entities and schema; what is not signed permits nothing."""
    permits = [_permit(several) for several in _provisions(agreements)]
    forbids = [_forbid(agreements, rule) for rule in agreements.rules]
    forbids += [*_unnamed(agreements), *_ambiguous(agreements)]
    policies = "\n".join([_HEAD, *permits, *forbids])
    files = {POLICIES: policies, ENTITIES: _entities(agreements), SCHEMA: _SCHEMA}
    said = f"{len(permits)} permits, {len(forbids)} forbids"
    return Export(files, said, lost(agreements, CARRIED))


_HEAD: Final = """\
// Written from the agreements: change those, and export again.
// A request is about the record of one person: `consents` and `opt_outs` are that person's.
// It is permitted to leave where Cedar allows it, and only in the form that the agreement says.
"""


# --- permits ---


def _provisions(agreements: Agreements) -> Iterator[tuple[FlowRule, ...]]:
    """Yield the flows of each provision that can permit."""
    for several in by_provision(agreements):
        leaves = [one for one in several if one.purpose in agreements.purposes.leaves]
        if leaves and _permits(leaves[0]):
            yield tuple(leaves)


def _permits(rule: FlowRule) -> bool:
    return rule.pact.signed is Signed.SIGNED and rule.provision.delivery.mode == "pull"


def _permit(several: tuple[FlowRule, ...]) -> str:
    rule = several[0]
    provision, agreement = rule.provision, rule.pact.agreement
    lines = [
        _note("id", provision.id),
        _note("agreement", agreement.ref),
        _note("clause", provision.clause),
        "permit (",
        f"  principal == {_agency(rule.recipient.id)},",
        f"  action == {_action(provision.delivery.shape)},",
        f"  resource == {_dataset(rule.dataset)}",
        ")",
    ]
    conditions = [
        *_parties(rule),
        *_in_force(rule),
        f"{_set(one.purpose for one in several)}.contains(context.purpose)",
        *_fields(rule),
        *_people(rule),
    ]
    return "\n".join([*lines, _when(conditions)])


def _parties(rule: FlowRule) -> Iterator[str]:
    yield "context.recipient == principal"
    yield f"context.provider == {_agency(rule.provider.id)}"
    # What prohibitions read is read here too: see the module's words on failing closed.
    yield f"principal.kind == {_text(rule.recipient.kind)}"
    yield f"context.provider.kind == {_text(rule.provider.kind)}"


def _in_force(rule: FlowRule) -> Iterator[str]:
    yield from _in_term(rule.pact)
    for who in ("principal", "context.provider"):
        yield f"{who}.attested_from <= context.now"
        yield f"context.now < {who}.attested_until"
    if rule.determined_until is not None:
        yield f"context.now < {_instant(rule.determined_until)}"


def _in_term(pact: Pact) -> Iterator[str]:
    yield f"{_instant(pact.starts)} <= context.now"
    yield f"context.now < {_instant(pact.ends)}"


def _fields(rule: FlowRule) -> Iterator[str]:
    yield "!context.fields.isEmpty()"
    yield f"{_set(rule.provision.release)}.containsAll(context.fields)"
    table = rule.provision.aggregate
    filters: Iterable[str] = {
        name
        for name in rule.passes
        if not (
            rule.dataset.fields[name].free_text or rule.dataset.fields[name].type is FieldType.LIST
        )
    }
    if table is not None:
        counted = {measure.field for measure in table.measures if measure.field}
        yield f"context.fields.containsAll({_set(table.dimensions)})"
        yield f"context.fields.containsAny({_set(counted)})"
        filters = {rule.dataset.event_date or ""} & set(table.dimensions)
    # The schema gives an empty set no type, so that it has a spelling of its own.
    yield (
        f"{_set(filters)}.containsAll(context.filters)" if filters else "context.filters.isEmpty()"
    )


def _people(rule: FlowRule) -> Iterator[str]:
    for roles in rule.roles:
        yield f"{_set(roles)}.containsAny(context.roles)"
    for one in rule.provision.when:
        if isinstance(one, ConsentCondition):
            yield f"context.consents.contains({_text(one.purpose)})"
        elif isinstance(one, OptOutCondition):
            yield f"!context.opt_outs.contains({_text(one.purpose)})"


# --- forbids ---


def _forbid(agreements: Agreements, rule: Rule) -> str:
    when = rule.never.when
    conditions: list[str] = []
    if when.from_kind:
        conditions.append(f"{_set(when.from_kind)}.contains(context.provider.kind)")
    if when.to_kind:
        conditions.append(f"{_set(when.to_kind)}.contains(principal.kind)")
    if when.shape:
        actions = " || ".join(f"action == {_action(shape)}" for shape in sorted(when.shape))
        conditions.append(f"({actions})")
    if when.purpose:
        conditions.append(f"({' || '.join(_under(branch) for branch in sorted(when.purpose))})")
    if when.dataset or when.regime or speaks_of_fields(when):
        conditions.append(_what(agreements, when))
    lines = [
        _note("id", rule.never.id),
        _note("agreement", rule.source),
        _note("clause", rule.never.clause),
        "forbid (principal, action, resource)",
    ]
    return "\n".join([*lines, _when(conditions)])


def _under(branch: str) -> str:
    """Return that the purpose is the branch or stands below it."""
    return f'context.purpose == {_text(branch)} || context.purpose like "{branch}.*"'


def _what(agreements: Agreements, when: Selectors) -> str:
    """Return that dataset and fields are among those that are selected, each by its name."""
    found = []
    for _, dataset in sorted(agreements.datasets.items()):
        if when.dataset and dataset.id.name not in when.dataset:
            continue
        if when.regime and not when.regime & dataset.regime:
            continue
        here = f"resource == {_dataset(dataset)}"
        if speaks_of_fields(when):
            names = [
                name for name, field in dataset.fields.items() if field_meets(when, dataset, field)
            ]
            if not names:
                continue
            here = f"({here} && {_asks_for(names)})"
        found.append(here)
    return f"({' || '.join(found)})" if found else "false"


def _unnamed(agreements: Agreements) -> Iterator[str]:
    """Yield a `forbid` for what is barred of one flow and no prohibition names.

    What a floor that rose bars, and every field beside one that is forbidden and chooses the rows.
    """
    named = {(rule.source, rule.never.id) for rule in agreements.rules}
    for several in by_provision(agreements):
        # A push is refused by a prohibition before it is said that nobody fetches it.
        for one in several if several[0].pact.signed is Signed.SIGNED else ():
            fields: dict[str, list[str]] = {}
            rules: dict[str, Rule] = {}
            for name, rule in one.barred.items():
                own = is_about(rule.never.when, one.dataset, one.dataset.fields[name])
                if not own or (rule.source, rule.never.id) not in named:
                    rules[rule.never.id] = rule
                    fields.setdefault(rule.never.id, []).append(name)
            for never, names in fields.items():
                conditions = [*_of_flow(one), *_in_term(one.pact), _asks_for(names)]
                yield _scoped(
                    one, never, rules[never].source, rules[never].never.clause, conditions
                )


def _of_flow(rule: FlowRule) -> Iterator[str]:
    yield f"context.provider == {_agency(rule.provider.id)}"
    yield f"context.purpose == {_text(rule.purpose)}"


def _asks_for(names: Iterable[str]) -> str:
    several = _set(names)
    asked = f"context.fields.containsAny({several})"
    return f"({asked} || context.filters.containsAny({several}))"


def _scoped(rule: FlowRule, name: str, source: str, clause: str, conditions: list[str]) -> str:
    """Return a `forbid` about one recipient and dataset."""
    scope = (
        f"principal == {_agency(rule.recipient.id)}, action, resource == {_dataset(rule.dataset)}"
    )
    lines = [
        _note("id", name),
        _note("agreement", source),
        _note("clause", clause),
        f"forbid ({scope})",
    ]
    return "\n".join([*lines, _when(conditions)])


def _ambiguous(agreements: Agreements) -> Iterator[str]:
    """Yield a `forbid` for each flow that two provisions are of, while both are in force."""
    for _, rules in sorted(agreements.flows.items()):
        signed = [rule for rule in rules if rule.pact.signed is Signed.SIGNED]
        for one, other in itertools.combinations(signed, 2):
            conditions = [*_of_flow(one), *_in_term(one.pact), *_in_term(other.pact)]
            name = f"{one.provision.id} and {other.provision.id}"
            source = f"{one.pact.agreement.ref} and {other.pact.agreement.ref}"
            clause = f"{one.provision.clause} and {other.provision.clause}"
            yield _scoped(one, name, source, clause, conditions)


# --- entities and words ---


def _entities(agreements: Agreements) -> str:
    made = []
    for agency in agreements.registry.agencies.values():
        stands = attestation(agency)
        attributes = {
            "kind": agency.kind.value,
            "attested_from": {"__extn": {"fn": "datetime", "arg": spelled(stands.starts)}},
            "attested_until": {"__extn": {"fn": "datetime", "arg": spelled(stands.ends)}},
        }
        uid = {"type": "Accord::Agency", "id": agency.id}
        made.append({"uid": uid, "attrs": attributes, "parents": []})
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def spelled(moment: dt.datetime) -> str:
    """Return an instant as Cedar reads it: UTC, whole milliseconds, those begun left out."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(moment: dt.datetime) -> str:
    return f"datetime({_text(spelled(moment))})"


def _note(name: str, value: str) -> str:
    return f"@{name}({_text(value)})"


def _when(conditions: Iterable[str]) -> str:
    return "when {\n  " + " &&\n  ".join(conditions) + "\n};\n"


def _text(text: str) -> str:
    r"""Return a Cedar string: only `\` and `"` mean something in it; files hold no controls."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _set(texts: Iterable[str]) -> str:
    return "[" + ", ".join(_text(text) for text in sorted(set(texts))) + "]"


def _agency(name: str) -> str:
    return f"Accord::Agency::{_text(name)}"


def _dataset(dataset: Dataset) -> str:
    return f"Accord::Dataset::{_text(str(dataset.id))}"


def _action(shape: Shape) -> str:
    return f"Accord::Action::{_text(ACTION[shape])}"
