"""Whom records are about, as tokens for the accounting: made of originals, before any mask.

Pure. A token says nothing without its key, which changes by the calendar year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import subject_token
from gateway.errors import Reason, RequestError
from gateway.masks.identity import canon

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from gateway.agreement.dataset import Dataset
    from gateway.plan.ops import SubjectSystem
    from gateway.values import Row


class SubjectTokens:
    """Subject tokens of rows, from original values, before any mask."""

    def __init__(self, systems: tuple[SubjectSystem, ...], key: bytes) -> None:
        self._systems = systems
        self._key = key
        self.names = tuple(dict.fromkeys(name for one in systems for name in one.fields))

    def of(self, several: Iterable[Row]) -> tuple[bytes, ...]:
        """Return the distinct tokens of the people in some rows."""
        return tuple(sorted({token for some in self.each(several) for token in some}))

    def each(self, several: Iterable[Row]) -> Iterator[tuple[bytes, ...]]:
        """Yield the tokens of whom each row is about: one for each system that names them."""
        for row in several:
            yield tuple(
                subject_token(self._key, system.system, identifier)
                for system in self._systems
                if (identifier := _identifier(row, system.fields)) is not None
            )


def _identifier(row: Row, fields: tuple[str, ...]) -> str | None:
    """Return the normalised identifier, or None where a part of it is missing."""
    values = [row[name] for name in fields]
    return spelled([None if value is None else str(value) for value in values])


_TYPED: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u02bc", "'") | dict.fromkeys("\u2010\u2011", "-")
)
"""What keyboards and word processors make of an apostrophe and of a hyphen."""


def _name(text: str) -> str:
    """Return one spelling of a name: whoever objects at a desk is typed in by another hand."""
    return " ".join(text.translate(_TYPED).split()).casefold()


def spelled(parts: Sequence[str | None]) -> str | None:
    """Return the one spelling of an identifier of some parts, or None where a part says nothing."""
    texts = []
    for part in parts:
        text = canon(part) if part is not None else None
        if text is None or "\x00" in text:
            return None
        # A name is written in many ways; a key of one system is not.
        texts.append(_name(text) if len(parts) > 1 else text)
    return "\x1f".join(texts)


@dataclass(frozen=True, slots=True)
class Person:
    """An identifier that somebody asks by.

    Attributes:
        system: `<agency>/<system>`, as in the log.
        parts: One for each field that the identifier is made of, in the dataset's order.
    """

    system: str
    parts: tuple[str, ...]


def check_person(
    person: Person, path: str, agencies: Container[str], datasets: Iterable[Dataset]
) -> None:
    """Return if somebody could be found by this identifier.

    Nobody is found by one of a system that there is not, and an empty account would say that
    nothing was disclosed.

    Raises:
        RequestError: There is no such agency or system, or its identifiers have other parts, or a
            part is a placeholder.
    """
    agency, _, system = person.system.partition("/")
    every = [one for dataset in datasets for one in dataset.subjects]
    known = {len(one.fields) for one in every if one.system == system}
    if agency not in agencies or not known:
        systems = ", ".join(sorted({one.system for one in every}))
        wrong = (
            "is not <agency>/<system> of an agency and a dataset that are known here; "
            f"systems are {systems}"
        )
    elif len(person.parts) not in known:
        counts = " or ".join(map(str, sorted(known)))
        wrong = f"has {len(person.parts)} parts, and its system {counts}"
    elif spelled(person.parts) is None:
        wrong = "has a part that is empty or a placeholder"
    else:
        return
    raise RequestError(Reason.INVALID_REQUEST, f"`{path}` {wrong}", violations=[(path, wrong)])


def tokens_of(people: Iterable[Person], keys: Iterable[bytes]) -> frozenset[bytes]:
    """Return the token of each identifier under each key."""
    keys = tuple(keys)
    named = [(one.system, spelled(one.parts)) for one in people]
    return frozenset(
        subject_token(key, system, text) for system, text in named if text for key in keys
    )
