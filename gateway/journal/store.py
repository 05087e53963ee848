"""The store seam: what the pipeline asks of the journal. Real: `journal.sqlite`; in memory: `journal.memory`.

A commit is a list of changes applied together or not at all; when `commit` returns, they are on the disk (fsync done).
Commits that wait together share one transaction (group commit), each keeping its own all-or-nothing.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.journal.records import (
    AuditRecord,
    BlobRecord,
    Change,
    DeliveryRecord,
    DocumentRecord,
    EventRecord,
    ExistenceRecord,
    PatientRecord,
    ReceiptRecord,
    WorkstationRecord,
)
from gateway.kernel.errors import RelaisError, TransientFault
from gateway.model.delivery import DocumentState


class StaleRecord(RelaisError):
    """Another commit changed the record first: read it again."""

    code = "stale-record"


class DuplicateKey(RelaisError):
    """A document with this idempotency key or unique id is already there."""

    code = "duplicate-key"
    status = 409


class NotAccepting(TransientFault):
    """The journal cannot be written (disk full, read-only, damaged): nothing is accepted meanwhile."""

    code = "not-accepting"
    title = "Relais n'accepte plus de documents pour le moment"
    who = "votre installateur"
    what = "Relais ne peut pas enregistrer de nouveau document : son espace de stockage est plein ou indisponible."
    gesture = "Gardez le document et renvoyez-le plus tard ; si cela dure, appelez votre installateur."


class DocumentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A page of documents, newest first; `before` is the sequence to start under."""

    workstation: str | None = None
    structures: tuple[str, ...] | None = None
    state: DocumentState | None = None
    patient_ref: str | None = None
    since: int | None = None
    before: int | None = None
    limit: int = 50


class LaneAge(msgspec.Struct, frozen=True, kw_only=True):
    """Open deliveries of a lane by state, and the oldest acceptance among them."""

    lane: str
    state: str
    count: int
    oldest_accepted_at: int


class Store(Protocol):
    """The journal. Every read sees what has been committed; every method raises NotAccepting when the store is unusable."""

    async def commit(self, *changes: Change) -> None:
        """Apply all or none, durably. A DocumentRecord or DeliveryRecord with version 1 is an insert; with version n > 1 an update
        that requires version n-1 to be there (else StaleRecord). Raises DuplicateKey, StaleRecord, NotAccepting."""
        ...

    async def document(self, document_id: str) -> DocumentRecord | None: ...

    async def document_by_key(self, workstation: str, idempotency_key: str) -> DocumentRecord | None: ...

    async def document_by_unique_id(self, structure: str, unique_id: str) -> DocumentRecord | None: ...

    async def documents(self, query: DocumentQuery) -> list[DocumentRecord]: ...

    async def unprepared(self, *, newest: bool, excluding: frozenset[str]) -> DocumentRecord | None:
        """The oldest (or newest) accepted document whose bytes are not frozen yet and that is neither closed nor cancelled."""
        ...

    async def delivery(self, delivery_id: str) -> DeliveryRecord | None: ...

    async def deliveries_of(self, document_id: str) -> list[DeliveryRecord]: ...

    async def due(self, lane: str, now: int, *, newest: bool, excluding: frozenset[str]) -> DeliveryRecord | None:
        """The oldest (or newest) delivery of the lane that may run now: state queued or unknown, document prepared, next_attempt_at
        absent or past, id not in `excluding`, and no earlier open (queued, running, unknown) delivery of the same lane and order_key."""
        ...

    async def next_due_at(self, lane: str, after: int) -> int | None:
        """Earliest next_attempt_at strictly later than `after` among the lane's queued or unknown deliveries, None when none waits."""
        ...

    async def lanes(self) -> list[str]:
        """Lanes that have open deliveries."""
        ...

    async def orphans(self, boot: str) -> list[DeliveryRecord]:
        """Deliveries left running by another boot."""
        ...

    async def shape(self) -> list[LaneAge]: ...

    async def receipts_of(self, document_id: str) -> list[ReceiptRecord]: ...

    async def blob(self, blob_id: str) -> BlobRecord | None: ...

    async def blobs_of(self, document_id: str) -> list[BlobRecord]: ...

    async def events_after(self, sequence: int, limit: int) -> list[EventRecord]: ...

    async def last_event(self) -> int: ...

    async def workstation_by_token(self, token_digest: str) -> WorkstationRecord | None: ...

    async def workstations(self) -> list[WorkstationRecord]: ...

    async def patient(self, structure: str, local_ref: str) -> PatientRecord | None: ...

    async def existence(self, structure: str, patient_ref: str) -> ExistenceRecord | None: ...

    async def audit_of(self, document_id: str) -> list[AuditRecord]: ...

    async def verify_audit(self) -> int | None:
        """Recompute the whole hash chain; None when it holds, else the sequence of the first broken line."""
        ...

    async def close(self) -> None: ...
