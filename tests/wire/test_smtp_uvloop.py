"""The same session on the event loop that serves in production, against a server of sockets and threads."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.model.delivery import Phase
from gateway.wire.operator_line import OperatorLine
from gateway.wire.smtp import Endpoint
from gateway.wire.smtp_errors import OperatorTlsRefused, OperatorUnavailable, SmtpFault, SmtpOutcomeUnknown
from tests.trust.pki import AUTH_CLI, Pki
from tests.wire.tls_peer import Peer, client_context, reset, running, server_context

uvloop = pytest.importorskip("uvloop")
SENDER, RECIPIENT = "relais@tilleuls.mssante.test", "dr.martin@medecin.mssante.test"
MAIL = b"Subject: essai\r\n\r\n" + b".ligne\r\n" * 100_000
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def conversation(last: str, cut_at: bytes = b"") -> Callable[[Peer, socket.socket], None]:
    """Serve until QUIT; `last` answers the content, `cut_at` is the command that ends the connection instead of being answered."""

    def serve(peer: Peer, plug: socket.socket) -> None:
        plug.sendall(b"220 operateur.test\r\n")
        for answer in (b"250-x\r\n250 STARTTLS\r\n", b"220 2.0.0 go\r\n"):
            plug.recv(1000)
            plug.sendall(answer)
        with peer.secure(plug) as secured, secured.makefile("rwb") as lines:
            while line := lines.readline():
                verb = line.split(b" ")[0].strip()
                if verb == cut_at:
                    reset(secured)
                    return
                lines.write(b"354 go\r\n" if verb == b"DATA" else b"250 OK\r\n")
                lines.flush()
                if verb == b"DATA":
                    content = b""
                    while (text := lines.readline()) not in (b".\r\n", b""):
                        content += text.removeprefix(b".")
                    peer.requests.append(content)
                    if not last:
                        reset(secured)
                        return
                    lines.write(last.encode() + b"\r\n")
                    lines.flush()

    return serve


def run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def nothing(_phase: Phase) -> None:
    return None


async def post(port: int, context: ssl.SSLContext, times: int = 1) -> list[str | None]:
    line = OperatorLine(Endpoint(host="127.0.0.1", port=port, name="localhost", client_name="relais.test"), context)
    try:
        return [(await line.send(MAIL, sender=SENDER, recipient=RECIPIENT, on_phase=nothing)).queue_id for _ in range(times)]
    finally:
        await line.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_burst_arrives_whole(version: ssl.TLSVersion) -> None:
    with running(conversation("250 2.0.0 Ok: queued as ABC123"), server_context(version=version)) as peer:
        assert run(post(peer.port, client_context(), 2)) == ["ABC123", "ABC123"]
    assert peer.requests == [MAIL, MAIL]
    assert peer.connections == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_certificate_is_a_matter_of_configuration(version: ssl.TLSVersion) -> None:
    stranger = client_context(leaf=Pki.create("AILLEURS").issue(AUTH_CLI))
    with running(conversation("250 OK"), server_context(version=version)) as peer, pytest.raises(OperatorTlsRefused):
        run(post(peer.port, stranger))
    assert peer.requests == []


@pytest.mark.parametrize(
    ("cut_at", "kind"),
    [(b"MAIL", OperatorUnavailable), (b"RCPT", OperatorUnavailable), (b"DATA", OperatorUnavailable), (b"", SmtpOutcomeUnknown)],
)
def test_a_cut_is_judged_by_what_had_left(cut_at: bytes, kind: type[SmtpFault]) -> None:
    with running(conversation("", cut_at)) as peer, pytest.raises(kind) as caught:
        run(post(peer.port, client_context()))
    assert type(caught.value) is kind
    assert len(peer.requests) == (kind is SmtpOutcomeUnknown)
