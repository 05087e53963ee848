"""The questions about identities, INSi calls and own searches, answered by the file: one statement each, merged when one serves many.

Reads only; what is asked is stated in `identity_questions`. Each statement is a short walk of an index (tests/journal/test_plans.py).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Sequence
from typing import get_args

import msgspec

from gateway.journal.identity_questions import BatchCount, TaskPlace
from gateway.journal.readers import Reader
from gateway.journal.records import BatchRecord, IdentityChangeRecord, InquiryKind, InquiryRecord, InsiCallRecord, PatientRecord, Task
from gateway.journal.rows import BATCHES, CALLS, IDENTITY_CHANGES, INQUIRIES, PATIENTS

_START = TaskPlace(-(1 << 63), 0)


class IdentityReads:
    """`IdentityQuestions` on a reading connection."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def patient(self, structure: str, local_ref: str) -> PatientRecord | None:
        """See IdentityQuestions.patient."""
        return await self._reader.first(PATIENTS, "patient", structure=structure, local_ref=local_ref)

    async def patients_with_ins(self, structure: str, ins_ref: str) -> list[PatientRecord]:
        """See IdentityQuestions.patients_with_ins."""
        return await self._reader.records(PATIENTS, "patients-with-ins", structure=structure, ins_ref=ins_ref)

    async def patients_after(self, structure: str, number: int, limit: int) -> list[PatientRecord]:
        """See IdentityQuestions.patients_after."""
        return await self._reader.records(PATIENTS, "patients-after", structure=structure, number=number, limit=max(0, limit))

    async def patients_to_verify(self, structure: str, recovered_before: int, limit: int) -> list[PatientRecord]:
        """See IdentityQuestions.patients_to_verify."""
        bounds = {"structure": structure, "recovered_before": recovered_before, "limit": max(0, limit)}
        return await self._reader.records(PATIENTS, "patients-to-verify", **bounds)

    async def patients_waited_for(self) -> list[PatientRecord]:
        """See IdentityQuestions.patients_waited_for."""
        return await self._reader.records(PATIENTS, "patients-waited-for")

    async def patient_count(self, structure: str) -> int:
        """See IdentityQuestions.patient_count."""
        return await self._reader.value("patient-count", structure=structure) or 0

    async def tasks(self, structures: Collection[str], task: Task | None, after: TaskPlace | None, limit: int) -> list[PatientRecord]:
        """See IdentityQuestions.tasks."""
        place = after or _START
        asked = get_args(Task) if task is None else (task,)
        bounds = {"since": place.since, "number": place.number, "limit": max(0, limit)}
        parts = [
            await self._reader.records(PATIENTS, "tasks", structure=structure, task=one, **bounds)
            for structure, one in itertools.product(sorted(set(structures)), asked)
        ]
        return list(itertools.islice(heapq.merge(*parts, key=_waiting_since), bounds["limit"]))

    async def task_counts(self, structures: Collection[str]) -> dict[str, int]:
        """See IdentityQuestions.task_counts."""
        rows = await self._reader.fetch("task-counts", structures=_array(structures))
        return {row["task"]: row["count"] for row in rows if row["task"] in get_args(Task)}

    async def changes_of(self, structure: str, local_ref: str, limit: int) -> list[IdentityChangeRecord]:
        """See IdentityQuestions.changes_of."""
        bounds = {"structure": structure, "local_ref": local_ref, "limit": max(0, limit)}
        return await self._reader.records(IDENTITY_CHANGES, "changes-of", **bounds)

    async def call(self, message_id: str) -> InsiCallRecord | None:
        """See IdentityQuestions.call."""
        return await self._reader.first(CALLS, "call", id=message_id)

    async def calls_of(self, structure: str, local_ref: str, limit: int = 50) -> list[InsiCallRecord]:
        """See IdentityQuestions.calls_of."""
        return await self._reader.records(CALLS, "calls-of", structure=structure, local_ref=local_ref, limit=max(0, limit))

    async def unanswered_calls(self) -> list[InsiCallRecord]:
        """See IdentityQuestions.unanswered_calls."""
        return await self._reader.records(CALLS, "unanswered-calls")

    async def inquiry(self, inquiry_id: str) -> InquiryRecord | None:
        """See IdentityQuestions.inquiry."""
        return await self._reader.first(INQUIRIES, "inquiry", id=inquiry_id)

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
        found: list[InquiryRecord] = []
        for kind in kinds:
            room = max(0, limit - len(found))
            bounds = {"kind": kind, "now": now, "paused": _array(paused), "busy": _array(busy), "limit": room}
            parts = [await self._reader.records(INQUIRIES, "inquiries-due", night=one, **bounds) for one in _hours(night=night)]
            found += itertools.islice(heapq.merge(*parts, key=_due_since), room)
        return found

    async def next_inquiry_at(self, after: int, kinds: Sequence[InquiryKind], *, night: bool = True) -> int | None:
        """See IdentityQuestions.next_inquiry_at."""
        pairs = itertools.product(kinds, _hours(night=night))
        dates = [await self._reader.value("next-inquiry-at", after=after, kind=kind, night=one) for kind, one in pairs]
        return min((date for date in dates if date is not None), default=None)

    async def running_inquiries(self) -> list[InquiryRecord]:
        """See IdentityQuestions.running_inquiries."""
        return await self._reader.records(INQUIRIES, "running-inquiries")

    async def waiting_inquiries(self) -> dict[str, int]:
        """See IdentityQuestions.waiting_inquiries."""
        rows = await self._reader.fetch("waiting-inquiries")
        return {row["kind"]: row["count"] for row in rows if row["kind"] in get_args(InquiryKind)}

    async def inquiries_of_batch(self, batch_id: str, after: int, limit: int) -> list[InquiryRecord]:
        """See IdentityQuestions.inquiries_of_batch."""
        bounds = {"batch_id": batch_id, "after": after, "limit": max(0, limit)}
        return await self._reader.records(INQUIRIES, "inquiries-of-batch", **bounds)

    async def calls_past(self, before: int, limit: int) -> list[str]:
        """See IdentityQuestions.calls_past."""
        return await self._ids("calls-past", before, limit)

    async def inquiries_past(self, before: int, limit: int) -> list[str]:
        """See IdentityQuestions.inquiries_past."""
        return await self._ids("inquiries-past", before, limit)

    async def batches_past(self, before: int, limit: int) -> list[str]:
        """See IdentityQuestions.batches_past."""
        return await self._ids("batches-past", before, limit)

    async def _ids(self, question: str, before: int, limit: int) -> list[str]:
        rows = await self._reader.fetch(question, before=before, limit=max(0, limit))
        return [row["id"] for row in rows if isinstance(row["id"], str)]

    async def batch(self, batch_id: str) -> BatchRecord | None:
        """See IdentityQuestions.batch."""
        return await self._reader.first(BATCHES, "batch", id=batch_id)

    async def batches(self, structures: Collection[str], limit: int) -> list[BatchRecord]:
        """See IdentityQuestions.batches."""
        asked = sorted(set(structures))
        parts = [await self._reader.records(BATCHES, "batches", structure=one, limit=max(0, limit)) for one in asked]
        return list(itertools.islice(heapq.merge(*parts, key=_place, reverse=True), max(0, limit)))

    async def running_batches(self) -> list[BatchRecord]:
        """See IdentityQuestions.running_batches."""
        return await self._reader.records(BATCHES, "running-batches")

    async def batch_counts(self, batch_id: str) -> list[BatchCount]:
        """See IdentityQuestions.batch_counts."""
        rows = await self._reader.fetch("batch-counts", batch_id=batch_id)
        return [BatchCount(**dict(row)) for row in rows if row["state"] != "quarantined"]


def _hours(*, night: bool) -> tuple[int, ...]:
    return (0, 1) if night else (0,)


def _waiting_since(record: PatientRecord) -> tuple[int, int]:
    return (record.task_since or 0, record.number)


def _due_since(record: InquiryRecord) -> tuple[bool, int, int]:
    return (record.next_attempt_at is not None, record.next_attempt_at or 0, record.number)


def _place(record: BatchRecord) -> int:
    return record.number


def _array(values: Collection[str]) -> str:
    return msgspec.json.encode(sorted(values)).decode()
