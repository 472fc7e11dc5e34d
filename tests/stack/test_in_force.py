"""Agreements change under a running gateway: what officers do is in force within a second."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import grpc.aio
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.agreement.index import Signed
from gateway.agreement.signing import Action
from gateway.broker.drafts import b64
from gateway.cli.compose import MEMORY
from gateway.cli.deploy.sign import sign_all
from gateway.cli.signing import Signer, run_sign
from gateway.errors import AccordError, Reason, RefusedError
from gateway.library.folder import FolderLibrary
from gateway.remote.arriving import Progress
from gateway.rpc.server import AUDIT, EXCHANGE, FOLDER
from gateway.settings import gateway_settings
from gateway.wire.tls import channel_credentials
from tests.stack.county import (
    AGREEMENT,
    EMS,
    GATEWAY,
    HRO,
    PD,
    PHD,
    collect,
    gateway,
    now,
    request,
    town,
    write,
)
from tests.stack.sources import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.values import Request
    from tests.stack.county import Town

ALL, WITHIN_S = 9_500, 5.0
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_look_leaves_time_in_the_second(tmp_path: Path) -> None:
    """The folder is looked at four times a second, and a look costs less than half of one.

    The tests below give slow machines more time; this one says that a second is enough.
    """
    folder = write(tmp_path / "county")
    settings = gateway_settings(folder / "gateway.toml")
    library = FolderLibrary(folder / "agreements", None, frozenset(settings.tables))
    begun = time.process_time()

    library.look(now())

    assert time.process_time() - begun < 0.5
    assert settings.agreements.poll_s <= 0.25


@pytest.fixture
def source() -> Runs:
    """Return a handful of recent runs."""
    return Runs(3, now().date() - dt.timedelta(days=2))


@pytest.fixture
def small(tmp_path: Path, source: Runs) -> Iterator[Town]:
    """Return a county of its own, with EMS runs alone."""
    with town(tmp_path / "county", adapters={EMS: source}) as made:
        yield made


def runs() -> Request:
    """Return the epidemiologists' request."""
    return request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", "pcr_uuid age")


def sign(town: Town, agency: str, action: str) -> None:
    """Sign as `accord agreements suspend` does."""
    key = town.folder / "agencies" / agency / "signing.key"
    folder = str(town.folder / "agreements")
    run_sign(folder, AGREEMENT, Signer(agency, str(key)), Action(action), "")


def refused(town: Town, within_s: float = WITHIN_S) -> RefusedError:
    """Return the refusal that begins within so long; before, requests are served."""
    until = time.monotonic() + within_s
    while True:
        begun = time.monotonic()
        try:
            town.ask(runs())
        except RefusedError as error:
            return error
        assert begun < until, "records still leave"
        time.sleep(0.05)


def served(town: Town, within_s: float = WITHIN_S) -> None:
    """Return once requests are served again."""
    until = time.monotonic() + within_s
    while True:
        try:
            town.ask(runs())
        except RefusedError:
            assert time.monotonic() < until, "records do not leave yet"
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize("agency", [EMS, HRO])
def test_any_party_suspends_within_a_second(small: Town, agency: str) -> None:
    """One party's statement stops every flow of the agreement, those of others too."""
    assert small.ask(runs()).rows
    sign(small, agency, "suspend")

    refused(small)
    error = refused(small, 0)

    assert (Reason.AGREEMENT_NOT_ACTIVE, 2) == (error.reason, error.step)
    assert "refusal" == small.entry(error.index)[0]


def test_a_running_stream_meets_a_suspension(small: Town, source: Runs) -> None:
    """Chunks that had not left when it was suspended never do; what came is in the log."""
    source.count = ALL
    source.pause(9_000)
    held = Progress()

    async def stream() -> None:
        await collect(small.client(PHD), runs(), held)

    async def suspended() -> float:
        task = asyncio.ensure_future(stream())
        await asyncio.to_thread(source.waiting.wait, 10)
        await asyncio.to_thread(sign, small, PHD, "suspend")
        at = time.monotonic()
        await _until(lambda: small.running.library.current().pacts[0].signed is Signed.SUSPENDED)
        took = time.monotonic() - at
        source.go.set()
        with pytest.raises(RefusedError) as caught:
            await task
        assert (Reason.AGREEMENT_NOT_ACTIVE, 2) == (caught.value.reason, caught.value.step)
        return took

    took = small.loop.run(suspended())

    assert took < WITHIN_S
    assert held.rows < ALL
    assert not held.complete
    exchange = held.attempts[0].exchange_id
    outcome = small.outcome(exchange)
    assert ("cut", "AGREEMENT_NOT_ACTIVE") == (outcome["end"], outcome["code"])
    assert held.rows <= outcome["rows"] < ALL


