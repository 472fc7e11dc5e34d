"""The same table on a terminal and as a page: whole, readable without colour, without a secret."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from gateway.cli.disclosure.picture import Shown, blocks
from gateway.cli.disclosure.sheet import read_sheet
from gateway.cli.disclosure.terminal import ROWS_MAX, draw
from tests.cli.sheets import A3, a1, audit, crossed, suppress, two_way, write
from tests.data import ROOT
from tests.verbs import accord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.disclosure.table import Key


def drawn(path: Path, shown: Mapping[Key, Shown], width: int = 80) -> str:
    """Return what is drawn on a terminal so wide."""
    out = io.StringIO()
    draw(read_sheet(path), shown, "Total", Console(file=out, width=width, highlight=False))
    return out.getvalue()


def plain(cells: Mapping[Any, int]) -> dict[Key, Shown]:
    """Return cells that are all published."""
    return {key: Shown(count, count) for key, count in cells.items()}


@pytest.mark.parametrize(
    ("cell", "text", "words"),
    [
        (Shown(1200, 1200), "1,200", "1,200"),
        (Shown(1, 10, hidden=True), "[1-10]", "hidden: between 1 and 10"),
        (Shown(1, 10, hidden=True, mark="p"), "[1-10]p", "hidden, small: between 1 and 10"),
        (
            Shown(1, 10, hidden=True, mark="s", settled=False),
            "[1-10+]s",
            "hidden for another cell's sake: between 1 and 10, or wider",
        ),
        (
            Shown(3, 5, hidden=True, narrow=True),
            "![3-5]",
            "hidden, given away: between 3 and 5",
        ),
        (Shown(47, 47, hidden=True, narrow=True), "!=47", "hidden, given away: exactly 47"),
    ],
)
def test_a_cell_is_told_by_signs_and_words(cell: Shown, text: str, words: str) -> None:
    """Colour is never the only sign."""
    assert (text, words) == (cell.text(), cell.words())


def test_two_dimensions_are_one_block(tmp_path: Path) -> None:
    """Rows down, columns across, in the order of the file."""
    cells = two_way(A3, "mf")
    path = write(tmp_path / "t.csv", cells)

    lines = drawn(path, plain(cells)).splitlines()

    assert r"row \ column   m   f  Total" == lines[0].rstrip()
    assert ["A", "B", "C", "D", "Total"] == [line.split()[0] for line in lines[2:]]
    assert ["Total", "55", "45", "100"] == lines[-1].split()


def test_one_dimension_is_a_list(tmp_path: Path) -> None:
    """The measure stands across."""
    path = write(tmp_path / "t.csv", {("a",): 10, ("b",): 1100}, names=("row",))

    lines = drawn(path, {("a",): Shown(10, 10), ("b",): Shown(1100, 1100)}).splitlines()

    assert ["row  count", "a       10", "b    1,100"] == [lines[0], *lines[2:]]


def test_more_dimensions_are_more_blocks(tmp_path: Path) -> None:
    """The longest dimension at the side, the next across, a block for each level of the third."""
    cells = crossed({
        (sex, county, age): 10 for sex in "fm" for county in "abcd" for age in ("0-9", "10+", "?")
    })  # fmt: skip
    path = write(tmp_path / "t.csv", cells, names=("sex", "county", "age"))

    found = list(blocks(read_sheet(path), plain(cells)))

    assert [(("sex", "f"),), (("sex", "m"),), (("sex", "Total"),)] == [one.place for one in found]
    assert {("county", "age", 5, 4)} == {
        (one.side, one.across, len(one.rows), len(one.columns)) for one in found
    }
    assert cells["f", "Total", "?"] == getattr(found[0].cells[-1][2], "low", None)


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    """Columns that do not fit stand below, and none is cut."""
    names = [f"{10 * band}-{10 * band + 9}" for band in range(14)]
    cells = crossed({(f"County {at}", name): 1000 for at in range(5) for name in names})
    path = write(tmp_path / "t.csv", cells, names=("county", "age"))

    text = drawn(path, plain(cells), width)

    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text
    assert all(name in text for name in names)


def test_a_big_table_is_cut_and_said_so(tmp_path: Path) -> None:
    """Rows and blocks that are not drawn are counted."""
    cells = {
        (f"{area:03}", str(month), sex): 20
        for area in range(ROWS_MAX + 7) for month in range(11) for sex in "fm"
    }  # fmt: skip
    path = write(tmp_path / "t.csv", cells, names=("area", "month", "sex"))

    text = drawn(path, plain(cells))

    assert "7 more rows are not drawn here" in text
    assert f"{ROWS_MAX - 1:03}" in text
    assert f"{ROWS_MAX:03} " not in text
    assert len(text.splitlines()) < 8 * (2 * ROWS_MAX + 10)


# --- pages ---


class Page(HTMLParser):
    """The tags of a page, and whether they are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag; `meta` has no end."""
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that is open."""
        assert tag == self.open.pop()


