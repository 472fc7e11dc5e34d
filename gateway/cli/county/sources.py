"""What each agency's adapter is told of the county's files: the `[[sources]]` of its settings.

Paths are relative to the county's folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.cli.county.harm_reduction import FILE
from gateway.cli.county.hmis import TREATMENT_EVENT
from gateway.cli.county.places import TIME_ZONE
from gateway.cli.county.police_tables import DATABASE, RESPONSES, SEIZURES

if TYPE_CHECKING:
    from collections.abc import Mapping

Source: TypeAlias = "Mapping[str, str | list[str] | dict[str, int]]"

_RECORDS: Final = f"police/{DATABASE}"
_GIVEN: Final = f"harm_reduction/{FILE}"

SOURCES: Final[Mapping[str, tuple[Source, ...]]] = {
    "ems": (
        {"kind": "nemsis", "path": "ems/reports"},
        {"kind": "referrals", "path": "ems/referrals", "zone": TIME_ZONE},
    ),
    "police": (
        {"kind": "odin", "database": _RECORDS, "table": RESPONSES, "zone": TIME_ZONE},
        {"kind": "seizures", "database": _RECORDS, "table": SEIZURES},
    ),
    "public_health": ({"kind": "adt", "folder": "hospital", "zone": TIME_ZONE},),
    "harm_reduction": (
        {
            "kind": "hmis",
            "folder": "harm_reduction/hmis",
            "zone": TIME_ZONE,
            "treatment_events": [TREATMENT_EVENT],
        },
        {"kind": "naloxone", "csv": _GIVEN, "doses_per_kit": {"in_4mg": 2, "im_0_4mg_vial": 2}},
    ),
}
"""Kind of adapter, as its entry point is called, to its sources."""
