"""Masks of lists that tell no item: how many there are, or whether a listed one is among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gateway.masks.base import Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.masks.plain import list_pattern
from gateway.values import LIST_PATTERN, FieldType, Scalar, text_list

if TYPE_CHECKING:
    from collections.abc import Callable

LISTS = frozenset({FieldType.LIST})


def readable(inputs: Inputs) -> str:
    """Return the form of the lists that can be read: those of the field's codes, where closed."""
    return LIST_PATTERN if inputs.codes is None else list_pattern(inputs.codes)


def _of_items(inputs: Inputs, say: Callable[[tuple[str, ...]], Masked]) -> Reader:
    form = re.compile(readable(inputs))

    def apply(value: Scalar, _beside: Beside) -> Masked:
        if value is None:
            return Marker.MISSING
        items = text_list(value)
        if items is None or not form.match(value):  # type: ignore[arg-type]
            return Marker.MASKED
        return say(items)

    return apply


@dataclass(frozen=True, slots=True)
class CountList(Mask):
    """Only the length of the list leaves, an item that stands twice counted twice.

    An empty list is 0; one that cannot be read, or holds an unlisted code, is `masked`.
    """

    name: ClassVar[str] = "count_list"
    accepts: ClassVar[frozenset[FieldType]] = LISTS

    def output(self, type_: FieldType) -> FieldType:
        """Return an integer: a length."""
        del type_
        return FieldType.INTEGER

    def reader(self, inputs: Inputs) -> Reader:
        """Return the number of items."""
        return _of_items(inputs, len)


@dataclass(frozen=True, slots=True)
class HasAny(Mask):
    """One bit leaves: whether the list holds one of these codes.

    An empty list holds none; one that cannot be read, or holds an unlisted code, is `masked`.
    """

    codes: tuple[str, ...]
    name: ClassVar[str] = "has_any"
    accepts: ClassVar[frozenset[FieldType]] = LISTS

    def output(self, type_: FieldType) -> FieldType:
        """Return a boolean."""
        del type_
        return FieldType.BOOLEAN

    def reader(self, inputs: Inputs) -> Reader:
        """Return whether one of the items is one of the codes."""
        wanted = frozenset(self.codes)
        return _of_items(inputs, lambda items: not wanted.isdisjoint(items))
