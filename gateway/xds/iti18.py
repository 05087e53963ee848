"""ITI-18, the stored query GetDocuments by document uniqueId, references only (dmp.md 3.7 and 6.1).

ObjectRef is all that INDIRECTE may ask. Never issued by itself after a feed (EX_3.1-2030): only when an outcome is unknown, or to find
the current entryUUID of a document about to be replaced.
"""

from __future__ import annotations

from lxml import etree

from gateway.xds.ebrim import RIM
from gateway.xds.registry_answer import UnexpectedAnswer, check_status
from gateway.xml.build import clean_text

ACTION = "urn:ihe:iti:2007:RegistryStoredQuery"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"


def get_documents(unique_id: str) -> bytes:
    """The body of the query for one uniqueId."""
    request = etree.Element(f"{{{QUERY}}}AdhocQueryRequest", nsmap={"query": QUERY, "rim": RIM})
    etree.SubElement(request, f"{{{QUERY}}}ResponseOption", returnComposedObjects="true", returnType="ObjectRef")
    query = etree.SubElement(request, f"{{{RIM}}}AdhocQuery", id=GET_DOCUMENTS)
    slot = etree.SubElement(query, f"{{{RIM}}}Slot", name="$XDSDocumentEntryUniqueId")
    value = etree.SubElement(etree.SubElement(slot, f"{{{RIM}}}ValueList"), f"{{{RIM}}}Value")
    value.text = clean_text(f"('{unique_id}')")
    return etree.tostring(request, encoding="UTF-8")


def read_references(answer: etree._Element) -> list[str]:
    """The entryUUIDs found, in order; raises RegistryRefusal, UnexpectedAnswer. Whole entries are read as references too."""
    if answer.tag != f"{{{QUERY}}}AdhocQueryResponse":
        raise UnexpectedAnswer("not an AdhocQueryResponse")
    check_status(answer)
    found = answer.iterfind(f"{{{RIM}}}RegistryObjectList/{{{RIM}}}*")
    kept = (f"{{{RIM}}}ObjectRef", f"{{{RIM}}}ExtrinsicObject")
    return [identifier for one in found if one.tag in kept and (identifier := one.get("id"))]
