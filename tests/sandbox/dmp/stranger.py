"""A client of the DMP that shares nothing with the gateway: it writes whole requests from strings, right or deliberately wrong.

`Feed` holds every part of a TD2.1; a test changes one thing and sends. `edits` are (old, new) replacements made on the SOAP envelope
before it is wrapped; each must hit.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gateway.sandbox.dmp.service import DmpService
from gateway.sandbox.exchange import Request, Verdict
from tests.sandbox.dmp.pki import Identity, Pki
from tests.sandbox.dmp.stranger_cda import Document, write_cda
from tests.sandbox.dmp.stranger_lot import Lot, write_lot
from tests.sandbox.dmp.stranger_signature import LotSignature, Vihf, write_assertion, write_lot_signature

SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
BASE = "/si-dmp-server/v2/services/"
PROVIDE = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
SEARCH = "urn:ihe:iti:2007:RegistryStoredQuery"
UPDATE = "urn:ihe:iti:2010:UpdateDocumentSet"
EXISTENCE = "urn:hl7-org:v3:PRPA_IN201307UV02"
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
STRUCTURE = "10B0152872"
OTHER_STRUCTURE = "10B0000001"
NAMESPACES = (
    'xmlns:xdsb="urn:ihe:iti:xds-b:2007" xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'
    ' xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"'
)
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
BOUNDARY = "essai_7f1c"
_NUMBERS = itertools.count(1)


def new_oid() -> str:
    """An OID never used before in this run."""
    return f"1.2.250.1.999.1.7.{next(_NUMBERS)}"


class Clock:
    """The time of the sandbox, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A structure's two certificates."""

    auth: Identity
    sign: Identity
    structure: str = STRUCTURE

    @classmethod
    def of(cls, pki: Pki, structure: str) -> Cabinet:
        return cls(pki.issue("auth", structure), pki.issue("sign", structure), structure)


@dataclass(kw_only=True)
class Feed:
    """A TD2.1 request, part by part."""

    cabinet: Cabinet
    now: datetime
    document: Document = field(default_factory=lambda: Document(unique_id=new_oid()))
    others: tuple[Document, ...] = ()
    lot_id: str = field(default_factory=new_oid)
    signature_id: str = field(default_factory=new_oid)
    lot: dict[str, object] = field(default_factory=dict)
    signature: dict[str, object] = field(default_factory=dict)
    vihf: dict[str, object] = field(default_factory=dict)
    edits: list[tuple[str, str]] = field(default_factory=list)
    cda_edit: Callable[[bytes], bytes] = lambda body: body
    canonical: Callable[[bytes], bytes] = lambda body: body
    """Canonical form of a document's bytes, when they are not it already."""
    signature_edit: Callable[[bytes], bytes] = lambda body: body
    assertion_edit: Callable[[str], str] = lambda assertion: assertion
    vihf_signer: Identity | None = None
    lot_signer: Identity | None = None
    client: Identity | None = None
    newline: bytes = b"\r\n"
    content_type: str | None = None
    action: str = PROVIDE
    with_assertion: bool = True

    def bodies(self) -> tuple[bytes, ...]:
        return tuple(self.cda_edit(write_cda(document)) for document in (self.document, *self.others))

    def signature_document(self) -> bytes:
        documents = (self.document, *self.others)
        named = [(document.unique_id, self.canonical(body)) for document, body in zip(documents, self.bodies(), strict=True)]
        content = LotSignature(set_unique_id=self.lot_id, documents=named, signed_at=self.now)
        return self.signature_edit(write_lot_signature(replace(content, **self.signature), self.lot_signer or self.cabinet.sign))  # type: ignore[arg-type]

    def metadata(self) -> str:
        lot = Lot(
            unique_id=self.lot_id,
            documents=(self.document, *self.others),
            bodies=self.bodies(),
            signature_id=self.signature_id,
            signed_at=f"{self.now:%Y%m%d%H%M%S}",
            structure=self.cabinet.structure,
        )
        return write_lot(replace(lot, **self.lot))  # type: ignore[arg-type]

    def parts(self) -> list[tuple[str, bytes]]:
        named = [(f"Document{rank:02}", body) for rank, body in enumerate(self.bodies(), 1)]
        return [*named, ("Signature01", self.signature_document())] if self.lot.get("with_signature", True) else named

    def envelope(self) -> str:
        documents = "".join(
            f'<xdsb:Document id="{name}"><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{name}%40test"/>'
            "</xdsb:Document>"
            for name, _ in self.parts()
        )
        body = (
            f"<xdsb:ProvideAndRegisterDocumentSetRequest {NAMESPACES}><lcm:SubmitObjectsRequest>{self.metadata()}"
            f"</lcm:SubmitObjectsRequest>{documents}</xdsb:ProvideAndRegisterDocumentSetRequest>"
        )
        text = write_envelope(self.action, body, self.assertion() if self.with_assertion else "")
        for old, new in self.edits:
            assert old in text, old
            text = text.replace(old, new)
        return text

    def assertion(self) -> str:
        vihf = Vihf(identifier=f"_{uuid.uuid4()}", issued=iso(self.now), structure=self.cabinet.structure)
        return self.assertion_edit(write_assertion(replace(vihf, **self.vihf), self.vihf_signer or self.cabinet.sign))  # type: ignore[arg-type]

    def request(self) -> Request:
        root = 'application/xop+xml; charset=UTF-8; type="application/soap+xml"'
        parts = [("root@test", root, self.envelope().encode()), *((f"{name}@test", "text/xml", body) for name, body in self.parts())]
        body = write_multipart(parts, self.newline)
        declared = self.content_type or (
            'multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="application/soap+xml";'
            f' boundary="{BOUNDARY}"; action="{PROVIDE}"'
        )
        return write_request("repository", declared, body, self.client or self.cabinet.auth)

    def send(self, service: DmpService) -> Verdict:
        """Judge, then commit, as the server does."""
        return send(service, self.request())


