# ruff: noqa: ANN401, D102, D103 - twins and helpers of tests
"""The recipient's client: digests computed here, receipts proved by a pinned key, cuts resumed."""

from __future__ import annotations

import asyncio
import datetime as dt
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.checkpoint import Checkpoint, Signer, checkpoint_text, sign_note
from gateway.audit.entry import commit_meta, encode_leaf, format_time, meta_bytes
from gateway.audit.merkle import leaf_hash, root_of
from gateway.audit.proof import write_proof
from gateway.audit.stream import rows_digest, stream_next, stream_start
from gateway.errors import (
    AccordError,
    BusyError,
    LogError,
    Reason,
    RefusedError,
    ReleaseError,
    RequestError,
)
from gateway.ports import Logged, Message
from gateway.remote.arriving import Progress
from gateway.remote.client import Client
from gateway.values import Chunk, Form, Receipt
from gateway.wire.status import HANDSHAKE
from tests.rpc.tls import Authority
from tests.rpc.twins import House, a_chunk, a_header, a_house, a_request, agency, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gateway.ports import Send
    from gateway.values import Request

SIGNER = Signer.from_seed("synthetic.test/log", bytes(range(32)))
FORGER = Signer.from_seed("synthetic.test/log", b"\x07" * 32)
IDS = [f"0197b2c4-0000-7000-8000-00000000000{n}" for n in range(1, 9)]


def note(size: int, root: bytes = b"\x05" * 32, signer: Signer = SIGNER) -> str:
    return sign_note(checkpoint_text(Checkpoint("synthetic.test/log", size, root)), signer)


def receipt_for(exchange_id: str, chunks: list[Chunk], signer: Signer = SIGNER) -> Receipt:
    """Return a receipt of a log whose one entry is this exchange's last release."""
    stream = stream_start(exchange_id)
    for chunk in chunks:
        stream = stream_next(stream, chunk.digest)
    meta = meta_bytes(
        {
            "chunk": len(chunks) - 1, "rows": chunks[-1].row_count, "bytes": 1, "form": "arrow",
            "digest": b64encode(chunks[-1].digest).decode(), "channel": "call",
            "stream": b64encode(stream).decode(),
        }
    )  # fmt: skip
    salt = b"\x09" * 32
    leaf = encode_leaf(
        agreement="synthetic@1.0.0", kind="release", m=commit_meta(salt, meta), retain="6y", s=None,
        chunk=len(chunks) - 1, exchange_id=exchange_id,
        time=format_time(dt.datetime(2026, 6, 1, tzinfo=dt.UTC)),
    )  # fmt: skip
    proof = write_proof(0, [], note(1, leaf_hash(leaf), signer))
    return Receipt(exchange_id, sum(c.row_count for c in chunks), 0, leaf, meta, salt, proof)


class Provider:
    """A scripted broker: sends these chunks, and breaks off where it is told to."""

    def __init__(self, chunks: list[Chunk], cuts: list[int] | None = None) -> None:
        self.chunks = chunks
        self.cuts = cuts or []
        self.attempts: list[Request] = []
        self.sent: dict[str, list[Chunk]] = {}
        self.change: Callable[[Message], Message] = lambda message: message
        self.error: AccordError = AccordError(Reason.STOPPING, "the gateway is stopping")

    async def __call__(self, request: Request, send: Send) -> None:
        exchange_id = IDS[len(self.attempts)]
        self.attempts.append(request)
        resume = request.resume
        offset = resume.offset if resume is not None else 0
        todo = [chunk for chunk in self.chunks if chunk.offset >= offset]
        cut = self.cuts.pop(0) if self.cuts else len(todo)
        mine = self.sent[exchange_id] = []
        held = None
        if resume is not None and sum(c.row_count for c in self.sent[resume.exchange_id]) == offset:
            held = receipt_for(resume.exchange_id, self.sent[resume.exchange_id])
        header = replace(a_header(), exchange_id=exchange_id)
        if not todo:
            await send(Message(header, held=held))
            return
        for index, chunk in enumerate(todo):
            if index == cut:
                raise self.error
            mine.append(chunk)
            last = index + 1 == len(todo)
            message = Message(
                header if index == 0 else None,
                chunk,
                Logged(exchange_id, index, index),
                receipt_for(exchange_id, mine) if last else None,
                held if index == 0 else None,
            )
            await send(self.change(message))
        if cut == len(todo) and self.cuts:
            raise self.error


def chunks(count: int) -> list[Chunk]:
    return [a_chunk(offset=10 * index, rows=10, size=index) for index in range(count)]


