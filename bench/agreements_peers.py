"""`python bench/agreements_peers.py`: three policy engines, in an interpreter that has them.

Reads rules, prohibitions and requests as JSON on standard input, states them in each engine's own
language, times every decision, and prints one JSON line: of each engine its version, its answers in
the order of the requests and the microseconds of each. It imports nothing of Accord: the
environment has the peers only.

Each engine is taken as whoever knows it well would take it. Policies are parsed, requests written
and entities loaded before the clock runs; Cedar gets only what its rules read; the expressions of
CEL, which has no policies, stand behind an index by flow, prohibitions folded into them; Casbin is
asked through its own matcher, with functions for what it cannot say.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Given = dict[str, Any]
FLOW = ("provider", "recipient", "dataset", "purpose")


def timed(decide: Callable[[Any], bool], asked: Iterable[Any], rounds: int) -> tuple[Any, Any]:
    """Return the answers, and of each request the least microseconds of all rounds."""
    requests = list(asked)
    answers = [decide(one) for one in requests]
    spent = [10**12] * len(requests)
    clock = time.perf_counter_ns
    for _ in range(rounds):
        for at, one in enumerate(requests):
            started = clock()
            decide(one)
            spent[at] = min(spent[at], clock() - started)
    return answers, [one / 1000 for one in spent]


# --- Cedar ---


def with_cedar(given: Given) -> tuple[Any, Any]:
    """Return Cedar's answers: a permit for each provision, a forbid for each prohibition."""
    import cedarpy  # noqa: PLC0415 - may be absent

    policies = [_permit(one) for one in given["rules"]]
    policies += [_forbid(one) for one in given["forbidden"]]
    held = cedarpy.PolicySet.from_str("\n".join(policies))
    nobody = cedarpy.Entities.from_json_str("[]")
    allow = cedarpy.Decision.Allow

    def decide(one: Given) -> bool:
        return bool(cedarpy.is_authorized(one, held, nobody).decision == allow)

    asked = [
        {
            "principal": f'Agency::"{one["recipient"]}"',
            "action": f'Action::"{one["purpose"]}"',
            "resource": f'Dataset::"{one["provider"]}/{one["dataset"]}"',
            "context": {key: one[key] for key in ("dataset", "fields", "now", "role", "to_kind")},
        }
        for one in given["cases"]
    ]
    return timed(decide, asked, given["rounds"])


def _permit(one: Given) -> str:
    return (
        f'permit(principal == Agency::"{one["recipient"]}", action == Action::"{one["purpose"]}", '
        f'resource == Dataset::"{one["provider"]}/{one["dataset"]}") when {{ '
        f"context.now >= {one['starts']} && context.now < {one['ends']} && "
        f"{json.dumps(one['roles'])}.contains(context.role) && "
        f"{json.dumps(one['fields'])}.containsAll(context.fields) }};"
    )


def _forbid(one: Given) -> str:
    said = [f"{json.dumps(one['to_kinds'])}.contains(context.to_kind)"]
    said += [f'context.dataset == "{one["dataset"]}"'] if one["dataset"] else []
    said += [f'context.fields.contains("{one["field"]}")'] if one["field"] else []
    return f"forbid(principal, action, resource) when {{ {' && '.join(said)} }};"


# --- Casbin ---

MODEL = """
[request_definition]
r = provider, recipient, dataset, purpose, role, fields, now, to_kind
[policy_definition]
p = provider, recipient, dataset, purpose, roles, fields, starts, ends, to_kinds, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = same(r.purpose, p.purpose) && same(r.provider, p.provider) && same(r.recipient, p.recipient) \
&& same(r.dataset, p.dataset) && term(r.now, p.starts, p.ends) && listed(r.role, p.roles) \
&& listed(r.to_kind, p.to_kinds) && spoken(r.fields, p.fields, p.eft)
"""


def with_casbin(given: Given) -> tuple[Any, Any]:
    """Return Casbin's answers: a line for each provision and prohibition."""
    import casbin  # noqa: PLC0415 - may be absent

    model = casbin.Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_function("same", lambda asked, held: held in ("*", asked))
    enforcer.add_function("term", lambda now, starts, ends: starts == "*" or starts <= now < ends)
    enforcer.add_function("listed", lambda asked, held: held == "*" or asked in held.split("|"))
    enforcer.add_function("spoken", _spoken)
    for one in given["rules"]:
        lists = ("|".join(one["roles"]), "|".join(one["fields"]))
        term = (f"{one['starts']:012}", f"{one['ends']:012}")
        enforcer.add_policy(*(one[key] for key in FLOW), *lists, *term, "*", "allow")
    for one in given["forbidden"]:
        dataset, field = one["dataset"] or "*", one["field"] or "*"
        kinds = "|".join(one["to_kinds"])
        enforcer.add_policy("*", "*", dataset, "*", "*", field, "*", "*", kinds, "deny")
    asked = [
        (*(one[key] for key in FLOW), one["role"], one["fields"], f"{one['now']:012}",
         one["to_kind"])
        for one in given["cases"]
    ]  # fmt: skip
    return timed(lambda one: bool(enforcer.enforce(*one)), asked, given["slow_rounds"])


def _spoken(asked: list[str], held: str, effect: str) -> bool:
    if held == "*":
        return True
    return held in asked if effect == "deny" else set(asked) <= set(held.split("|"))


# --- CEL ---


def with_cel(given: Given) -> tuple[Any, Any]:
    """Return CEL's answers: of each flow one expression, found by its flow."""
    import cel  # noqa: PLC0415 - may be absent

    kinds = {one["recipient"]: one["to_kind"] for one in given["cases"]}
    programs = {
        tuple(one[key] for key in FLOW): cel.compile(_expression(one, kinds, given["forbidden"]))
        for one in given["rules"]
    }

    def decide(one: tuple[tuple[str, ...], Given]) -> bool:
        program = programs.get(one[0])
        return program is not None and program.execute(one[1]) is True

    asked = [
        (tuple(one[key] for key in FLOW), {key: one[key] for key in ("fields", "now", "role")})
        for one in given["cases"]
    ]
    return timed(decide, asked, given["rounds"])


def _expression(one: Given, kinds: dict[str, str], forbidden: list[Given]) -> str:
    meets = [
        rule for rule in forbidden
        if kinds[one["recipient"]] in rule["to_kinds"] and rule["dataset"] in ("", one["dataset"])
    ]  # fmt: skip
    if any(not rule["field"] for rule in meets):
        return "false"
    barred = {rule["field"] for rule in meets}
    fields = [name for name in one["fields"] if name not in barred]
    return (
        f"now >= {one['starts']} && now < {one['ends']} && role in {json.dumps(one['roles'])} && "
        f"fields.all(f, f in {json.dumps(fields)})"
    )


ENGINES: dict[str, tuple[str, Callable[[Given], tuple[Any, Any]]]] = {
    "cedar": ("cedarpy", with_cedar),
    "casbin": ("casbin", with_casbin),
    "cel": ("common-expression-language", with_cel),
}


def main() -> None:
    """Measure each engine that is installed."""
    from importlib.metadata import version  # noqa: PLC0415

    given: Given = json.load(sys.stdin)
    found: Given = {}
    for name, (package, run) in ENGINES.items():
        try:
            answers, micros = run(given)
        except ImportError as error:
            found[name] = {"absent": error.name}
        else:
            found[name] = {"version": version(package), "answers": answers, "us": micros}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
