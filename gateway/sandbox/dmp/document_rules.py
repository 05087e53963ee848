"""Judges a document entry against the CDA it announces: bytes, derivations and every value both carry.

It never trusts the metadata about the document: everything is read again from the part (dmp.md 3.8, cases 18, 20, 23, 39).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from gateway.kernel import oids
from gateway.sandbox.dmp import value_sets
from gateway.sandbox.dmp.clinical import V3, Clinical
from gateway.sandbox.dmp.ebrim import Code, RegistryObject
from gateway.sandbox.dmp.hl7_types import read_institution, read_patient, read_pid, same_name
from gateway.sandbox.dmp.moments import agree
from gateway.sandbox.dmp.refusals import CONTENT, METADATA, REPOSITORY_METADATA, Problem

_OLD_VACCINATION_NOTE = "1.2.250.1.213.1.1.1.10"
_DOCUMENT = f"{{{V3}}}ClinicalDocument"
_PLAIN, _WRAPPED = "text/xml", "application/xslt+xml"
"""A CDA, and a CDA wrapped in its own style sheet (dmp.md 3.2)."""
_PDF = "application/pdf"
_PDF_START = "JVBERi0"
"""Base64 of `%PDF-` and what its last bits fix of the next character."""
_GENDERS = {"M": "M", "F": "F", "UN": "U", "U": "U"}


def byte_problems(entry: RegistryObject, body: bytes) -> Iterator[Problem]:
    """Hash (SHA-1, hexadecimal) and size of the part, each when given; both may be left out (dmp.md 3.2)."""
    claimed = entry.slots.get("hash", ())
    if claimed and (len(claimed) != 1 or claimed[0].lower() != sha1_of(body)):
        yield _problem("hash", REPOSITORY_METADATA, "L'empreinte annoncée n'est pas celle du document reçu", entry)
    size = entry.slots.get("size", ())
    if size and size != (str(len(body)),):
        yield _problem("size", REPOSITORY_METADATA, "La taille annoncée n'est pas celle du document reçu", entry)


def sha1_of(body: bytes) -> str:
    """SHA-1 of the exact bytes of a part, in lower-case hexadecimal: the hash attribute of XDS."""
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()


def document_content_problems(entry: RegistryObject, cda: Clinical | None) -> Iterator[Problem]:
    """What the CDA says against what its entry says."""
    if cda is None:
        yield _problem("unreadable", CONTENT, "Le document n'est pas un CDA lisible", entry)
        return
    if entry.mime_type != (_PLAIN if cda.root.tag == _DOCUMENT else _WRAPPED):
        yield _problem("mime-type", CONTENT, "Le type MIME de la fiche n'est pas celui du document", entry)
    if cda.identifiers != ((entry.unique_id, ""),):
        yield _problem("unique-id", CONTENT, "L'identifiant unique n'est pas l'OID du document", entry)
    yield from _format_problems(entry, cda)
    yield from _value_problems(entry, cda)
    yield from _patient_problems(entry, cda)
    yield from _author_problems(entry, cda)


def _problem(rule: str, code: str, text: str, at: RegistryObject) -> Problem:
    return Problem(f"dmp.document.{rule}", code, text, at.id)


def _format_problems(entry: RegistryObject, cda: Clinical) -> Iterator[Problem]:
    claimed = entry.code("format") or Code("", "")
    if cda.media_type is None:
        right = value_sets.is_format_of_templates(claimed.code, claimed.scheme, cda.templates)
    else:
        right = value_sets.is_format_of_media(claimed.code, claimed.scheme, cda.media_type)
    if not right:
        yield _problem("format", METADATA, "Le format de la fiche ne correspond pas au corps ou au modèle du document", entry)
    if cda.media_type == _PDF and not cda.body_start.startswith(_PDF_START):
        yield _problem("body", CONTENT, "Le corps du document n'est pas un PDF", entry)
    if _OLD_VACCINATION_NOTE in cda.templates and cda.kind.code == "87273-9":
        yield _problem("vaccination-model", CONTENT, "La note de vaccination n'est pas au modèle en vigueur", entry)


def _value_problems(entry: RegistryObject, cda: Clinical) -> Iterator[Problem]:
    if entry.code("type") != cda.kind:
        yield _problem("type", CONTENT, "Le type de la fiche n'est pas celui du document", entry)
    if " ".join(entry.title.split()) != cda.title:
        yield _problem("title", CONTENT, "Le titre de la fiche n'est pas celui du document", entry)
    if not agree(entry.slot("creationTime"), cda.effective_time):
        yield _problem("creation-time", CONTENT, "La date de création de la fiche n'est pas celle du document", entry)
    if cda.service_start and not agree(entry.slot("serviceStartTime"), cda.service_start):
        yield _problem("service-start", CONTENT, "La date de début de l'acte n'est pas celle du document", entry)
    if cda.service_stop and not agree(entry.slot("serviceStopTime"), cda.service_stop):
        yield _problem("service-stop", CONTENT, "La date de fin de l'acte n'est pas celle du document", entry)
    if entry.slot("languageCode") != cda.language:
        yield _problem("language", CONTENT, "La langue de la fiche n'est pas celle du document", entry)
    if cda.confidentiality not in entry.codes.get("confidentiality", ()):
        yield _problem("confidentiality", CONTENT, "Le niveau de confidentialité de la fiche n'est pas celui du document", entry)
    if cda.facility is not None and entry.code("facility") != cda.facility:
        yield _problem("facility", CONTENT, "Le secteur d'activité de la fiche n'est pas celui du document", entry)
    if cda.practice_setting is not None and entry.code("practiceSetting") != cda.practice_setting:
        yield _problem("practice-setting", CONTENT, "Le cadre d'exercice de la fiche n'est pas celui du document", entry)


def _patient_problems(entry: RegistryObject, cda: Clinical) -> Iterator[Problem]:
    qualified = tuple(pair for pair in cda.ins if pair[1] != oids.INS_C)
    if cda.patients != 1 or len(qualified) != 1 or qualified[0] != read_patient(entry.patient_id):
        yield _problem("patient", CONTENT, "Le patient du document n'est pas celui de la fiche", entry)
    pid = read_pid(entry.slots.get("sourcePatientInfo", ()))
    legal = [value.split("^")[0] for value in pid.get("PID-5", ()) if value.split("^")[6:7] == ["L"]]
    if cda.birth_names and not any(same_name(name, birth) for name in legal for birth in cda.birth_names):
        yield _problem("patient-name", CONTENT, "Le nom de naissance de la fiche n'est pas celui du document", entry)
    if pid.get("PID-7") != [cda.birth_time]:
        yield _problem("birth-date", CONTENT, "La date de naissance de la fiche n'est pas celle du document", entry)
    if pid.get("PID-8") != [_GENDERS.get(cda.gender, "")]:
        yield _problem("gender", CONTENT, "Le sexe de la fiche n'est pas celui du document", entry)


def _author_problems(entry: RegistryObject, cda: Clinical) -> Iterator[Problem]:
    claimed = {one.identifier for author in entry.authors for value in author.institutions if (one := read_institution(value))}
    if cda.structures and not cda.structures & claimed:
        yield _problem("author-institution", CONTENT, "La structure de l'auteur de la fiche n'est pas celle du document", entry)
