"""A rule about tables of one source for one recipient: their periods are cut by one grid.

Weeks and months that overlap can be subtracted from each other, week by week. The attack on what
was released before finds that too, but only by holding back more and more; one grid, or grids of
which the coarser is made of whole periods of the finer, leave nothing to subtract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.rule import Case, FolderRule, cases, folder_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Grid
    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.places import Path
    from gateway.agreement.yaml import Document

_DAY_S: Final = 86_400
_MONTHS: Final = 12


@folder_rule("grids-overlap")
def overlap(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """Tables of one provider's dataset for one recipient are cut by grids that nest."""
    before: dict[tuple[str, str, str], list[tuple[str, Grid]]] = {}
    for case in cases(folder):
        table = case.provision.aggregate
        if table is None or case.provider is None or case.recipient is None:
            continue
        key = (case.provider.id, case.recipient.id, case.provision.flow.dataset.name)
        several = before.setdefault(key, [])
        for name, grid in several:
            if not nested(table.grid, grid):
                message = f"{_name(case)} cuts periods across those of {name}: use one grid"
                yield case.read.document, case.under("aggregate", "grid"), message
                break
        several.append((_name(case), table.grid))


def _name(case: Case) -> str:
    return f"{case.provision.id} of {case.read.model.id}"


def nested(one: Grid, other: Grid) -> bool:
    """Return whether each period of the coarser grid is made of whole periods of the finer."""
    fine, coarse = sorted((one, other), key=_length)
    if not fine.period.months and fine.period.seconds == _DAY_S:
        return True  # all periods are made of whole days
    if bool(fine.period.months) != bool(coarse.period.months):
        return False
    steps, apart = (
        (_months(coarse) - _months(fine), fine.period.months)
        if fine.period.months
        else ((coarse.anchor - fine.anchor).days * _DAY_S, fine.period.seconds)
    )
    whole = coarse.period.months or coarse.period.seconds
    aligned = fine.period.months == 0 or fine.anchor.day == coarse.anchor.day
    return aligned and steps % apart == 0 and whole % apart == 0


def _months(grid: Grid) -> int:
    return grid.anchor.year * _MONTHS + grid.anchor.month


def _length(grid: Grid) -> tuple[int, int]:
    return grid.period.months, grid.period.seconds


FOLDER_RULES: tuple[FolderRule, ...] = (overlap,)
