"""The rule that tests hold nobody's data: names, numbers and birthdays that cannot be anybody's.

Tests are read by many. What is made up is so by its form: a name with a word such as Sample in it,
a telephone number from 555-0100 to 555-0199, a birthday on the first of January, an address of mail
under `.example`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.finding import Level
from gateway.agreement.lint.rule import FolderRule, folder_rule
from gateway.values import Means

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.places import Path
    from gateway.agreement.testing import Suite
    from gateway.agreement.yaml import Document

MADE_UP: Final = frozenset(
    {"example", "fictional", "fixture", "made-up", "nobody", "sample", "synthetic", "test"}
)
"""A name or an address with one of these words is nobody's."""

_WORD: Final = re.compile(r"[a-z][a-z-]*")
_SECURITY: Final = re.compile(r"(?<!\d)(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?!\d)")
_MAIL: Final = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*)")
_RESERVED: Final = re.compile(r"(?:.*\.)?(?:example|test|invalid|example\.(?:com|net|org))")
_PHONE: Final = re.compile(
    r"(?<!\d)(?:\+?1[-. ]?)?\(?([2-9]\d\d)\)?[-. ]?([2-9]\d\d)[-. ]?(\d{4})(?!\d)"
)


@folder_rule("fixture-has-real-data", Level.WARNING)
def real_data(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """No row of a test holds what could be somebody's name, number or birthday."""
    for suite in (folder.suites or {}).values():
        for path, field, value in _values(folder, suite):
            what = _plausible(field, value)
            if what:
                yield suite.document, path, f"`{path[-1]}` may be somebody's {what}"


def _values(folder: Folder, suite: Read[Suite]) -> Iterator[tuple[Path, FieldRule | None, object]]:
    """Yield each value of a row, given or expected, with the field that it is of."""
    for place, test in enumerate(suite.document.value["tests"]):
        dataset = folder.schemas.get(str(suite.model.trials[place].ask.dataset))
        fields = dataset.fields if dataset is not None else {}
        for part in ("given", "expect"):
            yield from _rows(test.get(part, {}), ("tests", place, part, "rows"), fields)


def _rows(
    part: Mapping[str, Any], path: Path, fields: Mapping[str, FieldRule]
) -> Iterator[tuple[Path, FieldRule | None, object]]:
    for number, row in enumerate(part.get("rows", ())):
        for name, value in row.items():
            for one in value if isinstance(value, list) else (value,):
                yield (*path, number, name), fields.get(name), one


def _plausible(field: FieldRule | None, value: object) -> str:
    """Return what a value may be of somebody; nothing where it is nobody's."""
    if not isinstance(value, str):
        return ""
    if _SECURITY.search(value):
        return "social security number"
    if any(not _RESERVED.fullmatch(host) for host in _MAIL.findall(value)):
        return "address of mail"
    means = field.means if field is not None else Means.OTHER
    made_up = bool(MADE_UP & set(_WORD.findall(value.lower())))
    match means:
        case Means.NAME if not made_up and _WORD.search(value.lower()):
            return "name"
        case Means.ADDRESS if not made_up and re.search(r"\d", value):
            return "address"
        case Means.DATE_OF_BIRTH if not value.endswith("-01-01"):
            return "birthday"
        case _:
            return "telephone number" if _is_number(value, means) else ""


def _is_number(value: str, means: Means) -> bool:
    """Return whether a text holds a telephone number that may be assigned.

    Ten digits without a mark between them are one only where the field is of such numbers.
    """
    for match in _PHONE.finditer(value):
        reserved = match[2] == "555" and match[3].startswith("01")
        if not reserved and (means is Means.PHONE or not match[0].isdigit()):
            return True
    return False


FOLDER_RULES: tuple[FolderRule, ...] = (real_data,)
