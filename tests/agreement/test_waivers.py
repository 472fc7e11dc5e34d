"""A warning is silenced by name, with a reason, a person and a last day, and nothing else is."""

from __future__ import annotations

import datetime as dt

import pytest

from gateway.agreement.lint.inspect import inspect
from gateway.agreement.lint.waivers import LONGEST
from tests.agreement.county import AGREEMENT, NOW, files

COMBO = "quasi-identifier-combo"
COUNTY = "county.yaml"
P3 = "  - id: P3-overdose-runs"
GOOD = f"# accord: ignore {COMBO} -- limited data set, privacy@ems.example, until 2027-12-31"
OURS = {COMBO, "waiver-invalid", "waiver-expired", "waiver-unused", "condition-on-withheld"}


def said(agreement: str, now: dt.datetime = NOW) -> set[str]:
    """Return what is told of warnings and waivers in an agreement."""
    found = inspect(files(county=agreement), now, named=COUNTY.__eq__).findings
    return {one.rule for one in found if one.file == "county.yaml"} & OURS


def above(line: str, comment: str, text: str = AGREEMENT) -> str:
    """Return an agreement with a comment on the line above another."""
    assert 1 == text.count(f"\n{line}"), line
    indent = line[: len(line) - len(line.lstrip())]
    return text.replace(f"\n{line}", f"\n{indent}{comment}\n{line}", 1)


def test_a_waiver_silences_what_is_below_it_and_is_kept() -> None:
    """The warning is not told; rule, reason, person and day are, to whoever asks."""
    looked = inspect(files(county=above(P3, GOOD)), NOW, named=COUNTY.__eq__)

    [waived] = looked.waived
    assert COMBO not in {one.rule for one in looked.findings}
    assert (COMBO, "limited data set", "privacy@ems.example", dt.date(2027, 12, 31)) == (
        waived.finding.rule,
        waived.waiver.reason,
        waived.waiver.who,
        waived.waiver.until,
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (P3, set()),
        ("    release: {pcr_uuid", set()),
        ("provisions:", set()),
        ("    withhold: [pcr_number", {COMBO, "waiver-unused"}),
        ("  - id: P2-potency-alert", {COMBO, "waiver-unused"}),
        ('    clause: "4.3"', {COMBO, "waiver-unused"}),
        ("apiVersion: accord/v1", {COMBO, "waiver-unused"}),
    ],
)  # fmt: skip
def test_a_waiver_speaks_of_what_begins_on_the_next_line(line: str, told: set[str]) -> None:
    """Of that and of all below it, and of nothing beside it."""
    assert told == said(above(line, GOOD))


@pytest.mark.parametrize(
    "comment",
    [
        f"# accord: ignore {COMBO}",
        f"# accord: ignore {COMBO} -- limited data set",
        f"# accord: ignore {COMBO} -- limited data set, privacy@ems.example",
        f"# accord: ignore {COMBO} -- limited data set, until 2027-12-31",
        f"# accord: ignore {COMBO} -- privacy@ems.example, until 2027-12-31",
        f"# accord: ignore {COMBO} -- limited data set, privacy@ems.example, until 2027-02-30",
        f"# accord: ignore {COMBO} -- limited data set, privacy@ems.example, until never",
        f"# accord: ignore {COMBO} - limited data set, privacy@ems.example, until 2027-12-31",
        f"# accord: ignore {COMBO} -- , privacy@ems.example, until 2027-12-31",
        f"#accord: ignore {COMBO} -- limited data set, privacy@ems.example, until 2027-12-31",
        f"# Accord: ignore {COMBO} -- limited data set, privacy@ems.example, until 2027-12-31",
        f"# accord: silence {COMBO} -- limited data set, privacy@ems.example, until 2027-12-31",
        "# accord: ignore * -- limited data set, privacy@ems.example, until 2027-12-31",
        "# accord: ignore no-such-rule -- limited data set, privacy@ems.example, until 2027-12-31",
    ],
)
def test_a_comment_that_is_no_waiver_is_found(comment: str) -> None:
    """A part that lacks, a word that is another, a rule that is none: nothing is silenced."""
    assert {COMBO, "waiver-invalid"} == said(above(P3, comment))


