"""What a table of an officer must look like; whatever is otherwise names file, line and column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from gateway.cli.disclosure.grid import grid_of
from gateway.cli.disclosure.sheet import read_sheet
from gateway.disclosure.table import COUNT_MAX, DisclosureError
from gateway.errors import SettingsError
from tests.cli.sheets import A1, A3, audit, crossed, suppress, two_way, write

if TYPE_CHECKING:
    from pathlib import Path

CANARY = 424242
GOOD = "row,column,count\nw,a,5\nw,Total,5\nTotal,a,5\nTotal,Total,5\n"

WRONG: list[tuple[str, bytes, str]] = [
    ("empty", b"", ":1: is empty"),
    ("header-only", b"row,count\n", ":1: has a header and no cell"),
    ("no-count", b"row,number\nw,5\n", ":1: has no column `count` or `value`"),
    ("case-of-count", b"row,Count\nw,5\n", r":1: .*`Count` is no such name"),
    ("count-and-value", b"row,count,value\nw,5,5\n", ":1: has `count` and `value`"),
    ("case-of-published", b"row,count,Published\nw,5,true\n", ":1: .*written `published`"),
    ("no-dimension", b"count\n5\n", ":1: has no dimension"),
    ("six-dimensions", b"a,b,c,d,e,f,count\n1,1,1,1,1,1,5\n", ":1: has 6 dimensions; 5 are"),
    ("column-twice", b"row,row,count\nw,w,5\n", ":1: column `row` is there twice"),
    ("column-without-a-name", b"row,,count\nw,w,5\n", ":1: a column has no name"),
    ("cell-twice", b"row,count\nw,5\nx,6\nw,424242\n", ":4: the cell of line 2 is there twice"),
    ("negative", b"row,count\nw,-424242\n", ":2: `count` is negative"),
    ("minus-sign", "row,count\nw,\u2212424242\n".encode(), ":2: `count` is negative"),
    ("accountant", b"row,count\nw,(424242)\n", ":2: `count` is negative"),
    ("decimals", b"row,count\nw,42424.2\n", ":2: `count` has decimals"),
    ("thousands", b'row,count\nw,"424,242"\n', ":2: `count` has a thousands separator"),
    ("thousands-spaced", b"row,count\nw,424 242\n", ":2: `count` has a thousands separator"),
    ("thousands-dotted", b"row,count\nw,424.242\n", ":2: `count` has a thousands separator"),
    ("leading-zero", b"row,count\nw,0424242\n", ":2: `count` is no whole number"),
    ("full-width", "row,count\nw,\uff14\uff12\n".encode(), ":2: `count` is no whole number"),
    ("marked", b"row,count\nw,<11\n", ":2: `count` is no whole number; a hidden cell's is empty"),
    ("spaces", b"row,count\nw, 424242\n", ":2: `count` has spaces"),
    ("exponent", b"row,count\nw,4e5\n", ":2: `count` is no whole number"),
    ("too-large", b"row,count\nw,9007199254740993\n", ":2: `count` is too large"),
    ("value", b"row,value\nw,-424242\n", ":2: `value` is negative"),
    ("level-empty", b"row,count\n,5\n", ":2: `row` is empty"),
    ("level-spaced", b"row,count\nw,5\nx ,5\n", ":3: `row` has spaces"),
    ("byte-order-mark", b"\xef\xbb\xbfrow,count\nw,-5\n", ":2: `count` is negative"),
    ("utf-16", "row,count\nw,5\n".encode("utf-16"), ":1: is UTF-16"),
    ("latin-1", "row,count\nw,5\nDo\xf1a,5\n".encode("latin-1"), ":3: is not UTF-8"),
    ("semicolons", b"row;column;count\nw;a;5\n", ":1: is separated by semicolons"),
    ("tabs", b"row\tcount\nw\t5\n", ":1: is separated by tabs"),
    ("field-short", b"row,count\nw,5\nx\n", ":3: has 1 fields where the header has 2"),
    ("quote-open", b'row,count\n"w,5\n', ":2: is no CSV"),
    ("published", b"row,count,published\nw,5,no\n", ":2: `published` is neither"),
    ("reason", b"row,count,reason\nw,5,theft\n", ":2: `reason` is neither"),
    ("low", b"row,count,low\nw,5,few\n", ":2: `low` is no whole number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "said"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG]
)
def test_a_wrong_file_is_said_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    """File and line come first, and no number of the table is in the message."""
    path = tmp_path / "table.csv"
    path.write_bytes(data)

    with pytest.raises(SettingsError, match=said) as caught:
        read_sheet(path)

    assert caught.value.message.startswith(f"{path}:")
    assert str(CANARY) not in re.sub(r"[^0-9]", "", caught.value.message.removeprefix(str(path)))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Its name, and what the system says."""
    with pytest.raises(SettingsError, match=r"absent\.csv: cannot be read"):
        read_sheet(tmp_path / "absent.csv")


