"""An emulated panel at the other end of a serial line (a pseudo-terminal); the wire between them can be damaged or pulled out."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.panel.lamps import Lamp
from tests.firmware.panel.builds import EMULATOR, environment, node

Damage = Callable[[bytes], bytes]


def sound(content: bytes) -> bytes:
    return content


class Noise:
    """Loses one byte in so many and flips a bit of as many others; the same for a seed."""

    def __init__(self, seed: int, one_in: int) -> None:
        self._drawn = random.Random(seed)
        self._one_in = one_in
        self.lost = 0
        self.flipped = 0

    def __call__(self, content: bytes) -> bytes:
        left = bytearray()
        for byte in content:
            fate = self._drawn.randrange(self._one_in)
            if fate == 0:
                self.lost += 1
            elif fate == 1:
                self.flipped += 1
                left.append(byte ^ 1 << self._drawn.randrange(8))
            else:
                left.append(byte)
        return bytes(left)


class Board:
    """The image on an emulated RP2040, in a Node process of its own."""

    def __init__(self, uf2: Path) -> None:
        program = node()
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [program, EMULATOR / "board.mjs", uf2, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=environment(),
            )
        ours.settimeout(60)
        self._control = ours
        self._answers = ours.makefile("rb")
        self._asking = threading.Lock()

    def ask(self, **question: object) -> dict[str, Any]:
        with self._asking:
            self._control.sendall(json.dumps(question).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._answers.readline())
        assert answer["complaints"] == [], "the emulator was asked for what the chip does not have"
        return answer

    def sample(self, milliseconds: int, every: int = 10) -> list[Lamp]:
        """The lamps at each of these instants; the time of the board goes as fast as it can."""
        return [Lamp(lamps) for lamps, _ in self.ask(sample={"for": milliseconds, "every": every})["samples"]]

    def press(self, *, down: bool) -> None:
        self.ask(button=down)

    def close(self) -> None:
        self._control.shutdown(socket.SHUT_RDWR)
        self._answers.close()
        self._control.close()
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Wire:
    """Between a board and `path`, where a driver finds it for as long as it is plugged in."""

    def __init__(self, board: Board, path: Path) -> None:
        self.path = path
        self.to_board: Damage = sound
        self.from_board: Damage = sound
        self.written = bytearray()
        """What was written on the line by the driver."""
        self._board = board
        self._ends: tuple[int, int] | None = None
        self._held = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self.plug()
        self._thread.start()

    def plug(self) -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.path.symlink_to(os.ttyname(slave))
        with self._held:
            self._ends = (master, slave)

    def unplug(self) -> None:
        self.path.unlink(missing_ok=True)
        with self._held:
            ends, self._ends = self._ends, None
            for end in ends or ():
                os.close(end)

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self.unplug()

    def _carry(self) -> None:
        while not self._over.is_set():
            with self._held, contextlib.suppress(BlockingIOError):
                self._carry_both(self._ends)
            time.sleep(0.001)

    def _carry_both(self, ends: tuple[int, int] | None) -> None:
        process = self._board.process
        assert process.stdin is not None
        assert process.stdout is not None
        master = ends[0] if ends else None
        sources = [process.stdout.fileno(), *([master] if master is not None else [])]
        ready, _, _ = select.select(sources, [], [], 0.01)
        if process.stdout.fileno() in ready:
            said = self.from_board(os.read(process.stdout.fileno(), 4096))
            if master is not None and said:
                os.write(master, said)
        if master is not None and master in ready:
            heard = os.read(master, 4096)
            self.written += heard
            os.write(process.stdin.fileno(), self.to_board(heard))
