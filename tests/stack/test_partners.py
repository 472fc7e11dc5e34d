"""Agencies without a system here sign and ask: the county's other agreements, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import AccordError
from tests.stack.by_hand import columns_of, cut, days_back, held, passes, shown, week
from tests.stack.county import EMS, PD, PHD, now, request

if TYPE_CHECKING:
    from tests.stack.county import Town

HOSPITAL = "rivertown-general"
SEIZURES, RUNS = "police.drug_seizure@1", "ems.overdose_run@1"
SEIZURE = {
    "incident_date": week("incident_date"),
    "suspected_drug_type": passes("suspected_drug_type"),
    "quantity_grams": cut("quantity_grams", 0, 1, 10, 100, 1000, whole=False),
    "county_fips": passes("county_fips"),
}


def test_the_hospital_gets_seizures_of_the_police(county: Town) -> None:
    """Under `drug-supply`: its own certificate and token, the clause of that agreement."""
    recent = days_back("incident_date", 60, now())
    rows = [
        row
        for row in held(county, PD, SEIZURES)
        if row["record_kind"] == "incident" and recent(row)
    ]

    got = county.ask(request(PD, HOSPITAL, SEIZURES, "safety.responder_alert", list(SEIZURE)))

    assert ("P7-seizures-for-the-hospital", "3.7") == (got.header.provision, got.header.clause)
    assert rows
    expected = [shown(row, SEIZURE) for row in rows]
    assert expected == columns_of(got.rows, SEIZURE, got.header.columns)


def test_police_get_weeks_of_runs_as_counts(county: Town) -> None:
    """Under `early-warning`: eleven and more, nought, or a marker; no run, and nobody's."""
    client = county.client(PD, lambda: county.token(PD, roles=("overdose_map_analyst",)))
    fields = "incident_date scene_county_fips pcr_uuid"
    asked = request(EMS, PD, RUNS, "safety.responder_alert", fields)

    got = county.ask(asked, client=client)

    assert ("P2-spike-counts", "2.2") == (got.header.provision, got.header.clause)
    assert "pcr_uuid" not in {column.name for column in got.header.columns}
    counts = {row["runs"] for row in got.rows}
    assert got.rows
    assert all(count is None or count == 0 or count >= 11 for count in counts)
    marked = {row["runs.why"] for row in got.rows if row["runs"] is None}
    assert marked <= {"suppressed"}


def test_a_provider_without_an_adapter_gives_nothing(county: Town) -> None:
    """The hospital's own records are nowhere here: a permitted request ends, and says so."""
    asked = request(
        HOSPITAL, PHD, "public_health.ed_overdose_visit@1", "public_health.surveillance", "died"
    )

    with pytest.raises(AccordError) as told:
        county.ask(asked)

    assert "ADAPTER_UNAVAILABLE" == told.value.reason
