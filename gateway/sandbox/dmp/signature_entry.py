"""Judges the DocumentEntry of a lot's signature (dmp.md section 4, last points; case 25).

It never opens the signature document itself: that is `lot_signature`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sandbox.dmp.ebrim import Code, RegistryObject
from gateway.sandbox.dmp.refusals import METADATA, Problem
from gateway.sandbox.dmp.signature import DS

PURPOSE = "1.2.840.10065.1.12.1.14"
_TYPE = Code("E1762", "ASTM")
_CODES = {
    "class": (Code("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN"),),
    "type": (_TYPE,),
    "format": (Code(DS, "URN"),),
    "event": (Code(PURPOSE, "1.2.840.10065.1.12"),),
}
_VISIBILITY = "1.2.250.1.213.1.1.4.13"
_CONFIDENTIALITY = {Code("N", "2.16.840.1.113883.5.25"), Code("MASQUE_PS", _VISIBILITY), Code("INVISIBLE_PATIENT", _VISIBILITY)}


def is_signature(entry: RegistryObject) -> bool:
    """True for the entry of a signature document, told by its type."""
    return any(code.code == _TYPE.code for code in entry.codes.get("type", ()))


def problems(entry: RegistryObject, lot: RegistryObject, documents: tuple[RegistryObject, ...]) -> Iterator[Problem]:
    """Rules of the signature's entry, beside those of every entry."""
    for kind, expected in _CODES.items():
        if entry.codes.get(kind, ()) != expected:
            yield _problem("code", "Un code de la fiche de signature n'est pas celui attendu", entry)
    found = entry.codes.get("confidentiality", ())
    if len(found) != len(_CONFIDENTIALITY) or set(found) != _CONFIDENTIALITY:
        yield _problem("confidentiality", "La confidentialité de la fiche de signature n'est pas celle attendue", entry)
    if (entry.mime_type, entry.slot("languageCode"), entry.title) != ("text/xml", "art", "Source"):
        yield _problem("values", "Le type MIME, la langue ou le titre de la fiche de signature n'est pas celui attendu", entry)
    if "sourcePatientInfo" in entry.slots or entry.slot("sourcePatientId").split("^")[4:5] != ["NH"]:
        yield _problem("patient", "La fiche de signature ne doit porter que l'INS du patient", entry)
    if len({entry.slot(name) for name in ("creationTime", "serviceStartTime", "serviceStopTime")}) != 1:
        yield _problem("times", "Les dates de la fiche de signature doivent être celle de la signature", entry)
    for kind in ("facility", "practiceSetting"):
        if all(entry.codes.get(kind) != document.codes.get(kind) for document in documents):
            yield _problem("setting", "Le cadre de la fiche de signature n'est pas celui des documents", entry)
    submitters = {person for author in lot.authors for person in author.persons}
    signers = {person for author in entry.authors for person in author.persons} | {entry.slot("legalAuthenticator")}
    if signers != submitters:
        yield _problem("author", "L'auteur de la fiche de signature n'est pas celui du lot", entry)


def _problem(rule: str, text: str, at: RegistryObject) -> Problem:
    return Problem(f"dmp.signature.entry-{rule}", METADATA, text, at.id)
