"""Identifiers that have a form: SSN, phone, e-mail, birth date, address, plate, record number.

Pure: a plain text in, the kinds found in it out. What has no form of its own (nine digits, a date)
counts only beside a word that says what it is. Rules of form: SSN by the Social Security
Administration's ranges (area 000, 666 and 900-999, group 00 and serial 0000 are never issued);
phones by the North American Numbering Plan (area and exchange begin with 2 to 9).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters.identities.dates import DATE
from adapters.identities.figures import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS: Final = ("ssn", "phone", "email", "dob", "address", "plate", "record-number")

_EMAIL = re.compile(
    r"[\w.+%-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]+(?:\s?(?:\.|\(dot\)|\[dot\])\s?[\w-]+){0,4}"
    r"\s?(?:\.|\(dot\)|\[dot\])\s?[a-z]{2,10}\b"
    r"|\b[\w.+-]{2,64}\s(?:at|arroba)\s[\w-]{2,40}\s(?:dot|punto)\s[a-z]{2,10}\b",
    re.IGNORECASE,
)

_SSN_WORD = (
    r"(?:ssn?|soc(?:ial)?\.?(?:\s?sec(?:urity)?)?(?:\s?(?:no|num|number|nbr))?|seguro(?:\ssocial)?"
    r"|ss\s?#)"
)
_SSN_FORM = re.compile(r"(?<![\d-])(\d{3})([- .])(\d{2})\2(\d{4})(?![\d-]|\.\d)")
_SSN_SAID = re.compile(
    rf"\b{_SSN_WORD}\W{{0,3}}(?:is|es|no|of|:|#)?\W{{0,3}}"
    r"(\d{3})(?:\s?[-./]\s?|\s)?(\d{2})(?:\s?[-./]\s?|\s)?(\d{4})(?!\d)",
    re.IGNORECASE,
)
_SSN_LAST = re.compile(
    rf"\b(?:{_SSN_WORD}\W{{0,3}}(?:ending(?:\sin)?|last\s?(?:4|four)|x+[- ]?x+[- ]|\*+[- ]\*+[- ])"
    rf"|last\s?(?:4|four)\s(?:of\s)?(?:the\s|his\s|her\s)?{_SSN_WORD})\W{{0,4}}(?:is\s|are\s)?\d{{4}}(?!\d)",
    re.IGNORECASE,
)
_NEVER_ISSUED: Final = ("000", "666")
_AREA_END = 900

_PHONE = re.compile(
    r"(?<![\w.-])(?:\+?1[-. ]?)?(?:\(([2-9]\d{2})\)\s?[-. ]?|([2-9]\d{2})(\s?[-./]\s?|\s))"
    r"([2-9]\d{2})(?:\s?[-./]\s?|\s)?(\d{4})(?![\d-]|\.\d)"
)
_PHONE_WORD = (
    r"(?:ph(?:one)?|cel(?:l(?:ular)?|ular)?|tel(?:ephone|efono|éfono)?|mobile|movil|móvil|call(?:ed|s|ing|back)?"
    r"|cb|contact|reach(?:ed)?|text(?:ed)?|dial(?:ed)?|llam(?:ar|e|o|ó)|whatsapp"
    r"|(?:new|his|her|my|phone|good|best|work|home|current|nuevo|su)\s(?:number|num|numero|número|#)"
    r")"
)
_PHONE_SAID = re.compile(
    rf"\b{_PHONE_WORD}\W{{0,3}}(?:\s?(?:no|num|number|back|is|es|at|al|on|him|her|them|@|a)\b\W{{0,3}}){{0,3}}"
    r"(?:\+?1[-. ]?)?(?:\(?([2-9]\d{2})\)?[-. ]{0,2}[2-9]\d{2}[-. ]?\d{4}"
    r"|[2-9]\d{2}(?:\s?[-./]\s?|\s)\d{4})"
    r"(?![\d-]|\.\d)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?:\b(?:lot|lote|batch|ndc|npi|ori|case|incident|cad|kit|serial|order|ref|sample|unit|run|pcr|zip|badge|trip)\b"
    r"\W{0,2}(?:no|num|number|id|#)?|\blot\w*\s?#)\W{0,3}$",
    re.IGNORECASE,
)
_TOLL_FREE: Final = frozenset({"800", "833", "844", "855", "866", "877", "888", "900"})

_BIRTH = (
    r"(?:\bd\.?\s?o\.?\s?b\b\.?|\bbirth\s?-?\s?da(?:te|y)\b|\bdate\sof\sbirth\b|\bborn(?:\son)?\b|\bbday\b|\bb-day\b"
    r"|\bfecha\sde\snac(?:imiento|\.)?|\bf\.?\s?nac\b\.?|\bfdn\b|\bnaci(?:ó|o|do|da)(?:\sel)?\b|\bcumple(?:años|anos)?\b)"
)
_BIRTH_WORD = re.compile(_BIRTH, re.IGNORECASE)
_DOB = re.compile(
    rf"\W{{0,4}}(?:(?:is|es|was|on|el|of|the|listed\sas|as)\W{{1,2}}){{0,3}}{DATE}", re.IGNORECASE
)
_DOB_BEFORE = re.compile(rf"{DATE}\W{{0,3}}\(?\s?$", re.IGNORECASE)
_DATE_MOST: Final = 32

_SUFFIX = (
    r"(?:st(?:reet)?|ave?(?:nue)?|blvd|boulevard|r(?:oa)?d|l(?:a)?ne?|dr(?:ive)?|c(?:our)?t|pl(?:ace)?|ter(?:race)?"
    r"|pkwy|parkway|h(?:igh)?wy|highway|cir(?:cle)?|sq(?:uare)?|way|tr(?:ai)?l|aly|alley|pike|tpke|turnpike|loop|xing)"
)
_ADDRESS = re.compile(
    r"(?<![\w/.#-])(\d{1,5})(?:-\d{1,4}|[a-z])?\s(?:1/2\s)?(?:(?:north|south|east|west|[nsew]{1,2})\.?\s)?"
    rf"((?:(?!(?:and|or|to|of|at|for|with|mg|ml|mcg|min|mins|yo|y/o|doses?|x)\b)(?:st\.|[^\W\d_][\w'-]*|\d{{1,3}}(?:st|nd|rd|th))\s){{1,4}}?)"
    rf"({_SUFFIX})\b\.?",
    re.IGNORECASE,
)
_ADDRESS_ES = re.compile(
    r"\b(?:calle|avenida|ave|camino|paseo|carretera)\s(?:[^\W\d_][\w'-]*\s){1,3}?(?:#|no\.?|num\.?|número|numero)\s?\d{1,5}\b",
    re.IGNORECASE,
)
_PO_BOX = re.compile(r"\bp\.?\s?o\.?\sbox\s?#?\s?\d{1,6}\b", re.IGNORECASE)
_UNIT_BEFORE = re.compile(
    r"(?:\b(?:engine|eng|medic|ladder|truck|squad|rescue|unit|station|sta|battalion|ambulance|als|bls|district|zone|sector"
    r"|precinct|car|e|m|a|l|r|route|rt|rte|sr|us|i|hwy|highway|mile|mm|exit|bus|stop|gate|platform|x|gcs|age|lot|kit"
    r"|ward|site|bunk|floor|bay|room|rm|grid|beat|priority|level|version|v)[\s#-]{0,2}|[-/:.])$",
    re.IGNORECASE,
)
_NO_STREET: Final = frozenset(
    [
        *("mg", "ml", "mcg", "min", "mins", "minute", "minutes", "hour", "hours", "hrs", "day"),
        *("days", "blk", "week", "weeks", "month", "months", "years", "yo", "year", "dose"),
        *("doses", "lpm", "liters", "l", "am", "pm", "male", "female", "rounds", "units"),
        *("block", "blocks", "feet", "ft", "miles", "mi", "people", "pts", "patients", "persons"),
        *("bags", "kits", "times", "story", "narcan", "naloxone", "officers", "staff", "fd"),
        *("ems", "pd"),
    ]
)

_PLATE = re.compile(
    r"\b(?:licen[sc]e\s?plates?|plates?|lic(?:ense)?\.?\s?(?:plt|pl|tag)?|plt|tags?|reg(?:istration)?|placas?)\b"
    r"\s?(?:no\.?|num\.?|number|reads?|is|was|#|:)?\W{0,3}(?:(?:PA|NJ|NY|DE|MD|OH|WV|AZ|CA|TX|FL)\s)?"
    r"((?=[a-z]{1,4}[- ]?\d|\d{1,4}[- ]?[a-z]{1,3}(?![a-z]))[a-z\d]{1,4}[- ]?[a-z\d]{2,5})\b",
    re.IGNORECASE,
)
_VIN = re.compile(r"\bvin\b\W{0,3}(?:(?:no|number|is)\W{1,2})?[a-hj-npr-z\d]{17}\b", re.IGNORECASE)
_LICENCE = re.compile(
    r"\b(?:d\.?l\.?|oln|driver'?s?\slicen[sc]e|dl#|licencia)\s?(?:no\.?|num\.?|number|#|is|:)?\W{0,3}[a-z]?\d{6,12}\b",
    re.IGNORECASE,
)
_RECORD = re.compile(
    r"\b(?:mrn|m\.r\.n\.|med(?:ical)?\.?\srec(?:ord)?s?|chart|acct|account|patient\sid|pt\sid|client\sid|inmate|booking"
    r"|medicaid|medicare|hosp(?:ital)?\sid|expediente|member\sid|insurance\sid|policy)"
    r"\s?(?:no\.?|num\.?|number|nbr|id|#|is|:)*\W{0,3}(?=[a-z-]{0,5}\d)([a-z]{0,4}-?\d[\da-z-]{3,14})\b",
    re.IGNORECASE,
)


def kinds(text: str, shapes: tuple[re.Pattern[str], ...] = ()) -> Iterator[str]:
    """Yield the kinds found in a plain text, each once.

    Args:
        text: As `text.plain` returns it.
        shapes: Record numbers of the provider, by its settings.
    """
    text = figures(text)
    for kind, found in _LOOK.items():
        if found(text):
            yield kind
    if any(shape.search(text) for shape in shapes) and not _record(text):
        yield "record-number"


def _ssn(text: str) -> bool:
    forms = (match.group(1, 3, 4) for match in _SSN_FORM.finditer(text) if not _numbered(match))
    said = (match.group(1, 2, 3) for match in _SSN_SAID.finditer(text))
    return any(map(_issued, (*forms, *said))) or _SSN_LAST.search(text) is not None


def _issued(parts: tuple[str, ...]) -> bool:
    area, group, serial = parts
    return (
        area not in _NEVER_ISSUED and int(area) < _AREA_END and group != "00" and serial != "0000"
    )


def _numbered(match: re.Match[str]) -> bool:
    """Return whether a word before says that the number is of a thing, not of a person."""
    return _NUMBERED.search(match.string, max(0, match.start() - 24), match.start()) is not None


def _phone(text: str) -> bool:
    for match in _PHONE.finditer(text):
        if (match[1] or match[2]) not in _TOLL_FREE and not _numbered(match):
            return True
    return any(
        match[1] not in _TOLL_FREE and not _numbered(match) for match in _PHONE_SAID.finditer(text)
    )


def _dob(text: str) -> bool:
    # A date is looked for where a word of birth is, and not the other way about: it is cheaper.
    for match in _BIRTH_WORD.finditer(text):
        if _DOB.match(text, match.end()):
            return True
        if _DOB_BEFORE.search(text[max(0, match.start() - _DATE_MOST) : match.start()]):
            return True
    return False


def _address(text: str) -> bool:
    if _ADDRESS_ES.search(text) or _PO_BOX.search(text):
        return True
    return any(map(_house, _ADDRESS.finditer(text)))


def _house(match: re.Match[str]) -> bool:
    name = match[2].lower().split()
    if _NO_STREET.intersection(name) or _UNIT_BEFORE.search(
        match.string, max(0, match.start() - 12), match.start()
    ):
        return False
    # `12 Dr Smith`, `4 St Mary`: a suffix that begins what follows needs a street's name before it.
    return bool(name)


def _record(text: str) -> bool:
    return _RECORD.search(text) is not None


_LOOK: Final[dict[str, Callable[[str], bool]]] = {
    "ssn": _ssn,
    "phone": _phone,
    "email": lambda text: _EMAIL.search(text) is not None,
    "dob": _dob,
    "address": _address,
    "plate": lambda text: any(
        pattern.search(text) is not None for pattern in (_PLATE, _VIN, _LICENCE)
    ),
    "record-number": _record,
}
