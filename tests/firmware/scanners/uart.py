"""An asynchronous line between a scanner and a receiver that may disagree on its speed and parity, bit by bit, with the marks of a kernel.

Shares nothing with the product: times in microseconds, the receiver samples in the middle of what it takes for bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

IDLE_BITS = 3
"""Of rest between two characters."""


@dataclass(frozen=True)
class Line:
    speed: int
    bits: int = 8
    parity: str = "N"


def levels(data: bytes, line: Line) -> list[int]:
    """The line, one level for each bit time of its sender."""
    out = [1] * 10
    for value in data:
        bits = [(value >> n) & 1 for n in range(line.bits)]
        out += [0, *bits]
        if line.parity != "N":
            out.append((sum(bits) + (line.parity == "O")) % 2)
        out += [1] * (1 + IDLE_BITS)
    return out + [1] * 10


def received(data: bytes, sender: Line, receiver: Line) -> bytes:
    """What the receiver's kernel gives with PARMRK for what the sender sent."""
    line = levels(data, sender)
    length, sent, bit = len(line), 1e6 / sender.speed, 1e6 / receiver.speed

    def level(at: float) -> int:
        index = int(at / sent)
        return line[index] if index < length else 1

    def edge(at: float, wanted: int) -> float:
        """When the line is next at this level; its end when never."""
        if level(at) == wanted:
            return at
        return next((n * sent + 1e-6 for n in range(int(at / sent) + 1, length) if line[n] == wanted), length * sent)

    out, at = bytearray(), edge(0.0, 0)
    while at < length * sent:
        if level(at + bit / 2) == 1:
            at = edge(at + bit / 2, 0)
            continue
        out += _character(level, at, bit, receiver)
        at = edge(edge(at + bit * (receiver.bits + (receiver.parity != "N") + 1.5), 1), 0)
    return bytes(out)


def _character(level: Callable[[float], int], at: float, bit: float, receiver: Line) -> bytes:
    middle = [level(at + bit * (1.5 + n)) for n in range(receiver.bits + (receiver.parity != "N") + 1)]
    value = sum(one << n for n, one in enumerate(middle[: receiver.bits]))
    wrong_parity = receiver.parity != "N" and (sum(middle[:-1]) + (receiver.parity == "O")) % 2 != 0
    return marked(value, sound=middle[-1] == 1 and not wrong_parity)


def marked(value: int, *, sound: bool) -> bytes:
    if not sound:
        return bytes((0xFF, 0, value))
    return b"\xff\xff" if value == 0xFF else bytes((value,))
