"""What lies beside the tree, payloads and opened metadata, and what entries mean together.

`Meaning` reads opened metadata in the log's order and says where entries contradict each other.
Section 8, step 4, of the log's specification; what is not there is for `absent`.
"""

from __future__ import annotations

from binascii import a2b_base64, a2b_hex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gateway.audit.stream import stream_next, stream_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.life import Fault


@dataclass(frozen=True, slots=True)
class Opening:
    """Metadata of one entry with its salt, as `accord log export --open` writes it: no tokens."""

    meta: bytes
    salt: bytes


class Payloads(Protocol):
    """Where sealed payloads lie, and who has their keys."""

    def sealed(self, first: int, count: int) -> Mapping[int, tuple[str, bytes]]:
        """Return index -> (key id, sealed payload) for those that are there, of a range."""

    def key(self, key_id: str) -> bytes | None:
        """Return a payload key, or None where it is destroyed or not given."""


class Entry(NamedTuple):
    """One leaf of the log as the verifier reads it: the bytes of its keys; null is None."""

    agreement: bytes | None
    kind: bytes
    m: bytes
    chunk: bytes
    retain: bytes
    s: bytes | None
    time: bytes
    exchange: bytes | None


class Meaning:
    """What the opened entries have said so far.

    An entry that is not opened is passed with no metadata: what it would have said is then unknown,
    and nothing is held against a later one for it.

    Args:
        origin: The log's.
        later: The entries are those of a later part of a log. Where agreements stood before is not
            known there: those that a grant names are gathered in `named`, and those that a refusal
            does in `refused`.
    """

    __slots__ = ("_later", "active", "all_known", "named", "origin", "refused", "streams", "told")

    def __init__(self, origin: str, *, later: bool = False) -> None:
        self.origin = origin
        self.active: set[str] = set()
        self.told: set[str] = set()  # in whatever state
        self.all_known = True  # every `agreement` entry so far was opened
        self.named: set[str] = set()
        self.refused: set[str] = set()
        self.streams: dict[bytes, tuple[int, bytes | None]] = {}
        self._later = later

    def read(self, entry: Entry, meta: Mapping[str, Any] | None) -> Fault | None:
        """Take one entry; return what is wrong with it in the light of earlier ones, or None."""
        match entry.kind:
            case b"release":
                return self._release(entry, meta)
            case b"intent":
                exchange = entry.exchange or b""
                self.streams[exchange] = (0, stream_of(a2b_hex(exchange.replace(b"-", b""))))
                return self._known(entry)
            case b"outcome" | b"recovered":
                return self._end(entry, meta)
            case b"refusal":
                return self._known(entry)
            case b"agreement":
                self._swap(meta)
            case b"genesis":
                if meta is not None and meta["origin"] != self.origin:
                    return "origin-wrong", "`genesis` is of another log"
            case _:
                pass
        return None

    def go_on(self, later: Meaning) -> None:
        """Take what a later part of the log says."""
        self.active |= later.active
        self.told |= later.told
        self.all_known = self.all_known and later.all_known
        self.streams |= later.streams

    def known_in(self, earlier: Meaning) -> bool:
        """Return whether what a later part could not know stood so in what came before it."""
        return self.named <= earlier.active and self.refused <= earlier.told

    def _swap(self, meta: Mapping[str, Any] | None) -> None:
        if meta is None:
            self.all_known = False
            return
        for name, version, _, state in meta["agreements"]:
            self.told.add(f"{name}@{version}")
            if state == "active":
                self.active.add(f"{name}@{version}")

    def _known(self, entry: Entry) -> Fault | None:
        """A version stays known after it was superseded: a request in flight may still name it.

        A grant names one that was active. A refusal may name one because it is not: a draft, or one
        that was suspended before this log began. The leaf names it, so this holds for entries that
        are not opened too.
        """
        if not self.all_known:
            return None
        grant = entry.kind == b"intent"
        if entry.agreement is None:
            # A refusal may come before any agreement was found; a grant may not.
            return ("agreement-unknown", "`intent` without an agreement") if grant else None
        name = entry.agreement.decode()
        if name in (self.active if grant else self.told):
            return None
        if self._later:
            (self.named if grant else self.refused).add(name)
            return None
        said = "made this version active" if grant else "tells of this version"
        return "agreement-unknown", f"no earlier `agreement` entry {said}"

    def _release(self, entry: Entry, meta: Mapping[str, Any] | None) -> Fault | None:
        key = entry.exchange or b""
        count, stream = self.streams.get(key, (0, None))
        if meta is None:
            self.streams[key] = (count + 1, None)
            return None
        said = a2b_base64(meta["stream"])
        self.streams[key] = (count + 1, said)
        if meta["chunk"] != int(entry.chunk):
            return "exchange-impossible", "`chunk` is not the leaf's"
        if stream is not None and stream_next(stream, a2b_base64(meta["digest"])) != said:
            return "stream-broken", "`stream` does not follow from the chunk before"
        return None

    def _end(self, entry: Entry, meta: Mapping[str, Any] | None) -> Fault | None:
        count, stream = self.streams.pop(entry.exchange or b"", (0, None))
        if meta is None:
            return None
        if meta["chunks"] != count:
            return "exchange-impossible", f"`chunks` is not the {count} releases before it"
        if entry.kind == b"recovered":
            verdict = "presume-disclosed" if count else "nothing-left"
            if meta["verdict"] != verdict:
                return "exchange-impossible", f"the verdict after {count} releases is `{verdict}`"
            return None
        said = meta["stream"]
        if count == 0 and said is None:
            return None
        if said is None or (stream is not None and a2b_base64(said) != stream):
            return "stream-broken", "`stream` is not that of the last release"
        return None
