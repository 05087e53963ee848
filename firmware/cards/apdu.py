"""Commands to a card and its answers (ISO 7816-4, short lengths), over any function that carries bytes there and back. Pure.

What the carrier leaves to its caller is done here: fetching an answer that waits (61xx), asking again with the right length (6Cxx), and
sending long data in links. Source: cards.md 1.7; ISO 7816-4 (5.1).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from typing_extensions import override

from firmware.errors import CardFault

Transmit = Callable[[bytes], bytes]
"""Carries one command to the card and its answer back, status included. Raises DeviceError."""

OK = 0x9000
END_OF_FILE = 0x6282
"""Fewer bytes than asked, and all there are."""
WRONG_OFFSET = 0x6B00
NOT_FOUND = 0x6A82
SECURITY_NOT_SATISFIED = 0x6982
PIN_BLOCKED = 0x6983

MOST_DATA = 255
_CHAINED = 0x10
_LONGEST_ANSWER = 65_536
_MOST_LINKS = 512


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command. `expected`: how many bytes at most are to come back, 256 meaning all; None when none are."""

    cla: int = 0x00
    ins: int
    p1: int = 0x00
    p2: int = 0x00
    data: bytes = b""
    expected: int | None = None

    @override
    def __repr__(self) -> str:
        """Never its data."""
        return f"Command({self.ins:02X}, {len(self.data)} bytes)"

    def encode(self, *, length_after_data: bool) -> bytes:
        """As bytes; with T=0 the expected length is not sent after data: the answer is fetched instead."""
        head = bytes((self.cla, self.ins, self.p1, self.p2))
        length = b"" if self.expected is None else bytes((self.expected & 0xFF,))
        if not self.data:
            return head + length
        return head + bytes((len(self.data),)) + self.data + (length if length_after_data else b"")


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the card answered; `status` is its two last bytes."""

    data: bytes = b""
    status: int

    @override
    def __repr__(self) -> str:
        """Never its data."""
        return f"Response({self.status:04X}, {len(self.data)} bytes)"

    @property
    def done(self) -> bool:
        """The card did all it was asked."""
        return self.status == OK

    @property
    def tries_left(self) -> int | None:
        """Of the PIN, where the status tells it (63Cx, 6983); None otherwise."""
        if self.status == PIN_BLOCKED:
            return 0
        return self.status & 0x0F if self.status & 0xFFF0 == 0x63C0 else None

    def expect(self, *accepted: int) -> bytes:
        """The data when the status is 9000 or one of these. Raises CardFault."""
        if self.status == OK or self.status in accepted:
            return self.data
        raise CardFault(f"status {self.status:04X}")


def exchange(transmit: Transmit, command: Command, *, protocol: int = 0) -> Response:
    """The whole answer to one command, whatever it takes on the line. A command is sent again only on 6Cxx, by which the card
    says that it has not done it. Raises CardFault for a card that never ends, and what `transmit` raises.
    """
    *links, last = _links(command)
    for link in links:
        response = _once(transmit, link, protocol)
        if not response.done:
            return response
    return _once(transmit, last, protocol)


def select_application(aid: bytes) -> Command:
    """SELECT by name, without asking what the card tells of it."""
    return Command(ins=0xA4, p1=0x04, p2=0x0C, data=aid)


def select_file(identifier: int) -> Command:
    """SELECT an elementary file below the current folder."""
    return Command(ins=0xA4, p1=0x02, p2=0x0C, data=identifier.to_bytes(2))


def read_binary(offset: int, length: int) -> Command:
    """READ BINARY of the current file; `length` 256 at most, `offset` below 32768."""
    return Command(ins=0xB0, p1=offset >> 8, p2=offset & 0xFF, expected=length)


def _links(command: Command) -> list[Command]:
    parts = [command.data[start : start + MOST_DATA] for start in range(0, len(command.data), MOST_DATA)] or [b""]
    return [
        *(msgspec.structs.replace(command, cla=command.cla | _CHAINED, data=part, expected=None) for part in parts[:-1]),
        msgspec.structs.replace(command, data=parts[-1]),
    ]


def _once(transmit: Transmit, command: Command, protocol: int) -> Response:
    answer = _split(transmit(command.encode(length_after_data=protocol != 0)))
    if answer.status >> 8 == 0x6C and not answer.data:
        again = msgspec.structs.replace(command, expected=answer.status & 0xFF or 256)
        answer = _split(transmit(again.encode(length_after_data=protocol != 0)))
    data = answer.data
    for _ in range(_MOST_LINKS):
        if answer.status >> 8 != 0x61:
            return Response(data=data, status=answer.status)
        fetch = Command(cla=command.cla & ~_CHAINED, ins=0xC0, expected=answer.status & 0xFF or 256)
        answer = _split(transmit(fetch.encode(length_after_data=False)))
        data += answer.data
        if len(data) > _LONGEST_ANSWER:
            break
    raise CardFault("the answer does not end")


def _split(answer: bytes) -> Response:
    if len(answer) < 2:
        raise CardFault("an answer without status")
    return Response(data=answer[:-2], status=int.from_bytes(answer[-2:]))
