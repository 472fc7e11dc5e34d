"""A log in memory, built entry by entry, and copies of it to tamper with.

`Log` writes as the gateway does, with salts, ivs and times that are figures and not chance. `Copy`
is the static form that anybody may hold: a dictionary of paths, a reader for `verify`, and a place
to turn a bit. Every person in it is made up.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.audit import entry as entries
from gateway.audit.checkpoint import COSIGNATURE, Checkpoint, Signer, checkpoint_text, sign_note
from gateway.audit.entry import Draft, encode_leaf, format_time, meta_bytes, seal
from gateway.audit.merkle import (
    TILE_WIDTH,
    Frontier,
    entry_bundle_path,
    inclusion_proof,
    join_bundle,
    leaf_hash,
    root_of,
    tile_path,
    tile_width,
)
from gateway.audit.proof import write_proof
from gateway.audit.stream import stream_next, stream_start
from gateway.audit.verify import Opening
from gateway.values import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ORIGIN = "gateway.county.example/exchange-log"
SIGNER = Signer.from_seed(ORIGIN, bytes(range(32)))
WITNESS = Signer.from_seed("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
OTHER = Signer.from_seed(ORIGIN, b"\x99" * 32)
PAYLOAD_KEY = b"\x44" * 32
SUBJECT_KEY = b"\x55" * 32
START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
SHA = b64encode(sha256(b"a document").digest()).decode()
AGREEMENT = "ems-to-health@3"


def b64(data: bytes) -> str:
    """Return base64 text."""
    return b64encode(data).decode()


def exchange_id(number: int) -> str:
    """Return the UUIDv7 of a figure."""
    return f"01a1faf2-07b8-7000-8000-{number:012x}"


def token(number: int) -> bytes:
    """Return the subject token of a made-up patient."""
    return entries.subject_token(SUBJECT_KEY, "county-ems/patient-id", f"A-{number}")


def facts(**changes: object) -> dict[str, object]:
    """Return an intent's metadata, with changes."""
    return {
        "provider": "county-ems",
        "recipient": "county-health",
        "caller_agency": "county-health",
        "caller_person": "epi-7",
        "caller_role": "epidemiologist",
        "certificate": SHA,
        "dataset": "ems.overdose_run@1",
        "purpose": "surveillance",
        "basis": "statute",
        "basis_ref": None,
        "agreement_sha256": SHA,
        "floor_sha256": SHA,
        "provision": "P3-overdose-runs",
        "clauses": ["3.1"],
        "compelled": "counsel@county.example",
        "plan": SHA,
        "released": [["age", "band(5)"], ["sex", "pass"]],
        "withheld": ["patient_name"],
        "filter": "by_day",
        "aggregation": None,
        "min_cell": None,
        "duties": ["delete_within"],
        "notices": [],
        "request": SHA,
        "resumes": None,
        "build": "0.1.0",
        "replica": "r1",
        **changes,
    }


def refused(**changes: object) -> dict[str, object]:
    """Return a refusal's metadata, with changes."""
    return {**facts(), "reason": "NO_PROVISION", "step": 4, "clause": None, **changes}


def chunk_digest(exchange: str, chunk: int) -> bytes:
    """Return the digest of a made-up chunk."""
    return sha256(f"{exchange}/{chunk}".encode()).digest()