def test_a_stream_that_waits_meets_a_suspension_too(small: Town, source: Runs) -> None:
    """Its recipient hears of the suspension while the provider has not gone on yet."""
    source.count = ALL
    source.pause(9_000)
    held = Progress()

    async def suspended() -> tuple[float, str]:
        task = asyncio.ensure_future(collect(small.client(PHD), runs(), held))
        await asyncio.to_thread(source.waiting.wait, 10)
        await asyncio.to_thread(sign, small, PHD, "suspend")
        at = time.monotonic()
        with pytest.raises(RefusedError) as caught:
            await task
        assert (Reason.AGREEMENT_NOT_ACTIVE, 2) == (caught.value.reason, caught.value.step)
        return time.monotonic() - at, caught.value.exchange_id

    try:
        took, exchange = small.loop.run(suspended())
    finally:
        source.go.set()
    assert took < WITHIN_S
    outcome = small.outcome(exchange)
    assert ("cut", "AGREEMENT_NOT_ACTIVE") == (outcome["end"], outcome["code"])
    assert held.rows <= outcome["rows"] < ALL


def test_the_end_of_the_term_meets_a_stream_that_waits(tmp_path: Path, source: Runs) -> None:
    """At midnight of the last day a stream in flight ends, and new requests are refused."""
    source.count = ALL
    last = now().date() + dt.timedelta(days=1)
    clock = Ahead()

    def ends(text: str) -> str:
        return term(text, expires=last, review_by=last)

    with town(tmp_path / "county", edit=ends, adapters={EMS: source}, clock=clock) as made:
        midnight = dt.datetime.combine(
            last + dt.timedelta(days=1), dt.time(), ZoneInfo("America/New_York")
        )

        async def over() -> tuple[float, str]:
            clock.set(midnight - dt.timedelta(seconds=20))
            source.pause(9_000)
            task = asyncio.ensure_future(collect(made.client(PHD), runs()))
            assert await asyncio.to_thread(source.waiting.wait, 10)
            clock.set(midnight)
            at = time.monotonic()
            with pytest.raises(RefusedError) as caught:
                await task
            assert (Reason.AGREEMENT_OUT_OF_TERM, 2) == (caught.value.reason, caught.value.step)
            return time.monotonic() - at, caught.value.exchange_id

        try:
            took, exchange = made.loop.run(over())
        finally:
            source.go.set()
        assert took < WITHIN_S
        assert "AGREEMENT_OUT_OF_TERM" == made.outcome(exchange)["code"]
        with pytest.raises(RefusedError) as caught:
            made.ask(runs())
        assert Reason.AGREEMENT_OUT_OF_TERM is caught.value.reason
        made.loop.run(_until(lambda: [("active", True), ("out_of_term", True)] == told(made)))


def told(town: Town) -> list[tuple[str, bool]]:
    """Return where the log says that the agreement stood, and whether of the text in force."""
    [pact] = [one for one in town.running.library.current().pacts if one.agreement.id == AGREEMENT]
    stood = (
        (state, digest == b64(pact.digest))
        for _, kind, meta in town.entries()
        if kind == "agreement"
        for name, _, digest, state in meta["agreements"]
        if name == AGREEMENT
    )
    return list(dict.fromkeys(stood))


def test_all_parties_resume(small: Town) -> None:
    """A suspension ends when every party has signed `resume`, and no earlier."""
    sign(small, EMS, "suspend")
    refused(small)
    for agency in (EMS, PHD, PD):
        sign(small, agency, "resume")
    time.sleep(0.5)
    refused(small, 0)

    sign(small, HRO, "resume")

    served(small)


def test_a_statement_cannot_be_taken_back(small: Town) -> None:
    """Putting the old signature file back revives nothing: the gateway remembers."""
    file = small.file(f"{AGREEMENT}.sig.json")
    before = file.read_bytes()
    sign(small, EMS, "suspend")
    refused(small)

    file.write_bytes(before)
    time.sleep(0.6)

    error = refused(small, 0)
    assert Reason.AGREEMENT_NOT_ACTIVE is error.reason


def test_a_memory_that_was_emptied_revives_nothing(small: Town) -> None:
    """With memory and statement put back as they were, a restart finds it in the log."""
    file = small.file(f"{AGREEMENT}.sig.json")
    before = file.read_bytes()
    sign(small, EMS, "suspend")
    refused(small)
    small.loop.run(small.running.stop(0.1))
    file.write_bytes(before)
    (small.folder / "data" / MEMORY).write_text("{}")

    small.running = small.loop.run(
        gateway(small.folder, small.ports, small.telemetry, create=False)
    )

    assert Reason.AGREEMENT_NOT_ACTIVE is refused(small, 0).reason


