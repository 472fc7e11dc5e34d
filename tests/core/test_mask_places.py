"""Cells where enough people live, areas by a table, points in a ring: what they never tell."""

from __future__ import annotations

import hmac
import math
import re
from collections import Counter, defaultdict
from typing import Any

import h3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decide import Grant, Standing, decide
from gateway.errors import Reason, ReleaseError
from gateway.masks.base import Inputs, Marker
from gateway.masks.cells import Cells, GeoGrid, GeoH3, are_cells, degrees, joined, parted
from gateway.masks.donut import RADIUS_M, GeoDonut
from gateway.masks.identity import hmac_key_text
from gateway.masks.places import Area, GeoArea, parents
from gateway.masks.points import E7, HALF_E7, POLE_E7, Box, point
from gateway.plan.build import Builder
from gateway.values import FieldType
from tests.build import (
    NOW,
    TABLES,
    a_dataset,
    a_field,
    a_provision,
    a_request,
    an_agreement,
    pseudonym_key,
    the_agreements,
)

KEY = bytes(31) + b"\x01"
MODEST = settings(max_examples=150, derandomize=True, deadline=None)

# --- points ---


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (0.29, 0.29, (2_900_000, 2_900_000)),
        (-75.005, -75.005, (-750_050_000, -750_050_000)),
        (1.0, 180.0, (E7, -HALF_E7)),
        (1.0, -180.0, (E7, -HALF_E7)),
        (1.0, 179.99999999, (E7, -HALF_E7)),
        (90.0, 12.0, (POLE_E7, 0)),
        (90.0, -180.0, (POLE_E7, 0)),
        (-90.0, 77.0, (-POLE_E7, 0)),
        (0.0, 0.0, None),
        (-0.0, 0.0, None),
        (1e-9, -1e-9, None),
        (0.0, 1.0, (0, E7)),
        (90.0000001, 0.0, None),
        (0.0, -180.0000001, None),
        (math.nan, 1.0, None),
        (1.0, math.inf, None),
        (None, 1.0, None),
        ("1.0", 1.0, None),
    ],
)
def test_what_is_a_point(lat: Any, lon: Any, expected: tuple[int, int] | None) -> None:  # noqa: ANN401
    """One meridian at 180, one longitude at a pole, and nothing at (0, 0)."""
    assert expected == point(lat, lon, None)


