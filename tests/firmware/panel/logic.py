"""The logic of the panel, compiled for this machine and called through ctypes: the very sources that run on the board."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from pathlib import Path

from firmware.panel.frame import Frame, Reader, encode
from firmware.panel.lamps import Lamp
from firmware.panel.messages import Hello, Message, hello, led, watchdog
from firmware.panel.port import Pattern

STEP = 10
KEPT = 3
_PULLED = 16
_LAMPS = [Lamp(value & 15) for value in range(32)]
SCENES = {
    "ready": 0, "busy": 1, "attention": 2, "fault": 3, "update": 4, "starting": 5, "lost": 6, "pairing": 7, "confirmed": 8, "unheard": 9,
}  # fmt: skip


class Logic:
    """The shared library."""

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path))
        for name, answer in (
            ("shim_new", ctypes.c_void_p),
            ("shim_sent", ctypes.c_size_t),
            ("shim_read", ctypes.c_size_t),
            ("shim_run", ctypes.c_size_t),
        ):
            getattr(self.library, name).restype = answer
        for name in ("cobs_encode", "frame_encode"):
            getattr(self.library, name).restype = ctypes.c_size_t
        for name in ("lamps_of", "lamps_of_hold"):
            getattr(self.library, name).restype = ctypes.c_uint8
        self.library.crc16.restype = ctypes.c_uint16
        for name in ("cobs_decode", "panel_reset_pulled"):
            getattr(self.library, name).restype = ctypes.c_bool

    def crc16(self, content: bytes) -> int:
        value: int = self.library.crc16(content, ctypes.c_size_t(len(content)))
        return value

    def stuffed(self, content: bytes) -> bytes:
        out = ctypes.create_string_buffer(len(content) + len(content) // 254 + 2)
        made = self.library.cobs_encode(content, ctypes.c_size_t(len(content)), out, ctypes.c_size_t(len(out)))
        return out.raw[:made]

    def unstuffed(self, content: bytes) -> bytes | None:
        out = ctypes.create_string_buffer(max(1, len(content)))
        made = ctypes.c_size_t()
        good = self.library.cobs_decode(content, ctypes.c_size_t(len(content)), out, ctypes.c_size_t(len(out)), ctypes.byref(made))
        return out.raw[: made.value] if good else None

    def encode(self, frame: Frame) -> bytes:
        raw = bytes([frame.protocol, frame.type, frame.sequence, len(frame.payload)]) + frame.payload.ljust(32, b"\0")
        out = ctypes.create_string_buffer(64)
        made = self.library.frame_encode(raw, out, ctypes.c_size_t(len(out)))
        return out.raw[:made]

    def read(self, line: bytes) -> list[Frame]:
        out = ctypes.create_string_buffer(40 * (len(line) // 8 + 1))
        made = self.library.shim_read(line, ctypes.c_size_t(len(line)), out, ctypes.c_size_t(len(out)))
        rest = out.raw[:made]
        frames = []
        while rest:
            end = 4 + rest[3]
            frames.append(Frame(protocol=rest[0], type=rest[1], sequence=rest[2], payload=rest[4:end]))
            rest = rest[end:]
        return frames

    def scene(self, name: str, at: int) -> Lamp:
        return Lamp(self.library.lamps_of(SCENES[name], ctypes.c_uint32(at)))

    def hold(self, down_ms: int) -> Lamp:
        return Lamp(self.library.lamps_of_hold(ctypes.c_uint32(down_ms)))


class LogicPanel:
    """A panel without hardware: time goes on when told, ten milliseconds at a time as on the board."""

    def __init__(self, logic: Logic, kept: tuple[int, ...] | None = None) -> None:
        self._library = logic.library
        words = (ctypes.c_uint32 * KEPT)(*kept) if kept is not None else None
        self._panel = ctypes.c_void_p(self._library.shim_new(words, b"SERIAL-1".ljust(12)))
        self._reader = Reader()
        self._sequence = 0
        self.now = 0
        self._pulled = 0
        self.resets: list[int] = []
        self.sent: list[Frame] = []

    def close(self) -> None:
        self._library.shim_free(self._panel)

    @property
    def pulled(self) -> bool:
        pulled: bool = self._library.panel_reset_pulled(self._panel)
        return pulled

    def run(self, milliseconds: int, *, down: bool = False, step: int = STEP) -> list[Lamp]:
        """The lamps at each step."""
        steps = milliseconds // step
        shown = ctypes.create_string_buffer(steps + 1)
        sent = ctypes.create_string_buffer(64 * (milliseconds // 300 + 8))
        count = ctypes.c_uint32
        made = self._library.shim_run(self._panel, count(steps), count(step), ctypes.c_bool(down), shown, sent, ctypes.c_size_t(len(sent)))
        self.sent += self._reader.feed(sent.raw[:made])
        lit = shown.raw[:steps]
        pulled = [self._pulled, *(one & _PULLED for one in lit)]
        self.resets += [self.now + rank * step for rank, (before, now) in enumerate(pairwise(pulled), start=1) if now and not before]
        self._pulled = pulled[-1]
        self.now += steps * step
        return [_LAMPS[one] for one in lit]

    def alive(self, seconds: int) -> None:
        """So many seconds with a heartbeat every two."""
        for _ in range(0, seconds, 2):
            self.ask(Message.HEARTBEAT)
            self.run(2000, step=100)

    def receive(self, line: bytes) -> None:
        for byte in line:
            self._library.panel_receive(self._panel, ctypes.c_uint8(byte))
        self._collect()

    def ask(self, message: int, payload: bytes = b"", *, protocol: int = 1) -> Frame:
        """Its answer to this message."""
        self._sequence = (self._sequence + 1) % 128
        before = len(self.sent)
        self.receive(encode(Frame(type=message, sequence=self._sequence, payload=payload, protocol=protocol)))
        answers = [frame for frame in self.sent[before:] if frame.sequence == self._sequence]
        assert len(answers) == 1
        return answers[0]

    def acknowledge(self, frame: Frame) -> None:
        self.receive(encode(Frame(type=Message.ACK, sequence=frame.sequence)))

    def show(self, pattern: Pattern, *, pairing: bool = False) -> Frame:
        return self.ask(Message.LED, led(pattern, pairing=pairing))

    def arm(self, seconds: int | None) -> Frame:
        return self.ask(Message.WATCHDOG, watchdog(seconds))

    def hello(self) -> Hello:
        said = hello(self.ask(Message.HELLO).payload)
        assert said is not None
        return said

    def kept(self) -> tuple[int, ...]:
        words = (ctypes.c_uint32 * KEPT)()
        self._library.panel_keep(self._panel, words)
        return tuple(words)

    def of(self, message: Message) -> list[Frame]:
        return [frame for frame in self.sent if frame.type == message]

    def _collect(self) -> None:
        out = ctypes.create_string_buffer(256)
        made = self._library.shim_sent(self._panel, out, ctypes.c_size_t(len(out)))
        self.sent += self._reader.feed(out.raw[:made])
