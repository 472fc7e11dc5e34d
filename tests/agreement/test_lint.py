"""Each rule of the linter: the folder just refused, and the one just let through."""

# ruff: noqa: E501 - a row of a table stays one line

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter

import pytest

from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.run import check, refusing
from gateway.agreement.lint.terms import signed_digest
from gateway.agreement.signatures import write_signatures
from gateway.agreement.signing import Action, SignedFile, sign, statement
from tests.agreement.county import AGREEMENT, FLOOR, NOW, TABLES, files, linted, private, registry


def findings(
    *, now: dt.datetime = NOW, tables: frozenset[str] | None = TABLES, **changed: str
) -> tuple[Finding, ...]:
    """Return what is wrong with the county where these files are changed."""
    return linted(now, tables, **changed)


def found(
    *, now: dt.datetime = NOW, tables: frozenset[str] | None = TABLES, **changed: str
) -> set[str]:
    """Return the ids of the rules that the county breaks with these files changed."""
    broken = {one.rule for one in findings(now=now, tables=tables, **changed)}
    return broken - {"quasi-identifier-combo"}


def edited(old: str, new: str, text: str = AGREEMENT) -> str:
    """Return the text with one replacement, which must be possible."""
    assert old in text, old
    return text.replace(old, new, 1)


def test_the_county_is_clean_but_for_what_it_says() -> None:
    """The whole folder lints with one warning.

    P3 is a limited data set of many quasi-identifiers.
    """
    _, all_ = check(files(), NOW, tables=TABLES)

    assert [("quasi-identifier-combo", Level.WARNING)] == [(f.rule, f.level) for f in all_]
    assert () == refusing(all_, signing=True)


# --- one edit of the agreement, one rule ---

