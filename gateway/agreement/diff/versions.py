"""Two versions of an agreement: what each recipient can get by the second and not by the first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.agreement.diff import order
from gateway.agreement.diff.change import Change, Flow, Way
from gateway.agreement.diff.nevers import compare_nevers
from gateway.agreement.diff.provision import WITHHELD, compare_provisions, mask_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.agreement.dataset import Dataset, MapTable
    from gateway.agreement.model import Agreement, Provision


def compare(
    before: Agreement | None,
    after: Agreement | None,
    datasets: tuple[Mapping[str, Dataset], Mapping[str, Dataset]],
) -> tuple[Change, ...]:
    """Return what differs, WIDENED first.

    Whatever a request under `after` may get that it may not get under `before` is WIDENED here, in
    its flow. What cannot be compared is WIDENED too: the reverse does not hold.

    Args:
        before: The version that stands; None where there is none, and everything is new.
        after: The one that is to stand; None where everything is gone.
        datasets: The datasets of each folder, by `<name>@<version>`.
    """
    found: list[Change] = []
    old, new = (_flows(one) for one in (before, after))
    for flow in sorted({*old, *new}, key=Flow.text):
        found += _flow(flow, old.get(flow), new.get(flow), datasets, (before, after))
    found += _ends(before, after)
    if before is not None and after is not None:
        found += _terms(before, after)
        found += compare_nevers(before.never, after.never)
    ways = list(Way)
    return tuple(sorted(found, key=lambda one: ways.index(one.way)))


def _flows(agreement: Agreement | None) -> dict[Flow, Provision]:
    """Return the provision of each flow, by the agencies that its aliases stand for."""
    if agreement is None:
        return {}
    parties = agreement.parties
    return {
        Flow(
            parties[one.flow.provider].agency,
            parties[one.flow.recipient].agency,
            str(one.flow.dataset),
            purpose,
        ): one
        for one in agreement.provisions
        for purpose in one.flow.purposes
    }


def _flow(
    flow: Flow,
    before: Provision | None,
    after: Provision | None,
    datasets: tuple[Mapping[str, Dataset], Mapping[str, Dataset]],
    agreements: tuple[Agreement | None, Agreement | None],
) -> Iterator[Change]:
    if before is not None and after is not None:
        before, after = _spelled(before, agreements[0]), _spelled(after, agreements[1])
        onward = _onward(before, agreements[0]), _onward(after, agreements[1])
        yield from compare_provisions(flow, before, after, _maps(flow, datasets), onward)
        yield from _schemas(flow, before, after, datasets)
        return
    for name, mask in sorted((after or before).release.items()):  # type: ignore[union-attr]
        told = mask_text(mask)
        if before is None:
            yield Change(Way.WIDENED, flow, name, WITHHELD, told)
        else:
            yield Change(Way.NARROWED, flow, name, told, WITHHELD)


def _spelled(provision: Provision, agreement: Agreement | None) -> Provision:
    """Return a provision whose attackers are agencies: an alias may change hands."""
    table = provision.aggregate
    if table is None or table.disclosure.colluding is None:
        return provision
    named = _agencies(table.disclosure.colluding, agreement)
    disclosure = replace(table.disclosure, colluding=named)
    return replace(provision, aggregate=replace(table, disclosure=disclosure))


def _onward(provision: Provision, agreement: Agreement | None) -> frozenset[str]:
    return _agencies(provision.duties.onward, agreement)


def _agencies(aliases: Iterable[str], agreement: Agreement | None) -> frozenset[str]:
    parties = agreement.parties if agreement is not None else {}
    return frozenset(parties[one].agency if one in parties else one for one in aliases)


def _maps(
    flow: Flow, datasets: tuple[Mapping[str, Dataset], Mapping[str, Dataset]]
) -> Mapping[str, MapTable]:
    """Return the dataset's tables that are the same in both folders."""
    old, new = (one.get(flow.dataset) for one in datasets)
    if old is None or new is None:
        return {}
    return {name: table for name, table in new.maps.items() if old.maps.get(name) == table}


def _schemas(
    flow: Flow,
    before: Provision,
    after: Provision,
    datasets: tuple[Mapping[str, Dataset], Mapping[str, Dataset]],
) -> Iterator[Change]:
    """Yield what a mask's table became, and a field's closed list: the same words, other values."""
    old, new = (one.get(flow.dataset) for one in datasets)
    if old is None or new is None or old == new:
        return
    for name in sorted(before.release.keys() & after.release.keys()):
        was, is_ = old.fields.get(name), new.fields.get(name)
        if was != is_:
            yield Change(Way.WIDENED, flow, f"dataset field {name}", "as it was", "another rule")
    for name in sorted(old.maps.keys() | new.maps.keys()):
        if old.maps.get(name) != new.maps.get(name):
            yield Change(Way.WIDENED, flow, f"dataset table {name}", "as it was", "another table")


def _ends(before: Agreement | None, after: Agreement | None) -> Iterator[Change]:
    """Yield another agreement that is ended: with it go its prohibitions."""
    old = before.supersedes if before is not None else None
    new = after.supersedes if after is not None else None
    if after is not None and new not in {None, old} and not str(new).startswith(f"{after.id}@"):
        yield Change(Way.WIDENED, None, "supersedes", order.said(old), order.said(new))


def _terms(before: Agreement, after: Agreement) -> Iterator[Change]:
    for name, way, was, is_ in (
        ("term.effective", _day(after.term.effective, before.term.effective),
         before.term.effective, after.term.effective),
        ("term.expires", _day(before.term.expires, after.term.expires),
         before.term.expires, after.term.expires),
        ("term.review_by", _day(before.term.review_by, after.term.review_by),
         before.term.review_by, after.term.review_by),
        ("term.timezone", order.beside(before.term.timezone, after.term.timezone),
         before.term.timezone, after.term.timezone),
        ("log.retain", order.shortest(before.log.retain, after.log.retain),
         before.log.retain.text, after.log.retain.text),
        ("log.witness", order.ranked(("required", "none"), before.log.witness, after.log.witness),
         before.log.witness, after.log.witness),
    ):  # fmt: skip
        if way is not None:
            yield Change(way, None, name, str(was), str(is_))
    if before.compelled.route != after.compelled.route:
        yield Change(
            Way.CHANGED, None, "compelled.route", before.compelled.route, after.compelled.route
        )
    old, new = ({party.agency for party in one.parties.values()} for one in (before, after))
    yield from order.listed(None, "parties", old, new)


def _day(before: object, after: object) -> Way | None:
    """Return where a day goes of which a later one is wider."""
    if before == after:
        return None
    return Way.WIDENED if str(after) > str(before) else Way.NARROWED
