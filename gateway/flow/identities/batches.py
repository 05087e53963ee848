"""Lists of patients verified by the box: tomorrow's, or the whole file; paced, at night unless asked otherwise, resumed after a stop.

A list becomes one inquiry per patient in the commit that accepts it; a patient who cannot be taken is told by line and field, and the
others go on. The file is walked a hundred patients at a time, the place reached being written with the inquiries it gave. An answer that
differs makes a task for a person, never a silent change. With `insi.verification`, a patient who holds an INS is verified by WS_INS3, which
is reconstructed, and the list says so. Walks that nobody asked for are `reverification`'s. Source: insi.md 4.6, 6.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.caller import Caller
from gateway.flow.errors import NotFound, PatientNotFound, PayloadQuarantined
from gateway.flow.identities.assertion import asserted, told_of
from gateway.flow.identities.entries import Entry, Identities, Kept
from gateway.flow.identities.inquiries import Asked, Inquiries
from gateway.flow.identities.night import Night
from gateway.flow.identities.patient_list import PatientList
from gateway.flow.identities.registry import Deed, Registry
from gateway.flow.identities.request import BatchBody, BatchPatient, PatientBody
from gateway.flow.identities.reverification import Reverification
from gateway.flow.identities.search_limit import TooManyUnknown
from gateway.flow.identities.views import BatchView, RefusedLineView
from gateway.flow.intake import resolve_structure
from gateway.flow.people import THE_BOX, Author, author_of
from gateway.flow.views import instant
from gateway.journal.records import AuditRecord, BatchRecord, Change, EventRecord, InquiryRecord, PatientRecord
from gateway.journal.store import StaleRecord, Store
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.errors import Explanation, Held, Refused, RelaisError
from gateway.kernel.ids import new_id

_log = structlog.get_logger("relais.batches")

_STRIDE = 100
_SHOWN = 20
_CALLS_EACH = 1.3
"""Calls a patient costs on average: most are found at the first given name [R]."""
_PATIENT_FIELDS = (
    "birth_family_name", "birth_given_names", "first_birth_given_name", "sex", "birth_date", "birth_place",
)  # fmt: skip


class Batches:
    """Starts lists, walks the file, counts."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        identities: Identities,
        registry: Registry,
        inquiries: Inquiries,
        books: Bookkeeper,
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._identities = identities
        self._registry = registry
        self._inquiries = inquiries
        self._books = books
        self._night = Night(configuration.identification.night)
        self._reverification = Reverification(configuration, store, books)
        self._bell = asyncio.Event()
        inquiries.settled = self._settled

    async def start(
        self, caller: Caller, structure: Structure, author: Author, body: BatchBody, listed: PatientList | None = None
    ) -> BatchView:
        """Accept a list (`listed`: one read from a CSV), or the whole file when there is none.

        Raises TraitInvalid or PatientNotFound naming the first patient at fault when not one can be taken.
        """
        batch_id, night = new_id(), body.when == "night"
        patients = listed.patients if listed is not None else body.patients
        taken, refused = await self._enter(caller, structure, author, patients or (), listed)
        total = len(taken) + len(refused) if patients is not None else await self._store.patient_count(structure.id)
        batch = BatchRecord(
            id=batch_id,
            structure=structure.id,
            workstation=caller.workstation,
            actor=author.imputed,
            kind=body.kind,
            total=total,
            not_before=None if not night else self._books.now(),
            cursor=0 if patients is None else -1,
            created_at=self._books.now(),
        )
        aside = [self._aside(batch, one, author) for one in refused]
        made = [self._inquiry(batch, one.local_id, author, caller.software) for one in taken]
        await self._inquiries.queue(batch, *aside, *made, self._audit(batch, "batch.started", batch.actor))
        self._bell.set()
        return await self._view(batch)

    async def last(self, structures: Sequence[str]) -> tuple[BatchView, ...]:
        """The last lists of these structures, newest first."""
        return tuple([await self._view(one) for one in await self._store.batches(structures, _SHOWN)])

    async def one(self, caller: Caller, batch_id: str) -> BatchView:
        """One list; raises NotFound."""
        return await self._view(await self._record(caller, batch_id))

    async def cancel(self, caller: Caller, batch_id: str) -> BatchView:
        """Stop a list: what waits is asked no more. Imputed to who stops it, not to who started it; raises NotFound."""
        batch = await self._record(caller, batch_id)
        while batch.state == "running":
            now = self._books.now()
            ended = msgspec.structs.replace(batch, state="cancelled", closed_at=now, version=batch.version + 1)
            by = author_of(resolve_structure(self._configuration, (batch.structure,), batch.structure), caller)
            try:
                await self._store.commit(ended, self._audit(ended, "batch.cancelled", by.imputed))
            except StaleRecord:
                batch = await self._record(caller, batch_id)
                continue
            await self._drop_waiting(batch_id)
            batch = ended
        return await self._view(batch)

    def wake(self) -> None:
        """Time has passed: something may be begun now."""
        self._bell.set()

    async def run(self) -> None:
        """Walk the file for the lists that need it and close those that are over, until cancelled."""
        while True:
            self._bell.clear()
            try:
                await self._begin_walks()
                walking = [await self._moved(one) for one in await self._store.running_batches()]
            except RelaisError as problem:
                _log.warning("batches not advanced", code=problem.code)
                walking = []
            try:
                async with asyncio.timeout(1.0 if any(walking) else 30.0):
                    await self._bell.wait()
            except TimeoutError:
                continue

    async def _begin_walks(self) -> None:
        for batch in await self._reverification.due():
            await self._inquiries.queue(batch, self._audit(batch, "batch.started", batch.actor))

    async def _moved(self, batch: BatchRecord) -> bool:
        """One list that cannot go on stops no other."""
        try:
            return await self._advance(batch)
        except StaleRecord:
            return True
        except RelaisError as problem:
            _log.warning("batch not advanced", batch=batch.id, code=problem.code)
            return False

    def _local_id(self, record: PatientRecord) -> str | None:
        """None for a record that no longer opens: it is left aside, the walk goes on."""
        try:
            return self._identities.opened(record).identity.local_id
        except PayloadQuarantined:
            _log.warning("patient record not walked", number=record.number)
            return None

    async def _advance(self, batch: BatchRecord) -> bool:
        """Give the next patients of the file their inquiries once the former ones are answered; True when more may follow soon."""
        open_ones = sum(one.count for one in await self._store.batch_counts(batch.id) if one.state not in _FINAL)
        if batch.cursor >= 0 and open_ones < _STRIDE // 2:
            found = await self._store.patients_after(batch.structure, batch.cursor, _STRIDE)
            if found:
                made: list[Change] = []
                for record in found:
                    if batch.kind == "periodic" and not self._reverification.concerns(batch, record):
                        continue
                    if (local_id := self._local_id(record)) is None:
                        continue
                    made.append(self._inquiry(batch, local_id, None, None))
                moved = msgspec.structs.replace(batch, cursor=found[-1].number, version=batch.version + 1)
                await self._inquiries.queue(moved, *made)
                return True
        if open_ones == 0:
            await self._close(batch)
        return False

    async def _close(self, batch: BatchRecord) -> None:
        """A walk met the patients that were there as it passed: they are its total in the end."""
        now = self._books.now()
        met = sum(one.count for one in await self._store.batch_counts(batch.id)) if batch.cursor >= 0 else batch.total
        ended = msgspec.structs.replace(batch, state="done", total=met, closed_at=now, version=batch.version + 1)
        told = EventRecord(kind="batch.done", subject=batch.id, structure=batch.structure, workstation=batch.workstation, at=now)
        try:
            await self._store.commit(ended, told)
        except StaleRecord:
            return
        self._books.announce()

    async def _enter(
        self, caller: Caller, structure: Structure, author: Author, patients: Sequence[BatchPatient], listed: PatientList | None
    ) -> tuple[list[BatchPatient], list[_Aside]]:
        """Register the patients of a list that come with their traits; those taken, and those who cannot be."""
        taken: list[BatchPatient] = []
        aside = [_Aside(line=one.line, field=one.problem.field or "", why=one.problem) for one in (listed.refused if listed else ())]
        for rank, one in enumerate(patients):
            try:
                await self._enter_one(caller, structure, author, one, rank)
            except (Refused, Held) as problem:
                field = problem.field or f"patients[{rank}].local_id"
                line = listed.lines[rank] if listed is not None else None
                aside.append(_Aside(line=line, field=field if line is None else field.rpartition(".")[2], why=problem))
            else:
                taken.append(one)
        if patients and not taken:
            raise aside[-len(patients)].why
        return taken, sorted(aside, key=lambda one: one.line or 0)

    async def _enter_one(self, caller: Caller, structure: Structure, author: Author, one: BatchPatient, rank: int) -> None:
        def decided(entry: Entry | None) -> Kept:
            said = PatientBody(**_traits(one))
            now, environment = self._books.now(), self._configuration.environment
            return asserted(entry, said, one.local_id, caller.workstation, now, environment, field=f"patients[{rank}]")

        entry = await self._identities.known(structure.id, one.local_id)
        if _traits(one):
            deed = Deed(act=told_of(entry, decided(entry)), author=author)
            await self._registry.record(structure.id, one.local_id, decided, deed)
        elif entry is None:
            raise PatientNotFound(field=f"patients[{rank}].local_id")

    def _aside(self, batch: BatchRecord, one: _Aside, author: Author) -> InquiryRecord:
        """The row of a patient who could not be taken: counted and told, never asked."""
        asked = Asked(purpose="verification", line=one.line, field=one.field)
        row = self._inquiries.new(batch.structure, batch.kind, asked, author, workstation=batch.workstation, batch_id=batch.id)
        place = f"Ligne {one.line}, colonne {one.field}" if one.line is not None else f"Patient de la liste ({one.field})"
        told = msgspec.structs.replace(one.why.explanation, what=f"{place} : {one.why.explanation.what}")
        return msgspec.structs.replace(row, state="failed", outcome="refused", explanation=told)

    def _inquiry(self, batch: BatchRecord, local_id: str, author: Author | None, software: str | None) -> InquiryRecord:
        return self._inquiries.new(
            batch.structure,
            batch.kind,
            Asked(purpose="verification", local_id=local_id),
            author or THE_BOX,
            workstation=batch.workstation,
            software=software,
            batch_id=batch.id,
            night=batch.not_before is not None,
        )

    async def _drop_waiting(self, batch_id: str) -> None:
        after = 0
        while found := await self._store.inquiries_of_batch(batch_id, after, _STRIDE):
            after = found[-1].number
            now = self._books.now()
            for one in found:
                if one.state == "waiting":
                    dropped = msgspec.structs.replace(one, state="cancelled", updated_at=now, version=one.version + 1)
                    try:
                        await self._store.commit(dropped)
                    except StaleRecord:
                        continue

    def _settled(self, record: InquiryRecord) -> None:
        if record.batch_id is not None:
            self._bell.set()

    async def _record(self, caller: Caller, batch_id: str) -> BatchRecord:
        batch = await self._store.batch(batch_id)
        if batch is None or not (caller.sees_all or batch.structure in caller.structures):
            raise NotFound
        return batch

    async def _view(self, batch: BatchRecord) -> BatchView:
        counts = await self._store.batch_counts(batch.id)
        done = sum(one.count for one in counts if one.state in ("done", "failed"))
        outcomes: dict[str, int] = {}
        for one in counts:
            if one.state in ("done", "failed"):
                name = one.outcome or "failed"
                outcomes[name] = outcomes.get(name, 0) + one.count
        return BatchView(
            id=batch.id,
            kind=batch.kind,
            state=batch.state,
            total=batch.total,
            done=done,
            outcomes=outcomes,
            created_at=instant(batch.created_at),
            estimated_end=self._estimate(batch, batch.total - done),
            explanation=await self._trouble(batch),
            night=batch.not_before is not None,
            refused=await self._refused(batch) if outcomes.get("refused") else (),
            reconstructed=bool(outcomes.keys() & {"verified", "unverified"}),
        )

    async def _refused(self, batch: BatchRecord) -> tuple[RefusedLineView, ...]:
        """Their rows come first, in the commit that accepted the list."""
        found: list[RefusedLineView] = []
        for one in await self._store.inquiries_of_batch(batch.id, 0, _SHOWN):
            if one.state != "failed" or one.attempts or one.explanation is None:
                break
            asked = self._inquiries.opened(one)
            found.append(RefusedLineView(line=asked.line, field=asked.field or "", explanation=one.explanation))
        return tuple(found)

    def _estimate(self, batch: BatchRecord, left: int) -> datetime | None:
        if batch.state != "running" or left <= 0:
            return None
        seconds = left * _CALLS_EACH / max(self._configuration.insi.calls_per_second, 0.001)
        now = self._books.moment()
        return self._night.end_of(now, seconds) if batch.not_before is not None else now + timedelta(seconds=seconds)

    async def _trouble(self, batch: BatchRecord) -> Explanation | None:
        """Why nothing moves: what stops the structure, the software in whose name the list is verified, or the workstation it is of."""
        if batch.state != "running":
            return None
        if self._inquiries.limits.suspended(batch.workstation) > 0:
            return TooManyUnknown().explanation
        paused = self._inquiries.paused()
        if not paused:
            return None
        names = {one.software for one in await self._store.inquiries_of_batch(batch.id, 0, 1)}
        return next((one.explanation for one in paused if one.structure == batch.structure or one.software in names), None)

    def _audit(self, batch: BatchRecord, act: str, by: str) -> AuditRecord:
        told: dict[str, str | int | bool | None] = {"kind": batch.kind, "total": batch.total, "batch": batch.id}
        return AuditRecord(at=self._books.now(), act=act, actor=by, structure=batch.structure, answer=batch.state, detail=told)


class _Aside(msgspec.Struct, frozen=True, kw_only=True):
    """A patient of a list who cannot be taken."""

    line: int | None
    field: str
    why: RelaisError


_FINAL = ("done", "failed", "cancelled")


def _traits(one: BatchPatient) -> dict[str, Any]:
    return {name: value for name in _PATIENT_FIELDS if (value := getattr(one, name)) is not None}
