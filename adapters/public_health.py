r"""The public-health adapter: emergency visits from HL7 v2 messages, and published rates from CSV.

```toml
[[sources]]
kind = "adt"                          # public_health.ed_overdose_visit@1
folder = "hospital"                   # every *.hl7 and *.txt in it, in the order of their names
zone = "America/New_York"             # of the facility, where a time has no offset
definition = "cdc-discharge-opioid"   # or cdc-dose-opioid: which visits are rows

[[sources]]
kind = "pa_ed_rates"                  # public_health.overdose_count@1
csv = ["ed_overdose_county_quarter.csv", "ed_overdose_county_quarter_gender.csv"]
```

A file holds one message or more; a segment ends with CR, LF or both:

```
MSH|^~\&|APP|SYNTHETIC HOSPITAL^9999999901^NPI|||20260102031500-0500||ADT^A03^ADT_A03|SYN-1|P|2.5.1
EVN||20260102031500-0500|||||SYNTHETIC HOSPITAL^9999999901^NPI
PID|1||SYN-77^^^^MR|||||F||2106-3^^CDCREC|^^^^00101^^^^10901|||||||||||2186-5^^CDCREC
PV1|1|E|||||||||||||||||SYN-V1^^^^VN|||||||||||||||||01||||||||20260102013000-0500
DG1|1||T40.1X1A^Poisoning^I10C|||F
OBX|1|NM|21612-7^^LN||34|a^^UCUM|||||F
OBX|2|CWE|8661-1^^LN||^^^^^^^^Overdose||||||F
```
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from adapters import civil_time
from adapters.base import Settings, read_settings, under
from adapters.feeds import Feeds
from adapters.public_health_cases import DISCHARGE, DOSE
from adapters.public_health_counts import Counts
from adapters.public_health_visits import Visits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Adapter

_Word = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,40}$")]


class _Feed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _AdtFeed(_Feed):
    kind: Literal["adt"]
    folder: Path
    zone: str
    definition: Literal["cdc-discharge-opioid", "cdc-dose-opioid"] = "cdc-discharge-opioid"
    source_system: _Word = "hl7v2-2.5.1"


class _RatesFeed(_Feed):
    kind: Literal["pa_ed_rates"]
    csv: Annotated[tuple[Path, ...], Field(min_length=1)]
    source_system: _Word = "pa-ed-syndromic"


_AnyFeed = Annotated[_AdtFeed | _RatesFeed, Field(discriminator="kind")]


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
        case _AdtFeed():
            definition = {held[0]: held for held in (DISCHARGE, DOSE)}[feed.definition]
            folder, zone = under(base, feed.folder), civil_time.zone(feed.zone)
            visits = Visits(folder, zone, definition, feed.source_system)
            visits.max_unknown_share = share
            return visits
        case _RatesFeed():
            counts = Counts([under(base, path) for path in feed.csv], feed.source_system)
            counts.max_unknown_share = share
            return counts
        case _:
            assert_never(feed)
