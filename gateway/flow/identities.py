"""The identities that workstations have asserted: the last one per structure and local id, sealed, found by pseudonym only."""

from __future__ import annotations

import msgspec

from gateway.flow.errors import PayloadQuarantined
from gateway.journal.records import PatientRecord
from gateway.journal.store import Store
from gateway.kernel.errors import RelaisError
from gateway.model.patient import Patient
from gateway.trust.vault import Vault


class Identities:
    """Remembers patients by local id; what it says of their status is what a workstation asserted."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def reference(self, structure: str, local_id: str) -> str:
        """The pseudonym under which the journal knows a patient of a structure."""
        return self._vault.pseudonym("patient", f"{structure}/{local_id}")

    async def known(self, structure: str, local_id: str) -> Patient | None:
        """The patient last asserted under this local id; raises PayloadQuarantined when the record does not open."""
        reference = self.reference(structure, local_id)
        record = await self._store.patient(structure, reference)
        if record is None:
            return None
        try:
            key = self._vault.unwrap(record.wrapped_key)
            return msgspec.json.decode(key.open(record.sealed, _context(reference)), type=Patient)
        except (RelaisError, ValueError) as problem:
            raise PayloadQuarantined("patient record") from problem

    def remember(self, structure: str, patient: Patient, now: int) -> PatientRecord:
        """The record to commit with the document that asserted this identity."""
        reference = self.reference(structure, patient.local_id)
        key = self._vault.new_key()
        return PatientRecord(
            structure=structure,
            local_ref=reference,
            wrapped_key=key.wrapped,
            sealed=key.seal(msgspec.json.encode(patient), _context(reference)),
            updated_at=now,
        )


def _context(reference: str) -> bytes:
    return f"{reference}/patient".encode()
