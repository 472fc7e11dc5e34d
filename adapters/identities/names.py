"""Names of people in a text, by lists with frequencies and by what stands around them.

Pure. A name is believed for what it is beside: a surname beside a given name, an honorific, a word
that says that a name follows. The rarer and the less like an ordinary word it is, the less it
needs. In a text of one case, capitals say nothing, and both parts must be known, or one strongly.
"""

from __future__ import annotations

import functools
from typing import Final

from adapters.identities.text import about
from adapters.identities.tokens import NOTHING_KEPT, PARTS, Kept, Reading, Token

NAME: Final = "name"
COMMON: Final = 30
"""From this band on a given name is one by itself, where it is no ordinary word."""
SPEAKS: Final = 20
"""From this band on a surname before a verb of speech is somebody who speaks."""

_LONGEST_CUE = 3
_LONG = 5
_PAIR = 2
_ENDINGS = ("s", "ing", "ed", "ly", "ion", "ment", "ness", "ity")
_AFTER_CUE = frozenset([" ", ":", ",", "-", "(", ":-", "=", '"', ': "', "->"])
_IN_CUE = frozenset([" ", "/", "-", "."])


@functools.cache
def _announced_by() -> frozenset[str]:
    return about("named") | about("contact") | about("with") | about("relation")


def named(text: str, kept: Kept = NOTHING_KEPT) -> bool:
    """Return whether a plain text names a person."""
    held = Reading(text, kept)
    return any(rule(held, index) for index in range(len(held.tokens)) for rule in _RULES)


def _said(text: Reading, index: int) -> bool:
    """A name follows a word that announces one: `Mr.`, `officer`, `name is`, `mother of`, `pt`."""
    token = text.tokens[index]
    if index == 0 or token.stop or not text.capital(token):
        return False
    cues = _cues(text, index)
    if not cues or text.placed(index, index):
        return False
    paired = _paired(text, index)
    unknown = token.nameish and (paired or not text.flat)
    listed = token.strong or (token.given >= COMMON and not token.common)
    if cues & about("plain_honorific") or (
        cues & about("doctor") and not _street_before(text, index)
    ):
        return token.listed or token.nameish or (not text.flat and not token.common)
    if cues & about("honorific") and (token.nameish or (token.listed and not text.flat)):
        return True
    if cues & about("titled") and (token.strong or unknown or _titled(text, token)):
        return True
    if cues & about("named") and (token.nameish or (token.listed and not text.flat)):
        return True
    if cues & about("contact") and (listed or unknown):
        return True
    if cues & about("with") and (listed or (unknown and paired)):
        return True
    if cues & about("relation") and (listed or unknown or _kin(text, index, cues)):
        return True
    return bool(cues & _announced_by()) and token.listed and paired


def _titled(text: Reading, token: Token) -> bool:
    """Return whether a word after a rank is a name by its look."""
    if text.flat:
        return token.nameish and len(token.folded) >= _LONG
    return token.listed


def _paired(text: Reading, index: int) -> bool:
    """Return whether what follows, past initials, looks like the rest of a name."""
    place = _next_part(text, index)
    if place is None:
        return False
    after = text.tokens[place]
    return text.capital(after) and (
        after.nameish or (text.tokens[index].nameish and bool(after.surname))
    )


def _kin(text: Reading, index: int, cues: frozenset[str]) -> bool:
    """Return whether a relative is called like an ordinary word: `her daughter Grace`."""
    token = text.tokens[index]
    kin = cues & (about("relation") - about("roles"))
    return (
        bool(kin) and not text.flat and token.given >= COMMON and not text.tokens[index - 1].capital
    )


def _street_before(text: Reading, index: int) -> bool:
    """Return whether the `dr` before a word ends a street's name rather than begins a doctor's."""
    before = text.tokens[index - 2] if index > 1 else None
    return before is not None and (before.listed or before.nameish or before.place)