def test_a_page_needs_nothing_else(tmp_path: Path) -> None:
    """One file: no script, no address, nothing that loads; and it forbids loading."""
    html = tmp_path / "a1.html"
    audit(a1(tmp_path / "a1.csv", counts=False), html=str(html))
    text = html.read_text()

    page = Page(text)

    assert [] == page.open
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", text)
    assert any("default-src 'none'" in (has.get("content") or "") for _, has in page.tags)


def test_a_page_is_read_without_colour_and_aloud(tmp_path: Path) -> None:
    """Language, title, captions, heads with a scope; a hidden cell has signs and words."""
    html = tmp_path / "a1.html"
    audit(a1(tmp_path / "a1.csv", counts=False), html=str(html))
    text = html.read_text()

    page = Page(text)

    assert ("html", {"lang": "en"}) in page.tags
    assert {"col", "row"} == {has.get("scope") for tag, has in page.tags if tag == "th"}
    assert "<caption>row by column</caption>" in text
    said = [has["aria-label"] for tag, has in page.tags if tag == "td" and "aria-label" in has]
    assert 9 == len(said)
    assert "hidden, given away: exactly 47" in said
    assert ">!=47</td>" in text
    assert "@media print" in text


def test_names_of_levels_are_text(tmp_path: Path) -> None:
    """A level that looks like markup is shown as it is written."""
    evil = '<script>alert("x")</script>'
    cells = crossed(
        {(evil, "[red]m[/]"): 20, ("b", "[red]m[/]"): 5, ("b", "f&"): 30, (evil, "f&"): 9}
    )
    path = write(tmp_path / "t.csv", cells)
    html = tmp_path / "t.html"

    suppress(path, html=str(html))

    assert "script" not in {tag for tag, _ in Page(html.read_text()).tags}
    assert "&lt;script&gt;" in html.read_text()
    assert "[red]m[/]" in drawn(path, plain(cells))


def test_no_drawing_holds_a_hidden_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the terminal nor the page of either verb shows what the file hides."""
    cells = two_way({"w": [7, 4231], "x": [4253, 4297]}, "ab")
    path = write(tmp_path / "t.csv", cells)
    out = tmp_path / "out.csv"

    suppress(path, width=2, output=str(out), html=str(tmp_path / "one.html"))
    audit(out, html=str(tmp_path / "two.html"))

    pages = [(tmp_path / f"{name}.html").read_text() for name in ("one", "two")]
    for text in (capsys.readouterr().out, *pages):
        assert not re.search(r"(?<![\d,])(4,?231|4,?253|4,?297)(?![\d,])", text)
        assert f"{4231 + 4297:,}" in text


def test_a_page_is_the_same_each_time(tmp_path: Path) -> None:
    """No clock and no chance in it, so that two pages can be compared."""
    path = a1(tmp_path / "a1.csv", counts=False)
    audit(path, html=str(tmp_path / "one.html"))
    audit(path, html=str(tmp_path / "two.html"))

    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


# --- as people type them ---


def test_the_verbs_end_with_their_codes(tmp_path: Path) -> None:
    """0 nothing narrow, 3 narrow, 2 wrong input, 1 what cannot leave; a line, no traceback."""
    a1(tmp_path / "a1.csv", counts=False)
    write(tmp_path / "a3.csv", two_way(A3, "mf"))
    (tmp_path / "bad.csv").write_text("row;count\n")
    disclosure = partial(accord, "disclosure", folder=tmp_path)

    narrow = disclosure("audit", "a1.csv", "--knowledge", "0", "-o", "out.csv")
    good = disclosure("suppress", "a3.csv", "--min-cell", "11", "--json")
    bad = disclosure("suppress", "bad.csv", "-o", "out2.csv")
    lost = disclosure("suppress", "a3.csv", "--width", "5000", "-o", "out2.csv")

    assert [3, 0, 2, 1] == [one.returncode for one in (narrow, good, bad, lost)], good.stderr
    assert "exactly 47" in narrow.stdout
    assert good.stdout.startswith('{"cells": 15, ')
    assert "accord: bad.csv:1: is separated by semicolons" in bad.stderr
    assert "reason DISCLOSURE_RISK" in lost.stderr
    assert not (tmp_path / "out2.csv").exists()


def test_help_brings_no_solver_along() -> None:
    """`accord --help` stays quick: what a verb needs is imported when it is called."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import gateway.cli.main; "
        "print([one for one in ('numpy', 'highspy', 'rich.table') if one in sys.modules])"
    )

    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "[]" == done.stdout.strip()
