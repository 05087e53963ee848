"""What the pipeline asks the journal about identities, calls to INSi and the searches the box does by itself; part of the store seam.

Holds no health datum in clear: a patient is told apart by pseudonyms only. Sources: insi.md 2.3 (traces), 4 (statuses), 6 (own searches);
design rules 2 and 10.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from gateway.journal.records import BatchRecord, IdentityChangeRecord, InquiryKind, InquiryRecord, InsiCallRecord, PatientRecord, Task


class TaskPlace(msgspec.Struct, frozen=True):
    """Where a page of tasks ended: its last record's `task_since` and `number`."""

    since: int
    number: int


class BatchCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many inquiries of a batch are in a state with an outcome."""

    state: str
    outcome: str | None
    count: int


class IdentityQuestions(Protocol):
    """The registry's side of the store; every method raises NotAccepting when the store is unusable."""

    async def patient(self, structure: str, local_ref: str) -> PatientRecord | None:
        """The identity kept for a local id, None when there is none."""
        ...

    async def patients_with_ins(self, structure: str, ins_ref: str) -> list[PatientRecord]:
        """Identities of a structure that hold this INS, oldest first: two are a duplicate or a collision."""
        ...

    async def patients_after(self, structure: str, number: int, limit: int) -> list[PatientRecord]:
        """At most `limit` identities of a structure whose number is over `number`, in that order: a walk of the patient file."""
        ...

    async def patients_to_verify(self, structure: str, recovered_before: int, limit: int) -> list[PatientRecord]:
        """At most `limit` qualified identities whose INS was last recovered before that instant, the oldest recovery first."""
        ...

    async def patients_waited_for(self) -> list[PatientRecord]:
        """Identities that have at least one held delivery, in the order of the patient file: asked once at start."""
        ...

    async def patient_count(self, structure: str) -> int:
        """Identities of a structure."""
        ...

    async def tasks(self, structures: Collection[str], task: Task | None, after: TaskPlace | None, limit: int) -> list[PatientRecord]:
        """At most `limit` identities that a person is waited for (this task, or any), longest waiting first, then by number."""
        ...

    async def task_counts(self, structures: Collection[str]) -> dict[str, int]:
        """Identities of these structures by task; a task nobody is waited for is not in it."""
        ...

    async def changes_of(self, structure: str, local_ref: str, limit: int) -> list[IdentityChangeRecord]:
        """The last `limit` acts on an identity, newest first."""
        ...

    async def call(self, message_id: str) -> InsiCallRecord | None:
        """The call, None when there is none."""
        ...

    async def calls_of(self, structure: str, local_ref: str, limit: int = 50) -> list[InsiCallRecord]:
        """The last `limit` calls for an identity, newest first."""
        ...

    async def unanswered_calls(self) -> list[InsiCallRecord]:
        """Calls that left and whose end was never written, oldest first."""
        ...

    async def inquiry(self, inquiry_id: str) -> InquiryRecord | None:
        """The inquiry, None when there is none."""
        ...

    async def inquiries_due(
        self,
        now: int,
        kinds: Sequence[InquiryKind],
        limit: int,
        *,
        night: bool = True,
        paused: Collection[str] = (),
        busy: Collection[str] = (),
    ) -> list[InquiryRecord]:
        """At most `limit` waiting inquiries whose date is past or absent, the first kind given first; within a kind, those without a date
        in order of creation, then the longest due. `night` False leaves out those that wait for the night; `paused`: profiles left out;
        `busy`: structures left out."""
        ...

    async def next_inquiry_at(self, after: int, kinds: Sequence[InquiryKind], *, night: bool = True) -> int | None:
        """Earliest date strictly later than `after` of the waiting inquiries of these kinds, None when none waits."""
        ...

    async def running_inquiries(self) -> list[InquiryRecord]:
        """Inquiries marked running, oldest first: at the start, those that a stop interrupted."""
        ...

    async def waiting_inquiries(self) -> dict[str, int]:
        """Waiting inquiries by kind."""
        ...

    async def inquiries_of_batch(self, batch_id: str, after: int, limit: int) -> list[InquiryRecord]:
        """At most `limit` inquiries of a batch whose number is over `after`, in order of creation."""
        ...

    async def calls_past(self, before: int, limit: int) -> list[str]:
        """Ids of at most `limit` ended calls made before that instant, the oldest first."""
        ...

    async def inquiries_past(self, before: int, limit: int) -> list[str]:
        """Ids of at most `limit` inquiries that ended before that instant, the oldest end first; of a list, once it closed before."""
        ...

    async def batches_past(self, before: int, limit: int) -> list[str]:
        """Ids of at most `limit` lists closed before that instant that have no inquiry left, the oldest first."""
        ...

    async def batch(self, batch_id: str) -> BatchRecord | None:
        """The batch, None when there is none."""
        ...

    async def batches(self, structures: Collection[str], limit: int) -> list[BatchRecord]:
        """The last `limit` batches of these structures, newest first."""
        ...

    async def running_batches(self) -> list[BatchRecord]:
        """Batches not closed yet, oldest first."""
        ...

    async def batch_counts(self, batch_id: str) -> list[BatchCount]:
        """Inquiries of a batch by state and outcome, in that order."""
        ...
