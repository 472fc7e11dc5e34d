"""Proof files and receipts: each step that fails says so in its own words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.entry import meta_bytes
from gateway.audit.fault import AuditError
from gateway.audit.proof import parse_proof, verify_proof, verify_receipt, write_proof
from tests.audit.build import ORIGIN, OTHER, SHA, SIGNER, Log, chunk_digest, exchange_id

if TYPE_CHECKING:
    from gateway.values import Receipt

X, Y = exchange_id(1), exchange_id(2)


def a_log() -> tuple[Log, int]:
    """Return a log with an exchange of two chunks, and the index of its last release."""
    log = Log.begun()
    log.intent(X)
    log.release(X, 0)
    last = log.release(X, 1)
    log.outcome(X, 2)
    log.fill(300)
    return log, last


LOG, LAST = a_log()
GOOD = LOG.receipt(X, LAST, rows=4)
DIGESTS = [chunk_digest(X, 0), chunk_digest(X, 1)]


def test_a_receipt_proves_what_arrived() -> None:
    """From the digests of the chunks to the log's signature, with the pinned key alone."""
    verify_receipt(GOOD, [SIGNER.verifier], X, DIGESTS)

    verify_receipt(FIRST, [SIGNER.verifier], X, DIGESTS[:1])
    index, head = verify_proof(GOOD.proof, GOOD.leaf, SIGNER.verifier)
    assert (LAST, Checkpoint(ORIGIN, 300, LOG.frontier.root())) == (index, head)


def changed(text: str, old: str, new: str) -> str:
    """Return a text with one place changed, which must be there."""
    assert old in text
    return text.replace(old, new, 1)


FIRST = LOG.receipt(X, LAST - 1, rows=2)
OUTCOME = LOG.receipt(X, LAST + 1)