P1_DUTIES = "reidentify: not_applicable, contact: permit"
NAME = "person_first_name: pass"
AGE = "age: {band: {width: 5, topcode: 90}}"
RATE = "respiratory_rate: {band: {cuts: [0, 8, 12, 20]}}"
SOME_WHEN = "    when: [{role: [epidemiologist]}]\n"


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("id-filename-mismatch", "id: county\n", "id: other-county\n"),
        ("id-duplicate", "id: P2-potency-alert", "id: P1-outreach-referral"),
        ("document-hash-missing", ", sha256: 9f2c41d0", ", sha256: zf2c41d0"),
        ("clause-missing", '    clause: "4.2"\n', ""),
        ("compelled-route-missing", "route: counsel@county.example", "route: none"),
        ("term-open-ended", 'expires: "2027-12-31"', "expires: none"),
        ("term-open-ended", 'expires: "2027-12-31"', 'expires: "2028-01-01"'),
        ("term-open-ended", 'expires: "2027-12-31"', 'expires: "2026-12-31"'),
        ("term-expiring", 'expires: "2027-12-31"', 'expires: "2027-08-13"'),
        ("review-overdue", 'review_by: "2027-10-01"', 'review_by: "2027-06-14"'),
        ("review-overdue", 'review_by: "2027-10-01"', 'review_by: "2028-01-02"'),
        ("supersedes-broken", "supersedes: none", "supersedes: county@1.0.0"),
        ("supersedes-broken", "supersedes: none", "supersedes: other-county@1.0.0"),
        ("party-undeclared", "agency: safe-steps", "agency: safer-steps"),
        ("party-undeclared", "from: police, to: ems", "from: police, to: fire"),
        ("party-undeclared", "onward: [hro]", "onward: [hospital]"),
        ("party-undeclared", "agency: safe-steps", "agency: rivertown-ems"),
        ("party-kind-mismatch", "kind: harm_reduction", "kind: hospital"),
        ("purpose-unknown", "purpose: [safety.responder_alert]", "purpose: [safety.responder]"),
        ("purpose-unknown", "purpose: [safety.responder_alert]", "purpose: [safety]"),
        ("purpose-unknown", "consent: care.post_overdose_outreach", "consent: care"),
        ("basis-party-mismatch", "{from: otp, to: phd", "{from: otp, to: hro"),
        ("basis-party-mismatch", "{from: police, to: ems", "{from: otp, to: ems"),
        ("basis-party-mismatch", "type: limited_data_set", "type: agency_policy"),
        ("basis-party-mismatch", "type: authorization", "type: research"),
        ("basis-shape-mismatch", "profile: lds", "profile: identified"),
        ("basis-shape-mismatch", "type: limited_data_set", "type: public_health"),
        ("basis-regime-mismatch", "type: part2_public_health", "type: public_health"),
        ("profile-contradicted", "type: authorization, profile: identified", "type: authorization, profile: non_hipaa"),
        ("profile-contradicted", "profile: part2_public_health", "profile: safe_harbor"),
        ("deid-expired", 'expires: "2028-03-01"', 'expires: "2027-06-14"'),
        ("consent-condition-missing", "      - {consent: care.post_overdose_outreach, is: granted}\n", ""),
        ("notice-unknown", "notice: responder-alert@1", "notice: responder-alert@2"),
        ("field-unclassified", ", safety_flag: pass", ""),
        ("field-unclassified", "withhold: [source_agency, ", "withhold: ["),
        ("field-unknown", "safety_flag: pass", "safety_flags: pass"),
        ("field-unknown", "withhold: [source_agency, ", "withhold: [source_agencies, "),
        ("field-unknown", "{field: status, op", "{field: state, op"),
        ("field-in-both", "withhold: [source_agency, ", "withhold: [safety_flag, source_agency, "),
        ("dataset-unknown", "dataset: lab.drug_chemistry@1", "dataset: lab.drug_chemistry@2"),
        ("identifier-without-need", "pcr_uuid: {pseudonym: {method: hmac, scope: provision, rotate: P1Y}}", "pcr_uuid: pass"),
        ("free-text-released", "source_system: pass}\n    withhold: [pcr_number", "source_system: pass, narrative: pass}\n    withhold: [pcr_number"),
        ("mask-type", "safety_flag: pass", "safety_flag: {truncate: hour}"),
        ("mask-type", "scene_county_fips: pass", "scene_county_fips: {zip3: zip3@2020}"),
        ("mask-type", "sex: pass", "sex: {geo: {to: state}}"),
        ("mask-type", "sex: pass", "sex: {constant: 1}"),
        ("mask-parameter", "cuts: [0, 8, 12, 20]", "cuts: [0, 12, 8, 20]"),
        ("mask-parameter", "cuts: [0, 8, 12, 20]", "cuts: [0, 8, 8, 20]"),
        ("mask-parameter", AGE, "age: {band: {width: 5, topcode: 95}}"),
        ("mask-parameter", AGE, "age: {band: {width: 7, topcode: 90}}"),
        ("mask-parameter", AGE, "age: {band: {cuts: [0, 18, 65, 91]}}"),
        ("mask-parameter", "map: y92_group", "map: y92_groups"),
        ("mask-parameter", "zip3: zip3@2020", "zip3: zip3@2010"),
        ("mask-parameter", "incident_date: pass", "incident_date: {truncate: hour}"),
        ("mask-parameter", "unit_notified_at: {truncate: hour}", "unit_notified_at: {truncate: day}"),
        ("mask-parameter", "unit_notified_at: {truncate: hour}", "unit_notified_at: {truncate: {to: hour, zone: America/New_York}}"),
        ("mask-parameter", "naloxone_doses: pass", 'naloxone_doses: {round: "0.5"}'),
        ("mask-parameter", "sex: pass", "sex: {constant: women}"),
        ("mask-parameter", "scope: provision", "scope: link_group"),
        ("mask-parameter", RATE, "respiratory_rate: {clip: {low: 40, high: 40}}"),
        ("mask-parameter", AGE, "age: {clip: {low: 0, high: 91}}"),
        ("mask-parameter", AGE, "age: {clip: {low: 0, high: 90}}"),
        ("mask-parameter", "sex: pass", "sex: {rare_to_other: common_sex}"),
        ("mask-parameter", "sex: pass", "sex: {rare_to_other: sex_joined}"),
        ("mask-parameter", "naloxone_routes: pass", "naloxone_routes: {has_any: [by_post]}"),
        ("mask-type", "sex: pass", "sex: count_list"),
        ("mask-type", "sex: pass", "sex: {clip: {low: 0, high: 1}}"),
        ("mask-type", RATE, "respiratory_rate: {partial: {keep_last: 1, width: 2}}"),
        ("mask-unknown", "sex: pass", "sex: passs"),
        ("mask-below-floor", AGE, "age: pass"),
        ("mask-below-floor", AGE, "age: {round: 5}"),
        ("mask-below-floor", AGE, "age: {band: {width: 5, topcode: 100}}"),
        ("mask-below-floor", "rotate: P1Y", "rotate: P2Y"),
        ("mask-below-floor", "rotate: P1Y", "rotate: never"),
        ("coarsening-undone", "due_by: {truncate: hour}", "due_by: pass"),
        ("coarsening-undone", "incident_date: pass", "incident_date: {truncate: month}"),
        ("coarsening-undone", "patient_home_zip: {zip3: zip3@2020}", "patient_home_zip: pass"),
        ("coarsening-undone", "patient_home_county_fips: {geo: {to: state}}", "patient_home_county_fips: pass"),
        ("shift-recoverable", "unit_notified_at: {truncate: hour}", "unit_notified_at: {date_shift: {max_days: 30, weekday: keep}}"),
        ("mask-parameter", "unit_notified_at: {truncate: hour}", "unit_notified_at: {date_shift: {max_days: 6, weekday: keep}}"),
        ("mask-type", "sex: pass", "sex: {date_shift: {max_days: 30, weekday: keep}}"),
        ("mask-type", "sex: pass", "sex: {age: {at: incident_date, topcode: 90}}"),
        ("mask-type", "incident_date: pass", "incident_date: {age: {at: incident_date, topcode: 90}}"),
        ("mask-type", RATE, "respiratory_rate: {geo: {to: donut, rmin: 1, rmax: 2}}"),
        ("mask-type", RATE, "respiratory_rate: {geo: {to: h3, step: 8, min_people: 100}}"),
        ("mask-type", "naloxone_total_mg: {round", "naloxone_total_mg: {geo: {to: donut, rmin: 1, rmax: 2}}, x: {round"),
        ("pseudonym-linkable", "rotate: P1Y", "rotate: never"),
        ("condition-type", "{field: status, op: in, value: [requested, received]}", "{field: status, op: in, value: [requested, lost]}"),
        ("condition-type", "{field: status, op: in, value: [requested, received]}", "{field: status, op: gt, value: requested}"),
        ("condition-type", "{field: overdose_at, op: within", "{field: status, op: within"),
        ("condition-type", "{field: incident_date, op: within, value: P400D}", "{field: race, op: eq, value: white}"),
        ("condition-type", "{field: incident_date, op: within, value: P400D}", "{field: narrative, op: ne, value: x}"),
        ("condition-type", "{field: incident_date, op: within, value: P400D}", '{field: incident_date, op: gt, value: "2027-02-30"}'),
        ("condition-type", "{field: incident_date, op: within, value: P400D}", "{field: fatal, op: eq, value: true}"),
        ("condition-type", "{field: incident_date, op: within, value: P400D}", '{field: naloxone_doses, op: gt, value: "1"}'),
        ("condition-unsatisfiable", SOME_WHEN, "    when: [{field: sex, op: eq, value: male}, {field: sex, op: ne, value: male}]\n"),
        ("condition-unsatisfiable", SOME_WHEN, "    when: [{field: sex, op: in, value: [male]}, {field: sex, op: in, value: [female]}]\n"),
        ("condition-unsatisfiable", SOME_WHEN, '    when: [{field: discharge_date, op: gt, value: "2027-03-01"}, {field: discharge_date, op: lt, value: "2027-03-01"}]\n'),
        ("condition-unsatisfiable", SOME_WHEN, "    when: [{field: sex, op: not_in, value: [male, female, other, unknown]}]\n"),
        ("condition-on-withheld", "{field: status, op: in, value: [requested, received]}", "{field: consent_basis, op: eq, value: written}"),
        ("condition-unanswerable", "when: [{field: submitter_class", "when: [{consent: safety.responder_alert, is: granted}, {field: submitter_class"),
        ("never-empty", "dataset: [referral.post_overdose, harm", "dataset: [referral.overdose, harm"),
        ("never-empty", "to_kind: [law_enforcement, prosecutor], onward: true}", "field: [police.overdose_response.revive_action]}"),
        ("never-contradicted", "to_kind: [law_enforcement, prosecutor], onward: true", "to_kind: [harm_reduction]"),
        ("never-contradicted", "{from: ems, to: hro", "{from: ems, to: police"),
        ("onward-to-prohibited", "onward: none, " + P1_DUTIES, "onward: [police], " + P1_DUTIES),
        ("wrong-value", "automated: false", "automated: true"),
        ("unit-unknown", "unit: client_id", "unit: provider_id"),
        ("min-cell-low", "min_cell: 11", "min_cell: 10"),
        ("marker-taken", "marker: suppressed}", "marker: missing}"),
        ("marker-taken", "marker: suppressed}", "marker: total}"),
        ("interval-narrow", "min_interval: 9", "min_interval: 8"),
        ("interval-narrow", "min_cell: 11", "min_cell: 12"),
        ("complementary-off", "complementary: true", "complementary: false"),
        ("grid-open", "period: P1M", "period: P3M"),
        ("grid-open", "period: P1M", "period: P30D"),
        ("grid-open", 'anchor: "2027-01-01"', 'anchor: "2027-01-02"'),
        ("grid-open", "lag: P15D", "lag: P6D"),
        ("grid-open", "admission_date: {truncate: month}", "admission_date: pass"),
        ("grid-open", "dimensions: [admission_date, age_band", "dimensions: [age_band"),
        ("aggregate-mask-misplaced", "safety_flag: pass", "safety_flag: count_only"),
        ("aggregate-mask-misplaced", "client_id: count_only", "client_id: {pseudonym: {method: hmac, scope: provision, rotate: P1Y}}"),
        ("aggregate-mask-misplaced", ", client_id: count_only}", ", client_id: count_only, sex: pass}"),
        ("aggregate-mask-misplaced", "dimensions: [admission_date, age_band", "dimensions: [admission_date, client_id"),
        ("shape-mismatch", "shape: aggregate", "shape: record"),
        ("shape-mismatch", "shape: record", "shape: aggregate"),
        ("retention-over-floor", "delete_after: P90D", "delete_after: P7Y"),
        ("retention-over-floor", "breach_notice: PT72H", "breach_notice: PT73H"),
        ("retention-over-floor", "log: {retain: P6Y", "log: {retain: P5Y"),
        ("limit-over-floor", "rows_per_day: 500000", "rows_per_day: 1000001"),
        ("limit-over-floor", "rows_per_day: 200}", "rows_per_day: 49}"),
        ("accounting-off", "accounting: required", "accounting: none"),
        ("accounting-off", "accounting: none, recall: PT1H", "accounting: required, recall: PT1H"),
        ("reidentify-not-forbidden", "onward: none, reidentify: forbid", "onward: none, reidentify: not_applicable"),
        ("wildcard", "onward: [hro]", "onward: [all]"),
        ("unknown-key", "withhold: [sample_id", "withold: [sample_id"),
        ("missing-key", "log: {retain: P6Y, witness: none}\n", ""),
        ("yaml-ambiguous-scalar", 'version: "1.0.0"', "version: 1.0"),
    ],
)  # fmt: skip
def test_an_edit_breaks_its_rule(rule: str, old: str, new: str) -> None:
    """One edit of a clean agreement is found by the rule that is about it."""
    assert rule in found(county=edited(old, new))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("status", {"never-contradicted"}),
        ("overdose_at", {"never-contradicted"}),
        ("source_system", set()),
    ],
)
def test_no_rows_are_chosen_by_what_is_forbidden(field: str, expected: set[str]) -> None:
    """A withheld field by which rows are chosen is told by each row that leaves."""
    text = edited("status: pass, ", "")
    text = edited("overdose_at: {truncate: hour}, due_by", "due_by", text)
    text = edited("withhold: [source_agency", "withhold: [status, overdose_at, source_agency", text)
    selected = f"field: [referral.post_overdose.{field}], to_kind: [harm_reduction]"
    rule = f'never:\n  - {{id: N2-kept, clause: "7.2", {selected}}}\n'

    said = found(county=edited("never:\n", rule, text))

    assert expected == said & {"never-contradicted"}


