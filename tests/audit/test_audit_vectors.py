"""Published figures, byte for byte: section 2.4 and 3.7 of the log's specification."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit import entry, merkle
from gateway.audit.checkpoint import (
    COSIGNATURE,
    Checkpoint,
    Signer,
    Verifier,
    checkpoint_text,
    cosignatures,
    open_checkpoint,
    open_note,
    sign_note,
)
from gateway.audit.fault import AuditError
from tests.audit.build import b64, static_files
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from pathlib import Path

VECTORS = DATA / "tlog_vectors"

# transparency-dev/merkle testonly/constants.go
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
LEAVES += ["606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

# golang/mod sumdb/note/note_test.go
NEUMANN_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NEUMANN_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
    "tpRZb6KE6RyyBwJnAM=\n"
)

# transparency-dev/tessera testdata/log
TESSERA = Verifier.from_vkey(
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
)

# Our own, section 3.7
ORIGIN = "gateway.county.example/exchange-log"
VKEY = ORIGIN + "+254f41f6+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
EXCHANGE = "01a1faf2-07b8-7000-8000-000000000001"
LEAF_0 = (
    b'{"a":null,"k":"genesis","m":"3YDHUUoHYWnnDdss4RghU5yQ/ySt7zQaCmJSKKsJ+FU=","n":0,"r":"p",'
    b'"s":null,"t":"2026-11-20T00:00:00.000Z","v":1,"x":null}'
)
META_1 = (
    b'{"bytes":11,"channel":"call","chunk":0,"digest":"N/+3ZRTPM7V1w296lhurqDbVnmmc1kDj82qpYIVefXE='
    b'","form":"arrow","rows":1,"stream":"n/nLLho7rmXs1/7JnXdxhfYGUdnDYCkMgWFKrugEUXg="}'
)
LEAF_1 = (
    b'{"a":"ems-to-health@3","k":"release","m":"+Tj0FtH7XJamUSvJrIpLfra5s3WSbrH15vjb2S0k6ng=",'
    b'"n":0,"r":"6y","s":"PsaQqbRq28ZOY7T8Z05JivoVE5O/hnm2PuTvLXxfCoQ=",'
    b'"t":"2026-11-20T21:52:08.123Z","v":1,"x":"01a1faf2-07b8-7000-8000-000000000001"}'
)
HASHES = [
    "97a234e0868eb8c162a575421c47dffbd40fb6578a9fb8457ad38ae721af6ca4",
    "fb1c6c0e18c40fe5746dc028126bd4c9bdfcdc480bb53a6eca8f6d7bea925dbc",
]
ROOT_2 = "2b360c4d5a6fa011a7f9a8980bcdcf090f8be3d7f8154e01c40fbe2efca84303"
SALT_M, SALT_S, IV, PAYLOAD_KEY, SUBJECT_KEY = (
    bytes([one]) * 32 for one in b"\x11\x22\x33\x44\x55"
)


def test_roots_are_those_of_the_reference_tree() -> None:
    """The frontier has the published root at every size from 0 to 8."""
    frontier = merkle.Frontier()

    roots = [frontier.root().hex()]
    for leaf in LEAVES:
        frontier.append(merkle.leaf_hash(bytes.fromhex(leaf)))
        roots.append(frontier.root().hex())

    assert ROOTS == roots


def test_leaf_and_node_hashes_are_those_of_rfc_6962() -> None:
    """rfc6962_test.go: leaf `L123456`, node over `N123` and `N456`."""
    assert (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
        == merkle.leaf_hash(b"L123456").hex()
    )
    assert (
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
        == merkle.node_hash(b"N123", b"N456").hex()
    )


def test_a_note_is_signed_as_go_signs_it() -> None:
    """The public seed signs the two-line message to the published line, and the vkey opens it."""
    signer = Signer.from_seed("PeterNeumann", NEUMANN_SEED[1:])

    note = sign_note(NEUMANN_TEXT, signer)

    assert NEUMANN_VKEY == signer.vkey
    assert NEUMANN_TEXT + "\n" + NEUMANN_LINE == note
    assert NEUMANN_TEXT == open_note(note, [Verifier.from_vkey(NEUMANN_VKEY)])


def test_every_mangling_of_a_vkey_is_refused() -> None:
    """No part of a vkey is one, nor is it with one character moved on (note_test.go)."""
    whole, size = NEUMANN_VKEY, len(NEUMANN_VKEY)
    parts = [whole[a:b] for a in range(size + 1) for b in range(a + 1, size + 1) if b - a < size]
    moved = [whole[:at] + chr(ord(whole[at]) + 1) + whole[at + 1 :] for at in range(size)]
    longer = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="
    unknown = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

    for text in [*parts, *moved, longer, unknown]:
        with pytest.raises(AuditError, match="vkey"):
            Verifier.from_vkey(text)


def test_the_tile_census_of_70000_entries() -> None:
    """tlog-tiles: 273 full and .p/112 below, 1 full and .p/17 above, .p/1 on top."""
    tiles = list(merkle.tiles_at(70_000))

    full = {level: sum(1 for one in tiles if one[::2] == (level, 256)) for level in (0, 1, 2)}
    partial = [one for one in tiles if one[2] < 256]
    assert {0: 273, 1: 1, 2: 0} == full
    assert [(0, 273, 112), (1, 1, 17), (2, 0, 1)] == partial


def test_the_path_of_a_tile() -> None:
    """tlog-tiles: 1234067 is x001/x234/067."""
    assert "tile/0/x001/x234/067" == merkle.tile_path(0, 1_234_067)
    assert "tile/entries/x001/x234/067.p/8" == merkle.entry_bundle_path(1_234_067, 8)
    assert "tile/1/000" == merkle.tile_path(1, 0)


# --- Files that other projects publish ------------------------------------------------------------


def cases(folder: str) -> list[Path]:
    """Return the JSON cases of a folder."""
    return sorted((VECTORS / "merkle" / folder).rglob("*.json"))


def decoded(case: dict[str, Any], key: str) -> bytes:
    """Return a hash of a case; null is no bytes."""
    return b64decode(case[key] or "")


def accepts_inclusion(case: dict[str, Any]) -> bool:
    """Say whether our verifier takes an inclusion case."""
    proof = [b64decode(one) for one in case["proof"] or []]
    leaf, root = decoded(case, "leafHash"), decoded(case, "root")
    try:
        merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
    except AuditError:
        return False
    return True


def accepts_consistency(case: dict[str, Any]) -> bool:
    """Say whether our verifier takes a consistency case."""
    proof = [b64decode(one) for one in case["proof"] or []]
    roots = decoded(case, "root1"), decoded(case, "root2")
    try:
        merkle.verify_consistency(case["size1"], case["size2"], *roots, proof)
    except AuditError:
        return False
    return True


@needs_data
def test_the_196_proof_cases_with_one_deviation_of_ours() -> None:
    """We agree with 195 published cases, and refuse one that upstream takes: 12-byte roots."""
    differ = []
    checks = {"inclusion": accepts_inclusion, "consistency": accepts_consistency}
    counts = {folder: len(cases(folder)) for folder in checks}
    for folder, accepts in checks.items():
        for path in cases(folder):
            case = json.loads(path.read_bytes())
            if accepts(case) is case["wantErr"]:
                differ.append((path.stem, accepts(case)))

    assert {"inclusion": 98, "consistency": 98} == counts
    assert [("sizes-are-equal-one-and-proof-is-empty", False)] == differ


def tessera_leaves() -> list[bytes]:
    """Return the 15 entries of Tessera's log."""
    path = VECTORS / "tessera_log" / "tile" / "entries" / "000.p" / "15"
    leaves, rest = merkle.split_bundle(path.read_bytes())
    assert b"" == rest
    return leaves


