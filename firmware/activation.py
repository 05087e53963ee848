"""Sockets that systemd opened for this process (sd_listen_fds(3)), without a library; none outside systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

_FIRST = 3
_MOST = 64
_WORDS = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def passed_sockets(environment: MutableMapping[str, str] | None = None) -> list[socket.socket]:
    """The listening stream sockets handed over, in the order of the unit, ours from now on; call it once, before any child starts.

    Not inherited by children, and what told of them leaves the environment. A descriptor that is no listening stream socket is left alone.
    """
    told = os.environ if environment is None else environment
    words = {name: told.pop(name, "") for name in _WORDS}
    count = words["LISTEN_FDS"]
    if words["LISTEN_PID"] != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return []
    found = (_listening(number) for number in range(_FIRST, _FIRST + min(int(count), _MOST)))
    return [one for one in found if one is not None]


def _listening(number: int) -> socket.socket | None:
    try:
        os.set_inheritable(number, False)
        one = socket.socket(fileno=number)
    except OSError:
        return None
    if one.type == socket.SOCK_STREAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        one.setblocking(False)
        return one
    one.detach()
    return None
