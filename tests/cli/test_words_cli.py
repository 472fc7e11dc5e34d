"""A command line is read as typer reads it, and loads and builds no more than its verb needs."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer

from gateway.cli.main import app
from gateway.cli.start import COLLECT_AFTER
from gateway.cli.words import called, command
from tests.data import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence


def verbs(words: Sequence[str]) -> list[str]:
    """Return the verbs that are built of the group that `words` call."""
    return list(command(app, words).commands[words[0]].commands)


def test_a_verb_that_is_called_is_built_alone() -> None:
    """Of a group, its own verbs and those that another module adds are found by their names."""
    assert ["lint"] == verbs(["agreements", "lint", "agreements"])
    assert ["test"] == verbs(["agreements", "test"])
    assert ["sign"] == verbs(["agreements", "sign"])


@pytest.mark.parametrize("word", ["--help", "lnit", ""])
def test_of_another_word_the_group_is_whole(word: str) -> None:
    """So that help lists every verb, and a slip is answered with the verb that was meant."""
    assert {"lint", "sign", "init"} < set(verbs(["agreements", word]))
    assert {"lint", "sign", "init"} < set(verbs(["agreements"]))


def test_of_another_group_everything_is_there() -> None:
    """What is no group, as a verb of none, is found among all."""
    for words in (["agrements"], ["demo"], []):
        assert app is called(app, words)

    assert app is not called(app, ["agreements"])


probe = typer.Typer()
group = typer.Typer()
probe.add_typer(group, name="probe")
heard: list[tuple[Any, ...]] = []


WORDS = typer.Argument(["a"])
SEVERAL = typer.Option([])


@group.command()
def take(
    words: list[str] = WORDS,
    one: str = typer.Option(""),
    several: list[str] = SEVERAL,
    number: int = typer.Option(3, min=2, max=5),
    sure: bool = typer.Option(False),  # noqa: FBT001, FBT003 - as typer has it
    width: int | None = typer.Option(None),
) -> None:
    """Keep what was given."""
    heard.append((words, one, several, number, sure, width))


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("b",),
        ("b", "c", "--one", "x", "--several", "y", "--several", "z", "--sure"),
        ("--number", "5", "--width", "9", "--one", ""),
        ("--no-sure", "--number", "2"),
    ],
)
def test_values_are_those_that_typer_reads(words: tuple[str, ...]) -> None:
    """Text, lists, numbers and flags, given and left out, come to a verb as from typer alone."""
    heard.clear()
    for run in (probe, command(probe, ["probe"])):
        run(["probe", "take", *words], standalone_mode=False)

    ours = heard.pop()
    assert [ours] == heard
    assert list(map(type, ours)) == list(map(type, heard[0]))


@pytest.mark.parametrize(
    "words", [("--number", "6"), ("--number", "1"), ("--number", "x"), ("--width", "x")]
)
def test_a_number_out_of_its_limits_is_refused_as_typer_refuses(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, in the same words."""
    said = []
    for run in (probe, command(probe, ["probe"])):
        with pytest.raises(SystemExit) as ended:
            run(["probe", "take", *words])
        said.append((ended.value.code, capsys.readouterr().err))

    assert 2 == said[0][0]
    assert said[0] == said[1]


OTHERS = (
    "asyncio", "cryptography", "email", "grpc", "h3", "importlib.metadata", "opentelemetry",
    "polars", "pydantic", "rich", "sqlalchemy", "structlog", "gateway.engine", "gateway.settings",
    "gateway.store", "gateway.wire",
)  # fmt: skip
PLANS = ("numpy", "pyarrow", "gateway.plan")
EXPLAIN = (
    "explain", "agreements", "--from", "rivertown-ems", "--to", "rivertown-pd",
    "--dataset", "referral.post_overdose@1", "--purpose", "care.post_overdose_outreach",
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        (("lint", "agreements"), OTHERS + PLANS),
        (("diff", "agreements", "agreements"), OTHERS + PLANS),
        (("status",), OTHERS + PLANS),
        (EXPLAIN, ("asyncio", "grpc", "polars", "rich", "sqlalchemy", "gateway.engine")),
    ],
    ids=lambda given: given[0],
)
def test_what_reads_files_alone_loads_nothing_of_a_gateway(
    words: tuple[str, ...], spared: tuple[str, ...]
) -> None:
    """What an officer waits for at the start: no engine, no store, and no library of others."""
    loaded = ended("agreements", *words, say=f"set({spared!r}) & set(sys.modules)")

    assert "set()" == loaded


def test_rings_of_objects_are_seldom_looked_for_where_a_verb_soon_ends() -> None:
    """What runs on and on, as a gateway does, keeps its memory clean as ever."""
    seldom = ended("agreements", "lint", "absent", say="gc.get_threshold()[0]")
    usual = ended("serve", "--help", say="gc.get_threshold()[0]")

    assert str(COLLECT_AFTER) == seldom
    assert str(gc.get_threshold()[0]) == usual


def ended(*words: str, say: str) -> str:
    """Return what a process of the program says at its end of itself."""
    code = (
        f"import atexit, gc, sys; sys.argv = ['accord', *{words!r}]\n"
        "from gateway.cli.start import main\n"
        f"atexit.register(lambda: print({say}))\n"
        "main()"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]
