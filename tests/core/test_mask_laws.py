"""Laws that hold of every mask: a stronger one follows from a weaker one, keys link nobody."""

from __future__ import annotations

import hmac
import itertools
from typing import Any

import polars as pl
import polars_hash  # noqa: F401 - registers the `chash` name space
import pytest

from gateway.agreement.dataset import MapTable
from gateway.agreement.strength import as_strong
from gateway.errors import ReleaseError
from gateway.masks.base import Inputs, Marker, Mask
from gateway.masks.closed import CLOSED_SET
from gateway.masks.identity import Method, Pseudonym, hmac_key_text
from gateway.masks.numbers import Band, Clip
from gateway.masks.places import Area, GeoArea, parents
from gateway.masks.plain import Constant, Pass
from gateway.masks.tables import Map, RareToOther
from gateway.masks.times import CLOCK_UNITS, Truncate, Unit
from gateway.plan.lower_base import Seen
from gateway.plan.lower_texts import keyed
from gateway.values import FieldType
from tests.build import TABLES
from tests.core.worlds import DATE_UNITS, MAPS, MASKS, POOL, ZONES

T = FieldType
TABLE = MAPS | {
    "few": MapTable("few", {"a": "a"}, None),
    "more": MapTable("more", {"a": "a", "b": "b"}, None),
}
CODES = [*TABLES["areas@1"].areas, "05999", "5091", "", "05091020999"]

ORDERED: list[tuple[FieldType, list[Mask], list[Any]]] = [
    (T.DATE, [Truncate(unit) for unit in DATE_UNITS], POOL[T.DATE]),
    (
        T.TIMESTAMP,
        [Truncate(unit, None if unit in CLOCK_UNITS else ZONES[0]) for unit in Unit],
        POOL[T.TIMESTAMP],
    ),
    (
        T.INTEGER,
        [
            Band(width=1, topcode=90),
            Band(width=5, topcode=90),
            Band(width=10, topcode=90),
            Band(cuts=(0, 15, 60)),
            Band(cuts=(5, 15)),
        ],
        [*POOL[T.INTEGER], *range(-5, 130)],
    ),
    (
        T.NUMBER,
        [Clip(-10, 100), Clip(0, 100), Clip(0, 90), Clip(5, 60)],
        [*POOL[T.NUMBER], *(n / 2 for n in range(-30, 260))],
    ),
    (T.STRING, [GeoArea(area) for area in Area], CODES),
    (T.STRING, [Map("closed"), Map("open")], POOL[T.STRING]),
    (T.CODE, [RareToOther("few"), RareToOther("more")], POOL[T.CODE]),
]


def said(mask: Mask, kind: FieldType, value: Any) -> object:  # noqa: ANN401
    """Return what a mask gives for a value, so that 1 and 1.0 differ."""
    table: Any = None
    unmapped = None
    if isinstance(mask, GeoArea):
        table = parents(TABLES["areas@1"].areas, mask.to)
    elif isinstance(mask, (Map, RareToOther)):
        table = TABLE[mask.table].values
        unmapped = TABLE[mask.table].unmapped if isinstance(mask, Map) else "other"
    found = mask.reader(Inputs(kind, table=table, unmapped=unmapped))(value, None)
    return found if isinstance(found, Marker) else repr(found)


@pytest.mark.parametrize(("kind", "masks", "values"), ORDERED)
def test_what_a_stronger_mask_gives_follows_from_a_weaker_one(
    kind: FieldType, masks: list[Mask], values: list[Any]
) -> None:
    """Monotone: values that leave alike by the weaker mask leave alike by the stronger.

    Of areas there is one exception: a county that was recorded without a tract has none to leave.
    """
    checked = 0
    for strong, weak in itertools.permutations(masks, 2):
        if not as_strong(strong, weak, TABLE):
            continue
        if isinstance(strong, Clip) and not _inside(strong, weak):
            continue
        checked += 1
        follows: dict[object, object] = {}
        for value in [*values, None]:
            first = said(weak, kind, value)
            if first is Marker.MASKED and isinstance(weak, GeoArea):
                continue
            assert follows.setdefault(first, said(strong, kind, value)) == said(
                strong, kind, value
            ), (strong, weak, value)
    assert checked


