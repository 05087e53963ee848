"""TLS contexts over real sockets: who is accepted, who is not, on the sync, asyncio and uvloop paths."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop

from gateway.trust.errors import ChainUntrusted
from gateway.trust.identity import TlsIdentity
from gateway.trust.tls import TlsContext, client_context, server_context
from tests.trust.pki import AUTH_CLI, NOW, SERVER, Leaf, Pki, shared_leaf, shared_pki

PKI = shared_pki()


def identity(leaf: Leaf) -> TlsIdentity:
    return TlsIdentity(leaf.key, leaf.certificate, leaf.issuers)


def server(leaf: Leaf | None = None, *, crls: Sequence[bytes] = ()) -> TlsContext:
    return server_context(identity(leaf or shared_leaf(SERVER)), client_anchors_pem=PKI.anchors_pem, crls=crls, require_client=True)


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"seen " + await reader.readline())
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.sleep(0.05)


async def talk(server_side: ssl.SSLContext, client_side: ssl.SSLContext, name: str = "127.0.0.1") -> bytes:
    async with listening(server_side) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_side, server_hostname=name)
        try:
            writer.write(b"hello\n")
            return await reader.readline()
        finally:
            writer.close()


async def test_mutual_tls_with_the_configured_authority() -> None:
    assert await talk(server(), client_context(identity(shared_leaf(AUTH_CLI)), PKI.root_pem)) == b"seen hello\n"


def test_the_same_on_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(talk(server(), client_context(identity(shared_leaf(AUTH_CLI)), PKI.root_pem))) == b"seen hello\n"


def test_only_the_given_authorities_are_trusted() -> None:
    context = client_context(None, PKI.root_pem)
    assert [dict(entry[0] for entry in one["subject"])["commonName"] for one in context.get_ca_certs()] == ["TEST AC RACINE TILLEULS"]  # type: ignore[misc]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_STRICT


async def test_a_server_of_another_authority_is_refused() -> None:
    other = Pki.create("ETRANGERE")
    with pytest.raises(ssl.SSLCertVerificationError):
        await talk(server(other.issue(SERVER)), client_context(identity(shared_leaf(AUTH_CLI)), PKI.anchors_pem))


async def test_a_server_of_another_name_is_refused() -> None:
    leaf = PKI.issue(SERVER, names=["autre.test"])
    with pytest.raises(ssl.SSLCertVerificationError, match=r"IP address mismatch|not valid for"):
        await talk(server(leaf), client_context(identity(shared_leaf(AUTH_CLI)), PKI.anchors_pem))
    lax = client_context(identity(shared_leaf(AUTH_CLI)), PKI.anchors_pem, check_hostname=False)
    assert await talk(server(leaf), lax) == b"seen hello\n"


async def test_an_expired_server_is_refused() -> None:
    leaf = PKI.issue(SERVER, not_before=NOW - timedelta(days=30), not_after=NOW - timedelta(days=1))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await talk(server(leaf), client_context(identity(shared_leaf(AUTH_CLI)), PKI.anchors_pem))


@pytest.mark.parametrize("stale", [False, True], ids=["fresh list", "stale list"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_revoked_server_is_refused_even_by_a_stale_list(stale: bool, loop: str) -> None:
    pki = Pki.create("REVOCATIONS")
    good, bad = pki.issue(SERVER), pki.issue(SERVER)
    pki.revoke(bad)
    crl = pki.crl_pem(issued=NOW - timedelta(days=9), next_update=NOW - timedelta(days=2)) if stale else pki.crl_pem()
    context = client_context(None, pki.anchors_pem, crls=[crl])
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(talk(server_context(identity(good)), context)) == b"seen hello\n"
        with pytest.raises(ssl.SSLCertVerificationError, match="revoked") as refusal:
            runner.run(talk(server_context(identity(bad)), context))
    assert refusal.value.verify_code == 23


async def test_a_revoked_client_is_refused() -> None:
    pki = Pki.create("CLIENTS")
    client = pki.issue(AUTH_CLI)
    pki.revoke(client)
    context = server_context(identity(pki.issue(SERVER)), client_anchors_pem=pki.anchors_pem, crls=[pki.crl_der()], require_client=True)
    try:
        answer = await talk(context, client_context(identity(client), pki.anchors_pem))
    except OSError:
        answer = b""
    assert answer == b""


async def test_a_list_of_a_stranger_revokes_nothing() -> None:
    stranger = Pki.create("TILLEULS")
    leaf = PKI.issue(SERVER)
    stranger.revoked[leaf.certificate.serial_number] = NOW
    context = client_context(None, PKI.anchors_pem, crls=[stranger.crl_pem()])
    assert context.lists == ()
    assert await talk(server_context(identity(leaf)), context) == b"seen hello\n"


async def test_a_sync_client_refuses_a_revoked_server() -> None:
    pki = Pki.create("SYNC")
    leaf = pki.issue(SERVER)
    pki.revoke(leaf)
    context = client_context(None, pki.anchors_pem, crls=[pki.crl_pem()])

    def connect(port: int) -> None:
        import socket

        with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1"):
            pass

    async with listening(server_context(identity(leaf))) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
            await asyncio.to_thread(connect, port)


async def test_a_client_certificate_is_needed_where_required() -> None:
    try:
        answer = await talk(server(), client_context(None, PKI.anchors_pem))
    except OSError:
        answer = b""
    assert answer == b""


async def test_a_new_identity_is_shown_without_a_new_context() -> None:
    context = server_context(identity(shared_leaf(SERVER)))
    fresh = PKI.issue(SERVER)
    context.show(identity(fresh))
    async with listening(context) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(None, PKI.root_pem), server_hostname="localhost")
        assert writer.get_extra_info("ssl_object").getpeercert(True) == fresh.der
        writer.close()


def test_authorities_that_are_none_are_refused() -> None:
    for wrong in (b"", b"not PEM", PKI.chain_pem):
        with pytest.raises(ChainUntrusted):
            client_context(None, wrong)
    with pytest.raises(ChainUntrusted):
        server_context(identity(shared_leaf(SERVER)), require_client=True)


def test_no_key_is_left_open_or_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    client_context(identity(shared_leaf(AUTH_CLI)), PKI.root_pem)
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
