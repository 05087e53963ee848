"""The rows of the journal as frozen records, and the changes that a commit is made of.

No record holds a health datum in clear: names, INS, addresses and titles are inside `sealed` bytes (encrypted with the document's own
data key), and a patient or an address is only told apart by a keyed pseudonym (`*_ref`).
Instants are integer milliseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.kernel.errors import Explanation
from gateway.model.delivery import Channel, DeliveryState, DocumentState, Phase, ReceiptKind

Task = Literal["search", "decide", "qualify"]
InquiryKind = Literal["deferred", "tomorrow", "file", "periodic"]
InquiryState = Literal["waiting", "running", "done", "failed", "cancelled"]
BatchState = Literal["running", "done", "cancelled"]
SuccessionState = Literal["waiting", "rehearsed", "refused", "switching", "watched", "returning", "returned", "settled"]


class DocumentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted document."""

    id: str
    structure: str
    workstation: str
    idempotency_key: str
    """SHA-256 hex of the caller's key, or of both parts."""
    content_digest: str
    """SHA-256 hex over both parts: same key with another digest is a conflict."""
    unique_id: str
    patient_ref: str
    state: DocumentState
    accepted_at: int
    sequence: int = 0
    """Order of acceptance, given by the journal at the first commit."""
    prepared: bool = False
    """True once the CDA is frozen (commit 2)."""
    closed_at: int | None = None
    original_digest: str
    """SHA-256 hex of the file as received."""
    wrapped_key: bytes
    """The document's data key, wrapped by the box key."""
    sealed: bytes
    """The admitted request (JSON), encrypted with the data key."""
    version: int = 1


class DeliveryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One destination of a document."""

    id: str
    document_id: str
    structure: str
    channel: Channel
    lane: str
    """Queue it waits in: structure and destination, e.g. `10B0152872/dmp`."""
    order_key: str
    """Deliveries of one lane with the same key leave in order of acceptance (same patient, same recipient)."""
    sequence: int = 0
    """The document's."""
    to_patient: bool = False
    """A mail to the patient's own mailbox."""
    recipient_ref: str | None
    sealed_recipient: bytes | None
    state: DeliveryState
    phase: Phase = Phase.WAITING
    boot: str | None = None
    """Boot that runs it, None when no one does."""
    attempts: int = 0
    doubtful: bool = False
    """True once it may have arrived, whatever the next attempts say; lifted by a delivery or by two empty probes."""
    probes: int = 0
    """Empty answers of the query that follows an unknown outcome."""
    first_attempt_at: int | None = None
    next_attempt_at: int | None = None
    error_class: str | None = None
    explanation: Explanation | None = None
    sealed_frozen: bytes | None = None
    """Encrypted JSON of what was frozen for this delivery: blob ids, submission set id, message id."""
    updated_at: int
    version: int = 1

    @property
    def needs_qualified(self) -> bool:
        """True when only a qualified identity lets it leave (design, rule 1)."""
        return self.to_patient or self.channel is Channel.DMP


class BlobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One encrypted payload: in a file named by the id, or inline when small."""

    id: str
    document_id: str
    role: str
    """original, cda, lot, lot-signature, mail, answer."""
    size: int
    """Plain bytes."""
    sha256: str
    """Of the plain bytes."""
    created_at: int
    inline: bytes | None = None
    """Encrypted bytes, when not in a file."""


class ReceiptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What came back for a delivery."""

    id: str
    delivery_id: str
    kind: ReceiptKind
    at: int
    proof_blob: str | None = None


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One act: who, for which patient (pseudonym), what, with which answer. The journal chains them by hash."""

    at: int
    act: str
    actor: str
    """workstation:<id>, professional:<id>, secretary:<id>, system."""
    structure: str | None = None
    patient_ref: str | None = None
    document_id: str | None = None
    delivery_id: str | None = None
    answer: str | None = None
    detail: dict[str, str | int | bool | None] = {}
    sequence: int = 0
    hash: str = ""


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something a listener of /events is told; the payload is built when read."""

    kind: str
    """document.accepted, document.changed, identity.changed, inquiry.answered, batch.done, certificate.expiring, certificate.changed,
    scan.read, reset.requested."""
    subject: str
    """What it is about: id of the document, of the inquiry, of the batch, of the reading or of the alarm, pseudonym of the local id of the
    patient, role of the certificate."""
    structure: str
    workstation: str
    at: int
    sequence: int = 0


