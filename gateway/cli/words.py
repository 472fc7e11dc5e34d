"""The words of a command line: from what was called to what runs it, without what it needs not.

An officer waits for each verb from its start to its end. Building the verbs that were not called
takes time, and so does loading pydantic, which typer has find out that a text is a text.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.main import get_command, get_command_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typer.models import CommandInfo, TyperInfo


def command(app: typer.Typer, words: Sequence[str]) -> Any:  # noqa: ANN401 - typer names no type
    """Return what runs the verb that `words` call."""
    made = get_command(called(app, words))
    for param in _params(made):
        described = getattr(param, "type_descriptor", None)
        if described is not None and described.annotation in _TAKEN:
            # Typer keeps here what it makes at the first use. One that keeps it elsewhere reads
            # the same words, only later.
            param._runtime_param = _Taken(param, _TAKEN[described.annotation])  # noqa: SLF001
    return made


# --- verbs ---


def called(app: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """Return the app with no more than the verb of a group that is called.

    A group whose verb nobody knows is there whole; what is called differently, or completed, finds
    everything.
    """
    for group in app.registered_groups:
        if words and group.name == words[0]:
            return _only(app, [_narrowed(group, words[1:])], [])
    return app


def _narrowed(group: TyperInfo, words: Sequence[str]) -> TyperInfo:
    assert group.typer_instance is not None  # noqa: S101 - `add_typer` was given one
    found = [one for one in _verbs(group.typer_instance) if words and _name(one) == words[0]]
    if not found:
        return group
    narrowed = copy.copy(group)
    narrowed.typer_instance = _only(group.typer_instance, [], found)
    return narrowed


def _verbs(app: typer.Typer) -> Iterator[CommandInfo]:
    """Yield the verbs of a group, those among them that another module adds without a name."""
    yield from app.registered_commands
    for group in app.registered_groups:
        if not isinstance(group.name, str) and group.typer_instance is not None:
            yield from _verbs(group.typer_instance)


def _name(verb: CommandInfo) -> str:
    return verb.name or get_command_name(getattr(verb.callback, "__name__", ""))


def _only(app: typer.Typer, groups: list[TyperInfo], verbs: list[CommandInfo]) -> typer.Typer:
    only = copy.copy(app)
    only.registered_groups, only.registered_commands = groups, verbs
    return only


# --- values ---


def _params(made: Any) -> Iterator[Any]:  # noqa: ANN401
    # Help is one of them, which `made.params` does not hold.
    yield from made.get_params(typer.Context(made))
    for verb in getattr(made, "commands", {}).values():
        yield from _params(verb)


_TAKEN: Final = {str: str, bool: bool, int: int, list[str]: str}
"""The type of a value by that of its parameter. A number is taken where it is the default."""


class _Taken:
    """What typer asks for the value of a parameter."""

    def __init__(self, param: Any, type_: type) -> None:  # noqa: ANN401
        self._param, self._type = param, type_

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401
        """Return a value of the right type as it is; any other as typer reads it."""
        if value is None and param.nargs == 1 and not param.multiple:
            return None
        values = value if isinstance(value, list | tuple) else [value]
        if all(one.__class__ is self._type for one in values):
            return value
        self._param._runtime_param = None  # noqa: SLF001
        return self._param.get_runtime_param().coerce(value, param, ctx)
