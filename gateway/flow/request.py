"""The `request` part of POST /documents, decoded with the field at fault named (contract section 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from gateway.flow.decoding import RequestInvalid, decode, is_plain
from gateway.model.visibility import Visibility

Aware = Annotated[datetime, msgspec.Meta(tz=True)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class AuthorPart(_Part, frozen=True, kw_only=True):
    """The professional in whose name the document leaves."""

    id: Line


class InsPart(_Part, frozen=True, kw_only=True):
    """Matricule of 15 characters and OID of its authority."""

    matricule: Line
    oid: Line


class PatientPart(_Part, frozen=True, kw_only=True):
    """An identity as the workstation asserts it; only `local_id` when the patient is already known."""

    local_id: Line
    ins: InsPart | None = None
    identity_status: Line | None = None
    birth_family_name: Line | None = None
    birth_given_names: Line | None = None
    first_birth_given_name: Line | None = None
    used_family_name: Line | None = None
    used_given_name: Line | None = None
    sex: Line | None = None
    birth_date: Line | None = None
    birth_place: Line | None = None


class DocumentPart(_Part, frozen=True, kw_only=True):
    """What the document is. Dates carry their offset."""

    type: Line
    title: Short
    created_at: Aware
    service_start: Aware | None = None
    service_stop: Aware | None = None
    replaces: Line | None = None


class PatientMail(_Part, frozen=True, kw_only=True):
    """Mail to the patient's own mailbox; without reply unless said."""

    send: bool = False
    may_reply: bool = False


class Deliver(_Part, frozen=True, kw_only=True):
    """Where the document goes."""

    dmp: bool = False
    patient_mail: PatientMail = PatientMail()
    professionals: Annotated[tuple[Line, ...], msgspec.Meta(max_length=50)] = ()

    @property
    def nowhere(self) -> bool:
        """True when no destination is asked."""
        return not (self.dmp or self.patient_mail.send or self.professionals)


class DocumentRequest(_Part, frozen=True, kw_only=True):
    """The whole part. A ready CDA needs only `deliver` and `visibility`."""

    structure: Line | None = None
    author: AuthorPart | None = None
    patient: PatientPart | None = None
    document: DocumentPart | None = None
    visibility: Visibility = Visibility()
    deliver: Deliver


def decode_request(data: bytes) -> DocumentRequest:
    """Decode the JSON; raises RequestInvalid with the dotted path of the field at fault."""
    request = decode(data, DocumentRequest)
    _check_texts(request)
    if request.deliver.nowhere:
        raise RequestInvalid(field="deliver", fault="aucun destinataire n'est demandé")
    return request


def _check_texts(request: DocumentRequest) -> None:
    if request.document is not None and not is_plain(request.document.title):
        raise RequestInvalid(field="document.title")
    if request.patient is not None and not is_plain(request.patient.local_id):
        raise RequestInvalid(field="patient.local_id")
