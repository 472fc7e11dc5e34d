"""AuditService: the exchange log to parties and auditors, and the gossip of checkpoints.

Every answer carries the newest checkpoint, and callers send back the largest that they verified:
each agency is a monitor at no cost.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import IdentityError, Reason, RequestError
from gateway.rpc.disclosures import Disclosures, from_listed, to_asked
from gateway.v1 import audit_pb2, audit_pb2_grpc
from gateway.wire.convert.faults import Faults
from gateway.wire.convert.page import to_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.values import Caller
    from gateway.wire.call import Call
    from gateway.wire.chain import Context, Rule

ENTRIES_BYTES: Final = 1024 * 1024
NOTE_BYTES: Final = 4 * 1024
_NOTES_KEPT: Final = 256
_N: Final = r"(?:x[0-9]{3}/){0,6}[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?"
_TILE = re.compile(rf"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/{_N}")


@dataclass(frozen=True, slots=True)
class Opened:
    """One entry of the log; `meta` and `salt` only where it was opened."""

    index: int
    leaf: bytes
    meta: bytes = b""
    salt: bytes = b""


class Checkpoints(Protocol):
    """The part of the log that gossip needs."""

    def newest(self) -> str:
        """Return the newest signed checkpoint, a note."""

    def compare(self, note: str) -> None:
        """Return if a caller's checkpoint does not contradict the log; ignore what is not ours.

        Raises:
            LogError: It is signed by the log's key, and larger or with another root: stop at once.
        """


class AuditLog(Checkpoints, Disclosures, Protocol):
    """The exchange log as AuditService shows it; each may wait, none blocks the loop."""

    async def tile(self, path: str) -> bytes:
        """Return a tile or bundle by its tlog-tiles path, byte for byte as an export has it.

        Raises:
            NotFoundError: The newest checkpoint has no such tile.
        """

    async def entries(self, start: int, count: int) -> Sequence[Opened]:
        """Return at most `count` entries from `start` on, not opened.

        Raises:
            NotFoundError: `INDEX_BEYOND_LOG`.
        """

    async def opened(self, start: int, count: int, caller: Caller) -> Sequence[Opened]:
        """Return the same, opened where the caller is a party of the entry or an auditor.

        An `access` entry is durable before this returns.
        """

    async def inclusion(self, index: int, size: int) -> str:
        """Return the tlog-proof of an entry in the tree of `size`; 0 waits for one that covers it.

        Raises:
            NotFoundError: `INDEX_BEYOND_LOG`, or a size that no checkpoint has.
        """

    async def consistency(self, old: int, new: int) -> tuple[Sequence[bytes], str]:
        """Return the proof between two sizes, and the checkpoint of the newer; 0 is the newest.

        Raises:
            NotFoundError: `INDEX_BEYOND_LOG`.
        """

    async def first_use(self, token: bytes, until: int) -> bool:
        """Use a token up until it is forgotten; return whether it was not used before.

        Raises:
            LogError: It cannot be said durably.
        """


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """The log, read only, but for the `access` entry of an opening."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    async def GetCheckpoint(  # noqa: N802
        self, request: audit_pb2.GetCheckpointRequest, call: Call
    ) -> audit_pb2.GetCheckpointResponse:
        """Return the newest checkpoint, verbatim."""
        del request, call
        return audit_pb2.GetCheckpointResponse(checkpoint=self._log.newest())

    async def GetTile(  # noqa: N802
        self, request: audit_pb2.GetTileRequest, call: Call
    ) -> audit_pb2.GetTileResponse:
        """Return one tile or bundle."""
        del call
        faults = Faults()
        faults.match(request.path, _TILE, "path", "is not a tlog-tiles path")
        faults.settle()
        return audit_pb2.GetTileResponse(data=await self._log.tile(request.path))

    async def GetEntries(  # noqa: N802
        self, request: audit_pb2.GetEntriesRequest, call: Call
    ) -> audit_pb2.GetEntriesResponse:
        """Return entries in a row, opened where asked for and allowed."""
        faults = Faults()
        count = to_size(request.count, "count", faults)
        _at_least(request.start, 0, "start", faults)
        faults.settle()
        if request.open:
            found = await self._log.opened(request.start, count, call.caller)
        else:
            found = await self._log.entries(request.start, count)
        return _bounded(found)

    async def GetInclusionProof(  # noqa: N802
        self, request: audit_pb2.GetInclusionProofRequest, call: Call
    ) -> audit_pb2.GetInclusionProofResponse:
        """Return an entry's tlog-proof."""
        del call
        faults = Faults()
        _at_least(request.index, 0, "index", faults)
        _at_least(request.size, 0, "size", faults)
        faults.settle()
        proof = await self._log.inclusion(request.index, request.size)
        return audit_pb2.GetInclusionProofResponse(proof=proof)

    async def GetConsistencyProof(  # noqa: N802
        self, request: audit_pb2.GetConsistencyProofRequest, call: Call
    ) -> audit_pb2.GetConsistencyProofResponse:
        """Return the proof between two sizes."""
        del call
        faults = Faults()
        _at_least(request.old_size, 1, "old_size", faults)
        if request.new_size:
            _at_least(request.new_size, request.old_size, "new_size", faults)
        faults.settle()
        hashes, note = await self._log.consistency(request.old_size, request.new_size)
        return audit_pb2.GetConsistencyProofResponse(hashes=hashes, checkpoint=note)

    async def ListDisclosures(  # noqa: N802
        self, request: audit_pb2.ListDisclosuresRequest, call: Call
    ) -> audit_pb2.ListDisclosuresResponse:
        """Return what left about one person of the caller's agency.

        Raises:
            IdentityError: The token was used for a list before: each takes one of its own.
        """
        asked = to_asked(request, call.caller)
        if not await self._log.first_use(*call.token):
            raise IdentityError(Reason.TOKEN_INVALID, "the token was used before")
        return from_listed(await self._log.disclosures(asked, call.caller))


