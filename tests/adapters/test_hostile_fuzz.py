"""Mutated documents end in rows, in a quarantine or in a refusal: never in another error."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters import canonical, fhir
from adapters.batches import wire_row
from adapters.ems import REFERRALS, RUNS
from adapters.ems_cases import PUBLISHED
from adapters.ems_nemsis import Folder
from adapters.ems_referral_row import Deadline
from adapters.ems_referrals import Referrals
from adapters.hardened import UnreadableError, parse_json, parse_xml
from tests.adapters.ems_documents import document

REFERRAL = Path(__file__).parent / "fixtures" / "ems" / "referrals" / "01-consented.json"
BYTES = [b"", b"<", b">", b'"', b"&", b"&#0;", b"\x00", b"\xff", b"<!--", b"]]>", b"7701003", b"-"]
VALUES: list[Any] = [
    *(None, True, 0, -1, 1e300, "", "x", [], {}, [[]], [None], {"reference": 7}, [{"system": []}]),
    *("2024-02-30", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "#p", "Patient/p"),
]


@pytest.mark.parametrize("seed", range(20))
def test_mutated_reports_are_rows_or_are_left_out(seed: int, tmp_path: Path) -> None:
    """Bytes cut, doubled or replaced in a report give a row of the right types, or none."""
    random = Random(seed)  # noqa: S311 - a seeded sample
    whole = document()
    folder = Folder(tmp_path, None, "x", PUBLISHED, all_reports=True)
    types = tuple((name, field.type) for name, field in canonical.fields(RUNS).items())
    for _ in range(20):
        start = random.randrange(len(whole))
        end = min(len(whole), start + random.choice([0, 1, 5, 40]))
        data = whole[:start] + random.choice([*BYTES, whole[start:end] * 2]) + whole[end:]
        try:
            held = folder.read(parse_xml(data))
        except UnreadableError:
            continue
        for read in held.reads:
            assert read.row is not None
            wire_row(read.row, types)


def places(held: object) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a JSON value."""
    if isinstance(held, dict):
        pairs = list(held.items())
    elif isinstance(held, list):
        pairs = list(enumerate(held))
    else:
        return []
    return [(held, key) for key, _ in pairs] + [at for _, one in pairs for at in places(one)]


@pytest.mark.parametrize("seed", range(20))
def test_mutated_referrals_are_rows_or_are_left_out(seed: int, tmp_path: Path) -> None:
    """Any value of a referral replaced by any other gives a row of the right types, or none."""
    random = Random(seed)  # noqa: S311
    whole = json.loads(REFERRAL.read_text("utf-8"))
    source = Referrals(tmp_path, Deadline(ZoneInfo("America/Chicago"), 72))
    types = tuple((name, field.type) for name, field in canonical.fields(REFERRALS).items())
    for _ in range(40):
        changed = copy.deepcopy(whole)
        for _ in range(random.choice([1, 1, 3])):
            container, key = random.choice(places(changed))
            container[key] = copy.deepcopy(random.choice(VALUES))
        held = source.read(fhir.Bundle(parse_json(json.dumps(changed).encode())))
        for one in held.referrals:
            if one.row is not None:
                wire_row(one.row, types)


def _says_no(bundle: Any) -> bool:  # noqa: ANN401 - mutated JSON
    """Return whether the opt-out itself is still where it was."""
    try:
        consent = bundle["entry"][3]["resource"]
        whole = (bundle["resourceType"], consent["resourceType"], consent["status"])
    except (KeyError, IndexError, TypeError):
        return False
    return whole == ("Bundle", "Consent", "inactive")


@pytest.mark.parametrize("seed", range(20))
def test_nothing_around_an_opt_out_brings_the_row_back(seed: int, tmp_path: Path) -> None:
    """REF-1: while the opt-out itself stands, no other value of the bundle yields a row."""
    random = Random(seed)  # noqa: S311
    whole = json.loads(REFERRAL.read_text("utf-8"))
    whole["entry"][3]["resource"]["status"] = "inactive"
    assert _says_no(whole)
    source = Referrals(tmp_path, Deadline(ZoneInfo("America/Chicago"), 72))
    for _ in range(40):
        changed = copy.deepcopy(whole)
        for _ in range(random.choice([1, 1, 3])):
            container, key = random.choice(places(changed))
            container[key] = copy.deepcopy(random.choice(VALUES))
        if not _says_no(changed):
            continue
        held = source.read(fhir.Bundle(parse_json(json.dumps(changed).encode())))

        assert [] == [one for one in held.referrals if one.row is not None]
