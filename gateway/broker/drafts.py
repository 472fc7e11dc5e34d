"""What each entry of an exchange says: names, counts, digests, never a value. Pure."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import TYPE_CHECKING

from gateway.agreement.budget import amount_text
from gateway.audit.entry import Draft
from gateway.broker.headers import noise_of
from gateway.values import canonical_json

if TYPE_CHECKING:
    from gateway.agreement.budget import Draw
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.agreement.spans import Duration
    from gateway.decide import Refusal
    from gateway.plan.ops import Plan
    from gateway.ports import Ready
    from gateway.values import Form, Request

MONTHS = 12
YEAR_S = 365 * 86_400
RETAIN_MAX = 99
RETAIN_MIN = 3
FACTS_KEPT = 1024


def b64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def request_digest(request: Request) -> bytes:
    """Return SHA-256 over terms and form: what a repeat of a request must be equal in."""
    terms = request.terms
    where = [
        [one.field, one.op.value, [[type(v).__name__, str(v)] for v in one.values]]
        for one in terms.where
    ]
    text = canonical_json(
        [
            terms.provider,
            terms.recipient,
            str(terms.dataset),
            terms.purpose,
            list(terms.fields),
            where,
            request.form.value,
        ]
    )
    return hashlib.sha256(text).digest()


def retention(agreements: Agreements, rule: FlowRule) -> str:
    """Return the retention class: the longer of agreement and floor, in whole years."""
    asked = (rule.pact.agreement.log.retain, agreements.floor.at_least.log_retain)
    return f"{min(max(map(_years, asked)), RETAIN_MAX)}y"


def _years(span: Duration) -> int:
    # Rounded up: a class may keep a payload longer than asked, never shorter.
    months = span.months + (-(-span.seconds * MONTHS // YEAR_S))
    return max(-(-months // MONTHS), RETAIN_MIN)


class Drafts:
    """Writes the drafts of exchanges; what a plan always says is written once and kept.

    Args:
        build: Version of the program.
        replica: Name of this gateway.
    """

    def __init__(self, build: str, replica: str) -> None:
        self._build = build
        self._replica = replica
        self._kept: dict[bytes, dict[str, object]] = {}
        self._generation = -1

    def intent(
        self,
        agreements: Agreements,
        request: Request,
        plan: Plan,
        exchange_id: str,
        digest: bytes,
    ) -> Draft:
        """Return the `intent`: what was granted, by which rule, and what will be read."""
        if agreements.generation != self._generation:
            self._kept.clear()
            self._generation = agreements.generation
        facts = self._kept.get(plan.static)
        if facts is None:
            if len(self._kept) >= FACTS_KEPT:
                self._kept.clear()
            facts = self._kept[plan.static] = self._facts(agreements, plan)
        meta = facts | {
            "caller_agency": request.caller.agency,
            "caller_person": request.caller.person or None,
            "caller_role": ",".join(sorted(request.caller.roles)) or None,
            "certificate": b64(request.caller.thumbprint),
            "filter": _template(request),
            "plan": b64(plan.digest),
            "request": b64(digest),
            "resumes": request.resume.exchange_id if request.resume else None,
        }
        retain = retention(agreements, plan.rule)
        return Draft("intent", exchange_id, 0, plan.rule.pact.agreement.ref, retain, meta)

    def _facts(self, agreements: Agreements, plan: Plan) -> dict[str, object]:
        rule = plan.rule
        provision, agreement = rule.provision, rule.pact.agreement
        duties = provision.duties
        group, noise = plan.group, noise_of(plan)
        return {
            "provider": rule.provider.id,
            "recipient": rule.recipient.id,
            "dataset": str(rule.dataset.id),
            "purpose": rule.purpose,
            "basis": provision.basis.type,
            "basis_ref": "; ".join(provision.basis.cite) or None,
            "agreement_sha256": b64(rule.pact.digest),
            "floor_sha256": b64(agreements.floor.digest),
            "provision": provision.id,
            "clauses": [provision.clause],
            "released": [[one.name, one.mask.text] for one in plan.columns],
            "withheld": list(provision.withhold),
            "aggregation": ",".join(group.dimensions) if group else None,
            "min_cell": plan.suppress.min_cell if plan.suppress and not noise else None,
            "duties": [one.kind for one in plan.attach.duties],
            "notices": [duties.notice] if duties.notice else [],
            "build": self._build,
            "replica": self._replica,
            "compelled": agreement.compelled.route,
        }

    def refusal(
        self,
        agreements: Agreements,
        request: Request,
        refusal: Refusal,
        exchange_id: str,
        digest: bytes,
    ) -> Draft:
        """Return the `refusal`: the same facts as far as they are known words, and the reason.

        What a caller wrote and no file knows (an agency, a dataset, a purpose) may be anybody's
        words: it is left out.
        """
        terms, caller = request.terms, request.caller
        known = agreements.registry.agencies
        dataset = str(terms.dataset)
        fields = agreements.datasets[dataset].fields if dataset in agreements.datasets else {}
        narrows = all(one.field in fields for one in terms.where)
        meta: dict[str, object] = {
            "provider": terms.provider if terms.provider in known else None,
            "recipient": terms.recipient if terms.recipient in known else None,
            "caller_agency": caller.agency,
            "caller_person": caller.person or None,
            "caller_role": ",".join(sorted(caller.roles)) or None,
            "certificate": b64(caller.thumbprint),
            "dataset": dataset if dataset in agreements.datasets else None,
            "purpose": terms.purpose if terms.purpose in agreements.purposes.leaves else None,
            "basis": None,
            "basis_ref": None,
            "agreement_sha256": b64(refusal.digest) if refusal.digest else None,
            "floor_sha256": b64(agreements.floor.digest),
            "provision": refusal.provision or None,
            "clauses": None,
            "plan": None,
            "released": None,
            "withheld": None,
            "filter": _template(request) if narrows else None,
            "aggregation": None,
            "min_cell": None,
            "duties": None,
            "notices": None,
            "request": b64(digest),
            "resumes": request.resume.exchange_id if request.resume else None,
            "build": self._build,
            "replica": self._replica,
            "reason": refusal.reason.value,
            "step": refusal.step,
            "clause": refusal.clause or None,
            "compelled": refusal.compelled or None,
        }
        agreement = refusal.agreement if "@" in refusal.agreement else None
        years = _years(agreements.floor.at_least.log_retain)
        return Draft("refusal", exchange_id, 0, agreement, f"{years}y", meta)


def noised(release: Draft, plan: Plan, draws: tuple[Draw, ...], drawn_by: str) -> Draft:
    """Return a `release` with what is to be said of its noise; that of exact numbers as it is.

    Said are the figures, the unit, and what was drawn for this release alone: whoever adds that up
    over the log has what was spent of a source.

    Args:
        release: The `release` as it is without.
        plan: Its plan.
        draws: The draws that it tells of.
        drawn_by: Exchange id of the first attempt, under which it drew; empty where it drew none.
    """
    note = noise_of(plan)
    if note is None or plan.group is None:
        return release
    drawn = sum(one.rho for one in draws if one.by == drawn_by)
    figures = [note.mechanism, note.rho, note.scale, note.bound]
    said = [*figures, plan.group.unit, amount_text(drawn)]
    return dataclasses.replace(release, meta={**release.meta, "noise": said})


def _template(request: Request) -> str | None:
    """Return which fields are narrowed and how, never to what."""
    where = request.terms.where
    return " and ".join(f"{one.field} {one.op.value}" for one in where) or None


def release(intent: Draft, number: int, ready: Ready, form: Form, stream: bytes) -> Draft:
    """Return the `release` of one chunk.

    Of records it says how well people are hidden in all of them; of a table, the rung that it is
    behind.
    """
    chunk, crowd, alike = ready.chunk, ready.crowd, ready.likeness
    meta: dict[str, object] = {
        "bytes": ready.size,
        "channel": "call",
        "chunk": number,
        "digest": b64(chunk.digest),
        "form": form.value,
        "rows": chunk.row_count,
        "stream": b64(stream),
    }
    if crowd is not None:
        meta["crowd"] = [crowd.people, crowd.rows, crowd.held]
    if alike is not None:
        figure = [alike.smallest, alike.alone, alike.rows, alike.counted, alike.one_in]
        meta["likeness"] = figure
    if ready.rung:
        meta["rung"] = ready.rung
    return Draft(
        "release", intent.exchange_id, number, intent.agreement, intent.retain, meta, ready.tokens
    )
