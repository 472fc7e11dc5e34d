"""The detectors together, over a batch: which rows stay, and what was found where.

Pure, over Arrow. A value is looked at once however many rows hold it; codes are checked against
their list and go no further. A row's own identifiers are looked up among the words, dates and
numbers that the batch's texts hold at all, and only rows that share one are read closely. A person
who is in several rows of a batch is looked for in each of them by what any of them knows.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from adapters import canonical
from adapters.identities import codes, own, patterns
from adapters.identities.names import NAME, named
from adapters.identities.text import plain
from adapters.identities.tokens import NOTHING_KEPT, Kept
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gateway.values import DatasetId

DETECTORS: Final = (*own.KINDS, *patterns.KINDS, NAME, codes.UNLISTED)
"""Every word by which a finding is reported."""

_TEXT: Final = frozenset([FieldType.STRING, FieldType.CODE, FieldType.LIST])
_KEPT: Final = 65_536
_FEW: Final = 200
"""So many keys are searched for as one expression; beyond it each identifier is spelt out."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider says beforehand.

    Attributes:
        kept: Its agencies, places and streets: no names.
        shapes: How its record numbers look.
    """

    kept: Kept = NOTHING_KEPT
    shapes: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch holds that it should not.

    Attributes:
        rows: The rows that stay, by their place in the batch, sorted.
        counts: Rows by (detector, field); a row may count in several.
    """

    rows: tuple[int, ...]
    counts: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class _Value:
    """What is known of one text.

    Attributes:
        kinds: Found in the text alone.
        index: For the rows' own identifiers; None where the text is a code.
    """

    kinds: frozenset[str]
    index: own.Index | None


_CLEAN: Final = _Value(frozenset(), None)


@dataclass(slots=True)
class _Column:
    """One field that is looked at, with what is known of the values it has had."""

    name: str
    is_list: bool
    is_code: Callable[[str], bool] | None
    closed: bool
    known: dict[str, _Value] = field(default_factory=dict)


class Scanner:
    """Looks through the batches of one scan.

    Attributes:
        columns: Of the fields asked for, those that are looked at.
        needed: The identifiers that must be read beside them; none where every field is of codes.
    """

    def __init__(
        self, dataset: DatasetId, asked: Sequence[tuple[str, FieldType]], terms: Terms
    ) -> None:
        """Choose what is looked at.

        Raises:
            SourceError: No such dataset.
        """
        self._terms = terms
        fields = canonical.fields(dataset)
        self._columns = [
            _column(name, fields[name])
            for name, _ in asked
            if fields[name].type in _TEXT and not fields[name].identifies
        ]
        self.columns = tuple(column.name for column in self._columns)
        free = any(column.is_code is None for column in self._columns)
        self._identities = {
            name: _kind(name, one.type)
            for name, one in fields.items()
            if free and one.identifies and one.type in _TEXT | {FieldType.DATE}
        }
        self._person = canonical.canonical().persons.get(dataset) if free else None
        self.needed = tuple((name, fields[name].type) for name in self._identities)
        self._keys: dict[tuple[str, object], frozenset[own.Key]] = {}

    def look(self, batch: pa.RecordBatch) -> Found:
        """Return which rows of a batch hold an identity where none should be.

        Args:
            batch: With every column of `columns` and `needed`, in any order.
        """
        hits: dict[tuple[str, str], set[int]] = {}
        indexed: list[tuple[_Column, list[_Value], list[int | None]]] = []
        for column in self._columns:
            values, places = self._values(column, batch.column(column.name))
            if any(value.kinds for value in values):
                for row, place in enumerate(places):
                    for kind in values[place].kinds if place is not None else ():
                        hits.setdefault((kind, column.name), set()).add(row)
            if any(value.index is not None for value in values):
                indexed.append((column, values, places))
        if indexed and self._identities:
            self._own(batch, indexed, hits)
        rows = set().union(*hits.values()) if hits else set()
        return Found(tuple(sorted(rows)), Counter({key: len(held) for key, held in hits.items()}))

    def _values(
        self, column: _Column, array: pa.Array[Any]
    ) -> tuple[list[_Value], list[int | None]]:
        """Return the column's distinct values as known, and for each row which it has."""
        encoded = array.dictionary_encode()
        texts: list[Any] = encoded.dictionary.to_pylist()
        values = [self._known(column, text) for text in texts]
        if all(value is _CLEAN for value in values):
            return [], []
        return values, encoded.indices.to_pylist()

    def _known(self, column: _Column, text: str) -> _Value:
        value = column.known.get(text)
        if value is None:
            if len(column.known) >= _KEPT:
                column.known.clear()
            value = column.known[text] = self._judge(column, text)
        return value

    def _judge(self, column: _Column, text: str) -> _Value:
        texts = _items(text) if column.is_list else [text]
        if column.is_code is not None:
            texts = [one for one in texts if not column.is_code(one)]
        if not any(texts):
            return _CLEAN
        # Apart from one another for the detectors, and one text for what is looked up in them.
        texts = [plain(one) for one in texts]
        kinds: set[str] = set()
        for one in texts:
            kinds.update(patterns.kinds(one, self._terms.shapes))
            if named(one, self._terms.kept):
                kinds.add(NAME)
            if column.is_code is not None and codes.no_code(one, closed=column.closed):
                kinds.add(codes.UNLISTED)
        return _Value(frozenset(kinds), own.index(" \n".join(texts)))

    def _own(
        self,
        batch: pa.RecordBatch,
        indexed: Sequence[tuple[_Column, list[_Value], list[int | None]]],
        hits: dict[tuple[str, str], set[int]],
    ) -> None:
        held: dict[str, set[str]] = {}
        for _, values, _ in indexed:
            for value in values:
                for kind, spelt in value.index.keys.items() if value.index is not None else ():
                    held.setdefault(kind, set()).update(spelt)
        rows = self._rows_with(batch, held)
        if not rows:
            return
        for column, values, places in indexed:
            for row, keys in rows.items():
                place = places[row]
                index = values[place].index if place is not None else None
                for kind in own.found(keys, index, self._terms.kept) if index is not None else ():
                    hits.setdefault((kind, column.name), set()).add(row)

    def _rows_with(
        self, batch: pa.RecordBatch, held: Mapping[str, set[str]]
    ) -> dict[int, frozenset[own.Key]]:
        """Return rows with those of their identifiers that some text of the batch holds."""
        rows: dict[int, set[own.Key]] = {}
        for name, kind in self._identities.items():
            looked_for = held.get(kind)
            if not looked_for:
                continue
            array = batch.column(name)
            for row, value in _likely(array, kind, looked_for):
                keys = [key for key in self._keys_of(kind, value) if key.text in looked_for]
                if keys:
                    rows.setdefault(row, set()).update(keys)
        if rows and self._person is not None:
            self._spread(batch.column(self._person), rows)
        return {row: frozenset(keys) for row, keys in rows.items()}

    def _keys_of(self, kind: str, value: object) -> frozenset[own.Key]:
        keys = self._keys.get((kind, value))
        if keys is None:
            if len(self._keys) >= _KEPT:
                self._keys.clear()
            texts = _items(value) if isinstance(value, str) and value[:1] == "[" else [value]
            keys = frozenset(key for one in texts for key in own.keys(kind, one))
            self._keys[kind, value] = keys
        return keys

    def _spread(self, persons: pa.Array[Any], rows: dict[int, set[own.Key]]) -> None:
        """Give each row what any other row of its person knows."""
        people: list[Any] = persons.to_pylist()
        known: dict[object, set[own.Key]] = {}
        for row, keys in rows.items():
            if people[row] is not None:
                known.setdefault(people[row], set()).update(keys)
        for row, person in enumerate(people):
            if person in known:
                rows.setdefault(row, set()).update(known[person])


