"""The published vectors of each mask, through a plan, row by row and in columns."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hmac
from typing import TYPE_CHECKING, Any

import pytest

from gateway.decide import Grant, Standing, decide
from gateway.engine.jobs import ROWS_AT_ONCE
from gateway.masks.cells import GeoGrid
from gateway.masks.closed import CLOSED_SET
from gateway.masks.identity import Method, Pseudonym, Scope, canon
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.tables import RareToOther
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit
from gateway.plan.build import Builder
from gateway.plan.distinct import FEW
from gateway.plan.reference import Table
from gateway.values import FieldType
from tests.build import (
    NOW,
    TABLES,
    a_dataset,
    a_field,
    a_provision,
    a_request,
    an_agreement,
    the_agreements,
)
from tests.core.test_oracle import run
from tests.core.worlds import HELPERS, LISTED, MAPS, many_values

if TYPE_CHECKING:
    from gateway.masks.base import Mask

T = FieldType
NAN, INF = float("nan"), float("inf")
MISSING, MASKED = "missing", "masked"

ZIP3_2020 = Table(
    "zip3@2020", "0" * 64, dict.fromkeys(["019", "063", "100"], 100_000) | {"090": 21_000}
)
GRID = Table("grid@1", "0" * 64, {"29:29": 500, "-7501:-7501": 500, "4412:-9395": 99}, "0.01")


def masked(
    mask: Mask,
    kind: FieldType,
    values: list[Any],
    agreement: str = "synthetic-mou",
    **shape: Any,  # noqa: ANN401
) -> list[Any]:
    """Return what leaves for each value, or why nothing does; the same on both paths."""
    beside = shape.pop("beside", {})
    dataset = a_dataset(
        [a_field("f", kind, **shape), *HELPERS],
        unit="person",
        person="person",
        event_date="day",
        subjects=(),
        maps=MAPS,
    )
    made = an_agreement(dataclasses.replace(a_provision({"f": mask}), id="p1"), id=agreement)
    agreements = the_agreements(made, dataset=dataset, codes=LISTED)
    grant = decide(agreements, a_request("f"), Standing(), NOW)
    assert isinstance(grant, Grant)
    tables = TABLES | {"zip3@2020": ZIP3_2020, "grid@1": GRID}
    key = bytes(31) + b"\x01"
    plan = Builder(tables, lambda _domain, _period: ("key-1", key)).build(agreements, grant)
    empty = {one.name: None for one in HELPERS} | beside
    rows = [empty | {"f": value} for value in values]
    said = [_said(one) for one in run(plan, rows, ROWS_AT_ONCE)]
    for several in (rows * (ROWS_AT_ONCE + 1), rows + many_values(dataset, FEW + 20)):
        found = run(plan, several)[: len(rows)]
        assert [str(one) for one in said] == [str(_said(one)) for one in found]
    return said


def _said(cell: dict[str, Any]) -> Any:  # noqa: ANN401
    return cell["f"] if cell["f"] is not None else cell.get("f.why", "absent")


def utc(text: str) -> dt.datetime:
    """Return an instant."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def test_pass() -> None:
    """The value, after a check of its type; NaN, infinity and blank text are masked."""
    assert [1.5, MASKED, MASKED, MASKED, MISSING] == masked(
        Pass(), T.NUMBER, [1.5, NAN, INF, -INF, None]
    )
    assert ["x ", MASKED, MASKED, MISSING] == masked(Pass(), T.STRING, ["x ", "", "\u00a0 ", None])
    assert ["a", MASKED] == masked(Pass(), T.CODE, ["a", "c"], codes="abc")
    assert ["c"] == masked(Pass(), T.CODE, ["c"])
    assert [False, True] == masked(Pass(), T.BOOLEAN, [False, True])


def test_redact_hides_presence() -> None:
    """A null and a value leave alike."""
    assert ["absent", "absent"] == masked(Redact(), T.STRING, ["x", None])


@pytest.mark.parametrize(
    ("kind", "literal", "expected"), [(T.STRING, "k", "k"), (T.INTEGER, 3, 3), (T.NUMBER, 3, 3.0)]
)
def test_constant(kind: FieldType, literal: Any, expected: Any) -> None:  # noqa: ANN401
    """One value in the field's type for every row, null included."""
    assert [expected, expected] == masked(Constant(literal), kind, [None, None])


NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("to", "instant", "expected"),
    [
        (Unit.HOUR, "2026-11-01T05:30:00", utc("2026-11-01T05:00:00")),
        (Unit.HOUR, "2026-11-01T06:30:00", utc("2026-11-01T06:00:00")),
        (Unit.DAY, "2026-11-01T03:59:59", dt.date(2026, 10, 31)),
        (Unit.DAY, "2026-11-01T04:00:00", dt.date(2026, 11, 1)),
        (Unit.DAY, "2026-11-02T04:59:59", dt.date(2026, 11, 1)),
        (Unit.DAY, "2026-11-02T05:00:00", dt.date(2026, 11, 2)),
        (Unit.HOUR, "2026-03-08T06:59:59", utc("2026-03-08T06:00:00")),
        (Unit.HOUR, "2026-03-08T07:00:00", utc("2026-03-08T07:00:00")),
        (Unit.DAY, "2026-03-09T03:59:59", dt.date(2026, 3, 8)),
        (Unit.DAY, "2026-03-09T04:00:00", dt.date(2026, 3, 9)),
        (Unit.MINUTE, "2026-03-09T04:00:59.999999", utc("2026-03-09T04:00:00")),
        (Unit.PART_OF_DAY, "2026-03-09T09:59:59", "2026-03-09 overnight"),
        (Unit.PART_OF_DAY, "2026-03-09T10:00:00", "2026-03-09 morning"),
        (Unit.PART_OF_DAY, "2026-03-10T03:59:59", "2026-03-09 evening"),
        (Unit.MONTH, "2026-03-01T04:59:59", dt.date(2026, 2, 1)),
        (Unit.QUARTER, "2026-04-01T04:00:00", dt.date(2026, 4, 1)),
        (Unit.YEAR, "2027-01-01T04:59:59", dt.date(2026, 1, 1)),
    ],
)
def test_truncate_a_time(to: Unit, instant: str, expected: Any) -> None:  # noqa: ANN401
    """Hours are cut in UTC, days and coarser in the zone: folds, gaps, days of 23 and 25 hours."""
    assert [expected] == masked(Truncate(to, NEW_YORK), T.TIMESTAMP, [utc(instant)])


