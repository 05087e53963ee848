"""Cards of our own for vpcd: they speak like T=0 cards, and are none: public ATR, AID and file numbers around invented content.

vpcd connects nothing: a card connects to it, and is inserted by that. Each message is two bytes of length (big endian) and the rest; one
byte alone is a control (0 off, 1 on, 2 reset, 4 "your ATR"), anything else a command. Source: cards.md section 7.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping

from typing_extensions import override

CPS3_ATR = bytes.fromhex("3BAC00402A001225006480000310009000")
CPS3_CONTACTLESS_ATR = bytes.fromhex("3B8F80010031B86404B0ECC1739401808290000E")
CPS4_ATR = bytes.fromhex("3B9B188001001225006480040100009044")
VITALE2_ATR = bytes.fromhex("3B751300004409EA9000")
CPS3_AID = bytes.fromhex("E828BD080F8025000001FF0010")

_OFF, _ON, _RESET, _GET_ATR = 0, 1, 2, 4
OK, WRONG_LENGTH, NOT_FOUND, NOT_SUPPORTED, NOT_ALLOWED = b"\x90\x00", b"\x67\x00", b"\x6a\x82", b"\x6d\x00", b"\x69\x82"
_GET_RESPONSE, _SELECT, _READ_BINARY = 0xC0, 0xA4, 0xB0


class VirtualCard:
    """A T=0 card of applications and flat files: SELECT, READ BINARY, GET RESPONSE, 61xx and 6Cxx.

    `log` holds the instruction byte and status of each command (never its data). `tear_at` is asked before each command, and True pulls the
    card in the middle of it. `before` runs before each command: a place to wait. Subclasses answer more in `command`.
    """

    def __init__(self, atr: bytes, applications: Mapping[bytes, Mapping[int, bytes]] | None = None) -> None:
        self.atr = atr
        self.applications = applications or {}
        self.log: list[tuple[int, bytes]] = []
        self.resets = 0
        self.tear_at: Callable[[bytes], bool] = lambda _: False
        self.before: Callable[[bytes], None] = lambda _: None
        self.secret_files: frozenset[int] = frozenset()
        self.reset()

    def reset(self) -> None:
        """What power off, power on and reset do: the application, the file and every right are forgotten."""
        self.application: Mapping[int, bytes] | None = None
        self.file: bytes | None = None
        self._parked = b""

    def control(self, number: int) -> bytes | None:
        """Power or ATR; only the ATR is answered."""
        if number == _GET_ATR:
            return self.atr
        if number == _RESET:
            self.resets += 1
        self.reset()
        return None

    def transmit(self, apdu: bytes) -> bytes | None:
        """The answer to a command; None: torn out while it worked."""
        self.before(apdu)
        if self.tear_at(apdu):
            return None
        answer = self._get_response(apdu) if apdu[1] == _GET_RESPONSE else self._dispatch(apdu)
        self.log.append((apdu[1], answer[-2:]))
        return answer

    def command(self, apdu: bytes, data: bytes) -> bytes:
        """Whatever is not SELECT, READ BINARY or GET RESPONSE: answer and status, or `park(...)`."""
        return NOT_SUPPORTED

    def park(self, data: bytes) -> bytes:
        """T=0, case 4: the answer waits for GET RESPONSE."""
        self._parked = data
        return b"\x61" + bytes([len(data) if len(data) < 256 else 0])

    def _dispatch(self, apdu: bytes) -> bytes:
        self._parked = b""
        length = apdu[4] if len(apdu) > 4 else 0
        data = apdu[5 : 5 + length] if len(apdu) > 5 else b""
        if apdu[1] == _SELECT:
            return self._select(apdu, data)
        if apdu[1] == _READ_BINARY:
            return self._read(apdu)
        return self.command(apdu, data)

    def _select(self, apdu: bytes, data: bytes) -> bytes:
        if apdu[2] == 0x04:
            found = next((aid for aid in self.applications if data and aid.startswith(data)), None)
            if found is None:
                return NOT_FOUND
            self.application, self.file = self.applications[found], None
            name = b"\x84" + bytes([len(found)]) + found
            return OK if apdu[3] & 0x0C == 0x0C else self.park(b"\x6f" + bytes([len(name)]) + name)
        number = int.from_bytes(data[-2:], "big")
        if self.application is None or number not in self.application:
            return NOT_FOUND
        self.file = b"" if number in self.secret_files else self.application[number]
        self._secret = number in self.secret_files
        size = b"\x80\x02" + struct.pack(">H", len(self.file))
        return OK if apdu[3] & 0x0C == 0x0C else self.park(b"\x62" + bytes([len(size)]) + size)

    def _read(self, apdu: bytes) -> bytes:
        if self.file is None:
            return b"\x69\x86"
        if self._secret:
            return NOT_ALLOWED
        start, length = int.from_bytes(apdu[2:4], "big"), (apdu[4] if len(apdu) > 4 else 0) or 256
        if start > len(self.file) or (start == len(self.file) and start):
            return b"\x6b\x00"
        part = self.file[start : start + length]
        if len(part) < length and len(apdu) > 4 and apdu[4]:
            return b"\x6c" + bytes([len(part)])
        return part + (OK if len(part) == length else b"\x62\x82")

    def _get_response(self, apdu: bytes) -> bytes:
        if not self._parked:
            return b"\x69\x85"
        length = (apdu[4] if len(apdu) > 4 else 0) or 256
        part, self._parked = self._parked[:length], self._parked[length:]
        return part + (b"\x61" + bytes([min(len(self._parked), 255)]) if self._parked else OK)


class CpsCard(VirtualCard):
    """Looks like a CPS3 by contact, or by another ATR like a CPS4; it has the application and no data."""

    def __init__(self, atr: bytes = CPS3_ATR) -> None:
        super().__init__(atr, {CPS3_AID: {}})


class MuteCard(VirtualCard):
    """Present, and power brings nothing: more bytes than an ATR has room for are what vpcd gives up on."""

    def __init__(self) -> None:
        super().__init__(b"\x3b" + bytes(39))

    @override
    def transmit(self, apdu: bytes) -> bytes | None:
        return b"\x6f\x00"


class Inserted:
    """A card in a slot, served by a thread of its own until it is removed or torn out."""

    def __init__(self, card: VirtualCard, line: socket.socket) -> None:
        self.card = card
        self._line = line
        line.settimeout(None)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._serve, name="virtual-card", daemon=True)
        self._thread.start()

    def remove(self) -> None:
        """Out; the thread has ended on return, unless the card waits in `before`."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _serve(self) -> None:
        with self._line, contextlib.suppress(OSError):
            while True:
                (length,) = struct.unpack(">H", self._take(2))
                message = self._take(length)
                control = length == 1 and message[0] in (_OFF, _ON, _RESET, _GET_ATR)
                answer = self.card.control(message[0]) if control else self.card.transmit(message)
                if answer is not None:
                    self._line.sendall(struct.pack(">H", len(answer)) + answer)
                elif not control:
                    return

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            # vpcd writes length and payload apart: with Nagle against a delayed acknowledgement each exchange would take 40 ms.
            self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self._line.recv(count - len(taken))
            if not part:
                raise ConnectionError
            taken += part
        return taken