def test_the_largest_count_is_read(tmp_path: Path) -> None:
    """2^53 is a count; the test above has the next."""
    path = tmp_path / "table.csv"
    path.write_text(f"row,value\nw,{COUNT_MAX}\n")

    sheet = read_sheet(path)

    assert (COUNT_MAX, "value") == (sheet.lines[0].count, sheet.measure)


def test_what_spreadsheets_write_is_read(tmp_path: Path) -> None:
    """Carriage returns, blank lines, quotes, TRUE and FALSE, and levels beyond ASCII."""
    path = tmp_path / "table.csv"
    path.write_bytes('row,count,published\r\n"Doña, Ana",5,TRUE\r\n\r\n東,,False\r\n'.encode())

    lines = read_sheet(path).lines

    assert [(("Doña, Ana",), 5, True, 2), (("東",), None, False, 4)] == [
        (line.key, line.count, line.published, line.number) for line in lines
    ]


@pytest.mark.parametrize(
    ("level", "total"),
    [
        ("total", "Total"), ("TOTAL", "Total"), ("Totals", "Total"), ("Totl", "Total"),
        ("Toatl", "Total"), ("all", "All"), ("All", "Total"), ("Sum", "Total"),
    ],
)  # fmt: skip
def test_a_total_that_is_misspelled_is_no_part(tmp_path: Path, level: str, total: str) -> None:
    """Taken for a part it would protect nothing: its file and line are said."""
    path = tmp_path / "table.csv"
    path.write_text(f"row,count\nw,12\nx,13\n{level},25\n")

    with pytest.raises(SettingsError, match=rf"table\.csv:4: `row` has the level `{level}`"):
        grid_of(read_sheet(path), total, ())


@pytest.mark.parametrize("level", ["Toledo", "Talbot", "Allen", "All other", "Tote"])
def test_a_level_that_is_only_a_little_like_a_total_is_a_level(tmp_path: Path, level: str) -> None:
    """County names beside a total are read as they are."""
    path = tmp_path / "table.csv"
    path.write_text(f"row,count\nw,12\n{level},13\nTotal,25\n")

    grid = grid_of(read_sheet(path), "Total", ())

    assert 1 == len(grid.rows)


def test_a_total_of_another_name(tmp_path: Path) -> None:
    """`--total` names the level of totals."""
    path = write(tmp_path / "table.csv", crossed({("w", "a"): 12, ("x", "a"): 13}, total="ALL"))

    assert 5 == len(grid_of(read_sheet(path), "ALL", ()).rows)


def test_totals_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    """The line of the total and its name, and no number: it is not one table."""
    cells = two_way(A3, "mf") | {("B", "Total"): CANARY}
    path = write(tmp_path / "table.csv", cells)

    with pytest.raises(
        DisclosureError, match=r"table\.csv:7: row=B, column=Total is not"
    ) as caught:
        grid_of(read_sheet(path), "Total", ())

    assert "not_additive" == caught.value.cause
    assert str(CANARY) not in caught.value.message


def test_a_part_without_a_row_is_refused(tmp_path: Path) -> None:
    """Else the whole total would count as unknown; the message says to write the zero."""
    cells = two_way({"w": [12, 0], "x": [13, 14]}, "ab")
    del cells["w", "b"]
    path = write(tmp_path / "table.csv", cells)

    with pytest.raises(SettingsError, match=r":8: is a total, and its part row=w, column=b has"):
        grid_of(read_sheet(path), "Total", ())


# --- hierarchies ---

