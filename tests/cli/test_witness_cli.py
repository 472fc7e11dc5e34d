"""Witnesses in a deployment's settings: who they are, and what an export then carries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import COSIGNATURE, Signer, Verifier, cosignatures
from gateway.cli.auditor.verify import Asked, run_verify
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys
from gateway.cli.log import run_export
from gateway.cli.place import place, witnesses
from gateway.errors import SettingsError
from gateway.settings import gateway_settings
from gateway.store.start import open_log
from tests.cli.deployed import deploy
from tests.store.town import an_agreement
from tests.store.witness import TwinWitness

if TYPE_CHECKING:
    from pathlib import Path

FIRST = Signer.from_seed("witness.example/w1", b"\x01" * 32, COSIGNATURE).vkey
SECOND = Signer.from_seed("witness.example/w2", b"\x02" * 32, COSIGNATURE).vkey
LOG_KEY = Signer.from_seed("witness.example/w1", b"\x01" * 32).vkey


def witnessed(path: Path, *vkeys: str, mode: str = "async", quorum: int = 1, url: str = "") -> None:
    """Put witnesses into a deployment's settings."""
    text = path.read_text()
    extra = f'mode = "{mode}"\nquorum = {quorum}\n'
    for vkey in vkeys:
        extra += f'[[log.witnesses]]\nurl = "{url or "https://witness.example/log"}"\n'
        extra += f'vkey = "{vkey}"\n'
    head, _, rest = text.partition("[log]\n")
    section, _, more = rest.partition("\n[")
    path.write_text(f"{head}[log]\n{section}\n{extra}\n[{more}")


def test_a_deployment_has_no_witness_until_one_is_named(tmp_path: Path) -> None:
    """Then nothing waits, and nobody is asked."""
    path = deploy(tmp_path / "county")
    settings = gateway_settings(path)

    assert () == witnesses(settings)
    assert (0, False) == (place(path, settings).quorum, place(path, settings).sync)


def test_witnesses_are_read(tmp_path: Path) -> None:
    """Two of them, one of whom is enough, and chunks that wait."""
    path = deploy(tmp_path / "county")
    witnessed(path, FIRST, SECOND, mode="sync-witness")
    settings = gateway_settings(path)

    found = place(path, settings)

    assert ["witness.example/w1", "witness.example/w2"] == [one.name for one in found.witnesses]
    assert (1, True) == (found.quorum, found.sync)


@pytest.mark.parametrize(
    ("vkeys", "options", "said"),
    [
        ((FIRST,), {"quorum": 0}, "quorum"),
        ((FIRST,), {"quorum": 2}, "quorum"),
        ((), {"quorum": 1}, "quorum"),
        ((), {"quorum": 0, "mode": "sync-witness"}, "sync-witness"),
        ((FIRST,), {"mode": "sometimes"}, "mode"),
        ((FIRST,), {"url": "http://witness.example/log"}, "url"),
        ((FIRST,), {"url": "https://user:secret@witness.example/log"}, "url"),
        ((FIRST,), {"url": "http://127.0.0.1.example/log"}, "url"),
    ],
)
def test_what_weakens_a_quorum_is_refused(
    tmp_path: Path, vkeys: tuple[str, ...], options: dict[str, object], said: str
) -> None:
    """More than there are, none where there are some, a mode that waits for nobody, a bare URL."""
    path = deploy(tmp_path / "county")
    witnessed(path, *vkeys, **options)  # type: ignore[arg-type]

    with pytest.raises(SettingsError, match=said) as caught:
        gateway_settings(path)

    assert "secret" not in caught.value.message


@pytest.mark.parametrize("vkeys", [(LOG_KEY,), (FIRST, FIRST), ("nonsense",)])
def test_a_key_that_cannot_cosign_is_refused(tmp_path: Path, vkeys: tuple[str, ...]) -> None:
    """A log's key, one witness named twice, no key: the message names the setting."""
    path = deploy(tmp_path / "county")
    witnessed(path, *vkeys)

    with pytest.raises(SettingsError, match=r"`log\.witnesses\."):
        witnesses(gateway_settings(path))


def test_an_export_carries_the_quorum(tmp_path: Path) -> None:
    """`accord log verify --witness --quorum` accepts it, and one witness more is too few."""
    path = deploy(tmp_path / "county")
    vkey = (path.parent / "log.vkey").read_text().strip()
    with TwinWitness(Verifier.from_vkey(vkey)).serving() as twin:
        key = twin.signer.vkey
        witnessed(path, key, url=twin.url)
        asyncio.run(_live(path))

        assert 0 == run_export(str(path), str(tmp_path / "log"), opened=False)

    note = (tmp_path / "log" / "checkpoint").read_text()
    assert [twin.name] == list(cosignatures(note, [twin.signer.verifier]))
    for extra, code in (((), 0), ((SECOND,), 3)):
        asked = Asked(
            str(tmp_path / "log"),
            vkeys=[vkey],
            first=True,
            witnesses=[key, *extra],
            quorum=1 + len(extra),
        )
        assert code == run_verify(asked)
    stored = Asked(
        store=str(path), keys=str(path), vkeys=[vkey], first=True, witnesses=[key], quorum=1
    )
    assert 0 == run_verify(stored)


async def _live(path: Path) -> None:
    """Open the log of a deployment, write a little, and close it."""
    settings = gateway_settings(path)
    keys = open_keys(path, settings, SystemEntropy())
    log = open_log(
        place(path, settings),
        signer=Signer.from_seed(settings.log.origin, keys.signing_seed()),
        keys=keys,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        fatal=lambda error: None,  # noqa: ARG005 - nothing fails here
        create=True,
    )
    await log.note(an_agreement())
    await log.close()
