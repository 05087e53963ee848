"""The pipeline as doors, API and page see it: one value holding its counters. Built by `composition`, used by everyone above."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.flow.admission import Admission
from gateway.flow.caller import Gate
from gateway.flow.cards.desk import CardDesk
from gateway.flow.cards.lines import CardLines
from gateway.flow.certificates.calendar import CalendarDesk
from gateway.flow.certificates.custody import CertificateDesk
from gateway.flow.certificates.desk import SuccessionDesk
from gateway.flow.fencing.fence import Fence
from gateway.flow.identities.desk import IdentityDesk
from gateway.flow.identities.search_desk import SearchDesk
from gateway.flow.operations import Operations
from gateway.flow.panel.front import Front
from gateway.flow.reading import Reader
from gateway.flow.scanners.desk import ScannerDesk
from gateway.flow.signing.esignsante import Esignsante
from gateway.flow.signing.signatures import Signatures
from gateway.flow.status import StatusBoard
from gateway.flow.workstations.desk import WorkstationDesk


@dataclass(frozen=True, slots=True)
class Relay:
    """Counters of the pipeline: who asks, what comes in, what is read, what is done by hand, what is signed, how it stands, who the
    patients are and what INSi says of them, what certificates end and which take over, what
    scanners read, what cards say and sign, and what happens at their readers, how the front of the box stands, which workstations
    are paired, and whether the box may still send."""

    gate: Gate
    admission: Admission
    reader: Reader
    operations: Operations
    signatures: Signatures
    esignsante: Esignsante
    status: StatusBoard
    identities: IdentityDesk
    searches: SearchDesk
    calendar: CalendarDesk
    successions: SuccessionDesk
    certificates: CertificateDesk
    scanners: ScannerDesk
    cards: CardDesk
    card_lines: CardLines
    front: Front
    workstations: WorkstationDesk
    fence: Fence
