"""The gateway's listeners: one `grpc.aio` server for agencies, a second one for operators.

mTLS only: plaintext exists nowhere. A server object serves all its services on all its ports, so
what operators may see (reflection) is another server, on loopback or a Unix socket.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.errors import SettingsError
from gateway.rpc.agreement import AgreementServicer
from gateway.rpc.audit import AuditServicer, Gossip
from gateway.rpc.disclosures import ROLES
from gateway.rpc.exchange import ExchangeServicer
from gateway.rpc.limits import Admission, deadline
from gateway.rpc.standing import OFFICERS, StandingServicer
from gateway.v1 import (
    agreement_pb2,
    agreement_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    standing_pb2,
    standing_pb2_grpc,
)
from gateway.values import AgencyKind
from gateway.wire.chain import Chain, Rule, Steps
from gateway.wire.tls import TlsFiles, refuse_trace, server_credentials, server_limits

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from gateway.rpc.agreement import Book
    from gateway.rpc.audit import AuditLog
    from gateway.rpc.auth import Identity
    from gateway.rpc.exchange import Broker
    from gateway.rpc.standing import Standings
    from gateway.wire.chain import Measure

EXCHANGE: Final = exchange_pb2.DESCRIPTOR.services_by_name["ExchangeService"].full_name
AGREEMENT: Final = agreement_pb2.DESCRIPTOR.services_by_name["AgreementService"].full_name
AUDIT: Final = audit_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name
STANDING: Final = standing_pb2.DESCRIPTOR.services_by_name["StandingService"].full_name
HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
FOLDER: Final = "accord.agreements"
"""The name by which health tells of the officers' folder."""

_ANY: Final = frozenset(AgencyKind)
_READ: Final = Rule(kinds=_ANY, default_s=5, most_s=30)
_OFFICER: Final = Rule(kinds=_ANY, roles=OFFICERS, default_s=10, most_s=60)
_OPEN: Final = Rule(open=True, foreign=True, default_s=24 * 3600, most_s=24 * 3600)

RULES: Final[Mapping[str, Rule]] = {
    f"/{EXCHANGE}/Exchange": Rule(kinds=_ANY, default_s=60, most_s=15 * 60, streams=True),
    f"/{EXCHANGE}/Explain": _READ,
    f"/{AGREEMENT}/ListAgreements": _READ,
    f"/{AGREEMENT}/GetAgreement": _READ,
    f"/{AGREEMENT}/ListRevisions": _READ,
    f"/{AUDIT}/GetCheckpoint": _READ,
    f"/{AUDIT}/GetTile": _READ,
    f"/{AUDIT}/GetEntries": _READ,
    f"/{AUDIT}/GetInclusionProof": _READ,
    f"/{AUDIT}/GetConsistencyProof": _READ,
    f"/{AUDIT}/ListDisclosures": Rule(kinds=_ANY, roles=ROLES, default_s=10, most_s=60),
    f"/{STANDING}/RecordConsent": _OFFICER,
    f"/{STANDING}/ListConsents": _OFFICER,
    f"/{STANDING}/ListDuties": _READ,
    f"/{STANDING}/AttestDuty": _OFFICER,
    f"/{HEALTH}/Check": _OPEN,
    f"/{HEALTH}/Watch": _OPEN,
    f"/{HEALTH}/List": _OPEN,
}
"""Who may call what: agencies of any kind here, and what they may see is decided per flow."""

