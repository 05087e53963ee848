"""A ready CDA and the request that brings it must say the same thing: this is the guard against the document of another patient.

Compares what both say and refuses the first difference; never corrects either. Source: contract section 3 (contradictions are refused).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.flow.errors import RequestContradictsCda
from gateway.flow.request import DocumentPart, DocumentRequest, PatientPart
from gateway.model.document import ClinicalHeader
from gateway.model.patient import Patient, folded

_NAMES = ("birth_family_name", "birth_given_names", "first_birth_given_name", "used_family_name", "used_given_name")

_NO_PLACE = "99999"
"""What is read of a CDA without INS that names no birth place: it contradicts none."""

Pair = tuple[str, object, object]
"""Field, what the request says (None: nothing), what the CDA says."""


def check_contradictions(request: DocumentRequest, header: ClinicalHeader, patient: Patient, author: str) -> None:
    """Raises RequestContradictsCda naming the first member of the request that is not what the CDA says.

    Names are compared without case, accents or hyphens, instants to the second; a member left out contradicts nothing.
    """
    pairs: list[Pair] = []
    if request.author is not None:
        pairs.append(("author.id", request.author.id, author))
    if request.patient is not None:
        pairs += _patient(request.patient, patient)
    if request.document is not None:
        pairs += _document(request.document, header)
    for field, asked, written in pairs:
        if asked is not None and asked != written:
            raise RequestContradictsCda(field=field)


def _patient(part: PatientPart, patient: Patient) -> Iterator[Pair]:
    if part.ins is not None:
        yield "patient.ins.matricule", part.ins.matricule.strip().upper(), patient.ins.matricule if patient.ins else None
        yield "patient.ins.oid", part.ins.oid, patient.ins.oid if patient.ins else None
    yield "patient.local_id", part.local_id, patient.local_id
    for name in _NAMES:
        yield f"patient.{name}", _folded(getattr(part, name)), _folded(getattr(patient.traits, name))
    yield "patient.sex", part.sex, patient.traits.sex.value
    yield "patient.birth_date", part.birth_date, patient.traits.birth_date
    if patient.ins is not None or patient.traits.birth_place != _NO_PLACE:
        yield "patient.birth_place", part.birth_place and part.birth_place.upper(), patient.traits.birth_place.upper()


def _document(part: DocumentPart, header: ClinicalHeader) -> Iterator[Pair]:
    yield "document.type", part.type, header.type.code
    yield "document.title", part.title.strip(), header.title
    yield "document.created_at", _second(part.created_at), _second(header.created_at)
    yield "document.service_start", _second(part.service_start), _second(header.service_start)
    yield "document.service_stop", _second(part.service_stop), _second(header.service_stop)
    yield "document.replaces", part.replaces, header.replaces


def _folded(name: str | None) -> str | None:
    return folded(name) if name is not None else None


def _second(instant: datetime | None) -> tuple[int, int] | None:
    if instant is None:
        return None
    elapsed = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return elapsed.days, elapsed.seconds
