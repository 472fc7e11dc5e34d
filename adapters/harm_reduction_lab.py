"""Drug checking of the UNC lab's form: cards of samples and laboratory rows, joined on the sample.

One row for each sample and substance; a sample whose card says that nothing was found has one row
without substance. A card with findings but no laboratory rows gives no row and is reported: missing
detail is not an empty result (LAB-2). A community's sample says so in `submitter_class`, which
every provision filters on. Notes and photographs are not opened.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from adapters import canonical
from adapters.base import Record, Report, RowAdapter
from adapters.harm_reduction_cells import COUNTY, coded, columns, formed, several, whole
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DATASET = DatasetId("lab.drug_chemistry", 1)
SOURCE = "UNC drug checking"

CARD = (
    *("sampleid", "location", "date_collect", "expectedsubstance", "color", "texture"),
    *("sensations", "overdose", "date_complete", "lab_num_substances_any", "countyfips"),
)
CARD_NOT_READ = (
    *("county", "state", "lab_num_substances", "lab_fentanyl", "lab_fentanyl_any"),
    *("lab_xylazine", "lab_nitazene_any"),
)
DETAIL = (
    *("sampleid", "substance", "pubchemcid", "cas", "unii", "abundance", "method"),
    "date_complete",
)
DETAIL_NOT_READ = ("gcms_peak",)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(r"([0-9]{1,2})([A-Za-z]{3})([0-9]{4})")
_CAS = re.compile(r"[0-9]{2,7}-[0-9]{2}-[0-9]")
_UNII = re.compile(r"[0-9A-Z]{10}")


class Lab(RowAdapter):
    """The two files of a programme."""

    def __init__(self, samples: Path, details: Path, submitter_class: str, source: str) -> None:
        self._samples = samples
        self._details = details
        self._submitter = submitter_class
        self._source = source

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def rows(
        self,
        dataset: DatasetId,  # noqa: ARG002 - there is one
        wanted: frozenset[str],  # noqa: ARG002 - a row costs little beside its file
        report: Report,
    ) -> Iterator[Record]:
        """Yield the findings by sample, those of a sample in the order of the laboratory's file."""
        cards = self._cards(report)
        found: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
        for detail in columns(self._details, DETAIL, DETAIL_NOT_READ, report):
            if not detail["sampleid"] or not detail["substance"]:
                report.quarantine("no-record-key")
            elif detail not in found[detail["sampleid"]]:
                found[detail["sampleid"]].append(detail)
        for sample in sorted({*cards, *found}):
            card = cards.get(sample)
            if card is None:
                report.notice("missing-card", "sample_id")
            elif sample not in found and card["lab_num_substances_any"] != "0":
                report.notice("missing-detail", "substance")
                continue
            findings: list[Mapping[str, str] | None] = [*found.get(sample, ())]
            for row in findings or [None]:
                yield {
                    "sample_id": sample,
                    "submitter_class": self._submitter,
                    "source_system": self._source,
                    **_card(card, report),
                    **_finding(row, report),
                    "completed_on": _day((row or card or {}).get("date_complete", ""), report),
                }

    def _cards(self, report: Report) -> dict[str, Mapping[str, str]]:
        """Return the cards by sample: of two for one sample, the fuller."""
        cards: dict[str, Mapping[str, str]] = {}
        for card in columns(self._samples, CARD, CARD_NOT_READ, report):
            sample = card["sampleid"]
            if not sample:
                report.quarantine("no-record-key")
                continue
            if sample in cards:
                report.notice("repeated-record", "sample_id")
            if sample not in cards or _filled(card) > _filled(cards[sample]):
                cards[sample] = card
        return cards


def _filled(card: Mapping[str, str]) -> int:
    return sum(1 for text in card.values() if text)


def _card(card: Mapping[str, str] | None, report: Report) -> Record:
    if card is None:
        return {}
    expected = several(card["expectedsubstance"])
    seen = (several(card["color"]) or ()) + (several(card["texture"]) or ())
    related = canonical.codes("overdose_related", SOURCE)
    return {
        "collected_on": _day(card["date_collect"], report),
        "county_fips": formed(card["countyfips"], COUNTY, "county_fips", report),
        "place": card["location"] or None,
        "expected_substances": None if expected is None else tuple(sorted(set(expected))),
        "appearance": seen or None,
        "reported_sensations": several(card["sensations"]),
        "overdose_related": coded(card["overdose"], related, "overdose_related", report),
    }


def _finding(row: Mapping[str, str] | None, report: Report) -> Record:
    if row is None:
        return {}
    abundance = canonical.codes("abundance", SOURCE).get(row["abundance"])
    if abundance is None:  # empty has a code: it means primary (LAB-5)
        report.notice("unknown-code", "abundance")
    return {
        "substance": row["substance"],
        "substance_cas": formed(row["cas"], _CAS, "substance_cas", report),
        "substance_unii": formed(row["unii"], _UNII, "substance_unii", report),
        "substance_pubchem_cid": whole(row["pubchemcid"], "substance_pubchem_cid", report),
        "abundance": abundance,
        "method": coded(row["method"], canonical.codes("lab_method", SOURCE), "method", report),
    }


def _day(text: str, report: Report) -> dt.date | None:
    """Return the date of `28Oct2024`, months without case and without locale (LAB-4)."""
    matched = _DAY.fullmatch(text)
    try:
        if matched is not None:
            month = _MONTHS.index(matched[2].lower()) + 1
            return dt.date(int(matched[3]), month, int(matched[1]))
    except ValueError:
        pass
    if text:
        report.notice("unknown-value", "date")
    return None
