"""Clients of the national services, one per structure: each has its own certificate, connection pool and trust. Made on first use,
and again once a certificate changed on the disk.

A structure whose certificate is missing or expired raises its typed error at each use and troubles no other (design, rule 11). Every
client heeds the revocation lists; past the next update of a list nothing is handed to a mail operator (mssante.md 8, case 5b), while the
DMP goes on with the last good one (cda_signing.md 4.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.dmp.client import DmpClient
from gateway.flow.errors import StructureUnknown
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration, Structure
from gateway.mss.send import OperatorClient
from gateway.trust.errors import RevocationListStale
from gateway.trust.keystore import KeyStore
from gateway.trust.revocation import certificate_lists, is_stale
from gateway.trust.tls import TlsContext, client_context
from gateway.wire.http import HttpPort
from gateway.wire.http_late import LatePort
from gateway.wire.secret import Secret


def http_port(context: TlsContext, *, connect_seconds: float = 10.0, answer_seconds: float = 60.0) -> HttpPort:
    """A port towards one peer; its library is loaded at the first request."""

    def make() -> HttpPort:
        from gateway.wire.http_client import HttpxPort

        return HttpxPort(context, connect_seconds=connect_seconds, answer_seconds=answer_seconds)

    return LatePort(make)


class Remotes:
    """DMP and operator clients by structure."""

    def __init__(self, configuration: Configuration, keys: KeyStore, anchors: bytes, clock: Clock, homologation: str | None) -> None:
        self._configuration = configuration
        self._keys = keys
        self._anchors = anchors
        self._clock = clock
        self._homologation = Secret(homologation or "")
        self._ports: dict[str, HttpPort] = {}
        self._dmp: dict[str, DmpClient] = {}
        self._operators: dict[str, OperatorClient] = {}
        self._contexts: list[tuple[str, TlsContext]] = []
        self._retired: list[HttpPort | OperatorClient] = []
        self._crls: tuple[bytes, ...] = ()

    def heed(self, crls: Sequence[bytes]) -> None:
        """Refuse from the next handshake on what these lists revoke."""
        self._crls = tuple(crls)
        for _, context in self._contexts:
            context.heed(self._crls, self._anchors)

    def dmp(self, structure_id: str) -> DmpClient:
        """The DMP as this structure sees it; raises KeyUnavailable and its kin, ChainUntrusted."""
        client = self._dmp.get(structure_id)
        if client is None:
            settings = self._configuration.dmp
            structure = self._structure(structure_id)
            signer = self._keys.signer(structure_id)
            port = http_port(self._context(structure_id), connect_seconds=settings.connect_seconds, answer_seconds=settings.answer_seconds)
            self._ports[structure_id] = port
            client = self._dmp[structure_id] = DmpClient(port, settings, structure, signer, self._clock, self._homologation)
        return client

    def operator(self, structure_id: str) -> OperatorClient:
        """The operator of this structure's mailbox; raises KeyUnavailable and its kin, ChainUntrusted, RevocationListStale."""
        if any(is_stale(one, self._clock.now()) for one in certificate_lists(self._crls)):
            raise RevocationListStale
        client = self._operators.get(structure_id)
        if client is None:
            mailbox = self._structure(structure_id).mailbox
            if mailbox is None:
                raise StructureUnknown(field="structure")
            client = self._operators[structure_id] = OperatorClient(mailbox, self._configuration.mss, self._context(structure_id))
        return client

    async def refresh(self) -> None:
        """Have structures whose certificate changed on the disk use the new one from their next attempt on.

        What runs with the former one ends as it began: its connections are closed at the next call only.
        """
        done, self._retired = self._retired, []
        for one in done:
            await one.close()
        for structure_id in await asyncio.to_thread(self._keys.refresh):
            self._dmp.pop(structure_id, None)
            self._retired += [one for one in (self._ports.pop(structure_id, None), self._operators.pop(structure_id, None)) if one]
            self._contexts = [(owner, context) for owner, context in self._contexts if owner != structure_id]

    async def close(self) -> None:
        """Close every connection."""
        for one in (*self._ports.values(), *self._operators.values(), *self._retired):
            await one.close()

    def _structure(self, structure_id: str) -> Structure:
        structure = self._configuration.structure(structure_id)
        if structure is None:
            raise StructureUnknown(field="structure")
        return structure

    def _context(self, structure_id: str) -> TlsContext:
        context = client_context(self._keys.tls_identity(structure_id), self._anchors, crls=self._crls)
        self._contexts.append((structure_id, context))
        return context
