"""How connections leave: straight, or by the box's way out (`gateway.egress`) when `RELAIS_EGRESS` names its socket, as the unit does.

A process whose unit gives it no network has no other way: nothing here tries one.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import NoReturn

from gateway.egress.protocol import FORBIDDEN, OPEN, Place

_NAME = "RELAIS_EGRESS"


def way_out() -> str | None:
    """The socket of the way out; None when connections go straight."""
    return os.environ.get(_NAME) or None


async def through(relay: str, host: str, port: int) -> socket.socket:
    """A connected, non-blocking socket that speaks to this place; as long as the caller waits. Raises OSError."""
    loop = asyncio.get_running_loop()
    plug = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        plug.setblocking(False)
        await loop.sock_connect(plug, relay)
        await loop.sock_sendall(plug, _line(host, port))
        answer = await loop.sock_recv(plug, len(OPEN))
        if answer != OPEN:
            _refused(answer)
    except BaseException:
        plug.close()
        raise
    return plug


def through_blocking(relay: str, host: str, port: int, seconds: float) -> socket.socket:
    """The same for a library that blocks in a thread of its own. Raises OSError."""
    plug = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        plug.settimeout(seconds)
        plug.connect(relay)
        plug.sendall(_line(host, port))
        answer = plug.recv(len(OPEN))
        if answer != OPEN:
            _refused(answer)
    except BaseException:
        plug.close()
        raise
    return plug


def _line(host: str, port: int) -> bytes:
    try:
        return Place(host.strip("[]"), port).line
    except UnicodeError as problem:
        raise OSError(type(problem).__name__) from None


def _refused(answer: bytes) -> NoReturn:
    if answer == FORBIDDEN:
        raise PermissionError("not a service of this box")
    raise ConnectionRefusedError("not reached")