OPERATOR_NAME = "operator"
"""Of the box's own workstations; no other one has it."""
CERTIFICATE_DIGEST = "certificate:"
"""What stands before the fingerprint of a client certificate, in the place of a token's digest."""
_DAY = 86_400_000


class WorkstationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A paired workstation: SHA-256 hex of its token, structures it may use."""

    id: str
    name: str
    token_digest: str
    structures: tuple[str, ...]
    created_at: int
    revoked: bool = False
    software: str | None = None
    """Profile of the configuration (`InsiSoftware.id`) in whose name it calls INSi; None: the first one."""
    token_at: int | None = None
    """When this token was made; None: with the workstation."""

    @property
    def token_since(self) -> int:
        """The age of its token counts from then."""
        return self.created_at if self.token_at is None else self.token_at

    def token_ends(self, days: int) -> int | None:
        """When its token is over, tokens being good for so many days (0: for ever). None: never.

        An operator's does not end, it is what gives others; a client certificate has dates of its own.
        """
        if not days or self.name == OPERATOR_NAME or self.token_digest.startswith(CERTIFICATE_DIGEST):
            return None
        return self.token_since + days * _DAY


class PatientRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One identity of the registry: a local id of a structure."""

    number: int = 0
    """Place in the patient file, given by the journal at the first commit."""
    structure: str
    local_ref: str
    """Keyed pseudonym of the local id."""
    wrapped_key: bytes
    sealed: bytes
    status: str = "PROV"
    """RNIV status, repeated here from the sealed identity."""
    task: Task | None = None
    """What the worklist asks of a person."""
    task_since: int | None = None
    """Instant the person has been waited for; there whenever `task` is."""
    ins_ref: str | None = None
    """Keyed pseudonym of the INS held."""
    recovered_at: int | None = None
    """Instant of the last INSi answer that the INS held rests on."""
    created_at: int
    updated_at: int
    version: int = 1


class IdentityChangeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One act on an identity: never changed, never removed."""

    structure: str
    local_ref: str
    at: int
    act: str
    actor: str
    evidence: str | None = None
    """Code of the document checked."""
    status: str
    """RNIV status after the act."""
    workstation: str | None = None
    sealed: bytes
    """The identity after the act, encrypted with the patient's data key."""


class InsiCallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One call to INSi: version 1 before it leaves, version 2 with its answer."""

    id: str
    """Message id of the call (WS-Addressing)."""
    structure: str
    local_ref: str | None = None
    inquiry_id: str | None = None
    workstation: str | None = None
    """None: the box's own."""
    actor: str
    purpose: str
    operation: str
    at: int
    answered_at: int | None = None
    outcome: str | None = None
    """Result code 00, 01 or 02, or the code of the error."""
    wrapped_key: bytes
    sealed: bytes | None = None
    """Request and answer, encrypted."""
    version: int = 1


class InquiryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One search that the box does by itself, until it has an answer."""

    number: int = 0
    """Order of creation, given by the journal."""
    id: str
    structure: str
    workstation: str
    """Who is told of the answer."""
    software: str | None = None
    """Profile in whose name it is done."""
    actor: str
    kind: InquiryKind
    night: bool = False
    """True: only in the hours of the box's own verifications."""
    batch_id: str | None = None
    local_ref: str | None = None
    wrapped_key: bytes
    sealed: bytes
    """What is asked, and the answer once done, encrypted."""
    state: InquiryState = "waiting"
    outcome: str | None = None
    attempts: int = 0
    next_attempt_at: int | None = None
    explanation: Explanation | None = None
    created_at: int
    updated_at: int
    version: int = 1


class BatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A list of patients being verified."""

    number: int = 0
    """Order of creation, given by the journal."""
    id: str
    structure: str
    workstation: str
    actor: str
    kind: InquiryKind
    state: BatchState = "running"
    total: int
    not_before: int | None = None
    """First instant it may run at; None: at once, at any hour."""
    cursor: int = 0
    """Number of the last patient of the file that an inquiry was made for; patients given as a list have their inquiries from the start."""
    created_at: int
    closed_at: int | None = None
    version: int = 1


class ExistenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cached TD0.2 answer: active, none or closed."""

    structure: str
    patient_ref: str
    """Keyed pseudonym of the matricule and its authority."""
    answer: str
    at: int


class AlarmRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A warning about an end that comes, told once: an id that is there already refuses the whole commit (DuplicateKey)."""

    number: int = 0
    """Order in which they were told, given by the journal."""
    id: str
    """Line of the calendar and stage."""
    line: str
    stage: str
    """start, or the days before the end: 90, 60, 30, 7, 1, 0."""
    covers: tuple[str, ...] = ()
    """Stages that were due as well and that this one tells for."""
    structure: str
    """Empty: the whole box."""
    what: str
    whose: str
    ends_at: int
    stops: str
    gesture: str
    at: int


class SuccessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where a role of a structure stands between its certificate and the next: one row per role, changed by versions."""

    number: int = 0
    structure: str
    role: str
    state: SuccessionState
    following: str
    """SHA-256 of the certificate that comes, or came, into use, hexadecimal."""
    former: str | None = None
    """SHA-256 of the one it takes over from."""
    rehearsal: tuple[dict[str, str | int], ...] = ()
    """Results of the last rehearsal, one for each service."""
    rehearsed_at: int | None = None
    switched_at: int | None = None
    watched_until: int | None = None
    actor: str = "system"
    explanation: Explanation | None = None
    """Why it was refused or came back."""
    updated_at: int
    version: int = 1


class PairingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The workstation that a device of the box speaks to: one row per device, the last one written counts."""

    device: str
    """Opaque identifier, as the device process gives it."""
    workstation: str | None
    """None: to nobody."""
    at: int


class WakeLane(msgspec.Struct, frozen=True, kw_only=True):
    """Make every queued delivery of a lane due now: its destination answers again."""

    lane: str
    now: int


class BringForward(msgspec.Struct, frozen=True, kw_only=True):
    """Make due now what a clock that was ahead has put off past `latest`, a date that no retry policy gives."""

    lane: str
    now: int
    latest: int


class DeleteBlob(msgspec.Struct, frozen=True, kw_only=True):
    """Forget a payload (its file is removed after the commit)."""

    id: str


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Erase rows about INSi that are past their time; those that are there no more are no fault. A list goes after its inquiries."""

    what: Literal["call", "inquiry", "batch"]
    ids: tuple[str, ...]


class QuarantineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be read: put aside with its raw columns, so that the rest goes on and a person may look."""

    source: str
    """Table it was found in."""
    number: int
    """Row number in that table."""
    reason: str
    """Why, without any value of the row."""
    found_at: int


Change = (
    DocumentRecord
    | DeliveryRecord
    | BlobRecord
    | ReceiptRecord
    | AuditRecord
    | EventRecord
    | WorkstationRecord
    | PatientRecord
    | IdentityChangeRecord
    | InsiCallRecord
    | InquiryRecord
    | BatchRecord
    | ExistenceRecord
    | AlarmRecord
    | SuccessionRecord
    | PairingRecord
    | WakeLane
    | BringForward
    | DeleteBlob
    | Forget
)
