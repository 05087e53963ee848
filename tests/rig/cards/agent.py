"""What runs inside the namespaces of the rig: starts and ends pcscd, and hands connections to vpcd out. Ends when the rig does.

Orders come as JSON, one per packet, on the socket whose number is the first argument; each gets one packet back, `{}` or `{"error": ...}`.
Started by tests.rig.cards.rig, as a script of the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FIRST_PORT = 0x8C7B
SLOTS_PER_READER = 2
_RUN = Path("/run/pcscd")
_PATIENCE = 20.0


class Agent:
    """One pcscd at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pcscd: subprocess.Popen[bytes] | None = None

    def configure(self, readers: int) -> None:
        """So many virtual readers, of two slots each, from the next start on."""
        lines: list[str] = []
        for number in range(readers):
            port = FIRST_PORT + SLOTS_PER_READER * number
            lines += [
                f'FRIENDLYNAME "Virtual Reader {number}"',
                f"DEVICENAME /dev/null:{port:#x}",
                "LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so",
                f"CHANNELID {port:#x}",
                "",
            ]
        conf = self._folder / "readers"
        conf.mkdir(exist_ok=True)
        (conf / "vpcd").write_text("\n".join(lines))

    def start(self) -> None:
        """Start pcscd, and wait until it takes clients."""
        for name in ("pcscd.comm", "pcscd.pid"):
            (_RUN / name).unlink(missing_ok=True)
        command = ["pcscd", "--foreground", "--config", str(self._folder / "readers")]
        if b"--disable-polkit" in subprocess.run(["pcscd", "--help"], capture_output=True, check=False).stdout:
            command.append("--disable-polkit")
        with (self._folder / "pcscd.log").open("ab") as log:
            self._pcscd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._until(self._takes_clients)

    def end(self, number: int) -> None:
        """Signal pcscd and wait for its end."""
        if self._pcscd is not None:
            with contextlib.suppress(ProcessLookupError):
                self._pcscd.send_signal(number)
            try:
                self._pcscd.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._pcscd.kill()
                self._pcscd.wait()
            self._pcscd = None

    def connect(self, slot: int) -> socket.socket:
        """A connection to the slot, which is a card being inserted; vpcd may still be taking leave of the last one."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", FIRST_PORT + slot), 5)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _takes_clients(self) -> bool:
        if self._pcscd is None or self._pcscd.poll() is not None:
            raise RuntimeError("pcscd ended at once")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(_RUN / "pcscd.comm"))
            except OSError:
                return False
        return True

    def _until(self, holds: Any) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError("pcscd does not take clients")
            time.sleep(0.01)


def main() -> None:
    """Serve until the rig closes its end."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    agent = Agent(Path(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while packet := orders.recv(65536):
            order = json.loads(packet)
            given: socket.socket | None = None
            try:
                result = getattr(agent, order.pop("do"))(**order)
                given = result if isinstance(result, socket.socket) else None
                answer: dict[str, str] = {}
            except (OSError, RuntimeError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            socket.send_fds(orders, [json.dumps(answer).encode()], [given.fileno()] if given else [])
            if given is not None:
                given.close()
    finally:
        agent.end(signal.SIGKILL)
        os._exit(0)


if __name__ == "__main__":
    main()
