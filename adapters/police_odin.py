"""ODIN overdose responses: the long form (victim x drug x administration) to one row each.

A row out is a victim and an administration of naloxone; a victim without administration has one
row; drugs become a sorted list of the victim. The whole mapping is one Ibis expression, so a scan's
filter and columns run where the table is. What cannot be said is null: `0` for a dose of unknown
size, `00:00:00` for a time, `Unknown` and `999` for a county (domain section 2.2, ODIN-1 to 12).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from adapters import canonical, civil_time, police_notices, police_sql
from adapters.base import TableAdapter
from adapters.police_notices import BLANK, CODED
from adapters.police_source import Place, Prepared
from adapters.police_sql import Engine, Expr, coded, filled
from adapters.police_states import FIPS, USPS
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from adapters.base import Report

DATASET = DatasetId("police.overdose_response", 1)

REQUIRED = (
    "incident_id",
    "incident_date",
    "incident_time",
    "incident_state",
    "victim_id",
    "gender_desc",
    "age_range",
    "race",
    "ethnicity_desc",
    "victim_state",
    "accidental_exposure",
    "susp_od_drug_desc",
    "naloxone_administered",
    "administration_id",
    "dose_count",
    "dose_unit",
    "dose_desc",
    "response_time_desc",
    "survive",
    "response_desc",
    "revive_action_desc",
    "third_party_admin_desc",
    "incident_county_fips_code",
    "victim_county_fips_code",
)
"""Columns without which nothing is read."""

OPTIONAL = (
    "incident_county_latitude",
    "incident_county_longitude",
    "agency_ori",
    "incident_zip",
    "victim_last_name",
    "victim_first_name",
    "victim_dob",
    "outreach_opt_out",
)
"""Columns of an agency's own table that the public export does not have, and the centroids."""

NOT_READ = (
    "day",  # beside the date, and wrong in places
    "incident_county_name",
    "victim_county",
    "victim_od_drug_id",
    "victim_county_latitude",
    "victim_county_longitude",
    "incident_county_latitude_and_longitude",
    "victim_county_latitude_and_longitude",
)
"""Columns that are known and never opened."""

_KEYS = ("incident_id", "victim_id", "administration_id")


@dataclass(frozen=True, slots=True)
class OdinSettings:
    """What a feed's settings say of it.

    Attributes:
        zone: Of the agency's clock.
        agency_ori: Of the agency, where the table has no such column; empty for null.
        source_system: The feed's one name.
        max_unknown_share: As in `RowAdapter`.
    """

    zone: ZoneInfo
    agency_ori: str = ""
    source_system: str = "odin-2018"
    max_unknown_share: float = 0.05


class Odin(TableAdapter):
    """One ODIN-shaped table."""

    def __init__(self, place: Place, settings: OdinSettings) -> None:
        self._place = place
        self._settings = settings
        steps = (_mapped, functools.partial(_keyed, settings=settings))
        self._prepared = Prepared(place, (REQUIRED, OPTIONAL), steps, settings.zone)
        self._counted: tuple[object, Mapping[str, int | None]] = (None, {})

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def order(self, dataset: DatasetId) -> tuple[str, ...]:  # noqa: ARG002 - one dataset
        """Return the keys: text, so `10` stands before `9`, the same way always."""
        return _KEYS

    def table(self, dataset: DatasetId) -> Expr:  # noqa: ARG002 - one dataset
        """Return the responses as an expression."""
        keyed = self._prepared.tables()[1]
        # Two rows of one key that differ contradict each other, and nothing says which is right.
        return keyed.filter(keyed.same == 1).drop("same")

    def inspect(self, dataset: DatasetId, report: Report) -> None:  # noqa: ARG002 - one dataset
        """Count records without key or date, contradictory ones, and what the lists do not know."""
        self._place.inspect((*REQUIRED, *OPTIONAL, *NOT_READ), report)
        state = self._place.state()
        held, counted = self._counted
        if held != state:
            counted = self._count()
            self._counted = (state, counted)
        police_sql.enter(counted, report)
        report.judge(self._settings.max_unknown_share)

    def _count(self) -> Mapping[str, int | None]:
        mapped, keyed = self._prepared.tables()
        counted = police_sql.one(police_notices.count(mapped))
        twice = keyed.filter(keyed.same > 1).select(*_KEYS).distinct()
        conflicting = twice.aggregate(**{"quarantine conflicting-rows": twice.count()})
        return counted | police_sql.one(conflicting)


def _spellings(code_list: str) -> Mapping[str, str]:
    return canonical.codes(code_list, "ODIN")


def _mapped(raw: Expr, engine: Engine) -> Expr:
    """Return the source rows with codes and times, `valid_key` and `valid_date` beside them."""
    dated = engine.stage(_timed(raw, engine))
    given = dated.administration_id.notin(["", "0"]) & dated.administration_id.notnull()
    by = (given & dated.third_party_admin_desc.isin(BLANK)).ifelse(
        "NA with an administration", given.ifelse(dated.third_party_admin_desc, None)
    )
    fields = {
        name: coded(by if name == "administered_by" else dated[column], _spellings(code_list))
        for name, (column, code_list) in CODED.items()
    }
    at = engine.instant(dated.local + dated.offset)
    return dated.mutate(
        **fields,
        given=given,
        incident_at=at,
        time_precision=_precision(dated, at),
        valid_key=filled(dated.incident_id).notnull() & filled(dated.victim_id).notnull(),
        valid_date=engine.date(dated.iso).notnull(),
    )


