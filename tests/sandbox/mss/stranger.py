"""A correct mail with a document, written by hand for the tests: text templates, nothing of the gateway. Every piece can be bent."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

SENDER = "relais@cabinet-parc.sandbox.mssante.fr"
PROFESSIONAL = "dr.martin@medecin.sandbox.mssante.fr"
MATRICULE = "279035121518989"
OID = "1.2.250.1.213.1.4.10"
PATIENT = f"{MATRICULE}@patient.sandbox.mssante.fr"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 8 + b"\n%%EOF\n"
BOUNDARY = "==frontiere-0001=="

README = (
    "Emetteur :\r\n . Nom : Cabinet\r\nApplication de l'émetteur :\r\n . Nom : essai\r\n"
    "Instructions :\r\n . Lire\r\nArborescence :\r\n README.TXT\r\n"
)
INDEX = '<html xmlns="http://www.w3.org/1999/xhtml"><body><a href="README.TXT">README.TXT</a></body></html>'

CODES = {
    "41a5887f-8865-4c09-adf7-e362475b143a": ("42", "1.2.250.1.213.1.1.4.1"),
    "f0306f51-975f-434e-a61c-c59651d33983": ("57833-6", "2.16.840.1.113883.6.1"),
    "a09d5840-386c-46f2-b5ad-9c3699a4309d": ("urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3"),
    "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1": ("SA07", "1.2.250.1.71.4.2.4"),
    "cccf5598-8b07-4b77-a05e-ae952c785ead": ("AMBULATOIRE", "1.2.250.1.213.1.1.4.9"),
}
CONFIDENTIALITY = "f4f85eac-e6cb-4883-b524-f2705394840f"


@dataclass(slots=True)
class Document:
    """One document and what its entry says of it; `None` means: the truth."""

    unique_id: str = "2.25.1234567890"
    code: str = "57833-6"
    display_name: str = "Prescription de produits de santé"
    title: str = "Ordonnance"
    matricule: str = MATRICULE
    cda_matricule: str | None = None
    pdf: bytes = PDF
    prologue: str = ""
    entry_patient: str | None = None
    entry_hash: str | None = None
    entry_size: str | None = None
    entry_unique_id: str | None = None
    entry_title: str | None = None
    entry_type: str | None = None
    entry_uri: str | None = None
    confidentiality: tuple[str, ...] = ("N",)
    dropped: tuple[str, ...] = ()
    """Slot names, or scheme UUIDs, left out of the entry."""
    people: tuple[str, ...] = ("PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-7|19790305", "PID-8|F", "PID-11|^^^^^^BDL^^51215")

    def cda(self) -> bytes:
        matricule = self.cda_matricule or self.matricule
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>{self.prologue}<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="{self.unique_id}"/>'
            f"<code code={quoteattr(self.code)} displayName={quoteattr(self.display_name)}/><title>{escape(self.title)}</title>"
            '<recordTarget><patientRole><id extension="P-1" root="1.2.3"/>'
            f'<id extension="{matricule}" root="{OID}"/></patientRole></recordTarget>'
            f'<component><nonXMLBody><text mediaType="application/pdf" representation="B64">{base64.b64encode(self.pdf).decode()}</text>'
            "</nonXMLBody></component></ClinicalDocument>"
        ).encode()


@dataclass(slots=True)
class Letter:
    """A mail under construction."""

    recipients: tuple[str, ...] = (PROFESSIONAL,)
    documents: list[Document] = field(default_factory=lambda: [Document()])
    headers: dict[str, str | None] = field(default_factory=dict)
    """Replaces a header, None drops it."""
    body: bytes = "Bonjour,\r\n\r\nVeuillez trouver le document ci-joint.\r\n.point en tête\r\n".encode()
    body_type: str = "text/plain; charset=utf-8"
    zip_name: str = "IHE_XDM.ZIP"
    zip_type: str = "application/zip"
    zip_content: bytes | None = None
    members: dict[str, bytes | None] = field(default_factory=dict)
    """Replaces or adds an archive member, None drops it."""
    metadata: bytes | None = None
    set_patient: str | None = None
    members_declared: bool = True
    pdf_name: str = "20261122_Ordonnance_PAT-TROIS_DOMINIQUE.pdf"
    pdf_copies: list[bytes] | None = None
    extra_attachment: tuple[str, str, bytes] | None = None

    def rendered(self) -> bytes:
        """The exact bytes after DATA."""
        lines = [f"{name}: {value}" for name, value in self._headers().items() if value is not None]
        parts = [f"Content-Type: {self.body_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode() + self.body]
        if self.documents:
            parts.append(_attachment(self.zip_name, self.zip_type, self.archive()))
            copies = self.pdf_copies if self.pdf_copies is not None else [document.pdf for document in self.documents]
            parts += [_attachment(self.pdf_name, "application/pdf", copy) for copy in copies]
        if self.extra_attachment:
            parts.append(_attachment(*self.extra_attachment))
        separator = f"--{BOUNDARY}".encode()
        joined = b"".join(separator + b"\r\n" + part + b"\r\n" for part in parts)
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + joined + separator + b"--\r\n"

    def _headers(self) -> dict[str, str | None]:
        truth: dict[str, str | None] = {
            "Date": "Sun, 22 Nov 2026 10:00:00 +0100",
            "From": f"=?utf-8?q?Cabinet_m=C3=A9dical_du_Parc?= <{SENDER}>",
            "Reply-To": "Secretariat <secretariat@cabinet-parc.sandbox.mssante.fr>",
            "To": ", ".join(self.recipients),
            "Subject": "=?utf-8?q?XDM/1=2E0/DDM+Prescription_de_produits_de_sant=C3=A9?= PAT-TROIS DOMINIQUE 05/03/1979",
            "Message-ID": "<0001@cabinet-parc.sandbox.mssante.fr>",
            "X-MSS-NIL": "RELAIS-0000",
            "MIME-Version": "1.0",
        }
        if self.documents:
            truth |= {"X-MSS-CODECDA": ",".join(sorted({document.code for document in self.documents})), "X-MSS-INS": "O"}
        truth["Content-Type"] = f'multipart/mixed; boundary="{BOUNDARY}"'
        return {**truth, **self.headers}

    def archive(self) -> bytes:
        if self.zip_content is not None:
            return self.zip_content
        members: dict[str, bytes | None] = {"README.TXT": README.encode(), "INDEX.HTM": INDEX.encode()}
        members["IHE_XDM/SUBSET01/METADATA.XML"] = self.metadata if self.metadata is not None else self.metadata_xml()
        for number, document in enumerate(self.documents, 1):
            members[f"IHE_XDM/SUBSET01/DOC{number:04d}.XML"] = document.cda()
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**members, **self.members}.items():
                if content is not None:
                    member = zipfile.ZipInfo(name, (2026, 11, 22, 10, 0, 0))
                    archive.writestr(member, content, zipfile.ZIP_DEFLATED)
        return stream.getvalue()

    def metadata_xml(self) -> bytes:
        holder = self.set_patient or f"{self.documents[0].matricule}^^^&{OID}&ISO^NH"
        entries = "".join(_entry(number, document) for number, document in enumerate(self.documents, 1))
        members = "".join(
            f'<rim:Association associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember" sourceObject="Set" '
            f'targetObject="Document{number:02d}">{_slot("SubmissionSetStatus", "Original")}</rim:Association>'
            for number in range(1, len(self.documents) + 1)
            if self.members_declared
        )
        package = (
            f'<rim:RegistryPackage id="Set">{_slot("submissionTime", "20261122090000")}'
            '<rim:Classification classificationScheme="urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"/>'
            '<rim:Classification classificationScheme="urn:uuid:aa543740-bdda-424e-8c96-df4873be8500" nodeRepresentation="SA07"/>'
            '<rim:Classification classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>'
            f"{_identifier('6b5aea1a-874d-4603-a4bc-96a0a7b38446', holder)}"
            f"{_identifier('554ac39e-e3fe-47fe-b233-965d2a147832', '1.2.250.1.999.1.1')}"
            f"{_identifier('96fdda7c-d067-4183-912e-bf5ee74998a8', '2.25.99')}</rim:RegistryPackage>"
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" '
            f'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:RegistryObjectList>{package}{entries}{members}'
            "</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
        ).encode()


def _entry(number: int, document: Document) -> str:
    content = document.cda()
    slots = {
        "hash": document.entry_hash or hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "size": document.entry_size or str(len(content)),
        "URI": document.entry_uri or f"DOC{number:04d}.XML",
        "creationTime": "20261122083000",
        "languageCode": "fr-FR",
        "legalAuthenticator": "899700366240^MARTIN^Jeanne^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS",
        "sourcePatientId": "P-1^^^&1.2.3&ISO^PI",
    }
    codes = dict(CODES)
    codes["f0306f51-975f-434e-a61c-c59651d33983"] = (document.entry_type or document.code, "2.16.840.1.113883.6.1")
    classified = "".join(_code(scheme, code) for scheme, (code, _) in codes.items() if scheme not in document.dropped)
    marks = "".join(_code(CONFIDENTIALITY, mark) for mark in document.confidentiality)
    people = "" if "sourcePatientInfo" in document.dropped else _slot("sourcePatientInfo", *document.people)
    author = "" if "author" in document.dropped else _code("93606bcf-9494-43ec-9b4e-a7748d1a838d", "")
    return (
        f'<rim:ExtrinsicObject id="Document{number:02d}" mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">'
        f"{''.join(_slot(name, value) for name, value in slots.items() if name not in document.dropped)}{people}"
        f"<rim:Name><rim:LocalizedString value={quoteattr(document.entry_title or document.title)}/></rim:Name>{author}{classified}{marks}"
        f"{_identifier('58a6f841-87b3-4a3e-92fd-a8ffeff98427', document.entry_patient or f'{document.matricule}^^^&{OID}&ISO^NH')}"
        f"{_identifier('2e82c1f6-a085-4c72-9da3-8640a32e42ab', document.entry_unique_id or document.unique_id)}</rim:ExtrinsicObject>"
    )


def _slot(name: str, *values: str) -> str:
    listed = "".join(f"<rim:Value>{escape(value)}</rim:Value>" for value in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{listed}</rim:ValueList></rim:Slot>'


def _code(scheme: str, code: str) -> str:
    return f'<rim:Classification classificationScheme="urn:uuid:{scheme}" nodeRepresentation="{code}"/>'


def _identifier(scheme: str, value: str) -> str:
    return f'<rim:ExternalIdentifier identificationScheme="urn:uuid:{scheme}" value={quoteattr(value)}/>'


def _attachment(name: str, content_type: str, content: bytes) -> bytes:
    head = (
        f'Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n'
    )
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")
