"""What an edit of the floor, or of what else agreements stand on, lets out is told as well."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from gateway.agreement.diff.change import Way
from gateway.agreement.diff.ground import Ground, compare_grounds
from gateway.agreement.lint.folder import read_folder
from gateway.agreement.registry import SigningKey, TokenIssuer
from tests.agreement.county import TABLES, files
from tests.build import span


def ground(file: str = "", old: str = "", new: str = "") -> Ground:
    """Return what the small county's agreement stands on, with a text of one file replaced."""
    given = files()
    if file:
        [name] = [one for one in given if one.rpartition(".")[0] == file]
        text = given[name].decode()
        assert old in text
        given[name] = text.replace(old, new, 1).encode()
    read, found = read_folder(given, tables=TABLES)
    assert read is not None, found
    return Ground(
        read.floor.model, read.registry.model, read.purposes.model, read.codes.model, read.notices
    )


def told(before: Ground, after: Ground) -> list[tuple[str, Way, str]]:
    """Return file, way and key of each change."""
    return [(file, one.way, one.what) for file, one in compare_grounds(before, after)]


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("_floor", "direct_identifier, quasi_identifier, sensitive", "direct_identifier", "never"),
        ("_floor", ", onward: true}", "}", "never"),
        ("_floor", "rotate: P1Y", "rotate: P2Y", "masks"),
        ("_floor", "means: [incident_id]", "means: [incident_id], purpose: [care]", "masks"),
        ("_floor", "{term: P1Y", "{term: P13M", "at_most.term"),
        ("_floor", "min_cell: 11", "min_cell: 10", "at_least.min_cell"),
        ("_floor", "min_interval: 9", "min_interval: 8", "at_least.min_interval"),
        ("_floor", "grid_lag: P7D", "grid_lag: P6D", "at_least.grid_lag"),
        ("_floor", "log_retain: P6Y", "log_retain: P5Y", "at_least.log_retain"),
        ("_floor", "delete_after: P6Y", "delete_after: P7Y", "at_most.delete_after"),
        ("_floor", "breach_notice: PT72H", "breach_notice: PT73H", "at_most.breach_notice"),
        ("_floor", "rows_per_day: 1000000", "rows_per_day: 1000001", "at_most.rows_per_day"),
        ("_floor", "{signatures: 3", "{signatures: 2", "quorum.signatures"),
        ("agencies", "san: [", "san: [second.example, ", "rivertown-ems.san"),
        ("purposes", "identity: forbidden", "identity: needed", "safety.responder_alert.identity"),
        ("codes", "instant: ", "another: to another, instant: ", "time_precision"),
    ],
)
def test_each_key_is_wider_one_way_and_narrower_the_other(
    file: str, old: str, new: str, what: str
) -> None:
    """And nothing else is said."""
    before, after = ground(), ground(file, old, new)

    assert [(file, Way.WIDENED, what)] == told(before, after)
    assert [(file, Way.NARROWED, what)] == told(after, before)


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("_floor", "rivertown-pd, ", "", "quorum.agencies"),
        ("agencies", "kind: law_enforcement", "kind: public_health", "rivertown-pd.kind"),
        ("agencies", "part2: program", "part2: none", "eastside-treatment.part2"),
    ],
)
def test_what_cannot_be_compared_is_wider_both_ways(
    file: str, old: str, new: str, what: str
) -> None:
    """Whoever is somebody else meets other prohibitions: a person has to look."""
    before, after = ground(), ground(file, old, new)

    assert [(file, Way.WIDENED, what)] == told(before, after)
    assert [(file, Way.WIDENED, what)] == told(after, before)


def test_an_agency_that_comes_is_wider_and_one_that_goes_is_narrower() -> None:
    """Nobody gets anything by it yet, and it may sign and be named from then on."""
    before = ground()
    fewer = dict(before.registry.agencies)
    gone = fewer.pop("rivertown-pd")
    after = before._replace(registry=dataclasses.replace(before.registry, agencies=fewer))

    assert [("agencies", Way.NARROWED, gone.id)] == told(before, after)
    assert [("agencies", Way.WIDENED, gone.id)] == told(after, before)


@pytest.mark.parametrize(
    ("part", "less", "more"),
    [
        ("signatures", 2, 1),
        ("attested_for", span("P1Y"), span("P2Y")),
        ("adapter_san", (), ("second.example",)),
        ("signing_keys", (), (SigningKey("k", bytes(32), *(dt.date(2026, 1, 1),) * 2),)),
        ("denied", frozenset({bytes(32)}), frozenset()),
    ],
)
def test_whoever_else_acts_as_an_agency_is_told(part: str, less: object, more: object) -> None:
    """One key in place of two, a longer attestation, one more name or key, a certificate let in."""
    before, after = (acting(**{part: value}) for value in (less, more))

    [(_, wider, _)] = told(before, after)
    [(_, narrower, _)] = told(after, before)

    assert (Way.WIDENED, Way.NARROWED) == (wider, narrower)


def acting(**changed: Any) -> Ground:  # noqa: ANN401 - any part of an agency
    """Return the ground with one agency changed."""
    one = ground()
    agencies = dict(one.registry.agencies)
    agencies["rivertown-pd"] = dataclasses.replace(agencies["rivertown-pd"], **changed)
    return one._replace(registry=dataclasses.replace(one.registry, agencies=agencies))


def test_others_who_vouch_for_roles_are_told() -> None:
    """Another issuer of tokens may give anybody a role: it is looked at both ways."""
    none, other = acting(tokens=None), acting(tokens=TokenIssuer("idp.example", ("ES256",), ()))

    assert [("agencies", Way.WIDENED, "rivertown-pd.tokens")] == told(none, other)
    assert told(none, other) == told(other, none)


def test_another_text_of_a_notice_is_told() -> None:
    """Nothing leaves otherwise by it, and every recipient reads it."""
    before = ground()
    name = min(before.notices)
    after = before._replace(notices={**before.notices, name: b"Something else."})

    assert [("notices", Way.CHANGED, name)] == told(before, after)


def test_what_did_not_change_is_not_told() -> None:
    """Layout, a new name for a prohibition, and another order are no difference."""
    assert [] == told(ground(), ground())
    assert [] == told(ground(), ground("_floor", "id: F2-", "id: F22-"))
