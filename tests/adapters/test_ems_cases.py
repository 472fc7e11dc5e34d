"""Case definitions: the published expression with its trap, ours without, and death."""

from __future__ import annotations

import pytest

from adapters.ems_cases import (
    ANCHORED,
    PUBLISHED,
    Coded,
    Definition,
    Dose,
    matches_anchored,
    matches_published,
    outcome,
)

NOTHING = Coded((), (), ())


@pytest.mark.parametrize(
    ("codes", "published", "anchored"),
    [
        ("T40.1X1A T40.2X1A T40.411A T40.491A T40.601A T40.691A", True, True),
        ("T40.2X5A T40.415A T40.2X6A T40.416A", True, False),
        ("T40.2X1D T40.421D T40.1X1S", True, False),
        ("T40.605A T40.606A T40.691D", False, False),
        ("F11 F11.20 F11.21 F11.23 T40.1 T40.4 T40.6", True, True),
        ("F19 F19.10 F10.92 T40.5X1A T40.7X1A T50.904A", False, False),
    ],
    ids=["DEF-1", "DEF-2", "DEF-3", "DEF-4", "DEF-5", "DEF-6"],
)
def test_codes_pass_as_the_table_says(codes: str, *, published: bool, anchored: bool) -> None:
    """DEF-1 to DEF-6: each code passes the published and the anchored expression as tabled."""
    for code in codes.split():
        assert published == matches_published(code), code
        assert anchored == matches_anchored(code), code


@pytest.mark.parametrize("code", ["XF11", "F11.20\n", "", "\nF11"])
def test_only_a_whole_code_passes(code: str) -> None:
    """The anchored expression takes a code from end to end, line ends included."""
    assert not matches_anchored(code)


@pytest.mark.parametrize("definition", [PUBLISHED, ANCHORED])
def test_use_disorder_other_than_opioid_is_no_case(definition: Definition) -> None:
    """DEF-8: F19 without a medication is no opioid overdose, whatever the file is called."""
    assert () == definition.basis(Coded((), ("F19",), ()))


@pytest.mark.parametrize("definition", [PUBLISHED, ANCHORED])
def test_a_death_in_spite_of_naloxone_is_missed_unless_coded(definition: Definition) -> None:
    """DEF-9: naloxone without improvement and I46.9 is no case: the branch asks for improvement."""
    unchanged = Dose("7242", denied=False, response="9916003")

    assert () == definition.basis(Coded((), ("I46.9",), (unchanged,)))


def test_a_denied_medication_counts_for_one_definition_only() -> None:
    """DEF-10: the published rule does not look at the negative, ours does."""
    denied = Coded((), (), (Dose("7242", denied=True, response="9916001"),))

    assert ("medication",) == PUBLISHED.basis(denied)
    assert () == ANCHORED.basis(denied)


def test_the_basis_names_every_branch() -> None:
    """A row says by which branches it is a case, in the order of the list."""
    dose = Dose("203192", denied=False, response="9916001")

    assert ("impression", "symptom", "medication") == PUBLISHED.basis(
        Coded(("T40.1X1A",), ("F11",), (dose,))
    )
    assert () == PUBLISHED.basis(Coded((), (), (Dose("7806", denied=False, response="9916001"),)))


@pytest.mark.parametrize(
    ("held", "coded", "expected"),
    [
        ({"eSituation.13": ["2813007"]}, NOTHING, "fatal"),
        ({"eDisposition.19": ["4219007"]}, NOTHING, "fatal"),
        ({"eArrest.18": ["3018003"], "eDisposition.27": ["4227007"]}, NOTHING, "fatal"),
        ({}, Coded(("R99",), (), ()), "fatal"),
        ({}, Coded((), ("R99",), ()), "fatal"),
        ({"eDisposition.27": ["4227001"], "eSituation.13": ["2813003"]}, NOTHING, "nonfatal"),
        ({"eDisposition.27": ["4227007"], "eSituation.13": ["2813003"]}, NOTHING, "unknown"),
        ({"eDisposition.27": ["4227001"]}, NOTHING, "unknown"),
        ({"eDisposition.21": ["4221009"], "eDisposition.27": ["4227001"]}, NOTHING, "unknown"),
    ],
)
def test_fatal_is_as_ems_left_the_patient(
    held: dict[str, list[str]], coded: Coded, expected: str
) -> None:
    """Death by the definition; alive only where a patient was met and their state recorded."""
    assert expected == outcome(lambda name: held.get(name, []), coded)
