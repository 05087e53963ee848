"""The identity registry, writing side: every change of a patient with its author, its evidence and its time.

The registry decides nothing: a caller hands in a function from what is there to what should be, and gets it written once, with its
history line, its audit line and its event, in one commit. What follows for documents is `qualification`'s. Source: insi.md 4, 4.7.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.flow.bookkeeping import Bookkeeper
from gateway.flow.errors import PayloadQuarantined
from gateway.flow.identities.entries import Entry, Identities, Kept, change_context, entry_context
from gateway.flow.identities.qualification import Qualification
from gateway.flow.people import Author
from gateway.ins.identity import Identity
from gateway.journal.records import AuditRecord, Change, EventRecord, IdentityChangeRecord, PatientRecord
from gateway.journal.store import StaleRecord, Store
from gateway.trust.vault import DataKey, Vault

_AGAIN = 6


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """How a change is told in the history and in the audit trail."""

    act: str
    author: Author
    evidence: str | None = None
    detail: dict[str, str | int | bool | None] = {}
    """No health datum: codes and identifiers of the box."""


Decide = Callable[[Entry | None], Kept]


class Registry:
    """Writes patients. One writer at a time per patient, by the version of its row."""

    def __init__(self, store: Store, vault: Vault, books: Bookkeeper, identities: Identities, qualification: Qualification) -> None:
        self._store = store
        self._vault = vault
        self._books = books
        self._identities = identities
        self._qualification = qualification

    async def known(self, structure: str, local_id: str) -> Entry | None:
        """The patient of this local id, None when never seen; raises PayloadQuarantined."""
        return await self._identities.known(structure, local_id)

    async def record(self, structure: str, local_id: str, decide: Decide, deed: Deed, *more: Change) -> Entry:
        """Write what `decide` makes of the entry, with `more` in the same commit, then see to the documents that wait.

        Decides again when another change came first. Writes nothing but `more` when nothing changes. Raises what `decide` raises.
        """
        entry, changed = await self._decided(structure, local_id, decide, deed, more)
        self._books.announce()
        if changed:
            await self.follow(structure, entry.identity, deed.author)
        return entry

    async def _decided(self, structure: str, local_id: str, decide: Decide, deed: Deed, more: tuple[Change, ...]) -> tuple[Entry, bool]:
        for attempt in range(_AGAIN):
            before = await self.known(structure, local_id)
            after = decide(before)
            changes = self.changes(structure, before, after, deed)
            try:
                if changes or more:
                    await self._store.commit(*changes, *more)
            except StaleRecord:
                if attempt == _AGAIN - 1:
                    raise
                continue
            if before is not None:
                return (_written(before, after, changes), True) if changes else (before, False)
            break
        entry = await self.known(structure, local_id)
        if entry is None:
            raise PayloadQuarantined("patient record")
        return entry, True

    async def follow(self, structure: str, identity: Identity, author: Author) -> None:
        """Hold what this identity no longer allows, release what it allows. Raises nothing: what could not be done is done at start."""
        await self._qualification.follow(self._identities.reference(structure, identity.local_id), identity, author)

    def changes(self, structure: str, before: Entry | None, after: Kept, deed: Deed) -> tuple[Change, ...]:
        """What to commit to go from one to the other; nothing when they are the same."""
        if before is not None and before.kept == after:
            return ()
        row = before.record if before is not None else None
        reference = row.local_ref if row is not None else self._identities.reference(structure, after.identity.local_id)
        now = self._books.now()
        key = self._vault.unwrap(row.wrapped_key) if row is not None else self._vault.new_key()
        recovery = after.identity.recovery
        record = PatientRecord(
            structure=structure,
            local_ref=reference,
            wrapped_key=key.wrapped,
            sealed=key.seal(msgspec.json.encode(after), entry_context(reference)),
            updated_at=now,
            status=after.identity.status.value,
            task=after.task,
            task_since=_since(row, after, now),
            ins_ref=self._vault.pseudonym("identity", f"{recovery.ins.nature}/{recovery.ins.matricule}") if recovery is not None else None,
            recovered_at=recovery.at if recovery is not None else None,
            created_at=row.created_at if row is not None else now,
            version=row.version + 1 if row is not None else 1,
        )
        return record, self._line(record, after, deed, key), _audit(record, deed), _event(record)

    def _line(self, record: PatientRecord, after: Kept, deed: Deed, key: DataKey) -> IdentityChangeRecord:
        return IdentityChangeRecord(
            structure=record.structure,
            local_ref=record.local_ref,
            at=record.updated_at,
            act=deed.act,
            actor=deed.author.imputed,
            evidence=deed.evidence,
            status=record.status,
            workstation=deed.author.workstation,
            sealed=key.seal(msgspec.json.encode(after.identity), change_context(record.local_ref)),
        )


def _written(before: Entry, after: Kept, changes: tuple[Change, ...]) -> Entry:
    """The entry just committed: its row keeps the place that the journal gave it."""
    record = next(one for one in changes if isinstance(one, PatientRecord))
    return Entry(kept=after, record=msgspec.structs.replace(record, number=before.record.number))


def _since(row: PatientRecord | None, after: Kept, now: int) -> int | None:
    if after.task is None:
        return None
    return row.task_since if row is not None and row.task == after.task else now


def _audit(record: PatientRecord, deed: Deed) -> AuditRecord:
    told: dict[str, str | int | bool | None] = {"evidence": deed.evidence} if deed.evidence is not None else {}
    if deed.author.workstation is not None:
        told["workstation"] = deed.author.workstation
    return AuditRecord(
        at=record.updated_at,
        act=deed.act,
        actor=deed.author.imputed,
        structure=record.structure,
        patient_ref=record.local_ref,
        answer=record.status,
        detail={**told, **deed.detail},
    )


def _event(record: PatientRecord) -> EventRecord:
    return EventRecord(kind="identity.changed", subject=record.local_ref, structure=record.structure, workstation="", at=record.updated_at)
