"""Every key of the language is read, and every other is refused with its place."""

# ruff: noqa: E501 - a row of a table stays one line

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement import parse
from gateway.agreement.canon import digest_of
from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.parse import ParseError
from gateway.agreement.yaml import read
from gateway.masks.ages import Age
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.closed import CLOSED_SET
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import CountOnly, Map, RareToOther, SumOnly
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit
from gateway.values import AgencyKind, FieldClass, Means, Operator, Regime, Shape
from tests.agreement.county import AGREEMENT, FLOOR, ROOT, county, registry
from tests.data import DATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.agreement.conditions import When
    from gateway.agreement.model import Agreement
    from gateway.agreement.yaml import Document
    from gateway.masks.base import Mask

SCHEMAS = DATA.parent / "datasets.json"


def document(text: str, file: str = "x.yaml") -> Document:
    """Return the strictly read text."""
    return read(text.encode(), file=file)


def agreement(text: str = AGREEMENT) -> Agreement:
    """Return the parsed agreement, its literals typed."""
    return parse.agreement(document(text), county().schemas)


def edited(old: str, new: str, text: str = AGREEMENT) -> str:
    """Return the text with one replacement, which must be possible."""
    assert old in text, old
    return text.replace(old, new, 1)


def faults(read_: Callable[[Document], object], text: str) -> list[str]:
    """Return rule and message of each finding."""
    with pytest.raises(ParseError) as caught:
        read_(document(text))
    return [f"{one.rule}: {one.message}" for one in caught.value.findings]


def test_an_agreement_says_what_its_file_says() -> None:
    """Term, parties, prohibition, flow, conditions, masks, limits and duties come through."""
    made = agreement()

    assert ("county", "1.0.0", None) == (made.id, made.version, made.supersedes)
    assert dt.date(2027, 12, 31) == made.term.expires
    assert AgencyKind.LAW_ENFORCEMENT is made.parties["police"].kind
    assert {"referral.post_overdose", "harm_reduction.outreach_contact"} == made.never[
        0
    ].when.dataset
    first = made.provisions[0]
    assert ("ems", "hro", "referral.post_overdose@1") == (
        first.flow.provider,
        first.flow.recipient,
        str(first.flow.dataset),
    )
    expected: tuple[When, ...] = (
        RoleCondition(frozenset({"outreach_worker", "outreach_supervisor"})),
        ConsentCondition("care.post_overdose_outreach"),
        OptOutCondition("care.post_overdose_outreach"),
        first.when[3],
        FieldCondition("status", Operator.IN, ("requested", "received")),
    )
    assert expected == first.when
    assert isinstance(first.when[3], WithinCondition)
    assert 72 * 3600 == first.when[3].window.seconds
    assert Truncate(Unit.HOUR) == first.release["overdose_at"]
    assert "exempt: 45 CFR 164.528(a)(1)" == made.provisions[2].duties.accounting
    table = made.provisions[3].aggregate
    assert table is not None
    assert ((), None, None) == (
        table.margins,
        table.disclosure.dominance,
        table.disclosure.colluding,
    )
    assert Shape.AGGREGATE is made.provisions[3].delivery.shape


def test_the_digest_is_that_of_the_file() -> None:
    """The model carries the canonical digest of what was read."""
    assert digest_of(document(AGREEMENT).value) == agreement().digest


