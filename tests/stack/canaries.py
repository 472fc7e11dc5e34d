"""Values that stand nowhere else, one for each field of each record, and the search for them."""

from __future__ import annotations

import base64
import datetime as dt
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapters import canonical
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gateway.values import DatasetId

_BEGIN = 8
_NUMBER, _EPOCH = 731_000_000_000, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Canary:
    """One value and every way in which it could show.

    Attributes:
        where: Whose it is: `ems.overdose_run@1.age`, or what a caller or a backend said.
        spellings: Bytes to look for.
    """

    where: str
    spellings: frozenset[bytes]


@dataclass
class Aviary:
    """Makes canaries and remembers them."""

    made: list[Canary] = field(default_factory=list)

    def text(self, where: str) -> str:
        """Return a text that stands nowhere else."""
        value = f"Qanary{len(self.made):05d}Zwx"
        self._keep(where, value.encode())
        return value

    def record(self, dataset: DatasetId, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record of a dataset, a canary in each field but those that a rule looks at."""
        return {
            name: fixed[name] if name in fixed else self._value(f"{dataset}.{name}", one.type)
            for name, one in canonical.fields(dataset).items()
        }

    def _value(self, where: str, kind: FieldType) -> object:
        number = len(self.made)
        match kind:
            case FieldType.STRING | FieldType.CODE:
                return self.text(where)
            case FieldType.LIST:
                return (self.text(where),)
            case FieldType.INTEGER:
                return self._number(where, _NUMBER + number)
            case FieldType.NUMBER:
                return float(self._number(where, _NUMBER + number)) + 0.25
            case FieldType.DATE:
                day = dt.date(1801, 1, 1) + dt.timedelta(days=number)
                self._keep(where, day.isoformat().encode())
                return day
            case FieldType.TIMESTAMP:
                at = dt.datetime(1811, 1, 1, 0, 0, 0, 731_000, dt.UTC) + dt.timedelta(hours=number)
                micros = (at - _EPOCH) // dt.timedelta(microseconds=1)
                said = {at.isoformat(), at.isoformat(" "), at.strftime("%Y-%m-%dT%H:%M:%S.731Z")}
                self._keep(where, struct.pack("<q", micros), *(one.encode() for one in said))
                return at
            case FieldType.BOOLEAN:
                return True

    def _number(self, where: str, value: int) -> int:
        packed = struct.pack("<q", value), struct.pack("<d", value + 0.25)
        self._keep(where, str(value).encode(), *packed)
        return value

    def _keep(self, where: str, *plain: bytes) -> None:
        self.made.append(Canary(where, frozenset(one for said in plain for one in _coded(said))))


def _coded(plain: bytes) -> Iterator[bytes]:
    """Yield a value as it is, in hex, and in base64 at each of its three alignments."""
    yield plain
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for pad in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # What stands before and after is unknown: the characters that hang on it are left out.
            said = encode(b"\0" * pad + plain)
            whole = len(plain) + pad
            first, last = -(-pad * 8 // 6), whole * 8 // 6
            yield said[first:last]


def found(canaries: Iterable[Canary], places: Mapping[str, bytes]) -> list[str]:
    """Return where a canary was seen: `its owner in the place`.

    Every position of every place is looked up in a table of how spellings begin: one pass for all.
    """
    begins: dict[bytes, list[tuple[bytes, Canary]]] = {}
    for canary in canaries:
        for one in canary.spellings:
            assert len(one) >= _BEGIN, "too short to stand for itself"
            begins.setdefault(one[:_BEGIN], []).append((one, canary))
    seen = dict[str, None]()
    for place, data in places.items():
        for at in range(len(data) - _BEGIN + 1):
            for one, canary in begins.get(data[at : at + _BEGIN], ()):
                if data.startswith(one, at):
                    seen[f"{canary.where} in {place}"] = None
    return list(seen)


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, write-ahead logs included."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
