"""`accord log accounting`: from options to paper, over a deployment's own log."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gateway.audit.checkpoint import Verifier
from gateway.audit.proof import verify_proof
from gateway.broker.subjects import Person, tokens_of
from gateway.cli.accounting.app import accounting
from gateway.cli.accounting.people import parts_of
from gateway.cli.main import app
from gateway.errors import RequestError, SettingsError
from tests.cli.deployed import deploy, opened
from tests.store.town import (
    DIGEST,
    NOW,
    a_keep,
    a_release,
    an_agreement,
    an_id,
    an_intent,
    an_outcome,
)

if TYPE_CHECKING:
    from pathlib import Path

WHO = "rivertown-ems/name-birth=SYNTHETIC|PERSON|1990-01-31"
PERSON = Person("rivertown-ems/name-birth", ("SYNTHETIC", "PERSON", "1990-01-31"))
CANARY = "SYNTHETIC"
TO = "rivertown-health"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the settings of a deployment whose log has three exchanges about one person."""
    path = deploy(tmp_path_factory.mktemp("accounting") / "county")

    async def run() -> None:
        log, keys = opened(path, create=True)
        await log.note(an_agreement())
        year = int(log.reads.rows("SELECT t FROM log_entry LIMIT 1")[0][0]) // 31_556_952_000 + 1970
        tokens = tuple(tokens_of([PERSON], [keys.subject(year)]))
        for number in (1, 2, 3):
            ticket = await log.intent(
                an_intent(an_id(number), provider="rivertown-ems", recipient=TO),
                recipient=TO,
                request_id=f"r{number}",
                request_digest=DIGEST,
                now=NOW,
            )
            await ticket.release(a_release(an_id(number), 0, 1, tokens), a_keep(f"r{number}"))
            await ticket.outcome(an_outcome(an_id(number)))
        await log.close()

    asyncio.run(run())
    return path


def call(*arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 - typer's result
    """Call a verb, as a shell does."""
    return CliRunner().invoke(app, ["log", "accounting", *arguments], input=stdin)


def test_the_person_gets_repeats_in_one_line(deployed: Path) -> None:
    """Without a verb it lists; identifiers are on no paper."""
    found = call(str(deployed), "--person", WHO)

    assert 0 == found.exit_code
    assert "repeated  3 times" in found.stdout
    assert "1 lines" in found.stdout
    assert "incident date (truncate), patient zip (zip3), naloxone" in found.stdout
    assert CANARY not in found.stdout


def test_an_auditor_gets_each_with_its_proof(deployed: Path) -> None:
    """The JSON has a tlog-proof for each line, which holds under the log's key."""
    found = call("list", str(deployed), "--person", WHO, "--for", "auditor", "--json")

    value = json.loads(found.stdout)
    verifier = Verifier.from_vkey((deployed.parent / "log.vkey").read_text().strip())
    assert 3 == len(value["lines"])
    assert 0 == value["withheld"]
    assert 1 <= value["looked_up"]
    for line in value["lines"]:
        assert line["index"] == verify_proof(line["proof"], line["leaf"].encode(), verifier)[0]


def test_nobody_is_found_by_another_name(deployed: Path) -> None:
    """Exit 1, and an empty page."""
    other = "rivertown-ems/name-birth=SYNTHETIC|OTHER|1990-01-31"

    found = call(str(deployed), "--person", other)

    assert 1 == found.exit_code
    assert "no lines" in found.stdout


def test_a_name_is_found_however_it_is_written(deployed: Path) -> None:
    """Parts of a name are compared without their case, as when they were logged."""
    other = "rivertown-ems/name-birth=synthetic|Person|1990-01-31"

    assert 0 == call(str(deployed), "--person", other).exit_code


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("rivertown-ems/no-such-system=A", "--person"),
        ("no-such-agency/name-birth=A|B|C", "--person"),
        ("rivertown-ems/name-birth=A|B", "2 parts"),
        ("rivertown-ems/name-birth=unknown|B|1990-01-31", "placeholder"),
    ],
)
def test_an_identifier_by_which_nobody_could_be_found_is_refused(
    deployed: Path, given: str, why: str
) -> None:
    """An empty page would say that nothing was disclosed."""
    found = call(str(deployed), "--person", given)

    assert isinstance(found.exception, RequestError)
    assert why in str(found.exception)


