"""`keys.json`: every key wrapped, what became of each that ever was, and which master opens it.

```
master   the name of the master
wrapped  the key of this store under that master
number   which key of the store it is: 1 for the first
link     [this key under the one before, until when], for processes that run over a rewrap
keys     id -> 32 bytes, wrapped under the key of the store
marks    id -> [retired, destroyed or lost, since when]
public   id of a signing key -> its public half, which stays when the key is destroyed
```
Only what is wrapped is secret. Sections 5 and 6 of the log's specification.
"""

from __future__ import annotations

import datetime as dt
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "keys.json"
VERSION: Final = 2
MADE: Final = "made"
RETIRED: Final = "retired"
DESTROYED: Final = "destroyed"
LOST: Final = "lost"

_GONE: Final = frozenset({DESTROYED, LOST})
_PARTS: Final = {"version", "master", "wrapped", "number", "link", "keys", "marks", "public"}


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of a key, and when."""

    event: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Link:
    """The key of the store under the one before it, until a time."""

    wrapped: bytes
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Record:
    """A key store as it is written; see the module."""

    master: str
    wrapped: bytes
    number: int = 1
    link: Link | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    public: Mapping[str, bytes] = field(default_factory=dict)

    def state(self, key_id: str) -> str | None:
        """Return `made`, `retired`, `destroyed` or `lost`; None for a key that never was."""
        mark = self.marks.get(key_id)
        if mark is not None:
            return mark.event
        return MADE if key_id in self.keys else None

    def states(self) -> dict[str, str]:
        """Return the state of every key that there ever was, masters included once replaced."""
        found = dict.fromkeys(self.keys, MADE) | {one: m.event for one, m in self.marks.items()}
        if any(one.startswith("kek/") for one in self.marks):
            found[f"kek/{self.master}"] = MADE
        return found

    def encode(self) -> bytes:
        """Return the file's bytes."""
        link = self.link
        value = {
            "version": VERSION,
            "master": self.master,
            "wrapped": _b64(self.wrapped),
            "number": self.number,
            "link": None if link is None else [_b64(link.wrapped), link.until.isoformat()],
            "keys": {one: _b64(data) for one, data in self.keys.items()},
            "marks": {one: [m.event, m.since.isoformat()] for one, m in self.marks.items()},
            "public": {one: _b64(data) for one, data in self.public.items()},
        }
        return json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"


def parse(data: bytes) -> Record:
    """Return what a key store's file says.

    Raises:
        SettingsError: It is of another form or version.
    """
    value = document(data)
    if value.get("version") != VERSION or value.keys() != _PARTS:
        raise SettingsError(f"key folder: `{NAME}` is of no version that is known here")
    try:
        link = value["link"]
        record = Record(
            _text(value["master"]),
            b64decode(value["wrapped"], validate=True),
            int(value["number"]),
            None if link is None else Link(b64decode(link[0], validate=True), _instant(link[1])),
            {one: b64decode(text, validate=True) for one, text in value["keys"].items()},
            {one: Mark(event, _instant(since)) for one, (event, since) in value["marks"].items()},
            {one: b64decode(text, validate=True) for one, text in value["public"].items()},
        )
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise SettingsError(f"key folder: `{NAME}` holds something that is no key") from error
    known = {RETIRED} | _GONE
    if any(mark.event not in known for mark in record.marks.values()):
        raise SettingsError(f"key folder: `{NAME}` holds a mark that is not known here")
    # A key that is said to be gone and is there all the same was put back by hand.
    if any(m.event in _GONE and one in record.keys for one, m in record.marks.items()):
        raise SettingsError(f"key folder: `{NAME}` holds a key that it says is gone")
    return record


def document(data: bytes) -> dict[str, Any]:
    """Return the object that a key store's file holds, of whatever version.

    Raises:
        SettingsError: It is not JSON, or no object.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise SettingsError(f"key folder: `{NAME}` is not JSON") from error
    if not isinstance(value, dict):
        raise SettingsError(f"key folder: `{NAME}` is of no version that is known here")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _instant(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
