"""What the attacker finds: exactly where that takes seconds, else as far as a verdict needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.cli.disclosure.outputs import say
from gateway.disclosure.attack import attack
from gateway.disclosure.table import DisclosureError, Limits

if TYPE_CHECKING:
    from gateway.disclosure.table import Integers, Ranges, View

EXACT: Final = Limits(seconds=60.0)
VERDICT: Final = Limits(seconds=300.0)


def found(
    view: View,
    enough: Integers,
    *,
    integer: bool,
    exact: Limits = EXACT,
    verdict: Limits = VERDICT,
) -> Ranges:
    """Return each hidden cell's range; the whole of it, or at least `enough` where that takes long.

    Raises:
        DisclosureError: As `attack` does; `limit` where not even a verdict is reached.
    """
    try:
        return attack(view, integer=integer, limits=exact)
    except DisclosureError as error:
        if error.cause != "limit":
            raise
    say("the whole range of every cell takes too long; `+` is at least so wide")
    return attack(view, integer=integer, enough=enough, limits=verdict)
