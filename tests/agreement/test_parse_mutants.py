"""Whatever stands at a place in a file, reading it ends in a value or in findings."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement import parse
from gateway.agreement.finding import FindingsError
from gateway.agreement.floor import Floor
from gateway.agreement.lint.folder import Read
from gateway.agreement.lint.run import lint
from gateway.agreement.model import Agreement
from gateway.agreement.yaml import Document, read
from tests.agreement.county import AGREEMENT, FLOOR, NOW, ROOT, county, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.agreement.places import Path

TEXTS: tuple[Any, ...] = ("none", "all", "x", "", "P1D", "P100Y", "PT1S", "2199-12-31")
NUMBERS: tuple[Any, ...] = (0, -1, 10**14, True, False)
LISTS: tuple[Any, ...] = ([], ["x"], [["x"]], [1])
MAPPINGS: tuple[Any, ...] = (
    {},
    {"x": "y"},
    {"to": "grid"},
    {"kind": "vocabulary"},
    {"field": {}},
    {"role": 1},
    {"cuts": "x"},
    {"": ""},
    {"exempt": []},
)
ODD = (*TEXTS, *NUMBERS, *LISTS, *MAPPINGS)
DATASET = (ROOT / "datasets" / "lab.drug_chemistry@1.yaml").read_text()
KINDS: dict[str, tuple[Callable[[Document], object], str]] = {
    "agreement": (lambda d: parse.agreement(d, county().schemas), AGREEMENT),
    "floor": (parse.floor, FLOOR),
    "agencies": (parse.agencies, registry()),
    "purposes": (parse.purposes, (ROOT / "purposes.yaml").read_text()),
    "dataset": (parse.dataset, DATASET),
}


def mutants(document: Document, stride: int) -> Iterator[Document]:
    """Yield the document with one place changed to something odd, or taken out."""
    number = 0
    for path, _ in document.places.every():
        for odd in (*ODD, None):
            number += 1
            if path and number % stride == 0:
                yield Document(changed(document.value, path, odd), document.places, document.file)


def changed(value: dict[str, Any], path: Path, odd: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a copy with `odd` at `path`; None takes the place out."""
    result = copy.deepcopy(value)
    below: Any = result
    for key in path[:-1]:
        below = below[key]
    if odd is None:
        del below[path[-1]]
    else:
        below[path[-1]] = copy.deepcopy(odd)
    return result


def survive(kind: str, stride: int) -> int:
    """Read and lint mutants of a file; return how many were refused as they were read."""
    make, text = KINDS[kind]
    refused = 0
    for mutant in mutants(read(text.encode(), file=f"{kind}.yaml"), stride):
        try:
            made = make(mutant)
        except FindingsError as error:
            refused += bool(error.findings)
            continue
        folder = county()
        if isinstance(made, Agreement):
            folder = replace(folder, agreements=(Read(made, mutant),))
        elif isinstance(made, Floor):
            folder = replace(folder, floor=Read(made, mutant))
        lint(folder, NOW)
    return refused


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_odd_values_end_in_findings(kind: str) -> None:
    """A sample of all places times all odd values; the whole of it in the long run."""
    assert survive(kind, 17) > 0


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_odd_value_at_every_place_ends_in_findings(kind: str) -> None:
    """All places times all odd values."""
    assert survive(kind, 1) > 0
