"""The TLS side: certificates shown by clients, ports, stopping, and clients that are refused while they still send."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.api.server import AddressTaken, serve_api
from gateway.flow.caller import certificate_digest
from gateway.journal.records import WorkstationRecord
from gateway.kernel.config import Limits
from gateway.kernel.ids import new_id
from gateway.trust.lan import LanAuthority
from gateway.trust.tls import client_context, server_context
from gateway.trust.vault import open_vault
from tests.api.rig import Box, Served, bearer, form, open_box, served
from tests.tools import need_tool
from tests.trust.pki import AUTH_CLI, shared_leaf, shared_pki

LARGE = 8_000_000


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[Served]:
    """A box that takes small documents only."""
    box = await open_box(tmp_path, limits=Limits(document_bytes=200_000, disk_reserve_bytes=0))
    async with served(box) as running:
        yield running


async def test_a_document_over_tls(here: Served) -> None:
    async with here.client() as client:
        answer = await client.post("/api/v1/documents", files=form())
        assert answer.status_code == 202
        assert (await client.get(answer.headers["location"])).json() == answer.json()
    assert "server" not in answer.headers


async def test_nothing_is_said_in_clear(here: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert not (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_client_that_does_not_know_the_authority_refuses_the_box(here: Served) -> None:
    async with httpx.AsyncClient(base_url=here.url, verify=ssl.create_default_context()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/api/v1/status")


async def test_openssl_sees_the_chain_and_tls_1_3(here: Served) -> None:
    openssl = need_tool("openssl")
    ca = here.box.home / "lan-ca.pem"
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{here.port}", "-CAfile", str(ca), "-verify_return_error", "-brief"]
    done = await asyncio.to_thread(subprocess.run, command, input=b"", capture_output=True, timeout=30, check=False)
    said = (done.stdout + done.stderr).decode()
    assert "Verification: OK" in said
    assert "TLSv1.3" in said


async def test_tls_1_1_is_refused(here: Served) -> None:
    openssl = need_tool("openssl")
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{here.port}", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]
    done = await asyncio.to_thread(subprocess.run, command, input=b"", capture_output=True, timeout=30, check=False)
    assert done.returncode != 0


async def test_a_workstation_may_come_with_a_certificate(box: Box) -> None:
    """Paired by its digest: the right certificate is a caller, another of the same authority is nobody, none is nobody."""
    paired, other = shared_leaf(AUTH_CLI), shared_pki().issue(AUTH_CLI)
    await pair(box, paired.certificate)
    answers = {}
    async with served_to_certificates(box) as (port, ca):
        for name, leaf in (("paired", paired), ("other", other), ("none", None)):
            trust = ssl.create_default_context(cafile=ca)
            if leaf is not None:
                chain = box.home / f"{name}.pem"
                chain.write_bytes(leaf.pem + leaf.chain_pem + leaf.key_pem)
                trust.load_cert_chain(chain)
            async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trust) as client:
                answers[name] = (await client.get("/api/v1/documents")).status_code
                forged = await client.get("/api/v1/documents", headers=bearer(certificate_digest(fingerprint(paired.certificate))))
                assert forged.status_code == 401
    assert answers == {"paired": 200, "other": 401, "none": 401}


async def pair(box: Box, certificate: x509.Certificate) -> None:
    digest = certificate_digest(fingerprint(certificate))
    await box.store.commit(WorkstationRecord(id=new_id(), name="LGC", token_digest=digest, structures=("10B0152872",), created_at=0))


def fingerprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


@asynccontextmanager
async def served_to_certificates(box: Box) -> AsyncIterator[tuple[int, str]]:
    """The box asking for client certificates of the tests' authority, optional."""
    authority = LanAuthority(box.home, open_vault(box.home))
    identity = authority.identity(("127.0.0.1",), datetime.now(UTC))
    context = server_context(identity, client_anchors_pem=shared_pki().anchors_pem)
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_api(box.application, context, "127.0.0.1", 0, ready=port.set_result, stop=stop))
    try:
        yield await port, str(authority.certificate_path)
    finally:
        stop.set()
        await task


async def test_a_port_that_is_taken_is_told(here: Served) -> None:
    authority = LanAuthority(here.box.home, open_vault(here.box.home))
    context = server_context(authority.identity(("127.0.0.1",), datetime.now(UTC)))
    with pytest.raises(AddressTaken) as refusal:
        await serve_api(here.box.application, context, "127.0.0.1", here.port, ready=lambda _: None, stop=asyncio.Event())
    assert str(here.port) in refusal.value.explanation.what


