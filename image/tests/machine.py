"""A virtual PC (QEMU without acceleration, OVMF) that boots an image: its console, its forwarded port, its power switch.

`-cpu max,-cx16`: QEMU 7.2 breaks the slab allocator of Linux 6.12 otherwise (image.md 4).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_OVMF = Path("/usr/share/OVMF")
_SLOW = "systemd.default_device_timeout_sec=600"


class Machine:
    """Switched on by `with`; off, as by pulling the plug, at the end."""

    def __init__(self, disk: Path, folder: Path, *, extra: Sequence[str] = (), memory: int = 1024) -> None:
        self.disk, self.folder, self._extra, self._memory = disk, folder, tuple(extra), memory
        self.port = _free_port()
        self.console = folder / "console.log"
        self._variables = folder / "vars.fd"
        self._process: subprocess.Popen[bytes] | None = None
        self.since = 0.0

    def __enter__(self) -> Machine:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cut()

    def start(self) -> None:
        """Power on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._variables.exists():
            shutil.copyfile(_OVMF / "OVMF_VARS.fd", self._variables)
        words = [
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,-cx16", "-smp", "2"),
            *("-m", str(self._memory), "-display", "none", "-monitor", "none", "-serial", f"file:{self.console}"),
            *("-drive", f"if=pflash,format=raw,readonly=on,file={_OVMF / 'OVMF_CODE.fd'}"),
            *("-drive", f"if=pflash,format=raw,file={self._variables}"),
            *("-drive", f"if=virtio,format=raw,file={self.disk}"),
            *("-netdev", f"user,id=lan,hostfwd=tcp:127.0.0.1:{self.port}-:8443", "-device", "virtio-net-pci,netdev=lan"),
            *("-device", "virtio-rng-pci", *self._extra),
        ]
        self.since = time.monotonic()
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=os.environ)

    def cut(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def uptime(self) -> float:
        """Seconds since the power came."""
        return time.monotonic() - self.since

    @property
    def running(self) -> bool:
        """False once the machine switched itself off or died."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """The console so far."""
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def wait_for(self, words: str, patience: float = 600.0) -> float:
        """Seconds after power-on at which the console said this; fails with its end when it does not come."""
        while words not in self.said():
            assert self.running, self.said()[-3000:]
            assert self.uptime < patience, self.said()[-3000:]
            time.sleep(0.5)
        return self.uptime


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
