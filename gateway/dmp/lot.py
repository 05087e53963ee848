"""A lot sealed once: ids, metadata and signature are frozen, and every try sends these same bytes (design, rule 5; dmp.md 3, 4, 6.1).

Never sends. Own signature verified before the lot is given out. A rebuilt lot is another lot: new submission set id, new signature, the
same document id and bytes.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

import msgspec
from typing_extensions import override

from gateway.kernel.config import Dmp, Professional, Structure
from gateway.kernel.errors import Held
from gateway.kernel.ids import new_oid
from gateway.model.document import ClinicalHeader
from gateway.model.visibility import Visibility, check_recipients
from gateway.nomenclature import codes
from gateway.trust.lot import LotDocument, canonical_document, sign_lot
from gateway.trust.lot_check import verify_lot
from gateway.trust.signer import Signer
from gateway.xds.derive import CDA_MEDIA_TYPE, derive_entry, derive_submission
from gateway.xds.iti41 import write_lot
from gateway.xds.signature_entry import signature_entry

DOCUMENT_ID = "Document01"
SIGNATURE_ID = "Signature01"


class IdentityNotQualified(Held):
    """Nothing leaves for the DMP without a qualified INS (design, rule 1)."""

    code = "identity-not-qualified"
    what = "L'identité du patient n'est pas qualifiée : le document ne peut pas encore partir vers le DMP."
    gesture = "Qualifiez l'identité (INS vérifiée et pièce d'identité contrôlée) : l'envoi repartira tout seul."


class FormatNotAccepted(Held):
    """The format is in the national table, but not in JDV_J60, the list of the DMP."""

    code = "dmp-format-not-accepted"
    who = "l'éditeur du logiciel métier"
    what = "Le DMP n'accepte pas ce modèle de document."
    gesture = "Envoyez ce document en PDF, ou faites vérifier par l'éditeur le modèle choisi."


class FrozenBytesChanged(Held):
    """The document is no longer the one that was signed: it is never sent."""

    code = "payload-damaged"
    who = "votre installateur"
    what = "Le document gardé dans le boîtier n'est plus identique à celui qui a été signé : il n'a pas été envoyé."
    gesture = "Renvoyez le document depuis le logiciel métier et faites vérifier le stockage du boîtier."


class SealedLot(msgspec.Struct, frozen=True, kw_only=True):
    """All of a lot but the document's bytes; serialisable, kept encrypted. `sealed_at` is aware, UTC."""

    submission_set_id: str
    document_unique_id: str
    signature_unique_id: str
    document_sha256: str
    mime_type: str
    metadata: bytes
    """lcm:SubmitObjectsRequest."""
    signature: bytes
    """ds:Signature document."""
    sealed_at: datetime
    replaces_entry: str | None = None

    @override
    def __repr__(self) -> str:
        return f"SealedLot(submission_set_id={self.submission_set_id!r}, document_unique_id={self.document_unique_id!r})"

    def is_signed_by(self, certificate: bytes) -> bool:
        """True when the signature bears this certificate (DER)."""
        return base64.b64encode(certificate) in b"".join(self.signature.split())

    def check(self, cda: bytes) -> None:
        """Raises FrozenBytesChanged when these are not the bytes that were sealed."""
        if hashlib.sha256(cda).hexdigest() != self.document_sha256:
            raise FrozenBytesChanged(self.document_unique_id)


async def seal_lot(
    header: ClinicalHeader,
    cda: bytes,
    *,
    structure: Structure,
    author: Professional,
    visibility: Visibility,
    settings: Dmp,
    signer: Signer,
    now: datetime,
    replaces_entry: str | None = None,
    mime_type: str = CDA_MEDIA_TYPE,
) -> SealedLot:
    """Derive, sign and verify a lot of one document; `replaces_entry` is the current entryUUID of the document replaced.

    The caller has checked that the clock is trusted. Raises IdentityNotQualified, VisibilityConflict, FormatNotAccepted, the refusals of
    the nomenclature and of `xds.derive`, what the signer raises, and OwnSignatureInvalid.
    """
    if not header.subject.qualified or header.subject.ins is None:
        raise IdentityNotQualified
    check_recipients(visibility, dmp=True, patient=False, professionals=False)
    entry = derive_entry(header, cda, visibility=visibility, entry_id=DOCUMENT_ID, mime_type=mime_type)
    if not codes.format_accepted_by_dmp(entry.format_code.code):
        raise FormatNotAccepted
    submission = derive_submission(header, structure=structure, author=author, unique_id=new_oid(), now=now)
    documents = [LotDocument(unique_id=entry.unique_id, data=canonical_document(cda), canonical=True)]
    signature = await sign_lot(
        submission_set_id=submission.unique_id,
        documents=documents,
        signer=signer,
        now=now,
        digest=settings.lot_digest,
        xades=settings.lot_xades,
    )
    verify_lot(signature, documents, submission.unique_id, certificate=signer.certificate)
    second = signature_entry(submission, entry, signature, unique_id=new_oid(), signed_at=now, entry_id=SIGNATURE_ID)
    return SealedLot(
        submission_set_id=submission.unique_id,
        document_unique_id=entry.unique_id,
        signature_unique_id=second.unique_id,
        document_sha256=hashlib.sha256(cda).hexdigest(),
        mime_type=mime_type,
        metadata=write_lot(submission, entry, second, replaces_entry=replaces_entry),
        signature=signature,
        sealed_at=now,
        replaces_entry=replaces_entry,
    )
