"""From an admitted PDF and the structure's record to the clinical header that the CDA and the metadata will share."""

from __future__ import annotations

from gateway.flow.admitted import Admitted
from gateway.flow.errors import AuthorUnknown
from gateway.kernel.config import Professional, Structure
from gateway.model.document import Author, ClinicalHeader, LocalId, Subject
from gateway.model.people import Organization, Person
from gateway.nomenclature.actors import facility_type, practice_setting
from gateway.nomenclature.documents import UNSTRUCTURED_TEMPLATE, confidentiality
from gateway.xds.derive import author_specialty

_TEMPLATES = ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", UNSTRUCTURED_TEMPLATE)
"""HL7 France, CI-SIS, IHE XDS-SD: exactly these three for an unstructured body (cda_signing.md 1.5)."""


def person_of(professional: Professional) -> Person:
    """A professional of the configuration as the model knows people."""
    return Person(
        id=professional.id,
        family=professional.family,
        given=professional.given,
        civility=professional.civility,
        title=professional.title,
    )


def header_of(admitted: Admitted, structure: Structure, *, unique_id: str) -> ClinicalHeader:
    """The header of a PDF document. Raises AuthorUnknown or the nomenclature's refusals for a record changed since admission."""
    professional = structure.professional(admitted.author)
    if professional is None:
        raise AuthorUnknown(field="author.id")
    organization = Organization(id=structure.id, name=structure.name)
    person = person_of(professional)
    patient = admitted.patient
    return ClinicalHeader(
        unique_id=unique_id,
        set_id=admitted.set_id,
        version=admitted.version,
        type=admitted.type,
        title=admitted.title,
        created_at=admitted.created_at,
        confidentiality=confidentiality("N"),
        language="fr-FR",
        subject=Subject(
            traits=patient.traits,
            ins=patient.ins if patient.qualified else None,
            local=LocalId(root=structure.patient_root, extension=patient.local_id),
            qualified=patient.qualified,
        ),
        authors=(
            Author(
                person=person,
                specialty=author_specialty(professional),
                organization=organization,
                time=admitted.created_at,
            ),
        ),
        custodian=organization,
        legal_authenticator=person,
        legal_authenticator_organization=organization,
        legal_authentication_time=admitted.created_at,
        service_start=admitted.service_start,
        service_stop=admitted.service_stop,
        performer=person,
        performer_organization=organization,
        practice_setting=practice_setting(structure.practice_setting),
        facility=facility_type(structure.sector),
        templates=_TEMPLATES,
        replaces=admitted.replaces,
        body_media_type="application/pdf",
    )
