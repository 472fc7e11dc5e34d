"""Masks by a table, and those that leave only inside a count or a sum."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gateway.masks.base import (
    ANY,
    BOTH,
    MISSING_ONLY,
    NUMBERS,
    Beside,
    Inputs,
    Marker,
    Mask,
    Masked,
    Reader,
)
from gateway.values import FieldType, MaskNote, Scalar, list_text, text_list

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class _ByTable(Mask):
    """A look-up in a table of the dataset, which the agreement binds by the dataset's digest."""

    table: str
    accepts: ClassVar[frozenset[FieldType]] = frozenset(
        {FieldType.STRING, FieldType.CODE, FieldType.LIST}
    )

    def output(self, type_: FieldType) -> FieldType:
        """Return a list for a list, else a code."""
        return FieldType.LIST if type_ is FieldType.LIST else FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return every result of the table, for a single value."""
        if inputs.type is FieldType.LIST:
            return None
        results = {str(to) for to in (inputs.table or {}).values()}
        return tuple(sorted(results | ({inputs.unmapped} if inputs.unmapped else set())))

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `missing` alone where the table says what becomes of the rest, and for lists."""
        if inputs.unmapped is not None and inputs.type is not FieldType.LIST:
            return MISSING_ONLY
        return BOTH

    def reader(self, inputs: Inputs) -> Reader:
        """Return the mapped value; of a list its distinct mapped values, sorted."""
        table = {key: str(to) for key, to in (inputs.table or {}).items()}
        rest = inputs.unmapped
        if inputs.type is FieldType.LIST:
            return functools.partial(_map_list, table, rest)

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            found = table.get(value) if isinstance(value, str) else None
            return found if found is not None else (rest if rest is not None else Marker.MASKED)

        return apply


def _map_list(table: Mapping[str, str], rest: str | None, value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    items = text_list(value)
    if items is None:
        return Marker.MASKED
    mapped = {table.get(item, rest) for item in items}
    return list_text(sorted(item for item in mapped if item is not None))


@dataclass(frozen=True, slots=True)
class Map(_ByTable):
    """Only results of the table leave: the class or the listed word, the rest as it says."""

    name: ClassVar[str] = "map"


OTHER = "other"


@dataclass(frozen=True, slots=True)
class RareToOther(_ByTable):
    """Categories of a frozen list leave as they are, all others as `other`.

    The list is written down before any request and never by the request's own counts: a category
    that today's data lack is treated as on any other day.
    """

    name: ClassVar[str] = "rare_to_other"


@dataclass(frozen=True, slots=True)
class OldestJoined(_ByTable):
    """Age groups leave as they are, all of 90 and more as `90+`; a code off the list is `masked`.

    This is what `pass` on a field of age groups becomes under Safe Harbor, where its code list
    tells ages over 89 apart; `table` is the name of that list.
    """

    name: ClassVar[str] = "map"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.CODE})

    def note(self) -> MaskNote:
        """Return which list, and what of it is joined."""
        return MaskNote(self.name, (f"table={self.table}", "oldest=90+"))


@dataclass(frozen=True, slots=True)
class CountOnly(Mask):
    """Leaves only within a count of distinct values, never as itself; shape aggregate only."""

    name: ClassVar[str] = "count_only"
    accepts: ClassVar[frozenset[FieldType]] = ANY


@dataclass(frozen=True, slots=True)
class SumOnly(Mask):
    """Leaves only within a sum, never as itself; shape aggregate only."""

    name: ClassVar[str] = "sum_only"
    accepts: ClassVar[frozenset[FieldType]] = NUMBERS
