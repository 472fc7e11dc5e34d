"""`accord disclosure suppress`: the stated optima, attacked before they are written."""

from __future__ import annotations

import json
import stat
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.cli.disclosure.asked import rule_of
from gateway.cli.disclosure.grid import grid_of
from gateway.cli.disclosure.sheet import read_sheet
from gateway.cli.disclosure.suppress import problem_for, protected
from gateway.disclosure.table import DisclosureError
from gateway.errors import SettingsError
from tests.cli.sheets import A2, A3, audit, crossed, read, suppress, two_way, write

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.disclosure.table import Key

SUMMARY = ["cells", "primary", "secondary", "objective", "gap", "narrowest_width", "seconds"]
A8 = {("young", "Spain"): 5, ("young", "Portugal"): 0, ("young", "Iceland"): 2,
      ("old", "Spain"): 6, ("old", "Portugal"): 4, ("old", "Iceland"): 3}  # fmt: skip


def summary(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Return what `--json` printed."""
    value = json.loads(capsys.readouterr().out)
    assert SUMMARY == list(value)
    return dict(value)


def hidden(path: Path) -> dict[str, str]:
    """Return the reason of each hidden cell of a written table, by its levels."""
    return {
        "/".join(key): line["reason"]
        for key, line in read(path).items()
        if line["published"] == "false"
    }


def test_a2_by_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The literature's 3 x 3: three secondaries of 37, and II/C stays in [5, 30]."""
    cells = two_way(A2, "ABC")
    path = write(tmp_path / "a2.csv", cells, more={"reason": {("II", "C"): "primary"}})
    out = tmp_path / "out.csv"

    code = suppress(
        path, min_cell=1, knowledge=0, width=1, cost="value", output=str(out), as_json=True
    )

    found = summary(capsys)
    assert (0, 16, 1, 3, 37, 0.0, 25) == (code, *(found[name] for name in SUMMARY[:-1]))
    assert {"II/A": "secondary", "II/C": "primary", "III/A": "secondary",
            "III/C": "secondary"} == hidden(out)  # fmt: skip
    audit(out, knowledge=0, integer=True, output=str(tmp_path / "audit.csv"))
    line = read(tmp_path / "audit.csv")["II", "C"]
    assert ("5", "30") == (line["low"], line["high"])


def test_a3_by_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One small cell, 42 in all: A/m, C/m and C/f beside it; a heuristic pays 45."""
    path = write(tmp_path / "a3.csv", two_way(A3, "mf"))
    out = tmp_path / "out.csv"

    suppress(path, min_cell=3, knowledge=0, width=1, cost="value", output=str(out), as_json=True)

    assert 42 - 2 == summary(capsys)["objective"]
    assert {"A/f": "primary", "A/m": "secondary", "C/f": "secondary",
            "C/m": "secondary"} == hidden(out)  # fmt: skip
    audit(out, knowledge=0, output=str(tmp_path / "audit.csv"))
    line = read(tmp_path / "audit.csv")["A", "f"]
    assert ("0", "12") == (line["low"], line["high"])


@pytest.mark.parametrize("knowledge", [0, 1])
def test_a8_by_hierarchy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], knowledge: int
) -> None:
    """A chain: nonEU is Iceland, and neither protects the other; four secondaries of 31."""
    cells: dict[Key, int] = crossed(A8)
    cells |= {
        (age, region): sum(cells[age, country] for country in countries)
        for age in ("young", "old", "Total")
        for region, countries in {"EU": ("Spain", "Portugal"), "nonEU": ("Iceland",)}.items()
    }
    path = write(tmp_path / "a8.csv", cells, names=("age", "place"))
    tree = tmp_path / "places.csv"
    tree.write_text("child,parent\nSpain,EU\nPortugal,EU\nIceland,nonEU\nEU,Total\nnonEU,Total\n")
    out = tmp_path / "out.csv"

    suppress(
        path, hierarchies=[f"place={tree}"], min_cell=5, width=1, cost="value",
        knowledge=knowledge, output=str(out), as_json=True,
    )  # fmt: skip

    found = summary(capsys)
    assert (6, 4, 31) == (found["primary"], found["secondary"], found["objective"])
    assert ["Total/Spain", "old/EU", "young/EU", "young/Spain"] == sorted(
        cell for cell, reason in hidden(out).items() if reason == "secondary"
    )


def test_what_is_written_keeps_the_file(tmp_path: Path) -> None:
    """Same rows in the same order with the same counts; `published` and `reason` are added."""
    cells = two_way(A3, "mf")
    path = write(tmp_path / "a3.csv", cells)
    out = tmp_path / "out.csv"

    suppress(path, output=str(out))

    lines = read(out)
    assert list(cells) == list(lines)
    assert [str(count) for count in cells.values()] == [one["count"] for one in lines.values()]
    assert ["row", "column", "count", "published", "reason"] == list(lines["A", "m"])
    assert {("true", ""), ("false", "primary"), ("false", "secondary")} == {
        (one["published"], one["reason"]) for one in lines.values()
    }


def test_what_is_to_be_sent_has_one_marker(tmp_path: Path) -> None:
    """Hidden counts are empty and no reason is told; both verbs read it or refuse it."""
    path = write(tmp_path / "a3.csv", two_way(A3, "mf"), measure="count")
    release, out = tmp_path / "release.csv", tmp_path / "out.csv"

    suppress(path, output=str(out), release=str(release))

    mine, sent = read(out), read(release)
    assert ["row", "column", "count", "published"] == list(sent["A", "m"])
    assert [("" if one["published"] == "false" else one["count"]) for one in mine.values()] == [
        one["count"] for one in sent.values()
    ]
    assert 0 == audit(release, integer=True)
    with pytest.raises(SettingsError, match=r":2: `count` is empty"):
        suppress(release)


def test_a_table_is_the_same_in_another_order(tmp_path: Path) -> None:
    """Shuffled rows hide the same cells."""
    cells = two_way(A3, "mf")
    found = []
    for name, order in (("one", list(cells)), ("two", list(reversed(cells)))):
        path = write(tmp_path / f"{name}.csv", {key: cells[key] for key in order})
        suppress(path, output=str(tmp_path / f"{name}.out.csv"))
        found.append(hidden(tmp_path / f"{name}.out.csv"))

    assert found[0] == found[1]


def test_ten_is_hidden_and_eleven_published(tmp_path: Path) -> None:
    """The threshold, both sides, totals included; a zero is published."""
    path = write(tmp_path / "t.csv", {("a",): 10, ("b",): 11, ("c",): 0}, names=("row",))
    out = tmp_path / "out.csv"

    suppress(path, output=str(out))

    assert {"a": "primary"} == hidden(out)


def test_zeros_may_be_small_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--zeros suppress`; the audit of such a file knows from it that zeros are hidden."""
    path = write(tmp_path / "t.csv", two_way({"w": [0, 30], "x": [25, 31], "y": [9, 40]}, "ab"))
    out = tmp_path / "out.csv"

    suppress(path, zeros="suppress", output=str(out))

    assert "primary" == hidden(out)["w/a"]
    assert "width 10" in capsys.readouterr().out
    assert 0 == audit(out, integer=True, width=10)
    with pytest.raises(SettingsError, match="is a zero that is hidden"):
        audit(out, zeros="publish")


def test_the_usual_width_is_what_the_threshold_leaves() -> None:
    """All ten values below 11 stay possible; with a least of 0 there are eleven."""
    widths = [
        rule_of(11, zeros, None, "log", knowledge).width
        for zeros, knowledge in [("publish", 1), ("publish", 0), ("suppress", 1), ("publish", 3)]
    ]

    assert [9, 10, 10, 9] == widths


@pytest.mark.parametrize("knowledge", [0, 1, 2, 3])
def test_each_knowledge_is_held_by_its_own_audit(tmp_path: Path, knowledge: int) -> None:
    """What is protected at a level is no finding at that level, in whole numbers."""
    path = write(tmp_path / "t.csv", two_way({k: [*v, 3 * len(k)] for k, v in A2.items()}, "ABCD"))
    out = tmp_path / "out.csv"

    assert 0 == suppress(path, knowledge=knowledge, width=3, output=str(out))
    assert 0 == audit(out, knowledge=knowledge, integer=True, width=3)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_released_is_no_finding(tmp_path: Path, seed: int) -> None:
    """Drawn tables of two and three dimensions, zeros both ways: the audit of each is clean."""
    rng = np.random.default_rng([7, seed])
    axes = ("abcde", "0123", "fm")[: 2 + seed % 2]
    zeros = ("publish", "suppress")[seed // 2 % 2]
    cells = crossed({key: int(rng.poisson(14)) for key in product(*axes)})
    path = write(tmp_path / "t.csv", cells, names=("place", "age", "sex")[: len(axes)])
    out = tmp_path / "out.csv"

    suppress(path, zeros=zeros, min_cell=8, output=str(out))

    assert 0 == audit(out, zeros=zeros, min_cell=8, integer=True)


def test_what_was_released_before_binds_at_k3(tmp_path: Path) -> None:
    """A cell that left stays published, and one that was hidden stays hidden."""
    cells = two_way(A3, "mf")
    path = write(tmp_path / "a3.csv", cells)
    suppress(path, output=str(tmp_path / "free.csv"))
    before = {("A", "m"): "true", ("D", "m"): "false"}
    assert {"A/m"} == set(hidden(tmp_path / "free.csv")) & {"A/m", "D/m"}

    bound = write(tmp_path / "bound.csv", cells, more={"published": before})
    with pytest.raises(DisclosureError, match="no pattern protects"):
        # Row A's total and A/m are out: A/f is their difference, unless the total were hidden.
        suppress(
            write(tmp_path / "lost.csv", cells, more={"published": before | {
                ("A", "Total"): "true"}}),
            knowledge=3,
        )  # fmt: skip
    suppress(bound, knowledge=3, output=str(tmp_path / "out.csv"))

    found = hidden(tmp_path / "out.csv")
    assert "A/m" not in found
    assert "secondary" == found["D/m"]
    assert "secondary" == found["A/Total"]


def test_elsewhere_the_column_is_decided_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`published` of an earlier run does not bind below K3, and that is said."""
    cells = two_way(A3, "mf")
    path = write(tmp_path / "a3.csv", cells, more={"published": dict.fromkeys(cells, "true")})

    suppress(path, output=str(tmp_path / "out.csv"))

    assert "decided anew" in capsys.readouterr().err
    assert hidden(tmp_path / "out.csv")


def test_what_nothing_protects_is_refused_by_name(tmp_path: Path) -> None:
    """A cell beside a zero, with a width that no total allows: it is named, and no count is."""
    cells = two_way({"w": [7, 0], "x": [0, 4242]}, "ab")
    path = write(tmp_path / "t.csv", cells)
    places = {name: str(tmp_path / name) for name in ("output", "release", "html")}

    with pytest.raises(DisclosureError, match=r"line 2, row=w, column=a") as caught:
        suppress(path, width=5000, **places)

    assert "infeasible" == caught.value.cause
    assert "4242" not in caught.value.message
    assert [path] == list(tmp_path.iterdir())


def test_a_leak_is_an_error(tmp_path: Path) -> None:
    """A pattern that does not hold is not returned, whoever made it."""
    path = write(tmp_path / "a3.csv", two_way(A3, "mf"))
    grid = grid_of(read_sheet(path), "Total", ())
    problem = problem_for(grid, rule_of(11, "publish", None, "log", 1))
    # The bounds say that nothing above 3 is thinkable: then no range is 9 wide.
    problem.upper[:] = np.maximum(problem.table.values, 3)

    with pytest.raises(DisclosureError) as caught:
        protected(problem)

    assert caught.value.cause in {"infeasible", "leak"}


def test_nothing_is_partly_written(tmp_path: Path) -> None:
    """One output that cannot be written, and none is there; nor a part of one."""
    path = write(tmp_path / "a3.csv", two_way(A3, "mf"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "page.html.part").mkdir()

    with pytest.raises(SettingsError, match=r"page\.html\.part: cannot be written"):
        suppress(path, output=str(folder / "out.csv"), html=str(folder / "page.html"))

    assert ["page.html.part"] == [one.name for one in folder.iterdir()]


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """Working file, release and page: nobody else reads them until the officer says so."""
    path = write(tmp_path / "a3.csv", two_way(A3, "mf"))
    files = {name: tmp_path / f"{name}.out" for name in ("output", "release", "html")}

    suppress(path, **{name: str(file) for name, file in files.items()})

    assert [0o600] * 3 == [stat.S_IMODE(file.stat().st_mode) for file in files.values()]


def test_a_table_without_small_cells_is_published_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No primary, no secondary, and no narrowest width."""
    path = write(tmp_path / "t.csv", two_way({"w": [11, 0], "x": [25, 31]}, "ab"))

    suppress(path, as_json=True)

    found = summary(capsys)
    assert (0, 0, None) == (found["primary"], found["secondary"], found["narrowest_width"])


def test_a_value_stays_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table whose numbers stand under `value` is written so; `-o -` prints it alone."""
    path = write(tmp_path / "t.csv", {("a",): 10, ("b",): 11}, names=("row",), measure="value")

    suppress(path, output="-")

    assert "row,value,published,reason\na,10,false,primary\nb,11,true,\n" == capsys.readouterr().out
