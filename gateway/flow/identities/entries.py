"""The identities of each structure as the journal keeps them: sealed, found by pseudonym only. Reading side; `registry` writes.

Source: insi.md 4. What a row holds never leaves in clear: a record that does not open raises PayloadQuarantined, never a raw error.
"""

from __future__ import annotations

import contextlib

import msgspec

from gateway.flow.errors import PayloadQuarantined
from gateway.flow.identities.views import Task
from gateway.ins.answer import NationalIdentity
from gateway.ins.evidence import SOFTWARE_WORD
from gateway.ins.identity import Actor, Check, Identity, Method, Recovery
from gateway.journal.records import PatientRecord
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError
from gateway.model.patient import IdentityStatus, Ins, Patient, Traits
from gateway.trust.vault import Vault


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """An identity INSi gave for a patient, waiting for a decision."""

    id: str
    at: int
    by: Actor
    method: Method
    message_id: str
    found: NationalIdentity


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed for one patient."""

    identity: Identity
    proposal: Proposal | None = None
    said: Traits | None = None
    """The traits the cabinet software said last: only a change of what it says is an edit."""

    @property
    def task(self) -> Task | None:
        """What a person has to do about it, None when nothing."""
        if not self.identity.may_call_insi:
            return None
        if self.proposal is not None:
            return "decide"
        match self.identity.status:
            case IdentityStatus.PROVISOIRE | IdentityStatus.VALIDEE:
                return "search"
            case IdentityStatus.RECUPEREE:
                return "qualify"
            case IdentityStatus.QUALIFIEE:
                return None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A patient of the registry and its row."""

    kept: Kept
    record: PatientRecord

    @property
    def identity(self) -> Identity:
        """The identity as it stands."""
        return self.kept.identity

    @property
    def proposal(self) -> Proposal | None:
        """What INSi gave and nobody has decided on yet."""
        return self.kept.proposal


class Identities:
    """Finds patients by structure and local id."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def reference(self, structure: str, local_id: str) -> str:
        """The pseudonym under which the journal knows a patient of a structure."""
        return self._vault.pseudonym("patient", f"{structure}/{local_id}")

    async def others_with(self, structure: str, ins: Ins, local_ref: str) -> tuple[Identity, ...]:
        """Other identities of the structure that hold this INS, oldest first (RNIV: doublon, or collision); a damaged one is not told."""
        found: list[Identity] = []
        for record in await self._store.patients_with_ins(structure, self.ins_reference(ins)):
            if record.local_ref != local_ref:
                with contextlib.suppress(PayloadQuarantined):
                    found.append(self.opened(record).identity)
        return tuple(found)

    def ins_reference(self, ins: Ins) -> str:
        """The pseudonym of an INS: the same for the authorities of one nature (`Ins.is_same`)."""
        return self._vault.pseudonym("identity", f"{ins.nature}/{ins.matricule}")

    async def known(self, structure: str, local_id: str) -> Entry | None:
        """The patient of this local id, None when never seen; raises PayloadQuarantined."""
        return await self.by_reference(structure, self.reference(structure, local_id))

    async def by_reference(self, structure: str, reference: str) -> Entry | None:
        """The patient behind a pseudonym; raises PayloadQuarantined."""
        record = await self._store.patient(structure, reference)
        return None if record is None else self.opened(record)

    def opened(self, record: PatientRecord) -> Entry:
        """What a row holds; raises PayloadQuarantined."""
        try:
            plain = self._vault.unwrap(record.wrapped_key).open(record.sealed, entry_context(record.local_ref))
            return Entry(kept=_decoded(plain, record.updated_at), record=record)
        except (RelaisError, ValueError) as problem:
            raise PayloadQuarantined("patient record") from problem


def entry_context(reference: str) -> bytes:
    """What the sealed bytes of a row are bound to."""
    return f"{reference}/patient".encode()


def change_context(reference: str) -> bytes:
    """What the sealed identity of a history line is bound to."""
    return f"{reference}/change".encode()


def identity_of(patient: Patient, at: int, workstation: str) -> Identity:
    """A patient as a cabinet software asserted it, as an identity; an INS that is not qualified nor recovered is not kept."""
    by = Actor(kind="workstation", id=workstation)
    recovered = patient.ins is not None and patient.status in (IdentityStatus.RECUPEREE, IdentityStatus.QUALIFIEE)
    checked = patient.status in (IdentityStatus.VALIDEE, IdentityStatus.QUALIFIEE)
    return Identity(
        local_id=patient.local_id,
        traits=patient.traits,
        recovery=Recovery(ins=patient.ins, method=Method.MANUAL, at=at, by=by, asserted=True) if recovered and patient.ins else None,
        check=Check(kind=SOFTWARE_WORD, at=at, by=by, asserted=True) if checked else None,
    )


def _decoded(plain: bytes, at: int) -> Kept:
    """Rows written before the registry hold the bare patient that a workstation asserted."""
    try:
        return msgspec.json.decode(plain, type=Kept)
    except msgspec.ValidationError:
        return Kept(identity=identity_of(msgspec.json.decode(plain, type=Patient), at, "unknown"))