def _column(name: str, held: canonical.CanonicalField) -> _Column:
    is_list = held.type is FieldType.LIST
    if held.codes is None:
        return _Column(name, is_list, None, closed=False)
    is_code, closed = codes.check(held.codes)
    return _Column(name, is_list, is_code, closed=closed)


def _kind(name: str, kind: FieldType) -> str:
    """Return what an identifier is, by its name in the dataset."""
    if kind is FieldType.DATE or name.endswith("_dob"):
        return "own-dob"
    for word in ("name", "phone", "address"):
        if name.endswith(f"_{word}"):
            return f"own-{word}"
    return "own-number"


def _items(text: str) -> list[str]:
    """Return the texts of a list as it travels; what is no list is one text."""
    try:
        held = json.loads(text)
    except ValueError:
        return [text]
    return [one for one in held if isinstance(one, str)] if isinstance(held, list) else [text]


_NOISE: Final = {"own-name": "'", "own-phone": r"\D", "own-number": r"[-_/.#\s]"}


def _likely(
    array: pa.Array[Any], kind: str, looked_for: Iterable[str]
) -> Iterable[tuple[int, object]]:
    """Return (row, value) of the identifiers that may hold one of the keys; never too few."""
    mask: Any
    if kind == "own-dob" and pa.types.is_date(array.type):
        wanted = pc.strptime(pa.array(sorted(looked_for)), "%Y-%m-%d", "s").cast(array.type)
        mask = pc.is_in(array, wanted)
    else:
        few = sorted({key.split(" ")[0] for key in looked_for})
        if len(few) > _FEW:
            mask = pc.is_valid(array)
        else:
            squeezed = array
            if kind in _NOISE:
                squeezed = pc.replace_substring_regex(array, _NOISE[kind], "")
            # Whatever has an accent is spelt out in full: this comparison does not fold it.
            some = "|".join(["[^\\x00-\\x7f]", *map(re.escape, few)])
            mask = pc.match_substring_regex(squeezed, some, ignore_case=True)
    places = pc.indices_nonzero(pc.fill_null(mask, False))  # noqa: FBT003 - Arrow's own
    if not len(places):
        return ()
    return zip(places.to_pylist(), array.take(places).to_pylist(), strict=True)
