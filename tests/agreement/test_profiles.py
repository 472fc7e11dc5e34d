"""Profiles at load: of each line of the table, what is just refused and what is just let through.

A refusal names the clause of the regulation that it rests on. All of them are engineering readings.
"""

# ruff: noqa: E501 - a row of a table stays one line

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Final

import pytest

from gateway.agreement.lint.profile_masks import (
    EVERY,
    EXPERT,
    LDS,
    NON_HIPAA,
    PROFILES_OF,
    SAFE_HARBOR,
    WHY_NOT,
    taken,
    word,
)
from gateway.agreement.yaml import read
from gateway.masks.base import Mask
from gateway.masks.closed import CLOSED_SET
from tests.agreement.county import AGREEMENT, NOW, TABLES, county, linted

REGULATION: Final = "45 CFR 164.514"
SHA: Final = "1b7a90c4e5d2f3860a9c7e51d4b8f2036c9e8d71a5f0b4c3d2e1f60798a5b4c3"
RUN: Final = "ems.overdose_run@1"
VISIT: Final = "public_health.ed_overdose_visit@1"
COUNTS: Final = "public_health.overdose_count@1"
EPISODE: Final = "treatment.episode@1"
RESPONSE: Final = "police.overdose_response@1"
SAMPLE: Final = "lab.drug_chemistry@1"
DEATH: Final = "medical_examiner.overdose_death@1"
HMAC: Final = "{pseudonym: {method: hmac, scope: provision, rotate: P1Y}}"
TOKEN: Final = "{pseudonym: {method: token, scope: provision, rotate: P1Y}}"  # noqa: S105
SHIFT: Final = "{date_shift: {max_days: 30, weekday: keep}}"
DONUT: Final = "{geo: {to: donut, rmin: 100, rmax: 500}}"
GRID: Final = '{geo: {to: grid, step: "0.01", min_people: 500}}'
H3: Final = "{geo: {to: h3, step: 8, min_people: 500}}"
PARTIAL: Final = "{partial: {keep_last: 4, width: 8}}"


def deid(method: str, more: str = "") -> str:
    """Return a `deid` block."""
    return f'{{method: {method}, ref: ED-1, sha256: {SHA}, expires: "2028-03-01"{more}}}'


BASIS: Final = {
    "identified": "{type: public_health, profile: identified, cite: [synthetic]}",
    "safe_harbor": f"{{type: deidentified, profile: safe_harbor, cite: [synthetic], deid: {deid('safe_harbor')}}}",
    "lds": "{type: limited_data_set, profile: lds, cite: [synthetic]}",
    "expert": "{type: deidentified, profile: expert, cite: [synthetic], deid: %s}",
    "non_hipaa": "{type: agency_policy, profile: non_hipaa, cite: [synthetic]}",
    "part2": f"{{type: part2_public_health, profile: part2_public_health, cite: [synthetic], deid: {deid('safe_harbor')}}}",
}


def agreement(
    release: str,
    basis: str,
    dataset: str = RUN,
    *,
    to: str = "phd",
    purpose: str = "public_health.surveillance",
    duties: str = "reidentify: forbid, contact: forbid",
    more: str = "",
) -> str:
    """Return the county with one provision: this release, everything else withheld."""
    head = AGREEMENT[: AGREEMENT.index("provisions:")]
    named = read(f"release: {{{release}}}\n".encode(), file="x.yaml").value["release"]
    rest = [name for name in county().schemas[dataset].fields if name not in named]
    return head + "\n".join(
        (
            "provisions:",
            "  - id: P1-one",
            '    clause: "4.1"',
            f"    flow: {{from: ems, to: {to}, dataset: {dataset}, purpose: [{purpose}]}}",
            f"    basis: {basis}",
            "    delivery: {shape: record, mode: pull, deadline: none, hold: none}",
            "    when: none",
            *([f"    {more}"] if more else []),
            f"    release: {{{release}}}",
            f"    withhold: [{', '.join(rest)}]",
            "    limits: {requests_per_minute: 6, rows_per_request: 10, rows_per_day: 100}",
            f"    duties: {{delete_after: P1Y, attest_deletion: none, onward: none, {duties}, publish: forbid,",
            "             notice: none, breach_notice: PT24H, accounting: none, recall: P7D, review: none}",
            "",
        )
    )


