"""Ports for programs that cannot be told 0: below those that the kernel hands out, so that no connection takes them meanwhile."""

from __future__ import annotations

import contextlib
import random
import socket

_FIRST, _LAST = 16_000, 32_000
_drawn = random.Random()
"""Not seeded: tests that run side by side must not draw the same."""


def free_port(in_a_row: int = 1) -> int:
    """A port of the loopback that nobody has, followed by others that nobody has when several are wanted in a row."""
    for _ in range(200):
        first = _drawn.randrange(_FIRST, _LAST)
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + in_a_row):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return first
    raise AssertionError("no free port")
