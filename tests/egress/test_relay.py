"""Bytes pass as they are, ends pass too, and nobody gets anywhere that is not allowed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.bus.broker import Access, BrokerUnavailable, broker_at
from gateway.egress.outlet import through, through_blocking
from gateway.egress.protocol import Place
from gateway.egress.relay import Relay
from gateway.egress.rules import Rules
from gateway.wire.http import HttpRequest, PeerUnreachable
from gateway.wire.http_client import HttpxPort
from gateway.wire.smtp_stream import SmtpStream, StreamEnded
from tests.bus.mosquitto import Mosquitto
from tests.ports import free_port
from tests.wire.tls_peer import Peer, answer, client_context, running

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def service(handle: Handle) -> AsyncIterator[int]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def relay(folder: Path, *named: tuple[str, int]) -> AsyncIterator[str]:
    path, stop = str(folder / "egress"), asyncio.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        listening.setblocking(False)
        rules = Rules(frozenset(Place(host, port) for host, port in named))
        running = asyncio.create_task(Relay(rules).serve([listening], stop))
        yield path
        stop.set()
        await running


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    writer.close()


async def test_bytes_pass_as_they_are_and_so_does_the_end(tmp_path: Path) -> None:
    sent = os.urandom(3_000_000)
    async with service(_echo) as port, relay(tmp_path, ("127.0.0.1", port)) as path:
        reader, writer = await asyncio.open_unix_connection(sock=await through(path, "127.0.0.1", port))
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == sent
        writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "evil host", "é.test"])
async def test_who_is_not_named_is_not_reached(tmp_path: Path, host: str) -> None:
    async with service(_echo) as port, relay(tmp_path, ("elsewhere.test", port)) as path:
        with pytest.raises(OSError):  # noqa: PT011 - the class is all that the caller is promised
            await through(path, host, port)


async def test_a_list_is_not_fetched_from_this_machine(tmp_path: Path) -> None:
    async with relay(tmp_path) as path:
        with pytest.raises(PermissionError):
            await through(path, "localhost", 80)


async def test_nobody_there_is_a_refusal_and_the_relay_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shut = taken.getsockname()[1]
    async with service(_echo) as port, relay(tmp_path, ("127.0.0.1", port), ("127.0.0.1", shut), ("no-such-name.invalid", 25)) as path:
        with pytest.raises(ConnectionRefusedError):
            await through(path, "127.0.0.1", shut)
        with pytest.raises(ConnectionRefusedError):
            await through(path, "no-such-name.invalid", 25)
        plug = await asyncio.to_thread(through_blocking, path, "127.0.0.1", port, 10.0)
        await asyncio.to_thread(plug.sendall, b"still here")
        plug.shutdown(socket.SHUT_WR)
        assert await asyncio.to_thread(plug.recv, 100) == b"still here"
        plug.close()


async def test_what_is_no_question_ends(tmp_path: Path) -> None:
    async with relay(tmp_path) as path:
        for said in (b"GET / HTTP/1.1\r\n\r\n", b"x" * 100_000, b""):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(said)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                assert await reader.read() in (b"", b"!")
            writer.close()


async def test_https_goes_through_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name in the certificate is checked by the gateway: the relay is nobody in the session."""

    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            peer.read_request(secured)
            secured.sendall(answer(b"bonjour"))

    with running(behaviour) as peer:
        async with relay(tmp_path, ("127.0.0.1", peer.port)) as path:
            monkeypatch.setenv("RELAIS_EGRESS", path)
            port = HttpxPort(client_context(), connect_seconds=10)
            try:
                assert (await port.send(HttpRequest(method="POST", url=peer.url(), body=b"x"))).body == b"bonjour"
                with pytest.raises(PeerUnreachable):
                    await port.send(HttpRequest(method="POST", url=peer.url("localhost"), body=b"x"))
            finally:
                await port.close()
    assert len(peer.requests) == 1


async def test_messages_go_through_to_a_real_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        async with relay(tmp_path, ("127.0.0.1", broker.port)) as path:
            monkeypatch.setenv("RELAIS_EGRESS", path)
            for port, told in ((broker.port, True), (free_port(), False)):

                async def access(port: int = port) -> Access:
                    return Access(host="127.0.0.1", port=port, tls=None)

                try:
                    async with broker_at(access)("relais/essai/presence") as connection:
                        await connection.publish("relais/essai/mot", b'"bonjour"')
                except BrokerUnavailable:
                    assert not told
        assert (await broker.retained())["relais/essai/mot"] == "bonjour"
    finally:
        broker.kill()


async def test_mail_goes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test\r\n")
        writer.write(b"said " + await reader.readline())
        writer.close()

    async with service(greet) as port, relay(tmp_path, ("localhost", port)) as path:
        monkeypatch.setenv("RELAIS_EGRESS", path)
        stream = await SmtpStream.connect("localhost", port)
        assert await stream.read_line() == b"220 mx.test"
        await stream.write(b"EHLO\r\n", 10)
        assert await stream.read_line() == b"said EHLO"
        stream.abort()
        with pytest.raises(StreamEnded):
            await SmtpStream.connect("127.0.0.1", port)
