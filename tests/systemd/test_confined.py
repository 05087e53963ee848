"""What the units refuse is refused, and the box works without it: a document reaches the DMP and a mailbox with no network in the gateway.

Files under /tmp are hidden from the confined program, as PrivateTmp= does: those it is given are bound back, one by one.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from tests.end_to_end.scene import EXAMPLES, UNHURRIED, Scene
from tests.rig.processes import ROOT, Gateway, Sandbox, environment
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
    process = confined(name, command, folder / "bpf", writable=[home], read_only=[home / "relais.toml"], environment=told)
    said, wrong = process.communicate(timeout=60)
    assert process.returncode == 0, wrong.decode()
    return dict(line.split(" ", 1) for line in said.decode().splitlines())


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


@contextmanager
def _listening(place: str | Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET if isinstance(place, str) else socket.AF_UNIX) as one:
        one.bind((place, 0) if isinstance(place, str) else str(place))
        one.listen(64)
        yield one


class Confined(Gateway):
    """A gateway whose unit holds it."""

    def __init__(self, home: Path, door: Path, passed: int) -> None:
        super().__init__(home)
        self._door, self._passed = door, passed

    @override
    def _launch(self) -> None:
        told = environment() | {"PYTHONPATH": str(ROOT), "RELAIS_EGRESS": str(self._door)}
        command = [sys.executable, "-m", "gateway", "serve", "--home", str(self.home)]
        kept = [self.home / "relais.toml", self._door.parent]
        with self.log.open("ab") as output:
            self.process = confined(
                "relais.service", command, self.home.parent / "gateway-bpf", writable=[self.home], read_only=kept, environment=told,
                passed=self._passed, output=output,
            )  # fmt: skip


@pytest.mark.slow
def test_documents_leave_a_gateway_that_has_no_network(tmp_path: Path) -> None:
    """The gateway under relais.service, the way out under relais-egress.service, each with its own filter; the services outside."""
    out = tmp_path / "out"
    out.mkdir()
    sandbox = Sandbox(tmp_path / "sandbox")
    with ExitStack() as stack:
        stack.callback(sandbox.stop)
        sandbox.start()
        door, lan = stack.enter_context(_listening(out / "socket")), stack.enter_context(_listening("127.0.0.1"))
        gateway = Confined(tmp_path / "home", out / "socket", lan.fileno())
        gateway.enrol(sandbox, settings=UNHURRIED)
        copy = tmp_path / "relais.toml"
        shutil.copy(gateway.home / "relais.toml", copy)
        stack.enter_context(_way_out(copy, door.fileno(), tmp_path))
        stack.callback(gateway.stop)
        gateway.start()
        scene = Scene(sandbox, gateway)
        stack.callback(scene.station.close)
        ended = scene.sent(scene.patient(), deliver={"dmp": True, "patient_mail": {"send": True}})
        assert {one["state"] for one in ended["deliveries"]} == {"delivered"}, gateway.told()
        assert len(scene.held_in_dmp(ended)) == 1
        converted = scene.sent(scene.patient(), file=(EXAMPLES / "courrier-non-pdfa.pdf").read_bytes(), deliver={"dmp": True})
        assert converted["deliveries"][0]["state"] == "delivered", gateway.told()
        assert _networks(gateway) == ["lo"]


@contextmanager
def _way_out(settings: Path, passed: int, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "gateway.egress", "--configuration", str(settings)]
    told = environment() | {"PYTHONPATH": str(ROOT)}
    with (folder / "way-out.log").open("wb") as log:
        process = confined(
            "relais-egress.service", command, folder / "way-out-bpf", read_only=[settings], environment=told, passed=passed, output=log
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def _networks(gateway: Gateway) -> list[str]:
    """Of the process that serves."""
    lines = Path(f"/proc/{gateway.facts['pid']}/net/dev").read_text().splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]
