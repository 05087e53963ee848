"""Keeps the revocation lists of the configured authorities fresh: fetched at start and every day, the last good one kept on the disk.

Never judges a certificate (trust does) and goes only where the box's own certificates say, or said when the list held was fetched: a peer
cannot choose the address. A list that cannot be had changes nothing until the one held is past its next update.
Sources: mssante.md 1.2 (ECO.1.1.6, ECO.1.1.7, CONF.22), cda_signing.md 4.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError
from gateway.trust.distribution import list_addresses
from gateway.trust.keystore import KeyStore
from gateway.trust.revocation import RevocationLists
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.wire.http import HttpPort, HttpRequest

_log = structlog.get_logger("relais.revocation")

_DAY = 86_400.0
_AGAIN = 900.0
"""Seconds before lists that could not be had are asked for again."""

Heed = Callable[[tuple[bytes, ...]], None]


class RevocationWatch:
    """Fetches the lists that the certificates of these structures name or named; `heed` is told of every change."""

    def __init__(
        self, lists: RevocationLists, keys: KeyStore, structures: tuple[str, ...], http: HttpPort, clock: Clock, heed: Heed
    ) -> None:
        self._lists = lists
        self._keys = keys
        self._structures = structures
        self._http = http
        self._clock = clock
        self._heed = heed

    async def run(self) -> None:
        """Keep the lists fresh until cancelled: all of them every day, those that could not be had every quarter of an hour."""
        missing: tuple[str, ...] = ()
        fetched_at: float | None = None
        while True:
            now = self._clock.monotonic()
            try:
                if not missing or fetched_at is None or now - fetched_at >= _DAY:
                    missing, fetched_at = await self._fetch_all(self._addresses()), now
                else:
                    missing = await self._fetch_all(missing)
            except RelaisError as problem:
                _log.warning("revocation lists not looked at", code=problem.code, why=problem.technical)
                fetched_at = None
            await self._clock.sleep(_AGAIN if missing or fetched_at is None else fetched_at + _DAY - now)

    async def refresh(self) -> bool:
        """Fetch every list once; False when one could not be had or was refused."""
        return not await self._fetch_all(self._addresses())

    async def _fetch_all(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """Those that could not be had."""
        missing = tuple([address for address in addresses if not await self._fetch(address)])
        if len(missing) < len(addresses):
            self._heed(await asyncio.to_thread(self._lists.held))
        return missing

    async def _fetch(self, address: str) -> bool:
        try:
            answer = await self._http.send(HttpRequest(method="GET", url=address))
            if answer.status != 200:
                _log.warning("revocation list not served", status=answer.status)
                return False
            await asyncio.to_thread(self._lists.offer, answer.body, address)
        except RelaisError as problem:
            _log.warning("revocation list not renewed", code=problem.code, why=problem.technical)
            return False
        return True

    def _addresses(self) -> tuple[str, ...]:
        found: list[str] = []
        for slot in (Slot.CURRENT, Slot.NEXT):
            for one in self._keys.summaries(slot):
                if one.structure_id in self._structures:
                    found += list_addresses(self._keys.certificate(one.structure_id, Role(one.role), slot))
        for structure, role in self._keys.unreadable():
            _log.warning("certificate not readable", structure=structure, role=role.value)
        return tuple(dict.fromkeys((*found, *self._lists.addresses())))
