"""From the two parts of a request to an admitted document: every rule that can be told at once is told here, nothing is kept yet."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from gateway.flow.admitted import Admitted
from gateway.flow.contradiction import check_contradictions
from gateway.flow.decoding import RequestInvalid
from gateway.flow.errors import (
    AuthorUnknown,
    MailboxMissing,
    ReplacedUnknown,
    RequestContradictsCda,
    RequestIncomplete,
    StructureUnknown,
)
from gateway.flow.request import DocumentRequest
from gateway.kernel.config import Configuration, Structure
from gateway.kernel.ids import is_oid
from gateway.model.document import ClinicalHeader
from gateway.model.patient import IdentityStatus, Ins, Patient, TraitInvalid
from gateway.model.visibility import check_recipients
from gateway.mss.address import check_mailbox
from gateway.nomenclature.documents import class_of_type, document_type

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


def resolve_structure(configuration: Configuration, allowed: tuple[str, ...], asked: str | None) -> Structure:
    """The structure of a request: the one asked, or the only one of the workstation. Raises StructureUnknown."""
    identifier = asked if asked is not None else (allowed[0] if len(allowed) == 1 else None)
    structure = configuration.structure(identifier) if identifier in allowed and identifier is not None else None
    if structure is None:
        raise StructureUnknown(field="structure")
    return structure


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """The set of versions a document belongs to."""

    set_id: str
    version: int


def admit_pdf(
    request: DocumentRequest,
    structure: Structure,
    patient: Patient,
    lineage: Lineage,
    *,
    latest: datetime | None,
    actor: str | None,
    original: str,
) -> Admitted:
    """Everything that describes a PDF, checked; raises the refusal of the first field at fault.

    `latest` is the last instant that a date may say, None while the clock is not trusted.
    """
    if request.document is None:
        raise RequestIncomplete(field="document")
    if request.author is None:
        raise RequestIncomplete(field="author")
    if structure.professional(request.author.id) is None:
        raise AuthorUnknown(field="author.id")
    part = request.document
    for name, instant in (("created_at", part.created_at), ("service_start", part.service_start), ("service_stop", part.service_stop)):
        _check_instant(instant, latest, f"document.{name}")
    kind = document_type(part.type)
    class_of_type(kind.code)
    admitted = Admitted(
        media="pdf",
        structure=structure.id,
        author=request.author.id,
        actor=actor,
        patient=patient,
        type=kind,
        title=part.title.strip(),
        created_at=part.created_at,
        service_start=part.service_start or part.created_at,
        service_stop=part.service_stop,
        replaces=replaced_of(request),
        set_id=lineage.set_id,
        version=lineage.version,
        visibility=request.visibility,
        deliver=request.deliver,
        original=original,
    )
    _check_destinations(admitted, structure)
    return admitted


def local_id_of(request: DocumentRequest, header: ClinicalHeader) -> str:
    """The local id of a ready CDA's patient: its IPP, else the request's, else the matricule. Raises RequestIncomplete without any."""
    if header.subject.local is not None:
        return header.subject.local.extension
    if request.patient is not None:
        return request.patient.local_id
    if header.subject.ins is None:
        raise RequestIncomplete(field="file:recordTarget")
    return header.subject.ins.matricule


def admit_cda(
    request: DocumentRequest,
    header: ClinicalHeader,
    structure: Structure,
    *,
    known: Patient | None,
    environment: str,
    latest: datetime | None,
    actor: str | None,
    original: str,
) -> Admitted:
    """A ready CDA: the facts are read from it, the request may only repeat them. `known` is the patient remembered under its local id.

    A CDA that carries an INS counts as qualified, unless the request says otherwise, or says nothing and the patient is known as less.
    """
    patient = _patient_of_header(request, header, known)
    _check_instant(header.created_at, latest, "file:effectiveTime")
    _check_instant(header.service_start, latest, "file:documentationOf")
    _check_instant(header.service_stop, latest, "file:documentationOf")
    if patient.ins is not None:
        patient.ins.check_environment(environment, field="file:recordTarget")
    author = next((one.person.id for one in header.authors if structure.professional(one.person.id)), None)
    if author is None and structure.professional(header.legal_authenticator.id) is not None:
        author = header.legal_authenticator.id
    if author is None:
        raise AuthorUnknown(field="file:author")
    if header.custodian.id != structure.id:
        raise RequestContradictsCda(field="structure")
    if header.replaces == header.unique_id:
        raise ReplacedUnknown(field="file:relatedDocument")
    check_contradictions(request, header, patient, author)
    class_of_type(header.type.code)
    admitted = Admitted(
        media="cda",
        structure=structure.id,
        author=author,
        actor=actor,
        patient=patient,
        type=header.type,
        title=header.title,
        created_at=header.created_at,
        service_start=header.service_start,
        service_stop=header.service_stop,
        replaces=header.replaces,
        set_id=header.set_id,
        version=header.version,
        visibility=request.visibility,
        deliver=request.deliver,
        original=original,
    )
    _check_destinations(admitted, structure)
    return admitted


def replaced_of(request: DocumentRequest) -> str | None:
    """The uniqueId a request replaces, None for a first version; raises ReplacedUnknown."""
    replaced = request.document.replaces if request.document is not None else None
    if replaced is not None and not is_oid(replaced):
        raise ReplacedUnknown(field="document.replaces")
    return replaced


def _status_of(text: str | None) -> IdentityStatus:
    try:
        return IdentityStatus(text) if text is not None else IdentityStatus.PROVISOIRE
    except ValueError:
        raise TraitInvalid(field="patient.identity_status") from None


def _check_destinations(admitted: Admitted, structure: Structure) -> None:
    deliver = admitted.deliver
    check_recipients(admitted.visibility, dmp=deliver.dmp, patient=deliver.patient_mail.send, professionals=bool(deliver.professionals))
    if (deliver.patient_mail.send or deliver.professionals) and structure.mailbox is None:
        raise MailboxMissing(field="deliver")
    for index, address in enumerate(deliver.professionals):
        check_mailbox(address, field=f"deliver.professionals[{index}]")


def _check_instant(instant: datetime | None, latest: datetime | None, field: str) -> None:
    if instant is not None and (instant < _EARLIEST or (latest is not None and instant > latest)):
        raise RequestInvalid(field=field, fault="cette date n'est pas possible")


def _patient_of_header(request: DocumentRequest, header: ClinicalHeader, known: Patient | None) -> Patient:
    subject = header.subject
    ins = Ins.checked(subject.ins.matricule, subject.ins.oid, field="file:recordTarget") if subject.ins is not None else None
    subject.traits.check(field="file:recordTarget")
    asserted = request.patient.identity_status if request.patient is not None else None
    if asserted is not None:
        status = _status_of(asserted)
    elif ins is None:
        status = IdentityStatus.PROVISOIRE
    else:
        status = known.status if known is not None else IdentityStatus.QUALIFIEE
    if status is IdentityStatus.QUALIFIEE and ins is None:
        raise RequestContradictsCda(field="patient.identity_status")
    return Patient(local_id=local_id_of(request, header), traits=subject.traits, status=status, ins=ins)
