"""The UUIDs that name each attribute in ebRIM, with the registry's own name of the identifiers (dmp.md 3; tables/xds_uuids.csv).

Never a code of a nomenclature: those come from `gateway.nomenclature`.
"""

from __future__ import annotations

import msgspec


class Scheme(msgspec.Struct, frozen=True):
    """A classification or identification scheme; `name` is written with identifiers only."""

    uuid: str
    name: str


STABLE_DOCUMENT = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
SET_NODE = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"

SET_AUTHOR = Scheme("urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", "XDSSubmissionSet.author")
SET_CONTENT_TYPE = Scheme("urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", "XDSSubmissionSet.contentTypeCode")
SET_PATIENT = Scheme("urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", "XDSSubmissionSet.patientId")
SET_SOURCE = Scheme("urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", "XDSSubmissionSet.sourceId")
SET_UNIQUE = Scheme("urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", "XDSSubmissionSet.uniqueId")

ENTRY_AUTHOR = Scheme("urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d", "XDSDocumentEntry.author")
ENTRY_CLASS = Scheme("urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "XDSDocumentEntry.classCode")
ENTRY_TYPE = Scheme("urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", "XDSDocumentEntry.typeCode")
ENTRY_FORMAT = Scheme("urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "XDSDocumentEntry.formatCode")
ENTRY_CONFIDENTIALITY = Scheme("urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f", "XDSDocumentEntry.confidentialityCode")
ENTRY_EVENT = Scheme("urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "XDSDocumentEntry.eventCodeList")
ENTRY_FACILITY = Scheme("urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "XDSDocumentEntry.healthcareFacilityTypeCode")
ENTRY_PRACTICE_SETTING = Scheme("urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", "XDSDocumentEntry.practiceSettingCode")
ENTRY_PATIENT = Scheme("urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427", "XDSDocumentEntry.patientId")
ENTRY_UNIQUE = Scheme("urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab", "XDSDocumentEntry.uniqueId")
