"""What an officer asks for: threshold, zeros, width, cost, knowledge; each held to its set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from gateway.disclosure.rules import Cost, Knowledge, Rule, Zeros
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from enum import StrEnum

_E = TypeVar("_E", bound="StrEnum")

_KNOWS: Final = {
    Knowledge.K0: "the published numbers, and what sums to what",
    Knowledge.K1: "the published numbers",
    Knowledge.K2: "the published numbers, which of the hidden are small",
    Knowledge.K3: "the published numbers, and what was released before",
}


def rule_of(min_cell: int, zeros: str, width: int | None, cost: str, knowledge: int) -> Rule:
    """Return the rule that the options give.

    Without `--width` it is the uncertainty that the threshold alone leaves: all of the values that
    it hides stay possible.

    Raises:
        SettingsError: An option is not of its set.
    """
    if min_cell < 1:
        raise SettingsError("`--min-cell` is a number from 1 on")
    if width is not None and width < 1:
        raise SettingsError("`--width` is a number from 1 on")
    if knowledge not in set(Knowledge):
        raise SettingsError("`--knowledge` is 0, 1, 2 or 3")
    knows = Knowledge(knowledge)
    given = one_of("--zeros", Zeros, zeros)
    rule = Rule(min_cell, 1, given, one_of("--cost", Cost, cost), knows)
    if width is None:
        width = max(1, min_cell - 1 - least(rule))
    return Rule(min_cell, width, given, rule.cost, knows)


def least(rule: Rule) -> int:
    """Return the least that an attacker gives a hidden cell: 1 where he knows it is no zero."""
    return int(rule.knowledge is not Knowledge.K0 and rule.zeros is Zeros.PUBLISH)


def one_of(option: str, kind: type[_E], text: str) -> _E:
    """Return the member of a closed set that an option names.

    Raises:
        SettingsError: It names none.
    """
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise SettingsError(f"`{option}` is one of {known}") from None


def attacker(rule: Rule, *, integer: bool) -> str:
    """Return in words what an attacker knows, and how he reasons."""
    zero = ", and that nothing hidden is zero" if least(rule) else ""
    way = "whole numbers" if integer else "linear programs"
    return f"{rule.knowledge.name} knows {_KNOWS[rule.knowledge]}{zero}; {way}"
