"""Serves the application over TLS inside our own loop: uvicorn with an already built context, the client certificate in the scope.

The subclass of the HTTP protocol puts the TLS client certificate where the ASGI TLS extension wants it (stack.md section 1); it can go
when uvicorn does it by itself. A header never stands for a certificate: nothing sits in front.

Anybody of the LAN may connect, so connections are counted, and one that does not end its handshake or its request header is cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn
from litestar import Litestar
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.api.remainder import answer_after_reading
from gateway.kernel.errors import ConfigurationFault

STOPPING = "stopping"
"""Name, in the application's state, of the event that tells endless answers to end."""
_GRACE = 10
_KEEP_ALIVE = 30
_BACKLOG = 256
_MOST_CONNECTIONS = 128
HEADER_SECONDS = 15.0
"""To end the handshake, and then to send each whole request header."""


class AddressTaken(ConfigurationFault):
    """The address of the LAN API cannot be had: another program has it, it is not of this machine, or the port needs privileges."""

    code = "listener-unavailable"
    what = "Le boîtier ne peut pas écouter à l'adresse {host}, port {port} : elle est déjà prise, interdite ou inconnue de cette machine."
    gesture = "Arrêtez le programme qui l'occupe, ou corrigez « [listener] » dans relais.toml, puis redémarrez Relais."


class CertificateProtocol(HttpToolsProtocol):
    """httptools protocol that shows the client certificate (PEM, alone) to the application and waits for nobody without end."""

    _deadline: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it likewise
        """One connection too many is cut at once; the others have a delay to send their first header."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
            return
        self._expect_header()
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        chain = [ssl.DER_cert_to_PEM_cert(certificate)] if certificate else []
        inner = self.app

        async def with_certificate(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["tls"] = {"client_cert_chain": chain}
            await answer_after_reading(inner, scope, receive, send)

        self.app = with_certificate

    @override
    def on_message_begin(self) -> None:
        """The delay of the next request's header begins with its first byte."""
        self._expect_header()
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        """The header is whole: the body has its own limits."""
        self._expect_nothing()
        super().on_headers_complete()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_header(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    @override
    def shutdown(self) -> None:
        """An idle browser may take half a minute to say goodbye over TLS: with nothing left to send, the box does not wait for it."""
        cycle = getattr(self, "cycle", None)
        idle = cycle is None or cycle.response_complete
        if idle and self.transport.get_write_buffer_size() == 0:
            self.transport.abort()
        else:
            super().shutdown()


class _Server(uvicorn.Server):
    """A server that leaves signals to the composition root, listens with a bounded handshake and says when it does."""

    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._context = context
        self._ready = ready

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes none: they are the composition root's."""
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens on the sockets given, and says `ready` once it does."""
        await super().startup([])
        loop = asyncio.get_running_loop()
        for one in sockets or ():
            listening = await loop.create_server(
                self._protocol, sock=one, ssl=self._context, ssl_handshake_timeout=HEADER_SECONDS, backlog=_BACKLOG
            )
            self.servers.append(listening)
        self._ready()

    def _protocol(self) -> CertificateProtocol:
        return CertificateProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


async def serve_api(
    application: Litestar,
    context: ssl.SSLContext,
    host: str,
    port: int,
    *,
    ready: Callable[[int], None],
    stop: asyncio.Event,
    passed: Sequence[socket.socket] = (),
) -> None:
    """Serve until `stop` is set; `ready` is called with the real port, the first one of several. Raises AddressTaken.

    Sockets that systemd passed (`firmware.activation`) are served in the place of `host` and `port`, and closed at the end.
    """
    application.state[STOPPING] = stop
    config = uvicorn.Config(
        application,
        http=CertificateProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=_KEEP_ALIVE,
    )
    config.load()
    with contextlib.ExitStack() as open_ones:
        listening = [open_ones.enter_context(one) for one in passed or (_listening(host, port),)]
        bound: int = listening[0].getsockname()[1]
        server = _Server(config, context, lambda: ready(bound))
        stopping = asyncio.create_task(_stop_when(stop, server))
        try:
            await server.serve(listening)
        finally:
            stopping.cancel()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG)
    except (OSError, OverflowError) as problem:
        raise AddressTaken(type(problem).__name__, host=host, port=port) from None


async def _stop_when(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True
