"""What an ODIN-shaped table holds that the mapping does not know: counted in the database, at once.

Counts are of source rows, but where the docstring of `count` says victims or incidents. Nothing
but counts and column names comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from adapters import canonical, civil_time
from adapters.police_states import FIPS, USPS

if TYPE_CHECKING:
    from adapters.police_sql import Expr

BLANK = ("", "NA")
"""What the source writes where a question does not arise."""

CODED = {
    "victim_sex": ("gender_desc", "sex"),
    "victim_age_band": ("age_range", "age_band_odin"),
    "victim_race": ("race", "race"),
    "victim_ethnicity": ("ethnicity_desc", "ethnicity"),
    "drug": ("susp_od_drug_desc", "suspected_drug"),
    "administered_by": ("third_party_admin_desc", "administered_by"),
    "response_time": ("response_time_desc", "response_time"),
    "naloxone_response": ("response_desc", "naloxone_behaviour"),
    "survived": ("survive", "yes_no_unknown"),
    "revive_action": ("revive_action_desc", "revive_action"),
}
"""Field to source column and code list."""

_FLAGS = {
    "naloxone_administered": "naloxone_administered",
    "accidental_exposure": "accidental_exposure",
    "outreach_opt_out": "outreach_opt_out",
}
_MEANINGLESS = "Mongolian"  # a value of the code book that nobody explains; its code is `unknown`


def count(rows: Expr) -> Expr:
    """Return the one-row expression of all counts, over mapped source rows.

    Odd ethnicities are counted by victim, and times in a repeated hour by incident.
    """
    unknown = _unknown(rows)
    some = ibis.literal(value=False)
    for test in unknown.values():
        some = some | test
    good = rows.valid_key & rows.valid_date
    return rows.aggregate(
        rows=rows.count(),
        rows_unknown=some.sum(),
        **{
            "quarantine no-record-key": (~rows.valid_key).sum(),
            "quarantine no-event-date": (rows.valid_key & ~rows.valid_date).sum(),
            "notice meaningless-code victim_ethnicity": rows.victim_id.nunique(
                where=good & (rows.ethnicity_desc == _MEANINGLESS)
            ),
            "notice repeated-hour incident_at": rows.incident_id.nunique(
                where=good & (rows.note == civil_time.REPEATED)
            ),
            "notice skipped-hour incident_at": rows.incident_id.nunique(
                where=good & (rows.note == civil_time.SKIPPED)
            ),
        },
        **{f"notice {kind} {field}": test.sum() for (kind, field), test in unknown.items()},
    )


def _unknown(rows: Expr) -> dict[tuple[str, str], Expr]:
    """Return, by kind and field, whether a source row holds what the mapping does not know."""
    found: dict[tuple[str, str], Expr] = {}
    for field, (column, code_list) in CODED.items():
        spelt = [*canonical.codes(code_list, "ODIN"), *BLANK]
        found["unknown-code", field] = rows[column].notin(spelt)
    for field, column in _FLAGS.items():
        found["unknown-code", field] = rows[column].notin(["Y", "N", "U", ""])
    sized = rows.dose_unit.notin(["", "0"])
    found["unknown-unit", "dose_mg"] = sized & (rows.dose_desc != "MG")
    timed = rows.incident_time != ""
    found["unknown-value", "incident_at"] = timed & rows.clock.isnull()
    nowhere = ["", "Unknown"]
    found["unknown-code", "victim_state"] = rows.victim_state.notin([*USPS, *nowhere])
    found["unknown-code", "incident_county_fips"] = rows.incident_state.notin([*FIPS, *nowhere])
    # A null is no unknown: SQL's `null not in (...)` is null, and is read as false here.
    return {key: test.fill_null(ibis.literal(value=False)) for key, test in found.items()}
