"""Tells systemd how the service stands (sd_notify), without a library; silent outside systemd."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


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


def watchdog_seconds(environment: Mapping[str, str] | None = None) -> float | None:
    """How long systemd waits for `WATCHDOG=1` before it ends this process; None when it does not wait (sd_watchdog_enabled(3))."""
    told = os.environ if environment is None else environment
    if told.get("WATCHDOG_PID") not in (None, str(os.getpid())):
        return None
    delay = told.get("WATCHDOG_USEC", "")
    return int(delay) / 1e6 if delay.isascii() and delay.isdigit() and int(delay) else None
