"""The order of strength: each line of section 3.3 of the agreements' reference, both ways."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agreement.dataset import MapTable
from gateway.agreement.spans import duration
from gateway.agreement.strength import as_strong, longer
from gateway.masks.base import Inputs, Mask
from gateway.masks.cells import GeoGrid
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.tables import CountOnly, Map, RareToOther, SumOnly
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit
from gateway.values import FieldType

FINE = MapTable("fine", {"a": "1", "b": "2", "c": "3"}, "other")
COARSE = MapTable("coarse", {"a": "x", "b": "x", "c": "y"}, "other")
ACROSS = MapTable("across", {"a": "x", "b": "y", "c": "x"}, "other")
OPEN = MapTable("open", {"a": "1", "b": "1"}, None)
FEW = MapTable("few", {"a": "a"}, None)
MORE = MapTable("more", {"a": "a", "b": "b"}, None)
OTHERS = MapTable("others", {"c": "c"}, None)
MAPS = {one.name: one for one in (FINE, COARSE, ACROSS, OPEN, FEW, MORE, OTHERS)}


def hmac(scope: Scope, rotate: str, method: Method = Method.HMAC) -> Pseudonym:
    """Return a pseudonym."""
    return Pseudonym(method, scope, rotate)


STRONGER: list[tuple[Mask, Mask]] = [
    (Truncate(Unit.YEAR), Truncate(Unit.QUARTER)),
    (Truncate(Unit.QUARTER), Truncate(Unit.MONTH)),
    (Truncate(Unit.MONTH), Truncate(Unit.DAY)),
    (Truncate(Unit.DAY), Truncate(Unit.PART_OF_DAY)),
    (Truncate(Unit.PART_OF_DAY), Truncate(Unit.HOUR)),
    (Truncate(Unit.HOUR), Truncate(Unit.MINUTE)),
    (Truncate(Unit.WEEK_ISO), Truncate(Unit.DAY)),
    (Truncate(Unit.DAY, "America/New_York"), Truncate(Unit.HOUR)),
    (Band(width=10, topcode=90), Band(width=5, topcode=90)),
    (Band(width=5, topcode=85), Band(width=5, topcode=90)),
    (Band(cuts=(0, 18, 65)), Band(width=1, topcode=90)),
    (Clip(10, 20), Clip(10, 30)),
    (GeoArea(Area.STATE), GeoArea(Area.REGION)),
    (GeoArea(Area.REGION), GeoArea(Area.COUNTY)),
    (GeoArea(Area.COUNTY), GeoArea(Area.TRACT)),
    (GeoGrid("0.02", 100), GeoGrid("0.01", 100)),
    (GeoGrid("0.01", 200), GeoGrid("0.01", 100)),
    (Map("coarse"), Map("fine")),
    (RareToOther("few"), RareToOther("more")),
    (CountOnly(), hmac(Scope.PROVISION, "P1Y")),
    (hmac(Scope.PROVISION, "P1Y"), hmac(Scope.AGREEMENT, "P1Y")),
    (hmac(Scope.PROVISION, "P1M"), hmac(Scope.PROVISION, "P1Y")),
    (hmac(Scope.PROVISION, "P1Y"), hmac(Scope.PROVISION, "never")),
    (hmac(Scope.PROVISION, "P30D", Method.TOKEN), hmac(Scope.PROVISION, "P30D")),
]

INCOMPARABLE: list[tuple[Mask, Mask]] = [
    (Truncate(Unit.WEEK_ISO), Truncate(Unit.MONTH)),
    (Truncate(Unit.WEEK_ISO), Truncate(Unit.WEEK_MMWR)),
    (Truncate(Unit.DAY, "America/New_York"), Truncate(Unit.DAY, "America/Denver")),
    (Band(width=10, topcode=90), Band(width=4, topcode=88)),
    (Clip(10, 40), Clip(20, 50)),
    (Map("across"), Map("coarse")),
    (Map("fine"), Map("absent")),
    (RareToOther("few"), RareToOther("others")),
    (RareToOther("few"), Map("few")),
    (Partial(4, 8), Partial(2, 8)),
    (CountList(), HasAny(("a",))),
    (HasAny(("a",)), HasAny(("a", "b"))),
    (GeoGrid("0.03", 100), GeoGrid("0.02", 100)),
    (Round("5"), Round("10")),
    (Round("5"), Band(width=5, topcode=90)),
    (Zip3("zip3@2020"), GeoArea(Area.STATE)),
    (SumOnly(), hmac(Scope.PROVISION, "P1Y")),
    (hmac(Scope.AGREEMENT, "P1M"), hmac(Scope.PROVISION, "P1Y")),
    (hmac(Scope.AGREEMENT, "P1Y"), hmac(Scope.RECIPIENT, "P1Y")),
]


@pytest.mark.parametrize(("one", "other"), STRONGER)
def test_the_order_goes_one_way(one: Mask, other: Mask) -> None:
    """The coarser mask may stand for the finer, and never the finer for the coarser."""
    assert as_strong(one, other, MAPS)
    assert not as_strong(other, one, MAPS)


@pytest.mark.parametrize(("one", "other"), INCOMPARABLE)
def test_the_rest_is_incomparable(one: Mask, other: Mask) -> None:
    """Two masks that the order does not know stand for each other in neither way."""
    assert not as_strong(one, other, MAPS)
    assert not as_strong(other, one, MAPS)


EVERY = [*itertools.chain(*STRONGER, *INCOMPARABLE)]


@pytest.mark.parametrize("mask", EVERY)
def test_top_and_bottom(mask: Mask) -> None:
    """`redact` and `constant` stand for all, all stand for `pass`, and each for itself."""
    for top in (Redact(), Constant("x")):
        assert as_strong(top, mask, MAPS)
        assert not as_strong(mask, top, MAPS)
    assert not as_strong(mask, None, MAPS)
    assert as_strong(mask, Pass(), MAPS)
    assert not as_strong(Pass(), mask, MAPS)
    if mask != Map("absent"):
        assert as_strong(mask, mask, MAPS)


def test_withheld_is_reached_by_nothing_that_tells() -> None:
    """A floor of `withhold` is met by a mask of which nothing leaves."""
    assert as_strong(Redact(), None, MAPS)
    assert as_strong(Constant(0), None, MAPS)
    assert not as_strong(Pass(), None, MAPS)


CUTS = st.sets(st.integers(0, 40), min_size=1, max_size=8).map(lambda s: tuple(sorted(s)))


@given(CUTS, CUTS, st.lists(st.integers(-5, 60), min_size=1, max_size=40))
def test_a_stronger_band_follows_from_the_weaker(
    one: tuple[int, ...], other: tuple[int, ...], values: list[int]
) -> None:
    """Equal outputs of the weaker band give equal outputs of the stronger."""
    strong, weak = Band(cuts=one), Band(cuts=other)
    if not as_strong(strong, weak, {}):
        return
    inputs = Inputs(FieldType.INTEGER)
    above, below = strong.reader(inputs), weak.reader(inputs)
    follows: dict[object, object] = {}
    for value in values:
        assert follows.setdefault(below(value, None), above(value, None)) == above(value, None)


TABLES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), min_size=1)


@given(TABLES, TABLES, st.sampled_from(["x", "other", None]), st.sampled_from(["x", None]))
def test_a_stronger_map_follows_from_the_weaker(
    one: dict[str, str], other: dict[str, str], rest: str | None, rest_other: str | None
) -> None:
    """Equal outputs of the weaker map give equal outputs of the stronger."""
    maps = {"one": MapTable("one", one, rest), "other": MapTable("other", other, rest_other)}
    if not as_strong(Map("one"), Map("other"), maps):
        return
    above = Map("one").reader(Inputs(FieldType.CODE, table=one, unmapped=rest))
    below = Map("other").reader(Inputs(FieldType.CODE, table=other, unmapped=rest_other))
    follows: dict[object, object] = {}
    for value in "abcde":
        assert follows.setdefault(below(value, None), above(value, None)) == above(value, None)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("P7Y", "P6Y", True),
        ("P6Y", "P6Y", False),
        ("P72M", "P6Y", False),
        ("PT73H", "PT72H", True),
        ("P3D", "PT72H", False),
        ("P31D", "P1M", True),
        ("P28D", "P1M", False),
        ("P29D", "P1M", True),
        ("P1M", "P31D", False),
        ("P1M", "P30D", True),
        ("P1Y", "P366D", False),
        ("P1Y", "P365D", True),
    ],
)
def test_months_are_as_long_as_they_can_be(one: str, other: str, expected: bool) -> None:  # noqa: FBT001
    """A duration is longer than another where it is so from any day on."""
    first, second = duration(one), duration(other)
    assert first is not None
    assert second is not None
    assert expected == longer(first, second)
