"""Hypothesis draws small worlds: a dataset, a provision on it, records, a request."""

# ruff: noqa: ANN401 - the values of records are of any type
from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from gateway.agreement.aggregate import MeasureRule, Rate
from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    WithinCondition,
)
from gateway.agreement.dataset import MapTable
from gateway.agreement.model import Anonymity
from gateway.masks.ages import Age, BirthYear
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import Map, RareToOther
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit
from gateway.values import Condition, FieldClass, FieldType, Means, Operator, Precision
from tests.build import (
    CODES,
    SURVEILLANCE,
    a_dataset,
    a_field,
    a_provision,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.agreement.conditions import When
    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Provision
    from gateway.masks.base import Mask
    from gateway.values import Request, Row

T = FieldType
UTC = dt.UTC

TEXTS = [
    "",
    " ",
    "x",
    "PCR-0001",
    " PCR-0001 ",
    "unknown",
    "UNK",
    "999",
    "xXx",
    "n/a",
    "TEST",
    "TE\u017fT",
    "Zo\u00eb N\u00fa\u00f1ez",
    "Zoe\u0308 Nu\u0301n\u0303ez",
    "01901",
    " 01901\n",
    "\u00a001901",
    "01901-1234",
    "019011234",
    "1901",
    "01901-12",
    "O1901",
    "K1A 0B6",
    "\uff10\uff11\uff19\uff10\uff11",
    "20201",
    "05091",
    "05091020900",
    "05",
    "050",
    "05091\n",
    "\x1c",
    "\x1c01901",
    "a\u00a0",
    "\u3000",
    "a\x00b",
    "a",
    "b",
    "a b",
    "\u200b",
    "0",
]
CODE_TEXTS = ["a", "b", "zz", "", "A", " a", "a b", "e\u0301", "a\n"]
LISTS = [
    "[]",
    '["a"]',
    '["a","b"]',
    '["zz"]',
    '["b","zz","a"]',
    "x",
    "",
    '["a",1]',
    '["a"',
    '["b", "a"]',
    '["\\u0061"]',
    '["a"]\n',
    '["a b","a"]',
    '["\\u00e9"]',
    '["a\\"b"]',
    "null",
    '"a"',
    '["a","a"]',
]
INTEGERS = [
    0,
    -1,
    2**63 - 1,
    -(2**63),
    1,
    5,
    4,
    7,
    10,
    15,
    23,
    24,
    89,
    90,
    91,
    125,
    200,
    -3,
    365,
    730,
    2**40,
    -(2**40),
]
NUMBERS = [
    0.0,
    -0.0,
    -0.5,
    0.5,
    1.5,
    2.5,
    float("nan"),
    float("inf"),
    float("-inf"),
    0.29,
    -75.005,
    90.0,
    89.9,
    91.0,
    1e300,
    -1e300,
    3.3,
    0.35,
    0.15,
    1.015,
    33.44,
    -93.98,
    44.12,
    29.0,
    0.285,
    0.275,
    0.211,
    33.215,
    -94.505,
    180.0,
    -180.0,
    -90.0,
    1e-320,
]
DATES = [
    dt.date(2026, 11, 1),
    dt.date(2027, 1, 1),
    dt.date(2024, 2, 29),
    dt.date(2026, 7, 15),
    dt.date(1899, 12, 31),
    dt.date(2026, 12, 31),
    dt.date(1, 1, 1),
    dt.date(9999, 12, 31),
    dt.date(2026, 3, 31),
    dt.date(1936, 3, 28),
    dt.date(1936, 3, 29),
    dt.date(1901, 4, 15),
    dt.date(1900, 4, 14),
    dt.date(2026, 4, 15),
]
TIMES = [
    dt.datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    dt.datetime(2026, 11, 1, 6, 30, tzinfo=UTC),
    dt.datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC),
    dt.datetime(2026, 11, 1, 4, tzinfo=UTC),
    dt.datetime(2026, 11, 2, 4, 59, 59, tzinfo=UTC),
    dt.datetime(2026, 11, 2, 5, tzinfo=UTC),
    dt.datetime(2026, 3, 8, 6, 59, 59, 999999, tzinfo=UTC),
    dt.datetime(2026, 3, 8, 7, tzinfo=UTC),
    dt.datetime(2026, 7, 15, 12, tzinfo=UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    dt.datetime(1883, 11, 18, 17, tzinfo=UTC),
    dt.datetime(2027, 1, 1, 4, 30, tzinfo=UTC),
    dt.datetime(2026, 4, 1, 6, 30, tzinfo=UTC),
    dt.datetime(2026, 10, 2, 5, 30, tzinfo=UTC),
]
FAR_TIMES = [
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
]

POOL: dict[FieldType, list[Any]] = {
    T.STRING: TEXTS,
    T.CODE: CODE_TEXTS,
    T.INTEGER: INTEGERS,
    T.NUMBER: NUMBERS,
    T.BOOLEAN: [True, False],
    T.DATE: DATES,
    T.TIMESTAMP: [*TIMES, *FAR_TIMES],
    T.LIST: LISTS,
}

DATE_UNITS = [u for u in Unit if u not in {Unit.MINUTE, Unit.HOUR, Unit.PART_OF_DAY}]
ZONES = ["America/New_York", "UTC", "Asia/Kolkata", "Pacific/Apia"]
BANDS = [
    Band(width=5, topcode=90),
    Band(width=1, topcode=90),
    Band(cuts=(0, 8, 12, 20)),
    Band(cuts=(2, 8), topcode=50),
    Band(cuts=(-10, 0, 90)),
]
HMAC = Pseudonym(Method.HMAC, Scope.PROVISION, "P1Y")

POINT_MASKS: list[Mask] = [
    GeoGrid("0.01", 100),
    GeoGrid("0.01", 150),
    GeoH3("7", 100),
    GeoDonut(50, 500),
]
AGES = [Age("day", 90), Age("day", 18), BirthYear("day")]
SHIFTS = [DateShift(182, "free"), DateShift(30, "keep"), DateShift(1, "free")]

MASKS: dict[FieldType, list[Mask]] = {
    T.STRING: [
        Pass(),
        Redact(),
        Constant("k"),
        Zip3("zip3@2020"),
        GeoArea(Area.COUNTY),
        GeoArea(Area.STATE),
        GeoArea(Area.REGION),
        GeoArea(Area.TRACT),
        HMAC,
        Pseudonym(Method.HMAC, Scope.AGREEMENT, "never"),
        Pseudonym(Method.TOKEN, Scope.PROVISION, "P1Y"),
        Map("closed"),
        Map("open"),
        RareToOther("frozen"),
        Partial(1, 3),
        Partial(4, 8),
    ],
    T.CODE: [Pass(), Redact(), Constant("k"), Map("closed"), Map("open"), RareToOther("frozen")],
    T.INTEGER: [
        Pass(),
        Redact(),
        Constant(3),
        *BANDS,
        Round("5"),
        Round("1"),
        Round("2"),
        Clip(0, 90),
        Clip(-3, 7),
    ],
    T.NUMBER: [
        Pass(),
        Redact(),
        Constant(3),
        *BANDS,
        Round("5"),
        Round("0.5"),
        Round("0.1"),
        Round("0.01"),
        Clip(0, 90),
        Clip(-75, -1),
    ],
    T.BOOLEAN: [Pass(), Redact(), Constant(value=True)],
    T.DATE: [Pass(), Redact(), *[Truncate(u) for u in DATE_UNITS], *AGES, *SHIFTS],
    T.TIMESTAMP: [
        Pass(),
        Redact(),
        *[Truncate(u, ZONES[0]) for u in Unit],
        *[Truncate(Unit.DAY, z) for z in ZONES[1:]],
        *SHIFTS,
    ],
    T.LIST: [
        Pass(),
        Redact(),
        Map("closed"),
        Map("open"),
        RareToOther("frozen"),
        CountList(),
        HasAny(("a", "\u00e9")),
        HasAny(('a"b',)),
    ],
}

MAPS = {
    "closed": MapTable("closed", {"a": "x", "b": "x y", "a b": "\u00e9", "zz": 'q"'}, None),
    "frozen": MapTable("frozen", {"a": "a", "b": "b", 'a"b': 'a"b', "PCR-0001": "PCR-0001"}, None),
    "open": MapTable("open", {"a": "x", "b": "other"}, "other"),
}
LISTED = dataclasses.replace(CODES, lists={"abc": ("a", "b", "a b", "\u00e9", 'a"b')})


@dataclass(frozen=True)
class Drawn:
    """One world: what the agreements say, what is asked, what the provider holds."""

    agreements: Agreements
    request: Request
    rows: list[Row]
    provision: Provision
    dataset: Dataset

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001
        printer.text(repr(self))

    def __repr__(self) -> str:
        fields = [(f.name, f.codes, f.unit, f.time_precision) for f in self.dataset.fields.values()]
        terms = self.request.terms
        said = (dict(self.provision.release), self.provision.when, self.provision.aggregate)
        return f"{fields[:4]}\n{said}\n{terms.fields} {terms.where}\n{self.rows}"


@st.composite
def a_masked_field(draw: st.DrawFn, number: int) -> tuple[list[FieldRule], dict[str, Mask]]:
    """Draw a field, or a pair of coordinates, with a mask that reads it."""
    kind = draw(st.sampled_from(list(T)))
    name = f"f{number}_{kind.name.lower()}"
    if kind is T.NUMBER and draw(st.integers(0, 3)) == 0:
        mask = draw(st.sampled_from(POINT_MASKS))
        pair = [f"p{number}_lat", f"p{number}_lon"]
        fields = [a_field(n, T.NUMBER, means=Means.COORDINATES) for n in pair]
        return fields, dict.fromkeys(pair, mask)
    mask = draw(st.sampled_from(MASKS[kind]))
    more: dict[str, Any] = {}
    if kind in {T.CODE, T.LIST} and draw(st.booleans()):
        more["codes"] = "abc"
    if kind is T.TIMESTAMP:
        known = [None, "per_record", *(p.value for p in Precision)]
        more["time_precision"] = draw(st.sampled_from(known))
    if kind is T.INTEGER and draw(st.booleans()):
        more["unit"] = "see age_unit"
    return [a_field(name, kind, draw(st.sampled_from(list(FieldClass))), **more)], {name: mask}


HELPERS = (
    a_field("person", T.STRING, means=Means.PERSON_ID),
    a_field("day", T.DATE, means=Means.EVENT_TIME),
    a_field("time_precision", T.CODE),
    a_field("age_unit", T.CODE),
    a_field("consent_id", T.STRING, means=Means.CONSENT),
    a_field("opt_out_at", T.TIMESTAMP, means=Means.OPT_OUT),
    a_field("hidden", T.STRING),
)


def value_of(field: FieldRule) -> st.SearchStrategy[Any]:
    """Draw a value of a field, with nulls."""
    special: dict[str, list[Any]] = {
        "time_precision": [*(p.value for p in Precision), "junk", None],
        "age_unit": ["years", "months", "days", "hours", "minutes", "weeks", "junk", None],
        "consent_id": ["C-1", "", " ", None, "C-2"],
        "opt_out_at": [None, None, None, TIMES[0]],
        "person": ["P-1", "P-2", "P-3", None],
        "day": [dt.date(2026, m, d) for m in range(1, 8) for d in (1, 15, 28)] + [None],
    }
    pool = special.get(field.name, POOL[field.type])
    return st.one_of(st.none(), st.sampled_from(pool), st.sampled_from(pool))


OPERATORS = [Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN]
ORDERED = [Operator.LT, Operator.LTE, Operator.GT, Operator.GTE]
FINITE: Callable[[Any], bool] = lambda v: not isinstance(v, float) or abs(v) < 1e301  # noqa: E731


@st.composite
def a_comparison(draw: st.DrawFn, field: FieldRule) -> tuple[Operator, tuple[Any, ...]]:
    """Draw an operator and literals that a field can be compared with."""
    ordered = field.type in {T.INTEGER, T.NUMBER, T.DATE, T.TIMESTAMP}
    op = draw(st.sampled_from(OPERATORS + (ORDERED if ordered else [])))
    pool = [v for v in POOL[field.type] if FINITE(v)]
    if field.type is T.NUMBER:
        pool = [*pool, 0, 5]
    if field.codes and field.codes in LISTED.lists:
        # A literal outside the list is refused before there is a plan.
        pool = list(LISTED.lists[field.codes])
    many = 3 if op in {Operator.IN, Operator.NOT_IN} else 1
    return op, tuple(draw(st.lists(st.sampled_from(pool), min_size=1, max_size=many)))


@st.composite
def some_when(draw: st.DrawFn, fields: list[FieldRule]) -> list[When]:
    """Draw conditions of a provision."""
    made: list[When] = []
    comparable = [one for one in fields if one.type is not T.LIST]
    if draw(st.booleans()) and comparable:
        field = draw(st.sampled_from(comparable))
        made.append(FieldCondition(field.name, *draw(a_comparison(field))))
    times = [one for one in fields if one.type in {T.DATE, T.TIMESTAMP}]
    if times and draw(st.integers(0, 4)) == 0:
        made.append(WithinCondition(draw(st.sampled_from(times)).name, span("P400D")))
    if draw(st.integers(0, 3)) == 0:
        made.append(ConsentCondition(SURVEILLANCE))
    if draw(st.integers(0, 3)) == 0:
        made.append(OptOutCondition(SURVEILLANCE))
    return made


@st.composite
def class_worlds(draw: st.DrawFn) -> Drawn:
    """Draw a record-level world that asks for classes, with records that are often alike."""
    k, least = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    action = draw(st.sampled_from(["deny", "suppress_rows", "suppress_rows"]))
    world = draw(record_worlds(Anonymity(k, least, action)))
    if not world.rows:
        return world
    person = value_of(world.dataset.fields["person"])
    one = st.builds(lambda row, who: row | {"person": who}, st.sampled_from(world.rows), person)
    return dataclasses.replace(world, rows=draw(st.lists(one, max_size=14)))


@st.composite
def record_worlds(draw: st.DrawFn, anonymity: Anonymity | None = None) -> Drawn:
    """Draw a record-level world."""
    fields: list[FieldRule] = []
    release: dict[str, Mask] = {}
    for number in range(draw(st.integers(1, 4))):
        more, masks = draw(a_masked_field(number))
        fields += more
        release |= masks
    when = draw(some_when(fields))
    dataset = a_dataset(
        [*fields, *HELPERS],
        unit="person",
        person="person",
        event_date="day",
        subjects=(),
        maps=MAPS,
    )
    provision = a_provision(release, when, anonymity=anonymity)
    agreements = the_agreements(an_agreement(provision), dataset=dataset, codes=LISTED)
    names = draw(st.permutations(list(release)))
    asked = tuple(names[: draw(st.integers(1, len(names)))])
    where: list[Condition] = []
    passes = [
        one for one in fields if isinstance(release[one.name], Pass) and one.type is not T.LIST
    ]
    if draw(st.booleans()) and passes:
        field = draw(st.sampled_from(passes))
        where.append(Condition(field.name, *draw(a_comparison(field))))
    rows = draw(rows_of(list(dataset.fields.values()), 0, 6))
    return Drawn(agreements, a_request(*asked, where=where), rows, provision, dataset)


@st.composite
def rows_of(draw: st.DrawFn, fields: list[FieldRule], least: int, most: int) -> list[Row]:
    """Draw records."""
    one = st.fixed_dictionaries({field.name: value_of(field) for field in fields})
    rows: list[Row] = draw(st.lists(one, min_size=least, max_size=most))
    return rows


@st.composite
def table_worlds(draw: st.DrawFn) -> Drawn:
    """Draw an aggregate world: few cells, a low threshold, many rows."""
    dimension = a_field("dim", draw(st.sampled_from([T.CODE, T.INTEGER, T.BOOLEAN])), codes="abc")
    masks: dict[FieldType, list[Mask]] = {
        T.CODE: [Pass(), Map("open"), Map("closed")],
        T.INTEGER: [Pass(), Band(cuts=(0, 10, 90)), Round("5")],
        T.BOOLEAN: [Pass()],
    }
    if dimension.type is not T.CODE:
        dimension = dataclasses.replace(dimension, codes=None)
    amount = a_field("amount", draw(st.sampled_from([T.INTEGER, T.NUMBER])))
    dataset = a_dataset(
        [dimension, amount, *HELPERS],
        unit="person",
        person="person",
        event_date="day",
        subjects=(),
        maps=MAPS,
    )
    measures = [
        MeasureRule("people", "count_distinct", "person"),
        MeasureRule("amounts", "sum", "amount"),
        MeasureRule("means", "mean", "amount"),
        MeasureRule("rates", "rate", "", Rate("people", 1_000, "population@2020", "dim")),
    ]
    aggregate = an_aggregate(
        ("day", "dim"),
        measures,
        unit="person",
        min_cell=draw(st.integers(1, 3)),
        zeros=draw(st.sampled_from(["publish", "suppress"])),
    )
    release = {"day": Truncate(Unit.MONTH), "dim": draw(st.sampled_from(masks[dimension.type]))}
    made = a_table_provision(aggregate, release)
    made = dataclasses.replace(
        made,
        release={k: v for k, v in made.release.items() if k not in {"incident_date", "county"}},
    )
    agreements = the_agreements(an_agreement(made), dataset=dataset, codes=LISTED)
    few: dict[str, list[Any]] = {
        "amount": [1, 2, 0, None] if amount.type is T.INTEGER else [0.5, 1.0, float("nan"), None],
        "dim": [*list(POOL[dimension.type][:5]), None],
        "day": [dt.date(2026, 4, 1), dt.date(2026, 5, 31), dt.date(2026, 7, 1), None],
    }
    one = st.fixed_dictionaries(
        {
            name: st.sampled_from(few[name]) if name in few else value_of(field)
            for name, field in dataset.fields.items()
        }
    )
    rows = draw(st.lists(one, max_size=12))
    asked = draw(st.sampled_from([("day", "dim", "person"), ("dim", "amount", "day", "person")]))
    return Drawn(agreements, a_request(*asked), rows, made, dataset)


def many_values(dataset: Dataset, count: int) -> list[Row]:
    """Return records of which no two have the same value in a field that can hold so many."""
    made: dict[FieldType, Callable[[int], Any]] = {
        T.STRING: lambda n: f"{n:05}" if n % 3 else f"R-{n}",
        T.CODE: lambda n: f"code-{n}",
        T.INTEGER: lambda n: n - 50,
        T.NUMBER: lambda n: n / 100,
        T.BOOLEAN: lambda n: n % 2 == 0,
        T.DATE: lambda n: dt.date(2026, 1, 1) + dt.timedelta(days=n),
        T.TIMESTAMP: lambda n: TIMES[0] + dt.timedelta(seconds=3601 * n),
        T.LIST: lambda n: f'["c{n}","a"]',
    }
    precisions = [*(p.value for p in Precision), None]
    helpers: dict[str, Callable[[int], Any]] = {
        "time_precision": lambda n: precisions[n % len(precisions)],
        "age_unit": lambda n: ("years", "months", "junk", None)[n % 4],
        "opt_out_at": lambda n: TIMES[0] if n % 7 == 0 else None,
        "consent_id": lambda n: "C" if n % 5 else None,
    }
    return [
        {
            name: helpers[name](n) if name in helpers else made[field.type](n)
            for name, field in dataset.fields.items()
        }
        for n in range(count)
    ]
