"""Carries bytes between the gateway and the services, and looks at none of them: TLS begins and ends in the gateway.

A connection that ends on one side ends on the other. Nothing is kept, nothing is tried twice: what was under way when this process ends is
a broken connection for the gateway, which knows what to do with one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence

from gateway.egress.protocol import FORBIDDEN, LONGEST, OPEN, UNREACHABLE, Place, place_of
from gateway.egress.rules import Rules

_LOG = logging.getLogger("relais.egress")
_PIECE = 65_536
_ASKING = 5.0
_CONNECTING = 60.0
"""Seconds; who asks has less patience, and leaves."""
_MOST = 256
_HAPPY = 0.25
"""Seconds that an address has before the next one is tried beside it (RFC 8305)."""

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Forbidden(Exception):
    """None of the addresses of a name may be spoken to; stays in this room."""


class Relay:
    """Serves the gateway under these rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, listening: Sequence[socket.socket], stop: asyncio.Event) -> None:
        """On these sockets, until `stop`."""
        async with contextlib.AsyncExitStack() as stack:
            for one in listening:
                server = await asyncio.start_unix_server(self._begin, sock=one, limit=_PIECE)
                await stack.enter_async_context(server)
            await stop.wait()
            carried = list(self._open)
            for task in carried:
                task.cancel()
            await asyncio.gather(*carried, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _MOST:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._one((reader, writer)), name="connection")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _one(self, near: Ends) -> None:
        try:
            await self._carry(near)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            near[1].transport.abort()

    async def _carry(self, near: Ends) -> None:
        async with asyncio.timeout(_ASKING):
            line = await near[0].readuntil(b"\n")
        place = place_of(line) if len(line) <= LONGEST else None
        if place is None or not self._rules.allows(place):
            await self._refuse(near, FORBIDDEN)
            return
        try:
            async with asyncio.timeout(_CONNECTING):
                far = await self._reach(place)
        except Forbidden:
            await self._refuse(near, FORBIDDEN)
            return
        except (OSError, TimeoutError) as problem:
            _LOG.info("not reached: %s", type(problem).__name__)
            near[1].write(UNREACHABLE)
            await near[1].drain()
            return
        try:
            near[1].write(OPEN)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copy(near[0], far[1]), name="out")
                ways.create_task(_copy(far[0], near[1]), name="in")
        except* OSError:
            pass
        finally:
            far[1].transport.abort()

    async def _refuse(self, near: Ends, answer: bytes) -> None:
        _LOG.warning("asked for a place that is no service of this box")
        near[1].write(answer)
        await near[1].drain()

    async def _reach(self, place: Place) -> Ends:
        """The first address that answers. Raises Forbidden, OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        allowed = list(dict.fromkeys(str(one[4][0]) for one in found if self._rules.allows_address(place, str(one[4][0]))))
        if not allowed:
            raise Forbidden
        attempts: set[asyncio.Task[Ends]] = set()
        failure: OSError = ConnectionRefusedError()
        try:
            for address in [*allowed, None]:
                if address is not None:
                    attempts.add(asyncio.create_task(asyncio.open_connection(address, place.port, limit=_PIECE)))
                while attempts:
                    done, _ = await asyncio.wait(attempts, timeout=_HAPPY if address else None, return_when=asyncio.FIRST_COMPLETED)
                    attempts -= done
                    for one in done:
                        problem = one.exception()
                        if problem is None:
                            return one.result()
                        failure = problem if isinstance(problem, OSError) else failure
                    if not done:
                        break
        finally:
            for one in attempts:
                one.cancel()
        raise failure


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        target.write(piece)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
