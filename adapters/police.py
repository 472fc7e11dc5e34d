"""The police adapter: overdose responses and drug seizures, from CSV, a database, or NIBRS XML.

```toml
[[sources]]
kind = "odin"                     # police.overdose_response@1, the long form of ODIN
csv = "odin_2018_2019.csv"        # or: database = "records.sqlite", table = "overdose_responses"
zone = "America/New_York"         # of the agency's clock
agency_ori = "DE9990000"          # optional, where the table has no such column

[[sources]]
kind = "psp_seizures"             # police.drug_seizure@1, record_kind aggregate
csv = "opioid_seizures.csv"       # or: database, table

[[sources]]
kind = "seizures"                 # police.drug_seizure@1, record_kind incident
database = "records.sqlite"       # or: csv
table = "drug_seizures"

[[sources]]
kind = "nibrs"                    # police.drug_seizure@1, record_kind incident
folder = "nibrs"                  # every *.xml in it
county_fips = "42003"             # optional: the agency's county, for NIBRS names none
```

One feed gives one dataset, and no two give the same: a table never mixes kinds of records. A
database is one file, SQLite or DuckDB, opened to be read only. A police records database holds text
columns, spelled as the standards spell them. Columns are matched by name, in any order; `--` marks
those that may be absent.

```sql
CREATE TABLE overdose_responses (      -- one row for each victim, suspected drug and administration
  incident_id TEXT, incident_date TEXT,             -- MM/DD/YYYY or YYYY-MM-DD
  incident_time TEXT,                               -- HH:MM:SS, local; 00:00:00 is not known
  incident_state TEXT, incident_county_fips_code TEXT,   -- Pennsylvania, 003
  victim_id TEXT,                                   -- one for each victim of one incident
  gender_desc TEXT, age_range TEXT, race TEXT, ethnicity_desc TEXT,
  victim_state TEXT, victim_county_fips_code TEXT,  -- Unknown; 999 is out of state
  accidental_exposure TEXT,                         -- Y, N
  susp_od_drug_desc TEXT, naloxone_administered TEXT,    -- HEROIN; Y, N
  administration_id TEXT,                           -- 0 for none
  dose_count TEXT, dose_unit TEXT, dose_desc TEXT,  -- 2, 4, MG; 0 for not known
  response_time_desc TEXT, survive TEXT, response_desc TEXT, revive_action_desc TEXT,
  third_party_admin_desc TEXT,                      -- NA: the agency itself
  incident_county_latitude TEXT, incident_county_longitude TEXT,  --
  agency_ori TEXT, incident_zip TEXT,                             --
  victim_last_name TEXT, victim_first_name TEXT, victim_dob TEXT, --
  outreach_opt_out TEXT                                           -- Y, N, or empty: not asked
);
CREATE TABLE drug_seizures (           -- one row for each incident and drug
  agency_ori TEXT, incident_number TEXT, incident_date TEXT,
  offense_code TEXT, property_loss_type TEXT,       -- 35A, 35B; 01 or NONE, 06 or SEIZED
  suspected_drug_type TEXT,                         -- data element 20
  estimated_quantity TEXT, quantity_unit TEXT,      -- data elements 21 and 22
  report_date_indicator TEXT, criminal_activity TEXT, drug_text TEXT,  --
  county_fips TEXT, location_type TEXT              -- five digits; data element 9
);
```
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from adapters import civil_time, police_source
from adapters.base import Settings, read_settings, under
from adapters.feeds import Feeds
from adapters.police_incidents import Incidents
from adapters.police_nibrs import Nibrs
from adapters.police_odin import Odin, OdinSettings
from adapters.police_seizures import Seizures, SeizureSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Adapter

_Ori = Annotated[str, Field(pattern=r"^[A-Z0-9]{9}$")]
_County = Annotated[str, Field(pattern=r"^[0-9]{5}$")]
_Word = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,40}$")]
_Table = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


class _Feed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _TableFeed(_Feed):
    csv: Path | None = None
    database: Path | None = None
    table: _Table | None = None

    def place(self, base: Path) -> police_source.Place:
        """Return where the table is, checked to be there."""
        return police_source.place(base, self.csv, self.database, self.table)


class _OdinFeed(_TableFeed):
    kind: Literal["odin"]
    zone: str
    agency_ori: _Ori | None = None
    source_system: _Word = "odin-2018"


class _SeizureFeed(_TableFeed):
    kind: Literal["psp_seizures"]
    source_system: _Word = "psp-seizures-2013"


class _IncidentFeed(_TableFeed):
    kind: Literal["seizures"]
    source_system: _Word = "police-records-1"


class _NibrsFeed(_Feed):
    kind: Literal["nibrs"]
    folder: Path
    county_fips: _County | None = None
    source_system: _Word = "nibrs-4.2"


_AnyFeed = Annotated[
    _OdinFeed | _SeizureFeed | _IncidentFeed | _NibrsFeed, Field(discriminator="kind")
]


class _Settings(Settings):
    sources: Annotated[tuple[_AnyFeed, ...], Field(min_length=1)]


def create(settings: Mapping[str, object], base: Path) -> Adapter:
    """Return the adapter that the settings describe; paths are relative to `base`.

    Raises:
        SettingsError: A key is unknown, missing or wrong, a file is not there, or two feeds give
            one dataset.
    """
    read = read_settings(_Settings, settings)
    return Feeds([_adapter(feed, base, read.max_unknown_share) for feed in read.sources])


def _adapter(feed: _AnyFeed, base: Path, share: float) -> Adapter:
    match feed:
        case _OdinFeed():
            zone = civil_time.zone(feed.zone)
            told = OdinSettings(zone, feed.agency_ori or "", feed.source_system, share)
            return Odin(feed.place(base), told)
        case _SeizureFeed():
            return Seizures(feed.place(base), SeizureSettings(feed.source_system, share))
        case _IncidentFeed():
            return Incidents(feed.place(base), SeizureSettings(feed.source_system, share))
        case _NibrsFeed():
            nibrs = Nibrs(under(base, feed.folder), feed.county_fips, feed.source_system)
            nibrs.max_unknown_share = share
            return nibrs
        case _:
            assert_never(feed)
