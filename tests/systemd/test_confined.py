"""What the units refuse is refused, and what the box needs is there: asked of the kernel from inside, one thing after the other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.rig.processes import ROOT
from tests.systemd.confine import confined
from tests.tools import need_tool

PYTHON = (sys.executable, "-c")
PROBE = """
import ctypes, errno, mmap, os, socket, subprocess, sys
from firmware.clock import kernel_synchronised

def refused(act):
    try:
        act()
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return "done"

libc = ctypes.CDLL(None, use_errno=True)
def asked(*call):
    return "done" if libc.syscall(*call) >= 0 else errno.errorcode[ctypes.get_errno()]

print("clock", asked(159, ctypes.create_string_buffer(512)), kernel_synchronised() in (True, False))
print("set-clock", asked(227, 0, ctypes.create_string_buffer(16)))
print("internet", refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)))
print("netlink", refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))
print("unix", refused(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)))
print("code", refused(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)))
print("namespace", asked(272, 0x10000000))
print("trace", asked(101, 0, 0, 0, 0))
print("settings", refused(lambda: open(sys.argv[1] + "/relais.toml", "a")))
print("replaced", refused(lambda: os.rename(sys.argv[1] + "/other", sys.argv[1] + "/relais.toml")))
print("state", refused(lambda: open(sys.argv[1] + "/journal", "w")))
print("system", refused(lambda: open("/usr/relais", "w")))
print("network", len(open("/proc/net/dev").readlines()) - 2)
print("tools", subprocess.run(["prlimit", "--as=500000000", "--", "nice", "-n", "5", "gs", "--version"], capture_output=True).returncode)
"""
NUMBERS = "x86_64"
"""The numbers of the system calls above are those of this processor."""


def _probed(name: str, folder: Path) -> dict[str, str]:
    if os.uname().machine != NUMBERS:
        pytest.skip("the probe knows the system calls of x86_64 alone")
    home = folder / "home"
    home.mkdir()
    for one in ("relais.toml", "other"):
        (home / one).touch()
    command = [*PYTHON, PROBE, str(home)]
    told = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    done = confined(name, command, folder / "bpf", writable=home, read_only=home / "relais.toml", environment=told)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_what_the_gateway_may_and_may_not(tmp_path: Path) -> None:
    need_tool("gs")
    assert _probed("relais.service", tmp_path) == {
        "clock": "done True", "set-clock": "EPERM", "internet": "EAFNOSUPPORT", "netlink": "EAFNOSUPPORT", "unix": "done", "code": "EPERM",
        "namespace": "EPERM", "trace": "EPERM", "settings": "EROFS", "replaced": "EBUSY", "state": "done", "system": "EROFS",
        "network": "1", "tools": "0",
    }  # fmt: skip


def test_what_the_way_out_may_and_may_not(tmp_path: Path) -> None:
    said = _probed("relais-egress.service", tmp_path)
    wanted = {
        "clock": "EPERM True",
        "set-clock": "EPERM",
        "internet": "done",
        "netlink": "EAFNOSUPPORT",
        "code": "EPERM",
        "trace": "EPERM",
    }
    assert {name: said[name] for name in wanted} == wanted
    assert int(said["network"]) >= 1
