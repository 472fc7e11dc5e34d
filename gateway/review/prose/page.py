"""A page of prose as values: headings, sentences, lists and tables, with no markup in any text.

Whoever writes a page down escapes every text of it: agreement files may be anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `clause` is the number of the signed paper's clause, or empty."""

    text: str
    clause: str = ""
    level: int = 2


@dataclass(frozen=True, slots=True)
class Sentences:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table with a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Heading | Sentences | Items | Rows


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its title, and what follows."""

    title: str
    blocks: tuple[Block, ...]
