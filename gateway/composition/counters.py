"""Wires the counters of the pipeline: the one value that doors, API and page see of everything else."""

from __future__ import annotations

from gateway.composition.certificates import CertificateParts
from gateway.composition.devices import DeviceParts
from gateway.composition.documents import DocumentParts
from gateway.composition.foundations import Foundations
from gateway.composition.identities import IdentityParts
from gateway.flow.caller import Gate
from gateway.flow.identities.desk import IdentityDesk
from gateway.flow.identities.search_desk import SearchDesk
from gateway.flow.relay import Relay
from gateway.flow.scheduler import Scheduler
from gateway.flow.signing.esignsante import Esignsante
from gateway.flow.signing.signatures import Signatures
from gateway.flow.status import StatusBoard
from gateway.flow.workstations.desk import WorkstationDesk


def relay(
    base: Foundations,
    scheduler: Scheduler,
    identities: IdentityParts,
    certificates: CertificateParts,
    devices: DeviceParts,
    documents: DocumentParts,
) -> Relay:
    """Every counter, over the parts of the families."""
    configuration, store, clock = base.configuration, base.store, base.clock
    signatures = Signatures(store, base.keys, clock, base.anchors, base.lists)
    days = configuration.pairing.token_days
    gate = Gate(store, clock, configuration.limits.requests_per_minute, configuration.structures, token_days=days)
    return Relay(
        gate=gate,
        admission=documents.admission,
        reader=documents.reader,
        operations=documents.operations,
        signatures=signatures,
        esignsante=Esignsante(configuration, signatures, base.anchors, base.lists),
        status=_status(base, scheduler, identities, certificates, devices),
        identities=IdentityDesk(configuration, store, base.identities, identities.registry, base.books, identities.inquiries.curious),
        searches=_searches(base, identities, devices),
        calendar=certificates.calendar,
        successions=certificates.succession_desk,
        certificates=certificates.desk,
        scanners=devices.scanners,
        cards=devices.cards,
        card_lines=devices.card_lines,
        front=devices.front,
        fence=base.fence,
        workstations=WorkstationDesk(configuration, store, base.books, gate),
    )


def _status(
    base: Foundations, scheduler: Scheduler, identities: IdentityParts, certificates: CertificateParts, devices: DeviceParts
) -> StatusBoard:
    return StatusBoard(
        base.root,
        base.configuration,
        base.store,
        scheduler,
        base.keys,
        base.clock,
        identities.inquiries.paused,
        identities.limits.alerted,
        certificates.calendar,
        devices.devices.view,
        devices.front.view,
        lambda: base.fence.stopped,
    )


def _searches(base: Foundations, identities: IdentityParts, devices: DeviceParts) -> SearchDesk:
    return SearchDesk(
        base.configuration,
        base.store,
        base.identities,
        identities.identification,
        identities.inquiries,
        identities.batches,
        base.books,
        identities.limits,
        devices.card_searches,
    )
