"""Runs a program under what the kernel would refuse it in one of our units, on a machine whose first process is not systemd.

By foreign hands: libseccomp compiles the lists that systemd gives, bubblewrap shows the files and cuts the network. Imitated:
SystemCallFilter=, RestrictAddressFamilies=, RestrictNamespaces=, MemoryDenyWriteExecute=, PrivateNetwork=, PrivateDevices=, PrivateTmp=,
ProtectSystem=strict, ReadOnlyPaths=, empty capabilities, no new privileges, another user. Not imitated: limits of memory and tasks,
lists of addresses, ProtectProc=, the keyring, and the order in which systemd puts its filters on.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.rig.processes import ROOT
from tests.shared import missing
from tests.systemd.unit import calls_allowed, service
from tests.tools import need_tool

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NOT_EQUAL, _MASKED_EQUAL = 1, 7
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_AF_UNIX, _AF_INET6 = 1, 10
_WRITE, _EXECUTE = 2, 4
_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
UID = 960


class _Compared(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class Filter:
    """One seccomp program."""

    def __init__(self, otherwise: int) -> None:
        try:
            self._library = ctypes.CDLL("libseccomp.so.2")
        except OSError:
            missing("libseccomp is not installed")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._made = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def rule(self, action: int, call: str, *compared: tuple[int, int, int, int]) -> None:
        """What happens to this call, of all its arguments or of these; calls of other processors are left out."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (_Compared * len(compared))(*(_Compared(*one) for one in compared))
            assert self._library.seccomp_rule_add_array(self._made, ctypes.c_uint32(action), number, len(compared), array) == 0, call

    def write(self, path: Path) -> None:
        """The compiled program."""
        with path.open("wb") as file:
            assert self._library.seccomp_export_bpf(self._made, file.fileno()) == 0


def filters(unit: dict[str, list[str]], folder: Path) -> list[Path]:
    """The programs that stand for a unit, in files."""
    calls = Filter(_ERRNO | _EPERM)
    for call in calls_allowed(unit):
        calls.rule(_ALLOW, call)
    rest = Filter(_ALLOW)
    families = unit["RestrictAddressFamilies"][0].split()
    if families == ["AF_UNIX"]:
        rest.rule(_ERRNO | _EAFNOSUPPORT, "socket", (0, _NOT_EQUAL, _AF_UNIX, 0))
    else:
        assert set(families) == {"AF_UNIX", "AF_INET", "AF_INET6"}
        for family in {*range(_AF_INET6 + 40)} - {_AF_UNIX, 2, _AF_INET6}:
            rest.rule(_ERRNO | _EAFNOSUPPORT, "socket", (0, 4, family, 0))
    assert unit["RestrictNamespaces"] == unit["MemoryDenyWriteExecute"] == ["yes"]
    for flag in _NAMESPACES:
        rest.rule(_ERRNO | _EPERM, "unshare", (0, _MASKED_EQUAL, flag, flag))
        rest.rule(_ERRNO | _EPERM, "clone", (0, _MASKED_EQUAL, flag, flag))
    rest.rule(_ERRNO | _EPERM, "setns")
    rest.rule(_ERRNO | _ENOSYS, "clone3")
    rest.rule(_ERRNO | _EPERM, "mmap", (2, _MASKED_EQUAL, _WRITE | _EXECUTE, _WRITE | _EXECUTE))
    rest.rule(_ERRNO | _EPERM, "mprotect", (2, _MASKED_EQUAL, _EXECUTE, _EXECUTE))
    rest.rule(_ERRNO | _EPERM, "pkey_mprotect", (2, _MASKED_EQUAL, _EXECUTE, _EXECUTE))
    paths = [folder / "calls.bpf", folder / "rest.bpf"]
    calls.write(paths[0])
    rest.write(paths[1])
    return paths


def confined(
    name: str, command: Sequence[str], folder: Path, *, writable: Path, read_only: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What `command` says, run as the unit `name` would run it: `writable` is all of the disk that it may change, but for `read_only`."""
    unit, bwrap = service(name), need_tool("bwrap")
    folder.mkdir()
    programs = [os.open(path, os.O_RDONLY) for path in filters(unit, folder)]
    words = [bwrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-user", "--unshare-ipc"]
    words += ["--ro-bind", str(ROOT), str(ROOT)]  # a working copy may lie under /tmp
    words += ["--uid", str(UID), "--gid", str(UID), "--cap-drop", "ALL", "--die-with-parent"]
    words += ["--unshare-net"] if unit.get("PrivateNetwork") == ["yes"] else []
    words += ["--bind", str(writable), str(writable), "--ro-bind", str(read_only), str(read_only)]
    for one in programs:
        words += ["--add-seccomp-fd", str(one)]
    try:
        return subprocess.run(
            [*words, "--", *command], env=environment, pass_fds=programs, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        for one in programs:
            os.close(one)
