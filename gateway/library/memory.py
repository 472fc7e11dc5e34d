"""What the gateway must not forget, in a small file of its own.

When a signature was first seen, suspensions and terminations that once stood, the highest version
of each agreement, versions that a newer one ended, and the floor, registry and purposes last in
force: putting back an old file, or deleting a statement, revives nothing, also after a restart.

The file lies beside the exchange log's database and is written whole: to a temporary file, synced,
renamed. One that cannot be read refuses the start, as does one that is absent beside a log that is
not new: an empty memory would revive what was stopped. An operator who has lost it puts it back
from a backup or, once the officers have looked at every suspension, writes `{}` into it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.finding import FindingsError
from gateway.agreement.signatures import read_signatures, write_signatures
from gateway.agreement.signing import Action, Statement
from gateway.errors import SettingsError
from gateway.library.files import write_synced

if TYPE_CHECKING:
    from pathlib import Path

STOPS: Final = frozenset({Action.SUSPEND, Action.TERMINATE})
_KEYS: Final = frozenset({"base", "ended", "highest", "seen", "stops"})


@dataclass(slots=True)
class Memory:
    """What the gateway refuses to forget.

    Attributes:
        seen: When a signature was first seen, by the SHA-256 of its statement and signature.
        stops: Suspensions and terminations that once stood, by agreement id.
        highest: The highest version that was ever active, by agreement id.
        ended: Versions, as `<id>@<version>`, that a newer agreement has superseded.
        base: The bytes of floor, registry and purposes last in force, by file name: whoever
            changes one of them needs the quorum of these.
        halted: Suspensions that only the exchange log knows, by `<id>@<version>`: since when.
            They are not written: a start finds them in the log again.
    """

    seen: dict[str, dt.datetime] = field(default_factory=dict)
    stops: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    highest: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    base: dict[str, bytes] = field(default_factory=dict)
    halted: dict[str, dt.datetime] = field(default_factory=dict)

    def copy(self) -> Memory:
        """Return a memory that can be added to without changing this one."""
        return Memory(
            dict(self.seen),
            dict(self.stops),
            dict(self.highest),
            set(self.ended),
            dict(self.base),
            dict(self.halted),
        )

    def first_seen(self, one: Statement, now: dt.datetime) -> dt.datetime:
        """Return when a statement was first seen: `now` for one that never was."""
        return self.seen.setdefault(fingerprint(one), now)

    def keep_stop(self, agreement: str, one: Statement) -> None:
        """Keep a stop that was proved; of one key's several for one version the last one signed.

        One is enough, as a resumption must be later than every stop; so nobody fills the memory.
        """
        if one.action not in STOPS:
            return
        kept = {_slot(other): other for other in self.stops.get(agreement, ())}
        before = kept.get(_slot(one))
        if before is None or self._moment(before) < self._moment(one):
            kept[_slot(one)] = one
        self.stops[agreement] = tuple(kept.values())

    def _moment(self, one: Statement) -> tuple[dt.datetime, dt.datetime]:
        return self.seen[fingerprint(one)], one.time


def fingerprint(one: Statement) -> str:
    """Return what a statement is remembered by."""
    return hashlib.sha256(one.message() + one.sig).hexdigest()


def _slot(one: Statement) -> tuple[str, ...]:
    return one.subject, one.action.value, one.agency, one.key


def must_exist(path: Path, *, made: bool, create: bool) -> None:
    """Make an empty memory beside a log that is about to be made; else require that there is one.

    Args:
        path: The memory.
        made: Whether there is a log.
        create: Whether one may be made.

    Raises:
        SettingsError: The log is not new and the memory is gone.
        OSError: The empty memory cannot be written.
    """
    if path.exists():
        return
    if made:
        raise SettingsError(
            f"{path}: is gone, while the exchange log is not new: suspensions would be forgotten; "
            "put it back from a backup or, once every suspension was looked at, write {} into it"
        )
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, b"{}")


def recall(path: Path) -> Memory:
    """Return what the file holds, or an empty memory where there is none.

    Raises:
        SettingsError: The file cannot be read, or is not what `remember` writes.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return _memory(json.loads(data), path.name)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, FindingsError):
        raise SettingsError(
            f"{path}: not the gateway's memory of agreements: put it back from a backup"
        ) from None


def _memory(value: Any, file: str) -> Memory:  # noqa: ANN401 - JSON
    if not isinstance(value, dict) or value.keys() not in (_KEYS, set()):
        raise ValueError("unknown or missing keys")
    if not value:
        return Memory()
    seen = {str(key): dt.datetime.fromisoformat(text) for key, text in value["seen"].items()}
    if any(time.tzinfo is None for time in seen.values()):
        raise ValueError("a time without a zone")
    stops = {
        str(name): read_signatures(base64.b64decode(text, validate=True), file=file)
        for name, text in value["stops"].items()
    }
    for several in stops.values():
        if any(fingerprint(one) not in seen for one in several):
            raise ValueError("a stop that was never seen")
    highest = {str(name): str(version) for name, version in value["highest"].items()}
    if any(not _is_version(version) for version in highest.values()):
        raise ValueError("not a version")
    base = {
        str(name): base64.b64decode(text, validate=True) for name, text in value["base"].items()
    }
    return Memory(seen, stops, highest, set(map(str, value["ended"])), base)


def _is_version(text: str) -> bool:
    return all(part.isdecimal() for part in text.split("."))


def older(version: str, than: str) -> bool:
    """Return whether one version is lower than another, part by part."""
    return [int(part) for part in version.split(".")] < [int(part) for part in than.split(".")]


def remember(path: Path, memory: Memory) -> None:
    """Write the memory whole and synced; nothing is written where nothing changed.

    Raises:
        OSError: It may not be written; the file before is untouched.
    """
    value = {
        "base": {name: base64.b64encode(data).decode() for name, data in memory.base.items()},
        "ended": sorted(memory.ended),
        "highest": memory.highest,
        "seen": {key: time.isoformat() for key, time in memory.seen.items()},
        "stops": {
            name: base64.b64encode(write_signatures(several)).decode()
            for name, several in memory.stops.items()
            if several
        },
    }
    data = json.dumps(value, sort_keys=True, indent=1).encode()
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synced(path, data)
