"""`accord agreements who`, `matrix` and `assert`: who can get what, by which provision, for good.

Everything is read from the files alone, as if every signature were there: what an officer is about
to sign is what is looked at.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import spelled
from gateway.agreement.diff.provision import mask_text
from gateway.agreement.finding import printable
from gateway.agreement.model import Selectors
from gateway.agreement.unmatched import unmatched
from gateway.cli.explain import as_signed
from gateway.cli.given import given
from gateway.cli.officers import EXIT_FINDINGS, good, instant
from gateway.errors import SettingsError
from gateway.review.reach import Way, never, selected, ways
from gateway.values import AgencyKind, FieldClass, Means, Regime, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.agreement.dataset import Dataset
    from gateway.agreement.index import Agreements
    from gateway.agreement.registry import Agency

EXIT_COUNTEREXAMPLE: Final = 4
_WIDTH: Final = 100
"""Columns of a matrix that goes into a file."""
_NEVER: Final = "never"

_WORDS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "from_kind": ("from_kind", AgencyKind),
    "to_kind": ("to_kind", AgencyKind),
    "class": ("field_class", FieldClass),
    "means": ("means", Means),
    "regime": ("regime", Regime),
    "shape": ("shape", Shape),
    "dataset": ("dataset", str),
    "field": ("field", str),
    "purpose": ("purpose", str),
}
"""Selectors of a claim, as a prohibition has them: the key, and what reads one of its values."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The agreements of a folder, and every way that those of them leave open which were named."""

    agreements: Agreements
    ways: tuple[Way, ...]


def looked(places: Sequence[str], now: str) -> list[Looked] | None:
    """Return what was named, folder by folder; None, once errors of one were printed.

    Prohibitions count whichever file they stand in; ways only by the provisions of named files.

    Raises:
        SettingsError: A place is no folder and no file in one.
    """
    found: list[Looked] = []
    for one in given(places):
        read = good(one.folder, instant(now))
        if read is None:
            return None
        agreements = as_signed(read)
        own = (way for way in ways(agreements) if one.names(f"{way.rule.pact.agreement.id}.yaml"))
        found.append(Looked(agreements, tuple(own)))
    return found


# --- who ---


def run_who(places: Sequence[str], field: str, now: str) -> int:
    """Print everyone who can get a field, and how; exit 0, also where nobody can.

    Raises:
        SettingsError: There is no such field, or no such place.
    """
    found = looked(places, now)
    if found is None:
        return EXIT_FINDINGS
    names = _fields(found, field)
    open_ways = [way for one in found for way in one.ways if way.name in names]
    for way in open_ways:
        _print_way(way)
    who = sorted({way.agency.id for way in open_ways})
    said = f"exactly {', '.join(who)}" if who else "nobody"
    sys.stdout.write(printable(f"{', '.join(names)}: {said}") + "\n")
    return 0


def _fields(found: Sequence[Looked], field: str, word: str = "`--field`") -> list[str]:
    """Return the full names of a field: `<dataset>.<field>`, or of that name in any dataset.

    Raises:
        SettingsError: There is none; `word` is what asked for it.
    """
    known = {
        f"{dataset.id.name}.{name}"
        for one in found
        for dataset in one.agreements.datasets.values()
        for name in dataset.fields
    }
    chosen = sorted(one for one in known if field in (one, one.rpartition(".")[2]))
    if not chosen:
        near = get_close_matches(field, sorted({one.rpartition(".")[2] for one in known}))
        hint = f"; is it {' or '.join(near)}?" if near else ""
        raise SettingsError(
            f"no dataset has this field: {word} is `<field>` or `<dataset>.<field>`{hint}"
        )
    return chosen


def _print_way(way: Way) -> None:
    rule, provision = way.rule, way.rule.provision
    source = f"onward from {rule.recipient.id}" if way.onward else f"from {rule.provider.id}"
    lines = [
        f"{way.agency.id} ({way.agency.kind.value}) {source}, {way.name}: {mask_text(way.mask)}",
        f"  for       {rule.purpose}",
        f"  by        {rule.ref}, clause {provision.clause}, as {provision.delivery.shape.value}",
    ]
    lines += [f"  if        {spelled(one)}" for one in provision.when]
    sys.stdout.writelines(printable(line) + "\n" for line in lines)


# --- matrix ---


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


# --- assert ---


def run_assert(places: Sequence[str], claim: Sequence[str], only: Sequence[str], now: str) -> int:
    """Say whether a claim holds of every way to every field; 4 and a way that breaks it, if not.

    Without `only` the claim is that nothing that is selected reaches anybody; with it, that it
    reaches exactly these agencies.

    Raises:
        SettingsError: The claim is no claim, or a place is none.
    """
    looks = looked(places, now)
    if looks is None:
        return EXIT_FINDINGS
    when = _selectors(claim, looks)
    unknown = set(only).difference(*(one.agreements.registry.agencies for one in looks))
    if unknown:
        raise SettingsError(f"`--only`: no agency is called {', '.join(sorted(unknown))}")
    everything = [way for one in looks for way in one.ways]
    found = selected(everything, when)
    broken = [way for way in found if way.agency.id not in only]
    for way in broken:
        _print_way(way)
    reached = {way.agency.id for way in found}
    missing = [f"{one} does not get it\n" for one in only if one not in reached]
    sys.stdout.writelines(missing)
    if broken or missing:
        sys.stdout.write(f"does not hold: {len(broken)} of {len(everything)} ways break it\n")
        return EXIT_COUNTEREXAMPLE
    provisions = {way.rule.ref for way in everything}
    parties = {way.agency.id for way in everything}
    sys.stdout.write(
        f"holds over {len(provisions)} provisions, {len(parties)} agencies, "
        f"{len(everything)} ways to a field\n"
    )
    return 0


def _selectors(claim: Sequence[str], looks: Sequence[Looked]) -> Selectors:
    """Return what a claim selects: `key=value,value`, all keys to be met, each by any value.

    Raises:
        SettingsError: It is not of this form; or it speaks of what does not exist, of which every
            claim would hold.
    """
    given: dict[str, frozenset[object]] = {}
    for one in claim:
        key, sign, values = one.partition("=")
        if not sign or key not in _WORDS or not values:
            raise SettingsError(f"a claim is of words such as to_kind=…: {', '.join(_WORDS)}")
        name, made = _WORDS[key]
        if name in given:
            raise SettingsError(
                f"`{key}` stands twice: write its values behind one another, by commas"
            )
        try:
            given[name] = frozenset(made(value) for value in values.split(","))
        except ValueError:
            raise SettingsError(f"`{key}` has no such value") from None
    if not given:
        raise SettingsError("a claim selects something: an empty one would be about everything")
    if "field" in given:
        several = (_fields(looks, str(name), "`field`") for name in given["field"])
        given["field"] = frozenset(itertools.chain.from_iterable(several))
    when = Selectors(**given)  # type: ignore[arg-type]
    datasets = [one for look in looks for one in look.agreements.datasets.values()]
    purposes = {leaf for look in looks for leaf in look.agreements.purposes.leaves}
    for lack in unmatched(when, datasets, purposes):
        raise SettingsError(f"the claim speaks of nothing: {lack}")
    return when
