"""Where a box looks for the one that took its place: the folder of its backups, and its own names on the LAN."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from gateway.flow.fencing.markers import highest_marker
from gateway.kernel.config import Listener
from gateway.kernel.errors import RelaisError
from gateway.trust.epoch import Epoch, stated
from gateway.trust.lan import LanAuthority
from gateway.wire.http import HttpPort, HttpRequest

_log = structlog.get_logger("relais.fence")
_OK = 200


class FolderWitness:
    """The folder of the backups, on another disk that may hang or be away: looked at on another thread, one look at a time."""

    def __init__(self, folder: Path, home: str, authority: LanAuthority) -> None:
        self._folder = folder
        self._home = home
        self._authority = authority
        self._look: asyncio.Task[Epoch | None] | None = None

    async def highest(self) -> Epoch | None:
        """See Witness. A look that hangs is left to end by itself: another one would hang as well."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(asyncio.to_thread(highest_marker, self._folder, self._home, self._authority))
        try:
            return await asyncio.shield(self._look)
        except OSError as problem:
            _log.warning("backups not reachable", errno=problem.errno)
            return None


class PeerWitness:
    """An address of the LAN where the successor of this box may answer. `port` checks the name and that our own authority vouches."""

    def __init__(self, address: str, port: Callable[[], HttpPort], authority: LanAuthority) -> None:
        """`address`: https://name:port."""
        self._address = address
        self._port = port
        self._authority = authority

    async def highest(self) -> Epoch | None:
        """See Witness."""
        port = None
        try:
            port = self._port()
            answer = await port.send(HttpRequest(method="GET", url=f"{self._address}/api/v1/epoch"))
        except (RelaisError, OSError):
            return None
        finally:
            if port is not None:
                await port.close()
        return await asyncio.to_thread(stated, answer.body, self._authority) if answer.status == _OK else None


def peer_addresses(listener: Listener, peers: Sequence[str]) -> tuple[str, ...]:
    """Where a successor may answer: the addresses set, and the names of the LAN certificate on our own port, loopback left out."""
    return tuple(dict.fromkeys((*peers, *(f"https://{_bracketed(name)}:{port}" for name, port in listener.elsewhere))))


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