@pytest.mark.parametrize(
    ("box", "inside", "outside"),
    [
        (Box(30 * E7, -95 * E7, 35 * E7, -90 * E7), (33.4, -93.9), (-93.9, 33.4)),
        (Box(30 * E7, -95 * E7, 35 * E7, -90 * E7), (35.0, -95.0), (35.0000001, -95.0)),
        (Box(30 * E7, -95 * E7, 35 * E7, -90 * E7), (30.0, -90.0), (30.0, -89.9999999)),
        (Box(-20 * E7, 177 * E7, -15 * E7, -178 * E7), (-17.0, 179.9), (-17.0, 176.9)),
        (Box(-20 * E7, 177 * E7, -15 * E7, -178 * E7), (-17.0, -179.9), (-17.0, -177.9)),
        (Box(-20 * E7, 170 * E7, -15 * E7, 180 * E7), (-17.0, -180.0), (-17.0, -179.9)),
        (Box(80 * E7, 10 * E7, 90 * E7, 20 * E7), (90.0, -77.0), (89.9, -77.0)),
    ],
)
def test_a_box_catches_what_lies_elsewhere(
    box: Box, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    """Its edges are inside, axes in each other's place are not, and it may lie across 180."""
    assert point(*inside, box) is not None
    assert point(*outside, box) is None


# --- cells ---


@given(st.integers(-(2**30), 2**30), st.integers(-1_800_000_000, 1_799_999_999))
@MODEST
def test_two_numbers_are_one_and_two_again(lat: int, lon: int) -> None:
    """No two cells share a number."""
    assert (lat, lon) == parted(joined(lat, lon))


@pytest.mark.parametrize(
    ("e7", "expected"),
    [(100_000, "0.01"), (1, "0.0000001"), (E7, "1"), (15 * E7, "15"), (2_500_000, "0.25")],
)
def test_a_step_has_one_spelling(e7: int, expected: str) -> None:
    """A cell says how wide it is, without idle zeros."""
    assert expected == degrees(e7)


def inputs(cells: Cells, **more: Any) -> Inputs:  # noqa: ANN401
    """Return inputs of a coordinate."""
    return Inputs(FieldType.NUMBER, has_beside=True, cells=cells, **more)


@given(
    st.dictionaries(
        st.tuples(st.integers(-12, 12), st.integers(-12, 12)), st.integers(1, 90), max_size=60
    ),
    st.integers(1, 200),
)
@MODEST
def test_whatever_is_named_has_enough_people(
    people: dict[tuple[int, int], int], least: int
) -> None:
    """Those who share a label are enough, whichever other labels are taken away from it."""
    mask = GeoGrid("0.01", least)
    rows = {f"{lat}:{lon}": count for (lat, lon), count in people.items()}
    counties = {name: f"0509{len(name) % 3}" for name in rows}
    cells = mask.cells(rows, counties)
    read = mask.reader(inputs(cells))
    lived: Counter[object] = Counter()
    for (lat, lon), count in people.items():
        lived[read((lat + 0.5) / 100, (lon + 0.5) / 100), read_lon(mask, cells, lat, lon)] += count

    assert all(count >= least for label, count in lived.items() if Marker.MASKED not in label)  # type: ignore[operator]
    labels = mask.labels(inputs(cells))
    assert {label[0] for label in lived} - {Marker.MASKED} <= labels  # type: ignore[index]


def read_lon(mask: GeoGrid, cells: Cells, lat: int, lon: int) -> object:
    """Return the label of the longitude of the middle of a cell."""
    return mask.reader(inputs(cells, latitude=False))((lon + 0.5) / 100, (lat + 0.5) / 100)


def test_nothing_is_named_wider_than_a_county() -> None:
    """From a degree on the county stands instead; a step of two degrees is its own and no other."""
    assert (100_000, 1_000_000) == GeoGrid("0.01", 1).levels()
    assert (2 * E7,) == GeoGrid("2", 1).levels()
    assert (7, 6, 5) == GeoH3("7", 1).levels()
    assert (5,) == GeoH3("5", 1).levels()
    assert (3,) == GeoH3("3", 1).levels()


def test_hexagons_are_the_librarys() -> None:
    """A cell is the one that H3 gives, its parent the one that its index begins with."""
    mask = GeoH3("7", 100)
    own = h3.latlng_to_cell(33.44, -93.98, 7)
    sibling = next(c for c in h3.cell_to_children(h3.cell_to_parent(own, 6), 7) if c != own)
    read = mask.reader(inputs(mask.cells({own: 60, sibling: 60}, {})))
    alone = mask.reader(inputs(mask.cells({own: 60}, {own: "05091"})))

    assert h3.cell_to_parent(own, 6) == read(33.44, -93.98)
    assert Marker.MASKED is alone(33.44, -93.98)
    assert are_cells([own, sibling], 7)
    for bad in (
        "",
        "x",
        own.upper(),
        h3.cell_to_parent(own, 6),
        "0" + own[1:],
        "1" * 15,
        own + "f",
    ):
        assert not are_cells([own, bad], 7)


def test_one_meridian_and_one_pole_have_one_cell() -> None:
    """-180 and 180, and every longitude of a pole, leave alike."""
    table = {"0:-18000": 500, "9000:0": 500, "-9000:0": 500}
    for latitude in (True, False):
        mask = GeoGrid("0.01", 100)
        read = mask.reader(inputs(mask.cells(table, {}), latitude=latitude))
        say = read if latitude else (lambda lat, lon, read=read: read(lon, lat))

        assert say(0.001, 180.0) == say(0.001, -180.0) == ("0.01:0" if latitude else "0.01:-18000")
        assert 1 == len({say(90.0, lon) for lon in (-180.0, -1.0, 0.0, 77.7, 180.0)})
        assert 1 == len({say(-90.0, lon) for lon in (-180.0, -1.0, 0.0, 77.7, 180.0)})


# --- areas ---

AREAS = {
    "05": (Area.STATE, ""),
    "05-south": (Area.REGION, "05"),
    "05091": (Area.COUNTY, "05-south"),
    "05093": (Area.COUNTY, "05"),
    "05091020900": (Area.TRACT, "05091"),
}


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (Area.STATE, dict.fromkeys(AREAS, "05")),
        (Area.REGION, dict.fromkeys(["05-south", "05091", "05091020900"], "05-south")),
        (Area.COUNTY, {"05091": "05091", "05093": "05093", "05091020900": "05091"}),
        (Area.TRACT, {"05091020900": "05091020900"}),
    ],
)
def test_parents(to: Area, expected: dict[str, str]) -> None:
    """Whatever is the area or lies in it, by the table alone; what is wider has none."""
    assert expected == parents(AREAS, to)


def test_wider_areas_follow_from_narrower_ones() -> None:
    """Monotone: two codes of one county are of one region and one state."""
    for narrow, wide in ((Area.TRACT, Area.COUNTY), (Area.COUNTY, Area.STATE)):
        first, second = parents(AREAS, narrow), parents(AREAS, wide)
        told: dict[str, set[str | None]] = defaultdict(set)
        for code, area in first.items():
            told[area].add(second.get(code))
        assert all(len(one) == 1 for one in told.values())


@pytest.mark.parametrize(
    ("mask", "field", "said"),
    [
        (GeoArea(Area.STATE), "x_code", "areas"),
        (GeoGrid("0.02", 100), "x_lat", "grid of step `0.02`"),
        (GeoH3("8", 100), "x_lat", "h3 of step `8`"),
    ],
)
def test_a_mask_without_its_table_is_no_plan(mask: Any, field: str, said: str) -> None:  # noqa: ANN401
    """Another table, and another step's, does not stand in."""
    with pytest.raises(ReleaseError, match=re.escape(said)) as raised:
        plan_of(mask, field, {k: v for k, v in TABLES.items() if not k.startswith("areas")})

    assert Reason.RELEASE_CHECK_FAILED is raised.value.reason