def contradictions(text: str, now: dt.datetime = NOW) -> list[str]:
    """Return what the agreement contradicts of its profile."""
    found = linted(now, TABLES, county=text)
    assert {one.file for one in found} <= {"county.yaml"}
    unread = [
        one.text()
        for one in found
        if one.rule in ("unknown-key", "missing-key", "wrong-value", "field-unknown")
    ]
    assert [] == unread
    return [one.message for one in found if one.rule == "profile-contradicted"]


def test_the_table_speaks_of_every_mask() -> None:
    """Each word of the language has its line: what has none is taken by no profile."""
    names = {key.split(" ")[0] for key in PROFILES_OF}

    assert {kind.name for kind in CLOSED_SET} == names
    assert all(profiles <= EVERY for profiles in PROFILES_OF.values())


def test_every_line_that_takes_away_says_by_which_clause() -> None:
    """A profile that does not take a mask has a sentence for it, with the clause."""
    barred = {
        (profile, one)
        for one, profiles in PROFILES_OF.items()
        for profile in (SAFE_HARBOR, LDS)
        if profile not in profiles
    }

    assert barred == set(WHY_NOT)
    assert all(clause.startswith(REGULATION) for _, clause in WHY_NOT.values())
    assert all({EXPERT, NON_HIPAA} <= profiles for profiles in PROFILES_OF.values())


