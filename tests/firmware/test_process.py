from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.processes import ROOT, running

PROGRAM = """
import os, ctypes, resource
from firmware.process import harden_process
if os.geteuid() == 0:
    os.setuid(65534)
harden_process()
memory = os.memfd_create("proof")
os.write(memory, b"readable")
print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(open(f"/proc/self/fd/{memory}").read(), len(open("/proc/self/mountinfo").read()) > 0)
"""


def test_a_hardened_process_leaves_no_core_and_still_reads_its_own_memory_files() -> None:
    """As an ordinary user when the tests run as root: the kernel treats root otherwise."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -S -n 256; exec "$0" -c "$1"', sys.executable, PROGRAM],
        cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    found = re.fullmatch(r"0 \(0, 0\) (\d+)", first)
    assert found is not None, first
    assert int(found[1]) > 256
    assert second == "readable True"


def test_the_gateway_is_hardened(tmp_path: Path) -> None:
    with running(tmp_path) as (_, gateway):
        limits = Path(f"/proc/{gateway.facts['pid']}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        owner = Path(f"/proc/{gateway.facts['pid']}/environ").stat().st_uid
        assert owner == 0, "the kernel gives what is not dumpable to root"


@pytest.mark.parametrize("how", ["socket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo('localhost', 80)"])
def test_a_process_may_reach_nobody(how: str) -> None:
    code = f"import socket\nfrom firmware.process import NoNetwork, forbid_network\nforbid_network()\ntry:\n    {how}\n"
    code += "except NoNetwork:\n    raise SystemExit(7)\n"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 7
