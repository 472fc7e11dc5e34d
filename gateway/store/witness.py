"""Asks one witness to cosign: a request, and what it answers.

An answer is what the protocol knows and nothing else: a body that is too long, a redirection, a
status of another kind all mean that the witness did not answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from gateway.audit.witness import PATH, Submission, parse_size, write_submission

if TYPE_CHECKING:
    from gateway.audit.checkpoint import Verifier

TIMEOUT_S: Final = 5.0
_ANSWER_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who keeps the newest checkpoint of the log, and cosigns those that go on from it.

    Attributes:
        url: Of its submissions, without `add-checkpoint`.
        verifier: Its key.
    """

    url: str
    verifier: Verifier

    @property
    def name(self) -> str:
        """The name of its key."""
        return self.verifier.name


@dataclass(frozen=True, slots=True)
class Cosigned:
    """It signed: signature lines, not checked yet."""

    lines: str


@dataclass(frozen=True, slots=True)
class Stands:
    """It last cosigned a checkpoint of another size, or one of this size with another root."""

    size: int


@dataclass(frozen=True, slots=True)
class Denied:
    """It holds the proof to be none: its tree of the old size is not ours."""


@dataclass(frozen=True, slots=True)
class Silent:
    """It gave no answer of the protocol: `why` in a word, never what it sent."""

    why: str


Answer: TypeAlias = Cosigned | Stands | Denied | Silent


def submit(witness: Witness, submission: Submission, timeout_s: float = TIMEOUT_S) -> Answer:
    """Ask a witness to cosign a checkpoint, and return its answer."""
    parts = urlsplit(witness.url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    body = write_submission(submission).encode()
    try:
        connection.request("POST", f"{parts.path.rstrip('/')}/{PATH}", body)
        with connection.getresponse() as response:
            return _answer(response.status, response.read(_ANSWER_BYTES + 1))
    except (OSError, HTTPException) as error:
        return Silent(type(error).__name__)
    finally:
        connection.close()


def _answer(status: int, body: bytes) -> Answer:
    try:
        text = body.decode() if len(body) <= _ANSWER_BYTES else ""
    except UnicodeDecodeError:
        text = ""
    if status == HTTPStatus.OK and text:
        return Cosigned(text)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return Denied()
    size = parse_size(text)
    if status == HTTPStatus.CONFLICT and size is not None:
        return Stands(size)
    return Silent(f"status {status}")
