"""A bad file never replaces a good one; a removed one stops its traffic."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.finding import Level
from gateway.agreement.index import FlowKey
from gateway.agreement.signing import Action
from gateway.errors import AgreementError, NotFoundError
from gateway.library.files import LARGEST_BYTES, contents
from gateway.library.folder import FolderLibrary
from tests.library.officers import ALL, EMS, HRO, PD, PHD, QUORUM, Officers

if TYPE_CHECKING:
    from pathlib import Path

DATASET = "datasets/ems.overdose_run@1.yaml"
NOTICE = "notices/outreach-authorization@1.md"


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a county whose one agreement is in force."""
    made = Officers(tmp_path)
    made.look()
    return made


def test_a_signed_folder_is_in_force(officers: Officers) -> None:
    """Everything signed and clean: one active agreement, nothing to report."""
    assert {"county": "signed"} == officers.states()
    assert officers.library.healthy
    assert officers.library.current().generation == 1


@pytest.mark.parametrize(
    "name", ["_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml", DATASET, "county.yaml"]
)
@pytest.mark.parametrize("text", ["apiVersion: accord/v1\nkind: [\n", "", "withold: 1\n", "\x00"])
def test_a_broken_file_keeps_its_last_good_version(
    officers: Officers, name: str, text: str
) -> None:
    """Whatever replaces a good file by one that cannot be read, the good one stays in force."""
    before = officers.library.current()
    officers.write(name, text)

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert before.flows == officers.library.current().flows
    assert not officers.library.healthy
    assert f"{name} not-in-force" in officers.rules()


@pytest.mark.parametrize("text", ["kind: [\n", "", "apiVersion: accord/v1\n"])
def test_no_test_is_a_rule(officers: Officers, text: str) -> None:
    """Whatever becomes of the officers' tests, the set in force is the same, and healthy."""
    before = officers.library.current()
    officers.write("county.test.yaml", text)

    loaded = officers.library.look(officers.now)

    assert not officers.library.news(loaded)
    officers.look()
    assert before is officers.library.current()
    assert officers.library.healthy


def test_findings_say_where(officers: Officers) -> None:
    """What is wrong is named by file, line and column."""
    officers.edit("county.yaml", "withhold: [source_agency", "withold: [source_agency")

    officers.look()

    first = min(
        one for one in (f.text() for f in officers.library.findings) if "unknown-key" in one
    )
    line = officers.text("county.yaml").split("withold")[0].count("\n") + 1
    assert first.startswith(f"county.yaml:{line}:5 error unknown-key")


def test_a_broken_signature_file_counts_for_nothing(officers: Officers) -> None:
    """There may be a suspension in it, so doubt stops the traffic, and health says why."""
    officers.write("county.sig.json", officers.text("county.sig.json")[:-3])

    officers.look()

    assert {"county": "draft"} == officers.states()
    assert "county.sig.json not-in-force" in officers.rules()


def test_a_broken_signature_file_of_the_floor_keeps_the_floor(officers: Officers) -> None:
    """The floor in force stays: nothing is wider without a quorum, and nothing falls."""
    officers.write("_floor.sig.json", "[]")

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert not officers.library.healthy


def test_a_changed_notice_unsigns_the_agreement(officers: Officers) -> None:
    """A notice is bound into what was signed: changed or gone, the traffic stops."""
    officers.write(NOTICE, "other words\n")

    officers.look()

    assert {} == officers.states()
    assert "county.yaml version-not-bumped" in officers.rules()


def test_an_edit_under_a_signed_version_is_not_taken(officers: Officers) -> None:
    """A signature covers one text: without a new version the signed one stays in force."""
    officers.edit("county.yaml", "rows_per_day: 200}", "rows_per_day: 201}")

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert "county.yaml version-not-bumped" in officers.rules()
    assert b"rows_per_day: 200}" in officers.library.files(officers.library.current().pacts[0])[0]


PULL = "mode: pull, deadline: none, hold: none"
PUSH = "mode: push, deadline: PT15M, hold: P7D"


def test_a_file_that_pushes_stays_out_by_itself(officers: Officers) -> None:
    """Signed by all and sound, it is not in force and says so; the others are, in good health."""
    officers.second("alerts", **{PULL: PUSH})
    officers.sign("alerts", ALL)

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert officers.library.healthy
    said = {(one.file, one.rule, one.level) for one in officers.library.findings}
    assert ("alerts.yaml", "not-in-force", Level.INFO) in said
    assert "alerts.yaml" not in officers.look().files