PLACES = crossed({("Ash", "m"): 12, ("Ash", "f"): 15, ("Oak", "m"): 20, ("Oak", "f"): 31,
                  ("Elm", "m"): 17, ("Elm", "f"): 19})  # fmt: skip
REGIONS = PLACES | {("North", sex): PLACES["Ash", sex] + PLACES["Oak", sex]
                    for sex in ("m", "f", "Total")}  # fmt: skip


def with_regions(folder: Path, text: str, cells: dict[tuple[str, ...], int] = REGIONS) -> int:
    """Return how many relations a table of places has under a hierarchy."""
    path = write(folder / "places.csv", cells, names=("place", "sex"))
    (folder / "tree.csv").write_text(text)
    grid = grid_of(read_sheet(path), "Total", [f"place={folder / 'tree.csv'}"])
    return len(grid.rows)


@pytest.mark.parametrize(
    "text",
    [
        "child,parent\nAsh,North\nOak,North\nNorth,Total\nElm,Total\n",
        "child,parent\nElm,Total\nNorth,Total\nOak,North\nAsh,North\n",
    ],
)
def test_a_hierarchy_says_what_sums_to_what(tmp_path: Path, text: str) -> None:
    """A row for each region and total and sex, and for each place's total; order is nothing."""
    assert 3 * 2 + 5 == with_regions(tmp_path, text)


def test_the_total_is_the_sum_of_what_has_no_parent(tmp_path: Path) -> None:
    """Where the file does not name the total; a level without a parent stands in it as one."""
    cells = {key: count for key, count in REGIONS.items() if key[0] not in {"Elm", "Total"}}
    cells |= {("Total", sex): REGIONS["North", sex] for sex in ("m", "f", "Total")}

    assert 3 * 2 + 4 == with_regions(tmp_path, "child,parent\nAsh,North\nOak,North\n", cells)