def _inside(strong: Mask, weak: Mask) -> bool:
    """Return whether the range of one clip lies in that of another."""
    assert isinstance(strong, Clip)
    assert isinstance(weak, Clip)
    return weak.low <= strong.low < weak.high and weak.low < strong.high <= weak.high


CANARY = "canary-7f3a 1936-11-20"
OPEN = (Pass, Constant)
"""Masks that let a text leave whole, or one that the agreement wrote."""


@pytest.mark.parametrize("mask", MASKS[T.STRING] + MASKS[T.CODE] + MASKS[T.LIST])
def test_what_is_unknown_never_passes(mask: Mask) -> None:
    """L3: a text that no table, list or form knows is in no output, nor is its beginning.

    The last characters that `partial` keeps are what its agreement asks for.
    """
    kind = T.LIST if mask in MASKS[T.LIST] and mask not in MASKS[T.STRING] else T.STRING
    if isinstance(mask, OPEN) or (mask in MASKS[T.CODE] and isinstance(mask, Pass)):
        return
    given = Inputs(kind, codes=("a",), table={"a": "x"}, key=bytes(32))
    if isinstance(mask, Pseudonym) and mask.method is Method.TOKEN:
        with pytest.raises(ReleaseError) as raised:
            mask.reader(given)(CANARY, None)
        assert CANARY[:11] not in str(raised.value)
        return
    made = mask.reader(given)(CANARY, None)

    assert CANARY[:11] not in str(made)


def test_every_word_of_the_language_has_a_function_or_leaves_in_a_table() -> None:
    """Nothing is read and then not carried out: each mask has a row function of its own."""
    without = {mask.name for mask in CLOSED_SET if mask.reader is Mask.reader}

    assert {"count_only", "sum_only"} == without


# --- keys ---


@pytest.mark.parametrize("length", [0, 1, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200])
def test_hmac_is_that_of_the_standard_library_for_every_length_of_key(length: int) -> None:
    """Shorter than a block, a whole block, and longer, over empty, NUL and non-ASCII texts."""
    key = ("0123456789abcdef" * 13)[:length]
    texts = [
        "",
        "\x00",
        "a\x00b",
        "Zo\u00eb",
        "\U0001f600",
        "x" * 63,
        "x" * 64,
        "x" * 65,
        "y" * 9999,
    ]

    made = pl.Series("t", texts).to_frame().select(pl.col("t").chash.hmac_sha256(key=key))  # type: ignore[attr-defined]

    expected = [hmac.digest(key.encode(), one.encode(), "sha256").hex() for one in texts]
    assert expected == made["t"].to_list()


def pseudonyms(domain: str, key: bytes, texts: pl.Series) -> pl.Series:
    """Return the pseudonyms of many texts, as a plan makes them."""
    inputs = Inputs(T.STRING, key=key, domain=domain)
    seen = Seen(pl.col(texts.name), None, None, inputs)
    return texts.to_frame().select(keyed(seen.own, inputs).alias("p"))["p"]


def unlinked(count: int) -> None:
    """Check that no pseudonym of a value is one of any value elsewhere."""
    texts = pl.Series("t", [f"PCR-{n:07}" for n in range(count)])
    first = pseudonyms("ems-ph-2026/P1", bytes(31) + b"\x01", texts)
    other_key = pseudonyms("ems-ph-2026/P1", bytes(31) + b"\x02", texts)
    other_domain = pseudonyms("ems-hr-2026/P1", bytes(31) + b"\x01", texts)
    together = pl.concat([first, other_key, other_domain])

    assert count == first.n_unique(), "and inside a scope two values never share one"
    assert 3 * count == together.n_unique()


def test_no_pseudonym_of_one_agreement_is_one_of_another() -> None:
    """Two recipients with different agreements find no equal pseudonym to join by."""
    unlinked(50_000)


@pytest.mark.long
def test_no_pseudonym_of_one_agreement_is_one_of_another_in_a_million() -> None:
    """The same of 1,000,000 values."""
    unlinked(1_000_000)


def test_the_key_is_one_block() -> None:
    """64 lower-case hex characters as ASCII."""
    assert b"00" * 31 + b"0a" == hmac_key_text(bytes(31) + b"\x0a")
