"""A simulated HTTPS service seen by real clients: mutual TLS, verbatim captures, each accident at its place."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from gateway.sandbox.capture import CaptureFolder
from gateway.sandbox.certificate_profiles import AUTH_CLI, SIGN
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.exchange import Answer, Request, Verdict
from gateway.sandbox.faults import CONNECTION_FAULTS, REQUEST_FAULTS, FaultBoard
from gateway.sandbox.http_server import HttpServer
from gateway.sandbox.judged import JudgedService
from gateway.sandbox.lane import Lane
from gateway.sandbox.pki import Pki
from gateway.sandbox.tls import ServerTls
from tests.sandbox.conftest import Identity, client_context, written
from tests.tools import need_tool

DEATHS = (ConnectionError, ssl.SSLError)
PATH = "/si-dmp-server/v2/services/repository"


@dataclass(slots=True)
class Notary:
    """A judge that commits everything, and says whether the evidence was on disk before."""

    received: Path
    judged: list[Request] = field(default_factory=list)
    committed: list[bytes] = field(default_factory=list)
    evidence_at_commit: list[int] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    first_commit: threading.Event = field(default_factory=threading.Event)
    busy: int = 0
    most_at_once: int = 0

    def judge(self, request: Request) -> Verdict:
        self.busy += 1
        self.most_at_once = max(self.busy, self.most_at_once)
        self.threads.add(threading.current_thread().name)
        self.judged.append(request)
        self.busy -= 1
        if request.body == b"crash":
            raise RuntimeError("bug")
        answer = Answer(200, "application/soap+xml", b"<seen/>" + request.body)
        failed = ("dmp.test.rule",) if request.body == b"bad" else ()
        return Verdict(answer, failed, lambda: self._commit(request))

    def _commit(self, request: Request) -> None:
        self.evidence_at_commit.append(len(list(self.received.glob("*.json"))))
        self.committed.append(request.body)
        self.first_commit.set()


@dataclass(slots=True)
class Bench:
    pki: Pki
    server: HttpServer
    faults: FaultBoard
    notary: Notary
    identities: dict[str, Identity]

    @property
    def port(self) -> int:
        return self.server.listener.port

    def connect(self, identity: str | None = "auth_cli") -> ssl.SSLSocket:
        context = client_context(self.pki, self.identities[identity] if identity else None)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=10), server_hostname="127.0.0.1")

    def post(self, body: bytes = b"hello", path: str = PATH, **headers: str) -> tuple[int, bytes]:
        context = client_context(self.pki, self.identities["auth_cli"])
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=10)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/soap+xml", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def note(self, number: int) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.notary.received / f"{number:06d}.json").read_bytes())
        return values

    def captured(self, number: int) -> bytes:
        return (self.notary.received / f"{number:06d}.http").read_bytes()


@pytest.fixture
async def bench(home: Path, identities: dict[str, Identity]) -> AsyncIterator[Bench]:
    pki, clock, lane = Pki(home / "pki"), SandboxClock(), Lane("test")
    faults = FaultBoard({"dmp": (*CONNECTION_FAULTS, *REQUEST_FAULTS)})
    notary = Notary(home / "received" / "dmp")
    service = JudgedService(
        "dmp", notary, capture=CaptureFolder(home, "dmp", "http"), faults=faults, tls=ServerTls(pki), lane=lane, now=clock.now
    )
    server = HttpServer(service, clock.now)
    await server.listener.start(0)
    yield Bench(pki, server, faults, notary, dict(identities))
    await server.listener.stop()
    lane.close()


async def test_a_request_is_judged_kept_committed_and_answered(bench: Bench) -> None:
    assert await asyncio.to_thread(bench.post, b"hello") == (200, b"<seen/>hello")
    assert bench.notary.committed == [b"hello"]
    assert bench.notary.evidence_at_commit == [1]
    request = bench.notary.judged[0]
    assert (request.method, request.path, request.header("content-TYPE")) == ("POST", PATH, "application/soap+xml")
    assert request.client_certificate is not None
    assert x509.load_der_x509_certificate(request.client_certificate) == bench.identities["auth_cli"].issued.certificate


async def test_the_capture_is_byte_exact_over_raw_tls(bench: Bench) -> None:
    body = bytes(range(256)) * 3
    raw = b"POST " + PATH.encode() + b" HTTP/1.1\r\nHOST:  h\r\nx-CASE: \xe9t\xe9 \r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def send() -> bytes:
        with bench.connect() as client:
            for piece in range(0, len(raw), 7):
                client.sendall(raw[piece : piece + 7])
            return client.recv(65536)

    assert (await asyncio.to_thread(send)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert bench.captured(1) == raw
    note = bench.note(1)
    assert (note["status"], note["failed_rules"], note["fault"], note["complete"]) == (200, [], None, True)
    assert x509.load_pem_x509_certificate(note["client_certificate"].encode()) == bench.identities["auth_cli"].issued.certificate


async def test_chunked_bodies_and_expect_continue_are_spoken(bench: Bench) -> None:
    def send() -> bytes:
        with bench.connect() as client:
            head = b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
            client.sendall(head)
            assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(b"5\r\nhello\r\n0\r\n\r\n")
            return client.recv(65536)

    assert (await asyncio.to_thread(send)).endswith(b"<seen/>hello")
    assert bench.captured(1).endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


async def test_a_connection_serves_many_requests_one_judged_at_a_time(bench: Bench) -> None:
    def many() -> list[bytes]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", bench.port, context=client_context(bench.pki, bench.identities["auth_cli"]), timeout=10
        )
        answers = []
        for turn in range(10):
            connection.request("POST", PATH, b"%d" % turn)
            answers.append(connection.getresponse().read())
        connection.close()
        return answers

    first, second = await asyncio.gather(asyncio.to_thread(many), asyncio.to_thread(many))
    assert first == second == [b"<seen/>%d" % turn for turn in range(10)]
    assert bench.notary.most_at_once == 1
    assert bench.notary.threads == {"sandbox-test_0"}


async def test_broken_rules_are_noted(bench: Bench) -> None:
    await asyncio.to_thread(bench.post, b"bad")
    assert bench.note(1)["failed_rules"] == ["dmp.test.rule"]


async def test_what_is_no_http_is_answered_400_and_kept(bench: Bench) -> None:
    def send() -> bytes:
        with bench.connect() as client:
            client.sendall(b"NOT HTTP\r\n\r\n")
            return client.recv(65536)

    assert (await asyncio.to_thread(send)).startswith(b"HTTP/1.1 400 ")
    assert bench.captured(1) == b"NOT HTTP\r\n\r\n"
    assert (bench.note(1)["status"], bench.note(1)["complete"]) == (400, False)


async def test_a_judge_that_fails_answers_500(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    assert (await asyncio.to_thread(bench.post, b"crash"))[0] == 500
    assert bench.note(1)["failed_rules"] == ["sandbox.judge-crashed"]
    assert "judge of dmp failed" in caplog.text


def refused(bench: Bench, identity: str | None) -> str:
    """How the service turns this client away; the reason as TLS says it."""
    try:
        with bench.connect(identity) as client:
            client.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            assert client.recv(100) == b""
    except OSError as error:
        return str(error)
    return "closed"


async def test_without_a_certificate_nothing_is_read(bench: Bench) -> None:
    assert await asyncio.to_thread(refused, bench, None)
    assert bench.notary.judged == []


@pytest.mark.parametrize("variant", ["sign", "foreign", "revoked", "expired", "not_yet_valid", "without_signature"])
async def test_dmp35_a_wrong_certificate_fails_the_handshake(bench: Bench, variant: str, tmp_path: Path) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    periods = {"expired": (now - 2 * day, now - day), "not_yet_valid": (now + day, now + 2 * day)}
    start, end = periods.get(variant, (None, None))
    profiles = {"sign": SIGN, "without_signature": replace(AUTH_CLI, digital_signature=False)}
    issued = bench.pki.issue(
        profiles.get(variant, AUTH_CLI),
        struct_id="10B0152872",
        organisation="CABINET DU PARC",
        common_name="relais.test",
        not_before=start,
        not_after=end,
        issuer="foreign" if variant == "foreign" else "organisations",
    )
    if variant == "revoked":
        bench.pki.revoke(serial=issued.serial)
    bench.identities[variant] = written(issued, tmp_path / "wrong.pem")
    assert await asyncio.to_thread(refused, bench, variant)
    assert bench.notary.judged == []
    assert (await asyncio.to_thread(bench.post))[0] == 200


async def test_revocation_bites_at_once(bench: Bench) -> None:
    assert (await asyncio.to_thread(bench.post))[0] == 200
    bench.pki.revoke(serial=bench.identities["auth_cli"].issued.serial)
    assert await asyncio.to_thread(refused, bench, "auth_cli")
    assert len(bench.notary.judged) == 1


async def test_openssl_agrees_on_the_chain_and_the_protocol(bench: Bench) -> None:
    def s_client(*options: str) -> subprocess.CompletedProcess[str]:
        identity = str(bench.identities["auth_cli"].file)
        fixed = [
            "-connect",
            f"127.0.0.1:{bench.port}",
            "-CAfile",
            str(bench.pki.folder / "root.pem"),
            "-verify_return_error",
            "-x509_strict",
        ]
        command = [need_tool("openssl"), "s_client", *fixed, "-verify_ip", "127.0.0.1", "-cert", identity, "-key", identity, *options]
        return subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=20)

    modern = await asyncio.to_thread(s_client)
    assert "Verify return code: 0 (ok)" in modern.stdout
    assert "RELAIS BAC A SABLE AC ELEMENTAIRE ORGANISATIONS" in modern.stdout
    assert (await asyncio.to_thread(s_client, "-tls1_2")).returncode == 0
    assert (await asyncio.to_thread(s_client, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")).returncode != 0


@pytest.mark.parametrize("fault", ["certificate_expired", "certificate_revoked", "certificate_foreign", "certificate_other_host"])
async def test_mss03_a_wrong_server_certificate_is_refused_by_a_careful_client(bench: Bench, fault: str) -> None:
    bench.faults.arm("dmp", fault, 1, {})

    def post() -> tuple[int, bytes]:
        context = client_context(bench.pki, bench.identities["auth_cli"])
        context.load_verify_locations(bench.pki.folder / "crl.pem")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        connection = http.client.HTTPSConnection("127.0.0.1", bench.port, context=context, timeout=10)
        connection.request("POST", PATH, b"x")
        return connection.getresponse().status, b""

    if fault == "certificate_revoked":
        ServerTls(bench.pki).context(fault)
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(post)
    assert (await asyncio.to_thread(bench.post))[0] == 200


async def test_mss02_an_obsolete_protocol_is_refused_by_a_careful_client(bench: Bench) -> None:
    bench.faults.arm("dmp", "tls_1_1", 1, {})
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol|version|alert"):
        await asyncio.to_thread(bench.post)


async def test_fault_unavailable_answers_503_and_judges_nothing(bench: Bench) -> None:
    bench.faults.arm("dmp", "unavailable", 2, {})
    assert [(await asyncio.to_thread(bench.post))[0] for _ in range(3)] == [503, 503, 200]
    assert len(bench.notary.judged) == 1
    assert (bench.note(1)["status"], bench.note(1)["fault"]) == (503, "unavailable")


async def test_fault_refuse_connection_resets_at_accept_and_between_requests(bench: Bench) -> None:
    bench.faults.arm("dmp", "refuse_connection", 0, {})
    for _ in range(3):
        with pytest.raises(DEATHS):
            await asyncio.to_thread(bench.post)
    bench.faults.reset()

    def keep_alive() -> None:
        with bench.connect() as client:
            request = b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
            client.sendall(request)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            bench.faults.arm("dmp", "refuse_connection", 1, {})
            client.sendall(request)
            with pytest.raises(ConnectionResetError):
                socket.socket.recv(client, 65536)  # below TLS, whose layer calls a reset an end of file

    await asyncio.to_thread(keep_alive)
    assert len(bench.notary.judged) == 1


async def test_fault_lost_answer_commits_then_dies_without_a_byte(bench: Bench) -> None:
    bench.faults.arm("dmp", "lost_answer", 1, {})
    with pytest.raises(DEATHS):
        await asyncio.to_thread(bench.post)
    assert bench.notary.committed == [b"hello"]
    assert (bench.note(1)["status"], bench.note(1)["fault"]) == (None, "lost_answer")


async def test_fault_cut_before_commit_reads_all_and_keeps_nothing(bench: Bench) -> None:
    bench.faults.arm("dmp", "cut_before_commit", 1, {})
    with pytest.raises(DEATHS):
        await asyncio.to_thread(bench.post, b"x" * 500_000)
    assert bench.notary.judged == []
    assert bench.captured(1).endswith(b"\r\n\r\n" + b"x" * 500_000)
    assert (bench.note(1)["status"], bench.note(1)["fault"]) == (None, "cut_before_commit")


@pytest.mark.parametrize("commit", [True, False])
async def test_fault_garbage_answers_200_with_rubbish(bench: Bench, commit: bool) -> None:
    bench.faults.arm("dmp", "garbage", 1, {"commit": commit})
    status, body = await asyncio.to_thread(bench.post)
    assert status == 200
    assert b"<seen/>" not in body
    assert bench.notary.committed == ([b"hello"] if commit else [])


async def test_fault_slow_commits_first_and_answers_late(bench: Bench) -> None:
    bench.faults.arm("dmp", "slow", 1, {"seconds": 0.5})
    late = asyncio.create_task(asyncio.to_thread(bench.post))
    await asyncio.to_thread(bench.notary.first_commit.wait, 10)
    assert not late.done()
    assert (await asyncio.to_thread(bench.post, b"other"))[0] == 200
    assert await late == (200, b"<seen/>hello")


async def test_fault_reset_mid_body_of_the_request_keeps_the_half_that_came(bench: Bench) -> None:
    bench.faults.arm("dmp", "reset_mid_body", 1, {})
    with pytest.raises(DEATHS):
        await asyncio.to_thread(bench.post, b"x" * 3_000_000)
    assert bench.notary.judged == []
    assert bench.captured(1).endswith(b"\r\n\r\n" + b"x" * 1_500_000)
    assert (bench.note(1)["complete"], bench.note(1)["fault"]) == (False, "reset_mid_body")


async def test_fault_reset_mid_body_of_the_answer_comes_after_the_commit(bench: Bench) -> None:
    bench.faults.arm("dmp", "reset_mid_body", 1, {"of": "answer"})
    with pytest.raises((http.client.IncompleteRead, *DEATHS)):
        await asyncio.to_thread(bench.post, b"x" * 200_000)
    assert len(bench.notary.committed) == 1


async def test_a_fault_may_aim_at_a_path(bench: Bench) -> None:
    bench.faults.arm("dmp", "unavailable", 1, {"path": "repository"})
    assert (await asyncio.to_thread(bench.post, b"x", "/si-dmp-server/v2/services/patients"))[0] == 200
    assert (await asyncio.to_thread(bench.post))[0] == 503
    assert (await asyncio.to_thread(bench.post))[0] == 200


async def test_stopping_ends_open_connections(bench: Bench) -> None:
    def idle() -> bytes:
        with bench.connect() as client:
            opened.set()
            try:
                return client.recv(10)
            except OSError:
                return b""

    opened = threading.Event()
    waiting = asyncio.create_task(asyncio.to_thread(idle))
    await asyncio.to_thread(opened.wait)
    await asyncio.sleep(0.05)
    await bench.server.listener.stop()
    assert await waiting == b""
