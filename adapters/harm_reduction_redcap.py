"""A REDCap project's flat export of raw codes, with its data dictionary, to naloxone distributions.

The settings map fields to the project's variables and raw codes to canonical ones. A checkbox
variable `f` with choice `c` is the column `f___c`. Rows of the repeating form are distributions;
the row of the record itself holds what does not repeat, and is none (RED-3). An export of labels is
refused, and so is one without the record's id: nobody could be counted (RED-2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import Record, Report, RowAdapter
from adapters.hardened import opened, read_csv
from adapters.harm_reduction_cells import columns, lacking
from adapters.harm_reduction_naloxone import DATASET, NaloxoneSettings, distribution
from gateway.errors import Reason, SettingsError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.values import DatasetId

_VARIABLE, _TYPE = "Variable / Field Name", "Field Type"
_CHOICES, _IDENTIFIER = "Choices, Calculations, OR Slider Labels", "Identifier?"
_INSTRUMENT, _INSTANCE = "redcap_repeat_instrument", "redcap_repeat_instance"
_GROUP = "redcap_data_access_group"
_DRUGS = "drugs_at_overdose"

NOT_IDENTIFIERS = frozenset(
    {
        *("event_type", "refill_reason", "naloxone_product", "kits", "reversals_reported"),
        *("overdoses_witnessed", "ems_called", "police_called", "outcome", _DRUGS),
        *("syringes_dispensed", "syringes_returned", "fentanyl_test_strips"),
    }
)
"""Fields whose class is operational or sensitive: the dictionary's mark forbids them (RED-4)."""

MAPPABLE = NOT_IDENTIFIERS | {
    *("site_id", "site_county_fips", "distributed_on", "participant_code", "participant_zip"),
}
"""Fields that a variable may be mapped to."""


@dataclass(frozen=True, slots=True)
class RedcapSettings:
    """What a feed's settings say of it.

    Attributes:
        record_id: The variable that identifies the record, the project's first.
        instrument: The repeating form of distributions; empty where each row is one.
        fields: Field to variable; `drugs_at_overdose` to a checkbox.
        codes: Field to (raw code to canonical code).
    """

    record_id: str
    instrument: str
    fields: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]
    naloxone: NaloxoneSettings


@dataclass(frozen=True, slots=True)
class _Variable:
    """What the dictionary says: the raw codes and labels of choices, and the identifier's mark."""

    choices: Mapping[str, str]
    identifier: bool


class Redcap(RowAdapter):
    """One export with its dictionary."""

    def __init__(self, export: Path, dictionary: Path, settings: RedcapSettings) -> None:
        """Take the files and check the mapping against the dictionary.

        Raises:
            SettingsError: A variable is not in the dictionary, a field is not the dataset's, or an
                identifier is mapped to a field of a lesser class.
            SourceError: The dictionary cannot be read.
        """
        self._export = export
        self._settings = settings
        self._variables = _dictionary(dictionary)
        for name, variable in settings.fields.items():
            held = self._variables.get(variable)
            if name not in MAPPABLE or held is None:
                raise SettingsError(f"adapter settings: `fields.{name}`: no such field or variable")
            if held.identifier and name in NOT_IDENTIFIERS:
                message = "the dictionary marks its variable as an identifier"
                raise SettingsError(f"adapter settings: `fields.{name}`: {message}")

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (DATASET,)

    def rows(
        self,
        dataset: DatasetId,  # noqa: ARG002 - there is one
        wanted: frozenset[str],  # noqa: ARG002 - a row costs little beside its file
        report: Report,
    ) -> Iterator[Record]:
        """Yield the distributions by record and instance."""
        told = self._settings
        parents: dict[str, Mapping[str, str]] = {}
        given: list[tuple[str, int, int, Mapping[str, str]]] = []
        for place, row in enumerate(columns(self._export, self._used(), None, report)):
            key, form = row[told.record_id], row.get(_INSTRUMENT, "")
            if not key:
                report.quarantine("no-record-key")
            elif form == told.instrument:
                number = row.get(_INSTANCE, "")
                given.append((key, int(number) if number.isdigit() else 0, place, row))
            elif not form:
                parents[key] = row
        for key, _, _, event in sorted(given, key=lambda item: item[:3]):
            held = {**_held(parents.get(key, {})), **_held(event)}
            found = self._distribution(held, report)
            if found is not None:
                yield found

    def _used(self) -> list[str]:
        """Return the columns that are read, checked to be there.

        Raises:
            SourceError: One is absent.
        """
        told = self._settings
        header = opened(lambda: read_csv(self._export)).header
        used = [told.record_id]
        used += [_INSTRUMENT, _INSTANCE] if told.instrument else []
        for name, variable in told.fields.items():
            if name != _DRUGS:
                used.append(variable)
                continue
            boxes = [f"{variable}___{code}" for code in self._variables[variable].choices]
            # A choice may be younger than the export; a checkbox without any column is absent.
            used += [box for box in boxes if box in header]
        used += [_GROUP] if _GROUP in header else []
        for name in used:
            if name not in header:
                raise lacking(name)
        return list(dict.fromkeys(used))

    def _distribution(self, row: Mapping[str, str], report: Report) -> Record | None:
        told = self._settings
        values = {"participant_code": row[told.record_id], "site_id": row.get(_GROUP, "")}
        for name, variable in told.fields.items():
            if name != _DRUGS and row.get(variable):
                values[name] = self._value(name, variable, row[variable])
        return distribution(values, self._drugs(row), told.naloxone, report)

    def _value(self, name: str, variable: str, text: str) -> str:
        """Return a value, a raw code turned into the canonical one.

        Raises:
            SourceError: It is a label of the dictionary: the export is not of raw codes.
        """
        choices = self._variables[variable].choices
        if choices and text not in choices and text in choices.values():
            message = "the export holds labels; it must be made with raw codes"
            raise SourceError(Reason.ADAPTER_UNAVAILABLE, message, field=variable)
        # What is not mapped goes on as it is, and is unknown to the field's list.
        return self._settings.codes.get(name, {}).get(text, text)

    def _drugs(self, row: Mapping[str, str]) -> tuple[str, ...] | None:
        """Return the codes of boxes with 1: none where all have 0, null without an answer."""
        variable = self._settings.fields.get(_DRUGS)
        if variable is None:
            return None
        codes = self._settings.codes.get(_DRUGS, {})
        boxes = {
            code: row[f"{variable}___{code}"]
            for code in self._variables[variable].choices
            if f"{variable}___{code}" in row
        }
        if not boxes:
            return None
        return tuple(codes.get(code, code) for code, held in boxes.items() if held == "1")


def _held(row: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in row.items() if text}


def _dictionary(path: Path) -> dict[str, _Variable]:
    used = (_VARIABLE, _TYPE, _CHOICES, _IDENTIFIER)
    found: dict[str, _Variable] = {}
    for row in columns(path, used, None, Report()):
        choices: dict[str, str] = {}
        if row[_TYPE] in {"radio", "dropdown", "checkbox"}:
            for choice in row[_CHOICES].split("|"):
                code, _, label = choice.partition(",")
                choices[code.strip()] = label.strip()
        found[row[_VARIABLE]] = _Variable(choices, row[_IDENTIFIER].lower() == "y")
    return found
