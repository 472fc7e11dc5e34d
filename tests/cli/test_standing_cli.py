"""`accord agreements status` and `digest`: what wants attention, and what exactly is signed."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.signing import Action
from gateway.cli.officers import EXIT_ATTENTION
from gateway.cli.standing import SOON_DAYS, run_digest, run_status
from gateway.errors import SettingsError
from tests.agreement.mutants import NAME, signed
from tests.library.officers import EMS, Officers

if TYPE_CHECKING:
    from pathlib import Path

AT = "2027-06-15T12:00:09Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a signed county's folder."""
    for name, data in signed().items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
    return tmp_path


def test_nothing_wants_attention(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All signed, and nothing near its end."""
    assert 0 == run_status(str(folder), "")
    assert f"nothing runs out within {SOON_DAYS} days\n" in capsys.readouterr().out


@pytest.mark.parametrize(("left", "due"), [(60, False), (59, True)])
def test_an_end_is_told_in_time(
    folder: Path, capsys: pytest.CaptureFixture[str], left: int, *, due: bool
) -> None:
    """Sixty days before the last day nothing is said; a day later it is."""
    found = re.search(r'expires: "([0-9-]+)"', (folder / f"{NAME}.yaml").read_text())
    assert found is not None
    day = dt.date.fromisoformat(found[1]) - dt.timedelta(days=left)

    code = run_status(str(folder), f"{day}T12:00:00Z")

    told = capsys.readouterr().out
    assert due == (f"{NAME}@1.0.0 ends: {found[1]}, in {left} days" in told)
    assert not due or code == EXIT_ATTENTION


def test_a_missing_signature_wants_attention(folder: Path) -> None:
    """Whatever else is in order."""
    (folder / f"{NAME}.sig.json").unlink()

    assert EXIT_ATTENTION == run_status(str(folder), "")


def test_what_somebody_stops_wants_attention(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All signed and nothing near its end, and one party has suspended it."""
    officers = Officers(tmp_path)
    assert 0 == run_status(str(officers.folder), AT)
    officers.sign("county", [EMS], Action.SUSPEND)
    capsys.readouterr()

    assert EXIT_ATTENTION == run_status(str(officers.folder), AT)
    told = capsys.readouterr().out
    assert f"suspended by {EMS}, 5 of 5 parties" in told
    assert "nothing runs out" not in told


@pytest.mark.parametrize(("mode", "told"), [("push", True), ("pull", False)])
def test_what_no_gateway_loads_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], mode: str, *, told: bool
) -> None:
    """A file that pushes is in force in no gateway of this version, and `status` says so."""
    (folder / f"{NAME}.sig.json").unlink()
    file = folder / f"{NAME}.yaml"
    before, seizures, after = file.read_text().partition("- id: P2-")
    file.write_text(before + seizures + after.replace("mode: pull", f"mode: {mode}", 1))

    run_status(str(folder), "")

    assert told == (f"not loaded {NAME}@1.0.0: it delivers by push" in capsys.readouterr().out)


@pytest.mark.parametrize("name", [NAME, "_floor", "agencies", "purposes"])
def test_a_digest_is_of_the_bytes_that_are_signed(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes], name: str
) -> None:
    """SHA-256 of what `--canonical` prints, and the one that the statements name."""
    assert 0 == run_digest(str(folder), name, "", spelled=True)
    data = capfdbinary.readouterr().out
    assert 0 == run_digest(str(folder), name, "", spelled=False)
    told = capfdbinary.readouterr().out.decode()

    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert told.startswith(f"{digest}  {name}@")
    assert digest in (folder / f"{name}.sig.json").read_text()


def test_what_is_bound_in_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each dataset, notice and purpose with its digest, and what the registry says of parties."""
    assert 0 == run_digest(str(folder), NAME, "", spelled=False)

    told = capsys.readouterr().out
    assert "  dataset   referral.post_overdose@1 " in told
    assert "  party     ems        rivertown-ems, ems, " in told
    with pytest.raises(SettingsError, match="there is no `absent`"):
        run_digest(str(folder), "absent", "", spelled=False)
