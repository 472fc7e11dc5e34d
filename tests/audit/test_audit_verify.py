"""Each finding, provoked; and nothing found in a log that is as it should be."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Checkpoint, checkpoint_text, sign_note
from gateway.audit.entry import encode_leaf, parse_leaf, seal, unseal
from gateway.audit.merkle import EMPTY_ROOT, TILE_WIDTH
from gateway.audit.verify import Opening, Tally, exit_code, verify
from tests.audit.build import (
    AGREEMENT,
    ORIGIN,
    OTHER,
    PAYLOAD_KEY,
    SHA,
    SIGNER,
    START,
    WITNESS,
    Copy,
    Log,
    exchange_id,
    facts,
    token,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.audit.verify import Finding

X, Y, Z = exchange_id(1), exchange_id(2), exchange_id(3)
SIZE = 1000
HELD_SIZE = 600


def big_log() -> tuple[Log, str]:
    """Return a log of a thousand entries, and the checkpoint it had at six hundred."""
    log = Log.begun().fill(HELD_SIZE)
    held = log.checkpoint()
    return log.fill(SIZE, start=5000), held


BIG, HELD = big_log()


def small() -> Log:
    """Return a log with one exchange."""
    log = Log.begun()
    log.exchange(X, 2)
    return log


def run(  # noqa: PLR0913
    copy: Copy,
    *,
    held: Sequence[str] | None = None,
    keys: Sequence[Verifier] = (SIGNER.verifier,),
    opened: bool = False,
    openings: dict[int, Opening] | None = None,
    witnesses: Sequence[Verifier] = (),
    quorum: int = 0,
    now: dt.datetime | None = None,
    tally: Tally | None = None,
) -> list[Finding]:
    """Verify a copy, by default against its own checkpoint as the held one."""
    return list(
        verify(
            copy,
            keys,
            held=[copy.note] if held is None else held,
            payloads=copy if opened else None,
            openings=openings,
            witnesses=witnesses,
            quorum=quorum,
            now=now,
            tally=tally,
        )
    )


def codes(found: Sequence[Finding]) -> list[str]:
    """Return the codes of findings."""
    return [one.code for one in found]


def places(found: Sequence[Finding]) -> list[tuple[str, int]]:
    """Return code and index of findings."""
    return [(one.code, one.index) for one in found]


# --- A good log -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 255, 256, 257, 511, 512, 513, SIZE])
def test_a_good_log_has_no_findings(size: int) -> None:
    """At sizes around the edge of a tile, with payloads and a held checkpoint."""
    log = Log.begun().fill(size)
    tally = Tally()

    found = run(log.copy(), opened=True, tally=tally)

    assert [] == found
    assert (size, size, 0) == (tally.entries, tally.opened, tally.not_opened)


def test_every_older_checkpoint_is_a_prefix() -> None:
    """Held checkpoints of every size, in any order, and one of size 0."""
    log = Log.begun()
    held = [sign_note(checkpoint_text(Checkpoint(ORIGIN, 0, EMPTY_ROOT)), SIGNER)]
    number = 10
    while len(log.leaves) < 600:
        log.exchange(exchange_id(number))
        held.append(log.checkpoint())
        number += 1

    assert [] == run(log.copy(), held=held[::-1], opened=True)


def test_without_a_held_checkpoint_it_says_so() -> None:
    """A note with exit 3, unless the run was said to be the first."""
    found = run(BIG.copy(), held=[])

    assert ["held-none"] == codes(found)
    assert (3, 0) == (exit_code(codes(found)), exit_code(codes(found), first=True))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], 0),
        (["exchange-open", "not-opened", "erase-due"], 0),
        (["held-none"], 3),
        (["quorum-short"], 3),
        (["key-unknown"], 3),
        (["leaf-mismatch", "held-none"], 1),
        (["note-invalid"], 1),
        (["fork", "leaf-mismatch", "held-none"], 4),
        (["rollback"], 4),
    ],
)
def test_exit_codes(found: list[str], expected: int) -> None:
    """4 goes before 1, 1 before 3."""
    assert expected == exit_code(found)


# --- The checkpoint -------------------------------------------------------------------------------


def test_a_checkpoint_that_does_not_open_ends_the_run() -> None:
    """Another key, another origin, a bad signature: there is no size to verify."""
    foreign, stranger, broken = BIG.copy(), BIG.copy(), BIG.copy()
    foreign.resign(origin="other.example/log")
    stranger.resign(OTHER)
    broken.note = broken.note.replace("\n1000\n", "\n1001\n")

    assert ["origin-wrong"] == codes(run(foreign, held=[]))
    assert ["key-unknown"] == codes(run(stranger, held=[]))
    assert ["note-invalid"] == codes(run(broken, held=[]))


def test_a_held_checkpoint_that_does_not_open_is_a_finding() -> None:
    """And the run goes on."""
    other = sign_note(checkpoint_text(Checkpoint(ORIGIN, 5, bytes(32))), OTHER)

    assert ["key-unknown"] == codes(run(BIG.copy(), held=[other]))
    assert ["note-invalid"] == codes(run(BIG.copy(), held=["nonsense"]))


def test_a_held_checkpoint_of_another_log_of_ours() -> None:
    """Each is good under its own key, and they are two logs."""
    second = replace(SIGNER.verifier, name=ORIGIN + "/2")
    log = Log(ORIGIN + "/2", SIGNER.from_seed(ORIGIN + "/2", bytes(range(32))))
    held = log.checkpoint()

    found = run(BIG.copy(), held=[held], keys=[SIGNER.verifier, second])

    assert ["origin-wrong"] == codes(found)


def test_a_quorum() -> None:
    """One witness of one is enough; none of one, and one of two, are not."""
    copy = BIG.copy()
    text = copy.note.split("\n\n")[0] + "\n"
    witnessed = BIG.copy()
    witnessed.note += WITNESS.cosign(text, 5)

    assert [] == run(witnessed, witnesses=[WITNESS.verifier], quorum=1)
    assert ["quorum-short"] == codes(run(copy, witnesses=[WITNESS.verifier], quorum=1))
    assert ["quorum-short"] == codes(run(witnessed, witnesses=[WITNESS.verifier], quorum=2))


def test_a_lost_tail_is_a_rollback() -> None:
    """A consistent, signed, shorter log against a newer held checkpoint."""
    older = Log.begun().fill(HELD_SIZE - 1)

    found = run(older.copy(), held=[HELD])

    assert [("rollback", HELD_SIZE - 1)] == places(found)
    assert 4 == exit_code(codes(found))


def test_a_rewritten_and_resigned_log_is_a_fork() -> None:
    """Whoever has the key can sign another past; whoever holds a checkpoint sees it."""
    copy = BIG.copy()
    copy.leaves[300] = copy.leaves[300].replace(b'"r":"6y"', b'"r":"9y"')
    copy.rebuild()
    copy.resign()

    assert [] == run(copy)
    assert [("fork", HELD_SIZE - 1)] == places(run(copy, held=[HELD]))


def test_another_future_is_no_fork() -> None:
    """What comes after the held size is not held against it."""
    copy = BIG.copy()
    copy.leaves[HELD_SIZE] = copy.leaves[HELD_SIZE].replace(b'"r":"6y"', b'"r":"9y"')
    copy.rebuild()
    copy.resign()

    assert [] == run(copy, held=[HELD])


def test_a_damaged_copy_is_no_fork() -> None:
    """An entry edited together with its tile: the other tiles still prove the held checkpoint."""
    copy = BIG.copy()
    above = copy.files[copy.tile_path(1, 0)]
    copy.leaves[300] = copy.leaves[300].replace(b'"r":"6y"', b'"r":"9y"')
    copy.rebuild()
    copy.files[copy.tile_path(1, 0)] = above

    assert ["tile-mismatch"] == codes(run(copy, held=[HELD, copy.note]))


def test_two_roots_at_the_served_size_are_a_fork() -> None:
    """Also in the last, partial bundle; and a root of size 0 that is not the empty one."""
    for size, root in ((SIZE, bytes(32)), (HELD_SIZE, bytes(32)), (1, bytes(32)), (0, bytes(32))):
        held = sign_note(checkpoint_text(Checkpoint(ORIGIN, size, root)), SIGNER)
        assert [("fork", max(size - 1, 0))] == places(run(BIG.copy(), held=[held]))


def test_a_log_of_size_0_has_the_empty_root() -> None:
    """Nobody signs one of ours; a verifier is asked all the same."""
    empty = Copy("", [])
    empty.resign()
    wrong = Copy("", [])
    wrong.resign(root=bytes(32))

    assert [] == run(empty)
    assert ["fork"] == codes(run(empty, held=[wrong.note]))
    assert ["root-mismatch"] == codes(run(wrong, held=[empty.note]))[-1:]


# --- The tree -------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 255, 256, 700, 767, 768, SIZE - 1])
def test_an_edited_entry_is_named(index: int) -> None:
    """In a full bundle and in the last, partial one; the held checkpoint is no fork for it."""
    copy = BIG.copy()
    copy.rewrite(index, copy.leaves[index].replace(b'"t":"2026-', b'"t":"2027-'))

    found = run(copy, held=[HELD, copy.note])

    assert ("leaf-mismatch", index) in places(found)
    assert {"leaf-mismatch", "time-back"} >= set(codes(found))


@pytest.mark.parametrize(
    ("level", "index", "slot"),
    [(0, 0, 5), (0, 2, 255), (0, 3, 0), (0, 3, 231), (1, 0, 0), (1, 0, 2)],
)
def test_an_edited_tile_is_named(level: int, index: int, slot: int) -> None:
    """At each level, in full and partial tiles, with the first entry below the wrong hash."""
    copy = BIG.copy()
    path = copy.tile_path(level, index)
    copy.flip(path, 32 * slot + 7)

    found = run(copy)

    expected = (index * TILE_WIDTH + slot) * TILE_WIDTH**level
    assert [("tile-mismatch", expected)] == places(found)
    assert path in found[0].message


def three_levels() -> Copy:
    """Return a log of 65,536 + 300 entries: three levels of tiles."""
    log = Log.begun()
    first = list(log.leaves)
    leaf = parse_leaf(BIG.leaves[2])
    first += [
        encode_leaf(
            agreement=leaf.agreement,
            kind="refusal",
            m=leaf.m,
            chunk=0,
            retain=leaf.retain,
            s=None,
            time=leaf.time,
            exchange_id=exchange_id(number),
        )
        for number in range(65_536 + 300 - len(first))
    ]
    copy = Copy("", first)
    copy.resign()
    return copy


def test_tiles_of_three_levels() -> None:
    """A full tile of level 1, its neighbour, and the partial tile on top: each is compared."""
    good = three_levels()
    files, leaves = good.files, list(good.leaves)
    assert [] == run(good)

    for level, index, slot in ((1, 0, 9), (1, 1, 0), (2, 0, 0), (0, 200, 3), (0, 257, 43)):
        good.files = dict(files)
        good.flip(good.tile_path(level, index), 32 * slot)
        place = (index * TILE_WIDTH + slot) * TILE_WIDTH**level
        assert [("tile-mismatch", place)] == places(run(good)), (level, index)

    for index in (40_000, 65_800):
        good.files, good.leaves = dict(files), list(leaves)
        good.rewrite(index, good.leaves[index].replace(b'"r":"6y"', b'"r":"9y"'))
        assert [("leaf-mismatch", index)] == places(run(good))


def test_an_entry_and_its_tile_edited_together_are_named() -> None:
    """The tile above them leads to the root, and they do not."""
    copy = BIG.copy()
    above = copy.files[copy.tile_path(1, 0)]
    copy.leaves[300] = copy.leaves[300].replace(b'"r":"6y"', b'"r":"9y"')
    copy.rebuild()
    copy.files[copy.tile_path(1, 0)] = above

    found = run(copy)

    assert [("tile-mismatch", 256)] == places(found)
    assert "`tile/0/001` and what is below it" in found[0].message


def test_a_tree_rebuilt_over_an_edit_does_not_lead_to_the_root() -> None:
    """Entry and every tile changed, and the old signature: the root is what is left."""
    copy = BIG.copy()
    copy.leaves[300] = copy.leaves[300].replace(b'"r":"6y"', b'"r":"9y"')
    copy.rebuild()

    assert ["root-mismatch"] == codes(run(copy, held=[copy.note]))[-1:]


def test_a_signed_root_or_size_that_is_not_the_trees() -> None:
    """The key signed another root; or one entry more than there is."""
    other = BIG.copy()
    other.resign(root=bytes(32))
    longer = BIG.copy()
    longer.note = sign_note(checkpoint_text(Checkpoint(ORIGIN, SIZE + 1, bytes(32))), SIGNER)

    assert "root-mismatch" in codes(run(other))
    assert {"tile-missing", "root-mismatch"} <= set(codes(run(longer)))


def test_missing_files_are_named() -> None:
    """Each tile and each bundle, full or partial."""
    good = BIG.copy()
    for path in good.files:
        copy = BIG.copy()
        del copy.files[path]
        found = run(copy)
        assert f"`{path}` is missing" == found[0].message
        # What stood in a missing bundle is missed by the exchanges around it.
        rest = {"exchange-impossible", "exchange-open"} if "entries" in path else set()
        assert set(codes(found[1:])) <= rest, path


@pytest.mark.parametrize("path", ["tile/entries/001", "tile/entries/003.p/232"])
@pytest.mark.parametrize("cut", [1, 2, 3, 400])
def test_a_truncated_bundle_has_a_gap(path: str, cut: int) -> None:
    """Wherever it is cut, the first missing entry is named."""
    copy = BIG.copy()
    copy.files[path] = copy.files[path][:-cut]

    found = run(copy)

    last = 512 if path.endswith("001") else SIZE
    assert "gap" == found[0].code
    assert last - 3 <= found[0].index < last
    assert set(codes(found[1:])) <= {"exchange-impossible", "exchange-open"}


def test_a_bundle_that_goes_on_is_named() -> None:
    """A trailing byte, or an entry too many."""
    for extra in (b"\x00", b"\x00\x03abc"):
        copy = BIG.copy()
        copy.files["tile/entries/001"] += extra
        assert [("leaf-malformed", 512)] == places(run(copy))


@pytest.mark.parametrize("path", ["tile/0/001", "tile/0/003.p/232", "tile/1/000.p/3"])
def test_a_truncated_tile_is_named(path: str) -> None:
    """By a byte, by a hash, to nothing; and one hash too long."""
    for change in (lambda data: data[:-1], lambda data: data[:-32], lambda _: b"", lambda d: d * 2):
        copy = BIG.copy()
        copy.files[path] = change(copy.files[path])
        assert ["tile-mismatch"] == codes(run(copy))


def test_a_missing_bundle_and_its_tile() -> None:
    """Both are named, and the rest is checked all the same."""
    copy = BIG.copy()
    del copy.files["tile/entries/001"], copy.files["tile/0/001"]
    copy.rewrite(700, BIG.leaves[700].replace(b'"r":"6y"', b'"r":"9y"'))

    found = places(run(copy))

    assert [("tile-missing", 256), ("tile-missing", 256)] == found[:2]
    assert any(code in {"leaf-mismatch", "tile-mismatch"} and at >= 256 for code, at in found[2:])


def test_an_entry_that_is_no_leaf() -> None:
    """Signed over, and still malformed: the tree says what was stored, not that it was right."""
    copy = BIG.copy()
    copy.leaves[5] = copy.leaves[5].replace(b'"n":0', b'"n":00')
    copy.leaves[9] = b""
    copy.rebuild()
    copy.resign()

    malformed = [one for one in places(run(copy)) if one[0] == "leaf-malformed"]
    assert [("leaf-malformed", 5), ("leaf-malformed", 9)] == malformed


# --- Order and lives ------------------------------------------------------------------------------


def lives(write: Callable[[Log], object], *, opened: bool = False) -> list[tuple[str, int]]:
    """Return what is found in a log after its two first entries were written on."""
    log = Log.begun()
    write(log)
    return places(run(log.copy(), opened=opened))


def test_the_first_entry_is_the_genesis_and_no_other_is() -> None:
    """A log that begins in the middle, and one that begins twice."""
    headless = Log()
    headless.refusal(X)
    meta = {"origin": ORIGIN, "previous": None, "vkey": SIGNER.vkey}

    assert [("origin-wrong", 0)] == places(run(headless.copy()))
    assert [("duplicate", 2)] == lives(lambda log: log.add("genesis", meta, retain="p"))


def test_time_never_falls() -> None:
    """Equal times pass; a millisecond back is named once, at its entry."""

    def write(log: Log) -> None:
        now = START + dt.timedelta(hours=1)
        for number, offset in enumerate((0, 0, -1, 0)):
            moment = now + dt.timedelta(milliseconds=offset)
            log.add("refusal", refusal_meta(), x=exchange_id(number), time=moment)

    assert [("time-back", 4)] == lives(write)


def refusal_meta() -> dict[str, object]:
    """Return a refusal's metadata."""
    return {**facts(), "reason": "NO_PROVISION", "step": 4, "clause": None}


