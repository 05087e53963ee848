"""A connection to an MQTT 3.1.1 broker by aiomqtt, which is loaded at the first one: a box without MQTT pays nothing.

Every fault of the library or of the network leaves as BrokerUnavailable, without its text. Source: stack.md (aiomqtt).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import msgspec
from typing_extensions import override

from gateway.egress.outlet import through_blocking, way_out
from gateway.kernel.errors import TransientFault

if TYPE_CHECKING:
    import aiomqtt

_AT_LEAST_ONCE = 1
_ANSWER_SECONDS = 10.0
_KEEP_ALIVE = 30


class BrokerUnavailable(TransientFault):
    """The broker cannot be reached, refuses the box, or went away."""

    code = "broker-unavailable"
    title = "Serveur MQTT injoignable"
    what = "Le serveur MQTT du cabinet ne répond pas ou refuse le boîtier."
    gesture = "Aucune action pour les documents : Relais réessaie sans fin. Si cela dure, vérifiez le serveur MQTT et la section « [bus] »."


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the broker. Shows nothing of itself: the password is handed to the library and forgotten."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    user: str | None = None
    password: str | None = None

    @override
    def __repr__(self) -> str:
        return "Access(…)"


class Broker(Protocol):
    """An open connection."""

    async def publish(self, topic: str, payload: bytes) -> None:
        """Retained, at least once; returns when the broker has taken it. Raises BrokerUnavailable."""
        ...

    async def lost(self) -> None:
        """Returns when the connection is gone."""
        ...


Connect = Callable[[str], AbstractAsyncContextManager[Broker]]
"""Opens a connection that leaves `false` on this topic if it breaks."""


def broker_at(access: Callable[[], Awaitable[Access]]) -> Connect:
    """Connections to the broker; `access` is asked anew each time, so that a changed file or secret needs no restart."""

    @asynccontextmanager
    async def connect(will: str) -> AsyncIterator[Broker]:
        import aiomqtt

        found = await access()
        client = aiomqtt.Client(
            found.host,
            found.port,
            username=found.user,
            password=found.password,
            tls_context=found.tls,
            will=aiomqtt.Will(will, b"false", qos=_AT_LEAST_ONCE, retain=True),
            timeout=_ANSWER_SECONDS,
            keepalive=_KEEP_ALIVE,
            logger=_silent(),
        )
        if (relay := way_out()) is not None:
            _lead_through(client, relay, found)
        try:
            await client.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as problem:
            raise BrokerUnavailable(_reason(problem)) from None
        try:
            yield _Connection(client)
        finally:
            with suppress(aiomqtt.MqttError, OSError):
                await client.__aexit__(None, None, None)

    return connect


class _Connection:
    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, topic: str, payload: bytes) -> None:
        """Retained, at least once; raises BrokerUnavailable."""
        import aiomqtt

        try:
            await self._client.publish(topic, payload, qos=_AT_LEAST_ONCE, retain=True)
        except (aiomqtt.MqttError, OSError, ValueError) as problem:
            raise BrokerUnavailable(_reason(problem)) from None

    async def lost(self) -> None:
        """Returns when the connection has gone; what the broker sends meanwhile is dropped."""
        import aiomqtt

        try:
            async for _ in self._client.messages:
                pass
        except aiomqtt.MqttError:
            return


def _lead_through(client: aiomqtt.Client, relay: str, access: Access) -> None:
    """The library has no setting for it that keeps the broker's name for TLS: it is told where its socket comes from."""
    inner = client._client
    inner._create_socket_connection = lambda: through_blocking(relay, access.host, access.port, _ANSWER_SECONDS)  # type: ignore[method-assign]


def _silent() -> logging.Logger:
    """The library's own words may quote an address: the place and the code of a fault are ours to tell."""
    logger = logging.getLogger("relais.bus.aiomqtt")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    return logger


def _reason(problem: Exception) -> str:
    code = getattr(problem, "rc", None)
    return f"{type(problem).__name__} {code}" if code is not None else type(problem).__name__
