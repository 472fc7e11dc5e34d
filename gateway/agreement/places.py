"""Where everything in a file stands, for findings: a tree beside what the file says.

Hardly any place is ever asked for, so the reader's own marks are kept, and a place is made of one
when a finding needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml._yaml import Mark

Path: TypeAlias = tuple[str | int, ...]
Below: TypeAlias = "dict[str | int, Mark | Places]"


class Place(NamedTuple):
    """Where something stands, from 1. Of an entry of a mapping it is the place of the key."""

    line: int
    column: int


class Places:
    """The places of a mapping or list, and of everything in it.

    Attributes:
        mark: Where it stands itself.
        below: Where each entry and item stands, by key or number; of a collection, its own places.
    """

    __slots__ = ("below", "mark")

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        self.below: Below = {}

    def nearest(self, path: Path) -> Place:
        """Return the place of `path`, or of the nearest thing around it that has one."""
        here: Mark | Places = self
        for key in path:
            if not isinstance(here, Places) or key not in here.below:
                break
            here = here.below[key]
        return place_of(here)

    def every(self, path: Path = ()) -> Iterator[tuple[Path, Place]]:
        """Yield each path with its place, in the order of the file; `()` is the whole."""
        yield path, place_of(self)
        for key, one in self.below.items():
            if isinstance(one, Places):
                yield from one.every((*path, key))
            else:
                yield (*path, key), place_of(one)


def place_of(one: Mark | Places) -> Place:
    """Return where something stands; libyaml counts from 0."""
    mark = one.mark if isinstance(one, Places) else one
    return Place(mark.line + 1, mark.column + 1)
