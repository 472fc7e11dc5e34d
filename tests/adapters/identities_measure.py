"""Recall and precision of each detector on the corpus, and what was missed.

    python -m tests.adapters.identities_measure [--misses PART]

It prints the tables of `docs/misplaced-identities.md`. The figures are by text: what is decided is
whether a record stays.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.identities import own, patterns
from adapters.identities.names import named
from adapters.identities.text import plain
from tests.adapters.identities_corpus import PARTS, PATTERNS, digest, rows, texts

if TYPE_CHECKING:
    from tests.adapters.identities_corpus import Labelled

DETECTORS = ("own identifiers", "patterns", "names")


@dataclass(slots=True)
class Figures:
    """What a detector did with a part of the corpus.

    Attributes:
        missed, wrong: The texts that it should have found, and those that it should not.
        by_kind: By kind of identity, how many were planted and how many found.
    """

    planted: int = 0
    found: int = 0
    missed: list[Labelled] = field(default_factory=list)
    wrong: list[Labelled] = field(default_factory=list)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, one: Labelled, kind: str, *, planted: bool, hit: bool) -> None:
        """Count one text."""
        self.planted += planted
        self.found += planted and hit
        if planted:
            held = self.by_kind.setdefault(kind, Counter())
            held["planted"] += 1
            held["found"] += hit
        if planted and not hit:
            self.missed.append(one)
        if hit and not planted:
            self.wrong.append(one)

    @property
    def recall(self) -> float:
        """Of what was planted, the share found."""
        return self.found / self.planted

    @property
    def precision(self) -> float:
        """Of what was found, the share planted."""
        return self.found / (self.found + len(self.wrong))


def measure(part: str) -> dict[str, Figures]:
    """Return the figures of a part, by detector."""
    figures = {name: Figures() for name in DETECTORS}
    for one in texts(part):
        text = plain(one.text)
        kinds = set(patterns.kinds(text))
        if one.label in PATTERNS:
            figures["patterns"].take(one, one.label, planted=True, hit=one.label in kinds)
        else:
            figures["patterns"].take(one, "", planted=False, hit=bool(kinds))
        kind = f"{one.form}, {one.who.group}, {'listed' if one.who.listed else 'not listed'}"
        figures["names"].take(one, kind, planted=one.label == "name", hit=_named(one, text))
    for one in rows(part):
        hits = own.found(keys(one), own.index(plain(one.text)))
        figures["own identifiers"].take(one, one.label, planted=bool(one.label), hit=bool(hits))
    return figures


def _named(one: Labelled, text: str) -> bool:
    # An address may be called like a person and mail is: what is a pattern is no fault of names.
    return named(text) if one.label in {"", "name"} else False


def keys(one: Labelled) -> frozenset[own.Key]:
    """Return the keys of the person whose row a text lies in."""
    who = one.who
    held = (
        ("own-name", who.given),
        ("own-name", who.surname),
        ("own-dob", who.born),
        ("own-phone", who.phone),
        ("own-address", who.address),
        ("own-number", who.record),
    )
    return frozenset(key for kind, value in held for key in own.keys(kind, value))


def main(arguments: list[str]) -> int:
    """Print the tables; return the exit code."""
    for part in PARTS:
        started = time.perf_counter()
        figures = measure(part)
        print(f"\n{part}: {digest(part)}, {time.perf_counter() - started:.1f} s")  # noqa: T201
        for name, one in figures.items():
            line = f"| {name} | {part} | {one.planted} | {one.recall:.3f} | {one.precision:.3f} |"
            print(line)  # noqa: T201
        for name, one in figures.items():
            for kind, held in sorted(one.by_kind.items()):
                print(f"   {name}: {kind}: {held['found']}/{held['planted']}")  # noqa: T201
        if arguments == ["--misses", part]:
            for name, one in figures.items():
                for label, listed in (("missed", one.missed), ("wrong", one.wrong)):
                    for text in listed[:60]:
                        print(f"{label} {name} [{text.style}: {text.form}] {text.text!r}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
