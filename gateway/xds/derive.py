"""From a clinical header to XDS metadata: everything is derived, nothing is asked twice (dmp.md 3.2 to 3.8, cda_signing.md section 2).

Never reads XML: the header is the one the document was built from, or the one read from a ready CDA. Codes are looked up in the national
tables, so that a document whose type has no class, or whose format is unknown, is refused before anything is signed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from gateway.kernel.concept import Concept
from gateway.kernel.config import Professional, Structure
from gateway.kernel.errors import Refused
from gateway.model.document import Author, ClinicalHeader, Subject
from gateway.model.people import Organization, Person
from gateway.model.visibility import Visibility
from gateway.nomenclature import codes
from gateway.xds import hl7
from gateway.xds.model import DocumentEntry, SubmissionSet, XdsAuthor

CDA_MEDIA_TYPE = "text/xml"
_DOCTOR = "10"


class SubjectUnidentified(Refused):
    """The patient has neither INS nor local identifier: no metadata can name them."""

    code = "patient-unidentified"
    title = "Patient sans identifiant"
    what = "Le patient n'a ni INS ni identifiant local : le document ne peut être rattaché à personne."
    gesture = "Complétez l'identité du patient dans le logiciel métier, puis renvoyez le document."


class FormatUnderivable(Refused):
    """None of the CDA's templates leads to a format (ASS_A11)."""

    code = "document-format-underivable"
    title = "Modèle de document inconnu"
    what = "Le modèle du document structuré n'est pas dans la nomenclature nationale : son format ne peut pas en être déduit."
    gesture = "Faites vérifier par l'éditeur les modèles (templateId) déclarés dans le document."


def derive_entry(
    header: ClinicalHeader,
    data: bytes,
    *,
    visibility: Visibility,
    entry_id: str = "Document01",
    mime_type: str = CDA_MEDIA_TYPE,
    birth_place: bool = False,
) -> DocumentEntry:
    """The entry of a CDA whose exact bytes are `data`; `birth_place` adds PID-11, as archives for mail carry it (mssante.md 2.3).

    Raises SubjectUnidentified, FormatUnderivable and the refusals of the nomenclature (TypeWithoutClass among them).
    """
    kind = codes.document_type(header.type.code, header.type.system)
    return DocumentEntry(
        id=entry_id,
        unique_id=header.unique_id,
        patient_id=patient_id(header.subject),
        mime_type=mime_type,
        creation_time=hl7.utc_time(header.created_at),
        language=header.language,
        legal_authenticator=hl7.person(header.legal_authenticator),
        service_start=hl7.utc_time(header.service_start),
        service_stop=hl7.utc_time(header.service_stop) if header.service_stop else None,
        source_patient_id=hl7.local_id(header.subject.local) if header.subject.local else patient_id(header.subject),
        source_patient_info=_patient_lines(header.subject, birth_place=birth_place),
        title=hl7.cut(header.title),
        authors=tuple(_author(author) for author in header.authors),
        class_code=codes.class_of_type(kind.code),
        type_code=kind,
        format_code=derive_format(header),
        confidentiality=(codes.confidentiality(header.confidentiality.code), *map(codes.visibility, visibility.codes)),
        facility=codes.facility_type(header.facility.code),
        practice_setting=codes.practice_setting(header.practice_setting.code),
        event_codes=tuple(Concept(code.code, code.system, hl7.cut(code.label)) for code in header.event_codes),
        reference_ids=tuple(_order(order) for order in header.order_ids),
        hash=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        size=len(data),
    )


def derive_submission(
    header: ClinicalHeader, *, structure: Structure, author: Professional, unique_id: str, now: datetime, comments: str | None = None
) -> SubmissionSet:
    """The lot around that document: its author is the professional who sends, for the structure whose certificates sign (EX: VIHF)."""
    return SubmissionSet(
        unique_id=unique_id,
        source_id=structure.source_id,
        patient_id=patient_id(header.subject),
        submission_time=hl7.utc_time(now),
        content_type=codes.content_type(structure.sector),
        author=submitter(author, structure),
        title=hl7.cut(header.title),
        comments=hl7.cut(comments) if comments else None,
    )


def derive_format(header: ClinicalHeader) -> Concept:
    """Format from the body's media type (N1) or the templates (N3); raises UnsupportedMediaType, FormatUnderivable."""
    if header.body_media_type is not None:
        return codes.format_of_media(header.body_media_type)
    found = codes.format_of_templates(header.templates)
    if found is None:
        raise FormatUnderivable
    return found


def patient_id(subject: Subject) -> str:
    """CX of a qualified INS, else of the local identifier (archives sent to professionals only); raises SubjectUnidentified."""
    if subject.qualified and subject.ins is not None:
        return hl7.ins(subject.ins)
    if subject.local is not None:
        return hl7.local_id(subject.local)
    raise SubjectUnidentified


def submitter(author: Professional, structure: Structure) -> XdsAuthor:
    """A configured professional as author of a lot, in the structure that the VIHF names; raises UnknownAuthorSpecialty."""
    return XdsAuthor(
        person=hl7.person(Person(id=author.id, family=author.family, given=author.given)),
        institutions=(hl7.organization(Organization(id=structure.id, name=structure.name)),),
        specialties=(_specialty(author_specialty(author)),),
    )


def author_specialty(author: Professional) -> Concept:
    """G15_<profession>/<specialty> for a doctor, and for others when the table holds it, else G15_<profession>."""
    plain, full = f"G15_{author.profession}", f"G15_{author.profession}/{author.specialty}"
    if author.profession == _DOCTOR:
        return codes.author_specialty(full)
    try:
        return codes.author_specialty(full)
    except codes.UnknownCode:
        return codes.author_specialty(plain)


def _author(author: Author) -> XdsAuthor:
    return XdsAuthor(
        person=hl7.person(author.person),
        institutions=(hl7.organization(author.organization),),
        roles=(hl7.component(author.function.label),) if author.function else (),
        specialties=(_specialty(author.specialty),) if author.specialty else (),
    )


def _specialty(specialty: Concept) -> str:
    tail = f"^{specialty.system}"
    room = hl7.SLOT_LIMIT - len(specialty.code) - len(tail) - 1
    return f"{specialty.code}^{hl7.component(specialty.label, room)}{tail}"


def _patient_lines(subject: Subject, *, birth_place: bool) -> tuple[str, ...]:
    traits = subject.traits
    lines = [hl7.patient_name(traits.birth_family_name, traits.first_birth_given_name, "L")]
    if traits.used_family_name or traits.used_given_name:
        family, given = traits.used_family_name or traits.birth_family_name, traits.used_given_name or traits.first_birth_given_name
        lines.append(hl7.patient_name(family, given, "D"))
    lines += [f"PID-7|{traits.birth_stamp}", f"PID-8|{traits.sex.value}"]
    if birth_place:
        lines.append(f"PID-11|^^^^^^BDL^^{traits.birth_place}")
    return tuple(lines)


def _order(identifier: str) -> str:
    root, _, extension = identifier.partition("^")
    issuer = f"{hl7.component(extension, 128)}^^^&{root}&ISO" if extension else f"{root}^^^"
    return f"{issuer}^urn:ihe:iti:xds:2013:order"
