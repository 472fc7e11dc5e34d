"""Just enough of FHIR R4 JSON: resources of a Bundle, references between them, partial dates.

Plain dicts, read defensively: whatever is not of the expected shape is absent. Resources that
carry an extension which may change their meaning (`modifierExtension`, `implicitRules`) are for
the caller to refuse.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from gateway.values import Precision

if TYPE_CHECKING:
    from collections.abc import Iterator

Resource: TypeAlias = dict[str, Any]

_DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d:\d\d(?:\.\d{1,6})?(Z|[+-]\d\d:\d\d))?)?)?"
)

YEARS = range(1800, 2200)
"""The years that a date may lie in: beyond them it is a slip of a hand, or meant to overflow."""


def items(held: object, name: str) -> list[Resource]:
    """Return the objects of a repeating element; whatever is no list of objects is empty."""
    found = held.get(name) if isinstance(held, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def item(held: object, name: str) -> Resource:
    """Return the object of an element, or an empty one."""
    found = held.get(name) if isinstance(held, dict) else None
    return found if isinstance(found, dict) else {}


def text(held: object, name: str) -> str | None:
    """Return the text of an element, or None where it is absent, empty or no text."""
    found = held.get(name) if isinstance(held, dict) else None
    return found.strip() or None if isinstance(found, str) else None


def texts(held: object, name: str) -> list[str]:
    """Return the texts of a repeating element."""
    found = held.get(name) if isinstance(held, dict) else None
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


class Bundle:
    """The resources of one document: of a Bundle, or one resource alone, and what they contain."""

    def __init__(self, held: object) -> None:
        self._found: list[tuple[str, Resource]] = []
        is_bundle = isinstance(held, dict) and held.get("resourceType") == "Bundle"
        entries = items(held, "entry") if is_bundle else [{"resource": held}]
        for entry in entries:
            resource = item(entry, "resource")
            self._found.append((text(entry, "fullUrl") or "", resource))

    def of(self, kind: str) -> Iterator[Resource]:
        """Yield the resources of a type, contained ones after the one that contains them."""
        for _, resource in self._found:
            for one in (resource, *items(resource, "contained")):
                if one.get("resourceType") == kind:
                    yield one

    def is_entry(self, resource: Resource) -> bool:
        """Return whether a resource stands on its own, not contained in another."""
        return any(one is resource for _, one in self._found)

    def get(self, reference: Resource, kind: str, near: Resource) -> Resource:
        """Return what a Reference of `near` points at, or an empty resource.

        A reference is a `#id` of something contained in `near`, the `fullUrl` of an entry, or
        `Type/id`. Nothing outside the document is ever fetched.
        """
        where = text(reference, "reference")
        if where is None:
            return {}
        if where.startswith("#"):
            found = [one for one in items(near, "contained") if one.get("id") == where[1:]]
        else:
            found = [one for url, one in self._found if where in (url, _address(one))]
        return next((one for one in found if one.get("resourceType") == kind), {})


def _address(resource: Resource) -> str:
    return f"{text(resource, 'resourceType')}/{text(resource, 'id')}"


def date_time(written: str | None) -> tuple[dt.date | None, dt.datetime | None, Precision]:
    """Return the civil date, the instant, and what the text of a FHIR dateTime is good for.

    A month or year is its first day, with that precision. A time in `Z` has an instant and no
    civil date: where it was, the clock showed something else. Unreadable text gives nothing.
    """
    match = _DATE_TIME.fullmatch(written or "")
    if match is None or written is None:
        return None, None, Precision.UNKNOWN
    year, month, day, clock, offset = match.groups()
    if int(year) not in YEARS:
        return None, None, Precision.UNKNOWN
    try:
        date = dt.date(int(year), int(month or 1), int(day or 1))
        if clock is None:
            precision = Precision.DAY if day else Precision.MONTH if month else Precision.YEAR
            return date, None, precision
        instant = dt.datetime.fromisoformat(written)
    except ValueError:
        return None, None, Precision.UNKNOWN
    return (None if offset == "Z" else date), instant, Precision.INSTANT