@pytest.mark.parametrize(("dropped", "expected"), [("", set()), ("otp", {"supersedes-broken"})])
def test_an_agreement_is_ended_by_one_of_all_its_parties(dropped: str, expected: set[str]) -> None:
    """Its prohibitions end with it: whoever relied on them signs what takes its place."""
    first, _, rest = AGREEMENT.partition("provisions:\n")
    block = rest[rest.index("  - id: P2-") : rest.index("  - id: P3-")].replace(
        "to: ems", "to: phd"
    )
    lines = [
        one for one in first.splitlines() if not dropped or not one.startswith(f"  {dropped}:")
    ]
    text = "\n".join(lines).replace("id: county", "id: later") + "\nprovisions:\n" + block
    text = text.replace("supersedes: none", "supersedes: county@1.0.0")

    _, several = check(files() | {"later.yaml": text.encode()}, NOW, tables=TABLES)

    rules = {one.rule for one in several if one.file == "later.yaml"}
    assert expected == rules & {"supersedes-broken"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('expires: "2027-12-31"', 'expires: "2027-08-14"'),
        ('review_by: "2027-10-01"', 'review_by: "2027-06-15"'),
        ('review_by: "2027-10-01"', 'review_by: "2028-01-01"'),
        ("supersedes: none", "supersedes: county@0.9.0"),
        ('expires: "2028-03-01"', 'expires: "2027-06-15"'),
        (AGE, "age: {band: {cuts: [0, 18, 65, 90]}}"),
        (AGE, "age: redact"),
        ("rotate: P1Y", "rotate: P30D"),
        ("method: hmac", "method: token"),
        ("naloxone_doses: pass", "naloxone_doses: {round: 2}"),
        ("unit_notified_at: {truncate: hour}", "unit_notified_at: {truncate: {to: day, zone: America/New_York}}"),
        ("sex: pass", "sex: {map: sex_joined}"),
        ("patient_home_county_fips: {geo: {to: state}}", "patient_home_county_fips: {geo: {to: region}}"),
        ("referral_id: pass", "referral_id: {partial: {keep_last: 4, width: 8}}"),
        (RATE, "respiratory_rate: {clip: {low: 0, high: 40}}"),
        ("naloxone_routes: pass", "naloxone_routes: count_list"),
        ("naloxone_routes: pass", "naloxone_routes: {has_any: [intranasal]}"),
        ("{field: incident_date, op: within, value: P400D}", '{field: incident_date, op: gte, value: "2027-02-28"}'),
        ("{field: incident_date, op: within, value: P400D}", "{field: naloxone_doses, op: gt, value: 1}"),
        ("{field: incident_date, op: within, value: P400D}", '{field: naloxone_total_mg, op: lt, value: "0.5"}'),
        ("min_cell: 11, min_interval: 9", "min_cell: 20, min_interval: 18"),
        ("lag: P15D", "lag: P7D"),
        ("delete_after: P90D", "delete_after: P6Y"),
        ("rows_per_day: 500000", "rows_per_day: 1000000"),
        ("rows_per_day: 200}", "rows_per_day: 50}"),
        ("onward: [hro]", "onward: [hro, phd]"),
    ],
)  # fmt: skip
def test_the_other_side_of_each_limit_is_let_through(old: str, new: str) -> None:
    """What just meets a rule is not found by any."""
    assert set() == found(county=edited(old, new))