async def test_a_request_under_way_is_finished_before_the_box_stops(box: Box) -> None:
    async with served(box) as here, here.client() as client:
        request = asyncio.create_task(client.post("/api/v1/documents", files=form()))
        while not box.store._tables.documents:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
        answer = await request
    assert answer.status_code == 202
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", here.port), timeout=2)


async def test_our_tls_client_reaches_it_too(here: Served) -> None:
    context = client_context(None, (here.box.home / "lan-ca.pem").read_bytes())
    async with httpx.AsyncClient(base_url=here.url, verify=context) as client:
        assert (await client.get("/api/v1/status")).json() == {"ok": True}


def large_file(folder: Path) -> Path:
    path = folder / "grand.pdf"
    path.write_bytes(b"%PDF-1.7\n" + b"x" * LARGE)
    return path


@pytest.mark.parametrize("expect", [["-H", "Expect:"], []], ids=["at once", "asks first"])
@pytest.mark.parametrize(("token", "status"), [("own", 413), ("faux", 401)])
async def test_curl_gets_the_answer_of_a_refused_upload(narrow: Served, tmp_path: Path, expect: list[str], token: str, status: int) -> None:
    curl = need_tool("curl")
    shown = narrow.box.token if token == "own" else token
    command = [
        curl, "--silent", "--show-error", "--cacert", str(narrow.box.home / "lan-ca.pem"), "-H", f"Authorization: Bearer {shown}", *expect,
        "-F", "request={};type=application/json", "-F", f"file=@{large_file(tmp_path)};type=application/pdf",
        "-w", "\n%{http_code}", f"{narrow.url}/api/v1/documents",
    ]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    body, _, code = done.stdout.decode().rpartition("\n")
    assert int(code) == status
    assert json.loads(body)["status"] == status


def multipart(size: int) -> tuple[bytes, str]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    return head + b"x" * size + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


@pytest.mark.parametrize(("token", "status"), [("own", 413), ("faux", 401)])
async def test_python_clients_get_the_answer_of_a_refused_upload(narrow: Served, token: str, status: int) -> None:
    shown = narrow.box.token if token == "own" else token
    body, media = multipart(LARGE)
    headers = {**bearer(shown), "Content-Type": media}

    def with_urllib() -> int:
        request = urllib.request.Request(f"{narrow.url}/api/v1/documents", data=body, headers=headers, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, context=narrow.trust, timeout=60)
        return int(json.loads(refusal.value.read())["status"])

    def with_http_client() -> tuple[int, int]:
        connection = http.client.HTTPSConnection("127.0.0.1", narrow.port, context=narrow.trust, timeout=60)
        connection.request("POST", "/api/v1/documents", body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.request("GET", "/api/v1/status")
        again = connection.getresponse()
        again.read()
        connection.close()
        return answer.status, again.status

    async with narrow.client(shown) as client:
        assert (await client.post("/api/v1/documents", content=body, headers=headers)).status_code == status
        assert (await client.get("/api/v1/status", headers={"Authorization": ""})).status_code == 401
    assert await asyncio.to_thread(with_urllib) == status
    assert await asyncio.to_thread(with_http_client) == (status, 200)


async def test_a_caller_who_hangs_up_in_the_middle_leaves_nothing(here: Served, capsys: pytest.CaptureFixture[str]) -> None:
    def hang_up() -> None:
        with here.connect() as line:
            head = f"POST /api/v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {here.box.token}\r\n"
            head += "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 500000\r\n\r\n"
            line.sendall(head.encode() + multipart(100_000)[0][:-20])

    await asyncio.to_thread(hang_up)
    await asyncio.sleep(0.2)
    assert not here.box.store._tables.documents
    assert "unexpected error" not in capsys.readouterr().out


async def test_a_pipelined_second_request_is_answered_after_the_first(here: Served) -> None:
    def both() -> bytes:
        with here.connect() as line:
            one = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n"
            line.sendall(f"{one}\r\n{one}Connection: close\r\n\r\n".encode())
            received = b""
            while more := line.recv(65_536):
                received += more
            return received

    assert (await asyncio.to_thread(both)).count(b"HTTP/1.1 200 OK") == 2