TREES: list[tuple[str, str, str]] = [
    ("header", "parent,child\nNorth,Ash\n", "tree.csv:1: the header"),
    ("unknown-parent", "child,parent\nAsh,South\n", "tree.csv:2: parent `South` is no level"),
    (
        "unknown-child",
        "child,parent\nAsh,North\nOak,North\nFir,North\nNorth,Total\nElm,Total\n",
        "tree.csv:4: `Fir` is a part of `North`, and no level",
    ),
    ("itself", "child,parent\nAsh,Ash\n", "tree.csv:2: `Ash` is a part of itself"),
    ("cycle", "child,parent\nAsh,North\nNorth,Oak\nOak,Ash\n", "is a part of itself"),
    ("two-parents", "child,parent\nAsh,North\nAsh,Total\n", "tree.csv:3: `Ash` has a parent in"),
    ("total-below", "child,parent\nTotal,North\nAsh,North\n", "tree.csv:2: `Total` is the total"),
    (
        "root-beside-the-total",
        "child,parent\nAsh,North\nOak,North\nElm,Total\n",
        "tree.csv:2: `North` has no parent, while others have `Total`",
    ),
    (
        "level-nowhere",
        "child,parent\nAsh,North\nOak,North\nNorth,Total\n",
        "places.csv:8: `Elm` of `place` is not in",
    ),
    ("semicolons", "child;parent\nAsh;North\n", "tree.csv:1: is separated by semicolons"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [one[1:] for one in TREES], ids=[o[0] for o in TREES])
def test_a_wrong_hierarchy_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Nothing is guessed of what sums to what."""
    with pytest.raises(SettingsError, match=re.escape(said)):
        with_regions(tmp_path, text)


def test_a_hierarchy_may_go_deeper_than_its_table(tmp_path: Path) -> None:
    """The file of all counties serves a table of regions: what lies below tells nothing."""
    text = "child,parent\nAsh,Total\nOak,Total\nElm,Total\nGlade,Elm\nGlen,Elm\nHill,Glen\n"

    assert 3 + 4 == with_regions(tmp_path, text, PLACES)


@pytest.mark.parametrize("text", ["place", "place=", "=tree.csv", "age=tree.csv"])
def test_a_hierarchy_option_is_a_dimension_and_a_file(tmp_path: Path, text: str) -> None:
    """Anything else is said."""
    path = write(tmp_path / "places.csv", PLACES, names=("place", "sex"))

    with pytest.raises(SettingsError, match="`--hierarchy`"):
        grid_of(read_sheet(path), "Total", [text])


def test_two_hierarchies_of_one_dimension_are_linked(tmp_path: Path) -> None:
    """Counties and size classes of the same towns: each has a file, and the total two sums."""
    towns = {"A": 2, "B": 2, "I": 8, "J": 8, "K": 3, "L": 3, "M": 3, "N": 7}
    cells = {(town,): count for town, count in towns.items()}
    cells |= {("one",): 20, ("two",): 16, ("small",): 30, ("big",): 6, ("Total",): 36}
    path = write(tmp_path / "towns.csv", cells, names=("town",))
    files = []
    for name, trees in {
        "county": {"one": "ABIJ", "two": "KLMN"},
        "size": {"small": "ABIJKN", "big": "LM"},
    }.items():
        file = tmp_path / f"{name}.csv"
        file.write_text(
            "child,parent\n"
            + "".join(f"{town},{tree}\n" for tree, some in trees.items() for town in some)
        )
        files.append(f"town={file}")

    grid = grid_of(read_sheet(path), "Total", files)

    assert 6 == len(grid.rows)
    assert 0 == suppress(
        path, hierarchies=files, min_cell=4, knowledge=0, width=1, cost="value",
        output=str(tmp_path / "out.csv"),
    )  # fmt: skip
    hidden = [line for line in (tmp_path / "out.csv").read_text().splitlines() if "false" in line]
    assert "N,7,false,secondary" in hidden
    assert 6 == len(hidden)


# --- both verbs ---


def test_a_table_without_totals_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing sums to anything: both verbs say so, and go on."""
    cells = {("w",): 5, ("x",): 20}
    path = write(tmp_path / "table.csv", cells, names=("row",))

    assert 0 == suppress(path, output=str(tmp_path / "out.csv"))
    assert "no cell is a total of others" in capsys.readouterr().err

    assert 0 == audit(tmp_path / "out.csv")
    assert "no cell is a total of others" in capsys.readouterr().err


def test_a_dimension_without_a_total_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a level that is the sum of the others in every line is named: an undeclared total."""
    cells = {
        ("Statewide" if row == "Total" else row, column): count
        for (row, column), count in two_way(A3, "mf").items()
    }
    path = write(tmp_path / "table.csv", cells)

    assert 0 == suppress(path)

    said = capsys.readouterr().err
    assert "`row` has no level `Total` and no hierarchy" in said
    assert "`Statewide` of `row` is the sum of the other levels" in said
    assert "`column`" not in said


def test_levels_that_sum_to_nothing_are_only_said_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Years beside one another have no total: no level is taken for one."""
    parts = crossed({("a",): 20, ("b",): 34})
    cells = {(year, *key): count for year in ("2024", "2025") for key, count in parts.items()}
    path = write(tmp_path / "table.csv", cells)

    assert 0 == suppress(path)

    said = capsys.readouterr().err
    assert "`row` has no level `Total`" in said
    assert "is the sum of" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"zeros": "hide"}, "`--zeros` is one of publish, suppress"),
        ({"cost": "free"}, "`--cost` is one of count, value, log"),
        ({"width": 0}, "`--width`"),
        ({"min_cell": 0}, "`--min-cell`"),
        ({"knowledge": 4}, "`--knowledge`"),
        ({"output": "absent/out.csv"}, "`--output`: there is no folder"),
        ({"html": "."}, "`--html`: . is a folder"),
    ],
)
def test_a_wrong_option_is_said(tmp_path: Path, options: dict[str, object], said: str) -> None:
    """Before the table is read."""
    with pytest.raises(SettingsError, match=said):
        suppress(tmp_path / "absent.csv", **options)


def test_no_file_is_written_over_what_is_read(tmp_path: Path) -> None:
    """Nor two outputs over one another."""
    path = write(tmp_path / "table.csv", two_way(A1, "abcd"))
    out = str(tmp_path / "out")

    with pytest.raises(SettingsError, match=r"`--output`: .* is read, or written"):
        suppress(path, output=str(path))
    with pytest.raises(SettingsError, match=r"`--html`: .* is read, or written"):
        suppress(path, output=out, html=out)
    with pytest.raises(SettingsError, match=r"`--output`: .* is read, or written"):
        audit(path, output=str(path))
