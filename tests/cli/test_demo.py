"""`accord demo` as a stranger runs it: as a process, with its output piped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Verifier
from gateway.audit.verify import exit_code, verify
from gateway.auditor.folder import FolderReader

if TYPE_CHECKING:
    from pathlib import Path

BOUND_S = 110
DEMO = (sys.executable, "-P", "-c", "from gateway.cli.start import main; main()", "demo")
AGENCIES = ("rivertown-ems", "rivertown-pd", "rivertown-health", "safe-steps")

pytestmark = pytest.mark.timeout(BOUND_S + 60)


def demo(home: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo with a temporary folder of its own."""
    environment = {**os.environ, "TMPDIR": str(home), "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.Popen(  # noqa: S603 - our own program
        [*DEMO, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        encoding="utf-8",
    )


def ports_of(folder: Path) -> list[int]:
    """Return where the processes of a county listen, as its settings say."""
    settings = tomllib.loads((folder / "gateway.toml").read_text(encoding="utf-8"))
    places = [settings["listen"]["main"]]
    places += [adapter["address"] for adapter in settings["adapters"].values()]
    return [int(place.rpartition(":")[2]) for place in places]


def serving(ports: list[int]) -> list[int]:
    """Return those ports that somebody listens on."""
    found = []
    for port in ports:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
    return found


def gone(ports: list[int]) -> bool:
    """Wait a little for processes that were told to end, and say whether they have."""
    until = time.monotonic() + 10
    while serving(ports) and time.monotonic() < until:
        time.sleep(0.1)
    return not serving(ports)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """Run the demo once: the county that it kept, what it printed, its exit code."""
    home = tmp_path_factory.mktemp("demo")
    folder = home / "kept"
    process = demo(home, "--keep", str(folder))
    try:
        said, errors = process.communicate(timeout=BOUND_S)
    finally:
        process.kill()
    assert not errors.count("Traceback"), errors
    return folder, said, process.returncode


def test_it_ends_well(kept: tuple[Path, str, int]) -> None:
    """It ends with exit code 0, and nothing is left running."""
    folder, said, code = kept

    assert 0 == code, said
    assert gone(ports_of(folder))


@pytest.mark.parametrize(
    "line",
    [
        "under clause 4.1, P1-outreach-referral",
        "under clause 4.2, P2-seizures-for-responders",
        "under clause 4.3, P3-overdose-runs",
        "under clause 4.5, P5-naloxone-counts",
        "refused  PROHIBITED, step 3, clause 2.1",
        "refused  NO_PROVISION, step 4",
        "refused  CELL_RELEASED, step 6, clause 4.5",
        "the record of the person who opted out did not come",
        "suppressed",
        "pseudonym of this flow",
        "4 receipts stand in it",
    ],
)
def test_it_shows_each_exchange(kept: tuple[Path, str, int], line: str) -> None:
    """Each release comes with its clause, each refusal with its reason, the log with its proof."""
    _, said, _ = kept

    assert line in said


def test_what_is_withheld_is_shown_on_the_left_alone(kept: tuple[Path, str, int]) -> None:
    """Side by side: a withheld field has the provider's value, a dash, and the word."""
    _, said, _ = kept

    lines = [line.split() for line in said.splitlines() if line.startswith("Patient.birthDate")]

    assert [["—", "withheld"]] == [line[2:] for line in lines]


def test_a_kept_county_has_its_log(kept: tuple[Path, str, int]) -> None:
    """`log/` and `log.vkey` verify offline, held against what an agency kept, without a finding."""
    folder, _, _ = kept
    verifier = Verifier.from_vkey((folder / "log.vkey").read_text().strip())
    held = (folder / "agencies" / "rivertown-health" / "checkpoint").read_text()

    found = list(verify(FolderReader(folder / "log"), [verifier], held=[held]))

    assert 0 == exit_code([one.code for one in found]), found


def test_a_kept_county_can_be_served_again(kept: tuple[Path, str, int]) -> None:
    """Settings of the gateway, and of adapter and client of every agency, are there."""
    folder, _, _ = kept
    wanted = [folder / "gateway.toml"]
    for agency in AGENCIES:
        home = folder / "agencies" / agency
        wanted += [home / "adapter.toml", home / "client.toml"]

    assert [] == [path for path in wanted if not path.is_file()]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """`--keep` never writes among another's files: exit code 2, nothing touched."""
    (tmp_path / "mine").write_text("mine")

    process = demo(tmp_path, "--keep", str(tmp_path))
    _, errors = process.communicate(timeout=BOUND_S)

    assert (2, ["mine"]) == (process.returncode, [path.name for path in tmp_path.iterdir()])
    assert "`--keep`" in errors


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        *(pytest.param(n, marks=pytest.mark.long) for n in (signal.SIGINT, signal.SIGTERM)),
    ],
)
def test_nothing_is_left_when_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    """Interrupted, told to end or killed: no process stays, and only SIGKILL leaves the folder."""
    process = demo(tmp_path)
    assert process.stderr is not None
    with process:
        for line in process.stderr:
            if " asks " in line:  # every process serves now
                break
        (county,) = tmp_path.iterdir()
        ports = ports_of(county)
        assert ports == serving(ports)

        process.send_signal(number)
        process.communicate(timeout=BOUND_S)

    assert gone(ports)
    if number is not signal.SIGKILL:
        assert (130, []) == (process.returncode, list(tmp_path.iterdir()))
