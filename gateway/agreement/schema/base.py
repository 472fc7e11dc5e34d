"""The forms that schemas are made of: closed mappings, words, dates, durations, lists.

JSON Schema, draft 7: what editors read. Every form has a description, which editors show beside the
key. A schema says less than the parser, never otherwise: what it refuses, the parser refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.agreement.cursor import HEX, NONE, TEXT_MAX, VERSION, WILDCARDS
from gateway.agreement.spans import FORM as SPAN

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping

Schema: TypeAlias = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
INTEGER_MAX: Final = 10**15
_DATE: Final = r"2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_KEY_32: Final = r"[A-Za-z0-9+/]{43}="


def exactly(pattern: str | re.Pattern[str]) -> str:
    """Return the pattern of texts that match from end to end."""
    source = pattern if isinstance(pattern, str) else pattern.pattern
    return f"^(?:{source})$"


# --- single values ---


def text(about: str, pattern: str | re.Pattern[str] | None = None) -> Schema:
    """Return text of 1 to 200 characters, of this form."""
    form = r"\S" if pattern is None else exactly(pattern)
    return {
        "description": about, "type": "string", "minLength": 1, "maxLength": TEXT_MAX,
        "pattern": form,
    }  # fmt: skip


def word(about: str, words: Iterable[str]) -> Schema:
    """Return a word of a closed set."""
    return {"description": about, "enum": sorted(words)}


def integer(about: str, low: int, high: int = INTEGER_MAX) -> Schema:
    """Return an integer of this range, ends included."""
    return {"description": about, "type": "integer", "minimum": low, "maximum": high}


def always(about: str, value: object) -> Schema:
    """Return the only value that may stand here."""
    return {"description": about, "const": value}


def boolean(about: str) -> Schema:
    """Return true or false."""
    return {"description": about, "type": "boolean"}


def version(about: str) -> Schema:
    """Return a version of three numbers."""
    return text(f'{about} Quoted: "1.0.0".', VERSION)


def date(about: str) -> Schema:
    """Return a civil date."""
    return text(f'{about} A quoted date: "2027-01-31".', _DATE)


def span(about: str) -> Schema:
    """Return a duration."""
    return text(f"{about} A duration such as P30D, P1Y or PT72H.", SPAN)


def sha256(about: str) -> Schema:
    """Return a digest in hex."""
    return text(f"{about} SHA-256 in hex, as sha256sum prints it.", HEX)


def key_32(about: str) -> Schema:
    """Return 32 bytes in base64."""
    return text(f"{about} 32 bytes in base64.", _KEY_32)


def or_none(schema: Schema) -> Schema:
    """Return what may be `none` instead."""
    about = f"{schema['description']} `none` where there is none."
    return either(about, schema, {"const": NONE})


def either(about: str, *several: Schema) -> Schema:
    """Return what is of one of several forms."""
    return {"description": about, "anyOf": list(several)}


# --- lists and mappings ---


def listed(about: str, item: Schema, *, once: bool = False) -> Schema:
    """Return a list that is not empty, in which nothing stands twice if `once`."""
    made = {"description": about, "type": "array", "items": item, "minItems": 1}
    return made | {"uniqueItems": True} if once else made


def names(about: str, form: str | re.Pattern[str]) -> Schema:
    """Return a list of different names, none of them a wildcard."""
    item = {"type": "string", "pattern": exactly(form), "not": {"enum": sorted(WILDCARDS)}}
    return listed(about, item, once=True)


def words(about: str, closed: Iterable[str]) -> Schema:
    """Return a list of different words of a closed set."""
    return listed(about, {"enum": sorted(closed)}, once=True)


def mapping(
    about: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    """Return a mapping of exactly these keys; the optional ones may be left out."""
    return {
        "description": about,
        "type": "object",
        "properties": dict(required) | dict(optional or {}),
        "required": sorted(required),
        "additionalProperties": False,
    }


def entries(about: str, form: str | re.Pattern[str], value: Schema) -> Schema:
    """Return a mapping that names its own keys; it is not empty."""
    return {
        "description": about,
        "type": "object",
        "propertyNames": {"pattern": exactly(form), "not": {"enum": sorted(WILDCARDS)}},
        "additionalProperties": value,
        "minProperties": 1,
    }


def file(kind: str, about: str, body: Schema) -> Schema:
    """Return the schema of a whole file of one kind."""
    head = {
        "apiVersion": always("The version of the language.", "accord/v1"),
        "kind": always("What the file is: one document of one kind a file.", kind),
    }
    return {
        "$schema": DRAFT,
        "title": kind,
        **body,
        "description": about,
        "properties": head | body["properties"],
        "required": sorted([*head, *body["required"]]),
    }
