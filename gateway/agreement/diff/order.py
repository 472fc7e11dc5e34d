"""In which direction one value of a key goes: more, less, or beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.agreement.diff.change import Change, Way
from gateway.agreement.strength import longer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from gateway.agreement.diff.change import Flow
    from gateway.agreement.spans import Duration


def more(before: int, after: int) -> Way | None:
    """Return where a number goes of which more is wider."""
    if before == after:
        return None
    return Way.WIDENED if after > before else Way.NARROWED


def fewer(before: int, after: int) -> Way | None:
    """Return where a number goes of which less is wider."""
    return more(after, before)


def longest(before: Duration | None, after: Duration | None) -> Way | None:
    """Return where a duration goes of which longer is wider, and None the widest."""
    return _spans(before, after, longer)


def shortest(before: Duration | None, after: Duration | None) -> Way | None:
    """Return where a duration goes of which shorter is wider, and None the widest."""
    return _spans(before, after, lambda new, old: longer(old, new))


def _spans(
    before: Duration | None, after: Duration | None, wider: Callable[[Duration, Duration], bool]
) -> Way | None:
    if same_span(before, after):
        return None
    if after is None:
        return Way.WIDENED
    if before is None:
        return Way.NARROWED
    # Calendar months vary: what may be wider somewhere is wider.
    return Way.WIDENED if wider(after, before) else Way.NARROWED


def ranked(ranks: Sequence[Any], before: object, after: object) -> Way | None:
    """Return where a word goes of a list that runs from the narrowest to the widest.

    What is not in the list is beside it, and so wider.
    """
    if before == after:
        return None
    if before not in ranks or after not in ranks:
        return Way.WIDENED
    return more(ranks.index(before), ranks.index(after))


def beside(before: object, after: object) -> Way | None:
    """Return WIDENED for whatever differs: there is no order, so somebody has to look."""
    return None if before == after else Way.WIDENED


def optional(before: object, after: object) -> Way | None:
    """Return where something goes that only widens: none is the narrowest, another is beside."""
    if before == after:
        return None
    return Way.WIDENED if after else Way.NARROWED


def protecting(before: object, after: object) -> Way | None:
    """Return where something goes that only narrows: none is the widest, another is beside."""
    if before == after:
        return None
    return Way.WIDENED if not after or before else Way.NARROWED


def changed(before: object, after: object) -> Way | None:
    """Return CHANGED for whatever differs: nothing leaves otherwise by it."""
    return None if before == after else Way.CHANGED


def listed(
    flow: Flow | None, what: str, before: Collection[str], after: Collection[str]
) -> Iterator[Change]:
    """Yield what came to a list of which more is wider, and what went."""
    for one in sorted(set(after) - set(before)):
        yield Change(Way.WIDENED, flow, what, "none", one)
    for one in sorted(set(before) - set(after)):
        yield Change(Way.NARROWED, flow, what, one, "none")


def same_span(before: Duration | None, after: Duration | None) -> bool:
    """Return whether two durations are one, however they are written."""
    if before is None or after is None:
        return before is after
    return (before.months, before.seconds) == (after.months, after.seconds)


def said(value: object) -> str:
    """Return a value in the file's words."""
    if value is None or value == ():
        return "none"
    text = getattr(value, "text", None)
    if isinstance(text, str):
        return text
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(map(said, value))
    if isinstance(value, frozenset | set):
        return ", ".join(sorted(map(str, value)))
    return str(value)
