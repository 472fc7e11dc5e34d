"""Legal holds: what is kept although its class has run out.

An entry of kind `hold` begins or ends one, by the id of a document. Its scope is one of

```
all                     every payload
agreement:<id>          those of an agreement, of whatever version
exchange:<exchange id>  those of one exchange
person                  those of every exchange that a release tells of, of whom the entry has the
                        tokens: one for each identifier and each year's key
```
A scope that is not one of these holds everything, and so does an entry that cannot be read: what a
hold was for cannot be brought back. Section 6 of the log's specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALL: Final = "all"
PERSON: Final = "person"
AGREEMENT: Final = "agreement:"
EXCHANGE: Final = "exchange:"


class Hold(NamedTuple):
    """A hold in force.

    Attributes:
        seq: Of the entry that began it.
        document: Its id; the one that ends it has the same.
        scope: As the module says.
        tokens: Of the person, for that scope.
    """

    seq: int
    document: str
    scope: str
    tokens: frozenset[bytes]


class Holds:
    """The holds in force, as the log's `hold` entries are read in their order."""

    __slots__ = ("_holds",)

    def __init__(self) -> None:
        self._holds: list[Hold] = []

    def read(self, seq: int, meta: Mapping[str, Any] | None, tokens: Iterable[bytes]) -> None:
        """Take the next entry of the kind; `meta` is None where it could not be read."""
        if meta is None:
            self._holds.append(Hold(seq, "", ALL, frozenset()))
        elif meta["event"] == "end":
            self._holds = [one for one in self._holds if one.document != meta["document"]]
        else:
            self._holds.append(Hold(seq, meta["document"], meta["scope"], frozenset(tokens)))

    @property
    def in_force(self) -> tuple[Hold, ...]:
        """What is held now, the oldest first."""
        return tuple(self._holds)

    @property
    def people(self) -> frozenset[bytes]:
        """The tokens of everybody who is held."""
        return frozenset().union(*(one.tokens for one in self._holds if one.scope == PERSON))

    def keeps(self, seq: int, agreement: str | None, exchange: str | None) -> bool:
        """Return whether an entry is held, as far as its leaf tells: people are not in a leaf.

        Args:
            seq: Of the entry. The entry that began a hold in force is held by it.
            agreement: `a` of its leaf.
            exchange: `x` of its leaf.
        """
        return any(one.seq == seq or _covers(one.scope, agreement, exchange) for one in self._holds)


def _covers(scope: str, agreement: str | None, exchange: str | None) -> bool:
    if scope == PERSON:
        return False
    if scope.startswith(AGREEMENT):
        # `<id>@<version>` is what a leaf has: a hold is of the agreement, however it was amended.
        return agreement is not None and agreement.partition("@")[0] == scope[len(AGREEMENT) :]
    if scope.startswith(EXCHANGE):
        return exchange == scope[len(EXCHANGE) :]
    return True
