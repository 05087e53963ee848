"""Judges the metadata of a lot on its own: cardinalities, forms, value sets, derivations inside XDS.

It never looks into a document (`document_rules`), nor at the signature document (`lot_signature`). Source: dmp.md 3.1 to 3.4,
cases 18 to 22 and 38.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.kernel import ids, oids
from gateway.sandbox.dmp import value_sets
from gateway.sandbox.dmp.ebrim import SET_NODE, STABLE_DOCUMENT, Author, Code, RegistryObject
from gateway.sandbox.dmp.hl7_types import read_institution, read_local_patient, read_patient, read_person, read_pid
from gateway.sandbox.dmp.moments import is_time, read_full
from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.refusals import METADATA, PATIENT_MISMATCH, Problem

MASKED = "MASQUE_PS"
INVISIBLE = "INVISIBLE_PATIENT"
_ONCE = ("class", "type", "format", "facility", "practiceSetting")
_CHECKS: dict[str, tuple[str, Callable[[str, str], bool]]] = {
    "type": ("type", value_sets.is_document_type),
    "facility": ("facility", value_sets.is_facility_type),
    "practiceSetting": ("practice-setting", value_sets.is_practice_setting),
}


def _problem(rule: str, text: str, at: RegistryObject, code: str = METADATA) -> Problem:
    return Problem(f"dmp.metadata.{rule}", code, text, at.id)


def set_problems(lot: RegistryObject) -> Iterator[Problem]:
    """Rules of the SubmissionSet (dmp.md 3.1)."""
    if lot.nodes != (SET_NODE,):
        yield _problem("set-node", "Le lot de soumission n'est pas classé comme tel", lot)
    if read_full(lot.slot("submissionTime")) is None:
        yield _problem("submission-time", "La date de soumission est absente ou mal formée", lot)
    content = lot.code("contentType")
    if content is None or not value_sets.is_content_type(content.code, content.scheme):
        yield _problem("content-type", "Le type d'activité du lot est absent ou inconnu", lot)
    if len(lot.authors) != 1:
        yield _problem("author", "Le lot doit avoir exactement un auteur", lot)
    if not ids.is_oid(lot.identifier("sourceId")):
        yield _problem("source-id", "L'identifiant du système source est absent ou mal formé", lot)
    yield from _common_problems(lot)


def entry_problems(entry: RegistryObject) -> Iterator[Problem]:
    """Rules of every DocumentEntry, that of the signature included."""
    if entry.object_type != STABLE_DOCUMENT:
        yield _problem("object-type", "Le type d'objet de la fiche n'est pas celui d'un document", entry)
    for name in ("creationTime", "serviceStartTime"):
        if not is_time(entry.slot(name)):
            yield _problem("time", "Une date obligatoire de la fiche est absente ou mal formée", entry)
    if read_full(entry.slot("creationTime")) is None:
        yield _problem("creation-time", "La date de création doit être précise à la seconde, en temps universel", entry)
    if read_person(entry.slot("legalAuthenticator")) is None:
        yield _problem("legal-authenticator", "Le responsable du document est absent ou mal formé", entry)
    if read_local_patient(entry.slot("sourcePatientId")) is None:
        yield _problem("source-patient-id", "L'identifiant local du patient est absent ou mal formé", entry)
    if not entry.title.strip():
        yield _problem("title", "Le titre de la fiche est absent", entry)
    if not entry.authors:
        yield _problem("author", "La fiche doit avoir au moins un auteur", entry)
    for kind in _ONCE:
        if len(entry.codes.get(kind, ())) != 1:
            yield _problem("cardinality", "Un code obligatoire de la fiche est absent ou répété", entry)
    for kind in ("facility", "practiceSetting"):
        yield from _code_problems(entry, kind)
    yield from _common_problems(entry)


def document_problems(entry: RegistryObject, options: DmpOptions) -> Iterator[Problem]:
    """Rules of a document's own entry, beside `entry_problems`."""
    if entry.mime_type not in {"text/xml", "application/xslt+xml"}:
        yield _problem("mime-type", "Le type MIME de la fiche n'est pas accepté", entry)
    if entry.slot("languageCode") != "fr-FR":
        yield _problem("language", "La langue de la fiche doit être fr-FR", entry)
    yield from _code_problems(entry, "type")
    kind, nature = entry.code("type"), entry.code("class")
    if kind and nature and not value_sets.is_class_of_type(nature.code, nature.scheme, kind.code):
        yield _problem("class-of-type", "La classe de la fiche ne correspond pas à son type", entry)
    pid = read_pid(entry.slots.get("sourcePatientInfo", ()))
    if not any(value.split("^")[6:7] == ["L"] for value in pid.get("PID-5", ())):
        yield _problem("source-patient-info", "Les traits du patient de la fiche sont absents ou mal formés", entry)
    if pid.get("PID-8", ["U"]) not in (["M"], ["F"], ["U"]):
        yield _problem("source-patient-info", "Les traits du patient de la fiche sont absents ou mal formés", entry)
    yield from _confidentiality_problems(entry, options)


