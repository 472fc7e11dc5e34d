"""The memory is held against the log: what the log says is not forgotten, whatever a file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.agreement.signing import Action
from gateway.audit.stood import Stood, stood_in
from gateway.library.anchor import anchor
from gateway.library.memory import Memory
from tests.agreement.county import NOW
from tests.library.officers import ALL, EMS, HRO, Officers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a county whose one agreement is in force."""
    made = Officers(tmp_path)
    made.look()
    return made


def said(officers: Officers) -> list[Stood]:
    """Return what the log would say of what is in force now."""
    rows = [[i, v, "", state] for i, v, _, state in officers.library.look(officers.now).states]
    return list(stood_in({"agreements": rows}, officers.now.isoformat()))


def forgetful(officers: Officers, told: list[Stood]) -> bool:
    """Begin again with an empty memory, held against the log; return whether it had lost some."""
    officers.memory.write_bytes(b"{}")
    officers.library = officers.started()
    lost = officers.library.anchor(told)
    officers.look()
    return lost


def test_a_suspension_outlives_its_statement_and_the_memory(officers: Officers) -> None:
    """With the statement deleted and the memory emptied, the log alone keeps it suspended."""
    before = (officers.folder / "county.sig.json").read_bytes()
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    told = said(officers)
    officers.write("county.sig.json", before)

    assert forgetful(officers, told)

    assert {"county": "suspended"} == officers.states()


def test_without_the_log_it_would_be_forgotten(officers: Officers) -> None:
    """The same without what the log says: the other side of the claim above."""
    before = (officers.folder / "county.sig.json").read_bytes()
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    officers.write("county.sig.json", before)

    assert not forgetful(officers, [])

    assert {"county": "signed"} == officers.states()


def test_it_is_lifted_by_all_and_by_nothing_older(officers: Officers) -> None:
    """Resumptions from before the suspension do not lift it, nor do those of some; all do."""
    officers.sign("county", [EMS], Action.SUSPEND)
    officers.look()
    officers.sign("county", ALL, Action.RESUME)
    officers.look()
    resumed = (officers.folder / "county.sig.json").read_bytes()
    assert {"county": "signed"} == officers.states()
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    told = said(officers)
    officers.write("county.sig.json", resumed)
    officers.pass_time(seconds=5)

    assert forgetful(officers, told)
    assert {"county": "suspended"} == officers.states()

    officers.sign("county", ALL[1:], Action.RESUME)
    officers.look()
    assert {"county": "suspended"} == officers.states()
    officers.sign("county", ALL[:1], Action.RESUME)
    officers.look()
    assert {"county": "signed"} == officers.states()


def test_what_was_terminated_stays_so(officers: Officers) -> None:
    """An ending is final, though neither statement nor memory is left."""
    before = (officers.folder / "county.sig.json").read_bytes()
    officers.sign("county", [HRO], Action.TERMINATE)
    officers.look()
    told = said(officers)
    officers.write("county.sig.json", before)

    assert forgetful(officers, told)

    assert {"county": "terminated"} == officers.states()


def test_a_memory_that_lost_nothing_is_as_it_was(officers: Officers) -> None:
    """A start with the memory whole adds nothing, and needs no second look."""
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.look()
    told = said(officers)
    officers.library = officers.started()

    assert not officers.library.anchor(told)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([("1.0.0", "active"), ("1.2.0", "active"), ("1.10.0", "draft")], "1.2.0"),
        ([("1.2.0", "active"), ("1.10.0", "active"), ("1.9.0", "active")], "1.10.0"),
        ([("1.0.0", "in_review"), ("1.0.0", "suspended")], None),
    ],
)
def test_the_highest_version_is_that_which_was_active(
    states: list[tuple[str, str]], expected: str | None
) -> None:
    """Part by part, and only of versions that were in force."""
    memory = Memory()

    anchor(memory, [Stood("county", version, state, NOW) for version, state in states])

    assert expected == memory.highest.get("county")


@pytest.mark.parametrize(
    ("states", "halted"),
    [(["suspended"], True), (["suspended", "active"], False), (["active", "suspended"], True)],
)
def test_the_last_word_of_the_log_counts(states: list[str], *, halted: bool) -> None:
    """What was resumed since is not suspended, and a suspension after it is."""
    memory = Memory()

    anchor(memory, [Stood("county", "1.0.0", state, NOW) for state in states])

    assert halted is ("county@1.0.0" in memory.halted)
