"""Values of code fields: what is on its list, or of its system's form, is never looked into.

A closed list is the dataset's own; an open system is known by its form. A value that is neither is
no code: on a closed list it is a finding in itself, since an adapter makes unknown codes null; of
an open system it is one where it holds a word that is no ordinary word, or digits enough for a
phone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters import canonical
from adapters.identities.text import lists, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNLISTED: Final = "unlisted"

_FORMS: Final[Mapping[str, str]] = {
    "ICD-10-CM": r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?",
    "ICD-10": r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?",
    "NEMSIS eDispatch.01": r"\d{7}",
    "US ZIP": r"\d{5}(?:-?\d{4})?",
    "US county FIPS": r"\d{5}",
    "US state FIPS": r"\d{2}",
    "US census tract": r"\d{11}",
    "USPS state": r"[A-Z]{2}",
    "FBI ORI": r"(?=.*\d)[A-Z0-9]{7,9}",
    "NIBRS location": r"\d{2}",
    "CAS RN": r"\d{2,7}-\d{2}-\d",
    "FDA UNII": r"[A-Z0-9]{10}",
    "PubChem CID": r"[1-9]\d{0,7}|1\d{8}",
    "NPI or OID": r"\d{10}|[0-2](?:\.\d+)+",
    "NUCC taxonomy": r"\d{3}[A-Z0-9]{6}X",
    "UB-04 discharge status": r"\d{2}",
    "NDC": r"\d{11}",
    "DEA number": r"[A-Z][A-Z9]\d{7}",
    "ASAP DSP24": r"\d{1,2}",
}
_LETTERS = 3
_DIGITS = re.compile(r"(?:\d\D?){7,}")


def check(codes: str) -> tuple[Callable[[str], bool], bool]:
    """Return what says of one value whether it is a code of a list or system, and if it is closed.

    Raises:
        KeyError: No such list or system: `datasets.json` names one that nobody wrote down here.
    """
    listed = canonical.canonical().values.get(codes)
    if listed is not None:
        return listed.__contains__, True
    form, sound = re.compile(_FORMS[codes], re.ASCII), _SOUND.get(codes, _no_name)
    return (lambda value: form.fullmatch(value) is not None and sound(value)), False


def _no_name(value: str) -> bool:
    """Return whether a value of letters alone is not somebody's name, as far as lists say."""
    return not (value.isalpha() and len(value) >= _LETTERS) or (
        value.lower() not in lists().surnames and value.lower() not in lists().given
    )


def _npi(value: str) -> bool:
    """Return whether ten digits have the check digit of an NPI; phones of ten digits seldom do."""
    if not value.isdigit():
        return True  # an OID
    doubled = (int(digit) * (1 + at % 2) for at, digit in enumerate("80840" + value, 0))
    return value[0] in "12" and sum(sum(divmod(one, 10)) for one in doubled) % 10 == 0


def _cas(value: str) -> bool:
    """Return whether a CAS number has its check digit; dates and record numbers seldom do."""
    *digits, check = map(int, value.replace("-", ""))
    return sum(at * one for at, one in enumerate(reversed(digits), 1)) % 10 == check


_SOUND: Final[Mapping[str, Callable[[str], bool]]] = {"NPI or OID": _npi, "CAS RN": _cas}


def no_code(text: str, *, closed: bool) -> bool:
    """Return whether a plain text that is no code of its field is a finding in itself."""
    if closed or _DIGITS.search(text):
        return True
    known = lists().words
    return any(
        len(word.folded) >= _LETTERS and any(part not in known for part in word.folded.split("-"))
        for word in words(text)
    )
