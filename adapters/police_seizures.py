"""State Police drug seizures: rows of a county, a quarter and a drug, as `record_kind` aggregate.

There is no incident behind a row, so incidents are summed by `incident_count`, and a row of one
incident points to a case (PSP-3): that is for an agreement's suppression to see to. Quantities come
in kilograms with up to six decimals and are kept to the milligram (PSP-2).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from adapters import canonical, police_sql
from adapters.base import TableAdapter
from adapters.police_source import Place, Prepared
from adapters.police_sql import Engine, Expr, coded, filled
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Report

DATASET = DatasetId("police.drug_seizure", 1)

REQUIRED = (
    "year",
    "qtr",
    "qtr_start_date",
    "fips_state_code",
    "fips_county_code",
    "drug",
    "incident_count",
    "drug_quantity",
    "unit_used",
    "arrests",
)

NOT_READ = ("county_code", "county_code_text", "county_name", "lat_long")

GRAMS: Mapping[str, float] = {"gm": 1.0, "kg": 1000.0, "oz": 28.349523125, "lb": 453.59237}
"""Grams in a unit; the avoirdupois pound is exact by the agreement of 1959. Others have no mass."""

_QUARTERS = {"Q1": "01-01", "Q2": "04-01", "Q3": "07-01", "Q4": "10-01"}


@dataclass(frozen=True, slots=True)
class SeizureSettings:
    """What a feed's settings say of it."""

    source_system: str = "psp-seizures-2013"
    max_unknown_share: float = 0.05


class Seizures(TableAdapter):
    """One table in the State Police's form."""

    def __init__(self, place: Place, settings: SeizureSettings) -> None:
        self._place = place
        self._settings = settings
        self._prepared = Prepared(
            place, (REQUIRED, ()), (_mapped, functools.partial(_canonical, settings=settings))
        )

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def order(self, dataset: DatasetId) -> tuple[str, ...]:  # noqa: ARG002 - one dataset
        """Return place, period and drug: the rows' key in this form, and the rest against ties."""
        return (
            *("county_fips", "period_start", "drug_text"),
            *("incident_count", "estimated_quantity", "arrests"),
        )

    def table(self, dataset: DatasetId) -> Expr:  # noqa: ARG002 - one dataset
        """Return the seizures as an expression."""
        return self._prepared.tables()[1]

    def inspect(self, dataset: DatasetId, report: Report) -> None:  # noqa: ARG002 - one dataset
        """Count rows without a period or a drug, and what the lists do not know."""
        self._place.inspect((*REQUIRED, *NOT_READ), report)
        rows = self._prepared.tables()[0]
        # 999 is a seizure outside the state: a known code, and no county.
        place = rows.valid & rows.county_fips.isnull() & (rows.fips_county_code != "999")
        unit = rows.valid & rows.quantity_unit.isnull()
        quantity = rows.valid & rows.estimated_quantity.isnull()
        counted = rows.aggregate(
            rows=rows.count(),
            rows_unknown=(unit | quantity | place).sum(),
            **{
                "notice unknown-code quantity_unit": unit.sum(),
                "notice unknown-value estimated_quantity": quantity.sum(),
                "notice unknown-code county_fips": place.sum(),
                "quarantine no-period-or-drug": (~rows.valid).sum(),
            },
        )
        police_sql.enter(police_sql.one(counted), report)
        report.judge(self._settings.max_unknown_share)


def _mapped(raw: Expr, engine: Engine) -> Expr:
    start = police_sql.iso_date(raw.qtr_start_date)
    quarter = raw.year + "-" + coded(raw.qtr, _QUARTERS)
    units = canonical.codes("nibrs_quantity_unit", "PSP seizures")
    staged = engine.stage(
        raw.mutate(
            county_fips=police_sql.county(
                police_sql.digits(raw.fips_state_code, 2, 2), raw.fips_county_code
            ),
            # The start and the quarter say the same; where they differ, neither is believed.
            start=(start == quarter).ifelse(start, None),
            quantity_unit=coded(raw.unit_used, units),
            estimated_quantity=police_sql.number(raw.drug_quantity),
        )
    )
    day = engine.date(staged.start)
    valid = day.notnull() & filled(staged.drug).notnull()
    return staged.mutate(valid=valid, day=day)


def _canonical(mapped: Expr, engine: Engine, settings: SeizureSettings) -> Expr:
    """Return every field of the dataset; those of incidents are null."""
    rows = engine.stage(mapped.filter(mapped.valid))
    quantity, unit = rows.estimated_quantity, rows.quantity_unit
    grams = unit.cases(*GRAMS.items(), else_=ibis.null("float64"))
    held = {
        "record_kind": ibis.literal("aggregate"),
        "period_start": rows.day,
        "period_type": ibis.literal("quarter"),
        "drug_text": rows.drug,
        "estimated_quantity": quantity,
        "quantity_unit": unit,
        # To the microgram: what a multiplication adds below that is the float's, not the scale's.
        "quantity_grams": (quantity * grams).round(6),
        "incident_count": police_sql.integer(rows.incident_count),
        "arrests": police_sql.integer(rows.arrests),
        "county_fips": rows.county_fips,
        "source_system": ibis.literal(settings.source_system),
    }
    return rows.select(**police_sql.padded(DATASET, held))
