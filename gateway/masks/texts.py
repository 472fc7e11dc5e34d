"""The mask of part of a text: its last characters, behind symbols that hide how long it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.masks.base import WHITE_SPACE, Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.values import FieldType, Scalar

SYMBOL = "*"


@dataclass(frozen=True, slots=True)
class Partial(Mask):
    """Only the last characters leave, behind symbols whose number hides the length.

    A recipient learns these characters, and that there were more of them. Characters are those of
    Unicode as they stand in the text; a text no longer than what would be kept is `masked`.
    """

    keep_last: int
    width: int
    name: ClassVar[str] = "partial"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING})

    @property
    def symbols(self) -> str:
        """What stands before the characters that are kept."""
        return SYMBOL * self.width

    def reader(self, inputs: Inputs) -> Reader:
        """Return the symbols and the last characters; blank and short texts are `masked`."""
        del inputs
        symbols, keep = self.symbols, self.keep_last

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            if not isinstance(value, str) or len(value) <= keep or not value.strip(WHITE_SPACE):
                return Marker.MASKED
            return symbols + value[-keep:]

        return apply