GOOD_LIVES: dict[str, Callable[[Log], object]] = {
    "no chunk": lambda log: log.exchange(X, 0),
    "three chunks": lambda log: log.exchange(X, 3),
    "refused": lambda log: log.refusal(X),
    "interleaved": lambda log: [log.intent(X), log.exchange(Y), log.release(X), log.outcome(X)],
    "recovered": lambda log: [log.intent(X), log.release(X), log.recovered(X, 1)],
    "nothing left": lambda log: [log.intent(X), log.recovered(X, 0)],
    "delivered": lambda log: [log.exchange(X), delivery(log)],
}

BAD_LIVES: dict[str, tuple[Callable[[Log], object], str, int]] = {
    "release first": (lambda log: log.release(X), "exchange-impossible", 2),
    "outcome first": (lambda log: log.outcome(X), "exchange-impossible", 2),
    "recovered first": (lambda log: log.recovered(X, 0), "exchange-impossible", 2),
    "intent twice": (lambda log: [log.intent(X), log.intent(X), log.outcome(X, 0)], "duplicate", 3),
    "refused after intent": (
        lambda log: [log.intent(X), log.refusal(X), log.outcome(X, 0)],
        "exchange-impossible",
        3,
    ),
    "refused twice": (lambda log: [log.refusal(X), log.refusal(X)], "duplicate", 3),
    "intent after refusal": (
        lambda log: [log.refusal(X), log.intent(X)],
        "exchange-impossible",
        3,
    ),
    "release after refusal": (
        lambda log: [log.refusal(X), log.release(X)],
        "exchange-impossible",
        3,
    ),
    "chunk skipped": (
        lambda log: [log.intent(X), log.release(X, 1), log.recovered(X, 0)],
        "exchange-impossible",
        3,
    ),
    "chunk twice": (
        lambda log: [log.intent(X), log.release(X), log.release(X), log.outcome(X)],
        "duplicate",
        4,
    ),
    "outcome twice": (lambda log: [log.exchange(X), log.outcome(X)], "duplicate", 5),
    "recovered after outcome": (
        lambda log: [log.exchange(X), log.recovered(X, 1)],
        "exchange-impossible",
        5,
    ),
    "release after outcome": (
        lambda log: [log.exchange(X), log.release(X, 1)],
        "exchange-impossible",
        5,
    ),
    "release again after outcome": (
        lambda log: [log.exchange(X), log.release(X, 0)],
        "duplicate",
        5,
    ),
    "intent again after outcome": (lambda log: [log.exchange(X), log.intent(X)], "duplicate", 5),
    "refused after outcome": (
        lambda log: [log.exchange(X), log.refusal(X)],
        "exchange-impossible",
        5,
    ),
    "delivered twice": (
        lambda log: [log.exchange(X), delivery(log), delivery(log)],
        "duplicate",
        6,
    ),
}


