"""The files of an exported log beside its tiles: their names, and the lines of its openings.

An opening is the metadata of one entry with its salt, and never a subject's token: whoever has it
can hold it against the entry's commitment, and whoever has not learns nothing from the tree.
"""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final

from gateway.audit.beside import Opening

CHECKPOINT: Final = "checkpoint"
OPENINGS: Final = "openings.jsonl"


def opening_line(index: int, opening: Opening) -> str:
    """Return the line of `openings.jsonl` that opens an entry, ended."""
    value = {
        "index": index,
        "meta": opening.meta.decode("ascii"),
        "salt": b2a_base64(opening.salt, newline=False).decode("ascii"),
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"


def parse_opening(line: str) -> tuple[int, Opening] | None:
    """Return the index and the opening that a line says; None where it is none."""
    try:
        value = json.loads(line)
        salt = a2b_base64(value["salt"].encode("ascii"), strict_mode=True)
        return int(value["index"]), Opening(value["meta"].encode("ascii"), salt)
    except (ValueError, TypeError, KeyError, AttributeError, Base64Error):
        return None
