"""Good metadata of each kind of the closed list, and an event of each."""

from __future__ import annotations

from typing import Any

from gateway.audit.event import Event, Said, events
from gateway.audit.kinds import EXCHANGE_KINDS
from tests.audit.build import SHA, Log, exchange_id, facts, refused, token

X = exchange_id(1)
NOTE = "log.example\n1\nAAAA\n\n\u2014 log.example AAAAAAAA\n"

META: dict[str, dict[str, object]] = {
    "genesis": {"origin": "log.example", "previous": ["log.example/1", NOTE], "vkey": "k"},
    "intent": facts(),
    "refusal": refused(),
    "release": {
        "chunk": 0,
        "rows": 1,
        "bytes": 2,
        "form": "rows",
        "digest": SHA,
        "stream": SHA,
        "channel": "call",
    },
    "outcome": {
        "code": "OK",
        "chunks": 1,
        "handed": 1,
        "rows": 1,
        "bytes": 1,
        "stream": SHA,
        "rows_suppressed": 0,
        "cells_suppressed": 0,
        "end": "cut",
    },
    "recovered": {"verdict": "nothing-left", "chunks": 0},
    "delivery": {"event": "recalled", "exchange": X, "digest": None},
    "duty": {"duty": "delete_within", "event": "overdue", "due": "2027-01-01", "exchange": None},
    "agreement": {"agreements": [["ems-to-health", "3", SHA, "active"]], "floor_sha256": SHA},
    "access": {
        "who": "officer-2",
        "role": "records",
        "verb": "accounting",
        "filter": "one person",
        "results": 3,
    },
    "suspend": {
        "event": "begin",
        "recipient": "county-pd",
        "statement": "oral",
        "until": "2026-12-20",
        "document": "doc-9",
    },
    "consent": {
        "event": "revoked",
        "purpose": "care.post_overdose_outreach",
        "who": "county-ems",
        "role": "privacy_officer",
        "document": "form-12",
    },
    "hold": {"event": "begin", "scope": "exchange", "document": "doc-3"},
    "erase": {"ranges": [[2, 9], [12, 12]], "class": "6y", "rule": "class-ended", "count": 9},
    "key": {"key": "2026-11.6y", "event": "destroyed"},
    "config": {"event": "start", "build": "0.1.0", "settings": SHA, "replica": "r1"},
    "incident": {"class": "fork", "heads": [[2, SHA], [2, SHA]], "next_origin": "log.example/2"},
}


def of_kind(kind: str, *, known: bool = True, opened: bool = True, **changes: Any) -> Event:  # noqa: ANN401
    """Return an event of a kind, of an exchange whose beginning is known or not."""
    log = Log.begun()
    if kind in EXCHANGE_KINDS and kind not in {"intent", "refusal"} and known:
        log.intent(X, **changes)
    meta = META[kind] | (changes if kind in {"intent", "refusal"} else {})
    tokens = (token(1), token(2)) if kind == "release" else ()
    index = log.add(
        kind,
        meta,
        x=X if kind in EXCHANGE_KINDS else None,
        agreement="ems-to-health@3",
        tokens=tokens,
    )
    entries = [
        (
            at,
            leaf,
            Said(log.openings[at].meta, log.openings[at].salt, tokens if at == index else ()),
        )
        for at, leaf in enumerate(log.leaves)
    ]
    if not opened:
        entries[index] = (index, log.leaves[index], Said())
    return list(events(entries))[index]