class Log:
    """The gateway's side: entries, frontier, payloads, and the key."""

    def __init__(self, origin: str = ORIGIN, signer: Signer = SIGNER) -> None:
        self.origin = origin
        self.signer = signer
        self.leaves: list[bytes] = []
        self.openings: dict[int, Opening] = {}
        self.payloads: dict[int, tuple[str, bytes]] = {}
        self.frontier = Frontier()
        self.now = START

    @classmethod
    def begun(cls) -> Log:
        """Return a log with its genesis and one active agreement."""
        log = cls()
        meta = {"origin": log.origin, "previous": None, "vkey": log.signer.vkey}
        log.add("genesis", meta, retain="p")
        name, version = AGREEMENT.split("@")
        rows = [[name, version, SHA, "active"]]
        log.add("agreement", {"agreements": rows, "floor_sha256": SHA}, retain="p")
        return log

    def add(
        self,
        kind: str,
        meta: Mapping[str, object],
        *,
        x: str | None = None,
        chunk: int = 0,
        agreement: str | None = None,
        retain: str = "6y",
        tokens: tuple[bytes, ...] = (),
        time: dt.datetime | None = None,
    ) -> int:
        """Append an entry as it is said, right or wrong; return its index."""
        draft = Draft(kind, x, chunk, agreement, retain, meta, tokens)
        self.now += dt.timedelta(milliseconds=7)
        return self._append(draft, format_time(time or self.now))

    def _append(self, draft: Draft, time: str) -> int:
        index = len(self.leaves)
        salt_m, salt_s, iv = (sha256(f"{what}{index}".encode()).digest() for what in "msi")
        meta = meta_bytes(draft.meta)
        m = entries.commit_meta(salt_m, meta)
        s = entries.commit_subjects(salt_s, draft.tokens)
        leaf = encode_leaf(
            agreement=draft.agreement,
            kind=draft.kind,
            m=m,
            chunk=draft.chunk,
            retain=draft.retain,
            s=s,
            time=time,
            exchange_id=draft.exchange_id,
        )
        self.leaves.append(leaf)
        self.frontier.append(leaf_hash(leaf))
        self.openings[index] = Opening(meta, salt_m)
        sealed = seal(PAYLOAD_KEY, iv, salt_m, salt_s, meta, draft.tokens, m, s)
        self.payloads[index] = (f"2026-11.{draft.retain}", sealed)
        return index

    # What an exchange writes.

    def intent(self, x: str, **changes: object) -> int:
        """Append an intent."""
        return self.add("intent", facts(**changes), x=x, agreement=AGREEMENT)

    def refusal(self, x: str, **changes: object) -> int:
        """Append a refusal."""
        return self.add("refusal", refused(**changes), x=x, agreement=AGREEMENT)

    def release(self, x: str, chunk: int = 0, /, *, rows: int = 2, **changes: object) -> int:
        """Append a release whose stream value follows from the chunks before it."""
        stream = stream_start(x)
        for one in range(chunk + 1):
            stream = stream_next(stream, chunk_digest(x, one))
        meta: dict[str, object] = {
            "chunk": chunk,
            "rows": rows,
            "bytes": 100,
            "form": "arrow",
            "digest": b64(chunk_digest(x, chunk)),
            "stream": b64(stream),
            "channel": "call",
            **changes,
        }
        tokens = (token(2 * chunk), token(2 * chunk + 1))
        return self.add("release", meta, x=x, chunk=chunk, agreement=AGREEMENT, tokens=tokens)

    def outcome(self, x: str, chunks: int = 1, /, **changes: object) -> int:
        """Append the outcome after so many chunks."""
        stream = stream_start(x)
        for one in range(chunks):
            stream = stream_next(stream, chunk_digest(x, one))
        meta: dict[str, object] = {
            "code": "OK",
            "chunks": chunks,
            "handed": chunks,
            "rows": 2 * chunks,
            "bytes": 100 * chunks,
            "stream": b64(stream) if chunks else None,
            "rows_suppressed": 0,
            "cells_suppressed": 0,
            "end": "complete",
            **changes,
        }
        return self.add("outcome", meta, x=x, agreement=AGREEMENT)

    def recovered(self, x: str, chunks: int, verdict: str | None = None) -> int:
        """Append what recovery says after so many chunks."""
        verdict = verdict or ("presume-disclosed" if chunks else "nothing-left")
        return self.add("recovered", {"verdict": verdict, "chunks": chunks}, x=x)

    def exchange(self, x: str, chunks: int = 1) -> int:
        """Append a whole granted exchange; return the index of its outcome."""
        self.intent(x)
        for chunk in range(chunks):
            self.release(x, chunk)
        return self.outcome(x, chunks)

    def fill(self, size: int, start: int = 1000) -> Log:
        """Append exchanges and refusals up to a size; return the log."""
        number = start
        while len(self.leaves) < size:
            left = size - len(self.leaves)
            if left < 3:
                self.refusal(exchange_id(number))
            else:
                self.exchange(exchange_id(number), 1 + number % 2 if left > 3 else 1)
            number += 1
        return self

    # What the world sees of it.

    def checkpoint(self, *signers: Signer) -> str:
        """Return the signed checkpoint of now."""
        text = checkpoint_text(Checkpoint(self.origin, len(self.leaves), self.frontier.root()))
        return sign_note(text, *(signers or (self.signer,)))

    def copy(self) -> Copy:
        """Return the static form of now."""
        return Copy(self.checkpoint(), self.leaves, self.payloads)

    def receipt(self, x: str, index: int, rows: int = 2) -> Receipt:
        """Return the receipt of a release entry under the checkpoint of now."""
        copy, size = self.copy(), len(self.leaves)
        path = inclusion_proof(index, size, copy.hashes)
        opening = self.openings[index]
        proof = write_proof(index, path, self.checkpoint())
        return Receipt(x, rows, index, self.leaves[index], opening.meta, opening.salt, proof)