def delivery(log: Log) -> int:
    """Append a delivery with an exchange id of its own."""
    meta = {"event": "acknowledged", "exchange": X, "digest": SHA}
    return log.add("delivery", meta, x=X)


@pytest.mark.parametrize("case", sorted(GOOD_LIVES))
def test_a_life_that_can_be(case: str) -> None:
    """Nothing is found, with or without payloads."""
    assert [] == lives(GOOD_LIVES[case])
    assert [] == lives(GOOD_LIVES[case], opened=True)


@pytest.mark.parametrize("case", sorted(BAD_LIVES))
def test_a_life_that_cannot_be(case: str) -> None:
    """The entry that makes it impossible is named, from leaves alone."""
    write, code, index = BAD_LIVES[case]

    assert [(code, index)] == lives(write)


def test_an_open_exchange_is_a_note() -> None:
    """Counted, and no fault: it may be going on."""
    found = lives(lambda log: [log.intent(X), log.intent(Y), log.release(Y)])

    assert [("exchange-open", -1)] == found


def test_swapped_entries_are_found() -> None:
    """Two entries changed places and everything was signed again."""
    copy = small().copy()
    copy.leaves[3], copy.leaves[4] = copy.leaves[4], copy.leaves[3]
    copy.rebuild()
    copy.resign()

    assert {"time-back", "exchange-impossible", "duplicate"} & set(codes(run(copy)))