def test_literals_are_read_in_the_type_of_their_field() -> None:
    """Dates, instants and decimals are quoted in the file, and values in the model."""
    old = "{field: incident_date, op: within, value: P400D}"

    def literals(condition: str) -> tuple[Any, ...]:
        one = agreement(edited(old, condition)).provisions[2].when[1]
        assert isinstance(one, FieldCondition)
        return one.values

    assert (dt.date(2027, 2, 28),) == literals(
        '{field: incident_date, op: gte, value: "2027-02-28"}'
    )
    instant = dt.datetime(2027, 2, 28, 1, 2, 3, tzinfo=dt.UTC)
    assert (instant,) == literals(
        '{field: unit_notified_at, op: lt, value: "2027-02-28T01:02:03Z"}'
    )
    assert (0.5,) == literals('{field: naloxone_total_mg, op: lt, value: "0.5"}')
    assert (2.0,) == literals("{field: naloxone_total_mg, op: lt, value: 2}")
    assert (True,) == literals("{field: naloxone_before_ems, op: eq, value: true}")
    assert ("2027-02-30",) == literals('{field: incident_date, op: gte, value: "2027-02-30"}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pass", Pass()),
        ("redact", Redact()),
        ("{constant: none}", Constant("none")),
        ("{constant: 7}", Constant(7)),
        ("{constant: true}", Constant(value=True)),
        ("{truncate: week_mmwr}", Truncate(Unit.WEEK_MMWR)),
        (
            "{truncate: {to: day, zone: America/Denver}}",
            Truncate(Unit.DAY, "America/Denver"),
        ),
        ("{age: {at: incident_date, topcode: 90}}", Age("incident_date", 90)),
        ("{band: {width: 5, topcode: 90}}", Band(width=5, topcode=90)),
        ("{band: {width: 1, topcode: 1000}}", Band(width=1, topcode=1000)),
        ("{band: {cuts: [0, 8]}}", Band(cuts=(0, 8))),
        ("{band: {cuts: [-5, 8], topcode: 90}}", Band(cuts=(-5, 8), topcode=90)),
        ("{date_shift: {max_days: 182, weekday: keep}}", DateShift(182, "keep")),
        ("{zip3: zip3@2020}", Zip3("zip3@2020")),
        ("{geo: {to: tract}}", GeoArea(Area.TRACT)),
        ('{geo: {to: grid, step: "0.01", min_people: 500}}', GeoGrid("0.01", 500)),
        ("{geo: {to: h3, step: 7, min_people: 500}}", GeoH3("7", 500)),
        ("{geo: {to: donut, rmin: 50, rmax: 500}}", GeoDonut(50, 500)),
        (
            "{pseudonym: {method: hmac, scope: provision, rotate: never}}",
            Pseudonym(Method.HMAC, Scope.PROVISION, "never"),
        ),
        (
            "{pseudonym: {method: token, scope: link_group, rotate: P90D, group: county}}",
            Pseudonym(Method.TOKEN, Scope.LINK_GROUP, "P90D", "county"),
        ),
        ("{partial: {keep_last: 4, width: 8}}", Partial(4, 8)),
        ("{clip: {low: 0, high: 40}}", Clip(0, 40)),
        ("{round: 5}", Round("5")),
        ('{round: "0.5"}', Round("0.5")),
        ("{map: sex_joined}", Map("sex_joined")),
        ("{rare_to_other: common}", RareToOther("common")),
        ("count_list", CountList()),
        ("{has_any: [F11.2, heroin]}", HasAny(("F11.2", "heroin"))),
        ("count_only", CountOnly()),
        ("sum_only", SumOnly()),
    ],
)
def test_every_mask_of_the_closed_set_is_read(text: str, expected: Mask) -> None:
    """The whole language of masks parses, also what this version does not carry out."""
    made = agreement(edited("avpu: pass", f"avpu: {text}"))

    assert expected == made.provisions[2].release["avpu"]


def test_no_mask_of_the_closed_set_is_left_out() -> None:
    """Each mask that there is has a line in the test above."""
    table = test_every_mask_of_the_closed_set_is_read.pytestmark[0].args[1]  # type: ignore[attr-defined]

    assert set(CLOSED_SET) == {type(expected) for _, expected in table}


