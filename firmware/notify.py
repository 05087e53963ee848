"""Tells systemd how the service stands (sd_notify), without a library; silent outside systemd."""

from __future__ import annotations

import contextlib
import os
import socket


def notify_systemd(message: str) -> None:
    """Send one datagram such as `READY=1` to $NOTIFY_SOCKET; does nothing when it is not set or does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address)
        channel.sendall(message.encode())