def test_a_terminated_agreement_stays_ended(small: Town) -> None:
    """A termination is final: all resume, and nothing leaves."""
    sign(small, PD, "terminate")
    refused(small)
    for agency in (EMS, PHD, PD, HRO):
        sign(small, agency, "resume")
    time.sleep(0.6)

    assert Reason.AGREEMENT_NOT_ACTIVE is refused(small, 0).reason


def _remove_agreement(town: Town) -> None:
    town.file().unlink()


def _remove_signatures(town: Town) -> None:
    town.file(f"{AGREEMENT}.sig.json").unlink()


def _break_signatures(town: Town) -> None:
    town.file(f"{AGREEMENT}.sig.json").write_text('{"statements": [')


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_remove_agreement, Reason.NO_PROVISION),
        (_remove_signatures, Reason.AGREEMENT_NOT_SIGNED),
        (_break_signatures, Reason.AGREEMENT_NOT_SIGNED),
    ],
)
def test_what_is_removed_stops_traffic(
    small: Town, change: Callable[[Town], None], reason: Reason
) -> None:
    """Without its file, or without its signatures, an agreement permits nothing."""
    assert small.ask(runs()).rows

    change(small)

    assert reason is refused(small).reason


BROKEN: dict[str, Callable[[str], str]] = {
    "not YAML": lambda text: text.replace("provisions:", "provisions: ["),
    "an unknown key": lambda text: text.replace("limits: {", "limitz: {", 1),
    "a key twice": lambda text: text.replace("id: county", "id: x\nid: county", 1),
    "nothing": lambda _: "",
}


def test_a_broken_file_replaces_nothing_and_shows(small: Town) -> None:
    """The old set serves on, and health says that a file is not in force, and when it is again."""
    good = small.file().read_text()
    for how, broken in BROKEN.items():
        small.loop.run(_until_health(small, SERVING))
        small.file().write_text(broken(good))
        small.loop.run(_until_health(small, NOT_SERVING))

        assert small.ask(runs()).rows, how
        assert (SERVING, SERVING) == (health(small, EXCHANGE), health(small, AUDIT)), how
        small.file().write_text(good)


def test_a_suspension_works_while_the_file_is_broken(small: Town) -> None:
    """Signatures are read apart: nobody who breaks a file keeps records flowing."""
    sign(small, EMS, "suspend")
    signed = small.file(f"{AGREEMENT}.sig.json").read_bytes()
    refused(small)

    text = small.file().read_text()
    small.file().write_text(text.replace("provisions:", "provisions: ["))
    small.file(f"{AGREEMENT}.sig.json").write_bytes(signed)
    small.loop.run(_until(lambda: not small.running.library.healthy))

    assert Reason.AGREEMENT_NOT_ACTIVE is refused(small, 0).reason


def test_an_edit_that_nobody_signed_is_not_in_force(small: Town) -> None:
    """The text in force is the one that was signed, whatever lies in the folder."""
    before = small.ask(runs()).header.agreement_digest
    text = small.file().read_text()

    small.file().write_text(text.replace("rows_per_day: 500000", "rows_per_day: 500001", 1))
    small.loop.run(_until(lambda: not small.running.library.healthy))

    assert before == small.ask(runs()).header.agreement_digest


def term(text: str, **days: dt.date) -> str:
    """Return the agreement with other days in its term, by their key."""
    before = yaml.safe_load(text)["term"]
    for key, day in days.items():
        text = text.replace(f'{key}: "{before[key]}"', f'{key}: "{day}"')
    return text


def expired(text: str) -> str:
    """Return the agreement with a term that ended yesterday, wherever it is."""
    yesterday = now().date() - dt.timedelta(days=2)
    return term(text, expires=yesterday, review_by=yesterday)


def early(text: str) -> str:
    """Return the agreement with a term that begins tomorrow, wherever it is."""
    return term(text, effective=now().date() + dt.timedelta(days=2))


@pytest.mark.parametrize("edit", [expired, early])
def test_outside_its_term_an_agreement_permits_nothing(
    tmp_path: Path, source: Runs, edit: Callable[[str], str]
) -> None:
    """Signed by all, but over or not begun: refused at step 2 with its reference."""
    with town(tmp_path / "county", edit=edit, adapters={EMS: source}) as made:
        with pytest.raises(RefusedError) as caught:
            made.ask(runs())

        assert (Reason.AGREEMENT_OUT_OF_TERM, 2, f"{AGREEMENT}@1.0.0") == (
            caught.value.reason, caught.value.step, caught.value.agreement,
        )  # fmt: skip


