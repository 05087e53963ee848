"""The face of the rig; see the package."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.cards.agent import SLOTS_PER_READER
from tests.rig.cards.virtual import Inserted, VirtualCard
from tests.shared import missing

_AGENT = Path(__file__).with_name("agent.py")
_LOOK = Path(__file__).with_name("look.py")
_DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_SETUP = """
mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind "$1/run" /run/pcscd
[ ! -d /usr/lib/pcsc/drivers/ifd-ccid.bundle ] || mount -t tmpfs none /usr/lib/pcsc/drivers/ifd-ccid.bundle
ip link set lo up && exec "$2" "$3" "$4" "$1"
"""
"""The readers of the machine are left to the machine: this pcscd has no driver for them."""


def _unshare() -> list[str]:
    return ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def why_no_card_rig() -> str | None:
    """What this machine lacks for the rig; None when it can run."""
    for tool in ("pcscd", "unshare", "ip"):
        if shutil.which(tool) is None:
            return f"the program {tool} is not installed"
    if not _DRIVER.exists():
        return "the Debian package vsmartcard-vpcd is not installed"
    if subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode != 0:
        return "this machine gives no network and mount namespace (unshare)"
    if importlib.util.find_spec("smartcard") is None:
        return "pyscard could not be built on this machine"
    return None


def need_card_rig() -> None:
    """Skip the test, with the reason, where the rig cannot run; fail it under RELAIS_REQUIRE_ALL=1."""
    reason = why_no_card_rig()
    if reason is not None:
        missing(reason)


class CardRig:
    """pcscd with `readers` virtual readers of two slots each; slots are numbered through. Not to be shared by threads."""

    def __init__(self, readers: int = 1) -> None:
        self._readers = readers
        self._folder: Path | None = None
        self._agent: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._inserted: dict[int, Inserted] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What a client of this pcscd needs in its environment."""
        return {"PCSCLITE_CSOCK_NAME": str(self.folder / "run" / "pcscd.comm")}

    @property
    def folder(self) -> Path:
        """Where the rig keeps its files; `pcscd.log` tells what pcscd says."""
        if self._folder is None:
            raise AssertionError("the rig is not started")
        return self._folder

    def start(self) -> None:
        """Start the namespaces and pcscd; it takes clients on return."""
        self._folder = Path(tempfile.mkdtemp(prefix="cards-"))  # a socket's path must be short
        (self._folder / "run").mkdir()
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.settimeout(60)
        with theirs, (self._folder / "agent.log").open("wb") as log:
            number = str(theirs.fileno())
            self._agent = subprocess.Popen(
                [*_unshare(), "sh", "-euc", _SETUP, "sh", str(self._folder), sys.executable, str(_AGENT), number],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.set_readers(self._readers)
        self.start_pcscd()

    def stop(self) -> None:
        """Cards out, pcscd ended, everything removed."""
        for slot in list(self._inserted):
            self.remove(slot)
        if self._orders is not None:
            self._orders.close()
        if self._agent is not None:
            try:
                self._agent.wait(30)
            except subprocess.TimeoutExpired:
                self._agent.kill()
                self._agent.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def insert(self, slot: int, card: VirtualCard) -> VirtualCard:
        """Put a card in an empty slot; it comes back, alive in this process. pcscd sees it at its next look, some 0.2 s later."""
        self.remove(slot)
        self._inserted[slot] = Inserted(card, self._order("connect", slot=slot)[0])
        return card

    def remove(self, slot: int) -> None:
        """Pull the card, if there is one; pcscd sees it at its next look."""
        inserted = self._inserted.pop(slot, None)
        if inserted is not None:
            inserted.remove()

    def restart_pcscd(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End pcscd by this signal and start it anew."""
        self.stop_pcscd(number)
        self.start_pcscd()

    def await_pcscd(self, slot: int, *, present: bool) -> None:
        """Until pcscd itself sees a card in the slot, or none; whatever others see."""
        reader = f"Virtual Reader {slot // SLOTS_PER_READER} {slot // SLOTS_PER_READER:02X} {slot % SLOTS_PER_READER:02X}"
        command = [sys.executable, str(_LOOK), reader, "present" if present else "empty"]
        subprocess.run(command, env=os.environ | self.environment, check=True, timeout=60)

    def stop_pcscd(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End pcscd; the slots lose their cards."""
        self._order("end", number=int(number))
        for slot in list(self._inserted):
            self.remove(slot)

    def start_pcscd(self) -> None:
        """Start pcscd; it takes clients on return."""
        self._order("start")

    def set_readers(self, readers: int) -> None:
        """How many virtual readers there are at the next start (this pcscd looks for no others while it runs)."""
        self._order("configure", readers=readers)

    def _order(self, do: str, **details: object) -> list[socket.socket]:
        if self._orders is None:
            raise AssertionError("the rig is not started")
        try:
            self._orders.send(json.dumps({"do": do, **details}).encode())
            packet, numbers, _, _ = socket.recv_fds(self._orders, 65536, 1)
        except OSError as error:
            raise AssertionError(f"the rig's agent is gone: {self.told()}") from error
        if not packet or "error" in json.loads(packet):
            raise AssertionError(f"the rig could not {do}: {packet.decode()}\n{self.told()}")
        return [socket.socket(fileno=number) for number in numbers]

    def told(self) -> str:
        """The end of what pcscd and the agent said."""
        said = []
        for name in ("agent.log", "pcscd.log"):
            with contextlib.suppress(OSError):
                said.append((self.folder / name).read_text(errors="replace")[-2000:])
        return "\n".join(said)

    def __enter__(self) -> Self:
        """Started, or skipped by name."""
        need_card_rig()
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stopped in any case."""
        self.stop()
