"""The log as others may hold it: a folder of static tiles, and readers for `audit.verify`.

The folder is C2SP tlog-tiles for one checkpoint: `checkpoint`, `tile/<L>/<N>`, `tile/entries/<N>`.
It never carries the log's own vkey, since a key that travels with the tiles proves nothing. With
openings it is a disclosure of metadata, and so an `access` entry comes first.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from gateway.audit.beside import Opening
from gateway.audit.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    entry_bundle_path,
    tile_path,
    tiles_at,
)
from gateway.errors import LogError, SettingsError
from gateway.store.reads import Reads, bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gateway.store.signer import Published

CHECKPOINT: Final = "checkpoint"
OPENINGS: Final = "openings.jsonl"


def export(
    reads: Reads,
    note: str,
    size: int,
    folder: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Write the tiles and bundles of the log at `size`, and its checkpoint last.

    Args:
        reads: The store.
        note: The signed checkpoint of that size.
        size: Entries.
        folder: An empty or new folder.
        progress: Told (files done, files in all).

    Raises:
        SettingsError: The folder is not empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SettingsError("export: the folder is not empty")
    tiles = list(tiles_at(size))
    bundles = [(index, width) for level, index, width in tiles if level == 0]
    total = len(tiles) + len(bundles)
    for done, (level, index, width) in enumerate(tiles):
        _write(
            folder, tile_path(level, index, width), reads.tile(level, index)[: HASH_BYTES * width]
        )
        progress(done + 1, total)
    for done, (index, width) in enumerate(bundles, len(tiles)):
        _write(folder, entry_bundle_path(index, width), bundle(reads, index, width))
        progress(done + 1, total)
    # Last: a folder without a checkpoint is one whose writing was cut.
    (folder / CHECKPOINT).write_text(note, encoding="utf-8")


def write_openings(reads: Reads, size: int, folder: Path, key: Callable[[str], bytes]) -> int:
    """Write `openings.jsonl`: metadata and salt of each entry that has them; return how many.

    No tokens. The `access` entry that covers this is the caller's, and durable before.
    """
    count = 0
    with (folder / OPENINGS).open("w", encoding="ascii") as file:
        for start in range(0, size, TILE_WIDTH):
            for one in reads.opened(start, min(TILE_WIDTH, size - start), key):
                if one.salt:
                    line = {
                        "index": one.index,
                        "meta": one.meta.decode("ascii"),
                        "salt": _b64(one.salt),
                    }
                    file.write(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")
                    count += 1
    return count


def openings_of(path: Path) -> Iterator[tuple[int, Opening]]:
    """Yield what `write_openings` wrote, in the order of the log, a line at a time.

    Raises:
        SettingsError: The file is not of its form; the message names the line.
    """
    number = 0
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - said when a line is bad
                one = json.loads(line)
                meta, salt = one["meta"].encode("ascii"), b64decode(one["salt"], validate=True)
                yield int(one["index"]), Opening(meta, salt)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"`{path.name}` cannot be read") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(f"`{path.name}`: line {number} is not an opening") from error


def read_openings(path: Path) -> Mapping[int, Opening]:
    """Return what `write_openings` wrote, by index.

    Raises:
        SettingsError: The file is not of its form; the message names the line.
    """
    return dict(openings_of(path))


class FolderReader:
    """A folder of static tiles, as `audit.verify` reads a log."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> str:
        """Return the checkpoint.

        Raises:
            LogError: There is none, or it is no text.
        """
        try:
            return (self._folder / CHECKPOINT).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LogError("the exported log has no checkpoint that can be read") from error

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return exactly `width` hashes of a tile, or None where there is no such tile."""
        return self._file(tile_path(level, index, width))

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle of exactly `width` entries, or None where there is none."""
        return self._file(entry_bundle_path(index, width))

    def _file(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogError(f"`{path}` of the exported log cannot be read") from error


class StoreReader:
    """The database itself, as `audit.verify` reads a log, with the sealed payloads beside it."""

    def __init__(
        self,
        reads: Reads,
        note: str | None = None,
        key: Callable[[str], bytes | None] | None = None,
    ) -> None:
        self._reads = reads
        self._note = note
        self._key = key

    def checkpoint(self) -> str:
        """Return the checkpoint that was given, or else the last one that was stored.

        Raises:
            LogError: There is none.
        """
        if self._note is not None:
            return self._note
        rows = self._reads.rows("SELECT note FROM log_signed")
        if not rows:
            raise LogError("the exchange log was never signed")
        return str(rows[0][0])

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return exactly `width` hashes of a tile, or None where there are not so many."""
        data = self._reads.tile(level, index)[: HASH_BYTES * width]
        return data if len(data) == HASH_BYTES * width else None

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle of `width` entries, or of those there are.

        None where there are none.
        """
        return bundle(self._reads, index, width) or None

    def sealed(self, first: int, count: int) -> Mapping[int, tuple[str, bytes]]:
        """Return index -> (key id, sealed payload) for those that are there, of a range."""
        rows = self._reads.many(
            "SELECT seq, key_id, sealed FROM log_payload WHERE seq >= ? AND seq < ?",
            first,
            first + count,
        )
        return {seq: (key_id, sealed) for seq, key_id, sealed in rows}

    def key(self, key_id: str) -> bytes | None:
        """Return a payload key, or None where it is not given."""
        return None if self._key is None else self._key(key_id)


def export_newest(
    reads: Reads, published: Published, folder: Path, *, key: Callable[[str], bytes] | None = None
) -> int:
    """Write the folder for the newest checkpoint, with openings where a `key` is given.

    Return its size.
    """
    export(reads, published.note, published.size, folder)
    if key is not None:
        write_openings(reads, published.size, folder, key)
    return published.size


def _write(folder: Path, path: str, data: bytes) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
