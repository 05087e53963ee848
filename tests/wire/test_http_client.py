"""The HTTP port against real TLS servers: each way a call can fail gives the error that says whether something may have left."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from datetime import timedelta

import pytest

from gateway.wire.http import AnswerLost, HttpRequest, PeerUnreachable, TlsRefused
from gateway.wire.http_client import AddressInvalid, HttpxPort
from tests.trust.pki import AUTH_CLI, NOW, SERVER, Pki, shared_pki
from tests.wire.tls_peer import Peer, answer, client_context, reset, running, server_context

SMALL, LARGE = b"x" * 2_000, b"y" * 3_000_000
BOTH = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


async def post(
    peer: Peer, body: bytes = SMALL, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1", within: float = 20
) -> bytes:
    port = HttpxPort(context or client_context(), connect_seconds=max(within, 3), answer_seconds=within)
    try:
        response = await port.send(HttpRequest(method="POST", url=peer.url(host), headers=(("content-type", "text/plain"),), body=body))
    finally:
        await port.close()
    return response.body


def polite(peer: Peer, plug: socket.socket) -> None:
    with peer.secure(plug) as secured:
        while peer.read_request(secured):
            secured.sendall(answer(b"bonjour"))


def hello_refused(peer: Peer, plug: socket.socket) -> None:
    with peer.secure(plug) as secured:
        secured.recv(1)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("body", [SMALL, LARGE, b""])
async def test_bytes_arrive_as_they_are(version: ssl.TLSVersion, body: bytes) -> None:
    with running(polite, server_context(version=version)) as peer:
        assert await post(peer, body) == b"bonjour"
    head, _, received = peer.requests[0].partition(b"\r\n\r\n")
    assert received == body
    assert head.startswith(b"POST /si-dmp-server/v2/services/repository HTTP/1.1\r\n")
    assert b"transfer-encoding" not in head.lower()


async def test_connection_is_kept_and_any_status_is_an_answer() -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            for status in (b"500 Oops", b"302 Found", b"200 OK"):
                peer.read_request(secured)
                secured.sendall(answer(b"ici", status))

    with running(behaviour) as peer:
        port = HttpxPort(client_context())
        statuses = [(await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))).status for _ in range(3)]
        await port.close()
    assert (statuses, peer.connections) == ([500, 302, 200], 1)


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(PeerUnreachable):
        await post(Peer(port=port, context=None))


async def test_unknown_host() -> None:
    with pytest.raises(PeerUnreachable):
        await post(Peer(port=443, context=None), host="dmp.invalid")


@pytest.mark.parametrize("url", ["http//nothing", "ftp://dmp.test/", "https://dmp.test:port/"])
async def test_malformed_address(url: str) -> None:
    port = HttpxPort(client_context())
    with pytest.raises(AddressInvalid):
        await port.send(HttpRequest(method="POST", url=url, body=SMALL))
    await port.close()


async def test_reset_at_accept() -> None:
    with running(lambda _peer, plug: reset(plug)) as peer, pytest.raises(PeerUnreachable):
        await post(peer)


async def test_closed_during_the_handshake() -> None:
    def behaviour(_peer: Peer, plug: socket.socket) -> None:
        plug.recv(100)

    with running(behaviour) as peer, pytest.raises(PeerUnreachable):
        await post(peer)


async def test_handshake_never_ends() -> None:
    def behaviour(_peer: Peer, plug: socket.socket) -> None:
        plug.settimeout(4)
        while plug.recv(65536):
            pass

    with running(behaviour) as peer:
        port = HttpxPort(client_context(), connect_seconds=0.3)
        with pytest.raises(PeerUnreachable):
            await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))
        await port.close()


async def test_plain_text_peer_is_a_tls_refusal() -> None:
    def behaviour(_peer: Peer, plug: socket.socket) -> None:
        plug.recv(100)
        plug.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        time.sleep(0.2)

    with running(behaviour) as peer, pytest.raises(TlsRefused):
        await post(peer)


@pytest.mark.parametrize("version", BOTH)
async def test_authority_we_do_not_know(version: ssl.TLSVersion) -> None:
    stranger = Pki.create("ETRANGERE")
    with running(hello_refused, server_context(leaf=stranger.issue(SERVER), version=version)) as peer, pytest.raises(TlsRefused) as caught:
        await post(peer)
    assert caught.value.technical == "CERTIFICATE_VERIFY_FAILED"


async def test_expired_server_certificate() -> None:
    old = shared_pki().issue(SERVER, not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
    with running(hello_refused, server_context(leaf=old)) as peer, pytest.raises(TlsRefused):
        await post(peer)


async def test_server_certificate_of_another_name() -> None:
    other = shared_pki().issue(SERVER, names=["dmp.test"])
    with running(hello_refused, server_context(leaf=other)) as peer, pytest.raises(TlsRefused):
        await post(peer)


async def test_no_common_version() -> None:
    with running(hello_refused, server_context(version=ssl.TLSVersion.TLSv1_2)) as peer, pytest.raises(TlsRefused):
        await post(peer, context=client_context(version=ssl.TLSVersion.TLSv1_3))


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("body", [SMALL, LARGE])
async def test_dmp35_our_certificate_is_refused(version: ssl.TLSVersion, body: bytes) -> None:
    """In TLS 1.3 the refusal comes after our handshake is over, when the request is already on its way."""
    with running(polite, server_context(client_pki=Pki.create("AUTRE"), version=version)) as peer, pytest.raises(TlsRefused):
        await post(peer, body)
    assert peer.requests == []


@pytest.mark.parametrize("version", BOTH)
async def test_dmp35_our_certificate_has_expired(version: ssl.TLSVersion) -> None:
    old = shared_pki().issue(AUTH_CLI, not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
    with running(polite, server_context(version=version)) as peer, pytest.raises(TlsRefused):
        await post(peer, context=client_context(leaf=old))


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_connection_dies_before_the_answer(version: ssl.TLSVersion, ending: str) -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        secured = peer.secure(plug)
        peer.read_request(secured)
        if ending == "reset":
            reset(secured)
        else:
            secured.close()

    with running(behaviour, server_context(version=version)) as peer, pytest.raises(AnswerLost):
        await post(peer)
    assert len(peer.requests) == peer.connections == 1


async def test_connection_dies_within_our_request() -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        secured = peer.secure(plug)
        secured.recv(1000)
        reset(secured)

    with running(behaviour) as peer, pytest.raises(AnswerLost):
        await post(peer, LARGE)
    assert peer.connections == 1


@pytest.mark.parametrize(
    "piece", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc", b"\x00\x01garbage\r\n\r\n"]
)
async def test_answer_is_cut_or_no_answer_at_all(piece: bytes) -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            peer.read_request(secured)
            secured.sendall(piece)

    with running(behaviour) as peer, pytest.raises(AnswerLost):
        await post(peer)


async def test_slow_answer() -> None:
    release = threading.Event()

    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            peer.read_request(secured)
            release.wait(5)

    with running(behaviour) as peer:
        with pytest.raises(AnswerLost):
            await post(peer, within=1)
        release.set()


async def test_answer_larger_than_the_limit() -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            peer.read_request(secured)
            secured.sendall(answer(b"z" * 200_000))

    with running(behaviour) as peer:
        port = HttpxPort(client_context(), answer_bytes=100_000)
        with pytest.raises(AnswerLost):
            await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))
        await port.close()


async def test_pooled_connection_closed_meanwhile_costs_nothing() -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            peer.read_request(secured)
            secured.sendall(answer(b"bonjour"))

    with running(behaviour) as peer:
        port = HttpxPort(client_context())
        for _ in range(3):
            assert (await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))).body == b"bonjour"
            await asyncio.sleep(0.05)
        await port.close()
    assert (len(peer.requests), peer.connections) == (3, 3)


async def test_pooled_connection_that_dies_under_the_request_is_not_repeated() -> None:
    def behaviour(peer: Peer, plug: socket.socket) -> None:
        with peer.secure(plug) as secured:
            peer.read_request(secured)
            secured.sendall(answer(b"bonjour"))
            peer.read_request(secured)

    with running(behaviour) as peer:
        port = HttpxPort(client_context())
        await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))
        with pytest.raises(AnswerLost):
            await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))
        await port.close()
    assert (len(peer.requests), peer.connections) == (2, 1)


@pytest.mark.parametrize(("ending", "expected"), [("reset", "repeated"), ("close", "lost")])
async def test_stale_connection_is_replaced_only_when_nothing_left(monkeypatch: pytest.MonkeyPatch, ending: str, expected: str) -> None:
    """The peer has left and the pool could not see it. After a reset the first write fails: nothing is out. After a mere close it
    succeeds, and whether the peer read it can no longer be told."""
    monkeypatch.setattr("gateway.wire.http_stream._readable", lambda _: False)

    def behaviour(peer: Peer, plug: socket.socket) -> None:
        secured = peer.secure(plug)
        peer.read_request(secured)
        secured.sendall(answer(b"bonjour"))
        time.sleep(0.05)
        if ending == "reset":
            reset(secured)
        else:
            secured.close()

    with running(behaviour) as peer:
        port = HttpxPort(client_context())
        await port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL))
        await asyncio.sleep(0.1)
        if expected == "repeated":
            assert (await port.send(HttpRequest(method="POST", url=peer.url(), body=LARGE))).body == b"bonjour"
        else:
            with pytest.raises(AnswerLost):
                await port.send(HttpRequest(method="POST", url=peer.url(), body=LARGE))
        await port.close()
    assert peer.connections == (2 if expected == "repeated" else 1)


async def test_many_calls_share_the_pool() -> None:
    with running(polite) as peer:
        port = HttpxPort(client_context(), connections=1)
        calls = [port.send(HttpRequest(method="POST", url=peer.url(), body=SMALL)) for _ in range(20)]
        assert {response.status for response in await asyncio.gather(*calls)} == {200}
        await port.close()
    assert peer.connections == 1


@pytest.mark.parametrize("version", BOTH)
def test_the_box_own_loop_says_the_same(version: ssl.TLSVersion) -> None:
    """The box runs on uvloop."""
    uvloop = pytest.importorskip("uvloop")

    def died(peer: Peer, plug: socket.socket) -> None:
        secured = peer.secure(plug)
        peer.read_request(secured)
        reset(secured)

    async def calls() -> None:
        with running(polite, server_context(version=version)) as peer:
            assert await post(peer, LARGE) == b"bonjour"
        with running(polite, server_context(client_pki=Pki.create("AUTRE"), version=version)) as peer, pytest.raises(TlsRefused):
            await post(peer, LARGE)
        with running(died, server_context(version=version)) as peer, pytest.raises(AnswerLost):
            await post(peer, LARGE)
        with running(lambda _peer, plug: reset(plug)) as peer, pytest.raises(PeerUnreachable):
            await post(peer)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(calls())