def _code_problems(entry: RegistryObject, kind: str) -> Iterator[Problem]:
    found = entry.code(kind)
    rule, accepted = _CHECKS[kind]
    if found is not None and not accepted(found.code, found.scheme):
        yield _problem(rule, "Un code de la fiche n'est pas dans son jeu de valeurs", entry)


def _confidentiality_problems(entry: RegistryObject, options: DmpOptions) -> Iterator[Problem]:
    found = entry.codes.get("confidentiality", ())
    levels = [one for one in found if value_sets.is_level(one.code, one.scheme)]
    others = [one for one in found if one not in levels]
    if len(levels) != 1:
        yield _problem("confidentiality-level", "La fiche doit porter un niveau de confidentialité et un seul : N, R ou V", entry)
    if any(not value_sets.is_visibility(one.code, one.scheme) for one in others) or len(set(others)) != len(others):
        yield _problem("confidentiality", "Un code de confidentialité de la fiche est inconnu ou répété", entry)
    if {MASKED, INVISIBLE} <= {one.code for one in others} and not options.masked_and_invisible_together:
        yield _problem("masked-and-invisible", "Un document ne peut être à la fois masqué aux PS et invisible au patient", entry)


def _common_problems(found: RegistryObject) -> Iterator[Problem]:
    if found.strangers:
        yield _problem("scheme", "Une classification ou un identifiant n'est pas de XDS", found)
    if any(not code.scheme or not code.code for codes in found.codes.values() for code in codes):
        yield _problem("coding-scheme", "Un code est vide ou sans nomenclature", found)
    for author in found.authors:
        yield from _author_problems(author, found)
    yield from _identifier_problems(found)


def _author_problems(author: Author, at: RegistryObject) -> Iterator[Problem]:
    if len(author.persons) != 1 or read_person(author.persons[0]) is None:
        yield _problem("author-person", "L'auteur est absent, mal formé ou sans nom", at)
    institutions = [read_institution(value) for value in author.institutions]
    if any(one is None or one.assigner != oids.STRUCTURES for one in institutions):
        yield _problem("author-institution", "La structure de l'auteur est mal formée", at)
    for value in author.specialties:
        fields = value.split("^")
        if len(fields) != 3 or not value_sets.is_author_specialty(fields[0], fields[2]):
            yield _problem("author-specialty", "La spécialité de l'auteur n'est pas dans son jeu de valeurs", at)


def _identifier_problems(found: RegistryObject) -> Iterator[Problem]:
    unique = found.unique_id
    if "^" in unique:
        yield _problem("unique-id-extension", "L'identifiant unique doit être un OID sans extension", found)
    elif not ids.is_oid(unique):
        yield _problem("unique-id", "L'identifiant unique est absent ou n'est pas un OID", found)
    patient = read_patient(found.patient_id)
    if patient is None:
        yield _problem("patient-id", "L'identifiant du patient est absent ou n'a pas la forme INS^^^&OID&ISO^NH", found)
    elif patient[1] == oids.INS_C:
        yield _problem("patient-id-ins-c", "L'INS-C n'est plus accepté comme identifiant du patient", found)
    elif patient[1] not in oids.INS_ALL:
        yield _problem("patient-id-oid", "L'OID de l'identifiant du patient n'est pas celui d'un INS", found)


def patient_problems(lot: RegistryObject, entries: tuple[RegistryObject, ...], token_patient: tuple[str, str]) -> Iterator[Problem]:
    """One patient everywhere: lot, entries and token (cases 11 and 19); empty patient ids are left to the other rules."""
    claimed = read_patient(lot.patient_id)
    if claimed is not None and claimed != token_patient:
        yield Problem("dmp.vihf.patient", PATIENT_MISMATCH, "L'INS du jeton VIHF n'est pas celui du lot", lot.id)
    for entry in entries:
        if read_patient(entry.patient_id) != claimed:
            yield Problem(
                "dmp.consistency.patient-id", PATIENT_MISMATCH, "Les fiches du lot ne portent pas toutes le même patient", entry.id
            )


def same_code(left: Code | None, right: Code | None) -> bool:
    """True for the same code in the same system."""
    return left is not None and left == right
