"""The serial line of the panel, open for this process alone, and which lines may be one (pyserial)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import serial
from serial.tools.list_ports import comports

from firmware.panel.errors import PanelLost, PanelNotOpened

SPEED: Final = 19200
ADAPTERS: Final = frozenset({(0x10C4, 0xEA60), (0x0403, 0x6001), (0x0403, 0x6015)})
"""USB identities of the adapters a panel is wired to: CP210x, FT232R, FT230X. Others too are wired to them: a line is a panel's only
once a panel has spoken on it, and nothing is written to it before."""

_CHUNK: Final = 4096
_FAULTS: Final = (serial.SerialException, OSError, ValueError, TypeError, termios.error)


class PortFacts(Protocol):
    """What the system tells of a line; pyserial's ListPortInfo."""

    device: str
    vid: int | None
    pid: int | None


def adapters(listed: Iterable[PortFacts] | None = None) -> Sequence[str]:
    """Paths of the lines that may be a panel's, in a stable order; reads /sys and /dev when no list is given."""
    there: Iterable[PortFacts] = comports(include_links=False) if listed is None else listed
    return sorted(one.device for one in there if one.vid is not None and (one.vid, one.pid or 0) in ADAPTERS)


class Line:
    """An open line; raises PanelNotOpened. Lives in the loop: nothing waits."""

    def __init__(self, path: str) -> None:
        try:
            self._port = serial.Serial(path, SPEED, timeout=0, write_timeout=0, exclusive=True)
        except _FAULTS as problem:
            raise PanelNotOpened(type(problem).__name__) from None
        self._fd: int | None = None

    def start(self, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Give what comes to `received`; `lost` is called once, when the line goes away."""

        def readable() -> None:
            try:
                content = self._port.read(_CHUNK)
            except _FAULTS:
                self._stop()
                lost()
                return
            received(content)

        self._fd = self._port.fileno()
        asyncio.get_running_loop().add_reader(self._fd, readable)

    def write(self, content: bytes) -> None:
        """Without waiting: what the line does not take is lost, as on the wire. Raises PanelLost.

        Not by pyserial, which tries again without end, and without sleeping, when a line takes nothing.
        """
        try:
            os.write(self._port.fileno(), content)
        except BlockingIOError:
            return
        except _FAULTS as problem:
            raise PanelLost(type(problem).__name__) from None

    def close(self) -> None:
        """Give the line back; it may be gone already."""
        self._stop()
        with contextlib.suppress(*_FAULTS):
            self._port.close()

    def _stop(self) -> None:
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = None
