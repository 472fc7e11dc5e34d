"""Whatever is done to an officer's file, the tools answer with findings, and soon."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

import pytest

from gateway.agreement.diff.versions import compare
from gateway.agreement.lint.inspect import Inspected, inspect
from gateway.agreement.lint.run import lint, refusing
from gateway.cli.explain import as_signed
from gateway.cli.report import Format, Report, by_file, placed, sources_of, written
from gateway.review.reach import ways
from tests.agreement.county import NOW
from tests.agreement.fuzzed import SOURCES, fuzzed, shipped

if TYPE_CHECKING:
    from gateway.agreement.lint.folder import Folder

FILES: Final = 10_000
FEW: Final = 60
"""Files of every run; the others are a sweep."""
MOST_MS: Final = 50
HALF_MORE: Final = 1.5
_AGAIN: Final = 4


@pytest.fixture(scope="module")
def county() -> Folder:
    """Return the folder as it is; once it was read, a changed file alone is read again."""
    found = inspect(shipped(), NOW)
    assert found.folder is not None
    return found.folder


def check(seeds: range, county: Folder) -> None:
    """Every file gives findings that can be printed, or an agreement that can be worked with."""
    found = {"unreadable": 0, "wrong": 0, "right": 0}
    for seed in seeds:
        draw = random.Random(seed)  # noqa: S311 - no secret
        name, data = fuzzed(draw)
        folder = {**shipped(), name: data}
        looked = _in_time(folder, name, seed)
        _printed(looked, folder, name, draw.choice(list(Format)))
        # A file that is right by itself can be wrong with those that stand on it.
        if looked.folder is None:
            found["unreadable"] += 1
        elif refusing(looked.findings) or refusing(lint(looked.folder, NOW)):
            found["wrong"] += 1
        else:
            found["right"] += 1
            _worked_with(looked.folder, county)
    assert min(found.values()) > len(seeds) / 100, found


def _in_time(folder: dict[str, bytes], name: str, seed: int) -> Inspected:
    """Return what is said of a file; the processor is at it for no more than its time.

    On a machine that is busy with others the same work takes longer: then no longer than half as
    much again as the file takes that nobody changed.
    """
    looked, spent = _timed(folder, name)
    if spent > MOST_MS:
        _, unchanged = _timed(shipped(), name)
        assert spent < HALF_MORE * unchanged, f"seed {seed}: {name} takes {spent:.0f} ms"
    return looked


def _timed(folder: dict[str, bytes], name: str) -> tuple[Inspected, float]:
    """Return what is said of a file, and the fewest milliseconds of a few looks."""
    tries: list[tuple[float, Inspected]] = []
    for again in range(_AGAIN):
        # A byte behind the last: nothing is remembered of the time before.
        data = folder[name] + b"\n" * again
        began = time.process_time()
        looked = inspect({**folder, name: data}, NOW, named=lambda one: one == name)
        tries.append((1000 * (time.process_time() - began), looked))
        if tries[-1][0] <= MOST_MS:
            break
    spent, looked = min(tries, key=lambda one: one[0])
    return looked, spent


def _printed(looked: Inspected, folder: dict[str, bytes], name: str, how: Format) -> None:
    """Write the findings as a verb does: nothing in them moves a cursor."""
    report = Report(
        "lint",
        by_file([f"agreements/{name}"], placed("agreements", looked.findings)),
        sources_of("agreements", folder, looked.findings),
        facts={"waived": []},
    )
    assert written(report, how).replace("\n", "").isprintable()


def _worked_with(folder: Folder, county: Folder) -> None:
    """Do with a folder what officers do: who gets what, and what is otherwise than before."""
    ways(as_signed(folder))
    before = {one.model.id: one.model for one in county.agreements}
    for one in folder.agreements:
        compare(before.get(one.model.id), one.model, (county.schemas, folder.schemas))


def test_fuzzed_files_give_findings(county: Folder) -> None:
    """Sixty files, each changed once to four times."""
    check(range(FEW), county)


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, FILES, 500))
def test_many_fuzzed_files_give_findings(first: int, county: Folder) -> None:
    """The same, ten thousand."""
    check(range(first, first + 500), county)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00" * 900_000, b"[" * 900_000, b"- " * 450_000, b"a: " * 300_000,
        b"# accord: ignore x -- y, z, until 2027-01-01\n" * 20_000, b"\xff\xfe" + b"a\x00" * 400,
        b"".join(b" " * depth + b"a:\n" for depth in range(1_000)),
        b"".join(b"k%d: 1\n" % number for number in range(60_000)),
    ],
    ids=["empty", "nul", "flow", "block", "mapping", "waivers", "utf-16", "deep", "keys"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["county.yaml", "codes.yaml"])
def test_what_is_no_file_of_officers_is_told_soon(name: str, data: bytes, county: Folder) -> None:
    """However large, however deep: one finding, and not a second look."""
    looked = _in_time({**shipped(), name: data}, name, 0)

    assert [name] == sorted({one.file for one in refusing(looked.findings)})


def test_every_kind_of_file_and_of_change_is_drawn() -> None:
    """Of each source some, half of them the agreement; and nearly all of them are changed."""
    drawn = [fuzzed(random.Random(seed)) for seed in range(600)]  # noqa: S311 - no secret
    names = [name for name, _ in drawn]

    assert set(SOURCES) == set(names)
    assert 250 < names.count("county.yaml") < 400
    assert 540 < sum(data != shipped()[name] for name, data in drawn)


def test_a_party_that_is_undeclared_is_a_finding_also_beside_tests() -> None:
    """What tests cover is worked out of an agreement as it is, errors and all."""
    data = shipped()["county.yaml"]
    assert data.count(b"  ems: {agency") == 1

    looked = inspect(shipped() | {"county.yaml": data.replace(b"  ems: {", b"  emz: {")}, NOW)

    assert "party-undeclared" in {one.rule for one in looked.findings}
