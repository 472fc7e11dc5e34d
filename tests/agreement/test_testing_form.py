"""The officers' tests have one spelling, and whatever is not of it is a finding with its place."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement import parse
from gateway.agreement.finding import FindingsError
from gateway.agreement.index import Signed
from gateway.agreement.yaml import read
from gateway.errors import Reason
from gateway.values import Condition, Operator
from tests.agreement.county import ROOT, TESTS, county

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.agreement.testing import Suite

ASKS = (
    "as: hro, role: outreach_worker, from: ems, dataset: referral.post_overdose@1,"
    " purpose: care.post_overdose_outreach, fields: [status]"
)
HEAD = f"""\
apiVersion: accord/v1
kind: Tests
agreement: county@1.0.0
now: "2027-06-15T12:00:00Z"
tests:
  - name: a test
    request: {{{ASKS}}}
    given: {{consent: granted, rows: [{{overdose_at: "2027-06-14T06:41:00Z", status: requested}}]}}
    expect: {{decision: grant, rule: P1-outreach-referral, rows: [{{status: requested}}]}}
"""


def suite(text: str) -> Suite:
    """Return the tests that a file states."""
    return parse.tests(read(text.encode(), file="county.test.yaml"), county().schemas)


def wrong(text: str) -> list[tuple[str, int]]:
    """Return rule and line of what is wrong with a file."""
    with pytest.raises(FindingsError) as found:
        suite(text)
    return [(one.rule, one.line) for one in found.value.findings]


def test_what_is_read() -> None:
    """Rows in their fields' types; what is not said, is not there."""
    [one] = suite(HEAD).trials

    assert dt.datetime(2027, 6, 15, 12, tzinfo=dt.UTC) == one.now
    assert ("hro", "ems", "hro", False) == (
        one.ask.caller, one.ask.provider, one.ask.recipient, one.ask.push
    )  # fmt: skip
    instant = dt.datetime(2027, 6, 14, 6, 41, tzinfo=dt.UTC)
    assert ({"overdose_at": instant, "status": "requested"},) == one.given.rows
    assert ("granted", "absent", Signed.SIGNED, "current") == (
        one.given.consent, one.given.opt_out, one.given.state, one.given.attestation
    )  # fmt: skip
    assert (None, "P1-outreach-referral", False) == (
        one.expect.reason, one.expect.rule, one.expect.rest
    )  # fmt: skip


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.test.yaml")), ids=lambda path: path.stem)
def test_the_shipped_files_are_of_the_form(path: Path) -> None:
    """What lies in the officers' folder can be read, as its datasets are."""
    assert suite(path.read_text()).trials


def test_a_push_names_whom_it_is_sent_to() -> None:
    """`to` in place of `from`: the caller is the provider. Both: somebody asks for another."""
    push = suite(HEAD.replace("as: hro, role: outreach_worker, from: ems", "as: ems, to: hro"))
    both = suite(HEAD.replace("as: hro,", "as: phd, to: hro,"))

    assert ("ems", "hro", True) == (
        push.trials[0].ask.provider, push.trials[0].ask.recipient, push.trials[0].ask.push
    )  # fmt: skip
    ask = both.trials[0].ask
    assert ("phd", "ems", "hro", False) == (ask.caller, ask.provider, ask.recipient, ask.push)


def test_one_row_may_stand_for_many() -> None:
    """`times` is a number of rows, `absent` names text that is null."""
    [one] = suite(
        HEAD.replace("{overdose_at:", "{times: 3, absent: [consent_id], overdose_at:")
    ).trials

    assert 3 == len(one.given.rows)
    assert [None] * 3 == [row["consent_id"] for row in one.given.rows]


def test_a_refusal_has_a_reason_and_a_rule() -> None:
    """`none` where no rule is named."""
    text = HEAD.replace(
        "{decision: grant, rule: P1-outreach-referral, rows: [{status: requested}]}",
        "{decision: refuse, reason: NO_PROVISION, rule: none}",
    )

    assert (Reason.NO_PROVISION, None) == (
        suite(text).trials[0].expect.reason, suite(text).trials[0].expect.rule
    )  # fmt: skip


