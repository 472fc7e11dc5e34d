"""`accord agreements who`: who can get a field, by which provision; `matrix` and `assert` look too.

Everything is read from the files alone, as if every signature were there: what an officer is about
to sign is what is looked at.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gateway.agreement.conditions import spelled
from gateway.agreement.diff.provision import mask_text
from gateway.agreement.finding import printable
from gateway.cli.explain import as_signed
from gateway.cli.given import given
from gateway.cli.officers import EXIT_FINDINGS, good, instant
from gateway.errors import SettingsError
from gateway.review.reach import Way, ways

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.index import Agreements


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


def run_who(places: Sequence[str], field: str, now: str) -> int:
    """Print everyone who can get a field, and how; exit 0, also where nobody can.

    Raises:
        SettingsError: There is no such field, or no such place.
    """
    found = looked(places, now)
    if found is None:
        return EXIT_FINDINGS
    names = fields_of(found, field)
    open_ways = [way for one in found for way in one.ways if way.name in names]
    for way in open_ways:
        print_way(way)
    who = sorted({way.agency.id for way in open_ways})
    said = f"exactly {', '.join(who)}" if who else "nobody"
    sys.stdout.write(printable(f"{', '.join(names)}: {said}") + "\n")
    return 0


def fields_of(found: Sequence[Looked], field: str, word: str = "`--field`") -> list[str]:
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


def print_way(way: Way) -> None:
    """Print who gets a field: from whom, for what, by which clause, and if what."""
    rule, provision = way.rule, way.rule.provision
    source = f"onward from {rule.recipient.id}" if way.onward else f"from {rule.provider.id}"
    lines = [
        f"{way.agency.id} ({way.agency.kind.value}) {source}, {way.name}: {mask_text(way.mask)}",
        f"  for       {rule.purpose}",
        f"  by        {rule.ref}, clause {provision.clause}, as {provision.delivery.shape.value}",
    ]
    lines += [f"  if        {spelled(one)}" for one in provision.when]
    lines += [f"  or of     {one.id}, who gives {rule.provider.id} the like" for one in way.origins]
    sys.stdout.writelines(printable(line) + "\n" for line in lines)
