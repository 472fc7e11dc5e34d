"""What a generator returns: files by name, a count, and which record shows which case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random


@dataclass(frozen=True, slots=True)
class Files:
    """An agency's files.

    Attributes:
        files: Bytes by path inside the agency's folder, with `/` between folders.
        records: Source records in them, faulty ones not counted: reports, forms, rows, messages.
        cases: Case name to the key of the record that shows it (the dataset's `unit`).
    """

    files: Mapping[str, bytes]
    records: int
    cases: Mapping[str, str]


def record_uuid(block: int, number: int) -> str:
    """Return a UUID that is valid in form and plainly made up: `00000000-0000-4000-8001-…`.

    It does not depend on the seed, so that a guide can point at a record. Blocks: 1 EMS reports, 2
    referrals.
    """
    return f"00000000-0000-4000-8{block:03}-{number:012}"


def chance(random: Random, share: float) -> bool:
    """Return True in this share of draws."""
    return random.random() < share