def test_a_filter_is_in_its_fields_type() -> None:
    """Periods of a table are asked for by their day."""
    text = HEAD.replace(
        "fields: [status]",
        'fields: [status], where: [{field: overdose_date, op: eq, value: "2027-06-01"}]',
    )

    assert (Condition("overdose_date", Operator.EQ, (dt.date(2027, 6, 1),)),) == suite(text).trials[
        0
    ].ask.where


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("kind: Tests", "kind: Test", "wrong-value", 2),
        ("county@1.0.0", "county", "wrong-value", 3),
        ("12:00:00Z", "12:00:00", "wrong-value", 4),
        ("name: a test", 'name: ""', "wrong-value", 6),
        ("request: {as: hro,", "request: {like: hro,", "unknown-key", 7),
        ("from: ems, ", "", "missing-key", 7),
        ("dataset: referral.post_overdose@1", "dataset: referral.post_overdose", "wrong-value", 7),
        ("fields: [status]", "fields: []", "missing-key", 7),
        ("fields: [status]", 'fields: ["*"]', "wildcard", 7),
        ("fields: [status]",
         "fields: [status], where: [{field: overdose_at, op: within, value: P1D}]",
         "wrong-value", 7),
        ("consent: granted", "consent: asked", "wrong-value", 8),
        ("consent: granted", "consents: granted", "unknown-key", 8),
        ("consent: granted", "state: active", "wrong-value", 8),
        ("consent: granted", "rows_today: -1", "wrong-value", 8),
        ("status: requested}]}\n", "stat: requested}]}\n", "field-unknown", 8),
        ('"2027-06-14T06:41:00Z"', '"2027-06-14"', "wrong-value", 8),
        ("{overdose_at:", "{absent: [overdose_days], overdose_at:", "field-unknown", 8),
        ("{overdose_at:", "{times: 0, overdose_at:", "wrong-value", 8),
        ("{overdose_at:", "{times: 10001, overdose_at:", "wrong-value", 8),
        ("{overdose_at:", "{times: 100000000000000, overdose_at:", "wrong-value", 8),
        ("decision: grant", "decision: permit", "wrong-value", 9),
        (", rows: [{status: requested}]", "", "missing-key", 9),
        ("rule: P1-outreach-referral, ", "", "missing-key", 9),
        ("rule: P1-outreach-referral", "rule: outreach", "wrong-value", 9),
        ("decision: grant, rule", "decision: refuse, reason: NEVER, rule", "unknown-key", 9),
        ("rows: [{status: requested}]", "rows: [{status: requested}], rest: any", "wrong-value", 9),
    ],
)  # fmt: skip
def test_each_slip_is_a_finding_at_its_line(old: str, new: str, rule: str, line: int) -> None:
    """A key, a word, a type or a number that is not of the form is told by rule and line."""
    assert old in HEAD

    assert (rule, line) in wrong(HEAD.replace(old, new, 1))


@pytest.mark.parametrize("count", [10_000, 10_001])
def test_rows_have_an_end(count: int) -> None:
    """Ten thousand rows may be given, and no more."""
    text = HEAD.replace(
        "{overdose_at:", f"{{times: {count - 1}, status: requested}}, {{overdose_at:"
    )

    if count > 10_000:
        assert [("wrong-value", 8)] == wrong(text)
    else:
        assert count == len(suite(text).trials[0].given.rows)


def test_two_tests_have_two_names() -> None:
    """Else a report would tell of one and mean the other."""
    block = HEAD[HEAD.index("  - name") :]

    assert [("wrong-value", 10)] == wrong(HEAD + block)


def test_a_term_ends_after_it_begins() -> None:
    """The day that it begins on is its last at the earliest."""
    same = 'term: {effective: "2027-06-01", expires: "2027-06-01"}\n'

    assert (dt.date(2027, 6, 1),) * 2 == suite(HEAD + same).term
    assert [("wrong-value", 10)] == wrong(HEAD + same.replace('"2027-06-01"}', '"2027-05-31"}'))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{never: {to_kind: [ems]}}", "wrong-value"),
        ("{never_reaches: {}}", "never-empty"),
        ("{never_reaches: {to: [ems]}}", "unknown-key"),
        ("{never_reaches: {to_kind: [ems]}, min_cell_at_least: 11}", "wrong-value"),
        ("{min_cell_at_least: 0}", "wrong-value"),
        ("{masked_at_least: {mask: pass}}", "wrong-value"),
        ("{masked_at_least: {means: age, field: a.b.c, mask: pass}}", "wrong-value"),
        ("{masked_at_least: {means: age, mask: blur}}", "mask-unknown"),
        ("{reaches_exactly: {dataset: a.b, field: c, parties: []}}", "missing-key"),
        ("{delete_within: {span: never}}", "wrong-value"),
        ("min_cell_at_least", "wrong-value"),
    ],
)
def test_invariants_have_one_form(text: str, rule: str) -> None:
    """One word and what it is about; anything else is a finding at its line."""
    assert (rule, 11) in wrong(f"{HEAD}invariants:\n  - {text}\n")


def test_the_small_countys_tests_have_a_test_of_each_kind() -> None:
    """What other tests rest on is read whole."""
    assert 21 == len(suite(TESTS).trials)
    assert 7 == len(suite(TESTS).invariants)
