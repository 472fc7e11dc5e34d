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
        held_bytes: How much is kept at most.

    Attributes:
        rows: Rows that wait.
    """

    def __init__(self, plan: Plan, held_bytes: int = HELD_BYTES) -> None:
        assert plan.classes is not None  # noqa: S101 - the engine asks only then
        self._plan = plan
        self._classes: Classes = plan.classes
        hidden = [by_hmac(one) for one in plan.classes.hidden]
        self._program = lower.Program(plan, hidden) if hidden else None
        alike, sensitive = frozenset(plan.classes.alike), plan.classes.sensitive
        several = [one for one in (*plan.masks, *hidden) if one.name in alike]
        keys = [n for one in several for n in ([one.name, one.name + WHY][: 1 + one.why])]
        sent = [one.name for one in plan.columns]
        self._own = [name for name in dict.fromkeys((*keys, *sensitive)) if name in sent]
        kinds = dict(plan.scan.columns)
        person = pl.col(plan.classes.person)
        text = kinds[plan.classes.person] in {FieldType.STRING, FieldType.CODE}
        # As a pseudonym is made: two spellings are one person, and a placeholder is nobody.
        self._person = (lower.canonical(person) if text else person).alias(_PERSON)
        read = [plan.classes.person, *[name for one in hidden for name in one.reads]]
        self._read = list(dict.fromkeys(read))
        self._subjects = list(dict.fromkeys(n for one in plan.subjects for n in one.fields))
        self._held: dict[str, list[Any]] = {name: [] for name in keys}
        self._hashes: dict[str, list[pl.Series]] = {name: [] for name in (_PERSON, *sensitive)}
        self._parts: list[tuple[Release, pa.RecordBatch]] = []
        self._size, self._most = 0, held_bytes
        self.rows = 0

    def add(self, release: Release, batch: pa.RecordBatch) -> None:
        """Take a checked batch, and the original rows that it was made from.

        Raises:
            RefusedError: `ROW_LIMIT`: more is to be kept than may be.
        """
        originals = _frame(batch.select(self._read))
        hidden = self._masked(originals)
        own = release.batch.select(self._own)
        for name, arrays in self._held.items():
            if name in hidden.columns:
                arrays.append(hidden[name].to_arrow(compat_level=pl.CompatLevel.oldest()))
            else:
                arrays.append(own.column(name))
        # Twice: within one expression canon@1 would be worked out for each mention of it.
        people = originals.select(self._person)
        for frame in (people, hidden, _frame(own)):
            several = [_hash(frame, name) for name in self._hashes if name in frame]
            for hashed in frame.select(several):
                self._hashes[hashed.name].append(hashed)
        subjects = batch.select(self._subjects)
        self._parts.append((release, subjects))
        self.rows += release.row_count
        self._size += release.batch.nbytes + subjects.nbytes
        self._size += int(hidden.estimated_size())
        self._size += HASH_BYTES * release.row_count * len(self._hashes)
        if self._size > self._most:
            raise _refused(self._plan, Reason.ROW_LIMIT, 6, _TOO_LARGE)

    def _masked(self, originals: pl.DataFrame) -> pl.DataFrame:
        """Return the columns that were not asked for, as they would leave."""
        if self._program is None:
            return pl.DataFrame()
        return self._program.mask(originals, []).with_columns(pl.col(pl.Enum).cast(pl.String))

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
        people = distinct(classes, count, hashes[_PERSON], everything)
        few, same = people < asked.k, np.zeros(count, np.bool_)
        for name in asked.sensitive:
            same |= distinct(classes, count, hashes[name], everything) < asked.l
        keep = ~(few | same)[classes]
        if not keep.all():
            if not asked.suppress:
                cause = "k" if few[classes].any() else "l"
                raise _refused(self._plan, Reason.DISCLOSURE_RISK, 10, _RISKS[cause], cause)
            people = distinct(classes, count, hashes[_PERSON], keep)
        crowd = _crowd(np.bincount(classes[keep], minlength=count), people)
        if crowd.people < asked.k and crowd.rows:
            # The figure is of what leaves alone: where it is too small, so is what leaves.
            message = "a class below `k` was about to leave"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        behind = hashes[_PERSON].filter(pl.Series(~keep)).drop_nulls().n_unique()
        if asked.suppress and behind >= asked.least_told:
            crowd = dataclasses.replace(crowd, held=int((~keep).sum()))
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


def _crowd(rows: Integers, people: Integers) -> Crowd:
    """Return the smallest class of those with rows."""
    if not rows.any():
        return Crowd(0, 0, None)
    smallest = int(people[rows > 0].min())
    return Crowd(smallest, int(rows[people == smallest].sum()), None)


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


def _hash(frame: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if frame.schema[name].is_float():
        column += 0.0  # minus zero is zero
    return pl.when(column.is_not_null()).then(column.hash()).alias(name)


def _joined(several: Sequence[pl.Series]) -> pl.Series:
    return pl.concat(several).rechunk() if several else pl.Series([], dtype=pl.UInt64)


def by_hmac(one: MaskField) -> MaskField:
    """Return a mask that needs no vault and makes the same rows alike; others as they are."""
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
