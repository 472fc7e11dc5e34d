"""The harm-reduction adapter: outreach contacts, naloxone given out, drug checking.

```toml
[[sources]]
kind = "hmis"                         # harm_reduction.outreach_contact@1
folder = "hmis"                       # Export, Project, Enrollment, CurrentLivingSituation, Event
zone = "America/New_York"             # of the exporter's clock
county_fips = "10901"                 # optional: where all of this outreach takes place
treatment_events = ["5"]              # optional: events that refer to treatment in this programme

[[sources]]
kind = "naloxone"                     # harm_reduction.naloxone_distribution@1
csv = "naloxone_distribution.csv"     # columns: `harm_reduction_naloxone.COLUMNS`
doses_per_kit = { in_4mg = 2 }        # optional, by product

[[sources]]
kind = "redcap"                       # harm_reduction.naloxone_distribution@1, not beside the above
csv = "export.csv"                    # flat, raw codes
dictionary = "dictionary.csv"         # the project's data dictionary
instrument = "distribution"           # the repeating form; left out where each row is one
fields = { distributed_on = "dist_date", kits = "kits", drugs_at_overdose = "drugs" }
codes = { drugs_at_overdose = { "1" = "heroin", "2" = "fentanyl" } }

[[sources]]
kind = "unc_lab"                      # lab.drug_chemistry@1
samples = "samples.csv"
details = "lab_detail.csv"
submitter_class = "harm_reduction"    # who brought the samples: every provision filters on it
```

A sheet of naloxone looks so; an empty cell is not known, `drugs` has codes between semicolons:

```
record_id,site,county_fips,date,participant_code,participant_zip,event_type,refill_reason,product,kits,reversals,witnessed,ems_called,police_called,outcome,drugs,syringes_out,syringes_in,test_strips
SYN-1,MAIN,10901,2026-01-02,TEST1980,00101,refill,used_on_other,in_4mg,2,1,1,0,0,survived,fentanyl;heroin,10,5,2
```
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from adapters import civil_time
from adapters.base import Settings, read_settings, under
from adapters.feeds import Feeds
from adapters.harm_reduction_hmis import Hmis, HmisSettings
from adapters.harm_reduction_lab import Lab
from adapters.harm_reduction_naloxone import Naloxone, NaloxoneSettings
from adapters.harm_reduction_redcap import Redcap, RedcapSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Adapter, RowAdapter

_County = Annotated[str, Field(pattern=r"^[0-9]{2}(?:[0-9]{3})$")]
_Word = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,40}$")]
_Variable = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
_Doses = Annotated[int, Field(ge=1, le=20)]
_Product = Literal[
    "in_2mg",
    "in_4mg",
    "in_8mg",
    "im_0_4mg_vial",
    "im_2mg_auto",
    "im_5mg_prefilled",
    "nalmefene",
    "other",
]


class _Feed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _HmisFeed(_Feed):
    kind: Literal["hmis"]
    folder: Path
    zone: str
    county_fips: _County | None = None
    treatment_events: tuple[str, ...] = ()
    source_system: _Word = "hmis-csv-2026"


class _NaloxoneFeed(_Feed):
    kind: Literal["naloxone"]
    csv: Path
    county_fips: _County | None = None
    doses_per_kit: dict[_Product, _Doses] = Field(default_factory=dict)
    source_system: _Word = "naloxone-sheet-1"


class _RedcapFeed(_Feed):
    kind: Literal["redcap"]
    csv: Path
    dictionary: Path
    record_id: _Variable = "record_id"
    instrument: str = ""
    fields: dict[str, _Variable]
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    county_fips: _County | None = None
    doses_per_kit: dict[_Product, _Doses] = Field(default_factory=dict)
    source_system: _Word = "redcap-1"


class _LabFeed(_Feed):
    kind: Literal["unc_lab"]
    samples: Path
    details: Path
    submitter_class: Literal["harm_reduction", "law_enforcement", "medical_examiner", "hospital"]
    source_system: _Word = "unc-drug-checking-2024"


_AnyFeed = Annotated[
    _HmisFeed | _NaloxoneFeed | _RedcapFeed | _LabFeed, Field(discriminator="kind")
]


class _Settings(Settings):
    sources: Annotated[tuple[_AnyFeed, ...], Field(min_length=1)]


def create(settings: Mapping[str, object], base: Path) -> Adapter:
    """Return the adapter that the settings describe; paths are relative to `base`.

    Raises:
        SettingsError: A key is unknown, missing or wrong, a file is not there, two feeds give one
            dataset, or a REDCap mapping goes against the project's dictionary.
    """
    read = read_settings(_Settings, settings)
    feeds = [_adapter(feed, base) for feed in read.sources]
    for feed in feeds:
        feed.max_unknown_share = read.max_unknown_share
    return Feeds(feeds)


def _adapter(feed: _AnyFeed, base: Path) -> RowAdapter:
    match feed:
        case _HmisFeed():
            return Hmis(
                under(base, feed.folder),
                HmisSettings(
                    civil_time.zone(feed.zone),
                    feed.county_fips,
                    frozenset(feed.treatment_events),
                    feed.source_system,
                ),
            )
        case _NaloxoneFeed():
            return Naloxone(under(base, feed.csv), _naloxone(feed))
        case _RedcapFeed():
            told = RedcapSettings(
                feed.record_id, feed.instrument, feed.fields, feed.codes, _naloxone(feed)
            )
            return Redcap(under(base, feed.csv), under(base, feed.dictionary), told)
        case _LabFeed():
            samples, details = under(base, feed.samples), under(base, feed.details)
            return Lab(samples, details, feed.submitter_class, feed.source_system)
        case _:
            assert_never(feed)


def _naloxone(feed: _NaloxoneFeed | _RedcapFeed) -> NaloxoneSettings:
    per_kit = {str(product): doses for product, doses in feed.doses_per_kit.items()}
    return NaloxoneSettings(feed.source_system, feed.county_fips, per_kit)