def _timed(raw: Expr, engine: Engine) -> Expr:
    """Return the rows with `iso` date, `clock`, `local` time, the zone's `offset` and `note`."""
    whole = raw.incident_time.re_search(r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$")
    short = raw.incident_time.re_search(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    clock = ibis.cases(
        (whole, raw.incident_time), (short, raw.incident_time + ":00"), else_=ibis.null("string")
    )
    rows = engine.stage(raw.mutate(iso=police_sql.iso_date(raw.incident_date), clock=clock))
    # Midnight is how the source writes that it does not know (ODIN-6).
    local = rows.iso + " " + rows.clock.nullif("00:00:00")
    return police_sql.zoned(engine.stage(rows.mutate(local=local)))


def _precision(rows: Expr, at: Expr) -> Expr:
    return ibis.cases(
        (at.isnull(), "day"),
        (rows.note == civil_time.REPEATED, "hour"),
        (rows.clock.endswith(":00"), "minute"),
        else_="instant",
    )


def _coordinate(column: Expr, limit: int) -> Expr:
    value = police_sql.number(column)
    return ((value != 0) & (value >= -limit) & (value <= limit)).ifelse(value, None)


def _flag(column: Expr) -> Expr:
    return column.cases(("Y", True), ("N", False), else_=ibis.null("boolean"))


def _keyed(mapped: Expr, engine: Engine, settings: OdinSettings) -> Expr:
    """Return the distinct rows out, with `same`: how many share a row's key."""
    held = mapped.filter(mapped.valid_key & mapped.valid_date)
    rows = engine.stage(held.mutate(suspected_drugs=_drug_list(held)))
    fields = _fields(rows, engine, settings)
    one = engine.stage(rows.select(**{name: fields[name] for name in canonical.fields(DATASET)}))
    one = engine.stage(one.distinct())
    return one.mutate(same=one.count().over(ibis.window(group_by=_KEYS)))


def _drug_list(rows: Expr) -> Expr:
    """Return each victim's drugs as the JSON text of a sorted list; empty where none is known."""
    victim = ibis.window(group_by=("incident_id", "victim_id"))
    found = [
        (rows.drug == code).any().over(victim).ifelse(f',"{code}"', "")
        for code in sorted(set(_spellings("suspected_drug").values()))
    ]
    items = functools.reduce(lambda left, right: left + right, found)
    return ibis.literal("[") + items.substr(1) + "]"


def _fields(rows: Expr, engine: Engine, settings: OdinSettings) -> dict[str, Expr]:
    """Return every field of the dataset, by name."""
    size = police_sql.number(rows.dose_unit)
    dose = (rows.given & (rows.dose_desc == "MG") & (size > 0)).ifelse(size, None)
    opt_out = rows.outreach_opt_out
    ori = filled(rows.agency_ori).coalesce(filled(ibis.literal(settings.agency_ori)))
    return {
        "incident_id": rows.incident_id,
        "victim_id": rows.victim_id,
        "administration_id": rows.given.ifelse(rows.administration_id, None),
        "agency_ori": ori,
        "incident_date": engine.date(rows.iso),
        "incident_at": rows.incident_at,
        "time_precision": rows.time_precision,
        "incident_county_fips": police_sql.county(
            coded(rows.incident_state, FIPS), rows.incident_county_fips_code
        ),
        "incident_zip": police_sql.digits(rows.incident_zip, 5, 5),
        "incident_lat": _coordinate(rows.incident_county_latitude, 90),
        "incident_lon": _coordinate(rows.incident_county_longitude, 180),
        "victim_last_name": filled(rows.victim_last_name),
        "victim_first_name": filled(rows.victim_first_name),
        "victim_dob": engine.date(police_sql.iso_date(rows.victim_dob)),
        "victim_age_band": rows.victim_age_band,
        "victim_sex": rows.victim_sex,
        "victim_race": ibis.literal('["') + rows.victim_race + '"]',
        "victim_ethnicity": rows.victim_ethnicity,
        "victim_county_fips": police_sql.county(
            coded(rows.victim_state, FIPS), rows.victim_county_fips_code
        ),
        "victim_state": coded(rows.victim_state, USPS),
        "suspected_drugs": rows.suspected_drugs,
        "naloxone_administered": _flag(rows.naloxone_administered),
        "dose_count": rows.given.ifelse(police_sql.integer(rows.dose_count), None),
        "dose_mg": dose,
        "administered_by": rows.administered_by,
        "response_time": rows.response_time,
        "naloxone_response": rows.naloxone_response,
        "survived": rows.survived,
        "revive_action": rows.revive_action,
        "accidental_exposure": _flag(rows.accidental_exposure),
        "outreach_opt_out": _flag(opt_out),
        "definition_id": ibis.literal("responder-suspected"),
        "definition_version": ibis.literal("1"),
        "source_system": ibis.literal(settings.source_system),
    }
