"""The lives of exchanges: entries that never repeat, and steps that come in their order.

An exchange is an `intent`, releases 0, 1, 2 …, and one `outcome` or `recovered`; or it is one
`refusal`. Whatever else the log says of it cannot have happened. Section 8, steps 2 and 3, of the
log's specification. This sees every entry, so it is kept to a few look-ups each; it holds about 150
bytes for each exchange of the log.
"""

from __future__ import annotations

from binascii import a2b_hex
from typing import Final, TypeAlias

Fault: TypeAlias = tuple[str, str]
"""(code of the finding, message)."""

CARRIED: Final[Fault] = ("", "an entry of an exchange that began in an earlier part")
"""What `step` says, in a later part of a log, of an entry whose exchange it did not see begin."""

_STEPS: Final = frozenset({b"intent", b"refusal", b"release", b"outcome", b"recovered"})
_ENDS: Final = (b"refusal", b"outcome", b"recovered")
_END_BITS: Final = 2


class Lives:
    """What is known of each exchange so far; `step` takes the log's entries in their order.

    Args:
        later: The entries are those of a later part of a log, read apart from what is before.
    """

    __slots__ = ("_closed", "_later", "_open", "_others")

    def __init__(self, *, later: bool = False) -> None:
        self._later = later
        self._open: dict[bytes, int] = {}  # x -> releases so far
        self._closed: dict[bytes, int] = {}  # x -> releases << 2 | place of its end in _ENDS
        self._others: set[tuple[bytes, bytes]] = set()

    @property
    def open(self) -> dict[bytes, int]:
        """Releases so far of each exchange that has an intent and no end, by its 16 bytes."""
        return self._open

    def meets(self, later: Lives) -> bool:
        """Say whether anything began both here and in a later part."""
        both = (self._open, self._closed), (later._open, later._closed)
        return any(not one.keys().isdisjoint(other) for one in both[0] for other in both[1]) or (
            not self._others.isdisjoint(later._others)
        )

    def go_on(self, later: Lives) -> None:
        """Take what a later part says that this one does not meet; the later one is used up."""
        self._open |= later._open
        # The larger takes the smaller: of a million exchanges there is no room for a third copy.
        few, many = sorted((self._closed, later._closed), key=len)
        many |= few
        self._closed = many
        self._others |= later._others

    @property
    def open_count(self) -> int:
        """How many exchanges have an intent and no end."""
        return len(self._open)

    def step(self, kind: bytes, chunk: int, exchange: bytes) -> Fault | None:
        """Take one entry of an exchange; return what is wrong with it there, or None.

        Args:
            kind: `k` of the leaf.
            chunk: `n` of the leaf.
            exchange: `x` of the leaf, its 36 characters.
        """
        x = a2b_hex(exchange.replace(b"-", b""))
        if kind not in _STEPS:
            return self._other(kind, x)
        releases = self._open.get(x)
        if releases is None:
            return self._begin(kind, chunk, x)
        if kind == b"release":
            if chunk != releases:
                return _out_of_turn(chunk, releases)
            self._open[x] = releases + 1
            return None
        if kind == b"intent":
            return "duplicate", "a second `intent` of one exchange"
        if kind == b"refusal":
            return "exchange-impossible", "a `refusal` of an exchange that was granted"
        del self._open[x]
        self._closed[x] = releases << _END_BITS | _ENDS.index(kind)
        return None

    def _begin(self, kind: bytes, chunk: int, x: bytes) -> Fault | None:
        """Take an entry of an exchange that is not open: its first, or one too many."""
        if x in self._closed:
            return self._after_end(kind, chunk, self._closed[x])
        if kind == b"intent":
            self._open[x] = 0
            return None
        if kind == b"refusal":
            self._closed[x] = _ENDS.index(kind)
            return None
        if self._later:
            return CARRIED
        return "exchange-impossible", f"a `{kind.decode()}` without an `intent`"

    def _other(self, kind: bytes, x: bytes) -> Fault | None:
        if (kind, x) in self._others:
            return "duplicate", f"a second `{kind.decode()}` of one exchange"
        self._others.add((kind, x))
        return None

    @staticmethod
    def _after_end(kind: bytes, chunk: int, life: int) -> Fault:
        releases, end = life >> _END_BITS, _ENDS[life & 3]
        began = end != b"refusal" and kind == b"intent"
        left = kind == b"release" and chunk < releases
        if kind == end or began or left:
            return "duplicate", f"`{kind.decode()}` again, of an exchange that ended"
        return "exchange-impossible", f"a `{kind.decode()}` after the exchange's `{end.decode()}`"


def _out_of_turn(chunk: int, releases: int) -> Fault:
    if chunk < releases:
        return "duplicate", f"a second `release` of chunk {chunk}"
    return "exchange-impossible", f"a `release` of chunk {chunk} where {releases} is next"
