"""A witness for tests: a real server, which cosigns what goes on from what it saw, no more.

It keeps what it refuses as evidence: two signed checkpoints of one log that contradict each other.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import COSIGNATURE, Checkpoint, Signer, open_checkpoint
from gateway.audit.fault import AuditError
from gateway.audit.merkle import EMPTY_ROOT, verify_consistency
from gateway.audit.witness import PATH, parse_submission
from gateway.store.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.checkpoint import Verifier

SECONDS = 1_795_211_528


@dataclass
class TwinWitness:
    """What one witness knows of one log.

    Attributes:
        log: The log's key; its name is the origin.
        name: Of its own key.
        seen: The last note that it cosigned, and what that says.
        evidence: (cosigned, refused) notes that cannot both be of one log.
        asked: Statuses that it answered.
        silent: Answer nothing that the protocol knows.
        forges: Answer with a signature of another key.
    """

    log: Verifier
    name: str = "witness.example/w1"
    seen: tuple[str, Checkpoint] | None = None
    evidence: list[tuple[str, str]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    silent: bool = False
    forges: bool = False
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def signer(self) -> Signer:
        """Its key: one for each name."""
        return Signer.from_seed(self.name, self.name.encode().ljust(32, b".")[:32], COSIGNATURE)

    @property
    def witness(self) -> Witness:
        """How a log knows it."""
        return Witness(self.url, self.signer.verifier)

    @property
    def size(self) -> int:
        """The size that it last cosigned."""
        return self.seen[1].size if self.seen else 0

    def answer(self, body: str) -> tuple[int, str]:
        """Return status and body for a request."""
        with self._lock:
            status, text = (500, "") if self.silent else self._answer(body)
            self.asked.append(status)
            return status, text

    def _answer(self, body: str) -> tuple[int, str]:
        try:
            asked = parse_submission(body)
        except AuditError:
            return 400, ""
        if asked.note.split("\n", 1)[0] != self.log.name:
            return 404, ""
        try:
            said = open_checkpoint(asked.note, self.log)
        except AuditError:
            return 403, ""
        if asked.old > said.size:
            return 400, ""
        size, root = (self.seen[1].size, self.seen[1].root) if self.seen else (0, EMPTY_ROOT)
        if asked.old != size:
            return 409, f"{size}\n"
        try:
            verify_consistency(asked.old, said.size, root, said.root, asked.proof)
        except AuditError:
            if self.seen:
                self.evidence.append((self.seen[0], asked.note))
            return (409, f"{size}\n") if size == said.size else (422, "")
        self.seen = (asked.note, said)
        text = asked.note[: asked.note.rindex("\n\n") + 1]
        signer = Signer.from_seed(self.name, bytes(32), COSIGNATURE) if self.forges else self.signer
        return 200, signer.cosign(text, SECONDS)

    @contextmanager
    def serving(self) -> Iterator[TwinWitness]:
        """Listen on a port of this machine."""
        twin = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                right = self.path == f"/log/{PATH}"
                status, text = twin.answer(body) if right else (404, "")
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/log"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
