"""The HTTP port on httpx: one pool per remote peer, one TLS context, HTTP/1.1 kept alive (stack.md section 7).

Never follows a redirect, never uses a proxy of the environment, never loads other trust anchors than the context's, never repeats a
request that may have left. Which error comes out depends on what the library's own trace saw, not on the name of its exception:
nothing of the request written: `PeerUnreachable` or `TlsRefused`; from the first byte on: `AnswerLost`, but for a certificate alert on a
connection made for this very request, which is how TLS 1.3 refuses a client certificate after the handshake: the peer read nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpcore
import httpx
from typing_extensions import override

from gateway.kernel.errors import ConfigurationFault, RelaisError
from gateway.wire.http import AnswerLost, HttpRequest, HttpResponse, PeerUnreachable, TlsRefused
from gateway.wire.http_stream import Backend

_CHUNK = 65_536
_SLOWEST_BYTES_PER_SECOND = 8_000
_REFUSALS = (
    "CERTIFICATE",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
    "HANDSHAKE_FAILURE",
    "DECRYPT_ERROR",
    "INSUFFICIENT_SECURITY",
    "PROTOCOL_VERSION",
)


class AddressInvalid(ConfigurationFault):
    """The address of a service is not one that can be called."""

    code = "address-invalid"
    what = "L'adresse d'un service distant est mal formée dans la configuration."
    gesture = "Demandez à votre installateur de vérifier l'adresse du service dans la configuration de Relais."


class HttpxPort:
    """The real HttpPort towards one peer. Keep it for the life of the process and close it at the end."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        connect_seconds: float = 10.0,
        answer_seconds: float = 60.0,
        connections: int = 8,
        keep_alive_seconds: float = 30.0,
        answer_bytes: int = 16_000_000,
    ) -> None:
        """`answer_seconds` bounds each silence while sending or waiting; `answer_bytes` the size of an answer."""
        self._answer_bytes = answer_bytes
        self._patience = connect_seconds + 2 * answer_seconds
        pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keep_alive_seconds,
            network_backend=Backend(),
        )
        self._client = httpx.AsyncClient(
            transport=_Transport(pool),
            timeout=httpx.Timeout(answer_seconds, connect=connect_seconds, pool=answer_seconds),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": "Relais", "accept-encoding": "identity"},
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Raises PeerUnreachable, TlsRefused, AnswerLost or AddressInvalid. Any HTTP status is an answer."""
        progress = _Progress()
        try:
            return await self._attempt(request, progress)
        except PeerUnreachable:
            if not progress.stale:
                raise
        return await self._attempt(request, _Progress())

    async def close(self) -> None:
        """End the pooled connections."""
        await self._client.aclose()

    async def _attempt(self, request: HttpRequest, progress: _Progress) -> HttpResponse:
        try:
            async with asyncio.timeout(self._patience + len(request.body) / _SLOWEST_BYTES_PER_SECOND):
                return await self._exchange(request, progress)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as problem:
            raise AddressInvalid(type(problem).__name__) from problem
        except (httpx.HTTPError, httpx.StreamError, httpcore.ConnectionNotAvailable, OSError) as problem:
            raise _judged(problem, progress) from problem

    async def _exchange(self, request: HttpRequest, progress: _Progress) -> HttpResponse:
        outgoing = self._client.build_request(
            request.method,
            request.url,
            headers=[*request.headers, ("content-length", str(len(request.body)))] if request.body else list(request.headers),
            content=_chunks(request.body) if request.body else None,
            extensions={"trace": progress.note},
        )
        response = await self._client.send(outgoing, stream=True)
        try:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_raw():
                size += len(part)
                if size > self._answer_bytes:
                    raise AnswerLost("the answer is larger than the limit")
                parts.append(part)
        finally:
            await response.aclose()
        return HttpResponse(status=response.status_code, headers=dict(response.headers), body=b"".join(parts))


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that opens its streams with our backend."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    @override
    async def aclose(self) -> None:
        """Closes the pool."""
        await self._pool.aclose()


class _Progress:
    """What one attempt did so far, as the library traces it."""

    def __init__(self) -> None:
        self.fresh = False
        self.written = False
        self.stale = False

    async def note(self, event: str, information: dict[str, Any]) -> None:
        """Called by the library at each of its steps."""
        if event == "connection.connect_tcp.started":
            self.fresh = True
        elif event == "http11.send_request_headers.started":
            self.written = True
        elif event == "http11.send_request_headers.failed" and isinstance(information["exception"], httpcore.WriteError):
            self.written = False
            self.stale = not self.fresh


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(view), _CHUNK):
        yield bytes(view[start : start + _CHUNK])


def _judged(problem: BaseException, progress: _Progress) -> RelaisError:
    refusal = _tls_refusal(problem)
    if refusal is not None and progress.fresh and (not progress.written or refusal.is_alert):
        return TlsRefused(refusal.reason)
    if not progress.written:
        return PeerUnreachable(type(problem).__name__)
    return AnswerLost(type(problem).__name__)


class _Refusal:
    """A TLS refusal: OpenSSL's reason, and whether the peer said it (an alert about certificates or parameters)."""

    def __init__(self, problem: ssl.SSLError) -> None:
        self.reason = problem.reason or type(problem).__name__
        self.is_alert = "ALERT" in self.reason and any(word in self.reason for word in _REFUSALS)


def _tls_refusal(problem: BaseException | None) -> _Refusal | None:
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        if isinstance(problem, ssl.SSLError) and type(problem) in (ssl.SSLError, ssl.SSLCertVerificationError):
            return _Refusal(problem)
        seen.add(id(problem))
        problem = problem.__cause__ or problem.__context__
    return None