def test_the_rate_is_the_provisions(tmp_path: Path, source: Runs) -> None:
    """Six requests a minute leave, the seventh is refused with the time to come again."""
    with town(tmp_path / "county", edit=None, adapters={EMS: source}) as made:
        for _ in range(6):
            assert made.ask(runs()).rows
        with pytest.raises(RefusedError) as caught:
            made.ask(runs())

    assert (Reason.RATE_LIMIT, 6, "4.3") == (
        caught.value.reason, caught.value.step, caught.value.clause,
    )  # fmt: skip
    assert caught.value.retry_after_s > 0


@pytest.mark.parametrize(("rows", "served_"), [(9, True), (10, False)])
def test_rows_of_a_request_are_the_provisions(
    tmp_path: Path,
    source: Runs,
    rows: int,
    served_: bool,  # noqa: FBT001 - the two sides
) -> None:
    """`rows_per_request` rows leave; with one more nothing does, for a part would mislead."""
    source.count = rows

    def edit(text: str) -> str:
        return text.replace("rows_per_request: 100000", "rows_per_request: 9")

    with town(tmp_path / "county", edit=edit, adapters={EMS: source}) as made:
        if served_:
            assert rows == len(made.ask(runs()).rows)
            return
        with pytest.raises(AccordError) as caught:
            made.ask(runs())

        assert Reason.ROW_LIMIT is caught.value.reason


def test_rows_of_a_day_add_up(tmp_path: Path, source: Runs) -> None:
    """What left today counts: five and five of ten leave, then none; a repeat costs nothing."""
    source.count = 5

    def edit(text: str) -> str:
        return text.replace(
            "rows_per_request: 100000, rows_per_day: 500000",
            "rows_per_request: 10, rows_per_day: 10",
        )

    with town(tmp_path / "county", edit=edit, adapters={EMS: source}) as made:
        first = runs()
        assert 5 == len(made.ask(first).rows)
        assert 5 == len(made.ask(first).rows)
        assert 5 == len(made.ask(runs()).rows)
        with pytest.raises(RefusedError) as caught:
            made.ask(runs())

        assert (Reason.ROW_LIMIT, 6) == (caught.value.reason, caught.value.step)
        assert 5 == len(made.ask(first).rows)


def test_a_new_version_signed_by_all_takes_over(small: Town) -> None:
    """A text with another version, signed by every party, is in force without a restart."""
    text = small.file().read_text()
    small.file().write_text(text.replace('version: "1.0.0"\ntitle', 'version: "1.0.1"\ntitle'))
    refused(small)
    sign_all(small.folder, now())

    served(small, 2 * WITHIN_S)
    assert small.ask(runs()).header.agreement.endswith("@1.0.1")


def test_an_older_version_does_not_come_back(small: Town) -> None:
    """Once a newer version was active, the older one is ended, signatures or not."""
    old, signatures = small.file().read_text(), small.file(f"{AGREEMENT}.sig.json").read_bytes()
    test_a_new_version_signed_by_all_takes_over(small)

    small.file().write_text(old)
    small.file(f"{AGREEMENT}.sig.json").write_bytes(signatures)

    assert Reason.AGREEMENT_NOT_ACTIVE is refused(small).reason


class Ahead:
    """The system's clock, ahead of itself by what a test sets."""

    def __init__(self) -> None:
        self.by = dt.timedelta(0)

    def now(self) -> dt.datetime:
        """Return its instant."""
        return now() + self.by

    def set(self, moment: dt.datetime) -> None:
        """Make it that moment now."""
        self.by = moment - now()


# --- helpers --------------------------------------------------------------------------------------


def health(town: Town, service: str) -> int:
    """Return what health says of a service, to an agency."""
    return town.loop.run(_health(town, service))


async def _health(town: Town, service: str) -> int:
    options = [("grpc.ssl_target_name_override", GATEWAY)]
    credentials = channel_credentials(town.tls(PHD))
    target = f"127.0.0.1:{town.port}"
    async with grpc.aio.secure_channel(target, credentials, options) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return int(answer.status)


async def _until(holds: Callable[[], bool], timeout_s: float = WITHIN_S) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it never came to pass"
        await asyncio.sleep(0.02)


async def _until_health(town: Town, expected: int, timeout_s: float = WITHIN_S) -> None:
    """Return once health says this of the officers' folder."""
    until = time.monotonic() + timeout_s
    while (found := await _health(town, FOLDER)) != expected:
        assert time.monotonic() < until, f"{found} stayed"
        await asyncio.sleep(0.05)
