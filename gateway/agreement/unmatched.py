"""What selectors name and does not exist: a rule or a claim of it would speak of nothing.

A prohibition of a field that is not there forbids nothing, and the claim that nobody gets it always
holds. Both are told to whoever wrote them, and neither passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.finding import quoted
from gateway.agreement.index import field_meets, under

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.agreement.dataset import Dataset
    from gateway.agreement.model import Selectors


def unmatched(
    when: Selectors, datasets: Collection[Dataset], purposes: Collection[str]
) -> Iterator[str]:
    """Yield what of `when` matches nothing among these datasets and leaves of purposes."""
    absent = [
        *((name, "dataset") for name in sorted(when.dataset - {one.id.name for one in datasets})),
        *((name, "field") for name in sorted(when.field) if not _holds(datasets, name)),
        *((name, "purpose") for name in sorted(when.purpose) if not _leads(name, purposes)),
    ]
    yield from (f"there is no {what} {quoted(name)}" for name, what in absent)
    if not absent and not any(_meets(when, one) for one in datasets):
        yield "no field of any dataset meets all its selectors"


def _holds(datasets: Collection[Dataset], field: str) -> bool:
    dataset, _, name = field.rpartition(".")
    return any(one.id.name == dataset and name in one.fields for one in datasets)


def _leads(branch: str, purposes: Collection[str]) -> bool:
    return any(under(leaf, branch) for leaf in purposes)


def _meets(when: Selectors, dataset: Dataset) -> bool:
    """Return whether a field of this dataset is among what is selected, whoever gets it."""
    if when.dataset and dataset.id.name not in when.dataset:
        return False
    if when.regime and not when.regime & dataset.regime:
        return False
    # Of named fields most datasets have none, and have many others.
    if when.field and not any(_holds((dataset,), name) for name in when.field):
        return False
    return any(field_meets(when, dataset, field) for field in dataset.fields.values())