_ADMIN_RULES: Final[Mapping[str, Rule]] = {
    f"/{HEALTH}/Check": _OPEN,
    f"/{HEALTH}/Watch": _OPEN,
    f"/{HEALTH}/List": _OPEN,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _OPEN,
}
_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Parts:
    """What the servers are built over."""

    broker: Broker
    book: Book
    log: AuditLog
    identity: Identity
    measure: Measure
    now: Callable[[], dt.datetime]
    standings: Standings


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where to listen, with which certificate, and for how long a connection lives.

    Attributes:
        main: `host:port`; port 0 takes a free one.
        admin: `host:port` on loopback or `unix:path`; empty for none.
    """

    main: str
    tls: TlsFiles
    admin: str = ""
    admin_tls: TlsFiles | None = None
    age_s: float = 20 * 60
    grace_s: float = 15 * 60
    share_port: bool = False


class Gateway:
    """Both servers, their health, and their end.

    Attributes:
        port: Of the main listener, once started.
        admin_port: Of the admin listener; 0 where there is none.
        admission: The caps of this process.
    """

    def __init__(
        self, parts: Parts, listeners: Listeners, admission: Admission | None = None
    ) -> None:
        refuse_trace()
        self.port = 0
        self.admin_port = 0
        self.admission = Admission() if admission is None else admission
        self._listeners = listeners
        self._health = health.aio.HealthServicer()
        gossip = Gossip(parts.log)
        steps = Steps(
            (self.admission.admit, deadline, parts.identity, gossip, self.admission.quota),
            parts.measure,
            self.admission.bulk,
            gossip.newest,
        )
        self._main = self._server(Chain(RULES, steps))
        _add(
            self._main,
            exchange_pb2_grpc.add_ExchangeServiceServicer_to_server,
            ExchangeServicer(parts.broker),
        )
        _add(
            self._main,
            agreement_pb2_grpc.add_AgreementServiceServicer_to_server,
            AgreementServicer(parts.book, parts.now),
        )
        _add(
            self._main,
            audit_pb2_grpc.add_AuditServiceServicer_to_server,
            AuditServicer(parts.log),
        )
        _add(
            self._main,
            standing_pb2_grpc.add_StandingServiceServicer_to_server,
            StandingServicer(parts.standings),
        )
        _add(self._main, health_pb2_grpc.add_HealthServicer_to_server, self._health)
        self._admin: grpc.aio.Server | None = None
        if listeners.admin:
            admin = Steps((self.admission.admit, deadline, parts.identity), parts.measure)
            self._admin = self._server(Chain(_ADMIN_RULES, admin))
            _add(self._admin, health_pb2_grpc.add_HealthServicer_to_server, self._health)
            names = (EXCHANGE, AGREEMENT, AUDIT, STANDING, HEALTH, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._admin)

    def _server(self, chain: Chain) -> grpc.aio.Server:
        options = server_limits(
            age_s=self._listeners.age_s,
            grace_s=self._listeners.grace_s,
            share_port=self._listeners.share_port,
        )
        return grpc.aio.server(interceptors=[chain], options=options)

    async def start(self) -> None:
        """Bind and serve; health is NOT_SERVING until told otherwise.

        Raises:
            SettingsError: An address cannot be bound, or a certificate's files cannot be read.
        """
        await self.serving(exchange=False)
        self.port = _bind(self._main, self._listeners.main, self._listeners.tls)
        await self._main.start()
        if self._admin is not None:
            tls = self._listeners.admin_tls or self._listeners.tls
            self.admin_port = _bind(self._admin, self._listeners.admin, tls)
            await self._admin.start()

    async def serving(self, *, exchange: bool, agreements: bool = True) -> None:
        """Say whether exchanges can be carried out: the log is durable, and agreements are loaded.

        Audit and agreements serve on: they are what an operator needs when exchanges do not.

        Args:
            exchange: Whether exchanges can be carried out.
            agreements: Whether every file of the officers' folder is in force as it lies there;
                where one is not, the health of `accord.agreements` says so, and nothing else.
        """
        serving = health_pb2.HealthCheckResponse.SERVING
        not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", EXCHANGE):
            await self._health.set(name, serving if exchange else not_serving)
        await self._health.set(FOLDER, serving if agreements else not_serving)
        for name in (AGREEMENT, AUDIT, STANDING):
            await self._health.set(name, serving)

    async def stop(self, grace_s: float) -> None:
        """Say NOT_SERVING, pause so that balancers see it, refuse new calls, let open ones end."""
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(min(_PAUSE_S, grace_s))
        self.admission.stopping = True
        await asyncio.gather(
            self._main.stop(grace_s),
            *([self._admin.stop(grace_s)] if self._admin is not None else []),
        )


def _add(server: grpc.aio.Server, add: Any, servicer: object) -> None:  # noqa: ANN401 - generated
    add(servicer, server)


def _bind(server: grpc.aio.Server, address: str, tls: TlsFiles) -> int:
    try:
        port = server.add_secure_port(address, server_credentials(tls))
    except RuntimeError:
        port = 0
    if port == 0:
        raise SettingsError(f"`{address}` cannot be bound: another process may have it")
    return port