def _cues(text: Reading, index: int) -> frozenset[str]:
    """Return the words before a token, alone and with those before them."""
    found: list[str] = []
    spelt = ""
    last = index - 1
    while last > 0 and text.tokens[last].folded in about("particles") and text.gap(last) == " ":
        last -= 1
    for back in range(last, max(-1, last - _LONGEST_CUE), -1):
        gap = text.gap(back)
        # `the patient's Revised Trauma Score`: what somebody has is not who it is.
        if text.tokens[back].possessive:
            break
        shortened = gap == "." and back == last and text.tokens[back].folded in about("shortened")
        if not shortened and gap not in (_AFTER_CUE if back == last else _IN_CUE):
            break
        spelt = f"{text.tokens[back].folded} {spelt}".strip()
        found.append(spelt)
    return frozenset(found)


def _pair(text: Reading, index: int) -> bool:
    """A given name, perhaps an initial, and a surname; or two names that are no ordinary words."""
    first = text.tokens[index]
    if first.folded in about("vietnamese") and text.capital(first) and _vietnamese(text, index):
        return True
    last = _next_part(text, index)
    if last is None or not (first.listed or first.nameish) or not text.capital(first):
        return False
    second = text.tokens[last]
    if not text.capital(second) or first.stop or second.stop:
        return False
    if _article(text, index) or text.placed(index, last):
        return False
    if last > index + 1 and second.nameish and (first.nameish or (first.given and not text.flat)):
        # An initial between two words that are no ordinary ones is as good as a list.
        return True
    if first.strong:
        return second.nameish or bool(second.surname and (first.given or second.strong))
    if second.strong and (second.surname or second.given):
        return bool(first.given) or (first.nameish and bool(second.surname))
    inside = index > 0 and text.gap(index - 1) == " " and not text.tokens[index - 1].capital
    return first.nameish and bool(second.surname) and not text.flat and (inside or second.place)


def _article(text: Reading, index: int) -> bool:
    """Return whether an article stands before: `the Walter Reed wing` is no Walter."""
    if index == 0 or text.gap(index - 1) != " ":
        return False
    return text.tokens[index - 1].folded in {"the", "a", "an"}


def _next_part(text: Reading, index: int) -> int | None:
    """Return the place of the next part of a name, past initials and particles."""
    tokens = text.tokens
    here, skipped = index, 0
    while here + 1 < len(tokens) and skipped <= PARTS:
        gap = text.gap(here)
        if gap != " " and not (gap == "." and here > index and len(tokens[here].folded) == 1):
            return None
        here += 1
        word = tokens[here].folded
        if not (word in about("particles") or (len(word) == 1 and text.capital(tokens[here]))):
            return here
        skipped += 1
    return None


def _vietnamese(text: Reading, index: int) -> bool:
    """Surname, middle name, given name, in this order; each may look like another language's."""
    middle = text.beside(index)
    if (
        middle is None
        or middle.folded not in about("vietnamese_middle")
        or not text.capital(middle)
    ):
        return False
    given = text.beside(index + 1)
    return given is not None and text.capital(given) and bool(given.given or not text.flat)


def _turned(text: Reading, index: int) -> bool:
    """`Surname, Given` or `Surname, G.`, as in a form."""
    if index + 1 >= len(text.tokens) or text.gap(index) != ",":
        return False
    first, second = text.tokens[index], text.tokens[index + 1]
    if not (text.capital(first) and text.capital(second)) or first.stop or second.stop:
        return False
    if len(second.folded) == 1:
        return first.strong and bool(first.surname) and not text.flat
    if first.strong and first.surname:
        return bool(second.given) or second.nameish
    return bool(second.given) and second.strong and (first.nameish or bool(first.surname))