@pytest.mark.parametrize(
    "text",
    [
        "all",
        "truncate",
        "hash",
        "{sha256: x}",
        "{}",
        "[pass]",
        "true",
        "{pass: {}}",
        "{truncate: hour, redact: {}}",
        "{truncate: week}",
        "{truncate: {to: day}}",
        "{truncate: {to: day, zone: Mars/Olympus}}",
        "{truncate: {to: day, zone: ../../etc/passwd}}",
        "{band: {width: 5}}",
        "{band: {width: 1, topcode: 1001}}",
        "{band: {width: 5, topcode: 100000000000000}}",
        "{band: {width: 0, topcode: 90}}",
        "{band: {width: 5, cuts: [0], topcode: 90}}",
        "{band: {cuts: []}}",
        '{band: {cuts: ["0"]}}',
        "{zip3: zip3}",
        "{geo: {to: city}}",
        "{geo: {to: state, step: 1}}",
        '{geo: {to: grid, step: "0.00", min_people: 500}}',
        '{geo: {to: grid, step: "0.01"}}',
        "{geo: state}",
        "{pseudonym: {method: sha256, scope: provision, rotate: P1Y}}",
        "{pseudonym: {method: hmac, scope: world, rotate: P1Y}}",
        "{pseudonym: {method: hmac, scope: provision}}",
        "{pseudonym: {method: hmac, scope: provision, rotate: sometimes}}",
        "{round: 0}",
        '{round: "-1"}',
        "{round: true}",
        "{has_any: []}",
        "{map: }".replace("{map: }", '{map: ""}'),
        "{constant: [x]}",
    ],
)
def test_what_is_no_mask_is_refused(text: str) -> None:
    """A word outside the set, or parameters outside the mask's, refuse the file."""
    assert faults(parse.agreement, edited("avpu: pass", f"avpu: {text}"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("withhold: [sample_id", "withold: [sample_id", "unknown-key: unknown key 'withold', did you mean `withhold`"),
        ("log: {retain: P6Y, witness: none}\n", "", "missing-key: `log` is missing in `the file`"),
        ("limits: {requests_per_minute: 30, ", "limits: {", "missing-key: `requests_per_minute` is missing in `limits`"),
        ("requests_per_minute: 30", "requests_per_minute: 0", "wrong-value: `requests_per_minute` is not in 1 to 1000000000000000"),
        ("requests_per_minute: 30", 'requests_per_minute: "30"', "wrong-value: `requests_per_minute` is not an integer"),
        ("requests_per_minute: 30", "requests_per_minute: true", "wrong-value: `requests_per_minute` is not an integer"),
        ("kind: Agreement", "kind: Floor", "wrong-value: `kind` is not Agreement"),
        ("apiVersion: accord/v1", "apiVersion: accord/v2", "wrong-value: `apiVersion` is not accord/v1"),
        ("mode: pull", "mode: pul", "wrong-value: 'pul' is no value of `mode`, did you mean `pull`"),
        ("publish: forbid", "publish: maybe", "wrong-value: 'maybe' is no value of `publish`: forbid, steward_review"),
        ("delete_after: P90D", "delete_after: 90 days", "wrong-value: `delete_after` is not a duration such as P30D or PT72H"),
        ("delete_after: P90D", "delete_after: none", "wrong-value: `delete_after` is not a duration such as P30D or PT72H"),
        ("delete_after: P90D", "delete_after: P101Y", "wrong-value: `delete_after` is more than a hundred years"),
        ("delete_after: P90D", "delete_after: P36601D", "wrong-value: `delete_after` is more than a hundred years"),
        ('effective: "2027-01-01"', 'effective: "1999-12-31"', 'wrong-value: `effective` is not a date such as "2027-01-01"'),
        ('expires: "2027-12-31"', 'expires: "2200-01-01"', 'wrong-value: `expires` is not a date such as "2027-01-01"'),
        ("delete_after: P90D", "delete_after: P0D", "wrong-value: `delete_after` is not a duration such as P30D or PT72H"),
        ('effective: "2027-01-01"', 'effective: "2027-02-30"', 'wrong-value: `effective` is not a date such as "2027-01-01"'),
        ("sha256: 9f2c41d07a6be5c3d1f08b2264e9c7a1550d3b8fe6a2947c10b5d8e3f7a94c62", f'sha256: "{"0" * 64}"', "document-hash-missing: `sha256` is all zeros"),
        ("withhold: [sample_id, place", "withhold: [sample_id, sample_id, place", "wrong-value: 'sample_id' stands twice"),
        ("op: eq, value: law_enforcement", "op: like, value: law_enforcement", "wrong-value: 'like' is no value of `op`: eq, gt, gte, in, lt, lte, ne, not_in, within"),
        ("is: granted", "is: absent", "wrong-value: 'absent' is no value of `is`: granted"),
        ("onward: [hro]", "onward: []", "missing-key: `onward` is an empty list"),
        ("op: in, value: [requested, received]", "op: in, value: requested", "wrong-value: `value` is not a list"),
        ("op: in, value: [requested, received]", "op: in, value: []", "missing-key: `value` is an empty list"),
        ("dataset: lab.drug_chemistry@1", "dataset: lab.drug_chemistry", "wrong-value: `dataset` is not a dataset with its version, such as ems.overdose_run@1"),
        ("onward: true", "onward: false", "wrong-value: `onward` is true, or it is left out"),
        ("release: once", "release: twice", "wrong-value: 'twice' is no value of `release`: once"),
        ("{count_distinct: client_id}", "{max: client_id}", "wrong-value: 'max' is no measure: count_distinct, mean, median, percent, percentile, rate, ratio, sum"),
        ("margins: none", "margins: [[sex]]", "wrong-value: the margin's `sex` is no dimension"),
    ],
)  # fmt: skip
def test_what_is_outside_the_language_is_refused(old: str, new: str, message: str) -> None:
    """A fault is told once, by its rule, with a hint where one is near."""
    assert [message] == faults(parse.agreement, edited(old, new))


