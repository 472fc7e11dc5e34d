"""An accounting on paper, and for programs: each line with the proof that the log has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.audit.accounting import Audience

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.lint.folder import Folder
    from gateway.audit.accounting import Disclosure
    from gateway.cli.accounting.accounts import Answer, Proved, Question

_ERASED = "erased"
PRESUMED = "presumed: it is not known that it arrived"


def as_text(asked: Question, answer: Answer, proofs: Mapping[int, Proved], officers: Folder) -> str:
    """Return an accounting in words, a paragraph a line."""
    lines = [
        f"Disclosures from {asked.first} to {asked.last}, for the {asked.audience}",
        "",
    ]
    for one in answer.accounting.lines:
        lines += [*_paragraph(one, officers), ""]
    count = len(answer.accounting.lines)
    lines.append(f"{count} lines, each proved by a signed checkpoint" if proofs else "no lines")
    return "\n".join(lines) + "\n"


def _paragraph(one: Disclosure, officers: Folder) -> Iterator[str]:
    facts, event = one.event.facts, one.event
    yield f"{one.date}  {_agency(facts.get('recipient'), officers)}"
    if one.count > 1:
        yield f"    repeated  {one.count} times alike, the last on {one.last}"
    yield f"    from      {_agency(facts.get('provider'), officers)}"
    yield f"    what      {_fields(one)}"
    yield f"    purpose   {_purpose(facts.get('purpose'), officers)}"
    yield f"    basis     {_basis(one)}"
    yield f"    clause    {_clause(one)}"
    yield f"    entry     {event.index} of the log, exchange {event.leaf.exchange_id}"
    if one.presumed:
        yield f"    {PRESUMED}"
    if one.withheld is not None:
        yield f"    withheld  from the person until {one.withheld}"


def _agency(agency: str | None, officers: Folder) -> str:
    """Return an agency by name and address, as the registry at hand has them."""
    if agency is None:
        return _ERASED
    found = officers.registry.model.agencies.get(agency)
    if found is None:
        return agency
    return f"{found.name}, {found.address}" if found.address else found.name


def _fields(one: Disclosure) -> str:
    """Return what left: fields by name, and what was done to those that are not whole."""
    facts = one.event.facts
    if not facts:
        return _ERASED
    said = []
    for name, mask in facts["released"]:
        words, done = name.replace("_", " "), mask.partition(" ")[0]
        said.append(words if done == "pass" else f"{words} ({done})")
    return f"{facts['dataset']}: {', '.join(said)}"


def _purpose(purpose: str | None, officers: Folder) -> str:
    if purpose is None:
        return _ERASED
    leaf = officers.purposes.model.leaves.get(purpose)
    return f"{leaf.label} ({purpose})" if leaf is not None else purpose


def _basis(one: Disclosure) -> str:
    facts = one.event.facts
    if not facts:
        return _ERASED
    basis, ref = str(facts["basis"]).replace("_", " "), facts["basis_ref"]
    return f"{basis} ({ref})" if ref else basis


def _clause(one: Disclosure) -> str:
    facts, agreement = one.event.facts, one.event.leaf.agreement
    if not facts:
        return f"of {agreement}"
    return f"{', '.join(facts['clauses'])} of {agreement}, {facts['provision']}"


def as_json(asked: Question, answer: Answer, proofs: Mapping[int, Proved], officers: Folder) -> str:
    """Return an accounting as JSON, with leaf and tlog-proof of each line.

    How many lines are withheld is in an auditor's alone.
    """
    value: dict[str, object] = {
        "from": str(asked.first),
        "to": str(asked.last),
        "for": str(asked.audience),
        "lines": [_line(one, proofs, officers) for one in answer.accounting.lines],
    }
    if asked.audience is Audience.AUDITOR:
        value |= {"withheld": answer.accounting.withheld, "looked_up": answer.looked_up}
    return json.dumps(value, sort_keys=True, indent=1) + "\n"


def _line(one: Disclosure, proofs: Mapping[int, Proved], officers: Folder) -> dict[str, object]:
    facts, event = one.event.facts, one.event
    line: dict[str, object] = {
        "date": str(one.date),
        "recipient": facts.get("recipient"),
        "recipient_name": _agency(facts.get("recipient"), officers),
        "provider": facts.get("provider"),
        "dataset": facts.get("dataset"),
        "fields": facts.get("released"),
        "purpose": facts.get("purpose"),
        "basis": facts.get("basis"),
        "basis_ref": facts.get("basis_ref"),
        "agreement": event.leaf.agreement,
        "provision": facts.get("provision"),
        "clauses": facts.get("clauses"),
        "exchange": event.leaf.exchange_id,
        "index": event.index,
        "presumed": one.presumed,
        "count": one.count,
        "last": str(one.last),
        "proof": proofs[event.index].proof,
        "leaf": proofs[event.index].leaf,
    }
    if one.withheld is not None:
        line["withheld_until"] = str(one.withheld)
    return line
