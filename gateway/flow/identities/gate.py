"""The last look before anything leaves: what the document says of the patient must still be what the registry holds (design, rule 1).

Asked just before each step that sends. It reads one row, and opens it only when the identity has changed since the document was accepted.
"""

from __future__ import annotations

from typing import Literal

from gateway.flow.errors import IdentityNotQualified, IdentityWithdrawn
from gateway.flow.identities.entries import Identities
from gateway.ins.form import same_date
from gateway.ins.identity import Identity
from gateway.journal.records import DocumentRecord
from gateway.journal.store import Store
from gateway.model.patient import IdentityStatus, Patient, folded
from gateway.trust.vault import Vault

Media = Literal["pdf", "cda"]


class IdentityGate:
    """Says whether a document may leave with the identity it carries."""

    def __init__(self, store: Store, vault: Vault, identities: Identities) -> None:
        self._store = store
        self._vault = vault
        self._identities = identities

    async def check(self, document: DocumentRecord, patient: Patient, media: Media, *, needs_qualified: bool) -> None:
        """Raises IdentityNotQualified when the destination needs an INS the document lacks, IdentityWithdrawn when its INS no longer holds.

        A document that carries no INS may go to professionals. A patient the registry has never seen (a ready CDA of a software that keeps
        its identities itself) is what its document says.
        """
        if not patient.qualified or patient.ins is None:
            if needs_qualified:
                raise IdentityNotQualified
            return
        record = await self._store.patient(document.structure, document.patient_ref)
        if record is None:
            return
        held = self._vault.pseudonym("identity", f"{patient.ins.nature}/{patient.ins.matricule}")
        if record.status != IdentityStatus.QUALIFIEE or record.ins_ref != held:
            raise IdentityWithdrawn
        if record.updated_at >= document.accepted_at and not agrees(patient, media, self._identities.opened(record).identity):
            raise IdentityWithdrawn


def agrees(patient: Patient, media: Media, identity: Identity) -> bool:
    """True when a document made for `patient` may leave under `identity`: qualified, same INS, same strict traits.

    Of a ready CDA, which may say less (no birth place, one given name, a date INSi knows in part), name and birth date are compared.
    """
    if identity.status is not IdentityStatus.QUALIFIEE or identity.recovery is None or patient.ins is None:
        return False
    if not identity.recovery.ins.is_same(patient.ins):
        return False
    if media == "pdf":
        return patient.traits.agree_with(identity.traits)
    same_family = folded(patient.traits.birth_family_name) == folded(identity.traits.birth_family_name)
    return same_family and same_date(patient.traits.birth_date, identity.traits.birth_date)
