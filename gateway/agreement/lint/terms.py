"""Rules about an agreement as a whole: its name, version, signatures, term and parties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.canon import bind, bound_digest, digest_text
from gateway.agreement.finding import Level, quoted
from gateway.agreement.lint.rule import AgreementRule, Fault, agreement_rule
from gateway.agreement.signing import STARTS, Action, Verified, verify
from gateway.agreement.spans import Duration, add
from gateway.agreement.strength import longer

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement
    from gateway.agreement.places import Path

DAYS_LEFT: Final = 60
REVIEW_MONTHS: Final = 12
_YEAR: Final = Duration("P1Y", REVIEW_MONTHS, 0)


@agreement_rule("id-filename-mismatch")
def id_filename(_folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """An agreement's id is the name of its file."""
    if read.file != f"{read.model.id}.yaml":
        yield ("id",), f"the id {quoted(read.model.id)} is not the name of the file"


@agreement_rule("version-not-bumped")
def version_bumped(folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """A signature covers one text: whatever it covers changes only with the version."""
    signed = [
        one
        for one in folder.signatures.get(read.model.id, ())
        if one.subject == read.model.ref and one.action is Action.ACTIVATE
    ]
    digest = signed_digest(folder, read) if signed else None
    if digest is None:
        return
    stale = {one.agency for one in signed if one.digest != digest_text(digest)}
    if stale:
        who = ", ".join(sorted(stale))
        yield ("version",), f"{read.model.ref} was signed with other contents by {who}"


def signed_digest(folder: Folder, read: Read[Agreement]) -> bytes | None:
    """Return the digest to sign, or None where what is bound in is not all there."""
    try:
        bound = bind(
            read.model,
            registry=folder.registry.model,
            purposes=folder.purposes.model,
            datasets=folder.schemas,
            codes=folder.codes.model,
            notices=folder.notices,
        )
    except KeyError:
        return None
    return bound_digest(read.document.value, bound)


@agreement_rule("signature-invalid")
def signatures(folder: Folder, read: Read[Agreement], now: dt.datetime) -> Iterator[Fault]:
    """Every signature under this version holds, by a key of that agency that was in its dates.

    When the gateway first saw it only the log can tell: here the signer's time stands for it, so
    that a signature of last year is not refused for a key that was replaced since.
    """
    agencies = folder.registry.model.agencies
    for one in folder.signatures.get(read.model.id, ()):
        if one.subject != read.model.ref or one.action not in STARTS:
            continue
        seen = min(one.time, now)
        answer = verify(one, agencies=agencies, seen=seen)
        if not isinstance(answer, Verified):
            yield ("version",), f"a statement of {quoted(one.agency)}: {answer}"


@agreement_rule("term-open-ended")
def term(folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """A term ends, after it begins, and within the floor's longest."""
    given, longest = read.model.term, folder.floor.model.at_most.term
    if given.expires < given.effective:
        yield ("term", "expires"), "the term ends before it begins"
    elif given.expires >= add(given.effective, longest):
        yield ("term", "expires"), f"the term is longer than {longest.text}, the floor's longest"


@agreement_rule("term-expiring", Level.WARNING)
def expiring(_folder: Folder, read: Read[Agreement], now: dt.datetime) -> Iterator[Fault]:
    """Traffic stops at the end; people need time before it."""
    left = (read.model.term.expires - now.date()).days
    if left < DAYS_LEFT:
        yield ("term", "expires"), f"{max(left, 0)} days are left; traffic stops at the end"


@agreement_rule("review-overdue", Level.SIGNING)
def review(_folder: Folder, read: Read[Agreement], now: dt.datetime) -> Iterator[Fault]:
    """An agreement is reviewed within twelve months of its first day."""
    given = read.model.term
    if given.review_by < now.date():
        yield ("term", "review_by"), "the day of the review has passed"
    elif given.review_by > add(given.effective, _YEAR):
        yield ("term", "review_by"), f"the review is more than {REVIEW_MONTHS} months out"


@agreement_rule("supersedes-broken")
def supersedes(folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """What a version ends is an earlier one of it, or an agreement between parties of its own."""
    target = read.model.supersedes
    if target is None:
        return
    name, version = target.split("@")
    if name == read.model.id:
        if _numbers(version) >= _numbers(read.model.version):
            yield ("supersedes",), f"{target} is not an earlier version"
        return
    ended = next((one.model for one in folder.agreements if one.model.ref == target), None)
    if ended is None:
        yield ("supersedes",), f"{target} is not in the folder"
        return
    # Its prohibitions end with it: whoever relies on them has to sign that.
    own = {party.agency for party in read.model.parties.values()}
    for agency in sorted({party.agency for party in ended.parties.values()} - own):
        yield ("supersedes",), f"{quoted(agency)} is a party to {target} and not to this one"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@agreement_rule("party-undeclared")
def parties(folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """Every alias is a party of the file, every party an agency of the registry."""
    known, agencies = read.model.parties, folder.registry.model.agencies
    seen: dict[str, str] = {}
    for alias, party in known.items():
        if party.agency not in agencies:
            yield ("parties", alias, "agency"), f"{quoted(party.agency)} is not in the registry"
        if party.agency in seen:
            yield ("parties", alias), f"the same agency as `{seen[party.agency]}`"
        seen[party.agency] = alias
    for place, provision in enumerate(read.model.provisions):
        path = ("provisions", place)
        named: list[tuple[Path, str]] = [
            (("flow", "from"), provision.flow.provider),
            (("flow", "to"), provision.flow.recipient),
            *((("duties", "onward"), alias) for alias in provision.duties.onward),
        ]
        if provision.aggregate is not None and provision.aggregate.disclosure.colluding:
            colluding = provision.aggregate.disclosure.colluding
            named += [(("aggregate", "disclosure", "colluding"), one) for one in sorted(colluding)]
        for below, alias in named:
            if alias not in known:
                yield (*path, *below), f"{provision.id}: {quoted(alias)} is no party"
        if provision.flow.provider == provision.flow.recipient:
            yield (*path, "flow"), f"{provision.id}: provider and recipient are one party"


@agreement_rule("party-kind-mismatch")
def party_kinds(folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """A party's kind is that of the registry: police are not relabelled as outreach."""
    agencies = folder.registry.model.agencies
    for alias, party in read.model.parties.items():
        agency = agencies.get(party.agency)
        if agency is not None and agency.kind is not party.kind:
            yield ("parties", alias, "kind"), f"the registry says {agency.kind} of `{alias}`"


@agreement_rule("retention-over-floor")
def log_retained(folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """The log keeps its payloads at least as long as the floor says."""
    least = folder.floor.model.at_least.log_retain
    if longer(least, read.model.log.retain):
        yield ("log", "retain"), f"the log is kept for less than {least.text}, the floor's least"


@agreement_rule("id-duplicate")
def ids(_folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """An id names one rule in its file."""
    seen: set[str] = set()
    rules = [(("never", n), one.id) for n, one in enumerate(read.model.never)]
    rules += [(("provisions", n), one.id) for n, one in enumerate(read.model.provisions)]
    for path, name in rules:
        if name in seen:
            yield (*path, "id"), f"{quoted(name)} names two rules"
        seen.add(name)


RULES: tuple[AgreementRule, ...] = (
    id_filename,
    version_bumped,
    signatures,
    term,
    expiring,
    review,
    supersedes,
    parties,
    party_kinds,
    log_retained,
    ids,
)