def _alone(text: Reading, index: int) -> bool:
    """A given name that is no ordinary word; a name before a verb of speech; `J. Surname`."""
    token = text.tokens[index]
    if not text.capital(token) or token.stop or not (token.listed or token.nameish):
        return False
    # One word and no more may be a town: nothing around it says which.
    if len(text.tokens) == 1 or _article(text, index) or text.placed(index, index):
        return False
    if token.strong and token.given >= COMMON and _stands(text, index):
        return True
    if token.strong and token.surname and _initial(text, index):
        return True
    after = text.beside(index)
    if after is None or after.folded not in about("speech"):
        return False
    if not token.listed:
        return (
            not text.flat
            and after.folded in about("people_do")
            and not token.folded.endswith(_ENDINGS)
        )
    if token.strong:
        return token.surname >= SPEAKS or bool(token.given)
    # `Will was`, `May has` begin sentences; in the middle of one a capital means more.
    begins = index == 0 or text.gap(index - 1) not in {" ", ","}
    return bool(token.given >= COMMON) and not text.flat and not (begins and token.common)


def _stands(text: Reading, index: int) -> bool:
    """Return whether a given name stands in its sentence as somebody does, by its capital too."""
    if text.flat or _continues(text, index):
        return False
    after = text.beside(index)
    return (
        after is None or after.folded in about("after_somebody") or after.folded in about("speech")
    )


def _continues(text: Reading, index: int) -> bool:
    """Return whether a word with a capital goes before, inside a sentence: `stamped Black Jack`."""
    if text.flat or index < _PAIR or text.gap(index - 1) != " ":
        return False
    before = text.tokens[index - 1]
    return before.capital and before.common and text.gap(index - 2) == " "


def _initial(text: Reading, index: int) -> bool:
    """Return whether a single letter stands before a surname as its initial."""
    if index == 0:
        return False
    before, gap = text.tokens[index - 1], text.gap(index - 1)
    if len(before.folded) != 1 or not before.capital:
        return False
    return gap == "." or (gap == " " and not text.flat)


def borne(
    text: str, sure: frozenset[str], doubtful: frozenset[str], kept: Kept = NOTHING_KEPT
) -> bool:
    """Return whether names that are known to be somebody's stand in a plain text as names.

    Args:
        text: The plain text.
        sure: Names that are one wherever they stand, but in the name of a place.
        doubtful: Names that are also ordinary words or places: they need something around them.
        kept: What the provider says are no names.
    """
    held = Reading(text, kept)
    for index, token in enumerate(held.tokens):
        parts = {token.folded, *token.folded.split("-")}
        if not parts & (sure | doubtful) or held.placed(index, index):
            continue
        if parts & sure or _vouched(held, index, sure | doubtful):
            return True
    return False


def _vouched(text: Reading, index: int, own: frozenset[str]) -> bool:
    """Return whether what stands around an ordinary word says that it is a name here."""
    token = text.tokens[index]
    if not text.capital(token):
        return False
    for beside, gap_at in ((index + 1, index), (index - 1, index - 1)):
        if 0 <= beside < len(text.tokens) and text.gap(gap_at) in {" ", ","}:
            other = text.tokens[beside].folded
            if other in own and other != token.folded:
                return True
    cues = _cues(text, index)
    announced = about("honorific") | about("named") | about("titled")
    if cues & announced - {"don", "miss", "chief"} - about("doctor"):
        return True
    if cues & about("doctor") and not _street_before(text, index):
        return True
    if text.flat:
        return False
    after = text.beside(index)
    if after is not None and after.folded in about("speech") and index and token.capital:
        return True
    plain_before = (
        index > 0 and text.gap(index - 1) in {" ", ","} and not text.tokens[index - 1].capital
    )
    plain_after = after is None or not after.capital
    never = token.folded in about("dated") or any(
        token.folded in about(name) for name in ("places", "facility")
    )
    return bool(cues & (about("relation") | about("contact") | about("with"))) or (
        plain_before and plain_after and not never
    )


_RULES: Final = (_said, _pair, _turned, _alone)
