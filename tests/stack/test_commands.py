"""The commands as people type them: each help's own example, exit codes, a killed gateway.

What serves, what is killed and what tells by its exit code are processes; the rest is run here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import typer.main

from gateway.cli.demo.town import free_ports
from gateway.cli.main import app
from tests.stack.county import EMS, PHD, audit
from tests.verbs import accord

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCORD: Final = str(Path(sys.executable).parent / "accord")
WAIT_S: Final = 40.0
RUNS: Final = (
    "--from",
    EMS,
    "--dataset",
    "ems.overdose_run@1",
    "--fields",
    "incident_date,age,sex",
)
SURVEILLANCE: Final = ("--purpose", "public_health.surveillance")
LATER: Final = frozenset({"demo", "serve", "adapter serve", "init"})
"""Verbs whose examples the county of these tests is made by, or that have a test of their own."""

ABOUT_PEOPLE: Final = "log accounting"
"""Verbs whose examples are run over a log that knows somebody, in `tests/cli`."""


STOPPED: Final = {
    "agreements impact": {0},
    "keys list": {0},
    "log migrate": {0},
    "log proof": {1},
    "log query": {0, 1},
    "log report": {0},
}
"""Verbs over a log that no gateway has, and how their examples may end: of an exchange that is not
there, and of refusals where there may be none."""
CHANGING: Final = frozenset(
    {f"keys {verb}" for verb in ("destroy", "lost", "retire", "rewrap", "rotate")}
) | {"log incident"}
"""Verbs after which this is another deployment: their examples are tried in `tests/cli`."""
SUSPENDING: Final = ("agreements suspend", "agreements resume", "agreements terminate")
"""Verbs that stop what the others ask under: their examples are run last, in this order."""


def _verbs(command: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - click
    """Yield every verb with the example of its help."""
    below = getattr(command, "commands", {})
    for part, one in below.items():
        yield from _verbs(one, f"{name} {part}".strip())
    if not below:
        yield name, str(command.epilog or "")


VERBS: Final = dict(_verbs(typer.main.get_command(app)))


class Deployed:
    """A county that `accord init` wrote, and the processes that serve it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end, in this process."""
        return accord(*arguments, folder=self.folder)

    def process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end, as a process of its own."""
        return subprocess.run(  # noqa: S603 - our own command, without a shell
            [ACCORD, *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
            timeout=WAIT_S, env=_quiet(),
        )  # fmt: skip

    def begin(self, name: str, *arguments: str) -> None:
        """Start a verb that goes on."""
        with self._said(name).open("w") as said:
            self.processes[name] = subprocess.Popen(  # noqa: S603
                [ACCORD, *arguments], cwd=self.folder, text=True,
                stdout=subprocess.PIPE, stderr=said, env=_quiet(),
            )  # fmt: skip

    def ready(self, name: str) -> None:
        """Return when a process has said that it serves."""
        out = self.processes[name].stdout
        assert out is not None
        assert out.readline(), f"{name} ended: {self._said(name).read_text()}"

    def _said(self, name: str) -> Path:
        """Return where the standard error of a process goes: a full pipe would stop it."""
        return self.folder / f"{name}.err"

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        """Signal a process that these tests started, and return how it ended."""
        process = self.processes.pop(name)
        process.send_signal(number)
        code = process.wait(WAIT_S)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def request(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Ask as the health department."""
        client = f"county/agencies/{PHD}/client.toml"
        return self.process("request", "--client", client, *RUNS, *more)


def _quiet() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("GRPC_")}


COUNTS = """town,age,count
Ashford,young,12
Ashford,old,40
Ashford,Total,52
Birch,young,31
Birch,old,25
Birch,Total,56
Total,young,43
Total,old,65
Total,Total,108
"""
"""Made up; nothing in it is small."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Return a county that serves, made by the examples of `init`, `serve` and `adapter serve`."""
    made = Deployed(tmp_path_factory.mktemp("commands"))
    first, _, second = VERBS["init"].removeprefix("Example: ").partition(" && ")
    written = made.run(*first.split()[1:], "--port", str(free_ports(16)[0]))
    assert 0 == written.returncode, written.stderr
    assert VERBS["serve"].startswith(f"Example: {second}")
    try:
        made.begin("adapter", *VERBS["adapter serve"].split()[2:])
        made.begin("gateway", *VERBS["serve"].split()[2:])
        made.ready("adapter")
        made.ready("gateway")
        # The officers' verbs are typed beside a folder of that name.
        shutil.copytree(made.folder / "county" / "agreements", made.folder / "agreements")
        # And a spreadsheet of theirs, and a partner's.
        (made.folder / "counts.csv").write_text(COUNTS)
        (made.folder / "theirs.csv").write_text(COUNTS)
        # And a paper that was signed.
        (made.folder / "MOU-2027-001.pdf").write_bytes(b"made up")
        yield made
    finally:
        for name in list(made.processes):
            made.end(name, signal.SIGKILL)


@pytest.mark.parametrize("verb", VERBS)
def test_each_help_has_an_example(verb: str) -> None:
    """Whoever asks a verb for help is shown a line to copy."""
    assert VERBS[verb].startswith(f"Example: accord {verb}")


def test_the_examples_work(deployed: Deployed) -> None:
    """Each example is run as it is printed.

    That of `explain` is a refusal, and says so; `duty attest` is of an exchange that is not there.
    """
    expected = {"agreements explain": 7, "duty attest": 1}
    # The log is shown and exported after something happened, and shown when the gateway is stopped.
    people = {verb for verb in VERBS if verb.startswith(ABOUT_PEOPLE)}
    alone = STOPPED.keys() | CHANGING | {"log show", "log verify", *SUSPENDING}
    order = sorted(VERBS.keys() - LATER - people - alone)
    ended = {}
    for verb in ["request", *[one for one in order if one != "request"], "log verify", *SUSPENDING]:
        done = deployed.run(*shlex.split(VERBS[verb].removeprefix("Example: accord ")))
        ended[verb] = (done.returncode, done.stderr[-300:] if done.returncode else "")
        if verb == "request":
            # What an auditor kept: here, what the agency did.
            kept = deployed.folder / f"county/agencies/{PHD}/checkpoint"
            shutil.copy(kept, deployed.folder / "kept.checkpoint")

    codes = {verb: code for verb, (code, _) in ended.items()}
    assert {verb: expected.get(verb, 0) for verb in codes} == codes, ended
    rows = (deployed.folder / "runs.csv").read_text().splitlines()
    assert rows[0].startswith("incident_date,")
    assert len(rows) > 50


def test_the_examples_over_a_stopped_log_work(deployed: Deployed) -> None:
    """With the gateway down its log can be read by whoever has the settings; then it serves on."""
    assert 0 == deployed.end("gateway")
    try:
        ended = {}
        for verb in STOPPED:
            done = deployed.run(*VERBS[verb].removeprefix("Example: accord ").split())
            ended[verb] = (done.returncode, done.stderr[-300:])
    finally:
        deployed.begin("gateway", "serve", "county/gateway.toml")
        deployed.ready("gateway")

    assert [] == [verb for verb, codes in STOPPED.items() if ended[verb][0] not in codes], ended


def test_exit_codes_tell_what_happened(deployed: Deployed) -> None:
    """0 served, 7 refused with clause and reason on standard error, 2 wrong usage."""
    served = deployed.request(*SURVEILLANCE, "-o", "again.jsonl")
    refused = deployed.request("--purpose", "research.approved_study", "-o", "never.csv")
    usage = deployed.request(*SURVEILLANCE, "-o", "runs.exe")

    assert 0 == served.returncode, served.stderr
    assert {"incident_date", "age", "sex"} <= set(
        json.loads((deployed.folder / "again.jsonl").read_text().splitlines()[0])
    )
    assert 7 == refused.returncode
    assert re.search(r"reason\s+NO_PROVISION", refused.stderr)
    assert re.search(r"log entry\s+\d+", refused.stderr)
    assert not (deployed.folder / "never.csv").exists()
    assert 2 == usage.returncode


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'replica = "one"',
            'replica = "one"\nreplicas = 2',
            r":\d+: `gateway.replicas`: unknown key",
        ),
        ('kek = "kek/kek"', "kek = 7", r":\d+: `keys.kek`"),
        ('main = "127', 'main = "no where ', r":\d+: `listen.main`"),
    ],
)
def test_settings_errors_name_line_and_key(
    deployed: Deployed, old: str, new: str, said: str
) -> None:
    """A setting that is wrong is told by file, line and key, in one line, with exit code 2."""
    text = (deployed.folder / "county" / "gateway.toml").read_text()
    assert old in text
    other = deployed.folder / "county" / "other.toml"
    other.write_text(text.replace(old, new, 1))

    done = deployed.run("serve", "county/other.toml")

    assert 2 == done.returncode
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_gateway_recovers(deployed: Deployed, tmp_path: Path) -> None:
    """Killed during traffic it starts again by itself; what was received is in a clean log."""
    asking = [
        subprocess.Popen(  # noqa: S603
            [ACCORD, "request", "--client", f"county/agencies/{PHD}/client.toml", *RUNS,
             *SURVEILLANCE, "-o", f"killed-{number}.csv", "--timeout", "20"],
            cwd=deployed.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=_quiet(),
        )
        for number in range(3)
    ]  # fmt: skip
    database = deployed.folder / "county" / "data" / "exchange-log.sqlite-wal"
    before = database.stat().st_size
    until = time.monotonic() + 10
    while database.stat().st_size == before and time.monotonic() < until:
        time.sleep(0.005)

    killed = deployed.end("gateway", signal.SIGKILL)
    deployed.begin("gateway", "serve", "county/gateway.toml")
    deployed.ready("gateway")
    codes = [one.wait(WAIT_S) for one in asking]

    assert -signal.SIGKILL == killed
    assert set(codes) <= {0, 1}, codes
    received = [n for n, code in enumerate(codes) if code == 0]
    for number in received:
        assert (deployed.folder / f"killed-{number}.csv.receipt").exists()
    assert 0 == deployed.end("gateway")
    exported = deployed.run("log", "export", "county/gateway.toml", str(tmp_path / "log"))
    receipts = [
        part for number in received for part in ("--receipt", f"killed-{number}.csv.receipt")
    ]
    # Killed before anybody had an answer, nobody holds a checkpoint yet.
    checkpoint = deployed.folder / f"county/agencies/{PHD}/checkpoint"
    held = ("--held", str(checkpoint)) if checkpoint.exists() else ("--first",)
    verified = deployed.run(
        "log", "verify", str(tmp_path / "log"), "--vkey", "county/log.vkey", *held, *receipts
    )

    assert 0 == exported.returncode, exported.stderr
    assert 0 == verified.returncode, verified.stdout + verified.stderr
    vkey = (deployed.folder / "county" / "log.vkey").read_text().strip()
    database = deployed.folder / "county" / "data" / "exchange-log.sqlite"
    assert [] == audit(database, tmp_path / "again", vkey)
    deployed.begin("gateway", "serve", "county/gateway.toml")
    deployed.ready("gateway")


def test_show_and_a_stop(deployed: Deployed) -> None:
    """A stopped gateway ends with 0; then one exchange can be shown by its id, as help says."""
    done = deployed.request(*SURVEILLANCE, "-o", "shown.csv")
    assert 0 == done.returncode, done.stderr
    receipt = json.loads((deployed.folder / "shown.csv.receipt").read_text())

    stopped = deployed.end("gateway")
    words = VERBS["log show"].removeprefix("Example: accord ").split()
    shown = deployed.run(*words[:-1], receipt["exchange_id"])
    deployed.begin("gateway", "serve", "county/gateway.toml")
    deployed.ready("gateway")

    assert (0, 0) == (stopped, shown.returncode), shown.stderr
    for kind in ("intent", "release", "outcome"):
        assert kind in shown.stdout
    assert "pseudonym" not in shown.stdout
    assert "4.3" in shown.stdout
