"""Collects the facts of the calendar from a home: keys of every role and slot, the local authority, the authorities and the lists.

Reads only; asks nothing of the network. A key whose seal does not open has no date and is told by the self-checks instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.kernel.config import Configuration
from gateway.trust.broker_secrets import broker_certificates
from gateway.trust.calendar import Fact, Origin
from gateway.trust.certificate import load_certificate, signing_end
from gateway.trust.chain import read_authorities
from gateway.trust.keystore import KeyStore
from gateway.trust.lan import LanAuthority
from gateway.trust.revocation import RevocationLists, certificate_lists
from gateway.trust.roles import Role
from gateway.trust.slots import Slot
from gateway.trust.vault import Vault

_SLOTS = {Slot.CURRENT: Origin.CURRENT, Slot.NEXT: Origin.NEXT}


Broker = Callable[[], tuple[x509.Certificate | None, tuple[x509.Certificate, ...]]]


def calendar_facts(home: Path, configuration: Configuration, keys: KeyStore, vault: Vault, anchors: bytes) -> CalendarFacts:
    """The facts of a whole box as it is configured; raises ChainUntrusted."""
    bus = configuration.bus
    broker = partial(broker_certificates, home, vault, bus.ca) if bus.host is not None and bus.tls else None
    return CalendarFacts(home, keys, LanAuthority(home, vault), anchors, broker)


class CalendarFacts:
    """The facts of one home, read anew at each call."""

    def __init__(self, home: Path, keys: KeyStore, lan: LanAuthority, anchors: bytes, broker: Broker | None = None) -> None:
        """`anchors`: PEM of the configured authorities; `broker`: what an MQTT broker in use is met with. Raises ChainUntrusted."""
        self._broker = broker
        self._keys = keys
        self._lan = lan
        self._authorities = read_authorities(anchors)
        self._lists = RevocationLists(home, self._authorities)
        self._list_facts: tuple[tuple[object, ...], tuple[Fact, ...]] | None = None
        """A list may hold megabytes: read again only when a file changed."""

    def read(self) -> tuple[Fact, ...]:
        """Every fact, in no order."""
        return (*self._of_structures(), *self._of_lan(), *self._of_authorities(), *self._of_lists(), *self._of_broker())

    def _of_structures(self) -> Iterator[Fact]:
        for structure, role, slot in self._places():
            certificate = load_certificate(self._keys.certificate(structure, role, slot))
            ends, key_ends = certificate.not_valid_after_utc, signing_end(certificate)
            told = _fact(certificate, _SLOTS[slot], structure=structure, role=role.value)
            yield msgspec.structs.replace(told, key_ends=key_ends if key_ends < ends else None)

    def _of_lan(self) -> Iterator[Fact]:
        held = self._lan.certificates()
        if held.server is not None:
            yield _fact(held.server, Origin.LAN_SERVER)
        if held.authority is not None:
            yield _fact(held.authority, Origin.LAN_AUTHORITY)
        if held.former_authority is not None and held.former_authority != held.authority:
            yield _fact(held.former_authority, Origin.LAN_FORMER_AUTHORITY)

    def _of_broker(self) -> Iterator[Fact]:
        shown, authorities = self._broker() if self._broker is not None else (None, ())
        if shown is not None:
            yield _fact(shown, Origin.BROKER_CLIENT)
        for one in authorities:
            yield _fact(one, Origin.BROKER_AUTHORITY, name=_common_name(one.subject))

    def _of_authorities(self) -> Iterator[Fact]:
        served: dict[x509.Certificate, set[str]] = {one: set() for one in self._authorities.all}
        for structure, role, slot in self._places():
            for der in self._keys.issuers(structure, role, slot):
                served.setdefault(load_certificate(der), set()).add(structure)
        for certificate, structures in served.items():
            told = _fact(certificate, Origin.AUTHORITY, name=_common_name(certificate.subject))
            yield msgspec.structs.replace(told, structures=tuple(sorted(structures)))

    def _of_lists(self) -> tuple[Fact, ...]:
        mark = self._lists.mark()
        if self._list_facts is None or self._list_facts[0] != mark:
            self._list_facts = mark, tuple(_list_fact(one) for one in certificate_lists(self._lists.held()))
        return self._list_facts[1]

    def _places(self) -> Iterator[tuple[str, Role, Slot]]:
        for slot in _SLOTS:
            for one in self._keys.summaries(slot):
                yield one.structure_id, Role(one.role), slot


def _fact(certificate: x509.Certificate, origin: Origin, *, structure: str = "", role: str = "", name: str = "") -> Fact:
    return Fact(
        origin=origin,
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        structure=structure,
        role=role,
        name=name,
    )


def _list_fact(held: x509.CertificateRevocationList) -> Fact:
    return Fact(
        origin=Origin.REVOCATION_LIST,
        fingerprint=held.fingerprint(SHA256()).hex(),
        begins=held.last_update_utc,
        ends=held.next_update_utc or held.last_update_utc,
        name=_common_name(held.issuer),
    )


def _common_name(name: x509.Name) -> str:
    """The common name, else the whole name."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