def _at_least(number: int, least: int, path: str, faults: Faults) -> None:
    if number < least:
        faults.add(path, f"is less than {least}")


def _bounded(found: Sequence[Opened]) -> audit_pb2.GetEntriesResponse:
    """Return as many of the entries as a page of 1 MiB holds, one at least."""
    response, size = audit_pb2.GetEntriesResponse(), 0
    for one in found:
        size += len(one.leaf) + len(one.meta) + len(one.salt)
        if response.entries and size > ENTRIES_BYTES:
            break
        response.entries.add(index=one.index, leaf=one.leaf, meta=one.meta, salt=one.salt)
    return response


class Gossip:
    """The newest checkpoint on its way out, and the callers' on their way in."""

    def __init__(self, log: Checkpoints) -> None:
        self._log = log
        self._note = ""
        self._bytes = b""
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def newest(self) -> bytes:
        """Return the newest checkpoint as trailing metadata carries it; empty before the first."""
        note = self._log.newest()
        if note is not self._note:
            self._note, self._bytes = note, note.encode()
        return self._bytes

    def __call__(self, call: Call, context: Context, rule: Rule) -> None:
        """Compare a caller's checkpoint with the log, once for each different one.

        Raises:
            RequestError: It is no note of at most 4 KiB.
            LogError: It contradicts the log.
        """
        del context, rule
        if not call.checkpoint or call.checkpoint in self._seen:
            return
        if len(call.checkpoint) > NOTE_BYTES:
            raise RequestError(Reason.INVALID_REQUEST, "the checkpoint is larger than 4 KiB")
        try:
            note = call.checkpoint.decode()
        except UnicodeDecodeError:
            raise RequestError(Reason.INVALID_REQUEST, "the checkpoint is no note") from None
        self._log.compare(note)
        self._seen[call.checkpoint] = None
        if len(self._seen) > _NOTES_KEPT:
            self._seen.popitem(last=False)