def test_a_fault_has_its_place() -> None:
    """Line and column are those of the key."""
    with pytest.raises(ParseError) as caught:
        parse.agreement(document(edited("mode: pull", "mode: pul"), "county.yaml"))

    [one] = caught.value.findings
    line = AGREEMENT.splitlines()[one.line - 1]
    assert "mode: pull" == line[one.column - 1 :][: len("mode: pull")]


def test_all_faults_are_told_at_once() -> None:
    """The officer mends a file in one round, not in ten."""
    text = edited("mode: pull", "mode: pul").replace("publish: forbid", "publish: no way")

    assert len(faults(parse.agreement, text)) > 2


def test_no_top_key_can_be_left_out() -> None:
    """Every key of an agreement is required: emptiness refuses."""
    value = document(AGREEMENT).value
    for key in value:
        rest = {name: below for name, below in value.items() if name != key}
        assert faults(parse.agreement, json.dumps(rest)), key


def test_a_floor_says_what_its_file_says() -> None:
    """Quorum, prohibitions, weakest masks, floors and ceilings come through."""
    made = parse.floor(document(FLOOR))

    assert (3, 4) == (made.quorum_signatures, len(made.quorum_agencies))
    assert frozenset(FieldClass) - {FieldClass.OPERATIONAL} == made.never[0].when.field_class
    assert frozenset({Regime.PART2}) == made.never[2].when.regime
    assert None is made.masks[0].at_least
    assert made.masks[0].when.free_text
    assert Band(width=1, topcode=90) == made.masks[2].at_least
    assert 1_000_000 == made.at_most.rows_per_day