# --- cells, rings and areas ---

EMS_BOX = (
    "  rivertown-ems: {",
    '  rivertown-ems: {box: {south: "30", west: "-42", north: "32.5", east: "-40"}, ',
)


def points(lat: str, lon: str | None = None, *, box: bool = True) -> set[str]:
    """Return the errors where the scene's coordinates leave by these masks."""
    county = runs(
        ("sex: pass", f"sex: pass, scene_lat: {lat}, scene_lon: {lon or lat}"),
        ("scene_lat, scene_lon, ", ""),
    )
    agencies = registry()
    assert EMS_BOX[0] in agencies
    return found(county=county, agencies=agencies.replace(*EMS_BOX) if box else agencies)


GRID = '{geo: {to: grid, step: "0.01", min_people: 500}}'
HEXAGON = "{geo: {to: h3, step: 7, min_people: 500}}"
RING = "{geo: {to: donut, rmin: 50, rmax: 500}}"


@pytest.mark.parametrize("mask", [GRID, HEXAGON, RING])
def test_both_coordinates_leave_by_one_mask(mask: str) -> None:
    """The one would say what the other hides."""
    assert "mask-parameter" not in points(mask)
    for other in ("pass", "{round: 1}", mask.replace("50", "60")):
        assert "mask-parameter" in points(mask, other)
        assert "mask-parameter" in points(other, mask)


@pytest.mark.parametrize(
    "mask",
    [
        '{geo: {to: grid, step: "0.02", min_people: 500}}',
        '{geo: {to: grid, step: "0.00000001", min_people: 500}}',
        "{geo: {to: h3, step: 8, min_people: 500}}",
        '{geo: {to: h3, step: "7.5", min_people: 500}}',
        "{geo: {to: h3, step: 16, min_people: 500}}",
        "{geo: {to: donut, rmin: 500, rmax: 500}}",
        "{geo: {to: donut, rmin: 500, rmax: 50}}",
    ],
)
def test_cells_have_their_table_and_rings_a_width(mask: str) -> None:
    """A step without people by cell, a resolution that H3 lacks, and a ring without an inside."""
    assert "mask-parameter" in points(mask)


def test_a_ring_needs_to_know_where_its_provider_is() -> None:
    """No table of cells catches swapped axes there, so the provider declares a box."""
    assert "mask-parameter" in points(RING, box=False)
    assert "mask-parameter" not in points(GRID, box=False)
    assert "mask-parameter" not in points(HEXAGON, box=False)


