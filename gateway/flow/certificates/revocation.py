"""Keeps the revocation lists of the configured authorities fresh: fetched at start, every day and before the next is due; the last good
one kept on the disk.

Never judges a certificate (trust does) and goes only where the box's own certificates say, or said when the list held was fetched: a peer
cannot choose the address. A list that cannot be had changes nothing until the one held is past its next update.
Sources: mssante.md 1.2 (ECO.1.1.6, ECO.1.1.7, CONF.22), cda_signing.md 4.4.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog

from gateway.flow.certificates.list_times import FIRST_AGAIN, seconds_after_failure, seconds_after_success
from gateway.kernel.clock import Clock
from gateway.kernel.errors import RelaisError
from gateway.trust.distribution import list_addresses
from gateway.trust.keystore import KeyStore
from gateway.trust.revocation import RevocationLists
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.wire.http import HttpPort, HttpRequest

_log = structlog.get_logger("relais.revocation")

Heed = Callable[[tuple[bytes, ...]], None]


class RevocationWatch:
    """Fetches the lists that the certificates of these structures name or named; `heed` is told of every change. `luck`: from 0 to 1."""

    def __init__(
        self,
        lists: RevocationLists,
        keys: KeyStore,
        structures: tuple[str, ...],
        http: HttpPort,
        clock: Clock,
        heed: Heed,
        *,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._lists = lists
        self._keys = keys
        self._structures = structures
        self._http = http
        self._clock = clock
        self._heed = heed
        self._luck = luck
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Keep the lists fresh until cancelled: each asked for when it is due, at once those that nobody asked for yet."""
        while True:
            try:
                addresses = self._addresses()
                await self._fetch_all([one for one in addresses if self._due.get(one, 0.0) <= self._clock.monotonic()])
                wait = min((self._due[one] for one in addresses), default=self._clock.monotonic() + FIRST_AGAIN) - self._clock.monotonic()
            except RelaisError as problem:
                _log.warning("revocation lists not looked at", code=problem.code, why=problem.technical)
                wait = FIRST_AGAIN
            await self._clock.sleep(max(wait, 0.0))

    async def refresh(self) -> bool:
        """Fetch every list once; False when one could not be had or was refused."""
        return await self._fetch_all(self._addresses())

    async def _fetch_all(self, addresses: Sequence[str]) -> bool:
        """False when one could not be had."""
        had = [await self._fetch(address) for address in addresses]
        if any(had):
            self._heed(await asyncio.to_thread(self._lists.held))
        return all(had)

    async def _fetch(self, address: str) -> bool:
        try:
            answer = await self._http.send(HttpRequest(method="GET", url=address))
            if answer.status != 200:
                _log.warning("revocation list not served", status=answer.status)
                return self._missed(address)
            next_update = await asyncio.to_thread(self._lists.offer, answer.body, address)
        except RelaisError as problem:
            _log.warning("revocation list not renewed", code=problem.code, why=problem.technical)
            return self._missed(address)
        self._failures.pop(address, None)
        self._due[address] = self._clock.monotonic() + seconds_after_success(self._clock.now(), next_update, self._luck())
        return True

    def _missed(self, address: str) -> bool:
        """The last good list stays; asked for again later and later. Always False."""
        failures = self._failures[address] = self._failures.get(address, 0) + 1
        self._due[address] = self._clock.monotonic() + seconds_after_failure(failures, self._luck())
        return False

    def _addresses(self) -> tuple[str, ...]:
        found: list[str] = []
        for slot in (Slot.CURRENT, Slot.NEXT):
            for one in self._keys.summaries(slot):
                if one.structure_id in self._structures:
                    found += list_addresses(self._keys.certificate(one.structure_id, Role(one.role), slot))
        for structure, role in self._keys.unreadable():
            _log.warning("certificate not readable", structure=structure, role=role.value)
        return tuple(dict.fromkeys((*found, *self._lists.addresses())))
