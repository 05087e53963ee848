"""TD3.1 by reference: ITI-18 GetDocuments and FindDocuments answering entryUUIDs (dmp.md 3.7).

It never gives metadata (INDIRECTE has no right to them) and never shows one patient's documents under another's token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from gateway.sandbox.dmp.ebrim import read_slots, rim
from gateway.sandbox.dmp.hl7_types import read_patient
from gateway.sandbox.dmp.refusals import Problem, RegistryRefusal, SoapRefusal
from gateway.sandbox.dmp.safe_xml import children
from gateway.sandbox.dmp.state import DmpState, Entry

ACTION = "urn:ihe:iti:2007:RegistryStoredQuery"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
_STATUS = "urn:oasis:names:tc:ebxml-regrep:StatusType:"
_LIST = re.compile(r"\('[^']*'(?:\s*,\s*'[^']*')*\)")
_SINGLE = re.compile(r"'[^']*'")


def return_type(body: etree._Element) -> str:
    """`ObjectRef` or `LeafClass`; raises SoapRefusal (`dmp.query.message`) when this is not an ITI-18 request."""
    parts = children(body)
    names = [part.tag for part in parts]
    if body.tag != f"{{{QUERY}}}AdhocQueryRequest" or names != [f"{{{QUERY}}}ResponseOption", rim("AdhocQuery")]:
        raise SoapRefusal("dmp.query.message", "La recherche n'est pas une requête ITI-18 valide")
    wanted = parts[0].get("returnType", "")
    if wanted not in {"ObjectRef", "LeafClass"}:
        raise SoapRefusal("dmp.query.return-type", "Le type de résultat demandé n'existe pas")
    return wanted


def judge_query(body: etree._Element, token_patient: tuple[str, str], state: DmpState) -> tuple[str, ...]:
    """The entryUUIDs found; raises RegistryRefusal (`dmp.query.*`)."""
    query = children(body)[1]
    slots = read_slots(query)
    if query.get("id") == GET_DOCUMENTS:
        found = _get_documents(slots, state)
    elif query.get("id") == FIND_DOCUMENTS:
        found = _find_documents(slots, token_patient, state)
    else:
        raise _refused("stored-query", "XDSUnknownStoredQuery", "Cette requête enregistrée n'existe pas")
    return tuple(entry.entry_uuid for entry in found if entry.patient == token_patient)


def _get_documents(slots: Mapping[str, tuple[str, ...]], state: DmpState) -> list[Entry]:
    unique_ids = _values(slots, "$XDSDocumentEntryUniqueId")
    uuids = _values(slots, "$XDSDocumentEntryEntryUUID")
    if (unique_ids is None) == (uuids is None):
        raise _refused("parameter", "XDSStoredQueryMissingParam", "Il faut un uniqueId ou un entryUUID, et l'un des deux seulement")
    found = [state.by_unique_id(one) for one in unique_ids or ()] + [state.by_uuid(one) for one in uuids or ()]
    return [entry for entry in found if entry is not None and entry.status != "Deleted"]


def _find_documents(slots: Mapping[str, tuple[str, ...]], token_patient: tuple[str, str], state: DmpState) -> list[Entry]:
    given = slots.get("$XDSDocumentEntryPatientId", ())
    if len(given) != 1 or not _SINGLE.fullmatch(given[0]):
        raise _refused("parameter", "XDSStoredQueryMissingParam", "L'identifiant du patient est absent ou mal écrit")
    if read_patient(given[0][1:-1]) != token_patient:
        raise _refused("patient", "XDSUnknownPatientId", "L'INS recherché n'est pas celui du jeton VIHF")
    statuses = _values(slots, "$XDSDocumentEntryStatus")
    if statuses is None:
        raise _refused("parameter", "XDSStoredQueryMissingParam", "Le statut des documents recherchés est absent")
    return [entry for entry in state.documents_of(token_patient) if f"{_STATUS}{entry.status}" in statuses]


def _values(slots: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...] | None:
    if name not in slots:
        return None
    if not slots[name] or any(not _LIST.fullmatch(value) for value in slots[name]):
        raise _refused("parameter-form", "XDSStoredQueryParamNumber", "Une liste de valeurs de la requête est mal écrite")
    return tuple(one for value in slots[name] for one in re.findall(r"'([^']*)'", value))


def _refused(rule: str, code: str, text: str) -> RegistryRefusal:
    return RegistryRefusal((Problem(f"dmp.query.{rule}", code, text),))
