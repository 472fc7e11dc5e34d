"""Classes of rows alike in what may leave of them: how many people each has, and which stay behind.

People are counted, never rows: one person in k rows is a class of one. All batches are seen before
the first row leaves, since a class of one batch may be whole only with the last. What is kept until
then is the checked batches themselves, and of people and sensitive values 64 bits of a hash: two
values that meet there are counted as one, which lets less leave and never more.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.identity import Method, Pseudonym
from gateway.plan import lower
from gateway.plan.ops import WHY, Crowd
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from gateway.plan.check import Release
    from gateway.plan.ops import Classes, MaskField, Plan

HELD_BYTES: Final = 1 << 29
"""Masked rows and what is counted of them, of one request, that are kept in memory at most."""
CODES_MAX: Final = 1 << 31
HASH_BYTES: Final = 8
_PERSON = ".person"


Flags: TypeAlias = "NDArray[np.bool_]"
Integers: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One checked batch.

    Attributes:
        subjects: The originals that its subject tokens are made from.
        keep: For each row whether it leaves.
    """

    release: Release
    subjects: pa.RecordBatch
    keep: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """All batches with what leaves of them, to be taken from the left, and how well it is hidden.

    Attributes:
        nobody: What `keep` is of no rows.
    """

    parts: deque[Part]
    crowd: Crowd
    nobody: Flags = field(default_factory=lambda: np.ones(0, np.bool_))


class Gathering:
    """Keeps the batches of one release until their classes are known.

    Args:
        plan: A record-level plan with classes.

    Attributes:
        rows: Rows that wait.
    """

    def __init__(self, plan: Plan) -> None:
        assert plan.classes is not None  # noqa: S101 - the engine asks only then
        self._plan = plan
        self._classes: Classes = plan.classes
        hidden = [_by_hmac(one) for one in plan.classes.hidden]
        self._program = lower.Program(plan, hidden)
        several = (*plan.masks, *hidden)
        alike = frozenset(plan.classes.alike)
        companions = [one.name + WHY for one in several if one.why and one.name in alike]
        self._keys = (*plan.classes.alike, *companions)
        kinds = dict(plan.scan.columns)
        person = pl.col(plan.classes.person)
        text = kinds[plan.classes.person] in {FieldType.STRING, FieldType.CODE}
        # As a pseudonym is made: two spellings are one person, and a placeholder is nobody.
        self._person = (lower.canonical(person) if text else person).alias(_PERSON)
        read = [plan.classes.person, *[name for one in hidden for name in one.reads]]
        self._read = list(dict.fromkeys(read))
        self._subjects = list(dict.fromkeys(n for one in plan.subjects for n in one.fields))
        self._held: dict[str, list[Any]] = {name: [] for name in self._keys}
        self._hashes: dict[str, list[pl.Series]] = {
            name: [] for name in (_PERSON, *plan.classes.sensitive)
        }
        self._parts: list[tuple[Release, pa.RecordBatch]] = []
        self._size = 0
        self.rows = 0

    def add(self, release: Release, batch: pa.RecordBatch) -> None:
        """Take a checked batch, and the original rows that it was made from.

        Raises:
            RefusedError: `ROW_LIMIT`: more is to be kept than may be.
        """
        made = self._program.mask(_frame(batch.select(self._read)), [self._person])
        batched = release.batch
        left: dict[str, Any] = {name: batched.column(name) for name in batched.schema.names}
        for name in made.columns:
            if name != _PERSON:
                plain = made[name].cast(pl.String) if made[name].dtype == pl.Enum else made[name]
                left[name] = plain.to_arrow(compat_level=pl.CompatLevel.oldest())
        left[_PERSON] = made[_PERSON].to_arrow(compat_level=pl.CompatLevel.oldest())
        for name, arrays in self._held.items():
            arrays.append(left[name])
        for name, several in self._hashes.items():
            several.append(_hashed(left[name]))
        subjects = batch.select(self._subjects)
        self._parts.append((release, subjects))
        self.rows += release.row_count
        self._size += release.batch.nbytes + subjects.nbytes
        self._size += sum(left[name].nbytes for name in made.columns if name != _PERSON)
        self._size += HASH_BYTES * release.row_count * len(self._hashes)
        if self._size > HELD_BYTES:
            raise _refused(self._plan, Reason.ROW_LIMIT, 6, _TOO_LARGE)

    def settle(self) -> Settled:
        """Return which rows leave, now that all are there.

        Raises:
            RefusedError: `DISCLOSURE_RISK`, cause `k` or `l`: a class is too small, or too much
                alike, and the provision lets nothing leave then.
        """
        asked = self._classes
        classes, count = self._classes_of_rows()
        hashes = {name: _joined(several) for name, several in self._hashes.items()}
        everything = np.ones(self.rows, np.bool_)
        few, same = self._short(classes, count, hashes, everything)
        keep = ~(few | same)[classes]
        if not asked.suppress and not keep.all():
            cause = "k" if few[classes].any() else "l"
            raise _refused(self._plan, Reason.DISCLOSURE_RISK, 10, _RISKS[cause], cause)
        if not keep.all():
            # Counted once more, over what leaves alone.
            few, same = self._short(classes, count, hashes, keep)
            if (few | same)[classes[keep]].any():
                message = "a class below `k` or `l` was about to leave"
                raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        crowd = self._crowd(classes, count, hashes[_PERSON], keep)
        return Settled(deque(self._cut(keep)), crowd)

    def _cut(self, keep: Flags) -> Iterator[Part]:
        """Yield each batch with its rows' answers."""
        begin = 0
        for release, subjects in self._parts:
            end = begin + release.row_count
            yield Part(release, subjects, keep[begin:end])
            begin = end
        self._parts.clear()

    def _classes_of_rows(self) -> tuple[Integers, int]:
        """Return for each row which class it is in, and how many classes there are."""
        codes, count = np.zeros(self.rows, np.int64), 1
        for arrays in self._held.values():
            column: Any = pa.chunked_array(arrays) if arrays else pa.chunked_array([], pa.null())
            if column.null_count == len(column):
                continue  # alike in every row
            more, size = _codes(column)
            codes, count = codes * size + more, count * size
            if count > CODES_MAX:
                codes, count = _codes(pa.chunked_array([codes]))
        return _codes(pa.chunked_array([codes]))

    def _short(
        self,
        classes: Integers,
        count: int,
        hashes: dict[str, pl.Series],
        rows: Flags,
    ) -> tuple[Flags, Flags]:
        """Return for each class whether it has too few people, and too few sensitive values."""
        few = distinct(classes, count, hashes[_PERSON], rows) < self._classes.k
        same = np.zeros(count, np.bool_)
        for name in self._classes.sensitive:
            same |= distinct(classes, count, hashes[name], rows) < self._classes.l
        return few, same

    def _crowd(
        self,
        classes: Integers,
        count: int,
        people: pl.Series,
        keep: Flags,
    ) -> Crowd:
        each = distinct(classes, count, people, keep)
        rows = np.bincount(classes[keep], minlength=count)
        smallest = int(each[rows > 0].min()) if keep.any() else 0
        behind = people.filter(pl.Series(~keep)).drop_nulls().n_unique()
        told = self._classes.suppress and behind >= self._classes.least_told
        return Crowd(
            people=smallest,
            rows=int(rows[each == smallest].sum()),
            held=int((~keep).sum()) if told else None,
        )