def test_an_address_undoes_a_cell() -> None:
    """What is narrower about the same place says what the cell hides."""
    county = runs(
        ("sex: pass", f"sex: pass, scene_lat: {GRID}, scene_lon: {GRID}, scene_address: pass"),
        ("scene_lat, scene_lon, ", ""),
        ("scene_address, ", ""),
    )

    assert "coarsening-undone" in found(county=county)
    assert "coarsening-undone" not in points(GRID)


def test_areas_have_their_table() -> None:
    """A gateway without one cannot say which state a county lies in."""
    without = TABLES - {"areas@1"}

    assert "mask-parameter" in {one.rule for one in linted(NOW, without)}
    assert "mask-parameter" not in {one.rule for one in linted(NOW, TABLES)}
    assert "mask-parameter" not in {one.rule for one in linted(NOW, None)}


@pytest.mark.parametrize(
    "box",
    [
        '{south: "32.5", west: "-42", north: "30", east: "-40"}',
        '{south: "30", west: "-42", north: "30", east: "-40"}',
        '{south: "30", west: "-42", north: "32.5", east: "-42"}',
        '{south: "30", west: "-181", north: "32.5", east: "-40"}',
        '{south: "30", west: "-42", north: "90.0000001", east: "-40"}',
        '{south: "30", west: "-42", north: "north", east: "-40"}',
        '{south: "30", west: "-42", north: "32.5"}',
    ],
)
def test_a_box_has_an_inside_on_the_globe(box: str) -> None:
    """Bounds in quoted decimal degrees, south below north, none beyond the poles and 180."""
    agencies = registry().replace(EMS_BOX[0], f"{EMS_BOX[0]}box: {box}, ")

    assert {"wrong-value", "missing-key"} & found(agencies=agencies)


# --- ages at an event, and dates that are shifted ---


def runs(*edits: tuple[str, str]) -> str:
    """Return the agreement with these edits of its provision of runs."""
    text = AGREEMENT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def with_age(mask: str, *edits: tuple[str, str]) -> str:
    """Return the agreement where the birth date leaves by a mask, and nothing by another age."""
    return runs(
        (f"{AGE}, ", f"patient_dob: {mask}, "),
        ("patient_dob, ", "age, "),
        *edits,
    )


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("{age: {at: incident_date, topcode: 90}}", False),
        ("{age: {at: incident_date, topcode: 91}}", True),
        ("{age: {at: unit_notified_at, topcode: 90}}", True),
        ("{age: {at: patient_dob, topcode: 90}}", True),
        ("{age: {at: no_such_field, topcode: 90}}", True),
    ],
)
def test_an_age_is_at_the_date_of_an_event(mask: str, *, expected: bool) -> None:
    """A date, of an event, of the dataset; and 90 or less stands for all who are older."""
    assert expected == ("mask-parameter" in found(county=with_age(mask)))


def test_an_age_beside_an_age_or_a_birth_is_undone() -> None:
    """With the day of the event an age and another word of the birth give the birthday."""
    age = "{age: {at: incident_date, topcode: 90}}"
    alone = with_age(age)
    beside = runs((f"{AGE}, ", f"age: pass, patient_dob: {age}, "), ("patient_dob, ", ""))
    banded = runs((f"{AGE}, ", f"{AGE}, patient_dob: {age}, "), ("patient_dob, ", ""))

    assert "coarsening-undone" not in found(county=alone)
    assert "coarsening-undone" in found(county=beside)
    assert "coarsening-undone" in found(county=banded)


SHIFT = "{date_shift: {max_days: 182, weekday: keep}}"


def test_a_shift_is_recovered_by_whatever_tells_when() -> None:
    """An unshifted date, an age at the event and a season tell; a part of the day does not."""
    shifted = [
        ("incident_date: pass", f"incident_date: {SHIFT}"),
        ("unit_notified_at: {truncate: hour}", f"unit_notified_at: {SHIFT}"),
    ]
    no_age = [(f"{AGE}, ", ""), ("patient_dob, ", "patient_dob, age, ")]
    by_dob = [
        (f"{AGE}, ", "patient_dob: {age: {at: incident_date, topcode: 90}}, "),
        ("patient_dob, ", "age, "),
    ]
    part = [("part_of_day, ", ""), ("sex: pass", "sex: pass, part_of_day: pass")]
    rule = "shift-recoverable"

    assert rule not in found(county=runs(*shifted, *no_age))
    assert rule not in found(county=runs(*shifted, *no_age, *part))
    assert rule in found(county=runs(*shifted))
    assert rule in found(county=runs(*shifted[:1], *no_age))
    assert rule in found(county=runs(*shifted[1:], *no_age))
    assert rule in found(county=runs(*shifted, *by_dob))
    assert "profile-contradicted" in found(county=runs(*shifted, *no_age)), "`lds` takes none"


# --- anonymity ---


def in_classes(clause: str, said: str = "k: 5, l: 2, action: deny", text: str = AGREEMENT) -> str:
    """Return the agreement with classes asked for by the provision of this clause."""
    start = text.index(f'clause: "{clause}"\n    flow')
    said = f"    anonymity: {{{said}}}\n    release:"
    return text[:start] + edited("    release:", said, text[start:])


@pytest.mark.parametrize("action", ["deny", "suppress_rows"])
def test_records_may_be_asked_in_classes(action: str) -> None:
    """Runs of many quasi-identifiers in classes of five need no warning any more."""
    text = in_classes("4.3", f"k: 5, l: 2, action: {action}")

    assert () == findings(county=text)


@pytest.mark.parametrize(
    "said", ["k: 1, l: 1, action: deny", "k: 2, l: 0, action: deny", "k: 2, l: 1, action: warn"]
)
def test_classes_are_of_two_people_at_least(said: str) -> None:
    """A class of one, no value at all and an action that is none are no words of the language."""
    assert {"wrong-value"} == found(county=in_classes("4.3", said))


