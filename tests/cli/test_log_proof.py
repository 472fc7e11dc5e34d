"""`accord log proof`: what it writes is checked with the pinned key alone, and opens its leaf."""

from __future__ import annotations

import json
import shutil
import stat
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Verifier
from gateway.audit.entry import commit_meta, parse_leaf
from gateway.audit.fault import AuditError
from gateway.audit.merkle import tile_path
from gateway.audit.proof import verify_proof
from gateway.cli.auditor.ask import selection
from gateway.cli.auditor.proofs import run_proof
from gateway.cli.auditor.query import run_query
from gateway.cli.log import run_export
from gateway.errors import LogError, SettingsError
from tests.cli.deployed import EXCHANGE
from tests.store.town import an_id

if TYPE_CHECKING:
    from pathlib import Path


def vkey(deployed: Path) -> Verifier:
    """Return the log's pinned key."""
    return Verifier.from_vkey((deployed.parent / "log.vkey").read_text().strip())


@pytest.mark.parametrize("of", ["deployed", "exported"])
def test_each_entry_of_an_exchange_is_proved(
    of: str, tmp_path: Path, deployed: Path, exported: Path
) -> None:
    """Index, leaf and checkpoint hold under the key; metadata and salt are the leaf's `m`."""
    place = {"deployed": deployed, "exported": exported}[of]

    assert 0 == run_proof(str(place), EXCHANGE.upper(), str(tmp_path / "out"))

    proofs = sorted((tmp_path / "out").glob("*.tlog-proof"))
    kinds = []
    for one in proofs:
        leaf = one.with_suffix(".leaf").read_bytes()
        index, _ = verify_proof(one.read_text(), leaf, vkey(deployed))
        opening = json.loads(one.with_suffix(".opening.json").read_text())
        meta, salt = opening["meta"].encode(), b64decode(opening["salt"])
        assert one.stem == str(index) == str(opening["index"])
        assert commit_meta(salt, meta) == parse_leaf(leaf).m
        kinds.append(parse_leaf(leaf).kind)
    assert ["intent", "release", "outcome"] == kinds
    assert {0o600} == {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "out").iterdir()}


def test_an_entry_is_proved_by_its_place(exported: Path, deployed: Path, tmp_path: Path) -> None:
    """The first entry, by its number."""
    assert 0 == run_proof(str(exported), "0", str(tmp_path))

    leaf = (tmp_path / "0.leaf").read_bytes()
    assert "genesis" == parse_leaf(leaf).kind
    assert 0 == verify_proof((tmp_path / "0.tlog-proof").read_text(), leaf, vkey(deployed))[0]


def test_a_proof_is_of_its_leaf_alone(exported: Path, deployed: Path, tmp_path: Path) -> None:
    """Another entry's leaf under the same proof proves nothing."""
    for entry in ("1", "2"):
        run_proof(str(exported), entry, str(tmp_path))

    with pytest.raises(AuditError):
        verify_proof(
            (tmp_path / "1.tlog-proof").read_text(), (tmp_path / "2.leaf").read_bytes(),
            vkey(deployed),
        )  # fmt: skip


def test_looking_is_told_before(deployed: Path, tmp_path: Path) -> None:
    """The `access` entry names verb and exchange, and how many entries were opened."""
    run_proof(str(deployed), EXCHANGE, str(tmp_path / "out"))

    place = tmp_path / "reads.jsonl"
    asked = selection(kinds=["access"])
    run_query(str(deployed), asked, form="jsonl", output=str(place))
    said = [json.loads(json.loads(line)["said"]) for line in place.read_text().splitlines()]
    assert ("proof", EXCHANGE, 3) == (
        said[-2]["verb"],
        said[-2]["filter"],
        said[-2]["results"],
    )


def test_what_is_not_there_is_1(exported: Path, tmp_path: Path) -> None:
    """An exchange, or a place, that the log does not have: nothing is written."""
    out = tmp_path / "out"

    assert 1 == run_proof(str(exported), an_id(5), str(out))
    assert 1 == run_proof(str(exported), "10000", str(out))
    assert not out.exists()


@pytest.mark.parametrize("entry", ["", "-1", "1.5", "x", "9" * 17])
def test_what_is_no_entry_opens_nothing(deployed: Path, tmp_path: Path, entry: str) -> None:
    """Neither a place nor an exchange's id: wrong usage, and the log is not opened."""
    with pytest.raises(SettingsError, match="of the form"):
        run_proof(str(deployed), entry, str(tmp_path))


def test_tiles_that_are_not_the_checkpoints_prove_nothing(exported: Path, tmp_path: Path) -> None:
    """A bit turned in a tile: no proof is written, and the entry is named."""
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    size = int((folder / "checkpoint").read_text().split("\n")[1])
    tile = folder / tile_path(0, 0, size)
    data = bytearray(tile.read_bytes())
    data[5 * 32] ^= 1
    tile.write_bytes(data)

    with pytest.raises(LogError, match="entry 1 is not proved"):
        run_proof(str(folder), "1", str(tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())


def test_without_openings_the_leaf_is_proved_alone(deployed: Path, tmp_path: Path) -> None:
    """A plain export opens nothing: proof and leaf, no opening."""
    run_export(str(deployed), str(tmp_path / "log"), opened=False)

    assert 0 == run_proof(str(tmp_path / "log"), "1", str(tmp_path / "out"))

    assert {"1.tlog-proof", "1.leaf"} == {one.name for one in (tmp_path / "out").iterdir()}