@pytest.mark.parametrize(
    ("field", "refused", "permitted", "clause", "dataset"),
    [
        ("patient_last_name", "pass", TOKEN, "(b)(2)(i)(A)", RUN),
        ("patient_home_address", "pass", TOKEN, "(b)(2)(i)(B)", RUN),
        ("patient_home_zip", "pass", "{zip3: zip3@2020}", "(b)(2)(i)(B)", RUN),
        ("scene_county_fips", "pass", "{geo: {to: state}}", "(b)(2)(i)(B)", RUN),
        ("scene_county_fips", "{geo: {to: county}}", "{geo: {to: state}}", "(b)(2)(i)(B)", RUN),
        ("scene_county_fips", "{geo: {to: region}}", "redact", "(b)(2)(i)(B)", RUN),
        ("scene_census_tract", "{geo: {to: tract}}", "{geo: {to: state}}", "(b)(2)(i)(B)", RUN),
        ("scene_lat", "{round: 1}", "redact", "(b)(2)(i)(B)", RUN),
        ("scene_lat", GRID, "redact", "(b)(2)(i)(B)", RUN),
        ("scene_lat", H3, "redact", "(b)(2)(i)(B)", RUN),
        ("scene_lat", DONUT, "redact", "(b)(2)(i)(B)", RUN),
        ("scene_location_type", "pass", "{map: y92_group}", "(b)(2)(i)(B)", RUN),
        ("injury_city", "pass", "redact", "(b)(2)(i)(B)", DEATH),
        ("state_fips", "{constant: 42}", "pass", "", EPISODE),
        ("incident_date", "pass", "{truncate: year}", "(b)(2)(i)(C)", RUN),
        ("incident_date", "{truncate: quarter}", "{truncate: year}", "(b)(2)(i)(C)", RUN),
        ("incident_date", SHIFT, "{truncate: year}", "(b)(2)(i)(C)", RUN),
        ("unit_notified_at", "{truncate: hour}", "{truncate: {to: year, zone: UTC}}", "(b)(2)(i)(C)", RUN),
        ("part_of_day", "pass", "redact", "(b)(2)(i)(C)", RUN),
        ("patient_dob", "pass", "{truncate: year}", "(b)(2)(i)(C)", RUN),
        ("patient_dob", "{truncate: quarter}", "{truncate: year}", "(b)(2)(i)(C)", RUN),
        ("patient_dob", "{age: {at: incident_date, topcode: 85}}", "{age: {at: incident_date, topcode: 90}}", "(b)(2)(i)(C)", RUN),
        ("patient_dob", "{age: {at: incident_date, topcode: 89}}", "{age: {at: incident_date, topcode: 90}}", "(b)(2)(i)(C)", RUN),
        ("age", "pass", "{band: {width: 1, topcode: 90}}", "(b)(2)(i)(C)", RUN),
        ("age", "{clip: {low: 0, high: 90}}", "{band: {width: 1, topcode: 90}}", "(b)(2)(i)(C)", RUN),
        ("age", "{round: 5}", "{band: {width: 5, topcode: 90}}", "(b)(2)(i)(C)", RUN),
        ("age", "{band: {width: 5, topcode: 85}}", "{band: {width: 5, topcode: 90}}", "(b)(2)(i)(C)", RUN),
        ("age", "{band: {cuts: [0, 18, 80]}}", "{band: {cuts: [0, 18, 80, 90]}}", "(b)(2)(i)(C)", RUN),
        ("age", "{band: {cuts: [0, 18, 91]}}", "{band: {cuts: [0, 18, 90]}}", "(b)(2)(i)(C)", RUN),
        ("age_band", "{rare_to_other: age_group_7}", "pass", "(b)(2)(i)(C)", RUN),
        ("age_band", "pass", "redact", "(b)(2)(i)(C)", EPISODE),
        ("age_band", "pass", "redact", "(b)(2)(i)(C)", COUNTS),
        ("victim_age_band", "pass", "{map: odin_age_4}", "(b)(2)(i)(C)", RESPONSE),
        ("patient_phone", "pass", "redact", "(b)(2)(i)(D)", RUN),
        ("patient_id", HMAC, TOKEN, "(b)(2)(i)(R)", RUN),
        ("patient_id", PARTIAL, TOKEN, "(b)(2)(i)(R)", RUN),
        ("pcr_uuid", "pass", TOKEN, "(b)(2)(i)(R)", RUN),
        ("narrative", "{constant: x}", "redact", "", RUN),
        ("narrative", "pass", "redact", "(b)(2)(i)", RUN),
        ("sex", "{partial: {keep_last: 1, width: 1}}", "pass", "(b)(2)(i)(R)", RUN),
    ],
)  # fmt: skip
@pytest.mark.parametrize("claimed", ["safe_harbor", "part2"])
def test_safe_harbor_removes_its_eighteen_kinds(
    field: str, refused: str, permitted: str, clause: str, dataset: str, claimed: str
) -> None:
    """Each kind is refused with its letter, and leaves in the one form that the rule permits.

    Under 42 CFR 2.54 with the inner profile `safe_harbor` just the same.
    """
    said = contradictions(agreement(f"{field}: {refused}", BASIS[claimed], dataset))

    assert [] == contradictions(agreement(f"{field}: {permitted}", BASIS[claimed], dataset))
    if clause:
        [message] = said
        assert f"`{field}`: `" in message
        assert REGULATION + clause in message
        assert "counsel must confirm" in message
    else:
        assert [] == said


def test_safe_harbor_needs_the_statement_of_no_actual_knowledge() -> None:
    """The provider's statement is referred to, or the file is refused; an expert's word is none."""
    bare = BASIS["safe_harbor"].replace(f", deid: {deid('safe_harbor')}", "")
    other = BASIS["safe_harbor"].replace("method: safe_harbor", "method: expert")

    for basis in (bare, other):
        [message] = contradictions(agreement("sex: pass", basis))
        assert f"{REGULATION}(b)(2)(ii)" in message
    assert [] == contradictions(agreement("sex: pass", BASIS["safe_harbor"]))