def over(
    tmp_path: Path, script: Any, act: Callable[[House, Client], Awaitable[None]], **listening: Any
) -> None:
    """Run a gateway over a script, and act with a client that pins the log's key."""
    authority = Authority(tmp_path)

    async def main() -> None:
        cert = authority.issue("synthetic-phd.test")
        server = authority.issue("localhost")
        async with a_house(server, agency("synthetic-phd"), **listening) as house:
            house.log.note = note(5)
            house.broker.script = script
            client = Client(house.target, cert.files, SIGNER.vkey, pause_s=0.01)
            try:
                await act(house, client)
            finally:
                await client.close()

    asyncio.run(main())


async def collect(client: Client, progress: Progress | None = None) -> list[Message]:
    return [message async for message in client.exchange(a_request(), progress)]


def test_an_exchange_arrives_with_its_receipt(tmp_path: Path) -> None:
    """Every chunk comes once, in order, and the last message has a receipt that was proved."""
    provider = Provider(chunks(3))

    async def act(house: House, client: Client) -> None:
        progress = Progress()
        messages = await collect(client, progress)
        assert provider.chunks == [message.chunk for message in messages]
        assert [False, False, True] == [message.receipt is not None for message in messages]
        assert (True, 30) == (progress.complete, progress.rows)

    over(tmp_path, provider, act)


def test_rows_arrive_with_their_digest(tmp_path: Path) -> None:
    """Typed rows come back as the values that left, and their digest is computed here."""
    rows = (("x", 1), (None, -(2**63)))
    chunk = Chunk(0, 2, rows_digest(rows), rows=rows)

    async def act(house: House, client: Client) -> None:
        request = replace(a_request(), form=Form.ROWS)
        messages = [message async for message in client.exchange(request)]
        assert [chunk] == [message.chunk for message in messages]

    over(tmp_path, Provider([chunk]), act)


@pytest.mark.parametrize("cuts", [[0], [1], [2], [3, 9], [1, 1], [0, 1, 0, 1], [0, 0, 0, 0]])
def test_a_cut_exchange_goes_on_where_it_ended(tmp_path: Path, cuts: list[int]) -> None:
    """After UNAVAILABLE the rest comes, each chunk once; rows and digests are as without a cut."""
    provider = Provider(chunks(4), list(cuts))

    async def act(house: House, client: Client) -> None:
        progress = Progress()
        messages = await collect(client, progress)
        got = [message.chunk for message in messages if message.chunk is not None]
        assert provider.chunks == got
        assert (True, 40) == (progress.complete, progress.rows)
        assert {a_request().request_id} == {request.request_id for request in provider.attempts}

    over(tmp_path, provider, act)


def test_a_bulk_exchange_outlives_its_connections(tmp_path: Path) -> None:
    """Cut by the age of its connection again and again, it completes; every chunk once (T16)."""

    class Slow(Provider):
        async def __call__(self, request: Request, send: Send) -> None:
            async def slowly(message: Message) -> None:
                await asyncio.sleep(0.1)
                await send(message)

            await super().__call__(request, slowly)

    provider = Slow(chunks(25))

    async def act(house: House, client: Client) -> None:
        progress = Progress()
        messages = await collect(client, progress)
        got = [message.chunk for message in messages if message.chunk is not None]
        assert provider.chunks == got
        assert (True, True) == (progress.complete, len(provider.attempts) > 1)

    over(tmp_path, provider, act, age_s=0.6, grace_s=0.6)


def test_a_resumption_tells_what_is_held(tmp_path: Path) -> None:
    """The second attempt names the first exchange, the rows held and their stream value."""
    provider = Provider(chunks(4), [2])

    async def act(house: House, client: Client) -> None:
        await collect(client)
        resume = provider.attempts[1].resume
        assert resume is not None
        stream = stream_start(IDS[0])
        for chunk in provider.chunks[:2]:
            stream = stream_next(stream, chunk.digest)
        assert (IDS[0], 20, stream) == (resume.exchange_id, resume.offset, resume.stream)

    over(tmp_path, provider, act)


def test_a_gateway_that_stays_away_is_given_up(tmp_path: Path) -> None:
    """Five attempts in a row that bring nothing end with the gateway's own error."""
    provider = Provider(chunks(4), [0] * 9)

    async def act(house: House, client: Client) -> None:
        with pytest.raises(AccordError) as caught:
            await collect(client)
        assert (Reason.STOPPING, 5) == (caught.value.reason, len(provider.attempts))

    over(tmp_path, provider, act)


def test_a_stream_that_found_no_room_goes_on(tmp_path: Path) -> None:
    """BUSY in the middle is resumed; BUSY at the start is the caller's to know."""
    provider = Provider(chunks(3), [1])
    provider.error = BusyError(Reason.BUSY, "too many bulk streams", retry_after_s=0.1)

    async def middle(house: House, client: Client) -> None:
        progress = Progress()
        await collect(client, progress)
        assert progress.complete

    over(tmp_path, provider, middle)

    provider = Provider(chunks(3), [0])
    provider.error = BusyError(Reason.BUSY, "too many calls", retry_after_s=0.1)

    async def start(house: House, client: Client) -> None:
        with pytest.raises(BusyError) as caught:
            await collect(client)
        assert 0.1 == caught.value.retry_after_s

    over(tmp_path, provider, start)


