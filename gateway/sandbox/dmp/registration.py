"""Duplicates and replacements: a lot against what the DMP already holds (dmp.md 3.6, 6.1; cases 26 and 27).

It never writes; the state is only asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from gateway.sandbox.dmp.clinical import Clinical
from gateway.sandbox.dmp.ebrim import RPLC, Association, Submission
from gateway.sandbox.dmp.refusals import (
    CONTENT,
    DEPRECATED,
    DUPLICATE,
    DUPLICATE_IN_MESSAGE,
    NON_IDENTICAL_HASH,
    PATIENT_MISMATCH,
    UNRESOLVED,
    Problem,
    RegistryRefusal,
    rights_refusal,
)
from gateway.sandbox.dmp.state import DmpState, Entry


def duplicate_problems(submission: Submission, hashes: Mapping[str, str], state: DmpState, *, refuse_same: bool) -> Iterator[Problem]:
    """Ids used before, or twice in the lot. `hashes`: SHA-1 of each entry's bytes by uniqueId."""
    lot = submission.sets[0]
    counted = Counter([lot.unique_id, *(entry.unique_id for entry in submission.entries)])
    if max(counted.values()) > 1:
        yield Problem("dmp.duplicate.in-message", DUPLICATE_IN_MESSAGE, "Un identifiant unique est répété dans le lot", lot.id)
    if state.has_lot(lot.unique_id):
        yield Problem("dmp.duplicate.lot", DUPLICATE, "Ce lot de soumission a déjà été reçu", lot.id)
        return
    for entry in submission.entries:
        held = state.by_unique_id(entry.unique_id)
        if held is None:
            continue
        if held.sha1 != hashes[entry.unique_id]:
            yield Problem("dmp.duplicate.other-bytes", NON_IDENTICAL_HASH, "Cet identifiant est celui d'un autre document", entry.id)
        elif refuse_same:
            yield Problem("dmp.duplicate.document", DUPLICATE, "Ce document a déjà été reçu", entry.id)


def replaced_entries(
    submission: Submission, clinical: Mapping[str, Clinical | None], patient: tuple[str, str], structure: str, state: DmpState
) -> tuple[Entry, ...]:
    """The current entries that the lot replaces; raises RegistryRefusal, or a rights SoapRefusal for another structure's document."""
    return tuple(_target(association, clinical, patient, structure, state) for association in submission.associated(RPLC))


def _target(
    association: Association, clinical: Mapping[str, Clinical | None], patient: tuple[str, str], structure: str, state: DmpState
) -> Entry:
    held = state.by_uuid(association.target)
    if association.source not in clinical:
        raise _refused("source", "XDSRegistryMetadataError", "Seul un document du lot peut en remplacer un autre", association)
    if held is None or held.kind != "document" or held.status == "Deleted":
        raise _refused("target", UNRESOLVED, "Le document à remplacer est introuvable", association)
    if held.patient != patient:
        raise _refused("patient", PATIENT_MISMATCH, "Le document à remplacer est celui d'un autre patient", association)
    if held.structure != structure:
        raise rights_refusal("dmp.rights.other-structure")
    if held.status != "Approved":
        raise _refused("deprecated", DEPRECATED, "Le document à remplacer est déjà obsolète", association)
    cda = clinical[association.source]
    if cda is not None and cda.replaced is not None and cda.replaced != held.unique_id:
        raise _refused("parent", CONTENT, "Le document remplacé n'est pas celui que nomme le document", association)
    return held


def _refused(rule: str, code: str, text: str, association: Association) -> RegistryRefusal:
    return RegistryRefusal((Problem(f"dmp.replace.{rule}", code, text, association.id),))
