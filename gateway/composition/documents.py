"""Wires what becomes of a document in the box: how it comes in, is prepared, is read and is acted on by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.cda.conformity import load_pack
from gateway.composition.foundations import Foundations
from gateway.composition.identities import IdentityParts
from gateway.flow.admission import Admission
from gateway.flow.allowance import LargePlaces
from gateway.flow.identities.second_look import SecondLook
from gateway.flow.inspection import Inspection
from gateway.flow.letter import Letters
from gateway.flow.operations import Operations
from gateway.flow.preparation import Preparer
from gateway.flow.reading import Reader
from gateway.flow.scanners.readings import Readings
from gateway.flow.scheduler import Scheduler
from gateway.flow.workshop import Workshop


@dataclass(frozen=True, slots=True)
class DocumentParts:
    """Where documents come in, where they are read, and what people do with them."""

    admission: Admission
    reader: Reader
    operations: Operations


def document_parts(base: Foundations, identities: IdentityParts, readings: Readings, scheduler: Scheduler) -> DocumentParts:
    """Raises PackInvalid when the official schemas installed in this home are damaged."""
    store, custody, books = base.store, base.custody, base.books
    reader = Reader(store, custody, books, base.identities, readings)
    admission = Admission(
        base.configuration,
        store,
        base.blobs,
        base.vault,
        custody,
        books,
        reader,
        base.identities,
        identities.registry,
        Inspection(load_pack(base.root)),
        base.bell,
        identities.inquiries.curious,
        base.fence.check,
    )
    return DocumentParts(admission, reader, Operations(store, custody, books, reader, scheduler, base.bell))


def workshop(base: Foundations, work: Path, places: LargePlaces, scheduler: Scheduler) -> Workshop:
    """Prepares what was admitted; conversions keep their scratch in `work`."""
    configuration, store = base.configuration, base.store
    second_look = SecondLook(base.identities, enabled=configuration.identification.compare_text)
    preparer = Preparer(configuration, store, base.blobs, base.custody, base.books, Letters(configuration), second_look, work, places)
    return Workshop(store, preparer, base.clock, base.bell, scheduler.notify)
