"""Two versions of an agreement: what each recipient can get by the second and not by the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.diff import order
from gateway.agreement.diff.change import Change, Flow, Way
from gateway.agreement.diff.provision import WITHHELD, compare_provisions, mask_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.dataset import Dataset, MapTable
    from gateway.agreement.model import Agreement, Never, Provision, Selectors

_SELECTORS: Final = (
    "from_kind", "to_kind", "dataset", "field", "field_class", "means", "regime", "purpose",
    "shape",
)  # fmt: skip


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
    if before is not None and after is not None:
        found += _terms(before, after)
        found += _nevers(before.never, after.never)
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


def _onward(provision: Provision, agreement: Agreement | None) -> frozenset[str]:
    parties = agreement.parties if agreement is not None else {}
    return frozenset(
        parties[alias].agency if alias in parties else alias for alias in provision.duties.onward
    )


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
    for agency in sorted(new - old):
        yield Change(Way.WIDENED, None, "parties", "none", agency)
    for agency in sorted(old - new):
        yield Change(Way.NARROWED, None, "parties", agency, "none")


def _day(before: object, after: object) -> Way | None:
    """Return where a day goes of which a later one is wider."""
    if before == after:
        return None
    return Way.WIDENED if str(after) > str(before) else Way.NARROWED


def _nevers(before: tuple[Never, ...], after: tuple[Never, ...]) -> Iterator[Change]:
    for one in before:
        if not any(_covers(other, one) for other in after):
            yield Change(Way.WIDENED, None, "never", one.id, "none that forbids as much")
    for one in after:
        if not any(_covers(other, one) for other in before):
            yield Change(Way.NARROWED, None, "never", "none that forbids as much", one.id)


def _covers(one: Never, other: Never) -> bool:
    """Return whether `one` forbids whatever `other` forbids."""
    return (one.onward or not other.onward) and _selects(one.when, other.when)


def _selects(one: Selectors, other: Selectors) -> bool:
    for name in _SELECTORS:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine and not (theirs and theirs <= mine):
            return False
    return one.free_text is None or one.free_text is other.free_text
