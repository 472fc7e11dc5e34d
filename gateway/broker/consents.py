"""Who consents, as the register of consents has it: the last word that speaks of a purpose. Pure.

A record's own word for consent stands in the record, and the row filter reads it. The register
holds what people said beside and after it, to their provider: it takes back what a record says, and
speaks where records have no word at all. Whoever cannot be asked about is left out: a row that no
declared identifier names, and one of several identifiers of which any withdrew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.agreement.index import under
from gateway.broker.subjects import SubjectTokens
from gateway.plan.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pyarrow as pa

    from gateway.plan.ops import Register


class Word(NamedTuple):
    """What somebody said: later words have higher places.

    Attributes:
        purpose: A leaf, or a branch for all below it.
        granted: Whether they consented; else they withdrew, or opted out.
    """

    place: int
    purpose: str
    granted: bool


def says(words: Iterable[Word], purpose: str) -> bool | None:
    """Return the last word that speaks of a purpose; None where none does."""
    speaking = [one for one in words if under(purpose, one.purpose)]
    return max(speaking).granted if speaking else None


class Asking:
    """Asks about the people of rows, by tokens under the register's own key."""

    def __init__(self, register: Register, key: bytes) -> None:
        self._register = register
        self._tokens = SubjectTokens(register.systems, key)

    def people(self, batch: pa.RecordBatch) -> list[tuple[bytes, ...]]:
        """Return the tokens of whom each row of a batch is about."""
        names = self._register.fields
        columns = [batch.column(name).to_pylist() for name in names]
        return list(self._tokens.each(read_rows(names, columns)))

    def stay(
        self, people: Iterable[Collection[bytes]], words: Mapping[bytes, Collection[Word]]
    ) -> list[bool]:
        """Return, row by row, whether whoever it is about lets it leave."""
        return [self._consents(one, words) for one in people]

    def withdrew(
        self, people: Iterable[Collection[bytes]], news: Mapping[bytes, Collection[Word]]
    ) -> list[bool]:
        """Return, row by row, whether whoever it is about has withdrawn, by newer words alone."""
        return [self._withdrew(one, news) for one in people]

    def _consents(self, tokens: Collection[bytes], words: Mapping[bytes, Collection[Word]]) -> bool:
        if not tokens or self._withdrew(tokens, words):
            return False
        return all(
            any(says(words.get(token, ()), purpose) for token in tokens)
            for purpose in self._register.granted
        )

    def _withdrew(self, tokens: Collection[bytes], words: Mapping[bytes, Collection[Word]]) -> bool:
        return any(
            says(words[token], purpose) is False
            for token in tokens
            if token in words
            for purpose in self._register.kept
        )
