"""What the record of cells keeps of a table, as bytes for the seal, and back."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gateway.agreement.budget import Draw
from gateway.disclosure.attackers import Told
from gateway.disclosure.parts import Counts, Part
from gateway.disclosure.table import DisclosureError
from gateway.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.disclosure.table import Flags

_VERSION: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What a later table needs of one release.

    Attributes:
        tables: One for each measure that was judged.
        rows: Which rows they are of, as `FlowRule.rows` says it.
        told: To whom it left, and who counts with it as one attacker.
    """

    tables: Sequence[Counts]
    rows: str
    told: Told


def memory(kept: Memory) -> bytes:
    """Return it as bytes for the seal."""
    group = kept.told.colluding
    return canonical_json(
        {
            "colluding": None if group is None else sorted(group),
            "recipient": kept.told.recipient,
            "rows": kept.rows,
            "tables": [_text(one) for one in kept.tables],
            "version": _VERSION,
        }
    )


def _text(one: Counts) -> dict[str, object]:
    return {
        "additive": one.additive,
        "draw": _draw(one.draw),
        "floor": one.floor,
        "hidden": _bits(one.hidden),
        "keys": [list(key) for key in one.keys],
        "measure": one.measure,
        "parts": [
            [
                part.name,
                part.cut,
                part.unit,
                [list(edge) for edge in part.edges],
                [[level, list(codes)] for level, codes in part.codes],
                part.rest,
                part.plain,
                [list(pair) for pair in part.parents],
                part.nulls,
            ]
            for part in one.parts
        ],
        "primary": _bits(one.primary),
        "rounded_to": one.rounded_to,
        "values": one.values.tolist(),
        "lasting": list(one.lasting),
        "width": one.width,
    }


def remembered(kept: bytes) -> Memory:
    """Return what the record of cells holds of a release.

    Raises:
        DisclosureError: `history`: it is not what this version can read, and so nothing can be
            said about what was released.
    """
    try:
        read = json.loads(kept)
        tables = {_VERSION: read["tables"]}[read["version"]]
        group = read["colluding"]
        told = Told(str(read["recipient"]), None if group is None else frozenset(group))
        return Memory([_counts(one) for one in tables], str(read["rows"]), told)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DisclosureError("history", "the record of cells cannot be read") from error


def _counts(one: Mapping[str, Any]) -> Counts:
    size = len(one["keys"])
    return Counts(
        measure=one["measure"],
        parts=tuple(
            Part(
                name,
                cut,
                unit,
                tuple((int(low), label) for low, label in edges),
                tuple((level, tuple(several)) for level, several in codes),
                rest,
                plain,
                tuple((level, above) for level, above in parents),
                nulls,
            )
            for name, cut, unit, edges, codes, rest, plain, parents, nulls in one["parts"]
        ),
        keys=tuple(tuple(key) for key in one["keys"]),
        values=np.array(one["values"], np.int64),
        hidden=_flags(one["hidden"], size),
        primary=_flags(one["primary"], size),
        additive=one["additive"],
        floor=one["floor"],
        width=one["width"],
        lasting=tuple(one["lasting"]),
        rounded_to=one["rounded_to"],
        draw=_drawn(one["draw"]),
    )


def _draw(draw: Draw | None) -> list[object] | None:
    if draw is None:
        return None
    periods = [period.isoformat() for period in draw.periods]
    return [draw.of, draw.by, draw.mechanism, draw.rho, draw.bound, draw.unit, periods]


def _drawn(read: Sequence[Any] | None) -> Draw | None:
    if read is None:
        return None
    of, by, mechanism, rho, bound, unit, periods = read
    days = tuple(map(dt.date.fromisoformat, periods))
    return Draw(of, by, mechanism, rho, bound, unit, days)


def _bits(flags: Flags) -> str:
    return base64.b64encode(np.packbits(flags).tobytes()).decode("ascii")


def _flags(text: str, size: int) -> Flags:
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(packed, count=size).astype(np.bool_)
