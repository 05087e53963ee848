"""Frames over a connected socket, in buffers that are wiped: four bytes of length (big endian), then MessagePack (firmware.protocol).

The socket is read and written directly, without a stream in between, because a stream keeps copies nobody can wipe. A frame may hold a PIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

import msgspec

from firmware.errors import CallInvalid
from firmware.protocol import LARGEST_FRAME

_LENGTH = 4
_ENCODER = msgspec.msgpack.Encoder()


def wipe(buffer: bytearray | None) -> None:
    """Overwrite what it holds."""
    if buffer is not None:
        buffer[:] = bytes(len(buffer))


def frame(message: object) -> bytearray:
    """A message as it goes over the socket. Raises CallInvalid for one that is too long."""
    buffer = bytearray(_LENGTH)
    _ENCODER.encode_into(message, buffer, _LENGTH)
    length = len(buffer) - _LENGTH
    if length > LARGEST_FRAME:
        wipe(buffer)
        raise CallInvalid("too long")
    buffer[:_LENGTH] = length.to_bytes(_LENGTH)
    return buffer


async def read_frame(connection: socket.socket) -> bytearray | None:
    """The next message, still encoded; None when the other end is gone. The caller wipes it. Raises CallInvalid for a length out of bounds.

    Cancelled in the middle, the connection is of no more use.
    """
    head = bytearray(_LENGTH)
    if not await _fill(connection, head):
        return None
    length = int.from_bytes(head)
    if not 0 < length <= LARGEST_FRAME:
        raise CallInvalid("length of a frame")
    body = bytearray(length)
    whole = False
    try:
        whole = await _fill(connection, body)
    finally:
        if not whole:
            wipe(body)
    return body if whole else None


async def write_frame(connection: socket.socket, buffer: bytearray) -> None:
    """Send a frame made by `frame`, then wipe it. Raises OSError. Cancelled in the middle, the connection is of no more use."""
    try:
        await asyncio.get_running_loop().sock_sendall(connection, buffer)
    finally:
        wipe(buffer)


async def _fill(connection: socket.socket, buffer: bytearray) -> bool:
    loop, view, have = asyncio.get_running_loop(), memoryview(buffer), 0
    with contextlib.suppress(OSError):
        while have < len(view):
            got = await loop.sock_recv_into(connection, view[have:])
            if got == 0:
                return False
            have += got
    return have == len(view)
