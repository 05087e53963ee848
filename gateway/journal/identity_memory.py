"""The identities' side of the in-memory twin: the same questions as `identity_questions`, in the plainest way. For tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TypeVar

from gateway.journal.identity_questions import BatchCount, TaskPlace
from gateway.journal.memory_tables import Tables
from gateway.journal.records import BatchRecord, IdentityChangeRecord, InquiryKind, InquiryRecord, InsiCallRecord, PatientRecord, Task
from gateway.journal.store import NotAccepting

T = TypeVar("T")

_ENDED = ("done", "failed", "cancelled")


class IdentityMemory:
    """`IdentityQuestions` in dicts. `accepting` is for tests: False makes every call raise NotAccepting."""

    def __init__(self) -> None:
        self._tables = Tables()
        self.accepting = True
        self._closed = False

    async def patient(self, structure: str, local_ref: str) -> PatientRecord | None:
        """See IdentityQuestions.patient."""
        return self._open().patients.get((structure, local_ref))

    async def patients_with_ins(self, structure: str, ins_ref: str) -> list[PatientRecord]:
        """See IdentityQuestions.patients_with_ins."""
        return [one for one in self._patients(structure) if one.ins_ref == ins_ref]

    async def patients_after(self, structure: str, number: int, limit: int) -> list[PatientRecord]:
        """See IdentityQuestions.patients_after."""
        return _up_to(limit, [one for one in self._patients(structure) if one.number > number])

    async def patients_to_verify(self, structure: str, recovered_before: int, limit: int) -> list[PatientRecord]:
        """See IdentityQuestions.patients_to_verify."""
        qualified = [one for one in self._patients(structure) if one.status == "QUAL" and one.recovered_at is not None]
        old = [one for one in qualified if (one.recovered_at or 0) < recovered_before]
        return _up_to(limit, sorted(old, key=lambda one: (one.recovered_at or 0, one.number)))

    async def patients_waited_for(self) -> list[PatientRecord]:
        """See IdentityQuestions.patients_waited_for."""
        tables = self._open()
        holding = {one.document_id for one in tables.deliveries.values() if one.state == "held"}
        waited = {(one.structure, one.patient_ref) for one in tables.documents.values() if one.id in holding}
        return [one for one in tables.patients.values() if (one.structure, one.local_ref) in waited]

    async def patient_count(self, structure: str) -> int:
        """See IdentityQuestions.patient_count."""
        return len(self._patients(structure))

    async def tasks(self, structures: Collection[str], task: Task | None, after: TaskPlace | None, limit: int) -> list[PatientRecord]:
        """See IdentityQuestions.tasks."""
        found = [one for one in self._of(structures) if one.task is not None and task in (None, one.task)]
        places = sorted((one.task_since, one.number, one) for one in found if one.task_since is not None)
        return _up_to(limit, [one for since, number, one in places if after is None or (since, number) > (after.since, after.number)])

    async def task_counts(self, structures: Collection[str]) -> dict[str, int]:
        """See IdentityQuestions.task_counts."""
        return dict(Counter(one.task for one in self._of(structures) if one.task is not None))

    async def changes_of(self, structure: str, local_ref: str, limit: int) -> list[IdentityChangeRecord]:
        """See IdentityQuestions.changes_of."""
        lines = [one for one in self._open().changes.values() if (one.structure, one.local_ref) == (structure, local_ref)]
        return _up_to(limit, lines[::-1])

    async def call(self, message_id: str) -> InsiCallRecord | None:
        """See IdentityQuestions.call."""
        return self._open().calls.get(message_id)

    async def calls_of(self, structure: str, local_ref: str, limit: int = 50) -> list[InsiCallRecord]:
        """See IdentityQuestions.calls_of."""
        calls = [one for one in self._open().calls.values() if (one.structure, one.local_ref) == (structure, local_ref)]
        return _up_to(limit, calls[::-1])

    async def unanswered_calls(self) -> list[InsiCallRecord]:
        """See IdentityQuestions.unanswered_calls."""
        return [one for one in self._open().calls.values() if one.answered_at is None]

    async def inquiry(self, inquiry_id: str) -> InquiryRecord | None:
        """See IdentityQuestions.inquiry."""
        return self._open().inquiries.get(inquiry_id)

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
        """See IdentityQuestions.inquiries_due."""
        waiting = [
            one
            for one in self._asked(kinds, night=night)
            if (one.software is None or one.software not in paused) and one.structure not in busy
        ]
        due = [one for one in waiting if one.next_attempt_at is None or one.next_attempt_at <= now]
        return _up_to(
            limit,
            sorted(due, key=lambda one: (kinds.index(one.kind), one.next_attempt_at is not None, one.next_attempt_at or 0, one.number)),
        )

    async def next_inquiry_at(self, after: int, kinds: Sequence[InquiryKind], *, night: bool = True) -> int | None:
        """See IdentityQuestions.next_inquiry_at."""
        dates = [one.next_attempt_at for one in self._asked(kinds, night=night)]
        return min((date for date in dates if date is not None and date > after), default=None)

    async def running_inquiries(self) -> list[InquiryRecord]:
        """See IdentityQuestions.running_inquiries."""
        return [one for one in self._open().inquiries.values() if one.state == "running"]

    async def waiting_inquiries(self) -> dict[str, int]:
        """See IdentityQuestions.waiting_inquiries."""
        return dict(Counter(one.kind for one in self._open().inquiries.values() if one.state == "waiting"))

    async def inquiries_of_batch(self, batch_id: str, after: int, limit: int) -> list[InquiryRecord]:
        """See IdentityQuestions.inquiries_of_batch."""
        return _up_to(limit, [one for one in self._open().inquiries.values() if one.batch_id == batch_id and one.number > after])

    async def calls_past(self, before: int, limit: int) -> list[str]:
        """See IdentityQuestions.calls_past."""
        ended = [one for one in self._open().calls.values() if one.answered_at is not None and one.at < before]
        return [one.id for one in _up_to(limit, sorted(ended, key=lambda one: one.at))]

    async def inquiries_past(self, before: int, limit: int) -> list[str]:
        """See IdentityQuestions.inquiries_past."""
        tables = self._open()
        closed = {one.id for one in tables.batches.values() if one.closed_at is not None and one.closed_at < before}
        ended = [one for one in tables.inquiries.values() if one.state in _ENDED and one.updated_at < before]
        past = [one for one in ended if one.batch_id is None or one.batch_id in closed]
        return [one.id for one in _up_to(limit, sorted(past, key=lambda one: (one.updated_at, one.number)))]

    async def batches_past(self, before: int, limit: int) -> list[str]:
        """See IdentityQuestions.batches_past."""
        tables = self._open()
        asking = {one.batch_id for one in tables.inquiries.values()}
        closed = [one for one in tables.batches.values() if one.state in _ENDED and one.closed_at is not None and one.closed_at < before]
        past = sorted((one for one in closed if one.id not in asking), key=lambda one: (one.closed_at or 0, one.number))
        return [one.id for one in _up_to(limit, past)]

    async def batch(self, batch_id: str) -> BatchRecord | None:
        """See IdentityQuestions.batch."""
        return self._open().batches.get(batch_id)

    async def batches(self, structures: Collection[str], limit: int) -> list[BatchRecord]:
        """See IdentityQuestions.batches."""
        return _up_to(limit, [one for one in self._open().batches.values() if one.structure in structures][::-1])

    async def running_batches(self) -> list[BatchRecord]:
        """See IdentityQuestions.running_batches."""
        return [one for one in self._open().batches.values() if one.state == "running"]

    async def batch_counts(self, batch_id: str) -> list[BatchCount]:
        """See IdentityQuestions.batch_counts."""
        groups = Counter((one.state, one.outcome) for one in self._open().inquiries.values() if one.batch_id == batch_id)
        ordered = sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] is not None, item[0][1] or ""))
        return [BatchCount(state=state, outcome=outcome, count=count) for (state, outcome), count in ordered]

    def _patients(self, structure: str) -> list[PatientRecord]:
        return self._of((structure,))

    def _of(self, structures: Collection[str]) -> list[PatientRecord]:
        return [one for one in self._open().patients.values() if one.structure in structures]

    def _asked(self, kinds: Sequence[InquiryKind], *, night: bool) -> list[InquiryRecord]:
        found = self._open().inquiries.values()
        return [one for one in found if one.state == "waiting" and one.kind in kinds and (night or not one.night)]

    def _open(self) -> Tables:
        if self._closed or not self.accepting:
            raise NotAccepting("closed" if self._closed else "test")
        return self._tables


def _up_to(limit: int, found: list[T]) -> list[T]:
    return found[: max(0, limit)]