@pytest.mark.parametrize(
    ("to", "day", "expected"),
    [
        (Unit.WEEK_ISO, (2026, 11, 1), (2026, 10, 26)),
        (Unit.WEEK_MMWR, (2026, 11, 1), (2026, 11, 1)),
        (Unit.WEEK_MMWR, (2026, 11, 7), (2026, 11, 1)),
        (Unit.WEEK_ISO, (2027, 1, 1), (2026, 12, 28)),
        (Unit.DAY, (2027, 1, 1), (2027, 1, 1)),
        (Unit.MONTH, (2024, 2, 29), (2024, 2, 1)),
        (Unit.QUARTER, (2026, 12, 31), (2026, 10, 1)),
        (Unit.YEAR, (2026, 12, 31), (2026, 1, 1)),
    ],
)
def test_truncate_a_date(to: Unit, day: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Weeks by ISO begin on Monday, by MMWR on Sunday."""
    assert [dt.date(*expected)] == masked(Truncate(to), T.DATE, [dt.date(*day)])


@pytest.mark.parametrize(
    ("precision", "permitted"),
    [
        ("instant", "minute hour part_of_day day week_iso week_mmwr month quarter year"),
        ("minute", "minute hour part_of_day day week_iso week_mmwr month quarter year"),
        ("hour", "hour part_of_day day week_iso week_mmwr month quarter year"),
        ("part_of_day", "part_of_day day week_iso week_mmwr month quarter year"),
        ("day", "day week_iso week_mmwr month quarter year"),
        ("month", "month quarter year"),
        ("quarter", "quarter year"),
        ("year", "year"),
        ("unknown", ""),
        ("junk", ""),
        (None, ""),
    ],
)
def test_precision_is_never_invented(precision: str | None, permitted: str) -> None:
    """L11: a row that is coarser than the unit is masked, by row and by field alike."""
    noon = utc("2026-07-15T12:00:00")
    for unit in Unit:
        said = masked(
            Truncate(unit, NEW_YORK),
            T.TIMESTAMP,
            [noon],
            time_precision="per_record",
            beside={"time_precision": precision},
        )
        assert (unit.value not in permitted.split()) == (said == [MASKED])
        if precision in {one.value for one in Unit}:
            fixed = masked(Truncate(unit, NEW_YORK), T.TIMESTAMP, [noon], time_precision=precision)
            assert said == fixed


@pytest.mark.parametrize("unit", list(Unit))
def test_truncating_twice_is_truncating_once(unit: Unit) -> None:
    """And a period never begins after what lies in it."""
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=13 * n) for n in range(60)]
    if unit in {Unit.MINUTE, Unit.HOUR, Unit.PART_OF_DAY}:
        return
    once = masked(Truncate(unit), T.DATE, days)

    assert once == masked(Truncate(unit), T.DATE, once)
    assert all(first <= day for first, day in zip(once, days, strict=True))


def test_band() -> None:
    """Half-open bands, fixed labels; -1, NaN and null are in none, and NaN is not the oldest."""
    ages = Band(width=10, topcode=90)
    assert ["0-9", "80-89", "90+", "90+", MASKED, MISSING] == masked(
        ages, T.INTEGER, [0, 89, 90, 200, -1, None]
    )
    assert ["80-<90", "90+", MASKED, MASKED, MASKED] == masked(
        ages, T.NUMBER, [89.9, 90.0, NAN, INF, -0.5]
    )
    assert ["0-7", "8-11", "12-19", "20+"] == masked(
        Band(cuts=(0, 8, 12, 20)), T.INTEGER, [7, 8, 19, 20]
    )
    assert ["0", "1", "90+"] == masked(Band(width=1, topcode=90), T.INTEGER, [0, 1, 90])


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("months", 23, "1"),
        ("months", 11, "0"),
        ("days", 364, "0"),
        ("years", 89, "89"),
        ("junk", 5, MASKED),
        (None, 5, MASKED),
    ],
)
def test_an_age_counts_in_its_unit(unit: str | None, value: int, expected: str) -> None:
    """Twenty-three months are one year; an age without a unit is masked."""
    said = masked(
        Band(width=1, topcode=90),
        T.INTEGER,
        [value],
        unit="see age_unit",
        beside={"age_unit": unit},
    )

    assert [expected] == said


def test_round() -> None:
    """The nearest multiple, ties to the even one, never a negative zero."""
    assert ["2.0", "4.0", "0.0", "masked", "masked"] == [
        str(one) for one in masked(Round("1"), T.NUMBER, [2.5, 3.5, -0.5, INF, NAN])
    ]
    assert [0, 10, 10, -5, 0] == masked(Round("5"), T.INTEGER, [2, 8, 12, -3, -2])
    assert [0, 4, 4] == masked(Round("2"), T.INTEGER, [1, 3, 5])
    assert [0.3] == masked(Round("0.1"), T.NUMBER, [0.29])


@pytest.mark.parametrize(
    ("keep", "width", "text", "expected"),
    [
        (4, 6, "PCR-20417", "******0417"),
        (4, 6, "20417", "******0417"),
        (4, 6, "0417", MASKED),
        (1, 1, "", MASKED),
        (1, 1, "\u3000\u00a0 ", MASKED),
        (2, 3, "N\u00fa\u00f1ez", "***ez"),
        (1, 1, "e\u0301", "*\u0301"),
        (1, 2, "a\x00", "**\x00"),
        (1, 2, None, MISSING),
    ],
)
def test_partial(keep: int, width: int, text: str | None, expected: str) -> None:
    """The last characters behind symbols whose number is the mask's and never the text's."""
    assert [expected] == masked(Partial(keep, width), T.STRING, [text])


def test_clip() -> None:
    """Exact inside, the bound outside; whole numbers stay whole at both ends of their type."""
    assert [0, 0, 5, 40, 40, 40, 0, MISSING] == [
        one if one != "absent" else MISSING
        for one in masked(Clip(0, 40), T.INTEGER, [-1, 0, 5, 40, 41, 2**63 - 1, -(2**63), None])
    ]
    assert ["0.0", "0.0", "39.9", "40.0", "40.0", MASKED, MASKED, MASKED, MISSING] == [
        str(one)
        for one in masked(
            Clip(0, 40), T.NUMBER, [-0.0, -1e300, 39.9, 40.1, 1e300, NAN, INF, -INF, None]
        )
    ]


def test_rare_to_other() -> None:
    """Listed categories stay, the rest is one word; in a list each item, once, sorted."""
    assert ["a", "other", "other", "other", "absent"] == masked(
        RareToOther("frozen"), T.STRING, ["a", "A", "", "zz", None]
    )
    assert ['["a","other"]', "[]", MASKED, MISSING] == masked(
        RareToOther("frozen"), T.LIST, ['["x","a","y","a"]', "[]", "a", None]
    )


def test_lists_without_their_items() -> None:
    """A length, or one bit; an empty list is not a null, and an unreadable one is neither."""
    lists = ['["a","b","a"]', '["b"]', "[]", '["zz"]', "a", "", None]

    assert [3, 1, 0, 1, MASKED, MASKED, MISSING] == masked(CountList(), T.LIST, lists)
    assert [3, 1, 0, MASKED, MASKED, MASKED, MISSING] == masked(
        CountList(), T.LIST, lists, codes="abc"
    )
    assert [True, False, False, False, MASKED, MASKED, MISSING] == masked(
        HasAny(("a", "c")), T.LIST, lists
    )


@pytest.mark.parametrize(
    ("zip_code", "expected"),
    [
        ("01901", "019"),
        (" 01901 ", "019"),
        ("01901-1234", "019"),
        ("019011234", "019"),
        ("03601", "000"),
        ("20201", "000"),
        ("75301", "000"),
        ("06390", "063"),
        ("09012", "090"),
        ("1901", MASKED),
        (" 0190", MASKED),
        ("K1A 0B6", MASKED),
        ("01901-12", MASKED),
        ("O1901", MASKED),
        ("01901-", MASKED),
        ("01901 1234", MASKED),
        ("\u0660\u0661\u0669\u0660\u0661", MASKED),
        ("", MASKED),
        (None, MISSING),
    ],
)
def test_zip3(zip_code: str | None, expected: str) -> None:
    """Whatever the table does not list becomes 000; what is no ZIP code is masked."""
    assert [expected] == masked(Zip3("zip3@2020"), T.STRING, [zip_code])


def test_geo_areas() -> None:
    """An area is what the table says; a code that it does not list tells nothing by its digits."""
    codes = ["05091020900", "05091", "05093", "05-south", "05", "05999", "05091999999",
             "5091", "05091\n", " 05091", "\u0660\u0665", "", None]  # fmt: skip
    unread = [MASKED] * 7 + [MISSING]

    assert ["05"] * 5 + unread == masked(GeoArea(Area.STATE), T.STRING, codes)
    assert ["05-south", "05-south", MASKED, "05-south", MASKED, *unread] == masked(
        GeoArea(Area.REGION), T.STRING, codes
    )
    assert ["05091", "05091", "05093", MASKED, MASKED, *unread] == masked(
        GeoArea(Area.COUNTY), T.STRING, codes
    )
    assert ["05091020900", MASKED, MASKED, MASKED, MASKED, *unread] == masked(
        GeoArea(Area.TRACT), T.STRING, codes
    )


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (0.29, 0.29, "0.01:29"),
        (-75.005, -75.005, "0.01:-7501"),
        (44.12, -93.95, MASKED),
        (0.0, 0.0, MASKED),
        (NAN, 0.29, MASKED),
        (0.29, NAN, MASKED),
        (91.0, 0.29, MASKED),
        (0.29, 181.0, MASKED),
        (0.29, None, MASKED),
        (None, 0.29, MISSING),
        (INF, INF, MASKED),
        (0.3, 0.29, MASKED),
    ],
)
def test_grid(lat: float | None, lon: float | None, expected: Any) -> None:  # noqa: ANN401
    """Whole numbers, floored from whole 1e-7 degrees; where too few live all is masked."""
    fields = [a_field("x_lat", T.NUMBER), a_field("x_lon", T.NUMBER), *HELPERS]
    dataset = a_dataset(
        fields, unit="person", person="person", event_date="day", subjects=(), maps={}
    )
    grid = GeoGrid("0.01", 100)
    agreements = the_agreements(
        an_agreement(a_provision({"x_lat": grid, "x_lon": grid})), dataset=dataset
    )
    grant = decide(agreements, a_request("x_lat"), Standing(), NOW)
    assert isinstance(grant, Grant)
    plan = Builder({"grid@1": GRID}, lambda *_: ("", b"")).build(agreements, grant)
    row: dict[str, Any] = dict.fromkeys(dataset.fields) | {"x_lat": lat, "x_lon": lon}

    for rows in ([row], [row] * (ROWS_AT_ONCE + 1), [row, *many_values(dataset, FEW + 20)]):
        [said, *_] = run(plan, rows)
        assert expected == (said["x_lat"] if said["x_lat"] is not None else said["x_lat.why"])


HMAC = Pseudonym(Method.HMAC, Scope.PROVISION, "never")
RUN_1 = "26f963888534a19b5e3354fdb630b4fb71b3be7ada118e01f7c9e1bf1e3460ae"
RUN_1_ELSEWHERE = "0c408a3ccd757cd89a5c1b4a89a55b8435b0b4cf38f7b1cab99419fb611ec2d0"
NAME = "0b753efc589c2c13744688a7e1ad14435557f3e6571dd377668017b430f975e3"


@pytest.mark.parametrize(
    ("agreement", "value", "expected"),
    [
        ("ems-ph-2026", "PCR-0001", RUN_1),
        ("ems-ph-2026", " PCR-0001 ", RUN_1),
        ("ems-hr-2026", "PCR-0001", RUN_1_ELSEWHERE),
        ("ems-ph-2026", "Zo\u00eb N\u00fa\u00f1ez", NAME),
        ("ems-ph-2026", "Zoe\u0308 Nu\u0301n\u0303ez", NAME),
        ("ems-ph-2026", None, MISSING),
        ("ems-ph-2026", "", MASKED),
        ("ems-ph-2026", "  ", MASKED),
        ("ems-ph-2026", "UNKNOWN", MASKED),
        ("ems-ph-2026", "999999999", MASKED),
    ],
)
def test_pseudonym(agreement: str, value: str | None, expected: str) -> None:
    """The vectors of the specification, under the key 00…01."""
    assert [expected] == masked(HMAC, T.STRING, [value], agreement)


@pytest.mark.parametrize(
    "placeholder",
    [
        "",
        " ",
        "unknown",
        "Unk",
        "N/A",
        "none",
        "NULL",
        "0",
        "9",
        "999",
        "x",
        "XXX",
        "test",
        "TE\u017fT",
    ],
)
def test_placeholders_link_nobody(placeholder: str) -> None:
    """A value that stands for no value has no canonical form."""
    assert canon(placeholder) is None
    assert canon(f"{placeholder.strip() or 'a'}-1") is not None


def test_a_backslash_is_a_backslash() -> None:
    """Trap E2: nothing on the way reads an escape, as a cast of text to bytes would."""
    first, second = masked(HMAC, T.STRING, ["a\\x41", "aA"])

    assert first != second
    assert (
        hmac.digest(f"{1:064x}".encode(), b"ems-ph-2026/p1\x1fa\\x41", "sha256").hex()
        == masked(HMAC, T.STRING, ["a\\x41"], "ems-ph-2026")[0]
    )


def test_case_and_leading_zeros_are_kept() -> None:
    """Two numbers that differ in either are two people."""
    first, second, third = masked(HMAC, T.STRING, ["a1", "A1", "0a1"])

    assert 3 == len({first, second, third})


def test_every_mask_of_the_language_has_a_guarantee() -> None:
    """A sentence for the officer, a name, and types that it reads."""
    for mask in CLOSED_SET:
        assert mask.__doc__
        assert mask.name
        assert mask.accepts
