"""Rules about tables: whom they count, what may stand beside a count, how small a cell may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Level, quoted
from gateway.agreement.lint.rule import (
    Case,
    Fault,
    FolderRule,
    ProvisionRule,
    folder_rule,
    provision_rule,
)
from gateway.agreement.strength import longer
from gateway.masks.tables import CountOnly, SumOnly
from gateway.masks.times import Truncate, Unit
from gateway.values import Shape

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.places import Path
    from gateway.agreement.yaml import Document

USUAL_CELL: Final = 11
"""The least of CMS and PCORnet; below it only the floor may go."""
SLACK: Final = 2
DIMENSIONS: Final = 3
MOST_OF_A_SUM: Final = 90
"""Percent that the largest givers may have under any rule of dominance."""
MONDAY, SUNDAY = 0, 6


@provision_rule("shape-mismatch")
def shape(case: Case) -> Iterator[Fault]:
    """An aggregate says what it counts, and a record does not."""
    table, shape_ = case.provision.aggregate, case.provision.delivery.shape
    if shape_ is Shape.AGGREGATE and table is None:
        yield case.under("delivery", "shape"), "`aggregate` without a block `aggregate`"
    if shape_ is Shape.RECORD and table is not None:
        yield case.under("aggregate"), "a block `aggregate` at record level"


@provision_rule("aggregate-mask-misplaced")
def masks(case: Case) -> Iterator[Fault]:
    """What is counted leaves as a count alone, and nothing else leaves beside it."""
    release, table = case.provision.release, case.provision.aggregate
    counted = {n for n, mask in release.items() if isinstance(mask, (CountOnly, SumOnly))}
    if table is None:
        for name in sorted(counted):
            yield case.under("release", name), f"`{release[name].name}` on `{name}` at record level"
        return
    need: dict[str, type[CountOnly | SumOnly]] = {
        one.field: CountOnly if one.function == "count_distinct" else SumOnly
        for one in table.measures
        if one.function in ("sum", "mean", "count_distinct")
    }
    need.setdefault(table.unit, CountOnly)
    for name, kind in sorted(need.items()):
        if name in release and not isinstance(release[name], kind):
            yield case.under("release", name), f"`{name}` is measured, so it leaves as {kind.name}"
        elif name not in release:
            yield case.under("aggregate"), f"`{name}` is measured, but not released"
    under = {one.where.field for one in table.measures if one.where is not None}
    for name in release:
        if name not in need and name not in table.dimensions and name not in under:
            message = f"`{name}` is released, but neither dimension nor measured"
            yield case.under("release", name), message
    for name in table.dimensions:
        if name not in release or name in need:
            yield case.under("aggregate", "dimensions"), f"`{name}` cannot be a dimension"


@provision_rule("unit-unknown")
def unit(case: Case) -> Iterator[Fault]:
    """A table counts people or cases: the dataset's `person`, or its `unit`."""
    table, dataset = case.provision.aggregate, case.dataset
    if (
        table is not None
        and dataset is not None
        and table.unit not in (dataset.person, dataset.unit)
    ):
        message = f"{quoted(table.unit)} is neither the dataset's person nor its unit"
        yield case.under("aggregate", "unit"), message


@provision_rule("min-cell-low")
def min_cell(case: Case) -> Iterator[Fault]:
    """No count below the floor's least is published."""
    if (table := case.provision.aggregate) is not None:
        given, least = table.disclosure, case.folder.floor.model.at_least.min_cell
        if given.min_cell < least:
            named = f"`min_cell: {given.preset}`, {given.min_cell},"
            said = named if given.preset else "`min_cell`"
            yield _disclosure(case, "min_cell"), f"{said} is below {least}, the floor's least"


