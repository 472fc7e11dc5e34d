"""The tree against its recursive definition, and proofs against every bit."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

import pytest

from gateway.audit import merkle
from gateway.audit.fault import AuditError
from tests.audit.build import static_files, tree_root

SIZES = 600
LEAVES = [b"leaf %d" % one for one in range(SIZES)]
HASHES = [merkle.leaf_hash(one) for one in LEAVES]


def tiles_of(size: int) -> merkle.Tiles:
    """Return tiles over the first leaves."""
    files = static_files(LEAVES[:size])
    return lambda level, index: files[
        merkle.tile_path(level, index, merkle.tile_width(level, index, size))
    ]


@cache
def root(size: int) -> bytes:
    """Return the recursive root at a size."""
    return tree_root(HASHES[:size])


def test_the_incremental_root_is_the_recursive_root() -> None:
    """At every size to 600 the frontier, the pairing and the definition agree."""
    frontier = merkle.Frontier()

    for size in range(SIZES + 1):
        again = merkle.Frontier.from_bytes(size, frontier.to_bytes())
        assert root(size) == frontier.root() == again.root() == merkle.root_of(HASHES[:size])
        if size < SIZES:
            frontier.append(HASHES[size])


def test_a_frontier_takes_a_tail() -> None:
    """A frontier over roots of full tiles, with the last tile apart, has the tree's root."""
    frontier = merkle.Frontier()
    for first in (0, 256):
        frontier.append(merkle.root_of(HASHES[first : first + 256]))

    assert root(600) == frontier.root(merkle.root_of(HASHES[512:]))
    assert root(512) == frontier.root()


def test_a_copied_frontier_goes_its_own_way() -> None:
    """What is appended to a copy is not in the first."""
    frontier = merkle.Frontier()
    frontier.append(HASHES[0])

    frontier.copy().append(HASHES[1])

    assert (1, root(1)) == (frontier.size, frontier.root())


@pytest.mark.parametrize(("size", "count"), [(3, 1), (3, 3), (-1, 0), (1 << 63, 1)])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, count: int) -> None:
    """The hashes are exactly as many as the size has bits."""
    with pytest.raises(AuditError, match="frontier"):
        merkle.Frontier.from_bytes(size, bytes(32) * count)


@pytest.mark.parametrize("size", [*range(1, 20), 255, 256, 257, 511, 512, 513, 599, 600])
def test_every_inclusion_is_proved(size: int) -> None:
    """Each leaf's path leads to the root, and is as long as the tree is high."""
    tiles = tiles_of(size)

    for index in range(size):
        proof = merkle.inclusion_proof(index, size, tiles)
        merkle.verify_inclusion(HASHES[index], index, size, proof, root(size))
        assert len(proof) <= (size - 1).bit_length()


@pytest.mark.parametrize("new", [1, 2, 3, 7, 8, 9, 255, 256, 257, 512, 600])
def test_consistency_is_proved_from_every_size(new: int) -> None:
    """Each smaller tree is proved a prefix, and so is none, and the tree itself."""
    tiles = tiles_of(new)

    for old in range(new + 1):
        proof = merkle.consistency_proof(old, new, tiles)
        merkle.verify_consistency(old, new, root(old), root(new), proof)


def flipped(value: bytes) -> list[bytes]:
    """Return the value with each single bit turned."""
    number, size = int.from_bytes(value, "big"), len(value)
    return [(number ^ 1 << bit).to_bytes(size, "big") for bit in range(8 * size)]


def test_any_single_bit_breaks_an_inclusion() -> None:
    """A bit of the leaf, of the root, or of any hash of the path."""
    index, size = 5, 13
    proof = merkle.inclusion_proof(index, size, tiles_of(size))
    wrong = [(leaf, proof, root(size)) for leaf in flipped(HASHES[index])]
    wrong += [(HASHES[index], proof, one) for one in flipped(root(size))]
    for at, part in enumerate(proof):
        for bad in flipped(part):
            wrong.append((HASHES[index], [*proof[:at], bad, *proof[at + 1 :]], root(size)))

    for leaf, path, top in wrong:
        with pytest.raises(AuditError, match="does not lead to the root"):
            merkle.verify_inclusion(leaf, index, size, path, top)
    assert 256 * (2 + len(proof)) == len(wrong)


def test_any_single_bit_breaks_a_consistency() -> None:
    """A bit of either root, or of any hash of the proof."""
    old, new = 6, 13
    proof = merkle.consistency_proof(old, new, tiles_of(new))
    wrong = [(one, root(new), proof) for one in flipped(root(old))]
    wrong += [(root(old), one, proof) for one in flipped(root(new))]
    for at, part in enumerate(proof):
        for bad in flipped(part):
            wrong.append((root(old), root(new), [*proof[:at], bad, *proof[at + 1 :]]))

    for before, after, path in wrong:
        with pytest.raises(AuditError, match="does not lead to the"):
            merkle.verify_consistency(old, new, before, after, path)