@needs_data
@pytest.mark.parametrize("size", range(16))
def test_tesseras_log_is_rebuilt_byte_for_byte(size: int) -> None:
    """At each size our bundle, tile and checkpoint text are Tessera's."""
    folder = VECTORS / "tessera_log"
    leaves = tessera_leaves()[:size]
    frontier = merkle.Frontier()
    for leaf in leaves:
        frontier.append(merkle.leaf_hash(leaf))
    theirs = (folder / f"checkpoint.{size}").read_text()

    ours = checkpoint_text(Checkpoint("example.com/log/testdata", size, frontier.root()))

    assert ours == open_note(theirs, [TESSERA])
    for path, data in static_files(leaves).items():
        assert (folder / path).read_bytes() == data, path


@needs_data
def test_tesseras_bundle_of_three() -> None:
    """Bundle `000.p/3` is the published 17 bytes."""
    bundle = merkle.join_bundle(tessera_leaves()[:3])

    assert "00036f6e65000374776f00057468726565" == bundle.hex()
    newest = (VECTORS / "tessera_log" / "checkpoint").read_text()
    assert "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=" == b64(
        open_checkpoint(newest, TESSERA).root
    )


def test_the_note_of_the_signed_note_page() -> None:
    """C2SP signed-note.md: its test key opens its example."""
    vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    text = "This is an example message.\n"
    line = (
        "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOB"
        "H3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )

    assert vkey == Verifier.from_vkey(vkey).vkey
    assert text == open_note(f"{text}\n{line}", [Verifier.from_vkey(vkey)])


# --- Our own figures ------------------------------------------------------------------------------


def test_our_vkey_and_genesis() -> None:
    """Section 3.7: the vkey, and leaf 0 over the metadata that names it."""
    signer = Signer.from_seed(ORIGIN, bytes(range(32)))
    meta = {"origin": ORIGIN, "previous": None, "vkey": signer.vkey}

    leaf = entry.encode_leaf(
        agreement=None,
        kind="genesis",
        m=entry.commit_meta(SALT_M, entry.meta_bytes(meta)),
        chunk=0,
        retain="p",
        s=entry.commit_subjects(SALT_S, ()),
        time="2026-11-20T00:00:00.000Z",
        exchange_id=None,
    )

    assert VKEY == signer.vkey
    assert LEAF_0 == leaf
    assert HASHES[0] == merkle.leaf_hash(leaf).hex()


def test_our_release() -> None:
    """Section 3.7: token, metadata, leaf 1, its hash and its sealed payload."""
    token = entry.subject_token(SUBJECT_KEY, "county-ems/patient-id", "A-1001")
    digest = sha256(b"chunk bytes").digest()
    stream = entry.stream_next(entry.stream_start(EXCHANGE), digest)
    meta = {"bytes": 11, "channel": "call", "chunk": 0, "digest": b64(digest), "form": "arrow"}
    meta |= {"rows": 1, "stream": b64(stream)}
    data = entry.meta_bytes(meta)
    m, s = entry.commit_meta(SALT_M, data), entry.commit_subjects(SALT_S, [token])

    leaf = entry.encode_leaf(
        agreement="ems-to-health@3",
        kind="release",
        m=m,
        chunk=0,
        retain="6y",
        s=s,
        time="2026-11-20T21:52:08.123Z",
        exchange_id=EXCHANGE,
    )
    sealed = entry.seal(PAYLOAD_KEY, IV, SALT_M, SALT_S, data, [token], m, s)

    assert "b508236e1017eff7b0c5e4199bdf7848f40dd0112739b82e89a598188046564c" == token.hex()
    assert META_1 == data
    assert LEAF_1 == leaf
    assert HASHES[1] == merkle.leaf_hash(leaf).hex()
    assert 323 == len(sealed)
    assert (
        "d037992767e08457ae27373f6ab3524135cdd34876a5fa82cd2cc167532abac3"
        == sha256(sealed).hexdigest()
    )
    assert entry.Payload(SALT_M, SALT_S, META_1, (token,)) == entry.unseal(
        PAYLOAD_KEY, sealed, m, s
    )


def test_our_checkpoint_and_its_cosignature() -> None:
    """Section 3.7: root of two, the log's signature, the witness's vkey and cosignature."""
    root = merkle.root_of([bytes.fromhex(one) for one in HASHES])
    signer = Signer.from_seed(ORIGIN, bytes(range(32)))
    witness = Signer.from_seed("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
    text = checkpoint_text(Checkpoint(ORIGIN, 2, root))

    note = sign_note(text, signer)
    line = witness.cosign(text, 1_795_211_528)

    assert ROOT_2 == root.hex()
    assert (
        f"{text}\n\u2014 {ORIGIN} JU9B9hcCsE3QHDK5wKNBM3UQu8ecNwYExHt2MZBwEqEwZCYanF56gSqXkTavUpC"
        "2a25cZNdcmVu2JFKXsjYBzxwWtwQ=\n" == note
    )
    assert (
        "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X" == witness.vkey
    )
    assert (
        "\u2014 witness.example/w1 IDJKvgAAAABrAMEItCTcwSgSP+n34DhaLseLxVcuVX39nqVeYxM0BUyuBoMMV8uY"
        "UDplbE2EMXExZr1uhDj4t+1Bqaj2pfmD7UfKBw==\n" == line
    )
    assert {"witness.example/w1": 1_795_211_528} == cosignatures(note + line, [witness.verifier])
    assert Checkpoint(ORIGIN, 2, root) == open_checkpoint(note + line, signer.verifier)
