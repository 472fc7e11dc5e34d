"""The demo's own parts: which record is put beside which row, and masks in words."""

from __future__ import annotations

import datetime as dt
import socket
from typing import TYPE_CHECKING

import pytest

from gateway.cli.county.write import write_county
from gateway.cli.demo import held, words
from gateway.cli.demo.held import Held, Holding
from gateway.cli.demo.scenes import SCENES
from gateway.cli.demo.town import free_ports
from gateway.masks.ages import Age
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Clip
from gateway.masks.shift import DateShift
from gateway.masks.tables import RareToOther
from gateway.masks.texts import Partial
from gateway.values import MaskNote

if TYPE_CHECKING:
    from gateway.cli.county.write import County
    from gateway.cli.demo.scenes import Scene

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    """Write a county."""
    return write_county(tmp_path_factory.mktemp("county") / "county", seed=1, now=NOW)


def of_month(month: int) -> Holding:
    """Return a holding of one record that is any row of a month."""
    record = Held({"month": str(month)}, lambda row: row["month"] == month)
    return Holding("a sheet", "records", [record])


def test_a_record_is_paired_with_the_one_row_it_may_be() -> None:
    """The row that is shown beside a record is the only one that could have come from it."""
    rows = [{"month": 1, "age": 30}, {"month": 2, "age": 40}]

    found = held.pair(of_month(2), rows, ["month", "age"])

    assert found is not None
    assert {"month": 2, "age": 40} == found[1]


def test_two_rows_that_a_record_may_be_are_not_guessed_between() -> None:
    """Where the masks leave two candidates, none is shown as the record's."""
    rows = [{"month": 2, "age": 30}, {"month": 2, "age": 40}]

    assert held.pair(of_month(2), rows, ["month", "age"]) is None


def test_rows_that_look_alike_are_one() -> None:
    """Two rows with the same values in all that is shown are told apart by nobody."""
    rows = [{"month": 2, "age": 30, "site": 1}, {"month": 2, "age": 30, "site": 2}]

    assert held.pair(of_month(2), rows, ["month", "age"]) is not None


@pytest.mark.parametrize("scene", [one for one in SCENES if one.pairs], ids=lambda one: one.held)
def test_every_label_is_of_the_native_record(county: County, scene: Scene) -> None:
    """Each label on the left is one that the provider's own record has."""
    record = held.HOLDINGS[scene.held](county).records[0]

    assert [] == [label for label, _ in scene.pairs if label not in record.values]


def test_what_is_asked_for_is_shown_or_a_key_of_the_pairing() -> None:
    """A scene with records withholds at least two fields on purpose, and names what it asks."""
    for scene in SCENES:
        named = [name for _, name in scene.pairs]
        if named:
            assert len([name for name in named if name not in scene.fields]) >= 2


def test_nobody_is_counted_who_gave_no_code(county: County) -> None:
    """An empty participant code is no person, as for the adapter."""
    sheet = list(held._sheet(county))  # noqa: SLF001 - the sheet as it lies there
    assert any(not row["participant_code"] for row in sheet)

    people = held.people(county)

    cells = {cell: count for cell, count in people.items() if held.ALL not in cell}
    assert sum(cells.values()) == len(
        {
            (row["date"][:7], row["site"], held._route(row["product"]), row["participant_code"])  # noqa: SLF001
            for row in sheet
            if row["participant_code"]
        }
    )


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (MaskNote("pass"), "passed on"),
        (MaskNote("truncate", ("to=week_iso", "absent=missing")), "cut to its week"),
        (MaskNote("truncate", ("to=hour",)), "cut to the hour"),
        (MaskNote("band", ("width=5", "topcode=90")), "band of 5 years"),
        (MaskNote("band", ("cuts=0,1,10",)), "band at 0, 1, 10"),
        (MaskNote("zip3", ("table=zip3@1",)), "first three digits"),
        (MaskNote("round", ("base=0.5",)), "rounded to 0.5"),
        (MaskNote("geo", ("to=state",)), "state only"),
        (GeoGrid("0.01", 500).note(), "cell where 500 live"),
        (GeoH3("7", 500).note(), "cell where 500 live"),
        (GeoDonut(50, 500).note(), "moved by 50 to 500 m"),
        (Age("incident_date", 90).note(), "age at incident date, 90 and over together"),
        (DateShift(30, "keep").note(), "moved by up to 30 days"),
        (Partial(4, 8).note(), "last 4 characters"),
        (Clip(0, 40).note(), "from 0 to 40"),
        (RareToOther("common").note(), "rare ones as other"),
        (CountList().note(), "how many"),
        (HasAny(("a", "b")).note(), "yes or no"),
        (MaskNote("map", ("table=location_group",)), "grouped: location group"),
        (MaskNote("count_only"), "count only"),
    ],
)
def test_masks_in_words(note: MaskNote, said: str) -> None:
    """Each mask is said in a few words that an officer knows."""
    assert said == words.mask(note)


def test_conditions_in_words() -> None:
    """A row filter reads as one line: bounds of a field together, consent and opt-out last."""
    where = {
        "conditions": [
            ["day", "gte", [["date", "2026-09-21"]]],
            ["kind", "in", [["str", "a"], ["str", "b"]]],
            ["day", "lte", [["date", "2026-11-20"]]],
        ],
        "consent": ["consent_id"],
        "opt_out": [["opt_out_at", "timestamp"]],
    }

    assert [
        "day from 2026-09-21 to 2026-11-20",
        "kind is one of a, b",
        "the person consented",
        "the person did not opt out",
    ] == list(words.conditions(where))


def test_ports_are_free_and_in_a_row() -> None:
    """Ports that are given can be listened on."""
    ports = free_ports(6)

    assert list(range(ports[0], ports[0] + 6)) == ports
    for port in ports:
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))


def test_the_refusals_are_told_beforehand() -> None:
    """The demo fails where a refusal it announces does not come, and has at least two of them."""
    refused = [scene.refused for scene in SCENES if scene.refused]

    assert {"PROHIBITED", "NO_PROVISION"} <= set(refused)


def test_a_place_is_named_for_every_release() -> None:
    """What a scene releases has a holding; what it refuses has none, for nothing is read."""
    assert [] == [scene.title for scene in SCENES if bool(scene.held) == bool(scene.refused)]