@pytest.mark.parametrize(
    ("field", "refused", "permitted", "clause", "dataset"),
    [
        ("patient_last_name", "pass", HMAC, "(e)(2)(i)", RUN),
        ("patient_phone", "pass", "redact", "(e)(2)(iii)", RUN),
        ("patient_home_address", HMAC, "redact", "(e)(2)(ii)", RUN),
        ("scene_lat", "pass", "redact", "(e)(2)(ii)", RUN),
        ("scene_lat", '{round: "0.01"}', "redact", "(e)(2)(ii)", RUN),
        ("scene_lat", GRID, "redact", "(e)(2)(ii)", RUN),
        ("scene_lat", H3, "redact", "(e)(2)(ii)", RUN),
        ("scene_lat", DONUT, "redact", "(e)(2)(ii)", RUN),
        ("scene_census_tract", "pass", "{geo: {to: county}}", "(e)(2)(ii)", RUN),
        ("scene_census_tract", "{geo: {to: tract}}", "{geo: {to: county}}", "(e)(2)(ii)", RUN),
        ("patient_id", "pass", HMAC, "(e)(2)", RUN),
        ("patient_id", PARTIAL, TOKEN, "(e)(2)", RUN),
        ("patient_dob", "pass", "{truncate: month}", "(e)(2)", RUN),
        ("patient_dob", SHIFT, "{age: {at: incident_date, topcode: 90}}", "(e)(2)", RUN),
        ("incident_date", SHIFT, "pass", "(e)(2)", RUN),
        ("narrative", "pass", "redact", "(e)(2)", RUN),
    ],
)
def test_a_limited_data_set_removes_its_sixteen_kinds(
    field: str, refused: str, permitted: str, clause: str, dataset: str
) -> None:
    """Each kind is refused with its numeral; dates, towns and ZIP codes may stay."""
    [message] = contradictions(agreement(f"{field}: {refused}", BASIS["lds"], dataset))

    assert f"`{field}`: `lds`" in message
    assert REGULATION + clause in message
    assert [] == contradictions(agreement(f"{field}: {permitted}", BASIS["lds"], dataset))


@pytest.mark.parametrize("field", ["incident_date", "patient_home_zip", "scene_county_fips", "age"])
def test_a_limited_data_set_keeps_dates_towns_and_zip_codes(field: str) -> None:
    """What the regulation leaves in is not refused by the profile."""
    assert [] == contradictions(agreement(f"{field}: pass", BASIS["lds"]))


@pytest.mark.parametrize(
    ("refused", "permitted", "clause"),
    [
        ({"purpose": "care.post_overdose_outreach"}, {"purpose": "research.approved_study"}, "(e)(3)(i)"),
        ({"purpose": "safety.community_alert"}, {"purpose": "public_health.drug_supply"}, "(e)(3)(i)"),
        ({"duties": "reidentify: not_applicable, contact: forbid"}, {}, "(e)(4)(ii)(C)(5)"),
        ({"duties": "reidentify: forbid, contact: permit"}, {}, "(e)(4)(ii)(C)(5)"),
    ],
)  # fmt: skip
def test_a_limited_data_set_has_its_purposes_and_promises(
    refused: dict[str, str], permitted: dict[str, str], clause: str
) -> None:
    """Research, public health or operations; no contact and no re-identification."""
    [message] = contradictions(agreement("sex: pass", BASIS["lds"], **refused))

    assert REGULATION + clause in message
    assert [] == contradictions(agreement("sex: pass", BASIS["lds"], **permitted))


NAMED: Final = ", fields: {sex: pass, incident_date: {truncate: month}, patient_id: %s}, k: none"


@pytest.mark.parametrize(
    ("refused", "permitted"),
    [
        ("race: pass", "race: redact"),
        ("incident_date: pass", "incident_date: {truncate: month}"),
        ("incident_date: {truncate: day}", "incident_date: {truncate: year}"),
        (f"patient_id: {HMAC}", f"patient_id: {TOKEN}"),
        (f"patient_id: {TOKEN.replace('provision', 'agreement')}", f"patient_id: {TOKEN}"),
        ("sex: pass, age: {band: {width: 5, topcode: 90}}", "sex: pass, age: redact"),
    ],
)
def test_nothing_leaves_outside_an_experts_document(refused: str, permitted: str) -> None:
    """A field that it does not name, or a weaker mask than it names, is refused."""
    basis = BASIS["expert"] % deid("expert", NAMED % TOKEN)

    [message] = contradictions(agreement(refused, basis))

    assert "'ED-1'" in message
    assert f"{REGULATION}(b)(1)" in message
    assert [] == contradictions(agreement(permitted, basis))