def write_multipart(parts: list[tuple[str, str, bytes]], newline: bytes = b"\r\n") -> bytes:
    """A multipart/related body: (Content-ID, Content-Type, bytes)."""
    delimiter = b"--" + BOUNDARY.encode()
    pieces = [
        delimiter
        + newline
        + f"Content-Type: {kind}".encode()
        + newline
        + b"Content-Transfer-Encoding: binary"
        + newline
        + f"Content-ID: <{identifier}>".encode()
        + newline * 2
        + body
        + newline
        for identifier, kind, body in parts
    ]
    return b"".join(pieces) + delimiter + b"--" + newline


def iso(moment: datetime) -> str:
    """A SAML instant."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def write_envelope(action: str, body: str, assertion: str) -> str:
    """A SOAP 1.2 envelope."""
    security = f'<wsse:Security xmlns:wsse="{WSSE}">{assertion}</wsse:Security>' if assertion else ""
    return (
        f'<soap:Envelope xmlns:soap="{SOAP12}" xmlns:unused="urn:unused"><soap:Header xmlns:wsa="http://www.w3.org/2005/08/addressing">'
        f'<wsa:Action soap:mustUnderstand="true">{action}</wsa:Action><wsa:MessageID>urn:uuid:{uuid.uuid4()}</wsa:MessageID>'
        "<wsa:To>https://localhost/repository</wsa:To><wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous"
        f"</wsa:Address></wsa:ReplyTo>{security}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )


def write_request(service: str, content_type: str, body: bytes, client: Identity | None, method: str = "POST") -> Request:
    """The request as the server hands it to the judge."""
    der = None if client is None else client.der
    return Request(method, BASE + service, (("Content-Type", content_type),), body, b"", der, START)


def plain_request(cabinet: Cabinet, service: str, action: str, body: str, now: datetime, **vihf: object) -> Request:
    """A SOAP 1.2 request without attachment."""
    token = Vihf(identifier=f"_{uuid.uuid4()}", issued=iso(now), structure=cabinet.structure)
    assertion = write_assertion(replace(token, **vihf), cabinet.sign)  # type: ignore[arg-type]
    envelope = write_envelope(action, body, assertion)
    return write_request(service, f'application/soap+xml; charset=UTF-8; action="{action}"', envelope.encode(), cabinet.auth)


def send(service: DmpService, request: Request) -> Verdict:
    """Judge, then commit, as the server does."""
    verdict = service.judge(request)
    verdict.commit()
    return verdict
