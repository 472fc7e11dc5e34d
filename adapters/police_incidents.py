"""Seizures in an agency's own table: one row for each incident and drug, in the codes of NIBRS 4.2.

A drug offense is 35A or 35B, and a seizure has the loss type seized or none; other rows are not
carried and said so. `XX` is a quantity that the laboratory will tell: where another row of the same
incident and drug has it, that row stands (NIB-4). Two rows that contradict each other both go.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import ibis

from adapters import canonical, police_sql
from adapters.base import TableAdapter
from adapters.police_seizures import DATASET, GRAMS, SeizureSettings
from adapters.police_source import Place, Prepared
from adapters.police_sql import Engine, Expr, coded, filled

if TYPE_CHECKING:
    from adapters.base import Report
    from gateway.values import DatasetId

REQUIRED = (
    "agency_ori",
    "incident_number",
    "incident_date",
    "offense_code",
    "property_loss_type",
    "suspected_drug_type",
    "estimated_quantity",
    "quantity_unit",
)

OPTIONAL = (
    "report_date_indicator",
    "criminal_activity",
    "drug_text",
    "county_fips",
    "location_type",
)

_LISTS = {
    "offense_code": "nibrs_drug_offense",
    "property_loss_type": "nibrs_loss_type",
    "suspected_drug_type": "nibrs_drug_type",
    "quantity_unit": "nibrs_quantity_unit",
}
_KEYS = ("agency_ori", "incident_number", "suspected_drug_type", "drug_text")


class Incidents(TableAdapter):
    """One table of seizures by incident."""

    def __init__(self, place: Place, settings: SeizureSettings) -> None:
        self._place = place
        self._settings = settings
        self._prepared = Prepared(
            place, (REQUIRED, OPTIONAL), (_mapped, functools.partial(_keyed, settings=settings))
        )

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def order(self, dataset: DatasetId) -> tuple[str, ...]:  # noqa: ARG002 - one dataset
        """Return the keys of a row."""
        return _KEYS

    def table(self, dataset: DatasetId) -> Expr:  # noqa: ARG002 - one dataset
        """Return the seizures as an expression."""
        rows = self._prepared.tables()[1]
        return rows.filter((rows.same == 1) & ~rows.awaited).drop("same", "awaited")

    def inspect(self, dataset: DatasetId, report: Report) -> None:  # noqa: ARG002 - one dataset
        """Count what is left out and what the lists do not know."""
        self._place.inspect((*REQUIRED, *OPTIONAL), report)
        mapped, keyed = self._prepared.tables()
        counted = police_sql.one(_count(mapped))
        twice = keyed.filter((keyed.same > 1) & ~keyed.awaited).select(*_KEYS).distinct()
        conflicting = twice.aggregate(**{"quarantine conflicting-rows": twice.count()})
        police_sql.enter(counted | police_sql.one(conflicting), report)
        report.judge(self._settings.max_unknown_share)


def _keyed(mapped: Expr, engine: Engine, settings: SeizureSettings) -> Expr:
    """Return the distinct rows out: `same` as one key, `awaited` where another has the quantity."""
    rows = engine.stage(mapped.filter(mapped.carried & mapped.valid))
    held = _canonical(rows, settings)
    by_key = ibis.window(group_by=_KEYS)
    one = engine.stage(held.distinct())
    one = engine.stage(one.mutate(told=(one.quantity_unit != "xx").any().over(by_key)))
    awaited = (one.told & (one.quantity_unit == "xx")).fill_null(ibis.literal(value=False))
    one = engine.stage(one.mutate(awaited=awaited).drop("told"))
    return one.mutate(same=(~one.awaited).sum().over(by_key))


def _mapped(raw: Expr, engine: Engine) -> Expr:
    """Return source rows with codes, and whether each is carried and whether it is a record."""
    codes = {
        f"{name}_code": coded(raw[name], canonical.codes(code_list, "NIBRS 4.2"))
        for name, code_list in _LISTS.items()
    }
    staged = engine.stage(
        raw.mutate(
            **codes,
            iso=police_sql.iso_date(raw.incident_date),
            quantity=police_sql.number(raw.estimated_quantity),
            county=police_sql.digits(raw.county_fips, 5, 5),
        )
    )
    day = engine.date(staged.iso)
    key = filled(staged.incident_number).notnull()
    return staged.mutate(
        day=day,
        carried=staged.offense_code_code.notnull() & staged.property_loss_type_code.notnull(),
        keyed=key,
        valid=key & day.notnull(),
    )


def _count(rows: Expr) -> Expr:
    """Return the one-row expression of all counts, by name as `police_sql.enter` reads them."""
    record = rows.carried & rows.valid
    unknown = {
        f"notice unknown-code {name}": record & rows[f"{name}_code"].isnull() & (rows[name] != "")
        for name in ("suspected_drug_type", "quantity_unit")
    }
    amount = rows.quantity.isnull() & (rows.estimated_quantity != "")
    unknown["notice unknown-value estimated_quantity"] = record & amount
    some = functools.reduce(lambda left, right: left | right, unknown.values())
    return rows.aggregate(
        rows=rows.count(),
        rows_unknown=some.sum(),
        **{name: test.sum() for name, test in unknown.items()},
        **{
            "notice not-carried offense_code": rows.offense_code_code.isnull().sum(),
            "notice not-carried property_loss_type": (
                rows.offense_code_code.notnull() & rows.property_loss_type_code.isnull()
            ).sum(),
            "quarantine no-record-key": (rows.carried & ~rows.keyed).sum(),
            "quarantine no-event-date": (rows.carried & rows.keyed & rows.day.isnull()).sum(),
        },
    )


def _canonical(rows: Expr, settings: SeizureSettings) -> Expr:
    grams = rows.quantity_unit_code.cases(*GRAMS.items(), else_=ibis.null("float64"))
    activity = coded(
        rows.criminal_activity, canonical.codes("nibrs_criminal_activity", "NIBRS 4.2")
    )
    held = {
        "record_kind": ibis.literal("incident"),
        "agency_ori": filled(rows.agency_ori),
        "incident_number": rows.incident_number,
        "incident_date": rows.day,
        "date_is_report_date": rows.report_date_indicator.cases(
            ("Y", True), ("N", False), else_=ibis.null("boolean")
        ),
        "offense_code": rows.offense_code_code,
        "criminal_activity": ibis.literal('["') + activity + '"]',
        "property_loss_type": rows.property_loss_type_code,
        "suspected_drug_type": rows.suspected_drug_type_code,
        "drug_text": filled(rows.drug_text),
        "estimated_quantity": rows.quantity,
        "quantity_unit": rows.quantity_unit_code,
        "quantity_grams": (rows.quantity * grams).round(6),
        "county_fips": rows.county,
        "location_type": police_sql.digits(rows.location_type, 2, 2),
        "source_system": ibis.literal(settings.source_system),
    }
    return rows.select(**police_sql.padded(DATASET, held))
