"""Ties the Document elements of an ITI-41 message, their MTOM parts and the entries of the lot together (case 24).

It never looks inside a part. Identifiers are compared letter by letter: the official sample's case mismatch is a fault here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from gateway.sandbox.dmp.ebrim import HAS_MEMBER, RPLC, SIGNS, RegistryObject, Submission
from gateway.sandbox.dmp.multipart import Part, content_id_of
from gateway.sandbox.dmp.refusals import METADATA, MISSING_DOCUMENT, MISSING_METADATA, Problem, RegistryRefusal, SoapRefusal
from gateway.sandbox.dmp.safe_xml import attribute_values, children
from gateway.sandbox.dmp.structure import XOP_INCLUDE


def match_parts(documents: list[etree._Element], parts: Mapping[str, Part], entries: tuple[RegistryObject, ...]) -> dict[str, bytes]:
    """The bytes of each entry by its id; raises SoapRefusal (`dmp.mtom.*`) or RegistryRefusal (`dmp.parts.*`)."""
    bodies: dict[str, bytes] = {}
    used: set[str] = set()
    for document in documents:
        identifier, part = document.get("id", ""), _included(document, parts)
        if identifier in bodies or part.content_id in used:
            raise _refused("repeated", MISSING_METADATA, "Un document du message est répété", identifier)
        bodies[identifier] = part.body
        used.add(part.content_id)
    for identifier in set(parts) - used:
        raise _refused("orphan", MISSING_METADATA, "Une partie du message n'appartient à aucun document", identifier)
    problems = list(_unmatched(set(bodies), {entry.id for entry in entries}))
    if problems:
        raise RegistryRefusal(problems)
    return bodies


def _included(document: etree._Element, parts: Mapping[str, Part]) -> Part:
    content = children(document)
    if len(content) != 1 or content[0].tag != XOP_INCLUDE or (document.text or "").strip():
        raise SoapRefusal("dmp.mtom.inline", "Les documents doivent être transmis en MTOM")
    part = parts.get(content_id_of(content[0].get("href", "")) or "")
    if part is None:
        raise SoapRefusal("dmp.mtom.include", "Un document désigne une partie absente du message MTOM")
    return part


def _unmatched(documents: set[str], entries: set[str]) -> Iterator[Problem]:
    folded = {identifier.casefold() for identifier in documents} & {identifier.casefold() for identifier in entries - documents}
    for identifier in sorted(entries - documents):
        rule = "dmp.parts.id-case" if identifier.casefold() in folded else "dmp.parts.document-missing"
        yield Problem(rule, MISSING_DOCUMENT, "Une fiche du lot n'a pas de document", identifier)
    for identifier in sorted(documents - entries):
        rule = "dmp.parts.id-case" if identifier.casefold() in folded else "dmp.parts.entry-missing"
        yield Problem(rule, MISSING_METADATA, "Un document du message n'a pas de fiche", identifier)


def reference_problems(submission: Submission, registry_objects: etree._Element) -> Iterator[Problem]:
    """One set, ids used once, classifiedObject and registryObject naming their bearer, associations of a lot (dmp.md 3.6)."""
    if len(submission.sets) != 1:
        yield Problem("dmp.refs.set", METADATA, "Le message doit porter un lot et un seul")
        return
    identifiers = attribute_values(registry_objects, ".//@id")
    if len(identifiers) != len(set(identifiers)):
        yield Problem("dmp.refs.ids", METADATA, "Un identifiant du message est répété")
    for bearer in children(registry_objects):
        owned = attribute_values(bearer, "*/@classifiedObject | */@registryObject")
        if any(value != bearer.get("id") for value in owned):
            yield Problem("dmp.refs.owner", METADATA, "Une classification ou un identifiant ne désigne pas son objet", bearer.get("id", ""))
    yield from _association_problems(submission)


def _association_problems(submission: Submission) -> Iterator[Problem]:
    lot, entries = submission.sets[0].id, {entry.id for entry in submission.entries}
    members = submission.associated(HAS_MEMBER)
    held = [member.target for member in members if member.source == lot]
    if len(held) != len(members) or sorted(held) != sorted(entries):
        yield Problem("dmp.refs.members", METADATA, "Le lot ne contient pas exactement ses fiches")
    if any(member.slots.get("SubmissionSetStatus") != ("Original",) for member in members):
        yield Problem("dmp.refs.original", METADATA, "Une fiche n'est pas déclarée originale dans le lot")
    for association in submission.associations:
        if association.kind not in {HAS_MEMBER, SIGNS, RPLC}:
            yield Problem("dmp.refs.association", METADATA, "Un type d'association n'est pas accepté", association.id)


def _refused(rule: str, code: str, text: str, location: str) -> RegistryRefusal:
    return RegistryRefusal((Problem(f"dmp.parts.{rule}", code, text, location),))