# --- What lies beside the tree --------------------------------------------------------------------


def test_payloads_are_opened_and_checked() -> None:
    """One bit of a payload, another entry's payload, a key of its own: each is named."""
    log = small()
    flipped, swapped, keyless = log.copy(), log.copy(), log.copy()
    key_id, sealed = flipped.payloads[3]
    flipped.payloads[3] = (key_id, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    swapped.payloads[3], swapped.payloads[4] = swapped.payloads[4], swapped.payloads[3]
    keyless.keys = {"2026-11.p": PAYLOAD_KEY}

    assert [("payload-unopenable", 3)] == places(run(flipped, opened=True))
    assert [("payload-unopenable", 3), ("payload-unopenable", 4)] == places(
        run(swapped, opened=True)
    )
    assert [("not-opened", -1)] == places(run(keyless, opened=True))


def test_a_payload_resealed_with_the_key_is_found() -> None:
    """Whoever has the payload key, and not the log's, cannot change what an entry said."""
    copy = small().copy()
    leaf = parse_leaf(copy.leaves[3])
    key_id, sealed = copy.payloads[3]
    opened = unseal(PAYLOAD_KEY, sealed, leaf.m, leaf.s)
    meta = opened.meta.replace(b'"rows":2', b'"rows":1')
    salts = (opened.salt_m, opened.salt_s)
    again = seal(PAYLOAD_KEY, b"\x01" * 32, *salts, meta, opened.tokens, leaf.m, leaf.s)
    copy.payloads[3] = (key_id, again)

    assert [("commitment-mismatch", 3)] == places(run(copy, opened=True))


def test_openings_are_held_against_their_entries() -> None:
    """Some entries opened: the rest is counted; a changed opening is named."""
    log = small()
    some = {index: log.openings[index] for index in (1, 3)}
    wrong = {3: replace(some[3], meta=some[3].meta.replace(b'"rows":2', b'"rows":1'))}
    tally = Tally()

    assert ["not-opened"] == codes(run(log.copy(), openings=some, tally=tally))
    assert (2, 4) == (tally.opened, tally.not_opened)
    assert ("commitment-mismatch", 3) in places(run(log.copy(), openings=wrong))
    assert [] == run(log.copy(), openings=log.openings)


SAID: dict[str, tuple[Callable[[Log], object], str, int]] = {
    "unknown key": (lambda log: log.add("hold", {"scope": "x"}, retain="6y"), "schema", 2),
    "stream": (
        lambda log: [log.intent(X), log.release(X, stream=SHA), log.recovered(X, 1)],
        "stream-broken",
        3,
    ),
    "stream later": (
        lambda log: [
            log.intent(X),
            log.release(X),
            log.release(X, 1, digest=SHA),
            log.recovered(X, 2),
        ],
        "stream-broken",
        4,
    ),
    "chunk number": (
        lambda log: [log.intent(X), log.release(X, 0, chunk=1), log.recovered(X, 1)],
        "exchange-impossible",
        3,
    ),
    "outcome stream": (
        lambda log: [log.intent(X), log.release(X), log.outcome(X, stream=SHA)],
        "stream-broken",
        4,
    ),
    "outcome without stream": (
        lambda log: [log.intent(X), log.release(X), log.outcome(X, stream=None)],
        "stream-broken",
        4,
    ),
    "outcome count": (
        lambda log: [log.intent(X), log.release(X), log.outcome(X, chunks=2)],
        "exchange-impossible",
        4,
    ),
    "nothing left after all": (
        lambda log: [log.intent(X), log.release(X), log.recovered(X, 1, "nothing-left")],
        "exchange-impossible",
        4,
    ),
    "disclosed without a release": (
        lambda log: [log.intent(X), log.recovered(X, 0, "presume-disclosed")],
        "exchange-impossible",
        3,
    ),
    "recovered count": (
        lambda log: [log.intent(X), log.release(X), log.recovered(X, 2)],
        "exchange-impossible",
        4,
    ),
    "agreement": (
        lambda log: log.add("refusal", refusal_meta(), x=X, agreement="other@1"),
        "agreement-unknown",
        2,
    ),
    "agreement version": (
        lambda log: [
            log.add("intent", facts(), x=X, agreement="ems-to-health@4"),
            log.recovered(X, 0),
        ],
        "agreement-unknown",
        2,
    ),
    "no agreement": (
        lambda log: [log.add("intent", facts(), x=X), log.recovered(X, 0)],
        "agreement-unknown",
        2,
    ),
}


@pytest.mark.parametrize("case", sorted(SAID))
def test_what_entries_say_must_fit_together(case: str) -> None:
    """Found in opened metadata, at the entry that does not fit."""
    write, code, index = SAID[case]

    assert [(code, index)] == lives(write, opened=True)


def test_a_refusal_before_any_agreement_names_none() -> None:
    """A refusal at step 1 has no agreement, and is no fault."""
    assert [] == lives(lambda log: log.add("refusal", refusal_meta(), x=X), opened=True)


def test_an_agreement_is_looked_for_once_every_swap_is_opened() -> None:
    """In the leaf, so also where the intent is not opened; and not while a swap is unread."""
    log = Log.begun()
    log.add("intent", facts(), x=X, agreement="other@1")
    log.recovered(X, 0)
    swap, intent = ({index: log.openings[index]} for index in (1, 2))

    assert ["agreement-unknown", "not-opened"] == codes(run(log.copy(), openings=swap))
    assert ["not-opened"] == codes(run(log.copy(), openings=intent))


def swap(log: Log, version: str, state: str) -> None:
    """Write where one version of an agreement stands."""
    rows = [["ems-to-health", version, SHA, state]]
    log.add("agreement", {"agreements": rows, "floor_sha256": SHA}, retain="p")


def test_only_an_active_version_grants() -> None:
    """A draft is known, and permits nothing; a superseded one stays known to what is in flight."""

    def draft(log: Log) -> None:
        swap(log, "4", "in_review")
        log.add("intent", facts(), x=X, agreement="ems-to-health@4")
        log.recovered(X, 0)

    def superseded(log: Log) -> None:
        swap(log, "4", "active")
        log.add("intent", facts(), x=X, agreement=AGREEMENT)
        log.recovered(X, 0)

    assert [("agreement-unknown", 3)] == lives(draft, opened=True)
    assert [] == lives(superseded, opened=True)


@pytest.mark.parametrize("state", ["draft", "in_review", "suspended", "terminated"])
def test_a_refusal_may_name_a_version_because_it_is_not_active(state: str) -> None:
    """It says so; a version that no entry told of is nobody's."""

    def refused(log: Log) -> None:
        swap(log, "4", state)
        log.add("refusal", refusal_meta(), x=X, agreement="ems-to-health@4")

    def unheard(log: Log) -> None:
        swap(log, "4", state)
        log.add("refusal", refusal_meta(), x=X, agreement="ems-to-health@5")

    assert [] == lives(refused, opened=True)
    assert [("agreement-unknown", 3)] == lives(unheard, opened=True)


def test_the_genesis_names_this_log() -> None:
    """A genesis moved from another log is found once it is opened."""
    log = Log()
    log.add("genesis", {"origin": "other", "previous": None, "vkey": "k"}, retain="p")

    assert [("origin-wrong", 0)] == places(run(log.copy(), opened=True))


# --- Erasure --------------------------------------------------------------------------------------


def erased_log(class_: str = "6y", years: int = 7, last: int = 5) -> Copy:
    """Return a log whose exchange was erased after so many years."""
    log = small()
    then = START.replace(year=START.year + years)
    meta = {"ranges": [[2, last]], "class": class_, "rule": "class-ended", "count": last - 1}
    log.add("erase", meta, retain="p", time=then)
    copy = log.copy()
    for index in range(2, 6):
        del copy.payloads[index]
    return copy


def test_what_was_erased_in_time_is_expired() -> None:
    """Covered by an `erase` of its class, after its class had run out: counted, and no fault."""
    tally = Tally()

    assert [] == run(erased_log(), opened=True, tally=tally)
    assert (4, 4, 3) == (tally.missing, tally.expired, tally.opened)


def test_what_was_erased_early_is_named() -> None:
    """A class of six years, erased after five; and to the day."""
    assert [("erased-early", 2)] == places(run(erased_log(years=5), opened=True))
    assert [("erased-early", 2)] == places(run(erased_log(years=6), opened=True))


def test_what_nothing_erased_is_missing() -> None:
    """No `erase`, one of another class, one of a shorter range."""
    gone = small().copy()
    del gone.payloads[3]

    assert [("payload-missing", 3)] == places(run(gone, opened=True))
    assert [("payload-missing", 2)] == places(run(erased_log(class_="9y"), opened=True))
    assert [("payload-missing", 5)] == places(run(erased_log(last=4), opened=True))


def test_what_is_kept_with_the_log_is_never_erased() -> None:
    """Class `p` has no end: a missing genesis is a missing genesis."""
    copy = small().copy()
    del copy.payloads[0]

    assert [("payload-missing", 0)] == places(run(copy, opened=True))


def test_a_payload_past_its_class_is_due() -> None:
    """Counted from the instant that the caller gives: not on the day, but after it."""
    copy = small().copy()
    last = parse_leaf(copy.leaves[-1]).time
    end = dt.datetime.fromisoformat(last).replace(year=START.year + 6)
    tally = Tally()

    assert [] == run(copy, opened=True, now=START.replace(year=START.year + 6))
    found = run(copy, opened=True, now=end + dt.timedelta(milliseconds=1), tally=tally)
    assert ["erase-due"] == codes(found)
    assert 4 == tally.due


def test_findings_come_in_the_order_of_the_log() -> None:
    """The first bad entry is the first one named, whatever is wrong with it."""
    copy = BIG.copy()
    copy.rewrite(700, copy.leaves[700].replace(b'"r":"6y"', b'"r":"9y"'))
    copy.rewrite(20, copy.leaves[20].replace(b'"r":"6y"', b'"r":"9y"'))
    key_id, sealed = copy.payloads[10]
    copy.payloads[10] = (key_id, sealed[:-1])

    found = run(copy, opened=True)

    assert [10, 20, 700] == [one.index for one in found]


def test_no_finding_says_what_an_entry_says() -> None:
    """Canaries in metadata, in an unknown key and in a subject reach no message."""
    log = Log.begun()
    log.add("hold", {"canary-1": "canary-2", "event": "canary-3", "scope": "x", "document": 1})
    log.add("access", {"who": "canary-4"}, tokens=(token(7),))
    copy = log.copy()
    copy.rewrite(2, b"canary-5")

    found = run(copy, opened=True)

    assert len(found) >= 2
    assert not any("canary" in one.message for one in found)
