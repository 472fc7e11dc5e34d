"""A county whose gateway runs while an operator turns its keys: nobody waits, nothing is missed."""

from __future__ import annotations

import time
from base64 import b64encode
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import ED25519, Verifier
from gateway.cli.keys import run_rewrap, run_rotate
from gateway.remote.client import Client
from tests.stack.county import EMS, GATEWAY, PHD, Town, audit, now, request

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from gateway.values import Request

WAIT_S = 10


def _asked() -> Request:
    return request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", "age sex")


def _told(county: Town, key: str, event: str) -> None:
    """Wait until the log has said so of a key."""
    until = time.monotonic() + WAIT_S
    while {"key": key, "event": event} not in [
        meta for _, kind, meta in county.entries() if kind == "key"
    ]:
        assert time.monotonic() < until, key
        time.sleep(0.1)


def _pinning(county: Town, vkey: str) -> Client:
    """Return a client that pins these keys."""
    target, tls = f"127.0.0.1:{county.port}", county.tls(PHD)
    made = Client(target, tls, vkey, server_name=GATEWAY, token=lambda: county.token(PHD))
    county.clients.append(made)
    return made


def test_keys_turn_while_records_leave(
    county: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing, sealing and token keys rotate, and the master changes; an exchange after each.

    Whoever pins the old vkey, the new one or both verifies every receipt, and the whole log.
    """
    settings, old = str(county.folder / "gateway.toml"), county.vkey
    client = county.client(PHD)
    assert county.ask(_asked(), client=client).rows

    keys = county.keys()
    keys.subject(now().year)  # as the first token of a person does
    for kind in ("signing", "payload", "subject"):
        before = {one for one, (state, _) in county.keys().states().items() if state == "made"}
        run_rotate(settings, kind)
        keys = county.keys()
        for one in before - {one for one, (s, _) in keys.states().items() if s == "made"}:
            _told(county, old if kind == "signing" else one, "retired")
        assert county.ask(_asked(), client=client).rows

    new = Verifier(Verifier.from_vkey(old).name, ED25519, keys.signing()[0].public).vkey
    _told(county, new, "made")
    assert county.ask(_asked(), client=_pinning(county, new)).rows
    assert county.ask(_asked(), client=_pinning(county, f"{old} {new}")).rows

    monkeypatch.setenv("ACCORD_TEST_KEK", b64encode(bytes(range(32))).decode())
    run_rewrap(settings, "env:ACCORD_TEST_KEK", create=False)
    toml = county.folder / "gateway.toml"
    toml.write_text(toml.read_text().replace('"kek/kek"', '"env:ACCORD_TEST_KEK"'))
    _told(county, f"kek/{county.keys().master}", "made")
    assert county.ask(_asked(), client=client).rows
    run_rotate(settings, "payload")
    assert county.ask(_asked(), client=client).rows

    for place, vkey in (("old", old), ("new", new)):
        assert [] == audit(county.database, tmp_path / place, vkey)
