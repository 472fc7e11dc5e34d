"""The house rules that are held by tests.

Syntax trees of the program, read for what they may not hold.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
GATEWAY = ROOT / "gateway"
CORE = (
    "errors.py",
    "values.py",
    "masks",
    "agreement",
    "decide.py",
    "plan",
    "audit",
    "ports.py",
    "broker",
)
FORBIDDEN = {
    "asyncio",
    "duckdb",
    "grpc",
    "logging",
    "opentelemetry",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "ssl",
    "structlog",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}


def _files(*roots: Path) -> list[Path]:
    return sorted(
        path
        for root in roots
        for path in ([root] if root.is_file() else root.rglob("*.py"))
        if "v1" not in path.relative_to(ROOT).parts
    )


PROGRAM = _files(GATEWAY, ROOT / "adapters")
IN_CORE = _files(*(GATEWAY / name for name in CORE))


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every file of the program with its syntax tree."""
    for path in PROGRAM:
        yield path, _tree(path)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield (last part of the name called, call)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name):
                yield called.id, node
            elif isinstance(called, ast.Attribute):
                yield called.attr, node


def _where_called(name: str) -> set[str]:
    return {_name(path) for path, tree in _trees() for called, _ in _calls(tree) if called == name}


@pytest.mark.parametrize(
    ("proof", "maker"),
    [
        ("Grant", {"gateway/decide.py"}),
        ("Release", {"gateway/plan/check.py"}),
        ("Logged", {"gateway/store/ticket.py"}),
    ],
)
def test_a_proof_is_made_where_it_is_proved(proof: str, maker: set[str]) -> None:
    """A grant only by the decision, a release only by the last check, `Logged` only by a log."""
    assert maker == _where_called(proof)


@pytest.mark.parametrize("path", IN_CORE, ids=_name)
def test_the_core_is_pure(path: Path) -> None:
    """No I/O, no clock, no randomness, also not inside a function.

    Nothing is awaited below ports.
    """
    tree = _tree(path)
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    called = {name for name, _ in _calls(tree)}
    waits = [node for node in ast.walk(tree) if isinstance(node, (ast.AsyncFunctionDef, ast.Await))]

    assert set() == imported & FORBIDDEN
    assert (
        set()
        == called & {"open", "print", "input", "now", "today", "utcnow", "urandom"} - _NOW[path]
    )
    if path.parts[-1] != "ports.py" and "broker" not in path.parts:
        assert [] == waits


_NOW = {path: ({"now"} if "broker" in path.parts else set()) for path in IN_CORE}
"""The broker asks the port, `clock.now()`."""


@pytest.mark.parametrize("path", IN_CORE, ids=_name)
def test_values_are_frozen(path: Path) -> None:
    """Every dataclass of the core is frozen and slotted, but two that a reader fills and drops."""
    loose = [
        f"{node.name}:{node.lineno}"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and node.name not in {"_Open", "Tally"}
        for one in node.decorator_list
        if "dataclass" in ast.unparse(one)
        and not {"frozen=True", "slots=True"} <= set(re.findall(r"\w+=True", ast.unparse(one)))
    ]

    assert [] == loose


@pytest.mark.parametrize("path", IN_CORE, ids=_name)
def test_a_match_over_a_closed_set_ends(path: Path) -> None:
    """What no case knows is never passed over: a last case is there, and it answers or raises."""
    open_ended = []
    for node in ast.walk(_tree(path)):
        if not isinstance(node, ast.Match):
            continue
        last = node.cases[-1]
        wild = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        if not wild and _enum_like(node):
            open_ended.append(f"{ast.unparse(node.subject)}:{node.lineno}")

    assert [] == open_ended


def _enum_like(node: ast.Match) -> bool:
    return all(
        isinstance(case.pattern, (ast.MatchValue, ast.MatchOr, ast.MatchClass))
        for case in node.cases
    )


def test_only_the_edge_aborts() -> None:
    """`wire/status` maps the errors once; nothing else ends a call."""
    aborting = {
        _name(path)
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"abort", "abort_with_status"}
    }

    assert aborting <= {"gateway/wire/status.py"}


@pytest.mark.parametrize(
    "name",
    [
        "plan/lower.py",
        "plan/lower_numbers.py",
        "plan/lower_places.py",
        "plan/lower_texts.py",
        "plan/lower_times.py",
        "plan/cells.py",
        "plan/units.py",
        "engine/jobs.py",
        "engine/run.py",
    ],
)
def test_columns_are_never_joined_by_position(name: str) -> None:
    """Values come together by expression or by key: no `hstack`, no horizontal concat, no `zip`."""
    tree = _tree(GATEWAY / name)
    called = {called for called, _ in _calls(tree)}
    sideways = [
        call.lineno
        for called_, call in _calls(tree)
        if called_ == "concat"
        and any(k.arg == "how" and "horizontal" in ast.unparse(k.value) for k in call.keywords)
    ]

    assert set() == called & {"hstack", "zip", "insert_column", "with_row_index", "merge_sorted"}
    assert [] == sideways


def test_packages_hold_a_docstring_only() -> None:
    """Importing one module never brings its whole package along."""
    full = [
        _name(path)
        for path, tree in _trees()
        if path.name == "__init__.py"
        and [
            one
            for one in tree.body
            if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        ]
    ]

    assert [] == full


ERRORS = {
    "IdentityError",
    "RequestError",
    "RefusedError",
    "BusyError",
    "NotFoundError",
    "ConflictError",
    "SourceError",
    "ReleaseError",
    "LogError",
    "AgreementError",
    "SettingsError",
    "Refusal",
    "_refuse",
    "_broken",
}


def _messages() -> Iterator[tuple[str, str]]:
    """Yield (place, message) of every message that is written out where an error is made."""
    for path, tree in _trees():
        for called, call in _calls(tree):
            if called not in ERRORS:
                continue
            for argument in call.args:
                text = _text(argument)
                if text is not None and " " in text:
                    yield f"{_name(path)}:{call.lineno}", text


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
        )
    return None


def test_there_are_messages() -> None:
    """The test below reads something."""
    assert len(list(_messages())) > 40


def test_messages_are_lower_case_without_a_full_stop() -> None:
    """A message begins small, or with a name in backticks, and ends without a stop."""
    names = (
        "U+",
        "TLS",
        "JWT",
        "HTTP",
        "NEMSIS",
        "XML",
        "CSV",
        "FHIR",
        "HL7",
        "HMIS",
        "ODIN",
        "NIBRS",
        "XSD",
        "SQL",
        "UUID",
        "SQLite",
        "Arrow",
    )
    wrong = [
        f"{place}: {text}"
        for place, text in _messages()
        if (text[0].isupper() and not text.startswith(names)) or text.rstrip().endswith(".")
    ]

    assert [] == wrong


def test_danger_is_spelled() -> None:
    """No function of the core says that it skips a check but by its name."""
    hidden = [
        f"{_name(path)}:{node.lineno}"
        for path in IN_CORE
        for node in ast.walk(_tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and re.search(r"(?:^|_)(?:skip|bypass|insecure|disable|ignore)_", node.name)
        and not node.name.startswith("unsafe_")
    ]

    assert [] == hidden