def test_classes_are_of_records() -> None:
    """A table has its own threshold, and takes no second one."""
    assert {"anonymity-misplaced"} == found(county=in_classes("4.4", "k: 11, l: 1, action: deny"))


@pytest.mark.parametrize(("least", "refused"), [(2, True), (1, False)])
def test_values_are_asked_of_what_leaves(least: int, *, refused: bool) -> None:
    """Where no sensitive field leaves, two values cannot be asked for."""
    text = in_classes("4.2", f"k: 5, l: {least}, action: deny")
    assert "anonymity-empty" not in found(county=text)

    text = edited("substance: pass", "substance: redact", text)
    text = edited("purity_pct: {round: 5}", "purity_pct: redact", text)

    assert refused == ("anonymity-empty" in found(county=text))


def test_a_name_beside_classes_is_warned_of() -> None:
    """A row that carries a name is nobody else's, however many rows are alike in the rest."""
    all_ = findings(county=in_classes("4.1", "k: 5, l: 1, action: deny"))

    assert ("anonymity-named", Level.WARNING) in {(one.rule, one.level) for one in all_}
    assert "anonymity-named" not in found(county=in_classes("4.3"))


# --- not enforced yet ---


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("marker: suppressed}", "marker: suppressed, insiders: true}"),
        ("{count_distinct: client_id}}", "{count_distinct: client_id}, m: {median: prior_episodes}}"),
        ("{count_distinct: client_id}}", "{count_distinct: client_id}, m: {count_distinct: age_band}}"),
        ("mode: pull, deadline: none", "mode: pull, deadline: PT15M"),
        ("witness: none", "witness: required"),
    ],
)  # fmt: skip
def test_what_is_not_enforced_yet_says_so(old: str, new: str) -> None:
    """Every word of the language is read, and what this version cannot hold refuses by name."""
    said = [f for f in findings(county=edited(old, new)) if f.rule == "not-enforced-yet"]

    assert said
    assert all(f.level is Level.ERROR and "is not enforced yet" in f.message for f in said)


@pytest.mark.parametrize(("mode", "said"), [("push", {Level.INFO}), ("pull", set())])
def test_a_push_is_no_error(mode: str, said: set[Level]) -> None:
    """A file that delivers by push is written and linted today: it is told, and refuses nothing."""
    text = edited(
        "mode: pull, deadline: none, hold: none", f"mode: {mode}, deadline: none, hold: none"
    )

    all_ = findings(county=text)

    assert said == {one.level for one in all_ if one.rule == "push-not-loaded"}
    assert "not-enforced-yet" not in {one.rule for one in all_}


@pytest.mark.parametrize(
    ("zeros", "refused"), [("suppress", True), ("structural", True), ("publish", False)]
)
def test_an_open_dimension_hides_no_zeros(zeros: str, *, refused: bool) -> None:
    """Its cells are those that the data hold, so with hidden zeros to be listed is to be known."""
    text = AGREEMENT.replace("primary_substance: {map: teds_substance_4}", "provider_id: pass")
    text = text.replace("age_band, primary_substance]", "age_band, provider_id]")
    text = text.replace("withhold: [provider_id,", "withhold: [primary_substance,")

    found_ = findings(county=text.replace("zeros: publish", f"zeros: {zeros}"))

    assert refused == any(f"`zeros: {zeros}` beside" in finding.message for finding in found_)


def test_a_second_table_of_one_dataset_loads() -> None:
    """Two tables of one provider's dataset may both leave: the second is judged beside the first."""
    start = AGREEMENT.index("  - id: P4-")
    second = AGREEMENT[start:].replace("P4-admission-counts", "P5-more-counts")
    second = second.replace("public_health.surveillance", "public_health.program_evaluation")

    assert set() == found(county=AGREEMENT + second)


# --- the floor, the registry, the datasets ---


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("floor-missing", "safe-steps]", "safest-steps]"),
        ("never-empty", "purpose: [enforcement]", "purpose: [enforcements]"),
        ("never-empty", 'clause: "2.2", purpose: [enforcement]', 'clause: "2.2"'),
        ("never-contradicted", "purpose: [enforcement]", "purpose: [public_health]"),
        ("min-cell-low", "min_cell: 11", "min_cell: 12"),
        ("interval-narrow", "min_interval: 9", "min_interval: 10"),
        ("grid-open", "grid_lag: P7D", "grid_lag: P16D"),
        ("retention-over-floor", "log_retain: P6Y", "log_retain: P7Y"),
        ("retention-over-floor", "delete_after: P6Y", "delete_after: P4Y"),
        ("term-open-ended", "term: P1Y", "term: P6M"),
        ("limit-over-floor", "rows_per_day: 1000000", "rows_per_day: 499999"),
        ("mask-below-floor", "at_least: {band: {width: 1, topcode: 90}}", "at_least: {band: {width: 10, topcode: 90}}"),
        ("mask-below-floor", "means: [incident_id], at_least: withhold", "means: [county], at_least: {geo: {to: state}}"),
        ("clause-missing", 'id: F2-no-enforcement-use, clause: "2.2"', "id: F2-no-enforcement-use"),
        ("wrong-value", "complementary: true", "complementary: false"),
        ("wrong-value", "signatures: 3", "signatures: 5"),
    ],
)  # fmt: skip
def test_an_edit_of_the_floor_breaks_its_rule(rule: str, old: str, new: str) -> None:
    """The floor binds agreements that were written before it rose."""
    assert rule in found(_floor=edited(old, new, FLOOR))


