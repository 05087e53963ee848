"""The sandbox as a process: ready file, signals, restart, ports, and a DMP that answers behind its own door."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.sandbox.capture import CaptureFolder, Received
from gateway.sandbox.problems import PortTaken, SandboxHomeDamaged
from gateway.sandbox.run import Ports, Sandbox, main
from tests.sandbox.conftest import MAILBOX, STRUCTURE, Identity, client_context
from tests.sandbox.mss.stranger import PROFESSIONAL, Letter

READY_SECONDS = 30


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def started(home: Path, processes: list[subprocess.Popen[str]], *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "gateway.sandbox.run", "--home", str(home), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes.append(process)
    deadline = time.monotonic() + READY_SECONDS
    while not (home / "sandbox.json").exists() or json.loads((home / "sandbox.json").read_bytes())["pid"] != process.pid:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    values: dict[str, Any] = json.loads((home / "sandbox.json").read_bytes())
    return values


def control(addresses: dict[str, Any], method: str, path: str, values: object = None) -> Any:
    connection = http.client.HTTPConnection(urlsplit(addresses["control"]).netloc, timeout=10)
    connection.request(method, path, None if values is None else json.dumps(values))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def send(addresses: dict[str, Any], sandbox_root: str, identity: Identity) -> None:
    context = ssl.create_default_context(cadata=sandbox_root)
    context.load_cert_chain(identity.file)
    with smtplib.SMTP(addresses["smtp"]["host"], addresses["smtp"]["port"], local_hostname="relais.test", timeout=10) as client:
        client.starttls(context=context)
        client.sendmail(MAILBOX, [PROFESSIONAL], Letter().rendered())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ready_file_then_a_clean_stop(home: Path, processes: list[subprocess.Popen[str]], number: int) -> None:
    addresses = started(home, processes)
    assert addresses["dmp"].endswith("/si-dmp-server/v2/services")
    assert addresses["smtp"]["host"] == "127.0.0.1"
    assert Path(addresses["pki"], "root.pem").exists()
    assert control(addresses, "GET", "/ledger/dmp") == []
    processes[0].send_signal(number)
    output, errors = processes[0].communicate(timeout=10)
    assert processes[0].returncode == 0
    assert output.endswith("ready\n")
    assert errors == ""
    assert not (home / "sandbox.json").exists()


def test_a_killed_sandbox_comes_back_with_its_ledger_ports_and_numbering(
    home: Path, identities: dict[str, Identity], processes: list[subprocess.Popen[str]]
) -> None:
    first = started(home, processes)
    enrolled = control(first, "POST", "/enrol", {"structure": STRUCTURE, "organisation": "CABINET DU PARC", "mailbox": MAILBOX})
    send(first, enrolled["ca"], identities["auth_cli"])
    control(first, "POST", "/patients", {**control(first, "GET", "/patients")[0], "dmp": "closed"})
    os.kill(first["pid"], signal.SIGKILL)
    processes[0].wait()
    second = started(home, processes)
    assert {**second, "pid": 0} == {**first, "pid": 0}
    send(second, enrolled["ca"], identities["auth_cli"])
    (row,) = control(second, "GET", "/ledger/mss")
    assert row["times_received"] == 2
    assert control(second, "GET", "/patients")[0]["dmp"] == "closed"
    assert sorted(path.name for path in (home / "received" / "mss").glob("*.eml")) == ["000001.eml", "000002.eml"]


async def test_given_ports_are_taken_or_refused(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PortTaken):
            async with Sandbox(home, ports=Ports(smtp=taken)):
                pytest.fail("the port was not free")
        assert not (home / "sandbox.json").exists()
    async with Sandbox(home, ports=Ports(smtp=taken)) as sandbox:
        assert sandbox.addresses["smtp"]["port"] == taken


async def test_the_former_port_is_given_up_when_another_has_it(home: Path) -> None:
    async with Sandbox(home) as sandbox:
        former = sandbox.addresses["smtp"]["port"]
    with socket.create_server(("127.0.0.1", former)):
        async with Sandbox(home) as sandbox:
            assert sandbox.addresses["smtp"]["port"] != former


def test_a_home_that_cannot_be_used_is_said_in_french(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "patients.json").write_bytes(b"{")
    assert main(["--home", str(home)]) == 1
    assert "illisible" in capsys.readouterr().err


def test_a_ledger_that_is_no_database_is_said_to_be_damaged(home: Path) -> None:
    (home / "mss.sqlite").write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(SandboxHomeDamaged):
        Sandbox(home)


async def test_the_dmp_judges_behind_the_door(sandbox: Sandbox, identities: dict[str, Identity]) -> None:
    def post() -> tuple[int, bytes]:
        address = urlsplit(sandbox.addresses["dmp"])
        connection = http.client.HTTPSConnection(address.netloc, context=client_context(sandbox.pki, identities["auth_cli"]), timeout=10)
        connection.request("POST", f"{address.path}/patients", b"<nothing/>", {"Content-Type": "application/soap+xml"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    status, body = await asyncio.to_thread(post)
    assert status >= 400
    assert b"Fault" in body
    note = json.loads((sandbox.home / "received" / "dmp" / "000001.json").read_bytes())
    assert note["failed_rules"]
    assert (sandbox.home / "received" / "dmp" / "000001.http").read_bytes().endswith(b"\r\n\r\n<nothing/>")


def test_captures_are_numbered_on_from_the_last(tmp_path: Path) -> None:
    note = Received(time=datetime.now(UTC), status=200)
    assert CaptureFolder(tmp_path, "dmp", "http").keep(b"one", note) == 1
    assert CaptureFolder(tmp_path, "dmp", "http").keep(b"two", note) == 2
    assert (tmp_path / "received" / "dmp" / "000002.http").read_bytes() == b"two"
