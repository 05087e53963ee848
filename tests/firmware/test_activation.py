"""What systemd hands over is taken by the rules of sd_listen_fds(3); what is not for this process is left alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from firmware.activation import passed_sockets
from firmware.notify import watchdog_seconds
from tests.rig.processes import ROOT
from tests.tools import need_tool

PROGRAM = """
import os
from firmware.activation import passed_sockets
found = passed_sockets()
print([one.getsockname()[1] for one in found], [os.get_inheritable(one.fileno()) for one in found], passed_sockets())
print([name for name in os.environ if name.startswith("LISTEN_")])
"""


@pytest.mark.parametrize("told", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}])
def test_what_is_for_another_process_or_says_nothing_gives_no_socket(told: dict[str, str]) -> None:
    environment = {"HOME": "/", **told}
    assert passed_sockets(environment) == []
    assert environment == {"HOME": "/"}, "children must not take it for theirs"


def test_systemd_hands_its_sockets_over() -> None:
    """By systemd's own tool: two ports, one program, at the first connection."""
    program = need_tool("systemd-socket-activate")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
    wanted = [f"--listen=127.0.0.1:{port}" for port in ports]
    command = [program, *wanted, f"--setenv=PYTHONPATH={ROOT}", sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "Listening on" in line and str(ports[1]) in line:
                    break
            with socket.create_connection(("127.0.0.1", ports[1]), 10):
                said = process.communicate(timeout=30)[0]
        finally:
            process.kill()
    assert said.splitlines() == [f"{ports} [False, False] []", "[]"]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_of_this_process_alone(told: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(told) == seconds
