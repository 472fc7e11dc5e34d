"""Officers' files with anything done to them: bytes, lines, words, and words of bad intent.

The files are the shipped ones, one of each kind. A change is drawn by a seed, so that whatever is
found can be found again.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from tests.agreement.county import files

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

SOURCES: Final = (
    *("county.yaml", "county.test.yaml", "_floor.yaml", "agencies.yaml", "purposes.yaml"),
    *("codes.yaml", "datasets/treatment.episode@1.yaml", "datasets/lab.drug_chemistry@1.yaml"),
)
"""A file of each kind; half of all changes are to the agreement, which has the most to go wrong."""

WORDS: Final = (
    *("", "none", "null", "~", "true", "no", "0", "-1", "-0", "007", "1e999", ".inf", ".nan"),
    *("1_000", "9" * 15, "9" * 400, "0x1F", "12:30:45", "2027-02-30", '"0000-00-00"'),
    *('"9999-12-31"', "P0D", "P1Y2M", "P9999999999Y", "PT1S", "-P1D", '"99999999999.0.0"'),
    *("*", "all", "!!python/object/apply:os.system [ls]", "!!binary aGk=", "&a [*a]", "*b"),
    *("<<: {a: 1}", "? x", "{}", "[]", "[[]]", "{a: {b: {c: 1}}}", "[" * 60, "{" * 60),
    *("- " * 40, "|", ">-", "%YAML 1.1", "\u202efil", "caf\u00e9", "cafe\u0301", "\x00"),
    *("\x1b[2J", "\ufeff", "\u2028", "\x85", "\U0010ffff", "Etc/../../passwd", "Nowhere/Land"),
    *("a" * 300, "'", '"', ": ", " #", "\t", "---", "...", "pass", "redact", "count_only"),
    *("{truncate: year}", "{band: {width: 0, topcode: 90}}", "{band: {cuts: []}}"),
    *("{band: {cuts: [5, 1]}}", '{round: "0"}', "{zip3: zip3@1}", "{geo: {to: x}}"),
    *("{pseudonym: {method: hmac, scope: provision, rotate: never}}", "{map: nowhere}"),
)
"""What may stand where a word stood."""


@functools.cache
def shipped() -> dict[str, bytes]:
    """Return the folder that a changed file lies in."""
    return files()


_WORD: Final = re.compile(r"[^\s,:\[\]{}#]+")
_FLOW: Final = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")


def fuzzed(draw: random.Random) -> tuple[str, bytes]:
    """Return the name and the bytes of a file after one to four changes."""
    name = SOURCES[0] if draw.random() < 1 / 2 else draw.choice(SOURCES)
    data = shipped()[name]
    for _ in range(draw.choice((1, 1, 2, 4))):
        data = draw.choice(_CHANGES)(draw, data)
    return name, data


def _bytes(draw: random.Random, data: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    end = min(len(data), at + draw.choice((0, 1, 1, 5, 80)))
    put = draw.choice((b"", bytes([draw.randrange(256)]), data[at:end] * 2, draw.randbytes(3)))
    return data[:at] + put + data[end:]


def _lines(draw: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    match draw.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = b" " * draw.choice((1, 2, 4)) + lines[at]
        case _:
            lines[at:] = [lines[at].lstrip()]
    return b"\n".join(lines)


def _words(draw: random.Random, data: bytes) -> bytes:
    """Put a word in another's place: of the file's own, or one that means harm."""
    text = data.decode("utf-8", "replace")
    found = list(_WORD.finditer(text))
    if not found:
        return data
    one = draw.choice(found)
    put = draw.choice(WORDS) if draw.random() < 0.7 else draw.choice(found).group()
    return (text[: one.start()] + put + text[one.end() :]).encode("utf-8", "replace")


def _values(draw: random.Random, data: bytes) -> bytes:
    """Put a word or another collection in the place of a whole one."""
    text = data.decode("utf-8", "replace")
    found = list(_FLOW.finditer(text))
    if not found:
        return data
    one = draw.choice(found)
    put = draw.choice((draw.choice(WORDS), draw.choice(found).group()))
    return (text[: one.start()] + put + text[one.end() :]).encode("utf-8", "replace")


_CHANGES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    *(_bytes, _lines, _lines, _values, _values),
    *(_words, _words, _words, _words),
)
