"""`accord agreements matrix`: which agency can get which field, and in which form."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.diff.provision import mask_text
from gateway.agreement.finding import printable
from gateway.cli.officers import EXIT_FINDINGS
from gateway.cli.reach import looked
from gateway.errors import SettingsError
from gateway.review.reach import Way, never

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.dataset import Dataset
    from gateway.agreement.index import Agreements
    from gateway.agreement.registry import Agency

_WIDTH: Final = 100
"""Columns of a matrix that goes into a file."""
_NEVER: Final = "never"


def run_matrix(places: Sequence[str], dataset: str, now: str) -> int:
    """Print, of every field, in which form each agency can get it.

    Raises:
        SettingsError: There is no such dataset, or no such place.
    """
    found = looked(places, now)
    if found is None:
        return EXIT_FINDINGS
    tables = [
        (one, name)
        for one in found
        for name in sorted({str(way.rule.dataset.id) for way in one.ways})
        if dataset in ("", name, name.partition("@")[0])
    ]
    if not tables:
        raise SettingsError("no provision is of this dataset")
    for one, name in tables:
        _print_matrix(one.agreements, one.agreements.datasets[name], one.ways)
    return 0


def _print_matrix(agreements: Agreements, dataset: Dataset, found: Sequence[Way]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    agencies = sorted(agreements.registry.agencies.values(), key=lambda one: one.id)
    columns = {one.id: _column(agreements, dataset, one, found) for one in agencies}
    shown = {name: cells for name, cells in columns.items() if len(set(cells)) > 1 or _said(cells)}
    table = Table(title=str(dataset.id), title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.add_column("field", no_wrap=True)
    table.add_column("class", no_wrap=True)
    for name in shown:
        table.add_column(name.replace("-", "-\n"), overflow="fold")
    for field, *cells in zip(dataset.fields.values(), *shown.values(), strict=True):
        table.add_row(printable(field.name), field.field_class.value, *cells)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(table)
    # An agency that gets nothing is one line, so that the columns of the others can be read.
    for word, cell in (("never", _NEVER), ("nothing", "")):
        several = [name for name, cells in columns.items() if set(cells) == {cell}]
        if several:
            line = f"{word} of it: {', '.join(several)}"
            console.print(printable(line), markup=False, highlight=False)


def _column(
    agreements: Agreements, dataset: Dataset, agency: Agency, found: Sequence[Way]
) -> tuple[str, ...]:
    """Return for each field in which forms an agency can get it; or never, or empty."""
    forms: dict[str, dict[str, None]] = {}
    for way in found:
        if way.agency.id == agency.id and way.rule.dataset.id == dataset.id:
            text = mask_text(way.mask) + (" (onward)" if way.onward else "")
            forms.setdefault(way.field.name, {})[text] = None
    return tuple(
        printable("; ".join(forms[name]))
        if name in forms
        else _NEVER * never(agreements, agency, dataset, name)
        for name in dataset.fields
    )


def _said(cells: Sequence[str]) -> bool:
    """Return whether a column says anything but that nothing, or never anything, is got."""
    return not set(cells) <= {"", _NEVER}