def test_a_floor_must_speak_of_law_enforcement() -> None:
    """A floor that forbids nothing towards police is no floor."""
    text = FLOOR.replace("law_enforcement, ", "")

    assert {"floor-missing"} == found(_floor=text)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("_floor.yaml", "floor-missing"),
        ("agencies.yaml", "missing-file"),
        ("purposes.yaml", "missing-file"),
        ("codes.yaml", "missing-file"),
    ],
)
def test_no_folder_without_its_four_files(name: str, rule: str) -> None:
    """Without floor, registry, purposes or codes there is nothing to lint."""
    folder = files()
    del folder[name]

    read, all_ = check(folder, NOW)

    assert read is None
    assert [(rule, name)] == [(f.rule, f.file) for f in all_]


def test_a_file_that_nobody_reads_is_refused() -> None:
    """A rule in a file of another name would be passed over, so it is an error."""
    folder = files() | {"county.yml": b"a: 1\n", "old/county.yaml": b"a: 1\n"}

    _, findings = check(folder, NOW)

    assert ["county.yml", "old/county.yaml"] == [
        f.file for f in findings if f.rule == "unknown-file"
    ]


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("wrong-value", "san: [safe-steps.example]", "san: [rivertown-pd.example]"),
        ("wrong-value", "signatures: 1", "signatures: 2"),
        ("wrong-value", "hipaa: covered_entity", "hipaa: yes_of_course"),
        ("missing-key", "san: [safe-steps.example], ", ""),
        ("unknown-key", "attestation: {at", "attestations: {at"),
        ("basis-party-mismatch", "hipaa: covered_entity, part2: program", "hipaa: none, part2: none"),
        ("basis-party-mismatch", "kind: law_enforcement, hipaa: none", "kind: law_enforcement, hipaa: hybrid_entity"),
        ("party-kind-mismatch", "kind: public_health", "kind: hospital"),
    ],
)  # fmt: skip
def test_an_edit_of_the_registry_breaks_its_rule(rule: str, old: str, new: str) -> None:
    """Two agencies never share a certificate name, and facts of the registry bind agreements."""
    assert rule in found(agencies=edited(old, new, registry()))


def test_a_class_never_falls() -> None:
    """A new version of a dataset cannot make a field look harmless."""
    folder = files()
    text = (
        folder["datasets/lab.drug_chemistry@1.yaml"]
        .decode()
        .replace("version: 1\n", "version: 2\n")
    )
    same = folder | {"datasets/lab.drug_chemistry@2.yaml": text.encode()}
    lowered = text.replace(
        "class: quasi_identifier, means: county", "class: operational, means: county"
    )
    lower = folder | {"datasets/lab.drug_chemistry@2.yaml": lowered.encode()}

    assert set() == {f.rule for f in refusing(check(same, NOW, tables=TABLES)[1])}
    assert {"dataset-class-lowered"} == {
        f.rule for f in refusing(check(lower, NOW, tables=TABLES)[1])
    }


def test_a_dataset_is_named_as_its_file() -> None:
    """A dataset under another name is refused, and so are codes that nobody lists."""
    folder = files()
    text = folder.pop("datasets/lab.drug_chemistry@1.yaml")
    moved = folder | {"datasets/lab.drug@1.yaml": text}
    codes = folder | {
        "datasets/lab.drug_chemistry@1.yaml": text.replace(b"codes: abundance", b"codes: plenty")
    }

    assert "id-filename-mismatch" in {f.rule for f in check(moved, NOW)[1]}
    assert {"codes-unknown"} == {f.rule for f in refusing(check(codes, NOW, tables=TABLES)[1])}


def test_two_provisions_for_one_flow_are_refused_across_files() -> None:
    """A second agreement with the same flow is refused, even where they agree; both are told."""
    folder = files()
    folder["other.yaml"] = AGREEMENT.replace("id: county\n", "id: other\n").encode()

    found_ = [f for f in check(folder, NOW, tables=TABLES)[1] if f.rule == "provision-ambiguous"]

    assert {"county.yaml": 4, "other.yaml": 4} == Counter(f.file for f in found_)


def test_redisclosure_in_two_steps_is_found_across_files() -> None:
    """A referral cannot reach police through an agency that only passes it on."""
    start, end = AGREEMENT.index("  - id: P1-"), AGREEMENT.index("  - id: P2-")
    step = AGREEMENT[start:end].replace("{from: ems, to: hro", "{from: hro, to: police")
    other = AGREEMENT[: AGREEMENT.index("never:")] + "never: none\n"
    other += AGREEMENT[AGREEMENT.index("log:") : start] + step
    folder = files() | {"other.yaml": other.replace("id: county\n", "id: other\n").encode()}

    said = [f for f in check(folder, NOW, tables=TABLES)[1] if f.rule == "onward-to-prohibited"]

    assert ["county.yaml"] == [
        f.file for f in said if "P1-outreach-referral of other" in f.message
    ][:1]