def static_files(leaves: list[bytes]) -> dict[str, bytes]:
    """Return path -> bytes of every bundle and tile over these leaves."""
    files: dict[str, bytes] = {}
    for first in range(0, len(leaves), TILE_WIDTH):
        part = leaves[first : first + TILE_WIDTH]
        files[entry_bundle_path(first // TILE_WIDTH, len(part))] = join_bundle(part)
    level, hashes = 0, [leaf_hash(leaf) for leaf in leaves]
    while hashes:
        parts = [hashes[at : at + TILE_WIDTH] for at in range(0, len(hashes), TILE_WIDTH)]
        for index, part in enumerate(parts):
            files[tile_path(level, index, len(part))] = b"".join(part)
        hashes = [root_of(part) for part in parts if len(part) == TILE_WIDTH]
        level += 1
    return files


class Copy:
    """A log as files in memory: a `Reader`, a `Payloads`, and something to tamper with."""

    def __init__(
        self,
        note: str,
        leaves: Iterable[bytes],
        payloads: Mapping[int, tuple[str, bytes]] | None = None,
    ) -> None:
        self.note = note
        self.leaves = list(leaves)
        self.files = static_files(self.leaves)
        self.payloads = dict(payloads or {})
        self.keys: dict[str, bytes] | None = None

    def checkpoint(self) -> str:
        """Return the signed checkpoint, as a `Reader`."""
        return self.note

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return a tile, as a `Reader`."""
        return self.files.get(tile_path(level, index, width))

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return a bundle, as a `Reader`."""
        return self.files.get(entry_bundle_path(index, width))

    def hashes(self, level: int, index: int) -> bytes:
        """Return a tile, as proofs ask for it."""
        width = tile_width(level, index, len(self.leaves))
        return self.files[tile_path(level, index, width)]

    def sealed(self, first: int, count: int) -> Mapping[int, tuple[str, bytes]]:
        """Return payloads of a range, as `Payloads`."""
        return {
            index: self.payloads[index]
            for index in range(first, first + count)
            if index in self.payloads
        }

    def key(self, key_id: str) -> bytes | None:
        """Return a payload key, as `Payloads`: one for all, unless `keys` says which there are."""
        return PAYLOAD_KEY if self.keys is None else self.keys.get(key_id)

    # Tampering.

    def flip(self, path: str, at: int, bit: int = 1) -> None:
        """Turn a bit of a file."""
        data = bytearray(self.files[path])
        data[at] ^= bit
        self.files[path] = bytes(data)

    def rewrite(self, index: int, leaf: bytes) -> None:
        """Put another entry in the place of one, and leave the tiles as they are."""
        self.leaves[index] = leaf
        path = self.bundle_path(index)
        first = index // TILE_WIDTH * TILE_WIDTH
        self.files[path] = join_bundle(self.leaves[first : first + TILE_WIDTH])

    def rebuild(self) -> None:
        """Build every tile anew over the entries as they are now."""
        self.files = static_files(self.leaves)

    def bundle_path(self, index: int) -> str:
        """Return the path of the bundle that holds an entry."""
        number = index // TILE_WIDTH
        return entry_bundle_path(number, tile_width(0, number, len(self.leaves)))

    def tile_path(self, level: int, index: int) -> str:
        """Return the path of a tile at this size."""
        return tile_path(level, index, tile_width(level, index, len(self.leaves)))

    def root(self) -> bytes:
        """Return the root over the entries as they are now."""
        frontier = Frontier()
        for leaf in self.leaves:
            frontier.append(leaf_hash(leaf))
        return frontier.root()

    def resign(
        self, signer: Signer = SIGNER, *, origin: str = ORIGIN, root: bytes | None = None
    ) -> None:
        """Sign what is there now: what a thief of the key would do."""
        head = Checkpoint(origin, len(self.leaves), root or self.root())
        self.note = sign_note(checkpoint_text(head), signer)


def tree_root(hashes: list[bytes]) -> bytes:
    """Return the root by the recursive definition of RFC 6962 section 2.1: slow, and obvious."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    left, right = tree_root(hashes[:split]), tree_root(hashes[split:])
    return sha256(b"\x01" + left + right).digest()
