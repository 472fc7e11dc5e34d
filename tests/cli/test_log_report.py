"""`accord log report`: a page that says what the log says, and loads nothing from anywhere."""

from __future__ import annotations

import datetime as dt
import re
import stat
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from gateway.audit.names import Names, Party
from gateway.audit.summary import Summary
from gateway.cli.auditor.ask import selection
from gateway.cli.auditor.charts import Bar, beside, nice, over_time
from gateway.cli.auditor.page import DAYS_MAX, Report, spans
from gateway.cli.auditor.report import run_report
from gateway.errors import SettingsError
from tests.audit.build import Log, exchange_id
from tests.audit.test_audit_summary import a_log, summed

if TYPE_CHECKING:
    from pathlib import Path


def page(log: Log, names: Names | None = None) -> str:
    """Return the report of a log."""
    return Report(
        summed(log), names or Names(log.origin), "a period", (), log.checkpoint(), 9, "now", "here"
    ).html()


class Wellformed(HTMLParser):
    """Holds that every element is closed where it should be, and keeps the words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a start tag."""
        self.attributes += attrs
        if tag not in {"meta", "wbr", "rect", "line"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an empty element."""
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """Take an end tag: that of the innermost open element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.words.append(data)


def read(html: str) -> Wellformed:
    """Return a page, read to its end."""
    parser = Wellformed()
    parser.feed(html)
    parser.close()
    assert [] == parser.open
    return parser


def test_the_page_says_the_figures() -> None:
    """Requests, refusals by reason, cells that stayed behind, the checkpoint that it rests on."""
    log = a_log()

    words = " ".join("".join(read(page(log)).words).split())

    assert "4requests decided" in words
    assert "NO_PROVISION" in words
    assert " ".join(log.checkpoint().split()) in words


def test_the_page_loads_nothing() -> None:
    """No script, no address, no font; and the browser is told to load nothing."""
    html = page(a_log())

    parser = read(html)

    assert "default-src 'none'; style-src 'unsafe-inline'" in html
    assert set() == {name for name, _ in parser.attributes} & {"src", "href", "onclick", "srcset"}
    assert "<script" not in html
    assert re.findall(r"url\((?!#)", html) == []
    assert "@import" not in html


def test_words_of_others_are_no_markup() -> None:
    """A name, a reason, a dataset that is markup is shown as words."""
    evil = "<img src=x onerror=alert(1)>"
    log = Log.begun()
    log.refusal(exchange_id(1), reason=evil, dataset=evil, provider=evil)
    log.exchange(exchange_id(2))

    html = page(log, Names(evil, {"county-ems": Party(evil, "", "")}))

    assert "<img" not in html
    assert evil in "".join(read(html).words)


def test_a_period_without_an_entry_has_a_report_too() -> None:
    """Nothing happened is a statement: the page says so, and is whole."""
    empty = Report(Summary(), Names("log.example"), "a period", (), "note", 0, "now", "here")

    words = "".join(read(empty.html()).words)

    assert "No request was decided in this period." in words


def test_what_was_not_opened_is_said() -> None:
    """A reader must not take a gap for silence."""
    log = a_log()
    summary = summed(log, left_out=frozenset({2}))
    report = Report(summary, Names(log.origin), "a period", (), "note", 9, "now", "here")

    assert "1 of 11 entries could not be opened" in report.html()
    assert "could not be opened: " not in page(log)


@pytest.mark.parametrize(
    ("days", "bars"), [(DAYS_MAX, DAYS_MAX), (DAYS_MAX + 1, 4)], ids=["days", "months"]
)
def test_a_long_period_is_drawn_by_month(days: int, bars: int) -> None:
    """Up to 92 days a bar each; one more, and it is months. Days without a request are bars too."""
    first = dt.date(2026, 11, 20)
    log = a_log()
    summary = summed(log)
    last = first + dt.timedelta(days - 1)
    summary.days[last.isoformat()] = summary.days["2026-11-20"]

    found = spans(summary)

    assert bars == len(found)
    assert (4, 4) == (sum(one.granted for one in found), sum(one.refused for one in found))


def test_a_chart_draws_each_number_to_scale() -> None:
    """Bars of 1, 2 and 4 of 4: a quarter, a half and the whole of the height, in good XML."""
    bars = [Bar("a", 1, 0), Bar("b", 2, 0), Bar("c", 3, 1)]

    svg = ET.fromstring("".join(over_time(bars, "three bars")))  # noqa: S314 - our own

    heights = [
        sum(float(rect.get("height", "")) for rect in group.iter("rect")) for group in svg.iter("g")
    ]
    assert pytest.approx([heights[2] / 4, heights[2] / 2], abs=0.2) == heights[:2]
    titles = [title.text for title in svg.iter("title")]
    assert "c: 3 granted, 1 refused" in titles


def test_bars_stay_inside_their_chart() -> None:
    """However many and however large: nothing is drawn outside."""
    bars = [Bar(str(at), 10**6 * at, 7) for at in range(92)]

    svg = ET.fromstring("".join(over_time(bars, "many")))  # noqa: S314 - our own

    for rect in svg.iter("rect"):
        x, y, wide, high = (float(rect.get(key, "")) for key in ("x", "y", "width", "height"))
        assert min(x, y, wide, high) >= 0
        assert x + wide <= 960
        assert y + high <= 260


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 1), (1, 1), (3, 3), (4, 4), (5, 8), (8, 8), (33, 40), (41, 80), (1000, 1200)],
)
def test_an_axis_ends_at_a_round_number(most: int, top: int) -> None:
    """Not below the most, and a quarter of it is whole."""
    assert top == nice(most)


@pytest.mark.parametrize(
    ("most", "parts", "drawn"),
    [
        (4, [(1, "granted")], [("0.00", "25.00")]),
        (4, [(3, "granted"), (1, "refused")], [("0.00", "75.00"), ("75.00", "25.00")]),
        (0, [(0, "granted")], [("0.00", "0.00")]),
    ],
)
def test_a_bar_beside_a_number(
    most: int, parts: list[tuple[int, str]], drawn: list[tuple[str, str]]
) -> None:
    """As long as its share of the longest, part after part; none of nothing."""
    svg = ET.fromstring(beside(most, *parts))  # noqa: S314 - our own

    assert drawn == [(one.get("x"), one.get("width")) for one in svg.iter("rect")]


def test_a_report_of_a_deployment(deployed: Path, tmp_path: Path) -> None:
    """Written whole for its owner alone; that the log was read for it is in it."""
    place = tmp_path / "report.html"

    assert 0 == run_report(str(deployed), selection(), str(place))

    words = " ".join("".join(read(place.read_text()).words).split())
    assert "operator" in words
    assert "incident" not in words
    assert 0o600 == stat.S_IMODE(place.stat().st_mode)


def test_a_report_that_cannot_be_written_opens_nothing(deployed: Path, tmp_path: Path) -> None:
    """No such folder: said before the log is opened."""
    with pytest.raises(SettingsError, match="no folder"):
        run_report(str(deployed), selection(), str(tmp_path / "absent" / "report.html"))
