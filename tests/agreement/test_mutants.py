"""Whoever changes a signed county without its signatures gets an error or a refusal, never more.

Each mutant is one edit of one file of a folder that all parties signed. The folder is then loaded
as at a start, and all that `decide` grants is compared with what it granted before the edit, for
every flow and every field: with the plan that would be built, limits and duties included. Whatever
is granted afterwards must have been granted before, in the same form.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from gateway.agreement.finding import Level
from gateway.decide import Grant, Standing, decide
from gateway.errors import AccordError
from gateway.library.folder import FolderLibrary
from gateway.masks.places import Area
from gateway.plan.build import Builder
from gateway.plan.reference import Table
from gateway.values import Caller, DatasetId, Request, Terms
from tests.agreement.mutants import NOW, SETS, Mutant, mutants, signed, text

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements

EVERY_ROLE: Final = frozenset({"epidemiologist", "outreach_worker", "outreach_supervisor"})
TABLES: Final = {
    "zip3@1": Table("zip3@1", "", {"019": 30_000}),
    "grid@1": Table("grid@1", "", {"1:1": 500}, "0.01"),
    "areas@1": Table("areas@1", "", {}, areas={"10": (Area.STATE, "")}),
}

# --- what is granted ------------------------------------------------------------------------------

Granted = dict[tuple[str, str, str, str, str], object]


def loaded(folder: Path, memory: Path | None = None) -> tuple[Agreements | None, list[str]]:
    """Load a folder as a starting gateway does; return what is in force, and the errors."""
    library = FolderLibrary(folder, memory, frozenset(TABLES))
    library.swap(library.look(NOW))
    errors = [one.text() for one in library.findings if one.level is Level.ERROR]
    try:
        return library.current(), errors
    except AccordError as error:
        return None, [*errors, str(error)]


def granted(agreements: Agreements | None) -> Granted:
    """Return every field of every flow that somebody with every role would get, and how."""
    if agreements is None:
        return {}
    builder = Builder(TABLES, lambda domain, period: (f"{domain}/{period}", bytes(32)))
    made: Granted = {}
    for key, rules in agreements.flows.items():
        provider, recipient, name, purpose = key
        dataset = DatasetId.parse(name)
        assert dataset is not None
        aggregate = rules[0].provision.aggregate
        always = aggregate.dimensions if aggregate else ()
        for field in agreements.datasets[name].fields:
            fields = tuple(dict.fromkeys((*always, field)))
            terms = Terms(provider, recipient, dataset, purpose, fields)
            caller = Caller(recipient, bytes(32), "person", EVERY_ROLE)
            answer = decide(agreements, Request("", terms, caller), Standing(), NOW)
            if isinstance(answer, Grant):
                made[provider, recipient, name, purpose, field] = _form(agreements, builder, answer)
    return made


def _form(agreements: Agreements, builder: Builder, grant: Grant) -> object:
    plan = builder.build(agreements, grant)
    limits = grant.rule.provision.limits
    return (
        plan.text,
        plan.group,
        plan.suppress,
        plan.limit,
        plan.where,
        limits,
        plan.attach,
        grant.rule.roles,
        grant.rule.pact.digest,
        grant.rule.pact.ends,
    )


@cache
def before() -> Granted:
    """Return what the signed county grants."""
    return granted(loaded(_written(Path(mkdtemp())))[0])


def _written(folder: Path) -> Path:
    for name, data in signed().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


# --- claims ---------------------------------------------------------------------------------------


def test_the_signed_county_grants_what_it_says() -> None:
    """Seven provisions, each field of their `release`, and nothing else."""
    read = yaml.safe_load(text())
    released = sum(len(one["release"]) for one in read["provisions"])
    # A dimension alone is no table: it is granted only with a measure.
    dimensions = sum(
        len(one.get("aggregate", {}).get("dimensions", ())) for one in read["provisions"]
    )

    assert released - dimensions == len(before())
    assert 7 == len({key[:4] for key in before()})


SHARES: Final = {"typos": 12, "twice": 1, "signatures": 1}
"""Of how many mutants of a kind one is tried at every change; of the others, every second."""


def share(kind: str) -> tuple[Mutant, ...]:
    """Return the mutants of a kind that are tried at every change."""
    return mutants(kind)[:: SHARES.get(kind, 2)]


def test_there_are_enough_mutants() -> None:
    """At least 200 edits are tried at every change, of more than 500 in ten kinds."""
    assert 200 <= sum(len(share(kind)) for kind in SETS)
    assert 500 <= sum(len(mutants(kind)) for kind in SETS)


@pytest.mark.parametrize("kind", SETS)
def test_no_mutant_is_wider(kind: str, tmp_path: Path) -> None:
    """Each edit ends in an error or a refusal; nothing is granted anew, or in another form."""
    assert ([], []) == _judged(share(kind), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", SETS)
def test_no_mutant_at_all_is_wider(kind: str, tmp_path: Path) -> None:
    """The same of every mutant."""
    assert ([], []) == _judged(mutants(kind), tmp_path)


def _judged(several: tuple[Mutant, ...], place: Path) -> tuple[list[str], list[str]]:
    """Return the names of mutants that widen, and of those that nobody notices."""
    folder = _written(place / "agreements")
    wider, unseen = [], []
    for one in several:
        _put(folder, one)
        agreements, errors = loaded(folder)
        after = granted(agreements)
        if _more(after):
            wider.append(one.name)
        if not errors and after.keys() >= before().keys():
            unseen.append(one.name)
        (folder / one.file).write_bytes(signed()[one.file])
    return wider, unseen


def _put(folder: Path, one: Mutant) -> None:
    if one.data is None:
        (folder / one.file).unlink()
    else:
        (folder / one.file).write_bytes(one.data)


def _more(after: Granted) -> bool:
    return any(before().get(key) != form for key, form in after.items())


@pytest.mark.parametrize("kind", ["others"])
def test_no_mutant_is_wider_under_a_running_gateway(kind: str, tmp_path: Path) -> None:
    """Swapped in under traffic, an edit leaves what was in force or less, never more."""
    folder = _written(tmp_path / "agreements")
    library = FolderLibrary(folder, tmp_path / "library.json", frozenset(TABLES))
    library.swap(library.look(NOW))
    wider = []
    for one in mutants(kind)[1::8]:
        _put(folder, one)
        library.swap(library.look(NOW))
        if _more(granted(library.current())):
            wider.append(one.name)
        (folder / one.file).write_bytes(signed()[one.file])
        library.swap(library.look(NOW))

    assert [] == wider
    assert before() == granted(library.current()), "the good folder is in force again"