def test_a_file_that_pushes_stays_out_beside_a_broken_one(officers: Officers) -> None:
    """Also where files are settled one by one: nothing that pushes is ever in force."""
    officers.second("alerts", **{PULL: PUSH})
    officers.sign("alerts", ALL)
    officers.write("beta.yaml", "withold: 1\n")

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert not officers.library.healthy
    assert "alerts.yaml" not in officers.look().files


def test_a_push_instead_of_what_is_in_force_is_an_error(officers: Officers) -> None:
    """The version in force stays where the next one pushes, and health says that it is not this."""
    before = officers.text("county.yaml")
    officers.edit("county.yaml", PULL, PUSH)
    officers.edit("county.yaml", 'version: "1.0.0"', 'version: "1.1.0"')
    officers.sign("county", ALL)

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert "county.yaml not-in-force" in officers.rules()
    assert before.encode() == officers.look().files["county.yaml"]


def test_what_ends_a_push_is_settled_without_it(officers: Officers) -> None:
    """A file that rests on one that pushes is judged as if that one were not there."""
    officers.second("alerts", **{PULL: PUSH})
    officers.sign("alerts", ALL)
    officers.second("beta", **{"supersedes: none": "supersedes: alerts@1.0.0"})
    officers.sign("beta", ALL)

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert "beta.yaml not-in-force" in officers.rules()


@pytest.mark.parametrize("name", [NOTICE, "county.yaml", "datasets/referral.post_overdose@1.yaml"])
def test_a_removed_file_stops_its_traffic(officers: Officers, name: str) -> None:
    """Agreement, dataset or notice gone: no flow is left that could carry a record."""
    officers.remove(name)

    officers.look()

    assert "signed" not in officers.states().values()


@pytest.mark.parametrize("name", ["_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml"])
def test_a_removed_base_file_stays_in_force_and_stops_still_work(
    officers: Officers, name: str
) -> None:
    """Without its floor a gateway goes on under the one it has, and a suspension is heard."""
    officers.remove(name)
    officers.look()
    assert {"county": "signed"} == officers.states()
    assert not officers.library.healthy

    _suspend_by_hand(officers)

    assert {"county": "suspended"} == officers.states()


def test_a_vanished_folder_stops_everything(officers: Officers) -> None:
    """A volume that is no longer there carries no agreement."""
    officers.folder.rename(officers.folder.with_name("elsewhere"))

    officers.look()

    assert {} == officers.states()
    assert {} == officers.library.current().flows


def test_a_suspension_works_while_every_yaml_is_broken(officers: Officers) -> None:
    """Signature files are read apart from the YAML."""
    officers.sign("county", [HRO], Action.SUSPEND)
    for name in ("_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml", "county.yaml"):
        officers.write(name, "broken: [")

    officers.look()

    assert {"county": "suspended"} == officers.states()


def test_an_unreadable_file_is_reported(officers: Officers) -> None:
    """A file that is too large, or cannot be read, is refused by name and not passed over."""
    officers.write("county.yaml", b"#" * (LARGEST_BYTES + 1))

    officers.look()

    assert "county.yaml not-in-force" in officers.rules()
    assert {"county": "signed"} == officers.states()
    assert b"" == contents(officers.folder)["county.yaml"]


@pytest.mark.parametrize("stem", ["alpha", "zulu"])
def test_of_two_that_contradict_the_newer_is_refused(officers: Officers, stem: str) -> None:
    """A second provision for one flow stays out, whatever its file is called."""
    officers.second(stem, **{"to: phd": "to: ems"})
    officers.sign(stem, ALL)

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert f"{stem}.yaml not-in-force" in officers.rules()


@pytest.mark.parametrize("stem", ["alpha", "zulu"])
def test_the_newer_is_refused_after_a_restart_too(officers: Officers, stem: str) -> None:
    """Which of two is older is remembered: by when its signature was first seen."""
    officers.second(stem, **{"to: phd": "to: ems"})
    officers.sign(stem, ALL)
    officers.look()

    officers.restart()

    assert {"county": "signed"} == officers.states()


def test_a_prohibition_that_contradicts_what_is_in_force_stays_out(officers: Officers) -> None:
    """A `never` in a newer file cannot push an older agreement out of force."""
    never = 'never:\n  - {id: N9-nothing, clause: "9", dataset: [ems.overdose_run]}\n'
    officers.second("alpha")
    officers.edit("alpha.yaml", "never:\n", never)

    officers.look()

    assert {"county": "signed"} == officers.states()
    assert "alpha.yaml not-in-force" in officers.rules()


def test_a_good_second_agreement_joins(officers: Officers) -> None:
    """Two agreements that do not contradict are both in force, under a higher generation."""
    officers.second()
    officers.sign("alpha", ALL)

    officers.look()

    assert {"county": "signed", "alpha": "signed"} == officers.states()
    assert officers.library.current().generation == 2


