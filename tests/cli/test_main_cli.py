"""What a verb cannot do is said in a line or two, with reason and exchange; never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.cli import main as cli
from gateway.errors import (
    AccordError,
    AgreementError,
    LogError,
    Reason,
    RequestError,
    SettingsError,
    SourceError,
)
from tests.verbs import accord

if TYPE_CHECKING:
    from pathlib import Path

EXCHANGE = "01a1faf2-07b8-7000-8000-000000000001"

CASES: list[tuple[Exception, int, str]] = [
    (
        SourceError(Reason.ADAPTER_UNAVAILABLE, "away", exchange_id=EXCHANGE),
        1,
        f"accord: away\n  reason ADAPTER_UNAVAILABLE  exchange {EXCHANGE}\n",
    ),
    (AccordError(Reason.STOPPING, "off"), 1, "accord: off\n  reason STOPPING\n"),
    (LogError("full"), 1, "accord: full\n  reason LOG_UNAVAILABLE\n"),
    (
        RequestError(Reason.INVALID_REQUEST, "no", violations=[("terms.fields", "is empty")]),
        1,
        "accord: no\n  reason INVALID_REQUEST\n  terms.fields: is empty\n",
    ),
    (SettingsError("wrong"), 2, "accord: wrong\n"),
    (
        AgreementError("none", findings=["a.yaml:1:1 error"]),
        5,
        "accord: none\n  a.yaml:1:1 error\n",
    ),
    (FileNotFoundError(2, "No such file", "x"), 1, "accord: x: No such file\n"),
]


@pytest.mark.parametrize(("error", "code", "said"), CASES, ids=lambda one: type(one).__name__)
def test_an_error_is_said_with_what_it_knows(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reason and exchange of what came over the wire; settings and agreements have neither."""
    assert code == cli.ended(error)
    assert said == capsys.readouterr().err


def test_what_nobody_foresaw_says_where_and_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Its class and our line; its text may hold a value."""
    with pytest.raises(AttributeError) as caught:
        list(cli._more(None))  # type: ignore[arg-type] # noqa: SLF001
    error = caught.value
    error.args = ("canary",)

    assert 70 == cli.ended(error)

    said = capsys.readouterr().err
    assert said.startswith("accord: AttributeError, which nobody foresaw, at gateway/cli/main.py:")
    assert "canary" not in said


def process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program as a process."""
    code = "from gateway.cli.start import main; main()"
    quiet = {key: value for key, value in os.environ.items() if not key.startswith("GRPC_")}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code, *arguments], cwd=folder, env=quiet, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


def test_no_line_but_ours_on_standard_error(tmp_path: Path) -> None:
    """A gateway that is off: gRPC's own core, which would name addresses, stays silent."""
    assert 0 == accord("init", "county", "--port", "1", folder=tmp_path).returncode

    done = process(
        "log", "show", "--client", "county/agencies/rivertown-health/client.toml", EXCHANGE,
        folder=tmp_path,
    )  # fmt: skip

    assert 1 == done.returncode
    assert "accord: the other side cannot be reached\n  reason STOPPING\n" == done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "."),
        ("serve", "absent.toml"),
        ("adapter", "serve", "absent.toml"),
        ("log", "show", EXCHANGE),
        ("log", "show", "--client", "absent.toml", EXCHANGE),
        ("log", "show", "--client", "absent.toml", "gateway.toml", EXCHANGE),
        ("agreements", "lint", "absent"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Exit 2 and one line, without a traceback."""
    done = accord(*words, folder=tmp_path)

    assert (2, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert done.stderr.startswith("accord: ")


def test_a_process_says_what_its_verb_says(tmp_path: Path) -> None:
    """The program ends with the exit code of the verb, and writes its lines where they belong."""
    words = ("serve", "absent.toml")
    here = accord(*words, folder=tmp_path)

    done = process(*words, folder=tmp_path)

    assert (2, here.stdout, here.stderr) == (done.returncode, done.stdout, done.stderr)


def test_as_a_module_it_does_what_the_command_does() -> None:
    """A check that calls it so is not told that all is well by something that did nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "agreements", "lint", "nowhere"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip

    assert (2, True) == (done.returncode, "nowhere" in done.stderr)
