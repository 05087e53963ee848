"""TD3.3c: logical deletion of a document of one's own structure; other metadata updates are refused by rights (dmp.md 1.1, 1.6).

It never erases anything: the entry becomes Deleted.
"""

from __future__ import annotations

from lxml import etree

from gateway.sandbox.dmp.ebrim import UPDATE_STATUS, Association, Submission, read_submission
from gateway.sandbox.dmp.hl7_types import read_patient
from gateway.sandbox.dmp.refusals import DUPLICATE, PATIENT_MISMATCH, UNRESOLVED, Problem, RegistryRefusal, rights_refusal
from gateway.sandbox.dmp.rights import Operation
from gateway.sandbox.dmp.state import DmpState, Entry
from gateway.sandbox.dmp.structure import check_submit_objects

ACTION = "urn:ihe:iti:2010:UpdateDocumentSet"
DELETED = "urn:asip:ci-sis:2010:StatusType:Deleted"
_ARCHIVED = "urn:asip:ci-sis:2010:StatusType:Archived"
_STATUS = "urn:oasis:names:tc:ebxml-regrep:StatusType:"


def read_update(body: etree._Element) -> Submission:
    """The objects of an ITI-57 request; raises SoapRefusal (`dmp.structure.*`)."""
    return read_submission(check_submit_objects(body, lenient=True))


def operation_of(update: Submission) -> Operation:
    """TD3.3c when all that is asked is the status Deleted, else a change of metadata."""
    changes = update.associated(UPDATE_STATUS)
    deletes = len(changes) == 1 and len(update.associations) == 1 and changes[0].slots.get("NewStatus") == (DELETED,)
    return Operation.DELETE if deletes and not update.entries else Operation.CHANGE_METADATA


def judge_deletion(update: Submission, token_patient: tuple[str, str], structure: str, state: DmpState) -> tuple[Entry, str]:
    """The entry to mark Deleted and the uniqueId of the asking lot; raises RegistryRefusal or a rights SoapRefusal."""
    if len(update.sets) != 1 or not update.sets[0].unique_id:
        raise _refused("set", "XDSRegistryMetadataError", "Le lot de mise à jour est absent ou sans identifiant")
    lot = update.sets[0]
    if read_patient(lot.patient_id) != token_patient:
        raise _refused("patient", PATIENT_MISMATCH, "L'INS du lot n'est pas celui du jeton VIHF")
    if state.has_lot(lot.unique_id):
        raise _refused("lot", DUPLICATE, "Ce lot a déjà été reçu")
    change = update.associated(UPDATE_STATUS)[0]
    entry = state.by_uuid(change.target)
    if change.source != lot.id or entry is None or entry.kind != "document" or entry.patient != token_patient:
        raise _refused("target", UNRESOLVED, "Le document à supprimer est introuvable")
    if entry.structure != structure:
        raise rights_refusal("dmp.rights.other-structure")
    if entry.status == "Deleted" or not _original(change, entry):
        raise _refused("original-status", "XDSMetadataUpdateError", "Le statut d'origine n'est pas celui du document")
    return entry, lot.unique_id


def _original(change: Association, entry: Entry) -> bool:
    # The simulator archives nothing: Archived, seen in the official sample, is taken for any living document.
    return change.slots.get("OriginalStatus", ()) in {(f"{_STATUS}{entry.status}",), (_ARCHIVED,)}


def _refused(rule: str, code: str, text: str) -> RegistryRefusal:
    return RegistryRefusal((Problem(f"dmp.update.{rule}", code, text),))
