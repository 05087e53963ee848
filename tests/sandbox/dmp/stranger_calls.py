"""The stranger's other calls: existence (TD0.2), search by reference (TD3.1), deletion (TD3.3c), each a string."""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from gateway.sandbox.dmp.service import DmpService
from tests.sandbox.dmp.stranger import NAMESPACES, SEARCH, Cabinet, new_oid, plain_request, send
from tests.sandbox.dmp.stranger_cda import Document
from tests.sandbox.dmp.stranger_lot import Lot, slot, write_lot

GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
APPROVED = "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')"


def existence_body(matricule: str = "279035121518989", oid: str = "1.2.250.1.213.1.4.10") -> str:
    """A PRPA_IN201307UV02."""
    return (
        '<PRPA_IN201307UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"><id root="1.2.250.1.999.1.1" extension="q-1"/>'
        '<creationTime value="20261122093000"/><interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201307UV02"/>'
        '<processingCode code="D"/><processingModeCode code="T"/><acceptAckCode code="AL"/>'
        '<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.250.1.213.4.1.1.1"/>'
        '<softwareName>DMP</softwareName></device></receiver><sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE">'
        '<id root="1.2.250.1.999.1"/></device></sender><controlActProcess classCode="CACT" moodCode="EVN">'
        '<reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11"/><queryByParameter>'
        '<queryId root="1.2.250.1.999.1.2" extension="q-1"/><statusCode code="new"/><parameterList><patientIdentifier>'
        f'<value root="{oid}" extension="{matricule}"/><semanticsText>Patient.id</semanticsText></patientIdentifier></parameterList>'
        "</queryByParameter></controlActProcess></PRPA_IN201307UV02>"
    )


def search_body(query: str, returned: str = "ObjectRef", **slots: str) -> str:
    """An ITI-18 request; slot names without their dollar sign."""
    values = "".join(slot(f"${name}", value) for name, value in slots.items())
    return (
        '<query:AdhocQueryRequest xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"'
        f' {NAMESPACES}><query:ResponseOption returnComposedObjects="true" returnType="{returned}"/>'
        f'<rim:AdhocQuery id="{query}">{values}</rim:AdhocQuery></query:AdhocQueryRequest>'
    )


def references(service: DmpService, cabinet: Cabinet, unique_id: str, now: datetime, patient: str = "279035121518989") -> list[str]:
    """EntryUUIDs that GetDocuments gives for a document uniqueId."""
    resource = f"{patient}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"
    body = search_body(GET_DOCUMENTS, XDSDocumentEntryUniqueId=f"('{unique_id}')")
    verdict = send(service, plain_request(cabinet, "registry", SEARCH, body, now, resource=resource))
    assert verdict.failed_rules == (), verdict.answer.body
    found = etree.fromstring(verdict.answer.body).iter("{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}ObjectRef")
    return [str(one.get("id")) for one in found]


def deletion_body(target: str, new_status: str = "urn:asip:ci-sis:2010:StatusType:Deleted", lot_id: str | None = None) -> str:
    """An ITI-57 request that changes the status of one entry."""
    document = Document(unique_id="1.2.3")
    lot = Lot(unique_id=lot_id or new_oid(), documents=(document,), bodies=(b"",), signature_id="1.2.4", signed_at="20261122093000")
    package = write_lot(lot).split("</rim:RegistryPackage>")[0] + "</rim:RegistryPackage>"
    original = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
    return (
        f"<lcm:SubmitObjectsRequest {NAMESPACES}>{package}"
        '<rim:Association associationType="urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus" id="as1"'
        f' sourceObject="SubmissionSet01" targetObject="{target}">{slot("OriginalStatus", original)}{slot("NewStatus", new_status)}'
        "</rim:Association></rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
    )
