"""Small agreements and requests for tests: one town, one dataset, each part to be replaced.

Everybody here is made up: agencies are called `synthetic-…`, people `P-1` and so on.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from gateway.agreement.aggregate import Aggregate, Disclosure, Grid, MeasureRule
from gateway.agreement.compiling import compile_agreements
from gateway.agreement.dataset import CodeLists, Dataset, FieldRule, MapTable, Subject
from gateway.agreement.floor import AtLeast, AtMost, Floor
from gateway.agreement.index import Signed, pact
from gateway.agreement.model import (
    Agreement,
    Basis,
    Compelled,
    Delivery,
    Document,
    Duties,
    Flow,
    Limits,
    LogTerms,
    Never,
    Party,
    Provision,
    Selectors,
    Term,
)
from gateway.agreement.purposes import Identity, Purpose, Purposes
from gateway.agreement.registry import Agency, Registry
from gateway.agreement.spans import Duration, duration
from gateway.masks.places import Area
from gateway.masks.plain import Pass
from gateway.masks.tables import CountOnly, SumOnly
from gateway.masks.times import Truncate, Unit
from gateway.plan.reference import Table
from gateway.values import (
    AgencyKind,
    Caller,
    Condition,
    DatasetId,
    FieldClass,
    FieldType,
    Form,
    Means,
    Operator,
    Regime,
    Request,
    Resume,
    Shape,
    Terms,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.agreement.conditions import When
    from gateway.agreement.index import Agreements
    from gateway.masks.base import Mask

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)
EMS, PHD, PD = "synthetic-ems", "synthetic-phd", "synthetic-pd"
RUN = DatasetId("ems.synthetic_run", 1)
SURVEILLANCE = "public_health.surveillance"
REQUEST_ID = "00000000-0000-4000-8000-00000000000a"

TABLES = {
    "zip3@2020": Table(
        "zip3@2020", hashlib.sha256(b"zip3").hexdigest(), {"019": 700_000, "063": 60_000}
    ),
    "population@2020": Table(
        "population@2020",
        hashlib.sha256(b"population").hexdigest(),
        {"north": 40_000, "south": 75_000, "west": 0, "a": 1_000, "b": 3_000, "c": 7},
    ),
    "grid@1": Table(
        "grid@1",
        hashlib.sha256(b"grid").hexdigest(),
        {
            "29:29": 500,
            "28:28": 60,
            "27:29": 60,
            "3344:-9398": 99,
            "3321:-9451": 70,
            "4412:-9395": 99,
        },
        "0.01",
        {"3344:-9398": "05091", "3321:-9451": "05091", "4412:-9395": "27079"},
    ),
    "h3@1": Table(
        "h3@1",
        hashlib.sha256(b"h3").hexdigest(),
        {
            "87754e045ffffff": 500,
            "87754e044ffffff": 60,
            "87754e043ffffff": 60,
            "87444d690ffffff": 99,
            "87444d0cdffffff": 70,
            "87262ea25ffffff": 99,
        },
        "7",
        {"87444d690ffffff": "05091", "87444d0cdffffff": "05091", "87262ea25ffffff": "27079"},
    ),
    "areas@1": Table(
        "areas@1",
        hashlib.sha256(b"areas").hexdigest(),
        {},
        areas={
            "05": (Area.STATE, ""),
            "05-south": (Area.REGION, "05"),
            "05091": (Area.COUNTY, "05-south"),
            "05093": (Area.COUNTY, "05"),
            "05091020900": (Area.TRACT, "05091"),
        },
    ),
    "areas@2": Table(
        "areas@2",
        hashlib.sha256(b"levels").hexdigest(),
        {},
        areas={
            "99": (Area.STATE, ""),
            "south": (Area.REGION, "99"),
            "upper": (Area.REGION, "99"),
            "north": (Area.COUNTY, "upper"),
            "west": (Area.COUNTY, "upper"),
            "east": (Area.COUNTY, "south"),
        },
    ),
}
"""Reference tables, small and made up."""


def span(text: str) -> Duration:
    """Return a duration."""
    made = duration(text)
    assert made is not None, text
    return made


def a_digest(text: str) -> bytes:
    """Return 32 bytes for a name."""
    return hashlib.sha256(text.encode()).digest()


def pseudonym_key(domain: str, period: str) -> tuple[str, bytes]:
    """Return a key id and a key for a domain and a rotation period; the same for the same."""
    key = a_digest(f"{domain}|{period}")
    return f"pseudonym/{key[:4].hex()}", key


def a_field(
    name: str,
    kind: FieldType = FieldType.STRING,
    field_class: FieldClass = FieldClass.OPERATIONAL,
    means: Means = Means.OTHER,
    **more: Any,  # noqa: ANN401 - the rest of FieldRule
) -> FieldRule:
    """Return a field of a dataset."""
    return FieldRule(name, kind, field_class, means, **more)


RUN_FIELDS = (
    a_field("run_id", FieldType.STRING, FieldClass.DIRECT_IDENTIFIER, Means.RECORD_ID),
    a_field("patient_id", FieldType.STRING, FieldClass.DIRECT_IDENTIFIER, Means.PERSON_ID),
    a_field("patient_name", FieldType.STRING, FieldClass.DIRECT_IDENTIFIER, Means.NAME),
    a_field("incident_date", FieldType.DATE, FieldClass.QUASI_IDENTIFIER, Means.EVENT_TIME),
    a_field(
        "notified_at",
        FieldType.TIMESTAMP,
        FieldClass.QUASI_IDENTIFIER,
        Means.EVENT_TIME,
        time_precision="instant",
    ),
    a_field("home_zip", FieldType.STRING, FieldClass.QUASI_IDENTIFIER, Means.ZIP),
    a_field("county", FieldType.CODE, FieldClass.QUASI_IDENTIFIER, Means.COUNTY, codes="county"),
    a_field("age", FieldType.INTEGER, FieldClass.QUASI_IDENTIFIER, Means.AGE, unit="years"),
    a_field("naloxone_mg", FieldType.NUMBER, FieldClass.SENSITIVE),
    a_field("fatal", FieldType.BOOLEAN, FieldClass.SENSITIVE),
    a_field("impressions", FieldType.LIST, FieldClass.SENSITIVE),
    a_field("narrative", FieldType.STRING, FieldClass.SENSITIVE, free_text=True),
    a_field("consent_id", FieldType.STRING, FieldClass.OPERATIONAL, Means.CONSENT),
    a_field("opt_out_at", FieldType.TIMESTAMP, FieldClass.OPERATIONAL, Means.OPT_OUT),
)


def a_dataset(
    fields: Iterable[FieldRule] = RUN_FIELDS,
    **changed: Any,  # noqa: ANN401
) -> Dataset:
    """Return a dataset; the run dataset unless told otherwise."""
    made = Dataset(
        id=RUN,
        title="synthetic EMS runs",
        grain="one row a run",
        provider_kinds=frozenset({AgencyKind.EMS}),
        unit="run_id",
        person="patient_id",
        event_date="incident_date",
        regime=frozenset({Regime.HIPAA}),
        subjects=(Subject("patient-id", ("patient_id",)),),
        fields={one.name: one for one in fields},
        maps={"drugs": MapTable("drugs", {"F11.1": "opioid", "F14.1": "cocaine"}, None)},
        digest=a_digest("dataset"),
    )
    return dataclasses.replace(made, **changed)


def an_agency(name: str, kind: AgencyKind, **changed: Any) -> Agency:  # noqa: ANN401
    """Return an agency of the registry, attested for a year from January."""
    made = Agency(
        id=name,
        name=name,
        kind=kind,
        hipaa="none",
        part2="none",
        san=(f"{name}.test",),
        adapter_san=(),
        address="",
        signatures=1,
        attested_at=dt.date(2026, 1, 1),
        attested_for=span("P1Y"),
        tokens=None,
        signing_keys=(),
        denied=frozenset(),
    )
    return dataclasses.replace(made, **changed)


AGENCIES = (
    an_agency(EMS, AgencyKind.EMS),
    an_agency(PHD, AgencyKind.PUBLIC_HEALTH),
    an_agency(PD, AgencyKind.LAW_ENFORCEMENT),
)

DUTIES = Duties(
    delete_after=span("P90D"),
    attest_deletion=span("P7D"),
    onward=(),
    reidentify="forbid",
    contact="forbid",
    publish="forbid",
    notice="synthetic-notice@1",
    breach_notice=span("PT24H"),
    accounting="exempt: synthetic",
    recall=span("PT24H"),
    review=None,
)


def a_provision(
    release: Mapping[str, Mask] | None = None,
    when: Sequence[When] = (),
    **changed: Any,  # noqa: ANN401
) -> Provision:
    """Return a record-level provision from EMS to public health."""
    released = dict(release) if release is not None else {"run_id": Pass(), "age": Pass()}
    made = Provision(
        id="P1-runs",
        clause="4.1",
        flow=Flow("ems", "phd", RUN, (SURVEILLANCE,)),
        basis=Basis("agency_policy", "identified", ("synthetic policy",), None),
        delivery=Delivery(Shape.RECORD, "pull", None, None),
        when=tuple(when),
        anonymity=None,
        release=released,
        withhold=(),
        aggregate=None,
        limits=Limits(requests_per_minute=6, rows_per_request=100_000, rows_per_day=500_000),
        duties=DUTIES,
    )
    return dataclasses.replace(made, **changed)


DISCLOSURE = Disclosure(
    min_cell=11,
    min_interval=9,
    zeros="publish",
    complementary=True,
    dominance=None,
    colluding=None,
    history=span("P5Y"),
    marker="suppressed",
)


def an_aggregate(
    dimensions: Sequence[str] = ("incident_date", "county"),
    measures: Sequence[MeasureRule] = (MeasureRule("people", "count_distinct", "patient_id"),),
    **changed: Any,  # noqa: ANN401
) -> Aggregate:
    """Return a table by month from January, each period open fifteen days after its end."""
    disclosure = dataclasses.replace(
        DISCLOSURE,
        **{key: changed.pop(key) for key in Disclosure.__slots__ if key in changed},
    )
    made = Aggregate(
        unit="patient_id",
        measures=tuple(measures),
        dimensions=tuple(dimensions),
        margins=(),
        grid=Grid(span("P1M"), dt.date(2026, 1, 1), span("P15D"), "once"),
        disclosure=disclosure,
    )
    return dataclasses.replace(made, **changed)


def a_table_provision(
    aggregate: Aggregate | None = None,
    release: Mapping[str, Mask] | None = None,
    **changed: Any,  # noqa: ANN401
) -> Provision:
    """Return an aggregate provision: people by month and county."""
    aggregate = aggregate or an_aggregate()
    masks: dict[str, Mask] = {"incident_date": Truncate(Unit.MONTH), "county": Pass()}
    for one in (given for given in aggregate.measures if given.derived is None):
        masks[one.field] = CountOnly() if one.function == "count_distinct" else SumOnly()
    return a_provision(
        masks | dict(release or {}),
        aggregate=aggregate,
        delivery=Delivery(Shape.AGGREGATE, "pull", None, None),
        duties=dataclasses.replace(DUTIES, accounting="none"),
        **changed,
    )


def an_agreement(
    *provisions: Provision,
    **changed: Any,  # noqa: ANN401
) -> Agreement:
    """Return an agreement between EMS and public health for the year 2026, New York time."""
    made = Agreement(
        id="synthetic-mou",
        version="1.0.0",
        title="synthetic agreement",
        document=Document("MOU-1", "0" * 64),
        supersedes=None,
        term=Term(
            dt.date(2026, 1, 1),
            dt.date(2026, 12, 31),
            dt.date(2026, 10, 1),
            "America/New_York",
            span("P30D"),
        ),
        parties={
            "ems": Party("ems", EMS, AgencyKind.EMS, "a@ems.test"),
            "phd": Party("phd", PHD, AgencyKind.PUBLIC_HEALTH, "a@phd.test"),
            "pd": Party("pd", PD, AgencyKind.LAW_ENFORCEMENT, "a@pd.test"),
        },
        never=(),
        log=LogTerms(span("P6Y"), "none"),
        compelled=Compelled("counsel@county.test", "7.4"),
        provisions=provisions or (a_provision(),),
        digest=a_digest("agreement"),
    )
    return dataclasses.replace(made, **changed)


def a_never(rule: str = "N1-never", clause: str = "7.1", **selectors: Any) -> Never:  # noqa: ANN401
    """Return a prohibition with these selectors."""
    made: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, (set, list, tuple)) else value
        for key, value in selectors.items()
    }
    return Never(rule, clause, Selectors(**made), onward=False)


def a_floor(*never: Never, **changed: Any) -> Floor:  # noqa: ANN401
    """Return a floor with these prohibitions."""
    made = Floor(
        version="1.0.0",
        document=Document("CR-1", "0" * 64),
        quorum_signatures=1,
        quorum_agencies=frozenset({EMS}),
        never=never,
        masks=(),
        at_least=AtLeast(11, 9, complementary=True, grid_lag=span("P7D"), log_retain=span("P6Y")),
        at_most=AtMost(span("P1Y"), span("P6Y"), span("PT72H"), 1_000_000),
        digest=a_digest("floor"),
    )
    return dataclasses.replace(made, **changed)


CODES = CodeLists(
    "1.0.0",
    {"county": ("north", "south", "west"), "drugs": ("F11.1", "F14.1")},
    frozenset(),
    {},
)

PURPOSES = Purposes(
    "1.0.0",
    {
        name: Purpose(name, name, Identity.ALLOWED)
        for name in (SURVEILLANCE, "care.outreach", "enforcement.investigation")
    },
    a_digest("purposes"),
)


def the_agreements(
    *agreements: Agreement,
    floor: Floor | None = None,
    dataset: Dataset | None = None,
    agencies: Sequence[Agency] = AGENCIES,
    signed: Signed | Mapping[str, Signed] = Signed.SIGNED,
    generation: int = 1,
    codes: CodeLists = CODES,
) -> Agreements:
    """Return a compiled set of agreements, all signed unless told otherwise."""
    used = dataset or a_dataset()
    several = agreements or (an_agreement(),)

    def state(one: Agreement) -> Signed:
        return signed if isinstance(signed, Signed) else signed.get(one.id, Signed.SIGNED)

    return compile_agreements(
        generation=generation,
        floor=floor or a_floor(),
        registry=Registry("1.0.0", (), {one.id: one for one in agencies}, a_digest("agencies")),
        purposes=PURPOSES,
        datasets={str(used.id): used},
        codes=codes,
        pacts=[pact(one, state(one), a_digest(f"{one.ref}{one.digest!r}")) for one in several],
    )


def a_condition(field: str, op: Operator, *values: Any) -> Condition:  # noqa: ANN401
    """Return a condition of a caller."""
    return Condition(field, op, values)


def a_caller(agency: str = PHD, *roles: str) -> Caller:
    """Return an established caller."""
    return Caller(agency, a_digest(agency), "person-1" if roles else "", frozenset(roles))


def a_request(
    *fields: str,
    where: Sequence[Condition] = (),
    form: Form = Form.ARROW,
    caller: Caller | None = None,
    resume: Resume | None = None,
    request_id: str = REQUEST_ID,
    **terms: Any,  # noqa: ANN401
) -> Request:
    """Return a request of public health to EMS."""
    made = Terms(EMS, PHD, RUN, SURVEILLANCE, fields or ("run_id", "age"), tuple(where))
    return Request(
        request_id, dataclasses.replace(made, **terms), caller or a_caller(), form, resume
    )