def broken(**changes: Any) -> Callable[[Message], Message]:
    """Return a change of every message's chunk."""
    return lambda message: replace(
        message, chunk=replace(message.chunk, **changes) if message.chunk is not None else None
    )


def lying(receipt: Receipt) -> Callable[[Message], Message]:
    """Return a change of the message that has the receipt."""
    return lambda message: replace(message, receipt=receipt) if message.receipt else message


LIES: dict[str, tuple[Callable[[Message], Message], type[AccordError]]] = {
    "another digest": (broken(digest=b"\x08" * 32), ReleaseError),
    "a short digest": (broken(digest=b"\x08"), ReleaseError),
    "other bytes": (broken(arrow=b"other bytes"), ReleaseError),
    "another offset": (broken(offset=7), ReleaseError),
    "no receipt": (lambda message: replace(message, receipt=None), LogError),
    "a receipt in the middle": (
        lambda message: replace(message, receipt=receipt_for(IDS[0], chunks(1))),
        ReleaseError,
    ),
    "a receipt of another exchange": (lying(receipt_for(IDS[5], chunks(2))), LogError),
    "a receipt for fewer chunks": (lying(receipt_for(IDS[0], chunks(1))), LogError),
    "a receipt that another key signed": (lying(receipt_for(IDS[0], chunks(2), FORGER)), LogError),
    "a header in every message": (
        lambda message: replace(message, header=a_header()),
        ReleaseError,
    ),
    "no header": (lambda message: replace(message, header=None), ReleaseError),
    "a chunk left out": (
        lambda message: replace(message, chunk=None, logged=None) if message.header else message,
        ReleaseError,
    ),
}


@pytest.mark.parametrize("what", sorted(LIES))
def test_what_does_not_fit_is_not_believed(tmp_path: Path, what: str) -> None:
    """A message that breaks a digest, an order or its receipt ends the exchange as incomplete."""
    change, kind = LIES[what]
    provider = Provider(chunks(2))
    provider.change = change

    async def act(house: House, client: Client) -> None:
        progress = Progress()
        with pytest.raises(kind):
            await collect(client, progress)
        assert not progress.complete or what == "a receipt in the middle"

    over(tmp_path, provider, act)


def test_a_refusal_comes_as_it_was_raised(tmp_path: Path) -> None:
    """A refusal is not tried again."""

    async def act(house: House, client: Client) -> None:
        with pytest.raises(RefusedError) as caught:
            await collect(client)
        assert (4, "§ 4") == (caught.value.step, caught.value.clause)
        assert 1 == len(house.broker.requests)

    over(tmp_path, refuse, act)


def test_a_bad_request_comes_with_its_violations(tmp_path: Path) -> None:
    """What the gateway says of a request's fields reaches the caller by path."""

    async def act(house: House, client: Client) -> None:
        request = replace(a_request(), request_id="not a uuid")
        with pytest.raises(RequestError) as caught:
            [message async for message in client.exchange(request)]
        assert ["request_id"] == [path for path, _ in caught.value.violations]

    over(tmp_path, None, act)


def test_the_largest_checkpoint_is_kept_and_sent_back(tmp_path: Path) -> None:
    """A verified checkpoint is kept when it is larger, and goes along with the next call."""

    async def act(house: House, client: Client) -> None:
        assert note(5) == await client.get_checkpoint()
        house.log.note = note(9)
        await client.get_checkpoint()
        house.log.note = note(7)
        await client.get_checkpoint()
        assert note(9) == client.checkpoint
        await client.get_checkpoint()
        assert [note(5), note(9)] == house.log.compared

    over(tmp_path, None, act)


LEAVES = [bytes([number]) * 32 for number in range(9)]


def tree(size: int, leaves: list[bytes] = LEAVES) -> str:
    """Return the signed checkpoint of a log of so many of these leaves."""
    return note(size, root_of(leaves[:size]))


def test_growth_is_proved_before_a_checkpoint_takes_the_place_of_another(tmp_path: Path) -> None:
    """A newer checkpoint is kept once the gateway proved that it goes on from the older one."""

    async def act(house: House, client: Client) -> None:
        house.log.leaves, house.log.note = LEAVES, tree(4)
        await client.get_checkpoint()
        await client.prove()
        assert tree(4) == client.proved
        house.log.note = tree(9)
        await client.get_checkpoint()
        assert (tree(9), tree(4)) == (client.checkpoint, client.proved)
        await client.prove()
        assert (tree(9), "") == (client.proved, client.contradicting)

    over(tmp_path, None, act)


