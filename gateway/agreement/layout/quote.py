"""Quotes for plain words that not every reader of YAML takes for text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml._yaml import CParser
from yaml.events import ScalarEvent, StreamEndEvent

from gateway.agreement.yaml import NOTHING, YamlError, read

if TYPE_CHECKING:
    from collections.abc import Iterator

RULE: Final = "yaml-ambiguous-scalar"


def requoted(data: bytes, *, file: str) -> bytes:
    """Return a file with quotes about each plain word that the strict reader finds ambiguous.

    Nothing is invented where a value is absent, and what the reader refuses for another reason is
    returned as it is.
    """
    while True:
        try:
            read(data, file=file)
        except YamlError as error:
            places = {(one.line, one.column) for one in error.findings if one.rule == RULE}
            before, data = data, _quoted(data, places)
            if data == before:
                return data
        else:
            return data


def _quoted(data: bytes, places: set[tuple[int, int]]) -> bytes:
    if not places:
        return data
    text = data.decode("utf-8").replace("\r\n", "\n")
    try:
        spans = list(_spans(text, places))
    except yaml.YAMLError:  # behind what the reader refused first
        return data
    for start, end in reversed(spans):
        text = f'{text[:start]}"{text[start:end]}"{text[end:]}'
    return text.encode()


def _spans(text: str, places: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield from where to where the plain words at these places reach."""
    parser = CParser(text)
    try:
        while (event := parser.get_event()).__class__ is not StreamEndEvent:
            if event.__class__ is not ScalarEvent or event.style:
                continue
            start: Any = event.start_mark
            end: Any = event.end_mark
            absent = event.value in NOTHING or "\n" in event.value
            if (start.line + 1, start.column + 1) in places and not absent:
                yield start.index, end.index
    finally:
        parser.dispose()
