"""Wires the life of certificates: what ends when, what takes over, and its rehearsal in front of the services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.composition.foundations import Foundations
from gateway.flow.certificates.alarms import Alarms, ReadFacts
from gateway.flow.certificates.calendar import CalendarDesk
from gateway.flow.certificates.custody import CertificateDesk
from gateway.flow.certificates.desk import SuccessionDesk
from gateway.flow.certificates.ocsp_queries import OcspQueries
from gateway.flow.certificates.rehearsal import Ports, Rehearsals
from gateway.flow.certificates.successions import Renew, Successions


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """The calendar, the successions, and the desks that callers see of both."""

    calendar: CalendarDesk
    alarms: Alarms
    successions: Successions
    succession_desk: SuccessionDesk
    desk: CertificateDesk


def certificate_parts(
    base: Foundations,
    facts: ReadFacts,
    ports: Ports,
    renew: Renew,
    freshen: Callable[[], Awaitable[object]],
    ocsp: OcspQueries | None = None,
) -> CertificateParts:
    """`facts` reads what the calendar is made of; the others as `Rehearsals`, `Successions` and `CertificateDesk` name them."""
    configuration, store, books, keys = base.configuration, base.store, base.books, base.keys
    rehearsals = Rehearsals(configuration, keys, base.anchors, base.lists, base.clock, ports, ocsp)
    successions = Successions(configuration, store, books, keys, rehearsals, renew)
    return CertificateParts(
        calendar=CalendarDesk(facts, base.clock),
        alarms=Alarms(store, books, facts),
        successions=successions,
        succession_desk=SuccessionDesk(store, books, successions),
        desk=CertificateDesk(configuration, store, books, keys, rehearsals, successions, base.anchors, base.lists, renew, freshen),
    )