def plan_of(mask: Any, field: str, tables: Any = TABLES, agreement: str = "synthetic-mou") -> Any:  # noqa: ANN401
    """Return the plan of one field of places."""
    kinds = {"x_lat": FieldType.NUMBER, "x_lon": FieldType.NUMBER, "x_code": FieldType.STRING}
    fields = [a_field(name, kind) for name, kind in kinds.items()] + [a_field("event")]
    dataset = a_dataset(fields, unit="event", person=None, event_date=None, subjects=(), maps={})
    made = an_agreement(a_provision({field: mask}), id=agreement)
    agreements = the_agreements(made, dataset=dataset)
    grant = decide(agreements, a_request(field), Standing(), NOW)
    assert isinstance(grant, Grant)
    return Builder(tables, pseudonym_key).build(agreements, grant)


# --- rings ---


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the distance on the sphere, by haversines."""
    a, b = math.radians(lat), math.radians(other_lat)
    half = math.radians(other_lon - lon) / 2
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(half) ** 2
    return 2 * RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


def moved(mask: GeoDonut, lat: float, lon: float, event: str) -> tuple[int, int]:
    """Return the displaced point of an event in 1e-5 degrees."""
    digest = hmac.digest(hmac_key_text(KEY), b"d\x1f" + event.encode(), "sha256")
    found = point(lat, lon, None)
    assert found is not None
    return mask.moved(*found, digest)


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.integers(1, 2_000),
    st.integers(1, 50_000),
    st.text(min_size=1, max_size=8),
)
@MODEST
def test_a_point_lies_in_its_ring(lat: float, lon: float, rmin: int, more: int, event: str) -> None:
    """Never nearer than rmin nor farther than rmax, at poles and across 180; rounding aside."""
    if point(lat, lon, None) is None:
        return
    mask = GeoDonut(rmin, rmin + more)
    lat_e5, lon_e5 = moved(mask, lat, lon, event)

    far = metres(lat, lon, lat_e5 / 1e5, lon_e5 / 1e5)

    assert rmin - 1.2 <= far <= rmin + more + 1.2
    assert -9_000_000 <= lat_e5 <= 9_000_000
    assert -18_000_000 <= lon_e5 < 18_000_000


def test_the_ring_is_filled_evenly() -> None:
    """Halves of its area, and quarters of its directions, hold about as many points each."""
    mask, count = GeoDonut(100, 1_000), 8_000
    half = math.sqrt((100**2 + 1_000**2) / 2)
    near, quarters = 0, Counter[tuple[bool, bool]]()
    for n in range(count):
        lat_e5, lon_e5 = moved(mask, 33.44, -93.98, f"R-{n}")
        near += metres(33.44, -93.98, lat_e5 / 1e5, lon_e5 / 1e5) < half
        quarters[lat_e5 > 3_344_000, lon_e5 > -9_398_000] += 1

    assert abs(near - count / 2) < 4 * math.sqrt(count / 4)
    assert all(abs(one - count / 4) < 4 * math.sqrt(count * 3 / 16) for one in quarters.values())


def test_a_hundred_re_issues_are_one_point() -> None:
    """Keyed by the event: what is repeated is the same, so an average of it tells nothing more."""
    plans = [plan_of(GeoDonut(50, 500), "x_lat") for _ in range(100)]
    read = {one.masks[0].mask.reader(one.masks[0].inputs)(33.44, (-93.98, "R-1")) for one in plans}

    assert 1 == len(read)


def test_another_agreement_ring_or_pair_is_another_point() -> None:
    """With one key for two rings the points would lie on one line through the truth."""
    domains = {
        plan_of(mask, field, agreement=agreement).masks[0].inputs.domain
        for mask in (GeoDonut(50, 500), GeoDonut(50, 600), GeoDonut(60, 500))
        for field in ("x_lat",)
        for agreement in ("synthetic-mou", "other-mou")
    }

    assert 6 == len(domains)
    lat, lon = (plan_of(GeoDonut(50, 500), name).masks[0].inputs for name in ("x_lat", "x_lon"))
    assert (lat.domain, lat.key) == (lon.domain, lon.key), "one displacement for both"


def test_keys_of_displacements_are_in_no_text() -> None:
    """The plan names the key's id and the domain, and never the key."""
    plan = plan_of(GeoDonut(50, 500), "x_lat")
    [one] = plan.masks

    assert one.key_id
    for text in (plan.text.decode(), repr(plan), str(plan.columns)):
        assert one.inputs.key.hex() not in text
        assert repr(one.inputs.key)[2:-1] not in text
    assert one.inputs.domain in plan.text.decode()
