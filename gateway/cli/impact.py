"""`accord agreements impact`: a period of the exchange log, decided again under a proposed version.

Only what was asked is opened, each entry held against its leaf; of a deployment an entry of the log
says so first. Agreement files are read as `diff` reads them.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.diff.change import Way
from gateway.agreement.finding import Level, printable
from gateway.agreement.lint.folder import SIGNATURES
from gateway.agreement.lint.run import check
from gateway.audit.entry import parse_meta
from gateway.audit.fault import AuditError
from gateway.audit.select import Selection
from gateway.cli.auditor.ask import moment, with_place
from gateway.cli.auditor.logs import period
from gateway.cli.diff import EXIT_WIDER, side
from gateway.cli.explain import as_signed
from gateway.cli.officers import EXIT_FINDINGS, complain, files_of, instant
from gateway.cli.opened import access
from gateway.errors import LogError, SettingsError
from gateway.review.impact import Impact, asked_of
from gateway.review.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.index import Agreements
    from gateway.audit.entry import Draft
    from gateway.cli.auditor.logs import ReadLog
    from gateway.review.impact import Asked
    from gateway.review.replay import Question

KEPT: Final = 4_096
"""Different questions that are remembered; most requests of a log are alike."""

_OWN: Final = (b'"plan":"', b'"request":"')
"""What tells two requests of one caller apart that are decided alike: digests, in the order of
canonical JSON. No text can look like them: a quote inside one has a backslash before it."""


@dataclass(frozen=True, slots=True)
class Over:
    """Which entries: of the days before now, or between two moments."""

    days: int = 30
    since: str = ""
    until: str = ""


def run_impact(after: str, folder: str, place: str, over: Over, now: str, form: str) -> int:
    """Print what would be refused, granted or in another form; 3 where anybody gets more.

    Raises:
        SettingsError: An option is wrong.
        AgreementError: A file cannot be read.
        LogError: As `with_place`.
    """
    if form not in {"text", "json"}:
        raise SettingsError("`--format` is text or json")
    if not place:
        raise SettingsError("`--log` is gateway.toml, or the folder of an exported log")
    at = instant(now)
    asked = _selection(over, at)
    stands = _agreements("the folder that stands", files_of(Path(folder)), at)
    proposed = _agreements("what is proposed", side(Path(after), Path(folder))[0], at)
    if stands is None or proposed is None:
        return EXIT_FINDINGS
    work = partial(_replayed, asked=asked, replay=Replay(stands, proposed, at))
    found = with_place(place, partial(_looks, asked=asked), work)
    if form == "json":
        sys.stdout.write(json.dumps(_as_json(found), sort_keys=True) + "\n")
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _lines(found))
    return EXIT_WIDER if found.wider else 0


def _selection(over: Over, now: dt.datetime) -> Selection:
    if over.days < 1:
        raise SettingsError("`--days` is a number of days from 1 on")
    since = moment("--since", over.since) or now - dt.timedelta(days=over.days)
    try:
        return Selection(since=since, until=moment("--until", over.until))
    except ValueError as error:
        raise SettingsError(f"`--since` and `--until`: {error}") from None


def _agreements(what: str, files: Mapping[str, bytes], now: dt.datetime) -> Agreements | None:
    """Return the agreements of files without errors; None, once the errors were printed."""
    # Signed or not, and by whom, is no matter of what would leave: a proposal is yet to be signed.
    unsigned = {name: data for name, data in files.items() if not name.endswith(SIGNATURES)}
    found, findings = check(unsigned, now)
    errors = [one for one in findings if one.level is Level.ERROR]
    if found is None or errors:
        complain(f"{what} does not lint", errors or findings)
        return None
    return as_signed(found)


# --- the log --------------------------------------------------------------------------------------


def _looks(log: ReadLog, asked: Selection) -> Draft:
    start, stop = period(log, asked)
    return access("impact", asked.shape, log.count_requests(start, stop))


def _replayed(log: ReadLog, asked: Selection, replay: Replay) -> Impact:
    return replayed(log, period(log, asked), replay)


def replayed(log: ReadLog, part: tuple[int, int], replay: Replay) -> Impact:
    """Return what becomes of the requests of a part of a log.

    Args:
        log: Where.
        part: Its first entry, and the first after it.
        replay: Decides them again.

    Raises:
        LogError: What was opened is not what the leaves commit to.
    """
    kept: dict[bytes, Question] = {}
    for time, meta in log.requests(*part):
        alike = _alike(meta)
        question = kept.get(alike)
        if question is None:
            if len(kept) >= KEPT:
                kept.clear()
            question = kept[alike] = replay.ask(_asked(meta))
        question.take(time)
    return replay.result()


def _alike(meta: bytes) -> bytes:
    """Return metadata without what is a request's own: the rest decides, and is read once."""
    parts, done = [], 0
    for key in _OWN:
        at = meta.find(key, done)
        if at >= 0:
            begin = at + len(key)
            parts.append(meta[done:begin])
            done = meta.index(b'"', begin)
    parts.append(meta[done:])
    return b"".join(parts)


