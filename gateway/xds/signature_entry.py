"""The document entry of a lot's signature: type E1762, hidden from everybody (dmp.md section 4, cda_signing.md 4.1).

Never signs: it describes the bytes that `gateway.trust.lot` wrote. These codes belong to no national table, hence their place here.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from gateway.kernel.concept import Concept
from gateway.nomenclature import codes
from gateway.xds import hl7
from gateway.xds.model import DocumentEntry, SubmissionSet

_CLASS = Concept("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature")
_TYPE = Concept("E1762", "ASTM", "Full Document")
_FORMAT = Concept("http://www.w3.org/2000/09/xmldsig#", "URN", "Default Signature Style")
_EVENT = Concept("1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12", "Source")


def signature_entry(
    submission: SubmissionSet,
    document: DocumentEntry,
    signature: bytes,
    *,
    unique_id: str,
    signed_at: datetime,
    entry_id: str = "Signature01",
) -> DocumentEntry:
    """The entry of `signature`, signed at that instant by the lot's author; places and patient are those of the document."""
    moment = hl7.utc_time(signed_at)
    return DocumentEntry(
        id=entry_id,
        unique_id=unique_id,
        patient_id=submission.patient_id,
        mime_type="text/xml",
        creation_time=moment,
        language="art",
        legal_authenticator=submission.author.person,
        service_start=moment,
        service_stop=moment,
        source_patient_id=submission.patient_id,
        source_patient_info=(),
        title="Source",
        authors=(submission.author,),
        class_code=_CLASS,
        type_code=_TYPE,
        format_code=_FORMAT,
        confidentiality=(codes.confidentiality("N"), codes.visibility("MASQUE_PS"), codes.visibility("INVISIBLE_PATIENT")),
        facility=document.facility,
        practice_setting=document.practice_setting,
        event_codes=(_EVENT,),
        hash=hashlib.sha1(signature, usedforsecurity=False).hexdigest(),
        size=len(signature),
    )
