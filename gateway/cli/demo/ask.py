"""The demo's requests, as their recipients make them: over mTLS, with tokens, receipts verified."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.cli.clock import SystemEntropy
from gateway.cli.kept import leave
from gateway.cli.request import client_of
from gateway.errors import RefusedError
from gateway.settings import client_settings
from gateway.values import Caller, DatasetId, Form, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.cli.demo.scenes import Scene
    from gateway.cli.deploy.write import Deployment
    from gateway.remote.client import Client
    from gateway.values import Header, Receipt, Scalar

TIMEOUT_S = 30.0


@dataclass(slots=True)
class Outcome:
    """What came of a scene.

    Attributes:
        rows: What arrived, by column name.
        withheld: Fields that never leave under the provision.
        where: The plan's row filter, as the gateway explained it.
    """

    scene: Scene
    header: Header | None = None
    rows: list[Mapping[str, Scalar]] = field(default_factory=list)
    receipt: Receipt | None = None
    refusal: RefusedError | None = None
    withheld: Sequence[str] = ()
    where: Mapping[str, Any] = field(default_factory=dict)


class Callers:
    """One client for each agency, made when it first asks."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._clients: dict[str, Client] = {}

    @property
    def checkpoints(self) -> Mapping[str, str]:
        """The largest checkpoint that each agency verified; none of one that was only refused."""
        kept = {agency: client.checkpoint for agency, client in self._clients.items()}
        return {agency: note for agency, note in kept.items() if note}

    async def ask(self, scene: Scene) -> Outcome:
        """Carry out one scene.

        Raises:
            AccordError: It failed, which is another thing than being refused.
        """
        outcome = Outcome(scene)
        client = self._client(scene.recipient)
        request = _request(scene)
        try:
            async for message in client.exchange(request, timeout_s=TIMEOUT_S):
                outcome.header = message.header or outcome.header
                outcome.receipt = message.receipt or outcome.receipt
                if message.chunk is not None and outcome.header is not None:
                    names = [column.name for column in outcome.header.columns]
                    rows = message.chunk.rows or ()
                    outcome.rows += [dict(zip(names, row, strict=True)) for row in rows]
        except RefusedError as error:
            outcome.refusal = error
            return outcome
        said = await client.explain(request)
        outcome.withheld = said.withheld
        outcome.where = json.loads(said.plan or "{}").get("where", {})
        return outcome

    async def close(self) -> None:
        """Keep each agency's checkpoint, and close its channel."""
        for agency, client in self._clients.items():
            path = self._deployment.agency(agency) / "client.toml"
            await leave(path, client_settings(path), client)

    def _client(self, agency: str) -> Client:
        if agency not in self._clients:
            path = self._deployment.agency(agency) / "client.toml"
            self._clients[agency] = client_of(path, client_settings(path))
        return self._clients[agency]


def _request(scene: Scene) -> Request:
    dataset = DatasetId.parse(scene.dataset)
    assert dataset is not None  # noqa: S101 - the scenes are ours
    terms = Terms(scene.provider, scene.recipient, dataset, scene.purpose, tuple(scene.fields), ())
    request_id = str(uuid.UUID(bytes=SystemEntropy().random(16), version=4))
    return Request(request_id, terms, Caller(scene.recipient, bytes(32)), Form.ROWS)
