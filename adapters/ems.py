"""The EMS adapter: patient care reports, and referrals to outreach after an overdose.

    definition = "nemsis-opioid-overdose"       # or nemsis-opioid-overdose-anchored

    [[sources]]
    kind = "nemsis"                             # a folder of EMSDataSet documents
    path = "reports"
    schema_dir = "schemas/3.5.1"                # without it the scan is `unvalidated`

    [[sources]]
    kind = "referrals"                          # a folder of FHIR R4 JSON
    path = "referrals"
    zone = "America/New_York"

Sources of reports are all of one kind, `nemsis`, `tempe` or `pa_ems`: each has a case definition
of its own, and counts under two definitions are never added. `all_reports = true` makes rows of
NEMSIS reports that are no case, without a definition: for reconciliation, not for service.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters import civil_time, ems_nemsis, ems_tables
from adapters.base import Adapter, Record, Report, RowAdapter, Settings, read_settings, under
from adapters.ems_cases import DEFINITIONS
from adapters.ems_referral_row import Deadline
from adapters.ems_referrals import Referrals
from gateway.errors import SettingsError
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

RUNS = DatasetId("ems.overdose_run", 1)
REFERRALS = DatasetId("referral.post_overdose", 1)


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: Path


class NemsisSource(_Source):
    """A folder of NEMSIS XML, with the folder of its schema where that is at hand."""

    kind: Literal["nemsis"]
    schema_dir: Path | None = None
    version: Literal["3.5.0", "3.5.1"] = "3.5.1"


class TempeSource(_Source):
    """The City of Tempe's CSV."""

    kind: Literal["tempe"]


class PaEmsSource(_Source):
    """Pennsylvania's CSV; its clock is local."""

    kind: Literal["pa_ems"]
    zone: str = "America/New_York"


class ReferralSource(_Source):
    """A folder of FHIR R4 JSON."""

    kind: Literal["referrals"]
    zone: str
    due_hours: int = Field(default=72, ge=24, le=72)


class EmsSettings(Settings):
    """The adapter's settings."""

    definition: Literal["nemsis-opioid-overdose", "nemsis-opioid-overdose-anchored"] = (
        "nemsis-opioid-overdose"
    )
    all_reports: bool = False
    sources: tuple[
        Annotated[
            NemsisSource | TempeSource | PaEmsSource | ReferralSource, Field(discriminator="kind")
        ],
        ...,
    ] = Field(min_length=1)


class EmsAdapter(RowAdapter):
    """An EMS agency's reports and referrals."""

    def __init__(self, settings: EmsSettings, folder: Path) -> None:
        """Open every source.

        Raises:
            SettingsError: A path, schema or zone is absent, or reports come from two feeds.
        """
        self.max_unknown_share = settings.max_unknown_share
        runs = [held for held in settings.sources if not isinstance(held, ReferralSource)]
        if len(runs) > 1 and {held.kind for held in runs} != {"nemsis"}:
            raise SettingsError("adapter settings: `sources`: reports come from more than one feed")
        self._nemsis = tuple(
            _folder(held, settings, folder) for held in runs if isinstance(held, NemsisSource)
        )
        self._table = next((_table(held, folder) for held in runs if held.kind != "nemsis"), None)
        self._referrals = tuple(
            Referrals(
                under(folder, held.path), Deadline(civil_time.zone(held.zone), held.due_hours)
            )
            for held in settings.sources
            if isinstance(held, ReferralSource)
        )

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the datasets held, sorted."""
        runs = (RUNS,) if self._nemsis or self._table else ()
        return (*runs, REFERRALS) if self._referrals else runs

    def rows(
        self,
        dataset: DatasetId,
        wanted: frozenset[str],  # noqa: ARG002 - rows are kept whole between scans
        report: Report,
    ) -> Iterator[Record]:
        """Yield reports by source and path, or referrals by id; see `RowAdapter.rows`."""
        if dataset == REFERRALS:
            for source in self._referrals:
                yield from source.rows(report)
        elif self._table is not None:
            yield from self._table(report)
        else:
            yield from ems_nemsis.rows(self._nemsis, report)


def _folder(source: NemsisSource, settings: EmsSettings, folder: Path) -> ems_nemsis.Folder:
    schema = None
    if source.schema_dir is not None:
        schema = ems_nemsis.open_schema(under(folder, source.schema_dir))
    return ems_nemsis.Folder(
        under(folder, source.path),
        schema,
        f"nemsis-{source.version}",
        DEFINITIONS[settings.definition],
        settings.all_reports,
    )


def _table(
    source: NemsisSource | TempeSource | PaEmsSource, folder: Path
) -> Callable[[Report], Iterator[Record]]:
    path = under(folder, source.path)
    if isinstance(source, PaEmsSource):
        zone = civil_time.zone(source.zone)
        return lambda report: ems_tables.pa_ems(path, zone, report)
    return lambda report: ems_tables.tempe(path, report)


def create(settings: Mapping[str, object], base: Path) -> Adapter:
    """Return the adapter of an EMS agency.

    Args:
        settings: As the module's first paragraphs show.
        base: The folder that its paths are relative to.

    Raises:
        SettingsError: A setting is unknown, missing or wrong; the message names the key.
    """
    return EmsAdapter(read_settings(EmsSettings, settings), base)
