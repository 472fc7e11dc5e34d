"""Several feeds of one agency behind one adapter: each dataset comes from exactly one of them.

An agency's `adapter.toml` lists its feeds; a feed is one export or database of one kind. Two feeds
for one dataset are refused, so that a table never mixes two ways of counting (section 1, rule 6 of
the domain: tables that mix record kinds are refused).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Reason, SettingsError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from adapters.base import Adapter, Report
    from gateway.plan.pushdown import Scan
    from gateway.values import DatasetId


class Feeds:
    """An adapter that hands each scan to the one feed that holds its dataset."""

    def __init__(self, feeds: Sequence[Adapter]) -> None:
        """Take the feeds.

        Raises:
            SettingsError: There is none, or two hold the same dataset.
        """
        held: dict[DatasetId, Adapter] = {}
        for feed in feeds:
            for dataset in feed.datasets():
                if dataset in held:
                    raise SettingsError(f"adapter settings: two feeds give `{dataset}`")
                held[dataset] = feed
        if not held:
            raise SettingsError("adapter settings: `sources`: none is listed")
        self._held: Mapping[DatasetId, Adapter] = held

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the datasets of all feeds, sorted."""
        return tuple(sorted(self._held))

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return the scan's batches; see `Adapter.scan`."""
        feed = self._held.get(scan.dataset)
        if feed is None:
            raise SourceError(
                Reason.ADAPTER_BROKE_PLAN,
                "the scan names a dataset that this adapter does not hold",
            )
        return feed.scan(scan, report)