@pytest.mark.parametrize(
    "rule", ["field-unclassified", "review-overdue", "yaml-alias", "waiver-invalid",
             "waiver-expired", "waiver-unused"]
)  # fmt: skip
def test_what_refuses_cannot_be_silenced(rule: str) -> None:
    """Errors, obstacles to signing, and what is said of waivers themselves."""
    assert {COMBO, "waiver-invalid"} == said(above(P3, GOOD.replace(COMBO, rule)))


def test_an_error_stays_an_error() -> None:
    """A field that nobody classified is told whatever a comment says."""
    text = above("  - id: P1-outreach-referral", GOOD.replace(COMBO, "field-unclassified"))
    found = inspect(files(county=text.replace(", safety_flag: pass", "")), NOW).findings

    assert {"field-unclassified", "waiver-invalid"} <= {one.rule for one in found}


@pytest.mark.parametrize(("day", "told"), [
    ("2027-06-15", set()),
    ("2027-06-14", {COMBO, "waiver-expired"}),
    ("2027-12-31", set()),
    ("2028-01-01", {COMBO, "waiver-invalid"}),
])  # fmt: skip
def test_a_waiver_holds_to_its_last_day_within_the_term(day: str, told: set[str]) -> None:
    """That day included; afterwards the warning is back, and no waiver outlives the agreement."""
    assert told == said(above(P3, GOOD.replace("2027-12-31", day)))


@pytest.mark.parametrize(("days", "told"), [(0, set()), (1, {"waiver-invalid"})])
def test_a_waiver_without_a_term_holds_a_year(days: int, told: set[str]) -> None:
    """A floor has no last day, so its waivers end a year from now at the latest."""
    until = NOW.date() + LONGEST + dt.timedelta(days=days)
    folder = files()
    text = folder["_floor.yaml"].decode().replace("min_cell: 11", "min_cell: 10")
    waiver = f"# accord: ignore floor-cell-low -- the state's rule, epi@phd.example, until {until}"
    folder["_floor.yaml"] = text.replace("\nat_least:", f"\n{waiver}\nat_least:").encode()

    found = {one.rule for one in inspect(folder, NOW).findings if one.file == "_floor.yaml"}
    assert told == found & OURS
    assert bool(told) == ("floor-cell-low" in found)


def test_a_waiver_behind_a_value_is_none() -> None:
    """It stands on a line of its own: what it speaks of is never a guess."""
    assert {COMBO, "waiver-invalid"} == said(AGREEMENT.replace(P3, f"{P3}  {GOOD}", 1))


@pytest.mark.parametrize("comment", [GOOD.replace(COMBO, "condition-on-withheld"), "# a remark"])
def test_several_comments_stand_above_a_thing(comment: str) -> None:
    """Each speaks of what follows all of them; one silences its own rule and no other."""
    text = AGREEMENT.replace(
        "{field: incident_date, op: within, value: P400D}",
        "{field: incident_date, op: within, value: P400D}, {field: homeless, op: eq, value: true}",
    )
    second = set() if "ignore" in comment else {"condition-on-withheld"}

    assert {COMBO, "condition-on-withheld"} == said(text)
    assert second == said(above(P3, comment, above(P3, GOOD, text)))
    assert second == said(above(P3, GOOD, above(P3, comment, text)))


def test_an_unreadable_file_has_no_waivers() -> None:
    """Its errors are told, and its comments are not even looked at."""
    text = above(P3, f"# accord: ignore {COMBO}").replace("log: {", "log: &a {", 1)
    found = inspect(files(county=text), NOW).findings

    assert {"yaml-alias"} == {one.rule for one in found if one.file == "county.yaml"}


def test_only_files_that_are_named_are_looked_at() -> None:
    """Faults, layout and waivers of the others are theirs."""
    folder = files(county=above(P3, f"# accord: ignore {COMBO}"))

    found = inspect(folder, NOW, named=lambda name: name == "_floor.yaml").findings

    assert {("_floor.yaml", "not-formatted")} == {(one.file, one.rule) for one in found}
    assert {COMBO, "waiver-invalid"} <= {one.rule for one in inspect(folder, NOW).findings}
