"""What a store keeps beside its entries follows from them: each thing it says is looked at."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

import pytest

from gateway.audit.checkpoint import Checkpoint, Signer, checkpoint_text, sign_note
from gateway.audit.derived import (
    End,
    Kept,
    check_behind,
    check_columns,
    check_end,
    check_kept,
)
from gateway.audit.entry import LEAF
from gateway.audit.merkle import Frontier, leaf_hash
from tests.audit.build import ORIGIN, SIGNER, Log, exchange_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.derived import Columns

LOG = Log.begun()
LOG.exchange(exchange_id(1))
OPEN = UUID(exchange_id(2)).bytes
OPENED_AT = LOG.intent(exchange_id(2))
SIZE = len(LOG.leaves)
STRANGER = Signer.from_seed(ORIGIN, bytes(31) + b"\x07")
VERIFIERS = (SIGNER.verifier,)


def frontier(size: int) -> Frontier:
    """Return the frontier over the first entries."""
    found = Frontier()
    for leaf in LOG.leaves[:size]:
        found.append(leaf_hash(leaf))
    return found


def note(size: int, root: bytes, signer: Signer = SIGNER) -> str:
    """Return a checkpoint that a key signed."""
    return sign_note(checkpoint_text(Checkpoint(ORIGIN, size, root)), signer)


ROOT: Final = frontier(3).root()
KEPT: Final = Kept(3, ROOT, note(3, ROOT))
END: Final = Kept(SIZE, frontier(SIZE).root(), note(SIZE, frontier(SIZE).root()))
ELSE: Final = bytes(32)


def test_a_kept_checkpoint_of_this_log_is_in_order() -> None:
    """Its columns, its note and the tree say one thing."""
    assert check_kept(KEPT, ROOT, ORIGIN, VERIFIERS) is None


@pytest.mark.parametrize(
    ("kept", "root", "code"),
    [
        pytest.param(KEPT, ELSE, "fork", id="signed and not of this tree"),
        pytest.param(replace(KEPT, root=ELSE), ROOT, "head-mismatch", id="root of another"),
        pytest.param(replace(KEPT, size=2), frontier(2).root(), "head-mismatch", id="another size"),
        pytest.param(replace(KEPT, size=2), ELSE, "head-mismatch", id="size that nobody signed"),
        pytest.param(replace(KEPT, root=ELSE), ELSE, "head-mismatch", id="root nobody signed"),
        pytest.param(Kept(3, ROOT, "no note"), ROOT, "head-mismatch", id="no note"),
        pytest.param(Kept(3, ELSE, note(3, ELSE, STRANGER)), ROOT, "head-mismatch", id="stranger"),
        pytest.param(Kept(3, ELSE, note(3, ELSE)), ROOT, "fork", id="another history, signed"),
    ],
)
def test_a_kept_checkpoint_that_differs_is_told(kept: Kept, root: bytes, code: str) -> None:
    """Signed by the log's key against the tree it is a fork, else a row that was changed."""
    found = check_kept(kept, root, ORIGIN, VERIFIERS)

    assert found is not None
    assert (code, kept.size - 1) == (found.code, found.index)


def an_end() -> End:
    """Return what the store says of its end, all of it right."""
    reached = frontier(SIZE)
    open_ = {OPEN: (OPENED_AT, 0)}
    time = columns(SIZE - 1, 1)[0][1]
    return End(ORIGIN, SIZE, reached.to_bytes(), time, SIZE, END, (KEPT,), open_, SIZE)


def behind(end: End, served: int = SIZE) -> list[str]:
    """Return the codes of what its checkpoints say against a store."""
    checkpoint = Checkpoint(ORIGIN, served, frontier(served).root())
    return [one.code for one in check_behind(end, checkpoint, VERIFIERS)]


def test_a_store_that_has_all_that_was_signed_is_in_order() -> None:
    """Also where an older checkpoint is verified."""
    assert [] == behind(an_end())
    assert [] == behind(an_end(), served=3)


def test_a_store_behind_its_own_checkpoints_was_put_back() -> None:
    """A signed size above what is stored is a rollback; one that nobody signed a changed row."""
    assert ["rollback"] == behind(replace(an_end(), stored=SIZE - 1), served=3)
    assert ["rollback", "rollback"] == behind(replace(an_end(), stored=2), served=2)
    wrong = replace(END, note="no note")
    assert ["head-mismatch"] == behind(replace(an_end(), stored=SIZE - 1, signed=wrong), served=3)


