"""TD2.1: a lot is fed, or replaces a document (dmp.md sections 3, 4 and 8).

It never writes: it gives the lot to commit. Order of the pipeline: structure, references, patient, metadata, documents, signature,
duplicates, replacement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from gateway.sandbox.dmp import document_rules, metadata_rules, signature_entry
from gateway.sandbox.dmp.bench import Bench
from gateway.sandbox.dmp.clinical import Clinical, read_clinical
from gateway.sandbox.dmp.ebrim import SIGNS, RegistryObject, Submission, read_submission
from gateway.sandbox.dmp.hl7_types import read_institution
from gateway.sandbox.dmp.lot_signature import signature_problems
from gateway.sandbox.dmp.manifest import LotContent, SignedDocument
from gateway.sandbox.dmp.multipart import Part
from gateway.sandbox.dmp.options import DmpOptions
from gateway.sandbox.dmp.parts import match_parts, reference_problems
from gateway.sandbox.dmp.refusals import (
    METADATA,
    NO_AUTHOR_INSTITUTION,
    UNKNOWN_PATIENT,
    Problem,
    SoapRefusal,
    refuse,
)
from gateway.sandbox.dmp.registration import duplicate_problems, replaced_entries
from gateway.sandbox.dmp.state import NewEntry, NewLot
from gateway.sandbox.dmp.structure import check_provide_and_register
from gateway.sandbox.dmp.vihf import Vihf

ACTION = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot read: its set, its documents, its signature, the bytes of each by entry id, the CDA of each document."""

    submission: Submission
    lot: RegistryObject
    documents: tuple[RegistryObject, ...]
    signatures: tuple[RegistryObject, ...]
    bodies: Mapping[str, bytes]
    clinical: Mapping[str, Clinical | None]


def judge_feed(body: etree._Element, parts: Mapping[str, Part], vihf: Vihf, bench: Bench, now: datetime) -> NewLot:
    """The lot to commit; raises SoapRefusal or RegistryRefusal with every rule broken at the stage that failed."""
    patient = vihf.patient or ("", "")
    lot = _read(body, parts, bench.options)
    refuse(metadata_rules.patient_problems(lot.lot, lot.submission.entries, patient))
    refuse(_metadata_problems(lot, bench.options))
    _check_patient(patient, bench)
    refuse(problem for entry in lot.submission.entries for problem in document_rules.byte_problems(entry, lot.bodies[entry.id]))
    _check_institutions(lot, vihf.structure)
    refuse(problem for entry in lot.documents for problem in document_rules.document_content_problems(entry, lot.clinical[entry.id]))
    refuse(_signature_problems(lot, vihf, bench, now))
    refuse_duplicates = bench.options.same_document_new_lot == "refuse" or bench.faults.switched("duplicate_refused")
    hashes = {entry.unique_id: document_rules.sha1_of(lot.bodies[entry.id]) for entry in lot.submission.entries}
    refuse(duplicate_problems(lot.submission, hashes, bench.state, refuse_same=refuse_duplicates))
    replaced = replaced_entries(lot.submission, lot.clinical, patient, vihf.structure, bench.state)
    return NewLot(
        unique_id=lot.lot.unique_id,
        structure=vihf.structure,
        patient=patient,
        entries=tuple(_new_entry(entry, lot, hashes) for entry in lot.submission.entries),
        deprecated=tuple(entry.entry_uuid for entry in replaced),
        token=vihf.identifier,
        at=now,
    )


def _read(body: etree._Element, parts: Mapping[str, Part], options: DmpOptions) -> _Lot:
    listed, documents = check_provide_and_register(body)
    submission = read_submission(listed)
    refuse(reference_problems(submission, listed))
    bodies = match_parts(documents, parts, submission.entries)
    signatures = tuple(entry for entry in submission.entries if signature_entry.is_signature(entry))
    others = tuple(entry for entry in submission.entries if entry not in signatures)
    if not others:
        refuse([Problem("dmp.refs.empty", METADATA, "Le lot ne contient aucun document")])
    clinical = {entry.id: read_clinical(bodies[entry.id], options.message_bytes) for entry in others}
    return _Lot(submission, submission.sets[0], others, signatures, bodies, clinical)


def _metadata_problems(lot: _Lot, options: DmpOptions) -> Iterator[Problem]:
    yield from metadata_rules.set_problems(lot.lot)
    for entry in lot.submission.entries:
        yield from metadata_rules.entry_problems(entry)
    for entry in lot.documents:
        yield from metadata_rules.document_problems(entry, options)


def _check_patient(patient: tuple[str, str], bench: Bench) -> None:
    dmp = "none" if bench.faults.switched("nf") else bench.state.dmp_of(patient)
    if bench.faults.switched("terminated"):
        dmp = "closed"
    if dmp == "none":
        refuse([Problem("dmp.patient.unknown", UNKNOWN_PATIENT, "Aucun DMP n'existe pour cet INS")])
    if dmp == "closed":
        refuse([Problem("dmp.patient.closed", UNKNOWN_PATIENT, "Le DMP de ce patient est fermé")])


def _check_institutions(lot: _Lot, structure: str) -> None:
    for found in (lot.lot, *lot.submission.entries):
        institutions = [read_institution(value) for author in found.authors for value in author.institutions]
        if structure not in {one.identifier for one in institutions if one is not None}:
            raise SoapRefusal("dmp.consistency.author-institution", NO_AUTHOR_INSTITUTION)


def _signature_problems(lot: _Lot, vihf: Vihf, bench: Bench, now: datetime) -> Iterator[Problem]:
    if len(lot.signatures) != 1:
        yield Problem("dmp.signature.entry-missing", METADATA, "Le lot doit porter une signature et une seule")
        return
    entry = lot.signatures[0]
    signs = lot.submission.associated(SIGNS)
    if [(one.source, one.target) for one in signs] != [(entry.id, lot.lot.id)]:
        yield Problem("dmp.signature.association", METADATA, "La signature doit être associée au lot qu'elle signe", entry.id)
    content = LotContent(
        set_unique_id=lot.lot.unique_id,
        documents=tuple(_signed_document(document, lot) for document in lot.documents),
        structure=vihf.structure,
    )
    yield from signature_entry.problems(entry, lot.lot, lot.documents)
    yield from signature_problems(entry, lot.bodies[entry.id], content, bench, now)


def _signed_document(document: RegistryObject, lot: _Lot) -> SignedDocument:
    clinical = lot.clinical[document.id]
    return SignedDocument(document.unique_id, lot.bodies[document.id], None if clinical is None else clinical.root)


def _new_entry(entry: RegistryObject, lot: _Lot, hashes: Mapping[str, str]) -> NewEntry:
    kind = "signature" if entry in lot.signatures else "document"
    return NewEntry(entry.unique_id, kind, hashes[entry.unique_id], len(lot.bodies[entry.id]))
