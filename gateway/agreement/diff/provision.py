"""Two versions of one flow: fields, conditions, limits, duties, and what the basis claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.diff import conditions, order
from gateway.agreement.diff.change import Change, Way
from gateway.agreement.diff.table import compare_tables
from gateway.agreement.strength import as_strong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.agreement.dataset import MapTable
    from gateway.agreement.diff.change import Flow
    from gateway.agreement.model import Provision
    from gateway.masks.base import Mask

    Get = Callable[[Provision], object]
    Order = Callable[..., Way | None]

WITHHELD: Final = "withheld"


def _deid(one: Provision) -> object:
    deid = one.basis.deid
    return None if deid is None else (deid.method, deid.ref, deid.sha256, deid.fields)


_TERMS: Final[tuple[tuple[str, Get, Order], ...]] = (
    ("delivery.shape", lambda p: p.delivery.shape.value, order.beside),
    ("delivery.mode", lambda p: p.delivery.mode, lambda a, b: order.ranked(("pull", "push"), a, b)),
    ("delivery.hold", lambda p: p.delivery.hold, order.shortest),
    ("basis.type", lambda p: p.basis.type, order.beside),
    ("basis.profile", lambda p: p.basis.profile, order.beside),
    ("basis.deid", _deid, order.beside),
    ("limits.requests_per_minute", lambda p: p.limits.requests_per_minute, order.more),
    ("limits.rows_per_request", lambda p: p.limits.rows_per_request, order.more),
    ("limits.rows_per_day", lambda p: p.limits.rows_per_day, order.more),
    ("duties.delete_after", lambda p: p.duties.delete_after, order.longest),
    ("duties.attest_deletion", lambda p: p.duties.attest_deletion, order.longest),
    ("duties.reidentify", lambda p: p.duties.reidentify,
     lambda a, b: order.ranked(("forbid", "not_applicable"), a, b)),
    ("duties.contact", lambda p: p.duties.contact,
     lambda a, b: order.ranked(("forbid", "permit"), a, b)),
    ("duties.publish", lambda p: p.duties.publish,
     lambda a, b: order.ranked(("forbid", "steward_review"), a, b)),
    ("duties.notice", lambda p: p.duties.notice, order.protecting),
    ("duties.breach_notice", lambda p: p.duties.breach_notice, order.longest),
    ("duties.accounting", lambda p: p.duties.accounting,
     lambda a, b: order.beside(a, b) and (Way.NARROWED if b == "required" else Way.WIDENED)),
    ("duties.recall", lambda p: p.duties.recall, order.longest),
    ("duties.review", lambda p: p.duties.review, order.longest),
)  # fmt: skip
"""What is compared value by value: its key, how to get it, and its order."""


def compare_provisions(
    flow: Flow,
    before: Provision,
    after: Provision,
    maps: Mapping[str, MapTable],
    onward: tuple[frozenset[str], frozenset[str]],
) -> Iterator[Change]:
    """Yield what differs in one flow.

    Args:
        flow: The flow.
        before: Its provision.
        after: The one that takes its place.
        maps: Tables of the dataset, for masks that name one; of one version, or none where they
            differ between the two.
        onward: Agencies that it may be given on to, before and after.
    """
    yield from _fields(flow, before, after, maps)
    for way, old, new in conditions.compare(before.when, after.when):
        yield Change(way, flow, "when", old, new)
    for name, get, compared in _TERMS:
        moved = compared(get(before), get(after))
        if moved is not None:
            yield Change(moved, flow, name, order.said(get(before)), order.said(get(after)))
    yield from _onward(flow, *onward)
    yield from _crowds(flow, before, after)
    yield from compare_tables(flow, before.aggregate, after.aggregate)


def _fields(
    flow: Flow, before: Provision, after: Provision, maps: Mapping[str, MapTable]
) -> Iterator[Change]:
    for name in sorted({*before.release, *before.withhold, *after.release, *after.withhold}):
        old, new = before.release.get(name), after.release.get(name)
        way = _masks(old, new, maps)
        if way is not None:
            yield Change(way, flow, name, mask_text(old), mask_text(new))


def _masks(before: Mask | None, after: Mask | None, maps: Mapping[str, MapTable]) -> Way | None:
    if before == after:
        return None
    if after is None:
        return Way.NARROWED
    # A field that was withheld and leaves now is wider whatever its mask, presence included.
    if before is None or not as_strong(after, before, maps):
        return Way.WIDENED
    return Way.CHANGED if as_strong(before, after, maps) else Way.NARROWED


def mask_text(mask: Mask | None) -> str:
    """Return a mask as the header tells it; `withheld` where nothing leaves."""
    return WITHHELD if mask is None else mask.note().text


def _onward(flow: Flow, before: frozenset[str], after: frozenset[str]) -> Iterator[Change]:
    for agency in sorted(after - before):
        yield Change(Way.WIDENED, flow, "duties.onward", "not to", agency)
    for agency in sorted(before - after):
        yield Change(Way.NARROWED, flow, "duties.onward", agency, "not to")


def _crowds(flow: Flow, before: Provision, after: Provision) -> Iterator[Change]:
    """Yield what becomes of the crowd that a record must be in, and of a determination's end."""
    old, new = before.anonymity, after.anonymity
    if old is None or new is None:
        if old is not new:
            way = Way.WIDENED if new is None else Way.NARROWED
            yield Change(way, flow, "anonymity", "none" if old is None else f"k {old.k}",
                         "none" if new is None else f"k {new.k}")  # fmt: skip
    else:
        for name, a, b in (("k", old.k, new.k), ("l", old.l, new.l)):
            found = order.fewer(a, b)
            if found is not None:
                yield Change(found, flow, f"anonymity.{name}", str(a), str(b))
        if old.action != new.action:
            found = order.ranked(("deny", "suppress"), old.action, new.action)
            yield Change(found or Way.WIDENED, flow, "anonymity.action", old.action, new.action)
    first, last = before.basis.deid, after.basis.deid
    if first is not None and last is not None:
        if first.expires != last.expires:
            way = Way.WIDENED if last.expires > first.expires else Way.NARROWED
            yield Change(way, flow, "basis.deid.expires", str(first.expires), str(last.expires))
        found = order.fewer(first.k or 0, last.k or 0)
        if found is not None:
            yield Change(found, flow, "basis.deid.k", str(first.k or 0), str(last.k or 0))
