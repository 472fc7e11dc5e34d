"""The log as others may hold it: a folder of static tiles.

The folder is C2SP tlog-tiles for one checkpoint: `checkpoint`, `tile/<L>/<N>`, `tile/entries/<N>`.
It never carries the log's own vkey, since a key that travels with the tiles proves nothing. With
openings it is a disclosure of metadata, and so an `access` entry comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.beside import Opening
from gateway.audit.checkpoint import cosignatures
from gateway.audit.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    entry_bundle_path,
    tile_path,
    tiles_at,
)
from gateway.audit.static import CHECKPOINT, OPENINGS, opening_line
from gateway.errors import LogError, SettingsError
from gateway.store.reads import bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.checkpoint import Verifier
    from gateway.store.reads import Reads
    from gateway.store.signer import Published


_KEPT: Final = "SELECT note, size FROM log_checkpoint ORDER BY size DESC LIMIT 10000"


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
                    file.write(opening_line(one.index, Opening(one.meta, one.salt)))
                    count += 1
    return count


def newest(reads: Reads, witnesses: Sequence[Verifier] = (), quorum: int = 0) -> tuple[str, int]:
    """Return the newest signed checkpoint and its size; with a quorum of cosignatures, if there is.

    Args:
        reads: The store.
        witnesses: Keys whose cosignatures count.
        quorum: How many of them it should have.

    Raises:
        LogError: Nothing of this log was ever signed.
    """
    signed = reads.rows("SELECT note, size FROM log_signed")
    if not signed:
        raise LogError("nothing of this log was ever signed")
    kept = reads.many(_KEPT) if quorum else []
    rows = [(str(note), int(size)) for note, size in (*signed, *kept)]
    enough = (one for one in rows if len(cosignatures(one[0], witnesses)) >= quorum)
    return next(enough, rows[0])


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
