"""How alike the rows of a release of records are: the figure in the receipt. Pure.

Rows are alike that leave with the same quasi-identifiers. Of such a class counts how many people it
has, where the plan reads who they are, else how many rows; whoever is alone in a class is found by
what leaves. Nothing is held back here: `plan/classes` does that where an agreement asks for it.

Millions of rows go by, and little is kept: 64 bits of each class and of each person in it, of at
most so many pairs. Beyond that, every other class by its hash is forgotten, as often as need be:
classes that stay have been counted from their first row on, so what is said of them is exact, and
the receipt says one class in how many was looked at. A class of a thousand people is counted no
further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import polars as pl

from gateway.masks.identity import canon
from gateway.plan.alike import person_of, telling
from gateway.plan.lower import POLARS, WHY_TYPE, canonical, dtype_of
from gateway.plan.ops import WHY, Likeness
from gateway.values import FieldClass, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from gateway.plan.distinct import Few
    from gateway.plan.ops import MaskField, Plan
    from gateway.values import Row, Scalar

PAIRS_MAX: Final = 1 << 15
"""Pairs of class and person that are kept, of less than a megabyte: shares are told to 0.3 %."""
FOLD_ROWS: Final = 1 << 15
"""Rows whose hashes wait to be counted together."""
FULL: Final = 1_000
"""A class of so many is counted no further: nobody is found in it."""
ROWS_MAX: Final = 4_096
"""Single rows that are kept as they are: an exchange of few never pays for columns."""
_KNOWN_MAX: Final = 4_096
_BITS: Final = 64
_SEED: Final = 0
_ODD: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_CODES: Final[dict[Scalar, int]] = {
    why: code for code, why in enumerate([None, *WHY_TYPE.categories.to_list()])
}
_WHYS: Final = pl.Series(list(_CODES), dtype=pl.String()).hash(_SEED).to_numpy()
"""Why a value is absent, by its code in a frame, from 0 for one that is there."""
_PERSON: Final = ".person"
_CLASS: Final = ".class"
_ROWS: Final = ".rows"

Hashes: TypeAlias = "NDArray[np.uint64]"


class Columns:
    """What of a plan's columns makes rows alike; made once for a plan's masks.

    Args:
        plan: A record-level plan.
    """

    def __init__(self, plan: Plan) -> None:
        rule = plan.rule
        told = telling(rule, FieldClass.QUASI_IDENTIFIER)
        self.alike = [one for one in plan.masks if one.name in told]
        names = [name for one in plan.masks for name in (one.name, one.name + WHY)[: 1 + one.why]]
        own = [name for one in self.alike for name in (one.name, one.name + WHY)[: 1 + one.why]]
        self.places = [names.index(name) for name in own]
        kinds = dict(plan.scan.columns)
        person = person_of(rule)
        self.person = person if person in kinds else None
        self.text = kinds.get(person) in {FieldType.STRING, FieldType.CODE}
        self.kind = POLARS[kinds[person]] if self.person else pl.String()
        self._hashed: dict[str, pl.Expr] = {}
        for one in self.alike:
            self._hashed[one.name] = _hash(pl.col(one.name), dtype_of(one))
            if one.why:
                code = pl.col(one.name + WHY).to_physical().cast(pl.Int64) + 1
                self._hashed[one.name + WHY] = code.fill_null(0)

    def hashed(self, names: Iterable[str]) -> list[pl.Expr]:
        """Return the hashes of these columns of a masked frame, and the codes of companions."""
        return [self._hashed[name] for name in names if name in self._hashed]


class Gathered:
    """Counts classes while batches go by; belongs to one exchange.

    Args:
        columns: Of the plan.
        pairs_max: Pairs of class and person that are kept at most.
    """

    def __init__(self, columns: Columns, pairs_max: int = PAIRS_MAX) -> None:
        self._columns = columns
        self._most = pairs_max
        self._known: dict[str, dict[Scalar, int]] = {}
        self._rows: list[tuple[Scalar, ...]] = []
        self._people: list[Scalar] = []
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._pairs: pl.DataFrame | None = None
        self._full = pl.Series(_CLASS, [], dtype=pl.UInt64)
        self._halved = 0
        self._count = 0

    @property
    def pairs(self) -> int:
        """How many pairs of class and person are kept just now."""
        return 0 if self._pairs is None else len(self._pairs)

    # --- what goes by ---

    def add_rows(self, masked: Sequence[tuple[Scalar, ...]], originals: Sequence[Row]) -> None:
        """Take a few rows: as they leave, and as they came."""
        self._count += len(masked)
        places, person = self._columns.places, self._columns.person
        self._rows += [tuple(row[at] for at in places) for row in masked]
        self._people += [self._canon(row[person]) if person else None for row in originals]
        if len(self._rows) > ROWS_MAX:
            self._spill()

    def add(self, few: Mapping[str, Few], masked: pl.DataFrame, originals: pa.RecordBatch) -> None:
        """Take a batch: columns of few values and the others as they leave, and as it came."""
        self._count += originals.num_rows
        classes = np.zeros(originals.num_rows, np.uint64)
        # In one step: each step over a frame costs more than a column does.
        rest = masked.select(self._columns.hashed([n for n in masked.columns if n not in few]))
        for one in self._columns.alike:
            if one.name in few:
                own = self._table(one, few[one.name])[few[one.name].at.to_numpy()]
            else:
                own = rest[one.name].to_numpy()
                if one.why:
                    own = _both(own, _WHYS[rest[one.name + WHY].to_numpy()])
            _mix(classes, own)
        here = self._looked_at(classes)
        person = self._columns.person
        if person is None:
            self._wait(classes if here is None else classes[here], None)
            return
        column: Any = originals.column(person)
        whose = pl.from_arrow(column if here is None else column.take(here))
        assert isinstance(whose, pl.Series)  # noqa: S101 - a column is never a frame
        people = whose.to_frame(_PERSON)
        if self._columns.text:
            people = people.select(canonical(pl.col(_PERSON)))
        self._wait(classes if here is None else classes[here], people[_PERSON])

    def taken(self) -> Likeness:
        """Return the figure over all that went by."""
        counted = "people" if self._columns.person else "rows"
        if not self._count:
            return Likeness(0, 0, 0, counted, 1)
        if not self._waiting and self._pairs is None:
            return self._of_few(counted)
        self._spill()
        self._fold()
        assert self._pairs is not None  # noqa: S101 - something waited
        sizes = self._sizes(self._pairs)
        alone = int(sizes.filter(pl.col("size") <= 1)[_ROWS].sum())
        found = [int(sizes["size"].min())] if len(sizes) else []  # type: ignore[arg-type]
        smallest = min([*found, FULL]) if len(self._full) or found else None
        if self._halved and (smallest is None or smallest > 1):
            smallest = None  # a smaller one may be among those that were not looked at
        return Likeness(smallest, alone, self._count, counted, 1 << self._halved)

    # --- few rows ---

    def _canon(self, value: Scalar) -> Scalar:
        return canon(value) if self._columns.text and isinstance(value, str) else value

    def _of_few(self, counted: str) -> Likeness:
        classes: dict[tuple[Scalar, ...], list[Scalar]] = {}
        for key, person in zip(self._rows, self._people, strict=True):
            classes.setdefault(key, []).append(person)
        size = {
            key: len({one for one in people if one is not None})
            if self._columns.person
            else len(people)
            for key, people in classes.items()
        }
        alone = sum(len(people) for key, people in classes.items() if size[key] <= 1)
        return Likeness(min(*size.values(), FULL), alone, self._count, counted, 1)

    def _spill(self) -> None:
        """Put the single rows to the others."""
        if not self._rows:
            return
        values = dict(enumerate(zip(*self._rows, strict=True)))
        classes, at = np.zeros(len(self._rows), np.uint64), 0
        for one in self._columns.alike:
            own = _hashes(values[at], one)
            at += 1
            if one.why:
                own = _both(own, _WHYS[[_CODES[why] for why in values[at]]])
                at += 1
            _mix(classes, own)
        people = None
        if self._columns.person:
            people = pl.Series(_PERSON, self._people, dtype=self._columns.kind)
        here = self._looked_at(classes)
        if here is not None:
            classes, people = classes[here], None if people is None else people.gather(here)
        self._rows, self._people = [], []
        self._wait(classes, people)

    # --- many ---

    def _table(self, one: MaskField, few: Few) -> Hashes:
        """Return the hash of each of the few results of a mask."""
        known = self._known.setdefault(one.name, {})
        new = [value for value in few.values if value not in known]
        if new:
            if len(known) > _KNOWN_MAX:
                known.clear()
                new = list(few.values)
            made = _hashes(new, one)
            known.update(zip(new, made.tolist(), strict=True))
        table = np.array([known[value] for value in few.values], np.uint64)
        return _both(table, _WHYS[[_CODES[why] for why in few.why]]) if one.why else table

    def _looked_at(self, classes: Hashes) -> NDArray[np.intp] | None:
        """Return which rows are of classes that are looked at; None for all of them."""
        if not self._halved:
            return None
        return np.flatnonzero((classes * _ODD) >> np.uint64(_BITS - self._halved) == 0)

    def _wait(self, classes: Hashes, people: pl.Series | None) -> None:
        columns = {_CLASS: pl.Series(classes)}
        if people is not None:
            columns[_PERSON] = pl.Series(people.hash(_SEED)).set(people.is_null(), None)
        self._waiting.append(pl.DataFrame(columns))
        self._waiting_rows += len(classes)
        if self._waiting_rows >= FOLD_ROWS:
            self._fold()

    def _fold(self) -> None:
        """Count what waits, and make room where it has become too much."""
        if not self._waiting:
            return
        keys = [_CLASS] if self._columns.person is None else [_CLASS, _PERSON]
        new = pl.concat(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        if len(self._full):
            new = new.filter(~pl.col(_CLASS).is_in(self._full.implode()))
        every = [new.with_columns(pl.lit(1, pl.Int64).alias(_ROWS))]
        if self._pairs is not None:
            every.append(self._pairs)
        folded = pl.concat(every).group_by(keys).agg(pl.col(_ROWS).sum())
        if len(folded) > self._most:
            folded = self._without_full(folded)
        while len(folded) > self._most and self._halved < _BITS - 1:
            self._halved += 1
            here = self._looked_at(folded[_CLASS].to_numpy())
            folded = folded[here] if here is not None else folded
        self._pairs = folded

    def _without_full(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return the pairs of classes that are counted on, once the others are noted."""
        full = self._sizes(pairs).filter(pl.col("size") >= FULL)[_CLASS]
        if not len(full):
            return pairs
        self._full = pl.concat([self._full, full])
        return pairs.filter(~pl.col(_CLASS).is_in(full.implode()))

    def _sizes(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Return of each class its size and its rows."""
        size = pl.col(_ROWS).sum()
        if self._columns.person is not None:
            size = pl.col(_PERSON).is_not_null().sum().cast(pl.Int64)
        return pairs.group_by(_CLASS).agg(size.alias("size"), pl.col(_ROWS).sum())


def _hash(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Return a hash of each value, the same however the column came about; null has one too."""
    if isinstance(kind, pl.Enum):
        column = column.cast(pl.String)
    elif kind.is_float():
        column += 0.0  # minus zero is zero
    return column.hash(_SEED)


def _hashes(values: Sequence[Scalar], one: MaskField) -> Hashes:
    kind = dtype_of(one)
    made: Hashes = (
        pl.Series("", values, dtype=kind).to_frame().select(_hash(pl.col(""), kind))[""].to_numpy()
    )
    return made


def _both(values: Hashes, why: Hashes) -> Hashes:
    made: Hashes = values * _ODD ^ why
    return made


def _mix(classes: Hashes, more: Hashes) -> None:
    classes *= _ODD
    classes ^= more
