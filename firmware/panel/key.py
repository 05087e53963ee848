"""A key of the kernel (gpio-keys, evdev) as the panel's button: struct input_event read without a library.

Source: input_event(5) of linux/input.h; EVIOCGRAB keeps a power key from also switching the box off, EVIOCSCLOCKID makes the times
those of a clock that nobody sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable
from typing import Final

from firmware.panel.errors import PanelLost, PanelNotOpened
from firmware.panel.lamps import HELD_MS, SHORT_MS, STUCK_MS
from firmware.panel.port import Press

_EVENT: Final = struct.Struct("@llHHi")
_EV_SYN, _EV_KEY = 0, 1
_SYN_DROPPED: Final = 3
_UP, _DOWN = 0, 1
_EVIOCGRAB: Final = 0x40044590
_EVIOCSCLOCKID: Final = 0x400445A0


def press_of(lasted_ms: int) -> Press | None:
    """What a press of so many milliseconds asks for."""
    if lasted_ms < SHORT_MS:
        return Press.SHORT
    return Press.HELD if HELD_MS <= lasted_ms < STUCK_MS else None


class Presser:
    """Makes presses of a key's events, by the kernel's own times."""

    def __init__(self, code: int | None) -> None:
        self._code = code
        self._down_at: int | None = None
        self._rest = b""

    @property
    def down(self) -> bool:
        """The key is down now."""
        return self._down_at is not None

    def feed(self, content: bytes) -> list[Press]:
        """The presses that end in these bytes."""
        whole = self._rest + content
        end = len(whole) - len(whole) % _EVENT.size
        self._rest = whole[end:]
        presses = [self._event(*event) for event in _EVENT.iter_unpack(whole[:end])]
        return [press for press in presses if press is not None]

    def _event(self, seconds: int, micros: int, kind: int, code: int, value: int) -> Press | None:
        if kind == _EV_SYN and code == _SYN_DROPPED:
            self._down_at = None  # the kernel lost events: a release may be among them
        if kind != _EV_KEY or self._code not in (None, code):
            return None
        now = seconds * 1000 + micros // 1000
        if value == _DOWN:
            self._down_at = now
        elif value == _UP and self._down_at is not None:
            lasted, self._down_at = now - self._down_at, None
            return press_of(lasted) if lasted >= 0 else None
        return None


class Key:
    """An open key; raises PanelNotOpened. `pressed` gets each press, `lost` the end of the device."""

    def __init__(self, path: str, code: int | None, *, pressed: Callable[[Press], None], lost: Callable[[PanelLost], None]) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise PanelNotOpened(errno.errorcode.get(problem.errno or 0, "")) from None
        for request, argument in ((_EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC)), (_EVIOCGRAB, 1)):
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._fd, request, argument)
        self._presser = Presser(code)
        self._pressed = pressed
        self._lost = lost
        self._since: float | None = None
        self._loop = asyncio.get_running_loop()
        try:
            self._loop.add_reader(self._fd, self._readable)
        except OSError as problem:  # a folder or a plain file: nothing ever comes of it
            os.close(self._fd)
            raise PanelNotOpened(errno.errorcode.get(problem.errno or 0, "")) from None

    @property
    def down_ms(self) -> int:
        """How long it has been down; 0 when it is up."""
        return 0 if self._since is None else int((self._loop.time() - self._since) * 1000)

    def close(self) -> None:
        """Give the key back."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _readable(self) -> None:
        try:
            content = os.read(self._fd, 64 * _EVENT.size)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content:
            self._loop.remove_reader(self._fd)
            self._lost(PanelLost("key"))
            return
        presses = self._presser.feed(content)
        if not self._presser.down:
            self._since = None
        elif self._since is None or presses:
            self._since = self._loop.time()
        for press in presses:
            self._pressed(press)
