"""Opens what lies beside each entry, payload or opening, and asks what it says.

What cannot be opened is counted; what was changed is a finding. Section 8, step 4, of the log's
specification.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.absent import Absent
from gateway.audit.beside import Entry, Meaning, Opening, Payloads
from gateway.audit.entry import commit_meta, format_time, parse_meta, unseal
from gateway.audit.fault import AuditError, Finding
from gateway.audit.kinds import spelled

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from gateway.audit.subjects import Rebuilt
    from gateway.audit.tally import Tally

_SILENT: Final = frozenset({b"intent", b"refusal"})
"""Kinds whose metadata no other entry is held against: that it fits its schema is enough. They are
a third of a log and two thirds of its metadata."""

_TELLING: Final = frozenset({b"erase", b"hold", b"key"})
"""Kinds that say what went, or was to stay."""


class Beside:
    """Payloads or openings, entry by entry.

    Args:
        origin: The log's.
        openings: Metadata with salts, by index.
        payloads: Sealed payloads, and keys; takes the place of `openings`.
        now: What payloads' classes are held against, or None.
        tally: Filled with counts.
        later: The entries are those of a later part of a log.
        index: Told of the tokens of each payload.
    """

    def __init__(
        self,
        origin: str,
        openings: Mapping[int, Opening] | None,
        payloads: Payloads | None,
        now: dt.datetime | None,
        tally: Tally,
        *,
        later: bool = False,
        index: Rebuilt | None = None,
    ) -> None:
        self.given = payloads is not None or openings is not None
        self._openings = {} if openings is None else openings
        self._payloads = payloads
        self._open = self._from_opening if payloads is None else self._unsealed
        self.index = index
        self._now = None if now is None else format_time(now)
        self._tally = tally
        self.meaning = Meaning(origin, later=later)
        self.absent = Absent()
        self._sealed: Mapping[int, tuple[str, bytes]] = {}
        self._keys: dict[str, bytes | None] = {}
        self._cutoffs: dict[bytes, bytes] = {}

    def fetch(self, first: int, count: int) -> None:
        """Fetch the sealed payloads of the bundle that comes next."""
        if self._payloads is not None and count:
            self._sealed = self._payloads.sealed(first, count)

    def entry(self, index: int, entry: Entry) -> list[Finding]:
        """Check one entry with what lies beside it."""
        try:
            meta = self.opened(index, entry)
        except AuditError as error:
            self.meaning.read(entry, None)
            return [Finding(error.code, index, error.message)]
        fault = self.meaning.read(entry, meta)
        return [] if fault is None else [Finding(fault[0], index, fault[1])]

    def finish(self) -> Iterator[Finding]:
        """Weigh what is missing against what was erased."""
        for index, (code, message) in self.absent.faults():
            yield Finding(code, index, message)
        self._tally.expired = self.absent.expired

    def opened(self, index: int, entry: Entry) -> dict[str, Any] | None:
        """Return an entry's metadata, counted, or None where it is not to be had.

        Raises:
            AuditError: What lies beside the entry is not what it commits to.
        """
        try:
            meta = self._open(index, entry)
        except AuditError:
            self._hides(index)
            raise
        if meta is None:
            return None
        self._tally.opened += 1
        if entry.kind in _TELLING:
            self.absent.said(index, entry.kind, entry.time.decode(), meta)
        return meta

    def _from_opening(self, index: int, entry: Entry) -> dict[str, Any] | None:
        opening = self._openings.get(index)
        if opening is None:
            self._tally.not_opened += 1
            return None
        if commit_meta(opening.salt, opening.meta) != a2b_base64(entry.m):
            raise AuditError("commitment-mismatch", "`m` does not commit to the opening")
        return _said(entry, opening.meta)

    def _unsealed(self, index: int, entry: Entry) -> dict[str, Any] | None:
        found = self._sealed.get(index)
        if found is None:
            self._tally.missing += 1
            self.absent.missing(index, entry.retain.decode(), entry.time.decode())
            return None
        key_id, sealed = found
        if self._now is not None:
            self._weigh_age(entry, self._now)
        key = self._keys.get(key_id) or self._key(key_id)
        if key is None:
            self._tally.not_opened += 1
            self.absent.unkeyed(index, key_id)
            self._hides(index)
            return None
        s = None if entry.s is None else a2b_base64(entry.s)
        payload = unseal(key, sealed, a2b_base64(entry.m), s)
        meta = _said(entry, payload.meta)
        if self.index is not None and payload.tokens:
            self.index.holds(index, payload.tokens)
        return meta

    def _hides(self, index: int) -> None:
        if self.index is not None:
            self.index.unknown(index)

    def _key(self, key_id: str) -> bytes | None:
        if key_id not in self._keys and self._payloads is not None:
            self._keys[key_id] = self._payloads.key(key_id)
        return self._keys.get(key_id)

    def _weigh_age(self, entry: Entry, now: str) -> None:
        """Count a payload that is there although its class has run out."""
        if entry.retain == b"p":
            return
        cutoff = self._cutoffs.get(entry.retain)
        if cutoff is None:
            year = int(now[:4]) - int(entry.retain[:-1])
            cutoff = self._cutoffs[entry.retain] = f"{year:04d}{now[4:]}".encode()
        self._tally.due += entry.time < cutoff


def _said(entry: Entry, meta: bytes) -> dict[str, Any]:
    """Return what metadata says, once it fits its schema; of silent kinds, nothing."""
    kind = entry.kind.decode()
    if entry.kind in _SILENT and spelled(kind, meta):
        return {}
    return parse_meta(kind, meta)