@pytest.mark.parametrize("index", [-1, 13])
def test_an_index_outside_the_tree_has_no_proof(index: int) -> None:
    """Neither is one built, nor accepted."""
    with pytest.raises(AuditError, match="index"):
        merkle.inclusion_proof(index, 13, tiles_of(13))
    with pytest.raises(AuditError, match="index"):
        merkle.verify_inclusion(HASHES[0], index, 13, [], root(13))


def test_a_proof_of_another_length_is_refused() -> None:
    """One hash more or less, in both kinds of proof."""
    path = merkle.inclusion_proof(5, 13, tiles_of(13))
    steps = merkle.consistency_proof(6, 13, tiles_of(13))

    for proof, match in ((path[:-1], "too short"), ([*path, root(1)], "too long")):
        with pytest.raises(AuditError, match=match):
            merkle.verify_inclusion(HASHES[5], 5, 13, proof, root(13))
    for proof, match in ((steps[:-1], "short"), ([*steps, root(1)], "long"), ([], "empty")):
        with pytest.raises(AuditError, match=match):
            merkle.verify_consistency(6, 13, root(6), root(13), proof)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_hash_is_exactly_32_bytes(size: int) -> None:
    """Wherever a hash enters a verifier; checked before anything else."""
    short = bytes(size)

    for leaf, top, proof in (
        (short, root(1), []),
        (HASHES[0], short, []),
        (HASHES[0], root(1), [short]),
    ):
        with pytest.raises(AuditError, match="not 32 bytes"):
            merkle.verify_inclusion(leaf, 0, 1, proof, top)
    for before, after, proof in (
        (short, short, []),
        (root(1), short, []),
        (root(1), root(1), [short]),
    ):
        with pytest.raises(AuditError, match="not 32 bytes"):
            merkle.verify_consistency(1, 1, before, after, proof)


def test_size_0_is_believed_only_with_the_empty_root_and_no_proof() -> None:
    """The rule of section 2.1, both sides."""
    empty, two = merkle.EMPTY_ROOT, root(2)

    merkle.verify_consistency(0, 2, empty, two, [])
    merkle.verify_consistency(0, 0, empty, empty, [])

    for old_root, new, new_root, proof in (
        (two, 2, two, []),
        (empty, 2, two, [two]),
        (empty, 0, two, []),
        (two, 0, two, []),
    ):
        with pytest.raises(AuditError) as caught:
            merkle.verify_consistency(0, new, old_root, new_root, proof)
        assert "fork" == caught.value.code


def test_a_smaller_new_tree_is_a_rollback() -> None:
    """To build, and to believe."""
    with pytest.raises(AuditError) as built:
        merkle.consistency_proof(3, 2, tiles_of(3))
    with pytest.raises(AuditError) as believed:
        merkle.verify_consistency(3, 2, root(3), root(2), [])

    assert ["rollback", "rollback"] == [built.value.code, believed.value.code]


def test_two_roots_at_one_size_are_a_fork() -> None:
    """Equal sizes need equal roots and no proof."""
    merkle.verify_consistency(2, 2, root(2), root(2), [])

    for other, proof in ((root(3), []), (root(2), [root(2)])):
        with pytest.raises(AuditError) as caught:
            merkle.verify_consistency(2, 2, root(2), other, proof)
        assert "fork" == caught.value.code


def test_a_tile_that_is_too_short_proves_nothing() -> None:
    """A partial tile of an older size is not taken for a newer one's."""
    with pytest.raises(AuditError, match="fewer hashes"):
        merkle.inclusion_proof(0, 13, lambda _level, _index: b"".join(HASHES[:12]))


def test_tiles_at_is_what_a_static_export_holds() -> None:
    """Every path of the census is written, and no other."""
    for size in (0, 1, 255, 256, 257, 512, 600):
        census = {merkle.tile_path(*one) for one in merkle.tiles_at(size)}
        files = {path for path in static_files(LEAVES[:size]) if "entries" not in path}
        assert files == census
        for level, index, width in merkle.tiles_at(size):
            assert width == merkle.tile_width(level, index, size)


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (0, 1 << 63, 1)],
)
def test_a_path_outside_the_format_is_refused(level: int, index: int, width: int) -> None:
    """Level 0 to 63, width 1 to 256, an index that is not negative."""
    with pytest.raises(AuditError, match="a tile's"):
        merkle.tile_path(level, index, width)


def test_a_bundle_reads_back_and_says_where_it_was_cut() -> None:
    """Entries come back as written; a cut entry comes back as the rest, at every cut."""
    leaves = [b"one", b"", b"three" * 200]
    bundle = merkle.join_bundle(leaves)

    assert (leaves, b"") == merkle.split_bundle(bundle)
    for cut in range(len(bundle)):
        entries, rest = merkle.split_bundle(bundle[:cut])
        assert leaves[: len(entries)] == entries
        assert bundle[:cut] == merkle.join_bundle(entries) + rest
        assert rest or cut in {0, 5, 7}


def test_a_leaf_is_no_node() -> None:
    """The prefix keeps 64 bytes of two hashes from being a leaf with their node's hash."""
    pair = HASHES[0] + HASHES[1]

    assert merkle.node_hash(*HASHES[:2]) != merkle.leaf_hash(pair)
    assert merkle.leaf_hash(pair) != sha256(pair).digest()
