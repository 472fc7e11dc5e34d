"""More attacks: totals from elsewhere, rows that come and go, trackers, two patterns."""

from __future__ import annotations

from tests.disclosure.told import stopped, told, told_crossed


def test_header_n() -> None:
    """The N above a table is a total like any other."""
    groups = {"g1": 12, "g2": 3, "g3": 44}
    world = told(groups, {"N": list(groups)})

    stopped(world, [["g1", "g2", "g3"], ["N"]], "g2")


def test_row_removed() -> None:
    """The same count before and after one record was taken out is one record."""
    world = told({"after": 25, "removed": 1}, {"before": ["after", "removed"]})

    stopped(world, [["before"], ["after"]], "removed")


def test_row_duplicated() -> None:
    """A record that was sent twice and counted twice shows as the difference of two versions."""
    world = told({"once": 25, "twice": 1}, {"with the copy": ["once", "twice"]})

    stopped(world, [["once"], ["with the copy"]], "twice")


def test_re_request_after_a_correction() -> None:
    """At most four records changed: the new count, which is large, bounds the old small one."""
    world = told(
        {"old A": 4, "old B": 11, "new A": 6, "new B": 11},
        {"old": ["old A", "old B"], "new": ["new A", "new B"]},
        facts=[({"new A": 1, "old A": -1}, 0, 2)],
    )

    stopped(world, [["old A", "old B", "old"], ["new A", "new B", "new"]], "old A")


def test_late_records_fill_a_cell() -> None:
    """Records only ever come late, so an old count is no more than a new one."""
    world = told(
        {"old A": 3, "late A": 2, "B": 14},
        {"new A": ["old A", "late A"], "old": ["old A", "B"], "new": ["new A", "B"]},
    )

    stopped(world, [["old A", "B", "old"], ["new A", "B", "new"]], "old A")


def test_opted_out_are_all_less_those_who_stayed() -> None:
    """A cohort before and after opt-outs: the difference is who opted out."""
    world = told({"stayed": 61, "opted out": 2}, {"all": ["stayed", "opted out"]})

    stopped(world, [["all"], ["stayed"]], "opted out")


def test_tracker_of_one_person() -> None:
    """Everybody, and everybody who is not a woman of ninety in this county."""
    world = told(
        {"her": 1, "other women": 35, "men": 40},
        {"all": ["her", "other women", "men"], "all but her": ["other women", "men"]},
    )

    stopped(world, [["all"], ["all but her"]], "her")


def test_double_tracker() -> None:
    """C and T, C and not T, T and not C: four large counts, one small one inside."""
    world = told(
        {"C and T": 2, "C not T": 30, "T not C": 25, "neither": 50},
        {
            "C": ["C and T", "C not T"],
            "T": ["C and T", "T not C"],
            "C or T": ["C and T", "C not T", "T not C"],
        },
    )

    stopped(world, [["C"], ["T"], ["C or T"]], "C and T")


def test_unknown_sex_is_what_is_left() -> None:
    """A null group is a level of its own, and all less the named ones is how many it has."""
    world = told({"f": 30, "m": 33, "missing": 2}, {"all": ["f", "m", "missing"]})

    stopped(world, [["f", "m"], ["all"]], "missing")


def test_other_is_all_less_the_top_five() -> None:
    """The five commonest are published and the rest is hidden as small."""
    five = {f"top {i}": 60 - 10 * i for i in range(5)}
    world = told({**five, "other": 4}, {"all": [*five, "other"]})

    stopped(world, [[*five, "other"], ["all"]], "other")


def test_top_code_is_all_less_the_bands_below() -> None:
    """Ninety and over is what the bands below leave of the total."""
    bands = {"0-29": 30, "30-59": 44, "60-89": 21, "90+": 1}
    world = told(bands, {"all": list(bands)})

    stopped(world, [list(bands), ["all"]], "90+")


def test_total_from_a_public_page() -> None:
    """The state's total is on the web; hiding it here helps nobody (K3)."""
    counties = {"A": 19, "B": 4, "C": 28}
    world = told(counties, {"state": list(counties)}, known=["state"])

    stopped(world, [list(counties)], "B")


def test_fatal_among_all() -> None:
    """All overdoses and those that were survived."""
    world = told({"survived": 48, "fatal": 2}, {"all": ["survived", "fatal"]})

    stopped(world, [["all"], ["survived"]], "fatal")


def test_exempt_annual_total() -> None:
    """Annual county totals are exempt and always published; eleven months give the twelfth."""
    months = {f"m{i:02}": 6 + i for i in range(11)} | {"m11": 3}
    world = told(months, {"year": list(months)}, known=["year"])

    stopped(world, [[name] for name in months], "m11")


def test_exempt_by_denominator() -> None:
    """A stratum of 500 is exempt, its small numerator a fact: the next one is what is left."""
    world = told(
        {"A yes": 3, "B yes": 4, "C yes": 12}, {"yes": ["A yes", "B yes", "C yes"]}, known=["A yes"]
    )

    stopped(world, [["B yes", "C yes"], ["yes"]], "B yes")


def test_alert_counts_in_two_overlapping_windows() -> None:
    """Six hours and the twelve that end with them."""
    world = told({"first": 2, "last": 9}, {"twelve": ["first", "last"]})

    stopped(world, [["last"], ["twelve"]], "first")


def test_two_patterns_of_one_table() -> None:
    """A table hidden one way today and another way tomorrow is published where they differ."""
    world = told_crossed(
        [{"all": ["a", "b", "c"]}, {"all": ["f", "m"]}],
        {"a/f": 2, "a/m": 15, "b/f": 16, "b/m": 17, "c/f": 18, "c/m": 19},
    )
    first = world.flags(["a/f", "a/m", "b/f", "b/m"])
    second = world.flags(["a/f", "a/m", "c/f", "c/m"])
    whole = ["/".join(key) for key in world.table.keys]

    assert (2, 2) == world.ends(first & second, "a/f")
    once, twice = world.in_turn([whole]), world.in_turn([whole, whole])
    assert world.safe(once)
    assert (once.hidden == twice.hidden).all()


def test_a_release_that_nothing_protects_is_refused() -> None:
    """Where all but one part is out already, the total stays in: refused, not repaired."""
    world = told({"A": 19, "B": 4, "C": 0}, {"all": ["A", "B", "C"]}, known=["A", "C", "all"])

    outcome = world.in_turn([["B"]])

    assert [0] == outcome.refused
