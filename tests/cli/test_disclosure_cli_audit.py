"""`accord disclosure audit`: what anybody's table gives away, from what it shows alone."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.cli.disclosure.attacked import hidden_in
from gateway.cli.disclosure.found import found
from gateway.cli.disclosure.grid import grid_of
from gateway.cli.disclosure.sheet import read_sheet
from gateway.disclosure.table import DisclosureError, Limits, View
from gateway.errors import SettingsError
from tests.cli.sheets import A1, a1, audit, crossed, read, suppress, two_way, write

if TYPE_CHECKING:
    from pathlib import Path

RANGES = {
    "wa": (25, 94), "wb": (47, 47), "wc": (0, 69), "xa": (26, 95), "xc": (0, 69), "yb": (0, 185),
    "yd": (0, 185), "zb": (906, 1091), "zd": (585, 770),
}  # fmt: skip


def ranges(path: Path) -> dict[str, tuple[int, int]]:
    """Return low and high of each cell of a written table that has them."""
    return {
        "".join(key): (int(line["low"]), int(line["high"]))
        for key, line in read(path).items()
        if line["low"] or line["high"]
    }


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_a1_is_opened(tmp_path: Path, *, counts: bool, integer: bool) -> None:
    """At least two hidden in every line, and w/b is 47 exactly; hidden counts change nothing."""
    path, out = a1(tmp_path / "a1.csv", counts=counts), tmp_path / "out.csv"

    code = audit(path, knowledge=0, integer=integer, output=str(out))

    assert RANGES == ranges(out)
    # With counts only x/c is known to be small, and w/b is large: found, and no reason to fail.
    assert (0 if counts else 3) == code


def test_a1_repaired_by_value(tmp_path: Path) -> None:
    """One more cell, x/d, and w/b can be anything from 0 to 78."""
    cells = two_way(A1, "abcd")
    held = [key for key in cells if "".join(key) in {*RANGES, "xd"}]
    path = write(tmp_path / "a1.csv", cells, blank=held)

    assert 0 == audit(path, knowledge=0, output=str(tmp_path / "out.csv"))
    assert (0, 78) == ranges(tmp_path / "out.csv")["wb"]


def test_what_is_given_away_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cell by name with what is known of it, in words and in JSON."""
    path = a1(tmp_path / "a1.csv", counts=False)

    audit(path)
    assert "given away\n  row=w, column=b: exactly 47\n" in capsys.readouterr().out

    assert 3 == audit(path, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (25, 9, 9, 1, 1, 0) == tuple(
        told[name]
        for name in ("cells", "hidden", "protected", "exact", "narrower", "narrowest_width")
    )
    assert {"cell": {"row": "w", "column": "b"}, "low": 47, "high": 47, "protected": True} in told[
        "ranges"
    ]


def test_the_informed_attacker_knows_more(tmp_path: Path) -> None:
    """At K1 nothing hidden is zero: each range lies within that of K0."""
    path = a1(tmp_path / "a1.csv", counts=False)
    audit(path, knowledge=0, output=str(tmp_path / "k0.csv"))
    audit(path, knowledge=1, output=str(tmp_path / "k1.csv"))

    wide, narrow = ranges(tmp_path / "k0.csv"), ranges(tmp_path / "k1.csv")

    assert (1, 68) == narrow["wc"]
    assert all(wide[at][0] <= narrow[at][0] <= narrow[at][1] <= wide[at][1] for at in wide)


SIDES = two_way({"w": [5, 20], "x": [30, 40]}, "ab")
HIDDEN = [("w", "a"), ("w", "b"), ("x", "a"), ("x", "b")]


@pytest.mark.parametrize(("width", "code"), [(23, 0), (24, 3)])
def test_the_width_has_two_sides(tmp_path: Path, width: int, code: int) -> None:
    """w/a can be 1 to 24: 23 wide is wide enough for 23, and not for 24."""
    path = write(tmp_path / "t.csv", SIDES, blank=HIDDEN)

    assert code == audit(path, width=width)


def test_small_cells_are_the_ones_to_protect(tmp_path: Path) -> None:
    """Known counts from the threshold on are hidden for another's sake: they may be narrow."""
    flags = {key: "false" if key in {("w", "a"), ("w", "Total")} else "true" for key in SIDES}
    path = write(tmp_path / "t.csv", SIDES, more={"published": flags})

    # Row w's total and w/a, each the difference of what is published in its own column.
    assert 3 == audit(path, min_cell=6)
    assert 0 == audit(path, min_cell=5)


def test_k2_shows_what_one_marker_is_worth(tmp_path: Path) -> None:
    """Told which are small, the attacker holds them to 1..10, and the others to 11 and more."""
    flags = {key: "false" if key in HIDDEN else "true" for key in SIDES}
    path = write(tmp_path / "t.csv", SIDES, more={"published": flags})
    audit(path, output=str(tmp_path / "k1.csv"))
    audit(path, knowledge=2, output=str(tmp_path / "k2.csv"))

    assert (1, 24) == ranges(tmp_path / "k1.csv")["wa"]
    assert (1, 10) == ranges(tmp_path / "k2.csv")["wa"]


def test_k2_needs_to_be_told(tmp_path: Path) -> None:
    """By counts or by `reason`; with neither it is an error, never a guess."""
    path = write(tmp_path / "t.csv", SIDES, blank=HIDDEN)
    with pytest.raises(SettingsError, match="`--knowledge 2` needs"):
        audit(path, knowledge=2)

    reasons = {key: "primary" if key == ("w", "a") else "secondary" for key in HIDDEN}
    told = write(tmp_path / "told.csv", SIDES, blank=HIDDEN, more={"reason": reasons})
    audit(told, knowledge=2, output=str(tmp_path / "out.csv"))

    assert (1, 10) == ranges(tmp_path / "out.csv")["wa"]


def test_a_hidden_count_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """The count of w/b is not what the published totals allow: file and line, and no number."""
    cells = two_way(A1, "abcd") | {("w", "b"): 4848}
    held = [key for key in cells if "".join(key) in RANGES and key != ("w", "b")]
    flags = {key: "false" if "".join(key) in RANGES else "true" for key in cells}
    path = write(tmp_path / "a1.csv", cells, blank=held, more={"published": flags})

    with pytest.raises(DisclosureError, match=r"a1\.csv:3: row=w, column=b is hidden") as caught:
        audit(path)

    assert "not_additive" == caught.value.cause
    assert "4848" not in caught.value.message


def test_totals_that_no_table_has_are_an_error(tmp_path: Path) -> None:
    """Hidden parts of a total that is smaller than what is published of them."""
    cells = SIDES | {("w", "Total"): 3}
    path = write(tmp_path / "t.csv", cells, blank=[("w", "a")])

    with pytest.raises(DisclosureError) as caught:
        audit(path)

    assert "not_additive" == caught.value.cause


def test_a_published_cell_needs_its_count(tmp_path: Path) -> None:
    """`published` true and no count contradict one another; so does an empty flag among others."""
    flags = dict.fromkeys(SIDES, "true")
    path = write(tmp_path / "t.csv", SIDES, blank=[("w", "a")], more={"published": flags})
    with pytest.raises(SettingsError, match=r":2: is published, and `count` is empty"):
        audit(path)

    path = write(tmp_path / "t.csv", SIDES, more={"published": flags | {("w", "a"): ""}})
    with pytest.raises(SettingsError, match=r":2: `published` is neither"):
        audit(path)


def test_a_hidden_total_is_as_large_as_its_parts(tmp_path: Path) -> None:
    """Larger than anything the table shows: it is no contradiction, nor falsely narrow."""
    cells = {("a",): 60, ("b",): 70, ("c",): 5, ("Total",): 135}
    path = write(tmp_path / "t.csv", cells, names=("row",), blank=[("c",), ("Total",)])

    assert 0 == audit(path, output=str(tmp_path / "out.csv"))
    low, high = ranges(tmp_path / "out.csv")["Total"]
    assert 131 == low
    assert high >= 60 + 70 + 70


def test_a_large_hidden_cell_is_no_contradiction(tmp_path: Path) -> None:
    """A count in the file, above all that is published, in no total."""
    flags = {("a",): "true", ("b",): "false"}
    path = write(
        tmp_path / "t.csv", {("a",): 60, ("b",): 7000}, names=("row",), more={"published": flags}
    )

    assert 0 == audit(path)


def test_an_audit_reads_its_own_output(tmp_path: Path) -> None:
    """What was added is added anew: no column becomes a dimension."""
    path = write(tmp_path / "t.csv", SIDES)
    suppress(path, output=str(tmp_path / "mine.csv"))
    audit(tmp_path / "mine.csv", output=str(tmp_path / "one.csv"))
    audit(tmp_path / "one.csv", output=str(tmp_path / "two.csv"))

    one = (tmp_path / "one.csv").read_text()

    assert "row,column,count,published,reason,low,high" == one.splitlines()[0]
    assert one == (tmp_path / "two.csv").read_text()


def test_three_ways_are_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each face of a cube has four hidden cells; one published margin more, and all are known."""
    cells = crossed({
        (place, age, sex): 20 + 3 * at
        for at, (place, age, sex) in enumerate(product("ab", "01", "fm"))
    })  # fmt: skip
    held = list(product("ab", "01", "fm"))
    path = write(tmp_path / "t.csv", cells, names=("place", "age", "sex"), blank=held)

    assert 0 == audit(path, integer=True)

    path = write(tmp_path / "t.csv", cells, names=("place", "age", "sex"), blank=held[1:])
    assert 3 == audit(path, integer=True)
    assert "known exactly  7 hidden cells" in capsys.readouterr().out


def test_nothing_hidden_is_nothing_to_find(tmp_path: Path) -> None:
    """A table that shows all: exit 0, no range."""
    path = write(tmp_path / "t.csv", SIDES)

    assert 0 == audit(path, output=str(tmp_path / "out.csv"))
    assert {} == ranges(tmp_path / "out.csv")


def test_what_nothing_tells_of_zeros_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table without a zero: the attacker gets the benefit, and the officer is told how not."""
    path = a1(tmp_path / "a1.csv", counts=False)

    audit(path)
    assert "say `--zeros suppress`" in capsys.readouterr().err

    audit(path, zeros="suppress", output=str(tmp_path / "out.csv"))
    assert "" == capsys.readouterr().err
    assert (0, 69) == ranges(tmp_path / "out.csv")["wc"]


def test_what_takes_too_long_is_judged_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without time for whole ranges: at least so wide, which is said, and what is narrow found."""
    grid = grid_of(read_sheet(a1(tmp_path / "a1.csv", counts=False)), "Total", ())
    hidden = hidden_in(grid)
    view = View(grid.rows, grid.counts, hidden, np.zeros(25, np.int64), np.full(25, 1000, np.int64))

    ranges = found(view, np.full(25, 20), integer=True, exact=Limits(programs=0))

    assert "takes too long" in capsys.readouterr().err
    widths = (ranges.high - ranges.low)[hidden]
    assert [0] == [width for width in widths if width < 20]
    assert not ranges.settled.all()
    with pytest.raises(DisclosureError) as caught:
        found(view, np.full(25, 20), integer=True, exact=Limits(programs=0),
              verdict=Limits(programs=0))  # fmt: skip
    assert "limit" == caught.value.cause


@pytest.mark.parametrize(("width", "code"), [(9, 0), (10, 3)])
def test_a_small_cell_in_no_sum_is_as_wide_as_the_threshold(
    tmp_path: Path, width: int, code: int
) -> None:
    """Nothing but the rule hides it, so everybody knows 1 to 10 of it, and no more is hidden."""
    path = write(tmp_path / "t.csv", {("a",): 4, ("b",): 7000}, names=("row",))
    suppress(path, release=str(tmp_path / "theirs.csv"))

    assert code == audit(tmp_path / "theirs.csv", output=str(tmp_path / "out.csv"), width=width)
    assert (1, 10) == ranges(tmp_path / "out.csv")["a"]


def test_no_pattern_makes_a_lonely_cell_wider_than_its_threshold(tmp_path: Path) -> None:
    """A width of ten of a cell that is 1 to 10: nothing else could be hidden for its sake."""
    path = write(tmp_path / "t.csv", {("a",): 4, ("b",): 7000}, names=("row",))

    with pytest.raises(DisclosureError, match=r"line 2, row=a"):
        suppress(path, width=10)