def test_a_bad_edit_of_one_leaves_the_other(officers: Officers) -> None:
    """A broken edit keeps its own old version; a good edit beside it is taken."""
    officers.second()
    officers.sign("alpha", ALL)
    officers.look()
    officers.edit("county.yaml", "kind: Agreement", "kind: Agreemnt")
    officers.remove("alpha.yaml")

    officers.look()

    assert {"county": "signed"} == officers.states()


def _rise(officers: Officers, old: str, new: str) -> None:
    """Put a stricter floor in force, with its quorum."""
    officers.edit("_floor.yaml", old, new)
    officers.edit("_floor.yaml", 'version: "1.2.0"', 'version: "1.3.0"')
    officers.sign("_floor", QUORUM)
    officers.look()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_floor_that_rises_tightens_what_lies_below(
    officers: Officers, *, restarted: bool
) -> None:
    """What was signed before stays in force within the floor's numbers, and health says so."""
    _rise(officers, "rows_per_day: 1000000", "rows_per_day: 10")
    if restarted:
        officers.restart()

    current = officers.library.current()
    rules = [rule for several in current.flows.values() for rule in several]

    assert {"county": "signed"} == officers.states()
    assert "1.3.0" == current.floor.version
    assert {10} == {rule.provision.limits.rows_per_day for rule in rules}
    assert {10} == {rule.provision.limits.rows_per_request for rule in rules}
    assert "county.yaml limit-over-floor" in officers.rules()
    assert "county.yaml not-in-force" not in officers.rules()
    assert not officers.library.healthy


def test_a_new_version_below_the_floor_is_refused(officers: Officers) -> None:
    """Nobody signs below a floor that stands: the version in force stays, tightened."""
    _rise(officers, "rows_per_day: 1000000", "rows_per_day: 1000")
    officers.edit("county.yaml", 'version: "1.0.0"', 'version: "1.1.0"')
    officers.sign("county", ALL)

    officers.look()

    [pact] = officers.library.current().pacts
    assert "1.0.0" == pact.agreement.version
    assert "county.yaml not-in-force" in officers.rules()


def test_a_floor_that_forbids_onward_stops_what_lies_below(officers: Officers) -> None:
    """To whom a recipient gives it on no tightening changes: the agreement is out of force."""
    never = 'never:\n  - {id: F9-no-lab-onward, clause: "2.9", dataset: [lab.drug_chemistry], '
    _rise(officers, "never:\n", never + "to_kind: [harm_reduction], onward: true}\n")

    assert {} == officers.states()
    assert "county.yaml not-in-force" in officers.rules()


def test_a_start_without_a_good_set_refuses(tmp_path: Path) -> None:
    """No floor, no gateway; and nothing of a look that failed is asked for later."""
    officers = Officers(tmp_path)
    officers.write("_floor.yaml", "broken: [")

    officers.look()

    with pytest.raises(AgreementError, match="no good set"):
        officers.library.current()
    assert not officers.library.healthy


@pytest.mark.parametrize("stem", ["_floor", "agencies", "purposes"])
def test_a_start_below_the_quorum_refuses(tmp_path: Path, stem: str) -> None:
    """Two of three signatures are not the floor's quorum."""
    officers = Officers(tmp_path)
    officers.remove(f"{stem}.sig.json")
    officers.sign(stem, QUORUM[:2])

    officers.look()

    assert f"{stem}.yaml floor-missing" in officers.rules()
    with pytest.raises(AgreementError):
        officers.library.current()


@pytest.mark.parametrize("stem", ["_floor", "agencies", "purposes"])
def test_an_unapproved_change_of_the_base_is_not_taken(officers: Officers, stem: str) -> None:
    """A floor, registry or purposes below its quorum leaves the old one in force."""
    purposes = officers.library.current().purposes.version
    before = {"_floor": "1.2.0", "agencies": "1.0.0", "purposes": purposes}[stem]
    officers.edit(f"{stem}.yaml", f'version: "{before}"', 'version: "9.0.0"')
    officers.sign(stem, QUORUM[:2])

    officers.look()

    current = officers.library.current()
    versions = {
        "_floor": current.floor.version,
        "agencies": current.registry.version,
        "purposes": current.purposes.version,
    }
    assert before == versions[stem]
    assert {"county": "signed"} == officers.states()