@folder_rule("floor-cell-low", Level.WARNING)
def floor_cell(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """A floor below eleven is the county's own decision, and never an oversight."""
    least = folder.floor.model.at_least.min_cell
    if least < USUAL_CELL:
        message = f"the floor lets counts of {least} be published: below {USUAL_CELL}"
        yield folder.floor.document, ("at_least", "min_cell"), message


@provision_rule("marker-taken")
def marker(case: Case) -> Iterator[Fault]:
    """Why a number is not there is told in different words, or nobody tells them apart."""
    table, taken = case.provision.aggregate, {"missing", "masked", "total", "unreliable"}
    if table is not None and table.disclosure.marker in taken:
        said = f"`{table.disclosure.marker}` means something else: it is no marker of its own"
        yield _disclosure(case, "marker"), said


@provision_rule("interval-narrow")
def min_interval(case: Case) -> Iterator[Fault]:
    """A suppressed count must stay any value that the rule hides."""
    if (table := case.provision.aggregate) is not None:
        floor = case.folder.floor.model.at_least.min_interval
        least = max(table.disclosure.min_cell - SLACK, floor)
        if table.disclosure.min_interval < least:
            yield _disclosure(case, "min_interval"), f"`min_interval` is below {least}"


@provision_rule("complementary-off")
def complementary(case: Case) -> Iterator[Fault]:
    """Without second suppressions, margins give the first ones back."""
    table = case.provision.aggregate
    if table is not None and not table.disclosure.complementary:
        yield _disclosure(case, "complementary"), "`complementary` is not true"


@provision_rule("option-without-leave")
def leave(case: Case) -> Iterator[Fault]:
    """What lets more be told than the rule of the cell is used only where the floor permits it."""
    if (table := case.provision.aggregate) is None:
        return
    for key in sorted(table.disclosure.needs_leave - case.folder.floor.model.permits):
        message = f"`{key}` is used, and `permits` of `_floor.yaml` does not name it"
        yield _disclosure(case, key), message


@provision_rule("colluding-recipient")
def colluding(case: Case) -> Iterator[Fault]:
    """Whoever gets a table counts among those who are one attacker."""
    if (table := case.provision.aggregate) is None or table.disclosure.colluding is None:
        return
    if case.provision.flow.recipient not in table.disclosure.colluding:
        message = f"`{case.provision.flow.recipient}` gets the table, and is not in `colluding`"
        yield _disclosure(case, "colluding"), message


@provision_rule("colluding-narrowed", Level.WARNING)
def narrowed(case: Case) -> Iterator[Fault]:
    """Fewer than everybody as one attacker lets more leave: it is for the officers to weigh."""
    if (table := case.provision.aggregate) is not None and table.disclosure.colluding is not None:
        who = ", ".join(f"`{one}`" for one in sorted(table.disclosure.colluding))
        message = f"only {who} count as one attacker: what others got of the source is passed over"
        yield _disclosure(case, "colluding"), message


def _disclosure(case: Case, key: str) -> tuple[str | int, ...]:
    return case.under("aggregate", "disclosure", key)


# --- periods ---

_PERIODS: Final = {
    Unit.DAY: ((0, 86_400),),
    Unit.WEEK_ISO: ((0, 7 * 86_400),),
    Unit.WEEK_MMWR: ((0, 7 * 86_400),),
    Unit.MONTH: ((1, 0),),
    Unit.QUARTER: ((3, 0),),
    Unit.YEAR: ((12, 0),),
}


@provision_rule("grid-open")
def grid(case: Case) -> Iterator[Fault]:
    """Periods are fixed, follow the dataset's date, and open late enough: no differencing."""
    table, dataset = case.provision.aggregate, case.dataset
    if table is None or dataset is None:
        return
    path = case.under("aggregate", "grid")
    least = case.folder.floor.model.at_least.grid_lag
    if longer(least, table.grid.lag):
        yield (*path, "lag"), f"`lag` is shorter than {least.text}, the floor's least"
    if dataset.event_date is None:
        yield path, "the dataset has no event date to cut periods by"
        return
    mask = case.provision.release.get(dataset.event_date)
    if dataset.event_date not in table.dimensions or not isinstance(mask, Truncate):
        yield path, f"`{dataset.event_date}` is not a truncated dimension"
        return
    period = (table.grid.period.months, table.grid.period.seconds)
    if period not in _PERIODS.get(mask.to, ()):
        yield (*path, "period"), f"{table.grid.period.text} is not one {mask.to}"
    elif not _begins(mask.to, table.grid.anchor):
        yield (*path, "anchor"), f"no {mask.to} begins on the anchor"


def _begins(unit_: Unit, day: dt.date) -> bool:
    match unit_:
        case Unit.WEEK_ISO:
            return day.weekday() == MONDAY
        case Unit.WEEK_MMWR:
            return day.weekday() == SUNDAY
        case Unit.MONTH:
            return day.day == 1
        case Unit.QUARTER:
            return day.day == 1 and day.month % 3 == 1
        case Unit.YEAR:
            return day.day == 1 and day.month == 1
        case _:
            return True


@provision_rule("margin-open")
def margins(case: Case) -> Iterator[Fault]:
    """A total is over whole periods, and is no cell of the table itself.

    Without the date it would be over whatever periods are asked for together, and two requests
    that overlap could be subtracted.
    """
    table, dataset = case.provision.aggregate, case.dataset
    if table is None or dataset is None:
        return
    for at, margin in enumerate(table.margins):
        path = case.under("aggregate", "margins", at)
        if dataset.event_date is not None and dataset.event_date not in margin:
            yield path, f"the margin leaves out `{dataset.event_date}`, by which periods are cut"
        if set(margin) == set(table.dimensions):
            yield path, "the margin keeps every dimension: it is the table"


@provision_rule("dominance-missing")
def dominance(case: Case) -> Iterator[Fault]:
    """A sum without a dominance rule shows its largest contributor."""
    if (table := case.provision.aggregate) is not None and table.disclosure.dominance is None:
        for one in _sums(table):
            yield _disclosure(case, "dominance"), f"the sum `{one}` has no dominance rule"


@provision_rule("dominance-weak")
def weak(case: Case) -> Iterator[Fault]:
    """A rule that no sum breaks is none: the largest givers have 90 % at the most."""
    if (table := case.provision.aggregate) is None or table.disclosure.dominance is None:
        return
    if table.disclosure.dominance["percent"] > MOST_OF_A_SUM:
        message = f"`percent` of `dominance` is above {MOST_OF_A_SUM}"
        yield _disclosure(case, "dominance"), message


def _sums(table: Aggregate) -> list[str]:
    return [one.name for one in table.measures if one.function in ("sum", "mean")]


@provision_rule("dimensions-many", Level.WARNING)
def dimensions(case: Case) -> Iterator[Fault]:
    """Beyond three dimensions nearly all cells are small."""
    table = case.provision.aggregate
    if table is not None and len(table.dimensions) > DIMENSIONS:
        yield case.under("aggregate", "dimensions"), f"more than {DIMENSIONS} dimensions"


FOLDER_RULES: tuple[FolderRule, ...] = (floor_cell,)
RULES: tuple[ProvisionRule, ...] = (
    shape,
    masks,
    unit,
    min_cell,
    marker,
    min_interval,
    complementary,
    leave,
    colluding,
    narrowed,
    grid,
    margins,
    dominance,
    weak,
    dimensions,
)
