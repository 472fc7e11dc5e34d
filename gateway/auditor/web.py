"""A log on any static web server: the files of an export, fetched ahead of the one who reads.

Nothing that a server says is believed, and nothing that it says leads elsewhere: answers are of
bounded size, and a redirection is no answer. What is not there is a finding; what cannot be fetched
after a few trials ends the run.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from gateway.audit.checkpoint import MAX_NOTE_CHARS
from gateway.audit.entry import LEAF_MAX_BYTES
from gateway.audit.merkle import HASH_BYTES, TILE_WIDTH, entry_bundle_path, split_bundle, tile_path
from gateway.audit.static import CHECKPOINT
from gateway.auditor.folder import OpeningsFile
from gateway.auditor.place import Log
from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TIMEOUT_S: Final = 30.0
TRIALS: Final = 3
PAUSE_S: Final = 0.5
AHEAD: Final = 32
_FETCHERS: Final = 4
_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + LEAF_MAX_BYTES)


class _Fetcher:
    """GETs on one server, a connection for each thread, kept between them."""

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._local = threading.local()
        self._opened: list[HTTPConnection] = []

    def get(self, path: str, most: int) -> bytes | None:
        """Return a file, or None where there is none; one byte more than `most` is never kept.

        Raises:
            LogError: The server does not answer, or not with a file.
        """
        for trial in range(TRIALS):
            if trial:
                time.sleep(PAUSE_S * trial)
            try:
                status, data = self._once(path, most)
            except (OSError, HTTPException):
                self._drop()
                continue
            if status == HTTPStatus.OK:
                return data
            if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                return None
            self._drop()
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                break
        raise LogError(f"`{path}` cannot be fetched from the log's server")

    def close(self) -> None:
        """Close every connection; no thread fetches any more."""
        for connection in self._opened:
            connection.close()

    def _drop(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()
            self._opened.remove(connection)

    def _once(self, path: str, most: int) -> tuple[int, bytes]:
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
            connection = kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_S)
            self._local.connection = connection
            self._opened.append(connection)
        prefix = self._url.path.rstrip("/")
        connection.request("GET", f"{prefix}/{path}", headers={"Accept-Encoding": "identity"})
        with connection.getresponse() as response:
            data = response.read(most + 1)
            if not response.isclosed():
                self._drop()  # there is more, and nobody will read it
            return response.status, data


class WebReader:
    """A log behind a URL, as `audit.verify` reads one.

    Tiles and bundles are fetched ahead in threads, since each costs a journey to the server: the
    walk asks for bundle and tile of one index after the other.
    """

    def __init__(self, url: str) -> None:
        """Begin with nothing fetched.

        Raises:
            SettingsError: It is no URL of a web server.
        """
        self._fetcher = _Fetcher(_split(url))
        self._pool = ThreadPoolExecutor(_FETCHERS, "log-fetcher")
        self._coming: dict[tuple[Callable[[int, int], str], int], Future[bytes | None]] = {}
        self._note = ""
        self._full = 0

    def checkpoint(self) -> str:
        """Return the checkpoint, the same however often it is asked.

        Raises:
            LogError: There is none, or it is no text.
        """
        if not self._note:
            data = self._fetcher.get(CHECKPOINT, MAX_NOTE_CHARS)
            try:
                self._note = (data or b"").decode()
            except UnicodeDecodeError:
                self._note = ""
            if not self._note:
                raise LogError("the log's server has no checkpoint that can be read")
        return self._note

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return exactly `width` hashes of a tile, or None where there is no such tile."""
        if level == 0 and width == TILE_WIDTH:
            return self._ahead(tile_path, index)
        data = self._get(tile_path(level, index, width))
        if data is None and width < TILE_WIDTH:
            # A log that has grown may have given up the partial tile for the full one.
            data = self._get(tile_path(level, index))
            data = None if data is None else data[: HASH_BYTES * width]
        return data

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle of exactly `width` entries, or None where there is none."""
        if width == TILE_WIDTH:
            return self._ahead(_bundle_path, index)
        data = self._get(entry_bundle_path(index, width))
        if data is None:
            data = self._get(entry_bundle_path(index))
            if data is not None:
                data = data[: sum(2 + len(one) for one in split_bundle(data)[0][:width])]
        return data

    def close(self) -> None:
        """Fetch nothing more."""
        self._pool.shutdown(cancel_futures=True)
        self._fetcher.close()

    def _get(self, path: str) -> bytes | None:
        return self._fetcher.get(path, _BUNDLE_BYTES)

    def _ahead(self, path: Callable[[int, int], str], index: int) -> bytes | None:
        """Return a full file of level 0, and have the next ones of its kind fetched meanwhile."""
        coming, last = self._coming, self._size() // TILE_WIDTH
        for at in range(index, min(index + AHEAD, last)):
            if (path, at) not in coming:
                coming[path, at] = self._pool.submit(self._get, path(0, at))
        for key in [key for key in coming if key[0] is path and key[1] < index]:
            del coming[key]
        return coming[path, index].result()

    def _size(self) -> int:
        """Return the size that the checkpoint says, which only tells how far to fetch ahead."""
        lines = self.checkpoint().split("\n")
        return int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else 0


def _bundle_path(level: int, index: int) -> str:
    del level
    return entry_bundle_path(index)


def _split(url: str) -> SplitResult:
    wrong = SettingsError("a log's URL is `https://host[:port]/path`, and nothing behind it")
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise wrong from None
    if not known or parts.username or parts.query or parts.fragment:
        raise wrong
    return parts


@dataclass(frozen=True, slots=True)
class WebPlace:
    """A log behind a URL; its openings lie in a file at hand, or nowhere."""

    url: str
    openings: Path | None = None

    def open(self) -> Log:
        """Open the log. Raises: LogError, SettingsError."""
        reader = WebReader(self.url)
        if self.openings is None:
            return Log(reader, close=reader.close)
        openings = OpeningsFile(self.openings)

        def close() -> None:
            reader.close()
            openings.close()

        return Log(reader, openings=openings, close=close)