def distinct(classes: Integers, count: int, values: pl.Series, rows: Flags) -> Integers:
    """Return how many different values each class has in these rows; null is none.

    Args:
        classes: The class of each row, from 0.
        count: How many classes there are.
        values: Hashes of 64 bits, or null.
        rows: Which rows count.
    """
    there = rows & values.is_not_null().to_numpy()
    hashes = values.fill_null(0).to_numpy()[there]
    if not len(hashes):
        return np.zeros(count, np.int64)
    # The class in the upper bits, as much of the hash as has room below: one sort counts all.
    bits = max(int(count - 1).bit_length(), 1)
    up, down = np.uint64(64 - bits), np.uint64(bits)
    both = (classes[there].astype(np.uint64) << up) | (hashes >> down)
    both.sort()
    first = np.ones(len(both), np.bool_)
    np.not_equal(both[1:], both[:-1], out=first[1:])
    return np.bincount((both[first] >> up).astype(np.int64), minlength=count)


def _codes(column: Any) -> tuple[Integers, int]:  # noqa: ANN401 - of any type
    """Return values as whole numbers from 0, null as one of them, and how many there are."""
    made: Any = column.dictionary_encode(null_encoding="encode").combine_chunks()
    if isinstance(made, pa.ChunkedArray):
        if not made.num_chunks:
            return np.zeros(0, np.int64), 1
        made = made.chunk(0)
    indices = made.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return indices, max(len(made.dictionary), 1)


def _hashed(array: Any) -> pl.Series:  # noqa: ANN401 - an array of any type
    if pa.types.is_floating(array.type):
        array = pc.add(array, 0.0)  # minus zero is zero
    values = pl.Series(array)
    made = values.hash()
    return made.set(values.is_null(), None)


def _joined(several: Sequence[pl.Series]) -> pl.Series:
    return pl.concat(several).rechunk() if several else pl.Series([], dtype=pl.UInt64)


def _by_hmac(one: MaskField) -> MaskField:
    # A token that is not sent is not drawn: the index by which it would be has the same classes.
    if isinstance(one.mask, Pseudonym) and one.mask.method is Method.TOKEN:
        return dataclasses.replace(one, mask=dataclasses.replace(one.mask, method=Method.HMAC))
    return one


_TOO_LARGE: Final = "more rows than are kept in memory to count classes: narrow the request"


_RISKS: Final = {
    "k": "a class of released quasi-identifiers has fewer than `k` people",
    "l": "a class of released quasi-identifiers has fewer than `l` values of a sensitive field",
}


def _refused(plan: Plan, reason: Reason, step: int, message: str, cause: str = "") -> RefusedError:
    rule = plan.rule
    return RefusedError(
        reason,
        message,
        step=step,
        agreement=rule.pact.agreement.ref,
        provision=rule.provision.id,
        clause=rule.provision.clause,
        cause=cause,
    )


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch is never a series
    return frame
