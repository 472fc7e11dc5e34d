"""How long until what officers do reaches a running gateway, streams in flight included.

From the moment that a statement lies beside its file, or that a term is over, to the moment at
which a recipient sees it: a request is refused or served again, a stream that runs is ended. The
folder is looked at by the gateway itself; nobody tells it. The figure is the longest of all that
were measured.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench.county import BESIDE, PROVIDER, RECIPIENT, Flow, deploy
from bench.load import Recipient
from bench.processes import Process
from gateway.agreement.signatures import read_signatures, write_signatures
from gateway.agreement.signing import Action, sign
from gateway.cli.clock import SystemClock
from gateway.cli.deploy.sign import sign_all
from gateway.errors import Reason, RefusedError
from gateway.library.files import write_synced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateway.cli.deploy.write import Deployment

KEYS: Final = ("agreements.activation_s",)
NAME: Final = "bench-runs"
SMALL: Final = Flow("public_health.drug_supply", BESIDE, "{exempt: 45 CFR 164.528(a)(1)}", 1)
ENDLESS: Final = Flow("public_health.fatality_review", BESIDE, SMALL.accounting, 10**9)
"""A stream that no machine comes to the end of."""
LEAD_S: Final = 5.0
"""So long before the end of its term a gateway begins to serve."""
PATIENCE_S: Final = 30.0
_TURN_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds until each was seen, by what was done."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, since: float) -> None:
        """Keep how long it is since then."""
        self.seconds.setdefault(what, []).append(time.monotonic() - since)


def run(runs: int, say: Callable[[str], None]) -> dict[str, float | None]:
    """Suspend and resume some times, and let a term run out."""
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name:
        folder = Path(name) / "county"
        deployment, main, adapter_port = deploy(folder, {"small": SMALL, "many": ENDLESS})
        midnight = _ends_tomorrow(folder)
        sizes = ("8192", str(ENDLESS.rows))
        adapter = ["-m", "bench.adapter", str(folder), str(adapter_port), *sizes]
        with Process("adapter", adapter, Path(name) / "adapter.log"):
            with _gateway(deployment, "", Path(name)):
                asyncio.run(_stopped(folder, main, runs, seen))
            moment = midnight - dt.timedelta(seconds=LEAD_S)
            with _gateway(deployment, moment.isoformat(), Path(name)):
                asyncio.run(_over(folder, main, time.monotonic() + LEAD_S, seen))
    for what, several in seen.seconds.items():
        say(f"         {what}: {max(several):.3f} s at most, {len(several)} times")
    return {KEYS[0]: max(one for several in seen.seconds.values() for one in several)}


def _gateway(deployment: Deployment, moment: str, folder: Path) -> Process:
    arguments = ["-m", "bench.agreements_gateway", str(deployment.gateway), moment]
    return Process("gateway", arguments, folder / "gateway.log")


def _ends_tomorrow(folder: Path) -> dt.datetime:
    """Make tomorrow the last day of the agreement, and sign it; return the first instant after."""
    clock = SystemClock()
    last = clock.now().date() + dt.timedelta(days=1)
    path = folder / "agreements" / f"{NAME}.yaml"
    path.write_text(re.sub(r'(expires|review_by): "[0-9-]+"', rf'\1: "{last}"', path.read_text()))
    sign_all(folder, clock.now())
    after = dt.datetime.combine(last + dt.timedelta(days=1), dt.time())
    return after.replace(tzinfo=ZoneInfo("America/New_York"))


def _sign(folder: Path, agency: str, action: Action) -> float:
    """Put an agency's statement beside those that are there; return when it was in its place."""
    path = folder / "agreements" / f"{NAME}.sig.json"
    before = read_signatures(path.read_bytes(), file=path.name)
    first = next(one for one in before if one.agency == agency)
    # A statement tells seconds: two of one second would be one.
    while (now := SystemClock().now().replace(microsecond=0)) <= before[-1].time:
        time.sleep(_TURN_S)
    key = load_pem_private_key((folder / "agencies" / agency / "signing.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101 - the deployment wrote it
    signed = sign(replace(first, action=action, time=now), key)
    write_synced(path, write_signatures([*before, signed]))
    return time.monotonic()


async def _stopped(folder: Path, main: int, runs: int, seen: Seen) -> None:
    """Suspend while a stream runs, and resume by the last signature of two."""
    recipient = Recipient(folder, f"127.0.0.1:{main}", receipts=True)
    for _ in range(runs):
        begun = asyncio.Event()
        stream = asyncio.ensure_future(_streamed(recipient, begun))
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        at = await asyncio.to_thread(_sign, folder, PROVIDER, Action.SUSPEND)
        reasons = await asyncio.gather(
            _timed(stream, seen, "a stream in flight is suspended", at),
            _timed(_until(recipient, served=False), seen, "a request is refused", at),
        )
        _expected(reasons, Reason.AGREEMENT_NOT_ACTIVE)
        await asyncio.to_thread(_sign, folder, PROVIDER, Action.RESUME)
        at = await asyncio.to_thread(_sign, folder, RECIPIENT, Action.RESUME)
        await _timed(_until(recipient, served=True), seen, "a last signature serves again", at)
    await recipient.close()


async def _over(folder: Path, main: int, until: float, seen: Seen) -> None:
    """Let the term end while a stream runs."""
    recipient = Recipient(folder, f"127.0.0.1:{main}", receipts=True)
    begun = asyncio.Event()
    stream = asyncio.ensure_future(_streamed(recipient, begun))
    begins = asyncio.ensure_future(begun.wait())
    await asyncio.wait({stream, begins}, return_when=asyncio.FIRST_COMPLETED)
    if not begun.is_set() or time.monotonic() >= until:
        raise RuntimeError("the term was over before the stream ran: the machine is too busy")
    await asyncio.sleep(until - time.monotonic())
    reasons = await asyncio.gather(
        _timed(stream, seen, "a stream in flight runs out of its term", until),
        _timed(_until(recipient, served=False), seen, "a request after the term", until),
    )
    _expected(reasons, Reason.AGREEMENT_OUT_OF_TERM)
    await recipient.close()


async def _timed(
    seen_by: Awaitable[Reason | None], seen: Seen, what: str, since: float
) -> Reason | None:
    """Return what is waited for, and keep how long it is since then."""
    reason = await asyncio.wait_for(seen_by, PATIENCE_S)
    seen.add(what, since)
    return reason


async def _streamed(recipient: Recipient, begun: asyncio.Event) -> Reason | None:
    """Take a stream's chunks until it ends; return why it did."""
    client = recipient.client()
    try:
        async for _ in client.exchange(recipient.asked(ENDLESS), timeout_s=PATIENCE_S):
            begun.set()
    except RefusedError as error:
        return error.reason
    finally:
        await client.close()
    return None


async def _until(recipient: Recipient, *, served: bool) -> Reason | None:
    """Ask again and again until requests are served, or refused; return the reason then."""
    client = recipient.client()
    try:
        while True:
            try:
                async for _ in client.exchange(recipient.asked(SMALL), timeout_s=PATIENCE_S):
                    pass
            except RefusedError as error:
                if not served:
                    return error.reason
            else:
                if served:
                    return None
    finally:
        await client.close()


def _expected(found: Iterable[Reason | None], reason: Reason) -> None:
    if set(found) != {reason}:
        raise RuntimeError(f"{(*found,)} where {reason} is right: not what is measured")
