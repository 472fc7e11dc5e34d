"""`accord agreements sign` and `verify`: only what counts is written; who is missing is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.agreement.signing import Action
from gateway.cli.agreements import run_verify
from gateway.cli.signing import Signer, run_sign
from gateway.errors import AgreementError, SettingsError
from tests.agreement.county import AGREEMENT, private
from tests.library.officers import ALL, EMS, HRO, OTP, PD, PHD, Officers

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2027-06-15T12:00:05Z"
LATER = "2027-06-15T12:00:09Z"
PARTIES = ("  ems:", "  hro:", "  phd:")
"""Lines of the small county's parties, without those of police and of treatment."""


@pytest.fixture
def officers(tmp_path: Path) -> Officers:
    """Return a signed folder."""
    return Officers(tmp_path)


def sign(officers: Officers, holder: str = HRO, **changed: str) -> int:
    """Sign, as the verb does, with the key of `holder`."""
    key = officers.folder.parent / f"{holder}.key"
    if not key.exists():
        key.write_bytes(
            private(holder).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    who = Signer(
        changed.get("agency", holder),
        changed.get("key", str(key)),
        changed.get("key_id", ""),
        changed.get("role", "privacy officer"),
    )
    name, act = changed.get("name", "county"), Action(changed.get("action", "activate"))
    return run_sign(str(officers.folder), name, who, act, changed.get("now", NOW))


def verify(officers: Officers, now: str = LATER) -> int:
    """Verify, as the verb does."""
    return run_verify(str(officers.folder), now)


def count(officers: Officers, stem: str = "county") -> int:
    """Return how many statements stand beside a file."""
    path = officers.folder / f"{stem}.sig.json"
    return len(json.loads(path.read_text())) if path.exists() else 0


def test_a_signed_folder_verifies(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, a line for each file that is signed."""
    assert 0 == verify(officers)
    assert "county@1.0.0" in (out := capsys.readouterr().out)
    assert "active, 5 of 5 parties" in out
    assert 3 == out.count("quorum reached")


def test_a_missing_party_is_named(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 5, and who has not signed."""
    officers.remove("county.sig.json")
    officers.sign("county", ALL[:4])

    assert 5 == verify(officers)
    assert f"4 of 5 parties; missing: {ALL[4]}" in capsys.readouterr().out


def test_a_missing_quorum_is_counted(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 5 where the floor lacks a signature."""
    officers.remove("_floor.sig.json")
    officers.sign("_floor", [EMS, HRO])

    assert 5 == verify(officers)
    assert "1 of the quorum missing" in capsys.readouterr().out


def test_an_invalid_signature_is_said(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 5, whose and why."""
    officers.edit("county.sig.json", '"role": "privacy officer"', '"role": "somebody"')

    assert 5 == verify(officers)
    assert "does not hold" in capsys.readouterr().out


def test_all_sign_by_the_verb(officers: Officers) -> None:
    """Party by party, in any order, until the last one."""
    officers.remove("county.sig.json")
    for agency in reversed(ALL):
        assert 5 == verify(officers)
        assert 0 == sign(officers, agency)

    assert 0 == verify(officers)
    officers.look()
    assert {"county": "signed"} == officers.states()


def test_signing_twice_says_nothing_new(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is as before."""
    before = officers.text("county.sig.json")

    assert 0 == sign(officers)

    assert before == officers.text("county.sig.json")
    assert "already" in capsys.readouterr().out


def test_findings_forbid_signing(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """E and S findings: exit 1, and nothing is written."""
    officers.remove("county.sig.json")
    assert 1 == sign(officers, now="2027-10-15T00:00:00Z")
    assert "review-overdue" in capsys.readouterr().err
    officers.edit("county.yaml", "withhold: [source_agency", "withold: [source_agency")

    assert 1 == sign(officers)

    assert "unknown-key" in capsys.readouterr().err
    assert 0 == count(officers)


@pytest.mark.parametrize("name", ["_floor", "agencies", "purposes", "other"])
def test_nothing_is_signed_beside_what_is_wrong(
    officers: Officers, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """What is signed is judged with all that it stands beside: there is no such set to sign."""
    if name == "other":
        officers.write(
            "other.yaml", officers.text("county.yaml").replace("id: county\n", "id: other\n")
        )
    else:
        officers.remove(f"{name}.sig.json")
    officers.edit("county.yaml", "notice: responder-alert@1", "notice: absent@1")

    assert 1 == sign(officers, PHD, name=name)

    assert "notice-unknown" in capsys.readouterr().err
    assert 0 == count(officers, name)


def test_a_waiver_that_is_none_forbids_signing(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody believes that a warning is silenced: the comment is shown, nothing is written."""
    officers.remove("county.sig.json")
    officers.edit("county.yaml", "log: {", "# accord: ignore wildcard\nlog: {")

    assert 1 == sign(officers)
    assert 0 == count(officers)
    told = capsys.readouterr().err
    assert "county.yaml" in told
    assert "waiver-invalid" in told
    assert "\n      # accord: ignore wildcard\n      ^\n" in told


@pytest.mark.parametrize(
    ("agency", "changed", "said"),
    [
        (HRO, {"name": "nothing"}, "no such file"),
        (HRO, {"key_id": "safe-steps-9"}, "not a signing key"),
        (HRO, {"agency": EMS}, "does not hold"),
        (HRO, {"agency": "stranger"}, "no party"),
        (HRO, {"role": "two\nlines"}, "role"),
        (HRO, {"key": "absent.key"}, "--key"),
        (HRO, {"now": "noon"}, "--now"),
        (HRO, {"name": "_floor", "action": "suspend"}, "quorum"),
        ("eastside-treatment", {"name": "_floor"}, "no party"),
    ],
)
def test_what_would_not_count_is_not_written(
    officers: Officers, agency: str, changed: dict[str, str], said: str
) -> None:
    """Another agency's key, one that the registry lacks, a word that nobody counts."""
    officers.remove("county.sig.json")

    with pytest.raises(SettingsError, match=said):
        sign(officers, agency, **changed)

    assert 0 == count(officers)
    assert 3 == count(officers, "_floor")


def test_another_kind_of_key_is_said(officers: Officers) -> None:
    """An elliptic key of another curve signs no agreement."""
    path = officers.folder.parent / "p256.key"
    path.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    with pytest.raises(SettingsError, match="Ed25519"):
        sign(officers, key=str(path))


def test_a_damaged_signature_file_is_not_replaced(officers: Officers) -> None:
    """There may be a suspension in it: somebody must look."""
    officers.write("county.sig.json", "[")

    with pytest.raises(AgreementError, match="not replaced"):
        sign(officers, action="suspend")

    assert "[" == officers.text("county.sig.json")


def test_suspend_resume_terminate(officers: Officers, capsys: pytest.CaptureFixture[str]) -> None:
    """One suspends, all resume, one ends it; each is said."""
    sign(officers, PD, action="suspend")
    assert "suspended" in capsys.readouterr().out
    for agency in ALL:
        sign(officers, agency, action="resume", now=LATER)
    assert "active" in capsys.readouterr().out.splitlines()[-1]
    sign(officers, EMS, action="terminate", now=LATER)
    assert "terminated" in capsys.readouterr().out


def test_a_second_suspension_counts(officers: Officers) -> None:
    """After a resumption, a suspension says something new."""
    sign(officers, PD, action="suspend")

    sign(officers, PD, action="suspend", now=LATER)

    assert 7 == count(officers)


@pytest.mark.parametrize("name", ["county.yaml", "agencies.yaml", "_floor.yaml"])
def test_a_suspension_is_signed_while_a_file_is_broken(officers: Officers, name: str) -> None:
    """Whatever is broken, a party can stop its traffic, by the version that was signed last."""
    officers.look()
    officers.write(name, "broken: [")

    assert 0 == sign(officers, action="suspend")

    officers.look()
    assert {"county": "suspended"} == officers.states()
    assert 1 == sign(officers, action="resume", now=LATER)


# --- what is shown first ---


def test_whoever_signs_sees_tests_and_what_changed(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new version is told beside the one that was signed here before, wider first."""
    assert 0 == sign(officers, EMS)
    first = capsys.readouterr().out
    for file in ("county.yaml", "county.test.yaml"):
        officers.edit(file, "1.0.0", "1.1.0")
    officers.edit("county.yaml", "requests_per_minute: 60", "requests_per_minute: 61")

    assert 0 == sign(officers, HRO)

    second = capsys.readouterr().out
    assert "county@1.0.0: no earlier version was signed here" in first
    assert "county@1.1.0 beside county@1.0.0, which was signed:" in second
    assert "requests_per_minute: 60 -> 61" in second
    assert second.index("WIDENED") < second.index("county: 28 passed")


def test_the_text_that_was_signed_is_kept(officers: Officers) -> None:
    """Byte by byte, under its version, where no gateway reads it."""
    sign(officers, EMS)

    kept = officers.folder / "signed" / "county@1.0.0.yaml"
    assert officers.text("county.yaml") == kept.read_text()
    assert 0 == verify(officers)


def test_failing_tests_forbid_signing(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, which test failed and why; nothing is written."""
    officers.edit("county.test.yaml", "person_last_name: Sample}]}", "person_last_name: Test}]}")
    before = count(officers)

    assert 1 == sign(officers, HRO)

    told = capsys.readouterr()
    assert "county: 27 passed, 1 failed" in told.out
    assert "failing tests forbid signing" in told.err
    assert before == count(officers)
    assert not (officers.folder / "signed").exists()


def test_what_is_not_tested_forbids_signing(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without tests there is no signature; another agreement's lack of them is its own."""
    officers.second()

    assert 0 == sign(officers, HRO)
    assert 1 == sign(officers, HRO, name="alpha")
    assert "there is no `alpha.test.yaml`" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["suspend", "terminate", "resume"])
def test_what_is_signed_already_waits_for_no_test(officers: Officers, action: str) -> None:
    """A stop, and its end, are of a text that was signed: tests that fail since change nothing."""
    officers.edit("county.test.yaml", "person_last_name: Sample}]}", "person_last_name: Test}]}")
    before = count(officers)

    assert 0 == sign(officers, HRO, action=action)
    assert before + 1 == count(officers)


def test_nothing_is_signed_that_is_not_agreed_to(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever says no to what they are asked has signed nothing."""
    sign(officers, HRO)
    officers.remove("county.sig.json")
    key = str(officers.folder.parent / f"{HRO}.key")
    questions: list[str] = []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    assert 1 == run_sign(
        str(officers.folder), "county", Signer(HRO, key), Action.ACTIVATE, NOW, agreed=no
    )
    assert ["activate county@1.0.0 for safe-steps?"] == questions
    assert "nothing was signed" in capsys.readouterr().out
    assert 0 == count(officers)


def test_who_wrote_and_who_signs_last_are_two(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the floor asks for one signature, its author's alone is none; a second key's makes it.

    Not the tool alone says so: `verify`, and the gateway with the same words, count keys.
    """
    officers.edit("_floor.yaml", "signatures: 3", "signatures: 1")
    officers.remove("_floor.sig.json")

    assert 0 == sign(officers, EMS, name="_floor")
    assert 5 == verify(officers)
    assert "_floor@1.2.0    1 of the quorum missing\n" in capsys.readouterr().out
    assert 0 == sign(officers, PD, name="_floor")
    assert 0 == verify(officers)


def test_whoever_resumes_is_told_who_else_has_to(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """One party stops it; each resumption names the parties that are left, and the last none."""
    assert 0 == sign(officers, HRO, action="suspend")
    told = capsys.readouterr().out
    assert f"suspended by {HRO}, 5 of 5 parties; goes on once `resume` is signed by " in told
    assert all(one in told.rpartition("signed by")[2] for one in ALL)

    for place, one in enumerate(ALL, 1):
        assert 0 == sign(officers, one, action="resume", now=LATER)
        [*_, line] = capsys.readouterr().out.splitlines()
        assert {*ALL[place:]} == {name for name in ALL if name in line.partition("`resume`")[2]}
        assert ("active, 5 of 5 parties" in line) == (one == ALL[-1])


def test_members_of_the_quorum_are_told_how_many_more_it_takes(
    officers: Officers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of the floor's agencies stop an agreement of others; two stop nothing, and hear it."""
    absent = {f"{line}\n": "" for line in AGREEMENT.splitlines() if line[:6] in PARTIES}
    officers.second("alpha", **absent, **{"police, to: phd": "police, to: otp"})
    officers.sign("alpha", [PD, OTP])
    told = []
    for one in (EMS, HRO, PHD):
        assert 0 == sign(officers, one, name="alpha", action="suspend")
        told.append(capsys.readouterr().out.splitlines()[-1].partition("  ")[2])

    active = "active, 2 of 2 parties; {} would suspend it: {} more of the floor's quorum have to"
    stopped = "suspended by {}, 2 of 2 parties; goes on once `resume` is signed by {}, {}"
    assert [
        active.format(EMS, 2),
        active.format(f"{EMS}, {HRO}", 1),
        stopped.format(f"{EMS}, {PHD}, {HRO}", OTP, PD),
    ] == told
