"""A channel to one peer of one name: mutual TLS, pinned, made anew when certificates change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from gateway.wire.tls import CHANNEL_OPTIONS, channel_credentials

if TYPE_CHECKING:
    from gateway.wire.tls import TlsFiles

_DRAIN_S: Final = 15 * 60.0


class Channel:
    """A channel to one peer of one name, made in the running loop, and anew when files change.

    Client channels cannot reload certificates, so a new one is made and the old one drained.
    """

    def __init__(self, target: str, tls: TlsFiles, *, server_name: str = "") -> None:
        """Keep what a channel needs; nothing is opened.

        Args:
            target: `host:port`.
            tls: Our certificate, and the authority that the peer's must come from.
            server_name: The name that the peer's certificate must have, where it is not the host.
        """
        self._target = target
        self._tls = tls
        self._name = server_name
        self._stamp: tuple[int, ...] = ()
        self._open: grpc.aio.Channel | None = None
        self._drained: set[asyncio.Task[None]] = set()

    def get(self) -> grpc.aio.Channel:
        """Return the channel to use for the next call.

        Raises:
            SettingsError: The certificate's files cannot be read, and there is no older channel.
        """
        stamp = self._tls.stamp()
        if self._open is None or stamp != self._stamp:
            options: list[tuple[str, int | str]] = list(CHANNEL_OPTIONS)
            if self._name:
                options.append(("grpc.ssl_target_name_override", self._name))
            fresh = grpc.aio.secure_channel(
                self._target, channel_credentials(self._tls), options=options
            )
            if self._open is not None:
                task = asyncio.get_running_loop().create_task(self._open.close(_DRAIN_S))
                self._drained.add(task)
                task.add_done_callback(self._drained.discard)
            self._open, self._stamp = fresh, stamp
        return self._open

    async def close(self) -> None:
        """Close at once."""
        for task in self._drained:
            task.cancel()
        if self._open is not None:
            await self._open.close()
            self._open = None


def stub(kind: Any, channel: Channel) -> Any:  # noqa: ANN401 - generated stubs have no types
    """Return a generated stub over the channel to use for the next call."""
    return kind(channel.get())


async def ended(call: Any) -> None:  # noqa: ANN401 - a call of any stream
    """Raise the failure that a stream ended with, if it did."""
    code = await call.code()
    if code is not grpc.StatusCode.OK:
        raise grpc.aio.AioRpcError(
            code,
            await call.initial_metadata(),
            await call.trailing_metadata(),
            await call.details(),
        )
