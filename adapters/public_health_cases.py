r"""Which emergency visits are overdoses: one named rule for all rows, and the syndromes beside it.

`cdc-discharge-opioid` of 2021 (PMC7948191): any diagnosis T40.0 to T40.4 or T40.6, intent 1 to 4
(accidental, self-harm, assault, undetermined), first encounter. Adverse effect (5), underdosing
(6), later encounters and sequelae do not count, and neither does the disorder F11 (DEF-1 to DEF-6).

`cdc-dose-opioid` adds complaints: an overdose word and an opioid word, less exclusions. CDC holds
the text of its query; the words here are the project's own, and the version says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DISCHARGE = ("cdc-discharge-opioid", "2021")
DOSE = ("cdc-dose-opioid", "3+accord1")
"""(definition id, version)."""

_FIRST_POISONING = r"[1-4]A"
_OPIOID = re.compile(rf"T40\.(?:[0-3]X|4[X129]|6[09]){_FIRST_POISONING}")
_HEROIN = re.compile(rf"T40\.1X{_FIRST_POISONING}")
_FENTANYL = re.compile(rf"T40\.41{_FIRST_POISONING}")
_STIMULANT = re.compile(rf"T(?:40\.5X|43\.6[0-59]){_FIRST_POISONING}")
_ANY_DRUG = re.compile(
    rf"T(?:3[6-9]|4[0-9]|50)\.[0-9A-Z]{{2}}{_FIRST_POISONING}|T(?:3[6-9]|4[0-9]|50)\.[0-9]{_FIRST_POISONING}"
)

_OVERDOSE = re.compile(r"\b(?:overdos\w*|od'?e?d?|unresponsive|poison\w*)\b")
_OPIOID_WORD = re.compile(
    r"\b(?:opioids?|opiates?|heroin|fentan[iy]l\w*|carfentan[iy]l|oxycod\w*|oxycont\w*|hydrocod\w*"
    r"|morphine|methadone|percocet|vicodin|dilaudid|codeine|tramadol|narcan|naloxone)\b"
)
_EXCLUDED = re.compile(
    r"\b(?:withdraw\w*|detox\w*|rehab\w*|den(?:y|ies|ied)|no (?:signs? of )?overdose)\b"
)


def is_case(definition: tuple[str, str], codes: Iterable[str], complaint: str | None) -> bool:
    """Return whether a visit is a case of the definition.

    Args:
        definition: `DISCHARGE` or `DOSE`.
        codes: ICD-10-CM with the dot.
        complaint: As written, or None.
    """
    if any(_OPIOID.fullmatch(code) for code in codes):
        return True
    return definition == DOSE and bool(complaint) and _complains(complaint or "", _OPIOID_WORD)


def _complains(complaint: str, drug: re.Pattern[str]) -> bool:
    words = complaint.lower()
    found = _OVERDOSE.search(words) and drug.search(words) and not _EXCLUDED.search(words)
    return bool(found)


_BY_CODE = {
    "all_drug_v2": _ANY_DRUG,
    "opioid_v3": _OPIOID,
    "heroin_v4": _HEROIN,
    "fentanyl_v1": _FENTANYL,
    "stimulant": _STIMULANT,
}
_BY_WORD = {
    "all_drug_v2": _OPIOID_WORD,
    "opioid_v3": _OPIOID_WORD,
    "heroin_v4": re.compile(r"\bheroin\b"),
    "fentanyl_v1": re.compile(r"\bfentan[iy]l\w*\b"),
}


def syndromes(codes: Iterable[str], complaint: str | None) -> tuple[str, ...]:
    """Return the syndromes of a visit, in the order of the list.

    They stand by CDC's names and the project's words, since the queries are not public.
    """
    held = tuple(codes)
    return tuple(
        name
        for name, pattern in _BY_CODE.items()
        if any(pattern.fullmatch(code) for code in held)
        or (complaint and name in _BY_WORD and _complains(complaint, _BY_WORD[name]))
    )
