"""One serial line open for reading, alone: pyserial, and the marks of the kernel on damaged bytes. Nothing is ever written to it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import termios
from typing import Final, Literal

import serial

from firmware.scanners.errors import LineLost, LineNotOpened
from firmware.scanners.line import Demarker, Sign

_CHUNK: Final = 4096
_BUSY: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EBUSY})
_INPUT: Final = 0


class Wire:
    """A line that is open, read as eight bits without parity. All errors are LineNotOpened (at the start) and LineLost (for good)."""

    def __init__(self, path: str, speed: int) -> None:
        self._demarker = Demarker()
        try:
            self._port = serial.Serial(path, speed, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError, termios.error) as problem:
            raise LineNotOpened(_trouble(problem), type(problem).__name__) from None
        try:
            fcntl.ioctl(self._port.fileno(), termios.TIOCEXCL)
            self._mark_faults()
        except (OSError, termios.error) as problem:
            self.close()
            raise LineNotOpened("failed", type(problem).__name__) from None

    def fileno(self) -> int:
        """To wait for something to read."""
        return self._port.fileno()

    def read(self) -> list[Sign]:
        """What has come, without waiting; raises LineLost."""
        try:
            return self._demarker.feed(self._port.read(_CHUNK))
        except (serial.SerialException, OSError, TypeError, termios.error) as problem:
            raise LineLost(type(problem).__name__) from None

    def set_speed(self, speed: int) -> None:
        """Listen at another speed; what has come and was not read is forgotten. Raises LineLost."""
        try:
            self._port.baudrate = speed
            self._mark_faults()
        except (serial.SerialException, OSError, ValueError, termios.error) as problem:
            raise LineLost(type(problem).__name__) from None
        self.forget()

    def forget(self) -> None:
        """Drop what has come and was not read; raises LineLost."""
        try:
            self._port.reset_input_buffer()
        except (serial.SerialException, OSError, termios.error) as problem:
            raise LineLost(type(problem).__name__) from None
        self._demarker = Demarker()

    def close(self) -> None:
        """Give the line back; the line may be gone already."""
        with contextlib.suppress(serial.SerialException, OSError, termios.error):
            fcntl.ioctl(self._port.fileno(), termios.TIOCNXCL)
        with contextlib.suppress(serial.SerialException, OSError, termios.error):
            self._port.close()

    def _mark_faults(self) -> None:
        """Have the kernel mark damaged bytes, which pyserial forbids: raises OSError, termios.error."""
        attributes = termios.tcgetattr(self._port.fileno())
        attributes[_INPUT] |= termios.PARMRK | termios.INPCK
        attributes[_INPUT] &= ~(termios.IGNPAR | termios.IGNBRK | termios.BRKINT | termios.ISTRIP)
        termios.tcsetattr(self._port.fileno(), termios.TCSANOW, attributes)


def _trouble(problem: Exception) -> Literal["busy", "forbidden", "failed"]:
    number = getattr(problem, "errno", None)
    if number == errno.EACCES:
        return "forbidden"
    return "busy" if number in _BUSY else "failed"