CASES: dict[str, tuple[Receipt, list[bytes], str]] = {
    "no chunk": (GOOD, [], "no chunk arrived"),
    "id": (replace(GOOD, exchange_id=Y), DIGESTS, "for another exchange"),
    "kind": (OUTCOME, DIGESTS, "not a release entry"),
    "fewer chunks": (GOOD, DIGESTS[:1], "not of the last chunk"),
    "more chunks": (GOOD, [*DIGESTS, DIGESTS[0]], "not of the last chunk"),
    "earlier release": (FIRST, DIGESTS, "not of the last chunk"),
    "order": (GOOD, DIGESTS[::-1], "not what the log says"),
    "first chunk": (GOOD, [DIGESTS[1], DIGESTS[1]], "not what the log says"),
    "last chunk": (GOOD, [DIGESTS[0], DIGESTS[0]], "not what the log says"),
    "salt": (replace(GOOD, salt=bytes(32)), DIGESTS, "does not commit"),
    "meta": (replace(GOOD, meta=GOOD.meta.replace(b'"rows":2', b'"rows":3')), DIGESTS, "commit"),
    "rows": (replace(FIRST, row_count=3), DIGESTS[:1], "row count"),
    "leaf": (replace(GOOD, leaf=GOOD.leaf.replace(b"ems-", b"ewe-")), DIGESTS, "lead to the root"),
    "leaf spelling": (replace(GOOD, leaf=GOOD.leaf + b" "), DIGESTS, "one spelling"),
    "index": (replace(GOOD, index=LAST + 1), DIGESTS, "another index"),
    "proof index": (
        replace(GOOD, proof=changed(GOOD.proof, f"index {LAST}", f"index {LAST - 1}")),
        DIGESTS,
        "lead to the root",
    ),
    "head": (replace(GOOD, proof=changed(GOOD.proof, "\n300\n", "\n301\n")), DIGESTS, "signature"),
    "not a proof": (replace(GOOD, proof=""), DIGESTS, "not a tlog-proof"),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_receipt_that_is_not_for_what_arrived_is_refused(case: str) -> None:
    """Each with a message of its own."""
    receipt, digests, message = CASES[case]

    with pytest.raises(AuditError, match=message):
        verify_receipt(receipt, [SIGNER.verifier], X, digests)


def test_a_receipt_of_another_exchange_is_refused() -> None:
    """Even where the id beside it was changed to ours: the leaf has its own."""
    log = Log.begun()
    log.intent(Y)
    other = replace(log.receipt(Y, log.release(Y, 0)), exchange_id=X)

    with pytest.raises(AuditError, match="leaf is of another exchange"):
        verify_receipt(other, [SIGNER.verifier], X, [chunk_digest(Y, 0)])


def test_a_receipt_under_another_key_is_refused() -> None:
    """The key is pinned; one of the same name is no substitute."""
    with pytest.raises(AuditError) as caught:
        verify_receipt(GOOD, [OTHER.verifier], X, DIGESTS)

    assert "key-unknown" == caught.value.code


def test_metadata_of_another_schema_or_chunk_is_refused() -> None:
    """A gateway that logs what the schema does not know, another chunk's number or digest."""
    for changes, message in (
        ({"chunk": 5}, "another chunk"),
        ({"extra": 1}, "unknown keys"),
        ({"digest": SHA}, "not what the log says"),
        ({"stream": SHA}, "not what the log says"),
    ):
        log = Log.begun()
        log.intent(X)
        log.release(X, 0)
        index = log.release(X, 1, **changes)
        with pytest.raises(AuditError, match=message):
            verify_receipt(log.receipt(X, index), [SIGNER.verifier], X, DIGESTS)


def test_a_proof_file_reads_back() -> None:
    """Of every leaf of trees of one, two and three hundred entries, and without any hash."""
    one = write_proof(0, [], LOG.checkpoint())

    assert "c2sp.org/tlog-proof@v1\nindex 0\n\n" + LOG.checkpoint() == one
    assert (0, (), LOG.checkpoint()) == (
        parse_proof(one).index,
        parse_proof(one).hashes,
        parse_proof(one).note,
    )
    assert GOOD.proof == write_proof(LAST, parse_proof(GOOD.proof).hashes, LOG.checkpoint())


def test_an_extra_line_is_read_over() -> None:
    """It may stand second, in base64, and changes nothing."""
    head = "c2sp.org/tlog-proof@v1\n"
    extra = changed(GOOD.proof, head, head + "extra AAAA\n")

    assert parse_proof(GOOD.proof) == parse_proof(extra)
    for bad in ("extra A\n", "extra AAAA\nextra AAAA\n", "extra  AAAA\n", "extra é\n"):
        with pytest.raises(AuditError):
            parse_proof(changed(GOOD.proof, head, head + bad))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("proof@v1", "proof@v2"),
        ("index ", "index 0"),
        ("index ", "index +"),
        ("index ", "Index "),
        ("index ", ""),
        ("\n\n", "\n"),
        ("=\n", "=\nAAAA\n"),
        ("=\n", "\n"),
        ("=\n", "=\r\n"),
    ],
)
def test_a_proof_file_has_one_spelling(old: str, new: str) -> None:
    """A number with a zero in front, a short hash, another line end: refused."""
    with pytest.raises(AuditError) as caught:
        parse_proof(changed(GOOD.proof, old, new))

    assert "receipt-mismatch" == caught.value.code


def test_a_proof_without_a_checkpoint_is_none() -> None:
    """Neither is a bare head."""
    for text in ("c2sp.org/tlog-proof@v1\nindex 0", "c2sp.org/tlog-proof@v1", "index 0\n\n"):
        with pytest.raises(AuditError):
            parse_proof(text)


def test_a_proof_has_at_most_63_hashes() -> None:
    """Sixty-three are written and read; one more is neither."""
    text = write_proof(1, [bytes(32)] * 63, "note")

    assert 63 == len(parse_proof(text).hashes)
    with pytest.raises(AuditError, match="63"):
        write_proof(1, [bytes(32)] * 64, "note")
    with pytest.raises(AuditError, match="63"):
        parse_proof(changed(text, "\n\n", "\n" + "A" * 43 + "=\n\n"))
    with pytest.raises(AuditError):
        write_proof(-1, [], "note")
    with pytest.raises(AuditError):
        write_proof(1, [bytes(31)], "note")


def test_the_opening_in_a_receipt_holds_no_token() -> None:
    """What a recipient gets of the entry is its metadata and one salt."""
    meta = json.loads(GOOD.meta)

    assert {"bytes", "channel", "chunk", "digest", "form", "rows", "stream"} == set(meta)
    assert GOOD.meta == meta_bytes(meta)
