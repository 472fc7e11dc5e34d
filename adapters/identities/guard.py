"""An adapter in front of which the scan for misplaced identities stands; every adapter gets it.

What the scan asks for is widened by the row's own identifiers, which are looked at here and go no
further: what is yielded has the asked columns alone. A row that holds an identity where none should
be stays at its source. It is counted, on the wire as a number without more, and in the report by
field and detector; its value is in neither, and nobody makes a copy of it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from adapters.base import UNKNOWN_LEAST_ROWS, check_scan
from adapters.identities.scan import Scanner, Terms
from adapters.identities.text import plain, words
from adapters.identities.tokens import Kept
from gateway.errors import Reason, SettingsError, SourceError
from gateway.plan.pushdown import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from adapters.base import Adapter, Report
    from gateway.plan.pushdown import Scan
    from gateway.values import DatasetId

REASON: Final = "misplaced-identity"
"""What a row that stays is counted as, on the wire too."""

NOTICE: Final = "misplaced-"
"""What the kinds of this scan's notices begin with; the detector follows."""

WINDOW_ROWS: Final = 8192
"""How many rows are looked at together, whatever size of batch is asked for.

Where identifiers are needed the rows of a person are looked for in one another, and what is found
must not depend on how a recipient wants its batches.
"""


class IdentitySettings(BaseModel):
    """`[identities]` of `adapter.toml`.

    Attributes:
        max_share: Of the rows of a scan, how many may stay before it stops; of at least 100.
        places: The provider's agencies, hospitals, places and streets that look like names.
        record_numbers: How its record numbers look, as regular expressions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    max_share: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    places: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=80)], ...], Field(max_length=5000)
    ] = ()
    record_numbers: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=200)], ...], Field(max_length=20)
    ] = ()


class MisplacedError(SourceError):
    """Too many rows of a scan hold identities in fields that should not hold them.

    Attributes:
        held: How many rows stayed.
        rows: Of how many.
    """

    def __init__(self, held: int, rows: int, field: str) -> None:
        super().__init__(
            Reason.PROVIDER_REFUSED,
            f"too many rows hold identities where none should be, most often in `{field}`",
            field=field,
            misplaced=str(held),
            rows=str(rows),
        )
        self.held = held
        self.rows = rows


class Guarded:
    """An adapter whose rows have been looked through; see `adapters.base.Adapter`."""

    def __init__(self, adapter: Adapter, settings: IdentitySettings | None = None) -> None:
        """Stand in front of an adapter.

        Raises:
            SettingsError: A place holds no word, or a record number is no regular expression.
        """
        held = settings if settings is not None else IdentitySettings()
        self._adapter = adapter
        self._max_share = held.max_share
        self._terms = Terms(_kept(held.places), _shapes(held.record_numbers))

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the datasets of the adapter."""
        return self._adapter.datasets()

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return the scan's batches without the rows that stay; see `Adapter.scan`.

        Raises:
            MisplacedError: In place of the batch with which the share of such rows is too large.
        """
        check_scan(scan, self.datasets())
        scanner = Scanner(scan.dataset, scan.columns, self._terms)
        if not scanner.columns:
            return self._adapter.scan(scan, report)
        wide = scan
        if scanner.needed:
            beside = tuple(one for one in scanner.needed if one not in scan.columns)
            wide = replace(scan, columns=scan.columns + beside, batch_rows=WINDOW_ROWS)
        # Asked here and not when the first batch is: an adapter refuses at once what is not its.
        batches = self._adapter.scan(wide, report)
        return self._run(scan, scanner, wide, batches, report)

    def _run(
        self,
        scan: Scan,
        scanner: Scanner,
        wide: Scan,
        batches: Iterator[pa.RecordBatch],
        report: Report,
    ) -> Iterator[pa.RecordBatch]:
        schema, read = arrow_schema(scan.columns), arrow_schema(wide.columns)
        counts: Counter[str] = Counter()
        rows = held = 0
        try:
            for batch in batches:
                if batch.schema != read:
                    message = "the adapter's batch does not have the columns of its scan"
                    raise SourceError(Reason.ADAPTER_BROKE_PLAN, message)
                found = scanner.look(batch)
                rows += batch.num_rows
                held += len(found.rows)
                for (detector, field), count in found.counts.items():
                    report.notices[NOTICE + detector, field] += count
                    counts[field] += count
                if found.rows:
                    report.quarantined[REASON] += len(found.rows)
                    self._judge(held, rows, counts)
                yield from _left(batch, found.rows, schema, scan.batch_rows)
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    def _judge(self, held: int, rows: int, counts: Counter[str]) -> None:
        if held > self._max_share * max(rows, UNKNOWN_LEAST_ROWS):
            worst = max(counts, key=lambda field: (counts[field], field))
            raise MisplacedError(held, rows, worst)


def _left(
    batch: pa.RecordBatch, held: tuple[int, ...], schema: pa.Schema, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the asked columns of the rows that go on, in order; nothing where none does."""
    if len(held) == batch.num_rows:
        return
    if batch.schema != schema:
        batch = batch.select(schema.names)
    if held:
        stay = set(held)
        batch = batch.take([row for row in range(batch.num_rows) if row not in stay])
    if batch.num_rows <= batch_rows:
        yield batch
        return
    for start in range(0, batch.num_rows, batch_rows):
        yield batch.slice(start, batch_rows)


def _kept(places: tuple[str, ...]) -> Kept:
    phrases = frozenset(tuple(word.folded for word in words(plain(place))) for place in places)
    if () in phrases:
        raise SettingsError("adapter settings: `identities.places`: an entry holds no word")
    return Kept(phrases)


def _shapes(texts: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    try:
        return tuple(re.compile(text) for text in texts)
    except re.error:
        raise SettingsError(
            "adapter settings: `identities.record_numbers`: an entry is no regular expression"
        ) from None
