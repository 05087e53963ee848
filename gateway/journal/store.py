"""The store seam: what the pipeline asks of the journal. Real: `journal.sqlite`; in memory: `journal.memory`.

A commit is a list of changes applied together or not at all; when `commit` returns, they are on the disk (fsync done).
Commits that wait together share one transaction (group commit), each keeping its own all-or-nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

import msgspec

from gateway.journal.identity_questions import IdentityQuestions
from gateway.journal.records import (
    AlarmRecord,
    AuditRecord,
    BlobRecord,
    Change,
    DeliveryRecord,
    DocumentRecord,
    EventRecord,
    ExistenceRecord,
    PairingRecord,
    QuarantineRecord,
    ReceiptRecord,
    SuccessionRecord,
    WorkstationRecord,
)
from gateway.kernel.errors import ConfigurationFault, RelaisError, TransientFault
from gateway.model.delivery import DocumentState

DOCUMENT_FIXED: Final = (
    "id", "structure", "workstation", "idempotency_key", "content_digest", "accepted_at", "sequence", "original_digest",
)  # fmt: skip
"""Columns of a document that an update leaves alone."""
DELIVERY_FIXED: Final = ("id", "document_id", "structure", "channel", "sequence", "to_patient")
"""Columns of a delivery that an update leaves alone."""


class StaleRecord(RelaisError):
    """Another commit changed the record first: read it again."""

    code = "stale-record"


class DuplicateKey(RelaisError):
    """A document with this idempotency key or unique id is already there, or a payload, receipt or delivery with this id."""

    code = "duplicate-key"
    status = 409


class Unstorable(RelaisError):
    """A change names a record that is not there, or holds a value that no column takes: a defect of the caller, nothing is kept."""

    code = "unstorable-record"


class JournalDamaged(ConfigurationFault):
    """The file is not a journal any more: the box must not start on it."""

    code = "journal-damaged"
    what = "Le journal de Relais est abîmé : il ne peut plus être lu."
    gesture = "N'effacez rien et appelez votre installateur : il remettra en place la dernière sauvegarde."


class JournalTooNew(ConfigurationFault):
    """The journal was written by another version of Relais than this one."""

    code = "journal-too-new"
    what = "Le journal de Relais a été écrit par une autre version du logiciel."
    gesture = "Demandez à votre installateur de remettre la version de Relais qui était installée, ou une plus récente."


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


class Store(IdentityQuestions, Protocol):
    """The journal; what it is asked about identities is in `identity_questions`.

    Every read sees what has been committed; every method raises NotAccepting when the store is unusable.
    """

    async def commit(self, *changes: Change) -> None:
        """Apply all or none, durably, in the order given (a document before its deliveries, both before what names them).

        A DocumentRecord or DeliveryRecord with version 1 is an insert; with version n > 1 an update that requires version n-1 to be there
        (else StaleRecord). What a document or a delivery was accepted with never changes: DOCUMENT_FIXED and DELIVERY_FIXED name the
        columns an update leaves alone. The sequences and hashes of the records given are ignored, the journal gives its own. A cancelled
        commit may still be applied.

        A PatientRecord, InsiCallRecord, InquiryRecord, BatchRecord or SuccessionRecord follows the same rule of versions; the ids and dates
        of creation they were inserted with stay. A PatientRecord or SuccessionRecord with version 1 that is there already is a StaleRecord:
        somebody else created it first. An AlarmRecord that is there already is a DuplicateKey.
        Raises DuplicateKey, StaleRecord, Unstorable, NotAccepting."""
        ...

    async def document(self, document_id: str) -> DocumentRecord | None:
        """The document, None when there is none."""
        ...

    async def document_by_key(self, workstation: str, idempotency_key: str) -> DocumentRecord | None:
        """What this workstation sent under this key, None when nothing."""
        ...

    async def document_by_unique_id(self, structure: str, unique_id: str) -> DocumentRecord | None:
        """The document of a structure by its OID, None when there is none."""
        ...

    async def documents(self, query: DocumentQuery) -> list[DocumentRecord]:
        """A page of documents, newest first: at most `limit` of those that meet every criterion given."""
        ...

    async def unprepared(self, *, newest: bool, excluding: frozenset[str]) -> DocumentRecord | None:
        """The oldest (or newest) document whose bytes are not frozen yet, that is neither closed nor cancelled and that has at least one
        queued delivery: a document all of whose deliveries are held has nothing to be prepared for until one is released."""
        ...

    async def delivery(self, delivery_id: str) -> DeliveryRecord | None:
        """The delivery, None when there is none."""
        ...

    async def deliveries_of(self, document_id: str) -> list[DeliveryRecord]:
        """Deliveries of a document in the order they were inserted."""
        ...

    async def held_of_patient(self, patient_ref: str) -> list[DeliveryRecord]:
        """Held deliveries of a patient's documents, in order of acceptance."""
        ...

    async def waiting_of_patient(self, patient_ref: str) -> list[DeliveryRecord]:
        """Deliveries of a patient's documents that have not left and do not run: held, queued or unknown, in order of acceptance."""
        ...

    async def due(self, lane: str, now: int, *, newest: bool, excluding: frozenset[str]) -> DeliveryRecord | None:
        """The oldest (or newest) delivery of the lane that may run now: state queued or unknown, document prepared, next_attempt_at
        absent or past, id not in `excluding`, and no earlier open (queued, running, unknown) delivery of the same lane and order_key.

        "Oldest" is the earliest accepted of two candidates: the earliest accepted without a date, and the one due for the longest
        (of two due at the same instant, the earliest accepted); "newest" is the mirror of it."""
        ...

    async def next_due_at(self, lane: str, after: int) -> int | None:
        """Earliest next_attempt_at strictly later than `after` among the lane's queued or unknown deliveries of prepared documents, None
        when none waits. A delivery whose date is past and that `due` does not give waits for something else than time."""
        ...

    async def lanes(self) -> list[str]:
        """Lanes that have open deliveries."""
        ...

    async def orphans(self, boot: str) -> list[DeliveryRecord]:
        """Deliveries left running by another boot."""
        ...

    async def shape(self) -> list[LaneAge]:
        """Open deliveries counted by lane and state, in that order."""
        ...

    async def receipts_of(self, document_id: str) -> list[ReceiptRecord]:
        """Receipts of all deliveries of a document in the order they were inserted."""
        ...

    async def blob(self, blob_id: str) -> BlobRecord | None:
        """The row of a payload, None when there is none."""
        ...

    async def blobs_of(self, document_id: str) -> list[BlobRecord]:
        """Payload rows of a document in the order they were inserted."""
        ...

    async def events_after(self, sequence: int, limit: int) -> list[EventRecord]:
        """At most `limit` events whose sequence is over `sequence`, in order."""
        ...

    async def last_event(self) -> int:
        """Highest event sequence ever given, 0 when none."""
        ...

    async def workstation_by_token(self, token_digest: str) -> WorkstationRecord | None:
        """The workstation of a token, revoked or not; None when unknown."""
        ...

    async def pairings(self) -> list[PairingRecord]:
        """Every device that was ever paired, in the order of its first pairing."""
        ...

    async def workstations(self) -> list[WorkstationRecord]:
        """All workstations, oldest pairing first."""
        ...

    async def existence(self, structure: str, patient_ref: str) -> ExistenceRecord | None:
        """The last TD0.2 answer kept, however old; None when there is none."""
        ...

    async def alarm(self, alarm_id: str) -> AlarmRecord | None:
        """The alarm, None when it was never told."""
        ...

    async def alarms(self) -> list[AlarmRecord]:
        """Every alarm told, the oldest first."""
        ...

    async def successions(self) -> list[SuccessionRecord]:
        """Where each role stands, by structure and role."""
        ...

    async def audit_of(self, document_id: str) -> list[AuditRecord]:
        """Audit lines of a document, in order."""
        ...

    async def audit_after(self, sequence: int, limit: int) -> list[AuditRecord]:
        """At most `limit` audit lines whose sequence is over `sequence`, in order: for the export."""
        ...

    async def known_blobs(self, blob_ids: Collection[str]) -> frozenset[str]:
        """Those of these payloads that have a row."""
        ...

    async def quarantined(self) -> list[QuarantineRecord]:
        """Rows that could not be read, in the order they were found."""
        ...

    async def verify_audit(self) -> int | None:
        """Recompute the whole hash chain; None when it holds, else the sequence of the first broken line."""
        ...

    async def close(self) -> None:
        """Finish what was submitted, then close; every later call raises NotAccepting."""
        ...