def test_an_experts_document_names_fields_and_k() -> None:
    """Without what it names nobody could hold a release to it: the file is refused."""
    said = contradictions(agreement("sex: redact", BASIS["expert"] % deid("expert")))
    wrong = contradictions(agreement("sex: redact", BASIS["expert"] % deid("safe_harbor")))

    assert [True] == [
        "`fields` and the `k`" in one and f"{REGULATION}(b)(1)(ii)" in one for one in said
    ]
    assert [True] == ["needs the determination" in one for one in wrong]
    assert [] == contradictions(
        agreement("sex: redact", BASIS["expert"] % deid("expert", NAMED % HMAC))
    )


def test_a_direct_identifier_never_leaves_readable_by_an_experts_word() -> None:
    """A document that names a name as it is finds no very small risk, whoever signed it."""
    more = ", fields: {patient_last_name: pass, patient_id: pass}, k: none"
    basis = BASIS["expert"] % deid("expert", more)

    [message] = contradictions(agreement("patient_last_name: pass", basis))

    assert f"{REGULATION}(b)(1)" in message
    assert [] == contradictions(agreement(f"patient_id: {PARTIAL}", basis))


@pytest.mark.parametrize(("held", "refused"), [("", True), ("4", True), ("5", False)])
def test_a_crowd_is_as_large_as_the_expert_names(held: str, *, refused: bool) -> None:
    """With k = 5 in the document, classes of four are refused, and of five let through."""
    basis = BASIS["expert"] % deid("expert", ", fields: {sex: pass}, k: 5")
    more = f"anonymity: {{k: {held}, l: 1, action: deny}}" if held else ""

    said = contradictions(agreement("sex: pass", basis, more=more))

    assert refused == bool(said)
    assert all("names k = 5" in one and f"{REGULATION}(b)(1)(ii)" in one for one in said)


@pytest.mark.parametrize(("k", "refused"), [(11, False), (12, True)])
def test_a_cell_is_as_large_as_the_expert_names(k: int, *, refused: bool) -> None:
    """A table's `min_cell` of 11 reaches a document's 11, and not its 12."""
    more = (
        ", fields: {admission_date: {truncate: month}, age_band: {map: teds_age_4},"
        f" primary_substance: {{map: teds_substance_4}}, client_id: count_only}}, k: {k}"
    )
    old = 'expires: "2028-03-01"'
    assert old in AGREEMENT

    said = contradictions(AGREEMENT.replace(old, old + more))

    assert refused == any("`min_cell` holds 11" in one for one in said)
    assert refused == bool(said)


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        (", fields: {sex: pass}", "missing-key"),
        (", k: 5", "missing-key"),
        (", fields: {sex: pass}, k: 1", "wrong-value"),
        (", fields: none, k: none", "wrong-value"),
        (", fields: {sex: passs}, k: none", "mask-unknown"),
        (", fields: {sex: pass}, k: 5, l: 2", "unknown-key"),
    ],
)
def test_a_determination_is_read_strictly(more: str, rule: str) -> None:
    """Half a statement, a crowd of one, or a word that is none, refuses the file."""
    text = agreement("sex: pass", BASIS["expert"] % deid("expert", more))

    assert rule in {one.rule for one in linted(NOW, TABLES, county=text)}


def test_a_document_names_fields_of_the_dataset() -> None:
    """A renamed field must not vanish from what the expert determined."""
    basis = BASIS["expert"] % deid("expert", ", fields: {sexes: pass}, k: none")

    assert ["'sexes'"] == [
        one.split(" is no field of ")[0].split(": ")[1]
        for one in contradictions(agreement("sex: redact", basis))
    ]


def test_fields_and_k_are_an_experts_alone() -> None:
    """A statement of no actual knowledge determines no crowd."""
    basis = BASIS["safe_harbor"].replace(
        'expires: "2028-03-01"', 'expires: "2028-03-01", fields: {sex: pass}, k: 5'
    )

    assert [True] == ["an expert's" in one for one in contradictions(agreement("sex: pass", basis))]


@pytest.mark.parametrize("to", ["police", "hro"])
def test_part_2_goes_to_public_health_alone(to: str) -> None:
    """42 CFR 2.54 knows one recipient, and no police, prosecutor or jail is that."""
    said = contradictions(agreement("sex: pass", BASIS["part2"], EPISODE, to=to))

    assert [True] == ["42 CFR 2.54" in one for one in said]
    assert [] == contradictions(agreement("sex: pass", BASIS["part2"], EPISODE))


