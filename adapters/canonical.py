"""The canonical datasets and code lists as adapters need them; the script of `canonical.json`.

Adapters read types, field names and the spellings of each source from here only: no code value of
a source is written in an adapter where a list holds it. The file is generated from the project's
`datasets.json`:

    python -m adapters.canonical PATH_TO/datasets.json

It keeps, for each dataset, its fields with type, code list and class, the field of its person, and
what is not carried; for each code list its values and, by source, spelling to code. A spelling that
is not there is unknown, and never guessed.
"""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway.errors import Reason, SettingsError, SourceError
from gateway.values import DatasetId, FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "accord-canonical-2"
_IDENTIFIES = "direct_identifier"
_FILE = Path(__file__).with_name("canonical.json")


@dataclass(frozen=True, slots=True)
class CanonicalField:
    """One field of a dataset.

    Attributes:
        type: Its type on the wire.
        codes: The closed list or open system that its values come from, or None.
        identifies: Whether it names a person by itself, or finds the row again at the provider: the
            class `direct_identifier`.
    """

    type: FieldType
    codes: str | None
    identifies: bool


@dataclass(frozen=True, slots=True)
class Canonical:
    """All of `canonical.json`, checked.

    Attributes:
        datasets: By id, the fields in the order of the dataset.
        not_carried: By id, what an adapter never opens, in the words of `datasets.json`.
        persons: By id, the field that identifies a person across rows, where there is one.
        values: By closed list, its codes.
        spellings: By closed list and source, spelling to code.
    """

    datasets: Mapping[DatasetId, Mapping[str, CanonicalField]]
    not_carried: Mapping[DatasetId, tuple[str, ...]]
    persons: Mapping[DatasetId, str]
    values: Mapping[str, frozenset[str]]
    spellings: Mapping[str, Mapping[str, Mapping[str, str]]]


def fields(dataset: DatasetId) -> Mapping[str, CanonicalField]:
    """Return the fields of a dataset, in order.

    Raises:
        SourceError: No such dataset.
    """
    found = canonical().datasets.get(dataset)
    if found is None:
        raise SourceError(Reason.ADAPTER_BROKE_PLAN, "the scan names an unknown dataset")
    return found


def codes(name: str, source: str) -> Mapping[str, str]:
    """Return spelling to code of one source in one closed list; KeyError for an unknown name."""
    return canonical().spellings[name][source]


@functools.cache
def canonical() -> Canonical:
    """Return the file that ships with the adapters, read once.

    Raises:
        SettingsError: The file is absent or of another format: the installation is broken.
    """
    try:
        return parse(json.loads(_FILE.read_text("utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SettingsError("`adapters/canonical.json` cannot be read; install again") from error


def parse(held: Mapping[str, Any]) -> Canonical:
    """Return the checked form of the file's JSON."""
    if held["format"] != FORMAT:
        raise ValueError("unknown format")
    datasets: dict[DatasetId, Mapping[str, CanonicalField]] = {}
    not_carried: dict[DatasetId, tuple[str, ...]] = {}
    persons: dict[DatasetId, str] = {}
    for text, entry in held["datasets"].items():
        dataset = DatasetId.parse(text)
        if dataset is None:
            raise ValueError("a dataset id is not of the form")
        datasets[dataset] = MappingProxyType(
            {
                name: CanonicalField(
                    FieldType(field["type"]), field["codes"], field["class"] == _IDENTIFIES
                )
                for name, field in entry["fields"].items()
            }
        )
        not_carried[dataset] = tuple(entry["not_carried"])
        if entry["person"] is not None:
            persons[dataset] = entry["person"]
    return Canonical(
        datasets,
        not_carried,
        persons,
        {name: frozenset(entry["values"]) for name, entry in held["codes"].items()},
        {
            name: {source: MappingProxyType(spelt) for source, spelt in entry["from"].items()}
            for name, entry in held["codes"].items()
        },
    )


def generate(datasets: Mapping[str, Any]) -> str:
    """Return the text of `canonical.json` for the JSON of `datasets.json`, always the same.

    Raises:
        ValueError: One spelling of one source means two codes.
    """
    out: dict[str, Any] = {"format": FORMAT, "datasets": {}, "codes": {}}
    for entry in datasets["datasets"]:
        out["datasets"][f"{entry['name']}@{entry['version']}"] = {
            "fields": {
                field["name"]: {
                    "type": field["type"],
                    "codes": field["codes"],
                    "class": field["class"],
                }
                for field in entry["fields"]
            },
            "person": entry["person"],
            "not_carried": [held["element"] for held in entry["not_carried"]],
        }
    for name, entry in datasets["code_lists"].items():
        out["codes"][name] = {"values": list(entry["values"]), "from": _by_source(name, entry)}
    return json.dumps(out, indent=1, ensure_ascii=False) + "\n"


def _by_source(name: str, entry: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for code, value in entry["values"].items():
        for source, spellings in value.get("from", {}).items():
            held = found.setdefault(source, {})
            for spelling in spellings:
                if held.setdefault(spelling, code) != code:
                    raise ValueError(f"list `{name}`: one spelling of `{source}` means two codes")
    return found


def main(arguments: list[str]) -> int:
    """Write `canonical.json` beside this module; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m adapters.canonical PATH_TO/datasets.json\n")
        return 2
    text = generate(json.loads(Path(arguments[0]).read_text("utf-8")))
    _FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
