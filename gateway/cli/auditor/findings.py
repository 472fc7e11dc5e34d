"""What a run of `accord log verify` found, in words that an auditor can act on."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.tally import NOTES, exit_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.audit.fault import Finding
    from gateway.auditor.run import Report

EXIT_UNFINISHED: Final = 3
SHOWN: Final = 100
"""Findings of one code that are printed one by one; the rest are counted."""

_SPLIT: Final = frozenset({"rollback", "fork"})

WORDS: Final[Mapping[str, str]] = {
    "note-invalid": "a checkpoint is not a signed note, or its signature fails: what was given is "
    "not what the log signed",
    "key-unknown": "nothing is signed by a key that you pinned: check `--vkey`, or ask for the "
    "retired key of that time",
    "origin-wrong": "the checkpoint, or the first entry, is of another log",
    "rollback": "entries that were signed are gone: keep both checkpoints, they prove it",
    "fork": "the log has signed two histories: keep both checkpoints, they prove it",
    "leaf-malformed": "an entry is not in the one form that the log writes",
    "leaf-mismatch": "an entry was changed after it was signed",
    "gap": "an entry is missing",
    "tile-mismatch": "a tile is not what the entries come to",
    "tile-missing": "a file or row of the tree is missing",
    "root-mismatch": "the entries do not come to the root that was signed",
    "duplicate": "a step of an exchange is in the log twice",
    "time-back": "an entry claims to be older than the one before it",
    "exchange-impossible": "the steps of an exchange cannot have happened as they stand",
    "agreement-unknown": "an exchange names an agreement that no earlier entry put in force",
    "payload-missing": "what an entry commits to is gone, and no erasure covers it",
    "erased-early": "what an entry commits to was erased before its class had run out",
    "payload-unopenable": "what lies beside an entry was changed or swapped, or its key was",
    "commitment-mismatch": "what lies beside an entry is not what the entry commits to",
    "schema": "what lies beside an entry says more or less than its kind may",
    "stream-broken": "the digests of what left do not follow from one another",
    "index-mismatch": "the index of people does not follow from the entries: an accounting would "
    "leave something out, or make it up",
    "head-mismatch": "what the store says of its end does not follow from the entries",
    "column-mismatch": "a column beside an entry was changed: look-ups tell another story than "
    "the log",
    "receipt-mismatch": "a receipt is not what the log holds",
    "quorum-short": "too few of the witnesses that you named have cosigned the checkpoint",
    "held-none": "no checkpoint of yours: that entries were dropped since you last looked cannot "
    "be told",
    "exchange-open": "exchanges in flight, or cut by a crash and not yet recovered",
    "erase-due": "payloads whose class has run out and that are still there",
    "not-opened": "entries whose payloads were not opened: what they say was not looked at",
}
"""Code -> what it means; the codes are those of section 8 of the log's specification."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        report: Of the run.
        found: Its findings, with those of receipts.
        held: Checkpoints that the log was held against.
        first: The run was said to be without a held checkpoint.
    """

    report: Report
    found: Sequence[Finding]
    held: Sequence[str]
    first: bool

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code([one.code for one in self.found], first=self.first)

    @property
    def ordered(self) -> list[Finding]:
        """The findings, entries in their order first; what is only noted comes last."""
        return sorted(self.found, key=lambda one: one.code in NOTES)

    @property
    def evidence(self) -> list[str]:
        """The notes that contradict each other: whoever has both can show it to anybody."""
        split = any(one.code in _SPLIT for one in self.found)
        return [self.report.note, *self.held] if split else []


def unfinished(message: str, *, as_json: bool) -> int:
    """Say why nothing can be said of a log; return the exit code."""
    if as_json:
        sys.stdout.write(json.dumps({"exit": EXIT_UNFINISHED, "message": message}) + "\n")
    sys.stderr.write(f"not finished: {message}\n")
    return EXIT_UNFINISHED


def say(outcome: Outcome, *, as_json: bool) -> None:
    """Print the outcome: findings, what they mean, and what was looked at."""
    if as_json:
        sys.stdout.write(json.dumps(_as_json(outcome), sort_keys=True) + "\n")
        return
    counts: Counter[str] = Counter()
    for one in outcome.ordered:
        counts[one.code] += 1
        if counts[one.code] <= SHOWN:
            kind = "note" if one.code in NOTES else "finding"
            place = f"entry {one.index}" if one.index >= 0 else "the log"
            sys.stdout.write(f"{kind:8} {one.code:19} {place:14} {one.message}\n")
    for code, count in counts.items():
        if count > SHOWN:
            sys.stdout.write(f"         {code:19} {count - SHOWN:,} more\n")
    lines = [f"{code}: {WORDS[code]}" for code in counts]
    for note in outcome.evidence:
        lines += ["", *note.rstrip("\n").split("\n")]
    for line in lines:
        sys.stdout.write(f"  {line}".rstrip() + "\n")
    sys.stdout.write("".join(f"{name:12} {text}\n" for name, text in _looked_at(outcome)))
    sys.stdout.write(_last_line(outcome))


def _looked_at(outcome: Outcome) -> list[tuple[str, str]]:
    report = outcome.report
    served, tally = report.served, report.tally
    if served is None:
        return []
    root = b64encode(served.root).decode("ascii")
    payloads = (
        f"{tally.opened:,} opened, {tally.expired:,} expired, {tally.not_opened:,} not opened"
    )
    looked = [
        ("log", served.origin),
        ("checkpoint", f"{served.size:,} entries, root {root}"),
        ("held", f"checkpoints that it was held against: {len(outcome.held)}"),
        ("payloads", payloads),
    ]
    if report.rows:
        rows = "columns, head, open exchanges, kept checkpoints and, with keys, the index of people"
        unsigned = f"entries that nobody signed yet, read too: {tally.unsigned:,}"
        return [*looked, ("rows", rows), ("beyond", unsigned)]
    return [*looked, ("rows", "none: an export has entries and tiles alone")]


def _last_line(outcome: Outcome) -> str:
    tally = outcome.report.tally
    words = {0: "clean", 1: "findings", 3: "not finished", 4: "rollback or fork"}
    return (
        f"{tally.entries:,} entries, {tally.opened:,} opened, "
        f"{tally.open_exchanges:,} open exchanges: {words[outcome.code]}\n"
    )


def _as_json(outcome: Outcome) -> dict[str, object]:
    report, tally = outcome.report, outcome.report.tally
    return {
        "checkpoint": report.note,
        "due": tally.due,
        "entries": tally.entries,
        "evidence": outcome.evidence,
        "exit": outcome.code,
        "expired": tally.expired,
        "findings": [[one.code, one.index, one.message] for one in outcome.ordered],
        "not_opened": tally.not_opened,
        "open_exchanges": tally.open_exchanges,
        "opened": tally.opened,
        "rows": report.rows,
        "unsigned": tally.unsigned,
    }