def _asked(meta: bytes) -> Asked | None:
    if not meta:
        return None
    # A refusal says why, and an `intent` has no such key.
    kind = "refusal" if b'"reason":' in meta else "intent"
    try:
        return asked_of(parse_meta(kind, meta))
    except AuditError as error:
        raise LogError(f"{error.code}: {error.message}") from error


# --- words ----------------------------------------------------------------------------------------


def _lines(found: Impact) -> Iterator[str]:
    refused, granted = sum(found.refused.values()), sum(found.granted.values())
    yield (
        f"{found.decided:,} logged requests decided again: {found.same:,} same, "
        f"{refused:,} newly refused, {granted:,} newly granted"
    )
    for no, count in found.refused.most_common():
        rule = f" by {no.rule}" if no.rule else ""
        clause = f", clause {no.clause}" if no.clause else ""
        yield f"  {count:>9,}  refused{rule}{clause}: {no.reason}: {no.flow.text()}"
    for yes, count in found.granted.most_common():
        yield f"  {count:>9,}  granted by {yes.rule}, refused for {yes.reason}: {yes.flow.text()}"
    if granted:
        yield "             if they asked for what it releases: the log has no field of a refusal"
    for way in (Way.WIDENED, Way.NARROWED):
        for one, count in found.forms.most_common():
            if one.way is way:
                said = f"{one.field} {one.before} -> {one.after}"
                yield f"  {count:>9,}  {way.value} {said}: {one.flow.text()}"
    for flow, (count, names) in sorted(found.fields.items(), key=lambda pair: pair[0].text()):
        yield f"  {count:>9,}  may ask for {', '.join(names)} too: {flow.text()}"
    for flow in found.rows:
        yield f"fewer rows may leave, and rows are not counted again: {flow.text()}"
    if found.untold:
        yield f"{found.untold:,} requests are not told well enough to be decided again"


def _as_json(found: Impact) -> dict[str, Any]:
    return {
        "decided": found.decided,
        "fields": [
            {"fields": list(names), "flow": flow.text(), "requests": count}
            for flow, (count, names) in found.fields.items()
        ],
        "forms": [
            {"after": one.after, "before": one.before, "field": one.field,
             "flow": one.flow.text(), "requests": count, "way": one.way.value}
            for one, count in found.forms.most_common()
        ],
        "granted": [
            {"flow": yes.flow.text(), "reason": yes.reason, "requests": count, "rule": yes.rule}
            for yes, count in found.granted.most_common()
        ],
        "refused": [
            {"clause": no.clause, "flow": no.flow.text(), "reason": no.reason,
             "requests": count, "rule": no.rule}
            for no, count in found.refused.most_common()
        ],
        "same": found.same,
        "untold": found.untold,
    }  # fmt: skip
