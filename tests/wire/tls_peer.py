"""A real TLS server on loopback for one test, in a thread, made of the standard library only: it does what it is told, badly if need be."""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.trust.pki import AUTH_CLI, SERVER, Leaf, Pki, shared_leaf, shared_pki

Behaviour = Callable[["Peer", socket.socket], None]


def load(context: ssl.SSLContext, leaf: Leaf) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "leaf.pem")
        path.write_bytes(leaf.pem + leaf.chain_pem + leaf.key_pem)
        context.load_cert_chain(path)


def client_context(
    *, leaf: Leaf | None = None, pki: Pki | None = None, version: ssl.TLSVersion | None = None, hostname: bool = True
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=(pki or shared_pki()).anchors_pem.decode())
    context.check_hostname = hostname
    load(context, leaf or shared_leaf(AUTH_CLI))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def server_context(*, leaf: Leaf | None = None, client_pki: Pki | None = None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=(client_pki or shared_pki()).anchors_pem.decode())
    load(context, leaf or shared_leaf(SERVER))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


@dataclass
class Peer:
    """What a running server knows: its port, the requests it read, the connections it took."""

    port: int
    context: ssl.SSLContext | None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def url(self, host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.port}/si-dmp-server/v2/services/repository"

    def secure(self, plug: socket.socket) -> ssl.SSLSocket:
        assert self.context is not None
        return self.context.wrap_socket(plug, server_side=True)

    def read_request(self, plug: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = plug.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        expected = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        while len(body) < expected:
            piece = plug.recv(65536)
            if not piece:
                break
            body += piece
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]


def reset(plug: socket.socket) -> None:
    """Close with a reset instead of an orderly end."""
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plug.close()


def answer(text: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain\r\nContent-Length: " + str(len(text)).encode() + b"\r\n\r\n" + text


@contextmanager
def running(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """A server that gives every accepted connection to `behaviour`, one at a time."""
    listening = socket.create_server(("127.0.0.1", 0))
    peer = Peer(port=listening.getsockname()[1], context=context or server_context())

    def serve() -> None:
        while True:
            try:
                plug, _ = listening.accept()
            except OSError:
                return
            peer.connections += 1
            plug.settimeout(10)
            try:
                behaviour(peer, plug)
            except OSError:
                pass
            finally:
                plug.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)