async def _look(client: Client) -> None:
    await client.get_checkpoint()
    await client.prove()


@pytest.mark.parametrize("size", [4, 9])
def test_a_rewritten_log_does_not_take_the_place_of_what_gives_it_away(
    tmp_path: Path, size: int
) -> None:
    """Signed by the right key, as long or longer: the older checkpoint stays, both are evidence."""
    other = [b"\xee" * 32, *LEAVES[1:]]

    async def act(house: House, client: Client) -> None:
        house.log.leaves, house.log.note = LEAVES, tree(4)
        await client.get_checkpoint()
        house.log.leaves, house.log.note = other, tree(size, other)
        with pytest.raises(LogError, match="contradict"):
            await _look(client)
        assert (tree(4), tree(size, other)) == (client.proved, client.contradicting)

    over(tmp_path, None, act)


@pytest.mark.parametrize("false", [note(6, signer=FORGER), "nonsense"])
def test_a_checkpoint_of_another_key_is_an_error(tmp_path: Path, false: str) -> None:
    """A gateway whose checkpoint the pinned key did not sign is not believed."""

    async def act(house: House, client: Client) -> None:
        house.log.note = false
        with pytest.raises(LogError):
            await client.get_tile("tile/0/000")

    over(tmp_path, None, act)


def test_explanations_and_reads_come_back_as_values(tmp_path: Path) -> None:
    """What the gateway explains and shows of its log reaches the caller whole."""

    async def act(house: House, client: Client) -> None:
        explained = await client.explain(a_request())
        assert (a_header(), ("county",), ("name",), "{}") == (
            explained.header, explained.reads, explained.withheld, explained.plan
        )  # fmt: skip
        assert 8192 == len(await client.get_tile("tile/0/000"))
        assert [3, 4] == [entry.index for entry in await client.get_entries(3, 5)]
        opened = await client.get_entries(3, 1, opened=True)
        assert b"synthetic-phd" == opened[0].meta
        assert "proof 4 0" == await client.get_inclusion_proof(4)
        hashes, newer = await client.get_consistency_proof(3, 5)
        assert (2, True) == (len(hashes), newer.startswith("3 5 "))

    over(tmp_path, None, act)


def test_rotated_files_make_a_new_channel(tmp_path: Path) -> None:
    """When the client's certificate changes on disk, the next call uses it (T14)."""
    authority = Authority(tmp_path)

    async def main() -> None:
        first = authority.issue("synthetic-phd.test", file="client")
        async with a_house(authority.issue("localhost"), agency("synthetic-phd")) as house:
            house.log.note = note(5)
            client = Client(house.target, first.files, SIGNER.vkey)
            house.broker.script = Provider(chunks(1))
            await collect(client)
            second = authority.issue("synthetic-phd.test", file="client")
            house.broker.script = Provider(chunks(1))
            await collect(client)
            seen = [request.caller.thumbprint for request in house.broker.requests]
            assert [first.thumbprint, second.thumbprint] == seen
            await client.close()

    asyncio.run(main())


def test_sha256_is_of_the_bytes_as_they_travel() -> None:
    """The digest of an Arrow chunk is that of its bytes."""
    chunk = a_chunk()
    assert chunk.arrow is not None
    assert sha256(chunk.arrow).digest() == chunk.digest


@pytest.mark.parametrize(
    ("ours", "theirs", "handshake"), [(False, True, "closed"), (True, False, "failed")]
)
def test_a_certificate_that_is_not_taken_is_said_at_once(
    tmp_path: Path,
    ours: bool,  # noqa: FBT001
    theirs: bool,  # noqa: FBT001
    handshake: str,
) -> None:
    """One of another authority, ours or the gateway's: one attempt, and it says TLS."""
    known, other = Authority(tmp_path / "known"), Authority(tmp_path / "other")

    async def main() -> None:
        server = known.issue("localhost")
        mine = (known if ours else other).issue("synthetic-phd.test").files
        tls = replace(mine, authority=(known if theirs else other).file)
        async with a_house(server, agency("synthetic-phd")) as house:
            client = Client(house.target, tls, SIGNER.vkey)
            try:
                async with asyncio.timeout(2.0):
                    with pytest.raises(AccordError) as caught:
                        await collect(client)
            finally:
                await client.close()
            assert handshake == caught.value.variables[HANDSHAKE]

    asyncio.run(main())


def test_a_request_larger_than_a_message_is_said(tmp_path: Path) -> None:
    """Its sender hears that it is too large, and not that something failed inside."""

    async def act(house: House, client: Client) -> None:
        request = replace(a_request(), request_id="x" * 5_000_000)
        with pytest.raises(AccordError, match="larger than a message may be") as caught:
            await anext(client.exchange(request))
        assert Reason.INVALID_REQUEST == caught.value.reason

    over(tmp_path, refuse, act)
