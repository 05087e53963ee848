"""The writer of ebRIM 3.0: one submission as `lcm:SubmitObjectsRequest`, shared by the ITI-41 message and METADATA.XML.

Children of a registry object follow the XSD: slots, Name, Description, classifications, external identifiers (dmp.md 3). Never derives
nor checks a value: the model arrives complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree

from gateway.kernel.concept import Concept
from gateway.xds import schemes
from gateway.xds.model import Association, DocumentEntry, SubmissionSet, XdsAuthor
from gateway.xml.build import clean_text

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def write_submission(
    submission: SubmissionSet,
    entries: Sequence[DocumentEntry],
    associations: Sequence[Association],
    uris: Mapping[str, str] | None = None,
) -> bytes:
    """The SubmitObjectsRequest, UTF-8 without declaration; `uris` gives the URI slot of an entry id (XDM only). Raises XmlTextInvalid."""
    request = etree.Element(f"{{{LCM}}}SubmitObjectsRequest", nsmap={"lcm": LCM, "rim": RIM})
    writer = _Writer(_add(request, "RegistryObjectList"))
    writer.submission_set(submission)
    for entry in entries:
        writer.entry(entry, (uris or {}).get(entry.id))
    for association in associations:
        writer.association(association)
    return etree.tostring(request, encoding="UTF-8")


class _Writer:
    """Writes into one RegistryObjectList; numbers the classifications and identifiers, whose ids must be unique in the message."""

    def __init__(self, objects: etree._Element) -> None:
        self._objects = objects
        self._count = 0

    def submission_set(self, submission: SubmissionSet) -> None:
        """The RegistryPackage, marked as a submission set by its classification."""
        package = _add(self._objects, "RegistryPackage", id=submission.id)
        _slot(package, "submissionTime", (submission.submission_time,))
        _label(package, "Name", submission.title)
        _label(package, "Description", submission.comments)
        self._author(package, schemes.SET_AUTHOR, submission.author)
        self._code(package, schemes.SET_CONTENT_TYPE, submission.content_type)
        node = {"classificationNode": schemes.SET_NODE, "classifiedObject": submission.id}
        _add(package, "Classification", **node, id=self._next("cla"))
        self._identifier(package, schemes.SET_PATIENT, submission.patient_id)
        self._identifier(package, schemes.SET_SOURCE, submission.source_id)
        self._identifier(package, schemes.SET_UNIQUE, submission.unique_id)

    def entry(self, entry: DocumentEntry, uri: str | None) -> None:
        """The ExtrinsicObject of a stable document; `uri` is its place in an archive, None in a submission."""
        extrinsic = _add(self._objects, "ExtrinsicObject", id=entry.id, mimeType=entry.mime_type, objectType=schemes.STABLE_DOCUMENT)
        _entry_slots(extrinsic, entry, uri)
        _label(extrinsic, "Name", entry.title)
        _label(extrinsic, "Description", entry.comments)
        for author in entry.authors:
            self._author(extrinsic, schemes.ENTRY_AUTHOR, author)
        self._code(extrinsic, schemes.ENTRY_CLASS, entry.class_code)
        self._code(extrinsic, schemes.ENTRY_TYPE, entry.type_code)
        for code in entry.confidentiality:
            self._code(extrinsic, schemes.ENTRY_CONFIDENTIALITY, code)
        self._code(extrinsic, schemes.ENTRY_FORMAT, entry.format_code)
        for code in entry.event_codes:
            self._code(extrinsic, schemes.ENTRY_EVENT, code)
        self._code(extrinsic, schemes.ENTRY_FACILITY, entry.facility)
        self._code(extrinsic, schemes.ENTRY_PRACTICE_SETTING, entry.practice_setting)
        self._identifier(extrinsic, schemes.ENTRY_PATIENT, entry.patient_id)
        self._identifier(extrinsic, schemes.ENTRY_UNIQUE, entry.unique_id)

    def association(self, association: Association) -> None:
        """Between the set and a document, or between two documents; always told as Original."""
        made = _add(
            self._objects,
            "Association",
            id=self._next("asso"),
            associationType=association.type.value,
            sourceObject=association.source,
            targetObject=association.target,
        )
        _slot(made, "SubmissionSetStatus", ("Original",))

    def _author(self, parent: etree._Element, scheme: schemes.Scheme, author: XdsAuthor) -> None:
        made = self._classification(parent, scheme, "")
        _slot(made, "authorPerson", (author.person,))
        _slot(made, "authorInstitution", author.institutions)
        _slot(made, "authorRole", author.roles)
        _slot(made, "authorSpecialty", author.specialties)

    def _code(self, parent: etree._Element, scheme: schemes.Scheme, code: Concept) -> None:
        made = self._classification(parent, scheme, code.code)
        _slot(made, "codingScheme", (code.system,))
        _label(made, "Name", code.label)

    def _classification(self, parent: etree._Element, scheme: schemes.Scheme, code: str) -> etree._Element:
        target = {"classificationScheme": scheme.uuid, "classifiedObject": str(parent.get("id")), "nodeRepresentation": code}
        return _add(parent, "Classification", id=self._next("cla"), **target)

    def _identifier(self, parent: etree._Element, scheme: schemes.Scheme, value: str) -> None:
        target = {"identificationScheme": scheme.uuid, "registryObject": str(parent.get("id")), "value": value}
        _label(_add(parent, "ExternalIdentifier", id=self._next("ei"), **target), "Name", scheme.name)

    def _next(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:02d}"


def _entry_slots(extrinsic: etree._Element, entry: DocumentEntry, uri: str | None) -> None:
    for name, values in (
        ("creationTime", (entry.creation_time,)),
        ("hash", (entry.hash,)),
        ("languageCode", (entry.language,)),
        ("legalAuthenticator", (entry.legal_authenticator,)),
        ("serviceStartTime", (entry.service_start,)),
        ("serviceStopTime", (entry.service_stop,)),
        ("size", (None if entry.size is None else str(entry.size),)),
        ("sourcePatientId", (entry.source_patient_id,)),
        ("sourcePatientInfo", entry.source_patient_info),
        ("urn:ihe:iti:xds:2013:referenceIdList", entry.reference_ids),
        ("URI", (uri,)),
    ):
        _slot(extrinsic, name, [value for value in values if value is not None])


def _slot(parent: etree._Element, name: str, values: Sequence[str]) -> None:
    if not values:
        return
    listed = _add(_add(parent, "Slot", name=name), "ValueList")
    for value in values:
        _add(listed, "Value").text = clean_text(value)


def _label(parent: etree._Element, tag: str, text: str | None) -> None:
    if text is not None:
        _add(_add(parent, tag), "LocalizedString", **{_LANG: "FR", "charset": "UTF-8", "value": clean_text(text)})


def _add(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{RIM}}}{tag}", {name: clean_text(value) for name, value in attributes.items()})
