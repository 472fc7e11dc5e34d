"""What every mask has: parameters, a guarantee, an output, and a function of one original value.

A mask is written twice in Accord. Here it is a function of one *original* value, its specification;
in `plan/lower` it is one Polars expression, its speed; tests hold the two equal. Every mask is
total: null leaves as `missing`, what it cannot read leaves as `masked`, and none raises on a value
of its type. No mask is an unkeyed hash, draws fresh noise or scrubs prose: each of those can be
undone, or cannot be guaranteed.

The source of every rule is the project's specification of disclosure control; citations of
regulations are pointers, and counsel must confirm them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from gateway.values import FieldType, MaskNote, Precision, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.masks.cells import Cells
    from gateway.masks.points import Box


Beside: TypeAlias = "Scalar | tuple[Scalar, Scalar]"
"""What a mask is given besides the value: one other original value, or a pair of them."""


class Marker(StrEnum):
    """Why a value is not there; kept apart, also for the recipient.

    `total` stands in a dimension of a table, where a cell is over all of its values: no mask gives
    it, and it is never confused with a dimension that is unknown.
    """

    MISSING = "missing"
    MASKED = "masked"
    SUPPRESSED = "suppressed"
    TOTAL = "total"


Masked: TypeAlias = Scalar | Marker
"""What a mask gives: a value, or why there is none. Never None."""


Reader: TypeAlias = "Callable[[Scalar, Beside], Masked]"
"""A mask as a function of the original value and of what stands beside it."""


WHITE_SPACE = (
    " \t\n\x0b\x0c\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode White_Space: spelled out, since two libraries' ideas of blank differ."""


TEXT = frozenset({FieldType.STRING, FieldType.CODE})


NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMBER})


TIMES = frozenset({FieldType.DATE, FieldType.TIMESTAMP})


ANY = frozenset(FieldType)


MISSING_ONLY = frozenset({Marker.MISSING})


BOTH = frozenset({Marker.MISSING, Marker.MASKED})


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a mask works with besides the value, fixed before the first row.

    Attributes:
        type: Type of the field.
        codes: The closed list of the field's codes, or None where it is open.
        precision: What the field's time is good for, where that is fixed; None where the row says
            it.
        has_beside: Whether the row function is given a second original value (precision, or the
            other coordinate).
        table: The reference table or map that the mask names.
        unmapped: What a map gives for what it does not list, or None for `masked`.
        key: 32 bytes, for a pseudonym and whatever else is keyed.
        domain: The domain of a pseudonym, of an offset, of a displacement.
        zone: Whose civil days a time moves by.
        latitude: For a coordinate: whether this field is the latitude of the pair.
        cells: For cells: which of them may be named.
        box: For a coordinate: where the provider's points lie, if it said so.
        this_year: For a year of birth: the civil year of now. Left out, everybody is too old.
    """

    type: FieldType
    codes: tuple[str, ...] | None = None
    precision: Precision | None = None
    has_beside: bool = False
    table: Mapping[str, str | int] | None = None
    vocabulary: bool = False
    unmapped: str | None = None
    key: bytes = b""
    domain: str = ""
    zone: str = "UTC"
    latitude: bool = True
    cells: Cells | None = None
    box: Box | None = None
    this_year: int = dt.MAXYEAR


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask with its parameters.

    Subclasses state their guarantee in the first line of their docstring.

    Attributes:
        name: The word in an agreement file.
        accepts: Field types that it can read.
    """

    name: ClassVar[str] = ""
    accepts: ClassVar[frozenset[FieldType]] = frozenset()

    def note(self) -> MaskNote:
        """Return the mask as a header tells it."""
        arguments = tuple(
            f"{part.name}={_spell(value)}"
            for part in fields(self)
            if (value := getattr(self, part.name)) is not None
        )
        return MaskNote(self.name, arguments)

    @property
    def guarantee(self) -> str:
        """The sentence that an officer reads: what leaves, and what a recipient can still infer."""
        return " ".join((type(self).__doc__ or "").split("\n\n", 1)[0].split())

    def output(self, type_: FieldType) -> FieldType:
        """Return the type of what leaves, from the type of the field."""
        return type_

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return every text that can leave, where that is a closed set, else None."""
        del inputs
        return None

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return why a value may be absent: it follows from the plan, never from the data."""
        del inputs
        return BOTH

    def reader(self, inputs: Inputs) -> Reader:
        """Return the function of (original value, value beside it) that this mask is."""
        raise NotImplementedError(self.name)


def _spell(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)
