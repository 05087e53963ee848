"""What the sandbox captured, taken apart by the standard library: HTTP heads, multipart bodies, SOAP, mails, archives.

Nothing here comes from the product, neither from the gateway's writers nor from the sandbox's readers.
"""

from __future__ import annotations

import email
import email.policy
import http.client
import io
import json
import zipfile
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
WSA = "{http://www.w3.org/2005/08/addressing}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
XDSB = "{urn:ihe:iti:xds-b:2007}"
XOP = "{http://www.w3.org/2004/08/xop/include}Include"
_DOCUMENT_UNIQUE_ID = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
_SUBSET = "IHE_XDM/SUBSET01/"
_CLINICAL_DOCUMENT = "{urn:hl7-org:v3}ClinicalDocument"


@dataclass(frozen=True, repr=False)
class Call:
    """One HTTP request as it came over the wire, and the judgement noted beside it."""

    number: str
    raw: bytes
    note: dict[str, Any]

    @cached_property
    def line(self) -> str:
        """The request line."""
        return self.raw.partition(b"\r\n")[0].decode("ascii")

    @cached_property
    def headers(self) -> http.client.HTTPMessage:
        """The headers."""
        return http.client.parse_headers(io.BytesIO(self.raw.partition(b"\r\n")[2]))

    @cached_property
    def body(self) -> bytes:
        """The body, bytes untouched."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def service(self) -> str:
        """patients, repository or registry."""
        return self.line.split()[1].rpartition("/")[2]

    @cached_property
    def parts(self) -> list[tuple[EmailMessage, bytes]]:
        """Parts of a multipart body, header and bytes, by Python's mail parser; a plain body is one part."""
        content_type = str(self.headers["content-type"])
        parsed = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + self.body, policy=email.policy.HTTP)
        assert isinstance(parsed, EmailMessage)
        assert not parsed.defects
        if not parsed.is_multipart():
            return [(parsed, self.body)]
        found = []
        for part in parsed.iter_parts():
            assert isinstance(part, EmailMessage)
            assert not part.defects
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found.append((part, payload))
        return found

    @cached_property
    def envelope_bytes(self) -> bytes:
        """The SOAP envelope: the part that `start` names, or the body."""
        start = self.headers.get_param("start")
        if start is None:
            return self.body
        return next(data for part, data in self.parts if part["Content-ID"] == start)

    @cached_property
    def envelope(self) -> etree._Element:
        """The parsed envelope."""
        return etree.fromstring(self.envelope_bytes, _parser())

    @cached_property
    def request(self) -> etree._Element:
        """The only child of the SOAP body, as a document of its own."""
        body = self.envelope.find(f"{SOAP}Body")
        assert body is not None
        assert len(body) == 1
        return etree.fromstring(etree.tostring(body[0], with_tail=False), _parser())

    @cached_property
    def token(self) -> etree._Element:
        """The VIHF."""
        found = list(self.envelope.iter(f"{SAML}Assertion"))
        assert len(found) == 1
        return found[0]

    def part(self, content_id: str) -> bytes:
        """The bytes of the part with this Content-ID."""
        found = [data for part, data in self.parts if str(part["Content-ID"]) == f"<{content_id}>"]
        assert len(found) == 1
        return found[0]


@dataclass(frozen=True, repr=False)
class Feed:
    """One ITI-41 message."""

    call: Call

    @cached_property
    def entries(self) -> list[etree._Element]:
        """The ExtrinsicObjects: the document, then the signature."""
        return list(self.call.request.iter(f"{RIM}ExtrinsicObject"))

    @cached_property
    def unique_id(self) -> str:
        """The uniqueId of the document."""
        return identifiers(self.entries[0])[_DOCUMENT_UNIQUE_ID]

    def bytes_of(self, entry: etree._Element) -> bytes:
        """What the Document of this entry points at."""
        found = [one for one in self.call.request.iterfind(f"{XDSB}Document") if one.get("id") == entry.get("id")]
        assert len(found) == 1
        return self.call.part(str(found[0][0].get("href")).removeprefix("cid:"))

    @property
    def cda(self) -> bytes:
        """The document."""
        return self.bytes_of(self.entries[0])

    @property
    def signature(self) -> bytes:
        """The signature of the lot."""
        return self.bytes_of(self.entries[1])


@dataclass(frozen=True, repr=False)
class Mail:
    """One mail as the operator took it."""

    number: str
    raw: bytes
    note: dict[str, Any]

    @cached_property
    def message(self) -> EmailMessage:
        """Read by Python's parser, without a defect."""
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        assert not any(part.defects for part in parsed.walk())
        return parsed

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Attachments by name."""
        return {str(part.get_filename()): part.get_content() for part in self.message.iter_attachments()}

    @cached_property
    def archive(self) -> bytes:
        """IHE_XDM.zip."""
        return next(data for name, data in self.files.items() if name.upper() == "IHE_XDM.ZIP")

    @cached_property
    def members(self) -> dict[str, bytes]:
        """The files of the archive."""
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}

    @property
    def metadata(self) -> bytes:
        """METADATA.XML."""
        return self.members[f"{_SUBSET}METADATA.XML"]

    @property
    def cda(self) -> bytes:
        """DOC0001.XML."""
        return self.members[f"{_SUBSET}DOC0001.XML"]

    @property
    def pdf(self) -> bytes:
        """The PDF copy."""
        found = [data for name, data in self.files.items() if name.endswith(".pdf")]
        assert len(found) == 1
        return found[0]

    @cached_property
    def unique_id(self) -> str:
        """The uniqueId of the document in the archive."""
        (entry,) = etree.fromstring(self.metadata).iter(f"{RIM}ExtrinsicObject")
        return identifiers(entry)[_DOCUMENT_UNIQUE_ID]


def clinical_document(data: bytes) -> bytes:
    """A CDA as it left, or the ClinicalDocument inside its own style sheet."""
    root = etree.fromstring(data, _parser())
    if root.tag == _CLINICAL_DOCUMENT:
        return data
    (inner,) = root.iter(_CLINICAL_DOCUMENT)
    return etree.tostring(inner, with_tail=False)


def calls(folder: Path) -> list[Call]:
    """Everything a service received over HTTP, in order."""
    return [Call(path.stem, path.read_bytes(), _note(path)) for path in sorted(folder.glob("*.http"))]


def mails(folder: Path) -> list[Mail]:
    """Everything the operator received, in order."""
    return [Mail(path.stem, path.read_bytes(), _note(path)) for path in sorted(folder.glob("*.eml"))]


def slots(parent: etree._Element) -> dict[str, list[str]]:
    """Slot name to values of a registry object."""
    return {str(slot.get("name")): [str(value.text) for value in slot.iter(f"{RIM}Value")] for slot in parent.iterfind(f"{RIM}Slot")}


def identifiers(parent: etree._Element) -> dict[str, str]:
    """External identifiers of a registry object, by scheme."""
    return {str(one.get("identificationScheme")): str(one.get("value")) for one in parent.iterfind(f"{RIM}ExternalIdentifier")}


def _note(path: Path) -> dict[str, Any]:
    noted: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
    return noted


def _parser() -> etree.XMLParser:
    return etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
