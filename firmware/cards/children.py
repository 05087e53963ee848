"""A program that this process starts, from its output to its death: neither depends on what the program itself has started.

asyncio's own pipe stays open, and its wait() goes on, as long as any child of the program holds the other end: a daemon that a licensed
part starts would hold its caller for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import Process

_LOOK = 0.005
_LONGEST = 5.0


class Output:
    """The standard output of one program."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport, descriptor: int) -> None:
        self.reader = reader
        self.descriptor = descriptor
        """Given to the program as its output."""
        self._transport = transport
        self._given = False

    @classmethod
    async def open(cls) -> Output:
        """Raises OSError."""
        ours, descriptor = os.pipe()
        reader = asyncio.StreamReader()
        try:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", buffering=0)
            )
        except BaseException:
            os.close(descriptor)
            raise
        return cls(reader, transport, descriptor)

    def given(self) -> None:
        """The program has it: it ends with the program."""
        if not self._given:
            self._given = True
            os.close(self.descriptor)

    def close(self) -> None:
        """Nothing more is read."""
        self.given()
        self._transport.close()


def drop(to: asyncio.StreamWriter) -> None:
    """Say nothing more to a program, not even what it has not taken yet."""
    if to.transport.get_write_buffer_size():
        to.transport.abort()
    else:
        to.close()


async def dead(process: Process) -> bool:
    """Wait for a program that was killed; False for one that is not dead after some seconds: it hangs in the kernel, and is left there."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST):
            while process.returncode is None:  # noqa: ASYNC110 - asyncio has no event for the death alone
                await asyncio.sleep(_LOOK)
    return process.returncode is not None
