"""Clients of the national services, one per structure: each has its own certificate, connection pool and trust. Made on first use,
and again once a certificate changed on the disk.

A structure whose certificate is missing or expired raises its typed error at each use and troubles no other (design, rule 11). Every
client heeds the revocation lists; past the next update of a list nothing is handed to a mail operator (mssante.md 8, case 5b), while the
DMP goes on with the last good one (cda_signing.md 4.4). INSi is called with the INSI-MANU certificate when a person asks and INSI-AUTO
when the box does (insi.md 2.3), one call at a time for each; the failures of either pause both.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

import structlog

from gateway.dmp.client import DmpClient
from gateway.flow.errors import StructureUnknown
from gateway.ins.client import Assertions, InsiClient
from gateway.ins.criteria import Software
from gateway.ins.errors import InjectionForbidden, InsiNotConfigured
from gateway.ins.injection import InjectionPort
from gateway.ins.line import Breaker, Line
from gateway.kernel.clock import Clock
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import RelaisError
from gateway.mss.send import OperatorClient
from gateway.trust.chain import read_authorities
from gateway.trust.errors import RevocationListStale
from gateway.trust.keystore import KeyStore
from gateway.trust.revocation import certificate_lists, stale_lists
from gateway.trust.roles import INSI_NAMES, Role
from gateway.trust.tls import TlsContext, client_context
from gateway.trust.vault import Vault
from gateway.wire.http import HttpPort
from gateway.wire.http_late import LatePort
from gateway.wire.secret import Secret

_log = structlog.get_logger("relais.insi")
_INSI_ANSWER_BYTES = 1_000_000
_CARD = "card"


def http_port(
    context: TlsContext, *, connect_seconds: float = 10.0, answer_seconds: float = 60.0, answer_bytes: int = 16_000_000
) -> HttpPort:
    """A port towards one peer; its library is loaded at the first request."""

    def make() -> HttpPort:
        from gateway.wire.http_client import HttpxPort

        return HttpxPort(context, connect_seconds=connect_seconds, answer_seconds=answer_seconds, answer_bytes=answer_bytes)

    return LatePort(make)


def installation_of(vault: Vault) -> str:
    """The UUID of this installation for ContexteLPS, the same as long as the box key lives."""
    return str(uuid.UUID(hex=vault.pseudonym("insi", "installation")[:32], version=4))


class Remotes:
    """DMP, operator and INSi clients by structure."""

    def __init__(
        self,
        configuration: Configuration,
        keys: KeyStore,
        anchors: bytes,
        clock: Clock,
        homologation: str | None,
        *,
        installation: str | None = None,
        injection: Path | None = None,
    ) -> None:
        """`installation` is that of `installation_of`, unless configured; `injection` the folder of `Insi.injection`.

        Raises InjectionForbidden when answers would come from files in production.
        """
        if configuration.insi.injection and configuration.environment == "production":
            raise InjectionForbidden
        self._configuration = configuration
        self._keys = keys
        self._anchors = anchors
        self._clock = clock
        self._homologation = Secret(homologation or "")
        self._ports: dict[str, HttpPort] = {}
        self._dmp: dict[str, DmpClient] = {}
        self._operators: dict[str, OperatorClient] = {}
        self._insi: dict[tuple[str, Role, Software], InsiClient] = {}
        self._insi_ports: dict[tuple[str, str], HttpPort] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._breakers: dict[str, Breaker] = {}
        self._installation = configuration.insi.installation or installation or _installation_by_oid(configuration)
        self._injection = injection if configuration.insi.injection else None
        self._contexts: list[tuple[str, TlsContext]] = []
        self._retired: list[HttpPort | OperatorClient] = []
        self._crls: tuple[bytes, ...] = ()
        self._look_at_insi()

    def heed(self, crls: Sequence[bytes]) -> None:
        """Refuse from the next handshake on what these lists revoke."""
        self._crls = tuple(crls)
        for _, context in self._contexts:
            context.heed(self._crls, self._anchors)

    def dmp(self, structure_id: str) -> DmpClient:
        """The DMP as this structure sees it; raises KeyUnavailable and its kin, ChainUntrusted."""
        self._keys.tls_identity(structure_id)
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
        if stale_lists(certificate_lists(self._crls), read_authorities(self._anchors), self._clock.now()):
            raise RevocationListStale
        self._keys.tls_identity(structure_id, Role.MAILBOX)
        client = self._operators.get(structure_id)
        if client is None:
            mailbox = self._structure(structure_id).mailbox
            if mailbox is None:
                raise StructureUnknown(field="structure")
            client = self._operators[structure_id] = OperatorClient(
                mailbox, self._configuration.mss, self._context(structure_id, Role.MAILBOX)
            )
        return client

    def insi(self, structure_id: str, *, user: bool, software: str | None = None) -> InsiClient:
        """INSi as this structure calls it: INSI-MANU when a `user` asks, INSI-AUTO for the box's own work; `software` by its id.

        Raises InsiNotConfigured, StructureUnknown, KeyUnavailable and its kin, CertificateWrongName (case A18), ChainUntrusted.
        """
        role, caller = Role.INSI_MANU if user else Role.INSI_AUTO, self._software(software)
        if (structure_id, role) in self._insi_ports:
            self._keys.tls_identity(structure_id, role)
        client = self._insi.get((structure_id, role, caller))
        if client is None:
            self._structure(structure_id)
            port = self._insi_port(structure_id, role)
            client = self._insi[structure_id, role, caller] = self._insi_client(structure_id, port, caller, role, user=user, card=None)
        return client

    def insi_by_card(self, structure_id: str, card: Assertions, *, software: str | None = None) -> InsiClient:
        """INSi as the holder of a CPx card calls it, its assertions signed by `card`; raises InsiNotConfigured, ChainUntrusted."""
        caller = self._software(software)
        self._structure(structure_id)
        return self._insi_client(structure_id, self._insi_port(structure_id, None), caller, _CARD, user=True, card=card)

    async def refresh(self) -> None:
        """Have structures whose certificate changed on the disk use the new one from their next attempt on.

        What runs with the former one ends as it began: its connections are closed at the next call only.
        """
        done, self._retired = self._retired, []
        for one in done:
            await one.close()
        for structure_id in await asyncio.to_thread(self._keys.refresh):
            self.renew(structure_id)

    def renew(self, structure_id: str) -> None:
        """Have this structure show what the key store holds now, from its next attempt on; the former connections end as they began."""
        self._dmp.pop(structure_id, None)
        self._retired += [one for one in (self._ports.pop(structure_id, None), self._operators.pop(structure_id, None)) if one]
        self._insi = {key: client for key, client in self._insi.items() if key[0] != structure_id}
        gone = [key for key in self._insi_ports if key[0] == structure_id]
        self._retired += [self._insi_ports.pop(key) for key in gone]
        self._contexts = [(owner, context) for owner, context in self._contexts if owner != structure_id]

    async def close(self) -> None:
        """Close every connection."""
        for one in (*self._ports.values(), *self._operators.values(), *self._insi_ports.values(), *self._retired):
            await one.close()

    def _look_at_insi(self) -> None:
        """What would keep INSi from being called is told as the box starts; it stops nothing else, and each call says it again (A18)."""
        if self._configuration.insi.url is None:
            return
        for structure in self._configuration.structures:
            for role in INSI_NAMES:
                try:
                    self._keys.tls_identity(structure.id, role)
                except RelaisError as problem:
                    _log.error("INSi certificate not usable", structure=structure.id, role=role.value, code=problem.code)

    def _structure(self, structure_id: str) -> Structure:
        structure = self._configuration.structure(structure_id)
        if structure is None:
            raise StructureUnknown(field="structure")
        return structure

    def _context(self, structure_id: str, role: Role | None = Role.AUTH_CLI) -> TlsContext:
        identity = None if role is None else self._keys.tls_identity(structure_id, role)
        context = client_context(identity, self._anchors, crls=self._crls)
        self._contexts.append((structure_id, context))
        return context

    def _software(self, identifier: str | None) -> Software:
        known = self._configuration.insi.software
        found = next((one for one in known if identifier in (None, one.id)), None)
        if found is None:
            raise InsiNotConfigured(missing="le numéro d'autorisation CNDA du logiciel")
        return Software(idam=found.idam, name=found.name, version=found.version)

    def _insi_port(self, structure_id: str, role: Role | None) -> HttpPort:
        key, settings = (structure_id, role or _CARD), self._configuration.insi
        if (settings.url if role else settings.card_url) is None:
            raise InsiNotConfigured(missing="son adresse" if role else "l'adresse des appels par carte")
        port = self._insi_ports.get(key)
        if port is None:
            port = http_port(
                self._context(structure_id, role),
                connect_seconds=settings.connect_seconds,
                answer_seconds=settings.answer_seconds,
                answer_bytes=_INSI_ANSWER_BYTES,
            )
            if self._injection is not None:
                port = InjectionPort(self._injection, port)
            self._insi_ports[key] = port
        return port

    def _insi_client(
        self, structure_id: str, port: HttpPort, software: Software, certificate: str, *, user: bool, card: Assertions | None
    ) -> InsiClient:
        settings = self._configuration.insi
        breaker = self._breakers.setdefault(structure_id, Breaker(settings, self._clock))
        line = self._lines.setdefault((structure_id, certificate), Line(settings, self._clock, breaker))
        return InsiClient(
            port,
            settings,
            environment=self._configuration.environment,
            sender=structure_id,
            software=software,
            installation=self._installation,
            line=line,
            clock=self._clock,
            urgent=user,
            card=card,
        )


def _installation_by_oid(configuration: Configuration) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, configuration.structures[0].source_id))