def test_a_new_floor_cannot_appoint_its_own_signers(officers: Officers) -> None:
    """A floor whose quorum is one agency, signed by that agency, is no floor; nor on a restart."""
    some = "[rivertown-ems, rivertown-health, rivertown-pd, safe-steps]"
    officers.edit(
        "_floor.yaml", f"signatures: 3, agencies: {some}", "signatures: 1, agencies: [rivertown-pd]"
    )
    officers.edit("_floor.yaml", 'version: "1.2.0"', 'version: "1.3.0"')
    for stem in ("_floor", "agencies", "purposes"):
        officers.sign(stem, [PD])

    officers.look()
    assert "1.2.0" == officers.library.current().floor.version

    officers.restart()
    with pytest.raises(AgreementError):
        officers.library.current()


def test_a_floor_that_one_key_signed_is_not_in_force(tmp_path: Path) -> None:
    """Where a first floor asks for one signature, the gateway waits for a second key."""
    officers = Officers(tmp_path)
    officers.edit("_floor.yaml", "signatures: 3", "signatures: 1")
    officers.remove("_floor.sig.json")
    officers.sign("_floor", [PD])

    officers.look()
    with pytest.raises(AgreementError):
        officers.library.current()

    officers.sign("_floor", [EMS])
    officers.look()
    assert {"county": "signed"} == officers.states()


def test_a_look_changes_nothing(officers: Officers) -> None:
    """What a look found may be dropped: what is in force, and what is remembered, are as before."""
    memory, before = officers.memory.read_bytes(), officers.library.current()
    officers.sign("county", [HRO], Action.TERMINATE)

    officers.library.look(officers.now)

    assert before is officers.library.current()
    assert () == tuple(f for f in officers.library.findings if f.level == "E")
    assert memory == officers.memory.read_bytes()
    assert officers.library.changed(officers.now)


def test_a_look_that_was_dropped_is_due_again(officers: Officers) -> None:
    """Until a look is put in force, the next one tries again."""
    officers.sign("county", [HRO], Action.SUSPEND)
    officers.library.look(officers.now)
    assert officers.library.changed(officers.now)

    officers.look()

    assert not officers.library.changed(officers.now)
    assert {"county": "suspended"} == officers.states()


def test_a_look_is_due_after_an_hour(officers: Officers) -> None:
    """Some rules hang on the day, and a clock that was set back is not trusted either."""
    assert not officers.library.changed(officers.now)
    officers.pass_time(minutes=59)
    assert not officers.library.changed(officers.now)
    officers.pass_time(minutes=1)
    assert officers.library.changed(officers.now)
    officers.pass_time(days=-1)
    assert officers.library.changed(officers.now)


def test_a_file_put_back_with_its_old_time_is_noticed(officers: Officers) -> None:
    """The time of a file's content can be set back; the look sees the change all the same."""
    path = officers.folder / "county.sig.json"
    about, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b"privacy", b"PRIVACY"))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    assert officers.library.changed(officers.now)


def test_nothing_new_is_no_news(officers: Officers) -> None:
    """A look at the same files puts nothing new in force, so it is no entry of the log."""
    officers.write("README.md", "words\n")

    again = officers.library.look(officers.now)

    assert not officers.library.news(again)
    assert officers.library.current() is again.agreements


def test_a_table_that_the_gateway_lacks_refuses_at_load(tmp_path: Path) -> None:
    """A `zip3` without its table is refused at load, by file and line."""
    officers = Officers(tmp_path)
    bare = FolderLibrary(officers.folder, None, frozenset())

    loaded = bare.look(officers.now)

    said = [one.text() for one in loaded.findings if one.rule == "mask-parameter"]
    assert said[0].startswith("county.yaml:61:")
    assert loaded.agreements is not None
    assert {} == loaded.agreements.flows


def test_files_gives_what_is_in_force(officers: Officers) -> None:
    """A party that asks for the text gets the version in force, not the one being edited."""
    (pact,) = officers.library.current().pacts
    source = officers.text("county.yaml")
    officers.write("county.yaml", "broken: [")
    officers.look()

    assert source.encode() == officers.library.files(pact)[0]

    officers.remove("county.yaml")
    officers.look()
    with pytest.raises(NotFoundError):
        officers.library.files(pact)


def test_flows_are_those_of_the_files(officers: Officers) -> None:
    """The index names provider, recipient, dataset and purpose of every provision."""
    key = FlowKey(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance")

    assert key in officers.library.current().flows


def _suspend_by_hand(officers: Officers) -> None:
    """Add a suspension that was signed while the folder was whole."""
    whole = Officers(officers.folder.parent / "whole")
    whole.sign("county", [HRO], Action.SUSPEND)
    given = json.loads(whole.text("county.sig.json"))
    mine = json.loads(officers.text("county.sig.json"))
    officers.write("county.sig.json", json.dumps([*mine, given[-1]]))
    officers.look()