@pytest.mark.parametrize(
    ("onward", "second", "expected"),
    [
        ("true", "record", {"county.yaml"}),
        ("true", "other fields", set()),
        ("none", "record", set()),
    ],
)
def test_redisclosure_by_an_agency_with_records_of_its_own_is_found(
    onward: str, second: str, expected: set[str]
) -> None:
    """Whether health gives police its own samples or the programme's, no gateway can see."""
    start, end = AGREEMENT.index("  - id: P2-"), AGREEMENT.index("  - id: P3-")
    block = AGREEMENT[start:end].replace("onward: [hro]", "onward: none")
    block = block.replace("from: police, to: ems", "from: phd, to: police")
    if second == "other fields":
        block = block.replace("substance: pass,", "").replace("[sample_id", "[substance, sample_id")
    other = AGREEMENT[: AGREEMENT.index("never:")] + "never: none\n"
    other += AGREEMENT[AGREEMENT.index("log:") : AGREEMENT.index("  - id: P1-")] + block
    also = ", onward: true" if onward == "true" else ""
    kept = (
        'never:\n  - {id: N2-samples, clause: "7.2", field: [lab.drug_chemistry.substance], '
        f"from_kind: [harm_reduction], to_kind: [law_enforcement]{also}}}\n"
    )
    own = AGREEMENT.replace("never:\n", kept).replace("from: police, to: ems", "from: hro, to: phd")
    own = own.replace("onward: [hro]", "onward: none")
    folder = files(county=own) | {
        "other.yaml": other.replace("id: county\n", "id: other\n").encode()
    }

    several = check(folder, NOW, tables=TABLES)[1]

    said = [one for one in several if one.rule == "onward-to-prohibited"]
    assert expected == {one.file for one in said if "barred by N2-samples" in one.message}


def test_part2_consent_needs_its_notice() -> None:
    """Consented Part 2 records travel with their notice."""
    text = edited("type: part2_public_health", "type: part2_consent")
    text = text.replace("notice: part2-public-health@1", "notice: none")

    assert "part2-notice-missing" in found(county=text)


@pytest.mark.parametrize(
    ("margins", "refused"),
    [
        ("[[admission_date]]", False),
        ("[[admission_date], [admission_date, age_band]]", False),
        ("[[]]", True),
        ("[[age_band]]", True),
        ("[[admission_date, age_band, primary_substance]]", True),
    ],
)
def test_a_margin_is_over_whole_periods(margins: str, refused: bool) -> None:  # noqa: FBT001
    """A total keeps the date that periods are cut by, and is not the table itself."""
    text = edited("margins: none", f"margins: {margins}")

    assert refused is ("margin-open" in found(county=text))
    assert "not-enforced-yet" not in found(county=text)


@pytest.mark.parametrize(
    ("ladder", "rule"),
    [
        ("[month -> quarter]", None),
        ("[month -> quarter, quarter -> year]", None),
        ("[age_band -> none]", None),
        ("[county -> region]", "rung-unknown"),
        ("[quarter -> year]", "rung-unknown"),
        ("[month to quarter]", "wrong-value"),
        ("[]", None),
        ("automatic", "wrong-value"),
    ],
)
def test_a_ladder_begins_where_the_table_stands(ladder: str, rule: str | None) -> None:
    """Each rung leads on from a level of the table, or from the rung before; people climb it."""
    text = edited("marker: suppressed}", f"marker: suppressed, coarsen: {ladder}}}")

    here = found(county=text) & {"rung-unknown", "wrong-value", "not-enforced-yet"}
    assert ({rule} if rule else set()) == here


def test_sums_without_a_rule_and_many_dimensions_are_told() -> None:
    """A sum without a dominance rule is refused; more than three dimensions give a warning."""
    text = edited("{count_distinct: client_id}}", "{count_distinct: client_id}, s: {sum: sex}}")
    text = text.replace("substance]\n", "substance, race]\n")

    assert {"dominance-missing", "dimensions-many"} <= found(county=text)


@pytest.mark.parametrize(("percent", "weak"), [(85, False), (90, False), (91, True), (100, True)])
def test_a_rule_of_dominance_is_one_that_sums_can_break(percent: int, weak: bool) -> None:  # noqa: FBT001
    """Above 90 % in two hands a sum tells the one what the other has."""
    rule = f"dominance: {{largest: 2, percent: {percent}, p: 10}}"

    assert weak == ("dominance-weak" in found(county=edited("dominance: none", rule)))


def test_a_replaced_purpose_is_warned_of() -> None:
    """A purpose that was split is told, and what replaces it must exist."""
    text = files()["purposes.yaml"].decode()
    old = "dangerous supply, identity: forbidden"
    good = edited(old, old + ", replaced_by: safety.community_alert", text)
    bad = edited(old, old + ", replaced_by: safety.nothing", text)

    assert {"purpose-replaced"} == found(purposes=good)
    assert {"purpose-replaced", "purpose-unknown"} == found(purposes=bad)


def signed(*, digest: bytes | None = None, key: str = "rivertown-ems") -> set[str]:
    """Return what is found where one party signed the county's agreement."""
    folder, _ = check(files(), NOW, tables=TABLES)
    assert folder is not None
    right = signed_digest(folder, folder.agreements[0])
    draft = statement(
        SignedFile.AGREEMENT,
        "county@1.0.0",
        digest or right or b"",
        Action.ACTIVATE,
        agency="rivertown-ems",
        key="rivertown-ems-1",
        role="chief",
        time=dt.datetime(2026, 12, 1, tzinfo=dt.UTC),
    )
    sig = write_signatures([sign(draft, private(key))])
    _, all_ = check(files() | {"county.sig.json": sig}, NOW, tables=TABLES)
    return {one.rule for one in refusing(all_)}


def test_a_signature_holds_or_is_found() -> None:
    """A good signature passes; a stale one asks for a new version, a forged one refuses."""
    assert set() == signed()
    assert {"version-not-bumped"} == signed(digest=bytes(32))
    assert {"signature-invalid"} == signed(key="safe-steps")


def test_findings_name_file_place_rule_provision_and_clause() -> None:
    """A finding reads `file:line:column level rule: provision: message (clause)`."""
    [one] = refusing(findings(county=edited(", safety_flag: pass", "")))

    assert (
        "county.yaml:32:5 error field-unclassified: P1-outreach-referral: "
        "`safety_flag` is neither released nor withheld (clause 4.1)"
    ) == dataclasses.replace(one, line=32).text()
