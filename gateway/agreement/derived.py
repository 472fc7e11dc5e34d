"""What a dataset says of the dimensions that a percentage or a rate is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.values import FieldClass

if TYPE_CHECKING:
    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.dataset import Dataset


def cutting(dataset: Dataset, table: Aggregate, by: str) -> tuple[str, ...]:
    """Return the dimensions that cut the population itself: ages, sexes, areas of another kind.

    They are the quasi-identifiers: what is true of whoever lives there, and not of what happened.
    """
    apart = (by, dataset.event_date)
    return tuple(
        name
        for name in table.dimensions
        if name not in apart and _is(dataset, name, FieldClass.QUASI_IDENTIFIER)
    )


def sensitive(dataset: Dataset, name: str) -> bool:
    """Return whether a field is sensitive, so that to be in none or all of its levels is news."""
    return _is(dataset, name, FieldClass.SENSITIVE)


def _is(dataset: Dataset, name: str, field_class: FieldClass) -> bool:
    return name in dataset.fields and dataset.fields[name].field_class is field_class