def test_a_suspension_keeps_lines_off_the_page_until_it_is_ended(deployed: Path) -> None:
    """What is withheld is counted on standard error, and shown to the auditor with its day."""
    who = ["--person", WHO, "--recipient", TO, "--document", "d-1"]
    assert 0 == call("suspend", str(deployed), *who, "--oral").exit_code
    assert 0 == call("extend", str(deployed), *who, "--written", "--until", "2999-01-01").exit_code

    listed = call(str(deployed), "--person", WHO)
    auditor = call(str(deployed), "--person", WHO, "--for", "auditor")
    assert 0 == call("resume", str(deployed), *who).exit_code
    again = call(str(deployed), "--person", WHO)

    assert (1, 0) == (listed.exit_code, again.exit_code)
    assert "no lines" in listed.stdout
    assert "withheld" not in listed.stdout
    assert "withheld by a suspension: 3" in listed.stderr
    assert 3 == auditor.stdout.count("withheld  from the person until 2999-01-01")
    assert isinstance(call("resume", str(deployed), *who).exception, RequestError)


@pytest.mark.parametrize(
    "options",
    [
        ["--recipient", "rivertown-health"],
        ["--recipient", "rivertown-health", "--oral", "--written"],
        ["--recipient", "nobody", "--oral"],
        ["--recipient", "rivertown-health", "--written", "--until", "soon"],
    ],
)
def test_a_suspension_is_one_statement_of_a_known_agency(
    deployed: Path, options: list[str]
) -> None:
    """Neither both nor none, no agency that is not there, no day that is none."""
    found = call("suspend", str(deployed), "--person", WHO, "--document", "d-1", *options)

    assert isinstance(found.exception, SettingsError)


def test_holds_begin_and_end(deployed: Path) -> None:
    """About an agreement, about a person; never about both at once, nor about nothing."""
    at = [str(deployed), "--document", "litigation-7"]
    assert 0 == call("hold", *at, "--scope", "agreement:ems-to-health").exit_code
    assert 0 == call("hold", *at, "--person", WHO).exit_code
    assert 0 == call("hold", *at, "--end").exit_code
    for options in ([], ["--scope", "all", "--person", WHO], ["--scope", "county"]):
        assert isinstance(call("hold", *at, *options).exception, SettingsError)


def test_an_identifier_can_come_by_standard_input(deployed: Path) -> None:
    """So that it is neither in the shell's history nor in the list of processes."""
    found = call(str(deployed), "--person", "rivertown-ems/name-birth=-", stdin=WHO.split("=")[1])

    assert 0 == found.exit_code


@pytest.mark.parametrize("given", ["", "SYNTHETIC", "a/b=", "=SYNTHETIC"])
def test_a_person_is_a_system_and_an_identifier(given: str) -> None:
    """What is not of that form is refused, and not repeated."""
    with pytest.raises(SettingsError) as refused:
        parts_of(given)

    assert CANARY not in refused.value.message


@pytest.mark.parametrize(
    "options", [["--from", "2026-02-01", "--to", "2026-01-01"], ["--from", "x"], ["--for", "me"]]
)
def test_days_and_audience_are_of_their_form(deployed: Path, options: list[str]) -> None:
    """A period has a beginning and an end, an audience is one of two."""
    found = call(str(deployed), "--person", WHO, *options)

    assert isinstance(found.exception, SettingsError)


def test_the_examples_of_the_help_work(deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is run as it is printed, beside a stopped gateway: list, suspend, extend, resume."""
    monkeypatch.chdir(deployed.parent.parent)
    for one in accounting.registered_commands:
        words = shlex.split(str(one.epilog).removeprefix("Example: accord log accounting "))

        found = call(*words)

        assert 0 == found.exit_code, (words[0], found.exception)