def test_a_registry_says_what_its_file_says() -> None:
    """Kinds, names, keys and dates come through."""
    made = parse.agencies(document(registry()))

    police = made.agencies["rivertown-pd"]
    assert (AgencyKind.LAW_ENFORCEMENT, ("rivertown-pd.example",)) == (police.kind, police.san)
    assert 32 == len(police.signing_keys[0].ed25519)
    assert None is made.logs[0].until


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("delivery_keys: none", "delivery_keys: none, tokens: {issuer: i, algorithms: [none], jwks: [{kty: EC}]}"),
        ("delivery_keys: none", "delivery_keys: none, tokens: {issuer: i, algorithms: [HS256], jwks: [{kty: EC}]}"),
        ("delivery_keys: none", "delivery_keys: none, tokens: {issuer: i, algorithms: [ES256], jwks: [{kty: oct, k: AA}]}"),
        ("delivery_keys: none", "delivery_keys: none, tokens: {issuer: i, algorithms: [ES256], jwks: [{kty: EC, d: AA}]}"),
        ("delivery_keys: none", "delivery_keys: none, denied: [abc]"),
        ("delivery_keys: none", 'delivery_keys: [{id: k, x25519: AAAA, from: "2027-01-01", until: "2027-02-01"}]'),
        ('until: "2028-06-01"', 'until: "2026-05-31"'),
        ("kind: ems", "kind: ambulance"),
        ("san: [rivertown-ems.example]", "san: [all]"),
        ("+df231295+", "+df23129+"),
    ],
)  # fmt: skip
def test_what_is_no_registry_is_refused(old: str, new: str) -> None:
    """Shared secrets, private keys, broken dates and names refuse the registry."""
    assert faults(parse.agencies, edited(old, new, registry()))


def test_a_branch_is_no_leaf() -> None:
    """A purpose that others stand below cannot be listed itself."""
    text = (ROOT / "purposes.yaml").read_text() + "  care: {label: Care, identity: needed}\n"

    [first, *_] = faults(parse.purposes, text)

    assert "`care` is a branch" in first


# --- the officers' own files ---


@pytest.mark.parametrize("path", sorted((ROOT / "datasets").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_dataset_of_the_officers_parses(path: Path) -> None:
    """Each dataset file is read whole: its classes, meanings, subjects and maps."""
    made = parse.dataset(read(path.read_bytes(), file=path.name))

    assert path.stem == str(made.id)
    assert made.regime
    for field in made.fields.values():
        direct = field.field_class is FieldClass.DIRECT_IDENTIFIER
        names = field.means in (Means.NAME, Means.PHONE, Means.DATE_OF_BIRTH, Means.ADDRESS)
        assert direct or not names, field.name


@pytest.mark.skipif(
    not SCHEMAS.exists(), reason="the canonical schemas are not beside the checkout"
)
def test_datasets_are_the_canonical_schemas_unchanged() -> None:
    """Names, types, classes, codes, units and sources are copied, and nothing is left out."""
    canonical = json.loads(SCHEMAS.read_text())
    for schema in canonical["datasets"]:
        name = f"{schema['name']}@{schema['version']}"
        path = ROOT / "datasets" / f"{name}.yaml"
        value = read(path.read_bytes(), file=name).value
        for key in ("title", "grain", "provider_kinds", "unit"):
            assert schema[key] == value[key], (name, key)
        for key in ("person", "event_date"):
            assert (schema[key] or "none") == value[key], (name, key)
        assert [field["name"] for field in schema["fields"]] == list(value["fields"])
        for field in schema["fields"]:
            mine = value["fields"][field["name"]]
            for key in ("type", "class", "codes", "unit", "time_precision", "source"):
                assert field.get(key) == mine.get(key), (name, field["name"], key)
            assert field.get("free_text", False) == mine.get("free_text", False)


@pytest.mark.skipif(
    not SCHEMAS.exists(), reason="the canonical schemas are not beside the checkout"
)
def test_codes_are_the_canonical_lists_unchanged() -> None:
    """Every list has the canonical codes and labels, in order."""
    canonical = json.loads(SCHEMAS.read_text())
    value = read((ROOT / "codes.yaml").read_bytes(), file="codes.yaml").value

    expected = {
        name: {code: entry["label"] for code, entry in one["values"].items()}
        for name, one in canonical["code_lists"].items()
    }
    assert expected == {name: one["values"] for name, one in value["lists"].items()}
    assert canonical["code_systems"].keys() == value["systems"].keys()
