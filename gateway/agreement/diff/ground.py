"""What agreements stand on, in two versions: the floor, who is who, purposes, codes and notices.

No agreement's text tells of it, and what leaves hangs on it all the same: an agency of another kind
meets other prohibitions, and a code that was added leaves where it was masked. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.agreement.diff import order
from gateway.agreement.diff.change import Change, Way
from gateway.agreement.diff.floor import compare_floors
from gateway.agreement.purposes import Identity
from gateway.agreement.spans import add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.agreement.dataset import CodeLists
    from gateway.agreement.floor import Floor
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.registry import Agency, Registry

    Get = Callable[[Agency], object]
    Order = Callable[..., Way | None]

FLOOR: Final = "_floor"
AGENCIES: Final = "agencies"
PURPOSES: Final = "purposes"
CODES: Final = "codes"
NOTICES: Final = "notices"

_NONE: Final = "none"


class Ground(NamedTuple):
    """What all agreements of a folder stand on; notices are texts by `<id>@<n>`."""

    floor: Floor
    registry: Registry
    purposes: Purposes
    codes: CodeLists
    notices: Mapping[str, bytes]


def compare_grounds(before: Ground, after: Ground) -> Iterator[tuple[str, Change]]:
    """Yield each change with the file, without its ending, or the folder that it stands in."""
    for name, several in (
        (FLOOR, compare_floors(before.floor, after.floor)),
        (AGENCIES, _agencies(before.registry, after.registry)),
        (PURPOSES, _purposes(before.purposes, after.purposes)),
        (CODES, _codes(before.codes, after.codes)),
        (NOTICES, _notices(before.notices, after.notices)),
    ):
        yield from ((name, one) for one in several)


# --- who is who ---

_PARTS: Final[tuple[tuple[str, Get, Order], ...]] = (
    ("kind", lambda a: a.kind, order.beside),
    ("hipaa", lambda a: a.hipaa, order.beside),
    ("part2", lambda a: a.part2, order.beside),
    ("signatures", lambda a: a.signatures, order.fewer),
    ("attestation", lambda a: add(a.attested_at, a.attested_for),
     lambda a, b: order.more(a.toordinal(), b.toordinal())),
    ("address", lambda a: a.address, order.changed),
)  # fmt: skip
_LISTS: Final[tuple[tuple[str, Callable[[Agency], frozenset[str]]], ...]] = (
    ("san", lambda a: frozenset(a.san)),
    ("adapter_san", lambda a: frozenset(a.adapter_san)),
    ("signing_keys", lambda a: frozenset(
        f"{one.id} {one.ed25519.hex()[:16]} {one.since} to {one.until}" for one in a.signing_keys)),
)  # fmt: skip
"""Whoever is in one of these acts as the agency."""


def _agencies(before: Registry, after: Registry) -> Iterator[Change]:
    for name in sorted({*before.agencies, *after.agencies}):
        old, new = before.agencies.get(name), after.agencies.get(name)
        if old is not None and new is not None:
            yield from _agency(name, old, new)
        elif new is not None:
            yield Change(Way.WIDENED, None, name, _NONE, new.kind.value)
        elif old is not None:
            yield Change(Way.NARROWED, None, name, old.kind.value, _NONE)
    if before.logs != after.logs:
        yield Change(Way.CHANGED, None, "logs", "as they were", "other keys or dates")


def _agency(name: str, old: Agency, new: Agency) -> Iterator[Change]:
    for key, get, compared in _PARTS:
        way = compared(get(old), get(new))
        if way is not None:
            yield Change(way, None, f"{name}.{key}", order.said(get(old)), order.said(get(new)))
    for key, held in _LISTS:
        yield from order.listed(None, f"{name}.{key}", held(old), held(new))
    denied = (frozenset(map(bytes.hex, one.denied)) for one in (new, old))
    yield from order.listed(None, f"{name}.denied", *denied)
    # Who vouches for the roles of its people; and where the points of its records may lie.
    for key, differs in (("tokens", old.tokens != new.tokens), ("box", old.box != new.box)):
        if differs:
            yield Change(Way.WIDENED, None, f"{name}.{key}", "as it was", "another")


# --- purposes, codes, notices ---

_IDENTITY: Final = (Identity.FORBIDDEN, Identity.NEEDED, Identity.ALLOWED)


def _purposes(before: Purposes, after: Purposes) -> Iterator[Change]:
    for name in sorted({*before.leaves, *after.leaves}):
        old, new = before.leaves.get(name), after.leaves.get(name)
        if old is None or new is None:
            # No flow is for a purpose before an agreement says so.
            way = Way.CHANGED if old is None else Way.NARROWED
            yield Change(way, None, name, *_there(old, new))
        elif way_ := order.ranked(_IDENTITY, old.identity, new.identity):
            yield Change(way_, None, f"{name}.identity", old.identity.value, new.identity.value)
        elif old.digest != new.digest:
            yield Change(Way.CHANGED, None, name, "as it was", "other words")


def _codes(before: CodeLists, after: CodeLists) -> Iterator[Change]:
    for name in sorted({*before.lists, *after.lists}):
        old, new = before.lists.get(name), after.lists.get(name)
        if old is not None and new is not None:
            # A value outside of its field's list leaves masked: one that is added leaves as it is.
            yield from order.listed(None, name, old, new)
        else:
            yield Change(Way.CHANGED, None, name, *_there(old, new))
    yield from order.listed(None, "systems", before.systems, after.systems)


def _there(old: object, new: object) -> tuple[str, str]:
    return _NONE if old is None else "there", _NONE if new is None else "there"


def _notices(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[Change]:
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield Change(Way.CHANGED, None, name, "as it was", "another text")
