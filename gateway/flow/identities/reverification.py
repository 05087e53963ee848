"""Qualified identities verified again after some years, a structure at a time, at night (setting `identification.verify_after_days`).

Off by default. INSi is asked for each patient whose INS was last confirmed before that age, at most once a month: who could not be
confirmed is asked again with the next walk. Source: insi.md 4.6 (3 to 5 years recommended, wording not found [K]).
"""

from __future__ import annotations

import msgspec

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.people import THE_BOX
from gateway.journal.records import BatchRecord, PatientRecord
from gateway.journal.store import Store
from gateway.kernel.config import Configuration
from gateway.kernel.ids import new_id
from gateway.model.patient import IdentityStatus

_DAY = 86_400_000
_HOUR = 3_600_000
_BETWEEN = 30 * _DAY
_LISTS = 400
_PAGE = 100


class Reverification:
    """Says when a walk of a patient file begins, and which patients it stops at."""

    def __init__(self, configuration: Configuration, store: Store, books: Bookkeeper) -> None:
        self._structures = tuple(one.id for one in configuration.structures)
        self._age = configuration.identification.verify_after_days * _DAY
        self._on = self._age > 0 and configuration.insi.url is not None
        self._store = store
        self._books = books
        self._looked_at: int | None = None

    async def due(self) -> tuple[BatchRecord, ...]:
        """Walks to begin now, asked once an hour; none while the clock may be wrong: an age would mean nothing."""
        now = self._books.now()
        if not self._on or not self._books.dated() or (self._looked_at is not None and abs(now - self._looked_at) < _HOUR):
            return ()
        self._looked_at = now
        return tuple([await self._walk(one, now) for one in self._structures if await self._is_due(one, now)])

    def concerns(self, batch: BatchRecord, patient: PatientRecord) -> bool:
        """True for a patient that this walk verifies again."""
        if patient.status != IdentityStatus.QUALIFIEE or patient.recovered_at is None:
            return False
        return patient.recovered_at < batch.created_at - self._age

    async def _is_due(self, structure: str, now: int) -> bool:
        before = [one for one in await self._store.batches((structure,), _LISTS) if one.kind == "periodic"]
        if any(one.state == "running" or now - one.created_at < _BETWEEN for one in before):
            return False
        return bool(await self._store.patients_to_verify(structure, now - self._age, 1))

    async def _walk(self, structure: str, now: int) -> BatchRecord:
        batch = BatchRecord(
            id=new_id(),
            structure=structure,
            workstation="",
            actor=THE_BOX.imputed,
            kind="periodic",
            total=0,
            not_before=now,
            created_at=now,
        )
        total, after = 0, 0
        while found := await self._store.patients_after(structure, after, _PAGE):
            total += sum(self.concerns(batch, one) for one in found)
            after = found[-1].number
        return msgspec.structs.replace(batch, total=total)