def test_the_last_signed_row_is_that_of_the_checkpoint() -> None:
    """Below what is served it is no longer what was signed; at its size it is the same tree."""
    assert ["head-mismatch"] == behind(replace(an_end(), signed=KEPT))
    forged = Kept(SIZE, ELSE, note(SIZE, ELSE))
    assert ["fork"] == behind(replace(an_end(), signed=forged))


def columns(first: int, count: int) -> Sequence[Columns]:
    """Return the columns that belong beside entries."""
    rows = []
    for seq in range(first, min(first + count, SIZE)):
        groups = LEAF.fullmatch(LOG.leaves[seq])
        assert groups is not None
        _, kind, _, chunk, _, _, time, x = groups.groups()
        year, rest = time.decode()[:-1].split("T")
        millis = _millis(f"{year}T{rest}+00:00")
        key = None if x is None else UUID(x.decode()).bytes
        row = (seq, millis, kind.decode(), key, int(chunk), leaf_hash(LOG.leaves[seq]))
        rows.append(row)
    return rows


def _millis(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)


def of_columns(rows: Sequence[Columns]) -> list[int]:
    """Return the places where columns differ."""
    matches = [LEAF.fullmatch(leaf) for leaf in LOG.leaves]
    read = [match.groups() if match else None for match in matches]
    hashes = [leaf_hash(leaf) for leaf in LOG.leaves]
    return [one.index for one in check_columns(0, rows, read, hashes)]  # type: ignore[arg-type]


@pytest.mark.parametrize("column", range(6))
def test_each_column_follows_from_the_entry(column: int) -> None:
    """Any of the six that differs is found, and a row that is not there too."""
    rows = list(columns(0, SIZE))
    assert [] == of_columns(rows)
    assert [SIZE - 1] == of_columns(rows[:-1])

    other = (9, 1, "refusal", bytes(16), 7, ELSE)[column]
    rows[2] = (*rows[2][:column], other, *rows[2][column + 1 :])  # type: ignore[assignment]

    assert [2] == of_columns(rows)


def ended(end: End, lives: dict[bytes, int] | None = None) -> list[tuple[int, str]]:
    """Return what is found of a store's end: places and messages."""
    time = LOG.leaves[-1].partition(b'"t":"')[2][:24]
    served = Checkpoint(ORIGIN, SIZE, frontier(SIZE).root())
    open_ = {OPEN: 0} if lives is None else lives
    found = list(check_end(end, served, frontier(SIZE), open_, time, columns))
    assert {"head-mismatch"} >= {one.code for one in found}
    return [(one.index, one.message) for one in found]


def test_an_end_that_follows_from_the_entries_is_in_order() -> None:
    """Head, time and the list of open exchanges say what the entries say."""
    assert [] == ended(an_end())


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (replace(an_end(), origin="else.example/log"), "another origin"),
        (replace(an_end(), size=SIZE + 1), "the head has"),
        (replace(an_end(), stored=SIZE - 1), "the head has"),
        (replace(an_end(), frontier=ELSE), "do not lead to the head"),
        (replace(an_end(), t_ms=an_end().t_ms + 1), "time"),
        (replace(an_end(), open={}), "not in the list"),
        (replace(an_end(), open={OPEN: (OPENED_AT, 1)}), "another number of releases"),
        (replace(an_end(), open={OPEN: (OPENED_AT - 1, 0)}), "another intent"),
        (replace(an_end(), open={OPEN: (OPENED_AT + 1, 0)}), "another intent"),
    ],
)
def test_an_end_that_does_not_is_told(end: End, said: str) -> None:
    """Each thing that the head says, one at a time."""
    ((_, message),) = ended(end)

    assert said in message


def test_an_exchange_that_ended_is_not_listed() -> None:
    """The list has one too many; and the place is that which it names."""
    closed = UUID(exchange_id(1)).bytes
    end = replace(an_end(), open={OPEN: (OPENED_AT, 0), closed: (1, 1)})

    assert [(1, f"an exchange that is not open is in the list of them: {UUID(bytes=closed)}")] == (
        ended(end)
    )
