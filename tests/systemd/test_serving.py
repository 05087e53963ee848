"""A gateway that systemd starts: its ports given open, ready said once, and the watchdog fed until it is stopped or stuck."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.scene import eventually
from tests.rig.processes import ROOT, Gateway, Sandbox, environment
from tests.tools import need_tool

SECONDS = 1.5


class Told:
    """What a service says, as systemd hears it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))

    def next(self, within: float) -> str | None:
        self.socket.settimeout(within)
        try:
            return self.socket.recv(4096).decode()
        except TimeoutError:
            return None

    def until(self, word: str, within: float = 60.0) -> None:
        while (said := self.next(within)) != word:
            assert said is not None, f"{word} was not said"

    def silent(self, seconds: float) -> bool:
        """What was under way may still come once."""
        self.next(0.01)
        return self.next(seconds) is None


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home enrolled against a sandbox that has gone: the services do not answer, which is no reason to fall."""
    folder = tmp_path_factory.mktemp("box")
    sandbox, gateway = Sandbox(folder / "sandbox"), Gateway(folder / "home")
    try:
        sandbox.start()
        gateway.enrol(sandbox)
    finally:
        sandbox.stop()
    return gateway.home


@contextmanager
def activated(home: Path, told: Told) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """The gateway behind systemd's own tool for sockets, woken by a first connection; its two ports."""
    program = need_tool("systemd-socket-activate")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
    more = environment() | {"NOTIFY_SOCKET": str(told.path), "WATCHDOG_USEC": str(int(SECONDS * 1e6))}
    names = [f"--setenv={name}" for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "PYTHONPYCACHEPREFIX")]
    command = [program, *(f"--listen=127.0.0.1:{port}" for port in ports), *names, sys.executable, "-m", "gateway", "serve"]
    with (home.parent / "activated.log").open("ab") as log:
        process = subprocess.Popen([*command, "--home", str(home)], cwd=ROOT, env=more, stdout=log, stderr=log, start_new_session=True)
    try:
        eventually(lambda: _answers(ports[1]))
        yield process, ports
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(30)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_a_box_that_systemd_starts(home: Path, tmp_path: Path) -> None:
    told = Told(tmp_path)
    with closing(told.socket), activated(home, told) as (process, ports):
        told.until("READY=1")
        trust = ssl.create_default_context(cafile=str(home / "lan-ca.pem"))
        for port in ports:
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trust) as client:
                assert client.get("/api/v1/status").status_code == 200
                assert client.get("/").status_code in (200, 302, 303, 401)
        assert f":{ports[0]}/api/v1" in (home / "gateway.json").read_text()
        told.until("WATCHDOG=1")
        told.until("WATCHDOG=1")

        with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            eventually(lambda: told.silent(SECONDS))
            other.execute("ROLLBACK")
        told.until("WATCHDOG=1")

        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: told.silent(SECONDS))
        os.kill(process.pid, signal.SIGCONT)
        told.until("WATCHDOG=1")

        process.terminate()
        told.until("STOPPING=1")
        assert process.wait(30) == 0