def test_part_2_needs_a_determination() -> None:
    """Without a `deid` block nothing is de-identified; with an expert's, its masks hold."""
    none = BASIS["part2"].replace(f", deid: {deid('safe_harbor')}", "")
    by_month = "admission_date: {truncate: month}, county_fips: pass"
    expert = BASIS["part2"].replace("method: safe_harbor", "method: expert")

    assert [
        "42 CFR 2.54" in one for one in contradictions(agreement("sex: pass", none, EPISODE))
    ] == [True]
    assert 2 == len(contradictions(agreement(by_month, BASIS["part2"], EPISODE)))
    assert [] == contradictions(agreement(by_month, expert, EPISODE))


@pytest.mark.parametrize(
    "when", ["op: eq, value: false", "op: ne, value: true", "op: in, value: [false]"]
)
def test_a_row_of_unknown_part_2_counts_as_part_2(when: str) -> None:
    """No condition on `is_part2` takes a row out of the regime: null is Part 2, and so are all."""
    text = agreement("is_part2: pass", BASIS["identified"], EPISODE)
    text = text.replace("when: none", f"when: [{{field: is_part2, {when}}}]")

    assert "basis-regime-mismatch" in {one.rule for one in linted(NOW, TABLES, county=text)}


@pytest.mark.parametrize(
    ("dataset", "clauses"),
    [
        (SAMPLE, []),
        (RESPONSE, []),
        (RUN, ["45 CFR 164.502(a)"]),
        (VISIT, ["45 CFR 164.502(a)"]),
        (EPISODE, ["45 CFR 164.502(a)", "42 CFR 2.12"]),
    ],
)
def test_non_hipaa_is_for_data_that_no_such_law_follows(dataset: str, clauses: list[str]) -> None:
    """A HIPAA or Part 2 dataset under `non_hipaa` is refused; police and drug checking pass."""
    said = contradictions(agreement("source_system: pass", BASIS["non_hipaa"], dataset))

    assert clauses == [clause for one, clause in zip(said, clauses, strict=True) if clause in one]


@pytest.mark.parametrize("mask", [SHIFT, PARTIAL, HMAC, DONUT, H3, GRID])
def test_what_safe_harbor_refuses_other_law_may_take(mask: str) -> None:
    """Outside HIPAA, and by an expert's word, shifted dates, cells and keyed codes may leave."""
    field = {SHIFT: "incident_date", PARTIAL: "patient_id", HMAC: "patient_id"}.get(
        mask, "scene_lat"
    )
    police = {SHIFT: "incident_date", PARTIAL: "victim_id", HMAC: "victim_id"}.get(
        mask, "incident_lat"
    )
    expert = BASIS["expert"] % deid("expert", f", fields: {{{field}: {mask}}}, k: none")

    assert [] == contradictions(agreement(f"{field}: {mask}", expert))
    assert [] == contradictions(agreement(f"{police}: {mask}", BASIS["non_hipaa"], RESPONSE))
    assert 1 == len(contradictions(agreement(f"{field}: {mask}", BASIS["safe_harbor"])))


def test_an_unknown_mask_is_taken_by_no_profile() -> None:
    """A mask without a line in the table leaves under no profile: a new one is not let by."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Novel(Mask):
        """A mask that nobody judged."""

        name = "novel"

    assert "novel" == word(Novel())
    assert [] == [profile for profile in EVERY if taken(profile, Novel())]


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        (dt.datetime(2027, 7, 1, 3, 59, 59, tzinfo=dt.UTC), False),
        (dt.datetime(2027, 7, 1, 4, 0, 0, tzinfo=dt.UTC), True),
    ],
)
def test_a_determination_holds_through_its_last_day(now: dt.datetime, *, expired: bool) -> None:
    """The last day ends at midnight where the agreement lives: 04:00 UTC in a New York summer."""
    text = AGREEMENT.replace('expires: "2028-03-01"', 'expires: "2027-06-30"')

    said = [one for one in linted(now, TABLES, county=text) if one.rule == "deid-expired"]

    assert expired == bool(said)
    assert all(f"{REGULATION}(b)(1)" in one.message for one in said)
